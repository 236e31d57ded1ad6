"""What an organisation may set for itself and everything below it: one registry, and one way to inherit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from content.burden import Cap
from content.cadence import ATTENDANCE_LINE, BY_SETTING, LINES, OFF, is_attendance_line, is_cadence
from content.decision import Decision, Fact, Refusal, refused
from content.digests import NEVER, SETTING, Sort, is_rhythm
from content.help_cases import SETTING as HELP_ANSWER
from content.hours import Line
from content.identifiers import OrganisationId
from content.organisations import Organisation
from content.posting import SETTING as POSTING
from content.posting import Who
from content.quiet import NONE, QuietDays, is_hours
from content.speech import LANGUAGES

LONGEST_VALUE = 100
LONGEST_MINUTES = 90 * 1_440


class Setting(Struct, frozen=True, kw_only=True):
    """One thing that can be set: its name, what holds where nobody set it, what a form offers, and what is possible.

    Values are text everywhere, so that one table holds them all; ``unit`` says how a page shows one.
    """

    name: str
    default: str
    offered: tuple[str, ...]
    possible: Callable[[str], bool]
    unit: str = ""


def _is_zone(value: str) -> bool:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return "/" in value or value == "UTC"


def _is_minutes(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 6 and 0 < int(value) <= LONGEST_MINUTES


def _is_late(value: str) -> bool:
    return value in (BY_KIND, UNTIL_DAY_ENDS) or _is_minutes(value)


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 4 and int(value) > 0


def _is_few(value: str) -> bool:
    return value in frozenset(map(str, range(1, 31)))


TIMEZONE, LANGUAGE, WINDOW, LATE = "timezone", "language", "window", "late"
QUIET_HOURS, QUIET_DAYS = "quiet_hours", "quiet_days"
SECOND_PAIR = "second_pair"
BY_KIND, UNTIL_DAY_ENDS = "kind", "day"
"""How late something may go out, where it is no number of minutes: as its kind has it, or until its day ends."""
YES, NO = "yes", "no"
ONLINE_COUNTS = "online_counts"
"""Whether who takes part online is reckoned as present where a meeting votes (VOTE-10); the sources leave it open."""
POSTING_DAY = "posting_day_counts"
"""Whether the day on which a notice is posted is the first of its publicity (DEV-14)."""

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name=TIMEZONE,
        default="Asia/Shanghai",
        offered=("Asia/Shanghai", "Asia/Urumqi", "Asia/Hong_Kong", "Europe/London", "America/New_York", "UTC"),
        possible=_is_zone,
    ),
    Setting(name=LANGUAGE, default="zh_CN", offered=LANGUAGES, possible=lambda value: value in LANGUAGES),
    Setting(
        name=WINDOW,
        default="1440",
        offered=("30", "120", "720", "1440", "4320", "10080"),
        possible=_is_minutes,
        unit="minutes",
    ),
    Setting(
        name=LATE,
        default=BY_KIND,
        offered=(BY_KIND, UNTIL_DAY_ENDS, "10", "120", "720", "1440"),
        possible=_is_late,
        unit="minutes",
    ),
    Setting(name=QUIET_HOURS, default=NONE, offered=(NONE, "21-8", "22-7", "20-9"), possible=is_hours),
    Setting(
        name=QUIET_DAYS,
        default=QuietDays.NONE,
        offered=tuple(QuietDays),
        possible=lambda value: value in frozenset(QuietDays),
    ),
    Setting(name=SECOND_PAIR, default=NO, offered=(NO, YES), possible=lambda value: value in (NO, YES)),
    Setting(name=Cap.DAY, default="2", offered=("1", "2", "3", "5"), possible=_is_number),
    Setting(name=Cap.MONTH, default="10", offered=("4", "8", "10", "15", "20", "31"), possible=_is_number),
    Setting(
        name=Cap.MINUTES,
        default="240",
        offered=("60", "120", "240", "480", "960"),
        possible=_is_minutes,
        unit="minutes",
    ),
    Setting(name=Line.MEMBER, default="32", offered=("16", "24", "32", "40"), possible=_is_number, unit="hours"),
    Setting(name=Line.COMMITTEE, default="56", offered=("32", "40", "56", "64"), possible=_is_number, unit="hours"),
    Setting(
        name=Line.HOUR,
        default="60",
        offered=("45", "60"),
        possible=lambda value: value in ("45", "60"),
        unit="minutes",
    ),
    Setting(name=Line.HELP_BELOW, default="8", offered=("4", "8", "16", "24"), possible=_is_number, unit="hours"),
    Setting(
        name=Line.HELP_FROM,
        default="10",
        offered=("7", "8", "9", "10", "11"),
        possible=lambda value: value in frozenset(map(str, range(1, 13))),
        unit="month",
    ),
    Setting(name=HELP_ANSWER, default="2", offered=("1", "2", "3", "5"), possible=_is_few, unit="workdays"),
    Setting(
        name=SETTING[Sort.WEEKLY],
        default=NEVER,
        offered=(NEVER, "1-9", "1-14", "5-16"),
        possible=is_rhythm(Sort.WEEKLY),
        unit="weekday",
    ),
    Setting(
        name=SETTING[Sort.MONTHLY],
        default=NEVER,
        offered=(NEVER, "1-9", "3-9", "5-9", "10-9"),
        possible=is_rhythm(Sort.MONTHLY),
        unit="day",
    ),
    Setting(
        name=POSTING,
        default=Who.AS_MADE,
        offered=tuple(Who),
        possible=lambda value: value in frozenset(Who),
        unit="posting",
    ),
    Setting(name=POSTING_DAY, default=NO, offered=(NO, YES), possible=lambda value: value in (YES, NO), unit="answer"),
    Setting(
        name=ONLINE_COUNTS, default=NO, offered=(NO, YES), possible=lambda value: value in (YES, NO), unit="answer"
    ),
    *(
        Setting(name=line.setting, default=line.default, offered=line.offered, possible=is_cadence, unit="cadence")
        for line in LINES
    ),
    Setting(
        name=ATTENDANCE_LINE, default=OFF, offered=(OFF, "80", "85", "90"), possible=is_attendance_line, unit="share"
    ),
)
"""Everything that can be set, in the order of the page. A feature adds its own line here and asks ``value_of``."""

BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}


def is_remembered(name: str) -> bool:
    """Tell of a setting that what held before it was changed still counts: by it the months before are reckoned."""
    return name in BY_SETTING


class SettingChosen(Fact, frozen=True, kw_only=True):
    """An organisation set something for itself and below; None means that it takes what those above have set."""

    organisation: OrganisationId
    name: str
    value: str | None


class Held(Struct, frozen=True, kw_only=True):
    """What holds at a node, and which node has set it; None where nobody has."""

    value: str
    source: OrganisationId | None


Chosen = Mapping[OrganisationId, Mapping[str, str]]
"""What each node has set itself."""


def held_at(
    node: OrganisationId,
    setting: Setting,
    *,
    chosen: Chosen,
    parents: Mapping[OrganisationId, OrganisationId | None],
) -> Held:
    """Return what holds at a node: its own choice, else that of the nearest node above it, else the default."""
    at: OrganisationId | None = node
    while at is not None:
        value = chosen.get(at, {}).get(setting.name)
        if value is not None:
            return Held(value=value, source=at)
        at = parents.get(at)
    return Held(value=setting.default, source=None)


def choose(node: Organisation, name: str, value: str | None) -> Decision | Refusal:
    """Set something at a node, or let it take what those above have set."""
    setting = BY_NAME.get(name)
    if setting is None:
        return refused("settings.unknown")
    if value is not None:
        value = value.strip()
        if len(value) > LONGEST_VALUE or not setting.possible(value):
            return refused("settings.impossible", field=f"value-{name}")
    return Decision(facts=(SettingChosen(organisation=node.id, name=name, value=value),))
