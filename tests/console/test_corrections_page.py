"""Corrections are answered once and in private, and a record set by hand is the same on every page and export."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from content.checkins import State
from content.corrections import State as Corrected
from storage import audit, corrections, outbox, participation
from storage.checkins import answers
from storage.participation import Period
from tests.console.console_house import Browser, House
from tests.console.console_seeding import CORRECTION_TEXT, NEIGHBOUR, SECRETARY, VIEWER


def correction(house: House, short: str = "waiting") -> Any:
    """Return the row of a correction."""
    query = select(corrections.corrections).where(corrections.corrections.c.id == house.seeded.corrections[short])
    return house.run(house.store.read(lambda unit: unit.first(query)))


def told(house: House, user: str) -> list[dict[str, Any]]:
    """Return what waits to be said to a person."""
    query = select(outbox.outbox).where(outbox.outbox.c.user_id == user, outbox.outbox.c.words.is_not(None))
    rows = house.run(house.store.read(lambda unit: unit.rows(query.order_by(outbox.outbox.c.number))))
    return [row.words for row in rows]


def test_the_page_shows_who_asked_what_and_of_which_lesson(browser: Browser) -> None:
    page = browser.get("/corrections").get_data(as_text=True)
    for expected in ("何川", CORRECTION_TEXT, "作业安全四步法", "我的岗位已经调到检修班", "已按档案改好"):
        assert expected in page


def test_the_first_page_counts_what_waits_for_who_keeps_the_record(house: House, browser: Browser) -> None:
    assert "有 2 条更正等您答复" in browser.get("/").get_data(as_text=True)
    assert "条更正" not in house.browser(VIEWER).get("/").get_data(as_text=True)
    assert "有 1 条更正" in house.browser(NEIGHBOUR).get("/").get_data(as_text=True)


def test_who_only_reads_does_not_see_corrections(house: House) -> None:
    viewer = house.browser(VIEWER)
    assert viewer.get("/corrections").status_code in (403, 404)
    assert "/corrections" not in viewer.get("/").get_data(as_text=True)


@pytest.mark.parametrize(
    ("verdict", "answer", "state", "key"),
    [
        ("settled", "已按签到表改好", Corrected.SETTLED, "correction.told_settled"),
        ("settled", "", Corrected.SETTLED, "correction.told_settled_plainly"),
        ("unchanged", "签到表上没有名字", Corrected.UNCHANGED, "correction.told_unchanged"),
    ],
)
def test_an_answer_reaches_the_person_once(
    house: House, browser: Browser, verdict: str, answer: str, state: Corrected, key: str
) -> None:
    fields = browser.marks("/corrections") | {"verdict": verdict, "answer": answer}
    path = f"/corrections/{house.seeded.corrections['waiting']}"
    assert browser.post(path, fields).status_code == 303
    assert "done=repeated" in browser.post(path, fields).headers["Location"]
    row = correction(house)
    assert (row.state, row.answer, row.answered_by) == (state, answer, SECRETARY)
    assert [words["key"] for words in told(house, row.user_id)] == [key]


def test_leaving_it_as_it_is_needs_a_reason_and_keeps_what_was_typed(house: House, browser: Browser) -> None:
    path = f"/corrections/{house.seeded.corrections['waiting']}"
    refused = browser.post(path, {"verdict": "unchanged", "answer": "  "}, form_at="/corrections")
    assert refused.status_code == 422
    assert "请写一句为什么" in refused.get_data(as_text=True)
    long = browser.post(path, {"verdict": "settled", "answer": "字" * 501}, form_at="/corrections")
    assert "字" * 501 in long.get_data(as_text=True)
    assert correction(house).state == Corrected.WAITING


def test_two_organisers_cannot_both_answer(house: House, browser: Browser) -> None:
    path = f"/corrections/{house.seeded.corrections['waiting']}"
    browser.post(path, {"verdict": "settled", "answer": "先"}, form_at="/corrections")
    second = browser.post(path, {"verdict": "unchanged", "answer": "后"}, form_at="/corrections")
    assert "这一条已经有结果了" in second.get_data(as_text=True)
    assert correction(house).answer == "先"


def by_hand(house: House, name: str = "何川", occurrence: str = "closed") -> str:
    """Return the address at which a member's record is set."""
    return f"/check-ins/{house.seeded.occurrences[occurrence]}/members/{house.seeded.members[name]}"


def standing(house: House, occurrence: str = "closed") -> dict[str, tuple[State, bool]]:
    """Return how everyone stands, and whether that was set by hand."""
    id = house.seeded.occurrences[occurrence]
    lines = house.run(house.store.read(lambda unit: participation.lines(unit, occurrence=id)))
    return {line.name: (line.state, line.by_hand) for line in lines}


@pytest.mark.parametrize(
    ("occurrence", "mark", "state"),
    [
        ("closed", "attended", State.DONE),
        ("closed", "leave", State.EXCUSED),
        ("open", "attended", State.DONE),
        ("open", "leave", State.EXCUSED),
    ],
)
def test_a_record_set_by_hand_counts_everywhere(
    house: House, browser: Browser, occurrence: str, mark: str, state: State
) -> None:
    name = "康宁" if occurrence == "open" and mark == "leave" else "何川" if occurrence == "closed" else "江流"
    answer = browser.post(by_hand(house, name, occurrence), {"mark": mark, "explanation": "签到表上有名字"})
    assert answer.status_code == 303
    assert standing(house, occurrence)[name] == (state, True)
    roots, id = [house.seeded.organisations["general"]], house.seeded.occurrences[occurrence]
    lines = house.run(house.store.read(lambda unit: participation.by_occurrence(unit, roots, Period())))
    counted = next(line.numbers for line in lines if line.id == id)
    assert counted[state] == sum(1 for one, _ in standing(house, occurrence).values() if one is state)


def test_neither_undoes_what_stood(house: House, browser: Browser) -> None:
    browser.post(by_hand(house, "白云"), {"mark": "neither", "explanation": "签错了人"})
    browser.post(by_hand(house, "康宁", "open"), {"mark": "neither", "explanation": "签错了人"})
    assert standing(house)["白云"] == (State.UNANSWERED, True)
    assert standing(house, "open")["康宁"] == (State.OPEN, True)


def test_a_record_set_by_hand_says_so_and_why_to_who_keeps_it(house: House, browser: Browser) -> None:
    browser.post(by_hand(house), {"mark": "attended", "explanation": "签到表上有名字"})
    page = f"/check-ins/{house.seeded.occurrences['closed']}"
    assert "签到表上有名字" in browser.get(page).get_data(as_text=True)
    assert "签到表上有名字" in browser.get(by_hand(house)).get_data(as_text=True)
    assert "签到表上有名字" not in house.browser(VIEWER).get(page).get_data(as_text=True)
    member = browser.get(f"/participation/members/{house.seeded.members['何川']}").get_data(as_text=True)
    assert "记录人改" in member
    lines = house.run(house.store.read(audit.lines))
    assert ("answered", SECRETARY) in [(line.action, line.actor) for line in lines]


def test_the_member_is_told_and_the_card_shows_the_new_number(house: House, browser: Browser) -> None:
    browser.post(by_hand(house, "江流", "open"), {"mark": "attended", "explanation": "签到表上有名字"})
    (words,) = [words for words in told(house, "@m7:example.org") if words["key"] == "correction.set_attended"]
    assert words["parameters"]["explanation"] == "签到表上有名字"
    query = select(outbox.outbox).where(outbox.outbox.c.kind == outbox.Kind.EDIT)
    edits = house.run(house.store.read(lambda unit: unit.rows(query)))
    assert [row.room_id for row in edits] == ["!two"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"mark": "attended", "explanation": " "}, "请写一句为什么改"),
        ({"mark": "attended", "explanation": "字" * 201}, "说明请缩短到 200 字以内"),
        ({"mark": "neither", "explanation": "说明"}, "本来就是这样"),
    ],
)
def test_a_record_is_not_set_without_a_reason_or_a_change(
    house: House, browser: Browser, fields: dict[str, str], said: str
) -> None:
    answer = browser.post(by_hand(house), fields)
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)
    assert standing(house)["何川"] == (State.UNANSWERED, False)


def test_a_form_sent_twice_sets_the_record_once(house: House, browser: Browser) -> None:
    fields = browser.marks(by_hand(house)) | {"mark": "attended", "explanation": "签到表上有名字"}
    browser.post(by_hand(house), fields)
    assert "done=repeated" in browser.post(by_hand(house), fields).headers["Location"]
    query = select(answers).where(answers.c.recorded_by.is_not(None))
    assert len(house.run(house.store.read(lambda unit: unit.rows(query)))) == 1


def test_records_are_set_by_who_keeps_them_only(house: House) -> None:
    viewer = house.browser(VIEWER)
    assert viewer.get(by_hand(house)).status_code in (403, 404)
    page = viewer.get(f"/check-ins/{house.seeded.occurrences['closed']}").get_data(as_text=True)
    assert "/members/" not in page


def test_a_record_that_changed_since_its_form_was_opened_is_not_written_over(house: House, browser: Browser) -> None:
    path = by_hand(house)
    first, second = browser.marks(path), browser.marks(path)
    set_by_hand = {"explanation": "签到表上有名字"}
    assert browser.post(path, first | set_by_hand | {"mark": "attended"}).status_code == 303
    late = browser.post(path, second | {"mark": "leave", "explanation": "当天值班"})
    assert late.status_code == 422
    page = late.get_data(as_text=True)
    assert "何川的记录变了，现在是" in page
    assert 'value="当天值班"' in page
    (seen,) = re.findall(r'name="seen" value="([^"]+)"', page)
    assert seen != second["seen"]
    again = browser.marks(path) | {"seen": seen, "mark": "leave", "explanation": "当天值班"}
    assert browser.post(path, again).status_code == 303, "who was told how it stands now may set it"
    assert browser.post(path, browser.marks(path) | set_by_hand | {"seen": "", "mark": "attended"}).status_code == 422
