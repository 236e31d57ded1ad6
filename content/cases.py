"""案件: what happened in a room and what was done about it, with evidence that does not stay."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Effect, Fact, Refusal, refused
from content.identifiers import CaseId, Cause, EventId, EvidenceId, OrganisationId, RoomId, UserId, derive
from content.organisations import LEADING, Duty

EVIDENCE_KEPT = timedelta(days=90)
"""How long what was said is kept beside a case; then it is destroyed, whatever became of the case."""

KEPT = timedelta(days=3 * 365)
"""How long a case is kept after its last act; as long as the record says who did something to whom."""

GOES_ON = timedelta(days=30)
"""How long after its last act a case is gone on with instead of another being opened about the same person."""

LONGEST_NOTE = 1000
LONGEST_EVIDENCE = 4000
MOST_EVIDENCE = 20


class Case(Struct, frozen=True, kw_only=True):
    """A matter of one person at one node of the tree; ``number`` is how people call it."""

    id: CaseId
    number: int
    organisation: OrganisationId
    user: UserId
    opened_by: UserId
    opened_at: datetime


class Evidence(Struct, frozen=True, kw_only=True):
    """What was said, as it stood; ``text`` is ``None`` until it is read in its room, and once it is destroyed."""

    id: EvidenceId
    case: CaseId
    text: str | None
    sender: UserId | None
    room: RoomId | None
    event: EventId | None
    said_at: datetime | None
    added_by: UserId
    added_at: datetime
    until: datetime


class CaseOpened(Fact, frozen=True, kw_only=True):
    """A case was opened about a person."""

    case: Case


class NoteAdded(Fact, frozen=True, kw_only=True):
    """Somebody wrote a note that only those who moderate there may read."""

    id: str
    case: CaseId
    text: str
    by: UserId
    at: datetime


class EvidenceKept(Fact, frozen=True, kw_only=True):
    """What was said was put beside a case; a message without its text is still to be read in its room."""

    evidence: Evidence


class KeepEvidence(Effect, frozen=True, kw_only=True):
    """Read a message in its room, and put it beside a case as it stands there."""

    evidence: EvidenceId
    organisation: OrganisationId
    room: RoomId


def is_exempt(user: UserId, *, me: UserId, duties: tuple[Duty, ...]) -> bool:
    """Tell of whom no measure is taken: the bot, and who moderates or leads there, by the duties that reach it."""
    return user == me or any(duty.user == user and duty.role in LEADING for duty in duties)


def open_case(
    user: UserId, at: OrganisationId, *, number: int, by: UserId, cause: Cause, now: datetime
) -> Case | Refusal:
    """Begin a case about a person; whoever is on it themself opens none."""
    if user == by:
        return refused("cases.not_oneself", field="user")
    return Case(
        id=CaseId(derive(cause, "case")), number=number, organisation=at, user=user, opened_by=by, opened_at=now
    )


def add_note(case: Case, text: str, *, by: UserId, cause: Cause, now: datetime) -> Decision | Refusal:
    """Write a note beside a case."""
    text = text.strip()
    if not text:
        return refused("cases.note_empty", field="note")
    if len(text) > LONGEST_NOTE:
        return refused("cases.note_too_long", field="note", most=LONGEST_NOTE)
    return Decision(facts=(NoteAdded(id=derive(cause, "note"), case=case.id, text=text, by=by, at=now),))


def keep_words(case: Case, text: str, *, held: int, by: UserId, cause: Cause, now: datetime) -> Decision | Refusal:
    """Put beside a case what somebody copied out of the room."""
    text = text.strip()
    if not text:
        return refused("cases.evidence_empty", field="evidence")
    if len(text) > LONGEST_EVIDENCE:
        return refused("cases.evidence_too_long", field="evidence", most=LONGEST_EVIDENCE)
    if held >= MOST_EVIDENCE:
        return refused("cases.evidence_too_much", field="evidence", most=MOST_EVIDENCE)
    kept = Evidence(
        id=EvidenceId(derive(cause, "evidence")),
        case=case.id,
        text=text,
        sender=None,
        room=None,
        event=None,
        said_at=None,
        added_by=by,
        added_at=now,
        until=now + EVIDENCE_KEPT,
    )
    return Decision(facts=(EvidenceKept(evidence=kept),))


def ask_for_message(
    case: Case, room: RoomId, event: EventId, *, by: UserId, now: datetime
) -> tuple[EvidenceKept, KeepEvidence]:
    """Have a message read in its room and put beside a case; the same one is kept once."""
    kept = Evidence(
        id=EvidenceId(derive(event, case.id)),
        case=case.id,
        text=None,
        sender=None,
        room=room,
        event=event,
        said_at=None,
        added_by=by,
        added_at=now,
        until=now + EVIDENCE_KEPT,
    )
    return EvidenceKept(evidence=kept), KeepEvidence(evidence=kept.id, organisation=case.organisation, room=room)


def read_message(asked: Evidence, *, sender: UserId, said_at: datetime, text: str) -> EvidenceKept:
    """Put beside a case what a message says."""
    return EvidenceKept(evidence=replace(asked, sender=sender, said_at=said_at, text=text[:LONGEST_EVIDENCE]))
