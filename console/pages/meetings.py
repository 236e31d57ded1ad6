"""Meetings: call one, change it or call it off, keep its roll by hand, and close it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, free_day, onward, see
from console.desk import ask, cause, desk, is_done, now, settle
from console.leaving_tables import leaves, up_to
from console.meeting_calls import foresee
from console.meeting_drafts import (
    FURTHER,
    Fields,
    drafted,
    fields_from,
    fields_of,
    fresh_fields,
    on_free_day,
)
from console.pages.schedules import stage_of, told_anew, told_reviewers
from console.paper_layouts import layout
from console.people import open_nodes, veiled
from console.quiet_hours import Held, told_of
from console.roll_forms import marks_in
from console.tables import hand_over
from console.undoing import Undo
from console.word import CONTENT_TYPE, Document, Paragraph
from console.wording import say_in, today
from content import meeting_changes as changes
from content import meetings as rules
from content import resolutions as decisions
from content import roll_calls
from content.ballots import Elector
from content.checkins import State as Standing
from content.decision import Decision, Refusal, words
from content.franchise import roll_of
from content.identifiers import MemberId, OccurrenceId, OrganisationId, ScheduleId, derive
from content.meeting_sessions import attended
from content.meetings import Meeting
from content.notices import CIRCLES, Circle, Form, Shown, State, lines_of
from content.occurrences import State as Notice
from content.organisations import Kind, Organisation, Right
from content.record_lines import Line
from content.resolutions import Floor, Resolution, Task
from content.roll_calls import Mark
from content.sent_notices import agenda_of, paste
from storage import (
    amendments,
    checkins,
    lessons,
    members,
    participation,
    quiet,
    record_lines,
    resolutions,
    schedules,
    session_choices,
)
from storage import meetings as stored
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("meetings", __name__)

MOST_SHOWN = 100
MOST_CARRIED = 10
"""So many tasks come back by themselves in the next agenda."""


class Stand(Struct, frozen=True, kw_only=True):
    """One member on the roll: how they stand, and whether they may vote; before the meeting, as it would be now."""

    member: MemberId
    name: str
    state: Standing
    note: str | None
    reason: str
    elector: Elector | None
    session: int | None = None
    """Of several the one that they came to, or have named; ``None`` where that is not known."""


class Seen(Struct, frozen=True, kw_only=True):
    """What the page of a meeting shows beside it."""

    notice: schedules.Entry
    notice_waits_until: datetime | None
    shown: Shown
    lines: tuple[Stand, ...]
    names: Mapping[MemberId, str]
    floor: Floor
    resolutions: tuple[Resolution, ...]
    tasks: tuple[Task, ...]
    said: tuple[Line, ...]


@pages.get("/meetings")
@requires(Right.READ)
@leaves("meetings")
def show() -> str:
    """Show the meetings, the latest first."""
    at = here()
    roots, by_name = at.roots, at.roots_for(Right.READ_MEMBERS)
    found = ask(lambda unit: stored.of_roots(unit, roots, by_name, limit=up_to(MOST_SHOWN)))
    return render_template("meetings/show.html", found=found, most=MOST_SHOWN)


@pages.route("/meetings/new", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
def call() -> Answer:
    """Call a meeting; what its notice will say can be looked at first."""
    nodes = open_nodes(here().within(Right.SCHEDULE))
    if not nodes:
        abort(404)
    if request.method == "GET":
        return _form(fresh_fields(nodes, now(), _follow_up(nodes)), nodes)
    fields = fields_from()
    place = next((node for node in nodes if node.id == fields.organisation), None)
    if place is None:
        abort(404)
    fields = on_free_day(fields, place, now())
    rule, user, origin = ScheduleId(derive(cause(), "schedule")), here().user, desk().settings.origin
    plainly, is_look = _plainly(place, fields.form), request.form.get("intent") == "look"
    told = None if is_look else request.form.get("told", "")
    if is_look or not is_done():
        found = ask(lambda unit: foresee(unit, fields, place, rule, author=user, plainly=plainly, told=told))
        if is_look or found.troubles:
            text = _foreseen(place, found.meeting) if is_look and found.decision is not None else ""
            return _form(fields, nodes, refusals=[*found.troubles], looked=text, held=found.held)

    async def decide(unit: Reading) -> Decided:
        stage = await stage_of(unit, place.id, draft=False)
        found = await foresee(unit, fields, place, rule, author=user, plainly=plainly, review=stage)
        if found.troubles or found.decision is None:
            return found.troubles[0]
        return await told_reviewers(unit, found.decision, user, origin)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, nodes, refusals=[outcome.refusal])
    if outcome.repeated:
        return see(link("meetings.show"), "repeated")
    facts = outcome.answer.facts if isinstance(outcome.answer, Decision) else ()
    made = next(fact.meeting.id for fact in facts if isinstance(fact, rules.MeetingCalled))
    return see(link("meetings.show_one", id=made), "meeting_called")


def _follow_up(nodes: tuple[Organisation, ...]) -> tuple[str, ...]:
    """Return what earlier meetings asked for and is not done, as lines of the next agenda of the one place meant."""
    at, place = here(), nodes[0]
    is_meant = at.chosen is not None or place.kind in (Kind.BRANCH, Kind.GROUP)
    is_alone = at.roots_for(Right.SCHEDULE) == (place.id,)
    if not (is_meant and is_alone and Right.READ_MEMBERS in at.rights_at(place.id)):
        return ()
    waiting = ask(lambda unit: resolutions.open_tasks_at(unit, place.id, most=MOST_CARRIED))
    return tuple(say_in(place, words("resolution.follow_up", name=name, text=task.text)) for name, task in waiting)


def _plainly(place: Organisation, form: str) -> str:
    """Return what a form of meeting is called where it is held, nothing for what is none."""
    return say_in(place, words(f"meetings.form_{form}")) if form in set(Form) else ""


@pages.get("/meetings/<id>")
@requires(Right.READ)
def show_one(id: str) -> str:  # noqa: A002
    """Show a meeting: its notice, its roll, and what may be done about it."""
    return page_of(visible(id))


@pages.route("/meetings/<id>/change", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
def change(id: str) -> Answer:  # noqa: A002
    """Change a meeting that has not begun; who had answered is told, and of what has no card everyone."""
    before = visible(id, Right.SCHEDULE)
    place = place_of(before)
    if request.method == "GET":
        people = ask(lambda unit: stored.people_at(unit, before.organisation))
        return _form(fields_of(before, people), (place,), changed=before)
    fields = replace(fields_from(), organisation=place.id, form=before.form)
    user, plainly, origin = here().user, _plainly(place, before.form), desk().settings.origin
    mark, troubles = request.form.get("mark", ""), list[Refusal]()
    people = ask(lambda unit: stored.people_at(unit, before.organisation))
    drafted(fields, place, people, troubles, id=before.id, lesson=before.lesson, now=now())
    if troubles and before.state is State.PLANNED and mark == changes.mark_of(before):
        return _form(fields, (place,), refusals=troubles, changed=before)

    async def decide(unit: Reading) -> Decided:
        known, entry = await stored.meeting(unit, before.id), await schedules.entry(unit, before.id)
        people = await stored.people_at(unit, before.organisation)
        wrong: list[Refusal] = []
        after = drafted(fields, place, people, wrong, id=before.id, lesson=before.lesson, now=unit.now)
        if known is None or entry is None:
            return None
        text, due = await lessons.lesson(unit, known.lesson), await stored.due(unit, after)
        seated = await stored.seated(unit, known.id)
        changed = changes.change(
            known,
            replace(
                after,
                state=known.state,
                reminded_at=known.reminded_at,
                moved_at=known.moved_at,
                code_seed=known.code_seed,
            ),
            sent=await amendments.sent(unit, known.id),
            notice_at=entry.occurrence.due_at,
            revision=text.revision if text is not None else 1,
            people=[one.id for one in people],
            due=due,
            seated=seated,
            carded=await stored.carded(unit, known.id),
            users=await stored.accounts(unit, (seat.member for seat in (*seated, *due))),
            answered=await stored.answered(unit, known.id),
            shown=await stored.shown_of(unit, after),
            author=user,
            seen=mark,
            now=unit.now,
            plainly=plainly,
        )
        if wrong and not isinstance(changed, Refusal):
            return wrong[0]
        if isinstance(changed, Refusal) or entry.occurrence.state is not Notice.PLANNED:
            return changed
        return await told_anew(unit, changed, entry.schedule, user, origin)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, (place,), refusals=[outcome.refusal], changed=before)
    return onward(outcome, to=link("meetings.show_one", id=id), done="meeting_changed")


@pages.post("/meetings/<id>/cancel")
@requires(Right.SCHEDULE)
def cancel(id: str) -> Answer:  # noqa: A002
    """Call a meeting off; who had answered is told, and of what has no card everyone."""
    why, user = request.form.get("why", ""), here().user

    async def decide(known: Meeting, unit: Reading) -> Decided:
        entry = await schedules.entry(unit, known.id)
        notice = entry.occurrence.state if entry is not None else Notice.PLANNED
        cards, concerned = await checkins.cards_of(unit, known.id), await stored.concerned(unit, known.id)
        return changes.cancel(known, notice, why=why, cards=cards, concerned=concerned, by=user, now=unit.now)

    return act(id, Right.SCHEDULE, decide, done="meeting_cancelled")


@pages.post("/meetings/<id>/sessions/<int:number>/cancel")
@requires(Right.SCHEDULE)
def drop_session(id: str, number: int) -> Answer:  # noqa: A002
    """Call off one session of several; who has answered and named no other is told."""

    async def decide(known: Meeting, unit: Reading) -> Decided:
        named = await session_choices.of_meeting(unit, known.id)
        places = await stored.places(unit, known.id)
        told = [
            one.user
            for one in places
            if one.user and one.note and one.state is Standing.OPEN and named.get(one.member, number) == number
        ]
        cards = await checkins.cards_of(unit, known.id)
        return changes.drop_session(known, number, cards=cards, told=told, now=unit.now)

    return act(id, Right.SCHEDULE, decide, done="meeting_session_dropped")


def act(
    id: str,  # noqa: A002
    right: Right,
    verb: Callable[[Meeting, Reading], Awaitable[Decided]],
    *,
    done: str,
    back: Callable[[], Undo] | None = None,
    to: str = "",
) -> Answer:
    """Do something to a meeting that this person may do it to, and answer with its page."""
    one = visible(id, right)

    async def decide(unit: Reading) -> Decided:
        known = await stored.meeting(unit, one.id)
        return None if known is None else await verb(known, unit)

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is not None:
        return page_of(one, outcome.refusal), 422
    return onward(outcome, to=to or link("meetings.show_one", id=id), done=done, back=back)


def visible(id: str, right: Right = Right.READ) -> Meeting:  # noqa: A002
    """Return a meeting that this person may see, and at which they have a right; else it is not found."""
    at = here()
    roots, by_name = at.roots_for(right), at.roots_for(Right.READ_MEMBERS)
    found = ask(lambda unit: stored.visible(unit, OccurrenceId(id), roots, by_name))
    if found is None:
        abort(404)
    return found


def place_of(one: Meeting) -> Organisation:
    """Return where a meeting is held."""
    place = here().node(one.organisation)
    if place is None:
        abort(404)
    return place


def _foreseen(place: Organisation, meeting: Meeting) -> str:
    """Return what the notice of a meeting would say, without calling it."""
    return _paste(place, meeting, ask(lambda unit: stored.shown_of(unit, meeting)))


@pages.get("/meetings/<id>/notice.docx")
@requires(Right.READ)
def notice_file(id: str) -> Response:  # noqa: A002
    """Hand out the notice of a meeting as a Word file, for a board or for those who read paper."""
    one = visible(id)
    place = place_of(one)
    shown = ask(lambda unit: stored.shown_of(unit, one))
    lines = [say_in(place, line) for line in (*lines_of(shown), *agenda_of(one))]
    blocks = [Paragraph(text=line) for line in lines]
    signed = [Paragraph(text=place.name, right=True), Paragraph(text=today().isoformat(), right=True)]
    title = say_in(place, words("meetings.notice_title", title=one.title))
    document = Document(title=title, blocks=(*blocks, *signed))
    return hand_over(document.written(layout()), CONTENT_TYPE, "notice", 1, file=f"zhibu-notice-{one.day}.docx")


def _paste(place: Organisation, one: Meeting, shown: Shown) -> str:
    """Return a notice to paste elsewhere, as the rooms of its organisation read it."""
    return say_in(place, paste(one, shown, place.name))


async def _look(
    unit: Reading, one: Meeting, by_name: tuple[OrganisationId, ...], recording: tuple[OrganisationId, ...]
) -> Seen | None:
    entry = await schedules.entry(unit, one.id)
    if entry is None:
        return None
    lines: tuple[Stand, ...] = ()
    if by_name:
        lines = await _lines(unit, one, recording)
    tasks = await resolutions.tasks_of_meeting(unit, one.id) if by_name else ()
    said = await record_lines.of_meeting(unit, one.id) if by_name and recording else ()
    doing = (*(task.member for task in tasks), *(line.member for line in said))
    named = (one.chair, one.recorder, *one.guests, *doing)
    known = await members.by_ids(unit, {each for each in named if each is not None})
    return Seen(
        notice=entry,
        notice_waits_until=(await quiet.waiting(unit, [entry.occurrence])).get(one.id),
        shown=await stored.shown_of(unit, one),
        lines=lines,
        names={each.id: each.name for each in known},
        floor=await stored.floor(unit, one.id),
        resolutions=await resolutions.of_meeting(unit, one.id),
        tasks=tasks,
        said=said,
    )


async def _lines(unit: Reading, one: Meeting, recording: tuple[OrganisationId, ...]) -> tuple[Stand, ...]:
    places = {place.member: place for place in await stored.places(unit, one.id)}
    ids = {seat.member for seat in await stored.due(unit, one)} if one.state is State.PLANNED else set()
    ids |= set(places)
    people = await members.by_ids(unit, ids)
    fixed = await stored.register(unit, one.id)
    register = {each.member: each for each in (fixed or roll_of(people, one.day))}
    reasons = await participation.reasons(unit, recording, one.id) if recording else {}
    named = await session_choices.of_meeting(unit, one.id) if one.further else {}
    order = sorted(people, key=lambda each: (each.name, each.id))
    return tuple(
        Stand(
            member=each.id,
            name=each.name,
            state=places[each.id].state if each.id in places else Standing.OPEN,
            note=places[each.id].note if each.id in places else None,
            reason=reasons.get(each.id, ""),
            elector=register.get(each.id),
            session=session_of(one, places.get(each.id), named.get(each.id)),
        )
        for each in order
    )


def session_of(one: Meeting, place: stored.Place | None, named: int | None) -> int | None:
    """Return which session of several somebody came to, or has named; ``None`` where that is not known."""
    came = place is not None and place.state is Standing.DONE
    return attended(one.sessions, named, place.at if place is not None and came else None) if one.further else None


def page_of(one: Meeting, refusal: Refusal | None = None) -> str:
    """Return the page of a meeting, with why something was not done where it was not."""
    at, place = here(), place_of(one)
    rights = at.rights_at(one.organisation)
    recording = at.roots_for(Right.RECORD) if Right.RECORD in rights else ()
    by_name = at.roots_for(Right.READ_MEMBERS) if Right.READ_MEMBERS in rights else ()
    seen = ask(lambda unit: _look(unit, one, by_name, recording))
    if seen is None:
        abort(404)
    electors = {
        each.member: each for each in veiled([line.elector for line in seen.lines if line.elector], one.organisation)
    }
    refusals = [refusal] if refusal else []
    return render_template(
        "meetings/show_one.html",
        one=one,
        seen=seen,
        electors=electors,
        place=place,
        text=_paste(place, one, seen.shown),
        may_change=Right.SCHEDULE in rights and one.state is State.PLANNED,
        may_begin=bool(recording) and one.state is State.PLANNED and one.begins_at <= now(),
        keeps=bool(recording) and one.state is State.HELD,
        decides=bool(recording) and decisions.may_be_written(one, now()),
        decided=decisions.standing_of(seen.resolutions),
        earlier=decisions.earlier,
        at_session=Counter(line.session for line in seen.lines if line.session and _comes(line)),
        may_drop=Right.SCHEDULE in rights and one.state in (State.PLANNED, State.HELD),
        at=now(),
        floor_lines=decisions.said_of(seen.floor, len(one.sessions)) if one.state in (State.HELD, State.CLOSED) else (),
        typed=request.form if refusal is not None else {},
        marks=tuple(Mark),
        chosen=roll_calls.meant(marks_in("mark-"), marks_in("was-")) if refusal is not None else {},
        mark_of=roll_calls.mark_of,
        refusals=refusals,
        by_field=first_by_field(refusals),
    )


def _comes(line: Stand) -> bool:
    return line.state is Standing.DONE or (line.state is Standing.OPEN and line.note is not None)


def _seen(changed: Meeting | None, refusals: list[Refusal]) -> str:
    """Return the mark of what is before the writer's eyes: how it stands now once they were told, else as it was."""
    told = not refusals or any(one.words.key == "meeting.changed_meanwhile" for one in refusals)
    return request.form.get("mark", "") if not told or changed is None else changes.mark_of(changed)


def _form(
    fields: Fields,
    nodes: tuple[Organisation, ...],
    *,
    refusals: list[Refusal] | None = None,
    looked: str = "",
    held: Held | None = None,
    changed: Meeting | None = None,
) -> Answer:
    refusals, place = refusals or [], OrganisationId(fields.organisation)
    page = render_template(
        "meetings/call.html",
        fields=fields,
        places=here().offer(nodes, fields.organisation),
        forms_offered=tuple(Form),
        named_forms=[form for form in Form if CIRCLES.get(form) is Circle.NAMED],
        changed=changed,
        mark=_seen(changed, refusals),
        further=FURTHER,
        text=looked,
        free_day=free_day(refusals),
        quiet=ask(lambda unit: quiet.at(unit, place)),
        held=held or {},
        told=told_of(held or {}),
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
    return page, 422 if refusals else 200
