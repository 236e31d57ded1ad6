"""What was sent is corrected and withdrawn from the desk: rooms named first, reasons asked, by who may and once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.clock import opening
from content.identifiers import LessonId, OccurrenceId, OrganisationId, ScheduleId
from content.lessons import Kind, Lesson, LessonWritten
from content.occurrences import State
from content.recurrences import Recurrence
from content.schedules import LessonsScheduled, Schedule, materialise
from storage import amendments, lessons, schedules
from storage.outbox import outbox
from tests.console.console_house import Browser, House
from tests.console.console_seeding import SECRETARY, VIEWER


def revise(house: House, browser: Browser, body: str = "改过的正文。") -> str:
    """Save another version of the lesson that is open, as its author does, and return what the page says then."""
    id = house.seeded.lessons["law"]
    fields = {"kind": "lesson", "title": "宪法第一课", "body": body, "minutes": "8", "revision": "1"}
    answer = browser.post(f"/lessons/{id}/edit", fields)
    assert answer.status_code == 303
    return browser.get(answer.headers["Location"]).get_data(as_text=True)


def note(house: House, id: str) -> amendments.Note:
    found: amendments.Note = house.run(house.store.read(lambda unit: amendments.note(unit, OccurrenceId(id))))
    return found


def state(house: House, id: str) -> State:
    entry = house.run(house.store.read(lambda unit: schedules.entry(unit, OccurrenceId(id))))
    found: State = entry.occurrence.state
    return found


def kinds(house: House) -> list[str]:
    """Return what waits in the outbox for rooms."""

    async def ask(unit: Any) -> list[str]:
        rows = await unit.rows(outbox.select().where(outbox.c.card_id.is_not(None), outbox.c.state == "pending"))
        return [row.kind for row in rows]

    found: list[str] = house.run(house.store.read(ask))
    return found


def test_after_an_edit_the_lesson_says_what_still_shows_the_older_version(house: House, browser: Browser) -> None:
    page = revise(house, browser)
    assert "有 1 场发出去的还是以前的一版" in page
    assert "改正已发出的" in page
    seen = house.browser(VIEWER).get(f"/lessons/{house.seeded.lessons['law']}").get_data(as_text=True)
    assert "以前的一版" not in seen


def test_what_was_sent_is_corrected_once_with_its_reason(house: House, browser: Browser) -> None:
    revise(house, browser)
    lesson, open_one = house.seeded.lessons["law"], house.seeded.occurrences["open"]
    where = f"/lessons/{lesson}/correct"
    page = browser.get(where).get_data(as_text=True)
    assert "发在：two" in page
    chosen = browser.marks(where) | {"occurrences": [open_one], "reason": "写错了日期", "revision": "2"}
    assert browser.post(where, chosen).headers["Location"] == f"/lessons/{lesson}?done=corrected"
    assert "done=repeated" in browser.post(where, chosen).headers["Location"]
    assert note(house, open_one).correction == "写错了日期"
    assert kinds(house) == ["amend"], "in the other room the card had failed, and comes back corrected"
    shown = browser.get(f"/check-ins/{open_one}").get_data(as_text=True)
    assert "已更正：写错了日期" in shown
    assert "群里的都已经是现在的一版" in browser.get(where).get_data(as_text=True)


def test_a_correction_names_what_keeps_it_from_being_done(house: House, browser: Browser) -> None:
    revise(house, browser)
    where = f"/lessons/{house.seeded.lessons['law']}/correct"
    none = browser.post(where, {**browser.marks(where), "reason": "", "revision": "2"})
    assert none.status_code == 422
    assert "请至少选一场" in none.get_data(as_text=True)
    long = {**browser.marks(where), "occurrences": [house.seeded.occurrences["open"]], "revision": "2"}
    answer = browser.post(where, long | {"reason": "长" * 201})
    assert answer.status_code == 422
    assert "最多 200 个字" in answer.get_data(as_text=True)
    stale = browser.post(where, {**browser.marks(where), **long, "revision": "1", **browser.marks(where)})
    assert "刚才又有人保存过" in stale.get_data(as_text=True)
    assert note(house, house.seeded.occurrences["open"]).corrected_at is None


def test_what_is_not_one_s_own_cannot_be_corrected_by_naming_it(house: House, browser: Browser) -> None:
    revise(house, browser)
    where = f"/lessons/{house.seeded.lessons['law']}/correct"
    foreign = {"occurrences": [house.seeded.occurrences["far"]], "reason": "", "revision": "2"}
    assert browser.post(where, browser.marks(where) | foreign).status_code == 422
    assert note(house, house.seeded.occurrences["far"]).corrected_at is None


def test_a_withdrawal_names_the_rooms_asks_why_and_is_kept_with_its_reason(house: House, browser: Browser) -> None:
    id = house.seeded.occurrences["open"]
    where = f"/check-ins/{id}/withdraw"
    assert "撤回" in browser.get(f"/check-ins/{id}").get_data(as_text=True)
    page = browser.get(where).get_data(as_text=True)
    assert "发在：two" in page
    refused = browser.post(where, {**browser.marks(where), "reason": " "})
    assert refused.status_code == 422
    assert "请写明撤回的原因" in refused.get_data(as_text=True)
    assert state(house, id) is State.OPEN
    marks = browser.marks(where) | {"reason": "发错了支部"}
    assert browser.post(where, marks).headers["Location"] == f"/check-ins/{id}?done=withdrawn"
    assert "done=repeated" in browser.post(where, marks).headers["Location"]
    assert state(house, id) is State.WITHDRAWN
    shown = browser.get(f"/check-ins/{id}").get_data(as_text=True)
    assert "已撤回：发错了支部" in shown
    assert where not in shown
    assert browser.get(where).status_code == 404


def test_a_withdrawn_occurrence_is_found_in_the_calendar_by_its_state(house: House, browser: Browser) -> None:
    id = house.seeded.occurrences["open"]
    where = f"/check-ins/{id}/withdraw"
    browser.post(where, browser.marks(where) | {"reason": "发错了"})
    page = browser.get("/calendar?state=withdrawn").get_data(as_text=True)
    assert "宪法第一课" in page
    assert "作业安全四步法" not in page


def test_who_only_reads_may_neither_correct_nor_withdraw(house: House) -> None:
    browser = house.browser(VIEWER)
    id = house.seeded.occurrences["open"]
    assert browser.get(f"/check-ins/{id}/withdraw").status_code == 403
    assert browser.get(f"/lessons/{house.seeded.lessons['law']}/correct").status_code == 403
    assert "withdraw" not in browser.get(f"/check-ins/{id}").get_data(as_text=True)


def test_what_has_not_gone_out_is_cancelled_not_withdrawn(house: House, browser: Browser) -> None:
    assert browser.get(f"/check-ins/{house.seeded.occurrences['planned']}/withdraw").status_code == 404
    assert "/withdraw" not in browser.get(f"/check-ins/{house.seeded.occurrences['planned']}").get_data(as_text=True)


def test_the_newest_version_is_what_the_next_occurrence_shows(house: House, browser: Browser) -> None:
    revise(house, browser)
    id = LessonId(house.seeded.lessons["law"])
    lesson = house.run(house.store.read(lambda unit: lessons.lesson(unit, id)))
    assert lesson.revision == 2


def test_a_bulletin_is_withdrawn_like_anything_else_that_was_sent(house: House, browser: Browser) -> None:
    top = OrganisationId(house.seeded.organisations["general"])
    lesson = Lesson(id=LessonId("bulletin"), owner=top, kind=Kind.BULLETIN, title="窗口搬家", body="三楼。")
    now = house.clock()
    rule = Schedule(
        id=ScheduleId("bulletin"),
        owner=top,
        audience=top,
        lessons=(lesson.id,),
        recurrence=Recurrence.ONCE,
        start=now.date(),
        at=now.time(),
        timezone="UTC",
        window=timedelta(hours=2),
        late=timedelta(hours=2),
    )
    (planned,) = materialise(rule)
    notes = [
        LessonWritten(lesson=lesson, author=SECRETARY),
        LessonsScheduled(schedule=rule, planned=(planned,), author=SECRETARY),
    ]
    house.run(house.store.settle([opening(planned.id, planned.due_at)], notes=notes))
    page = browser.get(f"/check-ins/{planned.id}").get_data(as_text=True)
    assert "这是速递" in page
    where = f"/check-ins/{planned.id}/withdraw"
    assert where in page
    marks = browser.marks(where) | {"reason": "发错了"}
    assert "done=withdrawn" in browser.post(where, marks).headers["Location"]
    assert state(house, planned.id) is State.WITHDRAWN
