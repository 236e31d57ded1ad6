"""What is told to whoever operates the program, and what is no alarm."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from content.alarms import LOW_BYTES, Alarm, Seen, alarms, cause_of, tell_operators
from content.decision import Tell, words
from content.identifiers import UserId
from content.safe_mode import Reason

CONSOLE = "https://c.example.org"
NOW = datetime(2026, 11, 28, 2, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Seen(), []),
        (Seen(last_backup=NOW - 26 * HOUR, free=LOW_BYTES), []),
        (Seen(last_backup=NOW - 26 * HOUR - MINUTE), [Alarm.BACKUP_OVERDUE]),
        (Seen(last_backup=NOW - 90 * HOUR, backup_failed=NOW - HOUR), [Alarm.BACKUP_FAILED]),
        (Seen(free=LOW_BYTES - 1), [Alarm.DISK_LOW]),
        (Seen(gaps=(NOW - HOUR, NOW - 30 * HOUR)), [Alarm.GAP_GIVEN_UP]),
        (Seen(gaps=(NOW - 30 * HOUR,)), []),
        (Seen(set_at=NOW - HOUR, set_by=-2 * HOUR), [Alarm.CLOCK_SET]),
        (Seen(set_at=NOW - HOUR, set_by=timedelta(seconds=5)), []),
        (Seen(set_at=NOW - 30 * HOUR, set_by=-2 * HOUR), []),
        (Seen(held_up_by=Reason.SIGN_IN_NEEDED), [Alarm.HELD_UP]),
        (Seen(held_up_by=Reason.WAITING), []),
    ],
)
def test_what_somebody_can_mend_is_an_alarm_and_nothing_else(seen: Seen, expected: list[Alarm]) -> None:
    """R21: F17, F23, F24 and what a login was refused for."""
    assert list(alarms(seen, console=CONSOLE, now=NOW)) == expected


def test_a_gap_names_the_number_of_new_ones_and_where_to_look() -> None:
    said = alarms(Seen(gaps=(NOW - HOUR, NOW - 30 * HOUR)), console=CONSOLE, now=NOW)
    assert said == {Alarm.GAP_GIVEN_UP: words("alarms.gap_given_up", n=1, address=f"{CONSOLE}/unheard")}


def test_everyone_who_operates_is_told_and_nobody_where_nobody_does() -> None:
    said = words("alarms.disk_low", n=7)
    told = tell_operators(said, [UserId("@a:x"), UserId("@b:x")], console=CONSOLE)
    assert told is not None
    assert told.effects == tuple(
        Tell(
            user=UserId(user),
            words=words("alarms.told", what=(said,), address=f"{CONSOLE}/system"),
            unasked=True,
            urgent=True,
        )
        for user in ("@a:x", "@b:x")
    )
    assert tell_operators(said, [], console="") is None


def test_an_alarm_has_one_cause_a_day() -> None:
    assert cause_of(Alarm.DISK_LOW, date(2026, 11, 28)) == "alarm:disk_low:2026-11-28"
