"""What waits on the shelf is one session's, for a quarter of an hour, and never too much."""

from __future__ import annotations

import pytest

from content.sessions import SignedOut
from storage import shelf
from storage.retention import Swept
from storage.shelf import MOST_OF_ONE_SESSION, Shelved, Unshelved
from storage.store import Store
from tests.small_branch import HandClock


async def put(store: Store, id: str, session: str = "one", sealed: bytes = b"sealed") -> None:
    """Put something on the shelf."""
    await store.settle(notes=[Shelved(id=id, session_hash=session, sealed=sealed, at=store.now())])


async def get(store: Store, id: str, session: str = "one") -> bytes | None:
    """Return what lies there."""
    return await store.read(lambda unit: shelf.sealed(unit, id, session))


async def test_a_thing_is_found_by_the_session_that_put_it_there_and_by_no_other(store: Store) -> None:
    await put(store, "sheet")
    assert await get(store, "sheet") == b"sealed"
    assert await get(store, "sheet", "two") is None
    await store.settle(notes=[Unshelved(id="sheet", session_hash="two")])
    assert await get(store, "sheet") == b"sealed"
    await store.settle(notes=[Unshelved(id="sheet", session_hash="one")])
    assert await get(store, "sheet") is None


async def test_after_a_quarter_of_an_hour_it_is_gone_from_view_and_then_from_the_database(
    store: Store, clock: HandClock
) -> None:
    await put(store, "sheet")
    clock.forward(minutes=14)
    await store.settle(notes=[Swept(at=clock.now)])
    assert await get(store, "sheet") == b"sealed"
    clock.forward(minutes=1)
    assert await get(store, "sheet") is None
    await store.settle(notes=[Swept(at=clock.now)])
    assert await store.read(lambda unit: unit.rows(shelf.shelf.select())) == []


async def test_signing_out_takes_along_what_the_session_has_left(store: Store) -> None:
    await put(store, "mine")
    await put(store, "theirs", "two")
    await store.settle(notes=[SignedOut(family="one")])
    assert (await get(store, "mine"), await get(store, "theirs", "two")) == (None, b"sealed")


async def test_the_oldest_things_of_a_session_make_room_for_its_newest(store: Store, clock: HandClock) -> None:
    await put(store, "theirs", "two")
    for number in range(MOST_OF_ONE_SESSION + 1):
        clock.forward(seconds=1)
        await put(store, f"picture{number}")
    assert await get(store, "picture0") is None
    assert await get(store, "picture1") == b"sealed"
    assert await get(store, f"picture{MOST_OF_ONE_SESSION}") == b"sealed"
    assert await get(store, "theirs", "two") == b"sealed"


async def test_all_sessions_together_do_not_fill_the_database(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "LARGEST_TOTAL_BYTES", 10)
    await put(store, "old", "one", b"12345")
    clock.forward(seconds=1)
    await put(store, "middle", "two", b"12345")
    clock.forward(seconds=1)
    await put(store, "new", "three", b"12345")
    assert [await get(store, *one) for one in (("old", "one"), ("middle", "two"), ("new", "three"))] == [
        None,
        b"12345",
        b"12345",
    ]
