"""A calendar to subscribe to, as RFC 5545 has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from content.feeds import Event, events_of, written
from content.lectures import Lecture, Session

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


def event(title: str, **more: bool) -> Event:
    return Event(id="one", at=NOW, lasts=timedelta(hours=1), title=title, **more)


def test_an_event_has_its_time_its_title_and_nothing_else() -> None:
    lines = (
        written("一支部", [event("宪法; 第一课, 上\\下\r\nEND:VEVENT", cancelled=True)], now=NOW).decode().split("\r\n")
    )
    assert "X-WR-CALNAME:一支部" in lines
    assert "SUMMARY:宪法\\; 第一课\\, 上\\\\下 END:VEVENT" in lines
    assert "DTSTART:20260701T080000Z" in lines
    assert "DTEND:20260701T090000Z" in lines
    assert "STATUS:CANCELLED" in lines
    assert lines.count("END:VEVENT") == 1
    assert (lines[0], lines[-2:]) == ("BEGIN:VCALENDAR", ["END:VCALENDAR", ""])


@settings(max_examples=40)
@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=200))
def test_lines_are_short_and_unfold_to_what_was_written(title: str) -> None:
    text = written("", [event(title)], now=NOW)
    assert all(len(line) <= 75 for line in text.split(b"\r\n"))
    unfolded = text.decode().replace("\r\n ", "")
    (found,) = (line for line in unfolded.split("\r\n") if line.startswith("SUMMARY:"))
    said = found.removeprefix("SUMMARY:").replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")
    assert said == " ".join(title.split())


def test_a_lecture_stands_at_the_hours_at_which_it_is_given() -> None:
    hours = [NOW + timedelta(days=2), NOW + timedelta(days=3)]
    told = Lecture(speaker="陈老师", sessions=tuple(Session(begins=at, place="二楼") for at in hours))
    first, second = events_of(event("读懂党章"), told.sessions, 90)
    assert [(one.id, one.at, one.lasts, one.session) for one in (first, second)] == [
        ("one", hours[0], timedelta(minutes=90), 1),
        ("one-2", hours[1], timedelta(minutes=90), 2),
    ]
    (alone,) = events_of(event("读懂党章"), told.sessions[:1], 90)
    assert (alone.id, alone.at, alone.session) == ("one", hours[0], 0)
    assert events_of(event("宪法第一课"), (), 8) == (event("宪法第一课"),)
