"""Files that wait to be fetched: taken on by one worker at a time and gone with their key, on either engine."""

from __future__ import annotations

from content.exports import (
    LASTS,
    LEASE,
    WAITS,
    Export,
    ExportAsked,
    Exported,
    ExportMade,
    ExportMoved,
    ExportsForgotten,
    ExportTaken,
    State,
)
from content.identifiers import ExportId, UserId
from storage import exports
from storage.store import Store
from tests.small_branch import HandClock

WANG, PATH = UserId("@wang:test"), "/members/export/filed.csv?q=王"


async def test_a_file_is_taken_made_and_fetched_once(address: str, clock: HandClock) -> None:
    store = await Store.open(address, clock, master=bytes(32))
    at = clock.now
    one = Export(id=ExportId("x"), user=WANG, what="t", standing="s", language="en", asked_at=at, until=at + WAITS)
    await store.settle(notes=[ExportAsked(export=one, path=PATH), ExportTaken(worker="a", at=at)])
    await store.settle(notes=[ExportTaken(worker="b", at=at)])
    assert await store.read(lambda unit: exports.taken(unit, "b")) is None
    found = await store.read(lambda unit: exports.taken(unit, "a"))
    assert found is not None
    assert (found[0].tries, found[1]) == (1, PATH)
    await store.settle(notes=[ExportMoved(export=one.id, worker="a", done=1, total=2, at=at)])
    assert not await store.read(exports.waits)
    clock.now += LEASE
    assert await store.read(exports.waits)
    made = ExportMade(
        export=one.id, what="t", file="t.csv", kind="text/csv", rows=2, data=b"x", until=clock.now + LASTS
    )
    await store.settle(notes=[made])
    (kept,) = await store.read(lambda unit: exports.exports_of(unit, WANG))
    assert (kept.state, kept.done, kept.total) == (State.READY, 2, 2)
    assert await store.read(lambda unit: exports.data_of(unit, kept)) == b"x"
    await store.settle(notes=[Exported(what="t", rows=2, export=one.id)])
    assert await store.read(lambda unit: unit.rows(exports.exports.select())) == []
    await store.settle(notes=[ExportAsked(export=one, path=PATH), ExportsForgotten(at=at + WAITS)])
    assert await store.read(lambda unit: unit.rows(exports.exports.select())) == []
    await store.close()
