"""Learning hours at the desk: each year by name, one person's entries, hours entered by hand, and who may need help."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, done_once, first_by_field, onward
from console.desk import ask, cause, now, settle
from console.exporting import may_wait
from console.fresh import fresh
from console.people import every_visible, names_of, visible
from console.tables import Table, hand_out
from console.undoing import way_back
from console.wording import fully, t, today
from console.written_sheets import Written
from content import hours as rules
from content.decision import Refusal, refused
from content.hours import COUNTED, Counts, Credit, Form, Unit, Wanted, written
from content.identifiers import HoursId, MemberId, OccurrenceId, OrganisationId, UserId, derive
from content.lessons import LONGEST_TITLE
from content.members import Member
from content.organisations import Right
from content.strokes import by_strokes
from storage import hours, lessons, meetings, members, schedules
from storage.hours import Learner
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("hours", __name__)

YEARS_OFFERED = 3
MOST_NAMES = 500
"""Of more members than this, one chooses a branch first."""

FORMS = ("usual", *Form, "none")


class Fields(Struct, frozen=True, kw_only=True):
    """What stands in a form."""

    members: tuple[str, ...] = ()
    on: str = ""
    title: str = ""
    form: str = Form.TRAINING
    amount: str = "1"
    unit: str = Unit.DAY
    reason: str = ""


@pages.get("/participation/hours")
@requires(Right.RECORD)
def show() -> str:
    """Show the year of each member by name, in the order of formal lists and never by hours."""
    year = _year()
    learners = _learners(year)
    return render_template(
        "hours/show.html",
        learners=learners,
        table=_table(learners, year),
        year=year,
        offered=_offered(),
        number=_number(),
        most=MOST_NAMES,
    )


@pages.get("/participation/hours/help")
@requires(Right.HELP_LEARNERS)
def show_help() -> str:
    """Show who may need help to catch up this year, to the secretary and to nobody else."""
    learners = [one for one in _learners(today().year, Right.HELP_LEARNERS) if one.needs_help]
    return render_template("hours/help.html", learners=learners, written=written, number=_number(), most=MOST_NAMES)


@pages.get("/participation/hours/members/<id>")
@requires(Right.RECORD)
def show_member(id: str) -> str:  # noqa: A002
    """Show what one member learned in a year, and what of it was entered by hand by whom."""
    year, roots = _year(), here().roots

    async def look(unit: Reading) -> tuple[Learner, dict[UserId, str]] | None:
        member = await visible(unit, id, roots)
        if member is None:
            return None
        (learner,) = await hours.learners(unit, [member], year=year, today=today())
        return learner, await names_of(unit, [one.by for one in learner.credits])

    found = ask(look)
    if found is None:
        abort(404)
    learner, names = found
    return render_template(
        "hours/member.html",
        learner=learner,
        names=names,
        year=year,
        offered=_offered(),
        title=_title,
        written=written,
        counted=COUNTED,
    )


@pages.route("/participation/hours/record", methods=["GET", "POST"])
@requires(Right.RECORD)
def record() -> Answer:
    """Enter hours by hand, for one person or for several who were at the same thing."""
    roots = here().roots
    if request.method == "GET":
        return _form(Fields(members=tuple(request.args.getlist("member")), on=today().isoformat()))
    fields = Fields(
        members=tuple(request.form.getlist("member")),
        **{name: request.form.get(name, "")[:500] for name in ("on", "title", "form", "amount", "unit", "reason")},
    )
    wanted = _wanted(fields)
    if isinstance(wanted, Refusal):
        return _form(fields, wanted)
    user, by_form, day = here().user, cause(), today()

    async def decide(unit: Reading) -> Decided:
        people = await every_visible(unit, fields.members, roots)
        if people is None or any(one.left is not None for one in people):
            return None
        held = await hours.rules_at(unit, {one.organisation for one in people})
        return rules.record(
            wanted,
            [(one, held[one.organisation]) for one in people],
            known=await hours.known(unit, [one.id for one in people], wanted.on),
            by=user,
            cause=by_form,
            now=unit.now,
            today=day,
        )

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, outcome.refusal)
    only = fields.members[0] if len(set(fields.members)) == 1 else None
    to = link("hours.show_member", id=only, year=wanted.on.year) if only else link("hours.show", year=wanted.on.year)
    if only is None:
        return onward(outcome, to=to, done="hours_recorded")
    return done_once(
        outcome, to, "hours_recorded", lambda: way_back("hours.take_back", id=derive(by_form, "hours", only))
    )


@pages.post("/participation/hours/entries/<id>/back")
@requires(Right.RECORD)
def take_back(id: str) -> Answer:  # noqa: A002
    """Let hours that were entered by hand count no more."""
    roots, user = here().roots, here().user
    before = ask(lambda unit: hours.entry(unit, HoursId(id)))
    if before is None:
        abort(404)

    async def decide(unit: Reading) -> Decided:
        entry = await hours.entry(unit, HoursId(id))
        if entry is None or await visible(unit, await _stands_for(unit, entry.member), roots) is None:
            return None
        return rules.take_back(entry, by=user, now=unit.now)

    outcome = settle(decide, actor=user)
    return onward(outcome, to=link("hours.show_member", id=before.member, year=before.on.year), done="hours_taken_back")


async def _stands_for(unit: Reading, id: str) -> str:  # noqa: A002
    """Return the entry of the roster that stands for another, where that was merged into it."""
    seen: set[str] = set()
    while id not in seen:
        seen.add(id)
        one = await members.member(unit, MemberId(id))
        if one is None or one.merged_into is None:
            break
        id = one.merged_into  # noqa: A001
    return id


@pages.route("/check-ins/<id>/hours", methods=["GET", "POST"])
@requires(Right.RECORD)
def count(id: str) -> Answer:  # noqa: A002
    """Say what a lesson or an event counts as for who took part."""
    found = _occurrence(id)
    if request.method == "GET":
        return _counting(id, found)
    form, unit_name = request.form.get("form", ""), request.form.get("unit", "")
    amount = _amount(request.form.get("amount", ""))
    if form not in FORMS or unit_name not in set(Unit):
        abort(400)
    roots, place = here().roots_for(Right.RECORD), found.entry.occurrence.audience

    async def decide(unit: Reading) -> Decided:
        entry = await schedules.visible(unit, OccurrenceId(id), roots)
        if entry is None or entry.occurrence.audience != place:
            return None
        hour = (await hours.rules_at(unit, [place]))[place].hour
        return rules.count_as(entry.occurrence.id, place, form, amount, Unit(unit_name), hour=hour)

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is not None:
        return _counting(id, found, outcome.refusal)
    return onward(outcome, to=link("checkins.show_one", id=id), done="learning_counted")


class Counting(Struct, frozen=True, kw_only=True):
    """An occurrence, and what it counts as: by a person's word and as is usual."""

    entry: schedules.Entry
    said: Counts | None
    usual: Counts


def _occurrence(id: str) -> Counting:  # noqa: A002
    """Return an occurrence of which the person may say what it counts as: who keeps the record of all its audience."""
    at = here()
    kept = {node.id for node in at.within(Right.RECORD)}

    async def look(unit: Reading) -> Counting | None:
        entry = await schedules.visible(unit, OccurrenceId(id), at.roots)
        if entry is None or entry.occurrence.audience not in kept:
            return None
        place = entry.occurrence.audience
        hour = (await hours.rules_at(unit, [place]))[place].hour
        return Counting(
            entry=entry,
            said=await hours.counts_of(unit, entry.occurrence.id),
            usual=await _usual(unit, entry, hour),
        )

    found = ask(look)
    if found is None:
        abort(404)
    return found


async def _usual(unit: Reading, entry: schedules.Entry, hour: int) -> Counts:
    """Return what an occurrence counts as while nobody says otherwise."""
    meeting = await meetings.meeting(unit, entry.occurrence.id)
    if meeting is not None:
        return rules.learned_at(meeting.form, int(meeting.length.total_seconds()) // 60, hour=hour)
    lesson = await lessons.lesson(unit, entry.occurrence.lesson, entry.lesson_revision)
    return rules.usual(lesson.kind, lesson.minutes, hour=hour) if lesson else Counts(form=None)


def _counting(id: str, found: Counting, refusal: Refusal | None = None) -> Answer:  # noqa: A002
    refusals = [refusal] if refusal else []
    chosen = request.form.get("form") or ("usual" if found.said is None else found.said.form or "none")
    page = render_template(
        "hours/count.html",
        id=id,
        found=found,
        chosen=chosen,
        fields=Fields(amount=request.form.get("amount", "1"), unit=request.form.get("unit", Unit.HOUR)),
        forms_offered=FORMS,
        units=tuple(Unit),
        written=written,
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
    return page, 422 if refusals else 200


@pages.get("/participation/hours/export.<any(xlsx,csv,docx,text):format>")
@requires(Right.RECORD)
@fresh
@may_wait("hours")
def export(format: str) -> Response:  # noqa: A002
    """Hand out the year's sheet (学习学时台账) in the columns of an office, one row for each thing learned."""
    year = _year()
    if _number() > MOST_NAMES:
        refusal = refused("hours.choose_first", most=MOST_NAMES)
        page = render_template("frame/refused.html", refusal=refusal, back=link("hours.show", year=year))
        return Response(page, status=409)
    table = sheet(_learners(year), year, _title)
    return hand_out(table, format, "hours", t("hours.footer", at=fully(now())), back=link("hours.show", year=year))


def sheet(learners: Sequence[Learner], year: int, title: Callable[[Credit], str]) -> Table:
    """Return the year's sheet: what counts is added up beside each row, and who learned nothing stands there too."""
    columns = ("number", "name", "day", "what", "form", "hours", "total", "line", "note")
    rows: list[tuple[Written, ...]] = []
    for number, learner in enumerate(learners, start=1):
        total, line = 0, learner.line
        for one in learner.credits:
            total += one.hundredths if one.form in COUNTED else 0
            said = (one.on, title(one), t(f"hours.form_{one.form}"), _figure(one.hundredths), _figure(total))
            rows.append((number, learner.member.name, *said, line, _note(one)))
        if not learner.credits:
            rows.append((number, learner.member.name, None, None, None, 0, 0, line, ""))
    header = tuple(t(f"hours.column_{name}") for name in columns)
    return Table(title=t("hours.sheet_title", year=year), header=header, rows=tuple(rows))


def _note(credit: Credit) -> str:
    if credit.id is not None:
        return t("hours.by_hand")
    return t("state.made_up") if credit.made_up else ""


def _figure(hundredths: int) -> int | Decimal:
    """Return hours as a number for a sheet: whole ones without decimals."""
    whole, rest = divmod(hundredths, rules.WHOLE)
    return Decimal(hundredths).scaleb(-2) if rest else whole


def _title(credit: Credit) -> str:
    """Return what was learned; of another part of the tree only that it was elsewhere."""
    if credit.branch is not None and here().node(credit.branch) is None:
        return t("hours.elsewhere")
    return credit.title


def _table(learners: Sequence[Learner], year: int) -> Table:
    names = {node.id: node.name for node in here().nodes}
    columns = ("name", "branch", "training", "together", "alone", "total", "line")
    return Table(
        title=t("hours.title_of", year=year),
        header=tuple(t(f"hours.column_{name}") for name in columns),
        rows=tuple(
            (
                one.member.name,
                names.get(one.member.organisation, ""),
                *map(_figure, (one.total.training, one.total.together, one.total.alone, one.total.counted)),
                one.line,
            )
            for one in learners
        ),
    )


def _learners(year: int, right: Right = Right.RECORD) -> tuple[Learner, ...]:
    """Return the years of the members here, where they are few enough for one page, in the order of formal lists."""
    roots, day = here().roots_for(right), today()

    async def look(unit: Reading) -> tuple[Learner, ...]:
        found = await members.roster(unit, roots, limit=MOST_NAMES + 1)
        if len(found) > MOST_NAMES:
            return ()
        ordered = sorted(found, key=lambda one: (by_strokes(one.name), one.id))
        return await hours.learners(unit, ordered, year=year, today=day)

    return ask(look)


def _number() -> int:
    roots = here().roots
    return ask(lambda unit: members.count(unit, roots))[0]


def _year() -> int:
    asked = request.args.get("year", "")
    if asked and not re.fullmatch(r"20\d\d", asked):
        abort(400)
    return int(asked) if asked else today().year


def _offered() -> tuple[int, ...]:
    return tuple(today().year - back for back in range(YEARS_OFFERED))


def _amount(text: str) -> int:
    return int(text) if re.fullmatch("[0-9]{1,4}", text.strip()) else 0


def _wanted(fields: Fields) -> Wanted | Refusal:
    if fields.form not in set(Form) or fields.unit not in set(Unit):
        abort(400)
    try:
        on = date.fromisoformat(fields.on.strip())
    except ValueError:
        return refused("hours.no_date", field="on")
    return Wanted(
        on=on,
        title=fields.title,
        form=Form(fields.form),
        amount=_amount(fields.amount),
        unit=Unit(fields.unit),
        reason=fields.reason,
    )


def _form(fields: Fields, refusal: Refusal | None = None) -> Answer:
    refusals, roots = [refusal] if refusal else [], here().roots
    found = ask(lambda unit: _offered_people(unit, roots, fields.members))
    page = render_template(
        "hours/record.html",
        fields=fields,
        people=found,
        most=LONGEST_TITLE,
        longest=rules.LONGEST_REASON,
        kinds=tuple(Form),
        units=tuple(Unit),
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
    return page, 422 if refusals else 200


async def _offered_people(unit: Reading, roots: Sequence[OrganisationId], chosen: Sequence[str]) -> tuple[Member, ...]:
    """Return whom the form offers: everyone here where they are few enough, else who was chosen before."""
    found = await members.roster(unit, roots, limit=rules.MOST_PEOPLE + 1)
    if len(found) > rules.MOST_PEOPLE:
        found = await every_visible(unit, chosen, roots) or ()
    return tuple(sorted(found, key=lambda one: (by_strokes(one.name), one.id)))
