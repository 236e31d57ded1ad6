"""The one door to write: once for each cause, together or not at all, one broken rule never stops the rest."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from content.checkins import State
from content.decision import Decision, Refusal, Tell, refused, words
from content.identifiers import Cause, EventId, RoomId, UserId
from content.organisations import Duty, DutyGranted, Role
from storage import audit, checkins, organisations, rooms, sync
from storage.facts import WRITERS
from storage.rooms import StateSeen
from storage.store import Step, Store
from storage.sync import Heard
from tests.small_branch import (
    EAST,
    LI,
    ME,
    NOON,
    WANG,
    ZHANG,
    ZHAO,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    message,
    private_room,
)

WHO = UserId("@who:test")


def granting(user: UserId = WHO, cause: str = "form:grant", **more: Any) -> Step:
    """Make a step that grants a duty."""

    async def decide(_unit: object) -> Decision:
        return Decision(
            facts=(DutyGranted(duty=Duty(user=user, organisation=EAST, role=Role.VIEWER)),),
            effects=(Tell(user=user, words=words("binding.done", name="x")),),
        )

    return Step(cause=Cause(cause), decide=decide, actor=user, **more)


def answering(answer: Any, cause: str = "form:answer", **more: Any) -> Step:
    """Make a step with a fixed answer."""

    async def decide(_unit: object) -> Any:
        return answer

    return Step(cause=Cause(cause), decide=decide, **more)


def breaking(cause: str = "form:broken") -> Step:
    """Make a step whose rule is broken."""

    async def decide(_unit: object) -> Decision:
        raise RuntimeError("张明 said a canary")

    return Step(cause=Cause(cause), decide=decide, actor=WHO)


async def duties(store: Store, user: UserId = WHO) -> int:
    return len(await store.read(lambda unit: organisations.duties_of(unit, user)))


async def test_a_cause_has_its_effect_once_however_often_it_comes(branch: SmallBranch) -> None:
    first = await branch.store.settle([granting(), granting()])
    second = await branch.store.settle([granting()])
    assert [one.repeated for one in (*first, *second)] == [False, True, True]
    assert await duties(branch.store) == 1
    assert await branch.told() == [(WHO, "binding.done")]


async def test_a_refusal_is_recorded_and_told_once(branch: SmallBranch) -> None:
    def tell(refusal: Refusal) -> tuple[Tell, ...]:
        return (Tell(user=WHO, words=refusal.words),)

    step = answering(refused("checkin.nothing_open"), actor=WHO, tell=tell)
    (outcome,) = await branch.store.settle([step])
    (again,) = await branch.store.settle([step])
    assert outcome.refusal is not None
    assert outcome.refusal.words.key == "checkin.nothing_open"
    assert again.repeated
    assert await branch.told() == [(WHO, "checkin.nothing_open")]
    rows = await branch.store.read(lambda unit: unit.rows(select(audit.audit.c.action, audit.audit.c.outcome)))
    assert [tuple(row) for row in rows] == [("checkin.nothing_open", audit.REFUSED)]


async def test_what_is_nobodys_business_leaves_no_trace(branch: SmallBranch) -> None:
    before = await branch.size()
    (outcome,) = await branch.store.settle([answering(None, actor=WHO)])
    assert outcome.answer is None
    assert await branch.size() == before


async def test_every_decision_has_one_row_of_record_with_its_actor_and_cause(branch: SmallBranch) -> None:
    await branch.store.settle([granting()])
    (row,) = await branch.store.read(lambda unit: unit.rows(select(audit.audit)))
    assert (row.actor, row.cause, row.action, row.outcome) == (WHO, "form:grant", "duty_granted", audit.DONE)
    assert row.at == NOON


async def test_a_rule_that_breaks_is_undone_alone_and_kept_as_a_dead_letter(branch: SmallBranch) -> None:
    one, broken, two = await branch.store.settle([granting(), breaking(), granting(UserId("@two:test"), "form:two")])
    assert broken.failed
    assert not one.failed
    assert not two.failed
    assert await duties(branch.store) == await duties(branch.store, UserId("@two:test")) == 1
    (letter,) = await branch.store.read(sync.buried)
    assert letter.cause == "form:broken"
    assert letter.reason.startswith("RuntimeError in decide:")
    assert "canary" not in await branch.everything()


async def test_what_a_broken_step_had_written_already_is_gone(branch: SmallBranch) -> None:
    fact = DutyGranted(duty=Duty(user=WHO, organisation=EAST, role=Role.VIEWER))

    class Unheard(Tell):
        """An effect nobody can carry out."""

    answer = Decision(facts=(fact,), effects=(object(),))  # type: ignore[arg-type]
    (outcome,) = await branch.store.settle([answering(answer)])
    assert outcome.failed
    assert await duties(branch.store) == 0
    assert await branch.store.read(lambda unit: audit.seen(unit, [Cause("form:answer")])) == {}


async def test_a_database_error_in_one_step_does_not_stop_the_others(branch: SmallBranch) -> None:
    unknown_place = DutyGranted(duty=Duty(user=WHO, organisation="nowhere", role=Role.VIEWER))  # type: ignore[arg-type]
    bad, good = await branch.store.settle([answering(Decision(facts=(unknown_place,))), granting()])
    assert bad.failed
    assert not good.failed
    assert await duties(branch.store) == 1


async def test_a_dead_letter_may_be_tried_again(branch: SmallBranch) -> None:
    await branch.store.settle([breaking("form:grant")])
    (outcome,) = await branch.store.settle([granting()])
    assert not outcome.repeated
    assert await duties(branch.store) == 1


async def test_notes_and_steps_are_one_transaction(branch: SmallBranch, monkeypatch: pytest.MonkeyPatch) -> None:
    async def disk_full(_unit: object, _fact: object) -> None:
        raise OSError("disk full")

    heard = Heard(account=ME, since="s2", at=NOON)
    await branch.store.settle(notes=[Heard(account=ME, since="s1", at=NOON)])
    before = await branch.size()
    monkeypatch.setitem(WRITERS, Heard, (disk_full,))
    with pytest.raises(OSError, match="disk full"):
        await branch.store.settle([granting()], notes=[heard])
    assert await branch.size() == before
    monkeypatch.undo()
    await branch.store.settle([granting()], notes=[heard])
    position = await branch.store.read(lambda unit: sync.checkpoint(unit, ME))
    assert position == ("s2", NOON)
    assert await duties(branch.store) == 1


async def test_a_commit_that_fails_leaves_nothing_and_tells_nobody(
    branch: SmallBranch, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[bool] = []
    branch.store.on_change(lambda: woken.append(True))
    before = await branch.size()
    engine = branch.store._engine
    real = engine.dialect.do_commit

    def cut(_connection: object) -> None:
        raise OSError("the power is gone")

    monkeypatch.setattr(engine.dialect, "do_commit", cut)
    with pytest.raises(OSError, match="power"):
        await branch.store.settle([granting()], notes=[Heard(account=ME, since="s9", at=NOON)])
    monkeypatch.setattr(engine.dialect, "do_commit", real)
    assert await branch.size() == before
    assert woken == []
    await branch.store.settle([granting()])
    assert woken == [True]
    assert await duties(branch.store) == 1


async def test_a_step_is_decided_for_the_moment_it_names(branch: SmallBranch, clock: HandClock) -> None:
    said_at = NOON.replace(minute=30)
    clock.forward(hours=5)
    seen = []

    async def decide(unit: Any) -> None:
        seen.append(unit.now)

    await branch.store.settle([Step(cause=fresh_cause(), decide=decide, at=said_at)])
    await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])
    assert seen == [said_at, clock.now]


async def test_steps_of_one_batch_see_what_the_ones_before_them_did(branch: SmallBranch) -> None:
    found: list[int] = []

    async def look(unit: Any) -> None:
        found.append(len(await organisations.duties_of(unit, WHO)))

    await branch.store.settle(
        [Step(cause=fresh_cause(), decide=look), granting(), Step(cause=fresh_cause(), decide=look)]
    )
    assert found == [0, 1]


async def test_scope_is_everything_at_or_below_the_root(branch: SmallBranch) -> None:
    tree = await branch.store.read(organisations.tree)
    below = await branch.store.read(lambda unit: organisations.tree(unit, [EAST]))
    assert [one.id for one in tree] == ["roof", "east", "east-group", "west"]
    assert [one.id for one in below] == ["east", "east-group"]
    assert await branch.store.read(lambda unit: organisations.holders(unit, EAST)) == ("@secretary:test",)


async def test_many_who_come_at_once_queue_and_each_cause_has_its_effect_once(branch: SmallBranch) -> None:
    """F28."""
    outcomes = await asyncio.gather(*[branch.store.settle([granting()]) for _ in range(8)])
    assert sorted(one.repeated for (one,) in outcomes) == [False] + [True] * 7
    id = await branch.open()
    members = (ZHANG, LI, WANG, ZHAO)
    await asyncio.gather(*[branch.answer(id, member) for member in members], branch.counted(), branch.tallied())
    assert {await branch.state(id, member) for member in members} == {State.DONE}
    assert await branch.counted() == await branch.tallied()


async def test_two_workers_never_hold_the_same_row(branch: SmallBranch) -> None:
    await branch.open()
    await branch.open(audience=EAST)
    for member in (ZHANG, LI, WANG):
        await branch.hear(message(account(member), "帮助", room_id=private_room(member)))
    taken = await asyncio.gather(*[branch.claim(worker=f"worker{number}", limit=1) for number in range(8)])
    rows = [row.id for claimed in taken for row in claimed]
    assert len(rows) == len(set(rows)) == 5


async def test_a_question_sees_one_moment_from_its_first_to_its_last_row(branch: SmallBranch) -> None:
    id = await branch.open()
    loop = asyncio.get_running_loop()

    async def ask(unit: Any) -> tuple[State | None, State | None]:
        before = await checkins.expectation(unit, id, ZHANG)
        # Questions are answered on a thread of their own; the loop goes on and can write meanwhile.
        asyncio.run_coroutine_threadsafe(branch.answer(id, ZHANG), loop).result(10)
        after = await checkins.expectation(unit, id, ZHANG)
        return (before.state if before else None, after.state if after else None)

    assert await branch.store.read(ask) == (State.OPEN, State.OPEN)
    assert await branch.state(id, ZHANG) is State.DONE


async def test_a_question_that_waits_for_something_else_is_refused(branch: SmallBranch) -> None:
    never = asyncio.get_running_loop().create_future()

    async def wait(_unit: object) -> None:
        await never

    with pytest.raises(RuntimeError, match="database only"):
        await branch.store.read(wait)


async def test_an_observation_that_cannot_be_kept_is_buried_and_the_rest_is_known(store: Store) -> None:
    def seen(number: int, content: object) -> StateSeen:
        return StateSeen(
            room=RoomId("!room"),
            type="m.room.member",
            state_key=f"@member{number}:test",
            sender=UserId("@someone:test"),
            event_id=EventId(f"$state{number}"),
            content=content,  # type: ignore[arg-type]
        )

    position = Heard(account=UserId("@bot:test"), since="s2", at=store.now())
    await store.settle(notes=[seen(1, {"membership": "join"}), seen(2, object()), seen(3, {}), position])
    assert await store.read(lambda unit: sync.checkpoint(unit, UserId("@bot:test"))) == ("s2", store.now())
    assert await store.read(lambda unit: rooms.joined(unit, RoomId("!room"))) == ("@member1:test",)
    (letter,) = await store.read(sync.buried)
    assert (letter.cause, letter.reason) == ("event:$state2", "StateSeen cannot be kept")
