"""An organisation is founded with quiet hours; one that is there already has what it has set."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from content.organisations import Kind
from content.settings import QUIET_DAYS, QUIET_HOURS
from storage import organisations
from storage.settings import value_of
from storage.store import Store
from tests.small_branch import EAST, NOON, SECRETARY, HandClock, SmallBranch
from zhibu import cli
from zhibu.founding import Plan, found
from zhibu.front import Front

USUAL = Plan(name="一支部", kind=Kind.BRANCH, timezone="Asia/Shanghai", language="zh_CN", secretary=SECRETARY)


@pytest.mark.parametrize(
    ("plan", "holds"),
    [(USUAL, ("21-8", "rest")), (replace(USUAL, quiet=False), ("none", "none"))],
)
async def test_it_is_founded_with_quiet_hours_unless_it_is_said_otherwise(
    sqlite_address: str, plan: Plan, holds: tuple[str, str]
) -> None:
    store = await Store.open(sqlite_address, HandClock(NOON))
    await found(store, plan, "a seed")
    (node, *_) = await store.read(organisations.tree)
    hours = await store.read(lambda unit: value_of(unit, node.id, QUIET_HOURS))
    days = await store.read(lambda unit: value_of(unit, node.id, QUIET_DAYS))
    assert (hours, days) == holds
    await store.close()


async def test_who_was_founded_before_has_none_until_they_set_some(branch: SmallBranch) -> None:
    assert await branch.store.read(lambda unit: value_of(unit, EAST, QUIET_HOURS)) == "none"


@pytest.mark.parametrize("quiet", [True, False])
def test_whoever_founds_is_told_of_quiet_hours_that_were_set(quiet: bool) -> None:
    said = cli.said_of_founding(Front(), replace(USUAL, quiet=quiet), "https://x/sign-in/y", Path("/x"))
    assert "https://x/sign-in/y" in said
    assert ("21:00" in said) is quiet


@pytest.mark.parametrize(("said", "holds"), [([], True), (["--no-quiet-hours"], False)])
def test_whoever_founds_may_leave_them_out(said: list[str], holds: bool) -> None:
    context = cli.found.make_context("found", ["一支部", "--secretary", SECRETARY, *said, "-c", "config.toml"])
    assert context.params["quiet"] is holds
