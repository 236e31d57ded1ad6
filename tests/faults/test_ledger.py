"""The ledger of dues balances after whatever an organiser does, and after lives that end meanwhile."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from storage import dues
from storage.store import Store
from tests.databases import Postgres
from tests.faults.ledger import Desk, founding, sequences
from tests.faults.ledger_kills import judged, killed_while_entering
from tests.small_branch import NOON, HandClock, SmallBranch

SEED = 20261130
DAY = NOON.date().isoformat()


def op(kind: str, cause: str, **values: Any) -> dict[str, Any]:
    return {"kind": kind, "cause": cause, "branch": "a0", "day": DAY, "on": DAY, **values}


FIXED = op("assess", "form:f", member="p0", how="full", category="flat", base=500, since="2026-06", note="依据 form:f")
PAID = op("pay", "form:p", month="2026-06", sums=[["p0", 500]])
GIVEN = op("extra", "form:x", member="p0", fen=70)
HANDED = op("hand_over", "form:h", through=DAY, fen=300)


async def at_desk(store: Store) -> Desk:
    """Let somebody pay, give more, and hand a part over."""
    await store.settle(notes=founding(0))
    desk = Desk(store, 0)
    for one in (FIXED, PAID, GIVEN, HANDED):
        assert await desk.ask(one) == []
    return desk


async def test_whatever_an_organiser_does_the_ledger_adds_up(founded_file: Path, tmp_path: Path) -> None:
    """R6: the short form; ``make faults`` does ten thousand."""
    shutil.copyfile(founded_file, tmp_path / "dues.db")
    tally = await sequences(f"sqlite:///{tmp_path / 'dues.db'}", SEED, range(30))
    assert (tally.failures, tally.tried) == ([], 30)


@pytest.mark.postgres
async def test_it_adds_up_on_the_other_engine_too(postgres: Postgres) -> None:
    """R6, R11."""
    address = postgres.address(postgres.copy())
    store = await Store.open(address, clock := HandClock(NOON))
    await SmallBranch(store, clock).found()
    await store.close()
    tally = await sequences(address, SEED, range(30, 34))
    assert (tally.failures, tally.tried) == ([], 4)


async def test_lives_that_end_while_dues_are_entered_lose_and_double_nothing(
    founded_file: Path, tmp_path: Path
) -> None:
    """R6: the short form; ``make faults`` ends five hundred."""
    shutil.copyfile(founded_file, tmp_path / "dues.db")
    tally = await killed_while_entering(f"sqlite:///{tmp_path / 'dues.db'}", SEED, runs=3)
    assert (tally.failures, tally.tried) == ([], 3)


COPIED = "member_id, organisation_id, sort, month, fen, on_day, method, central, by_user, at, text, is_sealed"
BY_HAND = {
    "doubled": f"INSERT INTO dues_entries (id, {COPIED}) SELECT 'other', {COPIED} FROM dues_entries WHERE fen = 500",
    "lost": "DELETE FROM dues_entries WHERE fen = 500",
    "changed in its sum": "UPDATE dues_entries SET fen = 499 WHERE fen = 500",
    "changed in its month": "UPDATE dues_entries SET month = '2026-07' WHERE fen = 500",
    "changed in its words": "UPDATE dues_entries SET text = NULL WHERE fen = 500",
    "no whole number": "UPDATE dues_entries SET fen = 500.5 WHERE fen = 500",
    "a part taken back": "UPDATE dues_handovers SET handed = 299",
    "fixed as less": "UPDATE dues_assessments SET fen = 400",
}


@pytest.mark.parametrize("what", BY_HAND)
async def test_an_entry_that_is_doubled_lost_or_changed_by_hand_is_seen(
    branch: SmallBranch, tmp_path: Path, what: str
) -> None:
    """R6, control; the triggers are taken away first, and refuse what changes a row while they are there."""
    desk = await at_desk(branch.store)
    with closing(sqlite3.connect(tmp_path / "branch.db", isolation_level=None)) as connection:
        if what not in ("doubled", "changed in its words"):
            with pytest.raises(sqlite3.IntegrityError, match="only added to"):
                connection.execute(BY_HAND[what])
            assert await desk.judge() == []
        named = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'dues_%'"
        for (name,) in connection.execute(named).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(BY_HAND[what])
    assert await desk.judge() != []


def _one_more(sums: Callable[..., Any], name: str) -> Callable[..., Any]:
    async def wrong(*given: Any, **named: Any) -> Any:
        found = await sums(*given, **named)
        return replace(found, **{name: getattr(found, name) + 1})

    return wrong


async def test_what_is_summed_wrongly_is_seen(branch: SmallBranch, monkeypatch: pytest.MonkeyPatch) -> None:
    """R6, control: by one fen, in a branch's own sum, in what goes to the centre, or in a month of somebody."""
    desk = await at_desk(branch.store)
    for name in ("own", "central"):
        with monkeypatch.context() as patched:
            patched.setattr(dues, "sums", _one_more(dues.sums, name))
            assert await desk.judge() != []
    reckon = dues.months
    with monkeypatch.context() as patched:
        patched.setattr(
            dues, "months", lambda *given, **named: [replace(one, paid=one.paid + 1) for one in reckon(*given, **named)]
        )
        assert await desk.judge() != []
    assert await desk.judge() == []


async def test_an_acknowledged_entry_that_is_not_there_and_one_that_nobody_meant_are_seen(branch: SmallBranch) -> None:
    """R6, control of the lives."""
    await at_desk(branch.store)
    told = [("done", json.dumps(one), "") for one in (FIXED, PAID, GIVEN, HANDED)]
    assert await judged(branch.store, 0, told) == []
    assert await judged(branch.store, 0, [*told, ("done", json.dumps({**GIVEN, "cause": "form:lost"}), "")]) != []
    assert await judged(branch.store, 0, told[:-1]) != []
