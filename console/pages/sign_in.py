"""Signing in: by a link, in two steps so that a preview cannot use it up, or by password; and signing out."""

from __future__ import annotations

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from console.access import digest, forget_cookie, hold_session, public, session_cookie
from console.answering import Answer
from console.desk import ask, desk, settle
from console.entering import Entrance
from console.pages.safe_mode import held_up
from console.proving import by_password
from content.decision import Decision, Refusal, refused
from content.sessions import Level, SignedIn, SignedOut, Way, refuse_link, sign_in
from storage import sessions
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("sign_in", __name__)


@pages.get("/sign-in")
@public
def explain() -> str:
    """Say how one gets in."""
    return _explain()


@pages.get("/sign-in/<token>")
@public
def offer(token: str) -> str:
    """Show the one button; nothing is used up by looking."""
    return render_template("sign_in/offer.html", token=token)


@pages.post("/sign-in/<token>")
@public
def enter(token: str) -> Answer:
    """Use the link up and begin a session."""
    entrance = _entrance(Way.LINK)

    async def decide(unit: Reading) -> Decided:
        found = await sessions.link(unit, digest(token))
        refusal = refuse_link(found, now=unit.now)
        if refusal is not None or found is None:
            return refusal
        return sign_in(found, await entrance.session(unit, found.user, now=unit.now), now=unit.now)

    # A look comes first, because a refusal that is settled leaves rows, and anybody may post here.
    unsettled = ask(decide)
    if isinstance(unsettled, Refusal):
        return render_template("sign_in/refused.html", refusal=unsettled), 409
    outcome = settle(decide, actor=None)
    if outcome.refusal is not None or outcome.repeated:
        return render_template("sign_in/refused.html", refusal=outcome.refusal), 409
    return _go_in(entrance)


@pages.post("/sign-in")
@public
def enter_by_password() -> Answer:
    """Begin a session by account and password, which the second factor must follow."""
    account = request.form.get("account", "")
    found = by_password(account, request.form.get("password", ""))
    if isinstance(found, Refusal):
        return _explain(refusal=found, account=account), 422
    entrance, user = _entrance(Way.PASSWORD), found

    async def decide(unit: Reading) -> Decided:
        session = await entrance.session(unit, user, now=unit.now)
        if session.level is not Level.FIRST:
            return refused("sign_in.wrong")
        return Decision(facts=(SignedIn(token_hash=None, session=session),))

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None or outcome.repeated:
        return _explain(refusal=outcome.refusal, account=account), 422
    return _go_in(entrance)


@pages.post("/sign-out")
@public
def leave() -> Response:
    """End the session here and on the server."""
    _end_present_session()
    response = redirect(url_for("sign_in.explain", done="signed_out"), code=303)
    forget_cookie(response, session_cookie())
    response.headers["Clear-Site-Data"] = '"cookies", "storage"'
    return response


def _entrance(way: Way) -> Entrance:
    return Entrance(way, required=desk().settings.second_factor_required)


def _go_in(entrance: Entrance) -> Response:
    _end_present_session()
    hold_session(entrance.secret)
    return redirect(url_for("home.show"), code=303)


def _explain(*, refusal: Refusal | None = None, account: str = "") -> str:
    return render_template("sign_in/explain.html", reason=held_up(), refusal=refusal, account=account)


def _end_present_session() -> None:
    if "session" in g:
        desk().bridge(desk().store.settle(notes=[SignedOut(family=g.session.family)]))
