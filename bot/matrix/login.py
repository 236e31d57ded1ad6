"""A login that lives across restarts, with the folder of its device: made once, kept whole, put aside at its end."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec import Struct

from bot.matrix import border
from bot.matrix.crypto import Device
from bot.matrix.faults import Fault, Kind
from bot.matrix.trust import write_secret
from bot.matrix.wire import Wire, path
from content.discreet import repr_without
from storage.crashpoints import crashpoint


class Session(Struct, frozen=True, kw_only=True):
    """A login that lives across restarts, with the folder of its device. One unit: never mix parts of two."""

    url: str
    user_id: str
    device_id: str
    access_token: str
    store: Path

    def __repr__(self) -> str:
        return repr_without(self, "access_token")


async def log_in(
    url: str, user: str, password: str, store: Path, pickle_key: bytes, device_name: str = "Zhibu"
) -> Session:
    """Return the stored login of this folder, or sign in with the password and store the new one.

    Token, device and crypto store are one unit: when the store is gone a new device signs in. Raises Fault: of
    kind ``sign_in`` for a wrong name or password, ``store`` when the folder belongs to another account.
    """
    known = stored_session(store, url)
    if known is not None and (store / "crypto.db").exists():
        if user not in (known.user_id, known.user_id[1:].partition(":")[0]):
            raise Fault(Kind.STORE, permanent=True, detail="the folder belongs to another account")
        return known
    session = await sign_in(url, user, password, store, device_name)
    # The store comes first: a session file then always has the store it belongs to.
    crashpoint("login.signed_in_before_store")
    device = Device(session.user_id, session.device_id, store, pickle_key)
    try:
        device.adopt(store)
    finally:
        device.close()
    crashpoint("login.store_before_session")
    _store_session(session)
    crashpoint("login.session_before_keys")
    return session


def retire(store: Path) -> None:
    """Put a login that is no longer valid aside, with its crypto store, so that ``log_in`` makes a new device.

    The signing keys stay: the new device is vouched for by the same identity.
    """
    for name in ("session.json", "crypto.db"):
        if (store / name).exists():
            (store / name).replace(store / f"{name}.retired")


async def sign_in(url: str, user: str, password: str, store: Path, device_name: str) -> Session:
    """Sign in on a new device and keep nothing. Raises Fault, of kind ``sign_in`` for a wrong name or password."""
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user},
        "password": password,
        "initial_device_display_name": device_name,
    }
    wire = Wire(url)
    try:
        answer = await wire.ask("POST", path("/v3/login"), body)
    except Fault as fault:
        if fault.errcode == "M_FORBIDDEN":
            raise Fault(Kind.SIGN_IN, status=fault.status, errcode=fault.errcode, permanent=True) from None
        raise
    finally:
        await wire.close()
    found = [border.text_or_none(answer.get(name), 4096) for name in ("user_id", "device_id", "access_token")]
    user_id, device_id, token = found
    if user_id is None or device_id is None or token is None:
        raise Fault(Kind.GARBLED, status=200, detail="no login in the answer")
    return Session(url=url, user_id=user_id, device_id=device_id, access_token=token, store=store)


def stored_session(store: Path, url: str) -> Session | None:
    """Return the login that a device folder holds, if any. Raises Fault when it is not readable."""
    try:
        known = json.loads((store / "session.json").read_text())
        return Session(
            url=url,
            user_id=str(known["user_id"]),
            device_id=str(known["device_id"]),
            access_token=str(known["access_token"]),
            store=store,
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise Fault(Kind.STORE, permanent=True, detail="session.json is not readable") from error


def _store_session(session: Session) -> None:
    names = ("user_id", "device_id", "access_token")
    write_secret(session.store / "session.json", json.dumps({name: getattr(session, name) for name in names}, indent=2))
