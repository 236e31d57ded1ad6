"""Which rules wait for a second pair of eyes, and what was approved of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update

from content.identifiers import LessonId, OrganisationId, ScheduleId, UserId
from content.occurrences import State
from content.organisations import RIGHTS, Right, Role
from content.reviews import Review, ReviewAsked, ScheduleApproved, ScheduleReturned, Stage
from content.settings import BY_NAME, SECOND_PAIR, YES, Chosen, SettingChosen, held_at
from content.structure import OrganisationMoved
from storage import settings
from storage.lessons import lesson_revisions, lessons
from storage.organisations import duties, organisation_closure, tree, within
from storage.schedules import occurrences, schedules
from storage.unit import AnyRow, Reading, Writing

_UNREAD = (schedules.c.review == Stage.APPROVED) & schedules.c.approved.is_(None)
"""What goes out though nobody was asked to read it."""


def _may_still_send() -> ColumnElement[bool]:
    """Return the condition that something of a rule is to come, or could be taken up again or sent after all."""
    yielded = select(func.count()).where(occurrences.c.schedule_id == schedules.c.id).scalar_subquery()
    left = select(occurrences.c.schedule_id).where(
        occurrences.c.state.in_([State.PLANNED, State.CANCELLED, State.MISSED])
    )
    return schedules.c.id.in_(left) | (schedules.c.count == 0) | (schedules.c.count > yielded)


async def review(
    unit: Reading,
    id: ScheduleId,  # noqa: A002
    roots: Iterable[OrganisationId] | None = None,
) -> Review | None:
    """Return how a rule stands, where its audience lies in the subtrees of the roots."""
    query = select(schedules).where(schedules.c.id == id)
    if roots is not None:
        query = query.where(within(schedules.c.audience_id, list(roots)))
    row = await unit.first(query)
    return (await _reviews(unit, [row]))[0] if row is not None else None


async def waiting(unit: Reading, roots: Iterable[OrganisationId], *, limit: int) -> tuple[Review, ...]:
    """Return what waits for approval in the subtrees of the roots, the newest first."""
    coming = select(occurrences.c.schedule_id).where(occurrences.c.state == State.PLANNED)
    query = select(schedules).where(
        within(schedules.c.audience_id, list(roots)),
        schedules.c.id.in_(coming),
        (schedules.c.review == Stage.WAITING) | schedules.c.approved.is_not(None),
    )
    rows = await unit.rows(query.order_by(schedules.c.made_at.desc(), schedules.c.id))
    return tuple(one for one in await _reviews(unit, rows) if one.stands is Stage.WAITING)[:limit]


async def unread(
    unit: Reading, node: OrganisationId, chosen: Chosen, parents: Mapping[OrganisationId, OrganisationId | None]
) -> tuple[ScheduleId, ...]:
    """Return what is planned at or below a node, goes out unread, and is to be read by what is set there."""
    rows = await unit.rows(
        select(schedules.c.id, schedules.c.audience_id).where(
            within(schedules.c.audience_id, [node]),
            _UNREAD,
            schedules.c.id.in_(select(occurrences.c.schedule_id).where(occurrences.c.state == State.PLANNED)),
        )
    )
    return tuple(ScheduleId(row.id) for row in rows if _wants(row.audience_id, chosen, parents))


def _wants(node: OrganisationId, chosen: Chosen, parents: Mapping[OrganisationId, OrganisationId | None]) -> bool:
    return held_at(node, BY_NAME[SECOND_PAIR], chosen=chosen, parents=parents).value == YES


async def reviewers(unit: Reading, node: OrganisationId) -> tuple[UserId, ...]:
    """Return who may approve what is planned for a node."""
    query = (
        select(duties.c.user_id)
        .join(organisation_closure, organisation_closure.c.ancestor_id == duties.c.organisation_id)
        .where(
            organisation_closure.c.descendant_id == node,
            duties.c.role.in_([role for role in Role if Right.REVIEW in RIGHTS[role]]),
        )
    )
    return tuple(sorted({UserId(row.user_id) for row in await unit.rows(query)}))


async def _reviews(unit: Reading, rows: Sequence[AnyRow]) -> list[Review]:
    named = {lesson for row in rows for lesson in row.lessons}
    current = (lesson_revisions.c.lesson_id == lessons.c.id) & (lesson_revisions.c.revision == lessons.c.revision)
    query = (
        select(lessons.c.id, lessons.c.revision, lessons.c.title, lesson_revisions.c.author)
        .join(lesson_revisions, current)
        .where(lessons.c.id.in_(list(named)))
    )
    known = {row.id: row for row in await unit.rows(query)}
    planned = select(occurrences.c.schedule_id, occurrences.c.due_at).where(
        occurrences.c.schedule_id.in_([row.id for row in rows]), occurrences.c.state == State.PLANNED
    )
    dates: dict[str, list[datetime]] = {}
    for one in await unit.rows(planned.order_by(occurrences.c.due_at, occurrences.c.id)):
        dates.setdefault(one.schedule_id, []).append(one.due_at)
    return [
        Review(
            schedule=row.id,
            organisation=row.audience_id,
            author=row.author,
            stage=Stage(row.review),
            title="、".join(known[one].title for one in dict.fromkeys(row.lessons) if one in known),
            lessons={LessonId(one): known[one].revision for one in row.lessons if one in known},
            approved=dict(row.approved or {}),
            writers=frozenset(UserId(known[one].author) for one in row.lessons if one in known),
            dates=tuple(dates.get(row.id, ())),
            note=row.review_note or "",
        )
        for row in rows
    ]


async def write_wanted(unit: Writing, fact: SettingChosen | OrganisationMoved) -> None:
    """Let what stands wait to be read where that is wanted from now on, and go on where it is wanted no more.

    This comes before the fact itself is written: what somebody asked to have read where it was not wanted still waits.
    """
    if isinstance(fact, SettingChosen) and fact.name != SECOND_PAIR:
        return
    chosen = await settings.chosen(unit)
    parents = {node.id: node.parent for node in await tree(unit)}
    then, above = dict(chosen), dict(parents)
    if isinstance(fact, OrganisationMoved):
        above[fact.organisation] = fact.parent
    else:
        own = {name: value for name, value in chosen.get(fact.organisation, {}).items() if name != SECOND_PAIR}
        then[fact.organisation] = own if fact.value is None else own | {SECOND_PAIR: fact.value}
    below = within(schedules.c.audience_id, [fact.organisation])
    for row in await unit.rows(select(schedules.c.audience_id).where(below).distinct()):
        of_this = update(schedules).where(schedules.c.audience_id == row.audience_id)
        if _wants(row.audience_id, then, above):
            stood = of_this.where(_UNREAD, _may_still_send())
            await unit.execute(stood.values(review=Stage.WAITING, review_note=None))
        elif _wants(row.audience_id, chosen, parents):
            waits = of_this.where(schedules.c.review.in_([Stage.WAITING, Stage.APPROVED]))
            await unit.execute(waits.values(review=Stage.APPROVED, approved=None))


async def write_asked(unit: Writing, fact: ReviewAsked) -> None:
    """Let a rule wait for approval."""
    await _change(unit, fact.schedule, review=Stage.WAITING, review_note=None)


async def write_approved(unit: Writing, fact: ScheduleApproved) -> None:
    """Let a rule go out, in these revisions of its lessons."""
    await _change(
        unit,
        fact.schedule,
        review=Stage.APPROVED,
        approved=dict(fact.lessons),
        reviewed_by=fact.by,
        reviewed_at=fact.at,
        review_note=None,
    )


async def write_returned(unit: Writing, fact: ScheduleReturned) -> None:
    """Give a rule back with what is to be changed."""
    await _change(
        unit,
        fact.schedule,
        review=Stage.RETURNED,
        approved=None,
        reviewed_by=fact.by,
        reviewed_at=fact.at,
        review_note=fact.note,
    )


async def _change(unit: Writing, id: ScheduleId, **values: object) -> None:  # noqa: A002
    await unit.execute(update(schedules).where(schedules.c.id == id).values(**values))
