"""Erasing a person takes two, and waits until they have left, are out of the rooms, and nothing is on its way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from content.approvals import Proposal, Proposed, State
from content.decision import Decision, Refusal, Tell
from content.erasure import Held, PersonErased, agree, decline, erase, in_the_way, propose_erasure
from content.identifiers import MemberId, OrganisationId, ProposalId, UserId
from content.members import NOBODY, Member
from content.organisations import Duty, Role

NOW = datetime(2026, 7, 1, tzinfo=UTC)
SECRETARY = UserId("@shuji:test")
LEFT = Member(id=MemberId("m"), organisation=OrganisationId("o"), name="张明", left=NOW)
USUAL: dict[str, Any] = {"by": SECRETARY, "approved_by": UserId("@second:test"), "typed": "张明", "now": NOW}
FREE = Held(entries=[LEFT.id], accounts=[UserId("@zhang:test")])


@pytest.mark.parametrize(
    ("member", "held", "more", "why"),
    [
        ({"left": None}, FREE, {}, "leave_first"),
        ({"merged_into": MemberId("n")}, FREE, {}, "of_double"),
        ({}, FREE, {"approved_by": None}, "second_person"),
        ({}, FREE, {"approved_by": SECRETARY}, "second_person"),
        ({}, FREE, {"approved_by": UserId("@zhang:test")}, "not_oneself"),
        ({"name": NOBODY}, FREE, {"typed": NOBODY}, "is_erased"),
        ({}, replace(FREE, duties=1), {}, "holds_duties"),
        ({}, replace(FREE, ballots=("换届选举",)), {}, "on_a_ballot"),
        ({}, replace(FREE, ballots=("",)), {}, "on_a_ballot_elsewhere"),
        ({}, replace(FREE, measures=1), {}, "measures_hold"),
        ({}, replace(FREE, rooms=1), {}, "still_in_rooms"),
        ({}, replace(FREE, on_the_way=1), {}, "on_the_way"),
        ({}, FREE, {"typed": "李强"}, "type_name"),
    ],
)
def test_a_person_is_erased_only_by_two_and_when_nothing_is_on_its_way(
    member: dict[str, Any], held: Held, more: dict[str, Any], why: str
) -> None:
    answer = erase(replace(LEFT, **member), held, **{**USUAL, **more})
    assert isinstance(answer, Refusal)
    assert answer.words.key == f"erasure.{why}"


def test_all_entries_and_accounts_of_a_person_are_erased_together() -> None:
    held = replace(FREE, entries=[MemberId("n"), LEFT.id])
    answer = erase(LEFT, held, **USUAL)
    erased = PersonErased(members=(LEFT.id, MemberId("n")), accounts=(UserId("@zhang:test"),), at=NOW)
    assert answer == Decision(facts=(erased,))


ORGANISING = UserId("@zuzhi:test")
OVER = [
    Duty(user=SECRETARY, organisation=LEFT.organisation, role=Role.SECRETARY),
    Duty(user=ORGANISING, organisation=LEFT.organisation, role=Role.ORGANISING_MEMBER),
    Duty(user=UserId("@kan:test"), organisation=LEFT.organisation, role=Role.VIEWER),
]


def proposed(over: list[Duty] = OVER, **more: Any) -> Decision | Refusal:
    usual: dict[str, Any] = {"by": SECRETARY, "typed": "张明", "waiting": (), "id": ProposalId("p"), "now": NOW}
    return propose_erasure(LEFT, FREE, over, **usual | more)


def the_proposal() -> Proposal:
    answer = proposed()
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, Proposed)
    return fact.proposal


def test_everything_that_comes_first_is_said_at_once_and_in_its_order() -> None:
    held = replace(FREE, rooms=2, duties=1, on_the_way=3, ballots=("换届选举", "评优"))
    keys = [one.words.key.removeprefix("erasure.") for one in in_the_way(replace(LEFT, left=None), held)]
    assert keys == ["leave_first", "holds_duties", "on_a_ballot", "on_a_ballot", "still_in_rooms", "on_the_way"]


def test_who_may_change_the_roster_is_asked_to_agree_without_a_name() -> None:
    """S23."""
    answer = proposed()
    assert isinstance(answer, Decision)
    (asked,) = answer.effects
    assert isinstance(asked, Tell)
    assert (asked.user, dict(asked.words.parameters)) == (ORGANISING, {})


@pytest.mark.parametrize(
    ("over", "more", "why"),
    [
        (OVER[:1], {}, "nobody_else"),
        (OVER, {"typed": "章明"}, "type_name"),
        (OVER, {"by": UserId("@zhang:test")}, "not_oneself"),
    ],
)
def test_an_erasure_that_could_not_be_done_is_not_proposed(over: list[Duty], more: dict[str, Any], why: str) -> None:
    answer = proposed(over, **more)
    assert isinstance(answer, Refusal)
    assert answer.words.key == f"erasure.{why}"


@pytest.mark.parametrize(
    ("by", "why"), [(SECRETARY, "not_oneself"), (UserId("@kan:test"), "not_yours"), (UserId("@x:test"), "not_yours")]
)
def test_only_another_with_the_right_can_agree(by: UserId, why: str) -> None:
    """S23."""
    answer = agree(the_proposal(), LEFT, FREE, OVER, by=by, typed="张明", now=NOW)
    assert isinstance(answer, Refusal)
    assert answer.words.key == f"approvals.{why}"


def test_what_came_in_the_way_since_it_was_proposed_is_found_when_another_agrees() -> None:
    answer = agree(the_proposal(), LEFT, replace(FREE, rooms=1), OVER, by=ORGANISING, typed="张明", now=NOW)
    assert isinstance(answer, Refusal)
    assert answer.words.key == "erasure.still_in_rooms"


def test_with_the_second_persons_word_it_is_done_and_with_their_no_it_is_not() -> None:
    done = agree(the_proposal(), LEFT, FREE, OVER, by=ORGANISING, typed="张明", now=NOW)
    assert isinstance(done, Decision)
    assert [type(fact).__name__ for fact in done.facts] == ["ProposalDecided", "PersonErased"]
    no = decline(the_proposal(), FREE, OVER, by=ORGANISING, now=NOW)
    assert isinstance(no, Decision)
    assert [getattr(fact, "state", None) for fact in no.facts] == [State.DECLINED]
