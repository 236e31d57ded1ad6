"""What every page works with: the store behind the bridge, words, settings, and the one way to change things."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Protocol, TypeVar, cast

from flask import abort, current_app, g, redirect, request, url_for
from msgspec import Struct

from console.bridge import Bridge
from console.settings import ConsoleSettings
from console.shelf import Shelf
from content.identifiers import Cause, UserId
from content.speech import Speech
from storage import audit
from storage.store import Answer, Decide, Outcome, Step, Store
from storage.unit import Reading

T = TypeVar("T")

_NONCE = re.compile(r"[A-Za-z0-9_-]{24}")

_CAUSE = "zhibu.cause"

MOST_TIMES = 50
"""So often a form can be refused and sent again from the page that it was refused on."""


class Desk(Struct, frozen=True, kw_only=True):
    """Everything that the pages share."""

    store: Store
    bridge: Bridge
    speech: Speech
    settings: ConsoleSettings
    shelf: Shelf
    still: Callable[[], float]
    """For how many seconds the loop has not turned."""


class Stands(Enum):
    """Whether who asks may still do so at the moment of deciding."""

    YES = "yes"
    SIGNED_OUT = "signed_out"
    OTHERWISE = "otherwise"
    """Their duties are others than they were when the request came."""


class Standing(Protocol):
    """By which session and duties a request was let through."""

    async def holds(self, unit: Reading) -> Stands:
        """Tell whether that is still so."""


def desk() -> Desk:
    """Return the desk of the application that answers this request."""
    return cast(Desk, current_app.extensions["zhibu"])


def now() -> datetime:
    """Return the present instant by the store's clock."""
    return desk().store.now()


def ask(question: Callable[[Reading], Awaitable[T]]) -> T:
    """Answer a question from one consistent view of the store, on this page's own thread."""
    return desk().store.look(question)


def cause() -> Cause:
    """Return what the form of this request makes happen once; a form without its mark is refused.

    What was refused has not happened: the same form, gone back to and put right, asks for it anew.
    """
    if _CAUSE not in request.environ:
        nonce = request.form.get("nonce", "")
        if not _NONCE.fullmatch(nonce):
            abort(400)
        times = [Cause(f"form:{nonce}"), *(Cause(f"form:{nonce}~{time}") for time in range(2, MOST_TIMES + 1))]
        known = ask(lambda unit: audit.seen(unit, times))
        request.environ[_CAUSE] = next((one for one in times if known.get(one) != audit.REFUSED), times[-1])
    made: Cause = request.environ[_CAUSE]
    return made


def is_done() -> bool:
    """Tell whether this request's form has had its effect already, before anything it needs is looked for."""
    by_form = cause()
    return by_form in ask(lambda unit: audit.seen(unit, [by_form]))


def settle(decide: Decide, *, actor: UserId | None) -> Outcome:
    """Decide what this request's form asks for, once however often it arrives; ``None`` as the answer is a 404."""
    outcome = settle_as(cause(), decide, actor=actor)
    if outcome.answer is None and not outcome.repeated:
        abort(404)
    return outcome


def settle_as(cause: Cause, decide: Decide, *, actor: UserId | None) -> Outcome:
    """Decide something under a cause, if who asks may still do so by then; a rule that breaks lets nobody past.

    A form may take long to come in, and its person may have been signed out meanwhile or hold other duties: that is
    looked at again in the transaction that decides.
    """
    (outcome,) = settle_together((cause, decide), actor=actor)
    return outcome


def settle_together(*asked: tuple[Cause, Decide], actor: UserId | None) -> tuple[Outcome, ...]:
    """Decide several things in order, each under its cause, with nobody in between."""
    standing: Standing | None = g.get("standing")
    stands = Stands.YES

    async def decide_still(decide: Decide, unit: Reading) -> Answer:
        nonlocal stands
        stands = await standing.holds(unit) if standing is not None else Stands.YES
        return await decide(unit) if stands is Stands.YES else None

    steps = [Step(cause=cause, actor=actor, decide=partial(decide_still, decide)) for cause, decide in asked]
    outcomes = desk().bridge(desk().store.settle(steps))
    if any(outcome.failed for outcome in outcomes):
        abort(500)
    if stands is Stands.SIGNED_OUT:
        abort(redirect(url_for("sign_in.explain"), code=303))
    if stands is Stands.OTHERWISE:
        abort(403)
    return outcomes
