"""Of a month: pledge 3 is questioned in the room, its owner answers, who asked reads it, and progress is said."""

from __future__ import annotations

from playwright.async_api import Page, expect

from content.pledge_questions import Question, Stand
from storage import pledge_questions, pledges
from storage.unit import Reading
from tests.journeys.branch_at_work import BRANCH, World, at

MATTERS = ("修好值班室的灯", "每月走访一个班组", "给站台加装扶手")


async def question_a_pledge(world: World, page: Page) -> None:
    """12. Commitment 3 questioned and answered: all of it in private, so the room is asked nothing more."""
    world.clock.now = at(28, 20)
    people = await world.people()
    await world.enter(page)
    for matter in MATTERS:
        fields = {"matter": matter, "measure": "", "owner": people["张明"].id, "due": "2026-09-30", "party": "branch"}
        await world.fill(page, "/pledges/new", "保存", **fields)
    address = page.url.partition("?")[0]

    await world.say("赵敏", "问承诺 3 扶手什么时候装好", room=world.hall)
    put = await world.heard("张明", "扶手什么时候装好")
    assert "赵敏" not in put
    await world.say("张明", "答承诺 3 八月十日前装好")
    answered = await world.heard("赵敏", "答：八月十日前装好")
    assert "给站台加装扶手" in answered
    await world.say("张明", "进展 3 60% 扶手已到货")
    await world.heard("张明", "60%，扶手已到货")

    async def asked(unit: Reading) -> tuple[Question, ...]:
        one = await pledges.numbered(unit, BRANCH, 3)
        assert one is not None
        return await pledge_questions.questions(unit, [one.id])

    found = await world.until(asked, lambda each: bool(each) and each[0].stand is Stand.ANSWERED)
    assert len(found) == 1
    await world.say("王丽", "承诺 3")
    shown = await world.heard("王丽", "扶手已到货")
    assert "答：八月十日前装好" in shown
    assert "赵敏" not in shown
    await page.goto(address)
    main = page.get_by_role("main")
    for piece in ("扶手什么时候装好", "八月十日前装好", "60%", "扶手已到货"):
        await expect(main).to_contain_text(piece)
