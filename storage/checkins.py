"""Who is expected at each occurrence, and what each of them answered; the running counts move with every answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import (
    Column,
    Date,
    ForeignKey,
    Index,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    select,
    text,
    update,
)

from content.checkins import Answered, AnswersTakenBack, Expectation, Given, Note, State
from content.identifiers import CardId, MemberId, OccurrenceId, OrganisationId, RoomId
from content.lessons import Kind
from content.occurrences import State as OccurrenceState
from storage.audiences import seats
from storage.lessons import lessons
from storage.members import doubles_of, members
from storage.organisations import within
from storage.prepared import Prepared
from storage.schedules import SHOWN_TITLE, as_occurrence, entry, occurrences, sessions_beside
from storage.tables import Instant, metadata
from storage.tables import Sequence as CountedKey
from storage.tallies import count
from storage.unit import AnyRow, Query, Reading, Writing

_NOTED = "note IS NOT NULL"
"""Few add something to having taken part."""

cards = Table(
    "cards",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("occurrence_id", ForeignKey("occurrences.id"), nullable=False),
    Column("room_id", String(255), nullable=False, index=True),
    Column("branch_id", ForeignKey("organisations.id"), nullable=False, index=True),
    UniqueConstraint("occurrence_id", "room_id"),
)

expectations = Table(
    "expectations",
    metadata,
    Column("occurrence_id", ForeignKey("occurrences.id"), primary_key=True),
    Column("member_id", ForeignKey("members.id"), primary_key=True),
    Column("branch_id", ForeignKey("organisations.id"), nullable=False),
    Column("local_date", Date, nullable=False),
    Column("state", String(12), nullable=False),
    Column("decided_at", Instant),
    Column("decided_by", String(300)),
    Column("reason", String(200)),
    Column("note", String(8)),
    Column("recorded_by", String(255)),
    Index("ix_expectations_member_date", "member_id", "local_date", "state", "branch_id"),
    Index("ix_expectations_branch_member", "branch_id", "member_id"),
    # Partial on PostgreSQL too, by its migration; saying so here would load that dialect everywhere, two megabytes.
    Index("ix_expectations_noted", "occurrence_id", sqlite_where=text(_NOTED)),
)

answers = Table(
    "answers",
    metadata,
    Column("number", CountedKey, primary_key=True, autoincrement=True),
    Column("occurrence_id", ForeignKey("occurrences.id"), nullable=False),
    Column("member_id", ForeignKey("members.id"), nullable=False),
    Column("cause", String(300), nullable=False, index=True),
    Column("state", String(12), nullable=False),
    Column("at", Instant, nullable=False),
    Column("reason", String(200)),
    Column("note", String(8)),
    Column("recorded_by", String(255)),
    Column("explanation", String(200)),
    Column("taken_back_at", Instant),
    UniqueConstraint("member_id", "occurrence_id", "cause"),
)
"""Everything that was ever answered, in order; the place in ``expectations`` shows what of it stands.

Who reads it within a transaction asks for ``settled`` first.
"""


class CardPlace(Struct, frozen=True, kw_only=True):
    """A card with the occurrence and the room it belongs to."""

    id: CardId
    occurrence: OccurrenceId
    room: RoomId
    branch: OrganisationId


class HistoryLine(Struct, frozen=True, kw_only=True):
    """One answer as it was given, with why it was set by hand, and when it was taken back."""

    given: Given
    explanation: str | None
    taken_back_at: datetime | None


_EXPECTING: Query = (
    select(
        expectations.c.member_id,
        expectations.c.state.label("answer"),
        expectations.c.decided_by,
        expectations.c.recorded_by,
        expectations.c.note.label("answer_note"),
        members.c.user_id,
        members.c.name,
        SHOWN_TITLE,
        lessons.c.kind,
        cards.c.id.label("card_id"),
        occurrences,
    )
    .join(members, members.c.id == expectations.c.member_id)
    .join(occurrences, occurrences.c.id == expectations.c.occurrence_id)
    .join(lessons, lessons.c.id == occurrences.c.lesson_id)
    .outerjoin(
        cards,
        (cards.c.occurrence_id == expectations.c.occurrence_id) & (cards.c.branch_id == expectations.c.branch_id),
    )
)
_CARD = Prepared(select(cards).where(cards.c.id == bindparam("card")))


def _expectation(row: AnyRow) -> Expectation:
    return Expectation(
        occurrence=as_occurrence(row),
        member=row.member_id,
        user=row.user_id,
        name=row.name,
        card=row.card_id,
        title=row.title,
        kind=Kind(row.kind),
        state=State(row.answer),
        decided_by=row.decided_by,
        recorded_by=row.recorded_by,
        note=Note(row.answer_note) if row.answer_note else None,
    )


_PLACE = (expectations.c.occurrence_id == bindparam("occurrence")) & (expectations.c.member_id == bindparam("member"))
_EXPECTATION = Prepared(_EXPECTING.where(_PLACE))
_STILL_OPEN = Prepared(
    _EXPECTING.where(
        expectations.c.member_id == bindparam("member"), occurrences.c.state == OccurrenceState.OPEN
    ).order_by(occurrences.c.due_at, occurrences.c.id)
)
_OPEN_IN_ROOM = Prepared(
    select(occurrences.c.id)
    .join(cards, cards.c.occurrence_id == occurrences.c.id)
    .where(cards.c.room_id == bindparam("room"), occurrences.c.state == OccurrenceState.OPEN)
    .order_by(occurrences.c.due_at, occurrences.c.id)
)


async def expectation(unit: Reading, occurrence: OccurrenceId, member: MemberId) -> Expectation | None:
    """Return one member's place in an occurrence, ``None`` for who was not in the audience."""
    row = await unit.first(_EXPECTATION, {"occurrence": occurrence, "member": member})
    return _expectation(row) if row else None


async def place_beside(unit: Reading, occurrence: OccurrenceId, member: MemberId) -> Expectation | None:
    """Return a member's place in another session of the same lesson that was offered to them.

    It may be that of an entry which was merged into theirs since; they are told of it all the same.
    """
    beside = [one.id for one in await sessions_beside(unit, occurrence)]
    if not beside:
        return None
    query = _EXPECTING.where(
        expectations.c.occurrence_id.in_([occurrence, *beside]),
        expectations.c.member_id.in_(await doubles_of(unit, [member])),
        expectations.c.state != State.NOT_OFFERED,
    )
    row = await unit.first(query.order_by(occurrences.c.due_at.desc()).limit(1))
    if row is None or row.member_id == member:
        return _expectation(row) if row else None
    user = await unit.value(select(members.c.user_id).where(members.c.id == member))
    return replace(_expectation(row), user=user)


async def place_to_take(unit: Reading, occurrence: OccurrenceId, member: MemberId) -> Expectation | None:
    """Return the place that somebody of the audience would have in an open session which is not that of their shift."""
    found = await entry(unit, occurrence)
    if found is None or found.sessions == 1 or found.occurrence.state is not OccurrenceState.OPEN:
        return None
    everybody = await seats(unit, found.occurrence.audience)
    seat = next((one for one in everybody if one.member == member), None)
    row = await unit.first(select(members.c.name, members.c.user_id).where(members.c.id == member))
    if seat is None or row is None or not found.occurrence.asks:
        return None
    here = (cards.c.occurrence_id == occurrence) & (cards.c.branch_id == seat.branch)
    return Expectation(
        occurrence=found.occurrence,
        member=member,
        branch=seat.branch,
        user=row.user_id,
        name=row.name,
        card=await unit.value(select(cards.c.id).where(here)),
        title=found.title,
        kind=Kind(found.kind),
        state=State.OPEN,
    )


async def answered_by(unit: Reading, cause: str) -> Expectation | None:
    """Return the place to which this cause gave an answer that was not taken back, whether it decides now or not."""
    await unit.settled()
    place = (answers.c.occurrence_id == expectations.c.occurrence_id) & (
        answers.c.member_id == expectations.c.member_id
    )
    row = await unit.first(
        _EXPECTING.join(answers, place).where(answers.c.cause == cause, answers.c.taken_back_at.is_(None))
    )
    return _expectation(row) if row else None


async def place_within(
    unit: Reading, roots: Iterable[OrganisationId], occurrence: OccurrenceId, member: MemberId
) -> Expectation | None:
    """Return a member's place in an occurrence, if they were counted at or below the roots."""
    place = (expectations.c.occurrence_id == occurrence) & (expectations.c.member_id == member)
    row = await unit.first(_EXPECTING.where(place, within(expectations.c.branch_id, roots)))
    return _expectation(row) if row else None


async def history(unit: Reading, occurrence: OccurrenceId, member: MemberId) -> tuple[HistoryLine, ...]:
    """Return every answer of a member to an occurrence, oldest first, what was taken back too."""
    await unit.settled()
    query = select(answers).where(answers.c.occurrence_id == occurrence, answers.c.member_id == member)
    return tuple(
        HistoryLine(given=_given(row), explanation=row.explanation, taken_back_at=row.taken_back_at)
        for row in await unit.rows(query.order_by(answers.c.number))
    )


async def given(unit: Reading, occurrence: OccurrenceId, member: MemberId) -> tuple[Given, ...]:
    """Return what a member answered to an occurrence and did not take back, oldest first."""
    await unit.settled()
    query = select(answers).where(
        answers.c.occurrence_id == occurrence, answers.c.member_id == member, answers.c.taken_back_at.is_(None)
    )
    return tuple(_given(row) for row in await unit.rows(query.order_by(answers.c.number)))


async def last_given(unit: Reading, member: MemberId) -> Given | None:
    """Return what a member answered last, among what they said themselves and did not take back."""
    await unit.settled()
    query = select(answers).where(
        answers.c.member_id == member, answers.c.taken_back_at.is_(None), answers.c.recorded_by.is_(None)
    )
    row = await unit.first(query.order_by(answers.c.at.desc(), answers.c.number.desc()).limit(1))
    return _given(row) if row else None


def _given(row: AnyRow) -> Given:
    return Given(
        occurrence=row.occurrence_id,
        cause=row.cause,
        state=State(row.state),
        at=row.at,
        reason=row.reason,
        note=Note(row.note) if row.note else None,
        recorded_by=row.recorded_by,
    )


async def shown_lately(unit: Reading, member: MemberId, *, since: datetime) -> tuple[Expectation, ...]:
    """Return the lessons that reached a member's room and opened after ``since``, oldest first."""
    query = _EXPECTING.where(
        expectations.c.member_id == member,
        expectations.c.state != State.NOT_OFFERED,
        lessons.c.kind == Kind.LESSON,
        cards.c.id.is_not(None),
        occurrences.c.state.in_([OccurrenceState.OPEN, OccurrenceState.CLOSED]),
        occurrences.c.opened_at > since,
    ).order_by(occurrences.c.due_at, occurrences.c.id)
    return tuple(_expectation(row) for row in await unit.rows(query))


async def lectures_of(unit: Reading, member: MemberId, *, since: datetime) -> tuple[Expectation, ...]:
    """Return the lectures offered to a member that are open, or closed after ``since``, oldest first."""
    query = _EXPECTING.where(
        expectations.c.member_id == member,
        expectations.c.state != State.NOT_OFFERED,
        lessons.c.kind == Kind.LECTURE,
        occurrences.c.state.in_([OccurrenceState.OPEN, OccurrenceState.CLOSED]),
        occurrences.c.closes_at > since,
    ).order_by(occurrences.c.begins_at, occurrences.c.id)
    return tuple(_expectation(row) for row in await unit.rows(query))


async def still_open(unit: Reading, member: MemberId) -> tuple[Expectation, ...]:
    """Return the open occurrences in whose audience a member is, whatever they answered, oldest first."""
    return tuple(_expectation(row) for row in await unit.rows(_STILL_OPEN, {"member": member}))


async def missed(unit: Reading, member: MemberId, *, since: datetime) -> tuple[Expectation, ...]:
    """Return what a member had not answered, or was on leave from, when it closed after ``since``, oldest first.

    What was made up since then is still among them, so that numbers given to them stay the same.
    """
    query = _EXPECTING.where(
        expectations.c.member_id == member,
        expectations.c.state.in_([State.UNANSWERED, State.ABSENT, State.EXCUSED, State.LATE, State.MADE_UP]),
        occurrences.c.state == OccurrenceState.CLOSED,
        occurrences.c.closes_at > since,
    ).order_by(occurrences.c.due_at, occurrences.c.id)
    return tuple(_expectation(row) for row in await unit.rows(query))


async def card(unit: Reading, id: CardId) -> CardPlace | None:  # noqa: A002
    """Return where a card stands."""
    row = await unit.first(_CARD, {"card": id})
    if row is None:
        return None
    return CardPlace(id=row.id, occurrence=row.occurrence_id, room=row.room_id, branch=row.branch_id)


async def cards_of(unit: Reading, occurrence: OccurrenceId) -> tuple[CardId, ...]:
    """Return the cards of an occurrence."""
    rows = await unit.rows(select(cards.c.id).where(cards.c.occurrence_id == occurrence).order_by(cards.c.id))
    return tuple(CardId(row.id) for row in rows)


async def open_in_room(unit: Reading, room: RoomId) -> tuple[OccurrenceId, ...]:
    """Return the occurrences whose card stands open in a room, oldest first."""
    return tuple(OccurrenceId(row.id) for row in await unit.rows(_OPEN_IN_ROOM, {"room": room}))


async def write_answered(unit: Writing, fact: Answered) -> None:
    """Move a member from one state to another, and the counts with them."""
    silent = fact.after in (State.OPEN, State.UNANSWERED) and fact.note is None
    reset = silent and fact.recorded_by is None
    moved = await unit.returning(
        _MOVE,
        {
            "at_occurrence": fact.occurrence,
            "at_member": fact.member,
            "before": fact.before,
            "state": fact.after,
            "decided_at": None if reset else fact.at,
            "decided_by": None if reset else fact.cause,
            "reason": fact.reason,
            "note": fact.note,
            "recorded_by": fact.recorded_by,
        },
    )
    if len(moved) != 1:
        raise LookupError("an answer was decided on a state that no longer holds")
    if not reset:
        await _keep_answer(unit, fact)
    if fact.before is not fact.after:
        branch, day = moved[0]
        place = (fact.occurrence, branch, day)
        await count(unit, {(*place, fact.before): -1, (*place, fact.after): +1})


_MOVE = Prepared(
    update(expectations)
    .where(
        expectations.c.occurrence_id == bindparam("at_occurrence"),
        expectations.c.member_id == bindparam("at_member"),
        expectations.c.state == bindparam("before"),
    )
    .values(
        state=bindparam("state"),
        decided_at=bindparam("decided_at"),
        decided_by=bindparam("decided_by"),
        reason=bindparam("reason"),
        note=bindparam("note"),
        recorded_by=bindparam("recorded_by"),
    )
    .returning(expectations.c.branch_id, expectations.c.local_date)
)


async def _keep_answer(unit: Writing, fact: Answered) -> None:
    """Keep an answer beside the earlier ones; one that stands again is there already."""
    await unit.add_later(
        answers,
        {
            "occurrence_id": fact.occurrence,
            "member_id": fact.member,
            "cause": fact.cause,
            "state": fact.after,
            "at": fact.at,
            "reason": fact.reason,
            "note": fact.note,
            "recorded_by": fact.recorded_by,
            "explanation": fact.explanation,
            "taken_back_at": None,
        },
    )


async def write_taken_back(unit: Writing, fact: AnswersTakenBack) -> None:
    """Cross answers out, so that none of them stands again; why somebody was on leave goes with them."""
    await unit.settled()
    await unit.execute(
        update(answers)
        .where(
            answers.c.occurrence_id == fact.occurrence,
            answers.c.member_id == fact.member,
            answers.c.cause.in_(fact.causes),
            answers.c.taken_back_at.is_(None),
        )
        .values(taken_back_at=fact.at, reason=None)
    )


async def forget_people(unit: Writing, before: datetime, *, most: int) -> None:
    """Forget who answered what in the oldest occurrences from before a time, so many at once; the counts stay."""
    named = select(expectations.c.member_id).where(expectations.c.occurrence_id == occurrences.c.id)
    old = select(occurrences.c.id).where(occurrences.c.due_at < before, named.exists()).order_by(occurrences.c.due_at)
    ids = [row.id for row in await unit.rows(old.limit(most))]
    if not ids:
        return
    people = select(expectations.c.member_id).where(expectations.c.occurrence_id.in_(ids))
    # By member first: so the answers of few occurrences are found without reading all of them.
    await unit.execute(answers.delete().where(answers.c.member_id.in_(people), answers.c.occurrence_id.in_(ids)))
    await unit.execute(expectations.delete().where(expectations.c.occurrence_id.in_(ids)))
