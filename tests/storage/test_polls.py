"""What is kept of polls on both engines: their events, their votes, their figures, and for how long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot.clock import concluding, stopping
from bot.polls import counting
from content import polls as rules
from content.decision import Decision, Fact, Refusal
from content.identifiers import EventId, OrganisationId, PollId, RoomId, UserId
from content.organisations import Right
from content.polls import Poll, Response, Sheet, State, Voted, number_answers
from storage import organisations, outbox, outbox_items, outbox_queries, polls, retention, sync
from storage.outbox import Kind
from storage.polls import poll_responses
from storage.store import Step
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    ROOF,
    SECRETARY,
    WANG,
    WEST,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
)

ID = PollId("poll")


def draft(**more: Any) -> Poll:
    """Make a poll for the room of the eastern branch."""
    sheet = Sheet(question="几点", answers=number_answers(ID, ("早", "晚")))
    return Poll(**{"id": ID, "organisation": EAST, "room": EAST_ROOM, "sheet": sheet, **more})


async def decide(branch: SmallBranch, answer: Decision | Refusal | None) -> None:
    """Make a decision so."""
    assert isinstance(answer, Decision)

    async def decided(_unit: object) -> Decision:
        return answer

    (outcome,) = await branch.store.settle([Step(cause=fresh_cause(), decide=decided)])
    assert not outcome.failed


async def opened(branch: SmallBranch, *, sent: bool = True, **more: Any) -> Poll:
    """Open a poll and let it reach its room."""
    await decide(branch, rules.open_poll(draft(**more), author=SECRETARY, now=branch.clock.now))
    if sent:
        await branch.send_all()
    return await found(branch)


async def found(branch: SmallBranch) -> Poll:
    """Return the poll as it stands."""
    poll = await branch.store.read(lambda unit: polls.poll(unit, ID))
    assert poll is not None
    return poll


async def note(branch: SmallBranch, *facts: Fact) -> None:
    """Write facts down."""
    await branch.store.settle(notes=list(facts))


def vote(branch: SmallBranch, sender: UserId, *chosen: str, event: str = "$vote") -> Voted:
    """Make the fact of a vote."""
    at = branch.clock.now
    return Voted(poll=ID, response=Response(event=EventId(event), sender=sender, sent_at=at, chosen=chosen))


async def test_a_poll_is_read_back_as_it_was_written(branch: SmallBranch) -> None:
    closes = branch.clock.now + timedelta(hours=1)
    await opened(branch, sent=False, closes_at=closes)
    assert await found(branch) == draft(closes_at=closes, opened_at=branch.clock.now)


async def test_a_poll_has_its_event_once_it_was_sent_and_keeps_the_first(branch: SmallBranch) -> None:
    poll = await opened(branch)
    assert poll.event is not None
    await note(branch, rules.PollShown(poll=ID, event=EventId("$other")))
    assert (await found(branch)).event == poll.event
    assert await branch.store.read(lambda unit: polls.by_event(unit, EAST_ROOM, poll.event or EventId(""))) == poll


async def test_c2_a_poll_is_not_found_from_another_room(branch: SmallBranch) -> None:
    poll = await opened(branch)
    other = RoomId("!elsewhere:test")
    assert await branch.store.read(lambda unit: polls.by_event(unit, other, poll.event or EventId(""))) is None


async def test_a_response_is_kept_once_and_its_removal_with_it(branch: SmallBranch) -> None:
    poll = await opened(branch)
    first = poll.sheet.answers[0].id
    await note(branch, vote(branch, account(ZHANG), first), vote(branch, account(ZHANG), first))
    spoiled = replace(vote(branch, SECRETARY, event="$spoiled").response, chosen=None)
    await note(branch, Voted(poll=ID, response=spoiled))
    await note(branch, rules.VoteRemoved(event=EventId("$vote"), by=SECRETARY))
    box = await branch.store.read(lambda unit: polls.box(unit, poll))
    assert {(one.event, one.chosen, one.removed_by) for one in box.responses} == {
        ("$vote", (first,), SECRETARY),
        ("$spoiled", None, None),
    }


async def test_the_base_is_the_roster_of_the_branch_with_its_groups(branch: SmallBranch) -> None:
    poll = await opened(branch)
    box = await branch.store.read(lambda unit: polls.box(unit, poll))
    assert (box.members, box.asked) == ({account(ZHANG), account(LI), account(WANG)}, 3)


async def test_c13_what_cannot_be_read_is_counted_until_its_key_comes(branch: SmallBranch) -> None:
    poll = await opened(branch)
    for number, about in enumerate((poll.event, EventId("$other"), None)):
        unread = sync.NotReadable(
            room=EAST_ROOM,
            session_id="session",
            sender=account(ZHANG),
            event_id=EventId(f"$sealed{number}"),
            at=branch.clock.now,
            refers_to=about,
        )
        await note(branch, unread)
    assert (await branch.store.read(lambda unit: polls.box(unit, poll))).unreadable == 1
    await note(branch, sync.Readable(event_id=EventId("$sealed0")))
    assert (await branch.store.read(lambda unit: polls.box(unit, poll))).unreadable == 0


async def test_the_published_figure_is_read_back_as_it_was_written(branch: SmallBranch) -> None:
    poll = await opened(branch)
    await note(branch, vote(branch, account(ZHANG), poll.sheet.answers[1].id))
    box = await branch.store.read(lambda unit: polls.box(unit, poll))
    now = branch.clock.now
    await decide(branch, rules.end(poll, box, ended_at=now, now=now))
    assert await branch.store.read(polls.uncounted) == (await found(branch),)
    await branch.store.settle([counting(ID, whole=True)])
    assert await branch.store.read(polls.uncounted) == ()
    closed = await found(branch)
    assert (closed.state, closed.ended_at, closed.result) == (State.CLOSED, now, rules.count(poll, box))


async def test_only_what_is_over_is_stopped_and_only_once(branch: SmallBranch, clock: HandClock) -> None:
    await opened(branch, closes_at=clock.now + timedelta(hours=1))
    assert await branch.store.read(lambda unit: polls.over(unit, clock.now)) == ()
    clock.forward(hours=1)
    assert await branch.store.read(lambda unit: polls.over(unit, clock.now)) == (ID,)
    for _ in range(2):
        await branch.store.settle([stopping(ID)])
    assert (await found(branch)).state is State.CLOSING
    assert await branch.store.read(lambda unit: polls.over(unit, clock.now)) == ()
    assert [row.kind for row in await branch.rows(outbox.outbox.c.poll_id == ID)] == [Kind.POLL, Kind.POLL_END]


async def test_a_poll_that_came_too_late_for_its_room_is_withdrawn(branch: SmallBranch, clock: HandClock) -> None:
    await opened(branch, sent=False, closes_at=clock.now + timedelta(hours=1))
    clock.forward(hours=1)
    (waiting,) = await branch.store.settle([stopping(ID)])
    assert waiting.answer is None, "it may still be on its way"
    clock.forward(seconds=1)
    assert await branch.claim() == []
    await branch.store.settle([stopping(ID)])
    assert (await found(branch)).state is State.WITHDRAWN


async def test_a_poll_that_expires_takes_nothing_else_with_it(branch: SmallBranch, clock: HandClock) -> None:
    await opened(branch, sent=False, closes_at=clock.now + timedelta(hours=1))
    await branch.open(late=timedelta(hours=9))
    clock.forward(hours=1, seconds=1)
    await branch.claim()
    rows = await branch.rows(outbox.outbox.c.state == outbox.State.EXPIRED)
    assert [row.kind for row in rows] == [Kind.POLL]


async def test_an_end_that_is_not_heard_back_is_believed_after_a_while(branch: SmallBranch, clock: HandClock) -> None:
    await opened(branch, closes_at=clock.now + timedelta(hours=1))
    clock.forward(hours=1)
    await branch.store.settle([stopping(ID)])
    await branch.send_all()
    sent_at = clock.now
    assert await branch.store.read(lambda unit: outbox_queries.unheard_ends(unit, clock.now)) == ()
    clock.forward(minutes=6)
    unheard = await branch.store.read(lambda unit: outbox_queries.unheard_ends(unit, clock.now - timedelta(minutes=5)))
    assert unheard == ((ID, sent_at),)
    await branch.store.settle([concluding(*unheard[0]), counting(ID, whole=True)])
    closed = await found(branch)
    assert (closed.state, closed.ended_at) == (State.CLOSED, sent_at)
    assert [row.kind for row in await branch.rows(outbox.outbox.c.kind == Kind.RESULT)] == [Kind.RESULT]


async def test_who_chose_what_is_forgotten_after_a_year_and_the_totals_stay(
    branch: SmallBranch, clock: HandClock
) -> None:
    poll = await opened(branch)
    await note(branch, vote(branch, account(ZHANG), poll.sheet.answers[0].id))
    box = await branch.store.read(lambda unit: polls.box(unit, poll))
    await decide(branch, rules.end(poll, box, ended_at=clock.now, now=clock.now))
    await branch.store.settle([counting(ID, whole=True)])
    clock.forward(days=364)
    await note(branch, retention.Swept(at=clock.now))
    assert (await branch.size())[poll_responses.name] == 1
    clock.forward(days=2)
    await note(branch, retention.Swept(at=clock.now))
    assert (await branch.size())[poll_responses.name] == 0
    closed = await found(branch)
    assert closed.result is not None
    assert closed.result.members.voters == 1


async def test_a_desk_sees_the_polls_of_its_subtree_only(branch: SmallBranch) -> None:
    await opened(branch)
    for roots, expected in (([ROOF], 1), ([EAST], 1), ([WEST], 0)):
        listed = await branch.store.read(lambda unit, roots=roots: polls.of_roots(unit, roots))  # type: ignore[misc]
        one = await branch.store.read(lambda unit, roots=roots: polls.visible(unit, roots, ID))  # type: ignore[misc]
        assert (len(listed), int(one is not None)) == (expected, expected)


async def test_the_outbox_shows_a_poll_with_its_question_to_its_subtree_only(branch: SmallBranch) -> None:
    await opened(branch, sent=False)
    pending = [outbox.State.PENDING]
    (item,) = await branch.store.read(lambda unit: outbox_items.items(unit, [EAST], states=pending))
    assert (item.kind, item.title, item.branch_name, item.over) == (Kind.POLL, "几点", "east支部", False)
    assert await branch.store.read(lambda unit: outbox_items.items(unit, [WEST], states=pending)) == ()
    assert await branch.store.read(lambda unit: outbox_items.number(unit, [EAST], states=pending, most=9)) == 1


async def test_a_poll_whose_time_is_over_is_not_sent_again(branch: SmallBranch, clock: HandClock) -> None:
    await opened(branch, sent=False, closes_at=clock.now + timedelta(hours=1))
    clock.forward(hours=1, seconds=1)
    await branch.claim()
    await branch.store.settle([stopping(ID)])
    (row,) = await branch.rows(outbox.outbox.c.poll_id == ID)
    await note(branch, outbox.Retried(id=row.id, at=clock.now))
    (item,) = await branch.store.read(lambda unit: outbox_items.items(unit, [EAST], states=[outbox.State.EXPIRED]))
    assert item.over


@pytest.mark.parametrize("where", [ROOF, EAST, WEST])
async def test_a_right_holds_at_and_below_the_node_of_its_duty(branch: SmallBranch, where: OrganisationId) -> None:
    async def may(user: UserId) -> bool:
        return await branch.store.read(lambda unit: organisations.may(unit, user, Right.SCHEDULE, where))

    assert await may(SECRETARY)
    assert not await may(account(ZHANG))
