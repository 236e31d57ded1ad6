"""Lessons are written with a preview, keep what was typed when refused, and take pictures and files in safely."""

from __future__ import annotations

import io
import re
from html import unescape
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from console import pictures
from content.decision import Refusal
from content.frontmatter import LessonText, parse
from content.identifiers import LessonId
from content.lessons import LONGEST_TITLE, Lesson
from content.media import MediumKept, shown_name
from storage import lessons
from storage.media import UploadLimitSeen
from storage.outbox import outbox
from tests.console.console_house import Browser, House
from tests.console.console_seeding import SECRETARY
from tests.films import mp4, pdf


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 30), **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "#884422").save(out, kind, **more)
    return out.getvalue()


def fields(house: House, **more: Any) -> dict[str, Any]:
    return {
        "kind": "lesson",
        "owner": house.seeded.organisations["general"],
        "title": "防汛一课",
        "body": "# 先看水位\n\n再看**预案**。",
        "source": "支部自编",
        "dated": "2026-06-01",
        "minutes": "8",
        "revision": "1",
    } | more


def library(house: House) -> tuple[Lesson, ...]:
    found: tuple[Lesson, ...] = house.run(
        house.store.read(lambda unit: lessons.library(unit, [house.seeded.organisations["general"]]))
    )
    return found


def kept(house: House, id: str) -> Lesson:
    found = house.run(house.store.read(lambda unit: lessons.lesson(unit, LessonId(id))))
    assert isinstance(found, Lesson)
    return found


def written(house: House, browser: Browser, **more: Any) -> Lesson:
    answer = browser.post("/lessons/new", fields(house, **more))
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return kept(house, answer.headers["Location"].split("/")[-1].split("?")[0])


def test_a_lesson_is_written_once_however_often_the_form_arrives(house: House, browser: Browser) -> None:
    before = len(library(house))
    marks = browser.marks("/lessons/new")
    first = browser.post("/lessons/new", marks | fields(house))
    second = browser.post("/lessons/new", marks | fields(house, title="另一个标题"))
    assert first.headers["Location"].split("?")[0] == second.headers["Location"].split("?")[0]
    assert "done=repeated" in second.headers["Location"]
    assert [lesson.title for lesson in library(house)].count("防汛一课") == 1
    assert len(library(house)) == before + 1


@pytest.mark.parametrize(
    ("change", "said", "field"),
    [
        ({"title": ""}, "请写标题", "title"),
        ({"level": "internal"}, "内部和涉密的材料不能上网", "level"),
        ({"title": "长" * (LONGEST_TITLE + 1)}, f"标题最多 {LONGEST_TITLE} 个字", "title"),
        ({"body": "   "}, "请写正文", "body"),
        ({"body": "a" * 70_000}, "超过上限", "body"),
        ({"minutes": "0"}, "1 到 180", "minutes"),
        ({"minutes": "许多"}, "1 到 180", "minutes"),
        ({"dated": "昨天"}, "日期请写成", "dated"),
        ({"kind": "party"}, "类别请选", "kind"),
    ],
)
def test_a_refused_lesson_keeps_what_was_typed(
    house: House, browser: Browser, change: dict[str, str], said: str, field: str
) -> None:
    before = len(library(house))
    answer = browser.post("/lessons/new", fields(house, source="我的来源") | change)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert said in page
    assert f'href="#{field}"' in page
    assert 'value="我的来源"' in page
    assert len(library(house)) == before


def test_after_a_refusal_the_same_page_can_be_sent_again(house: House, browser: Browser) -> None:
    refused = browser.post("/lessons/new", fields(house, minutes="999")).get_data(as_text=True)
    marks = {name: re.findall(rf'name="{name}" value="([^"]+)"', refused)[-1] for name in ("csrf", "nonce")}
    assert browser.post("/lessons/new", marks | fields(house)).status_code == 303


def test_the_preview_shows_the_card_as_its_room_will(house: House, browser: Browser) -> None:
    page = browser.post("/lessons/preview", fields(house) | browser.marks("/lessons/new")).get_data(as_text=True)
    assert "【学习】防汛一课（约 8 分钟）" in page
    assert "<strong>预案</strong>" in page
    assert "应学 8 人" in page
    assert "<html" not in page


@pytest.mark.parametrize("path", ["/lessons/preview", "/lessons/new"])
def test_the_preview_speaks_the_rooms_language_and_not_the_readers(house: House, path: str) -> None:
    browser = house.browser(language="en")
    sent = fields(house, intent="look") | browser.marks("/lessons/new")
    page = browser.post(path, sent).get_data(as_text=True)
    assert "【学习】防汛一课（约 8 分钟）" in page
    assert "11月25日（周三）09:00" in page


@pytest.mark.parametrize("minutes", ["0", "许多", "999", ""])
def test_looking_at_a_lesson_says_what_saving_it_would_say(house: House, browser: Browser, minutes: str) -> None:
    sent = fields(house, minutes=minutes)
    saved, looked = (browser.post("/lessons/new", sent | more) for more in ({}, {"intent": "look"}))
    for answer in (saved, looked):
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422
        assert re.search(r'id="minutes-error">分钟请写 1 到 180', page)
        assert "防汛一课（约" not in page
        assert page.count('id="answer"') == 1
    beside = browser.post("/lessons/preview", sent | browser.marks("/lessons/new")).get_data(as_text=True)
    assert "分钟请写 1 到 180" in beside


def test_the_preview_works_without_scripts_and_writes_nothing(house: House, browser: Browser) -> None:
    before = len(library(house))
    page = browser.post("/lessons/new", fields(house, intent="look")).get_data(as_text=True)
    assert "【学习】防汛一课" in page
    assert 'value="防汛一课"' in page
    assert len(library(house)) == before


def test_a_revision_is_refused_when_someone_else_saved_meanwhile(house: House, browser: Browser) -> None:
    lesson = written(house, browser)
    path = f"/lessons/{lesson.id}/edit"
    assert browser.post(path, fields(house, title="第二版")).status_code == 303
    late = browser.post(path, fields(house, title="也是第二版"))
    assert late.status_code == 422
    page = late.get_data(as_text=True)
    assert "别人保存过" in page
    assert f'<a href="/lessons/{lesson.id}" target="_blank" rel="noopener">看新的一版' in page
    assert kept(house, lesson.id).title == "第二版"


def test_a_picture_is_written_anew_without_what_the_camera_noted(house: House, browser: Browser) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    data = picture(exif=exif, comment=b"secret remark")
    lesson = written(house, browser, media=(io.BytesIO(data), "../../水位 图.jpg"))
    assert lesson.media[0].name == "水位 图.jpg"
    served = browser.get(f"/lessons/{lesson.id}/media/{lesson.media[0].hash}")
    assert served.status_code == 200
    assert served.headers["Content-Type"] == "image/jpeg"
    assert "sandbox" in served.headers["Content-Security-Policy"]
    assert b"taken at home" not in served.data
    assert b"secret remark" not in served.data
    assert browser.get(f"/lessons/{lesson.id}/media/{'0' * 64}").status_code == 404


def test_a_picture_that_came_with_a_refused_form_need_not_be_sent_again(house: House, browser: Browser) -> None:
    page = browser.post("/lessons/new", fields(house, title="", media=(io.BytesIO(picture()), "a.jpg"))).get_data(
        as_text=True
    )
    (key,) = re.findall(r'name="medium" value="([^"]+)"', page)
    assert browser.get(f"/lessons/shelved/{key}").status_code == 200
    assert house.browser().get(f"/lessons/shelved/{key}").status_code == 404
    lesson = written(house, browser, medium=key, **{f"alternative-{key}": "水位标尺"})
    assert [(p.name, p.alternative) for p in lesson.media] == [("a.jpg", "水位标尺")]
    answer = browser.post(
        f"/lessons/{lesson.id}/edit", fields(house, medium=lesson.media[0].hash, remove=lesson.media[0].hash)
    )
    assert answer.status_code == 303
    assert kept(house, lesson.id).media == ()


def test_a_picture_takes_its_description_from_the_text_unless_it_has_its_own(house: House, browser: Browser) -> None:
    body = "先看\n\n![水位标尺](水位图.jpg)\n"
    lesson = written(house, browser, body=body, media=(io.BytesIO(picture()), "水位图.jpg"))
    assert [p.alternative for p in lesson.media] == ["水位标尺"]
    hash = lesson.media[0].hash
    own = fields(house, body=body, medium=hash) | {f"alternative-{hash}": "红线在三米"}
    assert browser.post(f"/lessons/{lesson.id}/edit", own).status_code == 303
    assert [p.alternative for p in kept(house, lesson.id).media] == ["红线在三米"]


def test_the_sample_lesson_file_can_be_read(browser: Browser) -> None:
    page = unescape(browser.get("/lessons/import").get_data(as_text=True))
    (sample,) = re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)
    found = parse(sample, "sample.md")
    assert isinstance(found, LessonText)
    assert found.media == ("emblem.png",)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "不是能用的图片"),
        (b"GIF89a" + b"\x00" * 40, "不是能用的图片"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 100, "不是能用的图片"),
        (picture("PNG", (5_000, 4_100)), "百万像素"),
        (picture()[:200], "不是能用的图片"),
        (b"", "不是能用的图片"),
    ],
)
def test_a_hostile_picture_is_refused(house: House, browser: Browser, data: bytes, said: str) -> None:
    before = len(library(house))
    answer = browser.post("/lessons/new", fields(house, media=(io.BytesIO(data), "x.png")))
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)
    assert len(library(house)) == before


def test_a_picture_that_claims_gigapixels_is_refused_before_it_is_decoded() -> None:
    data = bytearray(picture("PNG"))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    import struct
    import zlib

    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    answer = pictures.take_in(bytes(data), "bomb.png")
    assert isinstance(answer, Refusal)
    assert answer.words.key == "picture.too_many_pixels"


def test_a_see_through_picture_stays_so_and_a_large_one_shrinks() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (3_000, 10), (0, 0, 0, 0)).save(out, "PNG")
    taken = pictures.take_in(out.getvalue(), "a.png")
    assert isinstance(taken, MediumKept)
    assert (taken.mimetype, taken.width) == ("image/png", pictures.LONGEST_SIDE)


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\x", "/", "", "a\x00b", ".."])
def test_a_file_name_is_a_label_and_never_a_path(name: str) -> None:
    shown = shown_name(name)
    assert shown
    assert not set(shown) & set("/\\\x00")
    assert not shown.startswith(".")


GOOD = (
    "---\ntitle: 信号第一课\nsource: 支部自编\ndate: 2026-03-01\nminutes: 6\nmedia: a.jpg\n---\n看 ![信号灯](a.jpg)。\n"
)


def test_a_lesson_file_opens_in_the_editor_and_is_kept_only_when_saved(house: House, browser: Browser) -> None:
    before = len(library(house))
    files = {"file": (io.BytesIO(GOOD.encode()), "signal.md"), "media": (io.BytesIO(picture()), "a.jpg")}
    answer = browser.post("/lessons/import", files)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert 'value="信号第一课"' in page
    assert 'value="信号灯"' in page
    assert 'value="2026-03-01"' in page
    assert len(library(house)) == before


def test_a_lesson_file_without_its_picture_says_which_is_missing(browser: Browser) -> None:
    page = browser.post("/lessons/import", {"file": (io.BytesIO(GOOD.encode()), "s.md")}).get_data(as_text=True)
    assert "还缺这些文件：a.jpg" in page


def test_a_broken_lesson_file_names_file_and_line(browser: Browser) -> None:
    text = "---\ntitel: 信号\nsource: 自编\ndate: 2026-02-30\nminutes: 6\n---\n正文\n"
    answer = browser.post("/lessons/import", {"file": (io.BytesIO(text.encode()), "signal.md")})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "signal.md 第 2 行" in page
    assert "title" in page
    assert "signal.md 第 4 行" in page


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", "标题".encode("gb18030")])
def test_a_lesson_file_that_is_no_text_is_refused(browser: Browser, data: bytes) -> None:
    answer = browser.post("/lessons/import", {"file": (io.BytesIO(data), "a.md")})
    assert answer.status_code == 422
    assert "UTF-8" in answer.get_data(as_text=True)
    assert browser.post("/lessons/import", {"file": (io.BytesIO(b""), "")}).status_code == 422


def test_a_lesson_cannot_be_given_to_a_sibling(house: House, browser: Browser) -> None:
    assert browser.post("/lessons/new", fields(house, owner=house.seeded.organisations["far"])).status_code == 404


def test_at_a_conflict_both_texts_are_seen_and_the_next_save_is_kept(house: House, browser: Browser) -> None:
    lesson = written(house, browser, media=(io.BytesIO(picture()), "a.jpg"))
    where, hash = f"/lessons/{lesson.id}/edit", lesson.media[0].hash
    assert browser.post(where, fields(house, body="别人的新正文。", revision="1")).status_code == 303
    mine = fields(house, body="我的正文。", revision="1", medium=hash)
    answer = browser.post(where, mine)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "别人的新正文。" in page
    assert "我的正文。" in page
    (revision,) = re.findall(r'name="revision" value="(\d+)"', page)
    assert browser.post(where, mine | {"revision": revision}).status_code == 303
    assert kept(house, lesson.id).body == "我的正文。"
    assert [medium.hash for medium in kept(house, lesson.id).media] == [hash], "though the other had left it out"


def test_the_live_preview_shows_media_that_were_kept(house: House, browser: Browser) -> None:
    lesson = written(house, browser, media=(io.BytesIO(picture()), "a.jpg"))
    hash = lesson.media[0].hash
    marks = browser.marks(f"/lessons/{lesson.id}/edit")
    assert f'data-preview="/lessons/preview?lesson={lesson.id}"' in browser.get(f"/lessons/{lesson.id}/edit").get_data(
        as_text=True
    )
    page = browser.post(f"/lessons/preview?lesson={lesson.id}", marks | fields(house, medium=hash))
    assert f"/lessons/{lesson.id}/media/{hash}" in page.get_data(as_text=True)
    far = house.seeded.lessons["far"]
    assert browser.post(f"/lessons/preview?lesson={far}", marks | fields(house)).status_code == 404


def test_a_video_and_a_document_are_kept_and_handed_out_as_files(house: House, browser: Browser) -> None:
    files = [(io.BytesIO(mp4(weight=300_000)), "讲解.mp4"), (io.BytesIO(pdf()), "条例.pdf")]
    lesson = written(house, browser, media=files)
    assert [medium.name for medium in lesson.media] == ["讲解.mp4", "条例.pdf"]
    page = browser.get(f"/lessons/{lesson.id}").get_data(as_text=True)
    assert "视频：讲解.mp4（1:15 · 294 kB）" in page
    assert "文件：条例.pdf（PDF · 2 页 · 1 kB）" in page
    served = browser.get(f"/lessons/{lesson.id}/media/{lesson.media[0].hash}")
    assert served.data == mp4(weight=300_000)
    assert served.headers["Content-Disposition"].startswith("attachment")
    assert served.headers["Content-Length"] == str(len(served.data))


def test_a_form_with_a_large_video_is_taken_from_who_is_signed_in_and_from_nobody_else(
    house: House, browser: Browser
) -> None:
    film = mp4(weight=12 * 1024 * 1024)

    def send(who: Browser, path: str, **more: Any) -> int:
        values = who.marks("/lessons/new") | fields(house) | more | {"media": FileStorage(io.BytesIO(film), "长.mp4")}
        boundary, body = encode_multipart(values)
        kind = f'multipart/form-data; boundary="{boundary}"'
        return who.client.post(path, data=body, content_type=kind, headers=who.headers).status_code

    assert send(browser, "/lessons/new", title="长片一课") == 303
    (lesson,) = (one for one in library(house) if one.title == "长片一课")
    assert lesson.media[0].size == len(film)
    assert send(house.browser(None), "/lessons/new") == 413
    assert send(browser, "/polls/new") == 413


def limited(house: House, bytes: int | None) -> None:
    """Let the homeserver have said how much it takes."""
    seen = UploadLimitSeen(user="@bot:example.org", bytes=bytes, at=house.clock.now)
    house.run(house.store.settle(notes=[seen]))


def test_the_editor_names_the_homeserver_s_limit_and_refuses_what_is_larger(house: House, browser: Browser) -> None:
    assert "还没有说一次能收多大，先按每个 50 MB 算" in browser.get("/lessons/new").get_data(as_text=True)
    limited(house, 1024 * 1024 // 4)
    assert "每个不超过 256 kB" in browser.get("/lessons/new").get_data(as_text=True)
    film = mp4(weight=300_000)
    answer = browser.post("/lessons/new", fields(house, media=(io.BytesIO(film), "长.mp4")))
    assert answer.status_code == 422
    assert "“长.mp4”有 294 kB，超过了聊天服务器能收的 256 kB" in answer.get_data(as_text=True)


def test_what_the_homeserver_no_longer_takes_is_refused_before_it_is_planned(house: House, browser: Browser) -> None:
    lesson = written(house, browser, media=(io.BytesIO(mp4(weight=300_000)), "长.mp4"))
    limited(house, 100_000)
    plan = {
        "lessons": [lesson.id],
        "audience": house.seeded.organisations["general"],
        "when": "at",
        "date": "2026-11-27",
        "time": "15:00",
        "count": "1",
        "window": "1440",
        "late": "720",
    }
    answer = browser.post("/schedule", plan)
    assert answer.status_code == 422
    assert "超过了聊天服务器能收的 97 kB" in answer.get_data(as_text=True)


def test_a_lesson_is_sent_to_oneself_first_and_to_nobody_else(house: House, browser: Browser) -> None:
    id = house.seeded.lessons["law"]
    sent = browser.post(f"/lessons/{id}/send-to-me", browser.marks("/"))
    assert "done=sent_to_me" in sent.headers["Location"]
    rows = house.run(house.store.read(lambda unit: unit.rows(select(outbox).where(outbox.c.lesson_id == id))))
    assert rows
    assert {(row.user_id, row.room_id) for row in rows} == {(SECRETARY, None)}
