"""Measures from the phone: the same rights as on the console, a reaction before what hurts, a reply as an appeal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot.commands.amounts import span_of
from content.decision import Refusal
from content.identifiers import EventId, MemberId, RoomId, UserId
from content.members import Member, MemberChanged, MemberEnrolled
from content.organisations import Duty, DutyGranted, Role
from content.rooms import DirectRoomKept
from content.sanctions import Appeal, Sanction, State, Step
from storage import cases, members, sanctions
from storage.rooms import StateSeen
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    ME,
    ROOF,
    SECRETARY,
    WANG,
    WEST,
    WEST_ROOM,
    ZHANG,
    ZHAO,
    SmallBranch,
    account,
    message,
    private_room,
    reaction,
)

WHO = account(ZHANG)
DESK = RoomId("!with-secretary:test")
Told = list[tuple[str, str]]


async def begin(branch: SmallBranch) -> None:
    """Let the bot have made the rooms, so that it may do everything there."""
    for room in (EAST_ROOM, WEST_ROOM):
        for type_, content in (("m.room.create", {"room_version": "12"}), ("m.room.power_levels", {"users": {}})):
            seen = StateSeen(
                room=room, type=type_, state_key="", sender=ME, event_id=EventId(f"${room}{type_}"), content=content
            )
            await branch.store.settle(notes=[seen])


async def moderate(branch: SmallBranch, user: UserId, role: Role = Role.MODERATOR) -> None:
    """Give somebody a duty over everything."""
    await branch.store.settle(notes=[DutyGranted(duty=Duty(user=user, organisation=ROOF, role=role))])


async def say(branch: SmallBranch, body: str, *, by: UserId = SECRETARY, room: RoomId = DESK, **more: Any) -> Told:
    """Say something, and return what is told to whom; then it is sent."""
    await branch.hear(message(by, body, room_id=room, **more))
    told = await branch.told()
    await branch.send_all()
    return told


async def every(branch: SmallBranch) -> list[Sanction]:
    """Return every measure, oldest first."""
    rows = await branch.store.read(lambda unit: unit.rows(sanctions.sanctions.select().order_by("at", "id")))
    found = [await branch.store.read(lambda unit, one=row.id: sanctions.sanction(unit, one)) for row in rows]  # type: ignore[misc]
    return [one for one in found if one is not None]


async def newest_to(branch: SmallBranch, user: UserId) -> str:
    """Return the event by which somebody was told something last."""
    rows = [row for row in await branch.rows() if row.user_id == user and row.kind == "tell" and row.event_id]
    return str(rows[-1].event_id)


@pytest.mark.parametrize(
    ("text", "lasts", "rest"),
    [
        ("2小时 刷屏", timedelta(hours=2), "刷屏"),
        ("刷屏 半小时", timedelta(minutes=30), "刷屏"),
        ("三天", timedelta(days=3), ""),
        ("兩個星期 廣告", timedelta(weeks=2), "廣告"),
        ("10分钟", timedelta(minutes=10), ""),
        ("1 day spam", timedelta(days=1), "spam"),
        ("30 min", timedelta(minutes=30), ""),
        ("永久 骂人", None, "骂人"),
        ("骂人", timedelta(0), "骂人"),
        ("2小时刷屏", timedelta(hours=2), "刷屏"),
        ("2小时 一直刷屏", timedelta(hours=2), "一直刷屏"),
        ("一直刷屏", timedelta(0), "一直刷屏"),
        ("三天没来开会", timedelta(0), "三天没来开会"),
        ("spam a message", timedelta(0), "spam a message"),
        ("2 hours for goodness sake flood", timedelta(hours=2), "for goodness sake flood"),
        ("flood for good", None, "flood"),
        ("flood half an hour", timedelta(minutes=30), "flood"),
        ("永久 骂人 3天", timedelta(days=3), "永久 骂人"),
        ("十二天 广告", timedelta(days=12), "广告"),
        ("二十四小时,广告", timedelta(hours=24), "广告"),
        ("1天半", timedelta(hours=36), ""),
        ("一个半小时 刷屏", timedelta(minutes=90), "刷屏"),
        ("2年 骂人", timedelta(days=730), "骂人"),
    ],
)
def test_how_long_is_read_as_people_write_it(text: str, lasts: timedelta | None, rest: str) -> None:
    assert span_of(text) == (lasts, rest)


async def test_a_warning_is_given_at_once_and_by_name(branch: SmallBranch) -> None:
    told = await say(branch, "警告 张明 刷屏")
    assert sorted(told) == [(SECRETARY, "sanction.done"), (WHO, "sanction.told_warning_until")]
    (one,) = await every(branch)
    assert (one.user, one.step, one.reason, one.organisation) == (WHO, Step.WARNING, "flood", EAST)
    await say(branch, "警告 张明 又刷屏")
    assert {one.number for one in await every(branch)} == {1}


async def test_what_hurts_is_done_only_by_the_reaction_of_who_asked(branch: SmallBranch) -> None:
    await begin(branch)
    assert await say(branch, "禁言 张明 2小时 刷屏") == [(SECRETARY, "sanction.confirm_mute")]
    asked = await newest_to(branch, SECRETARY)
    assert [one.state for one in await every(branch)] == [State.DRAFT]
    await branch.hear(reaction(account(WANG), asked, "👍", room_id=DESK))
    assert [one.state for one in await every(branch)] == [State.DRAFT]
    for _ in range(2):
        await branch.hear(reaction(SECRETARY, asked, "👍🏻", room_id=DESK))
    (one,) = await every(branch)
    assert (one.state, one.until) == (State.ACTIVE, branch.clock.now + timedelta(hours=2))
    assert [row.kind for row in await branch.rows() if row.matter_id == one.id and row.kind != "tell"] == ["impose"]


@pytest.mark.parametrize(("sign", "minutes"), [("👎", 1), ("👍", 11)])
async def test_what_is_declined_or_confirmed_too_late_is_not_done(branch: SmallBranch, sign: str, minutes: int) -> None:
    await begin(branch)
    await say(branch, "移出 张明 骂人")
    asked = await newest_to(branch, SECRETARY)
    branch.clock.forward(minutes=minutes)
    await branch.hear(reaction(SECRETARY, asked, sign, room_id=DESK, sent_at=branch.clock.now))
    assert [row for row in await branch.rows() if row.kind == "impose"] == []


async def test_two_who_confirm_the_same_mute_make_one(branch: SmallBranch) -> None:
    await begin(branch)
    await moderate(branch, account(WANG))
    asked = []
    for by, room in ((SECRETARY, DESK), (account(WANG), private_room(WANG))):
        await say(branch, "禁言 张明 2小时 刷屏", by=by, room=room)
        asked.append((by, await newest_to(branch, by), room))
    outcomes = [await branch.hear(reaction(by, event, "✅", room_id=room)) for by, event, room in asked]
    assert isinstance(outcomes[1][0].answer, Refusal)  # type: ignore[union-attr]
    assert sorted(one.state for one in await every(branch)) == [State.ACTIVE, State.DRAFT]


async def test_a_reply_in_the_room_is_about_whom_it_answers_and_keeps_the_message(branch: SmallBranch) -> None:
    await begin(branch)
    content = {"m.mentions": {"user_ids": [WHO]}}
    reply = message(SECRETARY, "禁言 1小时 广告", reply="$bad:test")
    await branch.hear(type(reply)(**{**_fields(reply), "content": {**reply.content, **content}}))
    (one,) = await every(branch)
    assert (one.user, one.rooms, one.reason) == (WHO, (EAST_ROOM,), "advert")
    (kept,) = await branch.store.read(lambda unit: cases.evidence_of(unit, one.case))
    assert (kept.event, kept.text) == ("$bad:test", None)
    assert [row.kind for row in await branch.rows() if row.kind == "evidence"] == ["evidence"]


async def answering(branch: SmallBranch, body: str, *, called: UserId) -> Any:
    """Say something in the room in answer to somebody's message, as clients do it that call whom one answers."""
    reply, content = message(SECRETARY, body, reply="$bad:test"), {"m.mentions": {"user_ids": [called]}}
    (outcome,) = await branch.hear(type(reply)(**{**_fields(reply), "content": {**reply.content, **content}}))
    return outcome.answer  # type: ignore[union-attr]


async def test_in_an_answer_to_one_person_nobody_is_punished_in_the_place_of_who_was_named(branch: SmallBranch) -> None:
    assert isinstance(await answering(branch, "警告 张明 骂人", called=account(LI)), Refusal)
    assert await every(branch) == []
    await answering(branch, f"警告 {WHO} 骂人", called=account(LI))
    await answering(branch, "警告 张明 刷屏", called=WHO)
    assert [(one.user, one.state) for one in await every(branch)] == [(WHO, State.ACTIVE)] * 2


async def test_a_warning_that_names_nobody_asks_first_whom_the_answer_means(branch: SmallBranch) -> None:
    await answering(branch, "警告 骂人", called=account(LI))
    assert await branch.told() == [(SECRETARY, "sanction.confirm_warning")]
    await branch.send_all()
    asked = await newest_to(branch, SECRETARY)
    await branch.hear(reaction(SECRETARY, asked, "👍", room_id=DESK))
    assert [(one.user, one.state) for one in await every(branch)] == [(account(LI), State.ACTIVE)]


def _fields(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


async def test_without_the_right_it_is_talk_in_a_room_and_refused_in_private(branch: SmallBranch) -> None:
    before = await branch.everything()
    await branch.hear(message(account(WANG), "禁言 @zhang:test 2小时"))
    await branch.hear(message(SECRETARY, "警告 大家注意安全"))
    assert await branch.everything() == before
    (asked,) = await branch.hear(message(account(WANG), "警告 张明 刷屏", room_id=private_room(WANG)))
    assert isinstance(asked.answer, Refusal)  # type: ignore[union-attr]


async def test_who_moderates_one_branch_does_nothing_in_another(branch: SmallBranch) -> None:
    await branch.store.settle(
        notes=[DutyGranted(duty=Duty(user=account(WANG), organisation=EAST, role=Role.MODERATOR))]
    )
    at = private_room(WANG)
    for body in (f"警告 {account(ZHAO)} 刷屏", "警告 赵敏 刷屏"):
        (asked,) = await branch.hear(message(account(WANG), body, room_id=at))
        assert isinstance(asked.answer, Refusal)  # type: ignore[union-attr]
    assert await every(branch) == []


async def test_no_measure_without_a_reason_or_against_who_moderates(branch: SmallBranch) -> None:
    await moderate(branch, account(WANG))
    for body in ("警告 张明", "警告 王丽 刷屏", f"警告 {SECRETARY} 刷屏", f"警告 {ME} 刷屏"):
        (asked,) = await branch.hear(message(SECRETARY, body, room_id=DESK))
        assert isinstance(asked.answer, Refusal), body  # type: ignore[union-attr]


async def test_a_measure_is_lifted_by_its_case_with_a_reason(branch: SmallBranch) -> None:
    await say(branch, "警告 张明 刷屏")
    (asked,) = await branch.hear(message(SECRETARY, "解除 1", room_id=DESK))
    assert isinstance(asked.answer, Refusal)  # type: ignore[union-attr]
    told = await say(branch, "解除 1 看错了")
    assert told[-2:] == [(WHO, "sanction.lifted"), (SECRETARY, "sanction.lifted_done")]
    assert [one.state for one in await every(branch)] == [State.LIFTED]


async def test_nobody_lifts_a_measure_against_themself(branch: SmallBranch) -> None:
    await say(branch, "警告 张明 刷屏")
    await moderate(branch, WHO)
    (asked,) = await branch.hear(message(WHO, "解除 1 我自己解除", room_id=private_room(ZHANG)))
    assert isinstance(asked.answer, Refusal)  # type: ignore[union-attr]
    assert [one.state for one in await every(branch)] == [State.ACTIVE]


async def test_a_reply_to_what_one_was_told_is_an_appeal_to_others(branch: SmallBranch) -> None:
    await moderate(branch, account(LI), Role.DISCIPLINE_MEMBER)
    await say(branch, "警告 张明 刷屏")
    told = await newest_to(branch, WHO)
    at = private_room(ZHANG)
    assert await say(branch, "收到", by=WHO, room=at, reply=told) == []
    said = await say(branch, "不同意，那是我爱人发的", by=WHO, room=at, reply=told)
    assert sorted(said) == [(account(LI), "appeal.to_review"), (WHO, "appeal.taken")]
    (one,) = await every(branch)
    assert one.appeal is Appeal.MADE
    (again,) = await branch.hear(message(WHO, "申诉 再说一遍", room_id=at))
    assert isinstance(again.answer, Refusal)  # type: ignore[union-attr]


@pytest.mark.parametrize("body", ["帮助", "我的数据", "help"])
async def test_a_command_in_reply_to_what_one_was_told_is_that_command_and_no_appeal(
    branch: SmallBranch, body: str
) -> None:
    await say(branch, "警告 张明 刷屏")
    told = await newest_to(branch, WHO)
    await branch.hear(message(WHO, body, room_id=private_room(ZHANG), reply=told))
    assert [one.appeal for one in await every(branch)] == [Appeal.NONE]


async def test_a_measure_that_is_lifted_before_its_appeal_was_looked_at_leaves_nothing_to_look_at(
    branch: SmallBranch,
) -> None:
    await moderate(branch, account(LI), Role.DISCIPLINE_MEMBER)
    await say(branch, "警告 张明 刷屏")
    await say(branch, "申诉 不是我", by=WHO, room=private_room(ZHANG))
    await say(branch, "解除 1 看错了")
    assert [(one.state, one.appeal) for one in await every(branch)] == [(State.LIFTED, Appeal.SETTLED)]
    assert await branch.store.read(lambda unit: sanctions.number_of_appeals(unit, [ROOF])) == 0


async def test_an_account_is_read_without_what_stands_behind_it_and_none_is_longer_than_there_can_be(
    branch: SmallBranch,
) -> None:
    await say(branch, "警告 @guest:test， 刷屏")
    assert [one.user for one in await every(branch)] == [UserId("@guest:test")]
    await branch.hear(message(SECRETARY, f"警告 @{'g' * 260}:test 刷屏", room_id=DESK))
    assert len(await every(branch)) == 1


async def test_a_ban_over_a_day_holds_by_the_word_of_a_second_person(branch: SmallBranch) -> None:
    """X33."""
    await begin(branch)
    await moderate(branch, account(LI), Role.DISCIPLINE_MEMBER)
    room = DirectRoomKept(user=account(LI), room=private_room(LI), encrypted=False)
    await branch.store.settle(notes=[room])
    await say(branch, "封禁 张明 永久 骂人")
    asked = await newest_to(branch, SECRETARY)
    await branch.hear(reaction(SECRETARY, asked, "👍", room_id=DESK))
    await branch.send_all()
    assert [one.state for one in await every(branch)] == [State.WAITING]
    await branch.hear(reaction(SECRETARY, asked, "✅", room_id=DESK))
    assert [one.state for one in await every(branch)] == [State.WAITING]
    second = await newest_to(branch, account(LI))
    await branch.hear(reaction(account(LI), second, "👍", room_id=private_room(LI)))
    (one,) = await every(branch)
    assert (one.state, one.agreed_by, one.until) == (State.ACTIVE, account(LI), None)


async def test_that_the_same_person_has_another_account_is_said_before(branch: SmallBranch) -> None:
    await begin(branch)
    other = Member(
        id=MemberId("m-two"), organisation=EAST, name="张明", user=UserId("@two:test"), category="", phone="1"
    )
    far = Member(id=MemberId("m-far"), organisation=WEST, name="张明", user=UserId("@far:test"), category="", phone="2")
    own = await branch.store.read(lambda unit: members.by_user(unit, WHO))
    assert own is not None
    corrected = MemberChanged(member=replace(own, phone="1"))
    await branch.store.settle(notes=[MemberEnrolled(member=other), MemberEnrolled(member=far), corrected])
    found = await branch.store.read(lambda unit: members.other_accounts(unit, WHO, ROOF))
    assert found == ("@two:test",)
    assert await branch.store.read(lambda unit: members.other_accounts(unit, WHO, WEST)) == ()
    assert await say(branch, f"禁言 {WHO} 2小时 刷屏") == [(SECRETARY, "sanction.confirm_one_account")]
