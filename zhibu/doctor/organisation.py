"""What stands of the organisation: its tree and people, the rooms it speaks in, and its newest backup."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.matrix.faults import Fault
from bot.matrix.login import Session
from bot.matrix.looking import Look
from content.backups import STALE
from content.organisations import Kind, Organisation
from content.rooms import Purpose, Room, answers_polls
from content.trouble import Exit, Trouble
from storage import heartbeats, members, organisations, rooms, workdays
from storage.heartbeats import failed_at
from storage.store import Store, utc_now
from storage.unit import Reading
from zhibu.daily import newest_backup
from zhibu.doctor.findings import Finding, Known, Noun, named, ok, warning
from zhibu.doctor.homeserver import trouble_of

AT_ONCE = 8
"""Rooms that are asked about side by side."""


async def look_at_organisation(known: Known) -> list[Finding]:
    """See that there is an organisation, and that its wall times can be reckoned."""
    if not known.current:
        return []

    async def ask(unit: Reading) -> tuple[tuple[Organisation, ...], tuple[int, int]]:
        tree = await organisations.tree(unit)
        return tree, await members.count(unit, [node.id for node in tree if node.parent is None])

    store = await Store.open(known.config.database, exclusive=False)
    try:
        known.tree, (people, bound) = await store.read(ask)
    finally:
        await store.close()
    if not known.tree:
        return [warning(Noun.ORGANISATION, "doctor.organisation_none")]
    strange = sorted({node.timezone for node in known.tree if not _is_zone(node.timezone)})
    if strange:
        raise Trouble(Exit.CONFIG, "doctor.organisation_zone", zones=named(strange))
    return [ok(Noun.ORGANISATION, "doctor.organisation", name=known.tree[0].name, n=people, bound=bound)]


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


async def look_at_workdays(known: Known, clock: Callable[[], datetime] = utc_now) -> list[Finding]:
    """See that this year's working days are known, and from December on the next year's."""
    if not known.tree:
        return []
    store = await Store.open(known.config.database, exclusive=False)
    try:
        calendar = await store.read(workdays.calendar)
    finally:
        await store.close()
    today = clock().astimezone(ZoneInfo(known.tree[0].timezone)).date()
    missing, until = calendar.missing(today), calendar.known_until(today)
    if missing is not None or until is None:
        return [warning(Noun.WORKDAYS, "doctor.workdays_missing", year=missing or today.year)]
    return [ok(Noun.WORKDAYS, "doctor.workdays", year=until.year)]


async def look_at_rooms(known: Known) -> list[Finding]:
    """See that each branch has a room, and ask the homeserver what the bot may do there."""
    if not known.tree:
        return []
    store = await Store.open(known.config.database, exclusive=False)
    try:
        roots = [node.id for node in known.tree if node.parent is None]
        kept = await store.read(lambda unit: rooms.rooms_of(unit, roots))
    finally:
        await store.close()
    housed = {room.organisation for room, _ in kept if room.purpose is Purpose.BRANCH}
    known.branch_rooms = len(housed)
    bare = [node.name for node in known.tree if node.kind is Kind.BRANCH and node.id not in housed]
    findings = [warning(Noun.ROOMS, "doctor.rooms_missing", n=len(bare), names=named(bare))] if bare else []
    usable = [room for room, lost in kept if lost is None]
    away, silent = [room.name for room, lost in kept if lost is not None], list[str]()
    if known.session is not None and known.valid:
        away_now, silent = await _ask_rooms(known.session, usable)
        away += away_now
    if away:
        findings.append(warning(Noun.ROOMS, "doctor.rooms_away", n=len(away), names=named(away)))
    if silent:
        findings.append(warning(Noun.ROOMS, "doctor.rooms_silent", n=len(silent), names=named(silent)))
    if not findings:
        key = "doctor.rooms" if known.valid else "doctor.rooms_by_record"
        findings = [ok(Noun.ROOMS, key, n=len(kept))]
    mute = [room.name for room in usable if room.purpose is not Purpose.SPACE and not answers_polls(room)]
    if mute:
        findings.append(ok(Noun.ROOMS, "doctor.rooms_without_polls", n=len(mute), names=named(mute)))
    return findings


async def _ask_rooms(session: Session, kept: Sequence[Room]) -> tuple[list[str], list[str]]:
    """Return the names of the rooms in which the bot is not, and of those in which it may not write."""
    look, gate = Look(session), asyncio.Semaphore(AT_ONCE)

    async def may_send(room: Room) -> bool:
        async with gate:
            return (await look.room(room.id)).may_send

    try:
        joined = await look.joined()
        there = [room for room in kept if room.id in joined]
        # Nothing is said in a space.
        asked = [room for room in there if room.purpose is not Purpose.SPACE]
        answers = await asyncio.gather(*(may_send(room) for room in asked))
    except Fault as fault:
        raise trouble_of(fault, session.url) from None
    finally:
        await look.close()
    silent = [room.name for room, may in zip(asked, answers, strict=True) if not may]
    return [room.name for room in kept if room.id not in joined], silent


async def look_at_backup(known: Known) -> list[Finding]:
    """See how old the newest backup is, and whether the last daily one came about."""
    config, failed = known.config, None
    if known.current:
        store = await Store.open(config.database, exclusive=False)
        try:
            failed = failed_at(await store.read(heartbeats.beats))
        finally:
            await store.close()
    newest, now = newest_backup(config), utc_now()
    if failed is not None and (newest is None or newest < failed):
        return [warning(Noun.BACKUP, "doctor.backup_failed", at=failed)]
    if newest is None:
        return [warning(Noun.BACKUP, "doctor.backup_none")]
    if not config.path(config.backup.key).exists():
        return [warning(Noun.BACKUP, "doctor.backup_no_key", file=str(config.path(config.backup.key)))]
    hours = max(0, int((now - newest).total_seconds() // 3600))
    folder = str(config.path(config.backup.folder))
    if now - newest > STALE:
        return [warning(Noun.BACKUP, "doctor.backup_old", folder=folder, n=hours // 24)]
    return [ok(Noun.BACKUP, "doctor.backup", folder=folder, n=hours)]
