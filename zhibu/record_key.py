"""The key of the record and what is noted of its head, both beside the other keys and apart from the database."""

from __future__ import annotations

import errno
import os
import secrets
from datetime import datetime
from pathlib import Path

from content import anchors
from content.trouble import Exit, Trouble
from storage.chain import KEY_BYTES, Head
from storage.verification import Noted
from zhibu.config import Config


def key_file(config: Config) -> Path:
    """Return where the key of the record lies."""
    return config.path(config.bot.keys) / "audit.key"


def anchor_file(config: Config) -> Path:
    """Return where it is noted every day how far the record had come."""
    return config.path(config.bot.keys) / "audit-anchors.json"


def verified_file(config: Config) -> Path:
    """Return where it is noted when the record was last found whole."""
    return config.path(config.bot.keys) / "audit-verified.json"


def no_key(config: Config, why: str = "") -> Trouble:
    """Return the trouble of a key that is not there, or cannot be read."""
    return Trouble(Exit.CONFIG, "audit.no_key", file=str(key_file(config)), why=why or os.strerror(errno.ENOENT))


def read_key(config: Config) -> bytes:
    """Return the key of the record. Raises Trouble where there is none, or it cannot be one."""
    file = key_file(config)
    try:
        key = file.read_bytes()
    except OSError as error:
        raise no_key(config, error.strerror or "") from None
    if len(key) != KEY_BYTES:
        raise Trouble(Exit.CONFIG, "audit.bad_key", file=str(file), n=KEY_BYTES)
    return key


def make_key(config: Config) -> bytes:
    """Return the key of the record, making it the first time. Raises Trouble where that cannot be."""
    try:
        write_key(key_file(config))
    except OSError as error:
        raise no_key(config, error.strerror or "") from None
    return read_key(config)


def write_key(file: Path) -> None:
    """Write a new key for its owner's eyes only, unless there is one. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as opened:
        opened.write(secrets.token_bytes(KEY_BYTES))
        opened.flush()
        os.fsync(opened.fileno())


def replace_key(config: Config) -> bytes:
    """Put another key in the place of one that was lost or is no longer trusted; the old one stays beside it."""
    _retire(key_file(config))
    return make_key(config)


def retire_anchors(config: Config) -> None:
    """Put aside what was noted of a chain that another has taken the place of."""
    _retire(anchor_file(config))


def _retire(file: Path) -> None:
    if file.exists():
        file.replace(file.with_name(f"{file.stem}-{file.stat().st_mtime_ns}{file.suffix}.retired"))


def note_head(config: Config, head: Head, at: datetime) -> None:
    """Add a line that says how far the record has come, unless the last one says so. Raises OSError."""
    file = anchor_file(config)
    if (noted := noted_heads(config)) and noted[-1].fits(head):
        return
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a", encoding="ascii") as opened:
        opened.write(f'{{"at": "{at.isoformat(timespec="seconds")}", "head": "{said_head(head)}"}}\n')
        opened.flush()
        os.fsync(opened.fileno())


def noted_heads(config: Config) -> tuple[Noted, ...]:
    """Return how far the record had come whenever that was noted; a line that is none is passed over."""
    try:
        lines = anchor_file(config).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ()
    found = (line.rpartition('"head": "')[2].partition('"')[0] for line in lines)
    return tuple(noted for one in found if (noted := understood_head(one)) is not None)


def said_head(head: Head) -> str:
    """Return a head as people pass it on."""
    return anchors.said_head(head.number, head.link.hex())


def understood_head(text: str) -> Noted | None:
    """Return what somebody passed on, ``None`` where it is no head."""
    number, _, link = text.strip().lower().partition("-")
    if not number.isdecimal() or len(link) < 12 or set(link) - set("0123456789abcdef"):
        return None
    return Noted(number=int(number), link=link)
