"""How a chat account becomes a member's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from content.decision import Decision, Refusal, Tell
from content.identifiers import MemberId, OrganisationId, RoomId, UserId
from content.members import CODE_LASTS, AccountBound, CodeIssued, Invitation, Member, bind, issue_code
from content.rooms import Invite

NOW = datetime(2026, 7, 1, tzinfo=UTC)
USER = UserId("@zhang:test")
MEMBER = Member(id=MemberId("zhang"), organisation=OrganisationId("east"), name="张明")
GOOD = Invitation(
    member=MEMBER.id, name="张明", code_hash="h", expires_at=NOW + timedelta(days=1), used=False, bound=None
)

HALL = RoomId("!hall:test")


def test_a_code_is_made_for_who_has_no_account() -> None:
    answer = issue_code(MEMBER, code_hash="h", now=NOW)
    assert answer == Decision(facts=(CodeIssued(member=MEMBER.id, code_hash="h", expires_at=NOW + CODE_LASTS),))
    again = issue_code(replace(MEMBER, user=USER), code_hash="h", now=NOW)
    assert isinstance(again, Refusal)
    assert again.words.key == "binding.already_bound"


def test_a_good_code_binds_and_says_so() -> None:
    answer = bind(GOOD, user=USER, holder=None, rooms=(HALL,), now=NOW)
    assert isinstance(answer, Decision)
    assert answer.facts == (AccountBound(member=MEMBER.id, user=USER, code_hash="h", at=NOW),)
    told, invited = answer.effects
    assert invited == Invite(room=HALL, user=USER)
    assert isinstance(told, Tell)
    assert (told.user, told.words.key) == (USER, "binding.done")


@pytest.mark.parametrize(
    "change", [{"used": True}, {"bound": UserId("@other:test")}, {"expires_at": NOW}, {"expires_at": NOW - CODE_LASTS}]
)
def test_a_code_that_is_used_or_over_binds_nothing_and_does_not_say_which(change: dict[str, Any]) -> None:
    answer = bind(replace(GOOD, **change), user=USER, holder=None, rooms=(HALL,), now=NOW)
    assert answer == bind(None, user=USER, holder=None, rooms=(HALL,), now=NOW)
    assert isinstance(answer, Refusal)
    assert answer.words.key == "binding.bad_code"


def test_an_account_belongs_to_one_member() -> None:
    answer = bind(GOOD, user=USER, holder="李强", rooms=(HALL,), now=NOW)
    assert isinstance(answer, Refusal)
    assert answer.words.key == "binding.you_are_bound"
