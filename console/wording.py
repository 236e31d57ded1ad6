"""Puts the console's words, times and dates into the reader's language."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import g, request

from console.desk import desk, now
from content.decision import Parameter, Words
from content.occurrences import State
from content.organisations import Organisation
from content.speech import LANGUAGES, Reader, show_instant

_NEAR = {-1: "frame.yesterday", 0: "frame.today", 1: "frame.tomorrow"}
_BROWSER_LANGUAGES = {"zh-CN": "zh_CN", "zh-Hans": "zh_CN", "zh": "zh_CN", "zh-TW": "zh_CN", "zh-HK": "zh_CN"} | {
    "en": "en",
    "en-US": "en",
    "en-GB": "en",
}


def reader() -> Reader:
    """Return for whom this request's words are put."""
    chosen = g.get("reader")
    if isinstance(chosen, Reader):
        return chosen
    return Reader(language=preferred_language(None), timezone=desk().settings.timezone)


def browser_language() -> str | None:
    """Return the language of ours that the browser likes best, if it names one."""
    best = request.accept_languages.best_match(list(_BROWSER_LANGUAGES))
    return _BROWSER_LANGUAGES[best] if best else None


def preferred_language(chosen: str | None) -> str:
    """Return the language chosen in the session, else the browser's, else the one of the settings."""
    if chosen in LANGUAGES:
        return chosen
    return browser_language() or desk().settings.language


def t(key: str, **parameters: Parameter) -> str:
    """Say the sentence of a key."""
    return desk().speech.say(Words(key=key, parameters=parameters), reader())


_AT_THE_DESK = {
    "pledge.no_answer": "pledge.no_answer_at_desk",
    "sign_up.bad_title": "sign_up.bad_title_at_desk",
    "sign_up.money": "sign_up.money_at_desk",
}
"""What a rule says with what is to be typed in the chat, and what it says to who has fields before them."""


def say(words: Words) -> str:
    """Say words that a rule chose."""
    return desk().speech.say(Words(key=_AT_THE_DESK.get(words.key, words.key), parameters=words.parameters), reader())


def say_in(place: Organisation, words: Words) -> str:
    """Say words as the rooms of an organisation read them: in its language, by its clock."""
    return desk().speech.say(words, Reader(language=place.language, timezone=place.timezone))


def is_known(key: str) -> bool:
    """Tell whether there is a sentence of this key."""
    return desk().speech.knows(key)


def t_or(key: str, otherwise: str, **parameters: Parameter) -> str:
    """Say the sentence of a key made from data, or another where nobody has written one."""
    return t(key if is_known(key) else otherwise, **parameters)


def outline(key: str) -> str:
    """Say the sentence of a key with dots where it is not known what stood there."""
    return desk().speech.outline(key, reader())


def stand(state: State, held_at: datetime) -> str:
    """Say where an occurrence stands; what people were told of and what has not begun is only announced."""
    return t("occurrence.state_ahead" if state is State.OPEN and now() < held_at else f"occurrence.state_{state}")


def when(instant: datetime | None) -> str:
    """Show an instant in the reader's zone: by the day where it is near, by its full date where it is far."""
    if instant is None:
        return t("frame.none")
    at, present = local(instant), local(now())
    days = (at.date() - present.date()).days
    if days in _NEAR:
        return t("frame.day_at", day=t(_NEAR[days]), time=f"{at:%H:%M}")
    if 0 < days < 7:
        weekday = t(f"weekday.{at.weekday()}")
        named = weekday if at.weekday() > present.weekday() else t("frame.next_week", weekday=weekday)
        return t("frame.day_at", day=named, time=f"{at:%H:%M}")
    if at.year == present.year:
        return show_instant(instant, reader())
    return t("frame.date_at", year=at.year, date=day(at.date()), time=f"{at:%H:%M}")


def fully(instant: datetime) -> str:
    """Show an instant by its full date however near it is, for what is being planned."""
    return show_instant(instant, reader())


def day(value: date | None) -> str:
    """Show a date with its weekday."""
    if value is None:
        return t("frame.none")
    return t("frame.day", month=t(f"month.{value.month}"), day=value.day, weekday=t(f"weekday.{value.weekday()}"))


def dated(value: date) -> str:
    """Show a date as a sentence has it: with its year where that is another than the present one."""
    key = "frame.date" if value.year == local(now()).year else "frame.date_year"
    return t(key, year=value.year, month=t(f"month.{value.month}"), day=value.day)


def month(value: date) -> str:
    """Show a month with its year."""
    return t("frame.month", year=value.year, month=t(f"month.{value.month}"))


def span(length: timedelta) -> str:
    """Show a length of time in the largest unit that fits."""
    minutes = int(length.total_seconds()) // 60
    if minutes and minutes % 1440 == 0:
        return t("frame.days", n=minutes // 1440)
    if minutes >= 60 and minutes % 60 == 0:
        return t("frame.hours", n=minutes // 60)
    return t("frame.minutes", n=minutes)


def ago(instant: datetime) -> str:
    """Show how long ago an instant was, in its largest whole unit."""
    seconds = max(0, int((now() - instant).total_seconds()))
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= length:
            return t(f"frame.ago_{unit}", n=seconds // length)
    return t("frame.just_now")


def local(instant: datetime) -> datetime:
    """Return an instant on the reader's clock."""
    return instant.astimezone(ZoneInfo(reader().timezone))


def today() -> date:
    """Return the date on the reader's clock."""
    return local(now()).date()
