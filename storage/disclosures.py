"""What is held about people: the list of everything personal in every table, and who asked for theirs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from sqlalchemy import Column, String, Table, select

from content.disclosures import DisclosureAsked
from content.identifiers import UserId
from storage.activities import activities, activity_categories, activity_notes, activity_photos
from storage.anchors import anchors
from storage.appraisals import appraisal_grades, paper_grades
from storage.approvals import approvals
from storage.audit import audit, causes, quiet_causes
from storage.away import away, away_contacts
from storage.ballot_links import ballot_links, survey_links
from storage.ballots import (
    ballot_candidates,
    ballot_envelopes,
    ballot_receipts,
    ballot_results,
    ballot_roll,
    ballot_tellers,
    ballots,
)
from storage.bank import bank_items
from storage.cases import case_evidence, case_notes, cases
from storage.catch_ups import catch_ups
from storage.checkins import answers, cards, expectations
from storage.cleanings import cleaning_rooms, cleanings
from storage.complaint_contexts import complaint_contexts
from storage.complaints import complaint_voices, complaints
from storage.corrections import corrections
from storage.credentials import challenges, passwords, recovery_codes, second_factors
from storage.digests import digests
from storage.dues import dues_assessments, dues_entries, dues_handovers, dues_reminders, dues_ways
from storage.dues_questions import dues_questions
from storage.edits import edit_entries, edit_places, edits
from storage.electronic_elections import election_presence, electronic_elections
from storage.electronic_votes import electronic_votes
from storage.exports import exports
from storage.feeds import feeds
from storage.glossary import glossary_entries
from storage.greetings import greeted, greetings
from storage.guards import guard_entries, guard_settings, strikes
from storage.heartbeats import heartbeats
from storage.help_cases import help_case_numbers, help_case_words, help_cases
from storage.hours import learning_counts, learning_entries
from storage.imports import import_branches, import_entries, imports
from storage.inquiries import inquiries
from storage.knocks import knocks
from storage.lecture_questions import lecture_questions
from storage.lessons import lesson_revisions, lessons
from storage.locks import room_locks
from storage.looks import looks
from storage.media import media, media_chunks, media_uploads, upload_limits
from storage.meeting_drafts import meeting_drafts
from storage.meetings import meeting_people, meeting_register, meetings
from storage.members import binding_codes, members
from storage.minutes import meeting_minutes
from storage.misreadings import misreadings
from storage.model_members import selection_nominations, selection_nominees, selection_objections, selections
from storage.mutes import mutes
from storage.organisations import duties, organisation_closure, organisations
from storage.outbox import outbox
from storage.paper_elections import (
    paper_candidates,
    paper_counts,
    paper_elections,
    paper_meetings,
    paper_officers,
    paper_roll,
)
from storage.pledge_questions import pledge_questions
from storage.pledges import pledge_entries, pledges
from storage.policies import policy_bans, policy_lists
from storage.polls import poll_responses, polls
from storage.practice import practice_items, practice_sessions
from storage.record_lines import record_lines
from storage.rehearsals import rehearsals
from storage.resolutions import meeting_tasks, resolutions
from storage.restores import restores
from storage.rooms import direct_rooms, invitations, room_state, rooms
from storage.sanctions import sanction_places, sanctions
from storage.schedules import occurrences, schedules
from storage.server_reports import report_positions
from storage.session_choices import session_choices
from storage.sessions import sessions, sign_in_links
from storage.settings import former_settings, organisation_settings
from storage.shelf import shelf
from storage.shifts import shift_patterns
from storage.sign_ups import sign_up_claims, sign_up_entries, sign_ups
from storage.surveys import survey_answers, survey_people, surveys
from storage.sync import checkpoints, dead_letters, gaps, unreadable
from storage.tables import Instant, metadata
from storage.tallies import branch_months, tallies
from storage.terms import term_seats, terms
from storage.thought_reports import thought_parts, thought_reports
from storage.throttling import tries
from storage.unannounced import unannounced_meetings
from storage.unit import Reading, Writing
from storage.upgrades import upgrades
from storage.vault import vaults
from storage.views import views
from storage.watchwords import watchwords
from storage.workdays import workdays
from storage.write_ins import ballot_write_ins

disclosures = Table(
    "disclosures",
    metadata,
    Column("user_id", String(255), primary_key=True),
    Column("at", Instant, nullable=False),
)


class Why(StrEnum):
    """Why a column is kept back from the file."""

    OPENS = "opens"
    """It opens something, or is the hash of what does."""
    INNER = "inner"
    """It says how we work, and nothing about the person."""
    GUARDS = "guards"
    """It would tell somebody that others complained about them, and so who did."""


class Held(Struct, frozen=True, kw_only=True):
    """What one table may hold about a person.

    ``found_by`` are the columns that name the person, by account or as a member. Of a row, ``given`` is handed out;
    the rest is kept back. ``own_words`` are given only where the first of ``found_by`` names the person; in other rows
    they are another's. ``prefix`` tells for a column with a short word of ours under which keys its sentences are.
    """

    table: Table
    found_by: tuple[str, ...]
    given: tuple[str, ...]
    kept_back: Mapping[str, Why]
    prefix: Mapping[str, str]
    readable: bool
    own_words: tuple[str, ...]


def _held(
    table: Table,
    found_by: str,
    given: str,
    *,
    inner: str = "",
    opens: str = "",
    guards: str = "",
    own_words: str = "",
    readable: bool = True,
    **prefix: str,
) -> Held:
    """Make an entry from names with spaces between them, so that the list below reads as a list."""
    kept_back = dict.fromkeys(inner.split(), Why.INNER) | dict.fromkeys(opens.split(), Why.OPENS)
    kept_back |= dict.fromkeys(guards.split(), Why.GUARDS)
    return Held(
        table=table,
        found_by=tuple(found_by.split()),
        given=tuple(given.split()),
        kept_back=kept_back,
        prefix=prefix,
        readable=readable,
        own_words=tuple(own_words.split()),
    )


PERSONAL: tuple[Held, ...] = (
    _held(
        members,
        "id user_id",
        "name organisation_id category user_id language gender ethnicity born education degree working_since joined "
        "full_since phone post position status floating destination out_of_touch lost_since shift note left_at",
        inner="id merged_into phone_mark",
        opens="sealed sealed_key",
    ),
    _held(binding_codes, "member_id", "expires_at used_at", inner="member_id", opens="code_hash"),
    _held(term_seats, "member_id", "term_id post", inner="member_id place"),
    _held(
        duties,
        "user_id",
        "organisation_id role granted_at granted_by",
        inner="user_id",
        role="duties.role_",
    ),
    _held(
        approvals,
        "subject proposed_by decided_by",
        "act subject detail organisation_id proposed_by proposed_at state decided_by decided_at",
        inner="id",
        readable=False,
    ),
    _held(
        expectations,
        "member_id",
        "occurrence_id branch_id state note decided_at reason recorded_by",
        inner="member_id decided_by local_date",
        state="state.",
        note="checkins.note_",
    ),
    _held(
        answers,
        "member_id",
        "occurrence_id state note at reason cause recorded_by explanation taken_back_at",
        inner="number member_id",
        state="state.",
        note="checkins.note_",
    ),
    _held(session_choices, "member_id", "occurrence_id session at", inner="member_id cause"),
    _held(
        lecture_questions,
        "member_id",
        "occurrence_id text asked_on answer state",
        inner="id member_id",
        state="lectures.state_",
    ),
    _held(
        help_cases,
        "member_id user_id owner",
        "organisation_id number received_on stage category answered_on ended_on asked_at",
        inner="id member_id user_id owner due_on told_on handed_on",
        opens="sealed_key code_hash",
        stage="help_case.stage_",
        category="help_cases.category_",
    ),
    _held(
        help_case_words,
        "user_id by_user",
        "sort said_on text",
        inner="id case_id place member_id user_id by_user is_sealed",
        own_words="text",
        sort="help_cases.sort_",
    ),
    _held(
        sign_up_entries,
        "member_id said_by withdrawn_by",
        "sign_up_id name note brings at said_by withdrawn withdrawn_by why",
        inner="id member_id number returned by_hand",
        own_words="name note why",
    ),
    _held(sign_up_claims, "sender", "sign_up_id event_id", inner="sender entry_id line", readable=False),
    _held(
        sign_ups,
        "author",
        "title organisation_id opened_at closes_at",
        inner="id author room_id activity_id places state closed_at people",
        readable=False,
    ),
    _held(
        activity_photos,
        "member_id",
        "activity_id at caption",
        inner="id member_id event_id room_id data small width height",
    ),
    _held(activity_notes, "member_id", "activity_id at text", inner="id member_id event_id"),
    _held(
        activities,
        "author",
        "title begins_at organisation_id",
        inner="id room_id category place minutes timezone about gathers state people account outcome partners author "
        "made_at",
        readable=False,
    ),
    _held(
        pledges,
        "owner_id person_id author",
        "number organisation_id party matter measure due state percent review made_at",
        inner="id group_id person_id owner_id due_set updated reminded told_on asked author",
        party="pledges.party_",
        state="pledges.state_",
    ),
    _held(
        pledge_entries,
        "by_user",
        "pledge_id sort on percent note",
        inner="id at by_user",
        sort="pledges.sort_",
        readable=False,
    ),
    _held(
        pledge_questions,
        "asker",
        "pledge_id text asked_at named stand answered_at",
        inner="id number asker event is_sealed settled_at owner_told asker_told",
        stand="pledges.stand_",
    ),
    _held(meeting_people, "member_id", "occurrence_id part", inner="member_id", part="meetings.part_"),
    _held(meeting_minutes, "by_user", "occurrence_id number at ended_at", inner="texts done by_user"),
    _held(
        record_lines,
        "by_user member_id",
        "occurrence_id sort text due_on at",
        inner="id member_id by_user",
        sort="record_lines.sort_",
    ),
    _held(meeting_tasks, "member_id", "occurrence_id text due_on done_on", inner="id member_id"),
    _held(meeting_register, "member_id", "occurrence_id may_vote reason", inner="member_id approval"),
    _held(
        learning_entries,
        "member_id",
        "on_day title form hundredths reason recorded_by recorded_at taken_back_by taken_back_at",
        inner="id member_id",
        form="hours.form_",
    ),
    _held(
        dues_assessments,
        "member_id by_user",
        "organisation_id kind fen since text at",
        inner="number id member_id category is_sealed by_user",
        kind="dues.kind_",
        own_words="kind fen since text",
    ),
    _held(
        dues_entries,
        "member_id by_user",
        "organisation_id sort month fen on_day method text at",
        inner="number id member_id central reverses is_sealed by_user",
        sort="dues.sort_",
        method="dues.method_",
        own_words="sort month fen on_day method text",
    ),
    _held(
        dues_handovers,
        "by_user",
        "organisation_id on_day at",
        inner="number id entries since through due_people paid_people due received handed reverses text is_sealed "
        "by_user",
        readable=False,
    ),
    _held(
        dues_reminders,
        "member_id",
        "reminder last at",
        inner="member_id",
        reminder="dues.reminder_",
    ),
    _held(dues_ways, "by_user", "organisation_id text", inner="by_user", readable=False),
    _held(dues_questions, "member_id user_id", "text asked_at", inner="id member_id organisation_id user_id is_sealed"),
    _held(
        poll_responses,
        "sender",
        "poll_id chosen abstains by_text tapped sent_at removed_by event_id",
        inner="sender",
    ),
    _held(
        ballot_roll,
        "member_id",
        "ballot_id may_vote reason approval issued present voted",
        inner="member_id slot",
    ),
    _held(
        ballot_candidates,
        "member_id",
        "ballot_id name introduction",
        inner="member_id place paper_id",
    ),
    _held(
        ballot_tellers,
        "member_id",
        "ballot_id role proven agreed confirmed destroyed_on",
        inner="member_id number share_key",
        opens="asked_hash",
        role="disclosure.teller_",
    ),
    _held(
        appraisal_grades,
        "member_id",
        "ballot_id own mutual final told",
        inner="member_id",
        own="appraisals.grade_",
        mutual="appraisals.grade_",
        final="appraisals.grade_",
        told="appraisals.grade_",
    ),
    _held(
        paper_grades,
        "member_id",
        "election_id own mutual final told",
        inner="member_id",
        own="appraisals.grade_",
        mutual="appraisals.grade_",
        final="appraisals.grade_",
        told="appraisals.grade_",
    ),
    _held(survey_people, "member_id", "survey_id standing", inner="member_id", standing="surveys.standing_"),
    _held(survey_answers, "member_id", "survey_id question said", inner="member_id"),
    _held(
        practice_items, "member_id", "item_id wrong reviewed_at due_at", inner="member_id met_as stability difficulty"
    ),
    _held(practice_sessions, "member_id user_id", "at", inner="member_id user_id queue asked_as", readable=False),
    _held(
        survey_links,
        "member_id",
        "survey_id expires_at",
        inner="member_id tries",
        opens="token_hash code_hash browser_hash",
    ),
    _held(
        ballot_links,
        "member_id",
        "ballot_id expires_at",
        inner="member_id tries",
        opens="token_hash code_hash browser_hash",
    ),
    _held(paper_roll, "member_id", "election_id may_vote reason approval", inner="member_id"),
    _held(paper_candidates, "member_id", "election_id name introduction", inner="member_id place paper_id"),
    _held(
        paper_officers,
        "member_id user_id",
        "election_id office",
        inner="member_id user_id",
        office="disclosure.office_",
    ),
    _held(paper_meetings, "chair_id", "election_id opinions", inner="chair_id"),
    _held(
        paper_counts,
        "member_id agreed_id",
        "election_id place",
        inner="member_id agreed_id counted",
    ),
    _held(election_presence, "member_id", "election_id", inner="member_id"),
    _held(
        electronic_elections,
        "recorded_by confirmed_by",
        "election_id way reference dated",
        inner="recorded_by confirmed confirmed_by ballot_id counted names",
        way="electronic.way_",
    ),
    _held(
        selections,
        "author decided_by posted_by contact_id",
        "title organisation_id stage nominate_until decided_on departure phone posted_on ends_on announced_on",
        inner="id places timezone author ballot_id decided_by contact_id posted_by confirmed",
        stage="selection.stage_",
    ),
    _held(
        selection_nominees,
        "member_id",
        "selection_id standing deeds reason opinion votes",
        inner="member_id",
        standing="selection.standing_",
    ),
    _held(selection_nominations, "member_id", "selection_id reason", inner="member_id nominee_id group_id"),
    _held(
        selection_objections,
        "member_id decided_by",
        "selection_id received_on text outcome answer decided_on",
        inner="id member_id is_sealed decided_by",
        own_words="text",
        outcome="selection.outcome_",
    ),
    _held(
        corrections,
        "member_id user_id",
        "organisation_id occurrence_id text asked_at state answer answered_by answered_at",
        inner="id member_id user_id",
        state="corrections.state_",
    ),
    _held(
        away,
        "member_id contact_id noted_by",
        "since abroad reason returns_on card host noted_at",
        inner="member_id contact_id noted_by asked_for",
        own_words="since abroad reason returns_on card host",
        reason="away.reason_",
    ),
    _held(away_contacts, "member_id by_user", "on_day", inner="id member_id by_user noted_at"),
    _held(
        thought_reports,
        "member_id author replied_by",
        "begun_at handed_in_at replied_at replied_by text",
        inner="id member_id author touched_at is_sealed",
        own_words="text",
    ),
    _held(thought_parts, "member_id", "at text", inner="report_id event_id member_id number letters is_sealed"),
    _held(cases, "user_id opened_by", "number organisation_id opened_at", inner="id user_id opened_by touched_at"),
    _held(
        sanctions,
        "user_id by_user agreed_by lifted_by reviewed_by",
        "step reason said at until state ended_at lifted_why appeal appealed_at appeal_text reviewed_at answer",
        inner="id case_id user_id seconds by_user agreed_by lifted_by is_sealed reviewed_by",
        opens="sealed",
        own_words="said lifted_why appeal_text answer",
        step="sanction.step_",
        reason="sanction.reason_",
        state="sanction.state_",
        appeal="sanction.appeal_",
    ),
    _held(
        case_evidence,
        "sender added_by",
        "said_at until text",
        inner="id case_id sender room_id event_id added_by added_at is_sealed",
        own_words="text",
    ),
    _held(case_notes, "by_user", "at text", inner="id case_id by_user is_sealed"),
    _held(
        strikes,
        "user_id",
        "guard level at",
        inner="id organisation_id room_id event_id user_id",
        guard="guards.name_",
        level="guards.level_",
    ),
    _held(
        complaint_voices,
        "reporter",
        "at origin reason text",
        inner="id complaint_id room_id event_id reporter is_sealed",
        origin="complaints.origin_",
        reason="sanction.reason_",
    ),
    _held(
        complaints,
        "decided_by claimed_by",
        "organisation_id state opened_at claimed_at decided_at note",
        inner="id touched_at claimed_by decided_by case_id is_sealed",
        guards="user_id",
        own_words="note",
        readable=False,
        state="complaints.state_",
    ),
    _held(
        cleanings,
        "user_id by_user ended_by",
        "organisation_id since reason said at state begun_at ended_at",
        inner="id user_id by_user in_chat ready_at ended_by",
        own_words="said",
        reason="sanction.reason_",
        state="cleanings.state_",
    ),
    _held(
        policy_lists,
        "by_user wanted_by applied_by ended_by",
        "organisation_id address state at wanted_at applied_at ended_at",
        inner="id room_id is_refused by_user wanted_by applied_by ended_by",
        state="policies.state_",
    ),
    _held(
        policy_bans,
        "user_id",
        "room_id pattern at lifted_at",
        inner="id list_id organisation_id user_id place is_ours why",
    ),
    _held(
        greetings,
        "by_user",
        "organisation_id text rules way at",
        inner="by_user",
        own_words="text rules",
        way="greetings.way_",
    ),
    _held(greeted, "user_id", "room_id at", inner="user_id"),
    _held(
        knocks,
        "user_id answered_by",
        "room_id at answered_at is_let_in",
        inner="user_id answered_by",
    ),
    _held(
        room_locks,
        "by_user ended_by",
        "room_id organisation_id part at until state ended_at",
        inner="id by_user seconds ended_by place before why settled_at gap who",
        part="locks.part_",
        state="locks.state_",
    ),
    _held(
        unannounced_meetings,
        "recorded_by",
        "recorded_at form held_on title",
        inner="id organisation_id together why pair due present recorded_by taken_back_at",
        form="meetings.form_",
    ),
    _held(mutes, "user_id", "since until", inner="user_id"),
    _held(watchwords, "user_id", "", inner="user_id is_sealed", opens="text", readable=False),
    _held(inquiries, "user_id", "about at until ended", inner="user_id", readable=False),
    _held(misreadings, "user_id", "since last number", inner="user_id", readable=False),
    _held(disclosures, "user_id", "at", inner="user_id"),
    _held(looks, "member_id", "at user_id what day", inner="number member_id place people", what="looks.what_"),
    _held(direct_rooms, "user_id", "room_id encrypted", inner="user_id"),
    _held(invitations, "user_id", "room_id direct at", inner="user_id", readable=False),
    _held(
        sessions,
        "user_id",
        "made_at seen_at language client way proved_at",
        inner="user_id level duties",
        opens="id_hash csrf family",
    ),
    _held(
        second_factors,
        "user_id",
        "kind name made_at used_at",
        inner="id user_id sign_count last_step is_sealed",
        opens="secret credential",
    ),
    _held(recovery_codes, "user_id", "made_at until used_at", inner="user_id place", opens="salt hash", readable=False),
    _held(passwords, "user_id", "chosen_at", inner="user_id", opens="hash"),
    _held(sign_in_links, "user_id", "expires_at used_at", inner="user_id", opens="token_hash"),
    _held(
        polls,
        "starter author",
        "question answers most disclosed organisation_id state opened_at closes_at ended_at",
        inner="id room_id event_id starter author stopped_at closed_at edited_late odd_limit result",
        state="polls.state_",
    ),
    _held(
        lesson_revisions,
        "author",
        "title revision written_at",
        inner="lesson_id body source dated minutes media lecture author",
    ),
    _held(lessons, "author", "title written_at", inner="id owner_id kind pack revision author", readable=False),
    _held(
        schedules,
        "author reviewed_by",
        "owner_id audience_id start at timezone made_at reviewed_at",
        inner="id lessons recurrence weekdays count window_minutes late_minutes author "
        "every nth off_days changes former ended_at urgent "
        "approved review reviewed_by review_note sessions on_days",
        readable=False,
    ),
    _held(feeds, "user_id", "organisation_id made_at", inner="sort user_id", opens="hash"),
    _held(
        outbox,
        "user_id",
        "kind words made_at done_at state last_error",
        inner="number id cause lane room_id user_id card_id poll_id organisation_id subject part revision "
        "quiet unasked language after_id priority not_before expires_at lease_owner lease_until claim_no failures "
        "device_id first_try_at event_id lesson_id urgent picture matter_id",
        readable=False,
    ),
    _held(
        audit,
        "actor subject",
        "at action outcome cause before after",
        inner="number actor subject thing place note digest link authority",
        readable=False,
    ),
    _held(
        import_entries,
        "member_id",
        "before after",
        inner="import_id member_id place branch_id left_id",
        readable=False,
    ),
    _held(
        imports,
        "by_user undone_by",
        "at file counts undone_at kept",
        inner="number id by_user founded undone_by",
        readable=False,
    ),
    _held(
        edit_entries,
        "member_id account",
        "at fields account before after",
        inner="edit_id member_id place branch_id left_id is_new",
        readable=False,
    ),
    _held(
        edits,
        "by_user undone_by",
        "sort at reason other on_day people undone_at kept",
        inner="number id by_user undone_by",
        readable=False,
        sort="edits.sort_",
    ),
    _held(views, "user_id", "name query", inner="id user_id"),
    _held(
        exports,
        "user_id",
        "what asked_at until total",
        inner="id user_id standing language state done file kind tries worker lease_until",
        opens="sealed_key asked sealed",
        readable=False,
    ),
    _held(
        room_state,
        "state_key sender",
        "room_id type content",
        inner="state_key sender event_id",
        readable=False,
    ),
    _held(unreadable, "sender", "event_id room_id at refers_to told_at", inner="session_id sender", readable=False),
    _held(
        dead_letters,
        "sender",
        "cause room_id event_id reason raw at",
        inner="id sender asked_at tried_at aside_at",
        readable=False,
    ),
)
"""Every table that holds something about a person, in the order of the file."""
IMPERSONAL: tuple[Table, ...] = (
    organisations,
    organisation_closure,
    organisation_settings,
    former_settings,
    meeting_drafts,
    activity_categories,
    terms,
    edit_places,
    ballots,
    ballot_envelopes,
    ballot_receipts,
    ballot_results,
    ballot_write_ins,
    surveys,
    bank_items,
    glossary_entries,
    paper_elections,
    electronic_votes,
    media,
    media_chunks,
    media_uploads,
    upload_limits,
    workdays,
    shift_patterns,
    occurrences,
    meetings,
    resolutions,
    catch_ups,
    cards,
    tallies,
    branch_months,
    learning_counts,
    help_case_numbers,
    digests,
    rooms,
    sanction_places,
    guard_settings,
    guard_entries,
    rehearsals,
    complaint_contexts,
    report_positions,
    cleaning_rooms,
    upgrades,
    import_branches,
    shelf,
    causes,
    quiet_causes,
    anchors,
    challenges,
    tries,
    checkpoints,
    restores,
    vaults,
    gaps,
    heartbeats,
)
"""Tables that name no person: the tree, what is taught and when, working days, totals, and where the bot itself stands.

What waits on the shelf is sealed, and nobody here can open it; no more can anyone the envelopes of a ballot, and which
of them is whose is told to nobody, not to its voter either. What is said around a message that was complained about is
sealed for the one page that asked for it, and gone within minutes. Who tried to sign in, and from where, is counted
under hashes, for a day.
"""


async def last_asked(unit: Reading, user: UserId) -> datetime | None:
    """Return when a person last asked for what is held about them."""
    at: datetime | None = await unit.value(select(disclosures.c.at).where(disclosures.c.user_id == user))
    return at


async def write_asked(unit: Writing, fact: DisclosureAsked) -> None:
    """Remember when a person asked."""
    await unit.put(disclosures, {"user_id": fact.user, "at": fact.at}, key=["user_id"])
