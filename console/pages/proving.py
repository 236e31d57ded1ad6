"""The second factor: asked for after the first, and again before what matters most."""

from __future__ import annotations

import secrets

from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for

from console import passkeys
from console.access import demanded, digest, early, here, hold_session, public, requires, signed_in
from console.answering import Answer, own_path
from console.desk import ask
from console.entering import Entrance
from console.fresh import show_again
from console.proving import by_code, proved, record, try_passkey
from content.credentials import ChallengeMet, Factor, FactorUsed, Kind
from content.decision import Decision, Refusal, refused
from content.identifiers import UserId
from content.organisations import Right
from content.sessions import Level, SignedIn, Way, level_of, prove
from storage import credentials
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("proving", __name__)


@pages.get("/second-factor")
@requires(Right.READ)
@early(Level.FIRST, Level.ENROLLING)
def show() -> Answer:
    """Ask for the second factor, or lead on to where it is set up."""
    level = here().session.level
    if level is Level.FULL:
        return redirect(url_for("home.show"), code=303)
    if level is Level.ENROLLING:
        return redirect(url_for("credentials.set_up"), code=303)
    return _page(None)


@pages.post("/second-factor")
@requires(Right.READ)
@early(Level.FIRST)
def answer() -> Answer:
    """Take the code, and let the person in."""
    session = here().session
    if session.level is Level.FULL:
        return redirect(url_for("home.show"), code=303)
    secret, level = secrets.token_urlsafe(32), _level(session.user)
    refusal = by_code(
        session.user,
        request.form.get("proof", ""),
        lambda at: prove(session, digest(secret), now=at, level=level).facts,
    )
    if refusal is not None:
        return _page(refusal), 422
    hold_session(secret)
    return redirect(url_for("home.show" if level is Level.FULL else "credentials.set_up"), code=303)


@pages.post("/confirm")
@requires(Right.READ)
def confirm() -> Answer:
    """Take a code before a page is shown, and go on to it."""
    onward = own_path(request.form.get("next", ""), otherwise=url_for("home.show"))
    refusal = show_again(request.form.get("proof", ""))
    if refusal is None:
        return redirect(onward, code=303)
    known = ask(lambda unit: credentials.factors_of(unit, here().user))
    page = render_template(
        "proving/confirm.html", refusal=refusal, carried=[("next", onward)], action=None, factors=known
    )
    return page, 422


@pages.post("/passkeys/ask")
@public
def ask_passkey() -> Response:
    """Give a browser something for a passkey to sign: of the person who is signed in, or of whoever it holds."""
    waits = try_passkey()
    if waits is not None:
        abort(429)
    known = None
    if "session" in g:
        known = ask(lambda unit: credentials.factors_of(unit, g.session.user))
    return Response(passkeys.ask_to_sign(passkeys.make_challenge(), known), content_type="application/json")


@pages.post("/passkeys/sign-in")
@public
def sign_in() -> Answer:
    """Let somebody in by a passkey alone, which is something they have and something they are or know."""
    entrance = Entrance(Way.PASSKEY, required=True)
    found = _signed()

    async def decide(unit: Reading) -> Decided:
        if found is None:
            return refused("credentials.wrong_passkey")
        factor, challenge, count = found
        if not await _stands(unit, factor, challenge, place):
            return refused("credentials.wrong_passkey")
        session = await entrance.session(unit, factor.user, now=unit.now)
        used = FactorUsed(id=factor.id, at=unit.now, sign_count=count)
        entered = SignedIn(token_hash=None, session=session)
        return Decision(facts=(used, ChallengeMet(hash=challenge), *proved(factor.user), entered))

    place = passkeys.bound_to()
    # A look comes first, because a refusal that is settled leaves rows, and anybody may post here.
    unsettled = ask(decide)
    if isinstance(unsettled, Refusal):
        return render_template("sign_in/refused.html", refusal=unsettled), 409
    refusal = record("passkey", decide, actor=found[0].user if found else None).refusal
    if refusal is not None:
        return render_template("sign_in/refused.html", refusal=refusal), 409
    hold_session(entrance.secret)
    return redirect(url_for("home.show"), code=303)


@pages.post("/passkeys/prove")
@requires(Right.READ)
@early(Level.FIRST)
def prove_passkey() -> Answer:
    """Take a passkey as the second factor, or as what makes a session fresh."""
    session, secret, place = here().session, secrets.token_urlsafe(32), passkeys.bound_to()
    found, level = _signed(of=session.user), _level(session.user)

    async def decide(unit: Reading) -> Decided:
        if found is None:
            return refused("credentials.wrong_passkey")
        factor, challenge, count = found
        if not await _stands(unit, factor, challenge, place):
            return refused("credentials.wrong_passkey")
        used = FactorUsed(id=factor.id, at=unit.now, sign_count=count)
        onward = prove(session, digest(secret), now=unit.now, level=level)
        return Decision(facts=(used, ChallengeMet(hash=challenge), *proved(factor.user), *onward.facts))

    refusal = record("passkey", decide, actor=session.user).refusal
    if refusal is not None:
        return _page(refusal), 422
    hold_session(secret)
    return redirect(own_path(request.form.get("next", ""), otherwise=url_for("home.show")), code=303)


def _signed(of: UserId | None = None) -> tuple[Factor, str, int] | None:
    """Return the passkey that has answered rightly, the hash of what it signed, and how often it was used."""
    said = request.form.get("passkey", "")
    challenge, credential = passkeys.signed_challenge(said), passkeys.credential_of(said)
    if challenge is None or credential is None:
        return None
    factor = ask(lambda unit: credentials.by_credential(unit, credential))
    if factor is None or factor.kind is not Kind.PASSKEY or (of is not None and factor.user != of):
        return None
    count = passkeys.is_signed(said, factor, challenge)
    return None if count is None else (factor, digest(challenge.hex()), count)


def _level(user: UserId) -> Level:
    """Return how far the session is trusted once its person has shown what they have."""
    has_factor = ask(lambda unit: credentials.has_factor(unit, user))
    return level_of(enrolled=True, has_factor=has_factor, demanded=demanded(here().duties), proved=True)


def _page(refusal: Refusal | None) -> str:
    person = signed_in()
    assert person is not None
    factors = ask(lambda unit: credentials.factors_of(unit, person.user))
    return render_template("proving/show.html", refusal=refusal, factors=factors)


async def _stands(unit: Reading, factor: Factor, challenge: str, place: str) -> bool:
    """Tell whether a passkey that was shown is still the person's, and was asked for."""
    kept = await credentials.by_credential(unit, factor.credential or "")
    same = kept is not None and kept.id == factor.id and kept.sign_count == factor.sign_count
    return same and await credentials.is_waiting(unit, challenge, place)
