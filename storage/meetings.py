"""Meetings, who is named for them, and the register of who was due and might vote when they began."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    bindparam,
    func,
    or_,
    select,
    update,
)

from content.ballots import Elector
from content.checkins import Expectation
from content.checkins import State as Answer
from content.identifiers import LessonId, MemberId, OccurrenceId, OrganisationId, UserId
from content.lectures import Session
from content.lessons import Lesson
from content.meeting_sessions import APART
from content.meetings import (
    INNER,
    REMIND_BEFORE,
    ROOMS,
    Meeting,
    MeetingCalled,
    MeetingCancelled,
    MeetingChanged,
    MeetingHeld,
    MeetingReminded,
    due_at,
    remind_at,
)
from content.meetings import in_full as full_lesson
from content.members import Member
from content.notices import Circle, Form, Shown, State
from content.occurrences import Occurrence, Seat, Stage
from content.occurrences import State as Notice
from content.resolutions import Floor
from content.resolutions import floor as floor_of
from content.roll_calls import GuestsMarked, MeetingClosed
from content.rooms import Purpose
from content.settings import ONLINE_COUNTS, YES
from content.venue_codes import VenueCodeEnded, VenueCodeShown
from storage import members as roster
from storage import session_choices, settings, standing, terms
from storage.audiences import seats, stages
from storage.checkins import cards, expectation, expectations
from storage.members import members
from storage.organisations import branch_above, within
from storage.prepared import Prepared
from storage.rooms import rooms
from storage.schedules import occurrences
from storage.seats import move_day, move_seats, seat_more
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

meetings = Table(
    "meetings",
    metadata,
    Column("occurrence_id", ForeignKey("occurrences.id"), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("lesson_id", ForeignKey("lessons.id"), nullable=False),
    Column("form", String(12), nullable=False),
    Column("title", String(120), nullable=False),
    Column("agenda", JSON, nullable=False),
    Column("place", String(100), nullable=False),
    Column("begins_at", Instant, nullable=False, index=True),
    Column("minutes", Integer, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("sessions", JSON(none_as_null=True)),
    Column("state", String(10), nullable=False),
    Column("reminds", Boolean, nullable=False),
    Column("why", String(200), nullable=False),
    Column("reminded_at", Instant),
    Column("moved_at", Instant),
    Column("held_at", Instant),
    Column("closed_at", Instant),
    Column("figures", JSON(none_as_null=True)),
    Column("code_seed", String(32)),
)

meeting_people = Table(
    "meeting_people",
    metadata,
    Column("occurrence_id", ForeignKey("meetings.occurrence_id"), primary_key=True),
    Column("member_id", ForeignKey("members.id"), primary_key=True, index=True),
    Column("part", String(10), primary_key=True),
)

meeting_register = standing.roll_table(
    "meeting_register", Column("occurrence_id", ForeignKey("meetings.occurrence_id"), primary_key=True)
)

NOTICES = select(meetings.c.lesson_id)
"""The lessons with which notices are sent, and which are lessons to nobody."""

_NEWEST_FIRST = (meetings.c.begins_at.desc(), meetings.c.occurrence_id)
_ONE = Prepared(select(meetings).where(meetings.c.occurrence_id == bindparam("id")))


class Place(Struct, frozen=True, kw_only=True):
    """How one member stands on the roll of a meeting; ``user`` is their account, if they have one.

    ``at`` is when they said so themselves; what is written by hand has no such time.
    """

    member: MemberId
    state: Answer
    note: str | None
    user: UserId | None
    at: datetime | None = None


async def meeting(unit: Reading, id: OccurrenceId) -> Meeting | None:  # noqa: A002
    """Return a meeting."""
    row = await unit.first(_ONE, {"id": id})
    return (await _meetings(unit, [row]))[0] if row else None


async def without_notices(unit: Reading, library: Iterable[Lesson]) -> tuple[Lesson, ...]:
    """Return lessons but for those that are the notice of a meeting: that goes out with it and not again."""
    found = {row.lesson_id for row in await unit.rows(NOTICES)}
    return tuple(one for one in library if one.id not in found)


async def visible(
    unit: Reading,
    id: OccurrenceId,  # noqa: A002
    roots: Iterable[OrganisationId],
    by_name: Iterable[OrganisationId],
) -> Meeting | None:
    """Return a meeting at or below the roots; an inner one at or below where members are seen by name."""
    row = await unit.first(select(meetings).where(meetings.c.occurrence_id == id, _may_see(roots, by_name)))
    return (await _meetings(unit, [row]))[0] if row else None


def _may_see(roots: Iterable[OrganisationId], by_name: Iterable[OrganisationId]) -> Any:
    inner = meetings.c.form.in_(sorted(INNER))
    return within(meetings.c.organisation_id, roots) & (~inner | within(meetings.c.organisation_id, by_name))


async def of_roots(
    unit: Reading, roots: Iterable[OrganisationId], by_name: Iterable[OrganisationId], *, limit: int
) -> tuple[Meeting, ...]:
    """Return the meetings that may be seen, the latest first."""
    query = select(meetings).where(_may_see(roots, by_name)).order_by(*_NEWEST_FIRST).limit(limit)
    return await _meetings(unit, await unit.rows(query))


_BEGINNING = Prepared(
    select(meetings.c.occurrence_id)
    .join(occurrences, occurrences.c.id == meetings.c.occurrence_id)
    .where(
        meetings.c.state == State.PLANNED,
        meetings.c.begins_at <= bindparam("now", type_=Instant),
        # Its notice went out.
        or_(occurrences.c.state == Notice.OPEN, occurrences.c.state == Notice.CLOSED),
    )
    .order_by(meetings.c.begins_at, meetings.c.occurrence_id)
)


async def beginning(unit: Reading, now: datetime) -> tuple[OccurrenceId, ...]:
    """Return the planned meetings whose time has come and whose notice went out, oldest first."""
    return tuple(OccurrenceId(row.occurrence_id) for row in await unit.rows(_BEGINNING, {"now": now}))


async def to_remind(unit: Reading, now: datetime) -> tuple[Meeting, ...]:
    """Return the meetings whose people are to be reminded now."""
    query = (
        select(meetings, occurrences.c.opened_at)
        .join(occurrences, occurrences.c.id == meetings.c.occurrence_id)
        .where(
            or_(
                (meetings.c.state == State.PLANNED) & (meetings.c.begins_at > now),
                # Of several sessions one may be still to come.
                meetings.c.state.in_([State.PLANNED, State.HELD]) & meetings.c.sessions.is_not(None),
            ),
            meetings.c.reminds.is_(True),
            meetings.c.reminded_at.is_(None),
            meetings.c.begins_at > now - APART,
            meetings.c.begins_at <= now + REMIND_BEFORE,
            occurrences.c.state == Notice.OPEN,
        )
    )
    rows = await unit.rows(query.order_by(meetings.c.begins_at, meetings.c.occurrence_id))
    opened = {row.occurrence_id: row.opened_at for row in rows}
    found = [(one, remind_at(one, opened[one.id])) for one in await _meetings(unit, rows)] if rows else []
    return tuple(one for one, at in found if at is not None and at <= now < one.sessions[-1].begins)


async def silent(unit: Reading, id: OccurrenceId, *, spared_since: datetime) -> tuple[UserId, ...]:  # noqa: A002
    """Return the accounts of those who have answered nothing, but for whom another meeting reminded since then."""
    another = meetings.alias("another")
    theirs = expectations.alias("theirs")
    reminded = (
        select(theirs.c.member_id)
        .join(another, another.c.occurrence_id == theirs.c.occurrence_id)
        .where(
            another.c.reminded_at > spared_since,
            another.c.occurrence_id != id,
            theirs.c.decided_at.is_(None) | (theirs.c.decided_at > another.c.reminded_at),
        )
    )
    query = (
        select(members.c.user_id)
        .join(expectations, expectations.c.member_id == members.c.id)
        .where(
            expectations.c.occurrence_id == id,
            expectations.c.state == Answer.OPEN,
            expectations.c.note.is_(None),
            members.c.user_id.is_not(None),
            members.c.left_at.is_(None),
            expectations.c.member_id.not_in(reminded),
        )
    )
    return tuple(UserId(row.user_id) for row in await unit.rows(query.order_by(members.c.id)))


async def places(unit: Reading, id: OccurrenceId) -> tuple[Place, ...]:  # noqa: A002
    """Return the roll of a meeting."""
    query = (
        select(
            expectations.c.member_id,
            expectations.c.state,
            expectations.c.note,
            expectations.c.decided_at,
            expectations.c.recorded_by,
            members.c.user_id,
        )
        .join(members, members.c.id == expectations.c.member_id)
        .where(expectations.c.occurrence_id == id)
    )
    return tuple(
        Place(
            member=MemberId(row.member_id),
            state=Answer(row.state),
            note=row.note,
            user=row.user_id,
            at=row.decided_at if row.recorded_by is None else None,
        )
        for row in await unit.rows(query.order_by(expectations.c.member_id))
    )


async def expected(unit: Reading, id: OccurrenceId) -> tuple[Expectation, ...]:  # noqa: A002
    """Return the same as the rules of the roll want it."""
    found = [await expectation(unit, id, one.member) for one in await places(unit, id)]
    return tuple(one for one in found if one is not None)


async def answered(unit: Reading, id: OccurrenceId) -> tuple[UserId, ...]:  # noqa: A002
    """Return the accounts of those who have said that they come, or that they cannot."""
    found = await places(unit, id)
    return tuple(one.user for one in found if one.user and (one.note or one.state is Answer.EXCUSED))


async def concerned(unit: Reading, id: OccurrenceId) -> tuple[UserId, ...]:  # noqa: A002
    """Return whom its calling off concerns: those same accounts, and of all whom no card in their branch tells."""
    there = await carded(unit, id)
    apart = [one.member for one in await seated(unit, id) if one.branch not in there]
    return tuple(dict.fromkeys((*await answered(unit, id), *(await accounts(unit, apart)).values())))


async def named_sessions(unit: Reading, member: MemberId) -> tuple[tuple[Meeting, int], ...]:
    """Return the meetings in sessions of which a member has named one that is still to come, each with its number."""
    table = session_choices.session_choices
    query = (
        select(meetings, table.c.session)
        .join(table, table.c.occurrence_id == meetings.c.occurrence_id)
        .where(
            table.c.member_id == member,
            meetings.c.sessions.is_not(None),
            meetings.c.state.in_([State.PLANNED, State.HELD]),
        )
    )
    rows = await unit.rows(query.order_by(meetings.c.begins_at, meetings.c.occurrence_id))
    found = zip(await _meetings(unit, rows), (row.session for row in rows), strict=True) if rows else ()
    return tuple((one, number) for one, number in found if one.sessions[number - 1].begins > unit.now)


async def seated(unit: Reading, id: OccurrenceId) -> tuple[Seat, ...]:  # noqa: A002
    """Return who is asked to a meeting since its notice went out."""
    query = select(expectations.c.member_id, expectations.c.branch_id).where(
        expectations.c.occurrence_id == id, expectations.c.state != Answer.NOT_OFFERED
    )
    rows = await unit.rows(query.order_by(expectations.c.member_id))
    return tuple(Seat(member=MemberId(row.member_id), branch=OrganisationId(row.branch_id)) for row in rows)


async def carded(unit: Reading, id: OccurrenceId) -> frozenset[OrganisationId]:  # noqa: A002
    """Return the branches in whose room the notice of a meeting stands."""
    rows = await unit.rows(select(cards.c.branch_id).where(cards.c.occurrence_id == id))
    return frozenset(OrganisationId(row.branch_id) for row in rows)


async def accounts(unit: Reading, ids: Iterable[MemberId]) -> dict[MemberId, UserId]:
    """Return the accounts of those of these people who have one and stand on a roster."""
    found = await roster.by_ids(unit, set(ids))
    return {one.id: one.user for one in found if one.user is not None and one.left is None}


async def register(unit: Reading, id: OccurrenceId) -> tuple[Elector, ...]:  # noqa: A002
    """Return who was due at a meeting when it began, and who of them might vote."""
    return await standing.roll(unit, meeting_register, id)


async def floor(unit: Reading, id: OccurrenceId) -> Floor:  # noqa: A002
    """Return of whom a vote at a meeting is reckoned, by its register and its roll.

    Once the roll is forgotten it is what was reckoned while it was known.
    """
    standing_now = {one.member: (one.state, one.note) for one in await places(unit, id)}
    kept = None if standing_now else await unit.value(select(meetings.c.figures).where(meetings.c.occurrence_id == id))
    if kept is not None:
        return Floor(**kept)
    one = await meeting(unit, id)
    counts = one is not None and await settings.value_of(unit, one.organisation, ONLINE_COUNTS) == YES
    return floor_of(await register(unit, id), standing_now, online_counts=counts)


async def people_at(unit: Reading, organisation: OrganisationId) -> tuple[Member, ...]:
    """Return whoever stands on the roster at or below where a meeting is held."""
    return await roster.roster(unit, [organisation])


async def committee_of(unit: Reading, organisation: OrganisationId) -> frozenset[MemberId]:
    """Return who sits on the committee of an organisation by the term that runs; of a group, that of its branch."""
    for node in (organisation, await branch_above(unit, organisation)):
        running = await terms.of_node(unit, node)
        if running:
            return frozenset(seat.member for seat in running[0].seats)
    return frozenset()


async def due(unit: Reading, one: Meeting) -> tuple[Seat, ...]:
    """Return who is due at a meeting by the roster of this moment, each with the branch in which they are counted."""
    people = await people_at(unit, one.organisation)
    wanted = set(due_at(one, people, await committee_of(unit, one.organisation)))
    if one.circle is Circle.MEMBERS:
        return tuple(seat for seat in await seats(unit, one.organisation) if seat.member in wanted)
    branch = await branch_above(unit, one.organisation)
    return tuple(Seat(member=member, branch=branch) for member in sorted(wanted))


async def rooms_for(unit: Reading, one: Meeting) -> tuple[Stage, ...]:
    """Return the rooms to which a notice goes: those of its members, or the one that is for its form."""
    purpose = ROOMS.get(one.form, Purpose.BRANCH)
    if purpose is None:
        return ()
    if purpose is not Purpose.BRANCH:
        own = select(rooms.c.id).where(
            rooms.c.purpose == purpose, rooms.c.lost.is_(None), rooms.c.organisation_id == one.organisation
        )
        branch = await branch_above(unit, one.organisation)
        found = tuple(Stage(room=row.id, branch=branch) for row in await unit.rows(own.order_by(rooms.c.id)))
        if found or purpose is Purpose.COMMITTEE:
            return found[:1]
    return await stages(unit, one.organisation)


async def shown(unit: Reading, occurrence: Occurrence, branch: OrganisationId | None = None) -> Shown | None:
    """Return what the notice of a meeting says beside its text, for a branch; ``None`` for what is no meeting."""
    if occurrence.begins_at is None:
        return None
    one = await meeting(unit, occurrence.id)
    return await shown_of(unit, one, branch) if one is not None else None


async def in_full(unit: Reading, occurrence: Occurrence, lesson: Lesson) -> Lesson:
    """Return the lesson of an occurrence as its card has it: of an inner meeting with its title and agenda."""
    one = await meeting(unit, occurrence.id) if occurrence.begins_at is not None else None
    return full_lesson(lesson, one) if one is not None and one.form in INNER else lesson


async def shown_of(unit: Reading, one: Meeting, branch: OrganisationId | None = None) -> Shown:
    """Return the same of a meeting that is known."""
    wanted = [member for member in (one.chair, *one.guests) if member is not None]
    names = {each.id: each.name for each in await roster.by_ids(unit, wanted)} if wanted else {}
    coming = 0
    if one.state is State.PLANNED and branch is not None:
        query = select(func.count()).where(
            expectations.c.occurrence_id == one.id,
            expectations.c.branch_id == branch,
            expectations.c.state == Answer.OPEN,
            expectations.c.note.is_not(None),
        )
        coming = await unit.value(query) or 0
    return Shown(
        form=one.form,
        state=one.state,
        begins_at=one.begins_at,
        place=one.place,
        chair=names.get(one.chair, "") if one.chair else "",
        guests=tuple(names[member] for member in one.guests if member in names),
        coming=coming,
        why=one.why,
        sessions=one.sessions if one.further else (),
    )


async def _meetings(unit: Reading, rows: Sequence[AnyRow]) -> tuple[Meeting, ...]:
    named: dict[tuple[str, str], list[MemberId]] = {}
    listed = select(meeting_people).where(meeting_people.c.occurrence_id.in_([row.occurrence_id for row in rows]))
    for row in await unit.rows(listed.order_by(meeting_people.c.member_id)):
        named.setdefault((row.occurrence_id, row.part), []).append(MemberId(row.member_id))
    return tuple(_meeting(row, {part: named.get((row.occurrence_id, part), []) for part in _PARTS}) for row in rows)


_PARTS = ("chair", "recorder", "named", "guest", "came")


def _meeting(row: AnyRow, named: dict[str, list[MemberId]]) -> Meeting:
    return Meeting(
        id=OccurrenceId(row.occurrence_id),
        organisation=OrganisationId(row.organisation_id),
        form=Form(row.form),
        lesson=LessonId(row.lesson_id),
        title=row.title,
        agenda=tuple(row.agenda),
        place=row.place,
        begins_at=row.begins_at,
        length=timedelta(minutes=row.minutes),
        timezone=row.timezone,
        further=tuple(_session(one) for one in row.sessions or ()),
        chair=next(iter(named["chair"]), None),
        recorder=next(iter(named["recorder"]), None),
        named=tuple(named["named"]),
        guests=tuple(named["guest"]),
        came=tuple(named["came"]),
        reminds=row.reminds,
        state=State(row.state),
        why=row.why,
        reminded_at=row.reminded_at,
        moved_at=row.moved_at,
        code_seed=row.code_seed,
        held_at=row.held_at,
        closed_at=row.closed_at,
    )


def _session(kept: Sequence[str]) -> Session:
    begins, place = kept
    return Session(begins=datetime.fromisoformat(begins), place=place)


def _values(one: Meeting) -> dict[str, Any]:
    return {
        "form": one.form,
        "title": one.title,
        "agenda": list(one.agenda),
        "place": one.place,
        "begins_at": one.begins_at,
        "minutes": int(one.length.total_seconds()) // 60,
        "timezone": one.timezone,
        "sessions": [[each.begins.isoformat(), each.place] for each in one.further] or None,
        "reminds": one.reminds,
        "why": one.why,
    }


async def write_called(unit: Writing, fact: MeetingCalled) -> None:
    """Keep a meeting, and when it begins with the occurrence that is its notice."""
    one = fact.meeting
    own = {"occurrence_id": one.id, "organisation_id": one.organisation, "lesson_id": one.lesson}
    await unit.add(meetings, own | _values(one) | {"state": State.PLANNED})
    await _keep_people(unit, one)
    await unit.execute(update(occurrences).where(occurrences.c.id == one.id).values(begins_at=one.begins_at))


async def _keep_people(unit: Writing, one: Meeting) -> None:
    await unit.execute(meeting_people.delete().where(meeting_people.c.occurrence_id == one.id))
    parts = [("chair", one.chair), ("recorder", one.recorder)]
    parts += [("named", member) for member in one.named] + [("guest", member) for member in one.guests]
    parts += [("came", member) for member in one.came]
    rows = [{"occurrence_id": one.id, "member_id": member, "part": part} for part, member in parts if member]
    await unit.add(meeting_people, rows)


async def write_changed(unit: Writing, fact: MeetingChanged) -> None:
    """Keep what a meeting is now; until when it takes answers, and the day on which it counts, move with it."""
    one = fact.meeting
    before = await meeting(unit, one.id)
    assert before is not None
    again = {"reminded_at": None, "moved_at": fact.at} if before.begins_at != one.begins_at else {}
    await session_choices.follow(unit, one.id, before.sessions, one.sessions)
    await _change(unit, one.id, **_values(one) | again)
    await _keep_people(unit, one)
    own = occurrences.c.id == one.id
    await unit.execute(update(occurrences).where(own).values(begins_at=one.begins_at))
    if await unit.value(select(occurrences.c.state).where(own)) == Notice.OPEN:
        await unit.execute(update(occurrences).where(own).values(closes_at=one.answers_until))
        await move_day(unit, one.id, one.day)
    await seat_more(unit, one.id, fact.joined, fact.gone)


async def write_cancelled(unit: Writing, fact: MeetingCancelled) -> None:
    """Call a meeting off; whoever was asked to it counts as never asked."""
    await _change(unit, fact.occurrence, state=State.CANCELLED, why=fact.why)
    ended = update(occurrences).where(occurrences.c.id == fact.occurrence)
    await unit.execute(ended.values(state=Notice.CANCELLED, closed_at=fact.at))
    for before in (Answer.OPEN, Answer.UNANSWERED, Answer.EXCUSED):
        await move_seats(unit, fact.occurrence, None, Answer.NOT_OFFERED, before=before)


async def write_reminded(unit: Writing, fact: MeetingReminded) -> None:
    """Keep when people were reminded."""
    await _change(unit, fact.occurrence, reminded_at=fact.at)


async def write_held(unit: Writing, fact: MeetingHeld) -> None:
    """Fix the register, seat who joined since the notice, and ask nothing of who has left."""
    await _change(unit, fact.occurrence, state=State.HELD, held_at=fact.at)
    await unit.add(
        meeting_register, [standing.on_roll(meeting_register, fact.occurrence, one) for one in fact.register]
    )
    await seat_more(unit, fact.occurrence, fact.joined, fact.gone)


async def write_closed(unit: Writing, fact: MeetingClosed) -> None:
    """Let the roll stand; from then on a place in it is made up, or put right by hand."""
    await _change(unit, fact.occurrence, state=State.CLOSED, closed_at=fact.at, code_seed=None)
    await _keep_figures(unit, fact.occurrence)
    early = update(occurrences).where(occurrences.c.id == fact.occurrence, occurrences.c.closes_at > fact.at)
    await unit.execute(early.values(closes_at=fact.at))


async def keep_figures(unit: Writing, before: datetime) -> None:
    """Keep what was reckoned of the rolls that are forgotten next: those of occurrences from before a time."""
    known = select(expectations.c.member_id).where(expectations.c.occurrence_id == meetings.c.occurrence_id)
    old = (
        select(meetings.c.occurrence_id)
        .join(occurrences, occurrences.c.id == meetings.c.occurrence_id)
        .where(occurrences.c.due_at < before, meetings.c.held_at.is_not(None), known.exists())
    )
    for row in await unit.rows(old):
        await _keep_figures(unit, row.occurrence_id)


async def _keep_figures(unit: Writing, id: OccurrenceId) -> None:  # noqa: A002
    await unit.settled()
    await _change(unit, id, figures=asdict(await floor(unit, id)))


async def write_guests(unit: Writing, fact: GuestsMarked) -> None:
    """Keep who of those who were to sit in has come."""
    own = (meeting_people.c.occurrence_id == fact.occurrence) & (meeting_people.c.part == "came")
    await unit.execute(meeting_people.delete().where(own))
    rows = [{"occurrence_id": fact.occurrence, "member_id": member, "part": "came"} for member in fact.came]
    await unit.add(meeting_people, rows)


async def write_code(unit: Writing, fact: VenueCodeShown | VenueCodeEnded) -> None:
    """Keep from what the codes of a venue are made, as long as they are asked for."""
    await _change(unit, fact.occurrence, code_seed=fact.seed if isinstance(fact, VenueCodeShown) else None)


async def _change(unit: Writing, id: OccurrenceId, **values: Any) -> None:  # noqa: A002
    await unit.execute(update(meetings).where(meetings.c.occurrence_id == id).values(**values))
