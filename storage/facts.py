"""Which facts change which rows: the explicit list through which every change goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from content.checkins import Answered
from content.decision import Fact
from content.lessons import LessonRevised, LessonWritten, PictureKept
from content.members import AccountBound, CodeIssued, MemberChanged, MemberEnrolled
from content.occurrences import OccurrenceClosed, OccurrenceMissed, OccurrenceOpened, OccurrenceRevived
from content.organisations import DutyGranted, OrganisationFounded
from content.polls import (
    PollEditedLate,
    PollEnded,
    PollOpened,
    PollRecounted,
    PollReworded,
    PollShown,
    PollWithdrawn,
    Voted,
    VoteRemoved,
    VotingStopped,
)
from content.rooms import DirectRoomKept, RoomKept, RoomLost, RoomRegained
from content.schedules import LessonsScheduled, OccurrenceCancelled
from content.sessions import LanguageChosen, LinkIssued, SessionSeen, SignedIn, SignedOut
from storage import (
    checkins,
    heartbeats,
    lessons,
    members,
    organisations,
    outbox,
    polls,
    restores,
    retention,
    rooms,
    schedules,
    sessions,
    sync,
)
from storage.unit import Writing

Writer = Callable[[Writing, Any], Awaitable[None]]

WRITERS: dict[type[Fact], tuple[Writer, ...]] = {
    OrganisationFounded: (organisations.write_founded,),
    DutyGranted: (organisations.write_granted,),
    MemberEnrolled: (members.write_enrolled,),
    MemberChanged: (members.write_changed,),
    CodeIssued: (members.write_issued,),
    AccountBound: (members.write_bound,),
    LessonWritten: (lessons.write_written,),
    LessonRevised: (lessons.write_revised,),
    PictureKept: (lessons.write_picture,),
    lessons.PictureUploaded: (lessons.write_uploaded,),
    LessonsScheduled: (schedules.write_scheduled,),
    OccurrenceCancelled: (schedules.write_state,),
    OccurrenceOpened: (schedules.write_state, checkins.write_opened),
    OccurrenceMissed: (schedules.write_state, checkins.write_missed),
    OccurrenceRevived: (schedules.write_state, checkins.write_revived),
    OccurrenceClosed: (schedules.write_state, checkins.write_closed),
    Answered: (checkins.write_answered,),
    PollOpened: (polls.write_opened,),
    PollShown: (polls.write_shown,),
    PollReworded: (polls.write_reworded,),
    PollEditedLate: (polls.write_edited_late,),
    Voted: (polls.write_voted,),
    VoteRemoved: (polls.write_removed,),
    VotingStopped: (polls.write_stopped,),
    PollEnded: (polls.write_ended,),
    PollRecounted: (polls.write_recounted,),
    PollWithdrawn: (polls.write_withdrawn,),
    RoomKept: (rooms.write_kept,),
    RoomLost: (rooms.write_lost,),
    RoomRegained: (rooms.write_regained,),
    DirectRoomKept: (rooms.write_direct,),
    rooms.StateSeen: (rooms.write_state_seen,),
    LinkIssued: (sessions.write_issued,),
    SignedIn: (sessions.write_signed_in,),
    SessionSeen: (sessions.write_seen,),
    LanguageChosen: (sessions.write_language,),
    SignedOut: (sessions.write_signed_out,),
    outbox.Sent: (outbox.write_sent,),
    outbox.Postponed: (outbox.write_postponed,),
    outbox.GivenUp: (outbox.write_given_up,),
    outbox.Retried: (outbox.write_retried,),
    outbox.Cancelled: (outbox.write_cancelled,),
    sync.Heard: (sync.write_heard,),
    sync.GapFound: (sync.write_gap,),
    sync.GapFilled: (sync.write_gap_filled,),
    sync.Buried: (sync.write_buried,),
    sync.NotReadable: (sync.write_unreadable,),
    sync.Readable: (sync.write_readable,),
    heartbeats.Beat: (heartbeats.write_beat,),
    retention.Swept: (retention.write_swept,),
    restores.Restored: (restores.write_restored,),
}


async def write(unit: Writing, fact: Fact) -> None:
    """Make a fact so."""
    for writer in WRITERS[type(fact)]:
        await writer(unit, fact)
