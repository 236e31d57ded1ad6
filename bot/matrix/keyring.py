"""The exchange of keys with the homeserver: one-time keys, devices of members, and sharing of room keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import vodozemac
from nio import KeysClaimResponse, KeysQueryResponse, KeysUploadResponse, ToDeviceResponse

from bot.matrix import border
from bot.matrix.crypto import Device, Refused, guarded, raw_key
from bot.matrix.events import Event
from bot.matrix.faults import Fault, Kind
from bot.matrix.wire import Wire, path
from storage.crashpoints import crashpoint

ROUNDS = 4
HEAL_AFTER = 3600.0
FALLBACK = "signed_curve25519"
Reader = tuple[str, str]
"""A user and one of the user's devices."""


class Keyring:
    """Keeps one device able to read and to be read. Its calls queue, so that no two of them cross."""

    def __init__(self, device: Device, wire: Wire, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._device = device
        self._wire = wire
        self._monotonic = monotonic
        self._turn = asyncio.Lock()
        self._fallback_used = False
        self._tried: dict[str, float] = {}
        self.unreached: dict[str, frozenset[Reader]] = {}
        """Devices that could not be given the key of a room: what we write there they cannot read."""

    def take_counts(self, body: dict[str, Any]) -> None:
        """Learn from a sync how many one-time keys are left; an absent count means none."""
        count = border.mapping(body.get("device_one_time_keys_count")).get("signed_curve25519", 0)
        self._device.olm.uploaded_key_count = count if type(count) is int and count >= 0 else 0
        unused = body.get("device_unused_fallback_key_types")
        self._fallback_used = isinstance(unused, list) and FALLBACK not in unused

    async def settle(self) -> None:
        """Do all key work that a sync has left; raises Fault, and doing it again is safe."""
        async with self._turn:
            await self._upload()
            if self._fallback_used:
                await self._upload_fallback()
            await self._query()
            if self._device.should_claim_keys:
                await self._claim(self._device.get_users_for_key_claiming())
            await self._send_waiting()

    async def query(self) -> None:
        """Fetch the devices of all users that are due; raises Fault."""
        async with self._turn:
            await self._query()

    async def share(self, room_id: str) -> None:
        """Make sure that every device in a room can read what we send next; raises Fault and shares nothing by halves.

        Devices without a usable key are skipped, listed in ``unreached`` and tried again at most once an hour, or as
        soon as they have spoken to us.
        """
        async with self._turn:
            try:
                await self._share(room_id)
            except Fault as fault:
                if fault.kind in (Kind.REVOKED, Kind.LIMITED, Kind.STORE):
                    raise
                # Nothing was sent, whatever the failure of the key exchange looks like: never doubtful.
                raise Fault(
                    Kind.KEYS,
                    status=fault.status,
                    errcode=fault.errcode,
                    retry_after=fault.retry_after,
                    detail=fault.kind.value,
                ) from fault

    # One-time keys

    async def _upload(self) -> None:
        device = self._device
        if not device.should_upload_keys:
            return
        content = device.olm.share_keys()
        # The server may take the keys and we die before its answer: their private halves must be on disk first.
        device.olm.save_account()
        crashpoint("keys.saved_before_upload")
        answer = await self._wire.ask("POST", path("/v3/keys/upload"), content)
        crashpoint("keys.uploaded_before_marked")
        count = border.mapping(answer.get("one_time_key_counts")).get("signed_curve25519", 0)
        device.receive_response(KeysUploadResponse(0, count if type(count) is int else 0))

    async def _upload_fallback(self) -> None:
        olm = self._device.olm
        account = olm.account._account
        account.generate_fallback_key()
        olm.save_account()
        keys = {}
        for key_id, key in account.fallback_key.items():
            value: dict[str, Any] = {"key": key.to_base64(), "fallback": True}
            signature = olm.sign_json(value)
            value["signatures"] = {olm.user_id: {f"ed25519:{olm.device_id}": signature}}
            keys[f"{FALLBACK}:{key_id}"] = value
        await self._wire.ask("POST", path("/v3/keys/upload"), {"fallback_keys": keys})
        account.mark_keys_as_published()
        olm.save_account()
        self._fallback_used = False

    # Devices of others

    async def _query(self) -> None:
        users = set(self._device.users_for_key_query)
        if not users:
            return
        body: dict[str, Any] = {"device_keys": {user: [] for user in sorted(users)}}
        answer = await self._wire.ask("POST", path("/v3/keys/query"), body)
        known = border.mapping(answer.get("device_keys"))
        for user in users:
            devices = {
                device_id: keys
                for device_id, payload in border.mapping(known.get(user)).items()
                if (keys := _good_device(user, device_id, payload)) is not None
            }
            try:
                guarded(lambda: self._device.receive_response(KeysQueryResponse({user: devices}, {})))  # noqa: B023
            except Refused:
                self._device.dropped += 1
            # Also a user whose keys we cannot take is not asked for again until they change.
            self._device.olm.users_for_key_query.discard(user)

    async def _claim(self, wanted: dict[str, list[str]]) -> None:
        body = {
            "one_time_keys": {user: dict.fromkeys(devices, "signed_curve25519") for user, devices in wanted.items()}
        }
        answer = await self._wire.ask("POST", path("/v3/keys/claim"), body)
        for user, devices in border.mapping(answer.get("one_time_keys")).items():
            for device_id, keys in border.mapping(devices).items():
                self._take_claimed(user, device_id, keys)

    def _take_claimed(self, user: str, device_id: str, keys: object) -> None:
        good = {name: key for name, key in border.mapping(keys).items() if _good_one_time_key(key)}
        if not good:
            self._device.dropped += 1
            return
        try:
            response = KeysClaimResponse({user: {device_id: good}}, {})
            guarded(lambda: self._device.receive_response(response))
        except Refused:
            self._device.dropped += 1

    async def _send_waiting(self) -> None:
        for message in list(self._device.outgoing_to_device_messages):
            await self._to_device(message.type, message.as_dict())
            self._device.receive_response(ToDeviceResponse(message))

    async def _to_device(self, event_type: str, content: dict[str, Any]) -> None:
        await self._wire.ask("PUT", path("/v3/sendToDevice/{}/{}", event_type, uuid4().hex), content)

    # Room keys

    async def _share(self, room_id: str) -> None:
        device = self._device
        await self._know_members(room_id)
        await self._query()
        device.retire_old_session(room_id)
        self._retry_unreached(room_id)
        if not device.olm.should_share_group_session(room_id):
            return
        try:
            for _ in range(ROUNDS):
                members = set(device.rooms[room_id].users)
                await self._share_once(room_id)
                session = device.olm.outbound_group_sessions[room_id]
                now = set(device.rooms[room_id].users)
                if members - now:
                    # Who left while we were at it holds this session's key.
                    device.olm.outbound_group_sessions.pop(room_id)
                elif members == now and not device.should_query_keys:
                    session.shared = True
                    self._note_unreached(room_id)
                    return
        except BaseException:
            # A session that some could not be given must never be used.
            device.olm.outbound_group_sessions.pop(room_id, None)
            raise
        device.olm.outbound_group_sessions.pop(room_id, None)
        raise Fault(Kind.KEYS, detail="the members keep changing")

    async def _know_members(self, room_id: str) -> None:
        if room_id not in self._device.rooms:
            raise Fault(Kind.PLAINTEXT, detail="the room is unknown to the device")
        if self._device.rooms[room_id].members_synced:
            return
        # Who is invited gets the key too: a first private message is sent before its reader has come in.
        where = path("/v3/rooms/{}/members", room_id)
        answer = await self._wire.ask("GET", where, query={"not_membership": "leave"})
        if not isinstance(answer.get("chunk"), list):
            raise Fault(Kind.GARBLED, status=200)
        members = {"join": set[str](), "invite": set[str]()}
        for raw in border.events_of({"events": answer["chunk"]}):
            event = border.read_event(room_id, raw)
            if isinstance(event, Event) and event.type == "m.room.member" and event.state_key:
                members.get(str(event.content.get("membership")), set()).add(event.state_key)
        self._device.take_members(room_id, members["join"], members["invite"])

    async def _share_once(self, room_id: str) -> None:
        device = self._device
        await self._query()
        if missing := device.get_missing_sessions(room_id):
            await self._claim(missing)
        users = list(device.rooms[room_id].users)
        try:
            parts = guarded(
                lambda: list(device.olm.share_group_session_parallel(room_id, users, ignore_unverified_devices=True))
            )
        except Refused as error:
            raise Fault(Kind.KEYS, detail=str(error)) from None
        for readers, content in parts:
            await self._to_device("m.room.encrypted", content)
            device.olm.outbound_group_sessions[room_id].users_shared_with.update(readers)

    def _note_unreached(self, room_id: str) -> None:
        device = self._device
        session = device.olm.outbound_group_sessions[room_id]
        reached = session.users_shared_with | session.users_ignored
        everyone = {
            (user, other.id)
            for user in device.rooms[room_id].users
            for other in device.device_store.active_user_devices(user)
        }
        self._tried[room_id] = self._monotonic()
        self.unreached[room_id] = frozenset(everyone - reached)
        if not self.unreached[room_id]:
            del self.unreached[room_id]

    def _retry_unreached(self, room_id: str) -> None:
        missing = self.unreached.get(room_id)
        if not missing:
            return
        due = self._monotonic() - self._tried.get(room_id, 0.0) >= HEAL_AFTER
        if due or any(self._has_session(*reader) for reader in missing):
            self._device.invalidate_outbound_session(room_id)

    def _has_session(self, user: str, device_id: str) -> bool:
        other = self._device.device_store[user].get(device_id)
        return other is not None and self._device.olm.session_store.get(other.curve25519) is not None


def _good_device(user: str, device_id: str, payload: object) -> dict[str, Any] | None:
    """Return a device's keys without what may not be signed, or None when the library would stumble."""
    device = border.mapping(payload)
    keys = border.mapping(device.get("keys"))
    curve25519, ed25519 = keys.get(f"curve25519:{device_id}"), keys.get(f"ed25519:{device_id}")
    good = (
        device.get("user_id") == user
        and device.get("device_id") == device_id
        and isinstance(device.get("algorithms"), list)
        and _good_curve_key(curve25519)
        and _good_signing_key(ed25519)
        and _signed_by(device, user, device_id)
    )
    return {name: value for name, value in device.items() if name != "unsigned"} if good else None


def _good_one_time_key(key: object) -> bool:
    return isinstance(key, dict) and _good_curve_key(key.get("key")) and isinstance(key.get("signatures"), dict)


def _good_curve_key(text: object) -> bool:
    return _parses(text, vodozemac.Curve25519PublicKey.from_base64)


def _good_signing_key(text: object) -> bool:
    return _parses(text, vodozemac.Ed25519PublicKey.from_base64)


def _parses(text: object, parse: Callable[[str], object]) -> bool:
    # The length comes first: on some lengths the parser does not fail but panics.
    if not isinstance(text, str) or raw_key(text) is None:
        return False
    try:
        guarded(lambda: parse(text))
    except Refused:
        return False
    return True


def _signed_by(device: dict[str, Any], user: str, device_id: str) -> bool:
    signature = border.mapping(border.mapping(device.get("signatures")).get(user)).get(f"ed25519:{device_id}")
    return raw_key(signature, 64) is not None
