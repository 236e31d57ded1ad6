"""What the first page, the burden meter and the quarter's report ask: the same answers on both engines."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from content.burden import Asked, Caps, Meter
from content.digests import Sort
from content.home import Facts
from content.hours import Sum
from content.reports import Quarter
from storage import burden, digests, home, hours, members, organisations, reports
from storage.store import Store
from storage.unit import Reading
from tests.console.console_seeding import NOW, Clock, seed

pytestmark = pytest.mark.asyncio


async def test_the_pages_questions_are_answered_alike_on_either_engine(address: str) -> None:
    clock = Clock()
    store = await Store.open(address, clock)
    seeded = await seed(store, clock)
    general, one = seeded.organisations["general"], seeded.organisations["one"]

    day = timedelta(days=1)

    async def read(unit: Reading) -> None:
        assert await home.facts(unit, [general]) == Facts(
            bot_seen=True, members=8, bound=7, rooms=1, written=True, planned=True, in_charge=1, held=True
        )
        assert await home.branches_without_room(unit, [general]) == 1
        assert await home.rooms_lost(unit, [general]) == 0
        (ballot,) = await home.ballots_under_way(unit, [general])
        assert (ballot.id, ballot.unproven, ballot.asked_by) == (seeded.ballots["fixed"], 3, None)
        assert await home.polls_ending(unit, [general], until=NOW + timedelta(days=7)) == ()
        nodes = await organisations.tree(unit, [general])
        meters = await burden.meters(unit, nodes, since=date(2026, 11, 1), until=date(2026, 11, 30))
        assert meters[one] == Meter(posts=2, planned=1, asks=3, minutes=8, at_night=0)
        assert (await burden.caps(unit, [one]))[one] == Caps(day=2, month=10, minutes=240)
        (room,) = await burden.rooms(unit, one, since=date(2026, 11, 24), until=date(2026, 11, 24))
        assert room.asked == (
            Asked(on=date(2026, 11, 16), minutes=8),
            Asked(on=date(2026, 11, 24)),
            Asked(on=date(2026, 11, 26), minutes=8),
        )
        span = {"since": NOW - day, "until": NOW + day, "timezone": "Asia/Shanghai"}
        assert await burden.documents(unit, [one], **span) == ()
        node = next(node for node in nodes if node.id == one)
        line = await burden.line_of(unit, node, date(2026, 11, 1))
        assert (line.parameters["posts"], line.parameters["most"], line.parameters["forms"]) == (2, 10, 0)
        found = await reports.report(unit, node, Quarter(year=2026, number=4))
        assert (found.total.took_part, found.total.asked, found.members) == (2, 6, 6)
        assert (found.corrections, found.answered) == (2, 0)
        assert [held.on for held in found.held] == [date(2026, 11, 16), date(2026, 11, 24)]
        people = await members.by_ids(unit, [seeded.members["白云"], seeded.members["丁一"]])
        years = await hours.learners(unit, people, year=2026, today=NOW.date())
        assert {one.member.name: one.total for one in years} == {"白云": Sum(alone=13), "丁一": Sum()}
        assert await hours.known(unit, [one.id for one in people], NOW.date()) == frozenset()
        told = await digests.digest(unit, node, Sort.WEEKLY, NOW.date() - day)
        assert (told.held, told.share.took_part, told.share.asked) == (1, 2, 6)
        assert [bar.share.asked for bar in told.bars] == [0, 0, 0, 0, 0, 0, 0, 6]
        assert await digests.ready(unit, NOW) == await digests.wanted(unit) == ()

    await store.read(read)
    await store.close()
