"""Whoever moderates sees the cases of their place, takes measures and undoes them; others review what was appealed."""

from __future__ import annotations

from typing import Any

import pytest

from content.identifiers import UserId
from content.organisations import Role
from content.sanctions import Appeal, Reason, State, Step
from storage import outbox, sanctions
from storage.cases import cases
from storage.looks import looks
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, SECRETARY, VIEWER
from tests.console.strict_house import grant

WHITE = UserId("@m1:example.org")
OTHER = UserId("@m2:example.org")


def done(house: House, short: str = "one") -> list[Any]:
    """Return what was done in a case, oldest first."""
    table = sanctions.sanctions
    query = table.select().where(table.c.case_id == house.seeded.cases[short]).order_by(table.c.at, table.c.id)
    return list(house.run(house.store.read(lambda unit: unit.rows(query))))


def told(house: House, user: str) -> list[str]:
    """Return what is said to somebody."""
    query = outbox.outbox.select().where(outbox.outbox.c.user_id == user, outbox.outbox.c.kind == "tell")
    keys = [row.words["key"] for row in house.run(house.store.read(lambda unit: unit.rows(query)))]
    return [key for key in keys if key.startswith("sanction.")]


def measure(step: Step, **more: str) -> dict[str, str]:
    usual = {"step": step, "reason": Reason.INSULT, "words": "", "lasts": "usual", "where": "everywhere"}
    return {**usual, **more}


def test_only_who_moderates_sees_cases_and_only_those_of_their_place(house: House, browser: Browser) -> None:
    page = browser.get("/cases").get_data(as_text=True)
    assert "白云" in page
    assert "安邻" not in page
    one = browser.get(f"/cases/{house.seeded.cases['one']}").get_data(as_text=True)
    for expected in ("同一句话发了二十遍", "当面谈过一次", "刷屏", "一分钟二十条"):
        assert expected in one
    assert browser.get(f"/cases/{house.seeded.cases['far']}").status_code == 404
    assert house.browser(VIEWER).get("/cases").status_code == 403


def test_a_case_is_opened_by_name_and_its_words_are_kept_once(house: House, browser: Browser) -> None:
    place = house.seeded.organisations["two"]
    fields = browser.marks("/cases/new") | {"user": "江流", "place": place, "evidence": "原话在此"}
    first = browser.post("/cases/new", fields)
    assert first.status_code == 303
    assert "done=repeated" in browser.post("/cases/new", fields).headers["Location"]
    rows = house.run(house.store.read(lambda unit: unit.rows(cases.select().order_by(cases.c.number))))
    assert [row.number for row in rows] == [1, 2, 3]
    assert "原话在此" in browser.get(first.headers["Location"]).get_data(as_text=True)
    nobody = browser.post("/cases/new", {"user": "没有这人", "place": place, "evidence": "留着"})
    assert nobody.status_code == 422
    assert "留着" in nobody.get_data(as_text=True)


def test_a_note_is_told_to_nobody_and_a_warning_to_its_person(house: House, browser: Browser) -> None:
    at = f"/cases/{house.seeded.cases['one']}"
    browser.post(f"{at}/measures", measure(Step.NOTE, reason=Reason.OTHER, words="再看看"), form_at=at)
    assert told(house, WHITE) == []
    browser.post(f"{at}/measures", measure(Step.WARNING), form_at=at)
    assert told(house, WHITE) == ["sanction.told_warning_until"]
    assert sorted(row.step for row in done(house)) == ["note", "warning", "warning"]


def test_what_the_bot_may_not_do_is_said_on_the_page_and_not_done(house: House) -> None:
    browser, at = house.browser(NEIGHBOUR), f"/cases/{house.seeded.cases['far']}"
    assert "还不知道这个群的权限设置" in browser.get(at).get_data(as_text=True)
    refused = browser.post(f"{at}/measures", measure(Step.MUTE), form_at=at)
    assert refused.status_code == 409
    assert "我没有权限这样做，所以什么也没有做" in refused.get_data(as_text=True)
    assert len(done(house, "far")) == 1


def test_nobody_takes_a_measure_against_who_has_a_duty_here(house: House, browser: Browser) -> None:
    grant(house, WHITE, Role.PUBLICITY_MEMBER, "one")
    at = f"/cases/{house.seeded.cases['one']}"
    refused = browser.post(f"{at}/measures", measure(Step.WARNING), form_at=at)
    assert "这位同志在这里有管理职务" in refused.get_data(as_text=True)


def test_a_measure_is_lifted_with_a_reason_that_its_person_reads(house: House, browser: Browser) -> None:
    at, id = f"/cases/{house.seeded.cases['one']}", done(house)[0].id
    assert browser.post(f"{at}/measures/{id}/lift", {"why": " "}, form_at=at).status_code == 409
    assert browser.post(f"{at}/measures/{id}/lift", {"why": "看错了"}, form_at=at).status_code == 303
    assert (done(house)[0].state, done(house)[0].lifted_by) == (State.LIFTED, SECRETARY)
    assert told(house, WHITE) == ["sanction.lifted"]


def test_an_appeal_is_read_and_reviewed_by_somebody_who_had_no_part_in_it(house: House) -> None:
    own, id = house.browser(NEIGHBOUR), done(house, "far")[0].id
    at = f"/cases/{house.seeded.cases['far']}"
    assert "有 1 份申诉" in own.get("/").get_data(as_text=True)
    assert "只发了两遍" not in own.get(at).get_data(as_text=True)
    fields = {"answer": "看过了", "verdict": "grant"}
    assert "没有参与" in own.post(f"{at}/measures/{id}/review", fields, form_at=at).get_data(as_text=True)
    grant(house, OTHER, Role.DISCIPLINE_MEMBER, "far")
    other = house.browser(OTHER)
    assert "只发了两遍" in other.get(at).get_data(as_text=True)
    assert other.post(f"{at}/measures/{id}/review", fields, form_at=at).status_code == 303
    row = done(house, "far")[0]
    assert (row.state, row.appeal, row.reviewed_by) == (State.LIFTED, Appeal.GRANTED, OTHER)


def test_a_look_at_a_case_is_a_look_at_its_person(house: House, browser: Browser) -> None:
    browser.get(f"/cases/{house.seeded.cases['one']}")
    rows = house.run(house.store.read(lambda unit: unit.rows(looks.select())))
    assert [(row.what, row.member_id) for row in rows] == [("case", house.seeded.members["白云"])]


def test_nobody_reads_or_changes_a_case_about_themself(house: House) -> None:
    grant(house, WHITE, Role.MODERATOR, "one")
    own, at, id = house.browser(WHITE), f"/cases/{house.seeded.cases['one']}", done(house)[0].id
    assert own.get(at).status_code == 404
    assert at not in own.get("/cases").get_data(as_text=True)
    fields = {"why": "看错了"} | own.marks("/cases/new")
    assert own.post(f"{at}/measures/{id}/lift", fields).status_code == 404
    assert own.post(f"{at}/notes", {"note": "不是我"} | fields).status_code == 404
    assert done(house)[0].state == State.ACTIVE


@pytest.mark.parametrize("role", [Role.ORGANISING_MEMBER, Role.GROUP_LEADER, Role.VIEWER])
def test_no_page_and_no_file_of_who_does_not_moderate_has_a_word_of_what_was_said_of_people(
    house: House, browser: Browser, role: Role
) -> None:
    sealed = ("同一句话发了二十遍", "当面谈过一次", "一分钟二十条")
    assert all(one in browser.get(f"/cases/{house.seeded.cases['one']}").get_data(as_text=True) for one in sealed)
    grant(house, WHITE, role)
    other, looked = house.browser(WHITE), 0
    for rule in house.app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.arguments or rule.rule.startswith(("/sign-out", "/static")):
            continue
        for address in (rule.rule, f"{rule.rule}?as=csv"):
            answer = other.get(address)
            looked += answer.status_code == 200
            assert not any(one.encode() in answer.get_data() for one in sealed), address
    for format in ("csv", "text"):
        kept = other.get(f"/record/export.{format}")
        assert not any(one.encode() in kept.get_data() for one in sealed)
    assert looked > 20
