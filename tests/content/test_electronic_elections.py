"""When an election may be voted on electronically, by whom, and what its count means."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from content import ballots, paper_counts
from content import electronic_elections as rules
from content.ballots import Admitted, Ballot, Candidate, Elector, WriteIn
from content.ballots import State as BallotState
from content.decision import Decision, Refusal
from content.elections import Count, Kind, Outcome, Votes, judge
from content.electronic_elections import Consent, Electronic, Way
from content.identifiers import BallotId, MemberId, UserId
from content.paper_elections import CountAgreed, CountEntered, ElectionCounted, MeetingCounted, PaperElection, State
from content.rule_packs import ADMISSION, ELECTION_1990, ELECTION_2020, RECOMMENDATION, RulePack
from tests.content.test_paper_elections import DAY, paper, refused
from tests.sealed_ballots import ballot
from tests.small_branch import NOON

FIRST, SECOND = UserId("@first:example.org"), UserId("@second:example.org")
LETTER = Consent(way=Way.ROOM, reference="矿委〔2027〕8号", dated=DAY - timedelta(days=3), recorded_by=FIRST)
PEOPLE = tuple(MemberId(f"m{number}") for number in range(20))
ROLL = tuple(Elector(member=one) for one in PEOPLE)
NAMES = {one: f"同志{one}" for one in PEOPLE}


def fixed(**more: object) -> PaperElection:
    return paper(state=State.FIXED, expected=20, **more)


def allowed(way: Way = Way.ROOM, **more: object) -> Electronic:
    letter = replace(LETTER, way=way, confirmed_by=SECOND)
    return replace(Electronic(paper=paper().id, consent=letter), **more)  # type: ignore[arg-type]


def proven(**more: object) -> Ballot:
    one = ballot(**more)
    return replace(one, state=BallotState.FROZEN, tellers=tuple(replace(each, proven=True) for each in one.tellers))


@pytest.mark.parametrize("pack", [ELECTION_2020, ELECTION_1990, ADMISSION])
def test_what_decides_something_is_never_open_without_a_consent(pack: RulePack) -> None:
    """Off by default, whoever asks, and whatever was drafted."""
    election = replace(ballot().election, pack=pack)
    assert refused(ballots.open_voting(proven(election=election), now=NOON)) == "electronic.no_consent"
    reference = replace(election, pack=RECOMMENDATION)
    assert isinstance(ballots.open_voting(proven(election=reference), now=NOON), Decision)


@pytest.mark.parametrize("known", [None, Electronic(paper=paper().id, consent=LETTER)])
def test_a_letter_that_nobody_else_has_seen_allows_nothing(known: Electronic | None) -> None:
    present = frozenset(PEOPLE)
    assert refused(rules.admit(fixed(), known, present=present, reached=20)) == "electronic.no_consent"  # type: ignore[arg-type]
    drafted = rules.prepare(fixed(), known, ballot(), before=None, roll=ROLL, names=NAMES)
    assert refused(drafted) == "electronic.no_consent"
    marked = rules.mark_present(fixed(), known, ROLL, came=present, gone=(), ballot=None)
    assert refused(marked) == "electronic.no_consent"


def test_who_entered_the_letter_does_not_confirm_it_nor_does_somebody_of_their_making() -> None:
    """S23."""
    known = Electronic(paper=paper().id, consent=LETTER)
    assert refused(rules.confirm(fixed(), known, by=FIRST, one_hand=())) == "electronic.another_confirms"
    assert refused(rules.confirm(fixed(), known, by=SECOND, one_hand={FIRST})) == "electronic.another_confirms"
    confirmed = rules.confirm(fixed(), known, by=SECOND, one_hand={SECOND})
    assert isinstance(confirmed, Decision)
    assert refused(rules.confirm(fixed(), allowed(), by=SECOND, one_hand=())) == "paper.not_now"


@pytest.mark.parametrize(
    ("letter", "key"),
    [
        (replace(LETTER, reference="  "), "electronic.no_reference"),
        (replace(LETTER, reference="长" * 201), "electronic.no_reference"),
        (replace(LETTER, dated=DAY + timedelta(days=1)), "electronic.bad_day"),
    ],
)
def test_a_letter_has_a_number_and_a_day_that_has_come(letter: Consent, key: str) -> None:
    assert refused(rules.record(fixed(), letter, ballot=None, today=DAY)) == key
    assert isinstance(rules.record(fixed(), LETTER, ballot=None, today=DAY), Decision)


def test_a_letter_is_entered_anew_only_where_nobody_votes_and_is_then_seen_anew() -> None:
    """A vote in the room never becomes one at a distance under way."""
    remote = replace(LETTER, way=Way.REMOTE, confirmed_by=SECOND)
    assert refused(rules.record(fixed(), remote, ballot=ballot(), today=DAY)) == "electronic.runs"
    anew = rules.record(fixed(), remote, ballot=ballot(state=BallotState.VOID), today=DAY)
    assert isinstance(anew, Decision)
    assert anew.facts[0].consent.confirmed_by is None  # type: ignore[attr-defined]
    assert refused(rules.record(paper(), LETTER, ballot=None, today=DAY)) == "paper.not_now"


@pytest.mark.parametrize(
    ("pack", "there", "missing"),
    [
        (ELECTION_2020, 15, 1),
        (ELECTION_2020, 16, 0),
        (ELECTION_1990, 16, 1),
        (ELECTION_1990, 17, 0),
        (ADMISSION, 10, 1),
        (ADMISSION, 11, 0),
    ],
)
def test_the_vote_in_the_room_waits_for_a_quorum(pack: RulePack, there: int, missing: int) -> None:
    """The live line of how many are due, are here, and are missing, before the ballot may open."""
    held, present = fixed(election=replace(paper().election, pack=pack)), frozenset(PEOPLE[:there])
    answer = rules.admit(held, allowed(), present=present, reached=20)
    if missing == 0:
        assert answer == Admitted(present=present)
        return
    assert refused(answer) == "electronic.still_missing_room"  # type: ignore[arg-type]
    assert isinstance(answer, Refusal)
    assert answer.words.parameters == {"expected": 20, "there": there, "missing": missing}
    opened = ballots.open_voting(proven(election=held.election), now=NOON, admitted=answer)
    assert opened == answer


def test_a_vote_in_the_room_is_held_on_one_day_and_not_before_the_meeting() -> None:
    """Else who was ticked once votes from home for weeks, without any meeting."""
    one = ballot(timezone="Asia/Shanghai", closes_at=datetime(2027, 3, 1, 15, 59, tzinfo=UTC))
    held = fixed(held_on=date(2027, 3, 1))

    def said(now: datetime, way: Way = Way.ROOM) -> str:
        answer = rules.refuse_other_day(held, allowed(way), one, now)
        return answer.words.key if answer is not None else ""

    assert said(datetime(2027, 2, 28, 15, 59, tzinfo=UTC)) == "electronic.not_yet_the_day"
    assert said(datetime(2027, 2, 28, 16, 0, tzinfo=UTC)) == "", "in the branch the day has begun"
    assert said(datetime(2027, 2, 28, 15, 59, tzinfo=UTC), Way.REMOTE) == ""
    one = replace(one, closes_at=datetime(2027, 3, 1, 16, 0, tzinfo=UTC))
    assert said(datetime(2027, 3, 1, 8, 0, tzinfo=UTC)) == "electronic.closes_another_day"
    assert said(datetime(2027, 3, 1, 16, 30, tzinfo=UTC)) == "", "a meeting that was put off"


def test_nobody_counts_as_being_there_who_could_not_vote() -> None:
    """Else the quorum is met by people who get no link, and the vote comes to nothing for want of papers."""
    present = frozenset(PEOPLE[:16])
    answer = rules.admit(fixed(), allowed(), present=present, reached=19, beyond_reach=PEOPLE[15:16])
    assert refused(answer) == "electronic.beyond_reach"  # type: ignore[arg-type]
    away = rules.admit(fixed(), allowed(), present=present, reached=19, beyond_reach=PEOPLE[16:])
    assert away == Admitted(present=present), "who is not there anyway does not matter"


def test_at_a_distance_it_takes_a_letter_of_its_own_and_enough_who_can_be_sent_a_link() -> None:
    room = rules.admit(fixed(), allowed(), present=(), reached=20)
    assert refused(room) == "electronic.still_missing_room", "nobody is in the room"  # type: ignore[arg-type]
    few = rules.admit(fixed(), allowed(Way.REMOTE), present=PEOPLE, reached=15)
    assert refused(few) == "electronic.still_missing_remote"  # type: ignore[arg-type]
    assert rules.admit(fixed(), allowed(Way.REMOTE), present=(), reached=16) == Admitted(present=None)


def test_with_a_quorum_of_fewer_than_five_there_is_no_secret_and_no_vote() -> None:
    held = paper(state=State.FIXED, expected=5)
    answer = rules.admit(held, allowed(), present=frozenset(PEOPLE[:4]), reached=5)
    assert refused(answer) == "electronic.still_missing_room"  # type: ignore[arg-type]


def test_who_is_in_the_room_is_marked_until_the_vote_begins_and_from_the_roll_alone() -> None:
    def mark(came: object, one: Ballot | None = None) -> Decision | Refusal:
        return rules.mark_present(fixed(), allowed(), ROLL, came=came, gone=PEOPLE[3:4], ballot=one)  # type: ignore[arg-type]

    marked = mark(PEOPLE[:3])
    assert isinstance(marked, Decision)
    assert marked.facts[0].came == frozenset(PEOPLE[:3])  # type: ignore[attr-defined]
    assert refused(mark([MemberId("stranger")])) == "electronic.not_on_roll"
    assert isinstance(mark(PEOPLE[:3], ballot(state=BallotState.FROZEN)), Decision)
    assert refused(mark(PEOPLE[:3], ballot(state=BallotState.OPEN))) == "electronic.begun"


def test_who_was_not_in_the_room_casts_nothing() -> None:
    one = ballot(state=BallotState.OPEN)
    box = b"x" * one.length
    away = ballots.cast(one, Elector(member=PEOPLE[0], present=False), box, copied=False, now=NOON)
    assert refused(away) == "electronic.not_present"
    assert isinstance(ballots.cast(one, Elector(member=PEOPLE[0]), box, copied=False, now=NOON), Decision)


def test_names_that_cannot_be_told_apart_are_not_written_in_electronically() -> None:
    voted_on, write_in = rules.election_of(fixed())
    assert (write_in, voted_on.eligible) == (WriteIn.ROLL, None)
    sealed = replace(ballot(), election=voted_on, write_in=write_in)
    alike = NAMES | {PEOPLE[1]: NAMES[PEOPLE[0]]}
    for names in (alike, NAMES | {PEOPLE[0]: "候选A"}):
        answer = rules.prepare(fixed(), allowed(), sealed, before=None, roll=ROLL, names=names)
        assert refused(answer) == "electronic.same_names"
    assert isinstance(rules.prepare(fixed(), allowed(), sealed, before=None, roll=ROLL, names=NAMES), Decision)
    again = fixed(election=replace(paper().election, kind=Kind.RUNOFF))
    voted_on, write_in = rules.election_of(again)
    assert (write_in, voted_on.eligible) == (WriteIn.NONE, frozenset())
    one = rules.prepare(again, allowed(), replace(sealed, write_in=write_in), before=None, roll=ROLL, names=alike)
    assert isinstance(one, Decision)


def test_an_election_that_is_voted_on_electronically_waits_for_that_alone() -> None:
    for state in BallotState:
        running = state not in (BallotState.CERTIFIED, BallotState.ARCHIVED, BallotState.VOID)
        assert (rules.refuse_while_voting(ballot(state=state)) is not None) is running
    assert rules.refuse_while_voting(None) is None


@pytest.mark.parametrize("present", [None, 16])
def test_what_comes_out_of_the_box_means_what_the_same_papers_would_mean(present: int | None) -> None:
    """Part 13 of the test plan: the same figures through papers and through envelopes give the same result."""
    held = fixed(candidates=tuple(Candidate(id=one, member=None, name=f"候选{one}") for one in "ABC"))
    held = replace(held, election=replace(held.election, eligible=frozenset(NAMES.values())))
    voted_on, write_in = rules.election_of(held)
    voted_on = replace(voted_on, eligible=frozenset(PEOPLE))
    sealed = ballot(election=voted_on, write_in=write_in, state=BallotState.OPENED, expected=20, issued=16, turnout=15)
    sealed = replace(sealed, present=present)
    tally = {
        "A": Votes(yes=14, no=1, abstained=0),
        "B": Votes(yes=3, no=12, abstained=0),
        "C": Votes(yes=2, no=3, abstained=10),
    }
    found = Count(valid=15, void=0, tally=tally, write_ins={PEOPLE[7]: 11})
    result = judge(voted_on, sealed.attendance, lambda: found)
    assert (result.outcome, set(result.elected)) == (Outcome.ELECTED, {"A", PEOPLE[7]})
    facts = rules.take_over(held, sealed, result, confirmed=[1, 3], names=dict(NAMES))
    met, entered, agreed, counted = facts[:4]
    assert isinstance(met, MeetingCounted)
    assert isinstance(entered, CountEntered)
    assert isinstance(agreed, CountAgreed)
    assert isinstance(counted, ElectionCounted)
    assert (met.present, met.issued, len(met.officers)) == (16, 16, 3)
    assert (entered.entry.member, agreed.by) == (sealed.tellers[0].member, sealed.tellers[2].member)
    assert entered.entry.counted.count.write_ins == {NAMES[PEOPLE[7]]: 11}
    assert set(counted.result.elected) == {"A", NAMES[PEOPLE[7]]}
    assert (counted.result.need, counted.result.outcome) == (result.need, result.outcome)
    on_paper = replace(held, present=16, issued=16)
    assert counted.result == judge(
        held.election,
        paper_counts.attendance(on_paper, entered.entry.counted),
        lambda: entered.entry.counted.count,
    )


def test_where_nothing_was_counted_the_election_stays_as_it_was() -> None:
    assert rules.take_over(fixed(), ballot(), None, confirmed=[1, 2], names={}) == ()
    assert rules.take_over(paper(state=State.COUNTING), ballot(), None, confirmed=[1, 2], names={}) == ()
    assert allowed(ballot=BallotId("b")).allowed
    assert date.fromisoformat("2027-02-26") == LETTER.dated
