"""Lets people prove who they are: every try is counted first, and a row of record says how it ended."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

from flask import g, request
from msgspec.structs import replace

from console.access import LOOPBACK, digest
from console.callers import place_of
from console.desk import ask, desk, now, settle_as
from console.passwords import hash_code, hash_password, is_outdated, is_right
from content.credentials import PasswordChosen, plain_code, use_code, use_recovery_code
from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import Cause, UserId
from content.sessions import Level, Session
from content.throttling import Tried, TriesForgotten, wait_until
from storage import credentials, organisations, throttling
from storage.store import Answer as Decided
from storage.store import Decide, Outcome
from storage.unit import Reading

LONGEST_CODE = 64
Follows = Callable[[datetime], tuple[Fact, ...]]

PASSWORD, CODE = "password", "code"
"""What is tried, each counted for itself."""


def record(what: str, decide: Decide, *, actor: UserId | None) -> Outcome:
    """Decide something that no form of its own asks for; a rule that breaks lets nobody past."""
    return settle_as(Cause(f"{what}:{secrets.token_urlsafe(18)}"), decide, actor=actor)


def by_password(typed: str, password: str) -> UserId | Refusal:
    """Return whose account and password these are; a wrong one and an unknown account are told in the same way."""
    user = UserId(typed.strip()[:255])
    known = bool(ask(lambda unit: organisations.duties_of(unit, user)))
    waits = _try(user, PASSWORD, known=known)
    if waits is not None:
        return waits
    kept = ask(lambda unit: credentials.password_of(unit, user)) if known else None
    if not is_right(kept, password):
        return _fail("sign_in.wrong", user if known else None)
    if kept is not None and is_outdated(kept):
        desk().bridge(desk().store.settle(notes=[PasswordChosen(user=user, hash=hash_password(password), at=now())]))
    return user


def by_code(user: UserId, typed: str, follows: Follows) -> Refusal | None:
    """Use up a one-time or a recovery code; ``follows`` is what is so once it was right, in the same transaction."""
    code = plain_code(typed)
    waits = _try(user, CODE, known=True)
    if waits is not None:
        return waits
    known = ask(lambda unit: credentials.codes_of(unit, user))
    hashed = hash_code(code, known[0].salt) if known and not code.isdecimal() else None

    async def decide(unit: Reading) -> Decided:
        used = use_code(await credentials.factors_of(unit, user), code, now=unit.now)
        if used is None and hashed is not None:
            codes = await credentials.codes_of(unit, user)
            used = use_recovery_code(codes, hashed, user=user, now=unit.now)
        if used is None:
            return replace(refused("credentials.wrong_code", field="proof"), about=user)
        return Decision(facts=(*used.facts, *proved(user), *follows(unit.now)), effects=used.effects)

    # By a first factor alone nobody has shown who they are; only a right code says who was behind it.
    wrong = isinstance(ask(decide), Refusal)
    return record("proof", decide, actor=None if wrong and not _is_known(user) else user).refusal


def _is_known(user: UserId) -> bool:
    """Tell whether this request's session is fully trusted, so that what it does is done by its person."""
    session: Session | None = g.get("session")
    return session is not None and session.user == user and session.level is Level.FULL


def proved(user: UserId) -> tuple[Fact, ...]:
    """Return what is so once a person has fully proved who they are."""
    return tuple(TriesForgotten(key=_account(user, way)) for way in (PASSWORD, CODE))


def try_passkey() -> Refusal | None:
    """Count a try of somebody who has not said yet who they are."""
    return _try(UserId(""), "", known=False)


def _try(user: UserId, way: str, *, known: bool) -> Refusal | None:
    """Count a try before anything is looked at; return why it must wait.

    Strangers can try passwords of anybody, so codes, which come after a first factor, are counted apart: nobody is kept
    out, and no confirmation held up, by what others try.
    """
    account, address = _account(user, way) if way else "", _address()
    everybody = "" if way == CODE else _minute("everybody")

    async def decide(unit: Reading) -> Decision | Refusal:
        until = wait_until(
            await throttling.tries_of(unit, account),
            address=(await throttling.tries_of(unit, address)).number if address else 0,
            everybody=(await throttling.tries_of(unit, everybody)).number if everybody else 0,
            now=unit.now,
        )
        if until is not None:
            return refused("sign_in.wait", until=until)
        keys = (account, address, everybody)
        claimed = user if known else None
        return Decision(facts=(Tried(keys=tuple(key for key in keys if key), at=unit.now, user=claimed),))

    # A look comes first, because a refusal that is settled leaves rows, and anybody may post here.
    waits = ask(decide)
    if isinstance(waits, Refusal):
        return waits
    return record("try", decide, actor=user if _is_known(user) else None).refusal


def _fail(key: str, claimed: UserId | None) -> Refusal:
    refusal = replace(refused(key), about=claimed)

    async def decide(_unit: Reading) -> Decided:
        return refusal

    record("failed", decide, actor=None)
    return refusal


def _account(user: UserId, way: str) -> str:
    return digest(f"{way} of {user}")


def _address() -> str:
    """Return where the request comes from, as a key of this minute; nothing where a proxy hides it from us."""
    at = request.remote_addr or ""
    hidden = at in LOOPBACK and not desk().settings.proxies
    return "" if hidden else _minute(f"address {place_of(at)}")


def _minute(what: str) -> str:
    return digest(f"{what} {now():%Y%m%d%H%M}")
