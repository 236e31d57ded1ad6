"""What a card says, when it says that it is late, and that nothing in it is ever taken for code."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from content.cards import PART_BYTES, Standing, compose, parts
from content.checkins import State
from content.identifiers import LessonId, OrganisationId
from content.lessons import ASKING, Kind, Lesson
from content.media import Medium
from content.occurrences import PUNCTUAL
from content.occurrences import State as Stand
from content.speech import Reader
from zhibu.catalogue import load_speech

SPEECH = load_speech()
DUE = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)
LESSON = Lesson(
    id=LessonId("l"),
    owner=OrganisationId("o"),
    kind=Kind.LESSON,
    title="安全生产",
    body="第一段。\n\n第二段。",
    source="本支部编写",
    dated=date(2026, 6, 1),
)
OPEN = Standing(
    due_at=DUE,
    shown_at=DUE,
    closes_at=DUE + timedelta(hours=2),
    state=Stand.OPEN,
    numbers={State.DONE: 3, State.OPEN: 20, State.NOT_OFFERED: 7},
)


def card(lesson: Lesson = LESSON, standing: Standing = OPEN, language: str = "zh_CN") -> list[str]:
    reader = Reader(language=language)
    return [message.body for message in compose(lesson, standing, lambda said: SPEECH.say(said, reader))]


def html(lesson: Lesson = LESSON, standing: Standing = OPEN) -> str:
    return "".join(message.html for message in compose(lesson, standing, lambda said: SPEECH.say(said, Reader())))


def test_a_picture_is_a_message_of_its_own_and_its_line_leaves_the_text() -> None:
    body = "看图。\n\n![站台示意](map.png)\n\n![别处](other.png)\n\n完。"
    picture = Medium(hash="h", name="map.png", alternative="站台示意")
    first, text = card(replace(LESSON, body=body, media=(picture,)))
    assert first == "站台示意"
    assert "站台示意" not in text
    assert "别处" in text


@pytest.mark.parametrize("language", ["zh_CN", "en"])
@pytest.mark.parametrize("kind", ASKING)
def test_an_open_card_says_what_it_is_from_where_until_when_and_how_many(kind: Kind, language: str) -> None:
    (body,) = card(replace(LESSON, kind=kind), language=language)
    assert "安全生产" in body
    assert "本支部编写" in body
    assert "2026-06-01" in body
    assert "第一段" in body
    assert "10:00" in body
    assert "✅" in body
    assert "3" in body.splitlines()[-1]
    assert "23" in body.splitlines()[-1]


def test_whom_it_was_not_offered_to_is_not_counted_and_leave_is_shown_when_there_is_any() -> None:
    without, with_leave = card()[-1], card(standing=replace(OPEN, numbers={State.DONE: 3, State.EXCUSED: 2}))[-1]
    assert "请假" not in without.splitlines()[-1]
    assert "请假" in with_leave.splitlines()[-1]
    assert "5" in with_leave.splitlines()[-1]


def test_a_closed_card_asks_for_nothing() -> None:
    (body,) = card(standing=replace(OPEN, state=Stand.CLOSED))
    assert "✅" not in body


@pytest.mark.parametrize(
    ("after", "said"), [(timedelta(0), False), (PUNCTUAL, False), (PUNCTUAL + timedelta(seconds=1), True)]
)
def test_a_late_card_says_what_its_time_was(after: timedelta, said: bool) -> None:
    (body,) = card(standing=replace(OPEN, shown_at=DUE + after))
    assert ("7月1日（周三）08:00" in body) is said


def test_pictures_come_first_and_the_live_card_is_last() -> None:
    pictures = (Medium(hash="a", name="a.png", alternative="地图"), Medium(hash="b", name="b.png"))
    messages = compose(replace(LESSON, media=pictures), OPEN, lambda said: SPEECH.say(said, Reader()))
    assert [message.medium for message in messages] == [*pictures, None]
    assert [message.body for message in messages[:2]] == ["地图", "b.png"]
    assert "✅" in messages[-1].body


def test_a_long_lesson_falls_into_as_many_messages_as_were_planned() -> None:
    long = replace(LESSON, body="\n\n".join(f"第 {number} 段" + "很长的话。" * 60 for number in range(60)))
    messages = compose(long, OPEN, lambda said: SPEECH.say(said, Reader()))
    assert len(messages) == parts(long) > 1
    assert "安全生产" in messages[0].body
    assert "✅" in messages[-1].body
    assert all("✅" not in message.body for message in messages[:-1])
    assert all(len((one.body + one.html).encode()) < 3 * PART_BYTES for one in messages)


def test_the_number_of_messages_does_not_depend_on_how_it_stands() -> None:
    later = replace(OPEN, state=Stand.CLOSED, numbers={State.EXCUSED: 9}, shown_at=DUE + timedelta(hours=9))
    assert len(card()) == len(card(standing=later)) == parts(LESSON)


def test_titles_and_sources_are_shown_as_letters() -> None:
    shown = html(replace(LESSON, title="<img src=x onerror=alert(1)>", source="<b>来源</b>"))
    assert "<img" not in shown
    assert "<b>" not in shown
    assert "&lt;img" in shown
