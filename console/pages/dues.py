"""Dues at the desk: a month of a branch by name to who handles it, payments entered together, counts to those above."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, not_done, onward
from console.desk import ask, cause, settle
from console.dues_places import branch, fen, found_branch, handled, how, month, typed
from console.wording import today
from content import dues as rules
from content import dues_handovers
from content import dues_ledger as ledger
from content.decision import Refusal, refused
from content.dues import LONGEST_TEXT, LONGEST_WAY, State, count_of, is_month, month_at, month_of, written
from content.dues_handovers import Handover
from content.dues_ledger import Method, Paying
from content.identifiers import MemberId, OrganisationId
from content.organisations import Kind, Right
from content.rooms import Purpose, Room
from storage import burden, dues, dues_notes, dues_questions, dues_shares, quiet, rooms
from storage.dues import Line, Sums
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("dues", __name__)

MOST_BRANCHES = 60
"""Of so many branches one page counts; for more one chooses a place first."""

MONTHS_OFFERED = 13


class Row(Struct, frozen=True, kw_only=True):
    """One member in the month that is shown: how it stands, and whether a payment for it would be long overdue."""

    line: Line
    one: rules.Month | None
    long_back: bool


@pages.get("/dues")
@requires(Right.HANDLE_DUES)
def show() -> str:
    """Show a month of the branch whose dues the person handles; else counts of the branches below, and no names."""
    place = found_branch()
    if place is None:
        return _overview()
    wanted, day = month(), today()

    async def look(unit: Reading) -> tuple[tuple[Line, ...], Sums, tuple[Handover, ...]]:
        lines, _ = await dues_shares.sheet(unit, place.id, first=wanted, last=wanted)
        return lines, await dues.sums(unit, place.id), await dues.handovers(unit, place.id)

    lines, sums, handovers = ask(look)
    held = sums.own - sum(one.handed for one in handovers)
    g.looked_at_all = ("dues", place.id)
    rows = [
        Row(line=one, one=next(iter(one.months), None), long_back=ledger.is_long_back(wanted, day)) for one in lines
    ]
    return render_template(
        "dues/show.html",
        place=place,
        rows=rows,
        count=dues.count([one for one in lines if one.pays], wanted),
        month=wanted,
        offered=_offered(),
        today=day,
        methods=tuple(Method),
        written=written,
        states=State,
        way=ask(lambda unit: dues.way(unit, place.id)),
        payee=ask(lambda unit: dues_notes.handler_name(unit, place.id)),
        questions=ask(lambda unit: dues_questions.questions(unit, place.id)),
        held=held,
        days=dues_handovers.days_held(held, sums.first, handovers, day),
        most_days=dues_handovers.MOST_HELD_DAYS,
        longest=LONGEST_TEXT,
        longest_way=LONGEST_WAY,
    )


def _overview() -> str:
    """Show of each branch of how many members something is due and how many have paid."""
    wanted, mine = month(), {node.id for node in handled(here())}
    nodes = [node for node in here().within(Right.HANDLE_DUES) if node.kind is Kind.BRANCH and node.closed is None]

    shown = nodes if len(nodes) <= MOST_BRANCHES else []
    counts = ask(lambda unit: dues.counts(unit, [node.id for node in shown], wanted))
    return render_template(
        "dues/counts.html",
        counts=[(node, counts[node.id]) for node in shown],
        mine=mine,
        month=wanted,
        offered=_offered(),
        many=len(nodes) > MOST_BRANCHES,
        most=MOST_BRANCHES,
    )


@pages.post("/dues/pay")
@requires(Right.HANDLE_DUES)
def pay() -> Answer:
    """Enter the payments of everyone who is ticked, all or none."""
    place, wanted = branch(), typed("month")
    if not is_month(wanted):
        return not_done(refused("dues.no_month"), to=link("dues.show"))
    back, day, user, by_form = link("dues.show", month=wanted), today(), here().user, cause()
    same = how()
    sums = {MemberId(one): fen(f"sum-{one}") for one in dict.fromkeys(request.form.getlist("member"))}
    wrong = next((one for one in (same, *sums.values()) if isinstance(one, Refusal)), None)
    if wrong is not None or isinstance(same, Refusal):
        return not_done(wrong or refused("dues.no_day"), to=back)
    receipts = {one: typed(f"receipt-{one}") for one in sums}

    async def decide(unit: Reading) -> Decided:
        lines = await dues.lines(unit, await dues.payers(unit, place.id), first=wanted, last=wanted)
        known = {one.member.id: one for one in lines}
        if any(one not in known or not known[one].months for one in sums):
            return refused("dues.not_here")
        several = [
            Paying(member=known[one].member, month=known[one].months[0], fen=found, receipt=receipts[one])
            for one, found in sums.items()
            if isinstance(found, int)
        ]
        return ledger.pay(several, same, place.id, by=user, cause=by_form, now=unit.now, today=day)

    done = "dues_paid_late" if ledger.is_long_back(wanted, same.on) else "dues_paid"
    return onward(settle(decide, actor=user), to=back, done=done)


@pages.post("/dues/tell")
@requires(Right.HANDLE_DUES)
def tell() -> Answer:
    """Tell the branch's room how many have paid: a count, within the caps, and held by quiet hours."""
    place, wanted, day, user = branch(), typed("month"), today(), here().user
    back = link("dues.show", month=wanted if is_month(wanted) else None)
    if not is_month(wanted) or count_of(wanted) > count_of(month_of(day)):
        return not_done(refused("dues.no_month"), to=back)

    async def decide(unit: Reading) -> Decided:
        room = await _room(unit, place.id)
        if room is None:
            return refused("dues.no_room")
        refusal = await burden.refuse_live(unit, place.id, room.id, await quiet.free_for(unit, place.id, unit.now))
        if refusal is not None:
            return refusal
        people = await dues.payers(unit, place.id)
        found = dues.count(await dues.lines(unit, people, first=wanted, last=wanted), wanted)
        return ledger.tell_room(wanted, found.paid, found.due, room.id, place.id)

    return onward(settle(decide, actor=user), to=back, done="dues_told")


async def _room(unit: Reading, place: OrganisationId) -> Room | None:
    kept = await rooms.rooms_of(unit, [place])
    halls = [one for one, lost in kept if not lost and one.organisation == place and one.purpose is Purpose.BRANCH]
    return halls[0] if halls else None


@pages.post("/dues/way")
@requires(Right.HANDLE_DUES)
def set_way() -> Answer:
    """Say how dues are paid here, as members are told in private."""
    place, user, text = branch(), here().user, typed("way")

    async def decide(unit: Reading) -> Decided:
        return rules.set_way(place.id, text, by=user, now=unit.now)

    return onward(settle(decide, actor=user), to=link("dues.show"), done="saved")


@pages.post("/dues/questions/<id>")
@requires(Right.HANDLE_DUES)
def answer(id: str) -> Answer:  # noqa: A002
    """Answer what a member says is wrong."""
    place, user, text = branch(), here().user, typed(f"answer-{id}")

    async def decide(unit: Reading) -> Decided:
        one = await dues_questions.question(unit, id, place.id)
        return rules.settle_question(one, text, by=user) if one is not None else None

    return onward(settle(decide, actor=user), to=link("dues.show"), done="dues_answered")


def _offered() -> tuple[str, ...]:
    """Return the months that a page offers, the newest first."""
    last = count_of(month_of(today())) + 1
    return tuple(month_at(last - back) for back in range(MONTHS_OFFERED + 1))
