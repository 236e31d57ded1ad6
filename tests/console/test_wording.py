"""Times are told by the day where they are near, and by the full date where they are far."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import g

from console import moments, wording
from content.decision import Words
from content.speech import Reader
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NOW
from tests.console.test_in_a_browser import PAGES, filled

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


@pytest.mark.parametrize(
    ("zone", "at", "machine"),
    [
        ("Asia/Shanghai", datetime(2026, 11, 27, 7, 0, tzinfo=UTC), "2026-11-27T15:00+08:00"),
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-10-25T02:30+02:00"),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-10-25T02:30+01:00"),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, 0, tzinfo=UTC), "2026-04-05T01:30+10:30"),
    ],
)
def test_an_instant_stands_on_a_page_with_its_date_zone_and_distance(
    house: House, zone: str, at: datetime, machine: str
) -> None:
    """In zones with and without summer time; of an hour that comes twice each is told apart."""
    with house.app.test_request_context("/"):
        g.reader = Reader(language="en", timezone=zone)
        page = moments.when(at)
        weekday, away = f"{datetime.fromisoformat(machine):%a}", moments.away(at)
        exact = f"{weekday} {machine[:10]} {machine[11:16]}, UTC{machine[16:]}, {away}"
        assert page == f'<time datetime="{machine}" title="{exact}">{wording.when(at)}</time>'


def test_how_far_off_is_told_before_and_after(house: House) -> None:
    with house.app.test_request_context("/"):
        g.reader = Reader(language="en", timezone="Asia/Shanghai")
        away = [moments.away(NOW + timedelta(minutes=minutes)) for minutes in (-1_500, -61, 0, 1, 90, 2_880)]
        assert away == ["1 day ago", "1 hour ago", "just now", "in 1 minute", "in 1 hour", "in 2 days"]


def test_a_sentence_with_an_instant_in_it_escapes_the_rest(house: House) -> None:
    with house.app.test_request_context("/"):
        g.reader = Reader(language="en", timezone="Asia/Shanghai")
        said = moments.t("leaving.title", name=moments.when(NOW))
        assert "<time datetime=" in said
        mixed = moments.t("duties.since_by", when=moments.when(NOW), who="<b>x</b>")
        assert "&lt;b&gt;x" in mixed
        ruled = moments.say(Words(key="schedule.in_the_past", parameters={"due": NOW}))
        assert "<time datetime=" in ruled
        assert moments.t("duties.since_by", when="now", who="<b>") == wording.t(
            "duties.since_by", when="now", who="<b>"
        )


def test_on_every_page_a_time_of_day_is_an_instant(house: House, browser: Browser) -> None:
    """Wherever a time stands one can learn its date, its zone and how far off it is."""
    bare = []
    for path in PAGES:
        if path in ("/participation/times", "/calendar/shifts"):
            # The hours of their tables and examples are of any day.
            continue
        page = browser.get(filled(house, path)).get_data(as_text=True)
        for part in ("time", "textarea", "pre", "select", "code", "script"):
            page = re.sub(rf"<{part}\b.*?</{part}>", "", page, flags=re.DOTALL)
        bare += [(path, one) for one in re.findall(r"[^<>]*\b\d{1,2}:\d{2}\b[^<>]*", re.sub("<[^>]*>", "<>", page))]
    assert bare == []
