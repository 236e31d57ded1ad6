"""Surveys that are asked with names: who is asked, and what they have answered until the survey is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import JSON, Column, ForeignKey, Integer, String, Table, and_, select, update

from content.election_cases import read_questions
from content.identifiers import MemberId, OrganisationId, SurveyId
from content.questions import Answers, show_questions
from content.surveys import (
    ABOUT,
    Replied,
    Standing,
    State,
    Survey,
    SurveyCancelled,
    SurveyClosed,
    SurveyDrafted,
    SurveyFinished,
    SurveyLeft,
    SurveyOpened,
)
from storage.inquiries import forget_about
from storage.organisations import within
from storage.prepared import Prepared
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

surveys = Table(
    "surveys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("title", String(200), nullable=False),
    Column("questions", JSON, nullable=False),
    Column("groups", String(32), nullable=False),
    Column("closes_at", Instant, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("state", String(10), nullable=False, index=True),
    Column("opened_at", Instant),
    Column("asked", Integer),
    Column("answered", Integer),
    Column("result", JSON),
)

survey_people = Table(
    "survey_people",
    metadata,
    Column("survey_id", ForeignKey("surveys.id"), primary_key=True),
    Column("member_id", ForeignKey("members.id"), primary_key=True, index=True),
    Column("standing", String(8), nullable=False),
    sqlite_with_rowid=False,
)

survey_answers = Table(
    "survey_answers",
    metadata,
    Column("survey_id", ForeignKey("surveys.id"), primary_key=True),
    Column("member_id", ForeignKey("members.id"), primary_key=True, index=True),
    Column("question", String(32), primary_key=True),
    Column("said", JSON, nullable=False),
    sqlite_with_rowid=False,
)


def _survey(row: AnyRow) -> Survey:
    return Survey(
        id=row.id,
        organisation=row.organisation_id,
        title=row.title,
        questions=read_questions(row.questions),
        by=row.groups,
        closes_at=row.closes_at,
        timezone=row.timezone,
        state=State(row.state),
        opened_at=row.opened_at,
        asked=row.asked,
        answered=row.answered,
        result=row.result,
    )


async def survey(unit: Reading, id: SurveyId) -> Survey | None:  # noqa: A002
    """Return a survey."""
    row = await unit.first(select(surveys).where(surveys.c.id == id))
    return _survey(row) if row else None


async def visible(unit: Reading, roots: Iterable[OrganisationId], id: SurveyId) -> Survey | None:  # noqa: A002
    """Return a survey, if it stands at or below the roots."""
    row = await unit.first(select(surveys).where(surveys.c.id == id, within(surveys.c.organisation_id, roots)))
    return _survey(row) if row else None


async def of_roots(unit: Reading, roots: Iterable[OrganisationId], *, limit: int) -> tuple[Survey, ...]:
    """Return the surveys at or below the roots, the last to close first."""
    query = select(surveys).where(within(surveys.c.organisation_id, roots))
    return tuple(
        _survey(row) for row in await unit.rows(query.order_by(surveys.c.closes_at.desc(), surveys.c.id).limit(limit))
    )


_OPENED = Prepared(select(surveys).where(surveys.c.state == State.OPEN).order_by(surveys.c.closes_at, surveys.c.id))


async def opened(unit: Reading) -> tuple[Survey, ...]:
    """Return the surveys that are being asked."""
    return tuple(_survey(row) for row in await unit.rows(_OPENED))


async def open_to(unit: Reading, member: MemberId) -> tuple[tuple[Survey, Standing], ...]:
    """Return the surveys that are asked of a member now, and where they stand in each."""
    query = select(surveys, survey_people.c.standing).join(survey_people, survey_people.c.survey_id == surveys.c.id)
    query = query.where(
        survey_people.c.member_id == member, surveys.c.state == State.OPEN, surveys.c.closes_at > unit.now
    )
    rows = await unit.rows(query.order_by(surveys.c.closes_at, surveys.c.id))
    return tuple((_survey(row), Standing(row.standing)) for row in rows)


async def standing(unit: Reading, survey: SurveyId, member: MemberId) -> Standing | None:
    """Return where a member stands, ``None`` for who is not asked."""
    found = await unit.value(
        select(survey_people.c.standing).where(survey_people.c.survey_id == survey, survey_people.c.member_id == member)
    )
    return Standing(found) if found else None


async def answered(unit: Reading, survey: SurveyId, member: MemberId) -> tuple[str, ...]:
    """Return the questions that a member has answered or left out."""
    query = select(survey_answers.c.question).where(
        survey_answers.c.survey_id == survey, survey_answers.c.member_id == member
    )
    return tuple(row.question for row in await unit.rows(query))


async def said(unit: Reading, survey: SurveyId, member: MemberId) -> Answers:
    """Return what a member has answered, for their own eyes; what they left out is not among it."""
    own = and_(survey_answers.c.survey_id == survey, survey_answers.c.member_id == member)
    rows = await unit.rows(select(survey_answers.c.question, survey_answers.c.said).where(own))
    return {row.question: tuple(row.said) for row in rows if row.said}


async def unfinished(unit: Reading, survey: SurveyId) -> tuple[MemberId, ...]:
    """Return who has neither come to the end nor left, for the reminder and for nobody's eyes."""
    query = select(survey_people.c.member_id).where(
        survey_people.c.survey_id == survey, survey_people.c.standing == Standing.ASKED
    )
    return tuple(MemberId(row.member_id) for row in await unit.rows(query.order_by(survey_people.c.member_id)))


async def papers(unit: Reading, survey: SurveyId) -> tuple[Answers, ...]:
    """Return what each who has said anything has said, without who they are."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in await unit.rows(select(survey_answers).where(survey_answers.c.survey_id == survey)):
        paper = found.setdefault(row.member_id, {})
        if row.said:
            paper[row.question] = tuple(row.said)
    return tuple(sorted(found.values(), key=lambda paper: sorted(paper.items())))


async def write_drafted(unit: Writing, fact: SurveyDrafted) -> None:
    """Keep a draft."""
    one = fact.survey
    await unit.add(
        surveys,
        {
            "id": one.id,
            "organisation_id": one.organisation,
            "title": one.title,
            "questions": show_questions(one.questions),
            "groups": one.by,
            "closes_at": one.closes_at,
            "timezone": one.timezone,
            "state": State.DRAFT,
        },
    )


async def write_opened(unit: Writing, fact: SurveyOpened) -> None:
    """Ask people."""
    rows = [{"survey_id": fact.survey, "member_id": one, "standing": Standing.ASKED} for one in sorted(fact.people)]
    await unit.add(survey_people, rows)
    await _change(unit, fact.survey, state=State.OPEN, opened_at=unit.now, asked=len(rows))


async def write_replied(unit: Writing, fact: Replied) -> None:
    """Keep an answer."""
    values: Mapping[str, object] = {
        "survey_id": fact.survey,
        "member_id": fact.member,
        "question": fact.question,
        "said": list(fact.said),
    }
    await unit.put(survey_answers, values, key=["survey_id", "member_id", "question"])


async def write_finished(unit: Writing, fact: SurveyFinished) -> None:
    """Remember that somebody came to the end."""
    await _stand(unit, fact.survey, fact.member, Standing.FINISHED)


async def write_left(unit: Writing, fact: SurveyLeft) -> None:
    """Forget what somebody said who does not want to go on."""
    own = and_(survey_answers.c.survey_id == fact.survey, survey_answers.c.member_id == fact.member)
    await unit.execute(survey_answers.delete().where(own))
    await _stand(unit, fact.survey, fact.member, Standing.LEFT)


async def write_closed(unit: Writing, fact: SurveyClosed) -> None:
    """Keep what may be told, and forget what anyone said and who was asked."""
    await _forget_people(unit, fact.survey)
    await _change(unit, fact.survey, state=State.CLOSED, answered=fact.answered, result=fact.result)


async def write_cancelled(unit: Writing, fact: SurveyCancelled) -> None:
    """End a survey that came to nothing, and forget what anyone said and who was asked."""
    await _forget_people(unit, fact.survey)
    await _change(unit, fact.survey, state=State.CANCELLED)


async def _forget_people(unit: Writing, survey: SurveyId) -> None:
    for table in (survey_answers, survey_people):
        await unit.execute(table.delete().where(table.c.survey_id == survey))
    await forget_about(unit, f"{ABOUT}{survey}")


async def _change(unit: Writing, survey: SurveyId, **values: object) -> None:
    await unit.execute(update(surveys).where(surveys.c.id == survey).values(**values))


async def _stand(unit: Writing, survey: SurveyId, member: MemberId, where: Standing) -> None:
    own = and_(survey_people.c.survey_id == survey, survey_people.c.member_id == member)
    await unit.execute(update(survey_people).where(own).values(standing=where))
