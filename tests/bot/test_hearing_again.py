"""What could not be heard is heard again by the same path and once, or stays in sight with its reason."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.bot import Bot
from bot.hearing import Hearing
from bot.hearing_again import HearingAgain
from bot.matrix.events import Batch, Event, Gap, Poison, RoomBatch, Unreadable
from bot.matrix.faults import Fault, Kind, TokenRevoked
from content.checkins import State
from content.identifiers import EventId, RoomId, UserId
from content.unheard import MOST_TOLD, Letter, hear_again
from storage import rooms, sync, unheard
from storage.store import Step
from storage.unit import Reading
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import (
    EAST_ROOM,
    LI,
    NOON,
    ROLL,
    ROOF,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    event,
    fresh_cause,
    message,
    private_room,
)
from zhibu.catalogue import load_speech


class Ears:
    """A hearing with its second way in, and its homeserver."""

    def __init__(self, branch: SmallBranch) -> None:
        self.branch = branch
        self.homeserver = FakeHomeserver(branch.clock)
        self.hearing = Hearing(branch.store, self.homeserver, branch.settings)  # type: ignore[arg-type]
        self.again = HearingAgain(branch.store, self.homeserver, self.hearing)  # type: ignore[arg-type]

    async def hear(self, *parts: RoomBatch, token: str = "s2") -> None:
        await self.hearing.commit(Batch(since="s1", next_batch=token, rooms=parts))

    async def letters(self) -> list[Letter]:
        found = await self.branch.store.read(lambda unit: unheard.letters(unit, [ROOF], everything=True))
        return [one.what for one in found if isinstance(one.what, Letter)]

    async def ask(self) -> None:
        """Ask at the desk that every letter be heard again."""
        for letter in await self.letters():

            async def decide(unit: Reading, letter: Letter = letter) -> Any:
                return hear_again(letter, now=unit.now)

            await self.branch.store.settle([Step(cause=fresh_cause(), decide=decide)])


@pytest.fixture
def ears(branch: SmallBranch) -> Ears:
    return Ears(branch)


def room(*timeline: Any, id: RoomId = EAST_ROOM, **more: Any) -> RoomBatch:
    return RoomBatch(room_id=id, membership="join", timeline=timeline, **more)


def member(user: UserId, membership: str = "join", **more: Any) -> Event:
    return event(user, "m.room.member", {"membership": membership}, state_key=user, **more)


async def bury_an_answer(ears: Ears, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Event:
    """Let a member's answer meet a rule that breaks."""
    said = message(account(ZHANG), "签到", **more)
    real = Hearing.steps

    def broken(self: Hearing, *args: Any) -> Any:
        async def breaks(_unit: object) -> None:
            raise ZeroDivisionError

        return [Step(cause=one.cause, decide=breaks, room=one.room, event=one.event) for one in real(self, *args)]

    with monkeypatch.context() as patched:
        patched.setattr(Hearing, "steps", broken)
        await ears.hear(room(said))
    ears.homeserver.readable[said.event_id] = said
    return said


async def test_an_answer_on_which_a_rule_broke_is_heard_again_as_of_then_and_once(
    ears: Ears, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F13: the event is kept, the rest goes on, and it is replayed by hand."""
    id = await ears.branch.open(ROLL)
    said = await bury_an_answer(ears, monkeypatch)
    (letter,) = await ears.letters()
    assert (letter.room, letter.event, letter.was_said) == (EAST_ROOM, said.event_id, True)
    clock.forward(hours=5)
    await ears.ask()
    await ears.again.replay()
    assert await ears.branch.state(id, ZHANG) is State.DONE
    assert await ears.letters() == []
    before = await ears.branch.size()
    await ears.hear(room(said), token="s3")
    await ears.again.replay()
    assert await ears.branch.size() == before


async def test_a_time_in_the_future_makes_an_answer_count_as_of_when_it_came(
    ears: Ears, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F21."""
    id = await ears.branch.open(ROLL)
    await ears.branch.send_all()
    reply = await ears.branch.card_event(id)
    await bury_an_answer(ears, monkeypatch, reply=reply, sent_at=NOON + timedelta(days=9000))
    clock.forward(hours=5)
    await ears.branch.let_close(id)
    await ears.ask()
    await ears.again.replay()
    assert await ears.branch.state(id, ZHANG) is State.DONE


async def test_a_kill_between_deciding_and_forgetting_a_letter_has_no_second_effect(
    ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ears.branch.open(ROLL)
    await bury_an_answer(ears, monkeypatch)
    await ears.ask()
    settle, calls = ears.branch.store.settle, 0

    async def killed(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return await settle(*args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(ears.branch.store, "settle", killed)
        with pytest.raises(KeyboardInterrupt):
            await ears.again.replay()
    rows = await ears.branch.rows()
    await ears.again.replay()
    assert await ears.letters() == []
    assert await ears.branch.rows() == rows


async def test_poison_that_fails_the_same_way_stays_and_says_when_it_was_tried(ears: Ears, clock: HandClock) -> None:
    poison = Poison(room_id=EAST_ROOM, event_id="$p", sender=account(LI), reason="too_deep", raw=b'{"x":1}')
    ears.homeserver.readable["$p"] = poison
    await ears.hear(room(poison))
    clock.forward(minutes=1)
    await ears.ask()
    await ears.again.replay()
    (letter,) = await ears.letters()
    assert (letter.reason, letter.asked_at, letter.tried_at) == ("too_deep", None, clock())


async def test_what_the_homeserver_no_longer_shows_is_read_from_what_was_kept(ears: Ears) -> None:
    poison = Poison(room_id=EAST_ROOM, event_id="$p", sender=account(LI), reason="shape", raw=b'{"event_id": "$p"}')
    await ears.hear(room(poison))
    await ears.ask()
    await ears.again.replay()
    (letter,) = await ears.letters()
    assert letter.reason == "shape"


async def test_a_homeserver_that_is_away_leaves_the_letter_asked_for(
    ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await ears.branch.open(ROLL)
    await bury_an_answer(ears, monkeypatch)
    await ears.ask()
    ears.homeserver.fail(Kind.UNREACHABLE)
    with pytest.raises(Fault):
        await ears.again.replay()
    assert (await ears.letters())[0].asked_at is not None
    await ears.again.replay()
    assert await ears.branch.state(id, ZHANG) is State.DONE


async def test_a_rule_that_breaks_again_keeps_its_letter(ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    await ears.branch.open(ROLL)
    await bury_an_answer(ears, monkeypatch)
    await ears.ask()
    real = Hearing.steps

    def broken(self: Hearing, *args: Any) -> Any:
        async def breaks(_unit: object) -> None:
            raise ZeroDivisionError

        return [Step(cause=one.cause, decide=breaks) for one in real(self, *args)]

    monkeypatch.setattr(Hearing, "steps", broken)
    await ears.again.replay()
    (letter,) = await ears.letters()
    assert letter.tried_at is not None
    assert letter.reason.startswith("ZeroDivisionError in breaks:")


async def test_a_key_that_is_still_missing_makes_the_letter_wait_for_it(ears: Ears) -> None:
    poison = Poison(room_id=EAST_ROOM, event_id="$p", sender=account(LI), reason="shape", raw=b"{}")
    await ears.hear(room(poison))
    ears.homeserver.readable["$p"] = Unreadable(
        room_id=EAST_ROOM, event_id="$p", sender=account(LI), session_id="k", sent_at=NOON
    )
    await ears.ask()
    await ears.again.replay()
    assert await ears.letters() == []
    assert (await ears.branch.store.read(sync.troubles))["unreadable"] == 1


async def test_state_heard_again_is_the_state_of_now(ears: Ears) -> None:
    poison = Poison(room_id=EAST_ROOM, event_id="$p", sender=account(LI), reason="shape", raw=b"{}")
    await ears.hear(room(poison))
    ears.homeserver.readable["$p"] = member(account(LI), "join", event_id="$p")
    ears.homeserver.take_place(EAST_ROOM, account(LI), "leave")
    await ears.ask()
    await ears.again.replay()
    assert await ears.letters() == []
    assert account(LI) not in await ears.branch.store.read(lambda unit: rooms.joined(unit, EAST_ROOM))


async def test_two_malformed_events_without_an_id_are_two_letters_however_often_they_come(ears: Ears) -> None:
    one, two = (
        Poison(room_id=EAST_ROOM, event_id=None, sender=None, reason="shape", raw=raw) for raw in (b"{}", b"[]")
    )
    await ears.hear(room(one, two))
    await ears.hear(room(one, two))
    assert len(await ears.letters()) == 2


async def test_the_bot_hears_again_what_is_asked_for_at_the_desk_while_it_runs(
    ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await ears.branch.open(ROLL)
    await bury_an_answer(ears, monkeypatch)
    monkeypatch.setattr("bot.bot.REPLAY_PAUSE", 0.0)
    bot = Bot(ears.branch.store, ears.homeserver, load_speech(), console="")  # type: ignore[arg-type]
    await ears.ask()
    done = await until(ears, bot._replay, ears.letters)
    assert done == []
    assert await ears.branch.state(id, ZHANG) is State.DONE


async def until(ears: Ears, work: Callable[[], Awaitable[None]], left: Callable[[], Awaitable[list[Letter]]]) -> Any:
    """Run something without end until nothing is left."""
    changed = asyncio.Event()
    ears.branch.store.on_change(changed.set)
    task = asyncio.ensure_future(work())
    try:
        while True:
            # Cleared before the look: a change that comes during it is not slept through.
            changed.clear()
            if not await left():
                break
            await changed.wait()
    finally:
        task.cancel()
    return await left()


async def test_a_gap_stays_in_sight_until_it_is_filled_and_counts_as_of_then(ears: Ears, clock: HandClock) -> None:
    id = await ears.branch.open(ROLL)
    await ears.hear(room(gap=Gap(from_token="a", to_token="b")), token="s1")
    assert (await ears.branch.store.read(sync.troubles))["gaps"] == 1
    clock.forward(hours=3)
    ears.homeserver.history[EAST_ROOM] = ((message(account(ZHANG), "签到", sent_at=NOON),), None)
    await ears.again.fill_gaps()
    assert await ears.branch.state(id, ZHANG) is State.DONE
    assert (await ears.branch.store.read(sync.troubles))["gaps"] == 0


async def test_a_gap_that_cannot_be_read_keeps_no_other_waiting(ears: Ears, clock: HandClock) -> None:
    id = await ears.branch.open(ROLL)
    away = RoomId("!away:test")
    gone = room(id=away, gap=Gap(from_token="x", to_token="y"))
    ears.homeserver.history[away] = Fault(Kind.UNREACHABLE)
    await ears.hear(gone, token="s1")
    clock.forward(seconds=1)
    await ears.hear(room(gap=Gap(from_token="a", to_token="b")), token="s2")
    ears.homeserver.history[EAST_ROOM] = ((message(account(ZHANG), "签到"),), None)
    with pytest.raises(Fault):
        await ears.again.fill_gaps()
    assert await ears.branch.state(id, ZHANG) is State.DONE
    assert [gap.room for gap in await ears.branch.store.read(sync.open_gaps)] == [away]


async def test_a_stretch_that_the_homeserver_refuses_for_good_is_given_up_and_stays_in_sight(
    ears: Ears, clock: HandClock
) -> None:
    """F53: history that is gone is recorded as such, with when and where, and is asked for no more."""
    await ears.hear(room(gap=Gap(from_token="a", to_token="b")))
    found_at = clock()
    clock.forward(minutes=1)
    await ears.again.fill_gaps()
    (lost,) = (await ears.branch.store.read(unheard.missing))[EAST_ROOM]
    assert (lost.found_at, lost.given_up_at, lost.reason) == (found_at, clock(), "refused M_FORBIDDEN")
    assert await ears.branch.store.read(sync.open_gaps) == ()
    ears.homeserver.history[EAST_ROOM] = ((), None)
    await ears.again.fill_gaps()
    assert len((await ears.branch.store.read(unheard.missing))[EAST_ROOM]) == 1


async def test_a_revoked_login_gives_no_stretch_up(ears: Ears) -> None:
    """F55: what a signed-in bot could read waits for the new login."""
    await ears.hear(room(gap=Gap(from_token="a", to_token="b")))
    ears.homeserver.history[EAST_ROOM] = TokenRevoked()
    with pytest.raises(TokenRevoked):
        await ears.again.fill_gaps()
    assert len(await ears.branch.store.read(sync.open_gaps)) == 1


async def test_old_state_read_back_does_not_replace_what_is_known_since(ears: Ears) -> None:
    await ears.hear(room(member(account(LI), "leave"), gap=Gap(from_token="a", to_token="b")), token="s1")
    ears.homeserver.history[EAST_ROOM] = ((member(account(LI), "join"),), None)
    await ears.again.fill_gaps()
    assert await ears.branch.store.read(lambda unit: rooms.joined(unit, EAST_ROOM)) == ()


def sealed(number: int, session: str = "k", *, sender: UserId | None = None, where: RoomId = EAST_ROOM) -> RoomBatch:
    who = sender or account(ZHANG)
    return room(
        Unreadable(room_id=where, event_id=f"${session}{number}", sender=who, session_id=session, sent_at=NOON),
        id=where,
    )


async def test_a_sender_is_told_once_for_each_session_that_has_no_key_after_a_minute(
    ears: Ears, clock: HandClock
) -> None:
    """F59, I039: not ignored; said quietly, in private, and once."""
    await ears.hear(sealed(1))
    await ears.again.tell_senders()
    assert await ears.branch.told() == []
    clock.forward(seconds=61)
    await ears.again.tell_senders()
    assert await ears.branch.told() == [(account(ZHANG), "unheard.told_of_room")]
    (row,) = await ears.branch.rows()
    assert row.quiet
    assert row.unasked
    await ears.hear(sealed(2), token="s3")
    clock.forward(minutes=5)
    await ears.again.tell_senders()
    assert len(await ears.branch.told()) == 1


async def test_a_key_that_came_in_time_is_not_missed(ears: Ears, clock: HandClock) -> None:
    await ears.hear(sealed(1))
    await ears.branch.store.settle(notes=[sync.Readable(event_id=EventId("$k1"))])
    clock.forward(minutes=5)
    await ears.again.tell_senders()
    assert await ears.branch.told() == []


async def test_a_client_that_never_gives_its_keys_is_told_of_twice_a_day(ears: Ears, clock: HandClock) -> None:
    for number in range(5):
        await ears.hear(sealed(number, f"session{number}"), token=f"t{number}")
        clock.forward(minutes=5)
        await ears.again.tell_senders()
    assert len(await ears.branch.told()) == MOST_TOLD
    clock.forward(hours=25)
    await ears.hear(sealed(9, "tomorrow"), token="t9")
    clock.forward(minutes=5)
    await ears.again.tell_senders()
    assert len(await ears.branch.told()) == MOST_TOLD + 1


async def test_strangers_and_rooms_that_are_not_ours_hear_nothing(ears: Ears, clock: HandClock) -> None:
    await ears.hear(sealed(1, "a", sender=UserId("@stranger:test")))
    await ears.hear(sealed(2, "b", where=RoomId("!elsewhere:test")), token="s3")
    clock.forward(minutes=5)
    await ears.again.tell_senders()
    assert await ears.branch.told() == []


async def test_in_private_it_is_said_that_it_was_for_us(ears: Ears, clock: HandClock) -> None:
    await ears.hear(sealed(1, where=private_room(ZHANG)))
    clock.forward(minutes=5)
    await ears.again.tell_senders()
    assert await ears.branch.told() == [(account(ZHANG), "unheard.told_in_private")]
