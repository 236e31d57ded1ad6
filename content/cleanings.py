"""清理: what a person wrote of late is taken back: counted first, then slowly, and somebody may stop it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Effect, Fact, Refusal, Secret, Tell, Words, refused, words
from content.identifiers import Cause, CleaningId, OrganisationId, RoomId, UserId, derive
from content.power import may
from content.sanctions import CONFIRM_WITHIN, Reason, Site

USUAL = timedelta(hours=1)
"""How far back is looked where nothing is said."""

LONGEST = timedelta(days=31)

SPANS: Mapping[str, timedelta | None] = {
    "10m": timedelta(minutes=10),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "all": None,
}
"""What a page offers; ``all`` is everything that they ever wrote there."""

LOOKED_LASTS = timedelta(days=1)
"""How long what was counted may be begun; after that it says too little."""

LONGEST_REASON = 300


class State(StrEnum):
    """Where a cleaning stands: it is being counted, waits for a yes, is under way, was stopped, is done, or let be."""

    LOOKING = "looking"
    READY = "ready"
    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"
    DROPPED = "dropped"


class RoomState(StrEnum):
    """How far a cleaning has come in a room; ``stuck`` is what the homeserver does not let us do."""

    WAITING = "waiting"
    LOOKED = "looked"
    DONE = "done"
    STUCK = "stuck"


class Cleaning(Struct, frozen=True, kw_only=True):
    """What a person wrote ``since`` an instant in some rooms, to be taken back; without one, all of it.

    ``in_chat`` was asked for from the phone, so that what was counted is told there.
    """

    id: CleaningId
    organisation: OrganisationId
    user: UserId
    by: UserId
    at: datetime
    since: datetime | None
    reason: Reason
    said: str
    rooms: tuple[RoomId, ...]
    state: State
    in_chat: bool = False
    ready_at: datetime | None = None


class CleaningAsked(Fact, frozen=True, kw_only=True):
    """What a person wrote is to be counted."""

    cleaning: Cleaning


class CleaningCounted(Fact, frozen=True, kw_only=True):
    """So many messages were found in a room; ``more`` tells that there are more than are counted."""

    id: CleaningId
    room: RoomId
    found: int
    more: bool


class CleaningReady(Fact, frozen=True, kw_only=True):
    """All was counted, and waits for a yes."""

    cleaning: Cleaning


class CleaningBegun(Fact, frozen=True, kw_only=True):
    """Messages are being taken back, for the first time or again after a stop."""

    cleaning: Cleaning
    by: UserId
    at: datetime


class CleaningStopped(Fact, frozen=True, kw_only=True):
    """Somebody stopped it; what was taken back stays so."""

    cleaning: Cleaning
    by: UserId
    at: datetime


class CleaningDropped(Fact, frozen=True, kw_only=True):
    """It was not begun after all."""

    cleaning: Cleaning
    at: datetime


class CleaningAdvanced(Fact, frozen=True, kw_only=True):
    """So many messages were taken back in a room, up to ``token`` in its history; nothing is left where it is over."""

    id: CleaningId
    room: RoomId
    taken_back: int
    token: str | None
    over: bool
    at: datetime


class CleaningStuck(Fact, frozen=True, kw_only=True):
    """In a room the homeserver does not let us go on."""

    id: CleaningId
    room: RoomId


class Count(Effect, frozen=True, kw_only=True):
    """Count what a person wrote in a room."""

    cleaning: CleaningId
    organisation: OrganisationId
    room: RoomId


class TakeBack(Effect, frozen=True, kw_only=True):
    """Take back what a person wrote in a room, a few messages at a time."""

    cleaning: CleaningId
    organisation: OrganisationId
    room: RoomId


def possible(sites: Collection[Site], *, me: UserId) -> tuple[RoomId, ...]:
    """Return in which rooms the bot may take back what others wrote."""
    return tuple(site.room for site in sites if site.powers is not None and may(site.powers, me, "redact"))


class Wanted(Struct, frozen=True, kw_only=True):
    """What somebody asks for: of whom, at which node, in which rooms, how far back, and why."""

    user: UserId
    at: OrganisationId
    sites: tuple[Site, ...]
    span: timedelta | None
    reason: Reason
    said: str = ""
    in_chat: bool = False


def why(cleaning: Cleaning) -> Words:
    """Return why something is taken back, by its template and with the words that were added; these wait sealed."""
    said = Secret(cleaning.said)
    if cleaning.reason is Reason.OTHER:
        return words("sanction.reason_own", words=said)
    template = words(f"sanction.reason_{cleaning.reason}")
    return words("sanction.reason_with", reason=(template,), words=said) if said else template


def ask(
    wanted: Wanted,
    *,
    by: UserId,
    me: UserId,
    exempt: bool,
    under_way: Collection[Cleaning],
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Have what a person wrote counted, or say what is in the way. Of who moderates or leads nothing is taken back."""
    said = wanted.said.strip()
    if wanted.user == by:
        return refused("cleanings.not_oneself", field="user")
    if exempt:
        return refused("cleanings.exempt", field="user")
    if wanted.reason is Reason.OTHER and not said:
        return refused("sanction.why", field="said")
    if len(said) > LONGEST_REASON:
        return refused("sanction.words_too_long", field="said", most=LONGEST_REASON)
    if wanted.span is not None and not timedelta(minutes=1) <= wanted.span <= LONGEST:
        return refused("cleanings.length", field="span", days=LONGEST.days)
    rooms = possible(wanted.sites, me=me)
    if not rooms:
        return refused("cleanings.impossible" if wanted.sites else "sanction.no_room", field="room")
    if any(one.user == wanted.user and {*one.rooms} & {*rooms} for one in under_way):
        return refused("cleanings.under_way", field="user")
    cleaning = Cleaning(
        id=CleaningId(derive(cause, "cleaning")),
        organisation=wanted.at,
        user=wanted.user,
        by=by,
        at=now,
        since=now - wanted.span if wanted.span is not None else None,
        reason=wanted.reason,
        said=said,
        rooms=rooms,
        state=State.LOOKING,
        in_chat=wanted.in_chat,
    )
    counts = tuple(Count(cleaning=cleaning.id, organisation=cleaning.organisation, room=room) for room in rooms)
    return Decision(facts=(CleaningAsked(cleaning=cleaning),), effects=counts)


class Found(Struct, frozen=True, kw_only=True):
    """How much was found in a room, ``None`` where nothing was counted yet; what it is called."""

    room: RoomId
    name: str
    found: int | None
    more: bool = False


def counted(
    cleaning: Cleaning, here: CleaningCounted, places: Collection[Found], *, name: str, now: datetime
) -> Decision:
    """Keep what was found in a room; with the last of them all is ready, and in chat it is told."""
    known = [
        Found(room=one.room, name=one.name, found=here.found, more=here.more) if one.room == here.room else one
        for one in places
    ]
    if cleaning.state is not State.LOOKING or any(one.found is None for one in known):
        return Decision(facts=(here,))
    ready = replace(cleaning, state=State.READY, ready_at=now)
    facts: tuple[Fact, ...] = (here, CleaningReady(cleaning=ready))
    if not cleaning.in_chat:
        return Decision(facts=facts)
    total = sum(one.found or 0 for one in known)
    if not total:
        dropped = CleaningDropped(cleaning=replace(ready, state=State.DROPPED), at=now)
        said = words("cleanings.nothing", name=name)
        return Decision(facts=(here, dropped), effects=(Tell(user=cleaning.by, words=said),))
    lines = tuple(
        words("cleanings.line_more" if one.more else "cleanings.line", room=one.name, n=one.found or 0)
        for one in known
        if one.found
    )
    said = words(
        "cleanings.confirm",
        name=name,
        n=total,
        lines=lines,
        why=(why(cleaning),),
        minutes=int(CONFIRM_WITHIN.total_seconds() // 60),
    )
    return Decision(facts=facts, effects=(Tell(user=cleaning.by, words=said, matter=cleaning.id),))


def begin(cleaning: Cleaning, *, by: UserId, exempt: bool, now: datetime) -> Decision | Refusal:
    """Take back what was counted, and tell the person so with the reason."""
    if cleaning.state is not State.READY:
        return refused("cleanings.not_ready")
    if exempt:
        return refused("cleanings.exempt")
    if cleaning.ready_at is not None and now > cleaning.ready_at + LOOKED_LASTS:
        return refused("cleanings.counted_long_ago")
    begun = _running(cleaning, cleaning.rooms, by=by, now=now)
    told = Tell(user=cleaning.user, words=words("cleanings.told", why=(why(cleaning),)))
    return Decision(facts=begun.facts, effects=(*begun.effects, told))


def _running(cleaning: Cleaning, rooms: Collection[RoomId], *, by: UserId, now: datetime) -> Decision:
    fact = CleaningBegun(cleaning=replace(cleaning, state=State.RUNNING), by=by, at=now)
    effects: tuple[Effect, ...] = tuple(
        TakeBack(cleaning=cleaning.id, organisation=cleaning.organisation, room=room) for room in rooms
    )
    return Decision(facts=(fact,), effects=effects)


def stop(cleaning: Cleaning, *, by: UserId, now: datetime) -> Decision | Refusal:
    """Stop taking back; what was only counted is let be."""
    if cleaning.state in (State.LOOKING, State.READY):
        return let_go(cleaning, now=now)
    if cleaning.state is not State.RUNNING:
        return refused("cleanings.not_running")
    return Decision(facts=(CleaningStopped(cleaning=replace(cleaning, state=State.STOPPED), by=by, at=now),))


def go_on(
    cleaning: Cleaning, left: Collection[RoomId], *, by: UserId, exempt: bool, now: datetime
) -> Decision | Refusal:
    """Go on where it was stopped, or where the homeserver did not let us."""
    if cleaning.state not in (State.STOPPED, State.RUNNING) or not left:
        return refused("cleanings.not_stopped")
    if exempt:
        return refused("cleanings.exempt")
    return _running(cleaning, left, by=by, now=now)


def let_go(cleaning: Cleaning, *, now: datetime) -> Decision:
    """Begin nothing after all."""
    return Decision(facts=(CleaningDropped(cleaning=replace(cleaning, state=State.DROPPED), at=now),))


def confirm(
    cleaning: Cleaning, *, by: UserId, decide: Callable[[], Decision | Refusal], now: datetime
) -> Decision | Refusal | None:
    """Begin what was asked for in chat, by the word of who asked and within a few minutes of what was counted."""
    if by != cleaning.by or cleaning.state is not State.READY or cleaning.ready_at is None:
        return None
    if now > cleaning.ready_at + CONFIRM_WITHIN:
        return refused("sanction.confirm_too_late")
    return decide()
