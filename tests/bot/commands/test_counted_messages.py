"""A message that counted is changed or removed: the reason for a leave goes with it, of the rest it is said once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from bot.matrix.events import Event
from content.checkins import State
from content.identifiers import OccurrenceId, UserId
from storage import audit, participation
from storage.checkins import answers, expectations
from storage.counted_messages import counted_messages
from storage.retention import ATTENDANCE, Swept
from tests.small_branch import (
    EAST_ROOM,
    LESSON,
    LI,
    ME,
    ROLL,
    ROOF,
    SECRETARY,
    WEST_ROOM,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    edit,
    message,
    powers,
    private_room,
    redaction,
)

WHO, DIRECT = account(ZHANG), private_room(ZHANG)
REASON, OTHER = "孩子发烧去医院", "倒班"


def encrypted(one: Event, index: int) -> Event:
    """Let a message have come encrypted, so that its cause is its place in its session."""
    return replace(one, megolm=("session", index), encrypted=True)


async def reasons(branch: SmallBranch, id: OccurrenceId) -> set[str | None]:
    """Return every reason that is kept anywhere of an occurrence, and what the console shows."""
    kept: set[str | None] = set()
    for table in (answers, expectations):
        found = await branch.store.read(
            lambda unit, table=table: unit.rows(select(table.c.reason).where(table.c.occurrence_id == id))  # type: ignore[misc]
        )
        kept |= {row.reason for row in found}
    shown = await branch.store.read(lambda unit: participation.reasons(unit, [ROOF], id))
    return (kept | set(shown.values())) - {None}


async def on_leave(branch: SmallBranch, *, megolm: bool = False, room: str = EAST_ROOM) -> tuple[OccurrenceId, Event]:
    """Open a roll, and let somebody ask leave with a reason."""
    id = await branch.open(ROLL)
    said = message(WHO, f"请假 {REASON}", room_id=room)
    said = encrypted(said, 1) if megolm else said
    await branch.hear(said)
    assert await reasons(branch, id) == {REASON}
    return id, said


async def kept_words(branch: SmallBranch) -> list[str]:
    """Return what the record says was done."""
    return [line.action for line in await branch.store.read(audit.lines)]


@pytest.mark.parametrize("megolm", [False, True])
async def test_the_reason_for_a_leave_goes_with_its_message(branch: SmallBranch, megolm: bool) -> None:
    id, said = await on_leave(branch, megolm=megolm)
    await branch.hear(redaction(WHO, said.event_id))
    assert await reasons(branch, id) == set()
    assert await branch.state(id, ZHANG) is State.EXCUSED
    assert (await branch.told())[-1] == (WHO, "leave.reason_removed")
    assert (await kept_words(branch))[-1] == "leave_reason_changed"


@pytest.mark.parametrize("megolm", [False, True])
async def test_a_changed_message_has_its_new_reason_counted(branch: SmallBranch, megolm: bool) -> None:
    id, said = await on_leave(branch, megolm=megolm)
    changed = edit(WHO, said.event_id, f"请假 {OTHER}")
    await branch.hear(encrypted(changed, 2) if megolm else changed)
    assert await reasons(branch, id) == {OTHER}
    assert (await branch.told())[-1] == (WHO, "leave.reason_changed")
    assert OTHER not in str(await branch.rows())
    await branch.hear(edit(WHO, said.event_id, f"请假 {OTHER}"), edit(WHO, said.event_id, "请假"))
    assert [key for _, key in await branch.told()][-2:] == ["leave.reason_changed", "leave.reason_removed"]
    assert await reasons(branch, id) == set()


async def test_a_reason_that_an_edit_gave_goes_with_that_edit_alone(branch: SmallBranch) -> None:
    id, said = await on_leave(branch)
    first, second = edit(WHO, said.event_id, f"请假 {OTHER}"), edit(WHO, said.event_id, "请假 出差")
    await branch.hear(first, second, redaction(WHO, first.event_id))
    assert await reasons(branch, id) == {"出差"}, "what a later edit has overtaken is kept nowhere"
    await branch.hear(redaction(account(LI), second.event_id))
    assert await reasons(branch, id) == {"出差"}
    await branch.hear(redaction(WHO, second.event_id))
    assert await reasons(branch, id) == set()
    assert (await branch.told())[-1] == (WHO, "leave.reason_removed")
    await branch.hear(redaction(WHO, said.event_id))
    assert (await branch.told())[-1] == (WHO, "leave.stands")


async def test_of_a_leave_that_stands_no_more_it_is_not_said_that_it_does(branch: SmallBranch) -> None:
    id, said = await on_leave(branch)
    await branch.hear(message(WHO, "签到", room_id=DIRECT), edit(WHO, said.event_id, f"请假 {OTHER}"))
    assert await branch.state(id, ZHANG) is State.DONE
    assert (await branch.told())[-1] == (WHO, "leave.reason_changed_later")


@pytest.mark.parametrize("text", ["不说", "撤回", "取消", "谢谢", "算了"])
async def test_a_reason_that_is_changed_to_none_is_none(branch: SmallBranch, text: str) -> None:
    id = await branch.open(ROLL)
    asked, said = message(WHO, "请假", room_id=DIRECT), message(WHO, REASON, room_id=DIRECT)
    await branch.hear(asked, said)
    assert await reasons(branch, id) == {REASON}
    await branch.hear(edit(WHO, said.event_id, text, room_id=DIRECT))
    assert await reasons(branch, id) == set()
    assert await branch.state(id, ZHANG) is State.EXCUSED


async def test_who_removes_the_word_and_not_its_reason_is_told_that_the_leave_stands(branch: SmallBranch) -> None:
    id = await branch.open(ROLL)
    asked, said = message(WHO, "请假", room_id=DIRECT), message(WHO, REASON, room_id=DIRECT)
    await branch.hear(asked, said, redaction(WHO, asked.event_id, room_id=DIRECT))
    assert (await branch.told())[-1] == (WHO, "leave.stands")
    assert await reasons(branch, id) == {REASON}


async def test_what_asks_for_leave_no_more_gives_no_reason_and_the_leave_stands(branch: SmallBranch) -> None:
    id, said = await on_leave(branch)
    await branch.hear(edit(WHO, said.event_id, "学习材料收到"))
    assert await reasons(branch, id) == set()
    assert await branch.state(id, ZHANG) is State.EXCUSED
    assert (await branch.told())[-1] == (WHO, "leave.reason_removed")
    # Of the leave itself nothing more is said than that it stands, and once.
    await branch.hear(edit(WHO, said.event_id, "好的"), redaction(WHO, said.event_id))
    assert [key for _, key in await branch.told()].count("leave.stands") == 1


async def test_a_reason_that_was_asked_for_goes_with_its_message_or_changes(branch: SmallBranch) -> None:
    id = await branch.open(ROLL)
    said = message(WHO, REASON, room_id=DIRECT)
    await branch.hear(message(WHO, "请假"), said)
    assert await reasons(branch, id) == {REASON}
    await branch.hear(edit(WHO, said.event_id, "家里漏水要等师傅", room_id=DIRECT))
    assert await reasons(branch, id) == {"家里漏水要等师傅"}
    await branch.hear(redaction(WHO, said.event_id, room_id=DIRECT))
    assert await reasons(branch, id) == set()
    assert await branch.state(id, ZHANG) is State.EXCUSED


async def test_a_reason_put_into_the_message_is_waited_for_no_more(branch: SmallBranch) -> None:
    id = await branch.open(ROLL)
    said = message(WHO, "请假")
    await branch.hear(said, edit(WHO, said.event_id, f"请假 {REASON}"))
    assert await reasons(branch, id) == {REASON}
    await branch.hear(message(WHO, "今天食堂吃什么", room_id=DIRECT))
    assert await reasons(branch, id) == {REASON}


async def test_the_number_of_what_was_meant_is_no_part_of_the_reason(branch: SmallBranch) -> None:
    first, second = sorted([await branch.open(ROLL), await branch.open(LESSON)])
    said = message(WHO, f"请假 2 {REASON}", room_id=DIRECT)
    await branch.hear(said, edit(WHO, said.event_id, f"请假 2 {OTHER}", room_id=DIRECT))
    assert (await reasons(branch, first), await reasons(branch, second)) == (set(), {OTHER})


async def test_a_message_that_calls_the_bot_is_changed_like_any_other(branch: SmallBranch) -> None:
    id = await branch.open(ROLL)
    said = message(WHO, f"@zhibu 请假 {REASON}", mention=True)
    changed = edit(WHO, said.event_id, f"@zhibu 请假 {OTHER}")
    await branch.hear(said, replace(changed, content={**changed.content, "m.mentions": {"user_ids": [ME]}}))
    assert await reasons(branch, id) == {OTHER}


async def test_who_moderates_takes_a_reason_away_where_it_was_said_and_its_owner_hears_of_it(
    branch: SmallBranch,
) -> None:
    for room in (EAST_ROOM, WEST_ROOM):
        await powers(branch, room, secretary=50)
    id, said = await on_leave(branch)
    before = await branch.everything()
    await branch.hear(redaction(SECRETARY, said.event_id, room_id=WEST_ROOM), edit(account(LI), said.event_id, "请假"))
    await branch.hear(redaction(account(LI), said.event_id))
    assert await branch.everything() == before
    await branch.hear(redaction(SECRETARY, said.event_id))
    assert await reasons(branch, id) == set()
    assert (await branch.told())[-1] == (WHO, "leave.reason_removed_by_other")


async def test_also_after_the_close_a_reason_goes(branch: SmallBranch, clock: HandClock) -> None:
    id, said = await on_leave(branch)
    clock.forward(hours=3)
    await branch.let_close(id)
    await branch.hear(redaction(WHO, said.event_id))
    assert await reasons(branch, id) == set()
    assert await branch.state(id, ZHANG) is State.EXCUSED
    assert (await branch.told())[-1] == (WHO, "leave.reason_removed_later")


@pytest.mark.parametrize("word", ["撤回", "取消"])
async def test_what_takes_a_leave_back_leaves_no_reason(branch: SmallBranch, word: str) -> None:
    id, said = await on_leave(branch)
    await branch.hear(message(WHO, word, room_id=DIRECT))
    assert await reasons(branch, id) == set()
    assert await branch.state(id, ZHANG) is State.OPEN
    before = await branch.told()
    await branch.hear(redaction(WHO, said.event_id))
    assert await branch.told() == before


async def test_after_the_close_taking_back_takes_the_reason_and_the_leave_stays(
    branch: SmallBranch, clock: HandClock
) -> None:
    id, _ = await on_leave(branch)
    clock.forward(hours=3)
    await branch.let_close(id)
    await branch.hear(message(WHO, "撤回", room_id=DIRECT))
    assert await reasons(branch, id) == set()
    assert await branch.state(id, ZHANG) is State.EXCUSED
    assert (await branch.told())[-1] == (WHO, "leave.reason_removed_later")
    await branch.hear(message(WHO, "撤回", room_id=DIRECT))
    assert (await branch.told())[-1] == (WHO, "answer.closed")


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("签到", "checkin.stands"),
        ("请假", "leave.stands"),
        ("更正 上周的学习我参加了", "correction.stands"),
        ("静音 3天", "mute.stands"),
    ],
)
@pytest.mark.parametrize("megolm", [False, True])
async def test_what_was_said_stays_said_and_who_changes_or_removes_it_is_told_once(
    branch: SmallBranch, said: str, key: str, megolm: bool
) -> None:
    id = await branch.open(ROLL)
    removed = message(WHO, said, room_id=DIRECT)
    await branch.hear(encrypted(removed, 1) if megolm else removed)
    state = await branch.state(id, ZHANG)
    await branch.hear(redaction(WHO, removed.event_id, room_id=DIRECT))
    assert (await branch.told())[-1] == (WHO, key)
    assert await branch.state(id, ZHANG) is state
    before = await branch.told()
    again = edit(WHO, removed.event_id, "今天食堂吃什么", room_id=DIRECT)
    await branch.hear(encrypted(again, 2) if megolm else again)
    assert await branch.told() == before
    assert "message" not in "".join(await kept_words(branch))


async def test_an_edit_is_told_of_and_one_that_says_the_same_is_not(branch: SmallBranch) -> None:
    await branch.open(ROLL)
    said = message(WHO, "签到")
    await branch.hear(said)
    before = await branch.told()
    await branch.hear(edit(WHO, said.event_id, "签到。"), edit(WHO, said.event_id, "到"))
    assert await branch.told() == before
    await branch.hear(edit(WHO, said.event_id, "请假 倒班"))
    assert await branch.told() == [*before, (WHO, "checkin.stands")]


async def test_of_what_counts_no_more_nothing_is_said(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open(ROLL)
    first, silence, longer = message(WHO, "签到"), *(message(WHO, "静音", room_id=DIRECT) for _ in range(2))
    await branch.hear(first, message(WHO, f"请假 {OTHER}"), silence)
    clock.forward(minutes=1)
    await branch.hear(longer)
    before = await branch.told()
    await branch.hear(redaction(WHO, first.event_id), redaction(WHO, silence.event_id, room_id=DIRECT))
    assert await branch.told() == before
    await branch.hear(message(WHO, "恢复", room_id=DIRECT), redaction(WHO, longer.event_id, room_id=DIRECT))
    assert await branch.told() == [*before, (WHO, "mute.off")]
    assert await branch.state(id, ZHANG) is State.EXCUSED


async def test_talk_that_is_changed_or_removed_is_nothing_to_us(branch: SmallBranch) -> None:
    await branch.open(ROLL)
    talk = message(WHO, "今天食堂吃什么")
    before = await branch.everything()
    await branch.hear(talk, edit(WHO, talk.event_id, "签到"), redaction(WHO, talk.event_id))
    assert await branch.everything() == before


async def test_the_bot_s_own_are_no_matter(branch: SmallBranch) -> None:
    id, said = await on_leave(branch)
    await branch.hear(redaction(UserId(ME), said.event_id), edit(UserId(ME), said.event_id, "请假"))
    assert await reasons(branch, id) == {REASON}


async def test_it_is_forgotten_which_messages_counted(branch: SmallBranch, clock: HandClock) -> None:
    await on_leave(branch)
    await branch.hear(message(account(LI), "签到"))

    async def kept() -> list[Any]:
        query = select(counted_messages.c.user_id)
        return [row.user_id for row in await branch.store.read(lambda unit: unit.rows(query))]

    assert sorted(await kept()) == sorted([WHO, account(LI)])
    clock.forward(days=31)
    await branch.store.settle(notes=[Swept(at=clock.now)])
    assert await kept() == [WHO]
    clock.forward(days=ATTENDANCE / timedelta(days=1))
    await branch.store.settle(notes=[Swept(at=clock.now)])
    assert await kept() == []
