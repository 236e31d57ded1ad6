"""Choosing model members at the desk: each of the committee's steps, who sees what, and the papers that are filed."""

from __future__ import annotations

import io
import re
import secrets
import zipfile
from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from console.access import digest
from content.ballots import BallotCertified, BallotCounted, State
from content.elections import Outcome, Result, Votes
from content.identifiers import BallotId, MemberId, ObjectionId, OrganisationId, SelectionId, UserId
from content.model_members import ObjectionRaised, Selection, SelectionAnnounced, Stage, Standing
from content.organisations import Duty, DutyEnded, DutyGranted, Kind, Organisation, OrganisationFounded, Role
from content.rule_packs import Rule
from content.sessions import LinkIssued
from storage import ballots, lessons, model_members
from storage.audit import audit
from tests.console.console_house import Browser, House
from tests.console.console_seeding import SECRETARY
from tests.console.test_ballots_page import OTHER
from tests.console.test_ballots_page import fields as ballot_form
from tests.console.test_ballots_page import place as place

LISTENER, MEMBER = UserId("@b1:example.org"), UserId("@b2:example.org")
GROUP = OrganisationId("second group")
FIRST, SECOND = MemberId("b0"), MemberId("b3")
REFERENCE = "推荐票是参考，不是唯一依据。"


@pytest.fixture
def called(house: House, place: OrganisationId) -> str:
    """Give a selection that members were called to, somebody who hears objections, and a member with a look in."""
    group = Organisation(id=GROUP, parent=place, kind=Kind.GROUP, name="第二党小组")
    duties = [
        (LISTENER, place, Role.DISCIPLINE_MEMBER),
        (MEMBER, place, Role.VIEWER),
        (MEMBER, GROUP, Role.GROUP_LEADER),
    ]
    granted = [DutyGranted(duty=Duty(user=user, organisation=node, role=role)) for user, node, role in duties]
    house.run(house.store.settle(notes=[OrganisationFounded(organisation=group), *granted]))
    browser = come(house)
    page = browser.get("/model-members/new").get_data(as_text=True)
    (id,) = re.findall(r'name="id" value="([^"]+)"', page)
    day = (house.store.now() + timedelta(days=2)).date().isoformat()
    form = {"id": id, "organisation": place, "title": "党员先锋岗", "places": "1", "date": day, "time": "18:00"}
    assert browser.post("/model-members/new", form).status_code == 303
    return id


def come(house: House, user: UserId = SECRETARY) -> Browser:
    """Let somebody sign in, whatever time it is by now."""
    token = secrets.token_urlsafe(24)
    until = house.store.now() + timedelta(minutes=5)
    house.run(house.store.settle(notes=[LinkIssued(token_hash=digest(token), user=user, expires_at=until)]))
    browser = house.browser(None)
    browser.sign_in(token)
    return browser


def press(browser: Browser, id: str, verb: str, fields: dict[str, str]) -> TestResponse:
    return browser.post(f"/model-members/{id}/{verb}", fields, form_at=f"/model-members/{id}")


def selection(house: House, id: str) -> Selection:
    found = house.run(house.store.read(lambda unit: model_members.selection(unit, SelectionId(id))))
    assert found is not None
    return found


def standing(house: House, id: str) -> dict[MemberId, Standing]:
    found = house.run(house.store.read(lambda unit: model_members.nominees(unit, SelectionId(id))))
    return {one.member: one.standing for one in found}


def agreed(house: House, id: str) -> None:
    """Let two be nominated and agree, and the time for it pass."""
    member, desk = come(house, MEMBER), come(house)
    for name in ("投票人一", "投票人四"):
        assert press(member, id, "nominate", {"name": name, "reason": "肯干"}).status_code == 303
    for who in (FIRST, SECOND):
        assert press(desk, id, "consent", {"member": who, "agreed": "yes"}).status_code == 303
    house.clock.forward(timedelta(days=3))


def recommended(house: House, id: str, place: OrganisationId, votes: tuple[int, int]) -> str:
    """Let the vote of recommendation be drafted from the selection, and be certified."""
    browser = come(house)
    form, _ = ballot_form(browser, place)
    page = browser.get(f"/ballots/new?selection={id}").get_data(as_text=True)
    (listed,) = re.findall(r'<textarea id="candidates"[^>]*>\n([^<]+)</textarea>', page)
    assert listed.split("\n") == ["投票人一：带班零违章", "投票人四"]
    other = browser.post("/ballots/new", {**form, "candidates": "投票人一", "selection": id})
    assert "一个不多，一个不少" in other.get_data(as_text=True)
    form |= {**browser.marks("/ballots/new"), "candidates": listed, "selection": id}
    assert browser.post("/ballots/new", form).status_code == 303
    ballot = BallotId(form["id"])
    assert selection(house, id).ballot == ballot
    tally = {name: Votes(yes=yes, no=0, abstained=6 - yes) for name, yes in zip(("c1", "c2"), votes, strict=True)}
    result = Result(outcome=Outcome.ELECTED, quorum=True, quorum_need=3, rules={"elected": Rule.REFERENCE}, tally=tally)
    facts = [BallotCounted(ballot=ballot, result=result, opened_hash="00" * 32)]
    house.run(house.store.settle(notes=[*facts, BallotCertified(ballot=ballot, on=house.clock.now.date())]))
    found = house.run(house.store.read(lambda unit: ballots.ballot(unit, ballot)))
    assert found.state is State.CERTIFIED
    return form["id"]


def considered(house: House, id: str, place: OrganisationId) -> None:
    agreed(house, id)
    assert press(come(house), id, "review", {f"deeds-{FIRST}": "带班零违章"}).status_code == 303
    recommended(house, id, place, (2, 5))
    departed = {"chosen": FIRST, f"opinion-{FIRST}": "同意推荐", "departure": "另一位同志已获上级表彰"}
    assert press(come(house), id, "decide", {"chosen": FIRST}).status_code == 422
    assert press(come(house), id, "decide", departed).status_code == 303


def posted(house: House, id: str, place: OrganisationId) -> None:
    considered(house, id, place)
    notice = {"contact": "b1", "phone": "0311-1234", "days": "5"}
    own = press(come(house), id, "post", notice)
    assert own.status_code == 422, "who entered the decision does not post it"
    assert press(come(house, OTHER), id, "post", {**notice, "days": "4"}).status_code == 422
    assert press(come(house, OTHER), id, "post", notice).status_code == 303


def objected(house: House, id: str, place: OrganisationId, by: MemberId) -> None:
    raised = ObjectionRaised(
        selection=SelectionId(id),
        organisation=place,
        id=ObjectionId("objection"),
        member=by,
        text="石榴红隼",
        on=house.clock.now.date(),
    )
    house.run(house.store.settle(notes=[raised]))


def text_of(answer: TestResponse) -> str:
    with zipfile.ZipFile(io.BytesIO(answer.data)) as parts:
        return re.sub("<[^>]+>", "", parts.read("word/document.xml").decode())


def test_a_selection_goes_its_way_at_the_desk_and_its_papers_say_that_votes_are_a_reference(
    house: House, called: str, place: OrganisationId
) -> None:
    posted(house, called, place)
    assert standing(house, called) == {FIRST: Standing.CHOSEN, SECOND: Standing.NOT_CHOSEN}
    browser = come(house)
    page = browser.get(f"/model-members/{called}").get_data(as_text=True)
    assert "另一位同志已获上级表彰" in page
    papers = {name: text_of(browser.get(f"/model-members/{called}/{name}.docx")) for name in ("forms", "summary")}
    for text in papers.values():
        assert REFERENCE in text
        assert "肯干" not in text, "why somebody was nominated is not filed with it"
    assert "投票人三" in papers["summary"], "by whom"
    assert "另一位同志已获上级表彰" in papers["summary"]
    notice = text_of(browser.get(f"/model-members/{called}/notice.docx"))
    for said in ("拟推荐：投票人一", "受理人：投票人二", "电话：0311-1234"):
        assert said in notice
    assert "推荐票是参考，不是唯一依据" in notice
    assert "（含当天）" in notice, "true whether the day of posting counts or not"
    again = browser.get(f"/model-members/{called}/summary.docx").data
    assert again == browser.get(f"/model-members/{called}/summary.docx").data
    sheet = browser.get(f"/model-members/{called}/table.text").get_data(as_text=True)
    assert REFERENCE in sheet
    for kind in ("xlsx", "csv", "docx"):
        assert browser.get(f"/model-members/{called}/table.{kind}").status_code == 200


def test_who_was_nominated_by_whom_is_for_the_committee_alone(house: House, called: str) -> None:
    agreed(house, called)
    desk = come(house).get(f"/model-members/{called}").get_data(as_text=True)
    assert "投票人三：肯干" in desk
    for user in (LISTENER, MEMBER):
        page = come(house, user).get(f"/model-members/{called}").get_data(as_text=True)
        assert "投票人一" not in page
        assert "肯干" not in page
    assert come(house, MEMBER).get(f"/model-members/{called}/summary.docx").status_code == 403


def test_what_is_objected_is_read_and_settled_by_who_hears_it_alone(
    house: House, called: str, place: OrganisationId
) -> None:
    posted(house, called, place)
    objected(house, called, place, MemberId("b4"))
    outcome = {"upheld": "yes", "against": FIRST, "answer": "属实"}
    for user in (SECRETARY, OTHER, MEMBER):
        browser = come(house, user)
        assert "石榴红隼" not in browser.get(f"/model-members/{called}").get_data(as_text=True)
        assert press(browser, called, "objections/objection", outcome).status_code in (303, 404)
        assert standing(house, called)[FIRST] is Standing.CHOSEN
    listener = come(house, LISTENER)
    assert "石榴红隼" in listener.get(f"/model-members/{called}").get_data(as_text=True)
    assert "有 1 条意见" in come(house).get(f"/model-members/{called}").get_data(as_text=True)
    assert press(listener, called, "objections/objection", {**outcome, "against": ""}).status_code == 422
    assert press(listener, called, "objections/objection", outcome).status_code == 303
    assert standing(house, called)[FIRST] is Standing.REJECTED
    assert selection(house, called).stage is Stage.ENDED, "nobody is left"


def test_who_is_on_the_notice_neither_reads_nor_settles_what_is_objected(
    house: House, called: str, place: OrganisationId
) -> None:
    chosen = UserId("@b0:example.org")
    duty = Duty(user=chosen, organisation=place, role=Role.DISCIPLINE_MEMBER)
    house.run(house.store.settle(notes=[DutyGranted(duty=duty)]))
    considered(house, called, place)
    assert press(come(house, OTHER), called, "post", {"contact": "b0", "phone": "", "days": "5"}).status_code == 422
    assert press(come(house, OTHER), called, "post", {"contact": "b1", "phone": "", "days": "5"}).status_code == 303
    objected(house, called, place, MemberId("b4"))
    browser = come(house, chosen)
    assert "石榴红隼" not in browser.get(f"/model-members/{called}").get_data(as_text=True)
    press(browser, called, "objections/objection", {"upheld": "no", "answer": "不属实"})
    (kept,) = house.run(house.store.read(lambda unit: model_members.objections(unit, SelectionId(called))))
    assert kept.outcome == "open"


def test_who_objects_leaves_the_outcome_to_another(house: House, called: str, place: OrganisationId) -> None:
    posted(house, called, place)
    objected(house, called, place, MemberId("b1"))
    browser = come(house, LISTENER)
    page = browser.get(f"/model-members/{called}").get_data(as_text=True)
    assert "这是您自己提的意见" in page
    assert "objections/objection" not in page
    assert press(browser, called, "objections/objection", {"upheld": "no", "answer": "不属实"}).status_code == 422


def test_a_notice_that_nobody_could_object_to_is_not_posted(house: House, called: str, place: OrganisationId) -> None:
    considered(house, called, place)
    duty = Duty(user=LISTENER, organisation=place, role=Role.DISCIPLINE_MEMBER)
    house.run(house.store.settle(notes=[DutyEnded(duty=duty)]))
    desk = come(house, OTHER)
    page = desk.get(f"/model-members/{called}").get_data(as_text=True)
    assert "现在没有人能受理意见" in page
    assert '<select id="contact"' not in page
    answer = press(desk, called, "post", {"contact": "", "phone": "", "days": "5"})
    assert answer.status_code == 422
    assert selection(house, called).stage is Stage.CONSIDERED


def test_a_ballot_of_who_may_not_run_the_selection_is_not_its_vote(
    house: House, called: str, place: OrganisationId
) -> None:
    agreed(house, called)
    assert press(come(house), called, "review", {}).status_code == 303
    publicist = UserId("@b5:example.org")
    duty = Duty(user=publicist, organisation=place, role=Role.PUBLICITY_MEMBER)
    house.run(house.store.settle(notes=[DutyGranted(duty=duty)]))
    browser = come(house, publicist)
    form, _ = ballot_form(browser, place)
    form |= {"candidates": "投票人一\n投票人四", "selection": called}
    assert browser.post("/ballots/new", form).status_code == 303
    assert selection(house, called).ballot is None


def test_a_group_nominates_through_its_leader_and_a_nominee_answers_on_the_page(house: House, called: str) -> None:
    member = come(house, MEMBER)
    for fields, code in (
        ({"name": "投票人二", "reason": "", "for_group": "yes"}, 422),
        ({"name": "没有这人", "reason": "好"}, 422),
        ({"name": "@b1:example.org", "reason": "好", "for_group": "yes"}, 303),
    ):
        assert press(member, called, "nominate", fields).status_code == code
    assert press(come(house), called, "nominate", {"name": "投票人一", "reason": "好"}).status_code == 422
    nominee = come(house, LISTENER)
    assert "有同志推荐了您" in nominee.get(f"/model-members/{called}").get_data(as_text=True)
    assert press(nominee, called, "answer", {"agreed": "yes"}).status_code == 303
    assert standing(house, called) == {MemberId("b1"): Standing.CONSENTED}
    assert press(nominee, called, "answer", {"agreed": "no"}).status_code == 303
    assert standing(house, called) == {MemberId("b1"): Standing.WITHDRAWN}


def test_a_nomination_at_the_desk_names_no_duty_in_the_record_and_neither_does_one_that_is_refused(
    house: House, called: str
) -> None:
    member = come(house, MEMBER)
    for name, code in (("没有这人", 422), ("投票人二", 303)):
        assert press(member, called, "nominate", {"name": name, "reason": "好", "for_group": "yes"}).status_code == code
    rows = house.run(house.store.read(lambda unit: unit.rows(audit.select().order_by(audit.c.number))))
    *_, tried, nominated = rows
    assert (tried.action, nominated.action) == ("selection.nobody_of_the_name", "member_nominated")
    for row in (tried, nominated):
        assert (row.actor, row.subject, row.authority) == (None, None, None)
        assert row.cause.startswith("discreet:")


def test_a_story_of_each_is_drafted_once_it_is_announced(house: House, called: str, place: OrganisationId) -> None:
    posted(house, called, place)
    browser = come(house)
    assert press(browser, called, "stories", {}).status_code == 422
    announced = SelectionAnnounced(selection=SelectionId(called), organisation=place, on=house.clock.now.date())
    house.run(house.store.settle(notes=[announced]))
    assert press(browser, called, "stories", {}).status_code == 303
    again = press(browser, called, "stories", {})
    assert again.status_code == 422, "there is one already"
    assert f'action="/model-members/{called}/stories"' not in again.get_data(as_text=True)
    found = house.run(house.store.read(lambda unit: lessons.library(unit, [place])))
    assert [one.title for one in found] == ["身边的榜样：投票人一"]


def test_a_selection_that_is_ended_goes_nowhere(house: House, called: str) -> None:
    browser = come(house)
    assert press(browser, called, "end", {}).status_code == 303
    assert selection(house, called).stage is Stage.ENDED
    assert press(browser, called, "end", {}).status_code == 422
    for bad in ({"title": ""}, {"places": "0"}, {"date": "gestern"}, {"date": "2026-01-01"}, {"organisation": "x"}):
        page = browser.get("/model-members/new").get_data(as_text=True)
        (id,) = re.findall(r'name="id" value="([^"]+)"', page)
        day = (house.store.now() + timedelta(days=2)).date().isoformat()
        node = selection(house, called).organisation
        form = {"id": id, "organisation": node, "title": "x", "places": "1", "date": day, "time": "18:00"}
        assert browser.post("/model-members/new", {**form, **bad}).status_code == 422, bad
