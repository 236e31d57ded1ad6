"""Open polls: start one in a room, see how it stands, end it, and take its numbers away."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, add_troubles, first_by_field, onward, see
from console.desk import ask, cause, is_done, now, settle
from console.exporting import note_export
from console.holding import hastening
from console.leaving_tables import leaves, up_to
from console.tables import Table, hand_out
from console.wording import fully, reader, t, today
from console.written_sheets import Written
from content import polls
from content.decision import Decision, Refusal, refused
from content.identifiers import OrganisationId, PollId, RoomId, derive
from content.organisations import Right
from content.polls import Poll, Sheet, Standing, State
from content.quiet import LONGEST_REASON
from content.rooms import Room, answers_polls
from content.schedules import instant
from storage import burden, outbox_queries, quiet, rooms
from storage import polls as stored
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("polls", __name__)

MOST_SHOWN = 100
_WIDEST = 656
"""How long the bar of the most votes is in a picture."""
LIMITS = range(1, polls.MOST_ANSWERS + 1)


class Fields(Struct, frozen=True, kw_only=True):
    """What stands in the form, whether or not it can be meant."""

    room: str = ""
    question: str = ""
    answers: str = ""
    most: str = "1"
    shown: str = "always"
    until: str = "time"
    date: str = ""
    time: str = ""
    urgent: str = ""


@pages.get("/polls")
@requires(Right.READ)
@leaves("polls")
def show() -> str:
    """Show the polls, newest first."""
    roots = here().roots
    found = ask(lambda unit: _all(unit, roots))
    return render_template("polls/show.html", found=found, most=MOST_SHOWN, state=_said_state)


@pages.route("/polls/new", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
def start() -> Answer:
    """Start a poll."""
    places = _places()
    if request.method == "GET":
        return _form(_fresh(places), places)
    fields = _fields()
    if fields.shown not in ("always", "later") or fields.until not in ("time", "hand"):
        abort(400)
    troubles: list[Refusal] = []
    poll = _poll(fields, places, troubles)
    if troubles and not is_done():
        return _form(fields, places, troubles)
    user = here().user

    async def decide(unit: Reading) -> Decided:
        free_at = await quiet.free_for(unit, poll.organisation, unit.now)
        answer = polls.open_poll(poll, author=user, now=unit.now, free_at=free_at, urgent=fields.urgent)
        if isinstance(answer, Refusal):
            return answer
        too_much = await burden.refuse_poll(unit, poll, polls.held_until(answer) or unit.now)
        return too_much or answer

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, places, [outcome.refusal])
    if outcome.repeated:
        return see(link("polls.show"), "repeated")
    if isinstance(outcome.answer, Decision) and polls.held_until(outcome.answer) is not None:
        return see(link("polls.show_one", id=poll.id), "poll_held")
    return see(link("polls.show"), "poll_opened")


@pages.get("/polls/<id>")
@requires(Right.READ)
def show_one(id: str) -> str:  # noqa: A002
    """Show one poll's numbers."""
    seen = _standing(id)
    return render_template(
        "polls/show_one.html",
        seen=seen,
        table=_table(seen),
        may_end=here().may(Right.SCHEDULE) and seen.poll.state is State.OPEN and seen.poll.starter is None,
        held=_held_until(seen.poll),
        state=_said_state,
        longest=LONGEST_REASON,
        notes=polls.notes(seen.poll, seen.count),
    )


def _held_until(poll: Poll) -> datetime | None:
    """Return when the quiet hours end that hold a poll."""
    waits = poll.state is State.OPEN and poll.event is None and poll.opened_at is not None and poll.opened_at > now()
    return poll.opened_at if waits else None


def _said_state(poll: Poll) -> str:
    """Say where a poll stands; what quiet hours hold is not in its room yet."""
    return t("quiet.not_there_yet" if _held_until(poll) is not None else f"polls.state_{poll.state}")


@pages.post("/polls/<id>/hasten")
@requires(Right.SCHEDULE)
def hasten(id: str) -> Answer:  # noqa: A002
    """Let a poll go out now that quiet hours hold; why is kept with it."""
    roots, reason = here().roots, request.form.get("reason", "")

    async def decide(unit: Reading) -> Decided:
        poll = await stored.visible(unit, roots, PollId(id))
        if poll is None:
            return None
        answer = hastening(await outbox_queries.held_row_of(unit, poll.id), reason, now=unit.now)
        return answer if isinstance(answer, Refusal) else await burden.refuse_poll(unit, poll, unit.now) or answer

    return onward(settle(decide, actor=here().user), to=link("polls.show_one", id=id), done="hastened")


@pages.post("/polls/<id>/end")
@requires(Right.SCHEDULE)
def end(id: str) -> Answer:  # noqa: A002
    """End a poll now."""
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        poll = await stored.visible(unit, roots, PollId(id))
        if poll is None:
            return None
        if poll.event is not None:
            return polls.stop_voting(poll, now=unit.now, by_hand=True)
        if await outbox_queries.poll_is_lost(unit, poll.id):
            return polls.withdraw(poll, now=unit.now)
        return refused("poll.not_there_yet", question=poll.sheet.question)

    return onward(settle(decide, actor=here().user), to=link("polls.show_one", id=id), done="poll_closing")


@pages.get("/polls/<id>/numbers.<any(xlsx, csv, docx, text):format>")
@requires(Right.READ)
def export(id: str, format: str) -> Response:  # noqa: A002
    """Export what the page shows, no sooner than the page shows it."""
    seen = _standing(id)
    footer = t("polls.footer", at=fully(now()), state=_said_state(seen.poll))
    return hand_out(_table(seen), format, "poll", footer, back=link("polls.show_one", id=id))


@pages.get("/polls/<id>/picture.svg")
@requires(Right.READ)
def picture(id: str) -> Response:  # noqa: A002
    """Draw what the page shows of the answers, no sooner than the page shows it; nobody is named."""
    seen = _standing(id)
    if seen.hidden:
        abort(404)
    votes = seen.count.everyone.votes
    most = max([*votes.values(), 1])
    bars = [
        {"text": one.text, "votes": votes.get(one.id, 0), "width": votes.get(one.id, 0) * _WIDEST // most}
        for one in seen.poll.sheet.answers
    ]
    note_export("poll", len(bars))
    footer = t(
        "polls.picture_footer",
        state=_said_state(seen.poll),
        voters=seen.count.everyone.voters,
        asked=seen.count.asked,
    )
    drawn = render_template("polls/picture.svg", question=seen.poll.sheet.question, bars=bars, footer=footer)
    response = Response(drawn, content_type="image/svg+xml; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="zhibu-poll-{today().isoformat()}.svg"'
    return response


async def _all(unit: Reading, roots: tuple[OrganisationId, ...]) -> tuple[Standing, ...]:
    found = await stored.of_roots(unit, roots, limit=up_to(MOST_SHOWN))
    return tuple([await stored.standing(unit, poll) for poll in found])


def _standing(id: str) -> Standing:  # noqa: A002
    roots = here().roots

    async def find(unit: Reading) -> Standing | None:
        poll = await stored.visible(unit, roots, PollId(id))
        return await stored.standing(unit, poll) if poll else None

    found = ask(find)
    if found is None:
        abort(404)
    return found


def _table(seen: Standing) -> Table:
    """Return the numbers, everyone's beside the roster's where these differ."""
    both = seen.count.everyone != seen.count.members
    sides = (seen.count.everyone, seen.count.members) if both else (seen.count.everyone,)
    header = ("polls.number", "polls.answer", "polls.everyone", "polls.members")[: 2 + len(sides)]
    rows: list[tuple[Written, ...]] = []
    if not seen.hidden:
        rows = [
            (number, answer.text, *(side.votes.get(answer.id, 0) for side in sides))
            for number, answer in enumerate(seen.poll.sheet.answers, start=1)
        ]
    rows.append((None, t("polls.people"), *(side.voters for side in sides)))
    if not seen.hidden:
        rows.append((None, t("polls.abstained"), *(side.abstained for side in sides)))
    rows.append((None, t("polls.asked"), *(seen.count.asked for _ in sides)))
    title, heads = seen.poll.sheet.question, tuple(t(key) for key in header)
    return Table(title=title, header=heads, rows=tuple(rows))


def _places() -> tuple[Room, ...]:
    roots = here().roots_for(Right.SCHEDULE)
    found = ask(lambda unit: rooms.rooms_of(unit, roots))
    return tuple(room for room, lost in found if lost is None and answers_polls(room))


def _fresh(places: tuple[Room, ...]) -> Fields:
    """Propose tomorrow evening."""
    node = here().node(places[0].organisation) if places else None
    local = now().astimezone(ZoneInfo(node.timezone)) if node else now()
    return Fields(
        room=places[0].id if places else "", date=(local.date() + timedelta(days=1)).isoformat(), time="18:00"
    )


def _fields() -> Fields:
    form = request.form
    return Fields(
        room=form.get("room", ""),
        question=form.get("question", "").strip(),
        answers=form.get("answers", "").replace("\r\n", "\n"),
        most=form.get("most", "1").strip(),
        shown=form.get("shown", "always"),
        until=form.get("until", "time"),
        date=form.get("date", "").strip(),
        time=form.get("time", "").strip(),
        urgent=" ".join(form.get("urgent", "").split())[: LONGEST_REASON + 1],
    )


def _poll(fields: Fields, places: tuple[Room, ...], troubles: list[Refusal]) -> Poll:
    """Turn the fields into a poll; all that it cannot be goes to the troubles, with something else in its place."""
    room = next((place for place in places if place.id == fields.room), None)
    node = here().node(room.organisation) if room else None
    if room is None or node is None:
        troubles.append(refused("poll.no_room", field="room"))
    id = PollId(derive(cause(), "poll"))  # noqa: A001 - the field's name
    texts = [line.strip() for line in fields.answers.split("\n") if line.strip()]
    most = int(fields.most) if re.fullmatch("[0-9]{1,3}", fields.most) else 0
    sheet = Sheet(
        question=fields.question,
        answers=polls.number_answers(id, texts),
        most=most,
        disclosed=fields.shown == "always",
    )
    closes_at: datetime | Refusal | None = None
    if fields.until != "hand":
        closes_at = _instant(fields, node.timezone if node is not None else reader().timezone)
    if isinstance(closes_at, Refusal):
        troubles.append(closes_at)
    poll = Poll(
        id=id,
        organisation=room.organisation if room is not None else OrganisationId(""),
        room=room.id if room is not None else RoomId(""),
        sheet=sheet,
        closes_at=None if isinstance(closes_at, Refusal) else closes_at,
    )
    add_troubles(troubles, polls.troubles_of(poll, now(), urgent=fields.urgent))
    return poll


def _instant(fields: Fields, timezone: str) -> datetime | Refusal:
    try:
        day, at = date.fromisoformat(fields.date), time.fromisoformat(fields.time).replace(tzinfo=None)
        return instant(day, at, timezone)
    except (ValueError, OverflowError):
        return refused("poll.bad_date", field="date")


def _form(fields: Fields, places: tuple[Room, ...], refusals: list[Refusal] | None = None) -> Answer:
    refusals = refusals or []
    page = render_template(
        "polls/start.html",
        fields=fields,
        places=places,
        limits=LIMITS,
        refusals=refusals,
        by_field=first_by_field(refusals),
        ever_quiet=ask(quiet.anywhere),
    )
    return page, 422 if refusals else 200
