"""Many elections, each against an attacker who holds every byte: who voted is not joined to what was voted (R19).

The attacker tries every order that there is and keeps the best, so some hits are chance. How many are, is measured by
the same attacker on the same bytes against a truth that was dealt out anew: what is above that is a link.
"""

from __future__ import annotations

import math
import random
import shutil
from datetime import timedelta
from pathlib import Path

from content import ballots as rules
from content.ballot_files import read_box, write_box
from content.identifiers import MemberId
from storage import ballots
from storage.envelopes import seal
from storage.opening import open_box
from storage.store import Store
from tests.faults.campaign import Tally
from tests.sealed_ballots import (
    ID,
    agree,
    ballot,
    casting,
    closing,
    confirm,
    draft,
    open_voting,
    shares,
    stand,
    take,
)
from tests.small_branch import NOON, HandClock
from tests.storage.test_secrecy import FOUR, STANDING, Attacker, careless_score, files, hits, voters

VOTERS = 12
SURE = 2.58
"""How many standard errors the mean may lie above that of chance: more would happen once in a hundred (p > 0.01)."""


async def _elect(founded: Path, folder: Path, seed: int) -> tuple[int, int, list[str]]:
    """Hold an election to the end; return the attacker's score, that of chance, and where envelopes are left."""
    chance = random.Random(seed)
    people, chosen = voters(VOTERS, seed)
    database, opened = folder / "election.db", folder / "opened"
    shutil.copyfile(founded, database)
    opened.mkdir()
    address, clock = f"sqlite:///{database}", HandClock(NOON)
    store = await Store.open(address, clock)
    attacker = Attacker(opened, people, list(chosen.values()))
    log = database.with_name(database.name + "-wal")
    await draft(store, VOTERS, election=FOUR, candidates=STANDING)
    await open_voting(store)
    attacker.watch(log)
    attacker.commits.clear()
    sent, length = [], (await stand(store)).length
    for name in [*chance.sample(people, VOTERS // 3), *people]:
        sent.append(seal(chosen[name].encode(), ballot().key, length))
        await store.settle([casting(MemberId(name), sent[-1])])
        attacker.watch(log)
    clock.forward(days=1)
    await store.settle([closing()])
    kept = await store.read(lambda unit: ballots.boxes(unit, ID))
    found = open_box(read_box(write_box(await stand(store), kept)), shares())
    (opened / "opened.jsonl").write_bytes(found.text)
    await agree(store)
    await take(store, "count", lambda it, _: rules.keep_count(it, found.result, found.hash))
    await confirm(store)
    attacker.watch(log)
    score = attacker.score(chosen, database)
    dealt = dict(zip(chosen, chance.sample(list(chosen.values()), VOTERS), strict=True))
    by_chance = attacker.score(dealt, database)
    clock.now += timedelta(days=8)
    await take(store, "archive", lambda it, unit: rules.archive(it, today=unit.now.date()))
    await store.forget_deleted()
    left = hits(sent, files(address))
    await store.close()
    return score, by_chance, left


async def elections(founded: Path, folder: Path, seed: int, runs: int) -> Tally:
    """Hold so many elections; the attacker must do no better than chance, and find no envelope at the end."""
    tally, above = Tally(), list[int]()
    for number in range(runs):
        place = folder / str(number)
        place.mkdir()
        score, by_chance, left = await _elect(founded, place, seed + number)
        shutil.rmtree(place)
        tally.tried += 1
        above.append(score - by_chance)
        tally.failures += [f"election {number}: envelopes in {left}"] if left else []
    mean = sum(above) / runs
    spread = math.sqrt(sum((one - mean) ** 2 for one in above) / max(1, runs - 1))
    error = spread / math.sqrt(runs)
    print(f"  {runs} elections of {VOTERS}: {mean:+.3f} links beyond chance, standard error {error:.3f}", flush=True)
    if mean > SURE * error and mean > 0:
        tally.failures.append(f"{mean:.3f} links more than by chance, {error:.3f} would be the error")
    return tally


async def careless(folder: Path, runs: int) -> Tally:
    """Set the same attacker on a careless schema: it must link everybody, each time."""
    tally = Tally()
    for number in range(runs):
        place = folder / str(number)
        place.mkdir()
        tally.tried += 1
        scores = careless_score(place, VOTERS, number)
        tally.failures += [f"{score} of {VOTERS} were linked" for score in scores if score != VOTERS]
    return tally
