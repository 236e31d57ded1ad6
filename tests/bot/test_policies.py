"""A list is looked at before anything is done by it, held to once two agree, and undone by itself rule by rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot.delivery import MODERATION, MOST_FAILURES
from bot.hearing import Hearing
from bot.matrix.events import Batch, RoomBatch
from bot.matrix.faults import Fault, Kind
from bot.policies import hold_to
from content import policies as rules
from content.decision import Decision, Refusal
from content.identifiers import EventId, PolicyListId, RoomId, UserId
from content.organisations import Duty, DutyGranted, Role
from content.policies import PolicyList, State
from content.rooms import DirectRoomKept, RoomLost
from content.sanctions import Step as Measure
from storage import outbox, policies, rooms
from storage.policies import Told
from storage.retention import Swept
from storage.rooms import StateSeen
from storage.store import Step
from storage.unit import Reading
from tests.bot.test_sanctions import NEW, WHO, Scene
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    ME,
    ROOF,
    SECRETARY,
    WANG,
    ZHANG,
    SmallBranch,
    account,
    event,
    fresh_cause,
    message,
)

LIST = RoomId("!bans:elsewhere")
STRANGER = UserId("@spam:bad.example")


class Listed(Scene):
    """The room, a stranger in it, and a policy room elsewhere."""

    async def enter(self) -> PolicyListId:
        """Have the policy room looked at, as at the desk."""
        cause = fresh_cause()
        self.homeserver.take_place(LIST, ME)

        async def decide(unit: Reading) -> Decision | Refusal:
            return rules.add(str(LIST), EAST, known=(), by=SECRETARY, cause=cause, now=unit.now)

        await self.branch.store.settle([Step(cause=cause, decide=decide, actor=SECRETARY)])
        await self.carry()
        (told,) = await self.branch.store.read(lambda unit: policies.lists(unit, [EAST]))
        return told.list.id

    async def carry(self) -> None:
        await self.branch.store.take_up(self.homeserver.device_id)
        await self.delivery.work_off(MODERATION, patience=3)

    async def say(self, key: str, pattern: str | None, kind: str = "m.policy.rule.user") -> None:
        """Let the policy room say a rule, or take it back."""
        content: dict[str, Any] = {"entity": pattern, "recommendation": "m.ban", "reason": "spam"} if pattern else {}
        seen = StateSeen(
            room=LIST, type=kind, state_key=key, sender=STRANGER, event_id=EventId(f"${key}"), content=content
        )
        await self.branch.store.settle(notes=[seen])

    async def told(self, id: PolicyListId) -> Told:
        told = await self.branch.store.read(lambda unit: policies.list_of(unit, id))
        assert told is not None
        return told

    async def decide(self, id: PolicyListId, verb: str, *, by: UserId = SECRETARY, **more: Any) -> Refusal | None:
        one: PolicyList = (await self.told(id)).list
        standing = [kept.ban for kept in await self.branch.store.read(lambda unit: policies.standing(unit, id))]

        async def decide(unit: Reading) -> Any:
            if verb == "end":
                return rules.end(one, standing, alone=True, by=by, now=unit.now)
            return rules.apply(one, by=by, others=[account(LI), SECRETARY], now=unit.now)

        (outcome,) = await self.branch.store.settle([Step(cause=fresh_cause(), decide=decide, actor=by)])
        assert not outcome.failed
        return outcome.refusal

    async def apply(self, id: PolicyListId) -> None:
        """Want the list held to, and let a second person agree."""
        assert await self.decide(id, "apply") is None
        assert await self.decide(id, "apply", by=account(LI)) is None
        await self.hold()

    async def now_says(self, levels: dict[str, Any]) -> None:
        """Let the room give other levels, and the clock look again."""
        self.homeserver._set(EAST_ROOM, "m.room.power_levels", levels)
        await self.look()
        await self.hold()

    async def hold(self) -> None:
        self.branch.clock.forward(minutes=1)
        await hold_to(self.branch.store, ME)
        await self.carry()


@pytest.fixture
async def room(branch: SmallBranch) -> Listed:
    scene = Listed(branch)
    await scene.begin({"users": {account(WANG): 50}})
    scene.homeserver.take_place(EAST_ROOM, STRANGER)
    await scene.look()
    return scene


async def test_a_list_is_looked_at_and_nobody_is_touched_before_two_agree(room: Listed) -> None:
    id = await room.enter()
    assert room.homeserver.joined == [LIST]
    await room.say("1", "@spam:*")
    await room.hold()
    assert room.homeserver.banned == []
    one = (await room.told(id)).list
    known = await room.branch.store.read(lambda unit: policies.rules_of(unit, one))
    found = await room.branch.store.read(lambda unit: policies.hits_of(unit, one, known, ME))
    assert [(hit.user, hit.room) for hit in found] == [(STRANGER, EAST_ROOM)]
    assert await room.decide(id, "apply") is None
    assert "not_oneself" in repr(await room.decide(id, "apply"))
    await room.hold()
    assert room.homeserver.banned == []
    assert await room.decide(id, "apply", by=account(LI)) is None
    await room.hold()
    await room.hold()
    assert [(where, user) for where, user, _ in room.homeserver.banned] == [(EAST_ROOM, STRANGER)]


async def test_what_a_rule_brought_about_is_undone_when_the_rule_is_gone(room: Listed) -> None:
    id = await room.enter()
    await room.say("1", "bad.example", "m.policy.rule.server")
    await room.apply(id)
    assert len(room.homeserver.banned) == 1
    await room.look()
    await room.say("1", None, "m.policy.rule.server")
    await room.hold()
    assert room.homeserver.unbanned == [(EAST_ROOM, STRANGER)]


async def test_the_end_of_a_list_undoes_its_bans_leaves_its_room_and_no_ban_of_others(room: Listed) -> None:
    id = await room.enter()
    await room.say("1", "*:bad.example")
    await room.apply(id)
    assert {user for _, user, _ in room.homeserver.banned} == {STRANGER}
    assert STRANGER not in {user for user, _ in await room.branch.told()}
    assert await room.decide(id, "end") is None
    await room.carry()
    assert {user for _, user in room.homeserver.unbanned} == {STRANGER}
    assert (await room.told(id)).list.state is State.ENDED
    rows = await room.branch.rows(outbox.outbox.c.kind == outbox.Kind.DECLINE)
    assert [row.room_id for row in rows] == [LIST]


async def test_a_ban_that_was_there_before_stays_when_a_list_ends(room: Listed) -> None:
    id = await room.enter()
    await room.say("1", STRANGER)
    await room.decide(id, "apply")
    await room.decide(id, "apply", by=account(LI))
    await hold_to(room.branch.store, ME)
    room.homeserver.take_place(EAST_ROOM, STRANGER, "ban")
    await room.carry()
    assert room.homeserver.banned == []
    await room.decide(id, "end")
    await room.carry()
    assert room.homeserver.unbanned == []


async def test_nobody_on_the_roster_and_nobody_with_a_duty_is_shown_out_by_a_list(room: Listed) -> None:
    """A person decides about them; that the room's owner says another rule later changes nothing."""
    id = await room.enter()
    await room.say("1", STRANGER)
    await room.say("2", WHO)
    await room.apply(id)
    await room.look()
    await room.say("3", "@*:*test")
    await room.say("4", "*")
    await room.hold()
    assert {user for _, user, _ in room.homeserver.banned} == {STRANGER}


async def test_who_is_given_a_duty_is_let_in_again(room: Listed) -> None:
    id = await room.enter()
    await room.say("1", STRANGER)
    await room.apply(id)
    await room.look()
    duty = Duty(user=STRANGER, organisation=ROOF, role=Role.GROUP_LEADER)
    await room.branch.store.settle(notes=[DutyGranted(duty=duty)])
    await room.hold()
    assert room.homeserver.unbanned == [(EAST_ROOM, STRANGER)]


@pytest.mark.parametrize(("others", "spam"), [(0, 3), (18, 3), (30, 4), (200, 11)])
async def test_a_list_that_would_show_out_many_waits_for_two_again(room: Listed, others: int, spam: int) -> None:
    """More than a tenth of those in the rooms, or more than ten; of a handful, more than two."""
    id = await room.enter()
    await room.say("1", "@none:*")
    await room.apply(id)
    for number in range(others):
        room.homeserver.take_place(EAST_ROOM, f"@u{number}:good.example")
    for number in range(spam - 1):
        room.homeserver.take_place(EAST_ROOM, f"@u{number}:bad.example")
    await room.look()
    await room.say("1", "@*:bad.example")
    room.branch.clock.forward(hours=1)
    await room.hold()
    assert room.homeserver.banned == []
    assert (await room.told(id)).list.state is State.LOOKED_AT
    assert "policies.tell_held_back" in {key for _, key in await room.branch.told()}
    await room.apply(id)
    assert len(room.homeserver.banned) == spam


async def test_a_few_a_minute_are_held_back_as_many_at_once_are_and_a_day_later_begin_anew(room: Listed) -> None:
    id = await room.enter()
    await room.say("1", "@none:*")
    await room.apply(id)
    room.branch.clock.forward(hours=1)
    spammers = [f"@u{number}:bad.example" for number in range(5)]

    async def named(number: int) -> None:
        room.homeserver.take_place(EAST_ROOM, spammers[number])
        await room.look()
        await room.say(str(number), spammers[number])
        await room.hold()

    for number in range(2):
        await named(number)
    assert len(room.homeserver.banned) == 2
    room.branch.clock.forward(hours=25)
    await named(2)
    assert len(room.homeserver.banned) == 3
    assert (await room.told(id)).list.state is State.APPLIED
    await named(3)
    await named(4)
    assert len(room.homeserver.banned) == 4
    assert (await room.told(id)).list.state is State.LOOKED_AT


async def test_what_two_looked_at_does_not_count_against_what_comes_later(room: Listed) -> None:
    id = await room.enter()
    for number in range(6):
        room.homeserver.take_place(EAST_ROOM, f"@u{number}:bad.example")
    await room.look()
    await room.say("1", "@u*:bad.example")
    await room.apply(id)
    assert len(room.homeserver.banned) == 6
    room.branch.clock.forward(hours=1)
    await room.look()
    await room.say("2", STRANGER)
    await room.hold()
    assert len(room.homeserver.banned) == 7


@pytest.mark.parametrize("lifted", [True, False])
async def test_a_night_without_homeserver_leaves_nobody_out_or_in(
    room: Listed, monkeypatch: pytest.MonkeyPatch, lifted: bool
) -> None:
    id = await room.enter()
    await room.say("1", STRANGER)
    await room.decide(id, "apply")
    await room.decide(id, "apply", by=account(LI))
    await hold_to(room.branch.store, ME)
    if lifted:
        await room.carry()
        await room.look()
        await room.decide(id, "end")

    async def away(*_arguments: Any) -> Any:
        raise Fault(Kind.SERVER, status=502)

    with monkeypatch.context() as night:
        night.setattr(room.homeserver, "state", away)
        for _ in range(MOST_FAILURES + 3):
            for row in await room.delivery._take(16, MODERATION):
                await room.delivery.deliver(row)
            room.branch.clock.forward(minutes=6)
    await room.carry()
    assert room.homeserver.unbanned == ([(EAST_ROOM, STRANGER)] if lifted else [])
    assert len(room.homeserver.banned) == 1


async def test_a_room_that_lets_nobody_in_is_said_to(room: Listed) -> None:
    room.homeserver.fail(Kind.REFUSED, status=403, errcode="M_FORBIDDEN", permanent=True)
    id = await room.enter()
    assert (await room.told(id)).refused
    assert "policies.not_entered" in repr(await room.decide(id, "apply"))


async def test_the_rules_that_were_there_before_the_bot_are_read_as_it_goes_in(room: Listed) -> None:
    """Hearing passes over the first batch of a room of which it does not know yet that it is read."""
    said = {"entity": str(STRANGER), "recommendation": "m.ban"}
    room.homeserver._set(LIST, "m.policy.rule.user", said, "1", sender=STRANGER)
    room.homeserver.take_place(LIST, STRANGER)
    one = (await room.told(await room.enter())).list
    found = await room.branch.store.read(lambda unit: policies.rules_of(unit, one))
    assert [rule.pattern for rule in found.all] == [STRANGER]
    known = await room.branch.store.read(lambda unit: rooms.joined(unit, LIST))
    assert set(known) == {ME}


async def test_a_rule_is_heard_in_the_minute_in_which_its_room_was_entered(room: Listed) -> None:
    hearing = Hearing(room.branch.store, room.homeserver, room.branch.settings)  # type: ignore[arg-type]
    said = RoomBatch(room_id=EAST_ROOM, membership="join", timeline=(message(account(ZHANG), "x"),))
    await hearing.commit(Batch(since="s1", next_batch="s2", rooms=(said,), keys=()))
    one = (await room.told(await room.enter())).list
    rule = event(STRANGER, "m.policy.rule.user", {"entity": STRANGER, "recommendation": "m.ban"}, state_key="1")
    reader = event(STRANGER, "m.room.member", {"membership": "join"}, state_key=STRANGER)
    heard = tuple(replace(each, room_id=LIST) for each in (rule, reader))
    part = RoomBatch(room_id=LIST, membership="join", state=heard, timeline=())
    await hearing.commit(Batch(since="s2", next_batch="s3", rooms=(part,), keys=()))
    found = await room.branch.store.read(lambda unit: policies.rules_of(unit, one))
    assert [rule.pattern for rule in found.all] == [STRANGER]
    assert await room.branch.store.read(lambda unit: rooms.joined(unit, LIST)) == (ME,)


async def test_a_list_that_ends_leaves_its_ban_to_the_measure_that_came_after(room: Listed) -> None:
    """And the measure undoes it at its end, as if it were its own."""
    id = await room.enter()
    await room.say("1", STRANGER)
    await room.apply(id)
    await room.look()
    assert not isinstance(await room.take(Measure.BAN, user=STRANGER), Refusal)
    await room.work()
    await room.decide(id, "end")
    await room.carry()
    assert room.homeserver.unbanned == []
    await room.later(hours=3)
    assert room.homeserver.unbanned == [(EAST_ROOM, STRANGER)]


async def test_a_measure_that_ends_leaves_its_ban_to_the_list_that_means_the_person(room: Listed) -> None:
    id = await room.enter()
    await room.say("1", STRANGER)
    assert not isinstance(await room.take(Measure.BAN, user=STRANGER), Refusal)
    await room.apply(id)
    await room.work()
    await room.look()
    await room.later(hours=3)
    assert room.homeserver.unbanned == []
    await room.decide(id, "end")
    await room.carry()
    assert room.homeserver.unbanned == [(EAST_ROOM, STRANGER)]


async def test_a_list_that_ends_leaves_its_ban_to_another_that_means_the_same(room: Listed) -> None:
    first = await room.enter()
    await room.say("1", STRANGER)
    other, now = RoomId("!bans2:elsewhere"), room.branch.clock()
    two = PolicyList(
        id=PolicyListId("two"), organisation=EAST, address=other, room=other, state=State.APPLIED, by=SECRETARY, at=now
    )
    said = {"entity": STRANGER, "recommendation": "m.ban"}
    rule = StateSeen(
        room=other, type="m.policy.rule.user", state_key="1", sender=STRANGER, event_id=EventId("$o"), content=said
    )
    there = replace(rule, type="m.room.member", state_key=ME, event_id=EventId("$m"), content={"membership": "join"})
    entered = rules.PolicyRoomEntered(id=two.id, room=other)
    held = rules.PolicyListApplied(list=two, by=SECRETARY, at=now)
    await room.branch.store.settle(notes=[rules.PolicyListAdded(list=two), entered, rule, there, held])
    await room.apply(first)
    assert len(room.homeserver.banned) == 1
    await room.look()
    await room.decide(first, "end")
    await room.carry()
    await room.decide(two.id, "end")
    await room.carry()
    assert room.homeserver.unbanned == [(EAST_ROOM, STRANGER)]


async def test_a_ban_by_hand_after_ours_was_refused_is_no_ban_of_ours(room: Listed) -> None:
    id = await room.enter()
    await room.say("1", STRANGER)
    ban = room.homeserver.ban

    async def refuse(*_: Any, **__: Any) -> None:
        raise Fault(Kind.REFUSED, status=403, errcode="M_FORBIDDEN", permanent=True)

    room.homeserver.ban = refuse  # type: ignore[method-assign]
    await room.apply(id)
    room.homeserver.ban = ban  # type: ignore[method-assign]
    room.homeserver.take_place(EAST_ROOM, STRANGER, "ban")
    await room.look()
    await room.decide(id, "end")
    await room.carry()
    assert room.homeserver.unbanned == []


async def test_a_list_whose_room_the_bot_was_shown_out_of_lets_nobody_in_and_is_told_of_once(room: Listed) -> None:
    """That no rules are known is not that there are none."""
    id = await room.enter()
    await room.say("1", STRANGER)
    await room.apply(id)
    await room.look()
    await room.branch.store.settle(notes=[RoomLost(room=LIST, reason="left")])
    await room.hold()
    await room.hold()
    assert room.homeserver.unbanned == []
    assert [key for user, key in await room.branch.told() if user == account(LI)].count("policies.tell_unread") <= 1
    assert "policies.tell_unread" in {key for _, key in await room.branch.told()}


async def test_no_private_room_of_anybody_is_a_list(room: Listed) -> None:
    """The bot is in it, and would leave it when the list ends."""
    kept = DirectRoomKept(user=account(LI), room=LIST, encrypted=False)
    await room.branch.store.settle(notes=[kept])
    told = await room.told(await room.enter())
    assert (told.list.room, told.refused) == (None, True)


async def test_a_list_that_ended_is_forgotten_with_its_bans_after_years(room: Listed) -> None:
    id = await room.enter()
    await room.say("1", STRANGER)
    await room.apply(id)
    await room.decide(id, "end")
    await room.carry()
    store = room.branch.store
    await store.settle(notes=[Swept(at=room.branch.clock() + policies.KEPT - timedelta(days=1))])
    assert await store.read(lambda unit: policies.list_of(unit, id)) is not None
    await store.settle(notes=[Swept(at=room.branch.clock() + policies.KEPT + timedelta(days=1))])
    assert await store.read(lambda unit: unit.rows(policies.policy_bans.select())) == []
    assert await store.read(lambda unit: policies.list_of(unit, id)) is None


@pytest.mark.parametrize("accepted", [True, False])
async def test_power_lost_in_the_middle_of_a_ban_neither_loses_it_nor_takes_it_for_one_of_others(
    room: Listed, monkeypatch: pytest.MonkeyPatch, accepted: bool
) -> None:
    id = await room.enter()
    await room.say("1", STRANGER)
    await room.decide(id, "apply")
    await room.decide(id, "apply", by=account(LI))
    await hold_to(room.branch.store, ME)
    ban = room.homeserver.ban

    async def cut(*arguments: Any, **named: Any) -> None:
        if accepted:
            await ban(*arguments, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as moment:
        moment.setattr(room.homeserver, "ban", cut)
        (row,) = await room.delivery._take(16, MODERATION)
        with pytest.raises(KeyboardInterrupt):
            await room.delivery.deliver(row)
    await room.carry()
    assert [user for _, user, _ in room.homeserver.banned] == [STRANGER]
    await room.look()
    await room.decide(id, "end")
    await room.carry()
    assert room.homeserver.unbanned == [(EAST_ROOM, STRANGER)]


async def test_a_bot_that_is_demoted_keeps_out_and_lets_in_when_it_may_again(room: Listed) -> None:
    """Where others made the room, its levels may take from the bot what it had."""
    powerless, able = {"users": {ME: 0}}, {"users": {ME: 50}}
    await room.begin(powerless, version="11")
    room.homeserver.take_place(EAST_ROOM, STRANGER)
    id = await room.enter()
    await room.say("1", STRANGER)
    await room.apply(id)
    (kept,) = await room.branch.store.read(lambda unit: policies.standing(unit, id))
    assert (kept.place, kept.why, room.homeserver.banned) == ("stuck", "above", [])
    await room.now_says(able)
    assert len(room.homeserver.banned) == 1
    await room.now_says(powerless)
    await room.decide(id, "end")
    await room.carry()
    assert room.homeserver.unbanned == []
    await room.now_says(able)
    assert room.homeserver.unbanned == [(EAST_ROOM, STRANGER)]


async def test_a_ban_by_a_list_goes_along_when_its_room_is_replaced(room: Listed) -> None:
    id = await room.enter()
    await room.say("1", STRANGER)
    await room.apply(id)
    await room.replace({"users": {account(WANG): 50}})
    room.homeserver.take_place(NEW, STRANGER, "ban")
    await room.look(NEW)
    await room.hold()
    assert len(room.homeserver.banned) == 1
    await room.say("1", None)
    await room.hold()
    assert room.homeserver.unbanned == [(NEW, STRANGER)]


async def test_who_leaves_before_a_list_is_held_to_is_kept_out_when_they_return(room: Listed) -> None:
    id = await room.enter()
    await room.say("1", STRANGER)
    room.homeserver.take_place(EAST_ROOM, STRANGER, "leave")
    await room.look()
    await room.apply(id)
    assert room.homeserver.banned == []
    room.homeserver.take_place(EAST_ROOM, STRANGER)
    await room.look()
    await room.hold()
    assert [user for _, user, _ in room.homeserver.banned] == [STRANGER]


async def test_two_who_agree_at_once_make_one_word(room: Listed) -> None:
    id = await room.enter()
    await room.say("1", STRANGER)
    assert await room.decide(id, "apply") is None
    one = (await room.told(id)).list

    async def agree(unit: Reading) -> Decision | Refusal:
        known = await policies.list_of(unit, id)
        assert known is not None
        return rules.apply(known.list, by=account(LI), others=[account(LI)], now=unit.now)

    assert one.state is State.WANTED
    steps = [Step(cause=fresh_cause(), decide=agree, actor=account(LI)) for _ in range(2)]
    first, second = await room.branch.store.settle(steps)
    assert first.refusal is None
    assert "policies.over" in repr(second.refusal)
    await room.hold()
    await room.hold()
    assert len(room.homeserver.banned) == 1
