"""What was not sent: in one list, dealt with together, and taken back; and quiet hours, said on the form before."""

from __future__ import annotations

from datetime import timedelta

from bot.missed import tell_owners
from content.burden import Cap
from content.occurrences import OccurrenceMissed, OccurrenceRevived, State
from content.settings import QUIET_DAYS, QUIET_HOURS, SettingChosen
from storage import missed, schedules
from storage.schedules import Entry
from tests.console.console_house import Browser, House
from tests.console.console_seeding import put
from tests.console.test_schedule_page import allow, form, planned


def entry(house: House) -> Entry:
    found: Entry = house.run(house.store.read(lambda unit: schedules.entry(unit, house.seeded.occurrences["missed"])))
    return found


def act(house: House, browser: Browser, do: str, **more: str) -> str:
    fields = {"id": house.seeded.occurrences["missed"], "do": do} | more
    return browser.post("/calendar/missed", browser.marks("/") | fields).headers.get("Location", "")


def undo(house: House, browser: Browser) -> str:
    fields = {"ids": house.seeded.occurrences["missed"], "do": "undo"}
    return browser.post("/calendar/missed", browser.marks("/") | fields).headers.get("Location", "")


def test_what_was_missed_stands_in_one_list_with_its_reason(house: House, browser: Browser) -> None:
    page = browser.get("/calendar/missed").get_data(as_text=True)
    assert "宪法第一课" in page
    assert "没有能发的群" in page
    assert "改到下一个工作日" in page


def test_each_way_is_done_and_taken_back(house: House, browser: Browser) -> None:
    was = entry(house).occurrence.due_at
    for do, state in (("send", State.PLANNED), ("move", State.PLANNED), ("skip", State.SKIPPED)):
        assert f"done=missed_{do}" in act(house, browser, do, reason="停电，下周一起讲")
        assert entry(house).occurrence.state is state
        if do == "move":
            # It is Tuesday; the time of the day stays.
            assert entry(house).occurrence.due_at.isoformat() == "2026-11-25T01:00:00+00:00"
        if do == "skip":
            page = browser.get(f"/check-ins/{house.seeded.occurrences['missed']}").get_data(as_text=True)
            assert "停电，下周一起讲" in page
        assert "done=missed_undo" in undo(house, browser)
        assert (entry(house).occurrence.state, entry(house).occurrence.due_at) == (State.MISSED, was)
        assert entry(house).reason == "no_room"


def test_leaving_it_out_needs_a_reason_and_nothing_chosen_does_nothing(house: House, browser: Browser) -> None:
    assert act(house, browser, "skip") == ""
    nothing = browser.post("/calendar/missed", browser.marks("/") | {"do": "send"})
    assert nothing.status_code == 409
    assert entry(house).occurrence.state is State.MISSED


def test_a_sibling_s_is_not_found(house: House, browser: Browser) -> None:
    fields = {"id": house.seeded.occurrences["far"], "do": "send"}
    assert browser.post("/calendar/missed", browser.marks("/") | fields).status_code == 404


def test_who_planned_it_is_told_once_in_one_message(house: House) -> None:
    found = house.run(house.store.read(missed.untold))
    assert sum(len(lines) for lines in found.values()) == 0  # It is three days ago.
    house.clock.now = entry(house).occurrence.due_at
    (lines,) = house.run(house.store.read(missed.untold)).values()
    assert [line.title for line in lines] == ["宪法第一课"]
    house.run(tell_owners(house.store, "https://zhibu.test"))
    assert house.run(house.store.read(missed.untold)) == {}


def test_what_was_sent_after_all_and_missed_again_is_told_of_again(house: House) -> None:
    house.clock.now = entry(house).occurrence.due_at
    house.run(tell_owners(house.store, "https://zhibu.test"))
    id = house.seeded.occurrences["missed"]
    revived = OccurrenceRevived(occurrence=id, at=house.clock.now)
    again = OccurrenceMissed(occurrence=id, at=house.clock.now + timedelta(minutes=1), reason="no_room", seats=())
    house.run(put(house.store, "sent and missed again", revived, again))
    assert house.run(house.store.read(missed.untold)) != {}
    house.run(tell_owners(house.store, "https://zhibu.test"))
    assert house.run(house.store.read(missed.untold)) == {}


def test_the_form_says_what_quiet_hours_do_and_takes_a_reason(house: House, browser: Browser) -> None:
    general = house.seeded.organisations["general"]
    for name, value in ((QUIET_HOURS, "21-8"), (QUIET_DAYS, "rest")):
        chosen = SettingChosen(organisation=general, name=name, value=value)
        house.run(put(house.store, f"{name} {value}", chosen))
    late = form(house, time="22:00", intent="look")
    page = browser.post("/schedule", late).get_data(as_text=True)
    assert "21:00 到 8:00" in page
    assert "在安静时间里，等到" in page
    assert "11月30日（周一）08:00" in page
    urgent = browser.post("/schedule", late | {"urgent": "防汛通知"}).get_data(as_text=True)
    assert "在安静时间里，等到" not in urgent
    browser.post("/schedule", form(house, time="22:00", urgent="防汛通知"))
    (one,) = planned(house)
    assert one.occurrence.urgent


def test_how_late_it_may_be_follows_its_kind_where_nothing_else_is_said(house: House, browser: Browser) -> None:
    browser.post("/schedule", form(house, late="kind"))
    meeting = [house.seeded.lessons["meeting"]]
    browser.post("/schedule", form(house, late="kind", lessons=meeting, time="16:00"))
    lesson, event = planned(house)
    assert (lesson.occurrence.late.total_seconds(), event.occurrence.late.total_seconds()) == (9 * 3600, 2 * 3600)


def test_what_was_missed_does_not_go_out_after_all_above_a_cap(house: House, browser: Browser) -> None:
    allow(house, Cap.DAY, 1)
    audience = entry(house).occurrence.audience
    for day in ("2026-11-24", "2026-11-25"):
        assert browser.post("/schedule", form(house, audience=audience, date=day)).status_code == 303
    id = house.seeded.occurrences["missed"]
    for do in ("send", "move"):
        answer = browser.post("/calendar/missed", browser.marks("/") | {"id": id, "do": do})
        assert (answer.status_code, "每天的上限" in answer.get_data(as_text=True)) == (409, True)
    assert browser.post(f"/calendar/{id}/send-now", browser.marks("/")).status_code == 409
    assert entry(house).occurrence.state is State.MISSED
    allow(house, Cap.DAY, 2)
    assert "done=missed_move" in act(house, browser, "move")
