"""How a page answers a form: on to where its effect is seen, or back with the reason why not."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import redirect, render_template
from werkzeug.wrappers import Response

from console.keeping import kept
from content.decision import Refusal
from storage.store import Outcome

Answer = Response | str | tuple[str, int]


def onward(outcome: Outcome, *, to: str, done: str) -> Answer:
    """Go on to a page that says what was done; a refusal is said over the form as it was filled in, else by itself.

    ``done`` is the last part of a ``done.…`` key. A form that came twice goes on too, and says so.
    """
    if outcome.refusal is not None:
        return not_done(outcome.refusal, to=to)
    return see(to, "repeated" if outcome.repeated else done)


def not_done(refusal: Refusal, *, to: str) -> Answer:
    """Say why a form has no effect: on the page where it stands, with what was typed, or on one that leads back."""
    page = kept(refusal, to=to)
    return page or render_template("frame/refused.html", refusal=refusal, back=to), 409


def see(to: str, done: str) -> Response:
    """Redirect to one of our own pages, with a sentence about what was done."""
    parts = urlsplit(to)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "done"]
    return redirect(parts._replace(query=urlencode([*query, ("done", done)])).geturl(), code=303)


def own_path(wanted: str, *, otherwise: str) -> str:
    """Return a path of this console, or another where the wanted one leads elsewhere."""
    parts = urlsplit(wanted)
    if parts.scheme or parts.netloc or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return otherwise
    return wanted


def first_by_field(refusals: list[Refusal]) -> dict[str, Refusal]:
    """Return the first refusal of each field, those of none under the empty name."""
    found: dict[str, Refusal] = {}
    for refusal in refusals:
        found.setdefault(refusal.field or "", refusal)
    return found
