"""锁群: for a while only who moderates writes in a room, or nobody comes in unasked; then all is exactly as it was."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Effect, Fact, Refusal, Say, Tell, Words, refused, words
from content.identifiers import Cause, LockId, OrganisationId, RoomId, UserId, derive
from content.power import Powers, Undecidable, may_send, needed, needed_to_send, power
from content.rooms import ANSWERS
from content.sanctions import CONFIRM_WITHIN, Hindrance, PlaceState, Site, length_of
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

TALK = (
    *("m.room.message", "m.room.encrypted", "m.sticker", "m.poll.start", "org.matrix.msc3381.poll.start"),
    *("m.call.invite", "org.matrix.msc3401.call", "m.call"),
)
"""Kinds of events by which people talk, where a room's levels name them by themselves."""


class Part(StrEnum):
    """What of a room is locked: ``talk`` is writing there, ``door`` coming in without being asked in."""

    TALK = "talk"
    DOOR = "door"


KINDS: Mapping[Part, str] = {Part.TALK: "m.room.power_levels", Part.DOOR: "m.room.join_rules"}
"""The kind of state that each part lies in."""


class State(StrEnum):
    """Where a lock stands. A ``draft`` waits for a reaction in chat; a ``held`` one is meant to hold."""

    DRAFT = "draft"
    HELD = "held"
    OVER = "over"
    DROPPED = "dropped"


class Lock(Struct, frozen=True, kw_only=True):
    """A room that is locked in one part. ``by`` is nobody where a guard did it; without ``until`` somebody ends it."""

    id: LockId
    room: RoomId
    organisation: OrganisationId
    part: Part
    by: UserId | None
    at: datetime
    state: State
    lasts: timedelta | None
    until: datetime | None = None


class Entry(Struct, frozen=True, kw_only=True):
    """One entry of a room's levels that was changed: what stood there, if anything did, and what was ``set``.

    ``of_kind`` is one below ``events``; ``bare`` tells that the levels had no ``events`` at all.
    """

    name: str
    of_kind: bool
    listed: bool
    value: int | str | None = None
    set: int
    bare: bool = False


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


def writing_level(powers: Powers) -> int:
    """Return from which level on one writes in a locked room: who may show people out. Raises Undecidable."""
    usual = power(powers, "")
    return max(needed(powers, "kick"), int(usual) + 1)


def closing(powers: Powers) -> tuple[Entry, ...]:
    """Return what is to be changed so that only who moderates writes; nothing where that is so. Raises Undecidable.

    Reactions, answers to polls and taking back one's own words stay as they were: cards are answered by them.
    """
    levels: Mapping[str, Any] = powers.levels or {}
    quiet = writing_level(powers)
    kinds = levels.get("events")
    listed: Mapping[str, Any] = kinds if isinstance(kinds, dict) else {}
    bare = not isinstance(kinds, dict)
    found = [
        Entry(name=kind, of_kind=True, listed=True, value=listed[kind], set=quiet)
        for kind in TALK
        if kind in listed and needed_to_send(powers, kind) < quiet
    ]
    usual = needed_to_send(powers, "m.room.message") if "m.room.message" not in listed else _default(powers)
    if usual >= quiet:
        return tuple(found)
    default = "events_default"
    found.append(
        Entry(name=default, of_kind=False, listed=default in levels, value=levels.get(default), set=quiet),
    )
    found += [
        Entry(name=kind, of_kind=True, listed=False, set=usual, bare=bare) for kind in ANSWERS if kind not in listed
    ]
    return tuple(found)


def _default(powers: Powers) -> int:
    # No kind is called so; what holds for it is what holds for every kind that is not named.
    return needed_to_send(powers, "")


def with_entries(levels: Mapping[str, Any], entries: Collection[Entry]) -> dict[str, Any]:
    """Return a room's levels with some entries changed."""
    changed = dict(levels)
    for one in entries:
        if one.of_kind:
            kinds = changed.get("events")
            changed["events"] = {**(kinds if isinstance(kinds, dict) else {}), one.name: one.set}
        else:
            changed[one.name] = one.set
    return changed


def put_back(levels: Mapping[str, Any], entries: Collection[Entry]) -> dict[str, Any]:
    """Return a room's levels with those entries as they were; what somebody has changed since stays as it is."""
    back = dict(levels)
    for one in entries:
        kinds = back.get("events")
        held = dict(kinds) if isinstance(kinds, dict) else {}
        within = held if one.of_kind else back
        if one.name not in within or within[one.name] != one.set:
            continue
        if one.listed:
            within[one.name] = one.value
        else:
            del within[one.name]
        if one.of_kind:
            back["events"] = held
            if one.bare and not held:
                del back["events"]
    return back


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
    place: Place, part: Part, *, lasts: timedelta | None, by: UserId | None, cause: Cause, me: UserId, now: datetime
) -> Lock | Refusal:
    """Make a lock of what is wanted, or say what is in the way. Guards give ``None`` as who wants it."""
    if lasts is not None and not timedelta(minutes=1) <= lasts <= LONGEST:
        return refused("locks.length", field="lasts", days=LONGEST.days)
    if any(one.part is part for one in place.held):
        return refused("locks.holds_already", room=place.site.name)
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
    )


def hold(lock: Lock, *, now: datetime) -> Decision:
    """Let a lock hold from now on, and tell the room so, without saying who wanted it."""
    held = replace(lock, state=State.HELD, at=now, until=now + lock.lasts if lock.lasts is not None else None)
    effects: list[Effect] = [Close(lock=held.id, organisation=held.organisation, room=held.room)]
    if held.part is Part.TALK:
        said = words("locks.said_until", until=held.until) if held.until is not None else words("locks.said")
        effects.append(_say(held, said))
    return Decision(facts=(RoomLocked(lock=held),), effects=tuple(effects))


def _say(lock: Lock, said: Words) -> Say:
    return Say(room=lock.room, organisation=lock.organisation, words=said, urgent=True)


def unlock(lock: Lock, *, by: UserId, now: datetime) -> Decision | Refusal:
    """End a lock before its time."""
    if lock.state is not State.HELD:
        return refused("locks.is_open")
    return _over(lock, by=by, now=now)


def end(lock: Lock, *, now: datetime) -> Decision | None:
    """End a lock whose time is over."""
    if lock.state is not State.HELD or lock.until is None or lock.until > now:
        return None
    return _over(lock, by=None, now=now)


def _over(lock: Lock, *, by: UserId | None, now: datetime) -> Decision:
    over = replace(lock, state=State.OVER)
    effects: tuple[Effect, ...] = (Reopen(lock=lock.id, organisation=lock.organisation, room=lock.room),)
    if lock.part is Part.TALK:
        effects = (*effects, _say(lock, words("locks.said_open")))
    return Decision(facts=(RoomUnlocked(lock=over, by=by, at=now),), effects=effects)


def ask_to_confirm(lock: Lock, room: str) -> Decision:
    """Ask who moderates in chat whether they mean it."""
    said = words(
        "locks.confirm", room=room, length=(length_of(lock.lasts),), minutes=int(CONFIRM_WITHIN.total_seconds() // 60)
    )
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


def tell_stuck(room: str, why: Hindrance, *, undoing: bool, whom: Collection[UserId]) -> Decision:
    """Tell those who moderate that a room could not be locked, or not be opened again."""
    said = words(
        "locks.stuck_undoing" if undoing else "locks.stuck", room=room, why=(words(f"sanction.hindrance_{why}"),)
    )
    return Decision(effects=tuple(Tell(user=one, words=said, unasked=True) for one in sorted(whom)))
