"""Rules of policy rooms are read in every form that is about, and a pattern never takes longer than its length."""

from __future__ import annotations

from typing import Any

import pytest

from content.identifiers import RoomId, UserId
from content.policies import TYPES, Entity, Rule, Rules, at_most, hits, matches, read_rule, read_rules

ANNA = UserId("@anna:bad.example")


@pytest.mark.parametrize(
    ("pattern", "text", "means"),
    [
        ("@anna:bad.example", "@anna:bad.example", True),
        ("@anna:bad.example", "@anna:bad.example.org", False),
        ("*", "", True),
        ("*:bad.example", "@anna:bad.example", True),
        ("@a*a:bad.*", "@anna:bad.example", True),
        ("@a*a:bad.*", "@anne:bad.example", False),
        ("@ann?:bad.example", "@anne:bad.example", True),
        ("@ann?:bad.example", "@ann:bad.example", False),
        ("a*a", "a", False),
        ("*ab*ab*", "abab", True),
        ("*ab*ab*", "aab", False),
        ("*a?c*", "xxabcx", True),
        ("ab*ba", "aba", False),
        ("?*?", "ab", True),
        ("**", "anything", True),
        ("a.b", "axb", False),
        ("[a]*", "a", False),
    ],
)
def test_a_pattern_means_what_the_specification_says(pattern: str, text: str, means: bool) -> None:
    assert matches(pattern, text) is means


def test_no_pattern_takes_long() -> None:
    """I033: what brings a backtracking matcher to a standstill is asked about in one pass."""
    assert not matches("*a" * 120 + "b", "a" * 255)
    assert not matches("*?a" * 80 + "b", "a" * 255)


@pytest.mark.parametrize("kind", [one for one, entity in TYPES.items() if entity is Entity.USER])
def test_a_rule_is_read_under_each_of_its_names(kind: str) -> None:
    said = {"entity": "@anna:*", "recommendation": "org.matrix.mjolnir.ban", "reason": "spam"}
    assert read_rule(kind, said) == Rule(entity=Entity.USER, pattern="@anna:*", reason="spam")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"entity": "@a:b"},
        {"entity": "@a:b", "recommendation": "m.warn"},
        {"entity": 7, "recommendation": "m.ban"},
        {"entity": "", "recommendation": "m.ban"},
        {"entity": "*" * 256, "recommendation": "m.ban"},
    ],
)
def test_what_is_no_rule_is_none(said: dict[str, Any]) -> None:
    assert read_rule("m.policy.rule.user", said) is None
    assert read_rule("m.room.member", {"entity": "@a:b", "recommendation": "m.ban"}) is None


def test_a_person_is_meant_by_account_or_server_and_never_by_a_rule_about_rooms() -> None:
    room = Rule(entity=Entity.ROOM, pattern="*")
    assert Rules([room]).about(ANNA) is None
    for rule in (
        Rule(entity=Entity.USER, pattern=ANNA),
        Rule(entity=Entity.USER, pattern="@anna:*"),
        Rule(entity=Entity.SERVER, pattern="BAD.example"),
        Rule(entity=Entity.SERVER, pattern="*.example"),
    ):
        assert Rules([room, rule]).about(ANNA) == rule
        assert Rules([rule]).about(UserId("@bob:good.org")) is None


def test_who_has_a_duty_is_named_and_stays_and_the_bot_is_not_named() -> None:
    me, boss = UserId("@bot:good.example"), UserId("@boss:bad.example")
    rules = Rules([Rule(entity=Entity.SERVER, pattern="bad.example")])
    found = hits(rules, {RoomId("!a"): [ANNA, boss, me], RoomId("!b"): [ANNA]}, [boss], me=me)
    assert [(one.user, one.room, one.exempt) for one in found] == [
        (ANNA, "!a", False),
        (ANNA, "!b", False),
        (boss, "!a", True),
    ]


@pytest.mark.parametrize("pattern", ["*", "good.example", "*.example", "good.*"])
def test_a_rule_that_means_the_bot_too_means_nobody(pattern: str) -> None:
    me = UserId("@bot:good.example")
    found = Rules([Rule(entity=Entity.SERVER, pattern=pattern), Rule(entity=Entity.USER, pattern="*:*")])
    assert hits(found, {RoomId("!a"): [ANNA, UserId("@li:good.example")]}, [], me=me) == ()


def test_what_is_passed_over_is_counted_and_what_was_taken_back_is_not() -> None:
    """A rule says who says it."""
    said = {"entity": ANNA, "recommendation": "m.ban"}
    rules = read_rules(
        (kind, keeper, content)
        for kind, keeper, content in (
            ("m.policy.rule.user", UserId("@keeper:good.example"), said),
            ("m.policy.rule.user", UserId("@other:good.example"), {}),
            ("m.policy.rule.user", UserId("@other:good.example"), said | {"recommendation": "org.example.takedown"}),
            ("m.policy.rule.server", UserId("@other:good.example"), {"entity": 7, "recommendation": "m.ban"}),
            ("m.policy.rule.server", UserId("@other:good.example"), {"entity": "*", "recommendation": "m.ban"}),
        )
    )
    assert [rule.by for rule in rules.all] == ["@keeper:good.example", "@other:good.example"]
    assert rules.passed_over == 2
    spared = rules.sparing(UserId("@bot:good.example"))
    assert ([rule.pattern for rule in spared.all], spared.passed_over) == ([ANNA], 3)


@pytest.mark.parametrize(("people", "most"), [(0, 2), (8, 2), (29, 2), (30, 3), (99, 9), (100, 10), (5000, 10)])
def test_a_list_shows_out_a_tenth_by_itself_and_never_many(people: int, most: int) -> None:
    assert at_most(people) == most
