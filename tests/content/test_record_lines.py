"""How a task that was said in chat is read: who, by when, what; what cannot be read stays for the recorder."""

from __future__ import annotations

from datetime import date

import pytest

from content.identifiers import MemberId
from content.record_lines import read_task

ZHANG, LI = MemberId("zhang"), MemberId("li")
NAMES = {"张明": ZHANG, "李强": LI}
TODAY = date(2026, 7, 24)


@pytest.mark.parametrize(
    ("said", "member", "due_on", "what"),
    [
        ("张明 8-1前 联系扶手厂家", ZHANG, date(2026, 8, 1), "联系扶手厂家"),
        ("张明 8月1日前 联系扶手厂家", ZHANG, date(2026, 8, 1), "联系扶手厂家"),
        ("张明 2027-3-1之前 交表", ZHANG, date(2027, 3, 1), "交表"),
        ("张明 7-1前 交表", ZHANG, date(2026, 7, 1), "交表"),
        ("张明 6-1前 交表", ZHANG, date(2027, 6, 1), "交表"),
        ("@李强 交表 8/15", LI, date(2026, 8, 15), "交表"),
        ("谁来 8-1前 交表", None, date(2026, 8, 1), "谁来 交表"),
        ("张明 交表", ZHANG, None, "交表"),
        ("张明 2-30前 交表", ZHANG, None, "2-30前 交表"),
        ("", None, None, ""),
    ],
)
def test_a_task_is_read_with_its_owner_and_its_day(
    said: str, member: MemberId | None, due_on: date | None, what: str
) -> None:
    """A day without a year is of this one, or of the next where it would be more than thirty days past."""
    assert read_task(said, NAMES, None, today=TODAY) == (member, due_on, what)


def test_whom_the_message_calls_is_meant_before_any_name() -> None:
    assert read_task("@小李 8-1前 交表", NAMES, LI, today=TODAY) == (LI, date(2026, 8, 1), "交表")
    assert read_task("李强 交表", NAMES, LI, today=TODAY) == (LI, None, "交表")
