"""Lives that end by SIGKILL while dues are entered: each acknowledged entry is there, once, also if sent again (R6)."""

from __future__ import annotations

import asyncio
import json
import random
from multiprocessing.connection import Connection
from typing import Any

from sqlalchemy import text

import storage.store
from storage import crashpoints
from storage.store import Store
from storage.unit import Reading
from tests.faults.campaign import Tally
from tests.faults.ledger import Desk, answered, blank, draw, founding, step
from tests.faults.ledger_oracle import ACCEPTED
from tests.faults.lives import Told, live
from tests.small_branch import NOON, HandClock

LONGEST_LIFE = 0.4
"""Seconds; a life is ended at an instant before that, where it does not end at a named place."""
PLACES = ("store.before_commit", "store.after_commit")
LATEST_PASS = 25


def _enter(address: str, number: int, seed: int, place: str, told: Connection) -> None:
    """Enter what an organiser might, and tell of it before and after, until the end."""

    async def go() -> None:
        chance, desk = random.Random(f"{seed}/{number}"), blank(number)
        store = await Store.open(address, HandClock(NOON))
        # Not before: the store's own writings at its start have been tried elsewhere.
        storage.store.crashpoint = crashpoints._armed(place)  # type: ignore[attr-defined]
        told.send(("ready", "", ""))
        places = [one for one, branch in desk.branch_of.items() if one == branch]
        for count in range(10_000):
            op = draw(chance, desk, f"form:{seed}-{number}-{count}", NOON.date())
            if op["kind"] == "assess":
                op["note"] = f"依据 {op['cause']}"
            told.send(("meant", json.dumps(op), ""))
            (outcome,) = await store.settle([step(op, places)])
            if (answer := answered(outcome)) == ACCEPTED:
                desk.enter(op)
            told.send(("done", json.dumps(op), answer))

    asyncio.run(go())


async def _stands(store: Store, cause: str) -> bool:
    """Tell whether anything of a form stands in the tables."""

    async def look(unit: Reading) -> bool:
        for table in ("dues_entries", "dues_handovers", "dues_assessments"):
            for row in await unit.rows(text(f"SELECT text FROM {table} ORDER BY number DESC LIMIT 50")):
                said = bytes(row.text or b"").decode()
                # With what follows: another one's number may begin like this one.
                if said.endswith(cause) or f'{cause}"' in said:
                    return True
        return False

    return await store.read(look)


async def judged(store: Store, number: int, heard: list[Told]) -> list[str]:
    """Hold the tables against what a life told; then send again what it meant last, and one that was acknowledged."""
    desk, wrong = Desk(store, number), list[str]()
    told = [(what, json.loads(op), answer) for what, op, answer in heard if what != "ready"]
    for what, op, answer in told:
        if what == "done":
            if answer != desk.book.expects(op):
                wrong.append(f"{op}: {answer or 'done'}, not {desk.book.expects(op) or 'done'}")
            if answer == ACCEPTED:
                desk.book.enter(op)
                desk.done.append(op)
    last: dict[str, Any] | None = told[-1][1] if told and told[-1][0] == "meant" else None
    stood = last is not None and await _stands(store, last["cause"])
    if last is not None and stood:
        desk.book.enter(last)
    wrong += await desk.judge()
    if last is not None:
        wrong += await (desk.again(last) if stood else desk.ask(last, may_be_known=True))
    return wrong + (await desk.again(desk.done[0]) if desk.done else [])


async def killed_while_entering(address: str, seed: int, runs: int) -> Tally:
    """End lives while dues are entered in a database that is founded, each in branches of its own."""
    chance, tally, entered = random.Random(seed), Tally(), 0
    for number in range(runs):
        store = await Store.open(address, HandClock(NOON))
        await store.settle(notes=founding(number))
        await store.close()
        place = f"{chance.choice(PLACES)}:{chance.randint(1, LATEST_PASS)}" if number % 2 else ""
        after = None if place else chance.uniform(0.0, LONGEST_LIFE)
        heard, ended = await asyncio.to_thread(
            lambda number=number, place=place, after=after: live(_enter, address, number, seed, place, after=after)
        )
        entered += sum(what == "done" and answer == ACCEPTED for what, _, answer in heard)
        store = await Store.open(address, HandClock(NOON))
        try:
            wrong = await judged(store, number, heard)
        finally:
            await store.close()
        tally.failures += [f"life {number} of seed {seed}: {one}" for one in wrong]
        tally.tried += ended
    if runs > 2 and not entered:
        tally.failures.append("no life has entered anything")
    return tally
