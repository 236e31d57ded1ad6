"""Step 11 of the sample month: help case B-017 is opened in private, answered at the desk and closed."""

from __future__ import annotations

from datetime import date

from playwright.async_api import Page, expect

from content.decision import Secret
from content.help_cases import HelpCase, HelpCaseOpened, HelpWords, Sort, Stage
from content.identifiers import HelpCaseId, HelpWordsId
from storage import help_cases
from storage.unit import Reading
from tests.journeys.branch_at_work import BRANCH, World, at

BEFORE = 16
TROUBLE, ANSWER = "家里老人住院，想调白班", "下周起排白班，车间已同意"


async def help_case(world: World, page: Page) -> None:
    """Have sixteen cases behind it; the seventeenth is asked, taken up, answered, closed and read by who asked."""
    world.clock.now = at(28, 19)
    await world.store.settle(notes=[_opened(number) for number in range(1, BEFORE + 1)])
    await world.say("王丽", f"求助 {TROUBLE}")
    receipt = await world.heard("王丽", "B-017")
    assert "2 个工作日内答复" in receipt
    assert "内容只有受理人和本支部安排受理的人能看" in receipt
    await world.enter(page)
    await page.goto(f"{world.console}/help-cases")
    row = page.get_by_role("row", name="B-017")
    await expect(row).to_contain_text("还没有人受理")
    await expect(row).not_to_contain_text("王丽")
    await row.get_by_role("link", name="B-017").click()
    await world.fill_here(page, "我来受理")
    await expect(page.get_by_role("main")).to_contain_text("想调白班")
    await world.heard("王丽", "受理人：张明")
    await world.fill_here(page, "存进台账", category="work", summary="家属住院，申请调班")
    await world.fill_here(page, "答复并推进", answer=ANSWER, stage="closed")
    assert "已办结" in await world.heard("王丽", ANSWER)
    await world.say("李强", "进度 B-017")
    await world.heard("李强", "没有找到这件")
    await world.say("王丽", "进度 B-017")
    await world.heard("王丽", "现在：已办结")

    async def stands(unit: Reading) -> list[Stage]:
        found = await help_cases.of_year(unit, [BRANCH], 2026)
        return [one.stage for one in found if one.number == BEFORE + 1]

    assert await world.store.read(stands) == [Stage.CLOSED]
    ledger = (await world.take(page, "/help-cases/ledger.csv")).decode("utf-8-sig")
    assert "B-017" in ledger
    assert "家属住院，申请调班" in ledger
    assert "王丽" not in ledger
    assert ANSWER not in ledger
    said = [str(one["content"].get("body", "")) for one in await world.begun()]
    assert not [one for one in said if "B-017" in one], "the room hears nothing of it"


def _opened(number: int) -> HelpCaseOpened:
    id, day = HelpCaseId(f"before{number}"), date(2026, 6, 1)
    case = HelpCase(id=id, organisation=BRANCH, number=number, received_on=day, due_on=date(2026, 6, 3))
    said = HelpWords(id=HelpWordsId(f"before{number}"), case=id, sort=Sort.ASKED, text=Secret("以前的事"), on=day)
    return HelpCaseOpened(case=case, said=said)
