"""What stands between bot and homeserver: the server, the clock, the keys, the login, the device, and the limit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from bot.matrix import limits
from bot.matrix.faults import Fault, Kind, TokenRevoked
from bot.matrix.login import stored_session
from bot.matrix.looking import Look, identity_of, keys_of, software_of, time_of
from bot.matrix.reports import may_read
from content.decision import Words, words
from content.trouble import Exit, Trouble
from storage import heartbeats
from storage.store import Store, utc_now
from zhibu.branch import agree, clock_behind
from zhibu.doctor.findings import Finding, Known, Noun, fault, ok, warning
from zhibu.init import prove_homeserver

ROOM_VERSION = "12"
"""The version of the rooms that the bot makes."""

SKEW = timedelta(minutes=1)
"""How far our clock and the homeserver's may be apart before somebody should see to it."""


async def look_at_homeserver(known: Known) -> list[Finding]:
    """See that the homeserver answers, and what it is."""
    address = known.config.bot.homeserver
    newest = await prove_homeserver(address)
    known.reachable = True
    software = await software_of(address)
    if software is None:
        return [ok(Noun.HOMESERVER, "doctor.homeserver", address=address, version=newest)]
    return [ok(Noun.HOMESERVER, "doctor.homeserver_named", address=address, version=newest, software=software)]


async def look_at_clock(known: Known, clock: Callable[[], datetime] = utc_now) -> list[Finding]:
    """Hold our clock against the newest entry of the database, and against the homeserver's."""
    theirs = await time_of(known.config.bot.homeserver) if known.reachable else None
    if known.current:
        store = await Store.open(known.config.database, exclusive=False)
        try:
            newest = await store.read(heartbeats.newest)
        finally:
            await store.close()
        behind = clock_behind(clock(), newest)
        if behind is not None and not agree(clock(), theirs):
            raise behind
    if theirs is None:
        return []
    apart = abs(clock() - theirs)
    seconds = round(apart.total_seconds())
    if apart > SKEW:
        return [warning(Noun.CLOCK, "doctor.clock_apart", n=seconds)]
    return [ok(Noun.CLOCK, "doctor.clock", n=seconds)]


async def look_at_keys(known: Known) -> list[Finding]:
    """See that the key store opens with its key, and holds the device that is signed in."""
    bot, keys = known.config.bot, known.config.path(known.config.bot.keys)
    try:
        known.session = stored_session(keys / "device", bot.homeserver)
        if known.session is None:
            return []
        pickle_key = (keys / "pickle.key").read_bytes()
        if len(pickle_key) != 32:
            raise Fault(Kind.STORE, permanent=True, detail="the pickle key is not 32 bytes")
        known.own_keys = keys_of(known.session, pickle_key)
        identity_of(known.session, keys / "signing", pickle_key)
    except OSError as error:
        raise Trouble(Exit.CONFIG, "start.keys_trouble", keys=str(keys), why=error.strerror or "") from None
    except Fault as fault:
        raise Trouble(Exit.CONFIG, "start.keys_trouble", keys=str(keys), why=fault.detail) from None
    return [ok(Noun.KEYS, "doctor.keys", keys=str(keys))]


async def look_at_login(known: Known) -> list[Finding]:
    """See that the login is good, what it may make, and that others see its device as the bot's own."""
    bot, session = known.config.bot, known.session
    if session is None:
        return [warning(Noun.LOGIN, "doctor.login_none", user=bot.user)]
    if bot.user not in (session.user_id, session.user_id[1:].partition(":")[0]):
        raise Trouble(Exit.CONFIG, "doctor.login_of_another", user=bot.user, other=session.user_id)
    if not known.reachable:
        return []
    look = Look(session)
    try:
        known.valid = await look.is_ours()
        if not known.valid:
            raise Trouble(Exit.NO_PERMISSION, "start.revoked", address=bot.homeserver)
        findings = [ok(Noun.LOGIN, "doctor.login", user=session.user_id)]
        if ROOM_VERSION not in await look.room_versions():
            trouble = Trouble(Exit.UNAVAILABLE, "doctor.homeserver_old", address=bot.homeserver, version=ROOM_VERSION)
            findings.append(fault(Noun.HOMESERVER, trouble))
        return [*findings, *await _device(known, look)]
    except Fault as error:
        raise trouble_of(error, bot.homeserver) from None
    finally:
        await look.close()


async def _device(known: Known, look: Look) -> list[Finding]:
    """Look at our device as any member's client does."""
    session, keys = known.session, known.config.path(known.config.bot.keys)
    if session is None or known.own_keys is None:
        return []
    identity = identity_of(session, keys / "signing", (keys / "pickle.key").read_bytes())
    shown = await look.device(identity, known.own_keys)
    if not shown.fits:
        trouble = Trouble(Exit.CONFIG, "doctor.device_of_another_store", device=session.device_id, keys=str(keys))
        return [fault(Noun.DEVICE, trouble)]
    if not shown.vouched:
        return [warning(Noun.DEVICE, "doctor.device_not_vouched", device=session.device_id)]
    return [ok(Noun.DEVICE, "doctor.device", device=session.device_id)]


def trouble_of(fault: Fault, address: str) -> Trouble:
    """Return what a person must know and do about a homeserver that does not answer as it should."""
    if isinstance(fault, TokenRevoked):
        return Trouble(Exit.NO_PERMISSION, "start.revoked", address=address)
    if fault.doubtful:
        return Trouble(Exit.UNAVAILABLE, "start.homeserver_unreachable", address=address)
    return Trouble(Exit.UNAVAILABLE, "start.homeserver_refused", address=address, why=str(fault))


async def look_at_reports(known: Known) -> list[Finding]:
    """See whether what members report in their clients reaches the queue: that takes an administrator's login."""
    bot, session = known.config.bot, known.session
    if session is None or not known.valid:
        return []
    try:
        readable = await may_read(bot.homeserver, session.access_token)
    except Fault as error:
        raise trouble_of(error, bot.homeserver) from None
    return [ok(Noun.REPORTS, "doctor.reports" if readable else "doctor.reports_closed", user=session.user_id)]


async def look_at_limit(known: Known) -> list[Finding]:
    """See how long a lesson to every branch takes, and offer to lift the limit where this login may do so."""
    bot, session = known.config.bot, known.session
    if session is None or not known.valid:
        return []
    token, rooms = known.admin_token or session.access_token, known.branch_rooms
    try:
        limit = await limits.limit_of(bot.homeserver, token, session.user_id)
    except Fault as error:
        raise trouble_of(error, bot.homeserver) from None
    if limit is None and known.admin_token:
        return [warning(Noun.LIMIT, "doctor.limit_token_refused", address=bot.homeserver)]
    if limit is None:
        minutes = -(-limits.Limit().seconds_for(rooms) // 60)
        if not minutes:
            return [ok(Noun.LIMIT, "doctor.limit_unknown")]
        return [warning(Noun.LIMIT, "doctor.limit_unknown_and_slow", n=rooms, minutes=minutes)]
    if limit.lifted:
        return [ok(Noun.LIMIT, "doctor.limit_lifted", user=session.user_id)]

    async def lift() -> Words:
        try:
            await limits.lift(bot.homeserver, token, session.user_id)
        except Fault as error:
            raise trouble_of(error, bot.homeserver) from None
        return words("doctor.limit_was_lifted", user=session.user_id)

    minutes = -(-limit.seconds_for(rooms) // 60)
    return [replace(warning(Noun.LIMIT, "doctor.limit", n=rooms, minutes=minutes), mend=lift)]
