"""Looks an installation over, beside a running one too: nothing is changed, and no lock is taken."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.matrix.faults import Fault, Kind, TokenRevoked
from bot.matrix.homeserver import Session, stored_session
from bot.matrix.looking import Look
from content.backups import STALE
from content.decision import Parameter, Words, words
from content.organisations import Kind as Node
from content.organisations import Organisation
from content.rooms import Purpose, Room
from content.trouble import Exit, Trouble
from storage import heartbeats, members, organisations, rooms
from storage.condition import condition
from storage.engines import sqlite_file
from storage.heartbeats import failed_at, life
from storage.store import Store, utc_now
from storage.unit import Reading
from zhibu.config import Config, load_config
from zhibu.daily import newest_backup
from zhibu.init import prove_homeserver
from zhibu.ports import prove_port, zhibu_answers

AT_ONCE = 8
"""Rooms that are asked about side by side."""

NAMED = 5
"""Things of one kind that a sentence names; of more it gives the number."""


class Grade(StrEnum):
    """How a thing stands: a warning should be seen to, a fault keeps something from working."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Form(StrEnum):
    """What is to run here: everything in one process, or one of its halves."""

    RUN = "run"
    BOT = "bot"
    CONSOLE = "console"


class Noun(StrEnum):
    """What is looked at, in this order."""

    SETTINGS = "settings"
    ZONES = "zones"
    FILES = "files"
    DATABASE = "database"
    BOT = "bot"
    PORT = "port"
    HOMESERVER = "homeserver"
    LOGIN = "login"
    DEVICE = "device"
    ORGANISATION = "organisation"
    ROOMS = "rooms"
    BACKUP = "backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at, how it stands, and what to do; ``exit_code`` counts for a fault."""

    noun: Noun
    grade: Grade
    words: Words
    exit_code: Exit = Exit.DONE


@dataclass(slots=True, kw_only=True)
class _Known:
    """What earlier looks have found out, for the later ones."""

    config: Config
    form: Form
    current: bool = False
    reachable: bool = False
    session: Session | None = None
    valid: bool = False
    tree: Sequence[Organisation] = field(default_factory=tuple)


def outcome(findings: Sequence[Finding]) -> Exit:
    """Return the exit code of the first fault, or that all is well."""
    return next((one.exit_code for one in findings if one.grade is Grade.FAULT), Exit.DONE)


async def examine(file: Path, form: Form = Form.RUN) -> AsyncIterator[Finding]:
    """Yield a finding for each thing that can be looked at and is needed for what is to run here.

    Without settings there is nothing else to look at.
    """
    try:
        config = load_config(file)
    except Trouble as trouble:
        yield _fault(Noun.SETTINGS, trouble)
        return
    yield _ok(Noun.SETTINGS, "check.settings", file=str(file))
    known = _Known(config=config, form=form)
    for noun, look in _LOOKS:
        if noun in _NOT_NEEDED[form]:
            continue
        try:
            for finding in await look(known):
                yield finding
        except Trouble as trouble:
            yield _fault(noun, trouble)


def _ok(noun: Noun, key: str, **parameters: Parameter) -> Finding:
    return Finding(noun=noun, grade=Grade.OK, words=words(key, **parameters))


def _warning(noun: Noun, key: str, **parameters: Parameter) -> Finding:
    return Finding(noun=noun, grade=Grade.WARNING, words=words(key, **parameters))


def _fault(noun: Noun, trouble: Trouble) -> Finding:
    return Finding(noun=noun, grade=Grade.FAULT, words=trouble.words, exit_code=trouble.exit_code)


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")


async def _zones(known: _Known) -> list[Finding]:
    zone = known.config.content.timezone
    ZoneInfo(zone)
    try:
        data = f"tzdata {version('tzdata')}"
    except PackageNotFoundError:
        return [_warning(Noun.ZONES, "check.zones_of_system", zone=zone)]
    return [_ok(Noun.ZONES, "check.zones", zone=zone, data=data)]


async def _files(known: _Known) -> list[Finding]:
    """See that secrets are their owner's alone, and that the next start has what it needs of them."""
    config = known.config
    keys = config.path(config.bot.keys)
    password = config.path(config.bot.password_file or "bot-password")
    signed_in = (keys / "device" / "session.json").exists()
    begins = not signed_in and known.form is not Form.CONSOLE
    if begins and not password.exists():
        raise Trouble(Exit.CONFIG, "start.no_password", file=str(password))
    try:
        paths = list(_secrets(config, keys, password))
        open_ones = [str(path) for path in paths if path.stat().st_mode & 0o077]
    except OSError as error:
        raise Trouble(Exit.CONFIG, "start.keys_trouble", keys=str(keys), why=error.strerror or "") from None
    if begins and str(password) in open_ones:
        raise Trouble(Exit.CONFIG, "start.open_password", file=str(password))
    if open_ones:
        return [_warning(Noun.FILES, "check.files_open", files=" ".join(open_ones))]
    return [_ok(Noun.FILES, "check.files", n=len(paths))]


def _secrets(config: Config, keys: Path, password: Path) -> Iterator[Path]:
    if password.exists():
        yield password
    if keys.exists():
        yield keys
    # Locks and drafts are no secrets, and the folder keeps others out of them.
    kinds = (".key", ".json", ".db", ".pickle")
    yield from sorted(path for path in keys.rglob("*") if path.suffix in kinds)
    for file in (sqlite_file(config.database), config.path(config.backup.key)):
        if file is not None and file.exists():
            yield file


async def _database(known: _Known) -> list[Finding]:
    try:
        found = await condition(known.config.database)
    except Trouble as trouble:
        file = sqlite_file(known.config.database)
        if trouble.words.key != "database.missing" or file is None or not os.access(file.parent, os.W_OK | os.X_OK):
            raise
        return [Finding(noun=Noun.DATABASE, grade=Grade.WARNING, words=trouble.words)]
    stands = found.standing
    if stands.foreign:
        raise Trouble(Exit.DATABASE, "database.foreign")
    if stands.newer:
        raise Trouble(Exit.DATABASE, "database.newer")
    if not found.writable:
        raise Trouble(Exit.DATABASE, "check.database_read_only", engine=found.engine)
    known.current = stands.current
    engine = f"{found.engine} {found.version}"
    findings = [_ok(Noun.DATABASE, "check.database", engine=engine, revision=stands.head, settings=found.settings)]
    if not stands.current:
        revision = stands.revision or "-"
        findings = [_warning(Noun.DATABASE, "check.database_outdated", revision=revision, head=stands.head)]
    if not found.durable:
        findings.append(_warning(Noun.DATABASE, "check.database_not_durable", settings=found.settings))
    return findings


async def _bot(known: _Known) -> list[Finding]:
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
        return [_warning(Noun.BOT, "check.bot_missing") if alone else _ok(Noun.BOT, "check.bot_away")]
    if found == "sign_in_needed":
        return [_warning(Noun.BOT, "check.bot_sign_in_needed")]
    return [_ok(Noun.BOT, "check.bot_ok") if found == "ok" else _warning(Noun.BOT, "check.bot_waiting")]


async def _port(known: _Known) -> list[Finding]:
    host, port = known.config.console.host, known.config.console.port
    if port == 0:
        return [_ok(Noun.PORT, "check.port_any", host=host)]
    if await zhibu_answers(host, port):
        return [_ok(Noun.PORT, "check.port_ours", host=host, port=port)]
    prove_port(host, port)
    return [_ok(Noun.PORT, "check.port_free", host=host, port=port)]


async def _homeserver(known: _Known) -> list[Finding]:
    address = known.config.bot.homeserver
    newest = await prove_homeserver(address)
    known.reachable = True
    return [_ok(Noun.HOMESERVER, "check.homeserver", address=address, version=newest)]


async def _login(known: _Known) -> list[Finding]:
    """See whether the login is good and its device vouched for."""
    bot = known.config.bot
    keys = known.config.path(bot.keys)
    try:
        known.session = stored_session(keys / "device", bot.homeserver)
    except Fault as fault:
        raise Trouble(Exit.CONFIG, "start.keys_trouble", keys=str(keys), why=fault.detail) from None
    if known.session is None:
        return [_warning(Noun.LOGIN, "check.login_none", user=bot.user)]
    if bot.user not in (known.session.user_id, known.session.user_id[1:].partition(":")[0]):
        raise Trouble(Exit.CONFIG, "check.login_of_another", user=bot.user, other=known.session.user_id)
    if not known.reachable:
        return []
    look = Look(known.session)
    try:
        known.valid = await look.is_ours()
        if not known.valid:
            raise Trouble(Exit.NO_PERMISSION, "start.revoked", address=bot.homeserver)
        return [_ok(Noun.LOGIN, "check.login", user=known.session.user_id), await _device(look, keys, known.session)]
    except Fault as fault:
        raise _trouble(fault, bot.homeserver) from None
    finally:
        await look.close()


async def _device(look: Look, keys: Path, session: Session) -> Finding:
    try:
        pickle_key = (keys / "pickle.key").read_bytes()
        vouched = await look.is_vouched(keys / "signing", pickle_key)
    except OSError as error:
        trouble = Trouble(Exit.CONFIG, "start.keys_trouble", keys=str(keys), why=error.strerror or "")
        return _fault(Noun.DEVICE, trouble)
    except Fault as fault:
        if fault.kind is not Kind.STORE:
            raise
        return _fault(Noun.DEVICE, Trouble(Exit.CONFIG, "start.keys_trouble", keys=str(keys), why=fault.detail))
    if not vouched:
        return _warning(Noun.DEVICE, "check.device_not_vouched", device=session.device_id)
    return _ok(Noun.DEVICE, "check.device", device=session.device_id)


def _trouble(fault: Fault, address: str) -> Trouble:
    if isinstance(fault, TokenRevoked):
        return Trouble(Exit.NO_PERMISSION, "start.revoked", address=address)
    if fault.doubtful:
        return Trouble(Exit.UNAVAILABLE, "start.homeserver_unreachable", address=address)
    return Trouble(Exit.UNAVAILABLE, "start.homeserver_refused", address=address, why=str(fault))


async def _organisation(known: _Known) -> list[Finding]:
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
        return [_warning(Noun.ORGANISATION, "check.organisation_none")]
    strange = sorted({node.timezone for node in known.tree if not _is_zone(node.timezone)})
    if strange:
        raise Trouble(Exit.CONFIG, "check.organisation_zone", zones=_named(strange))
    return [_ok(Noun.ORGANISATION, "check.organisation", name=known.tree[0].name, n=people, bound=bound)]


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


async def _rooms(known: _Known) -> list[Finding]:
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
    bare = [node.name for node in known.tree if node.kind is Node.BRANCH and node.id not in housed]
    findings = [_warning(Noun.ROOMS, "check.rooms_missing", n=len(bare), names=_named(bare))] if bare else []
    usable = [room for room, lost in kept if lost is None]
    away, silent = [room.name for room, lost in kept if lost is not None], list[str]()
    if known.session is not None and known.valid:
        away_now, silent = await _ask_rooms(known.session, usable)
        away += away_now
    if away:
        findings.append(_warning(Noun.ROOMS, "check.rooms_away", n=len(away), names=_named(away)))
    if silent:
        findings.append(_warning(Noun.ROOMS, "check.rooms_silent", n=len(silent), names=_named(silent)))
    if not findings:
        key = "check.rooms" if known.valid else "check.rooms_by_record"
        findings = [_ok(Noun.ROOMS, key, n=len(kept))]
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
        raise _trouble(fault, session.url) from None
    finally:
        await look.close()
    silent = [room.name for room, may in zip(asked, answers, strict=True) if not may]
    return [room.name for room in kept if room.id not in joined], silent


async def _backup(known: _Known) -> list[Finding]:
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
        return [_warning(Noun.BACKUP, "check.backup_failed", at=failed)]
    if newest is None:
        return [_warning(Noun.BACKUP, "check.backup_none")]
    if not config.path(config.backup.key).exists():
        return [_warning(Noun.BACKUP, "check.backup_no_key", file=str(config.path(config.backup.key)))]
    hours = max(0, int((now - newest).total_seconds() // 3600))
    folder = str(config.path(config.backup.folder))
    if now - newest > STALE:
        return [_warning(Noun.BACKUP, "check.backup_old", folder=folder, n=hours // 24)]
    return [_ok(Noun.BACKUP, "check.backup", folder=folder, n=hours)]


_LOOKS: tuple[tuple[Noun, Callable[[_Known], Awaitable[list[Finding]]]], ...] = (
    (Noun.ZONES, _zones),
    (Noun.FILES, _files),
    (Noun.DATABASE, _database),
    (Noun.BOT, _bot),
    (Noun.PORT, _port),
    (Noun.HOMESERVER, _homeserver),
    (Noun.LOGIN, _login),
    (Noun.ORGANISATION, _organisation),
    (Noun.ROOMS, _rooms),
    (Noun.BACKUP, _backup),
)

_NOT_NEEDED: dict[Form, frozenset[Noun]] = {
    Form.RUN: frozenset(),
    Form.BOT: frozenset({Noun.PORT}),
    Form.CONSOLE: frozenset({Noun.HOMESERVER, Noun.LOGIN}),
}
