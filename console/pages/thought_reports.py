"""思想汇报: on which day each came; the words only to whoever keeps contact with its author and to the secretary."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flask import Blueprint, abort, g, render_template, request

from console.access import Here, here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward
from console.desk import ask, settle
from console.leaving_tables import leaves, up_to
from content import thought_reports as rules
from content.decision import Refusal
from content.identifiers import ThoughtReportId, UserId
from content.members import Member
from content.organisations import Right
from content.thought_reports import ThoughtReport
from storage import away, members, organisations
from storage import thought_reports as stored
from storage.store import Answer as Decided
from storage.thought_reports import Line
from storage.unit import Reading

pages = Blueprint("thought_reports", __name__)

MOST_SHOWN = 100


@pages.get("/thought-reports")
@requires(Right.READ)
@leaves("thought_reports", names=True)
def show() -> str:
    """Show which reports came when, to who sees the roster; to others those of the people they keep contact with."""
    at = here()

    async def look(unit: Reading) -> tuple[Line, ...]:
        seen = at.roots_for(Right.READ_MEMBERS)
        found = await stored.lines(unit, seen, limit=up_to(MOST_SHOWN)) if seen else ()
        own = await stored.lines(unit, at.roots, contact=at.user, limit=up_to(MOST_SHOWN))
        known = {one.report.id: one for one in (*found, *own)}
        return tuple(sorted(known.values(), key=_when, reverse=True)[: up_to(MOST_SHOWN)])

    lines = ask(look)
    opens = {one.report.id for one in lines if _may_open(one)}
    return render_template("thought_reports/show.html", lines=lines, opens=opens, days=rules.KEPT.days)


def _when(line: Line) -> tuple[str, str]:
    return line.report.handed_in_at.isoformat() if line.report.handed_in_at else "", line.report.id


def _may_open(line: Line) -> bool:
    reads = Right.READ_REPORTS in here().rights_at(line.organisation)
    return line.author != here().user and (reads or line.reviewer == here().user)


@pages.get("/thought-reports/<id>")
@requires(Right.READ)
def show_one(id: str) -> Answer:  # noqa: A002
    """Open a report: the look is noted before the page is handed out."""
    return _page(ThoughtReportId(id), "")


@pages.post("/thought-reports/<id>/reply")
@requires(Right.READ)
def reply(id: str) -> Answer:  # noqa: A002
    """Reply once; the author reads it in private."""
    at, user, said = here(), here().user, request.form.get("reply", "").replace("\r\n", "\n")
    if ask(lambda unit: _openable(unit, ThoughtReportId(id), at)) is None:
        abort(404)

    async def decide(unit: Reading) -> Decided:
        found = await _openable(unit, ThoughtReportId(id), at)
        return rules.answer(*found, said, by=user, now=unit.now) if found is not None else None

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None and outcome.refusal.field is not None:
        return _page(ThoughtReportId(id), said, outcome.refusal)
    return onward(outcome, to=link("thought_reports.show_one", id=id), done="report_answered")


async def _openable(unit: Reading, id: ThoughtReportId, at: Here) -> tuple[ThoughtReport, Member] | None:  # noqa: A002
    """Return a report that was handed in and that the person may open, with its author."""
    report = await stored.report(unit, id)
    member = await members.member(unit, report.member) if report is not None else None
    while member is not None and member.merged_into is not None:
        member = await members.member(unit, member.merged_into)
    if report is None or member is None or report.handed_in_at is None:
        return None
    if not await organisations.stands_below(unit, member.organisation, at.roots):
        return None
    reads = await organisations.stands_below(unit, member.organisation, at.roots_for(Right.READ_REPORTS))
    reviewer: UserId | None = await away.reviewer(unit, member.id)
    may = rules.may_open(at.user, member=member, reviewer=reviewer, reads=reads)
    return (report, member) if may else None


def _page(id: ThoughtReportId, typed: str, refusal: Refusal | None = None) -> Answer:  # noqa: A002
    at = here()

    async def look(unit: Reading) -> tuple[ThoughtReport, Member, str, tuple[str, ...], str | None] | None:
        found = await _openable(unit, id, at)
        if found is None:
            return None
        place = await organisations.organisation(unit, found[1].organisation)
        return *found, place.timezone if place is not None else "UTC", *await stored.words_of(unit, found[0])

    found = ask(look)
    if found is None:
        abort(404)
    report, member, zone, texts, answer = found
    came = report.handed_in_at
    g.looked_at = ("thought_report", member.id, id, came.astimezone(ZoneInfo(zone)).date() if came else None)
    refusals = [refusal] if refusal else []
    page = render_template(
        "thought_reports/one.html",
        report=report,
        member=member,
        texts=texts,
        answer=answer,
        typed=typed,
        most=rules.LONGEST_REPLY,
        days=rules.KEPT.days,
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
    return (page, 422) if refusals else page
