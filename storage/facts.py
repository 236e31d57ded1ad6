"""Which facts change which rows: the explicit list through which every change goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from content.amendments import OccurrenceCorrected, OccurrenceWithdrawn
from content.anchors import HeadAnchored
from content.appraisals import Appraised, OutcomeTold
from content.approvals import ProposalDecided, Proposed
from content.ballot_links import BallotLeft, BallotLinkIssued, BallotLinkMissed, BallotLinkUsed
from content.ballots import (
    BallotArchived,
    BallotCast,
    BallotCertified,
    BallotClosed,
    BallotCounted,
    BallotDrafted,
    BallotFrozen,
    BallotOpened,
    BallotVoided,
)
from content.checkins import Answered, AnswersTakenBack
from content.corrections import CorrectionAnswered, CorrectionAsked, CorrectionWithdrawn
from content.credentials import (
    ChallengeMade,
    ChallengeMet,
    CredentialsReset,
    FactorAdded,
    FactorRemoved,
    FactorUsed,
    PasswordChosen,
    RecoveryCodesMade,
    RecoveryCodeUsed,
)
from content.decision import Fact
from content.disclosures import DisclosureAsked
from content.edits import EditUndone, RosterEdited
from content.erasure import PersonErased
from content.exports import Exported
from content.imports import EnrolmentUndone, FoundingUndone, ImportUndone, RosterImported
from content.inquiries import InquiryEnded, InquiryMade
from content.lessons import LessonRevised, LessonWritten
from content.looks import Looked
from content.media import MediumKept
from content.members import AccountBound, CodeIssued, MemberChanged, MemberEnrolled, MemberLeft, MemberReturned
from content.misreadings import Misread
from content.mutes import Muted, Unmuted
from content.occurrences import OccurrenceClosed, OccurrenceMissed, OccurrenceOpened, OccurrenceRevived
from content.organisations import DutyEnded, DutyGranted, OrganisationFounded
from content.paper_elections import (
    CountAgreed,
    CountEntered,
    ElectionApproved,
    ElectionCertified,
    ElectionCounted,
    ElectionFixed,
    ElectionPrepared,
    ElectionReported,
    ElectionVoided,
    MeetingCounted,
)
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
from content.rooms import DirectRoomKept, InvitationTaken, RoomKept, RoomLost, RoomRegained
from content.schedules import LessonsScheduled, OccurrenceCancelled
from content.sessions import (
    LanguageChosen,
    LinkIssued,
    SessionRenewed,
    SessionSeen,
    SignedIn,
    SignedOut,
    SignedOutElsewhere,
)
from content.settings import SettingChosen
from content.structure import OrganisationClosed, OrganisationMoved, OrganisationRenamed, OrganisationReopened
from content.surveys import (
    Replied,
    SurveyCancelled,
    SurveyClosed,
    SurveyDrafted,
    SurveyFinished,
    SurveyLeft,
    SurveyOpened,
)
from content.tellers import CountConfirmed, OpeningAgreed, PossessionAsked, PossessionProven, ShareDestroyed
from content.terms import CommitteeElected
from content.throttling import Tried, TriesForgotten
from content.unheard import HearingAgainAsked, LetterPutAside, SenderTold, StretchAskedAgain, StretchPutAside
from content.upgrades import RoomMoved, UpgradeDoubted, UpgradeSeen
from content.views import ViewForgotten, ViewSaved
from content.workdays import WorkdaySet, YearForgotten, YearListed
from storage import (
    amendments,
    anchors,
    appraisals,
    approvals,
    ballot_links,
    ballots,
    checkins,
    corrections,
    credentials,
    disclosures,
    edits,
    erased_people,
    exports,
    heartbeats,
    imports,
    inquiries,
    lessons,
    looks,
    media,
    members,
    misreadings,
    mutes,
    organisations,
    outbox,
    outbox_claims,
    outbox_fates,
    paper_elections,
    polls,
    relocation,
    restores,
    retention,
    rooms,
    schedules,
    sessions,
    settings,
    shelf,
    structure,
    surveys,
    sync,
    terms,
    throttling,
    unheard,
    upgrades,
    views,
    workdays,
)
from storage.unit import Writing

Writer = Callable[[Writing, Any], Awaitable[None]]

WRITERS: dict[type[Fact], tuple[Writer, ...]] = {
    HeadAnchored: (anchors.write_anchored,),
    OrganisationFounded: (organisations.write_founded, settings.write_founded),
    OrganisationRenamed: (structure.write_renamed,),
    OrganisationMoved: (structure.write_moved, settings.write_moved),
    OrganisationClosed: (structure.write_closed,),
    OrganisationReopened: (structure.write_reopened,),
    SettingChosen: (settings.write_chosen,),
    CommitteeElected: (terms.write_elected,),
    DutyGranted: (organisations.write_granted,),
    DutyEnded: (organisations.write_ended,),
    Proposed: (approvals.write_proposed,),
    ProposalDecided: (approvals.write_decided,),
    MemberEnrolled: (members.write_enrolled,),
    MemberChanged: (members.write_changed,),
    MemberLeft: (members.write_left,),
    MemberReturned: (members.write_returned,),
    CodeIssued: (members.write_issued,),
    AccountBound: (edits.write_bound, members.write_bound),
    RosterEdited: (edits.write_edited,),
    EditUndone: (edits.write_undone,),
    PersonErased: (erased_people.write_erased,),
    ViewSaved: (views.write_saved,),
    ViewForgotten: (views.write_forgotten,),
    RosterImported: (imports.write_imported, edits.write_imported),
    EnrolmentUndone: (imports.write_enrolment_undone,),
    FoundingUndone: (imports.write_founding_undone,),
    ImportUndone: (imports.write_undone, edits.write_import_undone),
    LessonWritten: (lessons.write_written,),
    LessonRevised: (lessons.write_revised,),
    MediumKept: (media.write_kept,),
    media.MediumUploaded: (media.write_uploaded,),
    media.UploadLimitSeen: (media.write_limit,),
    LessonsScheduled: (schedules.write_scheduled,),
    OccurrenceCancelled: (schedules.write_state,),
    OccurrenceOpened: (schedules.write_state, checkins.write_opened),
    OccurrenceMissed: (schedules.write_state, checkins.write_missed),
    OccurrenceRevived: (schedules.write_state, checkins.write_revived),
    OccurrenceClosed: (schedules.write_state, checkins.write_closed),
    OccurrenceCorrected: (amendments.write_corrected,),
    OccurrenceWithdrawn: (amendments.write_withdrawn,),
    Answered: (checkins.write_answered,),
    AnswersTakenBack: (checkins.write_taken_back,),
    InquiryMade: (inquiries.write_made,),
    InquiryEnded: (inquiries.write_ended,),
    CorrectionAsked: (corrections.write_asked,),
    CorrectionAnswered: (corrections.write_answered,),
    CorrectionWithdrawn: (corrections.write_withdrawn,),
    Muted: (mutes.write_muted,),
    Unmuted: (mutes.write_unmuted,),
    Misread: (misreadings.write_misread,),
    Looked: (looks.write_looked,),
    DisclosureAsked: (disclosures.write_asked,),
    Exported: (exports.write_exported,),
    BallotDrafted: (ballots.write_drafted,),
    BallotFrozen: (ballots.write_frozen,),
    PossessionAsked: (ballots.write_asked,),
    PossessionProven: (ballots.write_proven,),
    OpeningAgreed: (ballots.write_agreed,),
    CountConfirmed: (ballots.write_confirmed,),
    BallotOpened: (ballots.write_opened,),
    BallotCast: (ballots.write_cast,),
    BallotClosed: (ballots.write_closed,),
    BallotCounted: (ballots.write_counted,),
    BallotCertified: (ballots.write_certified,),
    BallotVoided: (ballots.write_voided,),
    ShareDestroyed: (ballots.write_share_destroyed,),
    BallotArchived: (ballots.write_archived,),
    Appraised: (appraisals.write_appraised,),
    OutcomeTold: (appraisals.write_told,),
    SurveyDrafted: (surveys.write_drafted,),
    SurveyOpened: (surveys.write_opened,),
    Replied: (surveys.write_replied,),
    SurveyFinished: (surveys.write_finished,),
    SurveyLeft: (surveys.write_left,),
    SurveyClosed: (surveys.write_closed,),
    SurveyCancelled: (surveys.write_cancelled,),
    BallotLinkIssued: (ballot_links.write_issued,),
    BallotLinkMissed: (ballot_links.write_missed,),
    BallotLinkUsed: (ballot_links.write_used,),
    BallotLeft: (ballot_links.write_left,),
    ElectionPrepared: (paper_elections.write_prepared,),
    ElectionFixed: (paper_elections.write_fixed,),
    MeetingCounted: (paper_elections.write_met,),
    CountEntered: (paper_elections.write_entered,),
    CountAgreed: (paper_elections.write_agreed,),
    ElectionCounted: (paper_elections.write_counted,),
    ElectionCertified: (paper_elections.write_certified,),
    ElectionReported: (paper_elections.write_reported,),
    ElectionApproved: (paper_elections.write_approved,),
    ElectionVoided: (paper_elections.write_voided,),
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
    InvitationTaken: (rooms.write_taken,),
    UpgradeSeen: (upgrades.write_seen,),
    UpgradeDoubted: (upgrades.write_doubted,),
    RoomMoved: (upgrades.write_moved,),
    rooms.StateSeen: (rooms.write_state_seen,),
    YearListed: (workdays.write_listed,),
    YearForgotten: (workdays.write_forgotten,),
    WorkdaySet: (workdays.write_set,),
    LinkIssued: (sessions.write_issued,),
    SignedIn: (sessions.write_signed_in,),
    SessionSeen: (sessions.write_seen,),
    LanguageChosen: (sessions.write_language,),
    SessionRenewed: (sessions.write_renewed,),
    SignedOut: (sessions.write_signed_out, shelf.write_signed_out),
    SignedOutElsewhere: (sessions.write_signed_out_elsewhere,),
    Tried: (throttling.write_tried,),
    TriesForgotten: (throttling.write_forgotten,),
    FactorAdded: (credentials.write_added,),
    FactorRemoved: (credentials.write_removed,),
    FactorUsed: (credentials.write_used,),
    RecoveryCodesMade: (credentials.write_codes,),
    RecoveryCodeUsed: (credentials.write_code_used,),
    PasswordChosen: (credentials.write_password,),
    CredentialsReset: (credentials.write_reset, sessions.write_reset),
    ChallengeMade: (credentials.write_challenge,),
    ChallengeMet: (credentials.write_met,),
    shelf.Shelved: (shelf.write_shelved,),
    shelf.Unshelved: (shelf.write_unshelved,),
    outbox.Sent: (outbox_fates.write_sent,),
    outbox.Echoed: (outbox_fates.write_echoed,),
    outbox.Postponed: (outbox_fates.write_postponed,),
    outbox.GivenUp: (outbox_fates.write_given_up,),
    outbox.Retried: (outbox_fates.write_retried,),
    relocation.Moved: (relocation.write_moved,),
    outbox.Cancelled: (outbox_fates.write_cancelled,),
    outbox.ClockSetBack: (outbox_claims.write_clock_set_back,),
    sync.Heard: (sync.write_heard,),
    sync.GapFound: (sync.write_gap,),
    sync.GapFilled: (sync.write_gap_filled,),
    sync.Buried: (sync.write_buried,),
    sync.NotReadable: (sync.write_unreadable,),
    sync.Readable: (sync.write_readable,),
    HearingAgainAsked: (unheard.write_asked,),
    LetterPutAside: (unheard.write_put_aside,),
    unheard.LetterRead: (unheard.write_read,),
    unheard.LetterFailedAgain: (unheard.write_failed_again,),
    unheard.StretchGivenUp: (unheard.write_given_up,),
    StretchAskedAgain: (unheard.write_asked_again,),
    SenderTold: (unheard.write_told,),
    StretchPutAside: (unheard.write_stretch_aside,),
    heartbeats.Beat: (heartbeats.write_beat,),
    retention.Swept: (retention.write_swept,),
    restores.Restored: (restores.write_restored,),
}


async def write(unit: Writing, fact: Fact) -> None:
    """Make a fact so."""
    for writer in WRITERS[type(fact)]:
        await writer(unit, fact)
