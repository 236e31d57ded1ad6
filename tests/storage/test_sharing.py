"""Requests that share a transaction, what one of them may do to the others, and prepared statements."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import bindparam, column, event, select, table
from sqlalchemy.exc import DBAPIError

from content.checkins import Answered, State
from content.decision import Decision, Effect, ShowAgain, Tell, words
from content.identifiers import Cause, MemberId, UserId
from content.organisations import Duty, DutyGranted, Role
from storage import audit, outbox, sync
from storage.facts import WRITERS
from storage.heartbeats import Beat, beats
from storage.prepared import Prepared
from storage.rooms import StateSeen
from storage.store import Step, Store
from storage.sync import Heard
from storage.unit import Reading
from tests.small_branch import EAST, LI, ME, NOON, WANG, ZHANG, SmallBranch, account, fresh_cause

BAD = Heard(account=ME, since="bad", at=NOON)


def beat(number: int) -> Beat:
    """Make a note of its own for each number."""
    return Beat(role=f"role{number}", state="well", at=NOON)


def counted(store: Store) -> list[str]:
    """Return a list that grows with each commit and each rollback of a transaction that writes."""
    ended: list[str] = []

    def note(kind: str) -> Any:
        def noted(connection: Any) -> None:
            if connection.get_execution_options().get("zhibu_write"):
                ended.append(kind)

        return noted

    event.listen(store._engine, "commit", note("commit"))
    event.listen(store._engine, "rollback", note("rollback"))
    return ended


async def test_requests_that_come_together_share_one_commit(store: Store) -> None:
    ended = counted(store)
    await asyncio.gather(*[store.settle(notes=[beat(number)]) for number in range(8)])
    assert ended == ["commit"]
    assert len(await store.read(beats)) == 8


async def test_of_requests_that_share_a_transaction_the_one_that_fails_fails_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_unit: object, _fact: object) -> None:
        raise OSError("disk full")

    monkeypatch.setitem(WRITERS, Heard, (*WRITERS[Heard], full))
    ended = counted(store)
    requests = [store.settle(notes=[beat(1)]), store.settle(notes=[beat(2), BAD]), store.settle(notes=[beat(3)])]
    first, second, third = await asyncio.gather(*requests, return_exceptions=True)
    assert first == third == ()
    assert isinstance(second, OSError)
    assert ended == ["rollback", "commit"]
    assert set(await store.read(beats)) == {"role1", "role3"}
    assert await store.read(lambda unit: sync.checkpoint(unit, ME)) is None


async def test_who_is_cancelled_takes_nobody_else_along(store: Store) -> None:
    tasks = [asyncio.create_task(store.settle(notes=[beat(number)])) for number in range(3)]
    asyncio.get_running_loop().call_soon(tasks[1].cancel)
    first, second, third = await asyncio.gather(*tasks, return_exceptions=True)
    assert first == third == ()
    assert isinstance(second, asyncio.CancelledError)
    assert {"role0", "role2"} <= set(await store.read(beats))


async def test_a_rule_that_waits_for_anything_but_the_database_is_a_dead_letter(branch: SmallBranch) -> None:
    loop = asyncio.get_running_loop()

    async def decide(_unit: object) -> None:
        await loop.create_future()

    (outcome,) = await branch.store.settle([Step(cause=Cause("form:waits"), decide=decide)])
    assert outcome.failed
    with pytest.raises(RuntimeError, match="database only"):
        await branch.store.read(decide)


async def test_a_step_that_breaks_after_others_wrote_leaves_theirs(branch: SmallBranch) -> None:
    granted = DutyGranted(duty=Duty(user=UserId("@new:test"), organisation=EAST, role=Role.VIEWER))

    def step(cause: str, *facts: Any) -> Step:
        async def decide(_unit: object) -> Decision:
            return Decision(facts=facts)

        return Step(cause=Cause(cause), decide=decide)

    unknown: Any = StateSeen(
        room=EAST,  # type: ignore[arg-type]
        type="m.room.member",
        state_key="",
        sender=ME,
        event_id="$1",  # type: ignore[arg-type]
        content=object(),  # type: ignore[arg-type]
    )
    good, bad = await branch.store.settle([step("form:good", granted), step("form:bad", granted, unknown)])
    assert not good.failed
    assert bad.failed
    (letter,) = await branch.store.read(sync.buried)
    assert letter.cause == "form:bad"


async def test_an_error_of_a_prepared_statement_does_not_quote_its_parameters(store: Store) -> None:
    nowhere = table("nowhere", column("words"))
    ask = Prepared(select(nowhere.c.words).where(nowhere.c.words == bindparam("said")))
    with pytest.raises(DBAPIError) as raised:
        await store.read(lambda unit: unit.rows(ask, {"said": "a secret"}))
    assert "a secret" not in str(raised.value)


async def test_where_the_commit_fails_all_who_share_it_are_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(_connection: object) -> None:
        raise OSError("the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr(store._engine.dialect, "do_commit", cut)
        requests = [store.settle(notes=[beat(number)]) for number in range(3)]
        told = await asyncio.gather(*requests, return_exceptions=True)
    assert [type(one) for one in told] == [OSError] * 3
    assert await store.read(beats) == {}
    await store.settle(notes=[beat(1)])
    assert set(await store.read(beats)) == {"role1"}


async def test_a_batch_that_is_done_again_counts_nothing_twice(branch: SmallBranch) -> None:
    id = await branch.open()
    asked: list[str] = []

    def answering(member: MemberId) -> Step:
        cause = Cause(f"form:{member}")

        async def decide(unit: Reading) -> Decision:
            asked.append(member)
            answered = Answered(
                occurrence=id, member=member, before=State.OPEN, after=State.DONE, at=unit.now, cause=cause
            )
            return Decision(facts=(answered,))

        return Step(cause=cause, decide=decide)

    async def bad(unit: Reading) -> Decision:
        answer = await answering(WANG).decide(unit)
        assert isinstance(answer, Decision)
        return Decision(facts=(*answer.facts, answer))  # type: ignore[arg-type]

    steps = [answering(ZHANG), Step(cause=Cause("form:bad"), decide=bad), answering(LI), answering(ZHANG)]
    outcomes = await branch.store.settle(steps)
    assert [(one.failed, one.repeated) for one in outcomes] == [
        (False, False),
        (True, False),
        (False, False),
        (False, True),
    ]
    assert asked == [ZHANG, WANG, ZHANG, WANG, LI]
    assert await branch.tallied() == await branch.counted()
    assert await branch.summed() == await branch.recounted()
    assert (await branch.counted())[id, EAST, State.DONE] == 2
    record = await branch.store.read(audit.lines)
    assert Counter(line.cause for line in record if line.cause.startswith("form:")) == Counter(
        {Cause(f"form:{ZHANG}"): 1, Cause(f"form:{LI}"): 1}
    )


async def test_in_a_batch_a_person_hears_things_in_the_order_in_which_they_were_decided(branch: SmallBranch) -> None:
    card = await branch.card(await branch.open())

    def saying(member: MemberId, key: str) -> Tell:
        return Tell(user=account(member), words=words(key))

    def showing(member: MemberId) -> ShowAgain:
        return ShowAgain(user=account(member), card=card, parts=1)

    def step(*effects: Effect) -> Step:
        async def decide(_unit: object) -> Decision:
            return Decision(effects=effects)

        return Step(cause=fresh_cause(), decide=decide)

    await branch.store.settle(
        [step(showing(LI)), step(saying(ZHANG, "a.one"), showing(ZHANG), saying(ZHANG, "a.two")), step(showing(LI))]
    )
    rows = await branch.rows(outbox.outbox.c.user_id == account(ZHANG))
    ordered = sorted(rows, key=lambda row: row.number)
    assert [(row.kind, row.words and row.words["key"]) for row in ordered] == [
        ("tell", "a.one"),
        ("lesson", None),
        ("tell", "a.two"),
    ]
