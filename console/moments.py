"""Instants on a page: said as is usual nearby, with the full date, the zone and how far off they are beside them.

Everything is by the clock of the organisation that is looked at, or of the first that the person may see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

from markupsafe import Markup, escape

from console import wording
from console.desk import desk, now
from content.decision import Parameter, Words

_UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60))


def when(instant: datetime | None) -> str:
    """Show an instant by the day where it is near, by its date where it is far."""
    return wording.when(instant) if instant is None else moment(instant, wording.when(instant))


def fully(instant: datetime) -> Markup:
    """Show an instant by its date however near it is."""
    return moment(instant, wording.fully(instant))


def dated(day: date) -> Markup:
    """Show a day by itself, without an hour."""
    return Markup('<time datetime="{}">{}</time>').format(day.isoformat(), wording.dated(day))


def ago(instant: datetime) -> Markup:
    """Show how long ago an instant was."""
    return moment(instant, wording.ago(instant))


def clock(instant: datetime) -> Markup:
    """Show an instant by its time alone, where the day stands above it."""
    return moment(instant, f"{wording.local(instant):%H:%M}")


def moment(instant: datetime, said: str) -> Markup:
    """Return an instant as a page has it: what is said of it, and all of it for machines and for who asks."""
    local = wording.local(instant)
    exact = wording.t(
        "frame.exact",
        date=f"{local:%Y-%m-%d}",
        weekday=wording.t(f"weekday.{local.weekday()}"),
        time=f"{local:%H:%M}",
        offset=f"{local:%z}"[:3] + ":" + f"{local:%z}"[3:5],
        away=away(instant),
    )
    return Markup('<time datetime="{}" title="{}">{}</time>').format(local.isoformat(timespec="minutes"), exact, said)


def away(instant: datetime) -> str:
    """Say how far off an instant is, before now or after it, in its largest whole unit."""
    ahead = instant - now()
    if ahead <= timedelta():
        return wording.ago(instant)
    seconds = int(ahead.total_seconds())
    for unit, length in _UNITS:
        if seconds >= length:
            return wording.t(f"frame.in_{unit}", n=seconds // length)
    return wording.t("frame.at_once")


def t(key: str, **parameters: Parameter | Markup) -> str:
    """Say the sentence of a key, with instants in it as a page has them."""
    return _with_moments(lambda values: wording.t(key, **values), parameters)


def sayer() -> Callable[..., str]:
    """Return ``t`` for one page, which looks up its reader once, and a sentence without gaps once.

    A page with a long list says thousands of sentences, most of them the same.
    """
    speech, whom = desk().speech, wording.reader()
    plain: dict[str, str] = {}

    def say_here(values: Mapping[str, Parameter], key: str) -> str:
        return speech.say(Words(key=key, parameters=values), whom)

    def t_here(key: str, **parameters: Parameter | Markup) -> str:
        if parameters:
            return _with_moments(lambda values: say_here(values, key), parameters)
        if key not in plain:
            plain[key] = say_here({}, key)
        return plain[key]

    return t_here


def t_or(key: str, otherwise: str, **parameters: Parameter | Markup) -> str:
    """Say the sentence of a key made from data, or another where nobody has written one."""
    return t(key if wording.is_known(key) else otherwise, **parameters)


def say(words: Words) -> str:
    """Say words that a rule chose, with instants in them as a page has them."""
    return _with_moments(lambda values: wording.say(Words(key=words.key, parameters=values)), words.parameters)


def _with_moments(said: Callable[[Mapping[str, Parameter]], str], parameters: Mapping[str, Parameter | Markup]) -> str:
    """Fill a sentence; what is HTML of ours already stands in for by a mark until the rest of it is escaped."""
    ready: dict[str, Markup] = {}
    for name, value in parameters.items():
        if isinstance(value, datetime):
            ready[name] = fully(value)
        elif isinstance(value, Markup):
            ready[name] = value
    if not ready:
        return said(parameters)
    marks = {name: f"\x02{place}\x03" for place, name in enumerate(ready)}
    page = escape(said({**parameters, **marks}))
    for name, mark in marks.items():
        page = page.replace(mark, ready[name])
    return page
