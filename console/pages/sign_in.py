"""Signing in by a one-time link, in two steps so that a preview of the link cannot use it up; and signing out."""

from __future__ import annotations

import secrets
from datetime import timedelta

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from console.access import digest, forget_cookie, public, session_cookie, set_cookie
from console.answering import Answer
from console.desk import ask, desk, settle
from console.pages.safe_mode import held_up
from content.decision import Refusal
from content.sessions import LONGEST, SignedOut, sign_in
from storage import sessions
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("sign_in", __name__)


@pages.get("/sign-in")
@public
def explain() -> str:
    """Say how one gets in."""
    return render_template("sign_in/explain.html", reason=held_up())


@pages.get("/sign-in/<token>")
@public
def offer(token: str) -> str:
    """Show the one button; nothing is used up by looking."""
    return render_template("sign_in/offer.html", token=token)


@pages.post("/sign-in/<token>")
@public
def enter(token: str) -> Answer:
    """Use the link up and begin a session."""
    secret, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)

    async def decide(unit: Reading) -> Decided:
        found = await sessions.link(unit, digest(token))
        return sign_in(found, digest(secret), csrf, now=unit.now)

    # A look comes first, because a refusal that is settled leaves rows, and anybody may post here.
    unsettled = ask(decide)
    if isinstance(unsettled, Refusal):
        return render_template("sign_in/refused.html", refusal=unsettled), 409
    outcome = settle(decide, actor=None)
    if outcome.refusal is not None or outcome.repeated:
        return render_template("sign_in/refused.html", refusal=outcome.refusal), 409
    response = redirect(url_for("home.show"), code=303)
    _end_present_session()
    set_cookie(response, session_cookie(), secret, lasts=timedelta(seconds=LONGEST.total_seconds()))
    return response


@pages.post("/sign-out")
@public
def leave() -> Response:
    """End the session here and on the server."""
    _end_present_session()
    response = redirect(url_for("sign_in.explain", done="signed_out"), code=303)
    forget_cookie(response, session_cookie())
    response.headers["Clear-Site-Data"] = '"cookies", "storage"'
    return response


def _end_present_session() -> None:
    held = request.cookies.get(session_cookie())
    if held and "session" in g:
        desk().bridge(desk().store.settle(notes=[SignedOut(id_hash=digest(held))]))
