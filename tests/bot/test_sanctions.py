"""A measure is carried out once and undone exactly, whatever is cut off, demoted, replaced or set in between."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bot.delivery import MODERATION, UPKEEP, Delivery
from bot.matrix.faults import Kind
from bot.sanctions import Hands, settle_due, try_again
from content import locks
from content.cases import CaseOpened, ask_for_message, open_case
from content.decision import Decision, Fact, Refusal
from content.identifiers import CaseId, Cause, EventId, ProposalId, RoomId, SanctionId, UserId, derive
from content.ladder import Frame, agree, carry_on, lift, prepare, want
from content.organisations import Duty, DutyEnded, DutyGranted, Role
from content.rooms import Purpose, Room
from content.sanctions import Hindrance, PlaceState, Reason, Sanction, State, Step, Want
from content.upgrades import RoomMoved
from storage import approvals, cases, outbox, sanction_places, sanctions
from storage import locks as stored_locks
from storage.retention import Swept
from storage.rooms import StateSeen
from storage.store import Step as Settled
from storage.unit import Reading
from tests.fake_homeserver import FakeHomeserver
from tests.faults.points import IN_MEASURES
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    ME,
    ROOF,
    SECRETARY,
    WANG,
    WEST_ROOM,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    event,
    fresh_cause,
)
from zhibu.catalogue import load_speech

WHO = account(ZHANG)
HOURS = timedelta(hours=2)
NEW = RoomId("!new:test")


class Scene:
    """The east branch's room on a homeserver, and our copy of its state."""

    def __init__(self, branch: SmallBranch) -> None:
        self.branch = branch
        self.homeserver = FakeHomeserver(branch.clock)

    @property
    def delivery(self) -> Delivery:
        """Return a delivery with nothing in memory, as after a restart."""
        return Delivery(self.branch.store, self.homeserver, load_speech())  # type: ignore[arg-type]

    async def begin(self, levels: dict[str, Any] | None, *, version: str = "12", room: RoomId = EAST_ROOM) -> None:
        """Let the room be there; the bot made it, and everybody is in it."""
        self.homeserver._set(room, "m.room.create", {"room_version": version, "creator": ME})
        if levels is not None:
            self.homeserver._set(room, "m.room.power_levels", levels)
        for user in (ME, WHO, account(WANG), account(LI)):
            self.homeserver.take_place(room, user)
        await self.look(room)

    async def look(self, room: RoomId = EAST_ROOM) -> None:
        """Take the room's state into our copy, as hearing does."""
        seen = [
            StateSeen(
                room=room,
                type=one.type,
                state_key=one.state_key or "",
                sender=UserId(one.sender),
                event_id=EventId(one.event_id),
                content=one.content,
            )
            for one in self.homeserver.states[room].values()
        ]
        await self.branch.store.settle(notes=seen)

    @property
    def levels(self) -> dict[str, Any]:
        """Return the room's levels as the homeserver has them."""
        return self.homeserver.states[EAST_ROOM]["m.room.power_levels", ""].content

    async def take(
        self, step: Step, lasts: timedelta | None = HOURS, *, by: UserId = SECRETARY, user: UserId = WHO
    ) -> Sanction | Refusal:
        """Take a measure in the room by the rules, under a case of its own."""
        cause, made = fresh_cause(), list[Sanction]()

        async def decide(unit: Reading) -> Decision | Refusal:
            case = open_case(user, EAST, number=await cases.next_number(unit), by=by, cause=cause, now=unit.now)
            assert not isinstance(case, Refusal)
            frame: Frame = await sanctions.frame(unit, user, EAST, by=by, me=ME, only=[EAST_ROOM])
            wanted = Want(step=step, reason=Reason.FLOOD, lasts=lasts)
            one = prepare(case, wanted, frame, cause=cause, now=unit.now)
            if isinstance(one, Refusal):
                return one
            done = want(one, frame, id=ProposalId(derive(cause, "proposal")), now=unit.now)
            if isinstance(done, Refusal):
                return done
            made.append(one)
            return Decision(facts=(CaseOpened(case=case), *done.facts), effects=done.effects)

        (outcome,) = await self.branch.store.settle([Settled(cause=cause, decide=decide, actor=by)])
        assert not outcome.failed
        return outcome.refusal or made[-1]

    async def lift(self, id: SanctionId) -> None:
        """Take a measure back."""

        async def decide(unit: Reading) -> Decision | Refusal:
            one = await sanctions.sanction(unit, id)
            assert one is not None
            return lift(one, "误会", by=SECRETARY, now=unit.now)

        await self.branch.store.settle([Settled(cause=fresh_cause(), decide=decide, actor=SECRETARY)])

    async def work(self) -> None:
        """Carry out what waits, as after a restart."""
        await self.branch.store.take_up(self.homeserver.device_id)
        await self.delivery.work_off(MODERATION | UPKEEP, patience=3)

    async def later(self, **how_far: float) -> None:
        """Let time pass, and what is over end."""
        self.branch.clock.forward(**how_far)
        await settle_due(self.branch.store)
        await self.work()

    async def replace(self, levels: dict[str, Any], *, version: str = "12") -> None:
        """Let another room take the place of this one, as following it does."""
        await self.begin(levels, version=version, room=NEW)

        async def decide(unit: Reading) -> Decision:
            kept = Room(id=NEW, organisation=EAST, purpose=Purpose.BRANCH, name="新群", encrypted=False)
            moved = Decision(facts=(RoomMoved(old=EAST_ROOM, new=kept),))
            measures = carry_on(moved, EAST_ROOM, await sanction_places.in_room(unit, EAST_ROOM))
            there = (await stored_locks.held(unit, [EAST_ROOM])).get(EAST_ROOM, ())
            return locks.carry_on(measures, [one.lock for one in there])

        await self.branch.store.settle([Settled(cause=fresh_cause(), decide=decide)])

    @property
    def new_levels(self) -> dict[str, Any]:
        """Return the levels of the room that took the place of this one."""
        return self.homeserver.states[NEW]["m.room.power_levels", ""].content

    async def state(self, id: SanctionId) -> State:
        one = await self.branch.store.read(lambda unit: sanctions.sanction(unit, id))
        assert one is not None
        return one.state

    async def place(self, id: SanctionId) -> sanctions.Place:
        (only,) = await self.branch.store.read(lambda unit: sanctions.places_of(unit, id))
        return only


@pytest.fixture
def room(branch: SmallBranch) -> Scene:
    return Scene(branch)


def is_done(one: Sanction | Refusal) -> Sanction:
    assert isinstance(one, Sanction), one
    return one


OPEN = {"users": {account(WANG): 50}, "events_default": 0, "ban": 50}
LEVELS = [
    ("12", {"users": {account(WANG): 50}, "events_default": 0}),
    ("12", {"users": {WHO: 0, account(WANG): 50}}),
    ("12", {"users_default": 0, "events": {"m.reaction": -3}}),
    ("11", {"users": {ME: 100, WHO: 25}, "events_default": 10}),
    ("9", {"users": {ME: 100, WHO: "7"}}),
]


@pytest.mark.parametrize(("version", "levels"), LEVELS)
async def test_a_mute_ends_by_the_clock_and_the_levels_are_what_they_were(
    room: Scene, version: str, levels: dict[str, Any]
) -> None:
    await room.begin(levels, version=version)
    mute = is_done(await room.take(Step.MUTE))
    await room.work()
    muted = room.levels["users"][WHO]
    assert muted < min([0, *levels.get("events", {}).values()])
    assert {**room.levels["users"], WHO: None} == {**levels.get("users", {}), WHO: None}
    assert (await room.place(mute.id)).state is PlaceState.DONE
    await room.later(hours=2)
    assert room.levels == levels
    assert await room.state(mute.id) is State.ENDED
    assert (await room.place(mute.id)).state is PlaceState.UNDONE


async def test_a_mute_does_not_end_before_its_time_and_once_after_it(room: Scene) -> None:
    await room.begin(OPEN)
    is_done(await room.take(Step.MUTE))
    await room.later(minutes=119)
    assert WHO in room.levels["users"]
    for _ in range(2):
        await room.later(days=3)
    assert room.levels == OPEN
    told = [key for user, key in await room.branch.told() if user == WHO]
    assert told == ["sanction.told_mute_until", "sanction.over_mute"]


async def test_a_clock_that_jumps_over_the_end_and_back_ends_a_mute_once(room: Scene, clock: HandClock) -> None:
    await room.begin(OPEN)
    mute = is_done(await room.take(Step.MUTE))
    await room.work()
    await room.later(days=40)
    await room.later(days=-40)
    assert await room.state(mute.id) is State.ENDED
    assert room.levels == OPEN
    await room.later(hours=3)
    assert room.levels == OPEN


@pytest.mark.parametrize("accepted", [False, True])
async def test_power_lost_in_the_middle_neither_loses_nor_doubles_a_mute(room: Scene, accepted: bool) -> None:
    """The homeserver has, or has not, what was on its way when the bot ended."""
    await room.begin({"users": {WHO: 10}})
    mute = is_done(await room.take(Step.MUTE))
    set_state = room.homeserver.set_state

    async def cut(*arguments: Any, **named: Any) -> str:
        if accepted:
            await set_state(*arguments, **named)
        room.homeserver.set_state = set_state  # type: ignore[method-assign]
        raise KeyboardInterrupt

    for verb in ("impose", "lift"):
        room.homeserver.set_state = cut  # type: ignore[method-assign]
        rows = await room.delivery._take(16, MODERATION)
        assert [row.kind for row in rows] == [verb]
        with pytest.raises(KeyboardInterrupt):
            await room.delivery.deliver(rows[0])
        await room.work()
        assert room.levels == ({"users": {WHO: -1}} if verb == "impose" else {"users": {WHO: 10}})
        await room.lift(mute.id)


@pytest.mark.parametrize("name", IN_MEASURES[:3])
async def test_a_life_that_ends_at_a_named_place_neither_loses_nor_doubles_a_mute(
    room: Scene, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.begin({"users": {WHO: 10}})
    mute = is_done(await room.take(Step.MUTE))
    passed: list[str] = []

    def lose(here: str) -> None:
        passed.append(here)
        if here == name:
            raise KeyboardInterrupt

    for verb in ("impose", "lift"):
        rows = await room.delivery._take(16, MODERATION)
        assert [row.kind for row in rows] == [verb]
        with monkeypatch.context() as patch:
            patch.setattr("bot.sanctions.crashpoint", lose)
            if verb == "impose" or name != "sanction.noted_before_changed":
                with pytest.raises(KeyboardInterrupt):
                    await room.delivery.deliver(rows[0])
        await room.work()
        assert room.levels == ({"users": {WHO: -1}} if verb == "impose" else {"users": {WHO: 10}})
        assert (await room.place(mute.id)).state is (PlaceState.DONE if verb == "impose" else PlaceState.UNDONE)
        await room.lift(mute.id)
    assert name in passed


@pytest.mark.parametrize("step", [Step.MUTE, Step.BAN])
async def test_what_others_have_undone_already_is_undone_whoever_stands_above_the_bot_by_now(
    room: Scene, step: Step
) -> None:
    """There is nothing left to do, so that nothing is in the way of it."""
    await room.begin({"users": {ME: 100, WHO: 5}}, version="11")
    one = is_done(await room.take(step))
    await room.work()
    room.homeserver._set(EAST_ROOM, "m.room.power_levels", {"users": {ME: 50, WHO: 100}})
    room.homeserver.take_place(EAST_ROOM, WHO)
    await room.later(days=1)
    assert (await room.place(one.id)).state is PlaceState.UNDONE
    assert "sanction.stuck_undoing" not in [key for _, key in await room.branch.told()]


async def test_a_bot_that_was_away_past_the_end_mutes_nobody(room: Scene) -> None:
    await room.begin(OPEN)
    mute = is_done(await room.take(Step.MUTE))
    room.branch.clock.forward(hours=5)
    await settle_due(room.branch.store)
    await room.work()
    assert room.levels == OPEN
    assert (await room.place(mute.id)).state is PlaceState.UNDONE


async def test_what_the_bot_may_not_do_is_said_before(room: Scene) -> None:
    await room.begin({"users": {account(WANG): 100, ME: 50, WHO: 50}}, version="11")
    refusal = await room.take(Step.MUTE)
    assert isinstance(refusal, Refusal)
    assert "sanction.hindrance_above" in repr(refusal)
    await room.begin({"users": {ME: 50}, "events": {"m.room.power_levels": 100}}, version="11")
    refusal = await room.take(Step.MUTE)
    assert isinstance(refusal, Refusal)
    assert "no_right" in repr(refusal)
    is_done(await room.take(Step.REMOVAL))
    assert await room.branch.rows(outbox.outbox.c.kind == "impose") != []


async def test_nobody_is_above_who_made_a_room_of_version_12(room: Scene) -> None:
    await room.begin(OPEN)
    room.homeserver._set(EAST_ROOM, "m.room.create", {"room_version": "12", "additional_creators": [WHO]}, sender=ME)
    await room.look()
    refusal = await room.take(Step.BAN)
    assert "creator" in repr(refusal)


async def test_a_bot_that_is_demoted_says_so_and_goes_on_when_it_may_again(room: Scene) -> None:
    levels = {"users": {ME: 100, WHO: 5}}
    await room.begin(levels, version="11")
    mute = is_done(await room.take(Step.MUTE))
    await room.work()
    room.homeserver._set(EAST_ROOM, "m.room.power_levels", {"users": {ME: 0, WHO: -1, account(WANG): 100}})
    await room.look()
    await room.later(hours=2)
    place = await room.place(mute.id)
    assert (place.state, place.why) == (PlaceState.STUCK, Hindrance.NO_RIGHT)
    assert (SECRETARY, "sanction.stuck_undoing") in await room.branch.told()
    await try_again(room.branch.store, ME)
    await room.work()
    assert room.levels["users"][WHO] == -1
    room.homeserver._set(EAST_ROOM, "m.room.power_levels", {"users": {ME: 100, WHO: -1}})
    await room.look()
    for _ in range(2):
        await try_again(room.branch.store, ME)
        await room.work()
    assert room.levels == levels
    assert (await room.place(mute.id)).state is PlaceState.UNDONE


async def test_a_level_that_somebody_gave_meanwhile_stays(room: Scene) -> None:
    await room.begin({"users": {WHO: 5}})
    is_done(await room.take(Step.MUTE))
    await room.work()
    room.homeserver._set(EAST_ROOM, "m.room.power_levels", {"users": {WHO: 30, account(LI): 1}, "invite": 50})
    await room.later(hours=2)
    assert room.levels == {"users": {WHO: 30, account(LI): 1}, "invite": 50}


async def test_what_others_changed_beside_it_stays_when_a_mute_ends(room: Scene) -> None:
    await room.begin({"users": {WHO: 5}})
    is_done(await room.take(Step.MUTE))
    await room.work()
    room.homeserver._set(EAST_ROOM, "m.room.power_levels", {"users": {WHO: -1, account(LI): 50}, "invite": 50})
    await room.later(hours=2)
    assert room.levels == {"users": {WHO: 5, account(LI): 50}, "invite": 50}


async def test_two_moderators_at_once_make_one_mute(room: Scene) -> None:
    await room.begin(OPEN)
    first = is_done(await room.take(Step.MUTE))
    second = await room.take(Step.MUTE, timedelta(hours=9))
    assert isinstance(second, Refusal)
    assert second.words.key == "sanction.holds_already"
    await room.work()
    await room.lift(first.id)
    again = is_done(await room.take(Step.MUTE, timedelta(hours=9)))
    await room.work()
    assert room.levels["users"][WHO] == -1
    await room.later(hours=9)
    assert room.levels == OPEN
    assert again.number == first.number + 1


async def test_who_leaves_and_returns_is_muted_still_and_then_no_more(room: Scene) -> None:
    await room.begin(OPEN)
    is_done(await room.take(Step.MUTE))
    await room.work()
    room.homeserver.take_place(EAST_ROOM, WHO, "leave")
    room.homeserver.take_place(EAST_ROOM, WHO)
    assert room.levels["users"][WHO] == -1
    room.homeserver.take_place(EAST_ROOM, WHO, "leave")
    await room.later(hours=2)
    assert room.levels == OPEN


async def test_a_mute_goes_along_when_its_room_is_replaced(room: Scene) -> None:
    await room.begin({"users": {WHO: 20}})
    mute = is_done(await room.take(Step.MUTE))
    await room.work()
    await room.replace(dict(room.levels))
    await room.work()
    assert (await room.place(mute.id)).room == NEW
    await room.later(hours=2)
    assert room.new_levels == {"users": {WHO: 20}}


async def test_what_is_put_back_in_a_rooms_successor_is_what_the_room_before_said(room: Scene) -> None:
    """F11: a successor that did not take the levels along knew of none, and 20 was lost."""
    await room.begin({"users": {WHO: 20}})
    is_done(await room.take(Step.MUTE))
    await room.work()
    await room.replace({"users": {account(WANG): 50}})
    await room.work()
    assert room.new_levels == {"users": {account(WANG): 50, WHO: -1}}
    await room.later(hours=2)
    assert room.new_levels == {"users": {account(WANG): 50, WHO: 20}}


async def test_what_is_still_to_be_undone_is_undone_in_the_room_that_replaces_it(room: Scene) -> None:
    """F11: a mute that was over and stuck stayed behind in the old room, and its level went along for ever."""
    await room.begin({"users": {ME: 100, WHO: 5}}, version="11")
    mute = is_done(await room.take(Step.MUTE))
    await room.work()
    room.homeserver._set(EAST_ROOM, "m.room.power_levels", {"users": {ME: 0, WHO: -1, account(WANG): 100}})
    await room.look()
    await room.later(hours=2)
    assert (await room.place(mute.id)).state is PlaceState.STUCK
    await room.replace({"users": {ME: 100, WHO: -1}}, version="11")
    await room.work()
    assert room.new_levels == {"users": {ME: 100, WHO: 5}}
    assert (await room.place(mute.id)).state is PlaceState.UNDONE


async def test_a_ban_is_ended_and_one_that_others_imposed_is_not(room: Scene) -> None:
    await room.begin(OPEN)
    is_done(await room.take(Step.BAN, timedelta(hours=20)))
    await room.work()
    await room.work()
    ((_, user, reason),) = room.homeserver.banned
    assert (user, reason) == (WHO, "刷屏")
    await room.later(hours=20)
    assert room.homeserver.unbanned == [(EAST_ROOM, WHO)]
    room.homeserver.take_place(EAST_ROOM, account(LI), "ban")
    is_done(await room.take(Step.BAN, timedelta(hours=20), user=account(LI)))
    await room.work()
    await room.later(hours=21)
    assert len(room.homeserver.banned) == len(room.homeserver.unbanned) == 1


async def test_who_is_removed_is_shown_out_once_and_asked_in_again_when_it_is_lifted(room: Scene) -> None:
    await room.begin(OPEN)
    gone = is_done(await room.take(Step.REMOVAL))
    await room.work()
    await room.work()
    assert len(room.homeserver.kicked) == 1
    await room.lift(gone.id)
    await room.work()
    assert room.homeserver.invited == [WHO]


async def test_a_ban_over_a_day_waits_for_a_second_person(room: Scene) -> None:
    await room.begin(OPEN)
    refusal = await room.take(Step.BAN, None)
    assert isinstance(refusal, Refusal)
    assert refusal.words.key == "sanction.nobody_else"


async def test_bans_by_one_person_alone_in_a_row_take_a_second_person_too(room: Scene) -> None:
    """A ban that is lifted and imposed anew is one long ban; what the week before held is another matter."""
    await room.begin(OPEN)
    day = timedelta(days=1)
    first = is_done(await room.take(Step.BAN, day))
    await room.later(hours=23)
    await room.lift(first.id)
    again = await room.take(Step.BAN, day)
    assert isinstance(again, Refusal)
    assert again.words.key == "sanction.nobody_else"
    is_done(await room.take(Step.BAN, timedelta(hours=1)))
    await room.later(days=8)
    later = is_done(await room.take(Step.BAN, day))
    assert await room.state(later.id) is State.ACTIVE


@pytest.mark.parametrize("step", [Step.MUTE, Step.BAN])
async def test_a_measure_that_follows_one_not_yet_undone_holds_and_ends_as_if_there_were_one(
    room: Scene, step: Step
) -> None:
    """What waits to be undone of the first neither ends the second nor is lost when the second ends."""
    levels = {"users": {WHO: 10, account(WANG): 50}, "events_default": 0}
    await room.begin(levels)
    first = is_done(await room.take(step))
    await room.work()
    await room.lift(first.id)
    await room.look()
    second = is_done(await room.take(step))
    # The second reaches the room before what undoes the first.
    hands = Hands(room.branch.store, room.homeserver, load_speech())  # type: ignore[arg-type]
    for kind, one in ((outbox.Kind.IMPOSE, second), (outbox.Kind.LIFT, first)):
        await hands.do(SimpleNamespace(id=one.id, kind=kind, room=EAST_ROOM, matter=one.id))  # type: ignore[arg-type]
    there = room.homeserver.states[EAST_ROOM]["m.room.member", WHO].content["membership"]
    assert room.levels["users"][WHO] == (-1 if step is Step.MUTE else 10)
    assert there == ("join" if step is Step.MUTE else "ban")
    assert (await room.place(first.id)).state is PlaceState.UNDONE
    assert (await room.place(second.id)).state is PlaceState.DONE
    await room.later(hours=2)
    assert room.levels == levels
    assert room.homeserver.states[EAST_ROOM]["m.room.member", WHO].content["membership"] != "ban"


async def test_a_homeserver_that_is_away_is_waited_for(room: Scene) -> None:
    await room.begin(OPEN)
    mute = is_done(await room.take(Step.MUTE))
    room.homeserver.fail(Kind.SERVER, status=502)
    await room.delivery.work_off(MODERATION, patience=1)
    assert (await room.place(mute.id)).state is PlaceState.WAITING
    room.branch.clock.forward(minutes=1)
    await room.work()
    assert room.levels["users"][WHO] == -1


async def test_a_message_is_read_where_it_stands_and_kept_for_ninety_days(room: Scene) -> None:
    said = event(WHO, "m.room.message", {"msgtype": "m.text", "body": "难听的话"})
    room.homeserver.readable[said.event_id] = said
    cause = fresh_cause()

    async def decide(unit: Reading) -> Decision:
        case = open_case(WHO, EAST, number=1, by=SECRETARY, cause=cause, now=unit.now)
        assert not isinstance(case, Refusal)
        fact, effect = ask_for_message(case, EAST_ROOM, EventId(said.event_id), by=SECRETARY, now=unit.now)
        return Decision(facts=(CaseOpened(case=case), fact), effects=(effect,))

    await room.branch.store.settle([Settled(cause=cause, decide=decide, actor=SECRETARY)])
    for _ in range(2):
        await room.work()
    id = CaseId(derive(Cause(cause), "case"))
    (kept,) = await room.branch.store.read(lambda unit: cases.evidence_of(unit, id))
    assert (kept.text, kept.sender) == ("难听的话", WHO)
    for days, text in ((89, "难听的话"), (2, None)):
        at = room.branch.clock.forward(days=days)
        await room.branch.store.settle(notes=[Swept(at=at)])
        (kept,) = await room.branch.store.read(lambda unit: cases.evidence_of(unit, id))
        assert kept.text == text
    assert (kept.sender, kept.event) == (None, None)


async def test_who_leads_a_branch_is_exempt_in_its_room_from_a_case_above_too(room: Scene) -> None:
    leads = Duty(user=WHO, organisation=EAST, role=Role.SECRETARY)
    await room.branch.store.settle(notes=[DutyGranted(duty=leads)])
    exempt = []
    for at, only in ((EAST, None), (ROOF, None), (ROOF, [EAST_ROOM]), (ROOF, [WEST_ROOM])):
        frame = await room.branch.store.read(
            lambda unit, at=at, only=only: sanctions.frame(unit, WHO, at, by=SECRETARY, me=ME, only=only)  # type: ignore[misc]
        )
        exempt.append(frame.exempt)
    assert exempt == [True, True, True, False]


async def agreed(room: Scene, id: SanctionId) -> Refusal | None:
    """Let a second person agree to a ban that waits."""

    async def decide(unit: Reading) -> Decision | Refusal:
        one = await sanctions.sanction(unit, id)
        (proposal,) = await approvals.waiting(unit, [EAST])
        assert one is not None
        case = await cases.case(unit, one.case)
        assert case is not None
        frame = await sanctions.frame(unit, WHO, EAST, by=proposal.by, me=ME, only=one.rooms)
        return agree(one, proposal, case, frame, by=account(LI), now=unit.now)

    (outcome,) = await room.branch.store.settle([Settled(cause=fresh_cause(), decide=decide, actor=account(LI))])
    assert not outcome.failed
    return outcome.refusal


@pytest.mark.parametrize("changed", ["nothing", "exempt", "proposer"])
async def test_who_agrees_to_a_ban_agrees_to_it_as_things_stand_then(room: Scene, changed: str) -> None:
    second, led = (Duty(user=user, organisation=ROOF, role=Role.DISCIPLINE_MEMBER) for user in (account(LI), WHO))
    asks = Duty(user=account(WANG), organisation=EAST, role=Role.MODERATOR)
    await room.branch.store.settle(notes=[DutyGranted(duty=second), DutyGranted(duty=asks)])
    await room.begin(OPEN)
    ban = is_done(await room.take(Step.BAN, timedelta(days=3), by=account(WANG)))
    notes: dict[str, list[Fact]] = {"exempt": [DutyGranted(duty=led)], "proposer": [DutyEnded(duty=asks)]}
    await room.branch.store.settle(notes=notes.get(changed, []))
    refusal = await agreed(room, ban.id)
    assert (refusal is None) is (changed == "nothing")
    assert await room.state(ban.id) is (State.WAITING if refusal else State.ACTIVE)


async def test_a_ban_that_waits_goes_along_when_its_room_is_replaced(room: Scene) -> None:
    second = Duty(user=account(LI), organisation=ROOF, role=Role.DISCIPLINE_MEMBER)
    await room.branch.store.settle(notes=[DutyGranted(duty=second)])
    await room.begin(OPEN)
    ban = is_done(await room.take(Step.BAN, timedelta(days=3)))
    waits = await room.branch.store.read(lambda unit: sanction_places.in_room(unit, EAST_ROOM))
    assert [one.id for one in waits] == [ban.id]
    new = Room(id=WEST_ROOM, name="新群", organisation=EAST, purpose=Purpose.BRANCH, encrypted=False)
    moved = carry_on(Decision(facts=(RoomMoved(old=EAST_ROOM, new=new),)), EAST_ROOM, waits)
    assert [type(fact).__name__ for fact in moved.facts] == ["RoomMoved", "PlaceMoved"]
    assert moved.effects == ()


@pytest.mark.parametrize("swept", [False, True])
async def test_a_ban_that_nobody_answered_in_a_week_is_over_and_stands_in_no_ones_way(room: Scene, swept: bool) -> None:
    second = Duty(user=account(LI), organisation=ROOF, role=Role.DISCIPLINE_MEMBER)
    await room.branch.store.settle(notes=[DutyGranted(duty=second)])
    await room.begin(OPEN)
    ban = is_done(await room.take(Step.BAN, timedelta(days=3)))
    room.branch.clock.forward(days=6)
    assert isinstance(await room.take(Step.BAN), Refusal)
    room.branch.clock.forward(days=1)
    if swept:
        await room.branch.store.settle(notes=[Swept(at=room.branch.clock.now)])
    is_done(await room.take(Step.BAN))
    assert await room.state(ban.id) is (State.DROPPED if swept else State.WAITING)
