"""A second pair of eyes: a draft, what waits, who may let it go out, and what was changed since is looked at again."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from msgspec.structs import replace

from content.decision import Decision, Refusal
from content.identifiers import LessonId, OrganisationId, ScheduleId, UserId
from content.occurrences import OccurrenceMissed, open_occurrence
from content.organisations import Duty, DutyGranted, Role
from content.reviews import Review, Stage, approve, ask, hand_back
from content.schedules import OccurrenceCancelled
from content.settings import SECOND_PAIR, SettingChosen
from storage import outbox, reviews
from storage.unit import Reading
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NOW, SECRETARY, put
from tests.console.test_feeds_page import made
from tests.console.test_meetings_page import form as meeting
from tests.console.test_meetings_page import made as meeting_made
from tests.console.test_schedule_page import form, planned
from tests.content.test_occurrences import DUE, EAST_STAGE, SEATS, occurrence

READER = UserId("@reader:example.org")


def want_two(house: House) -> Browser:
    """Have the general branch want a second pair of eyes, and return who has them."""
    general = house.seeded.organisations["general"]
    stood = OccurrenceCancelled(occurrence=house.seeded.occurrences["planned"], by=SECRETARY)
    house.run(put(house.store, "stood", stood))
    house.run(put(house.store, "two", SettingChosen(organisation=general, name=SECOND_PAIR, value="yes")))
    duty = Duty(user=READER, organisation=general, role=Role.REVIEWER)
    house.run(put(house.store, "reader", DutyGranted(duty=duty)))
    return house.browser(READER)


def rewrite(house: House, writer: Browser) -> None:
    """Have somebody write a second revision of the lesson."""
    edit = {
        "kind": "lesson",
        "title": "宪法第一课",
        "body": "改过的正文",
        "minutes": "8",
        "revision": "1",
        "source": "",
    }
    lesson = house.seeded.lessons["law"]
    assert writer.post(f"/lessons/{lesson}/edit", writer.marks("/") | edit).status_code == 303


def test_what_waits_goes_out_once_another_person_has_let_it(house: House, browser: Browser) -> None:
    reader = want_two(house)
    answer = browser.post("/schedule", form(house))
    assert "done=review_asked" in answer.headers["Location"]
    (entry,) = planned(house)
    assert not entry.occurrence.approved
    path = f"/calendar/reviews/{entry.schedule}"
    assert browser.post(f"{path}/approve", browser.marks("/")).status_code == 409  # It is the author's own.
    assert "宪法第一课" in reader.get("/calendar/reviews").get_data(as_text=True)
    answer = reader.post(f"{path}/approve", reader.marks("/") | mark(reader))
    assert "done=review_approved" in answer.headers["Location"]
    (entry,) = planned(house)
    assert entry.occurrence.approved
    assert "没有等着审的" in reader.get("/calendar/reviews").get_data(as_text=True)
    rewrite(house, browser)
    (entry,) = planned(house)
    assert not entry.occurrence.approved
    assert "宪法第一课" in reader.get("/calendar/reviews").get_data(as_text=True)


def mark(reader: Browser) -> dict[str, str]:
    """Return what the page of the only one that waits says of its revisions and dates."""
    (found,) = re.findall(r'name="mark" value="([^"]+)"', reader.get("/calendar/reviews").get_data(as_text=True))
    return {"mark": found}


def test_what_stood_before_a_second_pair_was_wanted_waits_for_it_and_goes_on_when_it_is_wanted_no_more(
    house: House, browser: Browser
) -> None:
    general = house.seeded.organisations["general"]
    house.run(put(house.store, "reader", DutyGranted(duty=Duty(user=READER, organisation=general, role=Role.REVIEWER))))
    browser.post("/schedule", form(house))
    set_to = {"name": SECOND_PAIR, "value": "yes"}

    def approved() -> list[bool]:
        return [entry.occurrence.approved for entry in planned(house)]

    def setting(value: str, place: str = general) -> None:
        path = f"/organisation/{place}/settings"
        assert browser.post(path, browser.marks("/") | set_to | {"value": value}).status_code == 303

    assert approved() == [True]
    setting("yes", house.seeded.organisations["one"])
    assert approved() == [True], "what goes to all is no matter of one branch"
    setting("yes")
    assert approved() == [False]
    told = outbox.outbox.select().where(outbox.outbox.c.user_id == READER)
    said = [row.words["key"] for row in house.run(house.store.read(lambda unit: unit.rows(told)))]
    assert said == ["reviews.begun"] * 2, "of the branch's own plan, and of this one"
    setting("no")
    assert approved() == [True]
    setting("yes")
    (entry,) = planned(house)
    reader = house.browser(READER)
    page = reader.get("/calendar/reviews").get_data(as_text=True)
    marks = dict(re.findall(r'/calendar/reviews/(\w+)/approve.*?name="mark" value="([^"]+)"', page, re.DOTALL))
    path = f"/calendar/reviews/{entry.schedule}/approve"
    assert reader.post(path, reader.marks("/") | {"mark": marks[entry.schedule]}).status_code == 303
    assert approved() == [True]


def test_a_series_that_was_ended_before_a_second_pair_was_wanted_waits_for_it_when_it_goes_on(
    house: House, browser: Browser
) -> None:
    browser.post("/schedule", form(house, when="weekly", weekdays=["1", "4"], count="4"))
    series = f"/calendar/series/{planned(house)[0].schedule}"
    assert browser.post(f"{series}/end", browser.marks("/")).status_code == 303
    reader = want_two(house)
    assert browser.post(f"{series}/resume", browser.marks("/")).status_code == 303
    assert [entry.occurrence.approved for entry in planned(house)] == [False] * 4
    assert "宪法第一课" in reader.get("/calendar/reviews").get_data(as_text=True)


def test_a_lesson_that_was_called_off_before_a_second_pair_was_wanted_waits_for_it_when_it_is_restored(
    house: House, browser: Browser
) -> None:
    browser.post("/schedule", form(house))
    path = f"/calendar/{planned(house)[0].occurrence.id}"
    assert browser.post(f"{path}/cancel", browser.marks("/")).status_code == 303
    want_two(house)
    assert browser.post(f"{path}/restore", browser.marks("/")).status_code == 303
    assert [entry.occurrence.approved for entry in planned(house)] == [False]


def test_what_was_planned_while_a_second_pair_was_wanted_goes_out_when_it_is_wanted_no_more(
    house: House, browser: Browser
) -> None:
    reader, general = want_two(house), house.seeded.organisations["general"]
    browser.post("/schedule", form(house))
    (read,) = planned(house)
    path = f"/calendar/reviews/{read.schedule}/approve"
    assert reader.post(path, reader.marks("/") | mark(reader)).status_code == 303
    rewrite(house, browser)
    browser.post("/schedule", form(house, lessons=[house.seeded.lessons["safety"]]))
    later = form(house, intent="draft", date="2026-12-10")
    assert "done=drafted" in browser.post("/schedule", later).headers["Location"]
    assert [entry.occurrence.approved for entry in planned(house)] == [False] * 3
    house.run(put(house.store, "one", SettingChosen(organisation=general, name=SECOND_PAIR, value=None)))
    drafts = [entry for entry in planned(house) if not entry.occurrence.approved]
    assert len(drafts) == 1, "what was changed since, and what nobody has read yet, goes on; a draft stays one"
    draft = drafts[0].schedule
    assert browser.post(f"/calendar/reviews/{draft}/ask", browser.marks("/")).status_code == 303
    house.run(put(house.store, "no", SettingChosen(organisation=general, name=SECOND_PAIR, value="no")))
    still = [entry.schedule for entry in planned(house) if not entry.occurrence.approved]
    assert still == [draft], "what somebody asked to have read though nobody wanted it waits"


def test_what_was_changed_after_it_was_read_is_not_approved_unread(house: House, browser: Browser) -> None:
    reader = want_two(house)
    browser.post("/schedule", form(house))
    (entry,) = planned(house)
    path, read = f"/calendar/reviews/{entry.schedule}/approve", mark(reader)
    rewrite(house, browser)
    assert reader.post(path, reader.marks("/") | read).status_code == 409
    read = mark(reader)
    moved = {"date": "2026-11-28", "time": "10:00"}
    assert browser.post(f"/calendar/{entry.occurrence.id}/move", browser.marks("/") | moved).status_code == 303
    assert reader.post(path, reader.marks("/") | read).status_code == 409
    assert reader.post(path, reader.marks("/") | mark(reader)).status_code == 303


def test_nobody_approves_a_text_that_they_wrote_whoever_planned_it(house: House, browser: Browser) -> None:
    reader, other = want_two(house), UserId("@other:example.org")
    duty = Duty(user=other, organisation=house.seeded.organisations["general"], role=Role.SECRETARY)
    house.run(put(house.store, "other", DutyGranted(duty=duty)))
    planner = house.browser(other)
    planner.post("/schedule", form(house))
    (entry,) = planned(house)
    path, read = f"/calendar/reviews/{entry.schedule}/approve", mark(reader)
    assert "正文是您自己写的" in browser.get("/calendar/reviews").get_data(as_text=True)
    assert browser.post(path, browser.marks("/") | read).status_code == 409
    assert reader.post(path, reader.marks("/") | read).status_code == 303


def test_what_gets_other_dates_after_it_was_approved_waits_again(house: House, browser: Browser) -> None:
    reader = want_two(house)
    browser.post("/schedule", form(house, when="weekly", weekdays=["1", "4"], count="4"))
    first = planned(house)[0]
    series = f"/calendar/series/{first.schedule}"
    changes: list[tuple[str, dict[str, str]]] = [
        (f"/calendar/{first.occurrence.id}/move", {"date": "2026-11-28", "time": "10:00"}),
        (f"{series}/shift", {"workdays": "1", "yes": "yes"}),
        (f"{series}/end", {}),
        (f"{series}/resume", {}),
    ]
    for path, fields in changes:
        if not path.endswith("resume"):
            answer = reader.post(f"/calendar/reviews/{first.schedule}/approve", reader.marks("/") | mark(reader))
            assert answer.status_code == 303
            assert all(entry.occurrence.approved for entry in planned(house))
        assert browser.post(path, browser.marks("/") | fields).status_code == 303
        assert not any(entry.occurrence.approved for entry in planned(house))


def test_what_is_sent_back_says_what_to_change_and_is_sent_again(house: House, browser: Browser) -> None:
    reader = want_two(house)
    browser.post("/schedule", form(house))
    (entry,) = planned(house)
    path = f"/calendar/reviews/{entry.schedule}"
    assert reader.post(f"{path}/return", reader.marks("/")).status_code == 409
    back = reader.post(f"{path}/return", reader.marks("/") | {"note": "日期写错了"})
    assert "done=review_returned" in back.headers["Location"]
    assert "日期写错了" in browser.get(f"/calendar/series/{entry.schedule}").get_data(as_text=True)
    assert "done=review_asked" in browser.post(f"{path}/ask", browser.marks("/")).headers["Location"]


def test_a_draft_waits_until_it_is_sent_for_review(house: House, browser: Browser) -> None:
    answer = browser.post("/schedule", form(house, intent="draft"))
    assert "done=drafted" in answer.headers["Location"]
    (entry,) = planned(house)
    assert not entry.occurrence.approved
    assert "这是草稿" in browser.get(f"/calendar/series/{entry.schedule}").get_data(as_text=True)
    assert "还没有审过" in browser.get("/calendar").get_data(as_text=True)


def test_what_nobody_approved_is_missed_and_says_so() -> None:
    answer = open_occurrence(replace(occurrence(), approved=False), seats=SEATS, stages=[EAST_STAGE], parts=1, now=DUE)
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, OccurrenceMissed)
    assert fact.reason == "not_approved"


@pytest.mark.parametrize("stage", list(Stage))
def test_only_what_waits_is_approved_or_sent_back_and_only_by_another(stage: Stage) -> None:
    review = Review(
        schedule=ScheduleId("one"),
        organisation=OrganisationId("roof"),
        author=SECRETARY,
        stage=stage,
        title="",
        lessons={LessonId("a"): 2},
        approved={LessonId("a"): 2},
    )
    for answer in (approve(review, mark=review.mark, by=READER, now=NOW), hand_back(review, "why", by=READER, now=NOW)):
        assert isinstance(answer, Decision) is (stage is Stage.WAITING)
    own = approve(replace(review, stage=Stage.WAITING), mark=review.mark, by=SECRETARY, now=NOW)
    assert isinstance(own, Refusal)
    assert own.words.key == "reviews.your_own"
    asked = ask(review, [READER, SECRETARY], by=SECRETARY, console="https://zhibu.test")
    assert isinstance(asked, Decision) is (stage in (Stage.DRAFT, Stage.RETURNED))
    if isinstance(asked, Decision):
        assert [effect.user for effect in asked.effects] == [READER]  # type: ignore[attr-defined]


def test_a_long_list_of_what_was_approved_hides_nothing_that_waits(house: House, browser: Browser) -> None:
    reader, roots = want_two(house), [house.seeded.organisations["general"]]
    browser.post("/schedule", form(house))
    (old,) = planned(house)
    house.clock.now += timedelta(minutes=1)
    browser.post("/schedule", form(house, lessons=[house.seeded.lessons["safety"]]))
    (new,) = (entry.schedule for entry in planned(house) if entry.schedule != old.schedule)

    async def cut(unit: Reading) -> list[ScheduleId]:
        return [one.schedule for one in await reviews.waiting(unit, roots, limit=1)]

    assert house.run(house.store.read(cut)) == [new]
    path = f"/calendar/reviews/{new}/approve"
    review = house.run(house.store.read(lambda unit: reviews.review(unit, new)))
    assert review is not None
    assert reader.post(path, reader.marks("/") | {"mark": review.mark}).status_code == 303
    assert house.run(house.store.read(cut)) == [old.schedule]
    assert browser.post(f"/calendar/{old.occurrence.id}/cancel", browser.marks("/")).status_code == 303
    assert house.run(house.store.read(cut)) == []


def test_a_feed_names_nothing_that_waits_for_review(house: House, browser: Browser) -> None:
    reader = want_two(house)
    browser.post("/schedule", form(house, lessons=[house.seeded.lessons["safety"]]))
    feed = made(house, browser, place=house.seeded.organisations["general"])
    waits = house.browser(None).get(feed).get_data(as_text=True)
    (entry,) = planned(house)
    path = f"/calendar/reviews/{entry.schedule}/approve"
    assert reader.post(path, reader.marks("/") | mark(reader)).status_code == 303
    goes_out = house.browser(None).get(feed).get_data(as_text=True)
    assert goes_out.count("BEGIN:VEVENT") == waits.count("BEGIN:VEVENT") + 1


def test_who_let_a_notice_go_out_is_told_again_only_where_its_text_is_another(house: House, browser: Browser) -> None:
    reader = want_two(house)
    notice = {"notice_date": "2026-11-28", "notice_time": "09:00"}
    id = meeting_made(browser.post("/meetings/new", meeting(house, **notice)))

    def state() -> tuple[bool, int]:
        (entry,) = planned(house)
        query = outbox.outbox.select().where(outbox.outbox.c.user_id == READER, outbox.outbox.c.kind == "tell")
        return entry.occurrence.approved, len(house.run(house.store.read(lambda unit: unit.rows(query))))

    assert state() == (False, 1)
    (entry,) = planned(house)
    reader.post(f"/calendar/reviews/{entry.schedule}/approve", reader.marks("/") | mark(reader))
    assert state() == (True, 1)
    moved = meeting(house, place="三楼", **notice)
    assert browser.post(f"/meetings/{id}/change", moved).status_code == 303
    assert state() == (True, 1), "another place is no other text"
    other = meeting(house, place="三楼", agenda="换了议题", **notice)
    assert browser.post(f"/meetings/{id}/change", other).status_code == 303
    assert state() == (False, 2)
