"""What is held about one person: their rows in every table, with names in the place of identifiers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Table, and_, false, func, not_, or_, select, true

from content.cleanings import State as Cleaning
from content.decision import Secret, words
from content.disclosures import Section, Value
from content.dues import written as in_yuan
from content.hours import written
from content.identifiers import MemberId, UserId
from content.members import Member
from content.sanctions import State, Step
from storage import kept_entries
from storage import members as roster
from storage.audit import audit
from storage.ballots import ballots
from storage.bank import bank_items
from storage.cases import case_evidence, case_notes, evidence_text
from storage.cases import opened as opened_text
from storage.cleanings import cleanings
from storage.complaints import complaint_voices, complaints, opened_note
from storage.complaints import text_of as said_in_complaint
from storage.disclosures import PERSONAL, Held
from storage.dues import SEALED as DUES
from storage.dues import details_of, dues_entries
from storage.dues import text_of as said_of_dues
from storage.dues_questions import dues_questions
from storage.edits import edit_entries
from storage.help_cases import help_case_words
from storage.help_cases import opened as text_in_help_case
from storage.imports import import_entries
from storage.lessons import lessons
from storage.looks import about as looked_at
from storage.looks import looks
from storage.members import members
from storage.model_members import opened as opened_objection
from storage.model_members import selection_objections, selections
from storage.organisations import organisations
from storage.paper_elections import paper_elections
from storage.phrases import load_words
from storage.pledge_questions import asked_by, pledge_questions
from storage.pledge_questions import texts_of as said_about_pledge
from storage.polls import polls
from storage.sanctions import opened as opened_appeal
from storage.sanctions import sanctions
from storage.sanctions import texts_of as texts_of_measure
from storage.schedules import occurrences
from storage.surveys import surveys
from storage.tables import Instant
from storage.terms import terms
from storage.thought_reports import opened as opened_thoughts
from storage.thought_reports import thought_parts, thought_reports
from storage.unit import AnyRow, Reading


class Names(Struct, frozen=True, kw_only=True):
    """What stands behind identifiers, so that a person can read them."""

    organisations: Mapping[str, str]
    occurrences: Mapping[str, tuple[str, datetime]]
    polls: Mapping[str, tuple[str, Mapping[str, str]]]
    terms: Mapping[str, tuple[str, date]]
    ballots: Mapping[str, str]
    elections: Mapping[str, str]
    selections: Mapping[str, str]
    surveys: Mapping[str, str]
    items: Mapping[str, str]


async def collect(unit: Reading, user: UserId) -> tuple[Section, ...]:
    """Return everything held about whoever an account belongs to, table by table, as it is at this moment."""
    member = await roster.by_user(unit, user)
    ids = await roster.doubles_of(unit, [member.id]) if member else frozenset()
    names, keys = await _names(unit), await roster.keys_of(unit, ids)
    sections = []
    for held in PERSONAL:
        who = [_condition(unit, held.table.c[name], user, member, ids) for name in held.found_by]
        named = or_(false(), *[one for one in who if one is not None])
        query = select(held.table).where(named, _told(held.table, user))
        rows = await unit.rows(query.order_by(*_order(held.table)))
        shown = tuple(
            _row(row, held, names, _opened(unit, row, held.table, keys), own=_own(row, held, {*ids, user}))
            for row in rows
        )
        sections.append(Section(name=held.table.name, readable=held.readable, rows=shown))
    return tuple(sections)


def _told(table: Table, user: UserId) -> Any:
    """Leave out what moderators wrote down about the person or only prepared, of which nobody has told them."""
    if table is sanctions:
        unsaid = or_(table.c.step == Step.NOTE, table.c.state.in_([State.DRAFT, State.WAITING, State.DROPPED]))
        return not_(and_(table.c.user_id == user, unsaid))
    if table is cleanings:
        unsaid = table.c.state.in_([Cleaning.LOOKING, Cleaning.READY, Cleaning.DROPPED])
        return not_(and_(table.c.user_id == user, unsaid))
    if table is audit:
        noted = func.coalesce(audit.c.after, "") == f"sanction.step_{Step.NOTE}"
        # What was decided together stands in one row, and its actions in one line.
        prepared = [audit.c.action.contains(one, autoescape=True) for one in ("sanction_prepared", "sanction_dropped")]
        unsaid = or_(noted, *prepared)
        of_others = func.coalesce(audit.c.actor, "") != user
        return not_(and_(func.coalesce(audit.c.subject, "") == user, of_others, unsaid))
    return true()


def _own(row: AnyRow, held: Held, ids: Collection[str]) -> bool:
    """Tell whether a row is the person's own, and not only one that they have dealt with."""
    return getattr(row, held.found_by[0]) in ids


def _opened(unit: Reading, row: AnyRow, table: Table, keys: Mapping[MemberId, bytes]) -> Mapping[str, Any]:
    """Return what is sealed in a row."""
    if table is members:
        return roster.opened(unit, row)
    if table is selection_objections:
        return opened_objection(unit, row)
    if table is help_case_words:
        mine = row.member_id in keys or not row.is_sealed
        return {"text": text_in_help_case(unit.vault, row, keys, None) if mine else None}
    if table is sanctions:
        return {"appeal_text": opened_appeal(unit.vault, row), **texts_of_measure(unit.vault, row)}
    if table is case_evidence:
        return {"text": evidence_text(unit, row)}
    if table is complaints:
        return {"note": opened_note(unit.vault, row)}
    if table is complaint_voices:
        return {"text": said_in_complaint(unit.vault, row)}
    if table is case_notes:
        return {"text": opened_text(unit.vault, row, table.name)}
    if table is dues_entries:
        return {"text": details_of(unit.vault, row, table)}
    if table in (*DUES, dues_questions):
        return {"text": said_of_dues(unit.vault, row, table)}
    if table is pledge_questions:
        said = said_about_pledge(unit.vault, row)
        return {"text": {name: said.get(name, "") for name in ("text", "answer")}}
    if table in (thought_reports, thought_parts):
        return {"text": opened_thoughts(unit.vault, row, table, keys)}
    if table in (edit_entries, import_entries):
        held = [name for name in kept_entries.HELD if getattr(row, name)]
        return {name: kept_entries.opened(unit, table, row, name, keys) for name in held}
    return {}


def _condition(unit: Reading, column: Any, user: UserId, person: Member | None, ids: Collection[MemberId]) -> Any:
    """Return that a column names the person, by account or by one of their entries; ``None`` where it cannot."""
    if column is pledge_questions.c.asker:
        return asked_by(unit, ids)
    if column is looks.c.member_id:
        return looked_at(person.id, person.organisation) if person is not None else None
    if column is audit.c.subject:
        # Whom a decision was about may be a member, or an account that is nobody's on the roster.
        return or_(column == user, column.in_(sorted(ids)))
    by_member = column.name == "member_id" or column is members.c.id
    by_member = by_member or any(one.column is members.c.id for one in column.foreign_keys)
    if by_member:
        return column.in_(sorted(ids)) if ids else None
    return column == user


def _order(table: Table) -> list[Any]:
    """Order by time where a table has one, so that the file reads as it happened."""
    times = [column for column in table.c if isinstance(column.type, Instant) and not column.nullable]
    return [*times[:1], *table.primary_key.columns]


def _row(row: AnyRow, held: Held, names: Names, opened: Mapping[str, Any], *, own: bool) -> dict[str, Value]:
    shown: dict[str, Value] = {}
    for name in held.given:
        if name in held.own_words and not own:
            continue
        value = opened.get(name, getattr(row, name))
        for label, one in _named(name, value, row, names):
            shown[label] = _said(one, held.prefix.get(name))
    return shown


def _named(name: str, value: Any, row: AnyRow, names: Names) -> list[tuple[str, Any]]:
    """Put names in the place of identifiers that mean nothing to a person."""
    match name, value:
        case _, None:
            return [(name, None)]
        case (("organisation_id" | "branch_id" | "audience_id"), _):
            return [("organisation", names.organisations.get(value, value))]
        case "owner_id", _:
            return [("owner", names.organisations.get(value, value))]
        case "occurrence_id", _:
            title, due_at = names.occurrences.get(value, (value, None))
            return [("title", title), ("due_at", due_at)]
        case "poll_id", _:
            return [("question", names.polls.get(value, (value, {}))[0])]
        case "term_id", _:
            place, elected_on = names.terms.get(value, (value, None))
            return [("organisation", place), ("elected_on", elected_on)]
        case "ballot_id", _:
            return [("title", names.ballots.get(value, value))]
        case "survey_id", _:
            return [("title", names.surveys.get(value, value))]
        case "item_id", _:
            return [("question", names.items.get(value, value))]
        case "election_id", _:
            return [("title", names.elections.get(value, value))]
        case "selection_id", _:
            return [("title", names.selections.get(value, value))]
        case "hundredths", _:
            return [(name, written(value))]
        case "fen", _:
            return [(name, in_yuan(value))]
        case "text", Mapping():
            return list(value.items())
        case "chosen", _:
            texts = names.polls.get(row.poll_id, ("", {}))[1]
            return [("chosen", [texts.get(one, one) for one in value])]
        case "answers", _:
            return [("answers", [one["text"] for one in value])]
        case "words", _:
            said = load_words(value)
            # A link that has not gone out yet still lets somebody in.
            harmless = {gap: one for gap, one in said.parameters.items() if not isinstance(one, Secret)}
            return [("words", words(said.key, **harmless))]
        case _, bytes():
            return [(name, value.decode(errors="replace"))]
    return [(name, value)]


def _said(value: Any, prefix: str | None) -> Value:
    if prefix is not None and isinstance(value, str):
        return words(f"{prefix}{value}")
    return value  # type: ignore[no-any-return]


async def _names(unit: Reading) -> Names:
    title = select(occurrences.c.id, occurrences.c.sent_title, lessons.c.title, occurrences.c.due_at)
    shown = await unit.rows(title.join(lessons, lessons.c.id == occurrences.c.lesson_id))
    asked = await unit.rows(select(polls.c.id, polls.c.question, polls.c.answers))
    elected = select(terms.c.id, organisations.c.name, terms.c.elected_on)
    elected = elected.join(organisations, organisations.c.id == terms.c.organisation_id)
    return Names(
        terms={row.id: (row.name, row.elected_on) for row in await unit.rows(elected)},
        organisations={row.id: row.name for row in await unit.rows(select(organisations))},
        occurrences={row.id: (row.sent_title or row.title, row.due_at) for row in shown},
        polls={row.id: (row.question, {one["id"]: one["text"] for one in row.answers}) for row in asked},
        ballots={row.id: row.title for row in await unit.rows(select(ballots.c.id, ballots.c.title))},
        surveys={row.id: row.title for row in await unit.rows(select(surveys.c.id, surveys.c.title))},
        items={row.id: row.stem for row in await unit.rows(select(bank_items.c.id, bank_items.c.stem))},
        elections={row.id: row.title for row in await unit.rows(select(paper_elections.c.id, paper_elections.c.title))},
        selections={row.id: row.title for row in await unit.rows(select(selections.c.id, selections.c.title))},
    )
