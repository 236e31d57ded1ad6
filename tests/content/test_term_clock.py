"""The clock of a committee's term, by the oracles of the rules: when it is told, in which words, and when no more."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from content.decision import Decision, Say
from content.identifiers import OrganisationId, RoomId, TermId
from content.organisations import Kind, Organisation
from content.speech import Reader
from content.terms import Term, TermReminded, is_to_remind, months_left, remind
from zhibu.catalogue import load_speech

NODE = Organisation(id=OrganisationId("one"), parent=None, kind=Kind.BRANCH, name="一支部")
TERM = Term(id=TermId("term"), organisation=NODE.id, elected_on=date(2023, 12, 20), years=3, seats=())
ROOM = RoomId("!committee:test")
READER = Reader(language="zh_CN", timezone="Asia/Shanghai")


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2026, 6, 20, 0, 59, tzinfo=UTC), False),
        (datetime(2026, 6, 20, 1, 0, tzinfo=UTC), True),
        (datetime(2026, 9, 1, tzinfo=UTC), True),
        (datetime(2027, 12, 20, 15, 59, tzinfo=UTC), True),
        (datetime(2027, 12, 20, 16, 0, tzinfo=UTC), False),
    ],
)
def test_a_committee_is_told_from_half_a_year_before_until_the_longest_delay_is_over(now: datetime, due: bool) -> None:
    """ORG-8, ORG-7: from nine in the morning of 20 June 2026, by the clock in Shanghai."""
    assert is_to_remind(TERM, None, timezone="Asia/Shanghai", now=now) is due
    assert not is_to_remind(TERM, TERM.ends_on, timezone="Asia/Shanghai", now=now)


@pytest.mark.parametrize(
    ("today", "left"),
    [(date(2026, 6, 20), 6), (date(2026, 6, 21), 5), (date(2026, 11, 20), 1), (date(2026, 11, 21), 0)],
)
def test_whole_months_are_left(today: date, left: int) -> None:
    assert months_left(today, TERM.ends_on) == left


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (
            datetime(2026, 6, 20, 1, tzinfo=UTC),
            "【换届提示】本届支委会于 2026-12-20 任期届满，距今 6 个月。请向上级党组织请示并着手准备。",
        ),
        (
            datetime(2026, 12, 1, 1, tzinfo=UTC),
            "【换届提示】本届支委会于 2026-12-20 任期届满，已不到一个月。请尽快向上级党组织请示。",
        ),
        (
            datetime(2027, 1, 1, 1, tzinfo=UTC),
            "【换届提示】本届支委会的任期已于 2026-12-20 届满。请尽快向上级党组织请示。",
        ),
    ],
)
def test_it_says_when_the_term_ends_what_comes_next_and_where(now: datetime, said: str) -> None:
    answer = remind(TERM, NODE, ROOM, reminded_of=None, today=now.date(), console="https://console.test", now=now)
    assert isinstance(answer, Decision)
    assert answer.facts == (TermReminded(organisation=NODE.id, term=TERM.id, ends_on=date(2026, 12, 20)),)
    (told,) = answer.effects
    assert isinstance(told, Say)
    first, following, latest, address = load_speech().say(told.words, READER).split("\n")
    assert (told.room, first) == (ROOM, said)
    assert "书面请示" in following
    assert "2027-12-20" in latest
    assert address.endswith("https://console.test/elections/new?org=one")


def test_without_a_room_of_the_committee_nobody_is_told() -> None:
    now = datetime(2026, 6, 20, 1, tzinfo=UTC)
    assert remind(TERM, NODE, None, reminded_of=None, today=now.date(), console="", now=now) is None
