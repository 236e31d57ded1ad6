"""Learning hours: what was entered by hand, what occurrences count as, and the year of each person put together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date

from msgspec import Struct
from sqlalchemy import Column, Date, ForeignKey, Index, Integer, String, Table, and_, func, or_, select, update

from content.checkins import TOOK_PART, State
from content.hours import (
    LEARNED_TOGETHER,
    Counts,
    Credit,
    Entry,
    Form,
    HoursRecorded,
    HoursTakenBack,
    LearningCounted,
    Line,
    Office,
    Remark,
    Rules,
    Sum,
    add,
    could_use_help,
    learned_at,
    line_of,
    office,
    remarks,
    rules_from,
    usual,
)
from content.identifiers import HoursId, MemberId, OccurrenceId, OrganisationId, TermId
from content.lessons import Kind
from content.members import Member
from content.notices import Form as Gathering
from content.notices import State as Meets
from content.settings import BY_NAME, held_at
from storage import settings, terms
from storage.checkins import expectations
from storage.lessons import lesson_revisions, lessons
from storage.meetings import meetings
from storage.members import members
from storage.organisations import tree
from storage.schedules import SHOWN_TITLE, occurrences
from storage.tables import Instant, metadata
from storage.terms import term_seats
from storage.unit import AnyRow, Reading, Writing

learning_entries = Table(
    "learning_entries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("member_id", ForeignKey("members.id"), nullable=False),
    Column("on_day", Date, nullable=False),
    Column("title", String(100), nullable=False),
    Column("form", String(12), nullable=False),
    Column("hundredths", Integer, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("recorded_by", String(255), nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("taken_back_by", String(255)),
    Column("taken_back_at", Instant),
    Index("ix_learning_entries_member_day", "member_id", "on_day"),
)

learning_counts = Table(
    "learning_counts",
    metadata,
    Column("occurrence_id", ForeignKey("occurrences.id"), primary_key=True),
    Column("form", String(12)),
    Column("hundredths", Integer, nullable=False),
)
"""What a person said that an occurrence counts as; of others it follows from their kind."""

PORTION = 500
YEARS_BACK = 3
"""So far back a training is looked for: a probation that was made longer, and the year after it."""


class Learner(Struct, frozen=True, kw_only=True):
    """One person's year: what they learned, the line that is looked for, and what is said beyond it."""

    member: Member
    credits: tuple[Credit, ...]
    total: Sum
    line: int | None
    remarks: tuple[Remark, ...]
    needs_help: bool


async def rules_at(unit: Reading, nodes: Iterable[OrganisationId]) -> dict[OrganisationId, Rules]:
    """Return what holds at each of these organisations."""
    chosen = await settings.chosen(unit)
    parents = {node.id: node.parent for node in await tree(unit)}
    return {
        node: rules_from({line: held_at(node, BY_NAME[line], chosen=chosen, parents=parents).value for line in Line})
        for node in nodes
    }


async def learners(unit: Reading, people: Collection[Member], *, year: int, today: date) -> tuple[Learner, ...]:
    """Return the year of each of these people, in their order; entries that were merged into theirs count as theirs."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    rules = await rules_at(unit, {one.organisation for one in people})
    hour = {one.id: rules[one.organisation].hour for one in people}
    whose = await _whose(unit, hour)
    held = await _offices(unit, hour)
    found = await _credits(unit, whose, hour, since=first, until=last)
    earlier = await _trainings(unit, whose, since=first.replace(year=year - YEARS_BACK), until=last)
    return tuple(
        _learner(
            one,
            tuple(sorted(found[one.id], key=lambda credit: (credit.on, credit.title))),
            held.get(one.id, Office()),
            rules[one.organisation],
            trainings=earlier[one.id],
            year=year,
            today=today,
        )
        for one in people
    )


def _learner(
    member: Member,
    credits: tuple[Credit, ...],  # noqa: A002
    held: Office,
    rules: Rules,
    *,
    trainings: Collection[date],
    year: int,
    today: date,
) -> Learner:
    total, line = add(credits), line_of(member, held, rules)
    return Learner(
        member=member,
        credits=credits,
        total=total,
        line=line,
        remarks=remarks(member, held, rules, total=total, trainings=trainings, year=year, today=today),
        needs_help=could_use_help(total, line, rules, year=year, today=today),
    )


async def _whose(unit: Reading, ids: Collection[MemberId]) -> dict[MemberId, MemberId]:
    """Return for each entry of these people, merged ones too, the entry that stands for them."""
    query = select(members.c.id, members.c.merged_into).where(members.c.merged_into.is_not(None))
    into = {MemberId(row.id): MemberId(row.merged_into) for row in await unit.rows(query)}
    whose = {one: one for one in ids}
    for start in into:
        seen, at = {start}, start
        while at in into and into[at] not in seen:
            at = into[at]
            seen.add(at)
        if at in whose:
            whose[start] = at
    return whose


async def _offices(unit: Reading, ids: Collection[MemberId]) -> dict[MemberId, Office]:
    """Return who of these sits on a committee, or has."""
    wanted, seats = list(ids), dict[MemberId, set[TermId]]()
    for start in range(0, len(wanted), PORTION):
        query = select(term_seats.c.member_id, term_seats.c.term_id)
        for row in await unit.rows(query.where(term_seats.c.member_id.in_(wanted[start : start + PORTION]))):
            seats.setdefault(MemberId(row.member_id), set()).add(TermId(row.term_id))
    if not seats:
        return {}
    held = await terms.beside(unit, set().union(*seats.values()))
    return {
        member: office([those for those in held.values() if own & {term.id for term in those}], member)
        for member, own in seats.items()
    }


async def _credits(
    unit: Reading,
    whose: Mapping[MemberId, MemberId],
    hour: Mapping[MemberId, int],
    *,
    since: date,
    until: date,
) -> defaultdict[MemberId, list[Credit]]:
    found: defaultdict[MemberId, list[Credit]] = defaultdict(list)
    seen: set[tuple[MemberId, OccurrenceId]] = set()
    wanted = list(whose)
    revision = func.coalesce(occurrences.c.lesson_revision, lessons.c.revision)
    of_rolls = (
        select(
            expectations.c.member_id,
            expectations.c.occurrence_id,
            expectations.c.branch_id,
            expectations.c.local_date,
            expectations.c.state,
            SHOWN_TITLE,
            lessons.c.kind,
            lesson_revisions.c.minutes,
            meetings.c.form.label("gathering"),
            meetings.c.minutes.label("length"),
            learning_counts.c.occurrence_id.label("said"),
            learning_counts.c.form,
            learning_counts.c.hundredths,
        )
        .join(occurrences, occurrences.c.id == expectations.c.occurrence_id)
        .join(lessons, lessons.c.id == occurrences.c.lesson_id)
        .join(
            lesson_revisions,
            (lesson_revisions.c.lesson_id == lessons.c.id) & (lesson_revisions.c.revision == revision),
        )
        .outerjoin(learning_counts, learning_counts.c.occurrence_id == expectations.c.occurrence_id)
        .outerjoin(meetings, meetings.c.occurrence_id == expectations.c.occurrence_id)
        .where(
            expectations.c.state.in_(sorted(TOOK_PART)),
            expectations.c.local_date >= since,
            expectations.c.local_date <= until,
            or_(
                lessons.c.kind.in_([Kind.LESSON, Kind.LECTURE]),
                learning_counts.c.form.is_not(None),
                and_(meetings.c.form.in_(sorted(LEARNED_TOGETHER)), meetings.c.state == Meets.CLOSED),
            ),
        )
    )
    by_hand = select(learning_entries).where(
        learning_entries.c.taken_back_at.is_(None),
        learning_entries.c.on_day >= since,
        learning_entries.c.on_day <= until,
    )
    for start in range(0, len(wanted), PORTION):
        some = wanted[start : start + PORTION]
        for row in await unit.rows(of_rolls.where(expectations.c.member_id.in_(some))):
            owner = whose[MemberId(row.member_id)]
            counts = _counts(row, hour[owner])
            place = (owner, OccurrenceId(row.occurrence_id))
            if counts.form is not None and place not in seen:
                seen.add(place)
                found[owner].append(_credit(row, counts.form, counts.hundredths))
        for row in await unit.rows(by_hand.where(learning_entries.c.member_id.in_(some))):
            found[whose[MemberId(row.member_id)]].append(_by_hand(row))
    return found


def _counts(row: AnyRow, hour: int) -> Counts:
    if row.said is not None:
        return Counts(form=Form(row.form) if row.form else None, hundredths=row.hundredths)
    if row.gathering is not None:
        return learned_at(Gathering(row.gathering), row.length, hour=hour)
    return usual(Kind(row.kind), row.minutes, hour=hour)


def _credit(row: AnyRow, form: Form, hundredths: int) -> Credit:
    return Credit(
        on=row.local_date,
        title=row.title,
        form=form,
        hundredths=hundredths,
        occurrence=row.occurrence_id,
        branch=row.branch_id,
        made_up=row.state == State.MADE_UP,
    )


def _by_hand(row: AnyRow) -> Credit:
    return Credit(
        on=row.on_day,
        title=row.title,
        form=Form(row.form),
        hundredths=row.hundredths,
        id=HoursId(row.id),
        reason=row.reason,
        by=row.recorded_by or None,
    )


async def _trainings(
    unit: Reading, whose: Mapping[MemberId, MemberId], *, since: date, until: date
) -> defaultdict[MemberId, set[date]]:
    """Return on which days each person was at a training: few, so that several years are read as one."""
    found: defaultdict[MemberId, set[date]] = defaultdict(set)
    rolls = (
        select(expectations.c.member_id, expectations.c.local_date)
        .join(learning_counts, learning_counts.c.occurrence_id == expectations.c.occurrence_id)
        .where(
            learning_counts.c.form == Form.TRAINING,
            expectations.c.state.in_(sorted(TOOK_PART)),
            expectations.c.local_date >= since,
            expectations.c.local_date <= until,
        )
    )
    by_hand = select(learning_entries.c.member_id, learning_entries.c.on_day.label("local_date")).where(
        learning_entries.c.form == Form.TRAINING,
        learning_entries.c.taken_back_at.is_(None),
        learning_entries.c.on_day >= since,
        learning_entries.c.on_day <= until,
    )
    wanted = list(whose)
    for start in range(0, len(wanted), PORTION):
        some = wanted[start : start + PORTION]
        for query, column in ((rolls, expectations.c.member_id), (by_hand, learning_entries.c.member_id)):
            for row in await unit.rows(query.where(column.in_(some))):
                found[whose[MemberId(row.member_id)]].add(row.local_date)
    return found


async def known(unit: Reading, ids: Collection[MemberId], on: date) -> frozenset[tuple[MemberId, date, str]]:
    """Return what was entered by hand of these people for a day and still counts."""
    query = select(learning_entries).where(
        learning_entries.c.member_id.in_(list(ids)),
        learning_entries.c.on_day == on,
        learning_entries.c.taken_back_at.is_(None),
    )
    return frozenset((MemberId(row.member_id), row.on_day, row.title) for row in await unit.rows(query))


async def entry(unit: Reading, id: HoursId) -> Entry | None:  # noqa: A002
    """Return what was entered by hand."""
    row = await unit.first(select(learning_entries).where(learning_entries.c.id == id))
    if row is None:
        return None
    return Entry(
        id=HoursId(row.id),
        member=row.member_id,
        on=row.on_day,
        title=row.title,
        form=Form(row.form),
        hundredths=row.hundredths,
        reason=row.reason,
        by=row.recorded_by,
        at=row.recorded_at,
        taken_back=row.taken_back_at,
    )


async def counts_of(unit: Reading, occurrence: OccurrenceId) -> Counts | None:
    """Return what a person said that an occurrence counts as, ``None`` where nobody has."""
    row = await unit.first(select(learning_counts).where(learning_counts.c.occurrence_id == occurrence))
    return Counts(form=Form(row.form) if row.form else None, hundredths=row.hundredths) if row else None


async def write_recorded(unit: Writing, fact: HoursRecorded) -> None:
    """Keep hours that were entered by hand."""
    one = fact.hours
    await unit.add_missing(
        learning_entries,
        {
            "id": one.id,
            "member_id": one.member,
            "on_day": one.on,
            "title": one.title,
            "form": one.form,
            "hundredths": one.hundredths,
            "reason": one.reason,
            "recorded_by": one.by,
            "recorded_at": one.at,
            "taken_back_by": None,
            "taken_back_at": None,
        },
    )


async def write_taken_back(unit: Writing, fact: HoursTakenBack) -> None:
    """Cross hours out; that they stood there is kept."""
    own = update(learning_entries).where(learning_entries.c.id == fact.hours)
    await unit.execute(own.values(taken_back_by=fact.by, taken_back_at=fact.at))


async def write_counted(unit: Writing, fact: LearningCounted) -> None:
    """Keep what an occurrence counts as, or let go of what was said."""
    if fact.counts is None:
        await unit.execute(learning_counts.delete().where(learning_counts.c.occurrence_id == fact.occurrence))
        return
    values = {
        "occurrence_id": fact.occurrence,
        "form": fact.counts.form,
        "hundredths": fact.counts.hundredths,
    }
    await unit.put(learning_counts, values, key=["occurrence_id"])


async def forget_past(unit: Writing, before: date) -> None:
    """Forget what was entered by hand for days as long ago as those of which no answers are kept."""
    await unit.execute(learning_entries.delete().where(learning_entries.c.on_day < before))
