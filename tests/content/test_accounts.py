"""An account bound by hand is whole, nobody else's, and looked at closely where it looks like another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from content.accounts import LONGEST_SHOWN, MOST_OFFERED, bind_by_hand, candidates, may_bind, unbind
from content.confusables import parts, warnings
from content.decision import Decision, Refusal, words
from content.edits import Places
from content.identifiers import Cause, MemberId, OrganisationId, RoomId, UserId
from content.members import Member, MemberChanged
from content.rooms import Invite

NOW = datetime(2026, 7, 1, tzinfo=UTC)
MEMBER = Member(id=MemberId("zhang"), organisation=OrganisationId("east"), name="张明")
USER = UserId("@zhang:home.test")
USUAL: dict[str, Any] = {
    "places": Places([]),
    "cause": Cause("form:x"),
    "by": UserId("@shuji:home.test"),
    "now": NOW,
}
BINDING: dict[str, Any] = {
    "holder": None,
    "bot": UserId("@bot:home.test"),
    "warnings": (),
    "confirmed": False,
    "rooms": (),
}


def keys(user: str, *known: str) -> list[str]:
    found = warnings(UserId(user), known=[UserId(one) for one in known], home="home.test")
    return [one.key for one in found]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("@zhang:home.test", []),
        ("@wangli:home.test", []),
        ("@zhаng:home.test", ["accounts.odd_letters", "accounts.looks_like"]),
        ("@Zhang:home.test", ["accounts.odd_letters", "accounts.looks_like"]),
        ("@liqlang:home.test", ["accounts.looks_like"]),
        ("@li9iang:home.test", []),
        ("@zhang:horne.test", ["accounts.other_server", "accounts.same_elsewhere"]),
        ("@zhang\u200b:home.test", ["accounts.odd_letters", "accounts.looks_like"]),
    ],
)
def test_an_account_that_looks_like_another_gives_pause(user: str, expected: list[str]) -> None:
    """X03, X04: the same name at another server, letters of other scripts, letters that look like digits."""
    assert keys(user, "@zhang:home.test", "@liqiang:home.test") == expected


@pytest.mark.parametrize(
    "bad", ["", "zhang", "@zhang", "@:", "@zh ang:home.test", "@z:home.test x", "@" + "z" * 255 + ":h.t"]
)
def test_what_is_no_whole_account_is_refused(bad: str) -> None:
    assert parts(bad) is None
    refusal = may_bind(MEMBER, bad, holder=None, bot=None)
    assert refusal is not None
    assert refusal.words.key == "accounts.not_one"


@pytest.mark.parametrize(
    ("member", "more", "why"),
    [
        (replace(MEMBER, left=NOW), {}, "leaving.has_left"),
        (replace(MEMBER, user=UserId("@a:b.c")), {}, "binding.already_bound"),
        (MEMBER, {"holder": MEMBER}, "accounts.of_other"),
        (MEMBER, {"bot": USER}, "accounts.of_bot"),
        (MEMBER, {"warnings": (words("accounts.looks_like", other="x"),)}, "accounts.make_sure"),
    ],
)
def test_an_account_is_not_bound_where_it_must_not(member: Member, more: dict[str, Any], why: str) -> None:
    answer = bind_by_hand(member, USER, **{**BINDING, **more}, **USUAL)
    assert isinstance(answer, Refusal)
    assert answer.words.key == why


def test_a_bound_account_is_asked_into_its_rooms_and_let_go_of_again() -> None:
    answer = bind_by_hand(
        MEMBER,
        USER,
        **{**BINDING, "warnings": (words("x.y"),), "confirmed": True, "rooms": (RoomId("!hall"),)},
        **USUAL,
    )
    assert isinstance(answer, Decision)
    assert answer.facts[0] == MemberChanged(member=replace(MEMBER, user=USER))
    assert answer.effects == (Invite(room=RoomId("!hall"), user=USER),)
    back = unbind(replace(MEMBER, user=USER), **USUAL)
    assert isinstance(back, Decision)
    assert back.facts[0] == MemberChanged(member=MEMBER)
    assert isinstance(unbind(MEMBER, **USUAL), Refusal)


def test_who_calls_themselves_so_is_offered_first_and_what_is_shown_cannot_disturb() -> None:
    """X02: what an account calls itself is a hint for a person, and never a proof."""
    found = [
        (UserId("@a:home.test"), "王丽"),
        (UserId("@b:home.test"), "检修 张明\u202e\x00\n"),
        (UserId("@c:home.test"), ""),
        (UserId("@d:home.test"), "长" * 500),
    ]
    offered = candidates(MEMBER, found)
    assert [(one.user[1], one.likely) for one in offered] == [("b", True), ("c", False), ("a", False), ("d", False)]
    assert offered[0].shown == "检修 张明"
    assert len(offered[3].shown) == LONGEST_SHOWN
    assert len(candidates(MEMBER, found * MOST_OFFERED)) == MOST_OFFERED
