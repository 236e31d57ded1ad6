"""A correction binds what was sent anew, a withdrawal frees everyone, and what waits for a failed row fails with it."""

from __future__ import annotations

from typing import Any

from content.amendments import OccurrenceWithdrawn, correct, withdraw
from content.checkins import State as Answer
from content.decision import Decision, Refusal
from content.identifiers import OccurrenceId
from content.lessons import LessonRevised
from content.occurrences import State as Stand
from storage import amendments, lessons, outbox_items, schedules, shown
from storage.outbox import GivenUp, Kind, Retried, State, outbox
from storage.store import Step
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LESSON,
    ROOF,
    SECRETARY,
    WEST,
    WEST_ROOM,
    ZHANG,
    SmallBranch,
    fresh_cause,
    lesson,
)

LONG = "\n\n".join(f"第 {number} 部分 " + "学" * 2_300 + "。" for number in range(3))


async def revise(branch: SmallBranch, body: str, revision: int = 2, title: str = "新题") -> None:
    fact = LessonRevised(lesson=lesson(body=body, revision=revision, title=title), author=SECRETARY)
    await branch.store.settle(notes=[fact])


async def change(branch: SmallBranch, id: OccurrenceId, *, back: bool = False) -> Decision | Refusal | None:
    """Correct an occurrence to the newest revision, or take it back."""

    async def decide(unit: Any) -> Decision | Refusal:
        found = await amendments.sent(unit, id)
        newest = await lessons.lesson(unit, LESSON)
        assert found is not None
        assert newest is not None
        if back:
            return withdraw(found, reason="发错了", now=unit.now)
        return correct([found], newest, reason="日期", now=unit.now)

    (outcome,) = await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])
    assert not outcome.failed
    return outcome.answer


async def kinds(branch: SmallBranch, room: str = EAST_ROOM) -> list[tuple[str, str]]:
    """Return the rows of a room: what each does, and where it stands."""
    return [(row.kind, row.state) for row in await branch.rows(outbox.c.room_id == room)]


async def test_a_corrected_occurrence_shows_the_new_title_and_says_when_and_why(branch: SmallBranch) -> None:
    id = await branch.open()
    await branch.send_all()
    await revise(branch, "新文。")
    found = await branch.store.read(lambda unit: amendments.outdated(unit, LESSON, 2, [ROOF]))
    assert found == (id,)
    await change(branch, id)
    entry = await branch.store.read(lambda unit: schedules.entry(unit, id))
    note = await branch.store.read(lambda unit: amendments.note(unit, id))
    assert entry is not None
    assert (entry.title, entry.lesson_revision) == ("新题", 2)
    assert (note.corrected_at, note.correction, note.withdrawn_at) == (branch.clock.now, "日期", None)
    assert await branch.store.read(lambda unit: amendments.outdated(unit, LESSON, 2, [ROOF])) == ()


async def test_only_what_lies_wholly_within_the_scope_is_outdated_there(branch: SmallBranch) -> None:
    everyone, east = await branch.open(), await branch.open(audience=EAST)
    await branch.open(audience=WEST)
    await revise(branch, "新文。")
    ask = branch.store.read
    assert await ask(lambda unit: amendments.outdated(unit, LESSON, 2, [EAST])) == (east,)
    assert everyone in await ask(lambda unit: amendments.outdated(unit, LESSON, 2, [ROOF]))
    assert await ask(lambda unit: amendments.outdated(unit, LESSON, 1, [ROOF])) == ()


async def test_rows_of_a_correction_wait_for_their_message_and_go_out_in_order(branch: SmallBranch) -> None:
    id = await branch.open(audience=EAST)
    (row,) = await branch.claim()
    await revise(branch, LONG)
    await change(branch, id)
    assert await kinds(branch) == [
        ("post", "leased"),
        ("amend", "pending"),
        ("follow", "pending"),
        ("follow", "pending"),
    ]
    assert await branch.claim() == []
    await branch.mark_sent(row)
    assert [one.kind for one in await branch.send_all()] == [Kind.AMEND, Kind.FOLLOW, Kind.FOLLOW]


async def test_what_follows_a_message_that_is_refused_fails_with_it_and_comes_back_with_it(branch: SmallBranch) -> None:
    id = await branch.open(audience=EAST)
    await branch.send_all()
    await revise(branch, LONG)
    await change(branch, id)
    amend = (await branch.claim())[0]
    await branch.mark_sent(amend)
    (first,) = await branch.claim()
    gone = GivenUp(claimed=first, error="refused", at=branch.clock.now)
    await branch.store.settle(notes=[gone])
    assert (await kinds(branch))[-2:] == [("follow", "failed"), ("follow", "failed")]
    await branch.store.settle(notes=[Retried(id=first.id, at=branch.clock.now)])
    assert [one.part for one in await branch.send_all()] == [1, 2]


async def test_a_withdrawal_redacts_what_was_sent_cancels_what_was_not_and_speaks_where_something_stood(
    branch: SmallBranch,
) -> None:
    id = await branch.open()
    rows = {row.room: row for row in await branch.claim(limit=1)}
    (room,) = rows
    await branch.mark_sent(*rows.values())
    await change(branch, id, back=True)
    other = WEST_ROOM if room == EAST_ROOM else EAST_ROOM
    assert await kinds(branch, str(room)) == [("post", "sent"), ("redact", "pending"), ("notice", "pending")]
    assert await kinds(branch, other) == [("post", "cancelled")]
    assert [one.kind for one in await branch.send_all()] == [Kind.REDACT, Kind.NOTICE]


async def test_after_a_withdrawal_the_counts_agree_and_only_who_took_part_is_asked(branch: SmallBranch) -> None:
    id = await branch.open()
    await branch.answer(id, ZHANG)
    before = await branch.store.settle(notes=[OccurrenceWithdrawn(occurrence=id, reason="错", at=branch.clock.now)])
    assert before == ()
    assert await branch.tallied() == await branch.counted()
    states = {state for (_, _, state) in await branch.counted()}
    assert states == {Answer.DONE, Answer.NOT_OFFERED}
    assert (await branch.occurrence(id)).state is Stand.WITHDRAWN
    assert (await branch.let_close(id)).answer is None


async def test_rows_of_corrections_show_what_they_are_about_to_their_scope_only(branch: SmallBranch) -> None:
    id = await branch.open()
    await branch.send_all()
    await revise(branch, "新文。")
    await change(branch, id)
    items = await branch.store.read(lambda unit: outbox_items.items(unit, [EAST], states=[State.PENDING]))
    assert [(item.kind, item.title, item.room) for item in items] == [(Kind.AMEND, "新题", EAST_ROOM)]


async def test_the_rooms_and_cards_of_an_occurrence_are_named_within_the_scope(branch: SmallBranch) -> None:
    id = await branch.open()
    assert await branch.store.read(lambda unit: amendments.room_names(unit, id)) == ("支部群", "支部群")
    cards = await branch.store.read(lambda unit: shown.cards_in(unit, id, [EAST]))
    assert [name for _, name in cards] == ["east支部"]
    card = await branch.store.read(lambda unit: shown.card(unit, cards[0][0]))
    assert card is not None
    assert card.standing.numbers[Answer.OPEN] == 3


async def test_planned_lessons_know_when_they_go_out_already(branch: SmallBranch) -> None:
    id = await branch.plan(due=branch.clock.forward(hours=1), audience=EAST)
    known = await branch.store.read(lambda unit: schedules.going_out(unit, EAST, [LESSON]))
    assert known == ((LESSON, branch.clock.now),)
    assert await branch.store.read(lambda unit: schedules.going_out(unit, WEST, [LESSON])) == ()
    await branch.cancel(id)
    assert await branch.store.read(lambda unit: schedules.going_out(unit, EAST, [LESSON])) == ()
