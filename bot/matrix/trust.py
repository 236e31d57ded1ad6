"""The bot's identity: three cross-signing keys that vouch for its device from the first login on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import vodozemac

from bot.matrix import border
from bot.matrix.crypto import Device, Refused, guarded, raw_key
from bot.matrix.faults import Fault, Kind, TokenRevoked
from bot.matrix.wire import Wire, path
from storage.crashpoints import crashpoint

USES = ("master", "self_signing", "user_signing")


def write_secret(file: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all, and durably."""
    draft = file.with_name(file.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)


class Identity:
    """The three signing keys, kept as one encrypted file each in a folder of secrets.

    They outlive devices: a new device signed by the same keys shows members no warning. Back the folder up.
    """

    def __init__(self, user_id: str, folder: Path, pickle_key: bytes) -> None:
        """Load the keys, or make them. Raises Fault when they do not open with this pickle key."""
        self._user_id = user_id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        files = {use: folder / f"{use}.pickle" for use in USES}
        if not all(file.exists() for file in files.values()):
            # Nothing was uploaded before all three were on disk, so half a set is worth nothing.
            for file in files.values():
                write_secret(file, vodozemac.Account().pickle(pickle_key))
        self._keys = {use: _load(file, pickle_key) for use, file in files.items()}

    def public(self, use: str) -> str:
        """Return the public half of a key in base64."""
        return str(self._keys[use].ed25519_key.to_base64())

    def key_object(self, use: str) -> dict[str, Any]:
        """Return a key as the homeserver wants it; all but the master are signed by the master."""
        public = self.public(use)
        key: dict[str, Any] = {"user_id": self._user_id, "usage": [use], "keys": {f"ed25519:{public}": public}}
        return key if use == "master" else self.signed(key, "master")

    def signed(self, thing: dict[str, Any], use: str) -> dict[str, Any]:
        """Return a copy that carries our signature beside those it has."""
        signature = self._keys[use].sign(canonical(thing)).to_base64()
        signatures = {user: dict(marks) for user, marks in border.mapping(thing.get("signatures")).items()}
        signatures.setdefault(self._user_id, {})[f"ed25519:{self.public(use)}"] = signature
        return thing | {"signatures": signatures}

    def has_signed(self, thing: dict[str, Any], use: str) -> bool:
        """Tell whether a thing carries a valid signature of one of our keys."""
        public = self.public(use)
        marks = border.mapping(border.mapping(thing.get("signatures")).get(self._user_id))
        signature = marks.get(f"ed25519:{public}")
        if not isinstance(signature, str) or raw_key(signature, 64) is None:
            return False
        try:
            guarded(_verification(public, canonical(thing), signature))
        except Refused:
            return False
        return True


def canonical(thing: dict[str, Any]) -> bytes:
    """Return the bytes that are signed: canonical JSON without signatures and what may not be signed."""
    signed = {name: value for name, value in thing.items() if name not in ("signatures", "unsigned")}
    return json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


async def vouch(identity: Identity, device: Device, wire: Wire) -> bool:
    """Check at boot that the homeserver shows our device as ours, and sign it where it is not signed yet.

    Returns False when another identity stands on the homeserver, which only the account's password could replace:
    members then see a warning. Raises Fault when the homeserver shows other device keys than our store holds: the
    store is not this device's, and a new login is needed.
    """
    shown = await _shown(device, wire)
    own = _own_device(shown, device)
    master = _key_of(shown, "master_keys", device.user_id)
    if not master and not await _upload(identity, device, wire):
        return False
    if master and f"ed25519:{identity.public('master')}" not in border.mapping(master.get("keys")):
        return False
    if _vouched(identity, shown, device):
        return True
    bare = {name: value for name, value in own.items() if name not in ("unsigned", "signatures")}
    signed = identity.signed(bare, "self_signing")
    body = {device.user_id: {device.device_id: signed}}
    answer = await wire.ask("POST", path("/v3/keys/signatures/upload"), body)
    if answer.get("failures"):
        raise Fault(Kind.IDENTITY, status=200, detail="the signature of the device was refused")
    if not _vouched(identity, await _shown(device, wire), device):
        raise Fault(Kind.IDENTITY, status=200, detail="the homeserver does not show the signature it took")
    return True


async def _upload(identity: Identity, device: Device, wire: Wire) -> bool:
    master = identity.key_object("master")
    mark = device.olm.sign_json(dict(master))
    master["signatures"] = {device.user_id: {f"ed25519:{device.device_id}": mark}}
    body = {
        "master_key": master,
        "self_signing_key": identity.key_object("self_signing"),
        "user_signing_key": identity.key_object("user_signing"),
    }
    try:
        crashpoint("identity.made_before_upload")
        await wire.ask("POST", path("/v3/keys/device_signing/upload"), body)
        crashpoint("identity.uploaded_before_vouched")
    except Fault as fault:
        if fault.status == 401 and not isinstance(fault, TokenRevoked):
            return False
        raise
    return True


async def _shown(device: Device, wire: Wire) -> dict[str, Any]:
    return await wire.ask("POST", path("/v3/keys/query"), {"device_keys": {device.user_id: []}})


def _own_device(shown: dict[str, Any], device: Device) -> dict[str, Any]:
    devices = _key_of(shown, "device_keys", device.user_id)
    own = border.mapping(devices.get(device.device_id))
    keys = border.mapping(own.get("keys"))
    fits = (
        own.get("user_id") == device.user_id
        and own.get("device_id") == device.device_id
        and keys.get(f"curve25519:{device.device_id}") == device.curve25519
        and keys.get(f"ed25519:{device.device_id}") == device.ed25519
    )
    if not fits:
        raise Fault(Kind.IDENTITY, permanent=True, detail="the crypto store does not belong to this device")
    return own


def _vouched(identity: Identity, shown: dict[str, Any], device: Device) -> bool:
    return is_vouched(identity, shown, device.user_id, _own_device(shown, device))


def is_vouched(identity: Identity, shown: dict[str, Any], user_id: str, own: dict[str, Any]) -> bool:
    """Tell whether what the homeserver shows of an account is our identity, and it has signed this device of ours."""
    master = _key_of(shown, "master_keys", user_id)
    signing = _key_of(shown, "self_signing_keys", user_id)
    return (
        f"ed25519:{identity.public('master')}" in border.mapping(master.get("keys"))
        and f"ed25519:{identity.public('self_signing')}" in border.mapping(signing.get("keys"))
        and identity.has_signed(signing, "master")
        and identity.has_signed(own, "self_signing")
    )


def _key_of(shown: dict[str, Any], part: str, user_id: str) -> dict[str, Any]:
    return border.mapping(border.mapping(shown.get(part)).get(user_id))


def _load(file: Path, pickle_key: bytes) -> vodozemac.Account:
    try:
        return guarded(lambda: vodozemac.Account.from_pickle(file.read_text(), pickle_key))
    except Refused as error:
        raise Fault(Kind.STORE, permanent=True, detail=f"the signing keys do not open ({error})") from None


def _verification(public: str, message: bytes, signature: str) -> Callable[[], None]:
    return lambda: vodozemac.Ed25519PublicKey.from_base64(public).verify_signature(
        message, vodozemac.Ed25519Signature.from_base64(signature)
    )
