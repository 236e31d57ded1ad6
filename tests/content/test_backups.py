"""Backups are named by their time, leave in their order, and come due once a day."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from content.backups import free_name, is_due, name_of, newest, outdated, taken_at, wall_time

NOON = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
SHANGHAI = "Asia/Shanghai"
AT = time(3, 30)
CAME = datetime(2026, 6, 30, 19, 30, tzinfo=UTC)
"""Half past three in Shanghai on the first of July."""


def test_a_name_tells_when_the_backup_was_taken() -> None:
    assert name_of(NOON) == "zhibu-20260701T040000Z.backup"
    assert taken_at(name_of(NOON)) == NOON


def test_a_backup_in_the_same_second_as_others_comes_after_them() -> None:
    first = free_name(NOON, ["letter.txt"])
    second = free_name(NOON, [first])
    assert first == name_of(NOON)
    assert free_name(NOON, [second, first]) > second > first


@pytest.mark.parametrize(
    "name",
    [
        "zhibu.db",
        "zhibu-20260701T040000Z.backup.part",
        "zhibu-20261301T040000Z.backup",
        "zhibu-２0260701T040000Z.backup",
    ],
)
def test_files_of_others_are_not_taken_for_ours(name: str) -> None:
    assert taken_at(name) is None
    assert outdated([name] * 5, 1) == ()


def test_only_the_oldest_leave_and_the_newest_never_does() -> None:
    names = [name_of(NOON + timedelta(days=day)) for day in (3, 1, 2, 0)]
    assert outdated([*names, "letter.txt"], 2) == (names[3], names[1])
    assert outdated(names, 4) == outdated([], 1) == ()
    assert outdated(names[:1], 0) == ()
    assert newest([*names, "letter.txt"]) == NOON + timedelta(days=3)
    assert newest(["letter.txt"]) is None


@pytest.mark.parametrize(
    ("text", "at"), [("03:30", AT), ("24:00", None), ("3:30", None), ("03:30:00", None), ("", None)]
)
def test_a_time_of_day_is_read(text: str, at: time | None) -> None:
    assert wall_time(text) == at


@pytest.mark.parametrize(
    ("last", "failed", "now", "due"),
    [
        (CAME - timedelta(days=1), None, CAME - timedelta(seconds=1), False),
        (CAME - timedelta(days=1), None, CAME, True),
        (CAME + timedelta(minutes=2), None, CAME + timedelta(hours=20), False),
        (CAME - timedelta(days=9), None, CAME + timedelta(hours=20), True),
        (CAME - timedelta(days=1), CAME + timedelta(minutes=1), CAME + timedelta(minutes=30), False),
        (CAME - timedelta(days=1), CAME + timedelta(minutes=1), CAME + timedelta(minutes=61), True),
        (CAME - timedelta(days=2), CAME - timedelta(minutes=5), CAME, True),
    ],
)
def test_a_backup_is_due_once_its_time_has_come(
    last: datetime, failed: datetime | None, now: datetime, due: bool
) -> None:
    assert is_due(AT, SHANGHAI, last=last, failed=failed, now=now) is due


def test_a_time_that_the_clocks_leave_out_comes_right_after() -> None:
    before = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
    gap = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert not is_due(time(2, 30), "Europe/Berlin", last=before, failed=None, now=gap - timedelta(seconds=1))
    assert is_due(time(2, 30), "Europe/Berlin", last=before, failed=None, now=gap)
