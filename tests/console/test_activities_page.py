"""Activities at the desk: announced, put down, summed up by sorts, with an album and a one-page brief."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from content.identifiers import ActivityId
from storage import activities as stored
from storage import outbox
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NOW, VIEWER
from tests.console.open_activity import HELD_ACTIVITY, PHOTO, hold_activity

PATH = f"/activities/{HELD_ACTIVITY}"


def form(**more: Any) -> dict[str, Any]:
    usual = {
        "room": "!one",
        "category": "service",
        "title": "擦扶手",
        "place": "一号站台",
        "about": "先学习，再干活",
        "date": "2026-12-01",
        "time": "15:00",
        "length": "90",
        "announces": "yes",
        "gathers": "yes",
        "signs": "yes",
        "places": "20",
        "closes_date": "2026-11-30",
        "closes_time": "18:00",
    }
    return {name: value for name, value in (usual | more).items() if value}


def live(house: House) -> list[tuple[str, str]]:
    query = outbox.outbox.select().where(outbox.outbox.c.kind == "live")
    return [(row.room_id, row.subject) for row in house.run(house.store.read(lambda unit: unit.rows(query)))]


def test_all_that_is_wrong_is_named_at_once(browser: Browser) -> None:
    bad = form(title="", date="2026-02-30", length="x", places="0", closes_date="2026-11-31", about="长" * 2000)
    page = browser.post("/activities/new", bad).text
    found = re.findall(r'<p class="error" id="(\w+)-error">', page)
    assert sorted(found) == ["about", "closes_date", "date", "length", "places", "title"]
    assert "还差 6 处" in page
    # When the sign-up ends is wrong at its own field, and not at that of the day of the activity.
    soon = browser.post("/activities/new", form(closes_date="2026-11-24", closes_time="09:01")).text
    assert re.findall(r'<p class="error" id="(\w+)-error">', soon) == ["closes_date"]
    # Where it has no room, nothing is said of sorts, which are those of a place.
    nowhere = browser.post("/activities/new", form(room="!none", category="own", title="")).text
    assert sorted(re.findall(r'<p class="error" id="(\w+)-error">', nowhere)) == ["room", "title"]


def test_one_is_announced_with_its_sign_up_in_one_message(house: House, browser: Browser) -> None:
    answer = browser.post("/activities/new", form())
    assert "done=activity_planned" in answer.headers["Location"]
    assert live(house) == [("!one", "activity")]
    page = browser.get(answer.headers["Location"]).get_data(as_text=True)
    assert "已报名 0 人" in page
    assert "擦扶手" in browser.get("/sign-ups").get_data(as_text=True)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"title": ""}, "请写活动名称"),
        ({"category": "nothing"}, "请选一个类别"),
        ({"date": "gestern"}, "请写截止的日期和时间"),
        ({"length": "viel"}, "时长是"),
        ({"closes_date": "2026-12-02"}, "报名要在活动开始之前截止"),
        ({"date": NOW.date().isoformat(), "time": "00:00", "signs": ""}, "已经过去的活动不再发到群里"),
    ],
)
def test_what_cannot_be_meant_is_said_over_the_form(
    house: House, browser: Browser, changed: dict[str, str], said: str
) -> None:
    answer = browser.post("/activities/new", form(**changed))
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)


def test_what_was_held_is_put_down_later_without_a_card(house: House, browser: Browser) -> None:
    answer = browser.post("/activities/new", form(date=NOW.date().isoformat(), time="00:00", announces="", signs=""))
    assert live(house) == []
    path = answer.headers["Location"].partition("?")[0]
    assert browser.post(f"{path}/held", {"people": "viele"}, form_at=path).status_code == 422
    told = {"people": "12", "account": "擦了扶手\n\n 清了雪 ", "outcome": "不再滑", "partners": "保洁班"}
    before = browser.marks(path)
    done = browser.post(f"{path}/held", told, form_at=path)
    assert done.status_code == 303, done.get_data(as_text=True)[-3000:]
    page = browser.get(path).get_data(as_text=True)
    assert "<p>擦了扶手</p><p>清了雪</p>" in page
    late = browser.post(f"{path}/held", before | {"nonce": "x" * 24, "people": "9", "account": "另一个人写的"})
    page = late.get_data(as_text=True)
    assert (late.status_code, "有人先记了一次" in page) == (422, True)
    assert "<p>擦了扶手</p>" in page, "what stands there is shown above what the later one typed"
    assert "另一个人写的</textarea>" in page
    listed = browser.get("/activities").get_data(as_text=True)
    assert (
        '志愿服务</th><td data-label="次数" class="number">1</td><td data-label="参加人数" class="number">12</td>'
        in listed
    )


def test_the_year_leaves_in_every_form(house: House, browser: Browser) -> None:
    hold_activity(house)
    year = quote(f"{NOW.year} 年活动汇总")
    file = browser.get(f"/activities?as=csv&table={year}").get_data(as_text=True)
    assert "清理站台扶手" in file
    assert "主题党日" in file


def test_a_photo_is_shown_to_whom_members_are_shown_and_taken_out_by_who_keeps_the_record(
    house: House, browser: Browser
) -> None:
    hold_activity(house)
    page = browser.get(PATH).get_data(as_text=True)
    assert 'alt="扶手"' in page
    assert "擦了四十米" in page
    for size in ("", "/small"):
        answer = browser.get(f"{PATH}/photos/{PHOTO}{size}")
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.get_data()[:2] == b"\xff\xd8"
    viewer = house.browser(VIEWER)
    assert "相册只给能看姓名的同志" in viewer.get(PATH).get_data(as_text=True)
    assert viewer.get(f"{PATH}/photos/{PHOTO}").status_code == 403
    assert browser.post(f"{PATH}/photos/{PHOTO}/take-back", form_at=PATH).status_code == 303
    assert browser.get(f"{PATH}/photos/{PHOTO}").status_code == 404
    assert "还没有照片" in browser.get(PATH).get_data(as_text=True)


def test_the_brief_holds_what_was_put_down_and_says_what_is_missing(house: House, browser: Browser) -> None:
    """AF-11: nothing is made up."""
    hold_activity(house)
    text = browser.get(f"{PATH}/brief").get_data(as_text=True)
    for line in ("清理站台扶手活动简报", "参加人数：12 人", "共建单位：（待补充）", "一、活动内容", "照片：1 张"):
        assert line in text
    data = browser.get(f"{PATH}/brief.docx").get_data()
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        body = file.read("word/document.xml").decode()
    assert "（待补充）" in body
    assert "白云" not in body + text


def test_a_sort_of_its_own_is_added_used_and_dropped(house: House, browser: Browser) -> None:
    one = house.seeded.organisations["one"]
    assert browser.post("/activities/sorts", {"name": "主题党日", "organisation": one}).status_code == 422
    assert browser.post("/activities/sorts", {"name": "义诊", "organisation": one}).status_code == 303
    (sort,) = house.run(house.store.read(lambda unit: stored.categories(unit, one)))
    answer = browser.post("/activities/new", form(category=sort.id))
    assert answer.status_code == 303
    assert browser.post(f"/activities/sorts/{sort.id}/drop", form_at="/activities/sorts").status_code == 303
    assert browser.post("/activities/new", form(category=sort.id, title="又一次")).status_code == 422
    assert "义诊" in browser.get("/activities").get_data(as_text=True), "what was held under it keeps its name"


def test_calling_one_off_is_done_once(house: House, browser: Browser) -> None:
    answer = browser.post("/activities/new", form())
    path = answer.headers["Location"].partition("?")[0]
    assert browser.post(f"{path}/cancel", form_at="/activities/new").status_code == 303
    assert browser.post(f"{path}/cancel", form_at="/activities/new").status_code == 409
    found = house.run(house.store.read(lambda unit: stored.activity(unit, ActivityId(path.rpartition("/")[2]))))
    assert found is not None
    assert found.state == "cancelled"


def upload(*files: tuple[bytes, str], agreed: str = "yes") -> dict[str, Any]:
    return {"photos": [(io.BytesIO(data), name) for data, name in files], "caption": "擦扶手", "agreed": agreed}


def test_photos_are_put_into_the_album_without_where_they_were_taken(house: House, browser: Browser) -> None:
    hold_activity(house)
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x010F] = "Camera of somebody"
    exif.get_ifd(0x8825)[1] = "N"
    Image.new("RGB", (2000, 1000), (30, 90, 30)).save(out, "JPEG", exif=exif)
    assert b"Camera of somebody" in out.getvalue()
    add = f"{PATH}/photos/add"
    unasked = browser.post(add, upload((out.getvalue(), "a.jpg"), agreed=""), form_at=add)
    assert "请先征得" in unasked.get_data(as_text=True)
    page = browser.post(add, upload((b"GIF89a none", "a.jpg")), form_at=add)
    assert (page.status_code, "读不出来" in page.get_data(as_text=True)) == (422, True)
    done = browser.post(add, upload((out.getvalue(), "a.jpg")), form_at=add)
    assert "done=photos_added" in done.headers["Location"]
    (found,) = set(re.findall(rf"{PATH}/photos/([a-z0-9]{{24}})\"", browser.get(PATH).get_data(as_text=True))) - {PHOTO}
    kept = browser.get(f"{PATH}/photos/{found}").get_data()
    with Image.open(io.BytesIO(kept)) as image:
        assert (image.format, image.size, len(image.getexif())) == ("JPEG", (1600, 800), 0)
    assert b"Camera" not in kept
    assert "擦扶手" in browser.get(PATH).get_data(as_text=True)


def test_one_to_come_gets_another_time_and_place_with_the_way_back(house: House, browser: Browser) -> None:
    browser.post("/activities/new", form())
    listed = browser.get("/activities?year=2026").get_data(as_text=True)
    path = re.search(r'href="(/activities/(?!new|sorts)[a-z0-9]+)"', listed)
    assert path is not None
    change = f"{path[1]}/change"
    asked = browser.get(change).get_data(as_text=True)
    fields = {
        "date": form()["date"],
        "time": "16:30",
        "length": "60",
        "place": "二号站台",
        "about": "改一改",
        "mark": mark_in(asked),
    }
    done = browser.post(change, fields, form_at=change)
    assert "done=activity_changed" in done.headers["Location"]
    page = browser.get(done.headers["Location"]).get_data(as_text=True)
    assert "二号站台" in page
    older = browser.post(change, {**fields, "time": "15:00", "place": "三号站台"}, form_at=change)
    text = older.get_data(as_text=True)
    assert (older.status_code, "有人先改了" in text, "16:30" in text) == (422, True, True)
    fields["mark"] = mark_in(text)
    assert browser.post(change, fields, form_at=change).status_code == 422, "nothing has changed"
    undo = re.search(r'<form method="post" action="([^"]+)"[^>]*>((?:(?!</form>).)*撤销.*?)</form>', page, re.DOTALL)
    assert undo is not None
    back = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', undo[2]))
    assert "done=activity_changed" in browser.post(undo[1], back).headers["Location"]
    assert "一号站台" in browser.get(path[1]).get_data(as_text=True)


def mark_in(page: str) -> str:
    """Return the mark of what a form was written upon."""
    found = re.search(r'name="mark" value="([^"]*)"', page)
    assert found is not None
    return found[1]
