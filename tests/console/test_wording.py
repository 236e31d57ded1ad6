"""Times are told by the day where they are near, and by the full date where they are far."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import g

from console import wording
from content.speech import Reader
from tests.console.console_house import House
from tests.console.console_seeding import NOW

CASES = [
    (timedelta(hours=6), "今天 15:00", "Today 15:00"),
    (timedelta(hours=15), "明天 00:00", "Tomorrow 00:00"),
    (timedelta(hours=-10), "昨天 23:00", "Yesterday 23:00"),
    (timedelta(days=3), "周五 09:00", "Fri 09:00"),
    (timedelta(days=5), "周日 09:00", "Sun 09:00"),
    (timedelta(days=6), "下周一 09:00", "next Mon 09:00"),
    (timedelta(days=7), "12月1日（周二）09:00", "Tue 1 Dec 09:00"),
    (timedelta(days=-3), "11月21日（周六）09:00", "Sat 21 Nov 09:00"),
    (timedelta(days=-365), "2025年11月24日 周一 09:00", "Mon 24 Nov 2025 09:00"),
]


@pytest.mark.parametrize(("distance", "chinese", "english"), CASES)
def test_a_time_is_told_as_a_person_would(house: House, distance: timedelta, chinese: str, english: str) -> None:
    with house.app.test_request_context("/"):
        for language, said in (("zh_CN", chinese), ("en", english)):
            g.reader = Reader(language=language, timezone="Asia/Shanghai")
            assert wording.when(NOW + distance) == said


def test_lengths_are_told_in_the_largest_whole_unit(house: House) -> None:
    with house.app.test_request_context("/"):
        g.reader = Reader(language="en")
        told = [wording.span(timedelta(minutes=minutes)) for minutes in (1, 90, 120, 1_440, 4_320)]
        assert told == ["1 minute", "90 minutes", "2 hours", "1 day", "3 days"]
        assert wording.ago(NOW - timedelta(minutes=59)) == "59 minutes ago"
        assert wording.ago(NOW - timedelta(days=1)) == "1 day ago"
        assert wording.ago(NOW) == "just now"
