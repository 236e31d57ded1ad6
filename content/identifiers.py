"""Names of things, each its own type, and the one way to make a new one from the cause that made it."""

from __future__ import annotations

import hashlib
from itertools import product
from typing import NewType

Cause = NewType("Cause", str)
"""What makes a thing happen once: ``event:<matrix event>``, ``form:<nonce>``, ``occurrence:<id>:<verb>`` …"""

OrganisationId = NewType("OrganisationId", str)
MemberId = NewType("MemberId", str)
LessonId = NewType("LessonId", str)
ScheduleId = NewType("ScheduleId", str)
OccurrenceId = NewType("OccurrenceId", str)
CardId = NewType("CardId", str)
PollId = NewType("PollId", str)
BallotId = NewType("BallotId", str)
SurveyId = NewType("SurveyId", str)
ItemId = NewType("ItemId", str)
EntryId = NewType("EntryId", str)
LectureQuestionId = NewType("LectureQuestionId", str)
HoursId = NewType("HoursId", str)
AssessmentId = NewType("AssessmentId", str)
DuesEntryId = NewType("DuesEntryId", str)
HandoverId = NewType("HandoverId", str)
DuesQuestionId = NewType("DuesQuestionId", str)
PaperElectionId = NewType("PaperElectionId", str)
SelectionId = NewType("SelectionId", str)
ObjectionId = NewType("ObjectionId", str)
ImportId = NewType("ImportId", str)
CorrectionId = NewType("CorrectionId", str)
EditId = NewType("EditId", str)
ViewId = NewType("ViewId", str)
ExportId = NewType("ExportId", str)
TermId = NewType("TermId", str)
ResolutionId = NewType("ResolutionId", str)
TaskId = NewType("TaskId", str)
LineId = NewType("LineId", str)
UnannouncedId = NewType("UnannouncedId", str)
ProposalId = NewType("ProposalId", str)
FactorId = NewType("FactorId", str)
CaseId = NewType("CaseId", str)
EvidenceId = NewType("EvidenceId", str)
SanctionId = NewType("SanctionId", str)
StrikeId = NewType("StrikeId", str)
RehearsalId = NewType("RehearsalId", str)
ComplaintId = NewType("ComplaintId", str)
VoiceId = NewType("VoiceId", str)
ContextId = NewType("ContextId", str)
LockId = NewType("LockId", str)
CleaningId = NewType("CleaningId", str)
PolicyListId = NewType("PolicyListId", str)
PolicyBanId = NewType("PolicyBanId", str)
SignUpId = NewType("SignUpId", str)
SignUpEntryId = NewType("SignUpEntryId", str)
ActivityId = NewType("ActivityId", str)
HelpCaseId = NewType("HelpCaseId", str)
HelpWordsId = NewType("HelpWordsId", str)
ContactId = NewType("ContactId", str)
ThoughtReportId = NewType("ThoughtReportId", str)
PledgeId = NewType("PledgeId", str)
PledgeEntryId = NewType("PledgeEntryId", str)
PledgeQuestionId = NewType("PledgeQuestionId", str)
RoomId = NewType("RoomId", str)
"""Opaque: rooms of version 12 have no server part."""
UserId = NewType("UserId", str)
EventId = NewType("EventId", str)
OutboxId = NewType("OutboxId", str)


# Base 32 in lower case, two letters at a time: the standard library's takes five times as long.
_PAIRS = ["".join(pair) for pair in product("abcdefghijklmnopqrstuvwxyz234567", repeat=2)]
_PLACES = range(110, -1, -10)


def derive(cause: str, *parts: str | int) -> str:
    """Return 24 letters and digits (120 bits) that depend on the cause and its parts only.

    The same cause always makes the same identifiers, so that doing a thing again finds what the first time made.
    A cause holds at least 120 unguessable bits (a Matrix event id, a form's nonce) or is itself derived from one.
    """
    text = "\x1f".join([cause, *(str(part) for part in parts)])
    number = int.from_bytes(hashlib.blake2s(text.encode(), digest_size=15).digest(), "big")
    return "".join([_PAIRS[number >> place & 1023] for place in _PLACES])
