"""How a page answers a form: on to where its effect is seen, or back with the reason why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import redirect, render_template
from werkzeug.wrappers import Response

from console.keeping import kept
from console.undoing import Undo, written
from content.decision import Refusal
from storage.store import Outcome

Answer = Response | str | tuple[str, int]


def onward(outcome: Outcome, *, to: str, done: str, back: Callable[[], Undo] | None = None) -> Answer:
    """Go on to a page that says what was done; a refusal is said over the form as it was filled in, else by itself.

    ``done`` is the last part of a ``done.…`` key. ``back`` makes the form that takes it back, asked for only where
    something was done. A form that came twice goes on too, and says so.
    """
    if outcome.refusal is not None:
        return not_done(outcome.refusal, to=to)
    return done_once(outcome, to, done, back)


def done_once(outcome: Outcome, to: str, done: str, back: Callable[[], Undo] | None = None) -> Response:
    """Go on to where an effect is seen, with the way back where there is one; what came twice says so."""
    if outcome.repeated:
        return see(to, "repeated")
    return see(to, done, back() if back is not None else None)


def not_done(refusal: Refusal, *, to: str) -> Answer:
    """Say why a form has no effect: on the page where it stands, with what was typed, or on one that leads back."""
    page = kept(refusal, to=to)
    return page or render_template("frame/refused.html", refusal=refusal, back=to), 409


def see(to: str, done: str, back: Undo | None = None) -> Response:
    """Redirect to one of our own pages, with a sentence about what was done, and how to take it back."""
    parts = urlsplit(to)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name not in ("done", "undo")]
    query.append(("done", done))
    if back is not None:
        query.append(("undo", written(back)))
    return redirect(parts._replace(query=urlencode(query)).geturl(), code=303)


def own_path(wanted: str, *, otherwise: str) -> str:
    """Return a path of this console, or another where the wanted one leads elsewhere."""
    parts = urlsplit(wanted)
    if parts.scheme or parts.netloc or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return otherwise
    return wanted


def free_day(refusals: Iterable[Refusal]) -> str | None:
    """Return the day that refusals offer instead, where there is one."""
    return next((str(one.words.parameters["free"]) for one in refusals if "free" in one.words.parameters), None)


def add_troubles(troubles: list[Refusal], more: Iterable[Refusal]) -> None:
    """Add what else is wrong, as far as nothing is said of its field yet."""
    for one in more:
        if all(one.field != other.field for other in troubles):
            troubles.append(one)


def first_by_field(refusals: list[Refusal]) -> dict[str, Refusal]:
    """Return the first refusal of each field, those of none under the empty name."""
    found: dict[str, Refusal] = {}
    for refusal in refusals:
        found.setdefault(refusal.field or "", refusal)
    return found
