"""A month in one branch, step by step: said on the real homeserver, done in a real browser, with every number told.

Step 8, dues, tells the room a count; that the ballot of step 9 is open its voters hear in private, with the links that
they ask for, and not in the room as well. Steps 8 and 10 to 12 stand in files of their own beside this one.
"""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import subprocess
import zipfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.async_api import Browser, Page, expect

from content.ballots import Elector
from content.checkins import State as Answer
from content.identifiers import OccurrenceId, RoomId
from content.notices import State as MeetingState
from storage import ballots, checkins, meetings, polls, sign_ups, surveys
from storage.unit import Reading
from tests.journeys.branch_at_work import BRANCH, NAME, World, at, at_work, desk
from tests.journeys.month_dues import pay_dues
from tests.journeys.month_help_cases import help_case
from tests.journeys.month_pledges import question_a_pledge
from tests.journeys.month_thought_reports import file_report
from tests.journeys.recommending import count_ballot, draft_ballot, vote_on_page
from tests.machine import in_ci
from tests.sealed_ballots import ID as BALLOT
from tests.sealed_ballots import open_voting, paper, vote
from tests.storage.test_secrecy import forms, hits
from zhibu.demo.synapse import Account, Synapse

NAMES = (
    *("张明", "李强", "王丽", "赵敏", "孙伟", "周洁", "吴刚", "郑华", "冯磊", "陈静"),
    *("褚亮", "卫东", "蒋文", "沈玉", "韩冰", "杨帆", "朱红", "秦川", "尤佳", "许诺"),
    *("何平", "吕青", "施展", "孔岩"),
)
"""The first twenty may vote, the next is 留党察看, the last three are in probation."""
AWAY = ("尤佳", "许诺")
"""Who is away from the branch, and has no part in what it recommends."""


def roster(users: dict[str, str]) -> bytes:
    """Return a roster with five traps.

    A title above the header, a space within a name, a telephone that is a number, a branch that there is not, and
    a row without a name; the last two cannot be read.
    """
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append([f"{NAME}党员花名册"])
    sheet.merge_cells("A1:F1")
    sheet.append(["姓名", "所在党支部", "人员类别", "联系电话", "党籍状态", "是否流动党员", "群账号"])
    for number, name in enumerate(NAMES):
        category = "正式党员" if number < 21 else "预备党员"
        status = "留党察看" if number == 20 else "正常"
        written = f"{name[0]}　{name[1]}" if number == 0 else name
        away = "是" if name in AWAY else "否"
        sheet.append([written, NAME, category, 13800000000 + number, status, away, users[name]])
    sheet.append(["路远", "没有这个支部", "正式党员", None, "正常", "否", None])
    sheet.append([None, NAME, "正式党员", None, "正常", "否", None])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def text_of(docx: bytes) -> str:
    """Return what a Word file says."""
    with closing(zipfile.ZipFile(io.BytesIO(docx))) as archive:
        body = archive.read("word/document.xml").decode()
    return re.sub(r"<[^>]+>", "", re.sub(r"</w:p>|<w:br/>", "\n", body))


def roll_of(id: OccurrenceId) -> Callable[[Reading], Awaitable[Counter[Answer]]]:
    """Return how the roll of an occurrence is read: how many stand how."""

    async def look(unit: Reading) -> Counter[Answer]:
        return Counter(one.state for one in await meetings.places(unit, id))

    return look


async def _import(world: World, page: Page) -> None:
    """1. The roster is looked at, with what cannot be read explained, and taken in."""
    users = {name: phone.user_id for name, phone in world.phones.items()}
    file = {"name": "花名册.xlsx", "mimeType": "application/octet-stream", "buffer": roster(users)}
    await world.enter(page)
    await world.fill(page, "/members/import", "看看会改什么", file=file)
    counted = await page.locator("dl.counts dd").all_text_contents()
    assert counted == ["24", "0", "0", "0", "2", "0"]
    errors = await page.locator("section[aria-labelledby=errors] tbody tr").all_text_contents()
    assert [re.search("unknown_organisation|no_name", one)[0] for one in errors] == ["unknown_organisation", "no_name"]  # type: ignore[index]
    await page.locator("form.decide button.primary").click()
    await expect(page.get_by_role("main")).to_contain_text("名册已导入")
    people = await world.people()
    assert set(people) == set(NAMES)
    assert people["张明"].phone == "13800000000"


async def _plan(world: World, page: Page) -> OccurrenceId:
    """2. The cap is set, the year says what lacks, and the meeting that it lacks is called."""
    await page.goto(f"{world.console}/organisation/{BRANCH}")
    form = page.locator("form", has=page.locator("#value-posts_month"))
    await form.locator("select").select_option("10")
    await form.get_by_role("button").click()
    await page.goto(f"{world.console}/meetings/year")
    await expect(page.get_by_role("main")).to_contain_text("党员大会")
    before = (await page.get_by_role("main").text_content() or "").count("已排期")
    id = await _call(
        world,
        page,
        "assembly",
        "第三季度党员大会",
        "讨论接收预备党员计划",
        "2026-07-24",
        "2026-07-20",
        place="三楼会议室",
    )
    await page.goto(f"{world.console}/meetings/year")
    after = (await page.get_by_role("main").text_content() or "").count("已排期")
    assert after > before, "the assembly of the quarter is no longer missing, but planned"
    return id


async def _learn(world: World, page: Page) -> None:
    """3. Monday's lesson: fifteen say ✅, four who were on shift make it up."""
    await world.fill(
        page,
        "/lessons/new",
        "保存",
        title="防汛一课",
        source="支部自编",
        dated="2026-06-01",
        minutes="24",
        body="先看水位，再看预案。",
    )
    lesson = page.url.partition("/lessons/")[2].partition("?")[0]
    await world.fill(
        page, "/schedule", "排期", lessons=lesson, when="at", date="2026-07-06", time="08:30", window="720"
    )
    world.clock.now = at(6, 8, 30)
    card = await world.said("】防汛一课")
    await asyncio.gather(
        *(world.phones[name].react(world.hall, card["event_id"]) for name in NAMES[:15]),
    )

    (id,) = await world.store.read(lambda unit: checkins.open_in_room(unit, RoomId(world.hall)))
    await world.until(roll_of(id), lambda roll: roll[Answer.DONE] == 15)
    world.clock.now = at(6, 20, 31)
    await world.until(roll_of(id), lambda roll: roll[Answer.UNANSWERED] == 9)
    for name in NAMES[15:19]:
        await world.say(name, "补学 1")
    await world.until(roll_of(id), lambda roll: roll == {Answer.DONE: 15, Answer.MADE_UP: 4, Answer.UNANSWERED: 5})


async def _vote_openly(world: World, page: Page) -> None:
    """4. The room says on which day the theme day is to be."""
    world.clock.now = at(7, 9)
    await world.enter(page)
    answers = {"question": "主题党日定在哪天", "answers": "周四\n周五", "until": "time"}
    await world.fill(page, "/polls/new", "发到群里", **answers, date="2026-07-08", time="18:00")
    shown = await world.said("主题党日定在哪天")
    start = shown["content"]["org.matrix.msc3381.poll.start"]
    thursday, friday = (one["id"] for one in start["answers"])
    relation = {"rel_type": "m.reference", "event_id": shown["event_id"]}
    for number, name in enumerate(NAMES[:17]):
        chosen = {"answers": [friday if number < 12 else thursday]}
        response = {"org.matrix.msc3381.poll.response": chosen, "m.relates_to": relation}
        await world.phones[name].send(world.hall, "org.matrix.msc3381.poll.response", response)

    async def voted(unit: Reading) -> int:
        (one,) = await polls.of_roots(unit, [BRANCH])
        return len((await polls.box(unit, one)).responses)

    await world.until(voted, lambda number: number == 17)
    world.clock.now = at(8, 18)
    said = (await world.said("【投票结果】"))["content"]["body"]
    assert "周四：5 票" in said
    assert "周五：12 票" in said
    assert "17 人投票，名册共 24 人" in said


async def _sign_up(world: World) -> None:
    """5. Two paste the list at the same time, each with another name below it: nobody is lost."""
    world.clock.now = at(9, 9)
    await world.say(world.secretary, "接龙 七月登山; 截止 7月15日 18:00; 名额 24", room=world.hall)
    await world.said("七月登山")
    head = "接龙 七月登山\n1. 王丽\n"
    await world.say("王丽", "+1", room=world.hall)
    await asyncio.gather(
        world.say("赵敏", f"{head}2. 赵敏", room=world.hall), world.say("孙伟", f"{head}2. 孙伟", room=world.hall)
    )

    async def names(unit: Reading) -> set[str]:
        (one,) = await sign_ups.of_roots(unit, [BRANCH], limit=2)
        return {each.name for each in (await sign_ups.sheet(unit, one)).standing}

    await world.until(names, lambda found: found == {"王丽", "赵敏", "孙伟"})


async def _theme_day(world: World, page: Page) -> OccurrenceId:
    """6. Of 24, nineteen sign in, three are on shift, two say nothing; the roll is closed, and says so."""
    world.clock.now = at(10, 9)
    await world.enter(page)
    id = await _call(
        world, page, "party_day", "七月主题党日", "参观调度中心", "2026-07-17", "2026-07-13", place="调度中心"
    )
    world.clock.now = at(13, 10)
    card = await world.said("参观调度中心")
    world.clock.now = at(17, 15)
    await world.until(_state_of(id), lambda state: state is MeetingState.HELD)
    await asyncio.gather(*(world.phones[name].react(world.hall, card["event_id"]) for name in NAMES[:19]))
    for name in NAMES[19:22]:
        await world.say(name, "请假 倒班")
    await world.until(roll_of(id), lambda roll: roll == {Answer.DONE: 19, Answer.EXCUSED: 3, Answer.OPEN: 2})
    await world.enter(page)
    await world.fill(page, f"/meetings/{id}", "定下名单")
    sheet = await world.take(page, f"/meetings/{id}/roll.xlsx")
    found = openpyxl.load_workbook(io.BytesIO(sheet)).active
    assert found is not None
    rows = [[cell or "" for cell in row] for row in found.iter_rows(values_only=True)]
    assert any("应到：24　实到：19　请假：3　缺席：0" in str(row[0]) for row in rows)
    place = next(row for row in rows if "到会情况" in row).index("到会情况")
    assert Counter(row[place] for row in rows if row[1] in NAMES) == {"到会": 19, "请假": 3, "未回": 2}
    return id


async def _assembly(world: World, page: Page, id: OccurrenceId) -> bytes:
    """7. Of twenty with a vote sixteen are there: the line is printed in full, the result is typed, a paper leaves."""
    world.clock.now = at(20, 10)
    card = await world.said("讨论接收预备党员计划")
    world.clock.now = at(24, 15)
    await world.until(_state_of(id), lambda state: state is MeetingState.HELD)
    there = (*NAMES[:16], *NAMES[20:])
    await asyncio.gather(*(world.phones[name].react(world.hall, card["event_id"]) for name in there))
    await world.until(roll_of(id), lambda roll: roll[Answer.DONE] == len(there))
    await world.enter(page)
    await page.goto(f"{world.console}/meetings/{id}")
    line = "应到有表决权 20，到 16 ≥ 10，可以表决；通过需赞成 ≥ 11。"
    await expect(page.get_by_role("main")).to_contain_text(line)
    await world.fill_here(page, "记下", text="同意年度计划", yes="12", no="3", abstained="1")
    await expect(page.get_by_role("main")).to_contain_text("赞成 12、反对 3、弃权 1")
    await world.fill(page, f"/meetings/{id}", "定下名单")
    record = await world.take(page, f"/meetings/{id}/minutes/record.docx")
    said = text_of(record)
    assert "应到 20，实到 16" in said
    assert "同意年度计划\n举手\n12\n3\n1\n通过" in said
    assert "（待补充）" in said, "nothing is invented"
    return record


async def _recommend(world: World, page: Page, browser: Browser, folders: Sequence[Path]) -> None:
    """9. Of 22 seventeen vote, one of them on the page; what they chose is nowhere before the opening."""
    world.clock.now = at(28, 14)
    people = await world.people()
    electors = tuple(Elector(member=people[name].id) for name in NAMES if name not in AWAY)
    assert len(electors) == 22
    await draft_ballot(world, electors)
    await open_voting(world.store)
    chosen = paper("a+")
    for number, one in enumerate(electors[1:17]):
        await vote(world.store, one.member, chosen if number < 12 else paper(""))
    await world.say("张明", "投票")
    (link,) = re.findall(r"http://localhost:\d+/ballot/enter/\S+", await world.heard("张明", "/ballot/enter/"))
    (code,) = re.findall(r"口令：(\d{6})", await world.heard("张明", "的口令："))
    await vote_on_page(browser, link, code)
    kept = [one for folder in folders for one in folder.rglob("*") if one.is_file()]
    assert hits([world.hall.encode()], kept) != [], "what is looked for can be found"
    assert hits(forms(chosen), kept) == []

    world.clock.now = at(28, 18)
    said = (await world.said("人投票，应投"))["content"]["body"]
    assert "已截止，17 人投票，应投 22 人" in said
    assert await world.store.read(lambda unit: ballots.result(unit, BALLOT)) is None, "no result before the opening"
    await count_ballot(world)
    await world.enter(page)
    await page.goto(f"{world.console}/ballots/{BALLOT}")
    await expect(page.get_by_role("main")).to_contain_text("13")
    said = (await world.said("韩冰"))["content"]["body"]
    assert "13" in said


async def _survey(world: World, page: Page) -> bytes:
    """13. Of 21 answers those of a group of three are not told, nor can they be reckoned."""
    world.clock.now = at(29, 9)
    await world.enter(page)
    text = "您在哪个班\n- 甲班\n- 乙班\n- 丙班\n\n活动时间合适吗\n- 合适\n- 不合适"
    asked = {"title": "活动时间", "questions": text, "by": "1", "way": "named", "organisation": BRANCH}
    await world.fill(page, "/surveys/new", "存为草稿", **asked, date="2026-07-30", time="18:00")
    path = page.url.removeprefix(world.console).partition("?")[0]
    await world.fill_here(page, "开始，私信问每个人")
    answering = NAMES[:21]
    for number, name in enumerate(answering):
        shift = "1" if number < 10 else "2" if number < 18 else "3"
        await world.say(name, "问卷", shift, "1" if number % 2 else "2")

    async def unfinished(unit: Reading) -> int:
        (one,) = await surveys.of_roots(unit, [BRANCH], limit=2)
        return len(await surveys.unfinished(unit, one.id))

    await world.until(unfinished, lambda number: number == len(NAMES) - len(answering))
    world.clock.now = at(30, 18)

    async def result(unit: Reading) -> Any:
        (one,) = await surveys.of_roots(unit, [BRANCH], limit=2)
        return one.answered, one.result

    answered, told = await world.until(result, lambda found: found[1] is not None)
    assert answered == 21
    groups = told["q1"]["cells"]
    assert groups[2] is None, "three are fewer than five"
    assert groups.count(None) > 1, "and no other cell gives them away"
    assert told["q2"]["by"] is None or told["q2"]["by"][2] == [None, None]
    await world.enter(page)
    return await world.take(page, f"{path}/export.xlsx")


async def _papers(world: World, page: Page, given: dict[str, bytes], folder: Path) -> None:
    """14. The report of the quarter and the other papers open in an office without repair."""
    world.clock.now = at(31, 9)
    await world.enter(page)
    given["quarter.docx"] = await world.take(page, "/participation/quarter.docx")
    given["members.xlsx"] = await world.take(page, "/participation/export/members.xlsx")
    program = shutil.which("soffice")
    if program is None:
        (pytest.fail if in_ci() else pytest.skip)("needs LibreOffice")
    folder.mkdir()
    for name, data in given.items():
        (folder / name).write_bytes(data)
    own = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    order = [program, own, "--headless", "--convert-to", "pdf", "--outdir", str(folder)]
    await asyncio.to_thread(
        subprocess.run, [*order, *(str(folder / name) for name in given)], check=True, capture_output=True
    )
    for name in given:
        assert (folder / name).with_suffix(".pdf").read_bytes().startswith(b"%PDF-")


async def _meter(world: World, page: Page) -> None:
    """15. Nine posts, none at night, about 26 minutes of each; and the room holds what the meter says."""
    await page.goto(f"{world.console}/participation/burden")
    row = await page.locator("#chart-table tbody tr td").all_text_contents()
    posts, cap, planned, mentions, _asks, minutes, _, at_night, _ = (int(one) for one in row)
    assert (posts, cap, planned, mentions, minutes, at_night) == (9, 10, 0, 0, 26, 0)
    await expect(page.get_by_role("main")).to_contain_text("6 份")
    bodies = [str(one["content"].get("body", "")) for one in await world.begun()]
    assert len([one for one in bodies if not one.startswith("【投票结果图】")]) == posts


async def _call(
    world: World, page: Page, form: str, title: str, item: str, on: str, notice_on: str, *, place: str
) -> OccurrenceId:
    fields = {"title": title, "agenda": item, "date": on, "time": "15:00", "length": "60", "place": place}
    named = {"chair": "张明", "recorder": "李强", "notice_date": notice_on, "notice_time": "10:00"}
    await world.fill(page, "/meetings/new", "发通知", form=form, **fields, **named)
    return OccurrenceId(page.url.partition("/meetings/")[2].partition("?")[0])


def _state_of(id: OccurrenceId) -> Callable[[Reading], Awaitable[MeetingState | None]]:
    async def look(unit: Reading) -> MeetingState | None:
        one = await meetings.meeting(unit, id)
        return one.state if one is not None else None

    return look


@pytest.mark.synapse
@pytest.mark.browser
async def test_a_month_in_one_branch_comes_to_the_numbers_it_should(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], browser: Browser, tmp_path: Path
) -> None:
    """The sample month of the rules: CAD, VOTE-12, BAL-2, BAL-3, BAL-5, CALM-5 and AF-10 on the way."""
    robot, *made = await asyncio.gather(account("monthbot"), *(account("comrade") for _ in NAMES))
    people = dict(zip(NAMES, made, strict=True))
    house = tmp_path / "house"
    async with at_work(synapse, robot, people, house, at(1, 9)) as world, desk(browser) as page:
        await _import(world, page)
        assembly = await _plan(world, page)
        await _learn(world, page)
        await _vote_openly(world, page)
        await _sign_up(world)
        day = await _theme_day(world, page)
        given = {"record.docx": await _assembly(world, page, assembly)}
        given["roll.xlsx"] = await world.take(page, f"/meetings/{day}/roll.xlsx")
        await pay_dues(world, page)
        await _recommend(world, page, browser, (house, synapse.folder))
        await file_report(world, page)
        await help_case(world, page)
        await question_a_pledge(world, page)
        given["survey.xlsx"] = await _survey(world, page)
        await _papers(world, page, given, tmp_path / "papers")
        await _meter(world, page)
