"""The minutes of a meeting: written version by version, and handed out as 记录表, 签到表 and the summary after it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, g, render_template, request

from console import meeting_papers, office
from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward
from console.desk import ask, desk, now, settle
from console.exporting import being_made, may_wait, note_export
from console.fresh import fresh
from console.meeting_papers import Known, Person
from console.pages.meetings import place_of, session_of, visible
from console.paper_layouts import layout
from console.people import names_of
from console.tables import download, hand_out, show_text
from console.word import CONTENT_TYPE, Document
from console.wording import fully, t
from content import minutes as rules
from content import resolutions as decisions
from content.checkins import State as Standing
from content.decision import Refusal
from content.identifiers import OccurrenceId, OrganisationId, UserId
from content.meetings import Meeting
from content.minutes import Minutes, Part
from content.notices import State
from content.organisations import Kind, Right
from content.record_lines import Line, Sort
from storage import meetings, members, minutes, participation, record_lines, resolutions, session_choices
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("minutes", __name__)

_PDF = "application/pdf"


@pages.get("/meetings/<id>/minutes")
@requires(Right.READ_MEMBERS)
def show(id: str) -> str:  # noqa: A002
    """Show the minutes of a meeting with their versions, and the form in which its recorder writes them."""
    return _page(_held(id, Right.READ_MEMBERS))


@pages.post("/meetings/<id>/minutes")
@requires(Right.RECORD)
def write(id: str) -> Answer:  # noqa: A002
    """Keep what was written as a new version, as a draft or done."""
    one, user = _held(id, Right.RECORD), here().user
    texts = {part: request.form.get(part, "") for part in Part if part in request.form}
    done, ended = request.form.get("intent") == "done", request.form.get("ended", "").strip()
    seen = request.form.get("seen", "")
    ended_at = rules.end_of(one, ended) if ended else None

    async def decide(unit: Reading) -> Decided:
        known = await meetings.meeting(unit, one.id)
        if known is None or isinstance(ended_at, Refusal):
            return ended_at if isinstance(ended_at, Refusal) else None
        return rules.write(
            known,
            texts,
            ended_at=ended_at,
            done=done,
            versions=await minutes.versions(unit, one.id),
            seen=int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 6 else 0,
            by=user,
            now=unit.now,
        )

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _page(one, outcome.refusal), 422
    return onward(outcome, to=link("minutes.show", id=id), done="minutes_done" if done else "minutes_kept")


@pages.get("/meetings/<id>/minutes/record.docx")
@requires(Right.RECORD)
@fresh
def export_record(id: str) -> Response:  # noqa: A002
    """Give out 记录表 as a Word file."""
    one, document = _written(id)
    _note(one)
    return download(document.written(layout()), CONTENT_TYPE, f"zhibu-minutes-{one.id}.docx")


@pages.get("/meetings/<id>/minutes/print")
@requires(Right.RECORD)
@fresh
def print_record(id: str) -> str:  # noqa: A002
    """Show 记录表 as it is printed, or saved as a PDF."""
    one, document = _written(id)
    _note(one)
    back = link("minutes.show", id=one.id)
    return render_template("elections/print.html", document=document, copies=1, half=False, edge=False, back=back)


@pages.get("/meetings/<id>/minutes/record.pdf")
@requires(Right.RECORD)
@fresh
@may_wait("minutes")
def export_pdf(id: str) -> Response | str:  # noqa: A002
    """Have 记录表 made as a PDF in the background, where the machine has LibreOffice."""
    if office.program() is None:
        abort(404)
    making = being_made()
    if making is None:
        one = _held(id, Right.RECORD)
        path, back = link("minutes.export_pdf", id=one.id, org=one.organisation), link("minutes.show", id=one.id)
        return render_template("minutes/pdf.html", path=path, back=back)
    one, document = _written(id)
    made = office.to_pdf(document.written())
    making.rows, making.file = 1, f"zhibu-minutes-{one.id}.pdf"
    return Response(made, content_type=_PDF) if made is not None else Response(status=503)


@pages.get("/meetings/<id>/roll.<any(xlsx,csv,docx,text):format>")
@requires(Right.RECORD)
@fresh
def export_roll(id: str, format: str) -> Response:  # noqa: A002
    """Hand out 签到表."""
    one = _held(id, Right.RECORD)
    table = meeting_papers.roll(_known(one), desk().speech)
    footer = t("exports.footer", at=fully(now()), n=len(table.rows))
    response = hand_out(table, format, "roll", footer, back=link("minutes.show", id=id))
    g.taken_away = (request.endpoint, (one.organisation,))
    return response


@pages.get("/meetings/<id>/summary")
@requires(Right.RECORD)
@fresh
def summary(id: str) -> Response:  # noqa: A002
    """Show the summary after a meeting, to be copied into a chat."""
    one = _held(id, Right.RECORD)
    text = meeting_papers.summary(_known(one), desk().speech)
    response = show_text(t("minutes.summary"), text, "minutes", 1, back=link("minutes.show", id=id))
    g.taken_away = (request.endpoint, (one.organisation,))
    return response


def _note(one: Meeting) -> None:
    """Leave a row of record that a paper of a meeting is taken away, which names people of its own place alone."""
    note_export("minutes", 1)
    g.taken_away = (request.endpoint, (one.organisation,))


def _held(id: str, right: Right) -> Meeting:  # noqa: A002
    """Return a meeting that has begun, at which this person has a right; else there is nothing to find."""
    one = visible(id, right)
    if one.state not in (State.HELD, State.CLOSED):
        abort(404)
    return one


def _written(id: str) -> tuple[Meeting, Document]:  # noqa: A002
    one = _held(id, Right.RECORD)
    return one, meeting_papers.record(_known(one), desk().speech)


def _known(one: Meeting) -> Known:
    """Return all that the papers of a meeting say, reasons of leave among it."""
    place = place_of(one)
    groups = {node.id: node.name for node in here().nodes if node.kind is Kind.GROUP}
    recording = here().roots_for(Right.RECORD)
    return ask(lambda unit: _read(unit, one, place.name, groups, recording))


async def _read(
    unit: Reading,
    one: Meeting,
    organisation: str,
    groups: dict[OrganisationId, str],
    recording: tuple[OrganisationId, ...],
) -> Known:
    places = {place.member: place for place in await meetings.places(unit, one.id)}
    reasons = await participation.reasons(unit, recording, one.id)
    tasks = await resolutions.tasks_of_meeting(unit, one.id)
    chosen = await session_choices.of_meeting(unit, one.id) if one.further else {}
    named = {one.chair, one.recorder, *one.guests, *(task.member for task in tasks)} - {None}
    others = await members.by_ids(unit, {member for member in named if member is not None})
    return Known(
        meeting=one,
        organisation=organisation,
        people=tuple(
            Person(
                name=each.name,
                group=groups.get(each.organisation, ""),
                category=each.category,
                state=places[each.id].state,
                note=places[each.id].note,
                at=places[each.id].at if places[each.id].state is Standing.DONE else None,
                reason=reasons.get(each.id, ""),
                session=session_of(one, places[each.id], chosen.get(each.id)),
            )
            for each in await members.by_ids(unit, set(places))
            if places[each.id].state is not Standing.NOT_OFFERED
        ),
        names={each.id: each.name for each in others},
        floor=await meetings.floor(unit, one.id),
        resolutions=decisions.standing_of(await resolutions.of_meeting(unit, one.id)),
        tasks=tasks,
        minutes=await minutes.newest(unit, one.id),
    )


async def _versions(
    unit: Reading,
    id: OccurrenceId,  # noqa: A002
    *,
    keeps: bool,
) -> tuple[tuple[Minutes, ...], dict[UserId, str], tuple[Line, ...]]:
    """Return the versions, what who wrote them is called, and what speakers want in the minutes."""
    found = await minutes.versions(unit, id)
    said = await record_lines.of_meeting(unit, id) if keeps else ()
    speeches = tuple(each for each in said if each.sort is Sort.SPEECH)
    writers = [*(each.by for each in found), *(each.by for each in speeches)]
    return found, await names_of(unit, writers), speeches


def _page(one: Meeting, refusal: Refusal | None = None) -> str:
    keeps = Right.RECORD in here().rights_at(one.organisation)
    found, names, said = ask(lambda unit: _versions(unit, one.id, keeps=keeps))
    newest = found[0] if found else None
    ended: datetime | None = newest.ended_at if newest is not None else None
    refusals = [refusal] if refusal else []
    return render_template(
        "minutes/show.html",
        one=one,
        keeps=keeps,
        versions=found,
        newest=newest,
        names=names,
        said=said,
        parts=rules.parts_of(one.form),
        in_full=rules.IN_FULL,
        ended=ended.astimezone(ZoneInfo(one.timezone)).strftime("%H:%M") if ended is not None else "",
        typed=request.form if refusal is not None else None,
        to_pdf=office.program() is not None,
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
