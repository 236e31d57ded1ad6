"""The count of an election on paper: two made apart, what cannot add up, where they differ, and the one together."""

from __future__ import annotations

from content.decision import Decision, Fact, Refusal, refused
from content.elections import Attendance, Count, judge
from content.identifiers import MemberId, UserId
from content.paper_elections import (
    MOST_PAPERS,
    CountAgreed,
    CountEntered,
    ElectionCounted,
    Entry,
    PaperCount,
    PaperElection,
    State,
    not_now,
)


def teller(paper: PaperElection, by: UserId) -> MemberId | None:
    """Return who of those who count has this account; whose it was when the meeting began counts, and nothing later."""
    return next((one.member for one in paper.officers if one.account == by), None)


def may_enter(paper: PaperElection, by: UserId) -> bool:
    """Tell whether it is somebody's turn: once each, then together by the same two until one agrees to the other's."""
    member, counted = teller(paper, by), [one.member for one in paper.entries]
    if paper.state is not State.COUNTING or member is None:
        return False
    return member not in counted if len(counted) < 2 else member in counted[:2]


def may_agree(paper: PaperElection, by: UserId) -> bool:
    """Tell whether somebody can agree to the count made together: the other of the two who made it."""
    member, counted = teller(paper, by), [one.member for one in paper.entries]
    if paper.state is not State.COUNTING or len(counted) < 3:
        return False
    return member in counted[:2] and member != counted[-1]


def enter(paper: PaperElection, by: UserId, counted: PaperCount) -> Decision | Refusal:
    """Take what a teller has counted; where it is the second and equals the first, the result follows.

    Where the two differ both count again together, and that count stands once the other of the two agrees; as long as
    they do not, it is entered anew.
    """
    if paper.state is not State.COUNTING:
        return not_now(paper)
    member = teller(paper, by)
    if member is None:
        return refused("paper.no_officer")
    if not may_enter(paper, by):
        return refused("paper.counted_already")
    wrong = _does_not_add_up(paper, counted)
    if wrong is not None:
        return wrong
    entry = Entry(place=len(paper.entries) + 1, member=member, counted=counted)
    entered = CountEntered(paper=paper.id, organisation=paper.organisation, entry=entry)
    if entry.place == 2 and not differences(paper.entries[0].counted, counted):
        return _settled(paper, counted, entered)
    return Decision(facts=(entered,))


def agree(paper: PaperElection, by: UserId) -> Decision | Refusal:
    """Agree to the count that was made together, as the other of the two who made it."""
    if paper.state is not State.COUNTING or len(paper.entries) < 3:
        return not_now(paper)
    member = teller(paper, by)
    if member is None or not may_agree(paper, by):
        return refused("paper.another_agrees")
    last = paper.entries[-1]
    agreed = CountAgreed(paper=paper.id, organisation=paper.organisation, place=last.place, by=member)
    return _settled(paper, last.counted, agreed)


def _settled(paper: PaperElection, counted: PaperCount, *facts: Fact) -> Decision:
    result = judge(paper.election, attendance(paper, counted), lambda: counted.count)
    ended = ElectionCounted(paper=paper.id, organisation=paper.organisation, result=result)
    return Decision(facts=(*facts, ended))


def attendance(paper: PaperElection, counted: PaperCount) -> Attendance:
    """Return the figures of the meeting with the papers that came back."""
    return Attendance(
        expected=paper.expected,
        present=paper.present or 0,
        issued=paper.issued or 0,
        returned=counted.returned,
    )


def _does_not_add_up(paper: PaperElection, entered: PaperCount) -> Refusal | None:
    """Return what cannot be: the papers have to be counted again, for nothing is put right here.

    More papers than were given out is no mistake of counting; that election is void by the rules.
    """
    found, election = entered.count, paper.election
    every = [entered.returned, found.valid, found.void, *found.write_ins.values()]
    every += [number for votes in found.tally.values() for number in (votes.yes, votes.no, votes.abstained)]
    if any(not 0 <= number <= MOST_PAPERS for number in every):
        return refused("paper.no_number", field="returned")
    if found.valid + found.void != entered.returned:
        return refused("paper.papers_off", field="returned", sum=found.valid + found.void, returned=entered.returned)
    if election.questions:
        return _grades_do_not_add_up(paper, found)
    for candidate in paper.candidates:
        votes = found.tally[candidate.id]
        sum_of = votes.yes + votes.no + votes.abstained
        if sum_of != found.valid:
            return refused("paper.votes_off", field=candidate.id, name=candidate.name, sum=sum_of, valid=found.valid)
    written = sum(found.write_ins.values())
    if set(found.write_ins) & {one.name for one in paper.candidates}:
        return refused("paper.written_in_twice", field="write_ins")
    if written > sum(votes.no for votes in found.tally.values()):
        return refused("paper.too_many_written_in", field="write_ins")
    if written + sum(votes.yes for votes in found.tally.values()) > found.valid * election.seats:
        return refused("paper.too_many_votes", field="returned", most=found.valid * election.seats)
    return None


def _grades_do_not_add_up(paper: PaperElection, found: Count) -> Refusal | None:
    """Tell that somebody was given more grades than there are valid papers; who ticked none has given none."""
    for candidate in paper.candidates:
        cells = grades_in(found, candidate.id)
        if any(not 0 <= number <= MOST_PAPERS for number in cells):
            return refused("paper.no_number", field=candidate.id)
        if sum(cells) > found.valid:
            return refused(
                "paper.grades_off", field=candidate.id, name=candidate.name, sum=sum(cells), valid=found.valid
            )
    return None


def grades_in(found: Count, id: str) -> tuple[int, ...]:  # noqa: A002
    """Return how often somebody was given each grade."""
    return tuple((found.answers or {}).get(id, {}).get("cells", ()))


def differences(one: PaperCount, other: PaperCount) -> tuple[str, ...]:
    """Return in which figures two counts differ: by the names of the totals, of candidates, and of those written in."""
    found = [
        name
        for name, left, right in (
            ("returned", one.returned, other.returned),
            ("valid", one.count.valid, other.count.valid),
            ("void", one.count.void, other.count.void),
        )
        if left != right
    ]
    found += [name for name in one.count.tally if one.count.tally[name] != other.count.tally.get(name)]
    graded = one.count.answers or {}
    found += [name for name in graded if grades_in(one.count, name) != grades_in(other.count, name)]
    written = sorted({*one.count.write_ins, *other.count.write_ins})
    return (
        *found,
        *(name for name in written if one.count.write_ins.get(name) != other.count.write_ins.get(name)),
    )
