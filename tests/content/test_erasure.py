"""Erasing a person takes two, and waits until they have left, are out of the rooms, and nothing is on its way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from content.decision import Decision, Refusal
from content.erasure import Held, PersonErased, erase
from content.identifiers import MemberId, OrganisationId, UserId
from content.members import Member

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
