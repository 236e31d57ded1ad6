"""Each person's own sign-in: second factors, recovery codes, password, sessions; and beginning anew for another."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Collection

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct

from console import passkeys
from console.access import demanded, digest, early, here, hold_session, requires
from console.addresses import link
from console.answering import Answer, onward, see
from console.desk import ask, cause, desk, now, settle
from console.fresh import fresh
from console.passwords import SALT_BYTES, hash_code, hash_password, make_code, refuse_common
from console.people import givable
from console.trusted import qr_picture
from console.wording import t
from content import credentials
from content.credentials import (
    LONGEST_NAME,
    RECOVERY_CODES,
    ChallengeMet,
    Factor,
    Kind,
    PasswordChosen,
    RecoveryCodesMade,
    plain_code,
    step_of,
)
from content.decision import Decision, Refusal, Tell, refused, words
from content.identifiers import FactorId, UserId, derive
from content.organisations import Right
from content.sessions import LINK_LASTS, Level, Session, SignedOut, SignedOutElsewhere, prove
from storage import credentials as stored
from storage import sessions
from storage.duties import names_of
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("credentials", __name__)

_SECRET_BYTES = 20
_CODE_CHARACTERS = 16
_RESET_CHARACTERS = 28
"""Eighty bits for a code that is one of ten, a hundred and forty for one that another person hands over."""


class Mine(Struct, frozen=True, kw_only=True):
    """What a person has to prove themselves with, and where they are signed in."""

    factors: tuple[Factor, ...]
    codes_left: int
    has_password: bool
    sessions: tuple[Session, ...]


@pages.get("/account")
@requires(Right.READ)
def show() -> Answer:
    """Show one's own second factors, recovery codes, password and sessions."""
    return _page([])


@pages.get("/account/set-up")
@requires(Right.READ)
@early(Level.ENROLLING)
@fresh
def set_up() -> Answer:
    """Show the picture for an authenticator, and the button for a passkey."""
    if not _may_add():
        return render_template("credentials/ask_anew.html"), 409
    return _set_up_page(None, base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode())


@pages.post("/account/set-up")
@requires(Right.READ)
@early(Level.ENROLLING)
@fresh
def add_totp() -> Answer:
    """Take an authenticator whose code shows that it has the secret."""
    user, kept = here().user, request.form.get("secret", "")
    try:
        secret = base64.b32decode(kept)
    except binascii.Error:
        abort(400)
    if len(secret) != _SECRET_BYTES or not _may_add():
        abort(400)
    step = step_of(secret, plain_code(request.form.get("code", "")), after=0, now=now())
    if step is None:
        return _set_up_page(refused("credentials.wrong_code", field="code"), kept)
    factor = Factor(
        id=FactorId(derive(cause(), "factor")),
        user=user,
        kind=Kind.TOTP,
        name=_name("credentials.name_totp"),
        secret=secret,
        made_at=now(),
        last_step=step,
    )
    return _add(factor)


@pages.post("/account/passkeys/ask")
@requires(Right.READ)
@early(Level.ENROLLING)
@fresh
def ask_new_passkey() -> Response:
    """Give a browser what it needs to make a passkey."""
    if not _may_add():
        abort(400)
    user = here().user
    known = ask(lambda unit: stored.factors_of(unit, user))
    options = passkeys.ask_to_make(passkeys.make_challenge(), user, known)
    return Response(options, content_type="application/json")


@pages.post("/account/passkeys")
@requires(Right.READ)
@early(Level.ENROLLING)
@fresh
def add_passkey() -> Answer:
    """Take a passkey that a browser has made."""
    if not _may_add():
        abort(400)
    made = passkeys.read_made(request.form.get("passkey", ""), here().user, _name("credentials.name_passkey"))
    if made is None:
        return _set_up_page(refused("credentials.wrong_passkey"), "")
    return _add(*made)


def _add(factor: Factor, challenge: str | None = None) -> Answer:
    """Keep a second factor, with the first one give recovery codes, and let the session go on as fully trusted."""
    session, secret = here().session, secrets.token_urlsafe(32)
    place = passkeys.bound_to()
    codes, salt, hashes = _codes(RECOVERY_CODES, _CODE_CHARACTERS, hashed=not _has_factor(factor.user))

    async def decide(unit: Reading) -> Decided:
        if challenge is not None and not await stored.is_waiting(unit, challenge, place):
            return refused("credentials.wrong_passkey")
        known = await stored.factors_of(unit, factor.user)
        added = credentials.add_factor(factor, known)
        if isinstance(added, Refusal):
            return added
        met = () if challenge is None else (ChallengeMet(hash=challenge),)
        made = RecoveryCodesMade(user=factor.user, salt=salt, hashes=hashes, at=unit.now)
        renewed = prove(session, digest(secret), now=unit.now)
        # Who came in by a link alone before there was a second factor must show it too.
        first = () if known else (made, SignedOutElsewhere(user=factor.user, but=session.family))
        facts = (*added.facts, *met, *first, *renewed.facts)
        return Decision(facts=facts, effects=added.effects)

    outcome = settle(decide, actor=factor.user)
    if outcome.refusal is not None:
        return _page([outcome.refusal]) if session.level is Level.FULL else _set_up_page(outcome.refusal, "")
    if outcome.repeated:
        return see(link("credentials.show"), "repeated")
    hold_session(secret)
    facts = outcome.answer.facts if isinstance(outcome.answer, Decision) else ()
    if any(isinstance(fact, RecoveryCodesMade) for fact in facts):
        return render_template("credentials/codes.html", codes=codes)
    return see(link("credentials.show"), "factor_added")


@pages.post("/account/factors/<id>/remove")
@requires(Right.READ)
@fresh
def remove(id: str) -> Answer:  # noqa: A002
    """Take a second factor away."""
    user, needed = here().user, demanded(here().duties)

    async def decide(unit: Reading) -> Decided:
        known = await stored.factors_of(unit, user)
        return credentials.remove_factor(FactorId(id), known, user=user, demanded=needed)

    return onward(settle(decide, actor=user), to=link("credentials.show"), done="factor_removed")


@pages.post("/account/recovery")
@requires(Right.READ)
@fresh
def renew_codes() -> Answer:
    """Give ten new recovery codes, in the place of the old ones."""
    user = here().user
    codes, salt, hashes = _codes(RECOVERY_CODES, _CODE_CHARACTERS)

    async def decide(unit: Reading) -> Decided:
        if not await stored.has_factor(unit, user):
            return None
        return Decision(facts=(RecoveryCodesMade(user=user, salt=salt, hashes=hashes, at=unit.now),))

    if settle(decide, actor=user).repeated:
        return see(link("credentials.show"), "repeated")
    return render_template("credentials/codes.html", codes=codes)


@pages.post("/account/password")
@requires(Right.READ)
@fresh
def choose_password() -> Answer:
    """Take a password with which one can sign in without the bot."""
    user, password = here().user, request.form.get("password", "")
    known = ask(lambda unit: names_of(unit, [user]))
    refusal = credentials.refuse_password(password, _context(user, known.values())) or refuse_common(password)
    if refusal is not None:
        return _page([refusal])
    hashed = hash_password(password)
    family = here().session.family

    async def decide(unit: Reading) -> Decided:
        if not await stored.has_factor(unit, user):
            return refused("credentials.factor_first", field="password")
        told = Tell(user=user, words=words("credentials.told_password"), unasked=True)
        facts = (PasswordChosen(user=user, hash=hashed, at=unit.now), SignedOutElsewhere(user=user, but=family))
        return Decision(facts=facts, effects=(told,))

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _page([outcome.refusal])
    weak = len(password) < credentials.GOOD_PASSWORD
    return see(link("credentials.show"), "password_chosen_short" if weak else "password_chosen")


@pages.post("/account/sessions/end")
@requires(Right.READ)
def end_session() -> Answer:
    """End one of one's own sessions."""
    user, family = here().user, request.form.get("session", "")

    async def decide(unit: Reading) -> Decided:
        own = {one.family for one in await sessions.sessions_of(unit, user)}
        return Decision(facts=(SignedOut(family=family),)) if family in own else None

    return onward(settle(decide, actor=user), to=link("credentials.show"), done="session_ended")


@pages.post("/account/sessions/end-others")
@requires(Right.READ)
def end_others() -> Answer:
    """End all of one's own sessions but this one."""
    user, family = here().user, here().session.family

    async def decide(_unit: Reading) -> Decided:
        return Decision(facts=(SignedOutElsewhere(user=user, but=family),))

    return onward(settle(decide, actor=user), to=link("credentials.show"), done="session_ended")


@pages.post("/duties/reset")
@requires(Right.GRANT_DUTIES)
@fresh
def reset() -> Answer:
    """Let a person begin anew who has lost what they prove themselves with; their code is shown this once."""
    at, user = here(), UserId(request.form.get("user", ""))
    (code,), salt, (hashed,) = _codes(1, _RESET_CHARACTERS)

    async def decide(unit: Reading) -> Decided:
        held = await givable(unit, user, by=at.user)
        return credentials.reset(user, held, by=at.user, salt=salt, hashed=hashed, now=unit.now)

    outcome = settle(decide, actor=at.user)
    if outcome.refusal is not None or outcome.repeated:
        return onward(outcome, to=link("duties.show"), done="repeated")
    return render_template(
        "credentials/reset.html", code=code, user=user, minutes=int(credentials.RESET_LASTS.total_seconds()) // 60
    )


def _has_factor(user: UserId) -> bool:
    return ask(lambda unit: stored.has_factor(unit, user))


def _may_add() -> bool:
    """Tell whether a second factor may be added now: who has none yet must have come in just now."""
    session = here().session
    return now() - session.made_at < LINK_LASTS or _has_factor(session.user)


def _codes(number: int, characters: int, *, hashed: bool = True) -> tuple[list[str], bytes, tuple[bytes, ...]]:
    codes, salt = [make_code(characters) for _ in range(number)], secrets.token_bytes(SALT_BYTES)
    return codes, salt, tuple(hash_code(plain_code(code), salt) for code in codes) if hashed else ()


def _context(user: UserId, names: Collection[str]) -> set[str]:
    """Return the words that anybody here would try first."""
    own = {"支部", "党支部", "总支", "党委", "zhibu", "password", "密码", desk().settings.host}
    own |= set(user.removeprefix("@").replace(":", ".").split("."))
    return own | set(names) | {node.name for node in here().nodes}


def _name(otherwise: str) -> str:
    return request.form.get("name", "").strip()[:LONGEST_NAME] or t(otherwise)


def _page(refusals: list[Refusal]) -> Answer:
    at = here()

    async def look(unit: Reading) -> Mine:
        codes = await stored.codes_of(unit, at.user)
        return Mine(
            factors=await stored.factors_of(unit, at.user),
            codes_left=sum(not code.used for code in codes),
            has_password=await stored.password_of(unit, at.user) is not None,
            sessions=await sessions.sessions_of(unit, at.user),
        )

    page = render_template(
        "credentials/show.html",
        mine=ask(look),
        refusals=refusals,
        present=at.session.family,
        demanded=demanded(at.duties),
        shortest=credentials.SHORTEST_PASSWORD,
        good=credentials.GOOD_PASSWORD,
    )
    return (page, 422) if refusals else page


def _set_up_page(refusal: Refusal | None, secret: str) -> Answer:
    secret = secret or base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    user = here().user
    page = render_template(
        "credentials/set_up.html",
        refusal=refusal,
        secret=secret,
        picture=qr_picture(credentials.enrolment_address(secret, user, "Zhibu")),
        must=here().session.level is Level.ENROLLING,
        typed=request.form.get("name", ""),
    )
    return (page, 422) if refusal is not None else page
