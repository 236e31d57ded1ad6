"""Reads a year's list of holidays and make-up working days as it is pasted: in lines, as CSV, .ics, or as published."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum

from msgspec import Struct

from content.decision import Refusal, refused

LONGEST_TEXT = 20_000
LONGEST_CALENDAR = 400_000
"""A calendar says each of its days in many lines, and often of several years."""
LONGEST_NAME = 40
MOST_DAYS = 400
MOST_PROBLEMS = 10
LONGEST_RANGE = timedelta(days=30)
FIRST_YEAR, LAST_YEAR = 2000, 2099


class Festival(StrEnum):
    """The festivals that every year has; they are kept by name of ours, so that each reader sees their own."""

    NEW_YEAR = "new_year"
    SPRING_FESTIVAL = "spring_festival"
    TOMB_SWEEPING = "tomb_sweeping"
    LABOUR_DAY = "labour_day"
    DRAGON_BOAT = "dragon_boat"
    MID_AUTUMN = "mid_autumn"
    NATIONAL_DAY = "national_day"


_FESTIVALS = {
    "元旦": Festival.NEW_YEAR,
    "春节": Festival.SPRING_FESTIVAL,
    "清明": Festival.TOMB_SWEEPING,
    "清明节": Festival.TOMB_SWEEPING,
    "劳动节": Festival.LABOUR_DAY,
    "五一": Festival.LABOUR_DAY,
    "端午": Festival.DRAGON_BOAT,
    "端午节": Festival.DRAGON_BOAT,
    "中秋": Festival.MID_AUTUMN,
    "中秋节": Festival.MID_AUTUMN,
    "国庆": Festival.NATIONAL_DAY,
    "国庆节": Festival.NATIONAL_DAY,
    "new year": Festival.NEW_YEAR,
    "new year's day": Festival.NEW_YEAR,
    "spring festival": Festival.SPRING_FESTIVAL,
    "tomb-sweeping day": Festival.TOMB_SWEEPING,
    "labour day": Festival.LABOUR_DAY,
    "dragon boat festival": Festival.DRAGON_BOAT,
    "mid-autumn festival": Festival.MID_AUTUMN,
    "national day": Festival.NATIONAL_DAY,
} | {one.value: one for one in Festival}

_KINDS = dict.fromkeys(["休", "放假", "假", "假期", "休息", "节假日", "休息日", "rest", "off", "holiday"], False)
_KINDS |= dict.fromkeys(["班", "上班", "补班", "调班", "调休上班", "工作日", "work", "workday", "working"], True)


class Day(Struct, frozen=True, kw_only=True):
    """A day on which one rests or works against the order of the week, or a weekend day of a holiday.

    ``name`` is a festival's name of ours, or as it was typed; it may be empty.
    """

    date: date
    works: bool
    name: str = ""


_ASIDE = re.compile(r"[（(][^（）()]*[）)]")
_SEPARATORS = re.compile(r"\s/\s|[\r\n；;]")
_BETWEEN = re.compile(r"[\s,，:：|]+")
_FULL = r"(\d{4})\s?[-/.年]\s?(\d{1,2})\s?[-/.月]\s?(\d{1,2})日?"
_LATER = r"(?:(?:(\d{4})[-/.年])?(\d{1,2})[-/.月])?(\d{1,2})日?"
_TO = r"\s?(?:至|到|~|～|—+|–|\.\.|to)\s?"
_DATES = re.compile(rf"{_FULL}(?:{_TO}{_LATER})?(?!\d)")
_PLAIN = re.compile(r"(\d{4})(\d{2})(\d{2})(?!\d)")

_YEAR = re.compile(r"(\d{4})年")
_NOTICE = re.compile(r"\d{1,2}月\d{1,2}日[^。\n]*放假")
_CLAUSE = re.compile(r"[。\n；;]")
_IN_NOTICE = re.compile(r"(?:(\d{4})年)?(\d{1,2})月(\d{1,2})日(?:至(?:(?:(\d{4})年)?(\d{1,2})月)?(\d{1,2})日)?")


_PROPERTY = re.compile(r"^([A-Za-z-]+)(?:;[^:\r\n]*)?:([^\r\n]*)", re.M)
_WORKS = re.compile(r"[（(]?(?:补班|调休上班|上班|班)[）)]?")
_RESTS = re.compile(r"[（(]?(?:放假|假期|休假|休)[）)]?")


def read_list(text: str) -> tuple[tuple[Day, ...], tuple[Refusal, ...]]:
    """Return the days of a pasted list in order, and what of it cannot be read, by its number among the entries.

    An entry is a date or a stretch of dates, then 休 or 班 (or the English word), then a name or none, in any order;
    or the text of the yearly notice, as it is published, or a calendar (.ics) is taken as it stands.
    """
    is_calendar = is_ics(text)
    if len(text) > (LONGEST_CALENDAR if is_calendar else LONGEST_TEXT):
        return (), (refused("workdays.list_too_long", field="list", most=LONGEST_TEXT),)
    found: dict[date, Day] = {}
    problems: list[Refusal] = []
    if is_calendar:
        entries = list(_of_calendar(text))
    else:
        entries = list(_of_notice(text)) if _NOTICE.search(text) else _entries(text)
    for place, entry in entries:
        taken = _read_entry(entry, place)
        if isinstance(taken, Refusal):
            problems.append(taken)
            continue
        for day in taken:
            before = found.get(day.date)
            if before is not None and before.works != day.works:
                problems.append(_refused("workdays.said_twice", place, entry))
                break
            found[day.date] = before if before is not None and before.name else day
    if not found and not problems:
        problems.append(refused("workdays.list_empty", field="list"))
    if len(found) > MOST_DAYS:
        problems.append(refused("workdays.list_too_long", field="list", most=LONGEST_TEXT))
    return tuple(found[at] for at in sorted(found)), tuple(problems[:MOST_PROBLEMS])


def is_ics(text: str) -> bool:
    """Tell whether a text is a calendar by RFC 5545."""
    return text.lstrip("\ufeff \t\r\n").startswith("BEGIN:VCALENDAR")


def name_of(text: str) -> str:
    """Return a name as it is kept: a festival's name of ours, anything else as typed."""
    text = " ".join(text.split())
    return _FESTIVALS.get(text.lower(), text)


def _entries(text: str) -> list[tuple[int, str]]:
    lines = [line.replace('"', " ").strip() for line in _SEPARATORS.split(text.replace("\ufeff", ""))]
    entries = [(place, line) for place, line in enumerate(lines, start=1) if line and not line.startswith("#")]
    # A table's head has no number in it; an entry always has.
    return [(place, line) for place, line in entries if place != entries[0][0] or re.search(r"\d", line)]


def _of_notice(text: str) -> Iterator[tuple[int, str]]:
    """Yield the entries that the sentences of the yearly notice stand for; the year is the first that it names."""
    year = _YEAR.search(text)
    name = ""
    for place, clause in enumerate(_CLAUSE.split(_ASIDE.sub("", text)), start=1):
        name = _festival_of(clause.replace(":", "：")) or name
        works = "上班" in clause
        if not works and "放假" not in clause:
            continue
        for found in _IN_NOTICE.finditer(clause):
            of_year, month, day, to_year, to_month, to_day = found.groups()
            of_year = of_year or (year[1] if year else "")
            first = f"{of_year}年{month}月{day}日"
            last = f"至{to_year or of_year}年{to_month or month}月{to_day}日" if to_day else ""
            yield place, f"{first}{last} {'班' if works else f'休 {name}'}"


def _of_calendar(text: str) -> Iterator[tuple[int, str]]:
    """Yield an entry for each event that says whether one rests or works; commemorations say neither.

    An event ends before the day that it names as its end.
    """
    unfolded = re.sub(r"\r?\n[ \t]", "", text)
    for place, event in enumerate(unfolded.split("BEGIN:VEVENT")[1:], start=1):
        said = {found[1].upper(): found[2].strip() for found in _PROPERTY.finditer(event)}
        title = said.get("SUMMARY", "").replace("\\,", " ").replace("\\;", " ")
        special = said.get("X-APPLE-SPECIAL-DAY", "")
        works = special == "ALTERNATE-WORKDAY" or _WORKS.search(title) is not None
        if not works and special != "WORK-HOLIDAY" and not _RESTS.search(title):
            continue
        first, last = said.get("DTSTART", "")[:8], _day_before(said.get("DTEND", "")[:8])
        if last is None or last < first:
            last = first
        name = " ".join(_RESTS.sub(" ", _WORKS.sub(" ", title)).split())
        stretch = f"{_dashed(first)}..{_dashed(last)}" if last != first else _dashed(first)
        yield place, f"{stretch} {'班' if works else '休'} {'' if works else name}".strip()


def _dashed(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def _day_before(day: str) -> str | None:
    try:
        return (date(int(day[:4]), int(day[4:6]), int(day[6:])) - timedelta(days=1)).strftime("%Y%m%d")
    except (ValueError, OverflowError):
        return None


def _festival_of(clause: str) -> str:
    head, colon, _ = clause.partition("：")
    named = [one for said, one in _FESTIVALS.items() if colon and said in head]
    # In some years two fall together; the stretch is then the longer one's.
    return Festival.NATIONAL_DAY if Festival.NATIONAL_DAY in named else next(iter(named), "")


def _read_entry(entry: str, place: int) -> tuple[Day, ...] | Refusal:
    plain = " ".join(_ASIDE.sub(" ", entry).split())
    found = _DATES.match(plain) or _PLAIN.match(plain)
    if found is None:
        return _refused("workdays.no_date", place, entry)
    dates = _dates(found.groups())
    if dates is None:
        return _refused("workdays.no_such_date", place, entry)
    words = [word for word in _BETWEEN.split(plain[found.end() :]) if word]
    kinds = [word for word in words if word.lower() in _KINDS]
    if not kinds:
        return _refused("workdays.no_kind", place, entry)
    name = name_of(" ".join(word for word in words if word is not kinds[0]))
    if len(name) > LONGEST_NAME:
        return _refused("workdays.name_too_long", place, entry, most=LONGEST_NAME)
    return tuple(Day(date=at, works=_KINDS[kinds[0].lower()], name=name) for at in dates)


def _dates(parts: tuple[str | None, ...]) -> tuple[date, ...] | None:
    year, month, day, *later = (int(part) if part else None for part in parts)
    assert year is not None
    assert month is not None
    assert day is not None
    try:
        first = last = date(year, month, day)
        if later and later[2] is not None:
            last = date(later[0] or year, later[1] or month, later[2])
    except ValueError:
        return None
    if not FIRST_YEAR <= first.year <= last.year <= LAST_YEAR or not timedelta() <= last - first <= LONGEST_RANGE:
        return None
    return tuple(first + timedelta(days=number) for number in range((last - first).days + 1))


def _refused(key: str, place: int, entry: str, **parameters: int) -> Refusal:
    shown = entry if len(entry) <= LONGEST_NAME else f"{entry[:LONGEST_NAME]}…"
    return refused(key, field="list", line=place, entry=shown, **parameters)
