"""What the committee does: the review, the vote of recommendation, and the decision, which only refers to the votes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from content.ballots import Ballot
from content.ballots import State as BallotState
from content.decision import Decision, Fact, Refusal, Tell, refused, words
from content.identifiers import BallotId, MemberId, OrganisationId, SelectionId, UserId
from content.model_members.selections import LONGEST_REASON, Nominee, Selection, Stage, Standing, fits, not_now


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
        return not_now(selection)
    if now < selection.nominate_until:
        return refused("selection.nominations_open", until=selection.nominate_until)
    agreed = {one.member for one in nominees if one.standing is Standing.CONSENTED}
    if not set(rejected) <= agreed or not all(fits(reason) for reason in rejected.values()):
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
        return not_now(selection)
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
        return not_now(selection)
    if not voted:
        return refused("selection.not_voted_yet")
    standing = {one.member for one in nominees if one.standing is Standing.REVIEWED}
    if not 1 <= len(chosen) <= selection.places or not set(chosen) <= standing:
        return refused("selection.bad_choice", field="chosen", most=selection.places)
    passed_over = departs(chosen, {one: number for one, number in votes.items() if one in standing})
    said = " ".join(departure.split())
    if passed_over and not fits(said):
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
