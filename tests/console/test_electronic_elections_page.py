"""Voting on an election electronically at the desk: never without a letter that two have seen, and a quorum."""

from __future__ import annotations

import io
import json
import re
import zipfile

import pytest
from msgspec.structs import replace
from werkzeug.test import TestResponse

from bot.balloting import closing_ballot
from console.election_papers import Known, record
from console.pages.ballots import read_names
from console.word import Paragraph
from console.written_names import may_be_written_in
from content.ballot_files import PublicKeys, Share, write_keys, write_share
from content.ballots import Ballot, BallotCast, State, Voiding
from content.elections import Outcome
from content.electronic_elections import Way
from content.electronic_votes import ElectronicVote
from content.identifiers import BallotId, MemberId, OrganisationId, PaperElectionId, UserId
from content.members import Member, MemberChanged, MemberEnrolled
from content.organisations import Duty, DutyGranted, Role
from content.paper_elections import PaperElection
from content.paper_elections import State as PaperState
from content.speech import Speech
from storage import ballots, members, paper_elections
from storage.envelopes import Ceremony, answer, hold_ceremony, seal
from tests.console.console_house import Browser, House
from tests.content.test_paper_elections import paper as held_election
from tests.sealed_ballots import ballot as standing
from tests.sealed_ballots import paper
from tests.small_branch import NOON

OTHER = UserId("@other:example.org")
TELLERS = [UserId(f"@b{number}:example.org") for number in (6, 7, 8)]
NAMES = [*(f"投票人{number}" for number in "一二三四五六"), "监票甲", "计票乙", "计票丙"]


@pytest.fixture
def place(house: House) -> OrganisationId:
    """Give a branch of nine who may vote, three of them with the right to count, and a second organiser."""
    node = house.seeded.organisations["three"]
    enrolled = [
        MemberEnrolled(
            member=Member(
                id=MemberId(f"b{number}"),
                organisation=node,
                name=name,
                category="正式党员",
                user=UserId(f"@b{number}:example.org"),
            )
        )
        for number, name in enumerate(NAMES)
    ]
    given = [(OTHER, Role.ORGANISING_MEMBER), *((one, Role.TELLER) for one in TELLERS)]
    duties = [DutyGranted(duty=Duty(user=user, organisation=node, role=role)) for user, role in given]
    house.run(house.store.settle(notes=[*enrolled, *duties]))
    return node


@pytest.fixture
def fixed(house: House, browser: Browser, place: OrganisationId) -> str:
    """Give an election of one of two whose roll is fixed."""
    page = browser.get("/elections/new").get_data(as_text=True)
    (id,) = re.findall(r'name="id" value="([^"]+)"', page)
    filled = {"id": id, "organisation": place, "title": "增补委员", "pack": "2020", "kind": "formal", "seats": "1"}
    filled |= {"candidates": "投票人一\n投票人二", "contested": "yes", "held_on": "2026-11-24", "consent": ""}
    assert browser.post("/elections/new", filled).status_code == 303
    assert browser.post(f"/elections/{id}/fix", {"excused": ""}, form_at=f"/elections/{id}").status_code == 303
    return id


def press(browser: Browser, id: str, verb: str, fields: dict[str, str] | None = None) -> TestResponse:
    page = f"/elections/{id}/electronic"
    return browser.post(f"{page}/{verb}", fields or {}, form_at=page)


def on_ballot(browser: Browser, id: str, verb: str, **more: object) -> TestResponse:
    marks = browser.marks(f"/ballots/{id}")
    return browser.client.post(f"/ballots/{id}/{verb}", data={**marks, **more}, headers=browser.headers)


def shown(browser: Browser, id: str) -> str:
    return browser.get(f"/elections/{id}/electronic").get_data(as_text=True)


def election(house: House, id: str) -> PaperElection:
    found = house.run(house.store.read(lambda unit: paper_elections.paper(unit, PaperElectionId(id))))
    assert found is not None
    return found


def ballot(house: House, id: str) -> Ballot:
    found = house.run(house.store.read(lambda unit: ballots.ballot(unit, BallotId(id))))
    assert found is not None
    return found


LETTER = {"way": "room", "reference": "矿委〔2026〕8号", "dated": "2026-11-20"}


def allow(house: House, browser: Browser, id: str, **more: str) -> None:
    assert press(browser, id, "consent", LETTER | more).status_code == 303
    assert press(house.browser(OTHER), id, "confirm").status_code == 303


def drafted(browser: Browser, id: str) -> tuple[str, Ceremony]:
    """Draft the vote with keys made for the identifier that the page shows."""
    (ballot,) = re.findall(r'name="id" value="([^"]+)"', shown(browser, id))
    assert re.findall(r'name="id" value="([^"]+)"', shown(browser, id)) == [ballot], "another look changes nothing"
    held = hold_ceremony(BallotId(ballot), needed=2, among=3)
    keys = PublicKeys(ballot=ballot, needed=2, key=held.key, share_keys=held.share_keys)
    fields = {"id": ballot, "tellers": "监票甲\n计票乙\n计票丙", "keys": json.dumps(write_keys(keys))}
    assert press(browser, id, "vote", fields | {"date": "2026-11-24", "time": "18:00"}).status_code == 303
    return ballot, held


def ready(house: House, browser: Browser, id: str, held: Ceremony) -> None:
    """Fix a ballot, and let every teller prove their share."""
    assert on_ballot(browser, id, "freeze").status_code == 303
    for index, user in enumerate(TELLERS, start=1):
        teller = house.browser(user)
        (sealed,) = re.findall(r"json ([0-9a-f]+)</code>", on_ballot(teller, id, "ask").get_data(as_text=True))
        proof = answer(BallotId(id), held.shares[index], bytes.fromhex(sealed))
        assert proof is not None
        assert on_ballot(teller, id, "prove", answer=proof.hex()).status_code == 303


def test_an_election_is_on_paper_until_two_have_seen_the_letter(house: House, browser: Browser, fixed: str) -> None:
    assert "还没有登记，用纸票" in shown(browser, fixed)
    fields = {"id": "a" * 24, "tellers": "", "keys": "{}", "date": "2026-11-24", "time": "18:00"}
    assert press(browser, fixed, "vote", fields).status_code == 422
    assert press(browser, fixed, "consent", LETTER | {"dated": "2027-11-20"}).status_code == 422
    assert press(browser, fixed, "consent", LETTER | {"reference": " "}).status_code == 422
    assert press(browser, fixed, "consent", LETTER).status_code == 303
    assert "还没有人核对" in shown(browser, fixed)
    refused = press(browser, fixed, "confirm")
    assert (refused.status_code, "请由另一位同志" in refused.get_data(as_text=True)) == (422, True)
    assert press(house.browser(OTHER), fixed, "confirm").status_code == 303
    assert "应到 9，实到 0，还差 8 人" in shown(browser, fixed)


def test_no_other_letter_is_confirmed_than_the_one_that_was_read(house: House, browser: Browser, fixed: str) -> None:
    """S23: who enters another while a second person holds the original has not had that one seen."""
    page, other = f"/elections/{fixed}/electronic", house.browser(OTHER)
    assert press(browser, fixed, "consent", LETTER).status_code == 303
    read = other.marks(page)
    assert press(browser, fixed, "consent", LETTER | {"way": "remote"}).status_code == 303
    late = other.post(f"{page}/confirm", read)
    assert (late.status_code, "批复重新登记过" in late.get_data(as_text=True)) == (422, True)
    assert "还没有人核对" in shown(browser, fixed)
    assert press(other, fixed, "confirm").status_code == 303


def test_who_only_looks_sees_how_many_are_there_and_nobodys_name(house: House, browser: Browser, fixed: str) -> None:
    allow(house, browser, fixed)
    press(browser, fixed, "presence", {"shown": "", "there": "b0"})
    page = shown(house.browser(TELLERS[0]), fixed)
    assert "应到 9，实到 1，还差 7 人" in page
    assert "投票人" not in page
    assert press(house.browser(TELLERS[0]), fixed, "presence", {"shown": "b0"}).status_code == 403


def test_it_goes_from_the_letter_to_the_count_and_the_record_says_so(
    house: House, browser: Browser, fixed: str
) -> None:
    allow(house, browser, fixed)
    id, held = drafted(browser, fixed)
    ready(house, browser, id, held)
    meet = {"present": "9", "issued": "9", "officers": "监票甲\n计票乙"}
    for verb, fields in (("meet", meet), ("void", {"reference": "改期"})):
        answered = browser.post(f"/elections/{fixed}/{verb}", fields | browser.marks(f"/elections/{fixed}"))
        assert (answered.status_code, "正在用电子票" in answered.get_data(as_text=True)) == (422, True)
    here = [f"b{number}" for number in range(8)]
    for came, line in ((here[:7], "还差 1 人"), (here, "人数够了")):
        marks = browser.marks(f"/elections/{fixed}/electronic")
        marked = {**marks, "shown": " ".join(here[:7]) if came == here else "", "there": came}
        page = f"/elections/{fixed}/electronic/presence"
        assert browser.client.post(page, data=marked, headers=browser.headers).status_code == 303
        assert line in shown(browser, fixed)
        if came != here:
            early = on_ballot(browser, id, "open")
            assert (early.status_code, "应到 9，实到 7，还差 1 人" in early.get_data(as_text=True)) == (409, True)
    second = house.browser(OTHER)
    before = second.marks(f"/ballots/{id}")
    assert press(browser, fixed, "presence", {"shown": "b0", "there": "b8"}).status_code == 303
    read = second.client.post(f"/ballots/{id}/open", data=before, headers=second.headers)
    assert (read.status_code, "到会的人改过" in read.get_data(as_text=True)) == (409, True), "another list was read"
    assert press(browser, fixed, "presence", {"shown": "b8", "there": "b0"}).status_code == 303
    assert on_ballot(browser, id, "open").status_code == 303
    held_fast = press(browser, fixed, "presence", {"shown": "b0", "there": "b8"})
    assert (held_fast.status_code, "已经提出开始投票" in held_fast.get_data(as_text=True)) == (422, True)
    agreed_to = second.get(f"/ballots/{id}").get_data(as_text=True)
    assert all(f"<li>{name}</li>" in agreed_to for name in NAMES[:8]), "who agrees sees for whom"
    assert f"<li>{NAMES[8]}</li>" not in agreed_to.split("只有勾了到会的这 8 人")[1].split("</ul>")[0]
    assert on_ballot(second, id, "open").status_code == 303
    assert ballot(house, id).present == 8
    late = press(browser, fixed, "presence", {"shown": "", "there": "b8"})
    assert (late.status_code, "投票已经开始" in late.get_data(as_text=True)) == (422, True)
    assert on_ballot(browser, id, "invite").status_code == 303
    length = ballot(house, id).length
    cast = [
        BallotCast(ballot=BallotId(id), member=MemberId(one), box=seal(paper(said), held.key, length))
        for one, said in zip(here[:7], ["c1+ c2-"] * 5 + ["c1- c2+"] * 2, strict=True)
    ]
    house.run(house.store.settle(notes=cast))
    house.run(house.store.settle([replace(closing_ballot(BallotId(id)), at=ballot(house, id).closes_at)]))
    tellers = [house.browser(one) for one in TELLERS[:2]]
    for one in tellers:
        assert on_ballot(one, id, "agree").status_code == 303
    shares = [json.dumps(write_share(Share(ballot=id, index=one, share=held.shares[one]))) for one in (1, 2)]
    counted = on_ballot(tellers[0], id, "count", share=shares).get_data(as_text=True)
    assert "当选：投票人一" in counted
    assert "推荐票是参考" not in counted, "an election decides"
    for one in tellers:
        assert on_ballot(one, id, "certify").status_code == 303
    assert ballot(house, id).state is State.CERTIFIED
    ended = election(house, fixed)
    result = paper_elections.result(ended)
    assert result is not None
    assert (ended.state, ended.present, ended.issued) == (PaperState.COUNTED, 8, 8)
    assert (result.outcome, result.elected, result.need) == (Outcome.ELECTED, ("c1",), 5)
    assert "会场电子无记名投票" in browser.get(f"/elections/{fixed}").get_data(as_text=True)
    sealed = ballot(house, id)
    opened = house.run(house.store.read(lambda unit: ballots.opened_hash(unit, sealed.id)))
    for sheet in ("certificate", "record"):
        text = words_of(browser, fixed, sheet)
        hashes = (sealed.manifest_hash or "?", sealed.set_hash or "?", opened)
        for said in ("会场电子无记名投票", "矿委〔2026〕8号", "2026年11月20日", *hashes):
            assert said in text, (sheet, said)


def test_the_list_says_who_could_not_get_a_link(house: House, browser: Browser, fixed: str) -> None:
    allow(house, browser, fixed)
    assert "收不到链接" not in shown(browser, fixed)
    (before,) = house.run(house.store.read(lambda unit: members.by_ids(unit, [MemberId("b3")])))
    house.run(house.store.settle(notes=[MemberChanged(member=replace(before, user=None))]))
    assert re.findall(r"> (\S+) <span[^>]*>收不到链接", shown(browser, fixed)) == ["投票人四"]


def test_what_the_roster_calls_somebody_later_changes_no_result(house: House, browser: Browser, fixed: str) -> None:
    """The ballot counts by entry and the election by name: a new name does not make another be elected."""
    allow(house, browser, fixed)
    id, _ = drafted(browser, fixed)
    before = house.run(house.store.read(lambda unit: members.by_ids(unit, [MemberId("b3")])))
    house.run(house.store.settle(notes=[MemberChanged(member=replace(before[0], name="投票人五"))]))
    one = ballot(house, id)
    one = replace(one, election=replace(one.election, eligible=frozenset({"b3", "b4"})))
    names = house.run(house.store.read(lambda unit: read_names(unit, one)))
    assert (names["b3"], names["b4"]) == ("投票人四", "投票人五")
    offered = house.run(house.store.read(lambda unit: may_be_written_in(unit, one)))
    assert dict(offered) == {"b3": "投票人四", "b4": "投票人五"}


def words_of(browser: Browser, id: str, sheet: str) -> str:
    with zipfile.ZipFile(io.BytesIO(browser.get(f"/elections/{id}/{sheet}.docx").data)) as parts:
        return re.sub("<[^>]+>", "|", parts.read("word/document.xml").decode())


def test_a_vote_that_comes_to_nothing_leaves_the_election_to_paper_and_stays_on_record(
    house: House, browser: Browser, fixed: str
) -> None:
    """A11: the second vote does not take the place of the first, nor the count on paper that of both."""
    allow(house, browser, fixed, way="remote")
    first, _ = drafted(browser, fixed)
    assert on_ballot(browser, first, "cancel").status_code == 303, "of a draft nothing is fixed"
    second, held = drafted(browser, fixed)
    assert second != first
    ready(house, browser, second, held)
    assert "还没有结束：已固定" in words_of(browser, fixed, "record")
    for one in (browser, house.browser(OTHER)):
        assert on_ballot(one, second, "cancel").status_code == 303
    for page in (shown(browser, fixed), browser.get(f"/elections/{fixed}").get_data(as_text=True)):
        for place, id in enumerate((first, second), start=1):
            assert f'href="/ballots/{id}">第 {place} 次的选票页' in page
    back = browser.get(f"/ballots/{first}").get_data(as_text=True)
    assert f'href="/elections/{fixed}/electronic"' in back, "the earlier one knows its election too"
    meet = {"present": "9", "issued": "9", "officers": "监票甲\n计票乙"}
    assert browser.post(f"/elections/{fixed}/meet", meet, form_at=f"/elections/{fixed}").status_code == 303
    record = words_of(browser, fixed, "record")
    for said in ("第 1 次，远程电子投票", "选票那时还没有定下", "第 2 次，远程电子投票", "那时还没有开始投票"):
        assert said in record
    assert record.count("矿委〔2026〕8号") == 2
    assert record.count("2026年11月24日作废") == 2


def test_what_was_counted_and_then_cancelled_is_in_the_record_with_its_figures(speech: Speech) -> None:
    """A11: two organisers who do not like a count can end it, but not take it off the record."""
    sealed = replace(standing(), state=State.VOID, manifest_hash="m", told_at=NOON, set_hash="s", expected=9, turnout=7)
    sealed = replace(sealed, closed_early="到会的都投完了")
    kept = {
        "valid": 7,
        "void": 0,
        "tally": {"A": [5, 2, 0], "B": [2, 5, 0]},
        "writein": {"m1": 1},
        "outcome": "ELECTED",
    }
    letter = {"way": Way.REMOTE, "reference": "矿委〔2026〕8号", "dated": NOON.date()}
    vote = ElectronicVote(place=1, ballot=sealed, figures=kept, why=Voiding.CANCELLED, ended_on=NOON.date(), **letter)
    held = held_election("AB", state=PaperState.FIXED)
    known = Known(paper=held, organisation="", roll=(), names={MemberId("m1"): "石榴"}, result=None, votes=(vote,))
    said = [one.text for one in record(known, speech).blocks if isinstance(one, Paragraph)]
    assert any("已经开箱计票，还没有签认" in one and "年" in one for one in said)
    for line in ("候选A", "候选B", "石榴"):
        assert any(line in one and any(sign.isdigit() for sign in one) for one in said), line
    assert any("信封清单的指纹：s" in one for one in said)
    assert any("提前截止，原因：到会的都投完了" in one for one in said)


@pytest.mark.parametrize(("sheet", "copies"), [("ballot", 9), ("counting", 1), ("record", 1)])
def test_papers_are_shown_as_they_are_printed(browser: Browser, fixed: str, sheet: str, copies: int) -> None:
    """Two ballots on a page, one for each who is due, with nothing on them by which one could be told."""
    page = browser.get(f"/elections/{fixed}/{sheet}/print").get_data(as_text=True)
    papers = re.findall(r"<article[^>]*>(.*?)</article>", page, re.DOTALL)
    assert len(papers) == copies
    assert len(set(papers)) == 1
    assert all(name in papers[0] for name in ("投票人一", "投票人二", "增补委员"))
    assert ('class="paper half"' in page) is (sheet == "ballot")
    assert browser.get(f"/elections/{fixed}/unknown/print").status_code == 404
