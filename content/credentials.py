"""What people prove themselves with beside a link: a password, one-time codes, passkeys, and recovery codes."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, Tell, refused, words
from content.identifiers import FactorId, UserId
from content.organisations import RIGHTS, Duty, Right

STEP = 30
"""Seconds for which a one-time code is shown."""

RECOVERY_CODES = 10
RESET_LASTS = timedelta(minutes=15)
SHORTEST_PASSWORD = 12
GOOD_PASSWORD = 15
LONGEST_PASSWORD_BYTES = 1024
LONGEST_NAME = 40
MOST_FACTORS = 10
_YEAR = re.compile(r"(19|20)\d\d年?")
_FEWEST_CHARACTERS = 4
_LEFT_BESIDE_CONTEXT = 8
"""So many characters of a password must be left without names, years and words that everybody here would guess."""


class Kind(StrEnum):
    """The kinds of second factor."""

    TOTP = "totp"
    PASSKEY = "passkey"


class Factor(Struct, frozen=True, kw_only=True):
    """A second factor of a person.

    ``secret`` is what codes are reckoned from, or the public key of a passkey, whose own name is ``credential``.
    ``last_step`` is the newest code that was used, ``sign_count`` what a passkey said last of its own uses.
    """

    id: FactorId
    user: UserId
    kind: Kind
    name: str
    secret: bytes
    made_at: datetime
    credential: str | None = None
    sign_count: int = 0
    last_step: int = 0
    used_at: datetime | None = None


class RecoveryCode(Struct, frozen=True, kw_only=True):
    """A recovery code as it is remembered: one of several hashed with the same salt."""

    place: int
    salt: bytes
    hash: bytes
    until: datetime | None = None
    used: bool = False


class FactorAdded(Fact, frozen=True, kw_only=True):
    """A person has set up a second factor."""

    factor: Factor


class FactorRemoved(Fact, frozen=True, kw_only=True):
    """A person has taken a second factor away."""

    user: UserId
    id: FactorId


class FactorUsed(Fact, frozen=True, kw_only=True):
    """A second factor was used; no code up to ``step`` counts again."""

    id: FactorId
    at: datetime
    step: int = 0
    sign_count: int = 0


class RecoveryCodesMade(Fact, frozen=True, kw_only=True):
    """A person was given recovery codes; older ones count no more."""

    user: UserId
    salt: bytes
    hashes: tuple[bytes, ...]
    at: datetime
    until: datetime | None = None


class RecoveryCodeUsed(Fact, frozen=True, kw_only=True):
    """A recovery code was used up."""

    user: UserId
    place: int
    at: datetime


class PasswordChosen(Fact, frozen=True, kw_only=True):
    """A person has a new password, or the same one in a stronger form."""

    user: UserId
    hash: str
    at: datetime


class CredentialsReset(Fact, frozen=True, kw_only=True):
    """Everything that a person proved themselves with is gone, and they are signed out everywhere."""

    user: UserId


class ChallengeMade(Fact, frozen=True, kw_only=True):
    """A passkey was asked to prove itself; ``bound_to`` is the session or the visit that asked."""

    hash: str
    bound_to: str
    until: datetime


class ChallengeMet(Fact, frozen=True, kw_only=True):
    """A challenge was answered, and counts no more."""

    hash: str


def demands_second(duties: Iterable[Duty]) -> bool:
    """Tell whether duties allow more than to look, so that a link alone is not enough for them."""
    return any(RIGHTS[duty.role] - {Right.READ} for duty in duties)


def code_at(secret: bytes, step: int) -> str:
    """Return the one-time code of a step, as RFC 6238 has it: SHA-1, six digits."""
    mac = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    place = mac[-1] & 15
    number = int.from_bytes(mac[place : place + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def step_of(secret: bytes, code: str, *, after: int, now: datetime) -> int | None:
    """Return the step whose code was typed: the present one or one beside it, and never one that was used before."""
    present, found = int(now.timestamp()) // STEP, None
    for step in (present - 1, present, present + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()) and step > after:
            found = step
    return found


def enrolment_address(secret: str, user: UserId, issuer: str) -> str:
    """Return the address that an authenticator reads from the picture; ``secret`` in base 32."""
    label = quote(f"{issuer}:{user}", safe="")
    return f"otpauth://totp/{label}?secret={secret}&issuer={quote(issuer, safe='')}"


def plain_code(typed: str) -> str:
    """Return a typed code without spaces and hyphens, in capitals."""
    return "".join(typed.split()).replace("-", "").upper()[:64]


def use_code(factors: Collection[Factor], code: str, *, now: datetime) -> Decision | None:
    """Use a one-time code up; ``None`` where it is none of the person's, or was used."""
    for factor in factors:
        if factor.kind is Kind.TOTP:
            step = step_of(factor.secret, code, after=factor.last_step, now=now)
            if step is not None:
                return Decision(facts=(FactorUsed(id=factor.id, at=now, step=step),))
    return None


def use_recovery_code(
    codes: Collection[RecoveryCode], hashed: bytes, *, user: UserId, now: datetime
) -> Decision | None:
    """Use a recovery code up, and tell the person; ``None`` where it is none of theirs, was used, or is over."""
    found = None
    for code in codes:
        good = hmac.compare_digest(code.hash, hashed) and not code.used
        if good and (code.until is None or now < code.until):
            found = code
    if found is None:
        return None
    left = sum(not code.used for code in codes) - 1
    told = Tell(user=user, words=words("credentials.told_recovery", n=left), unasked=True, urgent=True)
    return Decision(facts=(RecoveryCodeUsed(user=user, place=found.place, at=now),), effects=(told,))


def add_factor(factor: Factor, known: Collection[Factor]) -> Decision | Refusal:
    """Set up a second factor, and tell the person."""
    if len(known) >= MOST_FACTORS:
        return refused("credentials.too_many", n=MOST_FACTORS)
    if factor.credential is not None and any(one.credential == factor.credential for one in known):
        return refused("credentials.known_passkey")
    told = Tell(user=factor.user, words=words(f"credentials.told_{factor.kind}"), unasked=True, urgent=True)
    return Decision(facts=(FactorAdded(factor=factor),), effects=(told,))


def remove_factor(
    id: FactorId,  # noqa: A002
    known: Collection[Factor],
    *,
    user: UserId,
    demanded: bool,
) -> Decision | Refusal | None:
    """Take a second factor away, but never the last one where one is demanded."""
    if all(one.id != id for one in known):
        return None
    if demanded and len(known) == 1:
        return refused("credentials.last_factor")
    told = Tell(user=user, words=words("credentials.told_removed"), unasked=True, urgent=True)
    return Decision(facts=(FactorRemoved(user=user, id=id),), effects=(told,))


def reset(
    user: UserId,
    held: Collection[tuple[Duty, bool]],
    *,
    by: UserId | None,
    salt: bytes,
    hashed: bytes,
    now: datetime,
) -> Decision | Refusal | None:
    """Take a person's credentials away, for whoever lost them, and let them begin anew with a code from another person.

    ``held`` are their duties, each with whether the one who resets may give and end it; that must be so of all. Without
    ``by`` it is done at the machine itself.
    """
    if not held:
        return None
    if by == user:
        return refused("credentials.not_oneself")
    if not all(may for _, may in held):
        return refused("credentials.not_yours")
    code = RecoveryCodesMade(user=user, salt=salt, hashes=(hashed,), at=now, until=now + RESET_LASTS)
    if by is None:
        here = Tell(user=user, words=words("credentials.told_let_in"), unasked=True, urgent=True)
        return Decision(facts=(CredentialsReset(user=user), code), effects=(here,))
    told = Tell(user=user, words=words("credentials.told_reset", by=by), unasked=True, urgent=True)
    confirmed = Tell(user=by, words=words("credentials.told_resetter", user=user), unasked=True, urgent=True)
    return Decision(facts=(CredentialsReset(user=user), code), effects=(told, confirmed))


def refuse_password(password: str, context: Iterable[str]) -> Refusal | None:
    """Return what speaks against a password, as far as that needs no list; ``context`` are names that anyone knows."""
    if len(password) < SHORTEST_PASSWORD:
        return refused("credentials.short", field="password", n=SHORTEST_PASSWORD)
    if len(password.encode()) > LONGEST_PASSWORD_BYTES:
        return refused("credentials.long", field="password")
    rest = password.casefold()
    for word in sorted({word.casefold() for word in context}, key=len, reverse=True):
        if len(word) > 1:
            rest = rest.replace(word, "")
    rest = _YEAR.sub("", rest)
    if len(set(password)) < _FEWEST_CHARACTERS or (rest != password.casefold() and len(rest) < _LEFT_BESIDE_CONTEXT):
        return refused("credentials.guessable", field="password")
    return None


def bare(password: str) -> str:
    """Return a password in small letters, without the digits and signs at its ends, which everybody adds."""
    return password.casefold().strip("0123456789!@#$%^&*()_+-=.,?~`'\"/\\|;:<>[]{} 年月日！。？")
