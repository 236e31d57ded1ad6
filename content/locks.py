"""锁群, 慢速: for a while few write in a room, or seldom, or nobody comes in unasked; then all is as it was."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Effect, Fact, Refusal, Say, Tell, Words, refused, words
from content.identifiers import Cause, LockId, OrganisationId, RoomId, UserId, derive
from content.levels import Entry, closing, writing_level
from content.power import Powers, Undecidable, may, may_send, power
from content.sanctions import CONFIRM_WITHIN, Hindrance, PlaceState, Site, length_of
from content.slow_mode import can_be, gap_of
from content.upgrades import RoomMoved

USUAL = timedelta(hours=2)
"""How long a lock holds where nothing is said."""

LONGEST = timedelta(days=31)
"""A room that is to be quiet for longer is one for announcements."""

LENGTHS: Mapping[str, timedelta | None] = {
    "30m": timedelta(minutes=30),
    "2h": timedelta(hours=2),
    "12h": timedelta(hours=12),
    "1d": timedelta(days=1),
    "3d": timedelta(days=3),
    "until_opened": None,
}
"""What a page offers."""


class Part(StrEnum):
    """What of a room is locked: ``talk`` is writing there, ``door`` coming in unasked; ``slow`` is writing often.

    ``posting`` is who may write in a room for announcements for good, as its place has set it (``content/posting.py``).
    """

    TALK = "talk"
    SLOW = "slow"
    DOOR = "door"
    POSTING = "posting"


BY_HAND = (Part.TALK, Part.SLOW, Part.DOOR)
"""What somebody locks for a while; the rest follows what a place has set."""

OPENED = frozenset({Part.TALK, Part.DOOR})
"""What is opened again together."""

KINDS: Mapping[Part, str] = {
    Part.TALK: "m.room.power_levels",
    Part.POSTING: "m.room.power_levels",
    Part.DOOR: "m.room.join_rules",
}
"""The kind of state that each part lies in; of slow mode Matrix knows nothing, so that nothing of the room says it."""


class State(StrEnum):
    """Where a lock stands. A ``draft`` waits for a reaction in chat; a ``held`` one is meant to hold."""

    DRAFT = "draft"
    HELD = "held"
    OVER = "over"
    DROPPED = "dropped"


class Lock(Struct, frozen=True, kw_only=True):
    """A room that is locked in one part. ``by`` is nobody where a guard did it; without ``until`` somebody ends it.

    ``gap`` is what lies between two messages of one person in slow mode, ``who`` whom a room for announcements lets
    write.
    """

    id: LockId
    room: RoomId
    organisation: OrganisationId
    part: Part
    by: UserId | None
    at: datetime
    state: State
    lasts: timedelta | None
    until: datetime | None = None
    gap: timedelta | None = None
    who: str | None = None


class Before(Struct, frozen=True, kw_only=True):
    """What a room said before it was locked: the entries of its levels that were changed, or its join rule whole.

    ``earlier`` are entries of ours that may stand in the room instead, until this lock has been carried out.
    """

    entries: tuple[Entry, ...] = ()
    earlier: tuple[Entry, ...] = ()
    rule: dict[str, Any] | None = None
    has_rule: bool = False

    @property
    def every(self) -> tuple[Entry, ...]:
        """Return everything that may be ours in the room, the newest first."""
        return (*self.entries, *self.earlier)


class RoomLockAsked(Fact, frozen=True, kw_only=True):
    """A lock waits for who asked for it in chat to confirm it."""

    lock: Lock


class RoomLocked(Fact, frozen=True, kw_only=True):
    """A room was locked; it is carried out from now on."""

    lock: Lock


class RoomUnlocked(Fact, frozen=True, kw_only=True):
    """A lock holds no longer: its time is over, or somebody ended it."""

    lock: Lock
    by: UserId | None
    at: datetime


class RoomLockDropped(Fact, frozen=True, kw_only=True):
    """A lock that was asked for is not wanted after all."""

    lock: Lock
    at: datetime


class LockNoted(Fact, frozen=True, kw_only=True):
    """What a room said is known, before it is changed; ``taken_over`` are locks whose undoing this one does."""

    id: LockId
    before: Before
    taken_over: tuple[LockId, ...] = ()
    at: datetime


class LockSettled(Fact, frozen=True, kw_only=True):
    """A lock was carried out or undone in its room, or could not be."""

    id: LockId
    state: PlaceState
    at: datetime
    why: Hindrance | None = None


class LockMoved(Fact, frozen=True, kw_only=True):
    """A room was replaced, and its lock goes on, or is undone, in the one that took its place."""

    id: LockId
    room: RoomId


class Close(Effect, frozen=True, kw_only=True):
    """Lock a room."""

    lock: LockId
    organisation: OrganisationId
    room: RoomId


class Reopen(Effect, frozen=True, kw_only=True):
    """Undo in a room what a lock changed there, and nothing else."""

    lock: LockId
    organisation: OrganisationId
    room: RoomId


CLOSED_DOOR: Mapping[str, Any] = {"join_rule": "invite"}


def is_open(rule: Mapping[str, Any] | None) -> bool:
    """Tell whether a room's join rule lets anybody in, or ask to be let in, who was not invited."""
    return rule is not None and rule.get("join_rule") not in ("invite", "private")


def hindrance(part: Part, powers: Powers | None, *, me: UserId, undoing: bool = False) -> Hindrance | None:
    """Tell what keeps the bot from locking a room, or opening it again; ``None`` where nothing does.

    It locks none in which it could not write itself.
    """
    if powers is None:
        return Hindrance.UNKNOWN
    if part is Part.SLOW:
        # What comes too soon is taken back by the bot; that it ends asks nothing of the room.
        return None if undoing or may(powers, me, "redact") else Hindrance.NO_RIGHT
    try:
        own, quiet = power(powers, me), writing_level(powers)
    except Undecidable:
        return Hindrance.UNKNOWN
    if not may_send(powers, me, KINDS[part], state=True):
        return Hindrance.NO_RIGHT
    if part is Part.DOOR:
        return None
    if powers.levels is None:
        return Hindrance.NO_LEVELS
    return Hindrance.NO_RIGHT if own < quiet and not undoing else None


class Place(Struct, frozen=True, kw_only=True):
    """A room that is to be locked, by what is known of its state, and the locks that hold there.

    ``undoing`` are the parts in which a lock is over and not undone yet: there the room does not say what it is like.
    """

    site: Site
    organisation: OrganisationId
    rule: Mapping[str, Any] | None
    held: tuple[Lock, ...] = ()
    undoing: frozenset[Part] = frozenset()


def prepare(
    place: Place,
    part: Part,
    *,
    lasts: timedelta | None,
    by: UserId | None,
    cause: Cause,
    me: UserId,
    now: datetime,
    gap: timedelta | None = None,
) -> Lock | Refusal:
    """Make a lock of what is wanted, or say what is in the way. Guards give ``None`` as who wants it."""
    if lasts is not None and not timedelta(minutes=1) <= lasts <= LONGEST:
        return refused("locks.length", field="lasts", days=LONGEST.days)
    if any(one.part is part for one in place.held):
        return refused("slow.holds_already" if part is Part.SLOW else "locks.holds_already", room=place.site.name)
    if part is Part.SLOW and (gap is None or not can_be(gap)):
        return refused("slow.gap", field="gap")
    why = hindrance(part, place.site.powers, me=me)
    if why is not None:
        return refused("locks.impossible", why=(words(f"sanction.hindrance_{why}"),), room=place.site.name)
    powers = place.site.powers
    if part not in place.undoing:
        if part is Part.TALK and powers is not None and not closing(powers):
            return refused("locks.is_quiet", room=place.site.name)
        if part is Part.DOOR and not is_open(place.rule):
            return refused("locks.is_shut", room=place.site.name)
    return Lock(
        id=LockId(derive(cause, "lock", place.site.room, part)),
        room=place.site.room,
        organisation=place.organisation,
        part=part,
        by=by,
        at=now,
        state=State.DRAFT,
        lasts=lasts,
        gap=gap if part is Part.SLOW else None,
    )


def hold(lock: Lock, *, now: datetime) -> Decision:
    """Let a lock hold from now on, and tell the room so, without saying who wanted it."""
    held = replace(lock, state=State.HELD, at=now, until=now + lock.lasts if lock.lasts is not None else None)
    effects: list[Effect] = [Close(lock=held.id, organisation=held.organisation, room=held.room)]
    if held.part in _SAID:
        effects.append(_say(held, _begun(held)))
    return Decision(facts=(RoomLocked(lock=held),), effects=tuple(effects))


_SAID = frozenset({Part.TALK, Part.SLOW})
"""What a room hears of."""


def _begun(lock: Lock) -> Words:
    if lock.gap is None:
        return words("locks.said_until", until=lock.until) if lock.until is not None else words("locks.said")
    gap = (gap_of(lock.gap),)
    return (
        words("slow.said_until", until=lock.until, gap=gap) if lock.until is not None else words("slow.said", gap=gap)
    )


def _ended(lock: Lock, usual: timedelta | None) -> Words:
    if lock.part is not Part.SLOW:
        return words("locks.said_open")
    return words("slow.said_usual", gap=(gap_of(usual),)) if usual is not None else words("slow.said_over")


def _say(lock: Lock, said: Words) -> Say:
    return Say(room=lock.room, organisation=lock.organisation, words=said, urgent=True)


def unlock(lock: Lock, *, by: UserId | None, now: datetime, usual: timedelta | None = None) -> Decision | Refusal:
    """End a lock before its time; ``usual`` is the gap of slow mode that holds in the room without it, if any."""
    if lock.state is not State.HELD:
        return refused("slow.is_off" if lock.part is Part.SLOW else "locks.is_open")
    return _over(lock, by=by, now=now, usual=usual)


def end(lock: Lock, *, now: datetime, usual: timedelta | None = None) -> Decision | None:
    """End a lock whose time is over; ``usual`` is as in ``unlock``."""
    if lock.state is not State.HELD or lock.until is None or lock.until > now:
        return None
    return _over(lock, by=None, now=now, usual=usual)


def _over(lock: Lock, *, by: UserId | None, now: datetime, usual: timedelta | None) -> Decision:
    over = replace(lock, state=State.OVER)
    effects: tuple[Effect, ...] = (Reopen(lock=lock.id, organisation=lock.organisation, room=lock.room),)
    if lock.part in _SAID:
        effects = (*effects, _say(lock, _ended(lock, usual)))
    return Decision(facts=(RoomUnlocked(lock=over, by=by, at=now),), effects=effects)


class OpenThere(Struct, frozen=True, kw_only=True):
    """How much is open in a room that people answer there: cards, polls, sign-ups."""

    cards: int = 0
    polls: int = 0
    sign_ups: int = 0
    encrypted: bool = False


def hampered(there: OpenThere) -> tuple[Words, ...]:
    """Return a line for each sort of thing that is open in a room: what of it goes on while it is locked, what not.

    Reactions go on, and so do answers to polls but in an encrypted room, where they look like any other message.
    """
    lines = []
    if there.cards:
        lines.append(words("locks.open_cards", n=there.cards))
    if there.polls:
        key = "locks.open_polls_encrypted" if there.encrypted else "locks.open_polls"
        lines.append(words(key, n=there.polls))
    if there.sign_ups:
        lines.append(words("locks.open_sign_ups", n=there.sign_ups))
    return tuple(lines)


def ask_to_confirm(lock: Lock, room: str, there: OpenThere | None = None) -> Decision:
    """Ask who moderates in chat whether they mean it, and say what is open ``there`` and cannot be answered then."""
    minutes = int(CONFIRM_WITHIN.total_seconds() // 60)
    said = words("locks.confirm", room=room, length=(length_of(lock.lasts),), minutes=minutes)
    lines = hampered(there) if there is not None else ()
    if lines:
        said = words("locks.confirm_open", room=room, length=(length_of(lock.lasts),), minutes=minutes, list=lines)
    if lock.gap is not None:
        gap = (gap_of(lock.gap),)
        said = words("slow.confirm", room=room, gap=gap, length=(length_of(lock.lasts),), minutes=minutes)
    told = (Tell(user=lock.by, words=said, matter=lock.id),) if lock.by is not None else ()
    return Decision(facts=(RoomLockAsked(lock=lock),), effects=told)


def confirm(
    lock: Lock, *, by: UserId, decide: Callable[[Lock], Decision | Refusal], now: datetime
) -> Decision | Refusal | None:
    """Lock what was asked for in chat, by the word of who asked and within a few minutes of it."""
    if by != lock.by or lock.state is not State.DRAFT:
        return None
    if now > lock.at + CONFIRM_WITHIN:
        return refused("sanction.confirm_too_late")
    return decide(lock)


def let_go(draft: Lock, *, now: datetime) -> Decision:
    """Let what was asked for in chat be, by the word of who asked."""
    dropped = RoomLockDropped(lock=replace(draft, state=State.DROPPED), at=now)
    told = (Tell(user=draft.by, words=words("sanction.let_go")),) if draft.by is not None else ()
    return Decision(facts=(dropped,), effects=told)


def carry_on(moved: Decision, locks: Collection[Lock]) -> Decision:
    """Let the locks of a room go on in the one that takes its place, or be undone there."""
    new = next((fact.new for fact in moved.facts if isinstance(fact, RoomMoved)), None)
    if new is None:
        return moved
    facts = tuple(LockMoved(id=one.id, room=new.id) for one in locks)
    effects = tuple(
        (Close if one.state is State.HELD else Reopen)(lock=one.id, organisation=one.organisation, room=new.id)
        for one in locks
    )
    return Decision(facts=(*moved.facts, *facts), effects=(*moved.effects, *effects))


def tell_stuck(room: str, part: Part, why: Hindrance, *, undoing: bool, whom: Collection[UserId]) -> Decision:
    """Tell those who moderate that a room could not be locked, or not be opened again."""
    match part:
        case Part.SLOW:
            key = "slow.stuck"
        case Part.POSTING:
            key = "posting.stuck_undoing" if undoing else "posting.stuck"
        case _:
            key = "locks.stuck_undoing" if undoing else "locks.stuck"
    said = words(key, room=room, why=(words(f"sanction.hindrance_{why}"),))
    return Decision(effects=tuple(Tell(user=one, words=said, unasked=True) for one in sorted(whom)))
