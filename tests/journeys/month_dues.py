"""Step 8 of the sample month: dues are asked about in private, paid to a person, entered at the desk, and counted."""

from __future__ import annotations

import asyncio
from typing import Any

from playwright.async_api import Page, expect

from content.dues import Category, Kind, Wanted, assess
from content.identifiers import UserId
from storage import dues
from storage.store import Step
from storage.unit import Reading
from tests.journeys.branch_at_work import BRANCH, World, at
from tests.small_branch import fresh_cause

PAID = 18


async def pay_dues(world: World, page: Page) -> None:
    """8. Twenty-four ask for their sums in private, eighteen pay and are entered at once; the room sees a count."""
    world.clock.now = at(27, 9)
    people = await world.people()
    first, *others = people
    await world.enter(page)
    form = {"kind": "full", "category": "employed", "base": "5000.01", "since": "2026-07"}
    await page.goto(f"{world.console}/dues/members/{people[first].id}")
    await world.fill_here(page, "核定", **form)
    await expect(page.get_by_role("main")).to_contain_text("75.00")
    await world.store.settle([_fixing(world, people[name]) for name in others])
    await asyncio.gather(*(world.say(name, "党费") for name in people))
    answers = await asyncio.gather(*(world.heard(name, "您的月党费") for name in people))
    assert all("您的月党费 75.00 元" in one and "7 月待交 75.00 元" in one for one in answers)
    assert len(answers) == 24

    await page.goto(f"{world.console}/dues?month=2026-07")
    for name in list(people)[:PAID]:
        await page.get_by_label(f"{name}已交", exact=True).check()
    await world.fill_here(page, "登记已交", on="2026-07-27", method="transfer", payee="李强")
    await expect(page.get_by_role("main")).to_contain_text("已交 18 人，应交 24 人")
    await page.get_by_text("把人数发到群里", exact=True).click()
    await world.fill_here(page, "发出 2026-07 的人数")
    said = (await world.said("党费收缴"))["content"]["body"]
    assert said == "7 月党费收缴：已交 18 人，共 24 人"
    heard = "\n".join(str(one["content"]) for one in await world.begun())
    assert "75.00" not in heard

    entries = await world.store.read(lambda unit: dues.entries(unit, branch=BRANCH))
    assert sum(one.fen for one in entries) == PAID * 7500


def _fixing(world: World, member: Any) -> Step:
    """Fix somebody's dues as the console does, for the others of whom one form was filled in."""
    user, cause = UserId(world.phones[world.secretary].user_id), fresh_cause()
    wanted = Wanted(kind=Kind.FULL, category=Category.EMPLOYED, base="5000.01", since="2026-07", note="")

    async def decide(unit: Reading) -> Any:
        day = unit.now.date()
        return assess(member, BRANCH, wanted, (), by=user, cause=cause, now=unit.now, today=day)

    return Step(cause=cause, decide=decide)
