"""Holding a secret ballot at the desk, from the draft to the destroyed envelopes."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.clock import closing_ballot
from console.access import digest
from content.ballot_files import PublicKeys, Share, write_keys, write_share
from content.ballot_links import BallotLinkIssued
from content.ballots import State
from content.identifiers import BallotId, MemberId, OrganisationId, UserId
from content.members import Member, MemberEnrolled
from content.organisations import Duty, DutyGranted, Role
from content.sessions import LinkIssued
from storage import ballots
from storage.envelopes import Ceremony, answer, hold_ceremony, seal
from storage.outbox import outbox
from tests.console.console_house import Browser, House
from tests.console.console_seeding import SECRETARY
from tests.sealed_ballots import paper

OTHER = UserId("@other:example.org")
VOTERS = [f"投票人{number}" for number in "一二三四五六"]


@pytest.fixture
def place(house: House) -> OrganisationId:
    """Give a branch in which six may vote and one may not, and a second organiser."""
    node = house.seeded.organisations["three"]
    people = [(name, "正式党员") for name in [*VOTERS, "监票甲", "计票乙", "计票丙"]] + [("预备丁", "预备党员")]
    enrolled = [
        MemberEnrolled(
            member=Member(
                id=MemberId(f"b{number}"),
                organisation=node,
                name=name,
                category=category,
                user=UserId(f"@b{number}:example.org") if name in VOTERS else None,
            )
        )
        for number, (name, category) in enumerate(people)
    ]
    duty = DutyGranted(duty=Duty(user=OTHER, organisation=node, role=Role.SECRETARY))
    house.run(house.store.settle(notes=[*enrolled, duty]))
    return node


def fields(browser: Browser, place: OrganisationId, **more: str) -> tuple[dict[str, str], Ceremony]:
    """Fill the form as it stands on the page, with keys made for the ballot that it names."""
    page = browser.get("/ballots/new").get_data(as_text=True)
    (id,) = re.findall(r'name="id" value="([^"]+)"', page)
    held = hold_ceremony(id, needed=2, among=3)
    keys = PublicKeys(ballot=id, needed=2, key=held.key, share_keys=held.share_keys)
    usual = {
        "id": id,
        "organisation": place,
        "title": "年度先进推荐",
        "candidates": "陈一：班组长\n候选二",
        "seats": "1",
        "tellers": "监票甲\n计票乙\n计票丙",
        "keys": json.dumps(write_keys(keys)),
        "date": "2027-06-30",
        "time": "18:00",
    }
    return {**browser.marks("/ballots/new"), **usual, **more}, held


def returned(house: House) -> Browser:
    """Return the secretary's browser, signed in again after days."""
    link = LinkIssued(token_hash=digest("again"), user=SECRETARY, expires_at=house.store.now() + timedelta(minutes=5))
    house.run(house.store.settle(notes=[link]))
    browser = house.browser(None)
    browser.sign_in("again")
    return browser


def ballot(house: House, id: str) -> Any:
    return house.run(house.store.read(lambda unit: ballots.ballot(unit, BallotId(id))))


def press(browser: Browser, id: str, verb: str, **more: Any) -> Any:
    marks = browser.marks(f"/ballots/{id}")
    return browser.client.post(f"/ballots/{id}/{verb}", data={**marks, **more}, headers=browser.headers)


def test_a_ballot_goes_its_whole_way_at_the_desk(house: House, browser: Browser, place: OrganisationId) -> None:
    form, held = fields(browser, place)
    id = form["id"]
    assert browser.post("/ballots/new", form).headers["Location"].startswith(f"/ballots/{id}")
    page = browser.get(f"/ballots/{id}").get_data(as_text=True)
    assert "陈一" in page
    assert "不能投票：预备党员" in page
    assert press(browser, id, "freeze").status_code == 303
    for index in (1, 2, 3):
        asked = press(browser, id, "ask", index=index).get_data(as_text=True)
        (sealed,) = re.findall(r"json ([0-9a-f]+)</code>", asked)
        assert press(browser, id, "prove", index=index, answer="00").status_code == 409
        proof = answer(id, held.shares[index], bytes.fromhex(sealed))
        assert proof is not None
        assert press(browser, id, "prove", index=index, answer=proof.hex()).status_code == 303
    second = house.browser(OTHER)
    for one, state in ((browser, State.FROZEN), (browser, State.FROZEN), (second, State.OPEN)):
        assert press(one, id, "open").status_code == 303
        assert ballot(house, id).state is state
    assert press(browser, id, "invite").status_code == 303
    rows = house.run(house.store.read(lambda unit: unit.rows(select(outbox).where(outbox.c.words.is_not(None)))))
    assert "/ballot/enter/" not in json.dumps([row.words for row in rows]), "links lie sealed until they are sent"
    sent = house.run(house.store.claim(worker="w", device="D", lease=timedelta(minutes=1), limit=64))
    links = [str(row.words.parameters.get("link", "")) for row in sent if row.words is not None]
    assert sum("/ballot/enter/" in link for link in links) == len(VOTERS)

    for number in range(6):
        token = f"token{number}"
        until = house.store.now() + timedelta(hours=9)
        issued = BallotLinkIssued(
            token_hash=digest(token), ballot=BallotId(id), member=MemberId(f"b{number}"), expires_at=until
        )
        house.run(house.store.settle(notes=[issued]))
        voter = house.browser(None)
        voter.post(f"/ballot/enter/{token}")
        box = b64encode(seal(paper("c1+" if number else "c2+"), held.key, ballot(house, id).length)).decode()
        assert voter.post("/ballot/cast", {**voter.marks("/ballot"), "box": box}).status_code == 303
    running = browser.get(f"/ballots/{id}").get_data(as_text=True)
    assert "投票人数" not in running, "while it is open nobody sees how many have voted"
    assert press(browser, id, "count").status_code == 409
    assert browser.get(f"/ballots/{id}/box.json").status_code == 404

    house.run(house.store.settle([replace(closing_ballot(BallotId(id)), at=ballot(house, id).closes_at)]))
    exported = json.loads(browser.get(f"/ballots/{id}/box.json").get_data(as_text=True))
    assert (exported["form"], len(exported["envelopes"])) == ("zhibu-ballot-box-1", 9)
    shares = [json.dumps(write_share(Share(ballot=id, index=one, share=held.shares[one]))) for one in (1, 3)]
    assert press(browser, id, "count", share=shares[:1]).status_code == 409
    assert press(browser, id, "count", share=[shares[0], "?"]).status_code == 409
    counted = press(browser, id, "count", share=shares).get_data(as_text=True)
    assert "陈一：赞成 5，不赞成 0，弃权 1" in counted
    assert "推荐票是参考，不是唯一依据" in counted
    assert press(browser, id, "certify", teller=["b6"]).status_code == 409
    assert press(browser, id, "certify", teller=["b6", "b7"]).status_code == 303
    shown = browser.get(f"/ballots/{id}").get_data(as_text=True)
    assert "6/9" in shown
    assert press(browser, id, "archive").status_code == 409
    house.clock.now += timedelta(days=8)
    browser = returned(house)
    assert press(browser, id, "archive").status_code == 303
    assert house.run(house.store.read(lambda unit: ballots.boxes(unit, BallotId(id)))) == ()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"title": ""}, "请写上投票的题目"),
        ({"candidates": ""}, "候选人至少要"),
        ({"seats": "x"}, "候选人至少要"),
        ({"tellers": "监票甲\n计票乙"}, "请写上 3 名"),
        ({"tellers": "监票甲\n计票乙\n没有此人"}, "请写上 3 名"),
        ({"candidates": "监票甲\n候选二"}, "候选人不能当监票人"),
        ({"keys": "{}"}, "公开密钥不对"),
        ({"keys": "[" * 10_000}, "公开密钥不对"),
        ({"date": "2020-01-01"}, "太近或已经过了"),
        ({"date": "31.6."}, "请选择"),
        ({"organisation": "unknown"}, "请选择谁来投"),
    ],
)
def test_a_ballot_that_cannot_be_meant_comes_back_with_the_reason(
    browser: Browser, place: OrganisationId, change: dict[str, str], why: str
) -> None:
    form, _ = fields(browser, place, **change)
    answered = browser.post("/ballots/new", form)
    assert (answered.status_code, why in answered.get_data(as_text=True)) == (422, True)


def test_the_keys_of_another_ballot_are_refused(house: House, browser: Browser, place: OrganisationId) -> None:
    first, _ = fields(browser, place)
    second, _ = fields(browser, place)
    assert browser.post("/ballots/new", {**first, "keys": second["keys"]}).status_code == 422
    assert browser.post("/ballots/new", first).status_code == 303
    assert (
        browser.post("/ballots/new", {**browser.marks("/ballots/new"), **first, "nonce": "n" * 24}).status_code == 422
    )


def test_it_takes_two_to_cancel_what_is_fixed(house: House, browser: Browser, place: OrganisationId) -> None:
    form, _ = fields(browser, place)
    id = form["id"]
    browser.post("/ballots/new", form)
    press(browser, id, "freeze")
    for one, state in ((browser, State.FROZEN), (browser, State.FROZEN), (house.browser(OTHER), State.VOID)):
        assert press(one, id, "cancel").status_code == 303
        assert ballot(house, id).state is state
    assert "已作废" in browser.get("/ballots").get_data(as_text=True)
