"""The record: what each fact is about, so that it can be found by person, thing and place; never what was said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct

from content.activities import ActivityChanged, ActivityPlanned
from content.appraisals import Appraised, OutcomeTold
from content.approvals import Act, Proposed
from content.ballot_links import BallotLinkAsked, BallotLinkIssued
from content.cases import CaseOpened, EvidenceKept
from content.checkins import Answered
from content.cleanings import (
    CleaningAsked,
    CleaningBegun,
    CleaningDropped,
    CleaningReady,
    CleaningStopped,
)
from content.corrections import CorrectionAnswered, CorrectionAsked, CorrectionWithdrawn
from content.credentials import FactorAdded
from content.decision import Aside, Discreet, Fact
from content.dues import DuesAssessed, DuesQuestioned, DuesReminded
from content.dues_handovers import DuesHandedOver
from content.dues_ledger import DuesEntered
from content.edits import EditUndone, RosterEdited
from content.erasure import PersonErased
from content.exports import ExportAsked, Exported, ExportFailed, ExportMade
from content.feeds import FeedMade, FeedRevoked
from content.guards import GuardEntriesAdded, GuardEntryDropped, GuardSet
from content.help_case_reminders import HelpCaseDue, HelpCaseReturned
from content.help_cases import HelpCaseAnswered, HelpCaseDescribed, HelpCaseHanded, HelpCaseNoted
from content.identifiers import OrganisationId
from content.imports import ImportUndone, RosterImported
from content.lecture_questions import LectureQuestioned, LectureQuestionWithdrawn
from content.lessons import LessonRevised, LessonWritten
from content.locks import RoomLockAsked, RoomLockDropped, RoomLocked, RoomUnlocked
from content.looks import Looked
from content.meeting_drafts import MeetingDrafted
from content.meetings import MeetingCalled, MeetingChanged
from content.members import MemberChanged, MemberEnrolled
from content.model_members import SelectionCalled
from content.organisations import DutyEnded, DutyGranted, OrganisationFounded
from content.paper_elections import ElectionPrepared
from content.policies import (
    PolicyBanned,
    PolicyListAdded,
    PolicyListApplied,
    PolicyListEnded,
    PolicyListHeldBack,
    PolicyListWanted,
    PolicyUnbanned,
)
from content.polls import PollOpened
from content.resolutions import TaskAssigned
from content.reviews import ReviewAsked, ScheduleApproved, ScheduleReturned
from content.rooms import RoomKept
from content.sanctions import (
    AppealAnswered,
    AppealMade,
    PlaceMoved,
    SanctionDropped,
    SanctionEnded,
    SanctionImposed,
    SanctionLifted,
    SanctionPrepared,
)
from content.schedules import LessonsScheduled
from content.series import SeriesContinued, SeriesEnded, SeriesReplanned, SeriesResumed
from content.sessions import SignedIn
from content.sign_up_sheets import SignUpOpened
from content.survey_links import SurveyLinkAsked
from content.surveys import SurveyDrafted
from content.terms import CommitteeElected, CommitteeTakenBack
from content.upgrades import RoomMoved
from content.workdays import WorkdaySet, YearForgotten, YearListed, YearPutBack


class About(Struct, frozen=True, kw_only=True):
    """What a row of record is about.

    ``thing`` is a kind and an identifier, ``subject`` a member or an account, ``place`` a node of the tree. ``before``
    and ``after`` are keys of our own words, never words of people; a vote has none.
    """

    thing: str | None = None
    subject: str | None = None
    place: OrganisationId | None = None
    before: str | None = None
    after: str | None = None


NOTHING = About()


def _answered(fact: Answered) -> About:
    thing, before, after = f"occurrence:{fact.occurrence}", f"state.{fact.before}", f"state.{fact.after}"
    return About(thing=thing, subject=fact.member, before=before, after=after)


def _meeting(fact: MeetingCalled | MeetingChanged) -> About:
    return About(thing=f"occurrence:{fact.meeting.id}", place=fact.meeting.organisation)


def _activity(fact: ActivityPlanned | ActivityChanged) -> About:
    return About(thing=f"activity:{fact.activity.id}", place=fact.activity.organisation)


def _granted(fact: DutyGranted) -> About:
    duty = fact.duty
    return About(subject=duty.user, place=duty.organisation, after=f"duties.role_{duty.role}")


def _ended(fact: DutyEnded) -> About:
    duty = fact.duty
    return About(subject=duty.user, place=duty.organisation, before=f"duties.role_{duty.role}")


def _member(fact: MemberEnrolled | MemberChanged) -> About:
    return About(thing=f"member:{fact.member.id}", subject=fact.member.id, place=fact.member.organisation)


def _lesson(fact: LessonWritten | LessonRevised) -> About:
    return About(thing=f"lesson:{fact.lesson.id}", place=fact.lesson.owner)


def _asked(fact: CorrectionAsked) -> About:
    one = fact.correction
    return About(thing=f"correction:{one.id}", subject=one.member, place=one.organisation)


def _edited(fact: RosterEdited) -> About:
    if len(fact.entries) != 1:
        return About(thing=f"edit:{fact.id}")
    (only,) = fact.entries
    return About(thing=f"edit:{fact.id}", subject=only.after.id, place=only.branch)


def _import(fact: RosterImported | ImportUndone) -> About:
    return About(thing=f"import:{fact.id}")


def _proposed(fact: Proposed) -> About:
    one = fact.proposal
    if one.act is Act.BAN:
        return About(thing=f"case:{one.detail}", place=one.organisation)
    if one.act in (Act.OPEN_BALLOT, Act.CLOSE_BALLOT, Act.CANCEL_BALLOT):
        return About(thing=f"ballot:{one.subject}", place=one.organisation)
    if one.act is Act.MOVE_NODE:
        return About(thing=f"organisation:{one.organisation}", place=one.organisation)
    return About(subject=one.subject, place=one.organisation)


def _appraised(fact: Appraised | OutcomeTold) -> About:
    return About(thing=f"{'paper' if fact.on_paper else 'ballot'}:{fact.ballot}", subject=fact.member)


def _node(organisation: OrganisationId) -> About:
    return About(thing=f"organisation:{organisation}", place=organisation)


def _year(fact: YearListed | YearForgotten | YearPutBack) -> About:
    return About(thing=f"year:{fact.year}")


_OfSeries = (
    SeriesReplanned | SeriesContinued | SeriesEnded | SeriesResumed | ReviewAsked | ScheduleApproved | ScheduleReturned
)


def _series(fact: _OfSeries) -> About:
    return About(thing=f"schedule:{fact.schedule}")


_OfSanction = (
    SanctionPrepared | SanctionImposed | SanctionEnded | SanctionLifted | SanctionDropped | AppealMade | AppealAnswered
)


def _guarded(fact: GuardSet | GuardEntriesAdded | GuardEntryDropped) -> About:
    thing = f"room:{fact.room}" if fact.room is not None else f"organisation:{fact.organisation}"
    return About(thing=thing, place=fact.organisation)


def _sanction(fact: _OfSanction) -> About:
    one = fact.sanction
    step = f"sanction.step_{one.step}"
    return About(thing=f"case:{one.case}", subject=one.user, place=one.organisation, after=step)


def _help(
    fact: HelpCaseHanded | HelpCaseAnswered | HelpCaseDescribed | HelpCaseDue | HelpCaseReturned,
) -> About:
    before = f"help_case.stage_{fact.before}" if isinstance(fact, HelpCaseAnswered) else None
    after = f"help_case.stage_{fact.stage}" if isinstance(fact, HelpCaseHanded | HelpCaseAnswered) else None
    subject = fact.owner if isinstance(fact, HelpCaseHanded | HelpCaseReturned) else None
    thing = f"help_case:{fact.case}"
    return About(thing=thing, subject=subject, place=fact.organisation, before=before, after=after)


def _help_noted(fact: HelpCaseNoted) -> About:
    return About(thing=f"help_case:{fact.said.case}", place=fact.organisation)


def _lock(fact: RoomLockAsked | RoomLocked | RoomUnlocked | RoomLockDropped) -> About:
    return About(thing=f"room:{fact.lock.room}", place=fact.lock.organisation, after=f"locks.part_{fact.lock.part}")


def _counted(fact: CleaningAsked | CleaningReady | CleaningDropped) -> About:
    # Whose words were only counted is not told to them, and stands in no row about them.
    return About(thing=f"cleaning:{fact.cleaning.id}", place=fact.cleaning.organisation)


def _cleaned(fact: CleaningBegun | CleaningStopped) -> About:
    one = fact.cleaning
    return About(thing=f"cleaning:{one.id}", subject=one.user, place=one.organisation)


_OfPolicy = PolicyListAdded | PolicyListWanted | PolicyListApplied | PolicyListHeldBack | PolicyListEnded


def _policy(fact: _OfPolicy) -> About:
    return About(thing=f"policy:{fact.list.id}", place=fact.list.organisation)


def _kept_out(fact: PolicyBanned | PolicyUnbanned) -> About:
    return About(thing=f"policy:{fact.ban.list}", subject=fact.ban.user, place=fact.ban.organisation)


def _table(fact: ExportMade | ExportFailed) -> About:
    return About(thing=f"table:{fact.what}")


_SPECIAL: dict[type[Fact], Callable[[Any], About]] = {
    HelpCaseHanded: _help,
    HelpCaseAnswered: _help,
    HelpCaseDescribed: _help,
    HelpCaseDue: _help,
    HelpCaseReturned: _help,
    HelpCaseNoted: _help_noted,
    Answered: _answered,
    MeetingCalled: _meeting,
    TaskAssigned: lambda fact: About(thing=f"occurrence:{fact.task.occurrence}", subject=fact.task.member),
    MeetingChanged: _meeting,
    DutyGranted: _granted,
    DutyEnded: _ended,
    OrganisationFounded: lambda fact: About(thing=f"organisation:{fact.organisation.id}", place=fact.organisation.id),
    MemberEnrolled: _member,
    MemberChanged: _member,
    LectureQuestionWithdrawn: lambda fact: About(thing=f"occurrence:{fact.occurrence}", subject=fact.member),
    LectureQuestioned: lambda fact: About(thing=f"occurrence:{fact.question.occurrence}", subject=fact.question.member),
    LessonWritten: _lesson,
    LessonRevised: _lesson,
    LessonsScheduled: lambda fact: About(thing=f"schedule:{fact.schedule.id}", place=fact.schedule.audience),
    FeedMade: lambda fact: About(place=fact.feed.organisation),
    FeedRevoked: lambda fact: NOTHING,
    ReviewAsked: _series,
    ScheduleApproved: _series,
    ScheduleReturned: _series,
    SeriesReplanned: _series,
    SeriesContinued: _series,
    SeriesEnded: _series,
    SeriesResumed: _series,
    CorrectionAsked: _asked,
    CorrectionAnswered: lambda fact: About(thing=f"correction:{fact.id}", after=f"corrections.state_{fact.state}"),
    CorrectionWithdrawn: lambda fact: About(thing=f"correction:{fact.id}"),
    RosterEdited: _edited,
    EditUndone: lambda fact: About(thing=f"edit:{fact.id}"),
    RosterImported: _import,
    ImportUndone: _import,
    SurveyDrafted: lambda fact: About(thing=f"survey:{fact.survey.id}", place=fact.survey.organisation),
    ElectionPrepared: lambda fact: About(thing=f"paper:{fact.paper.id}", place=fact.paper.organisation),
    SelectionCalled: lambda fact: About(thing=f"selection:{fact.selection.id}", place=fact.selection.organisation),
    ActivityPlanned: _activity,
    ActivityChanged: _activity,
    MeetingDrafted: lambda fact: About(place=fact.draft.organisation),
    SignUpOpened: lambda fact: About(thing=f"sign_up:{fact.sign_up.id}", place=fact.sign_up.organisation),
    PollOpened: lambda fact: About(thing=f"poll:{fact.poll.id}", place=fact.poll.organisation),
    RoomKept: lambda fact: About(thing=f"room:{fact.room.id}", place=fact.room.organisation),
    RoomMoved: lambda fact: About(thing=f"room:{fact.new.id}", place=fact.new.organisation),
    Looked: lambda fact: About(subject=fact.member, place=fact.place),
    SignedIn: lambda fact: About(subject=fact.session.user),
    PersonErased: lambda fact: About(thing=f"member:{fact.members[0]}"),
    Proposed: _proposed,
    Appraised: _appraised,
    OutcomeTold: _appraised,
    Exported: lambda fact: About(thing=f"table:{fact.what}", place=fact.place),
    ExportAsked: lambda fact: About(thing=f"table:{fact.export.what}"),
    ExportMade: _table,
    ExportFailed: _table,
    FactorAdded: lambda fact: About(subject=fact.factor.user),
    CommitteeElected: lambda fact: _node(fact.term.organisation),
    CommitteeTakenBack: lambda fact: _node(fact.organisation),
    YearListed: _year,
    YearForgotten: _year,
    YearPutBack: _year,
    WorkdaySet: lambda fact: About(thing=f"year:{fact.day.date.year}"),
    CaseOpened: lambda fact: About(thing=f"case:{fact.case.id}", subject=fact.case.user, place=fact.case.organisation),
    # Whom a row of dues names has paid, and whom none names has not: the record says where, and never who.
    DuesAssessed: lambda fact: About(place=fact.assessment.organisation),
    DuesEntered: lambda fact: About(place=fact.entry.organisation),
    DuesHandedOver: lambda fact: About(place=fact.handover.organisation),
    DuesQuestioned: lambda fact: About(place=fact.question.organisation),
    DuesReminded: lambda fact: NOTHING,
    **dict.fromkeys((GuardSet, GuardEntriesAdded, GuardEntryDropped), _guarded),
    PlaceMoved: lambda fact: About(thing=f"room:{fact.new}"),
    EvidenceKept: lambda fact: About(thing=f"case:{fact.evidence.case}"),
    **dict.fromkeys(
        (PolicyListAdded, PolicyListWanted, PolicyListApplied, PolicyListHeldBack, PolicyListEnded), _policy
    ),
    **dict.fromkeys((PolicyBanned, PolicyUnbanned), _kept_out),
    **dict.fromkeys((CleaningAsked, CleaningReady, CleaningDropped), _counted),
    **dict.fromkeys((CleaningBegun, CleaningStopped), _cleaned),
    **dict.fromkeys((RoomLockAsked, RoomLocked, RoomUnlocked, RoomLockDropped), _lock),
    **dict.fromkeys(
        (
            *(SanctionPrepared, SanctionImposed, SanctionEnded, SanctionLifted, SanctionDropped),
            *(AppealMade, AppealAnswered),
        ),
        _sanction,
    ),
}
"""Facts that hold what they are about in a shape of their own; of others the names of their parts tell it."""

_BY_ID = {
    "Retried": "message",
    "Hastened": "message",
    "Cancelled": "message",
    "HearingAgainAsked": "letter",
    "LetterPutAside": "letter",
    "StretchAskedAgain": "stretch",
    "StretchPutAside": "stretch",
    "ProposalDecided": "proposal",
}
"""Facts that name nothing but the identifier of what they are about, and what kind of thing that is."""

THINGS = (
    "complaint",
    "occurrence",
    "poll",
    "sign_up",
    "activity",
    "pledge",
    "ballot",
    "survey",
    "selection",
    "paper",
    "lesson",
    "member",
    "room",
    "item",
    "entry",
    "organisation",
    "case",
)
PEOPLE = ("member", "user")
LONGEST_ID = 255


_Parts = tuple[str | None, str | None, bool]
_PARTS: dict[type[Fact], _Parts] = {}


def _parts(kind: type[Fact]) -> _Parts:
    """Return under which names a kind of fact holds its thing, its person and its place."""
    known = _PARTS.get(kind)
    if known is None:
        known = _PARTS[kind] = _parts_of(set(kind.__struct_fields__))
    return known


def _parts_of(names: set[str]) -> _Parts:
    thing = next((one for one in THINGS if one in names), None)
    person = next((one for one in PEOPLE if one in names), None)
    return thing, person, "organisation" in names


def about_one(fact: Fact) -> About:
    """Return what a fact is about."""
    if isinstance(fact, Aside):
        return NOTHING
    if isinstance(fact, BallotLinkIssued | BallotLinkAsked | SurveyLinkAsked):
        # Even of one person alone: it would say who had not voted by then.
        return NOTHING
    special = _SPECIAL.get(type(fact))
    if special is not None:
        return special(fact)
    own = _BY_ID.get(type(fact).__name__)
    if own is not None:
        return About(thing=f"{own}:{_id(fact, 'id')}")
    thing, person, placed = _parts(type(fact))
    named, place = _id(fact, thing), _id(fact, "organisation") if placed else None
    return About(
        thing=f"{thing}:{named}" if named else None,
        subject=_id(fact, person),
        place=OrganisationId(place) if place else None,
    )


def _id(fact: Fact, name: str | None) -> str | None:
    """Return the identifier that a part of a fact is or has; never more of it."""
    value = getattr(fact, name) if name else None
    found = value if isinstance(value, str) else getattr(value, "id", None)
    return found if isinstance(found, str) and len(found) <= LONGEST_ID else None


def about(facts: Sequence[Fact]) -> About:
    """Return what a decision is about: the first thing and place that its facts name, and a person if there is one.

    Where one of them is discreet it is about those alone, and never about a person or their private room.
    """
    facts = told(facts)
    if any(isinstance(fact, Discreet) for fact in facts):
        return _unnamed(about_one(fact) for fact in facts)
    if len(facts) == 1:
        return about_one(facts[0])
    found = [about_one(fact) for fact in facts]
    people = {one.subject for one in found if one.subject is not None}
    alone = len(people) == 1
    return About(
        thing=next((one.thing for one in found if one.thing), None),
        subject=people.pop() if alone else None,
        place=next((one.place for one in found if one.place), None),
        before=next((one.before for one in found if one.before), None) if alone else None,
        after=next((one.after for one in found if one.after), None) if alone else None,
    )


def told(facts: Sequence[Fact]) -> Sequence[Fact]:
    """Return of which facts of a decision the record tells: where some are discreet, of nothing beside them."""
    discreet = [fact for fact in facts if isinstance(fact, Discreet)]
    return discreet or [fact for fact in facts if not isinstance(fact, Aside)]


_NAMING = ("member:", "room:")
"""How things begin that say whom something is about."""


def _unnamed(found: Iterable[About]) -> About:
    found = list(found)
    return About(
        thing=next((one.thing for one in found if one.thing and not one.thing.startswith(_NAMING)), None),
        place=next((one.place for one in found if one.place), None),
    )
