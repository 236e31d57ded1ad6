"""Lets people prove who they are: every try is counted first, and a row of record says how it ended."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

from flask import abort, request

from console.access import LOOPBACK, digest
from console.desk import ask, desk, now
from console.passwords import hash_code, hash_password, is_outdated, is_right
from content.credentials import PasswordChosen, plain_code, use_code, use_recovery_code
from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import Cause, UserId
from content.throttling import Tried, TriesForgotten, wait_until
from storage import credentials, organisations, throttling
from storage.store import Answer as Decided
from storage.store import Decide, Outcome, Step
from storage.unit import Reading

LONGEST_CODE = 64
Follows = Callable[[datetime], tuple[Fact, ...]]

PASSWORD, CODE = "password", "code"
"""What is tried, each counted for itself."""


def record(what: str, decide: Decide, *, actor: UserId | None) -> Outcome:
    """Decide something that no form of its own asks for; a rule that breaks lets nobody past."""
    step = Step(cause=Cause(f"{what}:{secrets.token_urlsafe(18)}"), actor=actor, decide=decide)
    (outcome,) = desk().bridge(desk().store.settle([step]))
    if outcome.failed:
        abort(500)
    return outcome


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
            return refused("credentials.wrong_code", field="proof")
        return Decision(facts=(*used.facts, *proved(user), *follows(unit.now)), effects=used.effects)

    return record("proof", decide, actor=user).refusal


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
        return Decision(facts=(Tried(keys=tuple(key for key in keys if key), at=unit.now),))

    # A look comes first, because a refusal that is settled leaves rows, and anybody may post here.
    waits = ask(decide)
    if isinstance(waits, Refusal):
        return waits
    return record("try", decide, actor=user if known else None).refusal


def _fail(key: str, user: UserId | None) -> Refusal:
    refusal = refused(key)

    async def decide(_unit: Reading) -> Decided:
        return refusal

    record("failed", decide, actor=user)
    return refusal


def _account(user: UserId, way: str) -> str:
    return digest(f"{way} of {user}")


def _address() -> str:
    """Return where the request comes from, as a key of this minute; nothing where a proxy hides it from us."""
    at = request.remote_addr or ""
    return "" if at in LOOPBACK else _minute(f"address {at}")


def _minute(what: str) -> str:
    return digest(f"{what} {now():%Y%m%d%H%M}")
