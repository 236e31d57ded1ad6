"""Letters and missing stretches belong where their room or their person does, on either engine."""

from __future__ import annotations

from datetime import timedelta

import pytest

from content.decision import Decision, Fact
from content.identifiers import EventId, RoomId, UserId
from content.unheard import Letter, LetterPutAside, SenderTold, hear_again
from storage import facts, retention, sync, unheard
from storage.rooms import StateSeen
from storage.store import Step
from storage.unit import Reading
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    ME,
    NOON,
    ROOF,
    WEST,
    WEST_ROOM,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    private_room,
)


def letter(name: str, room: RoomId | None, sender: UserId | None = None) -> Fact:
    return sync.Buried(cause=f"event:{name}", room=room, sender=sender, reason="shape", raw=b"{}", at=NOON)


async def found(branch: SmallBranch, root: str, *, everything: bool = False) -> set[str]:
    placed = await branch.store.read(lambda unit: unheard.letters(unit, [root], everything=everything))
    return {one.what.cause.removeprefix("event:") for one in placed if isinstance(one.what, Letter)}


async def test_letters_belong_to_their_room_or_to_their_person_and_else_to_the_top(branch: SmallBranch) -> None:
    nowhere = RoomId("!nowhere:test")
    letters = [
        letter("east", EAST_ROOM),
        letter("west", WEST_ROOM),
        letter("said", private_room(ZHANG), account(ZHANG)),
    ]
    await branch.store.settle(notes=[*letters, letter("form", None), letter("stranger", nowhere, UserId("@x:test"))])
    assert await found(branch, EAST) == {"east", "said"}
    assert await found(branch, WEST) == {"west"}
    assert await found(branch, ROOF) == {"east", "west", "said"}
    assert await found(branch, ROOF, everything=True) == {"east", "west", "said", "form", "stranger"}
    number = await branch.store.read(lambda unit: unheard.number_waiting(unit, [EAST], everything=False))
    assert number == 2


async def test_a_letter_put_aside_is_asked_for_again_and_counts_again(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[letter("east", EAST_ROOM)])
    ((kept,),) = [await branch.store.read(lambda unit: unheard.letters(unit, [EAST], everything=False))]
    await branch.store.settle(notes=[LetterPutAside(id=kept.what.id, at=NOON)])
    assert await found(branch, EAST) == set()
    assert (await branch.store.read(sync.troubles))["dead_letters"] == 0

    async def decide(unit: Reading) -> Decision:
        placed = await unheard.letter(unit, [EAST], kept.what.id, everything=False)
        assert placed is not None
        assert isinstance(placed.what, Letter)
        answer = hear_again(placed.what, now=unit.now)
        assert isinstance(answer, Decision)
        return answer

    await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])
    assert await found(branch, EAST) == {"east"}
    assert [one.id for one in await branch.store.read(unheard.asked)] == [kept.what.id]


async def test_unreadable_messages_are_counted_by_sender(branch: SmallBranch) -> None:
    await branch.store.settle(
        notes=[
            sync.NotReadable(
                room=EAST_ROOM, session_id=f"s{number}", sender=account(ZHANG), event_id=EventId(f"$u{number}"), at=NOON
            )
            for number in range(3)
        ]
    )
    assert await branch.store.read(lambda unit: unheard.sealed(unit, [EAST], everything=False)) == (3, 1)
    assert await branch.store.read(lambda unit: unheard.sealed(unit, [WEST], everything=False)) == (0, 0)


async def test_a_rule_that_breaks_leaves_a_letter_that_says_where_it_was_said(branch: SmallBranch) -> None:
    """F13."""

    async def broken(_unit: Reading) -> None:
        raise ZeroDivisionError

    step = Step(cause=fresh_cause(), decide=broken, actor=account(ZHANG), room=EAST_ROOM, event=EventId("$e"))
    await branch.store.settle([step])
    (placed,) = await branch.store.read(lambda unit: unheard.letters(unit, [EAST], everything=False))
    assert isinstance(placed.what, Letter)
    assert placed.what.was_said
    assert placed.room_name == "支部群"


async def test_state_that_cannot_be_kept_leaves_a_letter_in_its_room(
    branch: SmallBranch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise ValueError

    monkeypatch.setitem(facts.WRITERS, StateSeen, (fails,))
    seen = StateSeen(
        room=EAST_ROOM, type="m.room.name", state_key="", sender=ME, event_id=EventId("$name"), content={"name": "x"}
    )
    await branch.store.settle(notes=[seen])
    assert await found(branch, EAST) == {"$name"}


async def test_a_given_up_stretch_is_forgotten_by_hand_only(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[sync.GapFound(room=EAST_ROOM, from_token="a", to_token="b", at=NOON)])
    ((gap,),) = (await branch.store.read(unheard.missing)).values()
    await branch.store.settle(notes=[unheard.StretchGivenUp(id=gap.id, reason="refused", at=NOON)])
    await branch.store.settle(notes=[retention.Swept(at=NOON + timedelta(days=400))])
    assert len((await branch.store.read(unheard.missing))[EAST_ROOM]) == 1


async def test_sessions_without_a_key_are_found_once_their_time_is_up(branch: SmallBranch, clock: HandClock) -> None:
    """F59, on both engines."""
    await branch.store.settle(
        notes=[
            sync.NotReadable(
                room=room, session_id="k", sender=account(ZHANG), event_id=EventId(f"${room}{number}"), at=NOON
            )
            for room in (EAST_ROOM, private_room(ZHANG), RoomId("!nowhere:test"))
            for number in range(2)
        ]
    )
    assert await branch.store.read(unheard.untold) == ()
    clock.forward(minutes=2)
    found = await branch.store.read(unheard.untold)
    assert {(one.room, one.room_name) for one in found} == {(EAST_ROOM, "支部群"), (private_room(ZHANG), None)}
    await branch.store.settle(notes=[SenderTold(room=EAST_ROOM, session_id="k", sender=account(ZHANG), at=clock())])
    assert len(await branch.store.read(unheard.untold)) == 1
    assert await branch.store.read(lambda unit: unheard.told_today(unit, account(ZHANG))) == 1
