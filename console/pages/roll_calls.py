"""The roll of a meeting at the desk: called by hand or from a sheet, taken back, and signed by a code at the venue."""

from __future__ import annotations

import secrets
from datetime import timedelta

from flask import Blueprint, Response, make_response, render_template, request

from console.access import here, requires
from console.addresses import link
from console.answering import Answer
from console.desk import ask, cause, now
from console.pages.meetings import act, place_of, visible
from console.roll_forms import guests_in, marks_in, sessions_in
from console.sheet_limits import SheetProblem
from console.sheets import read_grid
from console.trusted import qr_picture
from console.undoing import way_back
from console.wording import t
from content import meetings as meeting_rules
from content import roll_calls as rules
from content import roll_sheets, venue_codes
from content.checkins import State as Standing
from content.decision import Refusal, refused
from content.franchise import roll_of
from content.identifiers import Cause, OccurrenceId
from content.meetings import Meeting
from content.notices import State
from content.occurrences import State as Notice
from content.organisations import Right
from content.roll_calls import Mark
from content.roll_sheets import Seat, Sheet
from storage import checkins, members, schedules, sync
from storage import meetings as stored
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("roll_calls", __name__)

LONGEST_FILE_NAME = 60

_UNDECIDED = (Standing.OPEN, Standing.UNANSWERED)
"""Who said that they come stands so until the notice closes, and so after it."""


@pages.post("/meetings/<id>/roll")
@requires(Right.RECORD)
def call(id: str) -> Answer:  # noqa: A002
    """Call the roll, and close it where that was asked for; who is left 未回 stays so, which is not absent."""
    marks, shown, came, intent = marks_in("mark-"), marks_in("was-"), guests_in(), request.form.get("intent")
    closes, all_coming = intent == "close", intent == "coming"
    sheet = request.form.get("sheet", "")[:LONGEST_FILE_NAME]
    how = t("roll_calls.from_sheet", name=sheet) if intent == "sheet" else t("meetings.called_at_the_roll")
    user, by_form, sessions = here().user, cause(), sessions_in()

    async def decide(known: Meeting, unit: Reading) -> Decided:
        places = await stored.expected(unit, known.id)
        undecided = [one for one in places if one.recorded_by is None and one.state in _UNDECIDED]
        said = {one.member: rules.mark_for(one.note) for one in undecided if one.note is not None}
        wanted, seen = (said, {}) if all_coming else (marks, shown)
        if closes:
            cards = await checkins.cards_of(unit, known.id)
            answer = rules.close(
                known, places, wanted, shown=seen, came=came, cards=cards, how=how, by=user, cause=by_form, now=unit.now
            )
        else:
            answer = rules.call_roll(
                known, places, wanted, shown=seen, came=came, how=how, by=user, cause=by_form, now=unit.now
            )
        return rules.at_sessions(known, places, answer, sessions, cause=by_form, now=unit.now)

    done = "meeting_closed" if closes else "roll_called"
    undo = None if closes else lambda: way_back("roll_calls.take_back", fields={"of": by_form}, id=id)
    return act(id, Right.RECORD, decide, done=done, back=undo)


@pages.post("/meetings/<id>/roll/back")
@requires(Right.RECORD)
def take_back(id: str) -> Answer:  # noqa: A002
    """Take back what one form put down on the roll: of each what stood before it stands again."""
    of = Cause(request.form.get("of", "")[:300])

    async def decide(known: Meeting, unit: Reading) -> Decided:
        places = [one for one in await stored.expected(unit, known.id) if one.decided_by == of and one.recorded_by]
        given = {one.member: await checkins.given(unit, known.id, one.member) for one in places}
        return rules.take_back(known, places, given, of=of, now=unit.now)

    return act(id, Right.RECORD, decide, done="roll_taken_back")


@pages.post("/meetings/<id>/begin")
@requires(Right.RECORD)
def begin(id: str) -> Answer:  # noqa: A002
    """Let a meeting have begun whose notice went nowhere, because it is held all the same."""

    async def decide(known: Meeting, unit: Reading) -> Decided:
        entry = await schedules.entry(unit, known.id)
        due = await stored.due(unit, known)
        people = await members.by_ids(unit, [seat.member for seat in due])
        notice = entry.occurrence.state if entry is not None else Notice.MISSED
        return meeting_rules.begin_unannounced(
            known, notice, due=due, register=roll_of(people, known.day), now=unit.now
        )

    return act(id, Right.RECORD, decide, done="meeting_begun")


@pages.route("/meetings/<id>/roll/sheet", methods=["GET", "POST"])
@requires(Right.RECORD)
def take_sheet(id: str) -> Answer:  # noqa: A002
    """Read a sheet on which people signed, and show what it would put down; nothing is put down by it alone."""
    one = visible(id, Right.RECORD)
    if request.method == "GET":
        return render_template("roll_calls/upload.html", one=one, refusals=[], by_field={})
    file = request.files.get("file")
    found = _read(one, file.read() if file is not None else b"", file.filename or "" if file is not None else "")
    if isinstance(found, Refusal):
        page = render_template("roll_calls/upload.html", one=one, refusals=[found], by_field={"file": found})
        return page, 422
    name = (file.filename or "" if file is not None else "")[:LONGEST_FILE_NAME]
    return render_template("roll_calls/look.html", one=one, sheet=found, name=name, marks=tuple(Mark))


def _read(one: Meeting, data: bytes, name: str) -> Sheet | Refusal:
    if one.state is not State.HELD:
        return refused("meeting.roll_is_closed" if one.state is State.CLOSED else "meeting.not_held")
    grid = read_grid(data, name)
    if isinstance(grid, SheetProblem):
        return Refusal(words=grid.words, field="file")
    seats = ask(lambda unit: _seats(unit, one.id))
    return roll_sheets.read(grid, seats) or refused("roll_calls.no_names", field="file")


async def _seats(unit: Reading, id: OccurrenceId) -> tuple[Seat, ...]:  # noqa: A002
    return tuple(
        Seat(member=each.member, name=each.name, mark=rules.mark_of(each.state, each.note))
        for each in await stored.expected(unit, id)
        if each.state is not Standing.NOT_OFFERED
    )


@pages.get("/meetings/<id>/code")
@requires(Right.RECORD)
def show_code(id: str) -> Response:  # noqa: A002
    """Show the code of the venue for a projector; the page comes anew by itself when the code changes."""
    one = visible(id, Right.RECORD)
    account, at = ask(sync.account), now()
    open_now = one.state in (State.PLANNED, State.HELD)
    shown = one.code_seed is not None and open_now
    page = render_template(
        "roll_calls/code.html",
        one=one,
        place=place_of(one),
        code=venue_codes.code_at(one.code_seed, at) if one.code_seed is not None else "",
        shown=shown,
        open_now=open_now,
        bot=account,
        picture=qr_picture(f"https://matrix.to/#/{account}") if shown and account is not None else None,
        lasts=int(venue_codes.STEP.total_seconds()),
    )
    response = make_response(page)
    if shown:
        wait = venue_codes.changes_in(at) + timedelta(seconds=1)
        response.headers["Refresh"] = str(int(wait.total_seconds()))
    return response


@pages.post("/meetings/<id>/code")
@requires(Right.RECORD)
def ask_code(id: str) -> Answer:  # noqa: A002
    """Have signing in take the code of the venue from now on, or no more."""
    ends, seed = request.form.get("intent") == "end", secrets.token_hex(16)

    async def decide(known: Meeting, unit: Reading) -> Decided:
        return venue_codes.end(known) if ends else venue_codes.show(known, seed)

    to = link("roll_calls.show_code", id=id)
    return act(id, Right.RECORD, decide, done="code_ended" if ends else "code_shown", to=to)
