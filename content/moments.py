"""Wall times as people write them in chat: 24日 15:00, 明天晚上8点, 下周三下午3时."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime, time, timedelta

from content.schedules import instant

_WEEK = "(?:[周週]|星期|[礼禮]拜)"
_MOMENT = re.compile(
    rf"""
    (?:(?:(?P<near>今天|明天|[今明](?=[早晚])|大?[后後]天|today|tomorrow)
    |(?P<year>[0-9]{{4}})\s*[-/.年]\s*(?P<month>[0-9]{{1,2}})\s*[-/.月]\s*(?P<day>[0-9]{{1,2}})(?:\s*[日号號]|(?![0-9]))
    |(?P<m>[0-9]{{1,2}})(?:\s*月\s*(?P<d>[0-9]{{1,2}})\s*[日号號]?|[-/.](?P<d2>[0-9]{{1,2}})(?=[\s,、(上早中下晚]))
    |(?P<alone>[0-9]{{1,2}})\s*[日号號]
    |(?:(?P<which>[本这這下])[个個]?)?{_WEEK}(?P<weekday>[一二三四五六日天]))
    (?:\s*\(?{_WEEK}(?P<same>[一二三四五六日天])\)?)?[\s,、]*)?
    (?P<part>上午|早上?|中午|下午|晚上?)?\s*
    (?<![0-9:.])(?P<hour>[0-9]{{1,2}})
    (?::(?P<minute>[0-9]{{2}})(?![0-9:])
    |[点點时時](?:[钟鐘整]|(?P<half>半)|(?P<quarter>[一三])刻|(?P<minutes>[0-9]{{2}}(?![0-9])|[0-9](?=分))分?)?)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NEAR = {"今": 0, "today": 0, "明": 1, "tomorrow": 1, "后": 2, "後": 2, "大": 3}
_WEEKDAYS = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6}
_MONTHS = {word: at for at, word in enumerate((*"一二三四五六七八九十", "十一", "十二"), start=1)}

_OTHER_DAY = re.compile(
    rf"""
    (?P<year>[0-9]{{4}})\s*年(?!度)
    |(?P<month>[0-9]{{1,2}}|十[一二]?|[一二三四五六七八九])\s*月
    |(?P<day>[0-9]{{1,2}})\s*(?:日|[号號](?P<place>\w)?)
    |{_WEEK}(?P<weekday>[一二三四五六日天])
    |(?P<near>今天|明天|[后後]天|today|tomorrow)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Days, or pieces of one, that stand beside a moment; those that name the same day are no harm."""
_ENGLISH_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*"
_UNREAD = re.compile(
    rf"""
    [上下][个個]?(?:{_WEEK}|月)|大[后後]天|[一二三四五六七八九十]+[日号號]
    |[上中下]午|傍晚|凌晨|清晨|[早晚]上|半夜|夜里|[今明当當]晚
    |\b(?:mon|tue|wed|thu|fri|sat|sun)\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b
    |\bnext\s+(?:week|month)\b|\b(?:tonight|noon|midnight|morning|afternoon|evening)\b
    |\b{_ENGLISH_MONTH}\.?\s*[0-9]|[0-9](?:st|nd|rd|th)?\s*{_ENGLISH_MONTH}\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words of days and hours that are not understood where they stand beside a moment."""
_CUT_BEFORE = re.compile(r"(?:[大上下本这這每][个個]?|[0-9][-/.]?)$")
_BARE_BEFORE = re.compile(r"[0-9][\s,、./-]*$")
_CUT_BEHIND = re.compile(r"\s*(?:[-~到至]+\s*(?:[0-9]|[上中下]午|晚)|[ap]\.?m(?![a-z])|刻|[:.][0-9])", re.IGNORECASE)


def read_moment(text: str, local_now: datetime) -> datetime | None:
    """Return the instant that a wall time means, today where no day is named; ``None`` for what is no time."""
    found = _MOMENT.fullmatch(text.strip())
    return _moment(found, local_now) if found is not None else None


def find_moment(text: str, local_now: datetime) -> tuple[str, datetime, str] | None:
    """Return the first wall time in a text, with what stands before and behind it; ``None`` where there is none.

    ``None`` too where more is said of a day or an hour than was understood: it is better asked than guessed.
    """
    found = _MOMENT.search(text)
    at = _moment(found, local_now) if found is not None else None
    if found is None or at is None:
        return None
    before, behind = text[: found.start()], text[found.end() :]
    on = _day(found, local_now.date())
    says_day = any(found[name] for name in ("near", "year", "m", "alone", "weekday"))
    if _CUT_BEFORE.search(before) or (not says_day and _BARE_BEFORE.search(before)):
        return None
    if _CUT_BEHIND.match(behind) or _MOMENT.search(behind):
        return None
    if _is_unclear(before, on, local_now.date()) or _is_unclear(behind, on, local_now.date(), behind=True):
        return None
    return before, at, behind


def _is_unclear(text: str, on: date, today: date, *, behind: bool = False) -> bool:
    """Tell of what stands beside a moment that it speaks of another day; behind one, 3号楼 is where it is held."""
    if _UNREAD.search(text):
        return True
    return any(not _is_same(one, on, today) for one in _OTHER_DAY.finditer(text) if not (behind and one["place"]))


def _is_same(said: re.Match[str], on: date, today: date) -> bool:
    if said["year"]:
        return int(said["year"]) == on.year
    if said["month"]:
        return _MONTHS.get(said["month"]) == on.month or said["month"].lstrip("0") == str(on.month)
    if said["day"]:
        return int(said["day"]) == on.day
    if said["weekday"]:
        return _WEEKDAYS[said["weekday"]] == on.weekday()
    return today + timedelta(days=_near(said["near"])) == on


def _moment(found: re.Match[str], local_now: datetime) -> datetime | None:
    minute = 30 if found["half"] else int(found["minute"] or found["minutes"] or 0)
    if found["quarter"]:
        minute = 15 if found["quarter"] == "一" else 45
    try:
        day, hour = _day(found, local_now.date()), int(found["hour"])
        if found["same"] and _WEEKDAYS[found["same"]] != day.weekday():
            return None
        later, hour = _hour(found["part"], hour)
        return instant(day + timedelta(days=later), time(hour, minute), str(local_now.tzinfo))
    except (ValueError, OverflowError):
        return None


def _hour(part: str | None, hour: int) -> tuple[int, int]:
    """Return on which day after the one that was named an hour falls, and the hour by the clock.

    12 o'clock at night is when the next day begins; an hour that its part of the day does not have is a ValueError.
    """
    if part is None:
        return 0, hour
    if part[0] == "晚" and hour in (0, 12):
        return 1, 0
    late = {"上": 0, "早": 0, "中": 11, "下": 12, "晚": 12}[part[0]]
    hour += 12 if hour < late else 0
    first, last = {"上": (0, 12), "早": (0, 12), "中": (11, 14), "下": (12, 23), "晚": (17, 23)}[part[0]]
    if not first <= hour <= last:
        raise ValueError(hour)
    return 0, hour


def _near(word: str) -> int:
    return _NEAR.get(word.casefold(), _NEAR.get(word[0], 0))


def _day(found: re.Match[str], today: date) -> date:
    if found["near"]:
        return today + timedelta(days=_near(found["near"]))
    if found["year"]:
        return date(int(found["year"]), int(found["month"]), int(found["day"]))
    if found["m"]:
        this_year = date(today.year, int(found["m"]), int(found["d"] or found["d2"]))
        return this_year if this_year >= today else this_year.replace(year=today.year + 1)
    if found["alone"]:
        number = int(found["alone"])
        near = (today.replace(day=1) + timedelta(days=31 * months) for months in range(3))
        days = (month.replace(day=number) for month in near if number <= monthrange(month.year, month.month)[1])
        found_day = next((day for day in days if day >= today), None)
        if found_day is None:
            raise ValueError(number)
        return found_day
    if found["weekday"]:
        days_on = _WEEKDAYS[found["weekday"]] - today.weekday()
        if found["which"]:
            # In a week that is named Monday is the first day.
            return today + timedelta(days=days_on + (7 if found["which"] == "下" else 0))
        return today + timedelta(days=days_on % 7)
    return today
