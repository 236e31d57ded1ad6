"""Of what is discreet neither the record nor the outbox says who it was, nor to whom anything was said."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import fields
from sqlalchemy import select

from content.decision import Decision, Discreet, Fact, Refusal, Tell, discreetly, refused, words
from content.identifiers import Cause, UserId
from content.model_members import MemberNominated, ObjectionRaised
from content.organisations import Duty, Role
from content.rooms import DirectRoomKept
from storage import audit, outbox_items, retention
from storage.audit import audit as record
from storage.outbox import DiscreetRetried, GivenUp, State, outbox
from storage.store import Step
from storage.unit import Reading, Writing
from tests.small_branch import EAST, NOON, ROOF, WEST, ZHANG, ZHAO, SmallBranch, account

WHO = account(ZHANG)
VOTED_AT = "7, 53, 41"
SAID = ("ballot.invited", "ballot.code", "survey.reminded", "selection.objection_kept", "selection.nominated")


def every_discreet(kind: type[Discreet] = Discreet) -> list[type[Discreet]]:
    found = [one for each in kind.__subclasses__() for one in (each, *every_discreet(each))]
    assert found or kind is not Discreet
    return found


def of(kind: type[Struct]) -> Any:
    """Return a fact of which every part is called after its name, and so are the parts of its parts."""
    parts = {one.name: one.type for one in fields(kind)}
    return kind(**{name: of(part) if is_struct(part) else f"the-{name}" for name, part in parts.items()})


def is_struct(kind: Any) -> bool:
    """Tell whether something is put together of parts."""
    return isinstance(kind, type) and issubclass(kind, Struct)


async def recorded(branch: SmallBranch, answer: Decision | Refusal) -> dict[str, Any]:
    """Return the row of record that an answer leaves to what somebody with a duty has said."""

    async def work(unit: Writing) -> None:
        unit.authority = (Duty(user=WHO, organisation=EAST, role=Role.GROUP_LEADER),)
        await audit.record(unit, Cause("event:$said"), answer, actor=WHO, at=NOON)

    await branch.store._write(work, news=False)
    rows = await branch.store.read(lambda unit: unit.rows(select(record).order_by(record.c.number)))
    return dict(rows[-1]._mapping)


def test_each_kind_of_discreet_fact_is_among_those_that_are_tried() -> None:
    assert {MemberNominated, ObjectionRaised} <= set(every_discreet())


@pytest.mark.parametrize("kind", every_discreet())
@pytest.mark.parametrize("beside", [(), (DirectRoomKept(user=WHO, room="!private:test", encrypted=False),)])  # type: ignore[arg-type]
async def test_a_discreet_fact_names_nobody_whatever_happened_with_it(
    branch: SmallBranch, kind: type[Discreet], beside: tuple[Fact, ...]
) -> None:
    row = await recorded(branch, Decision(facts=(*beside, of(kind))))
    assert row["thing"] in (None, "pledge:the-pledge", "selection:the-selection", "survey:the-survey")
    assert row["place"] in (None, "the-organisation")
    named = re.sub("(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
    assert row["action"] == named, "and nothing of a room that was learned of"
    assert row["cause"].startswith("discreet:")
    assert [row[name] for name in ("actor", "subject", "before", "after", "authority")] == [None] * 5


async def test_a_discreet_refusal_does_not_say_who_tried_and_any_other_does(branch: SmallBranch) -> None:
    plain = await recorded(branch, refused("selection.no_reason"))
    assert (plain["actor"], plain["cause"], plain["authority"]) == (WHO, "event:$said", f"group_leader@{EAST}")
    row = await recorded(branch, discreetly(refused("selection.no_reason")))
    assert row["action"] == "selection.no_reason"
    assert row["cause"].startswith("discreet:")
    assert [row[name] for name in ("actor", "subject", "thing", "place", "authority")] == [None] * 5


async def tell(branch: SmallBranch, *keys: str, to: UserId = WHO, **more: Any) -> None:
    async def decide(_: Reading) -> Decision:
        return Decision(effects=tuple(Tell(user=to, words=words(key, title="x", **more)) for key in keys))

    await branch.store.settle([Step(cause=Cause(f"form:{keys[0]}:{to}"), decide=decide)])


async def give_up(branch: SmallBranch) -> None:
    """Let everything fail that could go out."""
    while rows := await branch.claim():
        await branch.store.settle(notes=[GivenUp(claimed=row, error="forbidden", at=branch.clock.now) for row in rows])


@pytest.mark.parametrize("key", SAID)
async def test_what_is_said_discreetly_is_listed_nowhere_and_counted_where_it_failed(
    branch: SmallBranch, key: str
) -> None:
    await tell(branch, key)

    async def seen(unit: Reading) -> tuple[Any, ...]:
        (row,) = await unit.rows(select(outbox.c.id).where(outbox.c.user_id == WHO))
        return (
            await outbox_items.items(unit, [ROOF], states=list(State)),
            await outbox_items.number(unit, [ROOF], states=list(State), most=9),
            await outbox_items.every_item(unit),
            await outbox_items.item(unit, [ROOF], row.id),
            await outbox_items.unlisted_failures(unit, [EAST]),
            await outbox_items.unlisted_failures(unit, [WEST]),
        )

    assert await branch.store.read(seen) == ((), 0, (), None, 0, 0)
    await give_up(branch)
    assert await branch.store.read(seen) == ((), 0, (), None, 1, 0)


async def test_what_is_said_of_anything_else_is_listed_as_before(branch: SmallBranch) -> None:
    await tell(branch, "mute.off")
    (item,) = await branch.store.read(lambda unit: outbox_items.items(unit, [ROOF], states=list(State)))
    assert item.user == WHO


async def test_what_was_said_discreetly_leaves_no_row_and_what_failed_a_day_and_no_time(branch: SmallBranch) -> None:
    """L5, L6: who was sent a link, a reminder or a code, and when, is who was about to vote."""
    branch.clock.now = branch.clock.now.replace(hour=7, minute=53, second=41)
    await tell(branch, "ballot.invited")
    (row,) = await branch.claim()
    assert VOTED_AT in await branch.everything()
    await branch.mark_sent(row)
    rest = (await branch.everything()).replace(repr(Cause(f"form:ballot.invited:{WHO}")), "")
    assert "ballot.invited" not in rest
    assert await branch.rows() == []
    await tell(branch, "ballot.code")
    await give_up(branch)
    (left,) = await branch.rows()
    assert VOTED_AT not in repr(tuple(left))
    assert (left.state, left.done_at) == (State.FAILED, NOON.replace(hour=0))
    await branch.store.settle(notes=[retention.Swept(at=branch.clock.forward(days=31))])
    assert await branch.rows() == []


async def test_what_failed_discreetly_is_tried_again_all_at_once_within_ones_own_subtree(branch: SmallBranch) -> None:
    """A link whose time is over is let go with its code: it would lead nowhere."""
    soon, later = (branch.clock.now + timedelta(hours=hours) for hours in (1, 9))
    await tell(branch, "ballot.invited", "ballot.code", until=later)
    await tell(branch, "survey.invited", "ballot.code", until=soon)
    await tell(branch, "selection.nominated")
    await tell(branch, "selection.nominated", to=account(ZHAO))
    await give_up(branch)
    branch.clock.forward(hours=2)
    await branch.store.settle(notes=[DiscreetRetried(roots=(EAST,), at=branch.clock.now)])
    stands = [(row.user_id == WHO, row.words["key"], row.state) for row in await branch.rows()]
    assert stands == [
        (True, "ballot.invited", State.PENDING),
        (True, "ballot.code", State.PENDING),
        (True, "survey.invited", State.CANCELLED),
        (True, "ballot.code", State.CANCELLED),
        (True, "selection.nominated", State.PENDING),
        (False, "selection.nominated", State.FAILED),
    ]
    sent = [row.words.key for row in await branch.send_all() if row.words is not None]
    assert sent == ["ballot.invited", "ballot.code", "selection.nominated"]
