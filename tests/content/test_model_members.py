"""Choosing model members: each step from where it belongs, the votes as a reference, and a publicity that waits."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from content import model_members as rules
from content.ballots import Candidate
from content.ballots import State as BallotState
from content.decision import Decision, Refusal
from content.identifiers import MemberId, ObjectionId, OrganisationId, RoomId, SelectionId, UserId
from content.model_members import Nominee, Objection, Outcome, Selection, Stage, Standing
from content.organisations import Duty, Role
from content.workdays import calendar
from tests.sealed_ballots import ballot
from tests.small_branch import NOON

A, B, C = MemberId("a"), MemberId("b"), MemberId("c")
SECRETARY, SECOND = UserId("@secretary:test"), UserId("@second:test")
EAST = OrganisationId("east")
ROOMS = [(RoomId("!east:test"), EAST)]
CALENDAR = calendar([], [])
NAMES = {A: "张明", B: "李强", C: "王丽"}


def selection(**more: Any) -> Selection:
    usual: dict[str, Any] = {
        "id": SelectionId("selection"),
        "organisation": EAST,
        "title": "党员先锋岗",
        "places": 2,
        "nominate_until": NOON + timedelta(days=3),
        "timezone": "Asia/Shanghai",
    }
    return Selection(**{**usual, **more})


def people(standing: Standing, *who: MemberId) -> tuple[Nominee, ...]:
    return tuple(Nominee(member=one, standing=standing) for one in who or (A, B, C))


def code(answer: Decision | Refusal | None) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.words.key


def nominate(one: Selection, known: Nominee | None = None, **more: Any) -> Decision | Refusal:
    usual: dict[str, Any] = {"barred": False, "by": B, "sender": SECOND, "group": None, "made": ()}
    return rules.nominate(one, known, A, SECRETARY, **{**usual, "reason": "干得好", "now": NOON, **more})


def test_who_is_nominated_is_asked_once_and_never_told_by_whom() -> None:
    first = nominate(selection())
    assert isinstance(first, Decision)
    assert [effect.user for effect in first.effects] == [SECOND, SECRETARY]  # type: ignore[attr-defined]
    assert "李强" not in repr(first.effects)
    again = nominate(selection(), people(Standing.NOMINATED, A)[0])
    assert isinstance(again, Decision)
    assert len(again.effects) == 1


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"now": NOON + timedelta(days=3)}, "selection.nominations_over"),
        ({"by": A}, "selection.not_oneself"),
        ({"barred": True}, "selection.may_not_be_chosen"),
        ({"known": people(Standing.WITHDRAWN, A)[0]}, "selection.does_not_want"),
        ({"made": [MemberId(str(one)) for one in range(5)]}, "selection.too_many_nominated"),
        ({"reason": "  "}, "selection.no_reason"),
        ({"reason": "x" * 501}, "selection.no_reason"),
    ],
)
def test_a_nomination_that_cannot_be_meant_is_refused(more: dict[str, Any], refusal: str) -> None:
    assert code(nominate(selection(), **more)) == refusal


def test_without_a_yes_nobody_is_a_candidate_and_who_goes_no_further_is_told_why() -> None:
    found = (*people(Standing.CONSENTED, A, B), *people(Standing.NOMINATED, C))
    late = NOON + timedelta(days=4)
    given: dict[str, Any] = {"deeds": {}, "rejected": {B: "另有安排"}, "accounts": {B: SECOND}}
    assert code(rules.review(selection(), found, **given, now=NOON)) == "selection.nominations_open"
    without = {**given, "rejected": {B: " "}}
    assert code(rules.review(selection(), found, **without, now=late)) == "selection.no_reason_against"
    nobody = {**given, "rejected": {A: "x", B: "x"}}
    assert code(rules.review(selection(), found, **nobody, now=late)) == "selection.nobody_goes_forward"
    reviewed = rules.review(selection(), found, **given, now=late)
    assert isinstance(reviewed, Decision)
    (fact,) = reviewed.facts
    assert isinstance(fact, rules.NomineesReviewed)
    assert (set(fact.deeds), fact.rejected, fact.silent) == ({A}, {B: "另有安排"}, (C,))
    assert [effect.words.parameters["reason"] for effect in reviewed.effects] == ["另有安排"]  # type: ignore[attr-defined]


def voted_on(*who: MemberId, **more: Any) -> Any:
    standing = tuple(Candidate(id=one, member=one, name=NAMES[one]) for one in who)
    return ballot(candidates=standing, state=BallotState.CERTIFIED, **more)


def test_the_vote_is_on_those_who_passed_the_review_and_on_nobody_else() -> None:
    one, found = selection(stage=Stage.REVIEWED), people(Standing.REVIEWED, A, B)
    for who in ((A,), (A, B, C), (A, C)):
        other = rules.link_ballot(one, found, voted_on(*who), before=None)
        assert isinstance(other, Refusal)
        assert other.words.key == "selection.other_candidates"
    assert not isinstance(rules.link_ballot(one, found, voted_on(A, B), before=None), Refusal)
    going_on = rules.link_ballot(one, found, voted_on(A, B), before=voted_on(A, B))
    assert isinstance(going_on, Refusal)
    void = replace(voted_on(A, B), state=BallotState.VOID)
    assert not isinstance(rules.link_ballot(one, found, voted_on(A, B), before=void), Refusal)


def decide(votes: dict[MemberId, int], *chosen: MemberId, departure: str = "", **more: Any) -> Decision | Refusal:
    usual: dict[str, Any] = {"ballot": voted_on(A, B, C), "opinions": {}, "by": SECRETARY, "today": NOON.date()}
    given = {**usual, "votes": votes, "chosen": chosen, "departure": departure, **more}
    return rules.decide(selection(stage=Stage.REVIEWED), people(Standing.REVIEWED), **given)


def test_the_committee_decides_and_says_why_where_it_departs_from_the_votes() -> None:
    """BAL-6: the votes are a reference."""
    votes = {A: 9, B: 7, C: 7}
    assert isinstance(decide(votes, A, B), Decision), "equal votes are no order"
    assert isinstance(decide(votes, A), Decision)
    assert code(decide(votes, B, C)) == "selection.no_departure"
    assert code(decide({A: 9, B: 8, C: 7}, A, C)) == "selection.no_departure"
    departed = decide(votes, B, C, departure="A 已获上级同类表彰")
    assert isinstance(departed, Decision)
    assert departed.facts[0].departure == "A 已获上级同类表彰"  # type: ignore[attr-defined]
    kept = decide(votes, A, departure="不需要的理由")
    assert isinstance(kept, Decision)
    assert kept.facts[0].departure == ""  # type: ignore[attr-defined]


def test_nothing_is_decided_before_the_vote_is_certified_nor_for_more_than_there_are_places() -> None:
    for state in set(BallotState) - {BallotState.CERTIFIED, BallotState.ARCHIVED}:
        assert code(decide({A: 1}, A, ballot=replace(voted_on(A, B, C), state=state))) == "selection.not_voted_yet"
    assert code(decide({A: 1}, A, ballot=None)) == "selection.not_voted_yet"
    assert code(decide({}, A, B, C)) == "selection.bad_choice"
    assert code(decide({})) == "selection.bad_choice"
    assert code(decide({}, MemberId("stranger"))) == "selection.bad_choice"


def post(one: Selection, **more: Any) -> Decision | Refusal:
    usual: dict[str, Any] = {"names": NAMES, "hearers": [C], "contact": C, "phone": "", "days": 5, "calendar": CALENDAR}
    given = {**usual, "rooms": ROOMS, "by": SECOND, "today": date(2026, 7, 17), **more}
    found = given.pop("nominees", people(Standing.CHOSEN, A, B))
    return rules.post(one, found, **given)


CONSIDERED = selection(stage=Stage.CONSIDERED, decided_by=SECRETARY)


@pytest.mark.parametrize(
    ("posted", "last", "confirmed"),
    [
        ("2026-02-12", "2026-02-26", True),
        ("2026-09-28", "2026-10-10", True),
        ("2025-09-26", "2025-10-10", True),
        ("2026-04-30", "2026-05-11", True),
        ("2026-07-17", "2026-07-24", True),
        ("2026-12-29", "2027-01-05", False),
    ],
)
def test_five_working_days_begin_after_the_day_of_the_notice(posted: str, last: str, confirmed: bool) -> None:
    """The oracles of the publicity's calendar; a year without a list is marked and breaks nothing."""
    answer = post(CONSIDERED, today=date.fromisoformat(posted))
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, rules.NoticePosted)
    assert (fact.ends_on.isoformat(), fact.confirmed) == (last, confirmed)


@pytest.mark.parametrize(
    ("posted", "first", "last"),
    [
        ("2026-07-20", "2026-07-20", "2026-07-24"),
        ("2026-07-22", "2026-07-22", "2026-07-28"),
        ("2026-07-18", "2026-07-20", "2026-07-24"),
        ("2026-02-12", "2026-02-12", "2026-02-25"),
    ],
)
def test_where_the_day_of_the_notice_counts_it_is_the_first_if_it_is_a_working_day(
    posted: str, first: str, last: str
) -> None:
    """DEV-14, posting_day_counts; the last over the Spring Festival with its working Saturday."""
    answer = post(CONSIDERED, today=date.fromisoformat(posted), today_counts=True)
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, rules.NoticePosted)
    (said, *_) = answer.effects
    (day,) = said.words.parameters["first"]  # type: ignore[union-attr]
    assert date(**day.parameters).isoformat() == first
    assert fact.ends_on.isoformat() == last


def test_the_notice_is_posted_by_a_second_person_and_names_who_hears_objections() -> None:
    assert code(post(CONSIDERED, by=SECRETARY)) == "selection.another_posts"
    assert code(post(CONSIDERED, contact=MemberId(""))) == "selection.no_contact"
    assert code(post(CONSIDERED, days=4)) == "selection.too_short"
    answer = post(CONSIDERED)
    assert isinstance(answer, Decision)
    (said,) = answer.effects
    assert said.words.parameters["names"] == "张明、李强"  # type: ignore[attr-defined]
    assert said.words.parameters["contact"] == "王丽"  # type: ignore[attr-defined]
    duties = [Duty(user=SECRETARY, organisation=EAST, role=role) for role in set(Role) - {Role.DISCIPLINE_MEMBER}]
    assert rules.hearers(duties, concerned=()) == frozenset()
    listening = Duty(user=SECOND, organisation=EAST, role=Role.DISCIPLINE_MEMBER)
    assert rules.hearers([listening], concerned=()) == {SECOND}


def test_who_is_or_was_on_the_notice_hears_nothing_that_is_objected() -> None:
    above = OrganisationId("roof")
    duties = [
        Duty(user=SECOND, organisation=EAST, role=Role.DISCIPLINE_MEMBER),
        Duty(user=SECRETARY, organisation=above, role=Role.DISCIPLINE_MEMBER),
    ]
    assert rules.hearers(duties, concerned=[SECOND]) == {SECRETARY}, "who hears above goes on hearing"
    assert rules.hearers(duties, concerned=[SECOND, SECRETARY]) == frozenset()
    for left in (Standing.CHOSEN, Standing.WITHDRAWN, Standing.REJECTED):
        assert rules.concerned([Nominee(member=A, standing=left, votes=4)]) == (A,)
    others = [Standing.NOMINATED, Standing.WITHDRAWN, Standing.REJECTED]
    assert rules.concerned([Nominee(member=A, standing=one) for one in others]) == ()


def test_no_notice_is_posted_that_nobody_hears_of_or_that_nobody_is_on() -> None:
    assert code(post(CONSIDERED, hearers=[])) == "selection.nobody_hears"
    assert code(post(CONSIDERED, nominees=people(Standing.WITHDRAWN, A, B))) == "selection.nobody_chosen"


PUBLIC = selection(stage=Stage.PUBLIC, posted_on=date(2026, 7, 17), ends_on=date(2026, 7, 24), decided_by=SECRETARY)
LAST, AFTER = date(2026, 7, 24), date(2026, 7, 25)
OBJECTION = Objection(
    id=ObjectionId("o"), selection=PUBLIC.id, member=C, text="不同意", received_on=LAST, outcome=Outcome.OPEN
)


def test_an_objection_on_the_last_day_is_taken_and_halts_everything_until_its_outcome() -> None:
    def object_on(day: date) -> Decision | Refusal:
        given: dict[str, Any] = {"id": OBJECTION.id, "by": C, "sender": SECRETARY, "text": " 有意见 "}
        return rules.object_to(PUBLIC, **given, hearers=[SECOND, SECRETARY], today=day)

    taken = object_on(LAST)
    assert isinstance(taken, Decision)
    assert [effect.user for effect in taken.effects] == [SECRETARY, SECOND]  # type: ignore[attr-defined]
    assert "有意见" not in repr(taken), "what is objected stands in no trace"
    assert code(object_on(AFTER)) == "selection.nothing_public"
    chosen = people(Standing.CHOSEN, A, B)
    given: dict[str, Any] = {"names": NAMES, "rooms": ROOMS}
    assert rules.announce(PUBLIC, chosen, **given, waiting=1, today=AFTER) is None
    assert rules.announce(PUBLIC, chosen, **given, waiting=0, today=LAST) is None
    assert rules.announce(PUBLIC, chosen, **given, waiting=0, today=AFTER) is not None


def settle(found: tuple[Nominee, ...], **more: Any) -> Decision | Refusal:
    usual: dict[str, Any] = {"upheld": True, "against": A, "answer": "查实", "by": SECOND, "objector": None}
    return rules.settle_objection(PUBLIC, OBJECTION, found, **{**usual, "today": LAST, **more})


def test_an_objection_that_is_right_takes_one_off_and_the_last_one_ends_it() -> None:
    assert code(settle(people(Standing.CHOSEN, B))) == "selection.against_whom"
    assert code(settle(people(Standing.CHOSEN, A), answer=" ")) == "selection.no_answer"
    kept = settle(people(Standing.CHOSEN, A, B))
    assert isinstance(kept, Decision)
    assert [type(fact) for fact in kept.facts] == [rules.ObjectionDecided]
    ended = settle(people(Standing.CHOSEN, A))
    assert isinstance(ended, Decision)
    assert [type(fact) for fact in ended.facts] == [rules.ObjectionDecided, rules.SelectionEnded]
    again = replace(OBJECTION, outcome=Outcome.DISMISSED)
    given: dict[str, Any] = {"upheld": False, "against": None, "answer": "x", "by": SECOND, "objector": None}
    assert code(rules.settle_objection(PUBLIC, again, (), **given, today=LAST)) == "selection.not_now"


def test_nobody_decides_what_they_have_objected_themselves() -> None:
    for upheld in (True, False):
        assert code(settle(people(Standing.CHOSEN, A), upheld=upheld, objector=SECOND)) == "selection.own_objection"
    assert isinstance(settle(people(Standing.CHOSEN, A), objector=SECRETARY), Decision)


def test_a_step_is_taken_from_its_stage_and_from_no_other() -> None:
    late = NOON + timedelta(days=9)
    for stage in Stage:
        one = selection(stage=stage, decided_by=SECRETARY, ends_on=LAST, posted_on=LAST)
        nominated = nominate(one)
        reviewed = rules.review(one, people(Standing.CONSENTED), deeds={}, rejected={}, accounts={}, now=late)
        linked = rules.link_ballot(one, people(Standing.REVIEWED), voted_on(A, B, C), before=None)
        given: dict[str, Any] = {"opinions": {}, "departure": "", "by": SECRETARY, "today": LAST, "chosen": [A]}
        decided = rules.decide(one, people(Standing.REVIEWED), voted_on(A, B, C), {A: 1}, **given)
        announced = rules.announce(one, people(Standing.CHOSEN), names=NAMES, waiting=0, rooms=ROOMS, today=AFTER)
        may = {
            "nominate": isinstance(nominated, Decision),
            "review": isinstance(reviewed, Decision),
            "link": not isinstance(linked, Refusal),
            "decide": isinstance(decided, Decision),
            "post": isinstance(post(one), Decision),
            "announce": announced is not None,
            "end": isinstance(rules.end(one), Decision),
        }
        expected = {
            Stage.CALLED: {"nominate", "review", "end"},
            Stage.REVIEWED: {"link", "decide", "end"},
            Stage.CONSIDERED: {"post", "end"},
            Stage.PUBLIC: {"post", "announce", "end"},
        }
        assert {name for name, able in may.items() if able} == expected.get(stage, set()), stage


def test_a_yes_is_taken_back_until_the_announcement_and_a_no_stands() -> None:
    for stage in Stage:
        for standing in Standing:
            nominee = Nominee(member=A, standing=standing)
            no = rules.answer(selection(stage=stage), nominee, False, to=None)
            assert isinstance(no, Decision) is (standing not in rules.OUT and stage not in rules.OVER)
            yes = rules.answer(selection(stage=stage), nominee, True, to=None)
            assert isinstance(yes, Decision) is (standing is Standing.NOMINATED and stage is Stage.CALLED)


def test_of_several_the_one_is_meant_that_is_named() -> None:
    one, other = selection(), selection(id=SelectionId("other"), title="优秀共产党员")
    assert rules.meant([one], "无关") is one
    assert rules.meant([one, other], "他是优秀 共产党员") is other
    assert rules.meant([one, other], "无关") is None
