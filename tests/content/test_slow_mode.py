"""In a slow room the second of two messages of one person comes too soon; what answers the bot never counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from content.guarding import Post, in_time, rehearse
from content.guards import Guard, Level, shipped
from content.identifiers import EventId, RoomId, UserId
from content.slow_mode import Slowed, can_be, gap_of, is_too_soon

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
SLOW = shipped().slowed(timedelta(seconds=30))


def post(second: float, **more: object) -> Post:
    known = {"room": RoomId("!r"), "event": EventId(f"${second}"), "user": UserId("@a:x"), "text": f"第 {second} 句"}
    return Post(at=NOON + timedelta(seconds=second), **{**known, **more})  # type: ignore[arg-type]


def too_soon(*posts: Post) -> list[bool]:
    return [any(one.guard is Guard.SLOW for one in found) for found in rehearse(posts, SLOW)]


def test_no_room_is_slow_until_somebody_says_so() -> None:
    assert shipped().levels[Guard.SLOW] is Level.OFF
    assert all(not found for found in rehearse([post(0), post(1), post(2)], shipped()))


def test_what_comes_within_the_gap_is_too_soon_and_does_not_put_the_time_off() -> None:
    assert too_soon(post(0), post(10), post(29.9), post(30), post(40)) == [False, True, True, False, True]


def test_each_person_has_their_own_time_and_edits_and_what_is_asked_of_the_bot_never_count() -> None:
    other = UserId("@b:x")
    assert too_soon(post(0), post(1, user=other), post(2, edit=True), post(3, asks=True), post(31)) == [False] * 5
    assert too_soon(post(0, asks=True), post(1), post(2)) == [False, False, True]


def test_an_answer_to_the_bot_neither_comes_too_soon_nor_makes_the_next_do_so() -> None:
    card, friend = EventId("$card"), EventId("$friend")
    ours = {card}
    assert not is_too_soon(card, [None], ours=ours)
    assert not is_too_soon(None, [card], ours=ours)
    assert is_too_soon(None, [card, None], ours=ours)
    assert is_too_soon(friend, [None], ours=ours)
    posts = [post(0, replied=card), post(5), post(10, replied=friend)]
    found = [in_time(one, seen, ours=ours) for one, seen in zip(posts, rehearse(posts, SLOW), strict=True)]
    assert [bool(one) for one in found] == [False, False, False]


def test_a_gap_is_between_a_second_and_an_hour_and_said_in_its_measure() -> None:
    assert [can_be(timedelta(seconds=one)) for one in (0, 1, 3600, 3601)] == [False, True, True, False]
    assert (gap_of(timedelta(seconds=30)).key, gap_of(timedelta(minutes=5)).key) == ("slow.seconds", "slow.minutes")


@pytest.mark.parametrize(("seconds", "expected"), [(0, 30), (59, 30), (60, None)])
def test_a_while_ends_at_its_instant(seconds: int, expected: int | None) -> None:
    slowed = Slowed(gap=timedelta(seconds=30), until=NOON + timedelta(minutes=1))
    found = slowed.at(NOON + timedelta(seconds=seconds))
    assert found == (timedelta(seconds=expected) if expected else None)
