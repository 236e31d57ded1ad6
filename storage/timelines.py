"""What has happened with one person, newest first: their entry, what they answered and asked, duties and rooms."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from sqlalchemy import and_, func, or_, select

from content.checkins import State
from content.identifiers import CorrectionId, MemberId, OccurrenceId, OrganisationId, UserId
from storage.audit import DONE, audit
from storage.checkins import answers, expectations
from storage.corrections import corrections
from storage.edits import Trace, traces
from storage.lessons import lessons
from storage.organisations import each_within, organisations
from storage.outbox import Kind, outbox
from storage.outbox import State as Sent
from storage.rooms import rooms
from storage.schedules import SHOWN_TITLE, occurrences
from storage.unit import Reading

PAGE = 20


class Sort(StrEnum):
    """What kind of thing happened."""

    EDIT = "edit"
    ANSWER = "answer"
    TAKEN_BACK = "taken_back"
    CORRECTION = "correction"
    ANSWERED = "answered"
    INVITED = "invited"
    REMOVED = "removed"
    DUTY_GIVEN = "duty_given"
    DUTY_ENDED = "duty_ended"


class Moment(Struct, frozen=True, kw_only=True):
    """One thing that happened; what it was about is named by the fields that its sort has.

    ``role`` is the key by which a role is called.
    """

    at: datetime
    sort: Sort
    title: str = ""
    trace: Trace | None = None
    state: State | None = None
    by: UserId | None = None
    occurrence: OccurrenceId | None = None
    correction: CorrectionId | None = None
    role: str | None = None


async def moments(
    unit: Reading,
    ids: Collection[MemberId],
    user: UserId | None,
    roots: Iterable[OrganisationId],
    *,
    before: datetime | None = None,
    limit: int = PAGE,
) -> tuple[tuple[Moment, ...], bool]:
    """Return what happened last, as far as it lies at or below the roots, and whether there is more before it.

    A page never ends between two things of the same instant, so that the next one begins before its last.
    """
    roots, ids = list(roots), sorted(ids)
    found = [
        *await _edits(unit, ids, roots, before, limit + 1),
        *await _answers(unit, ids, roots, before, limit + 1),
        *await _corrections(unit, ids, roots, before, limit + 1),
    ]
    if user is not None:
        found += await _rooms(unit, user, roots, before, limit + 1)
        found += await _duties(unit, user, roots, before, limit + 1)
    found.sort(key=lambda one: (one.at, one.sort), reverse=True)
    if len(found) <= limit:
        return tuple(found), False
    last = found[limit - 1].at
    page = [one for one in found[: limit + 1] if one.at > found[limit].at]
    return (tuple(page), True) if page else (tuple(one for one in found if one.at >= last), True)


async def _edits(
    unit: Reading, ids: list[MemberId], roots: list[OrganisationId], before: datetime | None, limit: int
) -> list[Moment]:
    known = await traces(unit, ids, roots=roots, before=before, limit=limit)
    return [Moment(at=trace.at, sort=Sort.EDIT, trace=trace, by=trace.by) for trace in known]


async def _answers(
    unit: Reading, ids: list[MemberId], roots: list[OrganisationId], before: datetime | None, limit: int
) -> list[Moment]:
    place = and_(
        expectations.c.occurrence_id == answers.c.occurrence_id, expectations.c.member_id == answers.c.member_id
    )
    query = (
        select(answers, SHOWN_TITLE)
        .join(expectations, place)
        .join(occurrences, occurrences.c.id == answers.c.occurrence_id)
        .join(lessons, lessons.c.id == occurrences.c.lesson_id)
        .where(answers.c.member_id.in_(ids), each_within(expectations.c.branch_id, roots))
        .order_by(answers.c.at.desc(), answers.c.number.desc())
    )
    if before is not None:
        query = query.where(answers.c.at < before)
    return [
        Moment(
            at=row.at,
            sort=Sort.TAKEN_BACK if row.taken_back_at else Sort.ANSWER,
            title=row.title,
            state=State(row.state),
            by=row.recorded_by,
            occurrence=row.occurrence_id,
        )
        for row in await unit.rows(query.limit(limit))
    ]


async def _corrections(
    unit: Reading, ids: list[MemberId], roots: list[OrganisationId], before: datetime | None, limit: int
) -> list[Moment]:
    query = select(corrections).where(
        corrections.c.member_id.in_(ids), each_within(corrections.c.organisation_id, roots)
    )
    if before is not None:
        query = query.where(or_(corrections.c.asked_at < before, corrections.c.answered_at < before))
    found: list[Moment] = []
    for row in await unit.rows(query.order_by(corrections.c.asked_at.desc()).limit(2 * limit)):
        if before is None or row.asked_at < before:
            found.append(Moment(at=row.asked_at, sort=Sort.CORRECTION, correction=row.id))
        if row.answered_at is not None and (before is None or row.answered_at < before):
            found.append(Moment(at=row.answered_at, sort=Sort.ANSWERED, correction=row.id, by=row.answered_by))
    return sorted(found, key=lambda one: one.at, reverse=True)[:limit]


async def _rooms(
    unit: Reading, user: UserId, roots: list[OrganisationId], before: datetime | None, limit: int
) -> list[Moment]:
    query = (
        select(outbox.c.kind, outbox.c.done_at, rooms.c.name)
        .join(rooms, rooms.c.id == outbox.c.room_id)
        .where(
            outbox.c.user_id == user,
            outbox.c.kind.in_([Kind.INVITE, Kind.REMOVE]),
            # Written so that it is found by the person, who has few rows, and not by the state, which nearly all have.
            func.coalesce(outbox.c.state, "") == Sent.SENT,
            outbox.c.done_at.is_not(None),
            each_within(rooms.c.organisation_id, roots),
        )
        .order_by(outbox.c.done_at.desc())
    )
    if before is not None:
        query = query.where(outbox.c.done_at < before)
    sorts = {Kind.INVITE: Sort.INVITED, Kind.REMOVE: Sort.REMOVED}
    return [
        Moment(at=row.done_at, sort=sorts[Kind(row.kind)], title=row.name)
        for row in await unit.rows(query.limit(limit))
    ]


_OF_DUTIES = {
    f"{first}{action}": sort
    for action, sort in (("duty_granted", Sort.DUTY_GIVEN), ("duty_ended", Sort.DUTY_ENDED))
    for first in ("", "proposal_decided, ")
}
"""What the record calls the giving and the ending of a duty, at once or once a second person has agreed."""


async def _duties(
    unit: Reading, user: UserId, roots: list[OrganisationId], before: datetime | None, limit: int
) -> list[Moment]:
    query = (
        select(audit, organisations.c.name)
        .join(organisations, organisations.c.id == audit.c.place)
        .where(
            audit.c.subject == user,
            audit.c.action.in_(list(_OF_DUTIES)),
            audit.c.outcome == DONE,
            each_within(audit.c.place, roots),
        )
        .order_by(audit.c.at.desc(), audit.c.number.desc())
    )
    if before is not None:
        query = query.where(audit.c.at < before)
    return [
        Moment(at=row.at, sort=_OF_DUTIES[row.action], title=row.name, by=row.actor, role=row.after or row.before)
        for row in await unit.rows(query.limit(limit))
    ]
