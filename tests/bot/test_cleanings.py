"""What somebody wrote is counted before it is taken back, slowly, once each, and only as long as nobody stops it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot import cleanings as hands
from bot.delivery import CLEANING, MODERATION, MOST_FAILURES
from bot.matrix.faults import Fault, Kind
from bot.matrix.history import Written
from content import cleanings as rules
from content.cleanings import Cleaning, State, Wanted
from content.decision import Decision, Refusal
from content.identifiers import RoomId, UserId
from content.organisations import Duty, DutyGranted, Role
from content.rooms import Purpose, Room, RoomKept
from content.sanctions import Reason, Step
from storage import cleanings, outbox, sanctions
from storage.cleanings import Told
from storage.store import Step as Settled
from storage.unit import Reading
from tests.bot.test_sanctions import NEW, WHO, Scene, is_done
from tests.small_branch import EAST, EAST_ROOM, LI, ME, SECRETARY, WANG, SmallBranch, account, fresh_cause

HOUR = timedelta(hours=1)
RULED = {"users": {account(WANG): 50}, "events_default": 0}


class Dirty(Scene):
    """The room, with what people wrote in it."""

    def write(self, *ages: float, by: UserId = WHO, room: RoomId = EAST_ROOM) -> None:
        """Let somebody have written messages so many minutes ago, oldest first."""
        held = self.homeserver.written.setdefault(room, [])
        name = "w" if room == EAST_ROOM else "n"
        for age in ages:
            at: datetime = self.branch.clock.now - timedelta(minutes=age)
            held.append((by, Written(event_id=f"${name}{len(held)}", sent_at=at)))

    async def ask(self, span: timedelta | None = HOUR, **more: Any) -> Cleaning | Refusal:
        """Have what somebody wrote counted, by the rules."""
        cause, user, only = fresh_cause(), more.pop("user", WHO), more.pop("only", [EAST_ROOM])

        async def decide(unit: Reading) -> Decision | Refusal:
            frame = await sanctions.frame(unit, user, EAST, by=SECRETARY, me=ME, only=only)
            wanted = Wanted(user=user, at=EAST, sites=frame.sites, span=span, reason=Reason.FLOOD, **more)
            under_way = await cleanings.under_way(unit, user)
            return rules.ask(
                wanted, by=SECRETARY, me=ME, exempt=frame.exempt, under_way=under_way, cause=cause, now=unit.now
            )

        (outcome,) = await self.branch.store.settle([Settled(cause=cause, decide=decide, actor=SECRETARY)])
        assert not outcome.failed
        if outcome.refusal is not None:
            return outcome.refusal
        await self.clean()
        return (await self.newest()).cleaning

    async def newest(self) -> Told:
        (told, *_) = await self.branch.store.read(
            lambda unit: cleanings.newest(unit, [EAST], reader=SECRETARY, limit=1)
        )
        return told

    async def decide(self, verb: str, **more: Any) -> Refusal | None:
        """Have something decided about the newest cleaning."""
        told = await self.newest()

        async def decide(_unit: Reading) -> Any:
            first = [told.cleaning, told.left] if verb == "go_on" else [told.cleaning]
            return getattr(rules, verb)(*first, by=SECRETARY, now=self.branch.clock.now, **more)

        (outcome,) = await self.branch.store.settle([Settled(cause=fresh_cause(), decide=decide, actor=SECRETARY)])
        assert not outcome.failed
        return outcome.refusal

    async def clean(self) -> None:
        await self.branch.store.take_up(self.homeserver.device_id)
        await self.delivery.work_off(CLEANING, patience=3)

    async def turn(self) -> None:
        """Let the next few messages be taken back, and no more."""
        for row in await self.delivery._take(4, CLEANING):
            await self.delivery.deliver(row)


@pytest.fixture
async def room(branch: SmallBranch, monkeypatch: pytest.MonkeyPatch) -> Dirty:
    monkeypatch.setattr(hands, "PAUSE", 0)
    scene = Dirty(branch)
    await scene.begin(RULED)
    return scene


def is_asked(one: Cleaning | Refusal) -> Cleaning:
    assert isinstance(one, Cleaning), one
    return one


async def test_what_was_written_is_counted_and_not_touched_before_a_yes(room: Dirty) -> None:
    room.write(300, 90, 50, 3, 2, 1)
    room.write(2, by=account(LI))
    cleaning = is_asked(await room.ask())
    told = await room.newest()
    assert (told.cleaning.state, told.found, told.taken_back) == (State.READY, 4, 0)
    assert room.homeserver.redacted == []
    assert await room.decide("begin", exempt=False) is None
    await room.clean()
    told = await room.newest()
    assert (told.cleaning.state, told.taken_back) == (State.DONE, 4)
    assert sorted(room.homeserver.redacted) == ["$w2", "$w3", "$w4", "$w5"]
    keys = [key for user, key in await room.branch.told() if user == WHO]
    assert keys == ["cleanings.told"]
    assert cleaning.reason is Reason.FLOOD


async def test_a_stamp_that_the_senders_server_set_far_back_ends_no_cleaning(room: Dirty) -> None:
    room.write(300, *[50, 5, 90_000, 4, 3, 2, 1, 1, 1, 1] * 3)
    is_asked(await room.ask())
    assert (await room.newest()).found == 30
    await room.decide("begin", exempt=False)
    await room.clean()
    told = await room.newest()
    assert (told.cleaning.state, told.taken_back) == (State.DONE, 30)
    assert "$w0" not in room.homeserver.redacted


async def test_a_cleaning_goes_a_few_messages_at_a_time_and_stops_when_somebody_says_so(room: Dirty) -> None:
    room.write(*[5] * 35)
    is_asked(await room.ask())
    await room.decide("begin", exempt=False)
    await room.turn()
    assert len(room.homeserver.redacted) == hands.AT_ONCE
    await room.decide("stop")
    await room.clean()
    told = await room.newest()
    assert (told.cleaning.state, told.taken_back) == (State.STOPPED, hands.AT_ONCE)
    assert await room.decide("go_on", exempt=False) is None
    await room.clean()
    assert (await room.newest()).cleaning.state is State.DONE
    assert len(set(room.homeserver.redacted)) == len(room.homeserver.redacted) == 35


async def test_who_goes_on_while_a_few_are_still_taken_back_has_each_counted_once(room: Dirty) -> None:
    """The row from before the stop is still at it, and comes again beside the new one while another room goes on."""
    other = Room(id=NEW, organisation=EAST, purpose=Purpose.GROUP, name="小组群", encrypted=False)
    await room.branch.store.settle(notes=[RoomKept(room=other)])
    await room.begin(RULED, room=NEW)
    room.write(*[5] * 55)
    room.write(*[5] * 15, room=NEW)
    is_asked(await room.ask(only=[EAST_ROOM, NEW]))
    await room.decide("begin", exempt=False)
    rows = await room.delivery._take(4, CLEANING)
    await room.decide("stop")
    await room.decide("go_on", exempt=False)
    room.branch.clock.forward(seconds=1)
    for row in rows:
        await room.delivery.deliver(row)
    await room.clean()
    told = await room.newest()
    assert (told.cleaning.state, told.taken_back) == (State.DONE, 70)


async def test_a_cleaning_that_was_cut_off_goes_on_where_it_was_and_takes_nothing_back_twice(room: Dirty) -> None:
    room.write(*[5] * 25)
    is_asked(await room.ask())
    await room.decide("begin", exempt=False)
    await room.turn()
    redact = room.homeserver.redact

    async def cut(*arguments: Any, **named: Any) -> str:
        if len(room.homeserver.redacted) == 14:
            room.homeserver.redact = redact  # type: ignore[method-assign]
            raise KeyboardInterrupt
        return await redact(*arguments, **named)

    room.homeserver.redact = cut  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await room.turn()
    await room.clean()
    told = await room.newest()
    assert (told.cleaning.state, told.taken_back) == (State.DONE, 25)
    assert len(room.homeserver.redacted) == len(set(room.homeserver.redacted)) == 25


async def test_a_limit_of_the_homeserver_is_waited_for_and_holds_up_nothing_else(room: Dirty) -> None:
    room.write(5, 5)
    is_asked(await room.ask())
    await room.decide("begin", exempt=False)
    room.homeserver.fail(Kind.LIMITED, status=429, retry_after=30.0)
    delivery = room.delivery
    for row in await delivery._take(4, CLEANING):
        await delivery.deliver(row)
    (row,) = await room.branch.rows(outbox.outbox.c.kind == "clean")
    assert (row.state, row.failures) == ("pending", 0)
    assert delivery.wish() is not None
    room.branch.clock.forward(minutes=1)
    await room.clean()
    assert (await room.newest()).taken_back == 2


async def test_where_the_bot_may_not_it_says_so_before_and_in_the_middle(room: Dirty) -> None:
    room.write(5)
    is_asked(await room.ask())
    await room.decide("begin", exempt=False)
    room.homeserver.fail(Kind.REFUSED, status=403, errcode="M_FORBIDDEN", permanent=True)
    await room.turn()
    assert [place.state for place in (await room.newest()).places] == ["stuck"]
    await room.decide("go_on", exempt=False)
    await room.clean()
    assert (await room.newest()).cleaning.state is State.DONE
    await room.begin({"users": {ME: 0}}, version="11")
    assert "cleanings.impossible" in repr(await room.ask())


async def test_of_who_moderates_or_leads_nothing_is_taken_back(room: Dirty) -> None:
    """X33."""
    room.write(5)
    is_asked(await room.ask())
    assert "cleanings.under_way" in repr(await room.ask())
    duty = Duty(user=WHO, organisation=EAST, role=Role.MODERATOR)
    await room.branch.store.settle(notes=[DutyGranted(duty=duty)])
    assert "cleanings.exempt" in repr(await room.ask())
    assert "cleanings.exempt" in repr(await room.decide("begin", exempt=True))
    assert "cleanings.not_oneself" in repr(await room.ask(user=SECRETARY))


async def test_what_was_counted_long_ago_is_counted_anew(room: Dirty) -> None:
    room.write(5)
    is_asked(await room.ask())
    room.branch.clock.forward(hours=25)
    assert "cleanings.counted_long_ago" in repr(await room.decide("begin", exempt=False))
    is_asked(await room.ask(span=None))


@pytest.mark.parametrize("span", [None, HOUR])
async def test_a_ban_hides_what_was_written_where_all_of_it_is_taken_back(room: Dirty, span: timedelta | None) -> None:
    """MSC4293: one event hides everything, so it says so only where everything is meant."""
    room.write(5)
    is_asked(await room.ask(span))
    await room.decide("begin", exempt=False)
    is_done(await room.take(Step.BAN))
    await room.delivery.work_off(MODERATION, patience=3)
    assert room.homeserver.hidden == ([(EAST_ROOM, WHO)] if span is None else [])
    assert len(room.homeserver.banned) == 1


@pytest.mark.parametrize(("knows", "span"), [(True, None), (False, None), (True, HOUR)])
async def test_a_ban_of_ours_that_was_there_before_hides_what_is_all_taken_back_and_stays(
    room: Dirty, knows: bool, span: timedelta | None
) -> None:
    """MSC4293: said where all is meant, and it is all taken back by hand either way."""
    room.homeserver.hides_by_ban = knows
    room.write(*[5] * 15)
    is_done(await room.take(Step.BAN))
    await room.delivery.work_off(MODERATION, patience=3)
    ((_, _, reason),) = room.homeserver.banned
    is_asked(await room.ask(span))
    await room.decide("begin", exempt=False)
    await room.clean()
    assert room.homeserver.hidden == ([(EAST_ROOM, WHO)] if span is None else [])
    assert set(room.homeserver.banned) == {(EAST_ROOM, WHO, reason)}
    assert (await room.newest()).taken_back == len(set(room.homeserver.redacted)) == 15


@pytest.mark.parametrize("since", [None, HOUR])
async def test_a_ban_of_others_is_left_as_it_is(room: Dirty, since: timedelta | None) -> None:
    room.write(5)
    room.homeserver._set(EAST_ROOM, "m.room.member", {"membership": "ban"}, WHO, sender=account(LI))
    is_asked(await room.ask(since))
    await room.decide("begin", exempt=False)
    await room.clean()
    assert room.homeserver.banned == []
    assert (await room.newest()).cleaning.state is State.DONE


async def test_a_message_that_is_gone_altogether_holds_up_no_cleaning(room: Dirty) -> None:
    room.write(5, 5, 5)
    is_asked(await room.ask())
    await room.decide("begin", exempt=False)
    room.homeserver.fail(Kind.MISSING, status=404, errcode="M_NOT_FOUND", permanent=True)
    await room.clean()
    assert (await room.newest()).cleaning.state is State.DONE
    assert len(room.homeserver.redacted) == 2


async def test_a_night_without_homeserver_ends_no_cleaning(room: Dirty, monkeypatch: pytest.MonkeyPatch) -> None:
    room.write(5, 5)
    is_asked(await room.ask())
    await room.decide("begin", exempt=False)

    async def away(*_arguments: Any) -> Any:
        raise Fault(Kind.SERVER, status=502)

    with monkeypatch.context() as night:
        night.setattr(room.homeserver, "written_by", away)
        for _ in range(MOST_FAILURES + 3):
            await room.turn()
            room.branch.clock.forward(minutes=6)
    await room.clean()
    assert (await room.newest()).cleaning.state is State.DONE
