"""Notes that records were written out at the shell, which the process that drives the bot takes into the record.

Beside a running branch on SQLite no second process may write, least of all into the chain of the record. So the
command leaves a note in the key folder before it hands anything out, and whoever drives the bot makes a row of it,
soon or at the next start. Without the note nothing is written out.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from datetime import datetime
from pathlib import Path

import structlog

from content.decision import Decision
from content.exports import Exported
from content.identifiers import Cause
from content.trouble import Exit, Trouble
from storage.store import Step, Store
from storage.unit import Reading
from zhibu.config import Config

_NAME = re.compile(r"[a-f0-9]{32}\.note")
LARGEST = 1000
"""Bytes of a note that is one of ours."""

log = structlog.get_logger(__name__)


def folder_of(config: Config) -> Path:
    """Return where notes lie."""
    return config.path(config.bot.keys) / "noted"


def note(config: Config, what: str, rows: int, at: datetime) -> None:
    """Leave a note, safe on disk, that records of a kind are written out. Raises Trouble where that cannot be."""
    folder = folder_of(config)
    file = folder / f"{secrets.token_hex(16)}.note"
    draft = file.with_suffix(".draft")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as opened:
            json.dump({"what": what, "rows": rows, "at": at.isoformat()}, opened)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(file)
    except OSError as error:
        raise Trouble(Exit.CONFIG, "export.not_noted", file=str(folder), why=error.strerror or "") from None


async def take_in(config: Config, store: Store) -> int:
    """Make a row of record of every note that lies there, once each; return how many there were."""
    taken = 0
    for file in sorted(folder_of(config).glob("*.note")):
        step = _step(file)
        if step is None:
            log.warning("a note is none of ours", file=file.name)
            continue
        (outcome,) = await store.settle([step])
        if not outcome.failed:
            # Its name is the cause, so that a kill before this makes no second row.
            file.unlink(missing_ok=True)
            taken += 1
    return taken


def _step(file: Path) -> Step | None:
    try:
        if not _NAME.fullmatch(file.name) or file.stat().st_size > LARGEST:
            return None
        said = json.loads(file.read_text(encoding="ascii"))
        fact = Exported(what=f"shell-{said['what']}"[:60], rows=int(said["rows"]))
        at = datetime.fromisoformat(said["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if at.tzinfo is None:
        return None

    async def decide(_unit: Reading) -> Decision:
        return Decision(facts=(fact,))

    return Step(cause=Cause(f"shell:{file.stem}"), decide=decide, at=at)
