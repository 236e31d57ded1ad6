"""Taps on a card: which mean something, which wins, and who may take one back."""

from __future__ import annotations

from typing import Any

import pytest

from content.checkins import State
from content.identifiers import LessonId, UserId
from tests.small_branch import (
    LESSON,
    LI,
    ME,
    ROLL,
    SECRETARY,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    event,
    message,
    reaction,
    redaction,
)

WHO = account(ZHANG)


@pytest.mark.parametrize("key", ["✅", "✔", "✔️", "✅\ufe0f", "✅🏽"])
async def test_a_tick_takes_part(branch: SmallBranch, key: str) -> None:
    id = await branch.open()
    await branch.send_all()
    await branch.hear(reaction(WHO, await branch.card_event(id), key))
    assert await branch.state(id, ZHANG) is State.DONE


@pytest.mark.parametrize("key", ["🙏", "🙏🏽", "🙏\ufe0f"])
async def test_folded_hands_ask_leave_and_the_reason_is_asked_for(branch: SmallBranch, key: str) -> None:
    id = await branch.open()
    await branch.send_all()
    await branch.hear(reaction(WHO, await branch.card_event(id), key))
    assert await branch.state(id, ZHANG) is State.EXCUSED
    assert (WHO, "leave.recorded_ask_reason") in await branch.told()


async def test_any_other_reaction_means_nothing_and_is_not_kept(branch: SmallBranch) -> None:
    """I029."""
    id = await branch.open()
    await branch.send_all()
    before = await branch.everything()
    card = await branch.card_event(id)
    for key in ("👍", "🙋", "❌", "✅✅", "签到", "", "x" * 5000, "1️⃣", "🏽"):
        await branch.hear(reaction(WHO, card, key))
        assert await branch.everything() == before


MALFORMED: list[object] = [
    None,
    "text",
    [],
    {"rel_type": "m.annotation"},
    {"rel_type": "m.annotation", "key": "✅", "event_id": 1},
    {"rel_type": "m.annotation", "key": 1, "event_id": "$x"},
    {"rel_type": "m.thread", "key": "✅", "event_id": "$x"},
]


async def test_a_malformed_reaction_means_nothing(branch: SmallBranch) -> None:
    await branch.open()
    before = await branch.everything()
    for relation in MALFORMED:
        await branch.hear(event(WHO, "m.reaction", {"m.relates_to": relation}))
        assert await branch.everything() == before


async def test_a_tap_on_something_else_means_nothing(branch: SmallBranch) -> None:
    id = await branch.open()
    await branch.send_all()
    before = await branch.size()
    await branch.hear(reaction(WHO, "$somebody-else", "✅"))
    assert await branch.size() == before
    assert id


async def test_a_tap_on_an_edit_of_the_card_counts_as_one_on_the_card(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open()
    await branch.send_all()
    await branch.answer(id, LI)
    clock.forward(seconds=10)
    (edit,) = [row for row in await branch.send_all() if row.kind == "edit"]
    await branch.hear(reaction(WHO, f"$sent-{edit.id}", "✅"))
    assert await branch.state(id, ZHANG) is State.DONE


@pytest.mark.parametrize("more", [{"sender": UserId("@stranger:test")}, {"sender": ME}, {"foreign": True}])
async def test_taps_of_strangers_and_of_the_bot_mean_nothing(branch: SmallBranch, more: dict[str, Any]) -> None:
    id = await branch.open()
    await branch.send_all()
    before = await branch.size()
    await branch.hear(reaction(**{"sender": WHO, "target": await branch.card_event(id), "key": "✅", **more}))
    assert await branch.size() == before


@pytest.mark.parametrize(("keys", "state"), [(["✅", "🙏"], State.EXCUSED), (["🙏", "✅"], State.DONE)])
async def test_of_tick_and_hands_the_later_wins(branch: SmallBranch, keys: list[str], state: State) -> None:
    id = await branch.open()
    await branch.send_all()
    card = await branch.card_event(id)
    await branch.hear(*[reaction(WHO, card, key) for key in keys])
    assert await branch.state(id, ZHANG) is state


@pytest.mark.parametrize("key", ["✅", "🙏"])
async def test_removing_it_takes_it_back(branch: SmallBranch, key: str) -> None:
    id = await branch.open()
    await branch.send_all()
    tapped = reaction(WHO, await branch.card_event(id), key)
    await branch.hear(tapped, redaction(WHO, tapped.event_id))
    assert await branch.state(id, ZHANG) is State.OPEN
    assert await branch.counted() == await branch.tallied()


@pytest.mark.parametrize("who", [SECRETARY, account(LI), UserId("@admin:test"), ME])
async def test_removed_by_anyone_else_it_stays(branch: SmallBranch, who: UserId) -> None:
    """I026, X12."""
    id = await branch.open()
    await branch.send_all()
    tapped = reaction(WHO, await branch.card_event(id), "✅")
    await branch.hear(tapped, redaction(who, tapped.event_id))
    assert await branch.state(id, ZHANG) is State.DONE


async def test_after_the_close_removing_it_changes_nothing(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open()
    await branch.send_all()
    tapped = reaction(WHO, await branch.card_event(id), "✅")
    await branch.hear(tapped)
    clock.forward(hours=2)
    await branch.hear(redaction(WHO, tapped.event_id))
    await branch.let_close(id)
    await branch.hear(redaction(WHO, tapped.event_id))
    assert await branch.state(id, ZHANG) is State.DONE


async def test_removing_the_earlier_of_two_answers_leaves_the_later(branch: SmallBranch) -> None:
    id = await branch.open()
    await branch.send_all()
    card = await branch.card_event(id)
    tick, hands = reaction(WHO, card, "✅"), reaction(WHO, card, "🙏")
    await branch.hear(tick, hands, redaction(WHO, tick.event_id))
    assert await branch.state(id, ZHANG) is State.EXCUSED


async def test_a_tap_after_saying_so_changes_nothing_and_removing_it_neither(branch: SmallBranch) -> None:
    id = await branch.open()
    await branch.send_all()
    tapped = reaction(WHO, await branch.card_event(id), "✅")
    await branch.hear(message(WHO, "学完"), tapped, redaction(WHO, tapped.event_id))
    assert await branch.state(id, ZHANG) is State.DONE


async def test_what_was_said_stays_said_when_its_message_is_taken_back(branch: SmallBranch) -> None:
    """I026."""
    id = await branch.open()
    await branch.send_all()
    said = message(WHO, "学完")
    await branch.hear(said, redaction(WHO, said.event_id))
    assert await branch.state(id, ZHANG) is State.DONE


@pytest.mark.parametrize(
    ("taught", "key", "said"),
    [
        (LESSON, "🙏", "leave.taken_back"),
        (ROLL, "🙏", "leave.taken_back_attended"),
        (LESSON, "✅", "checkin.taken_back"),
        (ROLL, "✅", "checkin.taken_back_attended"),
    ],
)
async def test_what_is_taken_back_is_called_by_its_name(
    branch: SmallBranch, taught: LessonId, key: str, said: str
) -> None:
    id = await branch.open(taught)
    await branch.send_all()
    tap = reaction(WHO, await branch.card_event(id), key)
    await branch.hear(tap, redaction(WHO, tap.event_id))
    assert await branch.state(id, ZHANG) is State.OPEN
    assert said in [key for _, key in await branch.told()]


async def test_a_tap_is_confirmed_quietly(branch: SmallBranch) -> None:
    id = await branch.open()
    await branch.send_all()
    await branch.hear(reaction(WHO, await branch.card_event(id), "✅"))
    assert [row.quiet for row in await branch.rows() if row.words] == [True]


async def test_a_tap_after_the_close_is_late(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open()
    await branch.send_all()
    clock.forward(hours=3)
    await branch.let_close(id)
    await branch.hear(reaction(WHO, await branch.card_event(id), "✅"))
    assert await branch.state(id, ZHANG) is State.LATE
