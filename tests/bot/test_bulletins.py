"""A bulletin (速递) is read and nothing else: nobody is asked, counted or reminded, and its card is never edited."""

from __future__ import annotations

from datetime import date

from content.burden import Meter
from content.identifiers import LessonId, OccurrenceId
from content.lessons import Kind, LessonWritten
from content.occurrences import State
from storage import burden, organisations, outbox, participation
from storage.participation import Period
from storage.unit import Reading
from tests.small_branch import (
    EAST,
    LI,
    ROOF,
    SECRETARY,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    lesson,
    message,
    private_room,
    reaction,
)

BULLETIN = LessonId("bulletin")


async def sent(branch: SmallBranch) -> OccurrenceId:
    """Send a bulletin to all rooms."""
    bulletin = lesson(BULLETIN, Kind.BULLETIN, title="办事窗口搬家")
    await branch.store.settle(notes=[LessonWritten(lesson=bulletin, author=SECRETARY)])
    id = await branch.open(BULLETIN)
    await branch.send_all()
    return id


async def test_it_goes_out_and_asks_nobody(branch: SmallBranch) -> None:
    event = await branch.card_event(await sent(branch))
    before = await branch.size()
    assert before["expectations"] == before["tallies"] == 0
    heard = await branch.hear(
        reaction(account(ZHANG), event, "✅"),
        reaction(account(LI), event, "🙏"),
        message(account(LI), "学完", reply=event),
    )
    assert [one.refusal for one in heard if one is not None] == [None] * len([one for one in heard if one is not None])
    after = await branch.size()
    assert (after["expectations"], after["outbox"]) == (0, before["outbox"])
    await branch.hear(message(account(LI), "补学", room_id=private_room(LI)))
    assert (account(LI), "makeup.nothing") in await branch.told()


async def test_it_closes_without_touching_its_card(branch: SmallBranch, clock: HandClock) -> None:
    id = await sent(branch)
    clock.forward(hours=3)
    await branch.let_close(id)
    assert (await branch.occurrence(id)).state is State.CLOSED
    assert await branch.rows(outbox.outbox.c.kind == outbox.Kind.EDIT) == []


async def test_it_is_a_post_on_the_burden_meter_and_no_ask_and_stands_in_no_report(branch: SmallBranch) -> None:
    await sent(branch)
    july = {"since": date(2026, 7, 1), "until": date(2026, 7, 31)}

    async def meter(unit: Reading) -> Meter:
        nodes = [node for node in await organisations.tree(unit) if node.id == EAST]
        return (await burden.meters(unit, nodes, **july))[EAST]

    found = await branch.store.read(meter)
    assert (found.posts, found.asks, found.minutes) == (1, 0, 8)
    assert await branch.store.read(lambda unit: participation.held(unit, [ROOF], Period(**july))) == 0
