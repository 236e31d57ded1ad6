"""What the machine brings along: zone data, files that only their owner may read, room on the disk, a free port."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from content.alarms import LOW_BYTES
from content.decision import Words, words
from content.trouble import Exit, Trouble
from storage.engines import sqlite_file
from zhibu.doctor.filesystems import NETWORK, PASSING, kind_of
from zhibu.doctor.findings import Finding, Form, Known, Noun, fault, named, ok, warning
from zhibu.ports import prove_port, zhibu_answers
from zhibu.room_left import least_room
from zhibu.secret_files import close_files, open_files, secret_files

EMPTY_BYTES = 20 * 1024 * 1024
"""With less than this even a small batch may not be kept."""


async def look_at_zones(known: Known) -> list[Finding]:
    """See that wall times can be reckoned, by data that is kept up to date with the program."""
    zone = known.config.content.timezone
    ZoneInfo(zone)
    try:
        data = f"tzdata {version('tzdata')}"
    except PackageNotFoundError:
        return [warning(Noun.ZONES, "doctor.zones_of_system", zone=zone)]
    return [ok(Noun.ZONES, "doctor.zones", zone=zone, data=data)]


async def look_at_files(known: Known) -> list[Finding]:
    """See that secrets are their owner's alone, and that the next start has what it needs of them."""
    config = known.config
    keys, password = config.path(config.bot.keys), config.path(config.bot.password_file or "bot-password")
    drives = known.form is not Form.CONSOLE
    begins = drives and not (keys / "device" / "session.json").exists()
    if begins and not password.exists():
        raise Trouble(Exit.CONFIG, "start.no_password", file=str(password))

    async def close() -> Words:
        try:
            return words("doctor.files_closed", files=" ".join(str(path) for path in close_files(config)))
        except OSError as error:
            raise Trouble(Exit.CONFIG, "doctor.not_mended", why=error.strerror or "") from None

    try:
        number, left_open = len(list(secret_files(config))), open_files(config)
    except OSError as error:
        raise Trouble(Exit.CONFIG, "start.keys_trouble", keys=str(keys), why=error.strerror or "") from None
    if left_open:
        files = " ".join(str(path) for path in left_open)
        found = fault(Noun.FILES, Trouble(Exit.CONFIG, "start.open_secrets", files=files))
        if not drives:
            found = warning(Noun.FILES, "start.open_secrets", files=files)
        return [replace(found, mend=close)]
    return [ok(Noun.FILES, "doctor.files", n=number)]


async def look_at_disk(known: Known) -> list[Finding]:
    """See that there is room where things are kept, on a disk that keeps its word, and that the folders are there."""
    config = known.config
    file, backups = sqlite_file(config.database), config.path(config.backup.folder)
    # A database whose folder went away with its disk must not be made anew there.
    new = not (config.path(config.bot.keys) / "device" / "session.json").exists()
    wanted = [backups, *([file.parent] if file is not None and new else [])]
    findings = _folders([folder for folder in wanted if not folder.exists()])
    if file is not None and file.parent.exists():
        findings += _kept_on(file.parent)
    free, where = least_room(config)
    megabytes = free // (1024 * 1024)
    if free < EMPTY_BYTES:
        findings.append(fault(Noun.DISK, Trouble(Exit.DATABASE, "doctor.disk_full", folder=str(where), n=megabytes)))
    elif free < LOW_BYTES:
        findings.append(warning(Noun.DISK, "doctor.disk_low", folder=str(where), n=megabytes))
    else:
        findings.append(ok(Noun.DISK, "doctor.disk", folder=str(where), n=megabytes))
    return findings


def _folders(missing: Sequence[Path]) -> list[Finding]:
    if not missing:
        return []

    async def make() -> Words:
        try:
            for folder in missing:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Trouble(Exit.CONFIG, "doctor.not_mended", why=error.strerror or "") from None
        return words("doctor.folders_made", folders=named([str(folder) for folder in missing]))

    found = ok(Noun.DISK, "doctor.folders_missing", folders=named([str(folder) for folder in missing]))
    return [replace(found, mend=make)]


def _kept_on(folder: Path) -> list[Finding]:
    kind = kind_of(folder)
    if kind in NETWORK:
        return [fault(Noun.DISK, Trouble(Exit.DATABASE, "doctor.disk_of_network", folder=str(folder), kind=kind))]
    if kind in PASSING:
        return [warning(Noun.DISK, "doctor.disk_of_container", folder=str(folder))]
    return []


async def look_at_fonts(known: Known, program: str = "fc-list") -> list[Finding]:
    """See that documents and pictures can be written in Chinese; without fontconfig nobody can tell."""
    if shutil.which(program) is None:
        return [warning(Noun.FONTS, "doctor.fonts_unknown")]
    process = await asyncio.create_subprocess_exec(
        program, ":lang=zh", "family", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    said, _ = await process.communicate()
    families = sorted({line.partition(",")[0].strip() for line in said.decode(errors="replace").splitlines()} - {""})
    if not families:
        return [warning(Noun.FONTS, "doctor.fonts_none")]
    return [ok(Noun.FONTS, "doctor.fonts", names=named(families))]


async def look_at_port(known: Known) -> list[Finding]:
    """See that the console can have its port, or has it."""
    host, port = known.config.console.host, known.config.console.port
    if port == 0:
        return [ok(Noun.PORT, "doctor.port_any", host=host)]
    if await zhibu_answers(host, port):
        return [ok(Noun.PORT, "doctor.port_ours", host=host, port=port)]
    prove_port(host, port)
    return [ok(Noun.PORT, "doctor.port_free", host=host, port=port)]
