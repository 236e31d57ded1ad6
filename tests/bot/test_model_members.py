"""Model members from the call to the announcement, as a branch does it: in private chat, at the desk, by the clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.clock import Clock
from content import ballots as ballot_rules
from content import model_members as rules
from content.ballot_files import read_box, write_box
from content.ballots import Candidate
from content.checkins import State
from content.decision import Decision
from content.elections import Election
from content.erasure import PersonErased
from content.identifiers import MemberId, SelectionId, UserId
from content.model_members import Outcome, Selection, Stage, Standing
from content.organisations import Duty, DutyGranted, Role
from content.workdays import calendar
from storage import audit, ballots, erased_people, holdings, model_members, record
from storage.model_members import selection_objections
from storage.opening import open_box
from storage.record import Scope
from storage.store import Answer, Step
from storage.unit import Reading
from tests.sealed_ballots import agree, closing, confirm, deciding, draft, open_voting, paper, roll, shares, stand, vote
from tests.small_branch import (
    EAST,
    EAST_GROUP,
    EAST_ROOM,
    LI,
    NOON,
    ROLL,
    ROOF,
    SECRETARY,
    WANG,
    WEST,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    message,
    private_room,
    redaction,
)

ID = SelectionId("selection")
SECOND, LISTENER = UserId("@second:test"), account(WANG)
TITLE = "党员先锋岗"
CALENDAR = calendar([], [])


async def act(branch: SmallBranch, verb: Callable[[Selection, Reading], Awaitable[Answer]]) -> Answer:
    """Let something be decided of the selection as it stands."""

    async def decide(unit: Reading) -> Answer:
        one = await model_members.selection(unit, ID)
        assert one is not None
        return await verb(one, unit)

    (outcome,) = await branch.store.settle([Step(cause=fresh_cause(), decide=decide, actor=SECRETARY)])
    return outcome.refusal or outcome.answer


async def call(branch: SmallBranch) -> None:
    """Call for nominations, with somebody who hears objections and a leader of the group."""
    duties = [
        Duty(user=LISTENER, organisation=EAST, role=Role.DISCIPLINE_MEMBER),
        Duty(user=account(LI), organisation=EAST_GROUP, role=Role.GROUP_LEADER),
    ]
    await branch.store.settle(notes=[DutyGranted(duty=one) for one in duties])
    one = Selection(
        id=ID,
        organisation=EAST,
        title=TITLE,
        places=1,
        nominate_until=NOON + timedelta(days=3),
        timezone="Asia/Shanghai",
    )

    async def decide(unit: Reading) -> Answer:
        return rules.call(one, author=SECRETARY, rooms=await model_members.branch_rooms(unit, EAST), now=unit.now)

    await branch.store.settle([Step(cause=fresh_cause(), decide=decide, actor=SECRETARY)])


async def say(branch: SmallBranch, member: MemberId, words: str, **more: Any) -> list[str]:
    """Let a member say something in private; return the keys of what they are told."""
    before = {row.id for row in await branch.rows()}
    await branch.hear(message(account(member), words, **{"room_id": private_room(member), **more}))
    return [row.words["key"] for row in await branch.rows() if row.id not in before and row.user_id == account(member)]


async def stands(branch: SmallBranch) -> dict[MemberId, Standing]:
    return {one.member: one.standing for one in await branch.store.read(lambda unit: model_members.nominees(unit, ID))}


async def recorded(branch: SmallBranch) -> list[Any]:
    query = audit.audit.select().order_by(audit.audit.c.number)
    return list(await branch.store.read(lambda unit: unit.rows(query)))


async def stage(branch: SmallBranch) -> Stage:
    one = await branch.store.read(lambda unit: model_members.selection(unit, ID))
    assert one is not None
    return one.stage


async def in_rooms(branch: SmallBranch) -> list[str]:
    return [row.words["key"] for row in await branch.rows() if row.kind == "say" and row.words["key"].startswith("sel")]


async def review(branch: SmallBranch, clock: HandClock) -> None:
    clock.now = NOON + timedelta(days=3)

    async def decide(one: Selection, unit: Reading) -> Answer:
        found = await model_members.nominees(unit, ID)
        deeds = {ZHANG: "带班零违章"}
        return rules.review(one, found, deeds=deeds, rejected={}, accounts={ZHANG: account(ZHANG)}, now=unit.now)

    assert isinstance(await act(branch, decide), Decision)


async def recommend(branch: SmallBranch, clock: HandClock) -> None:
    """Hold the vote of recommendation on the one who goes forward."""
    standing = (Candidate(id="a", member=ZHANG, name="张明"),)
    election = Election(candidates=("a",), seats=1, contested=False, eligible=frozenset())
    more: dict[str, Any] = {"candidates": standing, "election": election, "closes_at": clock.now + timedelta(days=1)}
    await draft(branch.store, **more)
    ballot = await branch.store.read(lambda unit: ballots.ballot(unit, ballot_rules.BallotId("ballot")))
    assert ballot is not None

    async def link(one: Selection, unit: Reading) -> Answer:
        fact = rules.link_ballot(one, await model_members.nominees(unit, ID), ballot, before=None)
        assert isinstance(fact, rules.SelectionBallotLinked), fact
        return Decision(facts=(fact,))

    await act(branch, link)
    await open_voting(branch.store)
    for place, elector in enumerate(roll()):
        await vote(branch.store, elector.member, paper("a+" if place < 4 else ""))
    clock.now += timedelta(days=1)
    await branch.store.settle([closing()])
    await agree(branch.store)
    step = await opening_step(branch)
    await branch.store.settle([step])
    await confirm(branch.store)


async def opening_step(branch: SmallBranch) -> Step:
    """Return the step by which the tellers' count is kept."""
    one = await stand(branch.store)
    boxes = await branch.store.read(lambda unit: ballots.boxes(unit, one.id))
    opened = open_box(read_box(write_box(one, boxes)), shares())
    decide = deciding(lambda ballot, _: ballot_rules.keep_count(ballot, opened.result, opened.hash))
    return Step(cause=fresh_cause(), decide=decide, actor=SECRETARY)


async def decide_and_post(branch: SmallBranch, clock: HandClock) -> None:
    async def decide(one: Selection, unit: Reading) -> Answer:
        ballot = await ballots.ballot(unit, one.ballot) if one.ballot else None
        result = await ballots.result(unit, one.ballot) if one.ballot else None
        assert ballot is not None
        assert result is not None
        votes = rules.votes_of(ballot, result["tally"])
        given: dict[str, Any] = {"chosen": [ZHANG], "opinions": {}, "departure": "", "by": SECRETARY}
        found = await model_members.nominees(unit, ID)
        return rules.decide(one, found, ballot, votes, **given, today=one.day(unit.now))

    assert isinstance(await act(branch, decide), Decision)
    await post(branch)


async def post(branch: SmallBranch, by: UserId = SECOND) -> Answer:
    async def decide(one: Selection, unit: Reading) -> Answer:
        given: dict[str, Any] = {
            "names": {ZHANG: "张明", WANG: "王丽"},
            "hearers": [WANG],
            "contact": WANG,
            "phone": "",
            "days": 5,
        }
        rooms = await model_members.branch_rooms(unit, EAST)
        found = await model_members.nominees(unit, ID)
        return rules.post(one, found, **given, calendar=CALENDAR, rooms=rooms, by=by, today=one.day(unit.now))

    return await act(branch, decide)


@pytest.fixture
def ticking(branch: SmallBranch) -> Clock:
    return Clock(branch.store, caught_up=lambda: True, hearing_state=lambda: "", console="https://console.example.org")


async def publish(branch: SmallBranch, clock: HandClock) -> None:
    """Take the selection into its publicity, which is posted on Sunday the fifth of July and ends on the tenth."""
    await call(branch)
    await say(branch, LI, "推荐 张明 带班零违章")
    await say(branch, ZHANG, "同意")
    await review(branch, clock)
    await recommend(branch, clock)
    await decide_and_post(branch, clock)


async def test_a_branch_goes_from_the_call_to_the_announcement(
    branch: SmallBranch, clock: HandClock, ticking: Clock
) -> None:
    await call(branch)
    assert await say(branch, LI, "小组推荐 张明 带班零违章") == ["selection.nominated"]
    assert await say(branch, WANG, "推荐：张 明，肯带徒弟") == ["selection.nobody_of_the_name"]
    assert await say(branch, WANG, "推荐 张明，肯带徒弟") == ["selection.nominated"]
    asked = [row for row in await branch.rows() if row.words and row.words["key"] == "selection.do_you_agree"]
    assert [row.user_id for row in asked] == [account(ZHANG)], "once, however many nominate"
    assert await say(branch, ZHANG, "同意") == ["selection.thanks_agreed"]
    assert await say(branch, WANG, "推荐 李强 热心") == ["selection.nominated"]
    await review(branch, clock)
    assert await stands(branch) == {ZHANG: Standing.REVIEWED, LI: Standing.WITHDRAWN}
    await recommend(branch, clock)
    await decide_and_post(branch, clock)
    (chosen,) = [one for one in await branch.store.read(lambda unit: model_members.nominees(unit, ID)) if one.votes]
    assert (chosen.member, chosen.standing, chosen.votes) == (ZHANG, Standing.CHOSEN, 4)
    clock.now = NOON.replace(day=10, hour=15, minute=59)
    await ticking.tick()
    assert await stage(branch) is Stage.PUBLIC, "the last day is a day of the publicity"
    clock.now += timedelta(minutes=2)
    for _ in range(2):
        await ticking.tick()
    assert await stage(branch) is Stage.ANNOUNCED
    assert await in_rooms(branch) == ["selection.room_called", "selection.room_notice", "selection.room_announced"]


async def test_an_objection_is_read_by_one_alone_and_halts_everything_until_its_outcome(
    branch: SmallBranch, clock: HandClock, ticking: Clock
) -> None:
    await publish(branch, clock)
    assert await say(branch, LI, "意见 他上月被投诉过") == ["selection.objection_kept"]
    told = {row.user_id for row in await branch.rows() if row.words and row.words["key"] == "selection.objection_came"}
    assert told == {LISTENER}
    (line,) = [one for one in await branch.store.read(audit.lines) if "objection_raised" in one.action]
    assert line.actor is None
    assert line.cause.startswith("discreet:")
    clock.now = NOON.replace(day=11)
    await ticking.tick()
    assert await stage(branch) is Stage.PUBLIC
    (objection,) = await branch.store.read(lambda unit: model_members.objections(unit, ID))
    assert objection.text == "他上月被投诉过"

    async def settle(one: Selection, unit: Reading) -> Answer:
        found = await model_members.nominees(unit, ID)
        given: dict[str, Any] = {"upheld": False, "against": None, "answer": "已核实，不影响", "by": LISTENER}
        today = one.day(unit.now)
        return rules.settle_objection(one, objection, found, **given, objector=account(LI), today=today)

    await act(branch, settle)
    (row,) = [one for one in await recorded(branch) if "objection_decided" in one.action]
    everywhere = Scope(roots=(EAST,), everything=True)
    why = await branch.store.read(lambda unit: record.why(unit, everywhere, row.number))
    assert why is not None
    assert why.effects == (), "who is told of the outcome has objected"
    clock.forward(seconds=2)
    await ticking.tick()
    assert await stage(branch) is Stage.ANNOUNCED
    (held,) = await branch.store.read(lambda unit: model_members.objections(unit, ID))
    assert (held.outcome, held.answer) == (Outcome.DISMISSED, "已核实，不影响")


async def test_an_objection_made_in_time_counts_though_we_were_down_until_after_midnight(
    branch: SmallBranch, clock: HandClock, ticking: Clock
) -> None:
    await publish(branch, clock)
    behind = Clock(branch.store, caught_up=lambda: False, hearing_state=lambda: "")
    clock.now = NOON.replace(day=10, hour=16, minute=30)
    await behind.tick()
    assert await stage(branch) is Stage.PUBLIC, "what was said before has not been heard yet"
    clock.now = NOON.replace(day=10, hour=12)
    assert await say(branch, LI, "意见 他上月被投诉过") == ["selection.objection_kept"]
    clock.now = NOON.replace(day=10, hour=16, minute=31)
    await ticking.tick()
    assert await stage(branch) is Stage.PUBLIC, "it waits for its outcome"


async def test_the_envelopes_stay_until_what_rests_on_them_is_over(
    branch: SmallBranch, clock: HandClock, ticking: Clock
) -> None:
    """They wait for the end of the publicity, and while an objection is open."""
    await publish(branch, clock)
    ballot = (await stand(branch.store)).id
    assert await branch.store.read(lambda unit: model_members.leans_on(unit, ballot))
    clock.now = NOON.replace(day=11)
    await ticking.tick()
    assert await stage(branch) is Stage.ANNOUNCED
    assert not await branch.store.read(lambda unit: model_members.leans_on(unit, ballot))


async def test_who_is_on_the_notice_is_not_told_of_an_objection(branch: SmallBranch, clock: HandClock) -> None:
    above = Duty(user=SECRETARY, organisation=ROOF, role=Role.DISCIPLINE_MEMBER)
    own = Duty(user=account(ZHANG), organisation=EAST, role=Role.DISCIPLINE_MEMBER)
    await publish(branch, clock)
    await branch.store.settle(notes=[DutyGranted(duty=one) for one in (own, above)])
    await say(branch, LI, "意见 他上月被投诉过")
    told = {row.user_id for row in await branch.rows() if row.words and row.words["key"] == "selection.objection_came"}
    assert told == {LISTENER, SECRETARY}


async def test_only_who_leads_a_group_of_the_branch_that_calls_nominates_for_one(branch: SmallBranch) -> None:
    await call(branch)
    led = [(WANG, EAST), (ZHANG, WEST)]
    duties = [Duty(user=account(who), organisation=node, role=Role.GROUP_LEADER) for who, node in led]
    await branch.store.settle(notes=[DutyGranted(duty=one) for one in duties])
    for who, _ in led:
        assert await say(branch, who, "小组推荐 李强 热心") == ["selection.no_group"]
    assert await say(branch, LI, "小组推荐 张明 热心") == ["selection.nominated"]
    ((_, by, group, _),) = await branch.store.read(lambda unit: model_members.nominations(unit, ID))
    assert (by, group) == (LI, EAST_GROUP)


async def test_who_hears_an_objection_is_given_no_words_of_it_with_their_own_data(
    branch: SmallBranch, clock: HandClock
) -> None:
    await publish(branch, clock)
    await say(branch, LI, "意见 石榴红隼")
    (objection,) = await branch.store.read(lambda unit: model_members.objections(unit, ID))

    async def settle(one: Selection, unit: Reading) -> Answer:
        given: dict[str, Any] = {"upheld": False, "against": None, "answer": "已核实", "by": LISTENER}
        found = await model_members.nominees(unit, ID)
        return rules.settle_objection(one, objection, found, **given, objector=account(LI), today=one.day(unit.now))

    await act(branch, settle)
    held = {
        who: await branch.store.read(lambda unit, who=who: holdings.collect(unit, account(who))) for who in (LI, WANG)
    }
    rows = {who: next(one.rows for one in held[who] if one.name == "selection_objections") for who in held}
    assert [len(one) for one in rows.values()] == [1, 1]
    assert "石榴红隼" in repr(rows[LI])
    assert "石榴红隼" not in repr(held[WANG])
    assert "已核实" in repr(rows[WANG]), "what they answered is theirs"


async def test_what_is_objected_lies_sealed_where_there_is_a_key(branch: SmallBranch, clock: HandClock) -> None:
    await publish(branch, clock)
    await say(branch, LI, "意见 石榴红隼")
    rows = await branch.store.read(lambda unit: unit.rows(selection_objections.select()))
    sealed = [row.is_sealed for row in rows]
    assert all("石榴红隼".encode() not in bytes(row.text) for row in rows if row.is_sealed)
    assert len(sealed) == 1


async def test_who_withdraws_during_the_publicity_is_not_announced(
    branch: SmallBranch, clock: HandClock, ticking: Clock
) -> None:
    await publish(branch, clock)
    assert await say(branch, ZHANG, "不同意") == ["selection.thanks_declined"]
    clock.now = NOON.replace(day=11)
    await ticking.tick()
    assert await stage(branch) is Stage.ENDED
    assert "selection.room_announced" not in await in_rooms(branch)


async def test_what_is_said_in_a_room_is_not_noted_and_answered_in_private(branch: SmallBranch) -> None:
    await call(branch)
    assert await say(branch, LI, "推荐 张明 好", room_id=EAST_ROOM) == []
    assert await say(branch, LI, "推荐 张明 好", room_id=EAST_ROOM, mention=True) == ["selection.private_only"]
    assert await stands(branch) == {}


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("推荐 张明", "selection.how_to_nominate"),
        ("推荐", "selection.how_to_nominate"),
        ("推荐 李强 好", "selection.not_oneself"),
        ("小组推荐 王丽 好", "selection.nominated"),
        ("推荐 @zhang:test 好", "selection.nominated"),
        ("推荐 赵敏 好", "selection.nobody_of_the_name"),
        ("同意", "selection.nothing_to_answer"),
        ("不同意", "selection.nothing_to_answer"),
        ("意见 有", "selection.nothing_public"),
        ("nominate 王丽 helpful", "selection.nominated"),
    ],
)
async def test_each_wording_in_private_has_its_answer(branch: SmallBranch, words: str, key: str) -> None:
    await call(branch)
    assert await say(branch, LI, words) == [key]


async def test_without_a_call_nobody_is_nominated_and_a_group_only_by_who_leads_it(branch: SmallBranch) -> None:
    assert await say(branch, WANG, "推荐 张明 好") == ["selection.no_call"]
    await call(branch)
    assert await say(branch, WANG, "小组推荐 张明 好") == ["selection.no_group"]


async def test_one_is_told_of_ones_own_part_and_never_who_nominated(branch: SmallBranch) -> None:
    """Invariant of 我的数据: the nominee learns where they stand, the nominator what they said."""
    await call(branch)
    await say(branch, LI, "推荐 张明 带班零违章")
    found = await branch.store.read(lambda unit: holdings.collect(unit, account(ZHANG)))
    told = {section.name: section.rows for section in found if section.name.startswith("selection")}
    assert told["selection_nominees"][0]["title"] == TITLE
    assert told["selection_nominations"] == ()
    assert "李强" not in repr(told)
    own = await branch.store.read(lambda unit: holdings.collect(unit, account(LI)))
    (said,) = next(section.rows for section in own if section.name == "selection_nominations")
    assert said["reason"] == "带班零违章"


async def test_the_record_does_not_name_who_nominated(branch: SmallBranch) -> None:
    await call(branch)
    await say(branch, LI, "推荐 张明 好")
    (line,) = [one for one in await branch.store.read(audit.lines) if "member_nominated" in one.action]
    assert (line.actor, line.subject) == (None, None)


async def test_who_objects_and_who_only_tries_to_is_nowhere_in_the_record(
    branch: SmallBranch, clock: HandClock, ticking: Clock
) -> None:
    await call(branch)
    before = len(await recorded(branch))
    tried = ["推荐 张明", "推荐 李强 好", "推荐 赵敏 好", "推荐 张明 " + "长" * 501, "意见 有", "推荐 张明 好"]
    said = [await say(branch, LI, words) for words in tried]
    assert [one for (one,) in said] == [
        "selection.how_to_nominate",
        "selection.not_oneself",
        "selection.nobody_of_the_name",
        "selection.no_reason",
        "selection.nothing_public",
        "selection.nominated",
    ]
    await say(branch, ZHANG, "同意")
    await review(branch, clock)
    await recommend(branch, clock)
    await decide_and_post(branch, clock)
    assert await say(branch, LI, "意见 " + "长" * 501) == ["selection.no_objection"]
    assert await say(branch, LI, "意见 不合适") == ["selection.objection_kept"]
    rows = (await recorded(branch))[before:]
    assert sum(row.cause.startswith("discreet:") for row in rows) == len(tried) + 2
    for row in rows:
        assert {LI, account(LI), private_room(LI)}.isdisjoint(str(value) for value in row), row
    (item,) = [one for one in rows if one.action == "objection_raised"]
    assert (item.subject, item.thing) == (None, f"selection:{ID}")


async def test_of_who_is_erased_no_word_is_left_in_a_selection_and_one_that_goes_on_stands_in_the_way(
    branch: SmallBranch,
) -> None:
    """R20: what was said about them, and what they said of others."""
    await call(branch)
    await say(branch, LI, "推荐 张明 石榴红隼")
    await say(branch, ZHANG, "推荐 王丽 石榴红隼")
    held = await branch.store.read(lambda unit: erased_people.held(unit, ZHANG, [EAST]))
    assert held.ballots == (TITLE,)
    erased = PersonErased(members=(ZHANG,), accounts=(account(ZHANG),), at=NOON)
    await branch.store.settle(notes=[erased])
    assert "石榴红隼" not in await branch.everything()
    assert set(await stands(branch)) == {ZHANG, WANG}, "that there was somebody stays, for the figures"


async def test_for_a_nomination_that_was_said_last_nothing_older_is_taken_back(
    branch: SmallBranch, clock: HandClock
) -> None:
    await call(branch)
    id = await branch.open(ROLL)
    assert await say(branch, LI, "签到") == ["checkin.signed_in"]
    clock.forward(minutes=1)
    assert await say(branch, LI, "推荐 张明 带班零违章") == ["selection.nominated"]
    clock.forward(minutes=1)
    assert await say(branch, LI, "撤回") == ["selection.not_taken_back"]
    assert await say(branch, LI, "撤回", room_id=EAST_ROOM, mention=True) == ["selection.not_taken_back"]
    assert await branch.state(id, LI) is State.DONE
    assert account(LI) not in {one.actor for one in await recorded(branch) if "selection" in one.action}
    clock.forward(minutes=1)
    await say(branch, LI, "请假 倒班")
    assert await say(branch, LI, "撤回") == ["answer.done_again"]


async def test_a_nomination_stays_when_its_message_is_removed_and_its_sender_is_told(branch: SmallBranch) -> None:
    await call(branch)
    said = message(account(LI), "推荐 张明 带班零违章", room_id=private_room(LI))
    await branch.hear(said)
    lines = len(await recorded(branch))
    await branch.hear(redaction(account(LI), said.event_id, room_id=private_room(LI)))
    told = [row.words["key"] for row in await branch.rows() if row.user_id == account(LI)]
    assert told[-1] == "selection.nomination_stands"
    assert await stands(branch) == {ZHANG: Standing.NOMINATED}
    assert len(await recorded(branch)) == lines
