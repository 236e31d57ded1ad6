"""What matters most is done by who has just shown their second factor; whoever is asked for it loses nothing typed."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from flask import Flask, current_app, g, make_response, render_template, request
from werkzeug.wrappers import Response

from console.access import digest, go_on_as
from console.desk import ask, now
from console.proving import by_code
from content.decision import Fact, Refusal
from content.sessions import Session, SessionRenewed, is_fresh, proven
from storage import credentials

View = TypeVar("View", bound=Callable[..., Any])

_FRESH = "zhibu_fresh"
_FRESH_WITH = "zhibu_fresh_with"
_OURS = frozenset({"csrf", "proof"})


def fresh(view: View) -> View:
    """Mark a route as one for which a person must have shown their second factor within the last minutes."""
    setattr(view, _FRESH, True)
    return view


def fresh_with(name: str) -> Callable[[View], View]:
    """Mark a route as one of that kind where its address says something under a name."""

    def mark(view: View) -> View:
        setattr(view, _FRESH_WITH, name)
        return view

    return mark


def is_marked(view: Callable[..., Any]) -> bool:
    """Tell whether a route is marked so, for all or for some of its addresses."""
    return hasattr(view, _FRESH) or hasattr(view, _FRESH_WITH)


def _is_meant(view: Callable[..., Any]) -> bool:
    return hasattr(view, _FRESH) or getattr(view, _FRESH_WITH, None) in request.args


def install(app: Flask) -> None:
    """Have every request to a marked route pass through here, once it is known who asks and that they may."""
    app.before_request(_check)


def _check() -> Response | None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or not _is_meant(view) or "session" not in g or _only_looks():
        return None
    session: Session = g.session
    # Who has nothing to show is not asked; where a second factor is demanded nobody gets this far without one.
    if is_fresh(session, now=now()) or not ask(lambda unit: credentials.has_factor(unit, session.user)):
        return None
    refusal = None
    if request.method == "POST" and request.form.get("proof"):
        refusal = show_again(request.form["proof"])
        if refusal is None:
            return None
    return _ask(refusal)


def _only_looks() -> bool:
    """Tell whether this is a look at a form whose sending is what matters."""
    return request.method != "POST" and request.url_rule is not None and "POST" in (request.url_rule.methods or ())


def show_again(typed: str) -> Refusal | None:
    """Take a code of the person who is signed in, and let their session go on as fresh, under a new id."""
    session: Session = g.session
    secret = secrets.token_urlsafe(32)
    renewed = session

    def follows(at: datetime) -> tuple[Fact, ...]:
        nonlocal renewed
        renewed = proven(session, digest(secret), now=at, level=session.level)
        return (SessionRenewed(id_hash=session.id_hash, session=renewed),)

    refusal = by_code(session.user, typed, follows)
    if refusal is None:
        # What the page does next with its session, it does with the one that there is now.
        go_on_as(renewed, secret)
    return refusal


def _ask(refusal: Refusal | None) -> Response:
    """Ask for the second factor; a form that was sent stands on the page unseen, and is sent again with the code."""
    carried = [(name, value) for name, value in request.form.items(multi=True) if name not in _OURS]
    page = render_template(
        "proving/confirm.html",
        refusal=refusal,
        carried=carried if request.method == "POST" else [("next", request.full_path.rstrip("?"))],
        action=request.full_path.rstrip("?") if request.method == "POST" else None,
        factors=ask(lambda unit: credentials.factors_of(unit, g.session.user)),
    )
    return make_response(page, 422 if refusal is not None else 200)
