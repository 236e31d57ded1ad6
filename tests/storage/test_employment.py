"""A worker with a standing wish is given rows in the transaction that brings them, and no more than it can take on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from content.decision import Decision, Tell, words
from content.identifiers import EventId, MemberId
from storage import outbox
from storage.outbox import Claimed, Sent, State
from storage.outbox_claims import Wish
from storage.store import Step
from storage.unit import Reading
from tests.small_branch import LI, WANG, ZHANG, SmallBranch, account, fresh_cause
from tests.storage.test_sharing import counted


class Hands:
    """A worker that takes rows on and holds them."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.held: list[Claimed] = []
        self.known: list[object] = []
        self.breaks = False

    def wish(self) -> Wish | None:
        if self.breaks:
            raise LookupError
        if self.free <= 0:
            return None
        return Wish(worker="hands", device="DEVICE", lease=timedelta(seconds=60), limit=self.free)

    async def look_up(self, unit: Reading, claimed: Sequence[Claimed]) -> object:
        return [row.user for row in claimed]

    def take_on(self, claimed: Sequence[Claimed], known: object) -> None:
        self.free -= len(claimed)
        self.held += claimed
        self.known.append(known)


def telling(member: MemberId) -> Step:
    """Have something said to a member."""

    async def decide(_: Reading) -> Decision:
        return Decision(effects=(Tell(user=account(member), words=words("help.not_understood")),))

    return Step(cause=fresh_cause(), decide=decide)


async def states(branch: SmallBranch) -> list[str]:
    """Return the states of what is to be told, oldest first."""
    return [row.state for row in await branch.rows(outbox.outbox.c.kind == outbox.Kind.TELL)]


async def test_rows_are_handed_over_with_the_transaction_that_brings_them(branch: SmallBranch) -> None:
    hands = Hands(free=8)
    branch.store.employ(hands)
    ended = counted(branch.store)
    await branch.store.settle([telling(ZHANG), telling(LI)])
    assert ended == ["commit"]
    assert [row.user for row in hands.held] == [account(ZHANG), account(LI)]
    assert hands.known == [[account(ZHANG), account(LI)]]
    assert await states(branch) == [State.LEASED, State.LEASED]


async def test_who_has_no_place_free_gets_nothing_and_is_offered_it_later(branch: SmallBranch) -> None:
    hands = Hands(free=1)
    branch.store.employ(hands)
    await branch.store.settle([telling(ZHANG), telling(LI), telling(WANG)])
    assert [row.user for row in hands.held] == [account(ZHANG)]
    await branch.store.offer()
    assert len(hands.held) == 1
    hands.free = 2
    await branch.store.offer()
    assert [row.user for row in hands.held] == [account(ZHANG), account(LI), account(WANG)]


async def test_the_mark_of_one_row_brings_the_next_of_its_lane(branch: SmallBranch) -> None:
    hands = Hands(free=8)
    branch.store.employ(hands)
    await branch.store.settle([telling(ZHANG)])
    await branch.store.settle([telling(ZHANG)])
    (first,) = hands.held
    sent = Sent(claimed=first, event_id=EventId("$sent"), at=branch.clock.now)
    await branch.store.settle(notes=[sent], patient=True)
    assert len(hands.held) == 2
    assert await states(branch) == [State.SENT, State.LEASED]


async def test_who_has_left_is_given_nothing(branch: SmallBranch) -> None:
    hands = Hands(free=8)
    branch.store.employ(hands)
    branch.store.dismiss()
    await branch.store.settle([telling(ZHANG)])
    assert hands.held == []
    assert await states(branch) == [State.PENDING]


async def test_a_worker_that_breaks_takes_nothing_of_what_was_decided_along(branch: SmallBranch) -> None:
    hands = Hands(free=8)
    hands.breaks = True
    branch.store.employ(hands)
    (outcome,) = await branch.store.settle([telling(ZHANG)])
    assert isinstance(outcome.answer, Decision)
    assert await states(branch) == [State.PENDING]


async def test_what_is_patient_shares_the_transaction_of_who_is_not(branch: SmallBranch) -> None:
    (row, other) = [(await branch.store.settle([telling(who)])) and (await branch.claim())[0] for who in (ZHANG, LI)]
    ended = counted(branch.store)
    marks = [Sent(claimed=one, event_id=EventId(f"${one.id}"), at=branch.clock.now) for one in (row, other)]
    patient = [branch.store.settle(notes=[mark], patient=True) for mark in marks]
    await asyncio.gather(*patient, branch.store.settle([telling(WANG)]))
    assert ended == ["commit"]
    assert await states(branch) == [State.SENT, State.SENT, State.PENDING]


async def test_what_is_patient_is_written_when_nobody_else_comes(branch: SmallBranch) -> None:
    await branch.store.settle([telling(ZHANG)])
    (row,) = await branch.claim()
    mark = Sent(claimed=row, event_id=EventId("$sent"), at=branch.clock.now)
    await branch.store.settle(notes=[mark], patient=True)
    assert await states(branch) == [State.SENT]


async def test_a_cause_that_two_bring_at_once_has_its_effect_once(branch: SmallBranch) -> None:
    step = telling(ZHANG)
    (first,), (second,) = await asyncio.gather(branch.store.settle([step]), branch.store.settle([step]))
    assert (first.repeated, second.repeated) == (False, True)
    assert await states(branch) == [State.PENDING]
