"""A lecture at the desk: written, announced before it begins, and asked about by people whose names may not show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from content.burden import Cap
from content.catch_ups import Given, composed, lesson_of
from content.identifiers import OccurrenceId, OrganisationId
from content.lecture_questions import LONGEST_ANSWER, LectureQuestionWithdrawn, Question, State
from content.lectures import Session
from content.lessons import Kind, Lesson
from content.markup import objection, to_html, to_plain
from content.settings import QUIET_HOURS, SettingChosen
from content.speech import Reader
from storage import lecture_questions, lessons
from storage.outbox import outbox
from storage.unit import Reading
from tests.console.announced_lecture import NAMED, UNNAMED, announce_lecture
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, NOW, VIEWER, put
from tests.console.test_lessons_page import fields as of_lesson
from tests.console.test_lessons_page import written
from tests.console.test_schedule_page import allow, form, planned
from zhibu.catalogue import load_speech


def lecture(house: House, **more: Any) -> dict[str, Any]:
    """Return the fields of a lecture that is filled in whole."""
    said = {"speaker": "陈老师", "begins-1": "2026-11-27T15:00", "place-1": "二楼会议室", "begins-2": "", "place-2": ""}
    return of_lesson(house, kind="lecture", title="读懂党章", body="提纲", minutes="90", party="1", **(said | more))


def asked(house: House, id: str) -> Sequence[Question]:
    """Return the questions to a lecture."""
    return house.run(house.store.read(lambda unit: lecture_questions.of_lecture(unit, id)))  # type: ignore[arg-type,no-any-return]


def test_a_lecture_is_written_with_its_times_as_they_are_where_it_belongs(house: House, browser: Browser) -> None:
    kept = written(house, browser, **lecture(house, **{"begins-2": "2026-11-28T09:00"}))
    assert kept.kind is Kind.LECTURE
    assert kept.lecture is not None
    assert (kept.lecture.speaker, kept.lecture.party) == ("陈老师", True)
    assert [(one.begins.isoformat(), one.place) for one in kept.lecture.sessions] == [
        ("2026-11-27T07:00:00+00:00", "二楼会议室"),
        ("2026-11-28T01:00:00+00:00", "二楼会议室"),
    ]
    assert isinstance(kept.lecture.sessions[0], Session)
    again = browser.get(f"/lessons/{kept.id}/edit").get_data(as_text=True)
    assert 'value="2026-11-28T09:00"' in again
    assert "主讲：陈老师" in again


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"speaker": ""}, "请写上主讲人"),
        ({"begins-1": ""}, "请选第 1 场的时间"),
        ({"place-1": ""}, "请写上地点"),
        ({"begins-1": "明天"}, "这不是一个能用的时间"),
        ({"begins-1": "2206-11-27T15:00"}, "这不是一个能用的时间"),
        ({"begins-1": "9999-12-31T23:59"}, "这不是一个能用的时间"),
        ({"begins-2": "2026-11-27T16:00"}, "第 2 场要在第 1 场讲完以后开始"),
    ],
)
def test_what_its_card_has_to_say_is_asked_for(
    house: House, browser: Browser, change: dict[str, str], said: str
) -> None:
    answer = browser.post("/lessons/new", lecture(house, **change))
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)


def test_it_is_announced_once_and_before_it_begins(house: House, browser: Browser) -> None:
    kept = written(house, browser, **lecture(house))
    late = browser.post("/schedule", form(house, lessons=[kept.id], date="2026-11-27", time="15:00"))
    assert "通知要赶在开讲之前发出" in late.get_data(as_text=True)
    weekly = browser.post("/schedule", form(house, lessons=[kept.id], when="weekly", date="2026-11-26"))
    assert "通知只发一次" in weekly.get_data(as_text=True)
    answer = browser.post("/schedule", form(house, lessons=[kept.id], date="2026-11-26", time="15:00"))
    assert answer.status_code == 303, answer.get_data(as_text=True)
    assert [entry.title for entry in planned(house)] == ["读懂党章"]


def test_its_announcement_cannot_be_moved_past_its_beginning(house: House, browser: Browser) -> None:
    kept = written(house, browser, **lecture(house))
    browser.post("/schedule", form(house, lessons=[kept.id], date="2026-11-26", time="15:00"))
    (entry,) = planned(house)
    times = {"date": "2026-11-27", "time": "15:00", "window": "120", "late": "60"}
    browser.post(f"/calendar/{entry.occurrence.id}/move", times)
    assert [one.occurrence.due_at for one in planned(house)] == [entry.occurrence.due_at]
    browser.post(f"/calendar/{entry.occurrence.id}/move", times | {"time": "14:00"})
    assert [one.occurrence.due_at for one in planned(house)] == [entry.occurrence.due_at + timedelta(hours=23)]


def test_a_lecture_is_not_put_before_its_announcement(house: House, browser: Browser) -> None:
    """Finding C11: a lecture whose time is revised while its announcement is planned."""
    kept = written(house, browser, **lecture(house))
    browser.post("/schedule", form(house, lessons=[kept.id], date="2026-11-26", time="15:00"))
    path = f"/lessons/{kept.id}/edit"
    sooner = lecture(house, **{"begins-1": "2026-11-26T14:00"}) | {"revision": str(kept.revision)}
    answer = browser.post(path, browser.marks(path) | sooner)
    assert answer.status_code == 422
    assert "开讲要在那之后" in answer.get_data(as_text=True)
    later = sooner | {"begins-1": "2026-11-26T18:00"}
    assert browser.post(path, browser.marks(path) | later).status_code == 303


def test_an_announcement_that_quiet_hours_would_hold_past_its_lecture_is_refused(
    house: House, browser: Browser
) -> None:
    """Finding C11: held until the lecture has begun, it would be of no use."""
    general = house.seeded.organisations["general"]
    house.run(put(house.store, "quiet", SettingChosen(organisation=general, name=QUIET_HOURS, value="21-8")))
    allow(house, Cap.DAY, 9)
    kept = written(house, browser, **lecture(house, **{"begins-1": "2026-11-27T07:30"}))
    night = form(house, lessons=[kept.id], date="2026-11-26", time="22:00")
    for wanted in (night, night | {"intent": "look"}):
        answer = browser.post("/schedule", wanted)
        assert answer.status_code == 422
        assert "那时讲座已经开始" in answer.get_data(as_text=True)
    browser.post("/schedule", night | {"time": "15:00"})
    (entry,) = planned(house)
    times = {"date": "2026-11-26", "time": "22:00", "window": "120", "late": "60"}
    browser.post(f"/calendar/{entry.occurrence.id}/move", times)
    assert [one.occurrence.due_at for one in planned(house)] == [entry.occurrence.due_at]
    assert browser.post("/schedule", night | {"urgent": "停产检修，临时通知", "again": "yes"}).status_code == 303


def test_questions_show_names_only_where_they_were_given(house: House, browser: Browser) -> None:
    id = house.run(announce_lecture(house.store, house.seeded))
    assert f"/lectures/{id}" in browser.get(f"/check-ins/{id}").get_data(as_text=True)
    page = browser.get(f"/lectures/{id}").get_data(as_text=True)
    assert "党费可以季度交吗" in page
    assert "食堂能早点开吗" in page
    assert page.count("白云") == 1
    assert "没有署名" in page


async def _answers_told(unit: Reading) -> int:
    rows = await unit.rows(select(outbox).where(outbox.c.words.is_not(None)))
    return sum(row.words is not None and row.words["key"] == "lecture.answered" for row in rows)


def test_a_question_is_answered_put_away_and_taken_up_again(house: House, browser: Browser) -> None:
    id = house.run(announce_lecture(house.store, house.seeded))

    def press(question: str, verdict: str, answer: str = "") -> int:
        path = f"/lectures/{id}/questions/{question}"
        return browser.post(path, browser.marks(f"/lectures/{id}") | {"verdict": verdict, "answer": answer}).status_code

    assert press(NAMED, "answered") == 422
    assert press(NAMED, "answered", "长" * (LONGEST_ANSWER + 1)) == 422
    assert press(NAMED, "answered", "可以，按季度交。\r\n\r\n") == 303
    assert press(UNNAMED, "hidden") == 303
    assert house.run(house.store.read(_answers_told)) == 1, "who asked under their name is told"
    found = {one.id: (one.state, one.answer) for one in asked(house, id)}
    assert found == {NAMED: (State.ANSWERED, "可以，按季度交。"), UNNAMED: (State.HIDDEN, "")}
    assert press(UNNAMED, "open") == 303
    assert press(NAMED, "wrong") == 400
    assert press(NAMED, "withdrawn") == 400
    assert {one.id: one.state for one in asked(house, id)} == {NAMED: State.ANSWERED, UNNAMED: State.OPEN}


def test_of_a_question_that_was_withdrawn_the_page_says_only_that(house: House, browser: Browser) -> None:
    id = house.run(announce_lecture(house.store, house.seeded))
    taken_back = LectureQuestionWithdrawn(question=NAMED, occurrence=id, member=house.seeded.members["白云"])
    house.run(put(house.store, "taken back", taken_back))
    page = browser.get(f"/lectures/{id}").get_data(as_text=True)
    assert "党费可以季度交吗" not in page
    assert "提问的人撤回了" in page
    path = f"/lectures/{id}/questions/{NAMED}"
    late = browser.post(path, browser.marks(f"/lectures/{id}") | {"verdict": "answered", "answer": "可以"})
    assert late.status_code == 422


def test_only_who_plans_for_all_it_reaches_sees_its_questions(house: House) -> None:
    id = house.run(announce_lecture(house.store, house.seeded))
    for stranger in (NEIGHBOUR, VIEWER):
        browser = house.browser(stranger)
        assert browser.get(f"/lectures/{id}").status_code in (403, 404)
        fields = browser.marks("/account") | {"verdict": "hidden"}
        assert browser.post(f"/lectures/{id}/questions/{NAMED}", fields).status_code in (403, 404)
    assert house.browser().get(f"/lectures/{house.seeded.occurrences['closed']}").status_code == 404


def give(house: House) -> str:
    """Announce a lecture, and let the time come at which it has been given."""
    present, house.clock.now = house.clock.now, NOW - timedelta(days=4)
    id = house.run(announce_lecture(house.store, house.seeded, at=house.clock.now))
    house.clock.now = present
    return str(id)


def write_card(browser: Browser, id: str, intent: str, **more: str) -> Any:
    """Press a button below the card that catches up."""
    typed = {"intent": intent, "summary": "讲了三件事。", "date": "2026-12-04", "time": "09:00"}
    return browser.post(f"/lectures/{id}/catch-up", browser.marks(f"/lectures/{id}") | typed | more)


def answer_named(browser: Browser, id: str, answer: str) -> None:
    """Answer the question that was asked under a name."""
    fields = browser.marks(f"/lectures/{id}") | {"verdict": "answered", "answer": answer}
    assert browser.post(f"/lectures/{id}/questions/{NAMED}", fields).status_code == 303


def bulletin(house: House, id: str) -> Lesson:
    """Return the card that catches up on a lecture."""
    kept = house.run(house.store.read(lambda unit: lessons.lesson(unit, lesson_of(OccurrenceId(id)))))
    assert kept is not None
    return kept


def test_a_card_that_catches_up_says_what_was_said_and_answered(house: House, browser: Browser) -> None:
    id = give(house)
    answer_named(browser, id, "可以，*按季度*交。")
    assert write_card(browser, id, "now").status_code == 303
    card = bulletin(house, id)
    assert (card.kind, card.title) == (Kind.BULLETIN, "补课：读懂党章")
    text = to_plain(card.body)
    for said in ("讲了三件事。", "总纲", "白云问：党费可以季度交吗", "可以，*按季度*交。", "私聊发「补学」"):
        assert said in text
    assert "食堂" not in text
    assert [entry.title for entry in planned(house)] == ["补课：读懂党章"]
    assert write_card(browser, id, "now").status_code == 422


def test_until_it_goes_out_by_itself_the_card_takes_up_what_is_answered(house: House, browser: Browser) -> None:
    id = give(house)
    assert write_card(browser, id, "plan").status_code == 303
    (entry,) = planned(house)
    assert entry.occurrence.due_at.isoformat() == "2026-12-04T09:00:00+00:00"
    assert "按季度交" not in bulletin(house, id).body
    answer_named(browser, id, "按季度交")
    assert "按季度交" in bulletin(house, id).body
    assert write_card(browser, id, "rewrite", summary="讲了四件事。").status_code == 303
    assert "讲了四件事。" in bulletin(house, id).body
    assert write_card(browser, id, "rewrite", summary="讲了四件事。").status_code == 422


def test_a_card_does_not_go_out_before_the_lecture_is_over_or_by_who_may_not_write(house: House) -> None:
    browser = house.browser()
    id = house.run(announce_lecture(house.store, house.seeded))
    for intent, more in (("now", {}), ("plan", {"date": NOW.date().isoformat()}), ("plan", {"date": "无"})):
        assert write_card(browser, id, intent, **more).status_code == 422
    assert write_card(browser, id, "rewrite").status_code == 404
    assert planned(house) == []


def test_what_is_typed_into_a_question_is_no_markdown_on_the_card() -> None:
    """I030: what people type is shown as they typed it."""
    question = Question(
        id=NAMED,
        occurrence=OccurrenceId("one"),
        text="# <b>标题</b> [点我](https://evil.test) ![x](y)",
        asked_on=NOW.date(),
        answer="**不**\n~~是~~",
        state=State.ANSWERED,
    )
    lesson = Lesson(
        id=lesson_of(OccurrenceId("x")), owner=OrganisationId("o"), kind=Kind.LECTURE, title="讲", body="提纲"
    )
    given = Given(
        occurrence=OccurrenceId("one"),
        lesson=lesson,
        owner=lesson.owner,
        questions=(question,),
        names={},
        make_up_until=NOW,
    )
    card = composed(given, "", lambda said: load_speech().say(said, Reader()))
    assert objection(card.body) is None
    text = to_plain(card.body)
    assert "# <b>标题</b> [点我](https://evil.test) ![x](y)" in text
    assert "**不**" in text
    assert "href" not in to_html(card.body)
