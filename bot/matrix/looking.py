"""Looks at the bot's login and rooms without changing anything, beside a program that is using them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

import aiohttp
from msgspec import Struct
from nio.crypto import OlmAccount
from nio.store.models import Accounts
from peewee import PeeweeException, SqliteDatabase  # type: ignore[import-untyped]

from bot.matrix import border, power
from bot.matrix.crypto import Refused, guarded
from bot.matrix.events import Event
from bot.matrix.faults import Fault, Kind
from bot.matrix.login import Session
from bot.matrix.trust import USES, Identity, is_vouched
from bot.matrix.wire import Wire, path

_SOFTWARE = "/_synapse/admin/v1/server_version"


class Seen(Struct, frozen=True, kw_only=True):
    """What a room lets the bot do."""

    may_send: bool
    encrypted: bool


class Shown(Struct, frozen=True, kw_only=True):
    """How others see our device: with the keys that our store holds, and signed by our identity."""

    fits: bool
    vouched: bool


def identity_of(session: Session, secrets: Path, pickle_key: bytes) -> Identity | None:
    """Return the identity in a folder of secrets, ``None`` where there is none. Raises Fault when it does not open."""
    if not all((secrets / f"{use}.pickle").exists() for use in USES):
        return None
    return Identity(session.user_id, secrets, pickle_key)


async def time_of(url: str) -> datetime | None:
    """Return what time a homeserver says it is, to the second; ``None`` where it does not say."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.get(url.rstrip("/") + path("/versions"), allow_redirects=False) as answer,
        ):
            said = parsedate_to_datetime(answer.headers.get("Date", ""))
    except (aiohttp.ClientError, OSError, ValueError):
        return None
    return said if said.tzinfo is not None else said.replace(tzinfo=UTC)


async def software_of(url: str) -> str | None:
    """Return the name and version of a homeserver's program, ``None`` where it keeps them to itself."""
    wire = Wire(url, deadline=10)
    try:
        version = border.text_or_none((await wire.ask("GET", _SOFTWARE)).get("server_version"))
    except Fault:
        return None
    finally:
        await wire.close()
    # Whoever builds it may add words about the build.
    return f"Synapse {version.split()[0][:20]}" if version and version.strip() else None


def keys_of(session: Session, pickle_key: bytes) -> tuple[str, str]:
    """Return the public keys of a device by its own store: to agree on secrets by, and to sign by.

    The store is only read, beside a program that uses it too. Raises Fault when it does not open with this key.
    """
    file = session.store / "crypto.db"
    database = SqliteDatabase(f"file:{quote(str(file.absolute()))}?mode=ro", uri=True, pragmas={"busy_timeout": 10_000})
    try:
        with database.bind_ctx([Accounts], bind_refs=False, bind_backrefs=False), database.connection_context():
            kept = Accounts.get_or_none(user_id=session.user_id, device_id=session.device_id)
    except PeeweeException as error:
        raise Fault(
            Kind.STORE, permanent=True, detail=f"the crypto store does not open ({type(error).__name__})"
        ) from None
    if kept is None:
        raise Fault(Kind.STORE, permanent=True, detail="the crypto store holds no such device")
    secret = base64.b64encode(pickle_key).decode()
    try:
        account = guarded(lambda: OlmAccount.from_pickle(kept.account, secret, kept.shared))
    except Refused as error:
        raise Fault(Kind.STORE, permanent=True, detail=f"the crypto store does not open ({error})") from None
    return str(account.identity_keys["curve25519"]), str(account.identity_keys["ed25519"])


class Look:
    """One login, seen from outside. Every question raises Fault when the homeserver does not answer it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._wire = Wire(session.url, session.access_token, deadline=15)

    async def close(self) -> None:
        """Close the connection."""
        await self._wire.close()

    async def is_ours(self) -> bool:
        """Tell whether the login is good and belongs to the account and device that its folder names."""
        who = await self._wire.ask("GET", path("/v3/account/whoami"))
        return (who.get("user_id"), who.get("device_id")) == (self._session.user_id, self._session.device_id)

    async def room_versions(self) -> frozenset[str]:
        """Return the versions of rooms that the homeserver can make."""
        answer = border.mapping((await self._wire.ask("GET", path("/v3/capabilities"))).get("capabilities"))
        return frozenset(border.mapping(border.mapping(answer.get("m.room_versions")).get("available")))

    async def device(self, identity: Identity | None, own_keys: tuple[str, str]) -> Shown:
        """Return how the homeserver shows our device to anybody who asks, beside the keys that our own store has."""
        user, device = self._session.user_id, self._session.device_id
        shown = await self._wire.ask("POST", path("/v3/keys/query"), {"device_keys": {user: []}})
        own = border.mapping(border.mapping(border.mapping(shown.get("device_keys")).get(user)).get(device))
        keys = border.mapping(own.get("keys"))
        fits = (keys.get(f"curve25519:{device}"), keys.get(f"ed25519:{device}")) == own_keys
        return Shown(fits=fits, vouched=identity is not None and is_vouched(identity, shown, user, own))

    async def joined(self) -> frozenset[str]:
        """Return the rooms in which the bot is."""
        rooms = (await self._wire.ask("GET", path("/v3/joined_rooms"))).get("joined_rooms")
        if not isinstance(rooms, list):
            raise Fault(Kind.GARBLED, status=200, detail="no joined_rooms")
        return frozenset(room for room in rooms if isinstance(room, str))

    async def room(self, room_id: str) -> Seen:
        """Return what a room that the bot is in lets it do."""
        raws = await self._wire.ask_list(path("/v3/rooms/{}/state", room_id))
        state = [event for raw in raws if isinstance(event := border.read_event(room_id, raw), Event)]
        encrypted = any(event.type == "m.room.encryption" and event.state_key == "" for event in state)
        kind = "m.room.encrypted" if encrypted else "m.room.message"
        return Seen(may_send=power.may_send(power.powers(state), self._session.user_id, kind), encrypted=encrypted)
