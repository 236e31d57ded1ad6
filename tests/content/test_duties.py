"""Who may give and end which duty, what of that takes two, and that nobody is locked out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from content.approvals import LASTS, Act, Proposal, ProposalDecided, Proposed, State
from content.decision import Decision, Refusal
from content.duties import (
    approve_change,
    change_duty,
    decline_change,
    duty_of,
    may_give,
    refuse_letting_go,
    same_hand,
)
from content.identifiers import MemberId, OrganisationId, ProposalId, UserId
from content.members import Member
from content.organisations import RIGHTS, Duty, DutyEnded, DutyGranted, Kind, Organisation, Right, Role, rights_of

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
TOP = Organisation(id=OrganisationId("top"), parent=None, kind=Kind.GENERAL_BRANCH, name="总支")
BRANCH = Organisation(id=OrganisationId("branch"), parent=TOP.id, kind=Kind.BRANCH, name="支部")
WANG, LI, ZHAO, NEW = (UserId(f"@{name}:test") for name in ("wang", "li", "zhao", "new"))


def duty(user: UserId, role: Role, at: Organisation = TOP) -> Duty:
    return Duty(user=user, organisation=at.id, role=role)


FIRST = duty(WANG, Role.SECRETARY)
SECOND = duty(LI, Role.SECRETARY)


def change(
    act: Act,
    wanted: Duty,
    *over: Duty,
    by: UserId = WANG,
    at: Organisation = TOP,
    waiting: tuple[Proposal, ...] = (),
) -> Decision | Refusal:
    return change_duty(act, wanted, at, over, by=by, waiting=waiting, id=ProposalId("p"), now=NOW)


def give(wanted: Duty, *over: Duty, by: UserId = WANG, at: Organisation = TOP) -> Decision | Refusal:
    return change(Act.GRANT_DUTY, wanted, *over, by=by, at=at)


def end(wanted: Duty, *over: Duty, by: UserId = WANG) -> Decision | Refusal:
    return change(Act.END_DUTY, wanted, *over, by=by)


def key(answer: Decision | Refusal) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.words.key


@pytest.mark.parametrize(
    ("after", "holds", "may", "key"),
    [
        ([None], True, True, "accounts.holds_duties"),
        ([NEW], True, True, "accounts.holds_duties"),
        ([None, WANG], True, False, "accounts.duty_not_yours"),
        ([None, WANG], True, True, None),
        ([None], False, True, None),
        ([WANG], True, False, None),
    ],
)
def test_an_account_keeps_its_person_for_as_long_as_it_holds_duties(
    after: list[UserId | None], holds: bool, may: bool, key: str | None
) -> None:
    """It is let go of by nobody, and moved to another entry only by who may give each of its duties."""
    users: list[UserId | None] = [WANG, None]
    people = [Member(id=MemberId(str(n)), organisation=TOP.id, name="王", user=user) for n, user in enumerate(users)]
    changes = [(one, replace(one, user=user)) for one, user in zip(people, after, strict=False)]
    answer = refuse_letting_go(changes, {WANG: ((FIRST, may),) if holds else ()})
    assert (answer.words.key if answer else None) == key


def test_a_duty_is_given_at_once_and_the_person_is_told() -> None:
    answer = give(duty(NEW, Role.VIEWER), FIRST)
    assert isinstance(answer, Decision)
    assert answer.facts == (DutyGranted(duty=duty(NEW, Role.VIEWER), by=WANG, at=NOW),)
    assert [tell.user for tell in answer.effects] == [NEW]  # type: ignore[attr-defined]


@pytest.mark.parametrize("role", Role)
def test_nobody_gives_more_than_they_hold(role: Role) -> None:
    holder = duty(LI, role)
    for wanted in Role:
        if wanted is Role.GROUP_LEADER:
            continue
        answer = give(duty(NEW, wanted), FIRST, holder, by=LI)
        allowed = Right.GRANT_DUTIES in RIGHTS[role] and RIGHTS[wanted] <= RIGHTS[role]
        assert isinstance(answer, Decision) == allowed, (role, wanted)
        assert may_give(wanted, RIGHTS[role]) == allowed


@pytest.mark.parametrize(
    "text", ["wang", "@wang", "@:test", "@wang:", "@wa ng:test", "wang:test", "@w:t/x", "@" + "x" * 255 + ":t"]
)
def test_only_a_whole_account_is_taken(text: str) -> None:
    assert key(give(duty(UserId(text), Role.VIEWER), FIRST)) == "duties.no_account"


def test_a_group_is_led_in_the_group() -> None:
    assert key(give(duty(NEW, Role.GROUP_LEADER, BRANCH), FIRST, at=BRANCH)) == "duties.only_in_groups"
    group = Organisation(id=OrganisationId("group"), parent=BRANCH.id, kind=Kind.GROUP, name="小组")
    assert isinstance(give(duty(NEW, Role.GROUP_LEADER, group), FIRST, at=group), Decision)


def test_what_is_held_is_not_given_again_and_what_is_not_held_is_not_ended() -> None:
    assert key(give(SECOND, FIRST, SECOND)) == "duties.held_already"
    assert key(end(SECOND, FIRST)) == "duties.not_held"


def test_everybody_may_lay_down_their_own_duty_and_no_other() -> None:
    reading = duty(NEW, Role.VIEWER)
    assert isinstance(end(reading, FIRST, reading, by=NEW), Decision)
    assert key(end(reading, FIRST, reading, by=ZHAO)) == "duties.not_yours"


def test_the_last_secretary_at_the_top_stays() -> None:
    assert key(end(FIRST, FIRST)) == "duties.last"
    operator = duty(LI, Role.OPERATOR)
    assert key(end(FIRST, FIRST, operator)) == "duties.last"
    assert isinstance(end(operator, FIRST, operator), Decision)


def test_below_the_top_a_place_may_be_left_without_a_secretary() -> None:
    here = duty(ZHAO, Role.SECRETARY, BRANCH)
    answer = change(Act.END_DUTY, here, FIRST, here, at=BRANCH)
    assert isinstance(answer, Decision)


def test_who_leads_alone_brings_in_the_second_secretary_at_once() -> None:
    answer = give(SECOND, FIRST)
    assert isinstance(answer, Decision)
    assert answer.facts == (DutyGranted(duty=SECOND, by=WANG, at=NOW),)


def proposed(act: Act, wanted: Duty, *over: Duty, by: UserId = WANG) -> Proposal:
    answer = change(act, wanted, *over, by=by)
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, Proposed)
    return fact.proposal


def test_a_change_of_secretary_waits_for_a_second_person() -> None:
    """S23."""
    wanted = duty(NEW, Role.SECRETARY)
    one = proposed(Act.GRANT_DUTY, wanted, FIRST, SECOND)
    assert duty_of(one) == wanted
    assert key(approve_change(one, TOP, (FIRST, SECOND), by=WANG, now=NOW)) == "approvals.not_oneself"
    assert key(approve_change(one, TOP, (FIRST, SECOND), by=ZHAO, now=NOW)) == "approvals.not_yours"
    answer = approve_change(one, TOP, (FIRST, SECOND), by=LI, now=NOW)
    assert isinstance(answer, Decision)
    agreed, granted = answer.facts
    assert agreed == ProposalDecided(id=one.id, state=State.APPROVED, by=LI, at=NOW)
    assert granted == DutyGranted(duty=wanted, by=WANG, at=NOW)


def test_where_two_lead_neither_puts_the_other_out_alone() -> None:
    one = proposed(Act.END_DUTY, SECOND, FIRST, SECOND)
    answer = approve_change(one, TOP, (FIRST, SECOND), by=LI, now=NOW)
    assert isinstance(answer, Decision)
    assert answer.facts[1] == DutyEnded(duty=SECOND)


def test_the_same_is_not_proposed_twice() -> None:
    wanted = duty(NEW, Role.SECRETARY)
    one = proposed(Act.GRANT_DUTY, wanted, FIRST, SECOND)
    assert key(change(Act.GRANT_DUTY, wanted, FIRST, SECOND, waiting=(one,))) == "approvals.waits_already"


def test_a_proposal_ends_after_its_time_and_is_answered_once() -> None:
    one = proposed(Act.GRANT_DUTY, duty(NEW, Role.SECRETARY), FIRST, SECOND)
    late = NOW + LASTS
    assert key(approve_change(one, TOP, (FIRST, SECOND), by=LI, now=late)) == "approvals.over"
    assert isinstance(approve_change(one, TOP, (FIRST, SECOND), by=LI, now=late - timedelta(seconds=1)), Decision)
    done = replace(one, state=State.DECLINED)
    assert key(approve_change(done, TOP, (FIRST, SECOND), by=LI, now=NOW)) == "approvals.decided"


def test_what_is_agreed_to_must_still_be_the_proposers_to_do() -> None:
    third = duty(ZHAO, Role.SECRETARY)
    one = proposed(Act.GRANT_DUTY, duty(NEW, Role.SECRETARY), FIRST, SECOND, third)
    assert key(approve_change(one, TOP, (SECOND, third), by=LI, now=NOW)) == "duties.not_yours"


def test_a_proposal_is_declined_by_another_and_taken_back_by_its_maker() -> None:
    one = proposed(Act.GRANT_DUTY, duty(NEW, Role.SECRETARY), FIRST, SECOND)
    states = {}
    for who in (WANG, LI):
        answer = decline_change(one, TOP, (FIRST, SECOND), by=who, now=NOW)
        assert isinstance(answer, Decision)
        (fact,) = answer.facts
        assert isinstance(fact, ProposalDecided)
        states[who] = fact.state
    assert states == {WANG: State.WITHDRAWN, LI: State.DECLINED}
    assert key(decline_change(one, TOP, (FIRST, SECOND), by=ZHAO, now=NOW)) == "approvals.not_yours"


def test_rights_add_up_over_the_duties_of_one_person() -> None:
    both = (duty(NEW, Role.VIEWER), duty(NEW, Role.TELLER, BRANCH), FIRST)
    assert rights_of(both, NEW) == {Right.READ, Right.COUNT_BALLOTS}


def test_who_got_their_duty_from_one_hand_counts_as_one() -> None:
    """S23: also through others, and nobody who got theirs elsewhere."""
    one, two, three, four, five = (UserId(f"@{name}:test") for name in ("a", "b", "c", "d", "e"))
    given = [(two, one), (three, one), (four, three)]
    for user in (one, two, three, four):
        assert same_hand(user, given) == {one, two, three, four}
    assert same_hand(five, given) == {five}
