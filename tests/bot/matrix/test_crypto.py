"""What a hostile member or stranger can encrypt, claim or publish neither stops the bot nor gains a right."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import reduce
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nio
import pytest
import vodozemac
from hypothesis import given
from hypothesis import strategies as st
from nio.crypto import Olm, OlmAccount, SessionStore
from nio.events.room_events import PowerLevels

from bot.matrix import border
from bot.matrix.crypto import FATAL, MEGOLM, PRIVATE_NAMES, STATE_ONLY, Device, Refused, guarded, raw_key
from bot.matrix.events import Event, Poison, Unreadable
from bot.matrix.keyring import _good_device, _good_one_time_key
from tests.member import Member
from zhibu.demo.synapse import Account

if TYPE_CHECKING:
    from bot.matrix.homeserver import Homeserver
    from tests.bot.matrix.conftest import Bots, MakeAccount, People
    from tests.encrypted_member import EncryptedMember
    from zhibu.demo.synapse import Synapse

ROOM = "!room"
_numbers = count()
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def test_the_store_of_keys_is_closed_to_others_before_anything_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F01: who dies while it is made leaves no store that others could read, which the next start would refuse."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "chmod", die)
    with pytest.raises(KeyboardInterrupt):
        Device("@bot:x", "DEVICE", tmp_path / "device", bytes(32))
    assert (tmp_path / "device" / "crypto.db").stat().st_mode & 0o777 == 0o600


class Room:
    """A room's encryption without a homeserver: a hostile member's session whose key the bot has."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.sender = "@mallory:x"
        self.session = vodozemac.GroupSession()
        self.sender_key = base64.b64encode(bytes(range(32))).decode().rstrip("=")
        device.olm.create_group_session(
            self.sender_key, "fingerprint", ROOM, self.session.session_id, self.session.session_key.to_base64()
        )

    def event(self, plaintext: bytes, **content: Any) -> dict[str, Any]:
        """Encrypt any bytes into an event."""
        return {
            "type": "m.room.encrypted",
            "event_id": f"${next(_numbers)}",
            "sender": self.sender,
            "origin_server_ts": 1_790_000_000_000,
            "content": {
                "algorithm": MEGOLM,
                "ciphertext": self.session.encrypt(plaintext).to_base64(),
                "session_id": self.session.session_id,
            }
            | content,
        }

    def read(self, raw: dict[str, Any]) -> Event | Unreadable | Poison:
        """Let the bot read an event."""
        event = border.read_event(ROOM, raw)
        assert isinstance(event, Event)
        return self.device.read(event, raw)

    def say(self, payload: Any, **content: Any) -> Event | Unreadable | Poison:
        """Encrypt JSON and let the bot read it."""
        return self.read(self.event(json.dumps(payload).encode(), **content))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Give a room with a hostile member."""
    device = Device("@bot:x", "BOTDEVICE", tmp_path_factory.mktemp("device"), bytes(32))
    yield Room(device)
    device.close()


def message(**change: Any) -> dict[str, Any]:
    """Make a good payload, with changes."""
    return {"type": "m.room.message", "content": {"body": "学完"}, "room_id": ROOM} | change


def test_a_good_payload_is_read_and_a_session_of_nobody_is_flagged_as_foreign(room: Room) -> None:
    read = room.say(message())
    assert isinstance(read, Event)
    assert (read.type, read.content["body"], read.encrypted) == ("m.room.message", "学完", True)
    assert read.sender == room.sender
    assert read.foreign  # no device of the sender is known that owns this session


@given(plaintext=st.binary(max_size=300))
def test_any_bytes_inside_a_good_ciphertext_become_poison(room: Room, plaintext: bytes) -> None:
    """N14."""
    assert isinstance(room.read(room.event(plaintext)), Poison)


@given(payload=ANY_JSON)
def test_any_json_inside_a_good_ciphertext_is_an_event_or_poison(room: Room, payload: Any) -> None:
    """N14."""
    for inside in (payload, message(content=payload), message(type=payload), message(room_id=payload)):
        read = room.read(room.event(json.dumps(inside).encode()))
        assert isinstance(read, Event | Poison)


@pytest.mark.parametrize("depth", [60, 900, 5_000])
def test_depth_inside_a_good_ciphertext_is_poison(room: Room, depth: int) -> None:
    """N14, I009."""
    text = '{"type":"m.room.message","content":{"a":' + "[" * depth + "]" * depth + "}}"
    assert isinstance(room.read(room.event(text.encode())), Poison)


@given(ciphertext=st.text(max_size=100) | st.binary(max_size=200).map(lambda raw: base64.b64encode(raw).decode()))
def test_any_ciphertext_is_poison(room: Room, ciphertext: str) -> None:
    """N14."""
    assert isinstance(room.read(room.event(b"{}", ciphertext=ciphertext)), Poison)


@pytest.mark.parametrize("kind", [*sorted(STATE_ONLY), "m.space.child", "m.policy.rule.user"])
def test_state_hidden_in_an_encrypted_event_is_refused(room: Room, kind: str) -> None:
    """N17."""
    read = room.say(message(type=kind))
    assert isinstance(read, Poison)
    assert read.reason == "hidden_state"
    assert (read.sender, bool(read.event_id)) == (room.sender, True)


def test_state_keys_and_redactions_inside_are_refused(room: Room) -> None:
    """N17."""
    for payload in (message(state_key=""), message(type="m.room.redaction"), message(type="m.room.encrypted")):
        assert isinstance(room.say(payload), Poison)
    for payload in (message(room_id="!other"), message(room_id=5)):
        assert isinstance(room.say(payload), Poison)
    assert isinstance(room.read(room.event(json.dumps(message()).encode()) | {"state_key": ""}), Poison)


def test_who_and_when_come_from_the_outer_event(room: Room) -> None:
    """N21."""
    read = room.say(message(sender="@secretary:x", event_id="$forged", origin_server_ts=1))
    assert isinstance(read, Event)
    assert read.sender == room.sender
    assert read.event_id != "$forged"
    assert read.sent_at.year > 2020


def test_a_ciphertext_under_a_new_event_id_is_a_replay_and_under_its_own_is_not(room: Room) -> None:
    """N21, I027, X13."""
    raw = room.event(json.dumps(message()).encode())
    assert isinstance(room.read(raw), Event)
    assert isinstance(room.read(raw), Event)
    replayed = room.read(raw | {"event_id": "$another"})
    assert isinstance(replayed, Poison)
    assert replayed.reason == "replay"


def test_a_relation_in_clear_beside_the_ciphertext_is_taken_over(room: Room) -> None:
    relation = {"m.in_reply_to": {"event_id": "$card"}}
    read = room.say(message(), **{"m.relates_to": relation})
    assert isinstance(read, Event)
    assert read.content["m.relates_to"] == relation


def test_a_missing_key_waits_and_does_not_poison(room: Room) -> None:
    read = room.say(message(), session_id="another session")
    assert isinstance(read, Unreadable)


@given(content=ANY_JSON)
def test_any_message_to_the_device_is_dropped_without_harm(room: Room, content: Any) -> None:
    """N13."""
    mine = {room.device.curve25519: content}
    sender_key = room.sender_key
    for raw in (
        content,
        {"type": "m.room.encrypted", "sender": "@m:x", "content": content},
        {"type": "m.room_key_request", "sender": "@m:x", "content": content},
        {"type": "m.key.verification.start", "sender": "@m:x", "content": content},
        {
            "type": "m.room.encrypted",
            "sender": "@m:x",
            "content": {"algorithm": "m.olm.v1.curve25519-aes-sha2", "sender_key": sender_key, "ciphertext": mine},
        },
    ):
        assert room.device.take_to_device(raw) is None


@given(
    kind=st.integers(-1, 3),
    body=st.text(max_size=60) | st.binary(max_size=200).map(lambda b: base64.b64encode(b).decode()),
)
def test_any_ciphertext_to_the_device_is_dropped_without_harm(room: Room, kind: int, body: str) -> None:
    """N13."""
    content = {
        "algorithm": "m.olm.v1.curve25519-aes-sha2",
        "sender_key": room.sender_key,
        "ciphertext": {room.device.curve25519: {"type": kind, "body": body}},
    }
    assert room.device.take_to_device({"type": "m.room.encrypted", "sender": "@m:x", "content": content}) is None


def test_rooms_that_were_left_take_up_nothing_any_more(room: Room) -> None:
    """N32: what is kept in memory for rooms is as large as the rooms that we are in."""
    olm, rooms = room.device.olm, room.device.rooms
    before = (len(rooms), len(olm.outbound_group_sessions))
    for number in range(50):
        room.device.enter(f"!left{number}", encrypted=True)
        olm.create_outbound_group_session(f"!left{number}")
    for number in range(50):
        room.device.leave(f"!left{number}")
    assert (len(rooms), len(olm.outbound_group_sessions)) == before


def test_a_panic_of_the_cryptography_is_caught_and_a_cancellation_is_not() -> None:
    """N15."""

    class Panic(BaseException):
        pass

    def panic() -> None:
        raise Panic

    with pytest.raises(Refused):
        guarded(panic)
    for fatal in FATAL:

        def cancelled(fatal: type[BaseException] = fatal) -> None:
            raise fatal

        with pytest.raises(fatal):
            guarded(cancelled)


@pytest.mark.parametrize("length", range(65))
def test_a_key_of_a_wrong_length_never_reaches_the_cryptography(length: int) -> None:
    """N15."""
    text = base64.b64encode(bytes(length)).decode().rstrip("=")
    assert (raw_key(text) is not None) == (length == 32)
    payload = {
        "user_id": "@m:x",
        "device_id": "D",
        "algorithms": [],
        "keys": {"curve25519:D": text, "ed25519:D": text},
        "signatures": {"@m:x": {"ed25519:D": text}},
    }
    assert _good_device("@m:x", "D", payload) is None
    assert _good_one_time_key({"key": text, "signatures": {}}) == (length == 32)


def test_the_private_names_of_the_library_that_we_rely_on_are_there(room: Room) -> None:
    owners = {"Client": room.device, "Olm": room.device.olm, "OlmAccount": room.device.olm.account}
    assert isinstance(room.device.olm, Olm)
    assert isinstance(room.device.olm.account, OlmAccount)
    assert nio.Client in type(room.device).__mro__
    for name in PRIVATE_NAMES:
        owner, _, rest = name.partition(".")
        reduce(getattr, rest.split("."), owners[owner])


def test_the_stock_library_still_has_the_traps_that_we_walk_around(room: Room) -> None:
    """When one of these fails, the library has mended the trap and our cure can go."""
    levels = PowerLevels(users={"@a:x": 50})
    levels.update(PowerLevels(users={}))
    assert levels.users == {"@a:x": 50}  # a removed entry is no demotion
    stranger = {
        "type": "m.room.encrypted",
        "sender": "@m:x",
        "content": {
            "algorithm": "m.olm.v1.curve25519-aes-sha2",
            "sender_key": room.sender_key,
            "ciphertext": {room.device.curve25519: {"type": 0, "body": "AAAA"}},
        },
    }
    event = nio.ToDeviceEvent.parse_event(stranger)
    with pytest.raises(vodozemac.DecodeException):
        room.device.olm.handle_to_device_event(event)  # a stranger's rubbish escapes
    assert nio.ClientConfig().pickle_key == "DEFAULT_KEY"  # a key that everybody knows


@pytest.mark.synapse
async def test_a_stranger_who_sends_rubbish_to_the_device_stops_nothing(
    bot: Homeserver, people: People, synapse: Synapse
) -> None:
    """N13."""
    stranger, member = await people.plain(), await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    content = {
        "algorithm": "m.olm.v1.curve25519-aes-sha2",
        "sender_key": base64.b64encode(bytes(32)).decode().rstrip("="),
        "ciphertext": {bot._device.curve25519: {"type": 0, "body": "AAAA"}},
    }
    await stranger.ask("PUT", "/v3/sendToDevice/m.room.encrypted/1", {"messages": {bot.user_id: {"*": content}}})
    await member.sync()
    await member.say(room_id, "签到")
    batch = await bot.sync(first.next_batch, 0)
    assert batch.dropped == 1
    assert [event.content["body"] for room in batch.rooms for event in room.timeline] == ["签到"]  # type: ignore[union-attr]


@pytest.mark.synapse
async def test_crafted_plaintexts_of_a_member_are_poison_and_the_others_go_on(bot: Homeserver, people: People) -> None:
    """N14."""
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    await member.sync()
    await member.say(room_id, "before")
    levels = {"type": "m.room.power_levels", "state_key": "", "content": {"users": {member.user_id: 100}}}
    crafted = ["5", "[]", '{"type": 5, "content": {}}', "[" * 3000, json.dumps(levels | {"room_id": room_id})]
    ids = [await member.send_plaintext(room_id, text) for text in crafted]
    await member.say(room_id, "after")

    [heard] = (await bot.sync(first.next_batch, 0)).rooms
    assert [event.event_id for event in heard.timeline if isinstance(event, Poison)] == ids
    assert [event.content["body"] for event in heard.timeline if isinstance(event, Event)] == ["before", "after"]
    assert {event.sender for event in heard.timeline} == {member.user_id}


@pytest.mark.synapse
async def test_malformed_keys_keep_neither_others_nor_the_owners_good_device_from_reading(
    bots: Bots, people: People, synapse: Synapse, account: MakeAccount
) -> None:
    """N15."""
    bot = await bots.start()
    owner = await account("broken")
    others = [await people.encrypting(), await people.encrypting(owner)]
    room_id = await bot.create_room(encrypted=True, invite=[other.user_id for other in others])
    for other in others:
        await other.join(room_id)
    for length in (0, 1, 31, 33, 64):
        device = await synapse.log_in(owner.user_id[1:].partition(":")[0], owner.password)
        key = base64.b64encode(bytes(length)).decode().rstrip("=")
        keys = {
            "user_id": owner.user_id,
            "device_id": device.device_id,
            "algorithms": [MEGOLM],
            "keys": {f"curve25519:{device.device_id}": key, f"ed25519:{device.device_id}": key},
            "signatures": {owner.user_id: {f"ed25519:{device.device_id}": key}},
        }
        one_time = {f"signed_curve25519:AAA{length}": {"key": key, "signatures": {}}}
        async with Member(synapse.url, device) as broken:
            await broken.ask("POST", "/v3/keys/upload", {"device_keys": keys, "one_time_keys": one_time})
    await bot.send(room_id, "m.room.message", {"msgtype": "m.notice", "body": "课程"}, "t1")
    bot = await bots.restart(bot)
    bot.seed([(room_id, True)])
    await bot.send(room_id, "m.room.message", {"msgtype": "m.notice", "body": "again"}, "t2")
    for other in others:
        # Their stock library would not survive asking for these keys itself.
        assert await other.read(room_id, settle=False) == ["课程", "again"]


@pytest.mark.synapse
async def test_a_malformed_one_time_key_keeps_nobody_else_from_reading(bot: Homeserver, people: People) -> None:
    """N16, N46."""
    good, other = await people.encrypting(), await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[good.user_id, other.user_id])
    await good.join(room_id)
    await other.join(room_id)
    async with Member(bot._session.url, _account_of(other)) as raw:
        while True:  # use up the good ones
            wanted = {other.user_id: {other.client.device_id: "signed_curve25519"}}
            claimed = await raw.ask("POST", "/v3/keys/claim", {"one_time_keys": wanted})
            if not claimed["one_time_keys"]:
                break
        bad = {"signed_curve25519:BAD": {"key": "AAAA", "signatures": {other.user_id: {"x": "y"}}}}
        await raw.ask("POST", "/v3/keys/upload", {"one_time_keys": bad})
    await bot.send(room_id, "m.room.message", {"msgtype": "m.notice", "body": "课程"}, "t1")
    assert await good.read(room_id) == ["课程"]
    assert bot.unreached == {room_id: frozenset({(other.user_id, other.client.device_id)})}

    # Once the other device has keys again and speaks to us, it can read what follows.
    await other.sync()
    other.client.olm.uploaded_key_count = 0
    await other.sync()
    await other.say(room_id, "能看到吗")
    await bot.sync(None, 0)
    await bot.settle_keys()
    await bot.send(room_id, "m.room.message", {"msgtype": "m.notice", "body": "可以"}, "t2")
    assert (await other.read(room_id))[-1] == "可以"
    assert bot.unreached == {}


@pytest.mark.synapse
async def test_when_all_one_time_keys_are_claimed_a_new_device_can_still_write(bot: Homeserver, people: People) -> None:
    """N48."""
    thief, member = await people.plain(), await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    wanted = {bot.user_id: {bot.device_id: "signed_curve25519"}}
    claimed: set[str] = set()
    while True:
        answer = await thief.ask("POST", "/v3/keys/claim", {"one_time_keys": wanted})
        [key_id] = answer["one_time_keys"][bot.user_id][bot.device_id]
        if key_id in claimed:  # the fallback key is given again and again
            break
        claimed.add(key_id)
    assert len(claimed) > 40
    await member.sync()
    await member.say(room_id, "签到")
    batch = await bot.sync(first.next_batch, 0)
    assert [event.content["body"] for room in batch.rooms for event in room.timeline] == ["签到"]  # type: ignore[union-attr]
    await bot.settle_keys()
    answer = await thief.ask("POST", "/v3/keys/claim", {"one_time_keys": wanted})
    assert set(answer["one_time_keys"][bot.user_id][bot.device_id]) - claimed  # refilled


@pytest.mark.synapse
async def test_who_has_left_cannot_read_on_and_who_came_can(bot: Homeserver, people: People) -> None:
    """N30, X24."""
    stays, leaves, comes = [await people.encrypting() for _ in range(3)]
    room_id = await bot.create_room(encrypted=True, invite=[stays.user_id, leaves.user_id])
    await stays.join(room_id)
    await leaves.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    await bot.send(room_id, "m.room.message", {"msgtype": "m.notice", "body": "one"}, "t1")
    await leaves.client.room_leave(room_id)
    second = await bot.sync(first.next_batch, 0)
    await bot.settle_keys()
    await bot.send(room_id, "m.room.message", {"msgtype": "m.notice", "body": "two"}, "t2")
    assert {user for user, _ in bot._device.olm.outbound_group_sessions[room_id].users_shared_with} == {stays.user_id}

    await bot.invite(room_id, comes.user_id)
    await comes.join(room_id)
    await bot.sync(second.next_batch, 0)
    await bot.settle_keys()
    await bot.send(room_id, "m.room.message", {"msgtype": "m.notice", "body": "three"}, "t3")
    session = bot._device.olm.outbound_group_sessions[room_id]
    assert {user for user, _ in session.users_shared_with} == {stays.user_id, comes.user_id}
    assert await stays.read(room_id) == ["one", "two", "three"]
    assert (await comes.read(room_id))[-1] == "three"


@pytest.mark.parametrize("membership", ["leave", "ban", "knock", "nonsense"])
def test_the_key_of_a_room_is_changed_when_somebody_goes_in_whatever_way(tmp_path: Path, membership: str) -> None:
    """N30, X24: a stranger who knocks is no reason, and gets no key."""
    here = "!sealed:x"

    def say(user: str, how: str) -> Event:
        raw = {
            "type": "m.room.member",
            "state_key": user,
            "sender": user,
            "event_id": f"${user}",
            "origin_server_ts": 1,
        }
        read = border.read_event(here, {**raw, "content": {"membership": how}})
        assert isinstance(read, Event)
        return read

    device = Device("@bot:x", "BOTDEVICE", tmp_path, bytes(32))
    device.enter(here, encrypted=True)
    device.follow(here, [say(user, "join") for user in ("@bot:x", "@stays:x", "@goes:x")])
    changed: list[str] = []
    device.invalidate_outbound_session = changed.append  # type: ignore[method-assign]
    device.follow(here, [say("@stranger:x", "knock")])
    assert changed == []
    device.follow(here, [say("@goes:x", membership)])
    assert changed == [here]
    assert set(device.rooms[here].users) == {"@bot:x", "@stays:x"}
    device.close()


@pytest.mark.synapse
async def test_a_session_under_another_sender_is_foreign(bot: Homeserver, people: People) -> None:
    """N21."""
    member, other = await people.encrypting(), await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id, other.user_id])
    await member.join(room_id)
    await other.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    for one in (member, other):
        await one.sync()
    await member.say(room_id, "mine")
    second = await bot.sync(first.next_batch, 0)
    await bot.settle_keys()
    # The other member sends a ciphertext of the first one's session, as only a thief of the session could.
    session = member.client.olm.outbound_group_sessions[room_id]
    content = {
        "algorithm": MEGOLM,
        "sender_key": member.client.olm.account.identity_keys["curve25519"],
        "ciphertext": session.encrypt(json.dumps(message(room_id=room_id))),
        "session_id": session.id,
        "device_id": member.client.device_id,
    }
    await other.send_clear(room_id, "m.room.encrypted", content)
    [heard] = (await bot.sync(second.next_batch, 0)).rooms
    [event] = heard.timeline
    assert isinstance(event, Event)
    assert event.foreign
    assert isinstance(second.rooms[0].timeline[0], Event)
    assert not second.rooms[0].timeline[0].foreign


def _account_of(member: EncryptedMember) -> Account:
    client = member.client
    return Account(user_id=client.user_id, access_token=client.access_token, device_id=client.device_id, password="")


@pytest.mark.synapse
async def test_a_members_new_device_reads_what_is_sent_from_then_on(
    bot: Homeserver, people: People, synapse: Synapse
) -> None:
    """Devices that come are given the key without anybody's doing."""
    phone = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[phone.user_id])
    await phone.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    await bot.send(room_id, "m.room.message", {"msgtype": "m.notice", "body": "one"}, "t1")
    tablet = await people.encrypting(await synapse.log_in(phone.user_id[1:].partition(":")[0], "a long password"))
    await tablet.sync()
    await bot.sync(first.next_batch, 0)
    await bot.settle_keys()
    await bot.send(room_id, "m.room.message", {"msgtype": "m.notice", "body": "two"}, "t2")
    assert await phone.read(room_id) == ["one", "two"]
    assert (await tablet.read(room_id))[-1] == "two"


@pytest.mark.synapse
async def test_a_broken_channel_to_a_device_is_made_anew_and_its_next_key_arrives(
    bot: Homeserver, people: People
) -> None:
    """N18, 7.4: a session that only one side still has is replaced from our side."""
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    await bot.send(room_id, "m.room.message", {"msgtype": "m.notice", "body": "hello"}, "t1")
    await member.sync()
    await member.say(room_id, "one")
    second = await bot.sync(first.next_batch, 0)
    await bot.settle_keys()
    assert [event.content["body"] for event in second.rooms[0].timeline] == ["hello", "one"]  # type: ignore[union-attr]

    bot._device.olm.session_store = SessionStore()
    member.client.invalidate_outbound_session(room_id)
    await member.say(room_id, "lost")
    third = await bot.sync(second.next_batch, 0)
    await bot.settle_keys()
    assert isinstance(third.rooms[0].timeline[0], Unreadable)

    await member.sync()
    member.client.invalidate_outbound_session(room_id)
    await member.say(room_id, "found")
    fourth = await bot.sync(third.next_batch, 0)
    assert [event.content["body"] for event in fourth.rooms[0].timeline] == ["found"]  # type: ignore[union-attr]
