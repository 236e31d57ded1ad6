"""Lets the list on a page leave in every form: the page is made as always, and the file is read out of it.

So a file holds what who asks for it sees, by the same right, place and filter, and no page says it in a second way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import abort, current_app, make_response, request

from console.addresses import link
from console.answering import Answer
from console.desk import now
from console.fresh import fresh_with
from console.shown_tables import ShownTable, read_tables, together
from console.tables import Table, hand_out
from console.wording import fully, t
from content.exports import LONG

View = TypeVar("View", bound=Callable[..., Any])

FORMATS = ("xlsx", "csv", "docx", "text")
AS = "as"
"""What the address of a page says where its list is to leave."""

_TABLE = "table"
_WHAT = "zhibu_leaves"
_NOT_CARRIED = frozenset({AS, _TABLE, "after", "before", "done", "undo"})


def leaves(what: str, *, names: bool = False) -> Callable[[View], View]:
    """Mark a page whose list may leave; where it ``names`` people, only for who has just shown their second factor."""

    def mark(view: View) -> View:
        @wraps(view)
        def page(**values: Any) -> Answer:
            answer: Answer = view(**values)
            form = request.args.get(AS)
            if form is None or request.method != "GET":
                return answer
            return _handed_out(answer, form, what)

        setattr(page, _WHAT, what)
        return cast(View, fresh_with(AS)(page) if names else page)

    return mark


def up_to(number: int) -> int:
    """Return how many rows a page shows: its number, and where they leave as many as somebody would wait for.

    One more leaves than the file holds, so that it can say that there are more.
    """
    return LONG + 1 if AS in request.args else number


def what_leaves(endpoint: str) -> str | None:
    """Return as what the list of a page leaves, ``None`` for a page whose list does not."""
    return getattr(current_app.view_functions[endpoint], _WHAT, None)


def ways_out(table: str | None = None) -> tuple[tuple[str, str], ...]:
    """Return each form, and the address at which the list of the page that is shown leaves in it.

    A page that answers a form that was sent has no such address.
    """
    if request.method != "GET":
        return ()
    page = request.endpoint or ""
    return tuple((form, link(page, **_page(), **{AS: form, _TABLE: table})) for form in FORMATS)


def _page() -> dict[str, Any]:
    carried = {name: value for name, value in request.args.items() if name not in _NOT_CARRIED}
    return carried | (request.view_args or {})


def _handed_out(answer: Answer, form: str, what: str) -> Answer:
    page = make_response(answer)
    if page.status_code != 200:
        return page
    if form not in FORMATS:
        abort(400)
    found = _chosen(read_tables(page.get_data(as_text=True), nothing=t("frame.none")))
    if found is None:
        abort(404)
    title = found.caption or t(f"exports.what_{what}")
    table = Table(title=title, header=found.header, rows=found.rows[:LONG])
    said = "exports.footer" if len(found.rows) <= LONG else "exports.footer_cut"
    footer = t(said, at=fully(now()), n=len(table.rows))
    return hand_out(table, form, what, footer, back=link(request.endpoint or "", **_page()), at_once=True)


def _chosen(tables: tuple[ShownTable, ...]) -> ShownTable | None:
    wanted = request.args.get(_TABLE)
    if wanted is not None:
        return next((one for one in tables if one.caption == wanted), None)
    return together(tables, where=t("tables.where"))
