"""Lives that end while people vote, and while a box is closed, opened, certified and destroyed.

Each life is a process of its own, ended by SIGKILL at an instant of the seed or at a named place; what it told before
is held against the tables, which are read by SQL of our own.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from msgspec.structs import replace

import bot.clock
import storage.store
import zhibu.tally
from content import ballots as rules
from content.ballot_files import Share, read_box, write_box, write_share
from content.ballots import State
from content.identifiers import MemberId
from storage import ballots, crashpoints
from storage.envelopes import seal
from storage.opening import open_box
from storage.store import Store
from tests.faults.campaign import Tally
from tests.faults.lives import live
from tests.sealed_ballots import (
    ID,
    agree,
    ballot,
    casting,
    confirm,
    draft,
    open_voting,
    paper,
    roll,
    shares,
    stand,
    take,
)
from tests.sealed_ballots import (
    closing as closing_step,
)
from tests.small_branch import NOON, HandClock

VOTERS = 12
CHOICES = ("a+", "b+", "a- b+", "a+ b-", "", "a-")
AFTER = NOON + timedelta(days=1)
LONGEST_LIFE = 0.25
"""Seconds; a life that votes is ended at an instant before that."""
PLACES = ("store.before_commit", "store.after_commit", "store.before_forgetting", "tally.before_file")


async def _prepare(founded: Path, file: Path, *, votes: int) -> None:
    """Let twelve of a branch that is founded vote, with their ballot open, and so many of them have voted."""
    clock = HandClock(NOON)
    await asyncio.to_thread(shutil.copyfile, founded, file)
    store = await Store.open(f"sqlite:///{file}", clock)
    await draft(store, VOTERS)
    await open_voting(store)
    clock.forward(hours=1)
    for number, one in enumerate(roll(VOTERS)[:votes]):
        box = seal(paper(CHOICES[number % len(CHOICES)]), ballot().key, (await stand(store)).length)
        await store.settle([casting(one.member, box)])
    await store.close()


def _vote(file: str, seed: int, told: Connection) -> None:
    """Vote and tell of it, before and after, until the end."""

    async def go() -> None:
        chance = random.Random(seed)
        store = await Store.open(f"sqlite:///{file}", HandClock(NOON + timedelta(hours=1)))
        fixed = await stand(store)
        told.send(("ready", "", ""))
        while True:
            one = chance.choice(roll(VOTERS)).member
            box = seal(paper(chance.choice(CHOICES)), fixed.key, fixed.length)
            receipt = hashlib.sha256(box).hexdigest()
            told.send(("meant", one, receipt))
            # A cause that no other life has used: each vote is a form of its own.
            cause = f"cast:{hashlib.sha256(receipt.encode()).hexdigest()}"
            (outcome,) = await store.settle([replace(casting(MemberId(one), box), cause=cause)])  # type: ignore[arg-type]
            if outcome.refusal is None and not outcome.failed:
                told.send(("done", one, receipt))

    asyncio.run(go())


def _boxes(file: Path) -> dict[str, tuple[str, bool]]:
    """Return of everyone on the roll the receipt of their envelope, and whether they count as having voted."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(
            "SELECT member_id, box, voted FROM ballot_roll JOIN ballot_envelopes USING (ballot_id, slot)"
        ).fetchall()
        (number,) = connection.execute("SELECT COUNT(*) FROM ballot_envelopes").fetchone()
        assert number == len(rows) == VOTERS, "an envelope for each place, and no more"
    return {member: (hashlib.sha256(box).hexdigest(), bool(voted)) for member, box, voted in rows}


async def killed_while_voting(founded: Path, folder: Path, seed: int, runs: int) -> Tally:
    """End lives while people vote: what was acknowledged is in the box, once for each (R5, F01)."""
    file, chance, tally = folder / "voting.db", random.Random(seed), Tally()
    # A box of fewer is never opened, and how many votes a life gets to cast is the machine's affair.
    await _prepare(founded, file, votes=rules.FEWEST)
    held = _boxes(file)
    voted = {member for member, (_, counted) in held.items() if counted}
    for number in range(runs):
        heard, _ = await asyncio.to_thread(
            lambda number=number: live(_vote, str(file), seed + number, after=chance.uniform(0.0, LONGEST_LIFE))
        )
        tally.tried += 1
        may: dict[str, set[str]] = {member: {receipt} for member, (receipt, _) in held.items()}
        for what, member, receipt in heard:
            if what == "meant":
                may[member].add(receipt)
            if what == "done":
                may[member] = {receipt}
                voted.add(member)
        held = _boxes(file)
        for member, (receipt, counted) in held.items():
            if receipt not in may[member]:
                tally.failures.append(f"run {number}: the envelope of {member} is none that they cast last")
            if member in voted and not counted:
                tally.failures.append(f"run {number}: {member} has voted and does not count")
    tally.failures += await _count_up(file, len([one for one in held.values() if one[1]]))
    return tally


async def _count_up(file: Path, turnout: int) -> list[str]:
    """Close and open what is left of all these lives: as many papers as have voted, and no vote after the close."""
    store = await Store.open(f"sqlite:///{file}", HandClock(AFTER))
    try:
        box = seal(paper("a+"), ballot().key, (await stand(store)).length)
        (late,) = await store.settle([casting(roll()[0].member, box)])
        await store.settle([closing_step()])
        (later,) = await store.settle([casting(roll()[1].member, box)])
        one = await stand(store)
        opened = open_box(read_box(write_box(one, await store.read(lambda unit: ballots.boxes(unit, ID)))), shares())
    finally:
        await store.close()
    told = [answer.refusal is not None and answer.refusal.words.key for answer in (late, later)]
    wrong = [] if told == ["ballot.too_late"] * 2 else [f"who came late was told {told}"]
    if not (one.turnout == turnout == len(opened.lines)):
        wrong.append(f"{turnout} have voted, {one.turnout} count, {len(opened.lines)} papers")
    return wrong


def _count(file: str, into: str, place: str, held: list[Share], told: Connection) -> None:
    """Take a ballot from its close to its destroyed envelopes, wherever it stands; end where a place is armed."""
    for module in (storage.store, bot.clock, zhibu.tally):
        module.crashpoint = crashpoints._armed(place)  # type: ignore[attr-defined]

    async def go() -> None:
        clock = HandClock(AFTER)
        store = await Store.open(f"sqlite:///{file}", clock)
        told.send(("ready", "", ""))
        await bot.clock.Clock(store, caught_up=lambda: False, hearing_state=lambda: "")._keep_ballots(AFTER)
        one = await stand(store)
        if one.state in (State.CLOSED, State.OPENED):
            kept = await store.read(lambda unit: ballots.boxes(unit, ID))
            opened = open_box(read_box(write_box(one, kept)), held)
            told.send(("opened", opened.hash, one.set_hash or ""))
            await asyncio.to_thread(_tally_offline, Path(into), write_box(one, kept), held)
            await agree(store)
            await take(store, "count", lambda it, _: rules.keep_count(it, opened.result, opened.hash))
        await confirm(store)
        clock.now = AFTER + timedelta(days=8)
        await take(store, "archive", lambda it, unit: rules.archive(it, today=unit.now.date()))
        await store.forget_deleted()
        await store.close()

    asyncio.run(go())


def _tally_offline(folder: Path, box: dict[str, object], held: list[Share]) -> None:
    """Do the same as a teller on a machine without a network; what a life before left half written is put aside."""
    from click.testing import CliRunner

    from zhibu.cli import main

    folder.mkdir(exist_ok=True)
    given = [folder / "box.json", *(folder / f"share{one.index}.json" for one in held)]
    for file, value in zip(given, [box, *map(write_share, held)], strict=True):
        file.write_text(json.dumps(value), encoding="utf-8")
    shutil.rmtree(folder / "count", ignore_errors=True)
    given_shares = [part for file in given[1:] for part in ("--share", str(file))]
    ran = CliRunner().invoke(
        main, ["tally", "open", "--envelopes", str(given[0]), *given_shares, "--into", str(folder / "count")]
    )
    assert ran.exit_code == 0, ran.output


def _end_state(file: Path, folder: Path) -> tuple[object, ...]:
    """Return what is left at the end: it is the same however many lives it took."""
    with closing(sqlite3.connect(file)) as connection:
        (state, set_hash, turnout) = connection.execute("SELECT state, set_sha256, turnout FROM ballots").fetchone()
        left = connection.execute("SELECT COUNT(*) FROM ballot_envelopes").fetchone()
        results = connection.execute("SELECT result, opened_sha256 FROM ballot_results").fetchall()
        receipts = connection.execute("SELECT COUNT(*) FROM ballot_receipts").fetchone()
        said = connection.execute("SELECT words FROM outbox WHERE kind = 'say'").fetchall()
    keys = sorted(json.loads(words)["key"] for (words,) in said)
    files = tuple((one.name, one.read_bytes()) for one in sorted((folder / "count").iterdir()))
    return state, set_hash, turnout, left, tuple(results), receipts, tuple(keys), files


async def killed_while_counting(founded: Path, folder: Path, seed: int, runs: int) -> Tally:
    """End lives at every step from the close to the destruction: once, and to the same bytes (R5, F04)."""
    file, chance, tally = folder / "counting.db", random.Random(seed), Tally()
    await _prepare(founded, file, votes=9)
    wanted: tuple[object, ...] | None = None
    trial, into = folder / "trial.db", folder / "into"

    def live_once(place: str, after: float | None) -> tuple[list[tuple[str, str, str]], bool]:
        return live(_count, str(trial), str(into), place, shares(), after=after)

    while tally.tried < runs or wanted is None:
        for old in folder.glob("trial.db*"):
            old.unlink()
        shutil.rmtree(into, ignore_errors=True)
        shutil.copyfile(file, trial)
        ended, hashes = wanted is not None, set[tuple[str, str]]()
        while ended:
            place = f"{chance.choice(PLACES)}:{chance.randint(1, 8)}" if chance.random() < 0.7 else ""
            after = None if place else chance.uniform(0.0, 2 * LONGEST_LIFE)
            if tally.tried >= runs:
                place, after = "", None
            heard, ended = await asyncio.to_thread(live_once, place, after)
            tally.tried += ended
            hashes |= {(opened, fixed) for what, opened, fixed in heard if what == "opened"}
        if wanted is None:
            await asyncio.to_thread(live_once, "", None)
        found = _end_state(trial, into)
        if wanted is not None and found != wanted:
            tally.failures.append(f"after {tally.tried} lives the end is another: {found[:7]}")
        if len(hashes) > 1:
            tally.failures.append(f"the box was opened to {len(hashes)} different counts")
        wanted = wanted or found
    return tally
