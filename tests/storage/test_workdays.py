"""Working days are kept on both engines: a year entered again is replaced, and one that is dropped comes back."""

from __future__ import annotations

import hashlib
from datetime import date

from content.decision import Decision, Fact
from content.identifiers import Cause
from content.workday_lists import Day
from content.workdays import Source, WorkdaySet, YearForgotten, YearListed
from storage import workdays
from storage.store import Answer, Step, Store
from storage.unit import Reading

WHOLE = tuple(Day(date=date(2026, month, 1), works=False, name="national_day") for month in (1, 5, 10))


async def let(store: Store, *facts: Fact) -> None:
    async def decide(_: Reading) -> Answer:
        return Decision(facts=facts)

    cause = Cause(f"form:{hashlib.sha256(repr(facts).encode()).hexdigest()}")
    (outcome,) = await store.settle([Step(cause=cause, actor=None, decide=decide)])
    assert not outcome.failed


async def test_a_year_entered_again_is_replaced_and_dropping_it_brings_the_shipped_one_back(store: Store) -> None:
    before = await store.read(workdays.calendar)
    assert before.source(2026) is Source.PUBLISHED
    await let(store, YearListed(year=2026, days=(*WHOLE, Day(date=date(2026, 3, 3), works=False))))
    await let(store, WorkdaySet(day=Day(date=date(2026, 3, 8), works=True)))
    await let(store, WorkdaySet(day=Day(date=date(2027, 3, 8), works=False)))
    kept = await store.read(workdays.calendar)
    assert not kept.works(date(2026, 3, 3))
    assert kept.works(date(2026, 3, 8))
    await let(store, YearListed(year=2026, days=WHOLE))
    again = await store.read(workdays.calendar)
    assert again.works(date(2026, 3, 3))
    assert not again.works(date(2026, 3, 8))
    assert not again.works(date(2027, 3, 8))
    assert again.source(2027) is Source.NONE
    await let(store, YearForgotten(year=2026))
    await let(store, YearForgotten(year=2027))
    assert await store.read(workdays.calendar) == before


async def test_a_day_set_twice_keeps_the_later_word(store: Store) -> None:
    for works in (False, True):
        await let(store, WorkdaySet(day=Day(date=date(2026, 3, 4), works=works, name=str(works))))
    kept = await store.read(workdays.calendar)
    assert kept.days[date(2026, 3, 4)] == Day(date=date(2026, 3, 4), works=True, name="True")
