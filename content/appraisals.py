"""Appraisals (民主评议党员): what is said of each member, the secret vote, and what the committee decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from content.ballots import Ballot, State
from content.decision import Decision, Fact, Refusal, Tell, Words, refused, words
from content.forms import Grade
from content.identifiers import MemberId, UserId
from content.paper_elections import PaperElection
from content.paper_elections import State as PaperState
from content.rule_packs import APPRAISAL

_FIXED = frozenset(State) - {State.DRAFT, State.VOID}
_DECIDABLE = frozenset({State.CERTIFIED, State.ARCHIVED})
_FIXED_ON_PAPER = frozenset(PaperState) - {PaperState.DRAFT, PaperState.VOID}
_DECIDABLE_ON_PAPER = frozenset({PaperState.CERTIFIED, PaperState.REPORTED, PaperState.APPROVED})

Appraisal = Ballot | PaperElection
"""What everyone grades in: a secret ballot, or papers in a meeting."""


def is_appraisal(one: Appraisal) -> bool:
    """Tell whether members are graded in it."""
    return one.election.pack is APPRAISAL


def may_be_written(one: Appraisal) -> bool:
    """Tell whether own and mutual grades may be written down."""
    return one.state in (_FIXED_ON_PAPER if isinstance(one, PaperElection) else _FIXED)


def may_be_decided(one: Appraisal) -> bool:
    """Tell whether the votes stand, so that the committee decides with them beside it."""
    return one.state in (_DECIDABLE_ON_PAPER if isinstance(one, PaperElection) else _DECIDABLE)


class Appraised(Fact, frozen=True, kw_only=True):
    """What was written down of one member: own and mutual grade as the meeting heard them, and the committee's.

    ``ballot`` is the secret ballot in which they are graded, or what is held ``on_paper``.
    """

    ballot: str
    member: MemberId
    on_paper: bool = False
    own: Grade | None = None
    mutual: Grade | None = None
    final: Grade | None = None


PARTS = ("own", "mutual", "final")
"""The grades that are written down of one member, in their order."""


class Change(Struct, frozen=True, kw_only=True):
    """One grade as it was shown to somebody, and as they want it to be."""

    member: MemberId
    part: str
    shown: Grade | None
    wanted: Grade | None


class OutcomeTold(Fact, frozen=True, kw_only=True):
    """A member was told in private what was decided of them."""

    ballot: str
    member: MemberId
    final: Grade
    on_paper: bool = False


def most_excellent(members: int) -> int:
    """Return how many of so many members are normally found excellent: a third, rounded down (CAD-15)."""
    return members // 3


def too_many_excellent(grades: Sequence[Grade | None]) -> int:
    """Return by how many the excellent exceed a third of all; it is a warning, and refuses nothing."""
    return max(0, grades.count(Grade.EXCELLENT) - most_excellent(len(grades)))


def appraise(
    ballot: Appraisal,
    changes: Sequence[Change],
    known: Mapping[MemberId, Appraised],
    told: Mapping[MemberId, Grade],
    *,
    anew: bool = False,
) -> Decision | Refusal:
    """Write down what somebody changed, and nothing over what another has written in the same place meanwhile.

    What is decided waits for the votes. What a member was told is decided otherwise only ``anew``, and never undone.
    """
    if not (is_appraisal(ballot) and may_be_written(ballot)):
        return refused("ballot.not_now", title=ballot.title)
    names = {one.member: one.name for one in ballot.candidates if one.member is not None}
    paper = isinstance(ballot, PaperElection)
    stands = {one: known.get(one, Appraised(ballot=ballot.id, member=one, on_paper=paper)) for one in names}
    meant = [one for one in changes if one.member in names and one.wanted is not one.shown]
    changed = [one for one in meant if one.wanted is not getattr(stands[one.member], one.part)]
    if not may_be_decided(ballot) and any(one.part == "final" for one in changed):
        return refused("appraisal.votes_first")
    over = [one for one in changed if one.shown is not getattr(stands[one.member], one.part)]
    if over:
        cells = tuple(_cell(names[one.member], one.part, getattr(stands[one.member], one.part)) for one in over)
        return refused("appraisal.changed_meanwhile", field=field_of(over[0]), cells=cells)
    otherwise = [one for one in changed if one.part == "final" and one.member in told]
    for one in otherwise:
        if one.wanted is None or not anew:
            key = "appraisal.told_stays" if one.wanted is None else "appraisal.told_already"
            return refused(key, field=field_of(one), name=names[one.member], told=(_grade(told[one.member]),))
    written = dict(stands)
    for one in changed:
        written[one.member] = replace(written[one.member], **{one.part: one.wanted})
    return Decision(facts=tuple(written[one] for one in dict.fromkeys(one.member for one in changed)))


def field_of(one: Change) -> str:
    """Return the name of the field in which a grade is chosen."""
    return f"{one.part}-{one.member}"


def _cell(name: str, part: str, grade: Grade | None) -> Words:
    return words("appraisal.cell", name=name, part=(words(f"appraisals.{part}"),), grade=(_grade(grade),))


def _grade(grade: Grade | None) -> Words:
    return words(f"appraisals.grade_{grade}" if grade else "appraisals.none")


def votes_of(
    ballot: Appraisal, answers: Mapping[str, Mapping[str, Sequence[int]]], valid: int
) -> dict[MemberId, tuple[int, ...]]:
    """Return for each member how often each grade was given, and last how often none."""
    known = {one.id: one.member for one in ballot.candidates if one.member is not None}
    return {
        known[name]: (*said["cells"], valid - sum(said["cells"])) for name, said in answers.items() if name in known
    }


def tell_outcomes(
    ballot: Appraisal,
    known: Mapping[MemberId, Appraised],
    votes: Mapping[MemberId, Sequence[int]],
    users: Mapping[MemberId, UserId],
    told: Mapping[MemberId, Grade],
) -> Decision | Refusal:
    """Tell each their own outcome in private, who has not been told it yet, and nobody that of another."""
    if not may_be_decided(ballot):
        return refused("ballot.not_now", title=ballot.title)
    waiting = [
        (one.member, one.final, users[one.member])
        for one in known.values()
        if one.final is not None and one.member in users and told.get(one.member) is not one.final
    ]
    if not waiting:
        return refused("appraisal.nobody_to_tell")
    return Decision(
        facts=tuple(
            OutcomeTold(ballot=ballot.id, member=member, final=final, on_paper=isinstance(ballot, PaperElection))
            for member, final, _ in waiting
        ),
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
        final=(_grade(final),),
        excellent=excellent,
        qualified=qualified,
        basic=basic,
        unqualified=unqualified,
    )
