"""Figures and standing are read on both engines, from signs of life and counts alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage import heartbeats
from storage.health import figures, standing
from storage.heartbeats import Beat, backup_failed, life
from storage.outbox import GivenUp
from storage.sync import Buried, Heard
from tests.small_branch import ME, NOON, HandClock, SmallBranch


async def test_figures_count_by_kind_and_say_on_what_it_runs(branch: SmallBranch, clock: HandClock) -> None:
    await branch.open()
    first, _ = await branch.claim()
    letter = Buried(cause="event:$x", room=None, sender=None, reason="odd", raw=None, at=NOON)
    await branch.store.settle(
        notes=[
            GivenUp(claimed=first, error="refused", at=NOON),
            letter,
            Heard(account=ME, since="s1", at=NOON),
            Beat(role="bot", state="listening", at=NOON, measures={"late": 0.5}, version="0.1.0"),
        ]
    )
    known = await branch.store.read(figures)
    assert (known.waiting, known.failed) == ({"post": 1}, {"post": 1})
    assert known.troubles == {"gaps": 0, "dead_letters": 1, "unreadable": 0}
    assert known.heard_at == NOON
    assert known.bytes > 10_000
    assert known.engine.split()[0] in ("SQLite", "PostgreSQL")
    assert known.revision
    assert (known.signs["bot"].measures, known.signs["bot"].version) == ({"late": 0.5}, "0.1.0")


async def test_what_could_have_gone_out_for_five_minutes_is_stuck_and_what_waits_its_turn_is_not(
    branch: SmallBranch, clock: HandClock
) -> None:
    await branch.open()
    clock.forward(minutes=5)
    beats = [Beat(role="bot", state="listening", at=clock.now), Beat(role="clock", state="ticking", at=clock.now)]
    await branch.store.settle(notes=beats)
    assert (await branch.store.read(lambda unit: standing(unit, still=0, refused=0))).reasons == ("outbox_stuck",)
    await branch.send_all()
    assert (await branch.store.read(lambda unit: standing(unit, still=0, refused=0))).ready
    assert (await branch.store.read(lambda unit: standing(unit, still=11, refused=31))).reasons == (
        "loop_blocked",
        "database_not_writable",
    )


async def test_a_store_knows_since_when_nothing_could_be_written(
    branch: SmallBranch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F23, F27: a full disk or a database that another program holds is known by the writing that fails."""

    def full(*_works: object) -> list[object]:
        raise OSError("disk full")

    store, now = branch.store, [100.0]
    monkeypatch.setattr("storage.store.time.perf_counter", lambda: now[0])
    monkeypatch.setattr(store, "_transact", full)
    for _ in range(2):
        with pytest.raises(OSError, match="full"):
            await store.settle()
        now[0] += 20
    assert store.refused_for() == 40
    monkeypatch.undo()
    await store.settle()
    assert store.refused_for() == 0


def test_a_sign_from_the_future_is_none() -> None:
    """F17: after the clock was set back, the last sign of a process that has died since does not live on."""
    for ahead, word in ((89, "ok"), (90, "silent"), (7200, "silent")):
        beats = {"bot": ("listening", NOON + timedelta(seconds=ahead))}
        assert life("bot", beats, now=NOON) == word


async def test_a_backup_that_failed_counts_until_a_newer_one_is_seen(branch: SmallBranch, clock: HandClock) -> None:
    async def found() -> object:
        return backup_failed(await branch.store.read(heartbeats.signs))

    assert await found() is None
    await branch.store.settle(notes=[Beat(role="backup", state="failed 65", at=NOON)])
    assert await found() == NOON
    for since, failed in ((-1, NOON), (1, None)):
        measures = {"backup_at": NOON.timestamp() + since}
        await branch.store.settle(notes=[Beat(role="bot", state="listening", at=NOON, measures=measures)])
        assert await found() == failed
