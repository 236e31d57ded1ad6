"""The question bank at the desk: found, written, changed, withdrawn, and files that are looked at before they count."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from typing import Any

import pytest
from PIL import Image

from console.pages import bank as bank_page
from console.pictures import take_in
from console.sheets import read_grid
from console.written_sheets import write_xlsx
from content.bank import FEWEST_ANSWERS, Item
from content.bank_pictures import compared
from content.bank_sheets import Given, read_sheet
from content.gift import read_gift
from content.grid import Grid
from content.identifiers import OrganisationId, UserId
from content.organisations import Duty, DutyGranted, Role
from storage import bank
from storage.bank import Filter, bank_items
from storage.shelf import LASTS
from tests.console.console_house import Browser, House
from tests.console.test_audit_page import main_of

HEAD = ("题型", "题干", "选项A", "选项B", "选项C", "答案", "解析", "出处", "标签", "难度")
ROWS = (
    ("单选", "党的一大在哪里召开", "上海", "北京", "广州", "A", "后来移到嘉兴。", "党史", "党史", "易"),
    ("多选", "三会一课包括", "党员大会", "支委会", "党课", "ABC", "", "", "支部", "中"),
    ("单选", "党的根本宗旨是什么？", "甲", "乙", "", "A", "", "", "", ""),
    ("单选", "坏的一题", "甲", "乙", "", "AC", "", "", "", ""),
)


@pytest.fixture
def place(house: House) -> OrganisationId:
    return house.seeded.organisations["one"]


def stems(house: House) -> set[str]:
    rows = house.run(house.store.read(lambda unit: unit.rows(bank_items.select())))
    return {row.stem for row in rows}


def form(browser: Browser, place: OrganisationId, **more: str) -> dict[str, str]:
    usual = {"organisation": place, "kind": "single", "stem": "新题", "options": "A. 甲\nB. 乙", "answer": "b"}
    return {
        **browser.marks("/bank/new"),
        **usual,
        "difficulty": "easy",
        "tags": "党史，宪法",
        "dated": "2026-07-01",
        **more,
    }


def shown(items: Iterable[Item]) -> set[tuple[object, ...]]:
    return {(one.stem, one.options, one.answer, one.tags, one.difficulty, one.dated) for one in items}


def upload(browser: Browser, place: OrganisationId, data: bytes, name: str, **more: str) -> Any:
    fields = {**browser.marks("/bank/import"), "organisation": place, "dated": "2026-07-01", "source": "", **more}
    return browser.post("/bank/import", {**fields, "file": (io.BytesIO(data), name)})


def test_a_question_is_written_found_changed_and_withdrawn(
    house: House, browser: Browser, place: OrganisationId
) -> None:
    answer = browser.post("/bank/new", form(browser, place))
    page = answer.headers["Location"].split("?")[0]
    assert ">B<" in browser.get(page).get_data(as_text=True).replace("\nB</textarea>", ">B<")
    assert "新题" in main_of(browser, "/bank?q=新题&tag=宪法&kind=single&difficulty=easy")
    assert "没有这样的题" in main_of(browser, "/bank?q=新题&tag=党章")
    changed = form(browser, place, stem="新题目", revision="1")
    assert browser.post(page, changed).status_code == 303
    late = browser.post(page, {**form(browser, place, revision="1")})
    assert (late.status_code, "刚才被别人改过" in late.get_data(as_text=True)) == (422, True)
    assert browser.post(f"{page}/withdraw", browser.marks(page)).status_code == 303
    assert "新题目" not in main_of(browser, "/bank")
    assert "新题目" in main_of(browser, "/bank?withdrawn=1")
    assert browser.post(f"{page}/withdraw", browser.marks(page)).status_code == 409
    assert browser.post(f"{page}/restore", browser.marks(page)).status_code == 303
    assert "新题目" in main_of(browser, "/bank")
    record = main_of(browser, "/record")
    assert "往题库里加了题" in record
    assert "停用了题库里的题" in record


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"stem": ""}, "题干要有字"),
        ({"options": "甲"}, "要有 2 到 8 个选项"),
        ({"answer": "E"}, "可选项只到 B"),
        ({"answer": "AB"}, "只能有一个答案"),
        ({"answer": "不知道"}, "没有写清楚哪个是对的"),
        ({"kind": "true_false", "answer": "也许"}, "没有写清楚哪个是对的"),
        ({"dated": "2026-13-01"}, "日期请写成"),
        ({"stem": "党的根本宗旨是什么？"}, "题库里已经有这道题了"),
    ],
)
def test_what_cannot_be_asked_comes_back_with_the_reason_and_what_was_typed(
    browser: Browser, place: OrganisationId, change: dict[str, str], why: str
) -> None:
    answer = browser.post("/bank/new", form(browser, place, **change))
    page = answer.get_data(as_text=True)
    assert (answer.status_code, why in page, "党史，宪法" in page) == (422, True, True)


def test_a_sheet_is_looked_at_first_and_taken_in_once(house: House, browser: Browser, place: OrganisationId) -> None:
    """Rows that are broken, or that the bank has, are told by their numbers; the others go in, and only once."""
    before = stems(house)
    answer = upload(browser, place, write_xlsx("题库", HEAD, ROWS), "题库.xlsx")
    page = answer.get_data(as_text=True)
    assert "可以收下 2 题，有问题的 2 处" in page
    assert "第 5 行：题库里已经有这道题了" in page
    assert "第 6 行：答案写的是 C，可选项只到 B" in page
    assert stems(house) == before, "nothing before a yes"
    (path,) = re.findall(r'action="(/bank/import/[^"?]+)', page)
    marks = {**dict(re.findall(r'name="(csrf|nonce)" value="([^"]+)"', page.split(path)[1]))}
    yes = {**marks, "organisation": place, "dated": "2026-07-01", "source": ""}
    assert browser.post(path, yes).status_code == 303
    assert stems(house) - before == {"党的一大在哪里召开", "三会一课包括"}
    assert browser.post(path, {**yes}).status_code in (303, 404), "what came twice has no second effect"
    gone = browser.post(path, {**yes, **browser.marks("/bank/new")})
    assert (gone.status_code, "只等一刻钟" in gone.get_data(as_text=True)) == (404, True)


def test_files_that_cannot_be_read_say_why(browser: Browser, place: OrganisationId) -> None:
    for data, name, why in (
        (b"", "a.xlsx", "空"),
        ("姓名,电话".encode(), "a.csv", "没有找到表头"),
        ("题 {}".encode(), "a.gift", "论述题收不了"),
        ("题".encode("gb18030"), "a.txt", "不是 UTF-8"),
    ):
        answer = upload(browser, place, data, name)
        assert (answer.status_code, why in answer.get_data(as_text=True)) == (422, True), name


def test_what_is_exported_is_what_can_be_imported(house: House, browser: Browser, place: OrganisationId) -> None:
    browser.post(
        "/bank/new", form(browser, place, kind="fill_in", options="", answer="一九二一\n1921", stem="=建党年份")
    )
    browser.post("/bank/new", form(browser, place, kind="true_false", answer="√", stem="每年评议一次"))
    roots = [place]
    held = house.run(house.store.read(lambda unit: bank.found(unit, roots, Filter(), limit=10)))
    given = Given(organisation=place)
    known = shown(held)
    for language in ("zh_CN", "en"):
        browser.post("/preferences", {**browser.marks("/bank/new"), "language": language, "back": "/"})
        for kind in ("xlsx", "csv"):
            grid = read_grid(browser.get(f"/bank/export.{kind}").get_data(), f"a.{kind}")
            assert isinstance(grid, Grid)
            sheet = read_sheet(grid, given)
            assert shown([row.item for row in sheet.rows]) == known
    text = read_gift(browser.get("/bank/export.gift").get_data(as_text=True), given)
    assert shown([row.item for row in text.rows]) == known


def test_figures_are_told_from_five_first_answers_on(house: House, browser: Browser) -> None:
    """STU-7: of the question, and never of people."""
    page = f"/bank/{house.seeded.items['one']}"
    assert "还不足 5 人" in main_of(browser, page)

    async def count() -> None:
        values = {"answered": 7, "correct": 3, "told_answered": FEWEST_ANSWERS, "told_correct": 2}
        await house.store._write(lambda unit: unit.execute(bank_items.update().values(**values)), news=False)

    house.run(count())
    assert "5 人第一次就答对的有 2 人（40%）" in main_of(browser, page)


def test_who_may_only_read_sees_no_answers(house: House) -> None:
    viewer = UserId("@looker:example.org")
    duty = Duty(user=viewer, organisation=house.seeded.organisations["one"], role=Role.VIEWER)
    house.run(house.store.settle(notes=[DutyGranted(duty=duty)]))
    browser = house.browser(viewer)
    assert browser.get("/bank").status_code == 403
    assert "/bank" not in browser.get("/lessons").get_data(as_text=True)


def pictured(size: tuple[int, int] = (40, 30), colour: str = "#884422") -> bytes:
    """Draw a picture that says where it was taken."""
    out, noted = io.BytesIO(), Image.Exif()
    noted[0x010E] = "N 39.9"
    Image.new("RGB", size, colour).save(out, "JPEG", exif=noted)
    return out.getvalue()


def one(house: House, stem: str) -> Item:
    items = house.run(
        house.store.read(
            lambda unit: bank.found(unit, list(house.seeded.organisations.values()), Filter(text=stem), limit=10)
        )
    )
    (found,) = items
    return found


def test_a_question_is_given_a_picture_that_is_made_anew_and_put_into_words(
    house: House, browser: Browser, place: OrganisationId
) -> None:
    """What the camera noted goes; without words for who cannot see it the picture waits beside the form."""
    data = pictured()
    sent = form(browser, place, stem="阀门开着吗")
    page = browser.post("/bank/new", {**sent, "picture": (io.BytesIO(data), "../阀门.jpg")})
    text = page.get_data(as_text=True)
    assert (page.status_code, "请写明图片“阀门.jpg”上有什么" in text) == (422, True)
    (key,) = re.findall(r'name="shelved" value="([^"]+)"', text)
    assert browser.get(f"/bank/shelved/{key}").status_code == 200
    assert house.browser().get(f"/bank/shelved/{key}").status_code == 404
    sent = form(browser, place, stem="阀门开着吗", shelved=key, alternative="半开的阀门")
    looked = browser.post("/bank/new", {**sent, "intent": "look"}).get_data(as_text=True)
    assert f'src="/bank/shelved/{key}" alt="半开的阀门"' in looked
    assert "阀门开着吗" not in stems(house), "it was only looked at"
    where = browser.post("/bank/new", sent).headers["Location"].split("?")[0]
    served = browser.get(f"{where}/picture")
    with Image.open(io.BytesIO(served.get_data())) as image:
        assert (image.size, dict(image.getexif())) == ((40, 30), {})
    assert "sandbox" in served.headers["Content-Security-Policy"]
    assert served.headers["Content-Disposition"].endswith("%E9%98%80%E9%97%A8.jpg")
    assert f'src="{where}/picture" alt="半开的阀门"' in browser.get(where).get_data(as_text=True)
    change = form(browser, place, stem="阀门开着吗", revision="1", kept="1", alternative="阀门半开")
    assert browser.post(where, change).status_code == 303
    held = one(house, "阀门开着吗")
    assert (held.picture and held.picture.alternative, held.asked_as) == ("阀门半开", 1)
    change = form(browser, place, stem="阀门开着吗", revision="2", kept="1", remove="1")
    assert browser.post(where, change).status_code == 303
    assert (one(house, "阀门开着吗").picture, browser.get(f"{where}/picture").status_code) == (None, 404)


def test_what_is_no_picture_is_refused_at_its_field(browser: Browser, place: OrganisationId) -> None:
    sent = form(browser, place, alternative="半开的阀门")
    answer = browser.post("/bank/new", {**sent, "picture": (io.BytesIO(b"%PDF-1.7"), "a.png")})
    assert (answer.status_code, "a.png”不是能用的图片" in answer.get_data(as_text=True)) == (422, True)


def forget_shelf(house: House) -> None:
    """Let everything go that waits, as a quarter of an hour does."""
    house.clock.now += LASTS


def test_a_chosen_picture_that_waited_too_long_is_asked_for_again_and_the_old_one_stays(
    house: House, browser: Browser, place: OrganisationId
) -> None:
    sent: dict[str, Any] = form(browser, place, stem="阀门开着吗", alternative="一个阀门")
    where = browser.post("/bank/new", {**sent, "picture": (io.BytesIO(pictured()), "旧.jpg")}).headers["Location"]
    where, old = where.split("?")[0], one(house, "阀门开着吗").picture
    change: dict[str, Any] = form(browser, place, stem="阀门开着吗", revision="1", kept="1", alternative="一个阀门")
    other = (io.BytesIO(pictured(colour="blue")), "新.jpg")
    page = browser.post(where, {**change, "intent": "look", "picture": other}).get_data(as_text=True)
    hidden = dict(re.findall(r'name="(shelved|kept)" value="([^"]+)"', page))
    assert set(hidden) == {"shelved", "kept"}
    forget_shelf(house)
    answer = browser.post(where, {**form(browser, place, stem="阀门开着吗", revision="1", alternative="一"), **hidden})
    text = answer.get_data(as_text=True)
    assert (answer.status_code, "请再选一次" in text, "现在的图片：旧.jpg" in text) == (422, True, True)
    held = one(house, "阀门开着吗")
    assert (held.picture, held.asked_as) == (old, 1)
    alone = browser.post("/bank/new", form(browser, place, stem="水泵开着吗", alternative="一台水泵"))
    assert (alone.status_code, "写了图片说明，却没有图片" in alone.get_data(as_text=True)) == (422, True)


def test_pictures_come_in_beside_a_sheet_and_leave_beside_a_text(
    house: House, browser: Browser, place: OrganisationId
) -> None:
    """What is exported with its pictures can be taken in again, under whatever name each of them lies there."""
    head = (*HEAD, "图片", "图片说明")
    rows = [
        ("单选", f"{colour}阀门", "开", "关", "", "A", "", "", "", "易", name, "一个阀门")
        for colour, name in (("红", "红.jpg"), ("蓝", "蓝.jpg"), ("绿", "绿.jpg"))
    ]
    files = [(io.BytesIO(pictured(colour=colour)), name) for colour, name in (("red", "红.jpg"), ("blue", "蓝.jpg"))]
    more: Any = {"pictures": [*files, (io.BytesIO(pictured((9, 9))), "多.jpg")]}
    page = upload(browser, place, write_xlsx("题库", head, rows), "题库.xlsx", **more).get_data(as_text=True)
    assert "第 5 行：写了图片“绿.jpg”，可旁边没有这个文件" in page
    assert "另有 1 张图片" in page
    (path,) = re.findall(r'action="(/bank/import/[^"?]+)', page)
    hidden = re.findall(r'name="([^"]+)" value="([^"]*)"', page.split(path)[1])
    yes: dict[str, Any] = {name: value for name, value in hidden if name != "picture"}
    yes["picture"] = [value for name, value in hidden if name == "picture"]
    assert browser.post(path, yes).status_code == 303
    red = one(house, "红阀门")
    assert red.picture is not None
    assert (red.picture.name, red.picture.alternative) == ("红.jpg", "一个阀门")
    assert "GIFT 连图片" in main_of(browser, "/bank")
    with zipfile.ZipFile(io.BytesIO(browser.get("/bank/export.zip").get_data())) as whole:
        held = {name: whole.read(name) for name in whole.namelist()}
    assert set(held) == {"questions.gift.txt", "红.jpg", "蓝.jpg"}
    kept = {compared(name): take_in(data, name) for name, data in held.items() if name.endswith(".jpg")}
    again = read_gift(held["questions.gift.txt"].decode(), Given(organisation=place, pictures=kept))
    assert {row.item.picture.name for row in again.rows if row.item.picture} == {"红.jpg", "蓝.jpg"}
    grid = read_grid(browser.get("/bank/export.xlsx").get_data(), "a.xlsx")
    assert isinstance(grid, Grid)
    sheet = read_sheet(grid, Given(organisation=place, pictures=kept))
    assert shown(row.item for row in sheet.rows) == shown(row.item for row in again.rows)


def test_a_file_whose_pictures_have_left_the_shelf_is_chosen_again_and_nothing_is_taken_in(
    house: House, browser: Browser, place: OrganisationId
) -> None:
    text = "// [picture:阀门.jpg] [alternative:半开的阀门]\n阀门开着吗 {T}\n\n水泵开着吗 {F}\n".encode()
    more: Any = {"pictures": [(io.BytesIO(pictured()), "阀门.jpg")]}
    page = upload(browser, place, text, "题.txt", **more).get_data(as_text=True)
    (path,) = re.findall(r'action="(/bank/import/[^"?]+)', page)
    yes: dict[str, Any] = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page.split(path)[1]))
    assert browser.post(path, {**yes, "picture": "gone"}).status_code == 404
    assert not {"阀门开着吗", "水泵开着吗"} & stems(house)
    assert browser.post(path, yes).status_code == 303
    assert {"阀门开着吗", "水泵开着吗"} <= stems(house)


def test_pictures_that_weigh_too_much_for_one_archive_leave_in_parts(
    browser: Browser, place: OrganisationId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive is put together in memory, so that a few of them at once must not be all of it."""
    sent: dict[str, Any] = form(browser, place, stem="阀门开着吗", alternative="一个阀门")
    browser.post("/bank/new", {**sent, "picture": (io.BytesIO(pictured()), "阀门.jpg")})
    assert bank_page.MOST_PICTURE_BYTES <= 32 * 1024 * 1024
    monkeypatch.setattr(bank_page, "MOST_PICTURE_BYTES", 100)
    answer = browser.get("/bank/export.zip")
    assert (answer.status_code, "pictures_too_heavy" in answer.headers["Location"]) == (303, True)


def test_too_many_pictures_at_once_are_refused(browser: Browser, place: OrganisationId) -> None:
    files: Any = {"pictures": [(io.BytesIO(b"x"), f"{number}.png") for number in range(31)]}
    answer = upload(browser, place, write_xlsx("题库", HEAD, ROWS), "题库.xlsx", **files)
    assert (answer.status_code, "一次最多选 30 张图片" in answer.get_data(as_text=True)) == (422, True)
