"""A province in simulation: one lesson for every branch, its cards delivered, and an evening of check-ins."""

from __future__ import annotations

import asyncio
import itertools
import random
import resource
import time
from datetime import datetime
from typing import Any

import click
import psycopg
from sqlalchemy import select
from sqlalchemy.engine import make_url

from bench.databases import database
from bench.durable import BATCH, ME, SETTINGS
from bench.figures import Figure, quantile, table
from bench.pages import console, visit
from bench.seeding import NOW, ROOT, Seeded, Size, seed
from bot.clock import opening
from bot.commands.understanding import understand
from bot.delivery import Delivery
from bot.matrix.events import Event
from content.identifiers import OccurrenceId
from content.occurrences import State
from storage import outbox, schedules
from storage.engines import sqlite_file
from storage.store import Step, Store
from storage.sync import Heard
from zhibu.catalogue import load_speech


class Instant:
    """A homeserver that takes everything at once, so that only our own work is measured."""

    def __init__(self) -> None:
        self.user_id: str = ME
        self.device_id = "DEVICE"
        self.sent = 0
        self._numbers = itertools.count(1)

    def encrypted(self, room_id: str) -> bool:
        """Tell that no room is encrypted: what encrypting costs is measured where it is done."""
        return False

    async def send(self, room_id: str, event_type: str, content: dict[str, Any], transaction: str) -> str:
        """Take a message."""
        self.sent += 1
        return f"$sent{next(self._numbers)}"


class Moment:
    """A clock that is set by hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


async def live(address: str, seeded: Seeded, *, checkins: int, width: int, longest: float) -> list[Figure]:
    """Open the next lesson of the whole, deliver its cards for at most ``longest`` seconds, and take a wave."""
    clock = Moment(NOW)
    store = await Store.open(address, lambda: clock.now)
    try:
        occurrence, due = await store.read(_next)
        clock.now = due
        begun, worked = time.perf_counter(), time.process_time()
        await store.settle([opening(occurrence, due)])
        opened, opening_work = time.perf_counter() - begun, time.process_time() - worked
        worked = time.process_time()
        sent, delivered = await _deliver(store, width, longest)
        delivery_work, worked = time.process_time() - worked, time.process_time()
        seconds, spans = await _wave(store, seeded, due, checkins)
        wave_work = time.process_time() - worked
        members = sum(len(people) for people in seeded.members)
        return [
            Figure(name=f"opening a lesson for {members:,} members", value=opened, unit="s"),
            Figure(name="our processor for each member of it", value=1e6 * opening_work / members, unit="µs"),
            Figure(name=f"cards delivered, {width} in flight", value=sent / delivered, unit="/s"),
            Figure(name="our processor for each card", value=1000 * delivery_work / max(1, sent), unit="ms"),
            Figure(name="check-ins, 100 to a batch", value=checkins / seconds, unit="/s"),
            Figure(name="our processor for each check-in", value=1000 * wave_work / checkins, unit="ms"),
            Figure(name="a batch of check-ins, p99", value=1000 * quantile(spans, 0.99), unit="ms"),
        ]
    finally:
        await store.close()


async def _next(unit: Any) -> tuple[OccurrenceId, datetime]:
    held = schedules.occurrences.c
    query = select(held.id, held.due_at).where(held.audience_id == ROOT, held.state == State.PLANNED)
    row = await unit.first(query.order_by(held.due_at).limit(1))
    return OccurrenceId(row.id), row.due_at


async def _deliver(store: Store, width: int, longest: float) -> tuple[int, float]:
    homeserver = Instant()
    delivery = Delivery(store, homeserver, load_speech(), encrypted=False, width=width)  # type: ignore[arg-type]
    running = asyncio.create_task(delivery.run())
    begun = time.perf_counter()
    last = -1
    while time.perf_counter() - begun < longest and last != homeserver.sent:
        last = homeserver.sent
        await asyncio.sleep(min(2.0, longest))
    seconds = time.perf_counter() - begun
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return homeserver.sent, seconds


async def _wave(store: Store, seeded: Seeded, now: datetime, checkins: int) -> tuple[float, list[float]]:
    """Let members tap the cards that were sent, in the order in which a busy evening mixes them."""
    shown = outbox.outbox.c
    query = select(shown.room_id, shown.event_id).where(shown.kind == outbox.Kind.POST, shown.event_id.is_not(None))
    cards = {row.room_id: row.event_id for row in await store.read(lambda unit: unit.rows(query))}
    people = [
        (room, user)
        for room, some in zip(seeded.rooms, seeded.members, strict=True)
        if room in cards
        for _, user in some
    ]
    random.Random(3).shuffle(people)
    spans = []
    begun = time.perf_counter()
    for start in range(0, checkins, BATCH):
        steps = []
        for place in range(start, min(start + BATCH, checkins)):
            room, user = people[place % len(people)]
            relation = {"rel_type": "m.annotation", "event_id": cards[room], "key": "✅"}
            event = Event(
                room_id=room,
                event_id=f"$tap{place}",
                sender=user,
                type="m.reaction",
                sent_at=now,
                content={"m.relates_to": relation},
            )
            step = understand(event, ME, SETTINGS)
            if step is not None:
                steps.append(Step(cause=step.cause, decide=step.decide, actor=step.actor, at=now, tell=step.tell))
        at = time.perf_counter()
        await store.settle(steps, notes=[Heard(account=ME, since=f"s{start}", at=now)])
        spans.append(time.perf_counter() - at)
    return time.perf_counter() - begun, spans


def _bytes(address: str) -> float:
    file = sqlite_file(address)
    if file is not None:
        return float(sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*")))
    url = make_url(address)
    with psycopg.connect(host=str(url.query["host"]), user=url.username, dbname=url.database) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return float(row[0]) if row else 0.0


def measure(
    *,
    engine: str = "postgresql",
    branches: int = 300,
    members: int = 50,
    checkins: int = 5_000,
    width: int = 16,
    longest: float = 60,
) -> list[Figure]:
    """Measure one database that holds so many branches with so many members each."""
    with database(engine) as address:
        begun = time.perf_counter()
        seeded = seed(address, Size(branches=branches, members=branches * members, answers=0))
        seeding = time.perf_counter() - begun
        figures = asyncio.run(live(address, seeded, checkins=checkins, width=width, longest=longest))
        with console(address) as client:
            pages = {"today, the whole": "/", "today, one branch": f"/?org={seeded.branches[0]}"}
            seen = {name: quantile(visit(client, path, 3)[1], 0.5) for name, path in pages.items()}
        return [
            Figure(name="seeding in bulk", value=seeding, unit="s"),
            *figures,
            *(
                Figure(name=f"page, processor: {name}", value=1000 * seconds, unit="ms")
                for name, seconds in seen.items()
            ),
            Figure(name="database", value=_bytes(address) / 2**20, unit="MiB"),
            Figure(
                name="memory at its most", value=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, unit="MiB"
            ),
        ]


@click.command()
@click.option("--engine", type=click.Choice(["sqlite", "postgresql"]), default="postgresql")
@click.option("--branches", default=300, help="30000 is a province; a shard of one is 1000.")
@click.option("--members", default=50, help="Members of each branch.")
@click.option("--check-ins", "checkins", default=5_000)
@click.option("--width", default=16, help="How many messages are in flight.")
@click.option("--longest", default=60.0, help="Seconds after which delivering is broken off and its rate taken.")
def main(engine: str, branches: int, members: int, checkins: int, width: int, longest: float) -> None:
    """Measure a province, or a shard of one."""
    print(f"\n{engine}, {branches:,} branches, {branches * members:,} members\n")
    print(
        table(
            measure(engine=engine, branches=branches, members=members, checkins=checkins, width=width, longest=longest)
        )
    )


if __name__ == "__main__":
    main()
