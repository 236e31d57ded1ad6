"""Surveys: written down once, anonymous on the sealed page or named in private chat, and told in sums at the end."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward, see
from console.ballot_drafts import Sealing, closing_time, draft_sealed, refuse_tellers_of, sealing, sealing_from
from console.desk import ask, now, settle
from console.leaving_tables import leaves, up_to
from console.tables import Table, hand_out
from console.wording import fully, t
from console.written_sheets import Written
from content import ballots as drafting
from content import surveys as rules
from content.ballots import Ballot
from content.ballots import State as BallotState
from content.decision import Refusal, refused
from content.forms import asking, read_questions
from content.identifiers import BallotId, SurveyId, derive
from content.organisations import Organisation, Right
from content.questions import Question
from content.rule_packs import SURVEY
from content.surveys import State, Survey
from storage import ballots, members
from storage import surveys as stored
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("surveys", __name__)

MOST_SHOWN = 100
_ID = re.compile(r"[a-z2-7]{24}")
TEMPLATES = ("study", "work")
"""Questionnaires that one may begin with."""


class Seen(Struct, frozen=True, kw_only=True):
    """A survey as its page shows it, whichever way it is asked: what may be told is in ``answers``."""

    survey: Survey
    sealed: bool
    state: str
    answers: Mapping[str, Any] | None


class Told(Struct, frozen=True, kw_only=True):
    """What may be told of one question: a table with a line for each option, or texts."""

    question: Question
    number: int
    table: Table | None
    hidden: bool
    mean: str
    texts: tuple[str, ...] | None
    base: int | None


@pages.get("/surveys")
@requires(Right.READ)
@leaves("surveys")
def show() -> str:
    """Show the surveys of either kind, the last to close first."""
    roots, most = here().roots, up_to(MOST_SHOWN)

    async def read(unit: Reading) -> list[Seen]:
        named = [_named(one) for one in await stored.of_roots(unit, roots, limit=most)]
        secret = await ballots.of_roots(unit, roots, limit=most)
        sealed = [_sealed(one, None) for one in secret if one.election.pack is SURVEY]
        return sorted([*named, *sealed], key=lambda one: (one.survey.closes_at, one.survey.id), reverse=True)

    return render_template("surveys/show.html", found=ask(read)[:most], most=MOST_SHOWN)


@pages.route("/surveys/new", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
def start() -> Answer:
    """Draft a survey, anonymous where nothing else is chosen."""
    nodes = here().within(Right.SCHEDULE)
    if request.method == "GET":
        name = request.args.get("template", "")
        begun = (t(f"surveys.title_{name}"), t(f"surveys.template_{name}")) if name in TEMPLATES else ("", "")
        fields = sealing(derive(secrets.token_urlsafe(24), "ballot"), nodes, begun[0], now() + timedelta(days=7))
        return _form(fields, nodes, begun[1])
    fields = sealing_from(request.form)
    text, by = request.form.get("questions", "").replace("\r\n", "\n"), request.form.get("by", "").strip()
    named = request.form.get("way") == "named"
    if not _ID.fullmatch(fields.id):
        abort(400)
    user, questions = here().user, read_questions(text)
    groups = f"q{by}" if by else ""

    async def decide(unit: Reading) -> Decided:
        if named:
            survey = await _draft(unit, fields, nodes, questions, groups)
            return survey if isinstance(survey, Refusal) else rules.draft(survey, author=user, now=unit.now)
        ballot = await draft_sealed(unit, fields, nodes, election=asking(questions, groups))
        if isinstance(ballot, Refusal):
            return ballot
        return await refuse_tellers_of(unit, ballot) or drafting.draft(ballot, author=user, now=unit.now)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, nodes, text, by=by, named=named, refusal=outcome.refusal)
    page = "surveys.show_one" if named else "ballots.show_one"
    return see(link(page, id=fields.id), "repeated" if outcome.repeated else "survey_drafted")


@pages.get("/surveys/<id>")
@requires(Right.SCHEDULE)
def show_one(id: str) -> str:  # noqa: A002
    """Show what is asked and, once it is over, what may be told of the answers."""
    seen = _visible(id)
    return render_template("surveys/show_one.html", seen=seen, told=list(_told(seen)), rate=_rate(seen))


@pages.post("/surveys/<id>/open")
@requires(Right.SCHEDULE)
def open_survey(id: str) -> Answer:  # noqa: A002
    """Ask everyone on the roster in private."""
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        survey = await stored.visible(unit, roots, SurveyId(id))
        if survey is None:
            return None
        people = await members.roster(unit, [survey.organisation])
        return rules.open_survey(survey, {one.id: one.user for one in people}, now=unit.now)

    return onward(settle(decide, actor=here().user), to=link("surveys.show_one", id=id), done="survey_opened")


@pages.post("/surveys/<id>/cancel")
@requires(Right.SCHEDULE)
def cancel(id: str) -> Answer:  # noqa: A002
    """Let a survey come to nothing."""
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        survey = await stored.visible(unit, roots, SurveyId(id))
        return None if survey is None else rules.cancel(survey)

    return onward(settle(decide, actor=here().user), to=link("surveys.show_one", id=id), done="survey_cancelled")


@pages.get("/surveys/<id>/export.<any(xlsx, csv, docx, text):format>")
@requires(Right.SCHEDULE)
def export(id: str, format: str) -> Response:  # noqa: A002
    """Hand out what the page shows, no cell more."""
    seen = _visible(id)
    if seen.answers is None:
        abort(404)
    footer = f"{_rate(seen)} {t('surveys.small_cells')} {t('surveys.footer', at=fully(now()))}"
    return hand_out(_whole(seen), format, "survey", footer, back=link("surveys.show_one", id=id))


def _visible(id: str) -> Seen:  # noqa: A002
    roots = here().roots_for(Right.SCHEDULE)

    async def read(unit: Reading) -> Seen | None:
        named = await stored.visible(unit, roots, SurveyId(id))
        if named is not None:
            return _named(named)
        ballot = await ballots.visible(unit, roots, BallotId(id))
        if ballot is None or ballot.election.pack is not SURVEY:
            return None
        return _sealed(ballot, await ballots.result(unit, ballot.id))

    found = ask(read)
    if found is None:
        abort(404)
    return found


def _named(survey: Survey) -> Seen:
    return Seen(survey=survey, sealed=False, state=t(f"surveys.state_{survey.state}"), answers=survey.result)


def _sealed(ballot: Ballot, result: Mapping[str, Any] | None) -> Seen:
    """Return an anonymous survey in the shape of the other kind; its figures stand once the tellers stand by them."""
    stands = ballot.state in (BallotState.CERTIFIED, BallotState.ARCHIVED)
    answers = (result or {}).get("answers") if stands else None
    survey = Survey(
        id=SurveyId(ballot.id),
        organisation=ballot.organisation,
        title=ballot.title,
        questions=ballot.election.questions,
        by=ballot.election.by,
        closes_at=ballot.closes_at,
        timezone=ballot.timezone,
        state=State.CLOSED if ballot.turnout is not None else State.DRAFT,
        asked=ballot.expected,
        answered=ballot.turnout,
        result=answers,
    )
    return Seen(survey=survey, sealed=True, state=t(f"ballots.state_{ballot.state}"), answers=answers)


def _rate(seen: Seen) -> str:
    """Return the response rate with whom it is reckoned of, known once the survey is over."""
    one = seen.survey
    if one.state is not State.CLOSED or not one.asked or one.answered is None:
        return ""
    return t("surveys.rate", answered=one.answered, asked=one.asked, percent=100 * one.answered // one.asked)


def _told(seen: Seen) -> Iterator[Told]:
    if seen.answers is None:
        return
    by = next((one for one in seen.survey.questions if one.id == seen.survey.by), None)
    for number, one in enumerate(seen.survey.questions, start=1):
        said = seen.answers[one.id]
        cells = said.get("cells", [])
        table = _table(one, said, by) if cells else None
        total = sum(count for count in cells if count) if "sum" in said else 0
        yield Told(
            question=one,
            number=number,
            table=table,
            hidden=None in cells or said.get("by", ()) is None or any(None in row for row in said.get("by") or ()),
            mean=_tenths(said["sum"], total) if total else "",
            texts=None if "texts" not in said or said["texts"] is None else tuple(said["texts"]),
            base=said.get("base"),
        )


def _tenths(total: int, of: int) -> str:
    """Return a mean to one place, rounded half up."""
    whole, tenth = divmod((20 * total + of) // (2 * of), 10)
    return f"{whole}.{tenth}"


def _table(question: Question, said: Mapping[str, Any], by: Question | None) -> Table:
    crossed = said.get("by")
    groups = list(by.options) if by is not None and crossed is not None else []
    rows: list[tuple[Written, ...]] = []
    for place, option in enumerate(question.options):
        broken = [row[place] for row in crossed or ()] if groups else []
        rows.append((option, _cell(said["cells"][place]), *map(_cell, broken)))
    return Table(title=question.text, header=(t("surveys.option"), t("surveys.people"), *groups), rows=tuple(rows))


def _whole(seen: Seen) -> Table:
    """Return everything that may be told as one table, a line for each option of each question and for each text."""
    by = next((one for one in seen.survey.questions if one.id == seen.survey.by), None)
    groups = list(by.options) if by is not None else []
    rows: list[tuple[Written, ...]] = []
    for one in _told(seen):
        for line in one.table.rows if one.table else ():
            rows.append((one.number, one.question.text, *line, *[""] * (len(groups) + 2 - len(line))))
        if one.base is not None:
            rows.append((one.number, one.question.text, t("surveys.base"), one.base, *[""] * len(groups)))
        if one.mean:
            rows.append((one.number, one.question.text, t("surveys.mean_of_steps"), one.mean, *[""] * len(groups)))
        for text in one.texts or ():
            rows.append((one.number, one.question.text, text, *[""] * (len(groups) + 1)))
    names = ("surveys.number", "surveys.question", "surveys.option", "surveys.people")
    return Table(title=seen.survey.title, header=(*(t(name) for name in names), *groups), rows=tuple(rows))


def _cell(count: int | None) -> Written:
    return t("surveys.hidden_cell") if count is None else count


async def _draft(
    unit: Reading, fields: Sealing, nodes: Sequence[Organisation], questions: tuple[Question, ...], groups: str
) -> Survey | Refusal:
    node = next((one for one in nodes if one.id == fields.organisation), None)
    if node is None:
        return refused("ballot.no_place", field="organisation")
    closes_at = closing_time(fields.date, fields.time, node.timezone)
    if isinstance(closes_at, Refusal):
        return closes_at
    if await stored.survey(unit, SurveyId(fields.id)) is not None:
        return refused("ballot.not_now", title=fields.title)
    return Survey(
        id=SurveyId(fields.id),
        organisation=node.id,
        title=fields.title,
        questions=questions,
        by=groups,
        closes_at=closes_at,
        timezone=node.timezone,
    )


def _form(
    fields: Sealing,
    nodes: tuple[Organisation, ...],
    text: str,
    *,
    by: str = "",
    named: bool = False,
    refusal: Refusal | None = None,
) -> Answer:
    refusals = [refusal] if refusal else []
    page = render_template(
        "surveys/start.html",
        fields=fields,
        nodes=nodes,
        text=text,
        by=by,
        named=named,
        templates=TEMPLATES,
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
    return page, 422 if refusals else 200
