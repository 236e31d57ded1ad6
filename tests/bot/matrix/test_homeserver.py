"""Hearing and sending on a real homeserver, in clear and encrypted rooms, across gaps, repeats and restarts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from nio import RoomCreateResponse

from bot.matrix.crypto import MARK
from bot.matrix.events import Batch, Event, RoomBatch, Unreadable
from bot.matrix.faults import Fault, Kind, TokenRevoked
from bot.matrix.homeserver import Homeserver
from bot.matrix.login import log_in, retire
from tests.member import Member
from tests.pieces import pieces

if TYPE_CHECKING:
    from tests.bot.matrix.conftest import Bots, People
    from zhibu.demo.synapse import Synapse

pytestmark = pytest.mark.synapse


def room_of(batch: Batch, room_id: str) -> RoomBatch:
    """Return what a batch says about one room."""
    return next(room for room in batch.rooms if room.room_id == room_id)


def texts(batch: Batch, room_id: str) -> list[str]:
    """Return the message texts of a room in a batch, ``?`` for the unreadable."""
    heard = [event for room in batch.rooms if room.room_id == room_id for event in room.timeline]
    return [
        "?" if not isinstance(event, Event) else event.content["body"]
        for event in heard
        if not isinstance(event, Event) or event.type == "m.room.message"
    ]


def notice(text: str, mark: str | None = None) -> dict[str, Any]:
    """Make the content of a bot's message."""
    return {"msgtype": "m.notice", "body": text} | ({MARK: mark} if mark else {})


async def test_messages_pass_both_ways_in_a_clear_room(bot: Homeserver, people: People) -> None:
    member = await people.plain()
    room_id = await bot.create_room(name="党支部", encrypted=False, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    await member.say(room_id, "学完")
    await bot.send(room_id, "m.room.message", notice("今日学习"), "t1")

    second = await bot.sync(first.next_batch, 0)
    assert texts(second, room_id) == ["学完", "今日学习"]
    heard = [event for event in room_of(second, room_id).timeline if isinstance(event, Event)]
    assert [event.sender for event in heard] == [member.user_id, bot.user_id]
    assert not any(event.encrypted or event.foreign for event in heard)
    assert heard[1].own_transaction == "t1"
    assert (await member.history(room_id))[-1]["content"]["body"] == "今日学习"


async def test_messages_pass_both_ways_in_an_encrypted_room(bot: Homeserver, people: People) -> None:
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    await bot.send(room_id, "m.room.message", notice("今日学习"), "t1")
    assert await member.read(room_id) == ["今日学习"]
    await member.say(room_id, "学完")

    second = await bot.sync(first.next_batch, 0)
    assert texts(second, room_id) == ["今日学习", "学完"]
    assert all(event.encrypted and not event.foreign for event in room_of(second, room_id).timeline)  # type: ignore[union-attr]
    assert [(key.room_id, bool(key.session_id)) for key in second.keys] == [(room_id, True)]


async def test_a_first_private_message_is_readable_by_who_comes_in_after_it(bot: Homeserver, people: People) -> None:
    member = await people.encrypting()
    room_id = await bot.create_room(is_direct=True, invite=[member.user_id])
    await bot.send(room_id, "m.room.message", notice("已记下"), "t1")
    await member.sync()
    await member.join(room_id)
    history = await member.client.room_messages(room_id, limit=20)
    assert [event.body for event in history.chunk if hasattr(event, "body")] == ["已记下"]


async def test_a_room_just_entered_can_be_written_to_before_the_next_sync(bot: Homeserver, people: People) -> None:
    """N29: invited into an encrypted room, accepted, and the first message goes out and is read."""
    member = await people.encrypting()
    sealed = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    made = await member.client.room_create(invite=[bot.user_id], initial_state=[sealed])
    assert isinstance(made, RoomCreateResponse), made
    room_id = made.room_id
    await member.sync()
    await bot.join(room_id)
    await bot.send(room_id, "m.room.message", notice("您好"), "t1")
    assert await member.read(room_id) == ["您好"]


async def test_the_same_batch_asked_for_twice_gives_the_same_plaintexts(bot: Homeserver, people: People) -> None:
    """N6, N7."""
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    await member.sync()
    await member.say(room_id, "签到")

    once = await bot.sync(first.next_batch, 0)
    again = await bot.sync(first.next_batch, 0)
    assert texts(once, room_id) == texts(again, room_id) == ["签到"]


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_gap_longer_than_the_limit_is_filled_in_order(bots: Bots, people: People, encrypted: bool) -> None:
    """N2, F53."""
    bot = await bots.start(timeline_limit=5)
    member = await (people.encrypting() if encrypted else people.plain())
    room_id = await bot.create_room(encrypted=encrypted, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    if encrypted:
        await member.sync()
    said = [f"签到 {number}" for number in range(60)]
    for text in said:
        await member.say(room_id, text)

    batch = await bot.sync(first.next_batch, 0)
    assert texts(batch, room_id) == said
    assert room_of(batch, room_id).gap is None


async def test_after_a_restart_a_quiet_encrypted_room_can_be_written_to(bots: Bots, people: People) -> None:
    """N8."""
    bot = await bots.start()
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    await bot.send(room_id, "m.room.message", notice("before"), "t1")

    bot = await bots.restart(bot)
    bot.seed([(room_id, True)])
    await bot.send(room_id, "m.room.message", notice("after"), "t2")
    assert await member.read(room_id) == ["before", "after"]
    batch = await bot.sync(first.next_batch, 0)
    assert texts(batch, room_id) == ["before", "after"]


async def test_a_room_nobody_told_us_about_is_never_written_to_in_clear(bots: Bots, people: People) -> None:
    """N42."""
    bot = await bots.start()
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)

    bot = await bots.restart(bot)  # and our tables do not seed the room
    await bot.send(room_id, "m.room.message", notice("confidential"), "t1")
    raw = [event for event in await bot.state(room_id) if event.type == "m.room.encryption"]
    assert raw
    assert await member.read(room_id) == ["confidential"]
    events = await member.client.room_messages(room_id, limit=1)
    assert events.chunk[0].source.get("type") != "m.room.message" or events.chunk[0].decrypted


async def test_a_repeated_transaction_gives_the_same_event(bots: Bots, people: People) -> None:
    """N37."""
    bot = await bots.start()
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.send(room_id, "m.room.message", notice("课程"), "same")
    bot = await bots.restart(bot)
    assert await bot.send(room_id, "m.room.message", notice("课程"), "same") == first
    await member.sync()


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_doubtful_send_is_settled_by_the_mark_of_the_sender_only(
    bots: Bots, people: People, encrypted: bool
) -> None:
    """N38."""
    bot = await bots.start()
    member = await (people.encrypting() if encrypted else people.plain())
    room_id = await bot.create_room(encrypted=encrypted, invite=[member.user_id])
    await member.join(room_id)
    began = datetime.now(UTC)
    sent = await bot.send(room_id, "m.room.message", notice("课程", "outbox-1"), "t1")
    forged = {"msgtype": "m.text", "body": "x", MARK: "outbox-2"}
    await member.send(room_id, "m.room.message", forged)

    bot = await bots.restart(bot)
    assert await bot.find_sent(room_id, "outbox-1", began) == sent
    assert await bot.find_sent(room_id, "outbox-2", began) is None
    await bot.redact(room_id, sent, "r1")
    assert await bot.find_sent(room_id, "outbox-1", began) is None
    assert await bot.find_sent(room_id, "outbox-1", began, "t1") == sent
    assert await bot.find_sent(room_id, "outbox-1", began + timedelta(hours=1), "nothing") is None


async def test_reactions_and_redactions_name_their_target(bot: Homeserver, people: People) -> None:
    member = await people.plain()
    room_id = await bot.create_room(encrypted=False, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    card = await bot.send(room_id, "m.room.message", notice("card"), "t1")
    reaction = await member.react(room_id, card)
    await member.redact(room_id, reaction)

    events = [
        event for event in room_of(await bot.sync(first.next_batch, 0), room_id).timeline if isinstance(event, Event)
    ]
    assert [event.type for event in events] == ["m.room.message", "m.reaction", "m.room.redaction"]
    assert events[2].redacts == reaction


async def test_invitations_and_expulsions_are_told_and_the_room_is_forgotten(bot: Homeserver, people: People) -> None:
    """N27, N28."""
    member = await people.plain()
    first = await bot.sync(None, 0)
    room_id = await member.create_room(bot.user_id, name="invited", is_direct=True)
    second = await bot.sync(first.next_batch, 0)
    invitation = room_of(second, room_id)
    assert invitation.membership == "invite"
    assert "m.room.member" in {event.type for event in invitation.state if isinstance(event, Event)}
    await bot.join(room_id)
    third = await bot.sync(second.next_batch, 0)
    assert room_of(third, room_id).membership == "join"
    await member.ask("POST", f"/v3/rooms/{room_id}/kick", {"user_id": bot.user_id})
    fourth = await bot.sync(third.next_batch, 0)
    assert room_of(fourth, room_id).membership == "leave"
    assert bot.encrypted(room_id) is None
    with pytest.raises(Fault) as refused:
        await bot.send(room_id, "m.room.message", notice("too late"), "t1")
    assert refused.value.permanent


async def test_a_room_is_made_once_under_its_alias_and_stands_in_its_space(bot: Homeserver, people: People) -> None:
    member, late = await people.plain(), await people.plain()
    number = bot.user_id[1:].partition(":")[0]
    space = await bot.create_room(alias=f"space-{number}", name="总支", space=True)
    levels = {"users_default": 0, "events_default": 0, "users": {member.user_id: 50, bot.user_id: 100}}
    wanted: dict[str, Any] = {"alias": f"room-{number}", "name": "支部", "power_levels": levels}
    room_id = await bot.create_room(**wanted, invite=[member.user_id])
    assert await bot.create_room(**wanted, invite=[member.user_id, late.user_id]) == room_id
    await late.join(room_id)
    for _ in range(2):
        await bot.hang(space, room_id, "0-00001")

    state = {(event.type, event.state_key): event.content for event in await bot.state(room_id)}
    assert state["m.room.create", ""]["m.federate"] is False
    assert state["m.room.create", ""]["room_version"] == "12"
    assert state["m.room.encryption", ""]["algorithm"] == "m.megolm.v1.aes-sha2"
    assert state["m.room.power_levels", ""]["users"] == {member.user_id: 50}
    assert state["m.space.parent", space]["canonical"] is True
    assert (await bot.state_event(space, "m.space.child", room_id))["order"] == "0-00001"
    assert set(await bot.members(room_id)) == {bot.user_id, late.user_id}
    await bot.invite(room_id, member.user_id)  # again: no fault
    assert await bot.resolve(f"room-{number}") == room_id
    assert await bot.resolve(f"nothing-{number}") is None


async def test_an_alias_that_somebody_else_took_leads_into_a_room_of_our_own(bot: Homeserver, people: People) -> None:
    mallory, victim = await people.plain(), await people.plain()
    trap = await mallory.create_room(preset="public_chat", room_alias_name="zhibu-dm-guessed")
    room_id = await bot.create_room(alias="zhibu-dm-guessed", is_direct=True, invite=[victim.user_id])
    assert room_id != trap
    state = {event.type: event for event in await bot.state(room_id)}
    assert state["m.room.create"].sender == bot.user_id
    assert "m.room.encryption" in state
    assert bot.user_id not in {
        event["state_key"]
        for event in await mallory.ask("GET", f"/v3/rooms/{trap}/state")
        if event["type"] == "m.room.member"
    }


async def test_an_image_goes_up_for_clear_and_for_encrypted_rooms_and_never_over_the_limit(bot: Homeserver) -> None:
    clear = await bot.upload(pieces(b"\x89P", b"NG"), "image/png", "a.png", size=4, encrypted=False)
    sealed = await bot.upload(pieces(b"\x89P", b"NG"), "image/png", "a.png", size=4, encrypted=True)
    assert clear["url"].startswith("mxc://")
    assert sealed["file"]["url"].startswith("mxc://")
    assert {"key", "iv", "hashes"} <= set(sealed["file"])
    limit = await bot.upload_limit()
    assert limit is not None
    with pytest.raises(Fault) as refused:
        await bot.upload(pieces(), "image/png", "b.png", size=limit + 1, encrypted=False)
    assert refused.value.kind is Kind.TOO_LARGE


async def test_the_same_device_is_used_again_and_the_password_is_not_needed(bots: Bots) -> None:
    bot = await bots.start()
    again = await bots.restart(bot)
    assert (again.user_id, again.device_id) == (bot.user_id, bot.device_id)
    for secret in [*bots.folder.rglob("session.json"), *bots.folder.rglob("*.pickle"), *bots.folder.rglob("crypto.db")]:
        assert secret.stat().st_mode & 0o077 == 0, secret.name


async def test_a_wrong_password_is_named_and_stores_nothing(
    bots: Bots, synapse: Synapse, pickle_key: bytes, people: People
) -> None:
    member = await people.plain()
    with pytest.raises(Fault) as refused:
        await log_in(synapse.url, member.user_id, "wrong", bots.folder / "x", pickle_key, "x")
    assert refused.value.kind is Kind.SIGN_IN
    assert refused.value.permanent
    assert not (bots.folder / "x" / "session.json").exists()


async def test_one_process_at_a_time_drives_a_device(bots: Bots) -> None:
    """F08."""
    bot = await bots.start()
    with pytest.raises(Fault, match="another process"):
        await bots.start(localpart=bot.user_id[1:].partition(":")[0])


async def test_a_store_under_another_key_is_refused(bots: Bots, synapse: Synapse, pickle_key: bytes) -> None:
    """N43."""
    bot = await bots.start()
    localpart = bot.user_id[1:].partition(":")[0]
    await bot.close()
    session = await log_in(synapse.url, localpart, "", bots.folder / localpart, pickle_key, "x")
    for wrong in (b"short", bytes(32)):
        with pytest.raises(Fault) as refused:
            await Homeserver(session, wrong).start()
        assert refused.value.kind is Kind.STORE


async def test_a_lost_store_means_a_new_device_that_is_vouched_for_again(bots: Bots, people: People) -> None:
    """F57, N49."""
    bot = await bots.start()
    member = await people.plain()
    room_id = await bot.create_room(encrypted=False, invite=[member.user_id])
    began = datetime.now(UTC)
    sent = await bot.send(room_id, "m.room.message", notice("课程", "outbox-1"), "t1")
    await bot.close()
    localpart = bot.user_id[1:].partition(":")[0]
    (bots.folder / localpart / "crypto.db").unlink()
    again = await bots.start(localpart=localpart)
    assert again.device_id != bot.device_id
    assert again.trusted
    assert await again.find_sent(room_id, "outbox-1", began) == sent


async def test_a_revoked_token_is_told_apart(bots: Bots, people: People, synapse: Synapse) -> None:
    """F55."""
    bot = await bots.start()
    account = await synapse.log_in(bot.user_id[1:].partition(":")[0], "a long password")
    async with Member(synapse.url, account) as other:
        await other.ask("POST", "/v3/logout/all", {})
    with pytest.raises(TokenRevoked):
        await bot.sync(None, 0)
    with pytest.raises(TokenRevoked):
        await bots.restart(bot)


async def test_a_key_that_comes_late_makes_the_event_readable(bot: Homeserver, people: People) -> None:
    """F59."""
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    await member.sync()
    olm = member.client.olm
    olm.create_outbound_group_session(room_id)
    olm.outbound_group_sessions[room_id].shared = True  # said before the key was given to anyone
    event_id = await member.send_plaintext(
        room_id, json.dumps({"type": "m.room.message", "content": {"body": "late"}, "room_id": room_id})
    )
    second = await bot.sync(first.next_batch, 0)
    [waiting] = room_of(second, room_id).timeline
    assert isinstance(waiting, Unreadable)

    session = olm.inbound_group_store.get(room_id, olm.account.identity_keys["curve25519"], waiting.session_id)
    bot._device.olm.inbound_group_store.add(session)
    heard = await bot.read_again(room_id, event_id)
    assert isinstance(heard, Event)
    assert heard.content["body"] == "late"
    assert await bot.read_again(room_id, "$nothing") is None


async def test_a_death_between_hearing_and_committing_loses_no_key(bots: Bots, people: People) -> None:
    """N9."""
    bot = await bots.start()
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    await member.sync()
    await member.say(room_id, "one")
    await bot.sync(first.next_batch, 0)

    bot = await bots.restart(bot)  # nothing was committed
    bot.seed([(room_id, True)])
    again = await bot.sync(first.next_batch, 0)
    await member.say(room_id, "two")
    assert texts(again, room_id) == ["one"]
    assert texts(await bot.sync(again.next_batch, 0), room_id) == ["two"]


async def test_a_store_that_cannot_be_written_is_a_fault_and_loses_no_key(bot: Homeserver, people: People) -> None:
    """N9, F23."""
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    await member.sync()
    await member.say(room_id, "签到")
    bot._device.store.database.execute_sql("PRAGMA query_only = ON")
    with pytest.raises(Fault) as fault:
        await bot.sync(first.next_batch, 0)
    assert fault.value.kind is Kind.STORE
    assert not fault.value.permanent
    assert texts(await bot.sync(first.next_batch, 0), room_id) == ["签到"]
    await bot.send(room_id, "m.room.message", notice("已记下"), "t1")
    assert (await member.read(room_id))[-1] == "已记下"


async def test_an_encrypted_event_that_was_taken_back_is_no_poison(bots: Bots, people: People) -> None:
    bot = await bots.start()
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    await member.sync()
    event_id = await member.say(room_id, "a mistake")
    await member.client.room_redact(room_id, event_id)
    [room] = (await bot.sync(first.next_batch, 0)).rooms
    heard = [event for event in room.timeline if isinstance(event, Event)]
    assert [event.type for event in heard] == ["m.room.encrypted", "m.room.redaction"]
    assert heard[0].content == {}
    assert heard[1].redacts == event_id


async def test_a_retired_login_gives_way_to_a_new_device_of_the_same_identity(bots: Bots, synapse: Synapse) -> None:
    bot = await bots.start()
    await bot.close()
    localpart = bot.user_id[1:].partition(":")[0]
    retire(bots.folder / localpart)
    again = await bots.start(localpart=localpart)
    assert again.device_id != bot.device_id
    assert again.trusted
