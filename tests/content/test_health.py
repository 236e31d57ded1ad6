"""What counts as held up: a loop that does not turn, and a way out through which nothing goes although it could."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from content.health import STUCK, WORDS, Standing, loop, outbox

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(("still", "word"), [(0.0, "ok"), (10.0, "ok"), (10.1, "blocked"), (3600.0, "blocked")])
def test_a_loop_is_blocked_after_ten_seconds(still: float, word: str) -> None:
    """F12: health is red above ten seconds."""
    assert loop(still) == word


@pytest.mark.parametrize(
    ("due", "moved", "word"),
    [
        (None, None, "ok"),
        (NOW - STUCK + SECOND, None, "ok"),
        (NOW - STUCK, None, "stuck"),
        (NOW - STUCK, NOW - STUCK, "stuck"),
        (NOW - STUCK, NOW - STUCK + SECOND, "ok"),
        (NOW - timedelta(days=1), NOW - SECOND, "ok"),
        (NOW - timedelta(days=1), NOW + timedelta(hours=2), "stuck"),
    ],
    ids=["empty", "young", "never moved", "moved long ago", "moves", "a long queue that moves", "moved in the future"],
)
def test_an_outbox_is_stuck_when_something_could_go_and_nothing_goes(
    due: datetime | None, moved: datetime | None, word: str
) -> None:
    assert outbox(due, moved, now=NOW) == word


def test_it_is_ready_when_every_part_is_well_and_else_names_each_that_is_not() -> None:
    well = dict.fromkeys(WORDS, "ok")
    assert Standing(parts=well).ready
    held_up = Standing(parts={**well, "bot": "waiting", "outbox": "stuck"})
    assert (held_up.ready, held_up.reasons) == (False, ("bot_waiting", "outbox_stuck"))
