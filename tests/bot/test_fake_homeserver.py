"""The homeserver in memory behaves as the real one does, in everything that deliveries rest on."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.matrix.crypto import MARK
from bot.matrix.faults import Fault
from bot.matrix.homeserver import Homeserver
from bot.matrix.login import log_in
from content.rooms import Purpose, levels
from tests.fake_homeserver import FakeHomeserver
from tests.pieces import pieces
from tests.small_branch import HandClock
from zhibu.demo.synapse import Synapse

PICKLE_KEY = bytes(range(32))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_numbers = itertools.count(1)
Either = FakeHomeserver | Homeserver


def said(text: str, mark: str = "") -> dict[str, Any]:
    """Make the content of a message."""
    return {"msgtype": "m.notice", "body": text, MARK: mark}


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.synapse)])
def synapse_or_none(request: pytest.FixtureRequest) -> Synapse | None:
    """Give the real server to the second run of each case."""
    return request.getfixturevalue("synapse") if request.param == "real" else None


@pytest_asyncio.fixture
async def homeserver(synapse_or_none: Synapse | None, clock: HandClock, tmp_path: Path) -> AsyncIterator[Either]:
    """Give the one in memory, or the real one with an account signed in."""
    if synapse_or_none is None:
        yield FakeHomeserver(clock)
        return
    name = f"contract{next(_numbers)}"
    await synapse_or_none.register(name, "a long password")
    session = await log_in(synapse_or_none.url, name, "a long password", tmp_path, PICKLE_KEY, "contract")
    real = Homeserver(session, PICKLE_KEY, deadline=20)
    await real.start()
    yield real
    await real.close()


async def room(homeserver: Either, alias: str) -> str:
    """Make a private room that is not encrypted."""
    alias = f"{alias}-{homeserver.user_id[1:].partition(':')[0]}"
    return await homeserver.create_room(alias=alias, encrypted=False, invite=[], is_direct=True)


async def test_the_same_transaction_gives_the_same_event(homeserver: Either) -> None:
    place = await room(homeserver, "same")
    first = await homeserver.send(place, "m.room.message", said("a"), "t1")
    assert await homeserver.send(place, "m.room.message", said("a"), "t1") == first
    assert await homeserver.send(place, "m.room.message", said("a"), "t2") != first


async def test_the_same_transaction_with_another_text_gives_the_old_event(homeserver: Either) -> None:
    place = await room(homeserver, "other-text")
    first = await homeserver.send(place, "m.room.message", said("a"), "t1")
    assert await homeserver.send(place, "m.room.message", said("b"), "t1") == first


async def test_a_transaction_belongs_to_its_room(homeserver: Either) -> None:
    here, there = await room(homeserver, "here"), await room(homeserver, "there")
    first = await homeserver.send(here, "m.room.message", said("a"), "t1")
    assert await homeserver.send(there, "m.room.message", said("a"), "t1") != first


async def test_what_was_sent_is_found_by_its_mark(homeserver: Either) -> None:
    place = await room(homeserver, "mark")
    sent = await homeserver.send(place, "m.room.message", said("a", "mark-1"), "t1")
    await homeserver.send(place, "m.room.message", said("a", "mark-2"), "t2")
    assert await homeserver.find_sent(place, "mark-1", LONG_AGO) == sent
    assert await homeserver.find_sent(place, "mark-3", LONG_AGO) is None


async def test_an_alias_makes_one_room(homeserver: Either) -> None:
    assert await room(homeserver, "once") == await room(homeserver, "once")
    assert await room(homeserver, "once") != await room(homeserver, "twice")


async def test_an_upload_for_an_encrypted_room_carries_its_key(homeserver: Either) -> None:
    plain = await homeserver.upload(pieces(b"picture"), "image/png", "a.png", size=7, encrypted=False)
    sealed = await homeserver.upload(pieces(b"picture"), "image/png", "a.png", size=7, encrypted=True)
    assert set(plain) == {"url"}
    assert set(sealed) == {"file"}
    assert sealed["file"]["url"].startswith("mxc://")


async def test_a_room_is_made_with_its_state_hung_in_its_space_and_its_people_come_and_go(homeserver: Either) -> None:
    own = homeserver.user_id[1:].partition(":")[0]
    server = homeserver.user_id.partition(":")[2]
    guest = f"@guest-of-{own}:{server}"
    space = await homeserver.create_room(alias=f"space-{own}", encrypted=False, space=True, name="总支")
    made = await homeserver.create_room(
        alias=f"hall-{own}",
        encrypted=True,
        name="支部",
        topic="学习",
        power_levels=levels(Purpose.COMMITTEE, []),
        parent=space,
        history="joined",
    )
    for _ in range(2):
        await homeserver.hang(space, made, "0-00001", names_it=True)
        await homeserver.invite(made, guest)
    state = {(event.type, event.state_key): event.content for event in await homeserver.state(made)}
    assert state["m.room.create", ""]["m.federate"] is False
    assert state["m.room.create", ""]["room_version"] == "12"
    assert state["m.room.history_visibility", ""] == {"history_visibility": "joined"}
    assert state["m.room.power_levels", ""]["invite"] == 50
    assert state["m.room.member", guest]["membership"] == "invite"
    assert state["m.space.parent", space]["canonical"] is True
    assert {"m.room.encryption", "m.room.name", "m.room.topic"} <= {kind for kind, _ in state}
    assert (await homeserver.state_event(space, "m.space.child", made))["order"] == "0-00001"
    assert (await homeserver.state_event(space, "m.room.create"))["type"] == "m.space"
    await homeserver.kick(made, guest, "名册有变动")
    assert (await homeserver.state_event(made, "m.room.member", guest))["membership"] == "leave"
    with pytest.raises(Fault) as missing:
        await homeserver.state_event(made, "m.room.tombstone")
    assert missing.value.errcode == "M_NOT_FOUND"
