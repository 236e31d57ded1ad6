"""Tries the promises at full length and ends with a table of what was tried and what failed; what was left out counts.

Run it as ``make faults``. A control is a variant that is known to be bad: it fails where it was not caught.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench.seeding import Size
from content.identifiers import UserId
from storage.store import Store
from tests.databases import Postgres, cluster
from tests.faults import trials
from tests.faults.campaign import Tally
from tests.faults.differential import compare
from tests.faults.flips import damaged_backups
from tests.faults.large import SIZES, large_databases
from tests.faults.ledger import sequences
from tests.faults.ledger_kills import killed_while_entering
from tests.faults.linking import careless, elections
from tests.faults.places import killed_at_places
from tests.faults.powercut import try_cuts
from tests.faults.raid import Target, raid
from tests.faults.rush import rush
from tests.faults.servercut import AT_WORK, FORGETFUL, try_server_cuts
from tests.faults.snapshots import snapshots_under_writes
from tests.faults.soak import WHOLE, soak
from tests.faults.starts import starts
from tests.faults.upgrades import killed_in_upgrades
from tests.faults.voting import killed_while_counting, killed_while_voting
from tests.faults.wave import wave
from tests.journeys.test_rooms import BRANCH, founding, running
from tests.member import Member
from tests.small_branch import NOON, HandClock, SmallBranch
from tests.synapse_fixture import free_port
from zhibu.demo.synapse import Account, Synapse

SEQUENCES_OF_A_BLOCK = 25
"""Command sequences on one pair of databases, before a new pair is taken."""

DUES_OF_A_BLOCK = 500
"""Sequences of dues in one file, before a new one is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a trial is given: how often, from which seed, a folder of its own, and a PostgreSQL where there is one."""

    runs: int
    seed: int
    folder: Path
    postgres: Postgres | None
    founded: Path
    minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One way to try promises; ``runs`` is its full number."""

    promises: str
    name: str
    runs: int
    run: Callable[[Round], Awaitable[Tally]]
    needs_postgres: bool = False


def _address(given: Round) -> str:
    assert given.postgres is not None
    return given.postgres.address(given.postgres.copy())


async def _places(given: Round) -> Tally:
    return await _repeated(given, lambda folder, seed: killed_at_places(folder, seed))


async def _places_on_postgres(given: Round) -> Tally:
    return await _repeated(given, lambda folder, seed: killed_at_places(folder, seed, _address(given)))


async def _repeated(given: Round, once: Callable[[Path, int], Awaitable[Tally]]) -> Tally:
    tally = Tally()
    for number in range(given.runs):
        folder = given.folder / str(number)
        folder.mkdir()
        _add(tally, await once(folder, given.seed + number))
    return tally


def _add(tally: Tally, more: Tally) -> None:
    tally.tried += more.tried
    tally.failures += more.failures
    tally.slowest_quiet = max(tally.slowest_quiet, more.slowest_quiet)


async def _any_time(given: Round) -> Tally:
    return await trials.killed_at_any_time(given.folder, given.seed, given.runs)


async def _any_time_on_postgres(given: Round) -> Tally:
    return await trials.killed_at_any_time(given.folder, given.seed, given.runs, _address(given))


async def _any_time_on_synapse(given: Round) -> Tally:
    async with Synapse(given.folder / "synapse", free_port(), cached_sync=False) as server:
        return await trials.killed_at_any_time(given.folder / "branch", given.seed, given.runs, server=server)


async def _synapse_killed(given: Round) -> Tally:
    async with Synapse(given.folder / "synapse", free_port(), cached_sync=False) as server:
        return await trials.homeserver_killed(given.folder / "branch", given.seed, given.runs, server)


async def _away(given: Round) -> Tally:
    return await trials.away(given.folder, given.seed, [1, 10, 100, 1_000, 5_000][: given.runs], halls=5)


async def _device_lost(given: Round) -> Tally:
    return await trials.device_lost(given.folder, given.seed, given.runs)


async def _answers_lost(given: Round) -> Tally:
    return await trials.answers_lost(given.folder, given.seed, given.runs)


async def _voting(given: Round) -> Tally:
    return await killed_while_voting(given.founded, given.folder, given.seed, given.runs)


async def _counting(given: Round) -> Tally:
    return await killed_while_counting(given.founded, given.folder, given.seed, given.runs)


async def _elections(given: Round) -> Tally:
    return await elections(given.founded, given.folder, given.seed, given.runs)


async def _careless(given: Round) -> Tally:
    return await careless(given.folder, given.runs)


async def _forgetful(given: Round) -> Tally:
    tally = Tally()
    for number in range(given.runs):
        folder = given.folder / str(number)
        folder.mkdir()
        tally.tried += 1
        found = await trials.forgetful_control(folder, given.seed + number)
        if not any("2 times" in trouble for trouble in found):
            tally.failures.append("a doubled message was not seen")
    return tally


def _cuts(case: str, *, caught_as: str = "") -> Callable[[Round], Awaitable[Tally]]:
    async def run(given: Round) -> Tally:
        found = await try_cuts(given.founded, given.folder, case, given.runs, given.seed, units=12)
        if caught_as:
            return Tally(tried=given.runs, failures=[] if found[caught_as] else [f"{case} was not caught"])
        return Tally(tried=given.runs, failures=[f"{case}: {found}"] if any(found.values()) else [])

    return run


def _server_cuts(settings: tuple[str, ...], *, caught: bool = False) -> Callable[[Round], Awaitable[Tally]]:
    async def run(given: Round) -> Tally:
        assert given.postgres is not None
        try:
            found = await try_server_cuts(given.postgres, given.runs, given.seed, settings)
        finally:
            given.postgres.stop()
            given.postgres.start()
        if caught:
            return Tally(tried=found.cuts, failures=[] if found.troubles["lost"] else ["nothing was lost"])
        return Tally(tried=found.cuts, failures=[] if found.clean else [str(found.troubles)])

    return run


async def _raid(given: Round) -> Tally:
    tally = Tally()
    for number in range(given.runs):
        async with _target(given.folder / str(number)) as (target, raiders):
            found = await raid(target, raiders, messages=2_000, seconds=60)
        tally.tried += 1
        tally.failures += [*found.wrong, *found.slow]
        print(f"  {found.report}", flush=True)
    return tally


@contextlib.asynccontextmanager
async def _target(folder: Path) -> AsyncIterator[tuple[Target, list[Account]]]:
    """Give a branch at work on a homeserver of its own, and 200 strangers there."""
    async with Synapse(folder / "synapse", free_port(), cached_sync=False) as server:
        names = ("robot", "leader", "zhang", "li", *(f"raider{one}" for one in range(200)))
        robot, leader, zhang, li, *raiders = [await server.register(one, "a long password") for one in names]
        facts = founding(*(UserId(one.user_id) for one in (leader, zhang, li)))
        async with (
            running(server.url, robot, folder, facts) as run,
            Member(server.url, leader) as member,
            Member(server.url, li) as innocent,
        ):
            target = Target(
                homeserver=run.homeserver,
                store=run.store,
                url=server.url,
                organisation=BRANCH,
                leader=member,
                innocent=innocent,
                restart=run.restart,
            )
            yield target, raiders


def _wave(*, guarded: bool) -> Callable[[Round], Awaitable[Tally]]:
    async def run(given: Round) -> Tally:
        tally = Tally()
        for number in range(given.runs):
            async with _target(given.folder / str(number)) as (target, strangers):
                found = await wave(target, strangers, most=15, at_once=20, guarded=guarded)
            tally.tried += 1
            if guarded:
                tally.failures += [*found.wrong, *found.slow]
            elif not found.wrong:
                tally.failures.append("an open door was not seen")
            print(f"  {found.report}", flush=True)
        return tally

    return run


async def _rush(given: Round) -> Tally:
    tally = Tally()
    for number in range(given.runs):
        found = await rush(given.folder / str(number), members=10_000, halls=200, seconds=60)
        tally.tried += 1
        tally.failures += [*found.wrong, *found.slow]
        print(f"  p95 {found.p95:.2f} s, commits p99 up to {found.commit_p99} s, {found.memory:.0f} MB", flush=True)
    return tally


async def _soak(given: Round) -> Tally:
    return await soak(given.folder, given.seed, given.minutes)


async def _snapshots(given: Round) -> Tally:
    return await snapshots_under_writes(given.founded, given.folder, given.runs)


async def _starts(given: Round) -> Tally:
    return await starts(given.folder, given.seed, given.runs, Size())


async def _large(given: Round) -> Tally:
    return await large_databases(given.founded, given.folder, SIZES[: given.runs])


async def _damaged_backups(given: Round) -> Tally:
    return await damaged_backups(given.founded, given.folder, given.runs, given.seed)


async def _upgrades(given: Round) -> Tally:
    return await killed_in_upgrades(given.folder, given.seed, given.runs)


async def _upgrades_on_postgres(given: Round) -> Tally:
    return await killed_in_upgrades(given.folder, given.seed, given.runs, given.postgres)


async def _hasty_upgrades(given: Round) -> Tally:
    found = await killed_in_upgrades(given.folder, given.seed, given.runs, hasty=True)
    return Tally(tried=found.tried, failures=[] if found.failures else ["tables changed by half were not seen"])


async def _differential(given: Round) -> Tally:
    tally = Tally()
    for block in range(0, given.runs, SEQUENCES_OF_A_BLOCK):
        number = min(SEQUENCES_OF_A_BLOCK, given.runs - block)
        addresses = [f"sqlite:///{given.folder / f'{block}.db'}", _address(given)]
        tally.tried += number
        tally.failures += await compare(addresses, given.seed + block, number)
    return tally


async def _dues(given: Round) -> Tally:
    tally = Tally()
    for block in range(0, given.runs, DUES_OF_A_BLOCK):
        file = given.folder / f"{block}.db"
        shutil.copyfile(given.founded, file)
        numbers = range(block, min(block + DUES_OF_A_BLOCK, given.runs))
        _add(tally, await sequences(f"sqlite:///{file}", given.seed, numbers))
    return tally


async def _dues_on_postgres(given: Round) -> Tally:
    address = await _founded_on_postgres(given)
    return await sequences(address, given.seed, range(given.runs))


async def _dues_killed(given: Round) -> Tally:
    file = given.folder / "dues.db"
    shutil.copyfile(given.founded, file)
    return await killed_while_entering(f"sqlite:///{file}", given.seed, given.runs)


async def _dues_killed_on_postgres(given: Round) -> Tally:
    return await killed_while_entering(await _founded_on_postgres(given), given.seed, given.runs)


async def _founded_on_postgres(given: Round) -> str:
    await _found(address := _address(given))
    return address


ALL = (
    Trial(promises="R1 R3 R8", name="kill at every named place", runs=20, run=_places),
    Trial(
        promises="R1 R3 R8 R11",
        name="kill at every named place, PostgreSQL",
        runs=5,
        run=_places_on_postgres,
        needs_postgres=True,
    ),
    Trial(promises="R1 R3 R8", name="kill at any moment", runs=1_000, run=_any_time),
    Trial(
        promises="R1 R3 R8 R11",
        name="kill at any moment, PostgreSQL",
        runs=200,
        run=_any_time_on_postgres,
        needs_postgres=True,
    ),
    Trial(promises="R1 R3 R8", name="kill at any moment, real Synapse", runs=100, run=_any_time_on_synapse),
    Trial(promises="R1 R3", name="kill Synapse during pushes", runs=100, run=_synapse_killed),
    Trial(promises="R2", name="away for 1 to 5,000 events in each room", runs=5, run=_away),
    Trial(promises="R3", name="new device, homeserver forgets, mid-push", runs=100, run=_device_lost),
    Trial(promises="R3", name="answers of the homeserver lost", runs=100, run=_answers_lost),
    Trial(promises="R3 control", name="no memory and no history", runs=3, run=_forgetful),
    Trial(promises="R5", name="kill while people vote", runs=1_000, run=_voting),
    Trial(promises="R5", name="kill from the close of a ballot to its destruction", runs=200, run=_counting),
    Trial(promises="R6", name="sequences of what is done with dues", runs=10_000, run=_dues),
    Trial(
        promises="R6 R11",
        name="sequences of what is done with dues, PostgreSQL",
        runs=1_000,
        run=_dues_on_postgres,
        needs_postgres=True,
    ),
    Trial(promises="R6", name="kill while dues are entered", runs=500, run=_dues_killed),
    Trial(
        promises="R6 R11",
        name="kill while dues are entered, PostgreSQL",
        runs=100,
        run=_dues_killed_on_postgres,
        needs_postgres=True,
    ),
    Trial(promises="R19", name="elections against who holds every byte", runs=1_000, run=_elections),
    Trial(promises="R19 control", name="the same attacker on a careless schema", runs=20, run=_careless),
    Trial(promises="R7", name="power cut, WAL + FULL", runs=2_000, run=_cuts("WAL + FULL")),
    Trial(promises="R7", name="power cut, DELETE + EXTRA", runs=2_000, run=_cuts("DELETE + EXTRA")),
    Trial(promises="R7 control", name="power cut, WAL + NORMAL", runs=500, run=_cuts("WAL + NORMAL", caught_as="lost")),
    Trial(promises="R7 control", name="power cut, WAL + OFF", runs=500, run=_cuts("WAL + OFF", caught_as="corrupt")),
    Trial(promises="R7", name="PostgreSQL stopped at once", runs=200, run=_server_cuts(AT_WORK), needs_postgres=True),
    Trial(
        promises="R7 control",
        name="PostgreSQL with synchronous_commit=off",
        runs=3,
        run=_server_cuts(FORGETFUL, caught=True),
        needs_postgres=True,
    ),
    Trial(promises="R9", name="backups with a turned bit or cut off", runs=200, run=_damaged_backups),
    Trial(promises="R9", name="copies under a hundred writings a second", runs=50, run=_snapshots),
    Trial(promises="R9", name="databases beyond 1 and 2 GiB", runs=len(SIZES), run=_large),
    Trial(promises="R8", name="starts after a kill, a million answers", runs=50, run=_starts),
    Trial(promises="R10", name="kill while tables are changed", runs=200, run=_upgrades),
    Trial(
        promises="R10 R11",
        name="kill while tables are changed, PostgreSQL",
        runs=200,
        run=_upgrades_on_postgres,
        needs_postgres=True,
    ),
    Trial(promises="R10 control", name="each statement kept by itself", runs=4, run=_hasty_upgrades),
    Trial(promises="R22", name="a raid of 200 joins and 2,000 messages in a minute, real Synapse", runs=1, run=_raid),
    Trial(promises="R22", name="a wave of 200 strangers, real Synapse", runs=1, run=_wave(guarded=True)),
    Trial(promises="R22 control", name="the same wave without a guard", runs=1, run=_wave(guarded=False)),
    Trial(promises="R17", name="10,000 check-ins in a minute, 200 rooms", runs=1, run=_rush),
    Trial(promises="R11", name="same commands on both engines", runs=5_000, run=_differential, needs_postgres=True),
)

HOURS = (Trial(promises="R18", name="soak", runs=1, run=_soak),)
"""Only when they are asked for by their promise."""


async def _founded(folder: Path) -> Path:
    file = folder / "founded.db"
    await _found(f"sqlite:///{file}")
    return file


async def _found(address: str) -> None:
    clock = HandClock(NOON)
    store = await Store.open(address, clock)
    await SmallBranch(store, clock).found()
    await store.close()


async def _try_all(
    chosen: list[Trial], runs: int | None, seed: int, minutes: float
) -> list[tuple[Trial, Tally, float]]:
    results = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zhibu-faults-")))
        founded = await _founded(folder)
        postgres: Postgres | None = None
        why = ""
        if any(trial.needs_postgres for trial in chosen):
            try:
                postgres = await asyncio.to_thread(stack.enter_context, cluster())
            except RuntimeError as error:
                why = str(error)
        for number, trial in enumerate(chosen):
            place = folder / str(number)
            place.mkdir()
            times = min(runs, trial.runs) if runs is not None else trial.runs
            print(f"{trial.promises}: {trial.name}, {times} times", flush=True)
            began = time.monotonic()
            if trial.needs_postgres and postgres is None:
                tally = Tally(skipped=[why] * times)
            else:
                given = Round(runs=times, seed=seed, folder=place, postgres=postgres, founded=founded, minutes=minutes)
                tally = await trial.run(given)
            for failure in tally.failures[:20]:
                print(f"  FAILED {failure}", flush=True)
            results.append((trial, tally, time.monotonic() - began))
    return results


def _versions() -> str:
    known = {name: version(name) for name in ("matrix-nio", "matrix-synapse", "apsw")}
    # Not at the top: whoever imports it first decides which library all of us get, see storage/sqlite_library.py.
    import sqlite3

    known |= {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}
    return ", ".join(f"{name} {number}" for name, number in known.items())


def _postgres_version() -> str:
    from tests.databases import newest_server

    programs = newest_server()
    return f"PostgreSQL {programs.parent.name}" if programs is not None else "no PostgreSQL"


def main() -> int:
    """Run what was asked for; return 0 only when nothing failed and nothing was left out."""
    parser = argparse.ArgumentParser(prog="make faults")
    parser.add_argument("--only", metavar="WHAT", help="only what tries this promise, as R3, or is called so")
    parser.add_argument("--runs", type=int, help="at most so many runs of each trial")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--minutes", type=float, default=WHOLE, help="how long a soak lasts (--only R18)")
    given = parser.parse_args()
    chosen = [one for one in ALL if given.only in (None, *one.promises.split()) or (given.only or "") in one.name]
    chosen = [one for one in chosen if given.only == one.name] or chosen
    chosen += [one for one in HOURS if given.only == one.promises]
    print(f"seed {given.seed}; {_versions()}, {_postgres_version()}", flush=True)
    results = asyncio.run(_try_all(chosen, given.runs, given.seed, given.minutes))
    print(f"\nseed {given.seed}; {_versions()}, {_postgres_version()}; {platform.machine()}\n")
    print("| promise | tried how | tried | failed | skipped | seconds | slowest quiet |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for trial, tally, seconds in results:
        numbers = f"{tally.tried} | {len(tally.failures)} | {len(tally.skipped)} | {seconds:.0f}"
        quiet = f"{tally.slowest_quiet:.0f} s" if tally.slowest_quiet else ""
        print(f"| {trial.promises} | {trial.name} | {numbers} | {quiet} |")
    return int(any(tally.failures or tally.skipped or not tally.tried for _, tally, _ in results) or not results)


if __name__ == "__main__":
    sys.exit(main())
