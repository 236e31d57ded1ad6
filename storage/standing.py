"""Who can be chosen in a vote and who may choose: candidates and rolls, of secret ballots and elections on paper alike.

The first column of each of these tables names the vote to which a row belongs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table, Text, select

from content.ballots import Candidate, Elector
from storage.tables import metadata
from storage.unit import AnyRow, Reading, Writing


def candidates_table(name: str, vote: Column[Any]) -> Table:
    """Return the table of those who stand in votes of one kind, in the order of the paper."""
    return Table(
        name,
        metadata,
        vote,
        Column("place", Integer, primary_key=True, autoincrement=False),
        Column("paper_id", String(32), nullable=False),
        Column("member_id", ForeignKey("members.id")),
        Column("name", String(120), nullable=False),
        Column("introduction", Text, nullable=False),
    )


def roll_table(name: str, vote: Column[Any], *more: Column[Any], **options: Any) -> Table:
    """Return the table of everyone on the rolls of votes of one kind."""
    return Table(
        name,
        metadata,
        vote,
        Column("member_id", ForeignKey("members.id"), primary_key=True),
        Column("may_vote", Boolean, nullable=False),
        Column("reason", String(200), nullable=False),
        Column("approval", String(200), nullable=False),
        *more,
        **options,
    )


async def candidates(unit: Reading, table: Table, vote: str) -> tuple[Candidate, ...]:
    """Return who stands in a vote, in the order of the paper."""
    query = select(table).where(_of(table) == vote).order_by(table.c.place)
    return tuple(
        Candidate(id=row.paper_id, member=row.member_id, name=row.name, introduction=row.introduction)
        for row in await unit.rows(query)
    )


async def keep_candidates(unit: Writing, table: Table, vote: str, standing: Iterable[Candidate]) -> None:
    """Keep who stands in a vote, in the place of who stood in it before."""
    await unit.execute(table.delete().where(_of(table) == vote))
    rows = [
        {
            _of(table).name: vote,
            "place": place,
            "paper_id": one.id,
            "member_id": one.member,
            "name": one.name,
            "introduction": one.introduction,
        }
        for place, one in enumerate(standing)
    ]
    await unit.add(table, rows)


async def roll(unit: Reading, table: Table, vote: str) -> tuple[Elector, ...]:
    """Return everyone on the roll of a vote, in the order of their entries, which says nothing about who voted."""
    query = select(table).where(_of(table) == vote).order_by(table.c.member_id)
    return tuple(map(as_elector, await unit.rows(query)))


def as_elector(row: AnyRow) -> Elector:
    """Return whom a row of a roll means."""
    return Elector(member=row.member_id, may_vote=row.may_vote, reason=row.reason, approval=row.approval)


def on_roll(table: Table, vote: str, one: Elector) -> dict[str, Any]:
    """Return the row of somebody on the roll of a vote."""
    return {
        _of(table).name: vote,
        "member_id": one.member,
        "may_vote": one.may_vote,
        "reason": one.reason,
        "approval": one.approval,
    }


def _of(table: Table) -> Column[Any]:
    return table.columns[0]
