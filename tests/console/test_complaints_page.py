"""The queue of complaints: answered once, told to who complained, and on no page is who that was."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest

from bot.complaints import Looking
from bot.matrix.events import Event
from content.complaints import State
from content.identifiers import UserId
from content.organisations import Role
from storage import outbox
from storage.audit import audit
from storage.cases import case_evidence, cases
from storage.complaint_contexts import complaint_contexts
from storage.complaints import complaints
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NOW, SECRETARY, VIEWER
from tests.console.strict_house import grant
from tests.fake_homeserver import FakeHomeserver

WHITE, OTHER = (UserId(f"@m{number}:example.org") for number in (1, 3))


def reporters(house: House) -> tuple[str, ...]:
    """Return who complained, as seeded."""
    names = list(house.seeded.members)
    return tuple(f"@m{names.index(name) + 1}:example.org" for name in ("陈晨", "江流"))


def whole(house: House, short: str = "one") -> Any:
    query = complaints.select().where(complaints.c.id == house.seeded.complaints[short])
    return house.run(house.store.read(lambda unit: unit.first(query)))


def told(house: House, user: str) -> list[str]:
    query = outbox.outbox.select().where(outbox.outbox.c.user_id == user, outbox.outbox.c.kind == "tell")
    rows = house.run(house.store.read(lambda unit: unit.rows(query)))
    return [row.words["key"] for row in rows if row.words and row.words["key"].startswith("complaint.")]


def at(house: House, short: str = "one") -> str:
    return f"/complaints/{house.seeded.complaints[short]}"


def test_who_moderates_sees_the_queue_of_their_place_and_nobody_who_complained(house: House, browser: Browser) -> None:
    page = browser.get("/complaints").get_data(as_text=True)
    assert "白云" in page
    assert "安邻" not in page
    one = browser.get(at(house)).get_data(as_text=True)
    for expected in ("当众骂人0", "当众骂人1", "2 人举报", "自动规则", "言语伤人"):
        assert expected in one, expected
    files = [browser.get(f"/complaints?as={form}").get_data(as_text=True) for form in ("csv", "text")]
    for shown in (page, one, *files, browser.get("/complaints?state=answered").get_data(as_text=True)):
        for secret in (*reporters(house), "陈晨", "江流"):
            assert secret not in shown, secret
    assert browser.get(at(house, "far")).status_code == 404
    assert house.browser(VIEWER).get("/complaints").status_code == 403
    assert "待答复的举报：1" in browser.get("/").get_data(as_text=True)


def test_nobody_sees_or_answers_a_complaint_about_themself(house: House, browser: Browser) -> None:
    """Neither in the queue, nor on the first page, nor by what the record says of it."""
    grant(house, WHITE, Role.SECRETARY, "one")
    browser.post(f"{at(house)}/claim", {}, form_at=at(house))
    own = house.browser(WHITE)
    assert own.get(at(house)).status_code == 404
    assert "白云" not in own.get("/complaints").get_data(as_text=True)
    assert "待答复的举报" not in own.get("/").get_data(as_text=True)
    fields = {"outcome": "unfounded", "note": ""} | own.marks("/cases/new")
    assert own.post(f"{at(house)}/answer", fields).status_code == 404
    record = own.get("/record").get_data(as_text=True)
    assert "举报" not in re.sub(r"<(nav|header).*?</\1>", "", record, flags=re.DOTALL)
    assert "认领或交回了一件举报" in browser.get("/record").get_data(as_text=True)
    (number,) = [
        row.number
        for row in house.run(house.store.read(lambda unit: unit.rows(audit.select())))
        if row.action == "complaint_claimed"
    ]
    assert own.get(f"/record/{number}").status_code == 404


def test_an_answer_is_told_to_everybody_who_complained_and_can_be_taken_back(house: House, browser: Browser) -> None:
    fields = {"outcome": "noted", "note": "谈过话了"}
    assert browser.post(f"{at(house)}/answer", fields | {"note": " "}, form_at=at(house)).status_code == 409
    assert browser.post(f"{at(house)}/answer", fields, form_at=at(house)).status_code == 303
    assert (whole(house).state, whole(house).decided_by) == (State.NOTED, SECRETARY)
    assert [told(house, one) for one in reporters(house)] == [["complaint.answer_noted"]] * 2
    assert told(house, WHITE) == []
    page = browser.get(at(house)).get_data(as_text=True)
    assert "谈过话了" in page
    assert browser.post(f"{at(house)}/reopen", {}, form_at=at(house)).status_code == 303
    assert whole(house).state == State.OPEN
    listed = browser.get("/outbox?tab=waiting").get_data(as_text=True)
    assert not [one for one in reporters(house) if one in listed]


def test_a_case_that_is_opened_takes_the_messages_along_and_tells_nothing_of_the_complaint(
    house: House, browser: Browser
) -> None:
    fields = {"outcome": "case", "note": ""}
    assert browser.post(f"{at(house)}/answer", fields, form_at=at(house)).status_code == 303
    rows = house.run(house.store.read(lambda unit: unit.rows(cases.select().where(cases.c.user_id == WHITE))))
    evidence = house.run(house.store.read(lambda unit: unit.rows(case_evidence.select())))
    assert {row.event_id for row in evidence if row.event_id} == {"$said-one:example.org", "$link-one:example.org"}
    assert [row.id for row in rows] == [whole(house).case_id] == [house.seeded.cases["one"]]
    case = browser.get(f"/cases/{rows[0].id}").get_data(as_text=True)
    assert not [word for word in (*reporters(house), "陈晨", "当众骂人") if word in case]
    written = house.run(house.store.read(lambda unit: unit.rows(audit.select().where(audit.c.subject == WHITE))))
    assert "complaint" not in repr([tuple(row) for row in written])


def test_two_who_answer_at_once_leave_no_case_behind_a_refusal(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another answers as soon as anything is kept: the case is taken with the answer, or neither is."""
    grant(house, OTHER, Role.MODERATOR, "one")
    other = house.browser(OTHER)
    fields = {"outcome": "unfounded", "note": ""} | other.marks(at(house))
    statuses, settle = list[int](), house.store.settle

    async def settled(*steps: Any, **more: Any) -> Any:
        done = await settle(*steps, **more)
        if not statuses and any(step.cause.startswith("form:") for step in steps[0]):
            statuses.append(0)
            answered = await asyncio.to_thread(other.post, f"{at(house)}/answer", fields)
            statuses[0] = answered.status_code
        return done

    monkeypatch.setattr(house.store, "settle", settled)
    answered = browser.post(f"{at(house)}/answer", {"outcome": "case", "note": ""}, form_at=at(house))
    assert (answered.status_code, *statuses) == (303, 409)
    assert whole(house).state == State.CASE


def test_one_is_at_it_and_another_takes_over(house: House, browser: Browser) -> None:
    grant(house, OTHER, Role.MODERATOR, "one")
    other = house.browser(OTHER)
    browser.post(f"{at(house)}/claim", {}, form_at=at(house))
    assert "接手" in other.get(at(house)).get_data(as_text=True)
    fields = {"outcome": "unfounded", "note": ""} | other.marks(at(house))
    assert other.post(f"{at(house)}/answer", fields).status_code == 409
    other.post(f"{at(house)}/claim", {}, form_at=at(house))
    assert whole(house).claimed_by == OTHER
    other.post(f"{at(house)}/release", {}, form_at=at(house))
    assert whole(house).claimed_by is None
    assert (
        browser.post(f"{at(house)}/answer", {"outcome": "unfounded", "note": ""}, form_at=at(house)).status_code == 303
    )


def test_two_who_answer_at_once_answer_once(house: House, browser: Browser) -> None:
    grant(house, OTHER, Role.MODERATOR, "one")
    other = house.browser(OTHER)
    late = other.marks(at(house))
    browser.post(f"{at(house)}/answer", {"outcome": "unfounded", "note": ""}, form_at=at(house))
    assert other.post(f"{at(house)}/answer", {"outcome": "case", "note": ""} | late).status_code == 409
    assert whole(house).state == State.UNFOUNDED
    assert len(house.run(house.store.read(lambda unit: unit.rows(cases.select())))) == 2


@pytest.mark.parametrize("there", [True, False])
def test_what_was_said_around_is_read_by_the_bot_shown_once_and_kept_nowhere(
    house: House, browser: Browser, there: bool
) -> None:
    page = browser.get(at(house)).get_data(as_text=True)
    form = re.search(rf'action="({re.escape(at(house))}/messages/[a-z0-9]+)', page)
    assert form is not None
    shown = browser.post(form[1], {}, form_at=at(house)).headers["Location"]
    assert "机器人正在群里读取" in browser.get(shown).get_data(as_text=True)
    homeserver = FakeHomeserver(lambda: NOW)
    if there:
        said = Event(
            room_id="!one",
            event_id="$said-one:example.org",
            sender=WHITE,
            type="m.room.message",
            content={"body": "当时的原话"},
            sent_at=NOW - timedelta(hours=6),
        )
        homeserver.surroundings["$said-one:example.org"] = (said,)
    look = Looking(house.store, homeserver, console="")  # type: ignore[arg-type]
    rows = house.run(house.store.claim(worker="w", device="D", lease=timedelta(minutes=1), limit=50))
    for row in rows:
        if row.kind is outbox.Kind.CONTEXT:
            house.run(look.do(row))
    kept = house.run(house.store.read(lambda unit: unit.rows(complaint_contexts.select())))
    assert "当时的原话".encode() not in b"".join(bytes(row.sealed or b"") for row in kept)
    page = browser.get(shown).get_data(as_text=True)
    assert ("当时的原话" in page) is there
    assert ("在群里已经读不到" in page) is not there
    assert house.run(house.store.read(lambda unit: unit.rows(complaint_contexts.select()))) == []
    assert "只显示一次" in browser.get(shown).get_data(as_text=True)
