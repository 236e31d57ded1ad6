"""What a branch hands over of its dues (上缴), and its four sheets, for who handles them alone."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, render_template

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, not_done, onward
from console.desk import ask, cause, settle
from console.dues_places import branch, day, fen, month, typed
from console.dues_sheets import assessments, handed_over, month_ledger, year_ledger
from console.fresh import fresh
from console.people import names_of
from console.tables import Table, hand_out
from console.wording import t, today
from content import dues_handovers as rules
from content.decision import Refusal
from content.dues import LONGEST_TEXT, month_of, written
from content.dues_handovers import Figures, Handover
from content.dues_ledger import Entry
from content.identifiers import OrganisationId
from content.organisations import Right
from storage import dues, dues_notes, dues_shares
from storage.dues import Sums
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("dues_handovers", __name__)


@pages.get("/dues/handovers")
@requires(Right.HANDLE_DUES)
def show() -> str:
    """Show what lies with the branch, for how many days, and what was handed over when."""
    place, on = branch(), today()

    async def look(unit: Reading) -> tuple[Sums, tuple[Handover, ...]]:
        return await dues.sums(unit, place.id), await dues.handovers(unit, place.id)

    sums, handovers = ask(look)
    held = sums.own - sum(one.handed for one in handovers)
    standing = rules.in_force(handovers)
    gone = {one.reverses for one in handovers if one.reverses is not None}
    return render_template(
        "dues/handovers.html",
        place=place,
        handovers=handovers[::-1],
        newest=standing[-1].id if standing else None,
        gone=gone,
        held=held,
        central=sums.central,
        days=rules.days_held(held, sums.first, handovers, on),
        most_days=rules.MOST_HELD_DAYS,
        today=on,
        month=month_of(on),
        year=on.year,
        written=written,
        longest=LONGEST_TEXT,
        names=ask(lambda unit: names_of(unit, [one.by for one in handovers])),
        payee=ask(lambda unit: dues_notes.handler_name(unit, place.id)),
    )


@pages.post("/dues/handovers/new")
@requires(Right.HANDLE_DUES)
def add() -> Answer:
    """Enter that dues were handed over; what is in it is then closed."""
    place, user, present, by_form = branch(), here().user, today(), cause()
    back, found, on, through = link("dues_handovers.show"), fen("sum"), day("on"), day("through")
    texts = {name: typed(name) for name in ("receiver", "receipt", "handler")}
    if isinstance(through, Refusal):
        return not_done(through, to=back)
    if isinstance(on, Refusal):
        return not_done(on, to=back)
    if isinstance(found, Refusal):
        return not_done(found, to=back)
    handed, on_day, through_day = found, on, through

    async def decide(unit: Reading) -> Decided:
        before, entries = await dues.handovers(unit, place.id), await dues.ledger(unit, place.id)
        return rules.hand_over(
            place.id,
            through_day,
            on_day,
            handed,
            texts,
            await _figures(unit, place.id, through_day, before, entries),
            entries,
            before,
            by=user,
            cause=by_form,
            now=unit.now,
            today=present,
        )

    return onward(settle(decide, actor=user), to=back, done="dues_handed_over")


async def _figures(
    unit: Reading,
    place: OrganisationId,
    through: date,
    before: tuple[Handover, ...],
    entries: tuple[Entry, ...],
) -> Figures:
    """Count of whom something was due in the months that none before spoke of, and who has paid what is in it."""
    came = rules.coming(entries, before, through)
    span = rules.months_reckoned(came, before, through)
    due = list[int]()
    if span is not None:
        lines = await dues.lines(unit, await dues.payers(unit, place), first=span[0], last=span[1])
        due = [sum(one.due for one in line.months) for line in lines]
    paid = dict[str, int]()
    for one in came:
        if one.month is not None:
            paid[one.member] = paid.get(one.member, 0) + one.fen
    return Figures(
        due_people=sum(fen > 0 for fen in due), paid_people=sum(fen > 0 for fen in paid.values()), due=sum(due)
    )


@pages.post("/dues/handovers/<id>/back")
@requires(Right.HANDLE_DUES)
def take_back(id: str) -> Answer:  # noqa: A002
    """Take the newest entry of a hand-over back, with the reason."""
    place, user, by_form, reason = branch(), here().user, cause(), typed("reason")

    async def decide(unit: Reading) -> Decided:
        before = await dues.handovers(unit, place.id)
        one = next((one for one in before if one.id == id), None)
        if one is None:
            return None
        return rules.take_back(one, before, reason, by=user, cause=by_form, now=unit.now)

    return onward(settle(decide, actor=user), to=link("dues_handovers.show"), done="dues_reversed")


@pages.get("/dues/export/<any(assessments,year,month,handovers):sheet>.<any(xlsx,csv,docx,text):format>")
@requires(Right.HANDLE_DUES)
@fresh
def export(sheet: str, format: str) -> Response:  # noqa: A002
    """Hand out one of the four sheets of a branch's dues; the column of bases is empty, since none is kept."""
    place, wanted = branch(), month()
    table = ask(lambda unit: _sheet(unit, sheet, place.id, wanted))
    footer = t("dues.footer", day=today().isoformat())
    back = link("dues.show", month=wanted)
    return hand_out(table, format, f"dues_{sheet}", footer, back=back, at_once=True)


async def _sheet(unit: Reading, sheet: str, place: OrganisationId, wanted: str) -> Table:
    if sheet == "assessments":
        people = await dues.payers(unit, place)
        return assessments(await dues.lines(unit, people, first=wanted, last=wanted), wanted)
    if sheet == "year":
        year = wanted[:4]
        return year_ledger(*await dues_shares.sheet(unit, place, first=f"{year}-01", last=f"{year}-12"), year)
    if sheet == "month":
        return month_ledger(*await dues_shares.sheet(unit, place, first=wanted, last=wanted), wanted)
    return handed_over(await dues.handovers(unit, place))
