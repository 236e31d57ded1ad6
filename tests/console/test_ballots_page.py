"""Holding a secret ballot at the desk, from the draft to the destroyed envelopes."""

from __future__ import annotations

import io
import json
import re
import zipfile
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from bot.balloting import closing_ballot
from console.access import digest
from content.ballot_files import PublicKeys, Share, write_keys, write_share
from content.ballot_links import BallotLinkIssued
from content.ballots import State
from content.identifiers import BallotId, MemberId, OrganisationId, RoomId, UserId
from content.members import Member, MemberEnrolled
from content.organisations import Duty, DutyGranted, Role
from content.rooms import Purpose, Room, RoomKept
from content.sessions import LinkIssued
from content.strokes import by_strokes
from storage import ballots
from storage.envelopes import Ceremony, answer, hold_ceremony, seal
from storage.outbox import outbox
from tests.console.console_house import Browser, House
from tests.console.console_seeding import SECRETARY
from tests.console.open_ballot import CODE, come_in, open_ballot
from tests.console.open_ballot import form as voting_form
from tests.sealed_ballots import ID, paper, vote
from tests.sealed_ballots import roll as voters

OTHER = UserId("@other:example.org")
TELLERS = [UserId(f"@b{number}:example.org") for number in (6, 7, 8)]
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
                user=UserId(f"@b{number}:example.org") if name != "预备丁" else None,
            )
        )
        for number, (name, category) in enumerate(people)
    ]
    duties = [DutyGranted(duty=Duty(user=OTHER, organisation=node, role=Role.SECRETARY))]
    duties += [DutyGranted(duty=Duty(user=one, organisation=node, role=Role.TELLER)) for one in TELLERS]
    room = Room(id=RoomId("!three"), organisation=node, purpose=Purpose.BRANCH, name="three", encrypted=False)
    house.run(house.store.settle(notes=[*enrolled, *duties, RoomKept(room=room)]))
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


def returned(house: House, user: UserId = SECRETARY) -> Browser:
    """Return somebody's browser, signed in again after days."""
    link = LinkIssued(token_hash=digest(f"again{user}"), user=user, expires_at=house.store.now() + timedelta(minutes=5))
    house.run(house.store.settle(notes=[link]))
    browser = house.browser(None)
    browser.sign_in(f"again{user}")
    return browser


def ballot(house: House, id: str) -> Any:
    return house.run(house.store.read(lambda unit: ballots.ballot(unit, BallotId(id))))


def lines_of(words: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the lines that a message is put together from."""
    lines = (words or {}).get("parameters", {}).get("lines", {})
    return list(lines["lines"]) if lines else []


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
    tellers = [house.browser(user) for user in TELLERS]
    assert press(browser, id, "ask").status_code == 409, "who is no teller proves nothing"
    for index, teller in enumerate(tellers, start=1):
        asked = press(teller, id, "ask").get_data(as_text=True)
        (sealed,) = re.findall(r"json ([0-9a-f]+)</code>", asked)
        assert press(teller, id, "prove", answer="00").status_code == 409
        proof = answer(id, held.shares[index], bytes.fromhex(sealed))
        assert proof is not None
        assert press(tellers[index % 3], id, "prove", answer=proof.hex()).status_code == 409, "not for another"
        assert press(teller, id, "prove", answer=proof.hex()).status_code == 303
    second = house.browser(OTHER)
    for one, code, state in ((browser, 303, State.FROZEN), (browser, 409, State.FROZEN), (second, 303, State.OPEN)):
        assert press(one, id, "open").status_code == code
        assert ballot(house, id).state is state
    assert press(browser, id, "invite").status_code == 303
    rows = house.run(house.store.read(lambda unit: unit.rows(select(outbox).where(outbox.c.words.is_not(None)))))
    assert "/ballot/enter/" not in json.dumps([row.words for row in rows]), "links lie sealed until they are sent"
    sent = house.run(house.store.claim(worker="w", device="D", lease=timedelta(minutes=1), limit=64))
    assert press(browser, id, "invite").status_code == 409, "within the hour nobody's link is put out of use"
    links = [one for one in sent if one.words is not None and "/ballot/enter/" in str(one.words.parameters.get("link"))]
    assert len(links) == len(VOTERS) + len(TELLERS)
    assert {one.unasked or one.quiet for one in links} == {False}, "who has asked for silence may vote too"

    for number in range(6):
        token = f"token{number}"
        until = house.store.now() + timedelta(hours=9)
        issued = BallotLinkIssued(
            token_hash=digest(token),
            code_hash=digest(f"{token}{CODE}"),
            ballot=BallotId(id),
            member=MemberId(f"b{number}"),
            expires_at=until,
        )
        house.run(house.store.settle(notes=[issued]))
        voter = house.browser(None)
        come_in(voter, f"/ballot/enter/{token}")
        box = b64encode(seal(paper("c1+" if number else "c2+"), held.key, ballot(house, id).length)).decode()
        assert voter.post("/ballot/cast", {**voting_form(voter), "box": box}).status_code == 303
    running = browser.get(f"/ballots/{id}").get_data(as_text=True)
    assert "投票人数" not in running, "while it is open nobody sees how many have voted"
    first, second_teller, third = tellers
    assert press(first, id, "count").status_code == 409
    assert press(first, id, "agree").status_code == 409
    assert first.get(f"/ballots/{id}/box.json").status_code == 404

    house.run(house.store.settle([replace(closing_ballot(BallotId(id)), at=ballot(house, id).closes_at)]))
    shares = [json.dumps(write_share(Share(ballot=id, index=one, share=held.shares[one]))) for one in (1, 3)]
    assert press(browser, id, "agree").status_code == 409
    assert press(first, id, "agree").status_code == 303
    assert first.get(f"/ballots/{id}/box.json").status_code == 409, "one teller alone gets no box"
    assert press(first, id, "count", share=shares).status_code == 409, "nor opens it with two shares"
    assert press(third, id, "agree").status_code == 303
    assert press(browser, id, "count", share=shares).status_code == 409
    exported = json.loads(first.get(f"/ballots/{id}/box.json").get_data(as_text=True))
    assert (exported["form"], len(exported["envelopes"])) == ("zhibu-ballot-box-1", 9)
    stranger = json.dumps(write_share(Share(ballot=id, index=2, share=held.shares[2])))
    assert press(first, id, "count", share=shares[:1]).status_code == 409
    assert press(first, id, "count", share=[shares[0], "?"]).status_code == 409
    assert press(first, id, "count", share=[shares[0], stranger]).status_code == 409, "its teller has not agreed"
    counted = press(first, id, "count", share=shares).get_data(as_text=True)
    assert "陈一：赞成 5，不赞成 0，弃权 1" in counted
    assert "推荐票是参考，不是唯一依据" in counted
    assert press(browser, id, "certify").status_code == 409
    for one, state in ((first, State.OPENED), (first, State.OPENED), (second_teller, State.CERTIFIED)):
        assert press(one, id, "certify").status_code == 303
        assert ballot(house, id).state is state
    said = house.run(house.store.read(lambda unit: unit.rows(select(outbox.c.words).where(outbox.c.kind == "say"))))
    told = json.dumps([row.words for row in said], ensure_ascii=False)
    assert [key in told for key in ("ballot.room_opened", "ballot.room_closed", "ballot.room_result")] == [True] * 3
    (basis,) = [one for row in said for one in lines_of(row.words) if one["key"] == "count.basis"]
    assert basis["parameters"] == {"expected": 9, "returned": 6, "valid": 6, "void": 0}, "what the figures are of"
    shown = browser.get(f"/ballots/{id}").get_data(as_text=True)
    assert "6/9" in shown
    paper_of = browser.get(f"/ballots/{id}/certificate.docx")
    assert paper_of.data == house.browser(OTHER).get(f"/ballots/{id}/certificate.docx").data
    with zipfile.ZipFile(io.BytesIO(paper_of.data)) as parts:
        text = re.sub("<[^>]+>", "|", parts.read("word/document.xml").decode())
    certified = ballot(house, id)
    for said in (
        "推荐票是参考，不是唯一依据",
        "监票甲",
        "计票丙",
        certified.manifest_hash,
        certified.set_hash,
        "未核对",
    ):
        assert said in text, said
    assert re.search(r"陈一\|+5\|+0\|+1\|", text)
    assert text.index("陈一") > text.index("候选二") or by_strokes("陈一") < by_strokes("候选二")
    assert press(browser, id, "archive").status_code == 409
    house.clock.now += timedelta(days=8)
    browser = returned(house)
    assert press(browser, id, "archive").status_code == 303
    assert house.run(house.store.read(lambda unit: ballots.boxes(unit, BallotId(id)))) == ()
    assert press(returned(house, TELLERS[0]), id, "destroyed").status_code == 303
    assert ballot(house, id).tellers[0].destroyed_on is not None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"title": ""}, "请写上投票的题目"),
        ({"candidates": ""}, "候选人至少要"),
        ({"seats": "x"}, "候选人至少要"),
        ({"tellers": "监票甲\n计票乙"}, "请写上 3 名"),
        ({"tellers": "监票甲\n计票乙\n没有此人"}, "请写上 3 名"),
        ({"candidates": "监票甲\n候选二"}, "候选人不能当监票人"),
        ({"candidates": "监票 甲：班组长\n候选二"}, "候选人不能当监票人"),
        ({"candidates": "@b6:example.org：班组长\n候选二"}, "候选人不能当监票人"),
        ({"candidates": "候选二\n候选 二"}, "每人只写一次"),
        ({"tellers": "监票甲\n计票乙\n预备丁"}, "自己的聊天账号"),
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


def test_two_close_a_ballot_before_its_time_for_a_reason_that_the_room_is_told(house: House, browser: Browser) -> None:
    """In a meeting everyone has voted, and nobody wants to wait for the evening."""
    node = house.seeded.organisations["one"]
    second = Duty(user=OTHER, organisation=node, role=Role.SECRETARY)
    room = Room(id=RoomId("!h:t"), name="r", organisation=node, purpose=Purpose.BRANCH, encrypted=False)
    kept = RoomKept(room=room)
    house.run(house.store.settle(notes=[DutyGranted(duty=second), kept]))
    open_ballot(house)
    for one in voters()[:5]:
        house.run(vote(house.store, one.member, paper("a+")))
    assert press(browser, ID, "close", reason=" ").status_code == 409
    assert press(browser, ID, "close", reason="到会的都投完了").status_code == 303
    other = house.browser(OTHER)
    assert "原因：到会的都投完了" in other.get(f"/ballots/{ID}").get_data(as_text=True)
    assert press(other, ID, "close", reason="另一个").status_code == 409, "another reason than the one that was read"
    assert ballot(house, ID).state is State.OPEN
    assert press(other, ID, "close", mark="到会的都投完了").status_code == 303
    closed = ballot(house, ID)
    assert (closed.state, closed.turnout, closed.closed_early) == (State.CLOSED, 5, "到会的都投完了")
    assert re.search("提前截止的原因</dt><dd>到会的都投完了", browser.get(f"/ballots/{ID}").get_data(as_text=True))
    rows = house.run(house.store.read(lambda unit: unit.rows(select(outbox.c.words).where(outbox.c.room_id == "!h:t"))))
    told = [row.words for row in rows if row.words["key"].startswith("ballot.room_closed")]
    assert [one["key"] for one in told] == ["ballot.room_closed_early", "ballot.room_closed"]
    assert told[0]["parameters"]["reason"] == "到会的都投完了"
    house.run(house.store.settle([replace(closing_ballot(ID), at=closed.closes_at)]))
    assert ballot(house, ID).set_hash == closed.set_hash, "the clock closes nothing twice"


def test_it_takes_two_to_cancel_what_is_fixed(
    house: House, browser: Browser, place: OrganisationId, monkeypatch: pytest.MonkeyPatch
) -> None:
    form, _ = fields(browser, place)
    id = form["id"]
    browser.post("/ballots/new", form)
    press(browser, id, "freeze")
    forgotten: list[bool] = []
    keep = house.store.forget_deleted

    async def forget() -> bool:
        forgotten.append(ballot_state() is State.VOID)
        return await keep()

    def ballot_state() -> State:
        return house.store.look(lambda unit: ballots.ballot(unit, BallotId(id))).state  # type: ignore[union-attr]

    monkeypatch.setattr(house.store, "forget_deleted", forget)
    assert press(browser, id, "cancel").status_code == 303
    (proposal,) = re.findall(r"/wishes/([a-z0-9]+)/decline", browser.get(f"/ballots/{id}").get_data(as_text=True))
    assert press(house.browser(OTHER), id, f"wishes/{proposal}/decline").status_code == 303
    press(browser, id, "cancel")
    given = Duty(user=UserId("@own:example.org"), organisation=place, role=Role.PUBLICITY_MEMBER)
    house.run(house.store.settle(notes=[DutyGranted(duty=given, by=SECRETARY, at=house.clock.now)]))
    assert "满 7 天后才能" in press(house.browser(given.user), id, "cancel").get_data(as_text=True)
    (proposal,) = re.findall(r"/wishes/([a-z0-9]+)/decline", browser.get(f"/ballots/{id}").get_data(as_text=True))
    assert press(browser, id, f"wishes/{proposal}/decline").status_code == 303
    for one, code, state in (
        (browser, 303, State.FROZEN),
        (browser, 409, State.FROZEN),
        (house.browser(OTHER), 303, State.VOID),
    ):
        assert press(one, id, "cancel").status_code == code
        assert ballot(house, id).state is state
    assert forgotten == [True], "the log of the database forgets the envelopes too"
    assert "已作废" in browser.get("/ballots").get_data(as_text=True)
