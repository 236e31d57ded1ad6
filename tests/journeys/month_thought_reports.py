"""Step 10 of the month: a floating member files a report in three messages, and its reviewer opens and answers it."""

from __future__ import annotations

from playwright.async_api import Page, expect

from content.identifiers import UserId
from content.organisations import Duty, DutyGranted, Role
from storage import thought_reports
from storage.unit import Reading
from tests.journeys.branch_at_work import BRANCH, World, at
from zhibu.founding import sign_in_link

AUTHOR, REVIEWER, ORGANISER = "尤佳", "王丽", "李强"
TEXTS = ("这半年在成都做工，一切都好。", "跟着支部群里的课学了防汛。", "年底回来过组织生活。")
REPLY = "看到了，在外注意安全，回来我们谈谈。"


async def file_report(world: World, page: Page) -> None:
    """10. Three messages are one report; who keeps contact opens it and replies, another organiser sees the day."""
    world.clock.now = at(28, 19)
    duties = {REVIEWER: Role.VIEWER, ORGANISER: Role.ORGANISING_MEMBER}
    users = {name: UserId(world.phones[name].user_id) for name in duties}
    granted = [
        DutyGranted(duty=Duty(user=users[name], organisation=BRANCH, role=role)) for name, role in duties.items()
    ]
    await world.store.settle(notes=granted)
    author = (await world.people())[AUTHOR]
    await world.enter(page)
    await world.fill(
        page,
        f"/members/{author.id}/away",
        "保存",
        since="2026-01-05",
        place="四川成都",
        host="成都某社区党委",
        contact=REVIEWER,
    )
    await world.say(AUTHOR, "思想汇报", *TEXTS, "完")
    await world.heard(AUTHOR, "思想汇报已交：3 段")

    async def handed_in(unit: Reading) -> str:
        found = await thought_reports.last(unit, author.id)
        return found.id if found is not None else ""

    id = await world.store.read(handed_in)
    assert id
    await _enter(world, page, users[ORGANISER])
    await page.goto(f"{world.console}/thought-reports")
    row = page.locator("tbody tr", has_text=AUTHOR)
    await expect(row).to_contain_text("已交")
    await expect(row.get_by_role("link")).to_have_count(0)
    refused = await page.request.get(f"{world.console}/thought-reports/{id}")
    assert refused.status == 404
    assert TEXTS[0] not in await page.content()

    await _enter(world, page, users[REVIEWER])
    await page.goto(f"{world.console}/thought-reports")
    await page.locator("tbody tr", has_text=AUTHOR).get_by_role("link", name="打开").click()
    for text in TEXTS:
        await expect(page.get_by_role("main")).to_contain_text(text)
    await world.fill_here(page, "发给本人", reply=REPLY)
    await world.heard(AUTHOR, REPLY)
    await world.enter(page)


async def _enter(world: World, page: Page, user: UserId) -> None:
    await page.context.clear_cookies()
    await page.goto(await sign_in_link(world.store, user, world.console))
    await page.get_by_role("button").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("今日")
