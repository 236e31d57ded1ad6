"""Passkeys by the webauthn library: what a browser is asked to sign, and whether what it signed is right."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from typing import Any

from flask import g, request

from console.access import LOOPBACK, csrf, digest
from console.desk import desk, now
from content.credentials import ChallengeMade, Factor, Kind
from content.identifiers import FactorId, UserId, derive
from content.sessions import FRESH

LONGEST_ANSWER = 64 * 1024
_MILLISECONDS = int(FRESH.total_seconds()) * 1000


def bound_to() -> str:
    """Return to what a challenge of this request is bound: its session, or before signing in its visit."""
    return str(g.session.family) if "session" in g else digest(csrf())


def make_challenge() -> bytes:
    """Return something new to sign, which is remembered until it is answered."""
    challenge = secrets.token_bytes(32)
    made = ChallengeMade(hash=digest(challenge.hex()), bound_to=bound_to(), until=now() + FRESH)
    desk().bridge(desk().store.settle(notes=[made]))
    return challenge


def ask_to_sign(challenge: bytes, known: Iterable[Factor] | None) -> str:
    """Return what a browser needs to have a passkey sign; ``None`` for whichever it holds for us."""
    import webauthn
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor, UserVerificationRequirement

    allowed = None if known is None else [PublicKeyCredentialDescriptor(id=_id(one)) for one in _passkeys(known)]
    options = webauthn.generate_authentication_options(
        rp_id=_name(),
        challenge=challenge,
        timeout=_MILLISECONDS,
        allow_credentials=allowed,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def ask_to_make(challenge: bytes, user: UserId, known: Iterable[Factor]) -> str:
    """Return what a browser needs to make a passkey that it can also find without being told whose."""
    import webauthn
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = webauthn.generate_registration_options(
        rp_id=_name(),
        rp_name="Zhibu",
        user_name=user,
        user_id=digest(f"passkey {user}").encode()[:32],
        challenge=challenge,
        timeout=_MILLISECONDS,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=_id(one)) for one in _passkeys(known)],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return webauthn.options_to_json(options)


def read_made(answer: str, user: UserId, name: str) -> tuple[Factor, str] | None:
    """Return the passkey that a browser has made, and the hash of the challenge that it signed."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    challenge = signed_challenge(answer)
    if challenge is None:
        return None
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_name(),
            expected_origin=_origin(),
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None
    factor = Factor(
        id=FactorId(derive(f"passkey:{made.credential_id.hex()}")),
        user=user,
        kind=Kind.PASSKEY,
        name=name,
        secret=made.credential_public_key,
        made_at=now(),
        credential=made.credential_id.hex(),
        sign_count=made.sign_count,
    )
    return factor, digest(challenge.hex())


def is_signed(answer: str, factor: Factor, challenge: bytes) -> int | None:
    """Return how often a passkey says that it was used, ``None`` where its answer is not right."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        verified = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_name(),
            expected_origin=_origin(),
            credential_public_key=factor.secret,
            credential_current_sign_count=factor.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None
    return verified.new_sign_count


def signed_challenge(answer: str) -> bytes | None:
    """Return the challenge that an answer says it has signed; whether it has is verified with it."""
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json

    client = _part(answer, "clientDataJSON")
    if client is None:
        return None
    try:
        return bytes(parse_client_data_json(base64url_to_bytes(client)).challenge)
    except Exception:
        # Whatever a stranger sends: it is no answer of ours.
        return None


def credential_of(answer: str) -> str | None:
    """Return the name of the passkey that answered."""
    from webauthn.helpers import base64url_to_bytes

    try:
        return base64url_to_bytes(str(_read(answer)["rawId"])).hex()
    except (KeyError, ValueError, TypeError):
        return None


def _read(answer: str) -> Any:
    return json.loads(answer[:LONGEST_ANSWER])


def _part(answer: str, name: str) -> str | None:
    try:
        return str(_read(answer)["response"][name])
    except (KeyError, ValueError, TypeError):
        return None


def _passkeys(known: Iterable[Factor]) -> list[Factor]:
    return [one for one in known if one.kind is Kind.PASSKEY]


def _id(factor: Factor) -> bytes:
    return bytes.fromhex(factor.credential or "")


def _name() -> str:
    """Return the name to which passkeys are bound: the one that people open, or this machine's own."""
    asked = request.host.partition(":")[0]
    return asked if asked == "localhost" else desk().settings.host


def _origin() -> str:
    asked = request.host.partition(":")[0]
    own = asked in LOOPBACK
    return f"{request.scheme}://{request.host}".lower() if own else desk().settings.origin
