"""Takes a person out of every table: rows that are theirs alone go, of all others what names them is emptied."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import Table, and_, case, delete, false, func, or_, select, update

from content.ballots import State as BallotState
from content.erasure import Held, PersonErased
from content.identifiers import Cause, MemberId, OrganisationId, UserId
from content.members import NOBODY
from content.paper_elections import State as ElectionState
from storage.activities import activities, activity_notes, activity_photos
from storage.appraisals import appraisal_grades, paper_grades
from storage.approvals import approvals
from storage.audit import audit
from storage.away import away, away_contacts
from storage.ballot_links import ballot_links, survey_links
from storage.ballots import ballot_candidates, ballot_roll, ballot_tellers, ballots
from storage.cases import case_evidence, case_notes, cases
from storage.checkins import answers, expectations
from storage.cleanings import cleanings
from storage.cleanings import forget_people as forget_cleanings
from storage.complaints import complaint_voices, complaints
from storage.complaints import forget_people as forget_complaints
from storage.corrections import corrections
from storage.credentials import passwords, recovery_codes, second_factors
from storage.disclosures import disclosures
from storage.dues import dues_assessments, dues_entries, dues_handovers, dues_reminders, dues_ways
from storage.dues_questions import dues_questions
from storage.edits import edit_entries, edits
from storage.electronic_elections import election_presence, electronic_elections
from storage.electronic_elections import forget_names as forget_kept_names
from storage.erased_dues import forget_words as forget_dues_words
from storage.erased_words import forget_in_words, words_without
from storage.exports import exports
from storage.feeds import feeds
from storage.greetings import greeted, greetings
from storage.guards import strikes
from storage.help_cases import help_case_words, help_cases
from storage.hours import learning_entries
from storage.imports import import_entries, imports
from storage.inquiries import inquiries
from storage.knocks import knocks
from storage.lecture_questions import lecture_questions
from storage.lessons import lesson_revisions, lessons
from storage.locks import forget_people as forget_voices
from storage.locks import room_locks
from storage.looks import looks
from storage.meetings import meeting_people, meeting_register
from storage.members import binding_codes, doubles_of, members
from storage.minutes import meeting_minutes
from storage.misreadings import misreadings
from storage.model_members import (
    forget_people,
    resting_on,
    selection_nominations,
    selection_nominees,
    selection_objections,
    selections,
)
from storage.mutes import mutes
from storage.organisations import duties, within
from storage.outbox import State, outbox
from storage.paper_elections import (
    forget_names,
    paper_candidates,
    paper_counts,
    paper_elections,
    paper_meetings,
    paper_officers,
    paper_roll,
)
from storage.pledge_questions import asked_by, pledge_questions
from storage.pledges import forget_people as forget_pledgers
from storage.pledges import pledge_entries, pledges
from storage.policies import held_in_rooms as held_by_rules
from storage.policies import policy_bans, policy_lists
from storage.polls import poll_responses, polls
from storage.practice import practice_items, practice_sessions
from storage.record_lines import record_lines
from storage.resolutions import meeting_tasks
from storage.rooms import direct_rooms, invitations, room_state, rooms
from storage.sanction_places import held_in_rooms
from storage.sanctions import forget_people as forget_cases
from storage.sanctions import sanctions
from storage.schedules import schedules
from storage.session_choices import session_choices
from storage.sessions import sessions, sign_in_links
from storage.sign_ups import forget_typed, sign_up_claims, sign_up_entries, sign_ups
from storage.surveys import survey_answers, survey_people
from storage.sync import dead_letters, unreadable
from storage.terms import term_seats
from storage.thought_reports import thought_parts, thought_reports
from storage.unannounced import unannounced_meetings
from storage.unit import Reading, Writing
from storage.verification import forget
from storage.views import views
from storage.watchwords import watchwords

GOES_AS: Mapping[str, tuple[Table, ...]] = {
    "entry": (
        *(import_entries, edit_entries, term_seats, binding_codes, meeting_people, meeting_tasks),
        *(away_contacts, away),
    ),
    "answers": (
        answers,
        session_choices,
        lecture_questions,
        help_case_words,
        help_cases,
        learning_entries,
        dues_reminders,
        dues_questions,
        sign_up_claims,
        sign_up_entries,
        activity_photos,
        activity_notes,
        pledge_questions,
        corrections,
        appraisal_grades,
        paper_grades,
        survey_people,
        survey_answers,
        practice_items,
        practice_sessions,
        thought_parts,
        thought_reports,
    ),
    "votes": (poll_responses, ballot_links, survey_links, selection_nominations, selection_objections),
    "messages": (
        direct_rooms,
        invitations,
        knocks,
        greeted,
        mutes,
        watchwords,
        inquiries,
        misreadings,
        disclosures,
        record_lines,
        outbox,
        unreadable,
        dead_letters,
    ),
    "cases": (case_evidence, sanctions, cases, complaints, strikes, cleanings, policy_bans),
    "console": (duties, sessions, sign_in_links, second_factors, recovery_codes, passwords, views, exports, feeds),
}
"""Tables of which a person's rows go as a whole, by what a page calls them."""

GOES: tuple[Table, ...] = tuple(table for tables in GOES_AS.values() for table in tables)

EMPTIED: Mapping[Table, tuple[str, ...]] = {
    members: (),
    expectations: ("recorded_by",),
    polls: ("starter", "author"),
    sign_ups: ("author",),
    activities: ("author",),
    pledges: ("author",),
    pledge_entries: ("by_user",),
    lesson_revisions: ("author",),
    lessons: ("author",),
    schedules: ("author", "reviewed_by"),
    audit: (),
    ballot_roll: (),
    ballot_candidates: (),
    ballot_tellers: (),
    paper_roll: (),
    meeting_register: (),
    paper_candidates: (),
    paper_officers: ("user_id",),
    paper_meetings: (),
    paper_counts: (),
    election_presence: (),
    electronic_elections: ("recorded_by", "confirmed_by"),
    selections: ("author", "decided_by", "posted_by"),
    selection_nominees: (),
    looks: ("user_id",),
    approvals: ("subject", "proposed_by", "decided_by"),
    imports: ("by_user", "undone_by"),
    edits: ("by_user", "undone_by"),
    room_state: ("sender",),
    case_notes: ("by_user",),
    complaint_voices: ("reporter",),
    room_locks: ("by_user", "ended_by"),
    greetings: ("by_user",),
    policy_lists: ("by_user", "wanted_by", "applied_by", "ended_by"),
    unannounced_meetings: ("recorded_by",),
    meeting_minutes: ("by_user",),
    dues_assessments: ("by_user",),
    dues_entries: ("by_user",),
    dues_handovers: ("by_user",),
    dues_ways: ("by_user",),
}
"""Tables of which rows stay, because others rest on them, and in which columns an account is emptied."""

STAYS_AS: Mapping[str, tuple[Table, ...]] = {
    "entry": (members,),
    "counts": (expectations, meeting_register),
    "ballots": (ballot_roll, ballot_candidates, ballot_tellers, selection_nominees),
    "work": (
        *(
            polls,
            sign_ups,
            activities,
            pledges,
            pledge_entries,
            lesson_revisions,
            lessons,
            schedules,
            selections,
            imports,
            edits,
        ),
        *(approvals, case_notes, greetings),
        *(complaint_voices, room_locks, policy_lists, unannounced_meetings, meeting_minutes),
    ),
    "dues": (dues_assessments, dues_entries, dues_handovers, dues_ways),
    "record": (audit, looks),
    "rooms": (room_state,),
}
"""Tables of which rows stay, by what a page calls them."""

_ALSO: Mapping[Table, tuple[str, ...]] = {
    answers: ("recorded_by",),
    learning_entries: ("recorded_by", "taken_back_by"),
    help_cases: ("owner",),
    help_case_words: ("by_user",),
    corrections: ("answered_by",),
    poll_responses: ("removed_by",),
    sign_up_entries: ("said_by", "withdrawn_by"),
    duties: ("granted_by",),
    selection_objections: ("decided_by",),
    cases: ("opened_by",),
    sanctions: ("by_user", "agreed_by", "lifted_by", "reviewed_by"),
    case_evidence: ("added_by",),
    complaints: ("claimed_by", "decided_by"),
    cleanings: ("by_user", "ended_by"),
    knocks: ("answered_by",),
    away: ("noted_by",),
    away_contacts: ("by_user",),
    thought_reports: ("author", "replied_by"),
}
"""Columns that name the person in rows of others."""

_OVER = (BallotState.ARCHIVED, BallotState.VOID)


async def held(unit: Reading, member: MemberId, roots: Collection[OrganisationId]) -> Held:
    """Return under which entries and accounts a person is known, and what still stands in the way of erasing them.

    What stands in the way counts wherever it is; it is named only at or below the roots.
    """
    ids = await doubles_of(unit, [member])
    accounts = await _accounts(unit, ids)
    waiting = select(outbox.c.number).where(
        outbox.c.user_id.in_(list(accounts)), outbox.c.state.in_([State.PENDING, State.LEASED])
    )
    there = (
        select(room_state.c.room_id, room_state.c.content)
        .join(rooms, rooms.c.id == room_state.c.room_id)
        .where(room_state.c.type == "m.room.member", room_state.c.state_key.in_(list(accounts)), rooms.c.lost.is_(None))
    )
    present = [row for row in await unit.rows(there) if row.content.get("membership") in ("join", "invite")]
    return Held(
        entries=ids,
        accounts=accounts,
        on_the_way=len(await unit.rows(waiting)),
        rooms=len({row.room_id for row in present}),
        duties=len(await unit.rows(select(duties.c.role).where(duties.c.user_id.in_(list(accounts))))),
        ballots=await _ballots(unit, ids, roots),
        measures=await held_in_rooms(unit, accounts) + await held_by_rules(unit, accounts),
    )


async def _ballots(unit: Reading, ids: Collection[MemberId], roots: Collection[OrganisationId]) -> tuple[str, ...]:
    """Return the titles of the secret ballots that are not over and rest on a person."""
    rests = (
        ballots.c.id.in_(select(table.c.ballot_id).where(table.c.member_id.in_(list(ids))))
        for table in (ballot_roll, ballot_candidates, ballot_tellers)
    )
    title = case((within(ballots.c.organisation_id, roots), ballots.c.title), else_="")
    query = select(title).where(ballots.c.state.not_in(_OVER), or_(*rests)).order_by(title, ballots.c.id)
    return (
        *(row[0] for row in await unit.rows(query)),
        *await _elections(unit, ids, roots),
        *await resting_on(unit, ids, roots),
    )


async def _elections(unit: Reading, ids: Collection[MemberId], roots: Collection[OrganisationId]) -> tuple[str, ...]:
    """Return the names of the elections on paper that are not announced and rest on a person."""
    held = paper_elections.c
    rests = [
        held.id.in_(select(table.c.election_id).where(table.c.member_id.in_(list(ids))))
        for table in (paper_roll, paper_candidates, paper_officers)
    ]
    title = case((within(held.organisation_id, roots), held.title), else_="")
    over = [ElectionState.CERTIFIED, ElectionState.REPORTED, ElectionState.APPROVED, ElectionState.VOID]
    query = select(title).where(held.state.not_in(over), or_(*rests)).order_by(title, held.id)
    return tuple(row[0] for row in await unit.rows(query))


class Extent(Struct, frozen=True, kw_only=True):
    """In how many rows something is held about a person, by kind: of those that go, and of those that are emptied."""

    goes: Mapping[str, int]
    emptied: Mapping[str, int]


async def extent(unit: Reading, held: Held) -> Extent:
    """Return how much is held about a person; kinds without anything are left out."""
    ids, accounts = list(held.entries), list(held.accounts)

    async def count(kinds: Mapping[str, tuple[Table, ...]]) -> dict[str, int]:
        found = {}
        for kind, tables in kinds.items():
            number = 0
            for table in tables:
                which = _named_in_record(ids, accounts) if table is audit else _names(unit, table, ids, accounts)
                number += await unit.value(select(func.count()).select_from(table).where(which)) or 0
            found[kind] = number
        return {kind: number for kind, number in found.items() if number}

    return Extent(goes=await count(GOES_AS), emptied=await count(STAYS_AS))


async def _accounts(unit: Reading, ids: Collection[MemberId]) -> frozenset[UserId]:
    """Return every account that was ever a person's, but for those that are somebody else's by now."""
    found: set[UserId] = set()
    for column, who in (
        (members.c.user_id, members.c.id),
        (edit_entries.c.account, edit_entries.c.member_id),
        (corrections.c.user_id, corrections.c.member_id),
    ):
        rows = await unit.rows(select(column).where(who.in_(list(ids)), column.is_not(None)).distinct())
        found |= {UserId(row[0]) for row in rows}
    taken = select(members.c.user_id).where(members.c.user_id.in_(list(found)), members.c.id.not_in(list(ids)))
    return frozenset(found - {row.user_id for row in await unit.rows(taken)})


async def write_erased(unit: Writing, fact: PersonErased) -> None:
    """Take a person out of every table."""
    await unit.settled()
    ids, accounts = list(fact.members), list(fact.accounts)
    called = {row.name: NOBODY for row in await unit.rows(select(members.c.name).where(members.c.id.in_(ids)))}
    called |= dict.fromkeys(await forget_kept_names(unit, fact.members), NOBODY)
    await forget_names(unit, fact.members, called)
    await forget_people(unit, ids)
    await forget_pledgers(unit, ids)
    await forget_typed(unit, called)
    await forget_dues_words(unit, ids, called, await words_without(unit, ids, accounts))
    await forget_cases(unit, fact.accounts)
    await forget_complaints(unit, fact.accounts)
    await forget_cleanings(unit, fact.accounts)
    await forget_voices(unit, fact.accounts)
    touched = select(edit_entries.c.edit_id).where(edit_entries.c.member_id.in_(ids))
    await unit.execute(update(edits).where(edits.c.id.in_(touched)).values(reason="", other="", on_day=""))
    await forget_in_words(unit, ids, accounts)
    await unit.execute(update(away).where(away.c.contact_id.in_(ids)).values(contact_id=None))
    for table in GOES:
        await unit.execute(delete(table).where(_names(unit, table, ids, accounts)))
    blank = {"reason": None, "note": None, "recorded_by": None, "decided_by": None}
    await unit.execute(update(expectations).where(expectations.c.member_id.in_(ids)).values(**blank))
    await unit.execute(delete(looks).where(looks.c.member_id.in_(ids)))
    state = room_state.c
    await unit.execute(delete(room_state).where(state.type == "m.room.member", state.state_key.in_(accounts)))
    on_roll, stood = ballot_roll.c.member_id.in_(ids), ballot_candidates.c.member_id.in_(ids)
    await unit.execute(update(ballot_roll).where(on_roll).values(reason="", approval=""))
    await unit.execute(update(ballot_candidates).where(stood).values(name=NOBODY, introduction=""))
    listed, stood = paper_roll.c.member_id.in_(ids), paper_candidates.c.member_id.in_(ids)
    await unit.execute(update(paper_roll).where(listed).values(reason="", approval=""))
    due = meeting_register.c.member_id.in_(ids)
    await unit.execute(update(meeting_register).where(due).values(reason="", approval=""))
    await unit.execute(update(paper_candidates).where(stood).values(name=NOBODY, introduction=""))
    await _take_out_of_levels(unit, accounts)
    await _forget_in_record(unit, ids, accounts, fact)
    for table, columns in (*EMPTIED.items(), *_ALSO.items()):
        for name in columns:
            column = table.c[name]
            nothing: dict[str, Any] = {name: None if column.nullable else ""}
            # Who made a room stays with it: what everyone may do there is reckoned from it.
            only = [state.type != "m.room.create"] if table is room_state else []
            await unit.execute(update(table).where(column.in_(accounts), *only).values(**nothing))
    await _empty_entries(unit, fact)


def _names(unit: Reading, table: Table, ids: list[MemberId], accounts: list[UserId]) -> Any:
    """Return that a row is the person's own, by entry or by account."""
    if table is pledge_questions:
        return asked_by(unit, ids)
    own = [table.c[name].in_(ids) for name in ("member_id",) if name in table.c]
    own += [table.c[name].in_(accounts) for name in ("user_id", "sender") if name in table.c]
    own += [table.c[name].in_(accounts) for name in EMPTIED.get(table, ())]
    return or_(members.c.id.in_(ids) if table is members else false(), *own)


def _named_in_record(ids: list[MemberId], accounts: list[UserId]) -> Any:
    return or_(audit.c.actor.in_(accounts), audit.c.subject.in_([*accounts, *ids]))


async def _forget_in_record(unit: Writing, ids: list[MemberId], accounts: list[UserId], fact: PersonErased) -> None:
    """Empty the rows of record that the person made or that are about them; the chain says which they were."""
    named = _named_in_record(ids, accounts)
    numbers = [row.number for row in await unit.rows(select(audit.c.number).where(named).order_by(audit.c.number))]
    await forget(unit, numbers, cause=Cause(f"record:erased:{fact.at.isoformat()}"))


async def _take_out_of_levels(unit: Writing, accounts: list[UserId]) -> None:
    levels = select(room_state).where(room_state.c.type == "m.room.power_levels")
    for row in await unit.rows(levels):
        users = row.content.get("users")
        if not isinstance(users, dict) or not set(accounts) & set(users):
            continue
        content = {**row.content, "users": {user: level for user, level in users.items() if user not in accounts}}
        place = and_(
            room_state.c.room_id == row.room_id,
            room_state.c.type == row.type,
            room_state.c.state_key == row.state_key,
        )
        await unit.execute(update(room_state).where(place).values(content=content))


async def _empty_entries(unit: Writing, fact: PersonErased) -> None:
    keep = {"id", "organisation_id", "merged_into", "left_at"}
    nothing = {column.name: None if column.nullable else "" for column in members.c if column.name not in keep}
    named = update(members).where(members.c.id.in_(list(fact.members)))
    await unit.execute(named.values(**nothing | {"name": NOBODY, "left_at": fact.at}))
