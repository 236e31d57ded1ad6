"""Choosing model members: the call, nominations and consent, the review, the decision, the publicity, the announcement.

Whom the branch recommends is voted on in a secret ballot; its votes are a reference, and the committee decides. Who has
nominated whom, and why, is for the committee alone; what is objected is for who hears objections alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from content.ballots import LONGEST_TITLE, Ballot
from content.ballots import State as BallotState
from content.confusables import skeleton
from content.decision import Decision, Discreet, Fact, Refusal, Say, Tell, Words, discreetly, refused, words
from content.discreet import repr_without
from content.identifiers import BallotId, MemberId, ObjectionId, OrganisationId, RoomId, SelectionId, UserId
from content.organisations import Duty, Role
from content.workdays import WorkCalendar

FEWEST_DAYS, MOST_DAYS = 5, 60
"""Of publicity, in working days; the day after the notice is the first."""
MOST_PLACES = 50
MOST_NOMINATIONS = 5
"""How many people one member may nominate in one selection."""
LONGEST_REASON = 500
LONGEST_PHONE = 40
SHORTEST_CALL, LONGEST_CALL = timedelta(hours=1), timedelta(days=90)

Room = tuple[RoomId, OrganisationId]


class Stage(StrEnum):
    """Where a selection stands: never back, but for a notice that an objection has changed."""

    CALLED = "called"
    REVIEWED = "reviewed"
    CONSIDERED = "considered"
    PUBLIC = "public"
    ANNOUNCED = "announced"
    ENDED = "ended"


OVER = frozenset({Stage.ANNOUNCED, Stage.ENDED})


class Standing(StrEnum):
    """Where somebody who was nominated stands; the last three are ways out."""

    NOMINATED = "nominated"
    CONSENTED = "consented"
    REVIEWED = "reviewed"
    CHOSEN = "chosen"
    NOT_CHOSEN = "not_chosen"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"


OUT = frozenset({Standing.NOT_CHOSEN, Standing.WITHDRAWN, Standing.REJECTED})


class Outcome(StrEnum):
    """What became of an objection."""

    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


class Selection(Struct, frozen=True, kw_only=True):
    """One selection of model members; ``confirmed`` tells whether the calendar of its publicity is known.

    ``departure`` is why the committee did not follow the order of the votes. Who has decided does not post the notice.
    """

    id: SelectionId
    organisation: OrganisationId
    title: str
    places: int
    nominate_until: datetime
    timezone: str
    stage: Stage = Stage.CALLED
    ballot: BallotId | None = None
    decided_by: UserId | None = None
    decided_on: date | None = None
    departure: str = ""
    contact: MemberId | None = None
    phone: str = ""
    posted_on: date | None = None
    ends_on: date | None = None
    confirmed: bool = True
    announced_on: date | None = None

    def day(self, at: datetime) -> date:
        """Return the day that an instant lies on where the selection is held."""
        return at.astimezone(ZoneInfo(self.timezone)).date()


class Nominee(Struct, frozen=True, kw_only=True):
    """Somebody who was nominated: ``reason`` says why they go no further, ``opinion`` what the committee says."""

    member: MemberId
    standing: Standing
    deeds: str = ""
    reason: str = ""
    opinion: str = ""
    votes: int | None = None


class SelectionCalled(Fact, frozen=True, kw_only=True):
    """Members were called to nominate."""

    selection: Selection
    author: UserId


class MemberNominated(Discreet, frozen=True, kw_only=True):
    """A member nominated another, or a group did through who leads it; what they said before of it is replaced."""

    selection: SelectionId
    organisation: OrganisationId
    nominee: MemberId
    by: MemberId
    group: OrganisationId | None
    reason: str

    def __repr__(self) -> str:
        return repr_without(self, "reason")


class NominationAnswered(Fact, frozen=True, kw_only=True):
    """Who was nominated agrees or does not; what they agreed to before they may take back."""

    selection: SelectionId
    organisation: OrganisationId
    nominee: MemberId
    agreed: bool


class NomineesReviewed(Fact, frozen=True, kw_only=True):
    """The committee has looked at everyone: who goes forward, and why somebody does not."""

    selection: SelectionId
    organisation: OrganisationId
    deeds: Mapping[MemberId, str]
    rejected: Mapping[MemberId, str]
    silent: tuple[MemberId, ...]


class SelectionBallotLinked(Fact, frozen=True, kw_only=True):
    """The vote of recommendation is this secret ballot."""

    selection: SelectionId
    organisation: OrganisationId
    ballot: BallotId


class SelectionDecided(Fact, frozen=True, kw_only=True):
    """The committee has decided, with the votes as a reference."""

    selection: SelectionId
    organisation: OrganisationId
    chosen: tuple[MemberId, ...]
    votes: Mapping[MemberId, int]
    opinions: Mapping[MemberId, str]
    departure: str
    by: UserId
    on: date


class NoticePosted(Fact, frozen=True, kw_only=True):
    """The publicity began, or began anew."""

    selection: SelectionId
    organisation: OrganisationId
    contact: MemberId
    phone: str
    posted_on: date
    ends_on: date
    confirmed: bool
    by: UserId


class ObjectionRaised(Discreet, frozen=True, kw_only=True):
    """Somebody objects; nothing goes on before there is an outcome."""

    selection: SelectionId
    organisation: OrganisationId
    id: ObjectionId
    member: MemberId
    text: str
    on: date

    def __repr__(self) -> str:
        return repr_without(self, "text")


class ObjectionDecided(Fact, frozen=True, kw_only=True):
    """An objection has its outcome; ``against`` is who is chosen no longer, where it was right."""

    selection: SelectionId
    organisation: OrganisationId
    id: ObjectionId
    outcome: Outcome
    against: MemberId | None
    answer: str
    by: UserId
    on: date

    def __repr__(self) -> str:
        return repr_without(self, "answer")


class SelectionAnnounced(Fact, frozen=True, kw_only=True):
    """Those who were chosen were announced."""

    selection: SelectionId
    organisation: OrganisationId
    on: date


class SelectionEnded(Fact, frozen=True, kw_only=True):
    """A selection came to nothing; what was said in it stays on record."""

    selection: SelectionId
    organisation: OrganisationId


class Objection(Struct, frozen=True, kw_only=True):
    """Something objected during the publicity, and what became of it."""

    id: ObjectionId
    selection: SelectionId
    member: MemberId
    text: str
    received_on: date
    outcome: Outcome = Outcome.OPEN
    answer: str = ""
    decided_on: date | None = None

    def __repr__(self) -> str:
        return repr_without(self, "text", "answer")


# --- the call and the nominations -------------------------------------------------------------------------------------


def call(selection: Selection, *, author: UserId, rooms: Iterable[Room], now: datetime) -> Decision | Refusal:
    """Call members to nominate, in their rooms; what they say comes in private."""
    if not 1 <= len(selection.title) <= LONGEST_TITLE:
        return refused("selection.no_title", field="title", most=LONGEST_TITLE)
    if not 1 <= selection.places <= MOST_PLACES:
        return refused("selection.bad_places", field="places", most=MOST_PLACES)
    if not now + SHORTEST_CALL <= selection.nominate_until <= now + LONGEST_CALL:
        return refused("selection.bad_time", field="date", days=LONGEST_CALL.days)
    said = words("selection.room_called", title=selection.title, n=selection.places, until=selection.nominate_until)
    return Decision(facts=(SelectionCalled(selection=selection, author=author),), effects=_say(rooms, said))


def nominate(
    selection: Selection,
    known: Nominee | None,
    nominee: MemberId,
    account: UserId | None,
    *,
    barred: bool,
    by: MemberId,
    sender: UserId,
    group: OrganisationId | None,
    made: Collection[MemberId],
    reason: str,
    now: datetime,
) -> Decision | Refusal:
    """Nominate somebody, with a reason; who is nominated for the first time is asked in private whether they agree.

    ``barred`` tells that the rules keep them out, ``made`` whom the same member has nominated before.
    """
    if selection.stage is not Stage.CALLED or now >= selection.nominate_until:
        return discreetly(refused("selection.nominations_over", title=selection.title))
    if nominee == by:
        return discreetly(refused("selection.not_oneself", field="name"))
    if barred:
        return discreetly(refused("selection.may_not_be_chosen", field="name"))
    if known is not None and known.standing is Standing.WITHDRAWN:
        return discreetly(refused("selection.does_not_want", field="name"))
    if len(set(made) - {nominee}) >= MOST_NOMINATIONS:
        return discreetly(refused("selection.too_many_nominated", most=MOST_NOMINATIONS))
    said = " ".join(reason.split())
    if not 1 <= len(said) <= LONGEST_REASON:
        return discreetly(refused("selection.no_reason", field="reason", most=LONGEST_REASON))
    nominated = MemberNominated(
        selection=selection.id, organisation=selection.organisation, nominee=nominee, by=by, group=group, reason=said
    )
    effects = [Tell(user=sender, words=words("selection.nominated", title=selection.title))]
    if known is None and account is not None:
        # Whether one agrees is theirs to say; who has named them is not for them to know.
        effects.append(Tell(user=account, words=words("selection.do_you_agree", title=selection.title)))
    return Decision(facts=(nominated,), effects=tuple(effects))


def answer(selection: Selection, nominee: Nominee | None, agreed: bool, *, to: UserId | None) -> Decision | Refusal:
    """Take the answer of who was nominated; a yes may be taken back until the announcement, a no stands."""
    late = selection.stage in OVER or (agreed and selection.stage is not Stage.CALLED)
    if nominee is None or nominee.standing in OUT or late:
        return refused("selection.nothing_to_answer")
    if agreed and nominee.standing is not Standing.NOMINATED:
        return refused("selection.agreed_already", title=selection.title)
    answered = NominationAnswered(
        selection=selection.id, organisation=selection.organisation, nominee=nominee.member, agreed=agreed
    )
    said = words("selection.thanks_agreed" if agreed else "selection.thanks_declined", title=selection.title)
    return Decision(facts=(answered,), effects=(Tell(user=to, words=said),) if to is not None else ())


# --- the committee ----------------------------------------------------------------------------------------------------


def review(
    selection: Selection,
    nominees: Sequence[Nominee],
    *,
    deeds: Mapping[MemberId, str],
    rejected: Mapping[MemberId, str],
    accounts: Mapping[MemberId, UserId],
    now: datetime,
) -> Decision | Refusal:
    """Say of everyone who agreed that they go forward, or why not; who has not answered is no candidate."""
    if selection.stage is not Stage.CALLED:
        return _not_now(selection)
    if now < selection.nominate_until:
        return refused("selection.nominations_open", until=selection.nominate_until)
    agreed = {one.member for one in nominees if one.standing is Standing.CONSENTED}
    if not set(rejected) <= agreed or not all(_fits(reason) for reason in rejected.values()):
        return refused("selection.no_reason_against", field="rejected", most=LONGEST_REASON)
    forward = agreed - set(rejected)
    if not forward:
        return refused("selection.nobody_goes_forward", field="rejected")
    if any(len(text) > LONGEST_REASON for text in deeds.values()):
        return refused("selection.long_text", field="deeds", most=LONGEST_REASON)
    silent = tuple(one.member for one in nominees if one.standing is Standing.NOMINATED)
    reviewed = NomineesReviewed(
        selection=selection.id,
        organisation=selection.organisation,
        deeds={member: deeds.get(member, "") for member in sorted(forward)},
        rejected=rejected,
        silent=silent,
    )
    told = [
        Tell(user=accounts[member], words=said, unasked=True)
        for member in sorted(agreed)
        if member in accounts
        for said in (
            words("selection.goes_forward", title=selection.title)
            if member in forward
            else words("selection.goes_no_further", title=selection.title, reason=rejected[member]),
        )
    ]
    return Decision(facts=(reviewed,), effects=tuple(told))


def link_ballot(
    selection: Selection, nominees: Sequence[Nominee], ballot: Ballot, *, before: Ballot | None
) -> Fact | Refusal:
    """Let a secret ballot be the vote of recommendation: on those who go forward, all of them and nobody else.

    ``before`` is the ballot that it was until now; only one that came to nothing is replaced.
    """
    if selection.stage is not Stage.REVIEWED or (before is not None and before.state is not BallotState.VOID):
        return _not_now(selection)
    forward = {one.member for one in nominees if one.standing is Standing.REVIEWED}
    same = ballot.organisation == selection.organisation
    if {one.member for one in ballot.candidates} != forward or not same:
        return refused("selection.other_candidates", field="candidates")
    return SelectionBallotLinked(selection=selection.id, organisation=selection.organisation, ballot=ballot.id)


def votes_of(ballot: Ballot, tally: Mapping[str, Sequence[int]]) -> dict[MemberId, int]:
    """Return how many recommend each of those who were voted on."""
    return {one.member: tally[one.id][0] for one in ballot.candidates if one.member is not None and one.id in tally}


def departs(chosen: Collection[MemberId], votes: Mapping[MemberId, int]) -> bool:
    """Tell whether somebody was passed over who has more votes than one who was chosen; equal votes are no order."""
    least = min((votes.get(one, 0) for one in chosen), default=0)
    return any(number > least for one, number in votes.items() if one not in chosen)


def decide(
    selection: Selection,
    nominees: Sequence[Nominee],
    ballot: Ballot | None,
    votes: Mapping[MemberId, int],
    *,
    chosen: Sequence[MemberId],
    opinions: Mapping[MemberId, str],
    departure: str,
    by: UserId,
    today: date,
) -> Decision | Refusal:
    """Take what the committee has decided once the vote is certified; another order than the votes' needs a reason."""
    voted = ballot is not None and ballot.state in (BallotState.CERTIFIED, BallotState.ARCHIVED)
    if selection.stage is not Stage.REVIEWED:
        return _not_now(selection)
    if not voted:
        return refused("selection.not_voted_yet")
    standing = {one.member for one in nominees if one.standing is Standing.REVIEWED}
    if not 1 <= len(chosen) <= selection.places or not set(chosen) <= standing:
        return refused("selection.bad_choice", field="chosen", most=selection.places)
    passed_over = departs(chosen, {one: number for one, number in votes.items() if one in standing})
    said = " ".join(departure.split())
    if passed_over and not _fits(said):
        return refused("selection.no_departure", field="departure", most=LONGEST_REASON)
    if any(len(text) > LONGEST_REASON for text in opinions.values()):
        return refused("selection.long_text", field="opinions", most=LONGEST_REASON)
    decided = SelectionDecided(
        selection=selection.id,
        organisation=selection.organisation,
        chosen=tuple(chosen),
        votes=votes,
        opinions=opinions,
        departure=said if passed_over else "",
        by=by,
        on=today,
    )
    return Decision(facts=(decided,))


# --- the publicity ----------------------------------------------------------------------------------------------------


def post(
    selection: Selection,
    nominees: Sequence[Nominee],
    *,
    names: Mapping[MemberId, str],
    hearers: Collection[MemberId],
    contact: MemberId,
    phone: str,
    days: int,
    calendar: WorkCalendar,
    rooms: Iterable[Room],
    by: UserId,
    today: date,
) -> Decision | Refusal:
    """Post the notice, as the second of two; in the publicity this is its correction, and a new window begins.

    ``hearers`` are those who may take objections; where there are none, nothing is posted.
    """
    if selection.stage not in (Stage.CONSIDERED, Stage.PUBLIC):
        return _not_now(selection)
    if selection.decided_by == by:
        return refused("selection.another_posts")
    chosen = chosen_of(nominees)
    if not chosen:
        return refused("selection.nobody_chosen")
    if not hearers:
        return refused("selection.nobody_hears", field="contact")
    if contact not in hearers:
        return refused("selection.no_contact", field="contact")
    if not FEWEST_DAYS <= days <= MOST_DAYS:
        return refused("selection.too_short", field="days", least=FEWEST_DAYS, most=MOST_DAYS)
    if len(phone) > LONGEST_PHONE:
        return refused("selection.long_phone", field="phone", most=LONGEST_PHONE)
    end = calendar.after(today, days)
    posted = NoticePosted(
        selection=selection.id,
        organisation=selection.organisation,
        contact=contact,
        phone=phone,
        posted_on=today,
        ends_on=end.date,
        confirmed=end.confirmed,
        by=by,
    )
    said = words(
        "selection.room_notice",
        title=selection.title,
        names="、".join(names.get(one.member, "") for one in chosen),
        first=calendar.after(today).date.isoformat(),
        last=end.date.isoformat(),
        n=days,
        contact=names.get(contact, ""),
    )
    return Decision(facts=(posted,), effects=_say(rooms, said))


def object_to(
    selection: Selection,
    *,
    id: ObjectionId,  # noqa: A002
    by: MemberId,
    sender: UserId,
    text: str,
    hearers: Iterable[UserId],
    today: date,
) -> Decision | Refusal:
    """Take an objection during the publicity: who hears them learns that there is one, and nobody else does."""
    if selection.stage is not Stage.PUBLIC or selection.ends_on is None or today > selection.ends_on:
        return discreetly(refused("selection.nothing_public"))
    said = text.strip()
    if not _fits(said):
        return discreetly(refused("selection.no_objection", most=LONGEST_REASON))
    raised = ObjectionRaised(
        selection=selection.id, organisation=selection.organisation, id=id, member=by, text=said, on=today
    )
    heard = words("selection.objection_came", title=selection.title)
    told = tuple(Tell(user=one, words=heard, unasked=True) for one in sorted(set(hearers) - {sender}))
    thanks = Tell(user=sender, words=words("selection.objection_kept", title=selection.title))
    return Decision(facts=(raised,), effects=(thanks, *told))


def settle_objection(
    selection: Selection,
    objection: Objection,
    nominees: Sequence[Nominee],
    *,
    upheld: bool,
    against: MemberId | None,
    answer: str,
    by: UserId,
    objector: UserId | None,
    today: date,
) -> Decision | Refusal:
    """Give an objection its outcome. Who it is right against is chosen no longer, and the notice has to be posted anew.

    Nobody decides what they have objected themselves. Where nobody is left the selection ends.
    """
    if objection.outcome is not Outcome.OPEN or selection.stage in OVER:
        return _not_now(selection)
    if by == objector:
        return refused("selection.own_objection")
    said = answer.strip()
    if not _fits(said):
        return refused("selection.no_answer", field="answer", most=LONGEST_REASON)
    chosen = {one.member for one in chosen_of(nominees)}
    if upheld and against not in chosen:
        return refused("selection.against_whom", field="against")
    decided = ObjectionDecided(
        selection=selection.id,
        organisation=selection.organisation,
        id=objection.id,
        outcome=Outcome.UPHELD if upheld else Outcome.DISMISSED,
        against=against if upheld else None,
        answer=said,
        by=by,
        on=today,
    )
    told = words("selection.objection_answered", title=selection.title, answer=said)
    effects = (Tell(user=objector, words=told, unasked=True),) if objector is not None else ()
    if upheld and chosen == {against}:
        ended = SelectionEnded(selection=selection.id, organisation=selection.organisation)
        return Decision(facts=(decided, ended), effects=effects)
    return Decision(facts=(decided,), effects=effects)


def announce(
    selection: Selection,
    nominees: Sequence[Nominee],
    *,
    names: Mapping[MemberId, str],
    waiting: int,
    rooms: Iterable[Room],
    today: date,
) -> Decision | None:
    """Announce those who were chosen, once the publicity is over and every objection has its outcome."""
    if selection.stage is not Stage.PUBLIC or selection.ends_on is None or today <= selection.ends_on or waiting:
        return None
    chosen = chosen_of(nominees)
    if not chosen:
        return Decision(facts=(SelectionEnded(selection=selection.id, organisation=selection.organisation),))
    said = words(
        "selection.room_announced",
        title=selection.title,
        names="、".join(names.get(one.member, "") for one in chosen),
    )
    announced = SelectionAnnounced(selection=selection.id, organisation=selection.organisation, on=today)
    return Decision(facts=(announced,), effects=_say(rooms, said))


def end(selection: Selection) -> Decision | Refusal:
    """Let a selection come to nothing; one that was announced stands."""
    if selection.stage in OVER:
        return _not_now(selection)
    return Decision(facts=(SelectionEnded(selection=selection.id, organisation=selection.organisation),))


def hearers(duties: Iterable[Duty], *, concerned: Collection[UserId]) -> frozenset[UserId]:
    """Return who hears objections among those with duties at a selection's place or above it, and nobody else does.

    ``concerned`` are the accounts of those who are, or were, on the notice: they do not hear what is said of them.
    """
    return frozenset(one.user for one in duties if one.role is Role.DISCIPLINE_MEMBER) - set(concerned)


def concerned(nominees: Iterable[Nominee]) -> tuple[MemberId, ...]:
    """Return who was chosen, also if they are no longer; what was objected then is still not for them."""
    left = (Standing.WITHDRAWN, Standing.REJECTED)
    return tuple(
        one.member
        for one in nominees
        if one.standing is Standing.CHOSEN or (one.standing in left and one.votes is not None)
    )


def chosen_of(nominees: Iterable[Nominee]) -> tuple[Nominee, ...]:
    """Return those whom the committee has chosen."""
    return tuple(one for one in nominees if one.standing is Standing.CHOSEN)


def meant(found: Sequence[Selection], text: str) -> Selection | None:
    """Return which of several selections somebody means by naming it; the only one needs no name."""
    if len(found) == 1:
        return found[0]
    plain = skeleton("".join(text.split()))
    named = [one for one in found if skeleton("".join(one.title.split())) in plain]
    return named[0] if len(named) == 1 else None


def _say(rooms: Iterable[Room], said: Words) -> tuple[Say, ...]:
    return tuple(Say(room=room, organisation=organisation, words=said) for room, organisation in rooms)


def _fits(text: str) -> bool:
    return 1 <= len(text.strip()) <= LONGEST_REASON


def _not_now(selection: Selection) -> Refusal:
    return refused("selection.not_now", title=selection.title)
