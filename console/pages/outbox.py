"""The outbox: what waits, what was sent, what failed and why; failed things can be sent again or given up."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, now, settle
from console.exporting import may_wait, progress
from console.fresh import fresh
from console.holding import hastening
from console.pages.texts import COPIED
from console.tables import Table, hand_out
from console.undoing import way_back
from console.wording import fully, local, t, t_or
from content import pace
from content.decision import Decision, Refusal, refused
from content.exports import MOST
from content.identifiers import OrganisationId, OutboxId, RoomId
from content.organisations import Right
from content.pace import Broadcast
from content.quiet import LONGEST_REASON
from content.rooms import Room
from storage import burden, outbox, outbox_items, polls, relocation
from storage import pace as stored_pace
from storage.outbox import Kind, State
from storage.unit import Reading

pages = Blueprint("outbox", __name__)

TABS = {
    "waiting": (State.PENDING, State.LEASED),
    "sent": (State.SENT,),
    "failed": (State.FAILED, State.EXPIRED, State.CANCELLED),
}
RETRIED = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})
CANCELLED = frozenset({State.PENDING, State.FAILED, State.EXPIRED})
PAGE_SIZE = 50
STRIDE = 1_000
"""Rows that are read at once where all of them go into a file."""
MOST_COUNTED = 1_000
"""A tray with more in it says "more than"; nobody reads the exact number, and counting years of mail takes long."""


@pages.get("/outbox")
@requires(Right.READ)
def show() -> str:
    """Show one of the three trays; whom a private answer went to is for those who see members by name."""
    tab = _tab()
    before = request.args.get("before", "")[:32]
    roots, by_name = here().roots, here().roots_for(Right.READ_MEMBERS)
    found, counts, moves = ask(lambda unit: _tray(unit, roots, by_name, tab, OutboxId(before) if before else None))
    items = found[:PAGE_SIZE]
    unlisted = ask(lambda unit: outbox_items.unlisted_failures(unit, roots)) if tab == "failed" else 0
    under_way = ask(lambda unit: _under_way(unit, roots)) if tab == "waiting" else None
    return render_template(
        "outbox/show.html",
        items=items,
        more=items[-1] if len(found) > len(items) else None,
        first_page=not before,
        tab=tab,
        counts=counts,
        unlisted=unlisted,
        most_counted=MOST_COUNTED,
        retried=RETRIED,
        cancelled=CANCELLED,
        copied=COPIED,
        moves=moves,
        under_way=under_way,
        may_change=here().may(Right.MANAGE_OUTBOX),
        now=now(),
        longest=LONGEST_REASON,
    )


@pages.get("/outbox/export.<any(xlsx,csv,docx,text):format>")
@requires(Right.READ)
@fresh
@may_wait("outbox")
def export(format: str) -> Response:  # noqa: A002
    """Hand out all rows of a tray, as the screen shows them page by page."""
    tab, roots, by_name = _tab(), here().roots, here().roots_for(Right.READ_MEMBERS)
    states = TABS[tab]
    number = ask(lambda unit: outbox_items.number(unit, roots, states=states, private=by_name, most=MOST + 1))

    def table() -> Table:
        rows: list[tuple[str | None, ...]] = []
        last: OutboxId | None = None
        while found := ask(partial(_stride, roots=roots, by_name=by_name, states=states, before=last)):
            rows += map(_cells, found)
            last = found[-1].id
            progress(len(rows), number)
        return Table(
            title=f"{t('nav.outbox')} · {t(f'outbox_page.tab_{tab}')}",
            header=(
                *(t("outbox_page.what"), t("outbox_page.to"), t("outbox_page.time")),
                *(t("outbox_page.state"), t("outbox_page.why")),
            ),
            rows=tuple(rows),
            footer=t("exports.footer", at=fully(now()), n=len(rows)),
        )

    return hand_out(table, format, "outbox", back=link("outbox.show", tab=tab), rows=number)


def _tab() -> str:
    tab = request.args.get("tab", "waiting")
    if tab not in TABS:
        abort(400)
    return tab


async def _stride(
    unit: Reading,
    roots: tuple[OrganisationId, ...],
    by_name: tuple[OrganisationId, ...],
    states: tuple[State, ...],
    before: OutboxId | None,
) -> tuple[outbox_items.Item, ...]:
    return await outbox_items.items(unit, roots, states=states, private=by_name, before=before, limit=STRIDE)


def _cells(item: outbox_items.Item) -> tuple[str | None, ...]:
    """Return what the screen says of a row."""
    kind = t(f"outbox_page.kind_{item.kind}")
    return (
        f"{kind} · {item.title}" if item.title else kind,
        item.branch_name or item.user or item.room or t("frame.none"),
        f"{local(item.done_at or item.not_before):%Y-%m-%d %H:%M}",
        t(f"outbox_page.state_{item.state}"),
        _why(item) or None,
    )


def _why(item: outbox_items.Item) -> str:
    """Say why a row was not sent, as ``outbox/why.html`` does, and how often it was tried."""
    said = ""
    if item.state is State.EXPIRED:
        said = t("outbox_page.expired")
    elif item.state is State.CANCELLED:
        said = t("outbox_page.cancelled")
    elif item.error:
        fault, _, code = item.error.partition(" ")
        said = f"{t_or(f'fault.{fault}', 'outbox_page.unknown_fault')} {code.partition(' ')[0]}".strip()
    tries = t("outbox_page.tries", n=item.failures) if item.failures and item.state is not State.SENT else ""
    return " ".join(filter(None, (said, tries)))


async def _tray(
    unit: Reading,
    roots: tuple[OrganisationId, ...],
    by_name: tuple[OrganisationId, ...],
    tab: str,
    before: OutboxId | None,
) -> tuple[tuple[outbox_items.Item, ...], dict[str, int], dict[OutboxId, tuple[Room, ...]]]:
    """Return a page of a tray with one row more, how many rows each tray holds, and where its rows may be moved."""
    items = await outbox_items.items(unit, roots, states=TABS[tab], private=by_name, before=before, limit=PAGE_SIZE + 1)
    counts = {
        name: await outbox_items.number(unit, roots, states=states, private=by_name, most=MOST_COUNTED)
        for name, states in TABS.items()
    }
    return items, counts, await relocation.choices(unit, items)


class UnderWay(Struct, frozen=True, kw_only=True):
    """What goes out to many rooms, each with when it will have arrived everywhere, ``None`` where that is not known."""

    broadcasts: tuple[tuple[Broadcast, datetime | None], ...]
    closed_until: datetime | None


async def _under_way(unit: Reading, roots: tuple[OrganisationId, ...]) -> UnderWay:
    closed, each = await stored_pace.closed_until(unit), pace.pace(await stored_pace.sent_lately(unit))
    return UnderWay(
        broadcasts=tuple(
            (one, pace.expected_end(one.ahead, each, closed_until=closed, now=unit.now))
            for one in await stored_pace.broadcasts(unit, roots)
        ),
        closed_until=closed,
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
        too_much = await _too_much(unit, item, again=True)
        return too_much or Decision(facts=(outbox.Retried(id=item.id, at=unit.now),))

    return onward(settle(decide, actor=here().user), to=link("outbox.show", tab="waiting"), done="retried")


@pages.post("/outbox/unlisted/retry")
@requires(Right.MANAGE_OUTBOX)
def retry_unlisted() -> Answer:
    """Try everything again that is listed nowhere; nobody learns to whom it goes, and none of it is chosen."""
    roots = here().roots_for(Right.MANAGE_OUTBOX)

    async def decide(unit: Reading) -> Decision | Refusal | None:
        if not await outbox_items.unlisted_failures(unit, roots):
            return refused("outbox.not_failed")
        return Decision(facts=(outbox.DiscreetRetried(roots=roots, at=unit.now),))

    return onward(settle(decide, actor=here().user), to=link("outbox.show", tab="failed"), done="retried")


@pages.post("/outbox/<id>/move")
@requires(Right.MANAGE_OUTBOX)
def move(id: str) -> Answer:  # noqa: A002
    """Have a card or a poll that reached its room not shown in another room of the same node."""
    roots, room = here().roots, request.form.get("room", "")

    async def decide(unit: Reading) -> Decision | Refusal | None:
        item = await outbox_items.item(unit, roots, OutboxId(id))
        if item is None:
            return None
        if item.over:
            return refused("outbox.over", title=item.title or "")
        rooms = (await relocation.choices(unit, [item])).get(item.id, ())
        if room not in {one.id for one in rooms}:
            return refused("outbox.not_there")
        too_much = await _too_much(unit, item, room=RoomId(room))
        return too_much or Decision(facts=(relocation.Moved(id=item.id, room=RoomId(room)),))

    return onward(settle(decide, actor=here().user), to=link("outbox.show", tab="waiting"), done="moved")


@pages.post("/outbox/<id>/hasten")
@requires(Right.MANAGE_OUTBOX)
def hasten(id: str) -> Answer:  # noqa: A002
    """Let what quiet hours hold go out now; why is kept with it."""
    roots, reason = here().roots, request.form.get("reason", "")

    async def decide(unit: Reading) -> Decision | Refusal | None:
        item = await outbox_items.item(unit, roots, OutboxId(id))
        if item is None:
            return None
        answer = hastening(item.id if item.held_at(unit.now) else None, reason, now=unit.now)
        return answer if isinstance(answer, Refusal) else await _too_much(unit, item) or answer

    return onward(settle(decide, actor=here().user), to=link("outbox.show", tab="waiting"), done="hastened")


async def _too_much(
    unit: Reading, item: outbox_items.Item, *, room: RoomId | None = None, again: bool = False
) -> Refusal | None:
    """Refuse a poll that would be one post too many in its room, or another, today; ``again`` is when it was to be."""
    poll = await polls.poll(unit, item.poll) if item.kind is Kind.POLL and item.poll is not None else None
    if poll is None:
        return None
    at = max(poll.opened_at or unit.now, unit.now) if again else unit.now
    return await burden.refuse_poll(unit, replace(poll, room=room or poll.room), at)


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

    return onward(
        settle(decide, actor=here().user),
        to=link("outbox.show", tab="failed"),
        done="taken_back",
        back=lambda: way_back("outbox.retry", id=id),
    )
