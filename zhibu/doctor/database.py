"""What stands of the database: its tables, its engine, what a power cut would take, and who is at work on it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from msgspec.structs import replace

from content.decision import Words, words
from content.safe_mode import Reason
from content.trouble import Exit, Trouble
from storage import durability, heartbeats
from storage.condition import condition
from storage.engines import sqlite_file
from storage.heartbeats import life
from storage.moving import named
from storage.sqlite_library import may_use_wal
from storage.store import Store
from zhibu.branch import has_signed_in, refuse_lost
from zhibu.config import Config
from zhibu.doctor.findings import Finding, Form, Grade, Known, Noun, fault, ok, warning
from zhibu.last_run import gone_back

SLOW_COMMITS = 40
"""Commits a second below which members wait for their answers on a busy evening."""

LONG_JOURNAL = 64 * 1024 * 1024
"""A write-ahead log is folded in at four megabytes; one of this size was kept from it."""


async def look_at_database(known: Known) -> list[Finding]:
    """See that the database is there, ours, whole and safe, and how quickly it keeps things."""
    config, file = known.config, sqlite_file(known.config.database)
    if known.form is not Form.CONSOLE:
        refuse_lost(config)
    try:
        found = await condition(config.database)
    except Trouble as trouble:
        if trouble.words.key != "database.missing" or file is None or not os.access(file.parent, os.W_OK | os.X_OK):
            raise
        return [Finding(noun=Noun.DATABASE, grade=Grade.WARNING, words=trouble.words)]
    stands = found.standing
    if stands.foreign:
        raise Trouble(Exit.DATABASE, "database.foreign")
    if stands.newer:
        raise Trouble(Exit.DATABASE, "database.newer")
    if stands.empty and known.form is not Form.CONSOLE and has_signed_in(config):
        raise Trouble(Exit.CONFIG, "database.emptied", where=named(config.database))
    if not found.writable:
        raise Trouble(Exit.DATABASE, "doctor.database_read_only", engine=found.engine)
    if file is not None and not await asyncio.to_thread(durability.is_sound, file):
        raise Trouble(Exit.DATABASE, "doctor.database_damaged", file=str(file))
    known.current = stands.current
    engine = f"{found.engine} {found.version}"
    if not stands.current:
        revision = stands.revision or "-"
        return [warning(Noun.DATABASE, "doctor.database_outdated", revision=revision, head=stands.head)]
    findings = [ok(Noun.DATABASE, "doctor.database", engine=engine, revision=stands.head)]
    findings += grade_library(found.engine, found.version)
    findings += await _went_back(config)
    findings.append(grade_durability(await asyncio.to_thread(durability.in_force, config.database)))
    findings.append(grade_speed(await asyncio.to_thread(durability.commit_speed, config.database)))
    return findings + (_journal(config.database, file) if file is not None else [])


async def _went_back(config: Config) -> list[Finding]:
    store = await Store.open(config.database, exclusive=False)
    try:
        newest = await store.read(heartbeats.newest)
    finally:
        await store.close()
    once = gone_back(config, newest)
    if once is None:
        return []
    said = {name: f"{at:%Y-%m-%d %H:%M:%S}" if at else "-" for name, at in (("newest", newest), ("once", once))}
    return [warning(Noun.DATABASE, "doctor.database_older", **said)]


def grade_library(engine: str, version: str) -> list[Finding]:
    """Tell of a library that may damage a file in WAL mode; we do not use that mode with it, and are slower."""
    numbers = tuple(int(part) for part in version.split(".")) if engine == "SQLite" else ()
    if not numbers or may_use_wal(numbers):
        return []
    return [warning(Noun.DATABASE, "doctor.database_library", version=version)]


def grade_durability(found: durability.InForce) -> Finding:
    """Say what a power cut would take; checksums are advised where the engine has them."""
    if not found.durable:
        return fault(Noun.DATABASE, Trouble(Exit.DATABASE, "doctor.database_not_durable", settings=str(found)))
    if found.checksums is False:
        return warning(Noun.DATABASE, "doctor.database_no_checksums", settings=str(found))
    return ok(Noun.DATABASE, "doctor.database_durable", settings=str(found))


def grade_speed(commits: float) -> Finding:
    """Say how many commits a second reach the disk."""
    number = round(commits)
    if commits < SLOW_COMMITS:
        return warning(Noun.DATABASE, "doctor.database_slow", n=number)
    return ok(Noun.DATABASE, "doctor.database_speed", n=number)


def _journal(address: str, file: Path) -> list[Finding]:
    if durability.journal_bytes(file) < LONG_JOURNAL:
        return []

    async def fold() -> Words:
        if not await asyncio.to_thread(durability.checkpoint, address):
            raise Trouble(Exit.DATABASE, "doctor.journal_needed")
        return words("doctor.journal_folded")

    number = durability.journal_bytes(file) // (1024 * 1024)
    return [replace(warning(Noun.DATABASE, "doctor.journal_long", n=number), mend=fold)]


async def look_at_bot(known: Known) -> list[Finding]:
    """Tell from its signs of life whether a bot is at work, wherever it runs."""
    if not known.current:
        return []
    store = await Store.open(known.config.database, exclusive=False)
    try:
        found = life("bot", await store.read(heartbeats.beats), now=store.now())
    finally:
        await store.close()
    if found in ("silent", "never"):
        # Before the start that is as it should be; for a console alone it means that nothing is sent.
        alone = known.form is Form.CONSOLE
        return [warning(Noun.BOT, "doctor.bot_missing") if alone else ok(Noun.BOT, "doctor.bot_away")]
    if found == "ok":
        return [ok(Noun.BOT, "doctor.bot_ok")]
    if found in ("waiting", "sign_in_needed"):
        return [warning(Noun.BOT, f"doctor.bot_{found}")]
    known_here = found in frozenset(Reason)
    why = (words(f"safe_mode.why_{found}"), words(f"safe_mode.do_{found}")) if known_here else ()
    return [warning(Noun.BOT, "doctor.bot_held_up", why=why)]
