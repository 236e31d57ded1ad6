"""What could not go out in time, in one list: sent after all, moved to the next working day, or left, with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, Tell, Words, refused, words
from content.identifiers import OccurrenceId, UserId
from content.occurrences import Occurrence, OccurrenceMissed, OccurrenceRevived, Seat, State
from content.schedules import instant
from content.workdays import WorkCalendar

LONGEST_REASON = 200
MOST_NAMED = 5
"""How many are named in one message; the page has them all."""

MOST_TOLD = 3
"""How many people are told, where who planned it is no longer there."""


class Do(StrEnum):
    """What is done about something that was missed."""

    SEND = "send"
    MOVE = "move"
    SKIP = "skip"
    UNDO = "undo"
    """Back to where it was missed."""


class OccurrenceSkipped(Fact, frozen=True, kw_only=True):
    """What was missed is left at that, for a reason; nobody was asked."""

    occurrence: OccurrenceId
    reason: str
    by: UserId


class MissedTold(Fact, frozen=True, kw_only=True):
    """Who answers for them was told that these were missed."""

    occurrences: tuple[OccurrenceId, ...]
    at: datetime


class Line(Struct, frozen=True, kw_only=True):
    """Something that was missed, as whoever answers for it hears of it."""

    occurrence: OccurrenceId
    title: str
    due_at: datetime
    reason: str
    missed_at: datetime | None = None


def settle(
    missed: Sequence[tuple[Occurrence, str]],
    do: Do,
    *,
    reason: str,
    known: WorkCalendar,
    by: UserId,
    now: datetime,
) -> Decision | Refusal:
    """Do one thing about several; each comes with the zone that it was planned in."""
    if not missed:
        return refused("missed.none_chosen", field="id")
    reason = " ".join(reason.split())
    if do is Do.SKIP and not reason:
        return refused("missed.why", field="reason")
    if len(reason) > LONGEST_REASON:
        return refused("missed.reason_is_long", field="reason", most=LONGEST_REASON)
    facts: list[Fact] = []
    for occurrence, timezone in missed:
        if occurrence.state is not State.MISSED:
            return refused("occurrence.not_missed")
        match do:
            case Do.SKIP:
                facts.append(OccurrenceSkipped(occurrence=occurrence.id, reason=reason, by=by))
            case Do.MOVE:
                local = occurrence.due_at.astimezone(ZoneInfo(timezone))
                day = known.after(now.astimezone(ZoneInfo(timezone)).date()).date
                facts.append(OccurrenceRevived(occurrence=occurrence.id, at=instant(day, local.time(), timezone)))
            case _:
                facts.append(OccurrenceRevived(occurrence=occurrence.id, at=now))
    return Decision(facts=tuple(facts))


def undo(settled: Sequence[tuple[Occurrence, Sequence[Seat], str]], *, now: datetime) -> Decision | Refusal:
    """Let several stand as missed again, where they have not gone out meanwhile; each comes with its audience."""
    facts: list[Fact] = []
    for occurrence, seats, reason in settled:
        if occurrence.state not in (State.PLANNED, State.SKIPPED):
            return refused("missed.gone_out")
        facts.append(
            OccurrenceMissed(
                occurrence=occurrence.id,
                at=now,
                reason=reason,
                seats=tuple(seats) if occurrence.state is State.PLANNED else (),
                again=True,
            )
        )
    return Decision(facts=tuple(facts)) if facts else refused("missed.none_chosen")


def tell(lines: Sequence[Line], owners: Sequence[UserId], *, console: str, now: datetime) -> Decision:
    """Tell whoever answers for them, in one message, what was missed and where something can be done about it."""
    shown, rest = lines[:MOST_NAMED], len(lines) - MOST_NAMED
    said: list[Words] = [words("missed.head", n=len(lines))]
    said += [
        words("missed.line", title=one.title, due=one.due_at, why=(words(f"occurrence.missed_{one.reason}"),))
        for one in shown
    ]
    said += [words("missed.more", n=rest)] if rest > 0 else []
    said.append(words("missed.where", address=f"{console}/calendar/missed"))
    told = MissedTold(occurrences=tuple(one.occurrence for one in lines), at=now)
    whole = words("missed.told", lines=tuple(said))
    return Decision(
        facts=(told,), effects=tuple(Tell(user=user, words=whole, unasked=True) for user in owners[:MOST_TOLD])
    )
