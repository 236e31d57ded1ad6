"""Self-checks: what somebody is being asked, which items they have met, and which are to be repeated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Integer, String, Table, bindparam, case, select, update

from content.bank import FEWEST_ANSWERS, Difficulty, split_tags
from content.identifiers import ItemId, MemberId, OrganisationId
from content.practice import (
    ABOUT,
    LASTS,
    ItemAnswered,
    Met,
    PracticeBegun,
    PracticeEnded,
    PracticeForgotten,
    Session,
)
from content.repetition import Memory
from storage.bank import asked_in, bank_items, tagged
from storage.inquiries import inquiries
from storage.members import members
from storage.organisations import organisation_closure
from storage.outbox_fates import drop_questions
from storage.prepared import Prepared
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

practice_sessions = Table(
    "practice_sessions",
    metadata,
    Column("member_id", ForeignKey("members.id"), primary_key=True),
    Column("user_id", String(255), nullable=False),
    Column("queue", JSON, nullable=False),
    Column("at", Instant, nullable=False),
    Column("asked_as", Integer),
    sqlite_with_rowid=False,
)

practice_items = Table(
    "practice_items",
    metadata,
    Column("member_id", ForeignKey("members.id"), primary_key=True),
    Column("item_id", ForeignKey("bank_items.id"), primary_key=True, index=True),
    Column("met_as", Integer, nullable=False),
    Column("wrong", Boolean, nullable=False),
    Column("stability", Float),
    Column("difficulty", Float),
    Column("reviewed_at", Instant),
    Column("due_at", Instant),
    sqlite_with_rowid=False,
)
"""``met_as`` is since which revision the item asked what it did when its first answer was counted."""


_ABOVE = select(organisation_closure.c.ancestor_id).where(organisation_closure.c.descendant_id == bindparam("place"))
_PLACE = Prepared(select(members.c.organisation_id).where(members.c.id == bindparam("member")))
_ANY = Prepared(select(bank_items.c.id).where(bank_items.c.organisation_id.in_(_ABOVE)).limit(1))


async def session(unit: Reading, member: MemberId) -> Session | None:
    """Return what a member is being asked."""
    row = await unit.first(select(practice_sessions).where(practice_sessions.c.member_id == member))
    if row is None:
        return None
    return Session(member=row.member_id, user=row.user_id, queue=tuple(row.queue), asked_as=row.asked_as)


async def askable(
    unit: Reading, organisation: OrganisationId, *, tags: Iterable[str] = (), difficulty: Difficulty | None = None
) -> tuple[ItemId, ...]:
    """Return the items that can be asked of the people of an organisation, with all of these tags."""
    query = select(bank_items.c.id).where(asked_in(organisation), *(tagged(tag) for tag in tags))
    if difficulty is not None:
        query = query.where(bank_items.c.difficulty == difficulty)
    return tuple(ItemId(row.id) for row in await unit.rows(query))


async def tags_asked(unit: Reading, organisation: OrganisationId) -> tuple[str, ...]:
    """Return under which tags there is something to ask."""
    rows = await unit.rows(select(bank_items.c.tags).where(asked_in(organisation)).distinct())
    return tuple(sorted({tag for row in rows for tag in row.tags.split("\n") if tag}))


async def fresh(unit: Reading, organisation: OrganisationId, member: MemberId, title: str) -> tuple[ItemId, ...]:
    """Return the items with the title of a lesson for their tag that a member has not met yet."""
    met = select(practice_items.c.item_id).where(
        practice_items.c.member_id == member, practice_items.c.met_as >= bank_items.c.asked_as
    )
    query = select(bank_items.c.id).where(
        asked_in(organisation), *map(tagged, split_tags(title)), bank_items.c.id.not_in(met)
    )
    return tuple(ItemId(row.id) for row in await unit.rows(query))


async def has_fresh(unit: Reading, member: MemberId, title: str) -> bool:
    """Tell whether a member could be asked about a lesson what they have not met yet."""
    organisation = await unit.value(_PLACE, {"member": member})
    if organisation is None or not await unit.value(_ANY, {"place": organisation}):
        return False
    return bool(await fresh(unit, organisation, member, title))


async def is_any(unit: Reading, organisation: OrganisationId) -> bool:
    """Tell whether there is anything to ask at all."""
    return await unit.value(select(bank_items.c.id).where(asked_in(organisation)).limit(1)) is not None


async def met(unit: Reading, member: MemberId, item: ItemId) -> Met:
    """Return what is kept of a member and an item."""
    query = (
        select(practice_items, bank_items.c.asked_as)
        .join(bank_items, bank_items.c.id == practice_items.c.item_id)
        .where(practice_items.c.member_id == member, practice_items.c.item_id == item)
    )
    row = await unit.first(query)
    if row is None:
        return Met(item=item, met=False, wrong=False, memory=None)
    memory = None
    if row.stability is not None:
        memory = Memory(stability=row.stability, difficulty=row.difficulty, reviewed=row.reviewed_at, due=row.due_at)
    return Met(item=item, met=row.met_as >= row.asked_as, wrong=row.wrong, memory=memory)


async def mistakes(unit: Reading, member: MemberId, organisation: OrganisationId) -> Sequence[Met]:
    """Return what a member has to repeat, what is due first before the rest."""
    query = (
        select(practice_items)
        .join(bank_items, bank_items.c.id == practice_items.c.item_id)
        .where(practice_items.c.member_id == member, practice_items.c.wrong.is_(True), asked_in(organisation))
        .order_by(practice_items.c.due_at, practice_items.c.item_id)
    )
    return [
        Met(
            item=ItemId(row.item_id),
            met=True,
            wrong=True,
            memory=Memory(stability=row.stability, difficulty=row.difficulty, reviewed=row.reviewed_at, due=row.due_at),
        )
        for row in await unit.rows(query)
    ]


async def write_begun(unit: Writing, fact: PracticeBegun) -> None:
    """Remember what is asked, and wait for the answer; what was asked before and has not arrived is asked no more."""
    one = fact.session
    await drop_questions(unit, one.user)
    values = {"member_id": one.member, "user_id": one.user, "queue": list(one.queue), "at": fact.at}
    await unit.put(practice_sessions, {**values, "asked_as": one.asked_as}, key=["member_id"])
    waiting = {"user_id": one.user, "about": ABOUT, "at": fact.at, "until": fact.until, "ended": False}
    await unit.put(inquiries, waiting, key=["user_id", "about"])


async def write_answered(unit: Writing, fact: ItemAnswered) -> None:
    """Keep what is to be repeated, and count a first answer for the item."""
    asked_as = await unit.value(select(bank_items.c.asked_as).where(bank_items.c.id == fact.item))
    memory = fact.memory
    values = {
        "member_id": fact.member,
        "item_id": fact.item,
        "met_as": asked_as,
        "wrong": fact.wrong,
        "stability": memory.stability if memory else None,
        "difficulty": memory.difficulty if memory else None,
        "reviewed_at": memory.reviewed if memory else None,
        "due_at": memory.due if memory else None,
    }
    await unit.put(practice_items, values, key=["member_id", "item_id"])
    if not fact.first:
        return
    answered, correct = bank_items.c.answered + 1, bank_items.c.correct + int(fact.right)
    told = answered % FEWEST_ANSWERS == 0
    await unit.execute(
        update(bank_items)
        .where(bank_items.c.id == fact.item)
        .values(
            answered=answered,
            correct=correct,
            told_answered=case((told, answered), else_=bank_items.c.told_answered),
            told_correct=case((told, correct), else_=bank_items.c.told_correct),
        )
    )


async def write_ended(unit: Writing, fact: PracticeEnded | PracticeForgotten) -> None:
    """Ask no more, not what is on its way either, and forget that anything was asked."""
    await drop_questions(unit, fact.user)
    await unit.execute(practice_sessions.delete().where(practice_sessions.c.member_id == fact.member))
    own = (inquiries.c.user_id == fact.user) & (inquiries.c.about == ABOUT)
    await unit.execute(inquiries.delete().where(own))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget what was asked and is waited for no more; what is to be repeated stays its person's."""
    await unit.execute(practice_sessions.delete().where(practice_sessions.c.at < now - LASTS))


async def write_forgotten(unit: Writing, fact: PracticeForgotten) -> None:
    """Forget how somebody's practice went; which items they met stays, lest anyone be counted twice for one."""
    went = {"wrong": False, "stability": None, "difficulty": None, "reviewed_at": None, "due_at": None}
    await unit.execute(update(practice_items).where(practice_items.c.member_id == fact.member).values(went))
    await write_ended(unit, fact)
