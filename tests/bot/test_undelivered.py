"""Whoever answers for a broadcast is told once that it did not arrive everywhere, whatever the number of rooms."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.matrix.faults import Kind as FaultKind
from bot.undelivered import tell_owners
from content.decision import Decision, Fact
from content.identifiers import OutboxId, PollId, UserId
from content.organisations import Duty, DutyEnded, DutyGranted, Role
from content.polls import Poll, PollOpened, SendPoll, Sheet, number_answers
from content.speech import Reader
from content.undelivered import FAULTS
from storage.outbox import GivenUp, Kind, Retried, State, outbox
from storage.phrases import load_words
from storage.store import Step
from tests.small_branch import EAST, EAST_ROOM, NOON, ROOF, SECRETARY, HandClock, SmallBranch, fresh_cause
from zhibu.catalogue import load_speech

DEPUTY = UserId("@deputy:test")
CONSOLE = "https://console.test"


async def give_up(branch: SmallBranch, error: str = "refused M_FORBIDDEN") -> list[OutboxId]:
    """Let everything fail that waits to be shown in rooms."""
    claimed = [row for row in await branch.claim() if row.kind in (Kind.POST, Kind.POLL)]
    facts: list[Fact] = [GivenUp(claimed=row, error=error, at=branch.clock()) for row in claimed]
    await branch.store.settle(notes=facts)
    return [row.id for row in claimed]


async def told(branch: SmallBranch) -> list[str]:
    return [row.user_id for row in await branch.rows(outbox.c.kind == Kind.TELL)]


async def test_two_rooms_that_refuse_one_lesson_are_one_message_to_who_planned_it(branch: SmallBranch) -> None:
    await branch.open()
    assert len(await give_up(branch)) == 2
    for _ in range(3):
        await tell_owners(branch.store, CONSOLE)
    assert await told(branch) == [SECRETARY]


async def test_a_card_that_came_too_late_is_told_of_too(branch: SmallBranch, clock: HandClock) -> None:
    """R4: late is visible, never silent."""
    await branch.open()
    clock.forward(hours=30)
    await branch.claim()
    assert {row.state for row in await branch.rows(outbox.c.kind == Kind.POST)} == {State.EXPIRED}
    await tell_owners(branch.store, CONSOLE)
    assert await told(branch) == [SECRETARY]


async def test_what_was_tried_again_meanwhile_is_not_told_of(branch: SmallBranch) -> None:
    await branch.open(audience=EAST)
    (failed,) = await give_up(branch)
    await branch.store.settle(notes=[Retried(id=failed, at=NOON)])
    await tell_owners(branch.store, CONSOLE)
    assert await told(branch) == []


async def test_a_second_failure_after_a_retry_is_for_the_desk(branch: SmallBranch) -> None:
    await branch.open(audience=EAST)
    (failed,) = await give_up(branch)
    await tell_owners(branch.store, CONSOLE)
    await branch.store.settle(notes=[Retried(id=failed, at=NOON)])
    await give_up(branch)
    await tell_owners(branch.store, CONSOLE)
    assert await told(branch) == [SECRETARY]


async def test_where_who_planned_it_is_gone_who_leads_nearest_is_told(branch: SmallBranch) -> None:
    duties = [
        DutyGranted(duty=Duty(user=DEPUTY, organisation=EAST, role=Role.ORGANISING_MEMBER)),
        DutyGranted(duty=Duty(user=UserId("@looks:test"), organisation=EAST, role=Role.VIEWER)),
        DutyGranted(duty=Duty(user=UserId("@above:test"), organisation=ROOF, role=Role.SECRETARY)),
        DutyEnded(duty=Duty(user=SECRETARY, organisation=ROOF, role=Role.SECRETARY)),
    ]
    await branch.store.settle(notes=duties)
    await branch.open(audience=EAST)
    await give_up(branch)
    await tell_owners(branch.store, CONSOLE)
    assert await told(branch) == [DEPUTY]


async def test_a_poll_that_never_came_is_told_to_who_asked_it(branch: SmallBranch) -> None:
    id = PollId("poll")
    sheet = Sheet(question="几点", answers=number_answers(id, ("早", "晚")))
    poll = Poll(id=id, organisation=EAST, room=EAST_ROOM, sheet=sheet)
    await branch.store.settle(notes=[PollOpened(poll=poll, author=SECRETARY, at=NOON)])

    async def ask(_unit: object) -> Decision:
        return Decision(effects=(SendPoll(poll=id, room=EAST_ROOM, expires_at=NOON + timedelta(hours=1)),))

    await branch.store.settle([Step(cause=fresh_cause(), decide=ask)])
    await give_up(branch, "missing M_NOT_FOUND")
    await tell_owners(branch.store, CONSOLE)
    assert await told(branch) == [SECRETARY]


@pytest.mark.parametrize("error", ["refused M_FORBIDDEN", "too_late", "KeyError"])
async def test_the_message_names_the_branch_the_reason_and_where_to_go_in_both_languages(
    branch: SmallBranch, error: str
) -> None:
    await branch.open(audience=EAST)
    await give_up(branch, error)
    await tell_owners(branch.store, CONSOLE)
    (row,) = await branch.rows(outbox.c.kind == Kind.TELL)
    for language in ("zh_CN", "en"):
        said = load_speech().say(load_words(row.words), Reader(language=language))
        assert "安全生产" in said
        assert "east支部" in said
        assert "https://console.test/outbox?tab=failed" in said


def test_every_kind_of_fault_is_told_in_its_own_words() -> None:
    assert {str(kind) for kind in FaultKind} == FAULTS
