"""One member's dues at the desk: what is fixed, the months, every entry, and putting one right by its reversal."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, abort, render_template

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, not_done, onward
from console.desk import ask, cause, settle
from console.dues_places import branch, fen, how, known, payer, typed
from console.people import names_of
from console.wording import today
from content import dues as rules
from content import dues_ledger as ledger
from content.decision import Refusal, refused
from content.dues import (
    LONGEST_TEXT,
    Category,
    Kind,
    Month,
    State,
    Wanted,
    count_of,
    is_month,
    month_at,
    month_of,
    rate_of,
    written,
)
from content.dues_handovers import handed_over
from content.dues_ledger import Entry, Method, Sort
from content.identifiers import DuesEntryId, MemberId, OrganisationId, UserId
from content.members import Member
from content.organisations import Right
from storage import dues, dues_shares, members
from storage.dues import Line
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("dues_members", __name__)

MONTHS_SHOWN = 24


@pages.get("/dues/members/<id>")
@requires(Right.HANDLE_DUES)
def show(id: str) -> str:  # noqa: A002
    """Show one member's months and entries, with what may be done about them."""
    place, day = branch(), today()
    first, last = month_at(count_of(month_of(day)) - MONTHS_SHOWN + 1), month_of(day)

    async def look(unit: Reading) -> tuple[Line, tuple[Entry, ...], dict[UserId, str]] | None:
        member = await known(unit, id, place.id)
        if member is None:
            return None
        line, entries = await dues_shares.line(unit, member, place.id, first=first, last=last)
        if not line.moved:
            entries = await dues.entries(unit, member=member.id)
            line = await dues.line(unit, member, first=first, last=last)
        users = [*(one.by for one in entries), *(one.by for one in line.assessments)]
        return line, entries, await names_of(unit, users)

    found = ask(look)
    if found is None:
        abort(404)
    line, entries, names = found
    closed = ask(lambda unit: _handed_over(unit, place.id))
    gone = {one.reverses for one in entries}
    return render_template(
        "dues/member.html",
        line=line,
        place=place,
        entries=entries[::-1],
        names=names,
        may_reverse={
            one.id
            for one in entries
            if one.sort is not Sort.REVERSAL
            and one.id not in gone
            and one.organisation == place.id
            and one.id not in closed
        },
        gone=gone,
        months=_told(line.months)[::-1],
        kinds=tuple(Kind),
        categories=tuple(Category),
        methods=tuple(Method),
        written=written,
        rate_of=rate_of,
        stretches=rules.stretches(line.assessments),
        today=day,
        month=last,
        longest=LONGEST_TEXT,
        own=place.id,
    )


def _told(months: Sequence[Month]) -> Sequence[Month]:
    """Return the months of which there is something to say: from the first that was fixed, or paid, to the last."""
    first = next((place for place, one in enumerate(months) if one.state is not State.UNKNOWN or one.paid), -1)
    return months[first:]


@pages.post("/dues/members/<id>/assess")
@requires(Right.HANDLE_DUES)
def assess(id: str) -> Answer:  # noqa: A002
    """Fix what a member owes; the base is reckoned with and forgotten."""
    place, user, day, by_form = branch(), here().user, today(), cause()
    if typed("kind") not in set(Kind) or typed("category") not in set(Category):
        abort(400)
    wanted = Wanted(
        kind=Kind(typed("kind")),
        category=Category(typed("category")),
        base=typed("base"),
        since=typed("since").strip(),
        note=typed("note"),
    )

    async def decide(unit: Reading) -> Decided:
        member = await payer(unit, id, place.id)
        if member is None:
            return None
        before = (await dues.line(unit, member, first=month_of(day), last=month_of(day))).assessments
        return rules.assess(member, place.id, wanted, before, by=user, cause=by_form, now=unit.now, today=day)

    return onward(settle(decide, actor=user), to=link("dues_members.show", id=id), done="dues_assessed")


@pages.post("/dues/members/<id>/extra")
@requires(Right.HANDLE_DUES)
def give_extra(id: str) -> Answer:  # noqa: A002
    """Enter what a member gave beyond their dues."""
    place, user, day, by_form = branch(), here().user, today(), cause()
    back, found, same = link("dues_members.show", id=id), fen("sum"), how()
    if isinstance(found, Refusal):
        return not_done(found, to=back)
    if isinstance(same, Refusal):
        return not_done(same, to=back)
    receipt, sum_given, given = typed("receipt"), found, same

    async def decide(unit: Reading) -> Decided:
        member = await payer(unit, id, place.id)
        if member is None:
            return None
        return ledger.give_extra(
            member,
            place.id,
            sum_given,
            given,
            receipt,
            by=user,
            cause=by_form,
            now=unit.now,
            today=day,
        )

    return onward(settle(decide, actor=user), to=back, done="dues_paid")


@pages.post("/dues/members/<id>/refund")
@requires(Right.HANDLE_DUES)
def refund(id: str) -> Answer:  # noqa: A002
    """Enter that money was given back to a member, never more than was paid."""
    place, user, day, by_form, wanted = branch(), here().user, today(), cause(), typed("month")
    back, found, same = link("dues_members.show", id=id), fen("sum"), how()
    if isinstance(found, Refusal):
        return not_done(found, to=back)
    if isinstance(same, Refusal):
        return not_done(same, to=back)
    if not is_month(wanted):
        return not_done(refused("dues.no_month", field="month"), to=back)
    sum_back, given = found, same

    async def decide(unit: Reading) -> Decided:
        member = await known(unit, id, place.id)
        if member is None:
            return None
        return ledger.refund(
            member,
            place.id,
            wanted,
            sum_back,
            given,
            paid=await dues.paid_for(unit, member, wanted, place.id),
            by=user,
            cause=by_form,
            now=unit.now,
            today=day,
        )

    return onward(settle(decide, actor=user), to=back, done="dues_refunded")


@pages.post("/dues/entries/<id>/back")
@requires(Right.HANDLE_DUES)
def reverse(id: str) -> Answer:  # noqa: A002
    """Take an entry back by its reversal, with the reason."""
    place, user, by_form, reason = branch(), here().user, cause(), typed("reason")
    before = ask(lambda unit: _own_entry(unit, id, place.id))
    if before is None:
        abort(404)

    async def decide(unit: Reading) -> Decided:
        found = await _own_entry(unit, id, place.id)
        if found is None:
            return None
        entry, member = found
        return ledger.reverse(
            entry,
            reason,
            reversed_already=await dues.is_reversed(unit, entry.id),
            is_handed_over=entry.id in await _handed_over(unit, place.id),
            paid=await dues.paid_for(unit, member, entry.month, place.id),
            by=user,
            cause=by_form,
            now=unit.now,
        )

    return onward(settle(decide, actor=user), to=link("dues_members.show", id=before[1].id), done="dues_reversed")


async def _handed_over(unit: Reading, at: OrganisationId) -> frozenset[DuesEntryId]:
    return handed_over(await dues.ledger(unit, at), await dues.handovers(unit, at))


async def _own_entry(unit: Reading, id: str, at: OrganisationId) -> tuple[Entry, Member] | None:  # noqa: A002
    """Return an entry of a branch with whose it is by now, where that entry of the roster was merged into another."""
    entry = await dues.entry(unit, id)
    if entry is None or entry.organisation != at:
        return None
    member, seen = await members.member(unit, entry.member), set[MemberId]()
    while member is not None and member.merged_into and member.id not in seen:
        seen.add(member.id)
        member = await members.member(unit, MemberId(member.merged_into))
    return (entry, member) if member is not None else None
