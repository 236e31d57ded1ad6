"""Takes tables away: notes each in the record, and has the long ones made in the background for who asked for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from flask import current_app, g, request
from msgspec import Struct
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from console.access import here, right_of
from console.proving import record
from content.decision import Decision
from content.exports import Exported
from content.identifiers import OrganisationId
from content.organisations import Right
from storage.unit import Reading

View = TypeVar("View", bound=Callable[..., Any])

ASKED = "zhibu_exports"
"""Under which name the pages tell the worker beside them that a file was asked for."""

_MAY_WAIT = "zhibu_may_wait"


def note_export(what: str, rows: int) -> None:
    """Leave a row of record that the person takes a table away."""

    async def decide(_unit: Reading) -> Decision:
        return Decision(facts=(Exported(what=what, rows=rows, place=place),))

    at = here()
    place = only(at.roots)
    record(f"export:{what}", decide, actor=at.user)
    g.taken_away = (request.endpoint, at.roots)


def only(roots: Sequence[OrganisationId]) -> OrganisationId | None:
    """Return the one organisation of which a table speaks, ``None`` where it speaks of several."""
    return roots[0] if len(roots) == 1 else None


def may_wait(what: str) -> Callable[[View], View]:
    """Mark a route whose table may be made in the background; ``what`` names the table by the parts of the address."""

    def mark(view: View) -> View:
        setattr(view, _MAY_WAIT, what)
        return view

    return mark


class Target(Struct, frozen=True, kw_only=True):
    """The route that makes a table: which right it takes, and at which organisation it was asked for."""

    endpoint: str
    values: dict[str, Any]
    what: str
    right: Right
    place: str


def target(path: str) -> Target | None:
    """Return the route that an address leads to, if it is one whose table may be made in the background."""
    parts = urlsplit(path)
    try:
        endpoint, values = current_app.url_map.bind("").match(parts.path, method="GET")
    except (HTTPException, RequestRedirect):
        return None
    what, right = getattr(current_app.view_functions[endpoint], _MAY_WAIT, None), right_of(endpoint)
    if what is None or right is None:
        return None
    place = parse_qs(parts.query).get("org", [""])[0]
    return Target(endpoint=endpoint, values=dict(values), what=what.format(**values), right=right, place=place)


class Making:
    """A file that is being made; ``tell`` is told how many of its rows are there."""

    def __init__(self, tell: Callable[[int, int], None]) -> None:
        self.tell = tell
        self.rows = 0
        self.file = ""


def being_made() -> Making | None:
    """Return the file for which this is done in the background, ``None`` where somebody waits for the page."""
    return g.get("making")  # type: ignore[no-any-return]


def progress(done: int, total: int) -> None:
    """Say how many rows are there, where the file is made in the background."""
    making = being_made()
    if making is not None:
        making.tell(done, total)
