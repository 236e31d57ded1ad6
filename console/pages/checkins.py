"""Check-ins: what is open and what was lately, with numbers; one occurrence by branch and by member."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.desk import ask, now
from console.exporting import may_wait
from console.fresh import fresh
from console.leaving_tables import leaves, up_to
from console.tables import Table, hand_out
from console.wording import fully, local, t
from content.checkins import State
from content.decision import Refusal
from content.identifiers import MemberId, OccurrenceId, OrganisationId
from content.occurrences import State as OccurrenceState
from content.organisations import Organisation, Right
from content.participation import Share, share
from storage import amendments, burden, lessons, participation, quiet, schedules, shifts, tallies
from storage.participation import Line, Period
from storage.unit import Reading

pages = Blueprint("checkins", __name__)

MOST_SHOWN = 60
BRANCHES_SHOWN = 100
MOST_NAMES = 500
"""More names than this are shown a branch at a time."""


class Session(Struct, frozen=True, kw_only=True):
    """One session of a lesson: when it is, and which groups hear it by the pattern that holds."""

    id: OccurrenceId
    number: int
    due_at: datetime
    groups: tuple[str, ...]


class One(Struct, frozen=True, kw_only=True):
    """One occurrence as far as the person may see it; ``lines`` is empty for who may not read names.

    ``reasons`` says why members asked leave and ``explanations`` why a state was set by hand, to who keeps the record
    and to nobody else; ``recorded`` are the members whose record the person keeps.
    """

    entry: schedules.Entry
    branches: tuple[tuple[Organisation, Share, Counter[State]], ...]
    total: Share
    lines: tuple[Line, ...]
    reasons: Mapping[MemberId, str]
    explanations: Mapping[MemberId, str]
    recorded: frozenset[MemberId]
    too_many: bool
    lesson_visible: bool
    note: amendments.Note
    newer: bool
    waits_until: datetime | None = None
    """Until when quiet hours hold it once it is due, where they do; of what was called off, if it were restored."""
    above: Refusal | None = None
    """Why it is above a cap, as its rule planned it by itself, and which day is free."""
    sessions: tuple[Session, ...] = ()
    together: Share | None = None
    """What all sessions of a lesson add up to."""
    left_out: int = 0
    """How many would hear no session at all if this one did not go out."""


@pages.get("/check-ins")
@requires(Right.READ)
@leaves("checkins")
def show() -> str:
    """Show what is open, then what was lately."""
    roots = here().roots
    found = ask(lambda unit: participation.by_occurrence(unit, roots, Period(), limit=up_to(MOST_SHOWN), apart=True))
    shares = {line.id: share(line.numbers) for line in found}
    return render_template(
        "checkins/show.html",
        open=[line for line in found if line.state is OccurrenceState.OPEN],
        recent=[line for line in found if line.state is not OccurrenceState.OPEN],
        shares=shares,
    )


@pages.get("/check-ins/<id>")
@requires(Right.READ)
def show_one(id: str) -> str:  # noqa: A002
    """Show one occurrence: by branch, and by member for who may read names."""
    at = here()
    by_name = at.roots_for(Right.READ_MEMBERS)
    recording = at.roots_for(Right.RECORD)
    nodes = at.within(Right.READ)
    one = ask(lambda unit: _one(unit, OccurrenceId(id), at.roots, nodes, by_name, recording))
    if one is None:
        abort(404)
    audience, after = at.node(one.entry.occurrence.audience), request.args.get("after", "")[:32]
    start = next((place for place, (node, _, _) in enumerate(one.branches, start=1) if node.id == after), 0)
    shown = one.branches[start : start + BRANCHES_SHOWN]
    may_change = audience is not None and audience.id in {node.id for node in at.within(Right.SCHEDULE)}
    return render_template(
        "checkins/show_one.html",
        one=one,
        branches=shown,
        beside=BESIDE,
        first_page=not start,
        more=shown[-1][0].id if start + len(shown) < len(one.branches) else None,
        may_change=may_change,
        keeps=audience is not None and audience.id in {node.id for node in at.within(Right.RECORD)},
        names=bool(by_name),
        lesson_visible=one.lesson_visible,
        present=now(),
        sessions=one.sessions,
        together=one.together,
    )


@pages.get("/check-ins/<id>/export.<any(xlsx,csv,docx,text):format>")
@requires(Right.READ_MEMBERS)
@fresh
@may_wait("attendance")
def export(id: str, format: str) -> Response:  # noqa: A002
    """Hand out who took part, as the screen shows it by member; reasons stay on the screen."""
    at = here()

    async def look(unit: Reading) -> tuple[schedules.Entry, int] | None:
        entry = await schedules.visible(unit, OccurrenceId(id), at.roots)
        if entry is None:
            return None
        counted = await tallies.numbers_by_branch(unit, OccurrenceId(id), at.roots)
        return entry, sum(numbers.total() for numbers in counted.values())

    found = ask(look)
    if found is None:
        abort(404)
    entry, number = found

    def table() -> Table:
        lines = ask(lambda unit: participation.lines(unit, at.roots, occurrence=OccurrenceId(id)))
        header = (t("participation.name"), t("participation.branch"), t("checkins.state"))
        rows = tuple((line.name, line.organisation, _said(line)) for line in lines)
        return Table(title=f"{entry.title} {local(entry.occurrence.due_at):%Y-%m-%d}", header=header, rows=rows)

    footer = t("exports.footer", at=fully(now()), n=number)
    return hand_out(table, format, "attendance", footer, back=link("checkins.show_one", id=id), rows=number)


BESIDE = (State.LATE, State.MADE_UP, State.EXCUSED, State.OPEN, State.UNANSWERED, State.ABSENT)
"""Of these states the table by branch says how many there are."""


@pages.get("/check-ins/<id>/branches.<any(xlsx,csv,docx,text):format>")
@requires(Right.READ)
def export_branches(id: str, format: str) -> Response:  # noqa: A002
    """Hand out the numbers of each branch, as the screen shows them page by page."""
    at = here()
    nodes = at.within(Right.READ)
    one = ask(lambda unit: _one(unit, OccurrenceId(id), at.roots, nodes, (), ()))
    if one is None:
        abort(404)
    header = (t("participation.branch"), t("participation.took_part"), t("participation.asked"))
    table = Table(
        title=f"{one.entry.title} {local(one.entry.occurrence.due_at):%Y-%m-%d}",
        header=(*header, *(t(f"state.{state}") for state in BESIDE)),
        rows=tuple((node.name, *_numbers(counted, numbers)) for node, counted, numbers in one.branches),
        footer=t("participation.as_of", at=fully(now())),
    )
    return hand_out(table, format, "branches", back=link("checkins.show_one", id=id))


def _numbers(counted: Share, numbers: Counter[State]) -> tuple[int | None, ...]:
    if counted.percent is None:
        return (None,) * (2 + len(BESIDE))
    return (counted.took_part, counted.asked, *(numbers.get(state, 0) for state in BESIDE))


def _said(line: Line) -> str:
    """Return how somebody stands, with the note beside it."""
    state = t(f"state.{line.state}")
    return f"{state} · {t(f'checkins.note_{line.note}')}" if line.note else state


async def _one(
    unit: Reading,
    id: OccurrenceId,  # noqa: A002
    roots: tuple[OrganisationId, ...],
    nodes: tuple[Organisation, ...],
    by_name: tuple[OrganisationId, ...],
    recording: tuple[OrganisationId, ...],
) -> One | None:
    entry = await schedules.visible(unit, id, roots)
    if entry is None:
        return None
    counted = await tallies.numbers_by_branch(unit, id, roots)
    branches = [(node, share(counted[node.id]), counted[node.id]) for node in nodes if node.id in counted]
    total: Counter[State] = Counter()
    for numbers in counted.values():
        total.update(numbers)
    sessions = await _sessions(unit, entry)
    everywhere = Counter(total)
    for session in sessions:
        if session.id != id:
            for numbers in (await tallies.numbers_by_branch(unit, session.id, roots)).values():
                everywhere.update(numbers)
    lesson = await lessons.lesson(unit, entry.occurrence.lesson)
    seen = lesson is not None and lesson.owner in {node.id for node in nodes}
    few = total.total() <= MOST_NAMES
    lines = await participation.lines(unit, by_name, occurrence=id) if by_name and few else ()
    return One(
        entry=entry,
        branches=tuple(branches),
        total=share(total),
        lines=lines,
        reasons=await participation.reasons(unit, recording, id) if lines and recording else {},
        explanations=await participation.explanations(unit, recording, id) if lines and recording else {},
        recorded=await _recorded(unit, entry, recording, id) if lines and recording else frozenset(),
        too_many=not few,
        lesson_visible=seen,
        note=await amendments.note(unit, id),
        waits_until=(await quiet.waiting(unit, [entry.occurrence])).get(id),
        above=await burden.still_above(unit, entry) if entry.occurrence.state is OccurrenceState.PLANNED else None,
        sessions=sessions,
        left_out=len(await shifts.left_out(unit, entry)),
        together=share(everywhere) if sessions else None,
        newer=seen and lesson is not None and lesson.revision > (entry.lesson_revision or 0),
    )


async def _sessions(unit: Reading, entry: schedules.Entry) -> tuple[Session, ...]:
    """Return the sessions of a lesson in their order; of one that goes out once there are none."""
    if entry.sessions == 1:
        return ()
    own = schedules.Beside(
        id=entry.occurrence.id, due_at=entry.occurrence.due_at, state=entry.occurrence.state, session=entry.session
    )
    found = sorted((own, *await schedules.sessions_beside(unit, own.id)), key=lambda one: (one.due_at, one.session))
    told = await shifts.told(unit, entry.occurrence.audience, [one.due_at for one in found])
    return tuple(
        Session(id=one.id, number=one.session, due_at=one.due_at, groups=groups)
        for one, groups in zip(found, told, strict=True)
    )


async def _recorded(
    unit: Reading,
    entry: schedules.Entry,
    recording: tuple[OrganisationId, ...],
    id: OccurrenceId,  # noqa: A002
) -> frozenset[MemberId]:
    """Return whose record may be set by hand: of what was offered, by who keeps it."""
    if entry.occurrence.state not in (OccurrenceState.OPEN, OccurrenceState.CLOSED):
        return frozenset()
    found = await participation.lines(unit, recording, occurrence=id)
    return frozenset(line.member for line in found if line.state is not State.NOT_OFFERED)
