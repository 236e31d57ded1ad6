"""The end of a broadcast is reckoned from what was measured, and is not known before anything was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from content.pace import FEWEST, expected_end, pace

NOW = datetime(2026, 7, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def sent(number: int, each: timedelta) -> list[datetime]:
    return [NOW - each * one for one in range(number)]


def test_the_pace_is_the_time_between_messages() -> None:
    assert pace(sent(20, 5 * SECOND)) == 5 * SECOND


def test_a_pause_with_nothing_to_send_does_not_count() -> None:
    assert pace([*sent(20, 5 * SECOND), *(instant - timedelta(minutes=5) for instant in sent(20, 5 * SECOND))]) == (
        5 * SECOND
    )


@pytest.mark.parametrize("number", range(FEWEST + 1))
def test_too_few_messages_tell_no_pace(number: int) -> None:
    assert pace(sent(number, SECOND)) is None


def test_the_end_is_after_everything_ahead() -> None:
    assert expected_end(200, 5 * SECOND, closed_until=None, now=NOW) == NOW + timedelta(seconds=1000)


def test_a_closed_gate_moves_the_end() -> None:
    """F44: a huge wait is shown as the time at which it will be over."""
    later = NOW + timedelta(hours=1)
    assert expected_end(10, SECOND, closed_until=later, now=NOW) == later + 10 * SECOND
    assert expected_end(10, SECOND, closed_until=NOW - SECOND, now=NOW) == NOW + 10 * SECOND


def test_without_a_pace_there_is_no_end() -> None:
    assert expected_end(10, None, closed_until=NOW, now=NOW) is None
