"""Appraisals (民主评议党员): what is said of each member, the secret vote, and what the committee decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from content.ballots import Ballot, State
from content.decision import Decision, Fact, Refusal, Tell, Words, refused, words
from content.forms import Grade
from content.identifiers import BallotId, MemberId, UserId
from content.rule_packs import APPRAISAL

_FIXED = frozenset(State) - {State.DRAFT, State.VOID}
_DECIDABLE = frozenset({State.CERTIFIED, State.ARCHIVED})


class Appraised(Fact, frozen=True, kw_only=True):
    """What was written down of one member: own and mutual grade as the meeting heard them, and the committee's."""

    ballot: BallotId
    member: MemberId
    own: Grade | None = None
    mutual: Grade | None = None
    final: Grade | None = None


class OutcomeTold(Fact, frozen=True, kw_only=True):
    """A member was told in private what was decided of them."""

    ballot: BallotId
    member: MemberId
    final: Grade


def most_excellent(members: int) -> int:
    """Return how many of so many members are normally found excellent: a third, rounded down (CAD-15)."""
    return members // 3


def too_many_excellent(grades: Sequence[Grade | None]) -> int:
    """Return by how many the excellent exceed a third of all; it is a warning, and refuses nothing."""
    return max(0, grades.count(Grade.EXCELLENT) - most_excellent(len(grades)))


def appraise(ballot: Ballot, written: Sequence[Appraised], known: Mapping[MemberId, Appraised]) -> Decision | Refusal:
    """Write grades down, as far as they differ from what is known. What is decided waits for the votes."""
    if ballot.election.pack is not APPRAISAL or ballot.state not in _FIXED:
        return refused("ballot.not_now", title=ballot.title)
    graded = {one.member for one in ballot.candidates}
    changed = tuple(one for one in written if one.member in graded and one != known.get(one.member, _nothing(one)))
    if ballot.state not in _DECIDABLE and any(one.final is not None for one in changed):
        return refused("appraisal.votes_first")
    return Decision(facts=changed)


def _nothing(one: Appraised) -> Appraised:
    return Appraised(ballot=one.ballot, member=one.member)


def votes_of(
    ballot: Ballot, answers: Mapping[str, Mapping[str, Sequence[int]]], valid: int
) -> dict[MemberId, tuple[int, ...]]:
    """Return for each member how often each grade was given, and last how often none."""
    known = {one.id: one.member for one in ballot.candidates if one.member is not None}
    return {
        known[name]: (*said["cells"], valid - sum(said["cells"])) for name, said in answers.items() if name in known
    }


def tell_outcomes(
    ballot: Ballot,
    known: Mapping[MemberId, Appraised],
    votes: Mapping[MemberId, Sequence[int]],
    users: Mapping[MemberId, UserId],
    told: Mapping[MemberId, Grade],
) -> Decision | Refusal:
    """Tell each their own outcome in private, who has not been told it yet, and nobody that of another."""
    if ballot.state not in _DECIDABLE:
        return refused("ballot.not_now", title=ballot.title)
    waiting = [
        (one.member, one.final, users[one.member])
        for one in known.values()
        if one.final is not None and one.member in users and told.get(one.member) is not one.final
    ]
    if not waiting:
        return refused("appraisal.nobody_to_tell")
    return Decision(
        facts=tuple(OutcomeTold(ballot=ballot.id, member=member, final=final) for member, final, _ in waiting),
        effects=tuple(
            Tell(user=user, words=_outcome(ballot.title, final, votes.get(member, ())))
            for member, final, user in waiting
        ),
    )


def _outcome(title: str, final: Grade, votes: Sequence[int]) -> Words:
    excellent, qualified, basic, unqualified, *_ = (*votes, 0, 0, 0, 0)
    return words(
        "appraisal.outcome",
        title=title,
        final=(words(f"appraisals.grade_{final}"),),
        excellent=excellent,
        qualified=qualified,
        basic=basic,
        unqualified=unqualified,
    )
