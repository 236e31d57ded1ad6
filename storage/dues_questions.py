"""What members say is wrong about their dues: sealed, for who handles them alone, and gone once it is answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Column, ForeignKey, LargeBinary, String, Table, false, func, select

from content.dues import DuesQuestioned, DuesQuestionSettled, Question
from content.identifiers import MemberId, OrganisationId
from content.members import Member
from storage import dues
from storage.members import by_ids
from storage.organisations import within
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing
from storage.vault import Vault

dues_questions = Table(
    "dues_questions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("member_id", ForeignKey("members.id"), nullable=False, index=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("user_id", String(255), nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("text", LargeBinary),
    Column("is_sealed", Boolean, nullable=False, server_default=false()),
)
"""Of a question nothing stays once it is answered."""


def _question(unit: Reading, row: AnyRow) -> Question:
    return Question(
        id=row.id,
        member=row.member_id,
        organisation=row.organisation_id,
        user=row.user_id,
        text=dues.text_of(unit.vault, row, dues_questions),
        asked_at=row.asked_at,
    )


async def questions(unit: Reading, branch: OrganisationId) -> tuple[tuple[Question, Member], ...]:
    """Return what waits for who handles the dues of a branch, oldest first."""
    held = dues_questions.c
    query = select(dues_questions).where(within(held.organisation_id, [branch])).order_by(held.asked_at, held.id)
    found = [_question(unit, row) for row in await unit.rows(query)]
    people = {one.id: one for one in await by_ids(unit, {one.member for one in found})}
    return tuple((one, people[one.member]) for one in found if one.member in people)


async def question(unit: Reading, id: str, branch: OrganisationId) -> Question | None:  # noqa: A002
    """Return one question that waits in a branch."""
    held = dues_questions.c
    row = await unit.first(select(dues_questions).where(held.id == id, held.organisation_id == branch))
    return _question(unit, row) if row else None


async def last_asked(unit: Reading, member: MemberId) -> datetime | None:
    """Return when a member asked the last of their questions that wait, ``None`` where none does."""
    query = select(func.max(dues_questions.c.asked_at, type_=Instant)).where(dues_questions.c.member_id == member)
    at: datetime | None = await unit.value(query)
    return at


async def number_waiting(unit: Reading, member: MemberId) -> int:
    """Return how many questions of a member wait."""
    query = select(func.count()).select_from(dues_questions).where(dues_questions.c.member_id == member)
    return int(await unit.value(query) or 0)


async def write_questioned(unit: Writing, fact: DuesQuestioned) -> None:
    """Keep a question, sealed where there is a key."""
    one = fact.question
    row = {"id": one.id, "member_id": one.member, "organisation_id": one.organisation, "user_id": one.user}
    row |= {"asked_at": one.asked_at} | dues.kept(unit.vault, one.text, dues_questions, one.id)
    await unit.add_missing(dues_questions, row)


async def write_question_settled(unit: Writing, fact: DuesQuestionSettled) -> None:
    """Forget a question that was answered."""
    await unit.execute(dues_questions.delete().where(dues_questions.c.id == fact.id))


async def seal_clear(unit: Writing) -> None:
    """Seal what lies in the clear, as it does from before there was a key."""
    await dues.seal_clear(unit, (dues_questions,))


async def rewrap(unit: Writing, new: Vault) -> int:
    """Seal everything under another master key; return how many texts there are."""
    return await dues.rewrap(unit, new, (dues_questions,))
