"""The last week of a room is looked at as its guards do, and nothing of what was said is kept."""

from __future__ import annotations

import pytest

from bot.delivery import MODERATION, Delivery
from bot.matrix.events import Unreadable
from bot.matrix.faults import Fault, Kind
from content.guards import Guard, GuardSet, Level
from content.identifiers import Cause, RehearsalId, derive
from content.rehearsals import LASTS, Outcome, ask
from storage import rehearsals
from storage.rehearsals import Rehearsal
from storage.store import Step
from storage.unit import Reading
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import EAST, EAST_ROOM, ME, NOON, SECRETARY, ZHANG, SmallBranch, account, fresh_cause, message
from zhibu.catalogue import load_speech

BAD = "兼职刷单，日结五百"


async def rehearse(branch: SmallBranch, homeserver: FakeHomeserver) -> RehearsalId:
    """Ask for the last week of the east branch's room, and let the bot look."""
    cause: Cause = fresh_cause()

    async def decide(unit: Reading) -> object:
        return ask(EAST, EAST_ROOM, cause=cause, now=unit.now)

    await branch.store.settle([Step(cause=cause, decide=decide, actor=SECRETARY)])  # type: ignore[arg-type]
    await branch.store.take_up(homeserver.device_id)
    await Delivery(branch.store, homeserver, load_speech()).work_off(MODERATION, patience=3)  # type: ignore[arg-type]
    return RehearsalId(derive(cause, "rehearsal"))


async def found(branch: SmallBranch, id: RehearsalId) -> Rehearsal:
    one = await branch.store.read(lambda unit: rehearsals.rehearsal(unit, id))
    assert one is not None
    return one


@pytest.fixture
def homeserver(branch: SmallBranch) -> FakeHomeserver:
    return FakeHomeserver(branch.clock)


async def test_the_last_week_is_looked_at_by_the_present_rules(branch: SmallBranch, homeserver: FakeHomeserver) -> None:
    bad, link = message(account(ZHANG), BAD), message(account(ZHANG), "https://evil.xyz/")
    sealed = Unreadable(room_id=EAST_ROOM, event_id="$s", sender=account(ZHANG), session_id="k", sent_at=NOON)
    homeserver.said[EAST_ROOM] = (
        message(account(ZHANG), "大家早"),
        bad,
        message(SECRETARY, BAD),
        message(ME, BAD),
        sealed,
        link,
    )
    await branch.store.settle(notes=[GuardSet(organisation=EAST, room=None, name="links", value="hide")])
    one = await found(branch, await rehearse(branch, homeserver))
    assert (one.outcome, one.looked, one.unread, one.struck) == (Outcome.WHOLE, 4, 1, 2)
    assert [(hit.event, hit.guard, hit.level) for hit in one.hits] == [
        (link.event_id, Guard.LINKS, Level.HIDE),
        (bad.event_id, Guard.WORDS, Level.FLAG),
    ]
    assert BAD not in await branch.everything()


async def test_a_room_that_cannot_be_read_says_so(branch: SmallBranch, homeserver: FakeHomeserver) -> None:
    homeserver.said[EAST_ROOM] = Fault(Kind.REFUSED)
    assert (await found(branch, await rehearse(branch, homeserver))).outcome is Outcome.CLOSED


async def test_what_was_found_goes_after_ten_minutes(branch: SmallBranch, homeserver: FakeHomeserver) -> None:
    id = await rehearse(branch, homeserver)
    branch.clock.now += LASTS
    assert await branch.store.read(lambda unit: rehearsals.rehearsal(unit, id)) is None
