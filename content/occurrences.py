"""An occurrence's life: it opens on time with its audience frozen, is said to be late or is missed, and closes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from content.decision import Decision, Fact, Post, Refresh, Refusal, refused
from content.identifiers import CardId, LessonId, MemberId, OccurrenceId, OrganisationId, RoomId, UserId, derive
from content.schedules import (
    LATEST_AHEAD,
    SHORTEST_WINDOW,
    OccurrenceCancelled,
    OccurrenceMoved,
    OccurrenceRestored,
    instant,
)

PUNCTUAL = timedelta(minutes=2)
"""A card that goes out later than this after its time says what its time was."""

MAKE_UP = timedelta(days=30)
"""How long after the close an answer still counts, as late or made up."""


class State(StrEnum):
    """Where an occurrence stands."""

    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"
    MISSED = "missed"
    SKIPPED = "skipped"
    """Missed, and left at that for a reason."""
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"


class Occurrence(Struct, frozen=True, kw_only=True):
    """One time that a lesson or event goes out; ``late`` is the grace after ``due_at`` in which it may still open.

    A ``provisional`` one was reckoned by working days of which nobody has the list; nobody is told of a guess. One
    ``over_cap`` was planned by a rule that goes on by itself, above what its rooms are to be asked. One that does not
    ask is a bulletin: nobody has a seat in it, and its cards stay as they are. ``begins_at`` is when a lecture that was
    announced is given for the first time, or when a meeting begins: what is answered before only says who will come.
    Of all else it is empty.
    """

    id: OccurrenceId
    lesson: LessonId
    audience: OrganisationId
    due_at: datetime
    window: timedelta
    late: timedelta
    state: State
    provisional: bool = False
    over_cap: bool = False
    urgent: bool = False
    asks: bool = True
    approved: bool = True
    opened_at: datetime | None = None
    closes_at: datetime | None = None
    begins_at: datetime | None = None

    @property
    def held_at(self) -> datetime:
        """Return when it takes place: a meeting, or a lecture that was announced, when it begins; all else when due."""
        return self.begins_at or self.due_at

    def is_ahead(self, now: datetime) -> bool:
        """Tell whether people were told of it and it has not begun: it is no more than announced."""
        return self.state is State.OPEN and self.begins_at is not None and now < self.begins_at

    @property
    def make_up_until(self) -> datetime:
        """Return the instant until which an answer after the close still counts."""
        return (self.closes_at or self.due_at + self.window) + MAKE_UP


class Seat(Struct, frozen=True, kw_only=True):
    """One member of the audience and the branch in which they are counted."""

    member: MemberId
    branch: OrganisationId


class Stage(Struct, frozen=True, kw_only=True):
    """A room in which the card of a branch is shown."""

    room: RoomId
    branch: OrganisationId


class Card(Struct, frozen=True, kw_only=True):
    """What stands in one room for one occurrence, edited in place as answers come in."""

    id: CardId
    room: RoomId
    branch: OrganisationId


class OccurrenceOpened(Fact, frozen=True, kw_only=True):
    """The audience is frozen, the cards are on their way, answers count from now on.

    ``unreached`` are those whose branch has no room that works: nothing was offered to them.
    """

    occurrence: OccurrenceId
    at: datetime
    closes_at: datetime
    seats: tuple[Seat, ...]
    unreached: tuple[Seat, ...]
    cards: tuple[Card, ...]
    begins_at: datetime | None = None
    on: date | None = None
    """Of a lecture: the day on which it is given, which is the day of its roll."""


class SeatTaken(Fact, frozen=True, kw_only=True):
    """Somebody came to a session of a lesson that is not the one of their shift, and is counted in it."""

    occurrence: OccurrenceId
    member: MemberId
    branch: OrganisationId


class SeatGivenUp(Fact, frozen=True, kw_only=True):
    """Who had come to another session than that of their shift is not counted in it, having taken the answer back.

    They are asked in the session of their shift again: ``instead`` where it is open already, else once it opens.
    """

    occurrence: OccurrenceId
    member: MemberId
    branch: OrganisationId
    instead: OccurrenceId | None = None


class OccurrenceMissed(Fact, frozen=True, kw_only=True):
    """It could not be offered in time: nobody is asked, and an organiser sees why."""

    occurrence: OccurrenceId
    at: datetime
    reason: str
    seats: tuple[Seat, ...]
    again: bool = False
    """It stands as missed once more, as whoever answers for it knows."""


class SessionLeftOut(Fact, frozen=True, kw_only=True):
    """The last session of a lesson that was still to come does not go out: nothing is offered to who had no other.

    So they are in the numbers of a lesson whose other sessions were held. Planned again, it is for them as before.
    """

    occurrence: OccurrenceId
    seats: tuple[Seat, ...]


class OccurrenceHeld(Fact, frozen=True, kw_only=True):
    """It fell into quiet hours and goes out when they end; how late it is counts from then."""

    occurrence: OccurrenceId
    until: datetime


class OccurrenceClosed(Fact, frozen=True, kw_only=True):
    """The window is over: who has not answered is unanswered, which is not absent."""

    occurrence: OccurrenceId
    at: datetime


class OccurrenceConfirmed(Fact, frozen=True, kw_only=True):
    """A person says that a date is meant which was reckoned without a list of working days, or is above a cap."""

    occurrence: OccurrenceId
    by: UserId


class OccurrenceRevived(Fact, frozen=True, kw_only=True):
    """An organiser has a missed occurrence sent after all."""

    occurrence: OccurrenceId
    at: datetime


def open_occurrence(
    occurrence: Occurrence,
    *,
    seats: Sequence[Seat],
    stages: Sequence[Stage],
    parts: int,
    now: datetime,
    free_at: datetime | None = None,
    overtaken: bool = False,
    begins_at: datetime | None = None,
    closes_at: datetime | None = None,
    timezone: str = "UTC",
    nobody: bool = False,
    over_cap: bool = False,
) -> Decision | None:
    """Open a due occurrence, or record that it was missed; ``None`` when there is nothing to do.

    ``parts`` is into how many messages the lesson falls. Late is measured from ``due_at``, and what is punctual is
    never too late, whatever the rule says: a clock that ticks cannot be on time to the instant. To a branch without
    a room that works nothing is offered. ``free_at`` is when the next quiet hours end: what is not urgent waits for it.
    ``overtaken`` tells that a later one of the same series is due as well; of those only the newest goes out. Where
    ``nobody`` hears this session, since all hear another, it stands open in no room. What is still ``over_cap``
    now, and nobody has let go out, does not. A lecture ``begins_at`` a time of
    its own and is open until ``closes_at``; when that is past, it is not announced. ``timezone`` is the zone it was
    planned in, which tells on what day it is given.
    """
    if occurrence.state is not State.PLANNED or occurrence.due_at > now:
        return None
    seats = seats if occurrence.asks else ()
    grace = max(occurrence.late, PUNCTUAL)
    if now - occurrence.due_at > grace or (closes_at is not None and closes_at <= now):
        return _missed(occurrence, "too_late", seats, now)
    if overtaken:
        return _missed(occurrence, "overtaken", seats, now)
    if not occurrence.approved:
        return _missed(occurrence, "not_approved", seats, now)
    if occurrence.provisional:
        return _missed(occurrence, "no_workdays", seats, now)
    if over_cap:
        return _missed(occurrence, "over_cap", seats, now)
    if not stages and not nobody:
        return _missed(occurrence, "no_room", seats, now)
    if free_at is not None and free_at > now and not occurrence.urgent:
        return Decision(facts=(OccurrenceHeld(occurrence=occurrence.id, until=free_at),))
    reached = {stage.branch for stage in stages}
    cards = tuple(
        Card(id=CardId(derive(occurrence.id, "card", stage.room)), room=stage.room, branch=stage.branch)
        for stage in stages
    )
    closes_at = closes_at or max(now, occurrence.due_at) + occurrence.window
    return Decision(
        facts=(
            OccurrenceOpened(
                occurrence=occurrence.id,
                at=now,
                closes_at=closes_at,
                seats=tuple(seat for seat in seats if seat.branch in reached),
                unreached=tuple(seat for seat in seats if seat.branch not in reached),
                cards=cards,
                begins_at=begins_at,
                on=begins_at.astimezone(ZoneInfo(timezone)).date() if begins_at is not None else None,
            ),
        ),
        effects=tuple(Post(card=card.id, parts=parts, not_before=now, expires_at=now + grace) for card in cards),
    )


def _missed(occurrence: Occurrence, reason: str, seats: Sequence[Seat], now: datetime) -> Decision:
    return Decision(
        facts=(OccurrenceMissed(occurrence=occurrence.id, at=now, reason=reason, seats=tuple(seats)),),
    )


def close_occurrence(occurrence: Occurrence, *, cards: Sequence[CardId], now: datetime) -> Decision | None:
    """Close an open occurrence whose window is over, and let its cards say so."""
    if occurrence.state is not State.OPEN or occurrence.closes_at is None or occurrence.closes_at > now:
        return None
    return Decision(
        facts=(OccurrenceClosed(occurrence=occurrence.id, at=now),),
        effects=tuple(Refresh(card=card) for card in cards) if occurrence.asks else (),
    )


def cancel_occurrence(occurrence: Occurrence, *, by: UserId, left_out: Sequence[Seat] = ()) -> Decision | Refusal:
    """Call off what has not gone out yet; ``left_out`` are those who then hear no session of a lesson at all."""
    if occurrence.state is not State.PLANNED:
        return refused("occurrence.not_planned")
    cancelled = OccurrenceCancelled(occurrence=occurrence.id, by=by)
    return Decision(facts=(cancelled, *leave_out({occurrence.id: left_out})))


def leave_out(seats: Mapping[OccurrenceId, Sequence[Seat]]) -> tuple[Fact, ...]:
    """Record to whom nothing is offered, as no session is still to come that they would hear."""
    return tuple(SessionLeftOut(occurrence=id, seats=tuple(those)) for id, those in seats.items() if those)  # noqa: A001


def confirm_occurrence(occurrence: Occurrence, *, by: UserId) -> Decision | Refusal:
    """Have what was planned on a guess, or above a cap, go out on the day it has."""
    if occurrence.state is not State.PLANNED or not (occurrence.provisional or occurrence.over_cap):
        return refused("occurrence.not_provisional")
    return Decision(facts=(OccurrenceConfirmed(occurrence=occurrence.id, by=by),))


def restore_occurrence(occurrence: Occurrence, *, by: UserId, now: datetime) -> Decision | Refusal:
    """Plan again what was called off, while its time is still to come."""
    if occurrence.state is not State.CANCELLED:
        return refused("occurrence.not_cancelled")
    if occurrence.due_at <= now:
        return refused("occurrence.time_over")
    return Decision(facts=(OccurrenceRestored(occurrence=occurrence.id, by=by),))


def mark_of(occurrence: Occurrence) -> str:
    """Return a mark of when an occurrence goes out, by which a later writer shows what they have seen."""
    times = (occurrence.due_at.astimezone(UTC).isoformat(), occurrence.window, occurrence.late)
    return derive("goes out", *map(str, times))


def move_occurrence(
    occurrence: Occurrence,
    *,
    on: date,
    at: time,
    timezone: str,
    by: UserId,
    now: datetime,
    window: timedelta | None = None,
    late: timedelta | None = None,
    seen: str | None = None,
) -> Decision | Refusal:
    """Have what has not gone out yet go out at another time, by the clock of the zone that it was planned in.

    How long it is open and how late it may be stay as they are where nothing else is said. ``seen`` is the mark of how
    it stood when the move was written, so that nobody puts back what another has moved since.
    """
    window, late = window or occurrence.window, late or occurrence.late
    if occurrence.state is not State.PLANNED:
        return refused("occurrence.not_movable")
    if seen is not None and seen != mark_of(occurrence):
        return refused("occurrence.moved_meanwhile", field="date", due=occurrence.due_at)
    if on > (now + LATEST_AHEAD).date():
        return refused("schedule.too_far", field="date")
    due_at = instant(on, at, timezone)
    if due_at < now:
        return refused("occurrence.in_the_past", field="date", due=due_at)
    if occurrence.begins_at is not None and due_at > occurrence.begins_at:
        return refused("occurrence.after_it_begins", field="date", begins=occurrence.begins_at)
    if window < SHORTEST_WINDOW:
        return refused("schedule.window_too_short", field="window")
    if (due_at, window, late) == (occurrence.due_at, occurrence.window, occurrence.late):
        return refused("occurrence.same_time", field="time")
    fact = OccurrenceMoved(occurrence=occurrence.id, due_at=due_at, local_date=on, window=window, late=late, by=by)
    return Decision(facts=(fact,))


def send_missed_now(occurrence: Occurrence, *, now: datetime) -> Decision | Refusal:
    """Have a missed occurrence sent after all; it then counts from now."""
    if occurrence.state is not State.MISSED:
        return refused("occurrence.not_missed")
    return Decision(facts=(OccurrenceRevived(occurrence=occurrence.id, at=now),))
