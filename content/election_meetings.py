"""What an election puts on record beside its figures: who presides, what the absent wrote, and seats left empty.

None of it changes a count. It is what the rules ask one to be able to show afterwards.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from content.decision import Decision, Fact, Refusal, refused
from content.elections import Outcome, Result
from content.identifiers import MemberId, OrganisationId, PaperElectionId
from content.paper_elections import (
    LONGEST_REFERENCE,
    Decider,
    LeftEmpty,
    PaperElection,
    State,
    not_now,
    reference_of,
)
from content.rule_packs import ADMISSION

_UNTIL_IT_STANDS = (State.DRAFT, State.FIXED, State.COUNTING, State.COUNTED)


class MeetingNoted(Fact, frozen=True, kw_only=True):
    """Who presides over the meeting, and how many who are absent handed in a written opinion.

    ``off_term`` is the letter of those above for a day before or after the end of the term; ``None`` keeps it.
    """

    paper: PaperElectionId
    organisation: OrganisationId
    chair: MemberId | None
    opinions: int | None
    off_term: str | None = None


class SeatsLeftEmpty(Fact, frozen=True, kw_only=True):
    """It was decided that seats stay empty for which nobody got enough votes; no other election follows."""

    paper: PaperElectionId
    organisation: OrganisationId
    decided: LeftEmpty


def note_meeting(
    paper: PaperElection,
    *,
    chair: MemberId | None,
    opinions: int | None,
    people: Collection[MemberId],
    off_term: str | None = None,
) -> Decision | Refusal:
    """Note who presides (R10), how many opinions were handed in (R26), and the letter for another day (R03).

    All of it until the result is announced. ``people`` are the organisation's members; who was noted before may have
    left. Opinions belong to admissions; they are on record and no votes.
    """
    if paper.state not in _UNTIL_IT_STANDS or paper.election.questions:
        return not_now(paper)
    if chair is not None and chair != paper.chair and chair not in people:
        return refused("paper.unknown_chair", field="chair")
    if opinions is not None and (paper.election.pack is not ADMISSION or not 0 <= opinions <= len(people)):
        return refused("paper.bad_opinions", field="opinions", most=len(people))
    letter = None if off_term is None else " ".join(off_term.split())
    if letter is not None and len(letter) > LONGEST_REFERENCE:
        return refused("paper.long_reference", field="off_term", most=LONGEST_REFERENCE)
    noted = MeetingNoted(
        paper=paper.id, organisation=paper.organisation, chair=chair, opinions=opinions, off_term=letter
    )
    return Decision(facts=(noted,))


def leave_empty(
    paper: PaperElection,
    result: Result | None,
    *,
    by: Decider,
    on: date | None,
    today: date,
    reference: str,
    agreed: int | None = None,
    following: str | None = None,
) -> Decision | Refusal:
    """Put on record that seats stay empty, as an alternative to a separate election (R20).

    The meeting decides it by more than half of those who came; the presidium and those above by what ``reference``
    names. Where nobody was elected there is nothing to be content with. ``on`` is the day of the decision, not
    before the meeting and none to come. ``following`` is the title of the election that was prepared for the seats
    already, unless it came to nothing: it is one or the other.
    """
    if paper.state not in (State.COUNTED, State.CERTIFIED) or paper.left_empty is not None:
        return not_now(paper)
    if result is None or result.outcome is not Outcome.UNFILLED or not result.elected:
        return not_now(paper)
    if following is not None:
        return refused("paper.seats_voted_on", title=following)
    # Those who met before the day that was planned decide on a day before it, too.
    first = min(paper.held_on, today)
    if on is None or not first <= on <= today:
        return refused("paper.bad_day_decided", field="on", first=first.isoformat(), last=today.isoformat())
    said = reference_of(reference)
    if isinstance(said, Refusal):
        return said
    present = paper.present or 0
    if by is not Decider.MEETING:
        agreed = None
    elif agreed is None or not present < 2 * agreed <= 2 * present:
        return refused("paper.not_enough_agree", field="agreed", least=present // 2 + 1, most=present)
    decided = LeftEmpty(by=by, on=on, reference=said, agreed=agreed)
    return Decision(facts=(SeatsLeftEmpty(paper=paper.id, organisation=paper.organisation, decided=decided),))
