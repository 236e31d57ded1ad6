"""What is asked of a homeserver around a login: whether it is one, an account, a trial of a password, an end."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from pathlib import Path

from bot.matrix import border
from bot.matrix.faults import Fault, Kind, TokenRevoked
from bot.matrix.login import Session, sign_in
from bot.matrix.wire import Wire, path

_REGISTER = "/_synapse/admin/v1/register"


async def versions(url: str) -> tuple[str, ...]:
    """Return the versions of the Matrix specification that a homeserver speaks. Raises Fault when it is none."""
    wire = Wire(url, deadline=10)
    try:
        answer = await wire.ask("GET", path("/versions"))
    finally:
        await wire.close()
    found = tuple(one for one in border.sequence(answer.get("versions")) if isinstance(one, str) and len(one) < 40)
    if not found:
        raise Fault(Kind.GARBLED, status=200, detail="no versions")
    return found


async def register(url: str, user: str, password: str, secret: str) -> str:
    """Make an account by Synapse's registration secret and return its full name.

    ``user`` is a name with or without its server. No device is made. Raises Fault: of kind ``sign_in`` for a wrong
    secret, ``missing`` where the homeserver does not offer this; the errcode ``M_USER_IN_USE`` for a taken name.
    """
    name = user.removeprefix("@").partition(":")[0]
    wire = Wire(url)
    try:
        nonce = border.text_or_none((await wire.ask("GET", _REGISTER)).get("nonce")) or ""
        signed = "\0".join([nonce, name, password, "notadmin"]).encode()
        # The homeserver's interface asks for SHA-1; nothing rests on it but this one request.
        mac = hmac.new(secret.encode(), signed, hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": password, "admin": False, "mac": mac}
        answer = await wire.ask("POST", _REGISTER, body | {"inhibit_login": True})
    except Fault as fault:
        if fault.status == 403:
            raise Fault(Kind.SIGN_IN, status=403, errcode=fault.errcode, permanent=True) from None
        raise
    finally:
        await wire.close()
    user_id = border.text_or_none(answer.get("user_id"))
    if user_id is None:
        raise Fault(Kind.GARBLED, status=200, detail="no user_id")
    return user_id


async def prove_password(url: str, user: str, password: str) -> None:
    """Try a password on a device that ends at once. Raises Fault of kind ``sign_in`` when it is wrong."""
    await log_out(await sign_in(url, user, password, Path(), "Zhibu"))


async def log_out(session: Session) -> None:
    """End a login that was never used, so that no device is left behind; a homeserver that is away is let be."""
    wire = Wire(session.url, session.access_token)
    try:
        with contextlib.suppress(Fault):
            await wire.ask("POST", path("/v3/logout"), {})
    finally:
        await wire.close()


async def end_retired(store: Path, url: str) -> None:
    """End the login that a device folder has put aside, so that its device is gone; what cannot be told now is later.

    Two devices that go on from one backup would both be the bot.
    """
    aside = store / "session.json.retired"
    try:
        known = json.loads(aside.read_text())
        token = str(known["access_token"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    wire = Wire(url, token)
    try:
        await wire.ask("POST", path("/v3/logout"), {})
    except TokenRevoked:
        pass
    except Fault:
        return
    finally:
        await wire.close()
    aside.unlink(missing_ok=True)
