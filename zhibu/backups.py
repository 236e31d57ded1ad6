"""Makes encrypted backups beside a running program, proves that they open, and lets the oldest go."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gzip
import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from msgspec import Struct

from content.backups import free_name, outdated
from content.trouble import Exit, Trouble
from storage.copies import copy_file
from storage.crashpoints import crashpoint
from storage.engines import sqlite_file
from storage.fingerprints import Fingerprint
from storage.snapshots import Held, examine, take
from zhibu.config import Config
from zhibu.sealing import Damaged, Opening, Sealing, WrongKey, make_key, read_key

CONFIG, PASSWORD, KEYS, DATABASE, MANIFEST = "config.toml", "bot-password", "keys", "zhibu.db", "manifest.json"
"""What a backup holds: the names inside it do not depend on those outside."""

FORM = 1
_DRAFT, _ENDING, _LOCK, _SCRATCH = ".zhibu-", ".part", ".backup.lock", ".backup-"
_LIVE = "device/crypto.db"
"""The one file of the key folder that changes while it is read, and is a database itself."""
_KINDS = (".key", ".json", ".db", ".pickle")


class Manifest(Struct, frozen=True, kw_only=True):
    """What a backup says of itself. ``files`` are names with the SHA-256 of each, in hexadecimal."""

    taken_at: datetime
    program: str
    held: Held
    files: dict[str, str]

    @property
    def rows(self) -> int:
        """Return how many rows the database has in all."""
        return sum(one.rows for one in self.held.tables.values())

    def write(self) -> bytes:
        """Return the manifest as a file."""
        tables = {name: {"rows": one.rows, "hash": one.hash} for name, one in self.held.tables.items()}
        known = {
            "form": FORM,
            "taken_at": self.taken_at.isoformat(),
            "program": self.program,
            "engine": self.held.engine,
            "revision": self.held.revision,
            "tables": tables,
            "files": self.files,
        }
        return json.dumps(known, indent=1).encode()

    @classmethod
    def read(cls, data: bytes) -> Manifest:
        """Read a manifest. Raises Damaged for one that is not of this form."""
        try:
            known: dict[str, Any] = json.loads(data)
            if known["form"] != FORM:
                raise Damaged
            tables = {name: Fingerprint(rows=one["rows"], hash=one["hash"]) for name, one in known["tables"].items()}
            held = Held(engine=known["engine"], revision=known["revision"], tables=tables)
            taken_at = datetime.fromisoformat(known["taken_at"])
            return cls(taken_at=taken_at, program=known["program"], held=held, files=dict(known["files"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Damaged from None


class Made(Struct, frozen=True, kw_only=True):
    """A backup that has proved good. ``new_key`` tells that its key was made with it."""

    file: Path
    manifest: Manifest
    removed: int
    new_key: bool


async def back_up(config: Config, settings: Path, folder: Path, keep: int, *, now: datetime) -> Made:
    """Write one backup, open it again and compare, and only then give it its name and let the oldest go.

    Works beside a running program. Raises Trouble with nothing half-written left behind.
    """
    file = config.path(config.backup.key)
    new_key = make_key(file)
    key = read_key(file)
    place = _plain_place(config)
    with _alone(folder, place), _scratch(place) as scratch:
        stamp = free_name(now, os.listdir(folder))
        draft, final = folder / f"{_DRAFT}{stamp}{_ENDING}", folder / stamp
        try:
            manifest = await _write(config, settings, scratch, draft, key, now)
            (scratch / "again").mkdir(mode=0o700)
            await _open(draft, key, file, scratch / "again")
            crashpoint("backup.proved_before_named")
            draft.replace(final)
            _sync_folder(folder)
        except OSError as error:
            raise Trouble(Exit.DATA, "backup.not_written", folder=str(folder), why=error.strerror or "") from None
        finally:
            draft.unlink(missing_ok=True)
        crashpoint("backup.named_before_others_go")
        removed = _let_go(folder, keep)
    return Made(file=final, manifest=manifest, removed=removed, new_key=new_key)


def _let_go(folder: Path, keep: int) -> int:
    """Remove the oldest backups and return how many went; one that cannot be removed does not make the new one bad."""
    removed = 0
    for name in outdated(os.listdir(folder), keep):
        with contextlib.suppress(OSError):
            (folder / name).unlink()
            removed += 1
    return removed


async def check_backup(file: Path, key_file: Path) -> Manifest:
    """Prove a backup: it opens to its end, every file and row in it is as it was, and the database is whole."""
    key = read_key(key_file)
    with _scratch(Path(tempfile.gettempdir()), ".check-") as scratch:
        return await _open(file, key, key_file, scratch)


@contextlib.asynccontextmanager
async def unpacked(file: Path, key_file: Path, place: Path) -> AsyncIterator[tuple[Manifest, Path]]:
    """Give a proved backup's files in a hidden folder of a place, for a while. Raises Trouble when it is not good."""
    key = read_key(key_file)
    with _scratch(place, ".restore-") as scratch:
        yield await _open(file, key, key_file, scratch), scratch


def secret_files(config: Config) -> Iterator[tuple[str, Path]]:
    """Yield what of the key folder is worth keeping, with its name in a backup; locks and drafts are not."""
    keys = config.path(config.bot.keys)
    for path in sorted(keys.rglob("*")):
        if path.suffix in _KINDS and path.is_file():
            yield f"{KEYS}/{path.relative_to(keys).as_posix()}", path
    password = config.path(config.bot.password_file or PASSWORD)
    if password.is_file():
        yield PASSWORD, password


def _plain_place(config: Config) -> Path:
    """Return where the database may lie in clear for a moment: beside itself, never where backups go."""
    file = sqlite_file(config.database)
    return file.parent if file is not None else config.path(config.bot.keys).parent


@contextlib.contextmanager
def _alone(folder: Path, place: Path) -> Iterator[None]:
    """Be the only one who writes backups there and from there, and clear away what one that was killed has left."""
    with contextlib.ExitStack() as locks:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for one in {folder.resolve(), place.resolve()}:
                handle = os.open(one / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
                lock = locks.enter_context(os.fdopen(handle, "wb"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Trouble(Exit.DATA, "backup.busy", folder=str(folder)) from None
        except OSError as error:
            raise Trouble(Exit.DATA, "backup.not_written", folder=str(folder), why=error.strerror or "") from None
        for draft in folder.glob(f"{_DRAFT}*{_ENDING}"):
            draft.unlink(missing_ok=True)
        for scratch in place.glob(f"{_SCRATCH}*"):
            shutil.rmtree(scratch, ignore_errors=True)
        yield


@contextlib.contextmanager
def _scratch(place: Path, prefix: str = _SCRATCH) -> Iterator[Path]:
    """Give a hidden folder for its owner alone, and remove it with all that is in it."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    except OSError as error:
        raise Trouble(Exit.DATA, "backup.not_written", folder=str(place), why=error.strerror or "") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _write(config: Config, settings: Path, scratch: Path, draft: Path, key: bytes, now: datetime) -> Manifest:
    held = await take(config.database, scratch / DATABASE)
    files = await asyncio.to_thread(_gather, config, settings, scratch)
    manifest = Manifest(taken_at=now.astimezone(UTC), program=version("zhibu"), held=held, files=files)
    (scratch / MANIFEST).write_bytes(manifest.write())
    await asyncio.to_thread(_seal, scratch, [MANIFEST, *files], draft, key)
    return manifest


def _gather(config: Config, settings: Path, scratch: Path) -> dict[str, str]:
    """Put what belongs into a backup beside the database's copy, and return the SHA-256 of each file by its name."""
    shutil.copyfile(settings, scratch / CONFIG)
    for name, path in secret_files(config):
        target = scratch / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if name == f"{KEYS}/{_LIVE}":
            copy_file(path, target)
        else:
            shutil.copyfile(path, target)
    found = (path for path in scratch.rglob("*") if path.is_file())
    return {name: _hash(scratch / name) for name in sorted(path.relative_to(scratch).as_posix() for path in found)}


def _seal(scratch: Path, names: list[str], draft: Path, key: bytes) -> None:
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        sealing = Sealing(file, key)
        with (
            gzip.GzipFile(fileobj=cast("Any", sealing), mode="wb", compresslevel=6, mtime=0, filename="") as packing,
            tarfile.open(fileobj=packing, mode="w|", format=tarfile.PAX_FORMAT) as archive,
        ):
            for name in names:
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = (scratch / name).stat().st_size, 0o600
                with (scratch / name).open("rb") as content:
                    archive.addfile(entry, content)
        sealing.finish()
        file.flush()
        os.fsync(file.fileno())


async def _open(file: Path, key: bytes, key_file: Path, scratch: Path) -> Manifest:
    """Unpack a backup into an empty folder and prove everything in it."""
    try:
        manifest = await asyncio.to_thread(_unpack, file, key, scratch)
        held = await examine(scratch / DATABASE)
    except WrongKey:
        raise Trouble(Exit.DATA, "backup.wrong_key", file=str(file), key_file=str(key_file)) from None
    except (Damaged, tarfile.TarError, EOFError, gzip.BadGzipFile):
        raise Trouble(Exit.DATA, "backup.damaged", file=str(file)) from None
    except FileNotFoundError:
        raise Trouble(Exit.DATA, "backup.missing", file=str(file)) from None
    if (held.revision, held.tables) != (manifest.held.revision, manifest.held.tables):
        raise Trouble(Exit.DATA, "backup.damaged", file=str(file))
    return manifest


def _unpack(file: Path, key: bytes, scratch: Path) -> Manifest:
    """Write out the files that the manifest, which comes first, names; no other and none of them otherwise."""
    manifest: Manifest | None = None
    missing = set[str]()
    with file.open("rb") as sealed:
        opening = Opening(sealed, key)
        with (
            gzip.GzipFile(fileobj=cast("Any", opening), mode="rb") as packing,
            tarfile.open(fileobj=packing, mode="r|") as archive,
        ):
            for entry in archive:
                content = archive.extractfile(entry)
                if content is None:
                    raise Damaged
                if manifest is None:
                    if entry.name != MANIFEST:
                        raise Damaged
                    manifest = Manifest.read(content.read())
                    missing = set(manifest.files)
                    continue
                if entry.name not in missing or not _is_plain(entry.name):
                    raise Damaged
                missing.remove(entry.name)
                target = scratch / entry.name
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                    shutil.copyfileobj(content, out)
                if _hash(target) != manifest.files[entry.name]:
                    raise Damaged
        opening.finish()
    for folder in [path for path in scratch.rglob("*") if path.is_dir()]:
        folder.chmod(0o700)
    if manifest is None or missing:
        raise Damaged
    return manifest


def _is_plain(name: str) -> bool:
    """Tell whether a name is one that we write: ours, or of the key folder, and leads nowhere else."""
    parts = name.split("/")
    return (parts[0] == KEYS and ".." not in parts) or name in (CONFIG, PASSWORD, DATABASE)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    """Let the new name survive a power cut too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
