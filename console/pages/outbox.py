"""The outbox: what waits, what was sent, what failed and why; failed things can be sent again or given up."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, settle
from console.pages.texts import COPIED
from content.decision import Decision, Refusal, refused
from content.identifiers import OutboxId
from content.organisations import Right
from storage import outbox, outbox_items
from storage.outbox import State
from storage.unit import Reading

pages = Blueprint("outbox", __name__)

TABS = {
    "waiting": (State.PENDING, State.LEASED),
    "sent": (State.SENT,),
    "failed": (State.FAILED, State.EXPIRED, State.CANCELLED),
}
RETRIED = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})
CANCELLED = frozenset({State.PENDING, State.FAILED, State.EXPIRED})
MOST_SHOWN = 200


@pages.get("/outbox")
@requires(Right.READ)
def show() -> str:
    """Show one of the three trays; whom a private answer went to is for those who see members by name."""
    tab = request.args.get("tab", "waiting")
    if tab not in TABS:
        abort(400)
    roots, by_name = here().roots, here().roots_for(Right.READ_MEMBERS)
    items = ask(lambda unit: outbox_items.items(unit, roots, states=TABS[tab], private=by_name, limit=MOST_SHOWN))
    numbers = ask(lambda unit: outbox_items.numbers(unit, roots, private=by_name))
    return render_template(
        "outbox/show.html",
        items=items,
        tab=tab,
        counts={name: sum(numbers.get(state, 0) for state in states) for name, states in TABS.items()},
        retried=RETRIED,
        cancelled=CANCELLED,
        copied=COPIED,
        may_change=here().may(Right.MANAGE_OUTBOX),
        most=MOST_SHOWN,
    )


@pages.post("/outbox/<id>/retry")
@requires(Right.MANAGE_OUTBOX)
def retry(id: str) -> Answer:  # noqa: A002
    """Try a row again."""
    roots = here().roots

    async def decide(unit: Reading) -> Decision | Refusal | None:
        item = await outbox_items.item(unit, roots, OutboxId(id))
        if item is None:
            return None
        if item.state not in RETRIED:
            return refused("outbox.not_failed")
        if item.over:
            return refused("outbox.over", title=item.title or "")
        return Decision(facts=(outbox.Retried(id=item.id, at=unit.now),))

    return onward(settle(decide, actor=here().user), to=link("outbox.show", tab="waiting"), done="retried")


@pages.post("/outbox/<id>/cancel")
@requires(Right.MANAGE_OUTBOX)
def cancel(id: str) -> Answer:  # noqa: A002
    """Take a row back."""
    roots = here().roots

    async def decide(unit: Reading) -> Decision | Refusal | None:
        item = await outbox_items.item(unit, roots, OutboxId(id))
        if item is None:
            return None
        if item.state not in CANCELLED:
            return refused("outbox.not_cancellable")
        return Decision(facts=(outbox.Cancelled(id=item.id, at=unit.now),))

    return onward(settle(decide, actor=here().user), to=link("outbox.show", tab="failed"), done="taken_back")
