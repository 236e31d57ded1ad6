"""Questions that are written once: with lists of any length they find what a question built for the occasion finds."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Dialect, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from content.organisations import Kind
from storage.organisations import ROOTS, organisations, within
from storage.prepared import Prepared, room_for
from storage.unit import Reading
from tests.small_branch import EAST, ROOF, WEST, SmallBranch

_NODES: Any = bindparam("nodes", expanding=True)
NAMED = Prepared(
    select(organisations.c.id)
    .where(organisations.c.id.in_(_NODES), organisations.c.kind.in_([Kind.BRANCH, Kind.GROUP]))
    .order_by(organisations.c.id)
)
OTHERS = Prepared(select(organisations.c.id).where(organisations.c.id.not_in(_NODES)).order_by(organisations.c.id))
TWICE = Prepared(
    select(organisations.c.id).where(within(organisations.c.id, ROOTS), within(organisations.c.parent_id, ROOTS))
)


@pytest.mark.parametrize("number", range(6))
async def test_a_list_of_any_length_goes_into_its_gap(branch: SmallBranch, number: int) -> None:
    nodes = [EAST, WEST, "c", "d", "e"][:number]

    async def look(unit: Reading) -> tuple[list[str], list[str], list[str]]:
        gaps = {"nodes": nodes}
        everything = await unit.rows(select(organisations.c.id).order_by(organisations.c.id))
        named, others = await unit.rows(NAMED, gaps), await unit.rows(OTHERS, gaps)
        return [row.id for row in everything], [row.id for row in named], [row.id for row in others]

    everything, named, others = await branch.store.read(look)
    assert named == sorted(one for one in (EAST, WEST) if one in nodes)
    assert others == [one for one in everything if one not in nodes]


async def test_one_gap_may_stand_at_several_places_of_a_question(branch: SmallBranch) -> None:
    found = await branch.store.read(lambda unit: unit.rows(TWICE, {"roots": [ROOF]}))
    assert {EAST, WEST} <= {row.id for row in found}
    assert ROOF not in {row.id for row in found}


def test_lists_have_room_by_powers_of_two() -> None:
    assert [room_for(number) for number in (0, 1, 2, 3, 4, 5, 300)] == [0, 1, 2, 4, 4, 8, 512]


@pytest.mark.parametrize("engine", [sqlite.dialect(), postgresql.dialect()], ids=["sqlite", "postgresql"])
def test_a_limit_stands_in_the_statement_so_that_it_is_planned_once(engine: Dialect) -> None:
    found = Prepared(select(organisations.c.id).order_by(organisations.c.id).limit(3)).form(engine, {})
    assert "LIMIT 3" in found.sql
