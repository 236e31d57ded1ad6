"""Check-ins a second through the whole path, beside a bare sqlite3 that commits the same rows in the same batches."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

from bench.databases import database
from bench.figures import Figure, quantile, table
from bench.seeding import NOW, Seeded, Size, seed
from bot.commands.asking import Settings
from bot.commands.understanding import understand
from bot.matrix.events import Event
from content.checkins import State
from content.identifiers import UserId, derive
from storage.engines import sqlite_file
from storage.sqlite_library import use_bundled
from storage.store import Step, Store
from storage.sync import Heard

use_bundled()

import sqlite3  # noqa: E402  (only after the better library is in its place)

ME = UserId("@zhibu:example.org")
SETTINGS = Settings(console="https://example.org", secret=lambda: "", me=ME, encrypted=False)
BATCH = 100


def taps(seeded: Seeded, number: int, dice: random.Random) -> list[Event]:
    """Make taps on the open card, each by another member who has not answered, in the order of the rooms' talk."""
    everyone = [
        (room, branch, user)
        for room, branch, people in zip(seeded.rooms, seeded.branches, seeded.members, strict=True)
        for _, user in people
    ]
    dice.shuffle(everyone)
    found = []
    for place, (room, _, user) in enumerate(everyone[:number]):
        target = f"$p{derive(derive(seeded.open, 'card', room), 'post')}"
        relation = {"rel_type": "m.annotation", "event_id": target, "key": "✅"}
        found.append(
            Event(
                room_id=room,
                event_id=f"${derive('tap', place)}{derive('more', place)[:19]}",
                sender=user,
                type="m.reaction",
                sent_at=NOW,
                content={"m.relates_to": relation},
            )
        )
    return found


async def through(address: str, events: list[Event]) -> tuple[float, float, list[float]]:
    """Settle taps as hearing does, a batch at a time.

    Returns the seconds in all, those of the processor, and the seconds of each batch.
    """
    store = await Store.open(address, lambda: NOW)
    spans = []
    begun, worked = time.perf_counter(), time.process_time()
    for start in range(0, len(events), BATCH):
        steps = [step for event in events[start : start + BATCH] if (step := understand(event, ME, SETTINGS))]
        at = time.perf_counter()
        steps = [Step(cause=one.cause, decide=one.decide, actor=one.actor, at=NOW, tell=one.tell) for one in steps]
        await store.settle(steps, notes=[Heard(account=ME, since=f"s{start}", at=NOW)])
        spans.append(time.perf_counter() - at)
    seconds, work = time.perf_counter() - begun, time.process_time() - worked
    await store.close()
    return seconds, work, spans


def bare(file: Path, before: Path) -> tuple[float, float]:
    """Write the rows by which two files differ with sqlite3 alone, the same number to a commit.

    Returns the seconds in all, and those of the processor.
    """
    new = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    plain = sqlite3.connect(str(before), isolation_level=None)
    plain.execute("PRAGMA journal_mode=WAL")
    plain.execute("PRAGMA synchronous=FULL")
    plain.execute("PRAGMA foreign_keys=ON")
    last = {name: plain.execute(f"SELECT max(rowid) FROM {name}").fetchone()[0] or 0 for name in _GROWING}
    grown = {name: _rows(new, name, last[name]) for name in _GROWING}
    columns = "state, decided_at, decided_by, reason, occurrence_id, member_id, branch_id, local_date"
    query = f"SELECT {columns} FROM expectations WHERE decided_by IS NOT NULL"
    decided = {row[2]: row for row in new.execute(query)}
    places = [decided[row[0]] for row in grown["causes"]]
    begun, worked = time.perf_counter(), time.process_time()
    outbox = grown["outbox"]
    share = len(outbox) / max(1, len(places))
    for start in range(0, len(places), BATCH):
        end = start + BATCH
        plain.execute("BEGIN IMMEDIATE")
        for name in ("causes", "audit"):
            plain.executemany(_insert(grown[name][start:end], name), grown[name][start:end])
        some = outbox[int(start * share) : int(end * share)]
        plain.executemany(_insert(some, "outbox"), some)
        moved = places[start:end]
        plain.executemany(_MOVE, [row[:6] for row in moved])
        steps = [tuple(_steps(row[0])[state] for state in State) for row in moved]
        plain.executemany(_COUNT, [(row[4], row[6], row[7], *step) for row, step in zip(moved, steps, strict=True)])
        months = [(row[6], f"{row[7][:8]}01", *step) for row, step in zip(moved, steps, strict=True)]
        plain.executemany(_MONTH, months)
        plain.execute("COMMIT")
    seconds, work = time.perf_counter() - begun, time.process_time() - worked
    plain.close()
    new.close()
    return seconds, work


_GROWING = ("causes", "audit", "outbox")
_MOVE = (
    "UPDATE expectations SET state = ?, decided_at = ?, decided_by = ?, reason = ?"
    " WHERE occurrence_id = ? AND member_id = ?"
)
_RAISED = ", ".join(f"{state} = {state} + excluded.{state}" for state in State)
_COUNT = (
    f"INSERT INTO tallies (occurrence_id, branch_id, local_date, {', '.join(State)})"
    f" VALUES (?, ?, ?{', ?' * len(State)}) ON CONFLICT (occurrence_id, branch_id) DO UPDATE SET {_RAISED}"
)
_MONTH = (
    f"INSERT INTO branch_months (branch_id, month, {', '.join(State)}) VALUES (?, ?{', ?' * len(State)})"
    f" ON CONFLICT (branch_id, month) DO UPDATE SET {_RAISED}"
)


def _steps(after: str) -> Counter[str]:
    return Counter({State.OPEN.value: -1, after: 1})


def _rows(connection: Any, name: str, last: int) -> list[tuple[Any, ...]]:
    return list(connection.execute(f"SELECT * FROM {name} WHERE rowid > ? ORDER BY rowid", (last,)))


def _insert(rows: list[tuple[Any, ...]], name: str) -> str:
    marks = ", ".join("?" * len(rows[0])) if rows else "NULL"
    return f"INSERT INTO {name} VALUES ({marks})"


def measure(*, answers: int = 100_000, number: int = 5_000, rounds: int = 3) -> list[Figure]:
    """Measure on SQLite: the whole path, the bare commit of the same rows, and their ratio inside each round."""
    with database("sqlite") as address:
        file = sqlite_file(address)
        assert file is not None
        seeded = seed(address, Size(answers=answers))
        _settle_file(file)
        events = _open_ones(file, taps(seeded, 10**9, random.Random(7)))[:number]
        ratios, works, rates, plain, costs, batches = [], [], [], [], [], []
        for turn in range(rounds):
            copy, untouched = file.with_name(f"path-{turn}.db"), file.with_name(f"bare-{turn}.db")
            shutil.copyfile(file, copy)
            shutil.copyfile(file, untouched)
            seconds, work, spans = asyncio.run(through(f"sqlite:///{copy}", events))
            without, work_without = bare(copy, untouched)
            works.append(work_without / work)
            costs.append(work / len(events))
            rates.append(len(events) / seconds)
            plain.append(len(events) / without)
            ratios.append(without / seconds)
            batches += spans
            for used in (copy, untouched):
                used.unlink()
    return [
        Figure(name="check-ins through the whole path, 100 to a batch", value=quantile(rates, 0.5), unit="/s"),
        Figure(name="the same rows by sqlite3 alone", value=quantile(plain, 0.5), unit="/s"),
        Figure(name="whole path ÷ sqlite3 alone", value=quantile(ratios, 0.5), unit="", aim="≥ 0.5"),
        Figure(name="the same by the processor's time", value=quantile(works, 0.5), unit="", aim="≥ 0.5"),
        Figure(name="processor for one check-in", value=1000 * quantile(costs, 0.5), unit="ms"),
        Figure(name="one batch of 100, p50", value=1000 * quantile(batches, 0.5), unit="ms"),
        Figure(name="one batch of 100, p99", value=1000 * quantile(batches, 0.99), unit="ms"),
    ]


def _settle_file(file: Path) -> None:
    """Bring everything into the one file, so that it can be copied."""
    connection = sqlite3.connect(str(file))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _open_ones(file: Path, events: list[Event]) -> list[Event]:
    """Leave out those who have answered already."""
    connection = sqlite3.connect(str(file))
    query = "SELECT user_id FROM expectations JOIN members ON id = member_id WHERE state = 'open'"
    waiting = {row[0] for row in connection.execute(query)}
    connection.close()
    return [event for event in events if event.sender in waiting]


@click.command()
@click.option("--answers", default=100_000, help="How many answers there are already.")
@click.option("--number", default=5_000, help="How many check-ins are measured in each round.")
@click.option("--rounds", default=3, help="How many rounds, each with its own ratio.")
def main(answers: int, number: int, rounds: int) -> None:
    """Measure check-ins a second."""
    print(table(measure(answers=answers, number=number, rounds=rounds)))


if __name__ == "__main__":
    main()
