"""群的开与锁: each room with who may write there now and how often, and its lock until when, for who moderates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from flask import Blueprint, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, cause, settle
from console.leaving_tables import leaves, up_to
from content import locks
from content.decision import Decision, Effect, Fact, Refusal, refused
from content.identifiers import OrganisationId, RoomId, UserId
from content.levels import closing
from content.locks import BY_HAND, LENGTHS, OPENED, Part, Place, State
from content.organisations import Right
from content.power import Undecidable, needed_to_send, power
from content.rooms import Purpose, Room
from content.sanctions import Hindrance
from content.slow_mode import GAPS, USUAL, gap_of
from storage import duties, rooms, sync
from storage import locks as stored
from storage.locks import Told
from storage.open_in_rooms import open_in
from storage.slow_mode import gaps_in, usual_gap
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("locks", __name__)

USUALLY = "2h"
MOST_PAST = 20

ROOMS_SHOWN = 50
"""Rooms that one page shows."""


class Line(Struct, frozen=True, kw_only=True):
    """A room with who may write there, as far as its state is known, and what is locked in it.

    ``level`` is the level from which one writes, ``None`` where nothing of that is known, and ``is_open`` tells that
    everybody has it; ``opened`` that a lock which was carried out does not stand in the room: somebody has opened it in
    their client.
    """

    room: Room
    level: int | None
    is_open: bool
    held: tuple[Told, ...]
    opened: bool
    ways: dict[Part, Hindrance | None]
    gap: timedelta | None
    """What lies between two messages of one person, where slow mode holds."""
    shut: frozenset[Part]
    """The parts that are as a lock would make them, with or without one."""

    def lock_of(self, part: Part) -> Told | None:
        """Return the lock that holds in a part."""
        return next((one for one in self.held if one.lock.part is part and one.lock.state is State.HELD), None)

    @property
    def posting(self) -> Told | None:
        """Return what the place of a room for announcements has set of who may write there."""
        return self.lock_of(Part.POSTING)

    @property
    def being_opened(self) -> tuple[Told, ...]:
        """Return the locks by hand that are over and not yet undone."""
        return tuple(one for one in self.held if one.lock.state is State.OVER and one.lock.part in OPENED)


@pages.get("/locks")
@requires(Right.MODERATE)
@leaves("locks")
def show() -> str:
    """List the rooms of one's places a page at a time; those in which something is locked stand first."""
    roots, after, shown = here().roots, request.args.get("after", "")[:255], up_to(ROOMS_SHOWN)

    async def look(unit: Reading) -> tuple[tuple[Line, ...], int, int]:
        kept = await _kept(unit, roots)
        there = await stored.held(unit, [one.id for one in kept])
        locked = {room for room, found in there.items() if any(one.lock.part in BY_HAND for one in found)}
        listed = sorted(kept, key=lambda one: (one.id not in locked, one.name, one.id))
        start = next((place for place, one in enumerate(listed, start=1) if one.id == after), 0)
        return await _lines(unit, listed[start : start + shown]), start, len(listed)

    lines, start, number = ask(look)
    return render_template(
        "locks/show.html",
        lines=lines,
        parts=BY_HAND,
        gap_of=gap_of,
        more=lines[-1].room.id if lines and start + shown < number else None,
        first_page=not start,
    )


@pages.get("/locks/<path:id>")
@requires(Right.MODERATE)
def show_one(id: str) -> str:  # noqa: A002
    """Show one room: lock it or open it again, and what was locked before."""
    roots, room = here().roots, RoomId(id)

    async def look(unit: Reading) -> tuple[Line, ...]:
        return await _lines(unit, [one for one in await _kept(unit, roots) if one.id == room])

    line = next(iter(ask(look)), None)
    if line is None:
        abort(404)
    open_there = ask(lambda unit: open_in(unit, line.room))
    past = ask(lambda unit: stored.past_of(unit, room, MOST_PAST))
    people = {one.lock.by for one in (*line.held, *past)} | {one.ended_by for one in past}
    return render_template(
        "locks/show_one.html",
        line=line,
        node=here().node(line.room.organisation),
        parts=BY_HAND,
        lengths=list(LENGTHS),
        usually=USUALLY,
        gap_of=gap_of,
        gaps=[timedelta(seconds=one) for one in GAPS],
        usual_gap=USUAL,
        past=past,
        hampered=locks.hampered(open_there),
        names=ask(lambda unit: duties.names_of(unit, [one for one in people if one is not None])),
    )


async def _kept(unit: Reading, roots: tuple[OrganisationId, ...]) -> list[Room]:
    """Return the rooms of one's places that work and in which people talk."""
    found = await rooms.rooms_of(unit, roots)
    return [one for one, lost in found if lost is None and one.purpose is not Purpose.SPACE]


async def _lines(unit: Reading, wanted: Sequence[Room]) -> tuple[Line, ...]:
    """Return rooms as the overview shows them, with one question for each thing that is asked about all of them."""
    me, ids = await sync.account(unit) or UserId(""), [one.id for one in wanted]
    held, places = await stored.held(unit, ids), await stored.places(unit, ids, me)
    gaps = await gaps_in(unit, wanted)
    return tuple(
        _line(one, places[one.id], held.get(one.id, ()), me, gap=gaps.get(one.id)) for one in wanted if one.id in places
    )


def _line(room: Room, place: Place, held: tuple[Told, ...], me: UserId, *, gap: timedelta | None) -> Line:
    powers, shut = place.site.powers, set[Part]()
    level, all_write = None, False
    try:
        if powers is not None:
            level = needed_to_send(powers, "m.room.encrypted" if room.encrypted else "m.room.message")
            all_write = level <= power(powers, "")
            if not closing(powers):
                shut.add(Part.TALK)
    except Undecidable:
        level = None
    if not locks.is_open(place.rule):
        shut.add(Part.DOOR)
    stands = [one for one in held if one.lock.state is State.HELD and one.place == "done" and one.lock.part in OPENED]
    return Line(
        room=room,
        level=level,
        is_open=all_write,
        held=held,
        opened=any(one.lock.part not in shut for one in stands),
        ways={part: locks.hindrance(part, powers, me=me) for part in BY_HAND},
        gap=gap,
        shut=frozenset(shut - place.undoing),
    )


@pages.post("/locks/<path:id>/lock")
@requires(Right.MODERATE)
def lock(id: str) -> Answer:  # noqa: A002
    """Lock a room in one part."""
    room, lasts, part = RoomId(id), request.form.get("lasts", ""), request.form.get("part", "")
    _or_404(room)
    slow, gap = part == Part.SLOW, request.form.get("gap", "")
    if lasts not in LENGTHS or part not in BY_HAND or (slow and gap not in map(str, GAPS)):
        abort(400)
    between = timedelta(seconds=int(gap)) if slow else None
    by, made, roots = here().user, cause(), here().roots

    async def decide(unit: Reading) -> Decided:
        place = await _place(unit, room, roots)
        if place is None:
            return None
        me = await sync.account(unit) or UserId("")
        one = locks.prepare(
            place, Part(part), lasts=LENGTHS[lasts], by=by, cause=made, me=me, now=unit.now, gap=between
        )
        return one if isinstance(one, Refusal) else locks.hold(one, now=unit.now)

    return onward(
        settle(decide, actor=by), to=link("locks.show_one", id=room), done="slow_begun" if slow else "room_locked"
    )


@pages.post("/locks/<path:id>/unlock")
@requires(Right.MODERATE)
def unlock(id: str) -> Answer:  # noqa: A002
    """Open a room again in every part that is locked, or end its slow mode."""
    room, by, roots = RoomId(id), here().user, here().roots
    slow = request.form.get("part") == Part.SLOW
    _or_404(room)

    async def decide(unit: Reading) -> Decided:
        place = await _place(unit, room, roots)
        if place is None:
            return None
        facts: list[Fact] = []
        effects: list[Effect] = []
        usual = await usual_gap(unit, room) if slow else None
        for one in place.held:
            if one.part is not Part.SLOW if slow else one.part not in OPENED:
                continue
            done = locks.unlock(one, by=by, now=unit.now, usual=usual)
            if isinstance(done, Refusal):
                return done
            facts += done.facts
            effects += done.effects
        return (
            Decision(facts=tuple(facts), effects=tuple(effects))
            if facts
            else refused("slow.is_off" if slow else "locks.is_open")
        )

    return onward(
        settle(decide, actor=by), to=link("locks.show_one", id=room), done="slow_ended" if slow else "room_unlocked"
    )


def _or_404(room: RoomId) -> None:
    roots = here().roots
    if ask(lambda unit: _place(unit, room, roots)) is None:
        abort(404)


async def _place(unit: Reading, room: RoomId, roots: tuple[OrganisationId, ...]) -> Place | None:
    """Return a room of one's places that works."""
    known = {one.id for one, lost in await rooms.rooms_of(unit, roots) if lost is None}
    return await stored.place(unit, room, await sync.account(unit) or UserId("")) if room in known else None
