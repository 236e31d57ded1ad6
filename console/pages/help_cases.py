"""困难帮扶: the help cases of a branch, read by who has each and by who hands them out, and by nobody else."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

from flask import Blueprint, Response, abort, g, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, cause, now, settle
from console.exporting import may_wait
from console.fresh import fresh
from console.leaving_tables import leaves, up_to
from console.tables import Table, hand_out
from console.wording import fully, t, today
from console.written_sheets import Written
from content import help_case_figures as figures
from content import help_cases as rules
from content.decision import Secret, Words
from content.help_cases import Category, HelpCase, HelpWords, Sort, Stage
from content.identifiers import HelpCaseId, HelpWordsId, OrganisationId, UserId, derive
from content.organisations import Right
from content.workdays import WorkCalendar
from storage import duties, members, organisations, workdays
from storage import help_cases as stored
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("help_cases", __name__)

AT_ONCE = 100
COLUMNS = ("number", "received", "category", "summary", "owner", "stage", "ended", "lasted", "follow_up")
"""The columns of 困难帮扶台账, in the order of an office."""
STEPS = (Stage.IN_HAND, Stage.CLOSED, Stage.REFERRED)

_Median = tuple[Category, int, float | None]


class Seen(Struct, frozen=True, kw_only=True):
    """A case as its page shows it: the words in it, and whom they may be handed to; none for who may not read it."""

    case: HelpCase
    place: str
    reads: bool
    texts: tuple[HelpWords, ...]
    asker: str | None
    names: Mapping[str, str]
    able: tuple[UserId, ...]
    doubts: tuple[Words, ...]

    def of(self, *sorts: str) -> tuple[HelpWords, ...]:
        """Return the words of some sorts."""
        return tuple(one for one in self.texts if one.sort in sorts)

    def newest(self, sort: str) -> str:
        """Return the last words of a sort."""
        found = self.of(sort)
        return str(found[-1].text) if found else ""


@pages.get("/help-cases")
@requires(Right.HANDLE_HELP)
@leaves("help_cases")
def show() -> str:
    """List the open cases by when the first answer is due, or those that have ended; never whose they are."""
    roots, user, is_open, most = here().roots, here().user, request.args.get("state") != "ended", up_to(AT_ONCE)
    year = _year()

    async def look(
        unit: Reading,
    ) -> tuple[tuple[HelpCase, ...], dict[str, str], WorkCalendar, tuple[_Median, ...]]:
        listed = stored.queue if is_open else stored.ended
        found = await listed(unit, roots, user, limit=most)
        known = await workdays.calendar(unit)
        names = await duties.names_of(unit, {one.owner for one in found if one.owner is not None})
        return found, names, known, figures.medians(await stored.of_year(unit, roots, year), known)

    found, names, known, medians = ask(look)
    return render_template(
        "help_cases/show.html",
        found=found,
        names=names,
        places={node.id: node.name for node in here().nodes},
        is_open=is_open,
        today=today(),
        medians=medians,
        fewest=figures.FEWEST,
        lasted=lambda one: figures.working_days(one.received_on, one.ended_on, known) if one.ended_on else None,
        hands_out=here().may(Right.HAND_OUT_HELP),
        year=year,
        this_year=today().year,
    )


def _year() -> int:
    wanted = request.args.get("year", "")
    if wanted and not re.fullmatch("20[0-9]{2}", wanted):
        abort(400)
    return int(wanted) if wanted else today().year


@pages.get("/help-cases/<id>")
@requires(Right.HANDLE_HELP)
def show_one(id: str) -> Answer:  # noqa: A002
    """Show a case; who may not read it sees its number, and may take it up where nobody has."""
    roots, user = here().roots, here().user
    giving = frozenset(node.id for node in here().within(Right.HAND_OUT_HELP))
    seen = ask(lambda unit: _look(unit, id, roots, user, giving))
    if seen is None:
        abort(404)
    if seen.reads:
        if seen.case.member is not None:
            g.looked_at = ("help_case", seen.case.member)
        else:
            g.looked_at_unnamed = ("help_case", seen.case.id)
    return render_template(
        "help_cases/show_one.html",
        seen=seen,
        case=seen.case,
        mine=seen.case.owner == user,
        describes=rules.may_describe(seen.case, user, stands_in=seen.reads),
        is_open=seen.case.stage in rules.OPEN,
        steps=[step for step in STEPS if step in rules.FOLLOWS[seen.case.stage]],
        categories=tuple(Category),
        hands_out=seen.case.organisation in giving,
        longest=rules.LONGEST_ANSWER,
        longest_summary=rules.LONGEST_SUMMARY,
        months=rules.KEPT_MONTHS,
    )


async def _look(
    unit: Reading,
    id: str,  # noqa: A002
    roots: tuple[OrganisationId, ...],
    user: UserId,
    giving: frozenset[OrganisationId],
) -> Seen | None:
    """Read a case, and its words for whoever has it and for the nearest who hand cases out, and for nobody else."""
    case = await stored.visible(unit, roots, id, user)
    if case is None:
        return None
    node, reads = await organisations.organisation(unit, case.organisation), await _reads(unit, case, user)
    texts = (await stored.words_of(unit, [case.id]))[case.id] if reads else ()
    able = await _able(unit, case) if reads or case.organisation in giving else ()
    asker = await members.member(unit, case.member) if reads and case.member is not None else None
    lines = [one.text for one in texts if one.sort in (Sort.SUMMARY, Sort.FOLLOW_UP)]
    known = [name for name, _ in await members.names(unit, [case.organisation])] if lines else []
    people = {one for one in (case.owner, *able, *(each.by for each in texts)) if one is not None}
    return Seen(
        case=case,
        place=node.name if node is not None else "",
        reads=reads,
        texts=texts,
        asker=asker.name if asker is not None else None,
        names=await duties.names_of(unit, people),
        able=able,
        doubts=rules.doubts(lines, known),
    )


async def _reads(unit: Reading, case: HelpCase, user: UserId) -> bool:
    """Tell whether somebody reads what was said in a case."""
    return user in rules.readers(case, await organisations.levels_of(unit, case.organisation, Right.HAND_OUT_HELP))


async def _able(unit: Reading, case: HelpCase) -> tuple[UserId, ...]:
    """Return who may handle a case."""
    found = await organisations.holders_of(unit, case.organisation, Right.HANDLE_HELP)
    return tuple(one for one in found if rules.may_handle(case, one))


@pages.post("/help-cases/<id>/hand")
@requires(Right.HANDLE_HELP)
def hand(id: str) -> Answer:  # noqa: A002
    """Take a case up, or hand it to somebody else."""
    by, to, day = here().user, UserId(request.form.get("owner", "") or here().user), today()
    giving = {node.id for node in here().within(Right.HAND_OUT_HELP)}

    async def verb(unit: Reading, case: HelpCase) -> Decided:
        names = await duties.names_of(unit, [to])
        able, gives_out = await _able(unit, case), case.organisation in giving
        return rules.hand(case, to, name=names.get(to, to), by=by, gives_out=gives_out, able=able, today=day)

    return _in_case(id, verb, done="help_case_taken" if to == by else "help_case_handed")


@pages.post("/help-cases/<id>/answer")
@requires(Right.HANDLE_HELP)
def answer(id: str) -> Answer:  # noqa: A002
    """Answer whoever asked, in private, and move the case on."""
    by, text, typed = here().user, request.form.get("answer", ""), request.form.get("stage", "")
    words, day = _writing(), today()
    _there(id)
    if typed and typed not in STEPS:
        abort(400)

    async def verb(_: Reading, case: HelpCase) -> Decided:
        said, stage = words(case, Sort.ANSWER, text), Stage(typed) if typed else case.stage
        return rules.answer(case, said, stage, by=by, today=day)

    return _in_case(id, verb, done="help_case_answered")


@pages.post("/help-cases/<id>/note")
@requires(Right.HANDLE_HELP)
def note(id: str) -> Answer:  # noqa: A002
    """Keep a note."""
    by, text, words = here().user, request.form.get("note", ""), _writing()

    async def verb(unit: Reading, case: HelpCase) -> Decided:
        pieces = len((await stored.words_of(unit, [case.id]))[case.id]) if case.owner == by else 0
        return rules.note(case, words(case, Sort.NOTE, text), by=by, pieces=pieces)

    return _in_case(id, verb, done="help_case_noted")


@pages.post("/help-cases/<id>/describe")
@requires(Right.HANDLE_HELP)
def describe(id: str) -> Answer:  # noqa: A002
    """Say what a case is about, for the ledger."""
    by, form, words = here().user, request.form.to_dict(), _writing()
    _there(id)
    if form.get("category") not in set(Category):
        abort(400)

    async def verb(unit: Reading, case: HelpCase) -> Decided:
        asker = await members.member(unit, case.member) if case.member is not None else None
        texts = [words(case, sort, form.get(sort, "")) for sort in (Sort.SUMMARY, Sort.FOLLOW_UP)]
        name, reads = asker.name if asker is not None else None, await _reads(unit, case, by)
        return rules.describe(case, Category(form["category"]), texts, by=by, name=name, stands_in=reads)

    return _in_case(id, verb, done="help_case_described")


def _writing() -> Callable[[HelpCase, Sort, str], HelpWords]:
    """Return how words are made of what this form brings; asked for here, as who decides knows of no form."""
    made, day, by = cause(), today(), here().user

    def words(case: HelpCase, sort: Sort, text: str) -> HelpWords:
        id = HelpWordsId(derive(made, "help words", sort))  # noqa: A001
        return HelpWords(id=id, case=case.id, sort=sort, text=Secret(text.strip()), on=day, by=by)

    return words


def _there(id: str) -> None:  # noqa: A002
    """See that there is such a case for who is here."""
    roots, user = here().roots, here().user
    if ask(lambda unit: stored.visible(unit, roots, id, user)) is None:
        abort(404)


def _in_case(id: str, verb: Callable[[Reading, HelpCase], Awaitable[Decided]], *, done: str) -> Answer:  # noqa: A002
    roots, user = here().roots, here().user
    _there(id)

    async def decide(unit: Reading) -> Decided:
        case = await stored.visible(unit, roots, id, user)
        return await verb(unit, case) if case is not None else None

    return onward(settle(decide, actor=user), to=link("help_cases.show_one", id=id), done=done)


@pages.get("/help-cases/ledger.<any(xlsx,csv,docx,text):format>")
@requires(Right.HAND_OUT_HELP)
@fresh
@may_wait("help_ledger")
def ledger(format: str) -> Response:  # noqa: A002
    """Hand out a year's ledger (困难帮扶台账): what its owners wrote for it, and never a name or what was said."""
    year, roots, user = _year(), here().roots, here().user

    async def look(
        unit: Reading,
    ) -> tuple[tuple[HelpCase, ...], dict[HelpCaseId, tuple[HelpWords, ...]], dict[str, str], WorkCalendar]:
        found = await stored.of_year(unit, roots, year, user)
        texts = await stored.words_of(unit, [one.id for one in found])
        names = await duties.names_of(unit, {one.owner for one in found if one.owner is not None})
        return found, texts, names, await workdays.calendar(unit)

    table = sheet(*ask(look), year=year)
    return hand_out(
        table, format, "help_ledger", t("help_cases.footer", at=fully(now())), back=link("help_cases.show", year=year)
    )


def sheet(
    found: Sequence[HelpCase],
    texts: Mapping[HelpCaseId, Sequence[HelpWords]],
    names: Mapping[str, str],
    known: WorkCalendar,
    *,
    year: int,
) -> Table:
    """Return the ledger; what nobody has written stands there as to be filled in."""
    nothing = t("help_cases.to_fill_in")

    def written(case: HelpCase, sort: Sort) -> str:
        return next((str(one.text) for one in reversed(texts.get(case.id, ())) if one.sort is sort), nothing)

    rows: list[tuple[Written, ...]] = [
        (
            one.called,
            one.received_on,
            t(f"help_cases.category_{one.category}") if one.category is not None else nothing,
            written(one, Sort.SUMMARY),
            names.get(one.owner, one.owner) if one.owner is not None else nothing,
            t(f"help_case.stage_{one.stage}"),
            one.ended_on,
            figures.working_days(one.received_on, one.ended_on, known) if one.ended_on is not None else None,
            written(one, Sort.FOLLOW_UP),
        )
        for one in found
    ]
    header = tuple(t(f"help_cases.column_{name}") for name in COLUMNS)
    return Table(title=t("help_cases.sheet_title", year=year), header=header, rows=tuple(rows))
