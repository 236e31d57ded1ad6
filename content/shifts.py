"""Shifts (倒班): which group works when, and which of the sessions of a lesson each group hears."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import OrganisationId
from content.organisations import Organisation
from content.schedules import FIRST_DAY, LATEST_AHEAD, instant

LONGEST_NAME = 20
"""How long the name of a group or a turn may be."""

MOST_GROUPS = 12
MOST_TURNS = 12
LONGEST_CYCLE = 62
LONGEST_TEXT = 2_000

SLEEP = timedelta(hours=8)
"""So long after a turn that went through the night one sleeps."""

NIGHT_FROM, NIGHT_UNTIL = 22, 6
"""Between these hours one sleeps who does not work."""

LONGEST_OFF = 14
"""Whoever has no turn for so many days is told things as if they worked no shifts."""

OFF = frozenset({"休", "休息", "歇", "-", "off", "rest"})
"""Words of a cycle for a day without work."""

_TURN = re.compile(r"(\S+)\s+(\d{1,2}):(\d{2})\s*(?:-|~|到|至)\s*(\d{1,2}):(\d{2})")
_DASHES = str.maketrans("–—−〜～：", "---~~:")


class Turn(Struct, frozen=True, kw_only=True):
    """One kind of turn by the clock of the place; one that does not end later than it begins ends the next day."""

    name: str
    begins: time
    ends: time

    @property
    def through_night(self) -> bool:
        """Tell whether it goes on past midnight."""
        return self.ends <= self.begins


class Group(Struct, frozen=True, kw_only=True):
    """A group and its turns day by day, beginning anew after the last; an empty name is a day without work."""

    name: str
    cycle: tuple[str, ...]


class Pattern(Struct, frozen=True, kw_only=True):
    """How groups take turns from a day on, which is the first of every cycle; without groups nobody does."""

    since: date
    turns: tuple[Turn, ...] = ()
    groups: tuple[Group, ...] = ()


class Plan(Struct, frozen=True, kw_only=True):
    """All patterns of a place, the earliest first, in its zone; each holds until the next begins."""

    timezone: str
    patterns: tuple[Pattern, ...] = ()

    def on(self, day: date) -> Pattern | None:
        """Return the pattern that holds on a day."""
        return next((one for one in reversed(self.patterns) if one.since <= day), None)

    def groups_on(self, day: date) -> tuple[str, ...]:
        """Return the names of the groups that take turns on a day."""
        pattern = self.on(day)
        return tuple(one.name for one in pattern.groups) if pattern is not None else ()

    def turn(self, group: str, day: date) -> Turn | None:
        """Return the turn that a group begins on a day, ``None`` where it has none."""
        pattern = self.on(day)
        if pattern is None:
            return None
        cycle = next((one.cycle for one in pattern.groups if one.name == group), ("",))
        name = cycle[(day - pattern.since).days % len(cycle)]
        return next((one for one in pattern.turns if one.name == name), None)

    def hours(self, group: str, day: date) -> tuple[datetime, datetime] | None:
        """Return from when until when a group works in the turn that it begins on a day."""
        turn = self.turn(group, day)
        if turn is None:
            return None
        last = day + timedelta(days=1) if turn.through_night else day
        begins, ends = instant(day, turn.begins, self.timezone), instant(last, turn.ends, self.timezone)
        return (begins, ends) if begins < ends else None


class Stance(IntEnum):
    """How a group stands at a moment, what suits a lesson best first."""

    WORKING = 0
    AWAKE = 1
    ASLEEP = 2


class ShiftsSet(Fact, frozen=True, kw_only=True):
    """How the groups of a place take turns from a day on."""

    organisation: OrganisationId
    pattern: Pattern


class ShiftsDropped(Fact, frozen=True, kw_only=True):
    """A pattern of a place holds no more; what held before it goes on."""

    organisation: OrganisationId
    since: date


def stance(plan: Plan, group: str, at: datetime) -> Stance:
    """Tell how a group stands at a moment; who is in none is taken to sleep at night and to work on no turn."""
    local = at.astimezone(ZoneInfo(plan.timezone))
    asleep = local.hour >= NIGHT_FROM or local.hour < NIGHT_UNTIL
    for back in range(3):
        day = local.date() - timedelta(days=back)
        hours, turn = plan.hours(group, day), plan.turn(group, day)
        if hours is None or turn is None:
            continue
        if hours[0] <= at < hours[1]:
            return Stance.WORKING
        asleep = asleep or (turn.through_night and hours[1] <= at < hours[1] + SLEEP)
    return Stance.ASLEEP if asleep else Stance.AWAKE


def hears(plan: Plan, group: str, sessions: Sequence[datetime]) -> int:
    """Return the number of the session that a group hears: at work rather than awake, and awake rather than asleep.

    Of those that suit it equally it is the first. Every group hears one, whoever it is, and no group two.
    """
    return min(range(len(sessions)), key=lambda number: (stance(plan, group, sessions[number]), number))


def on_duty_from(plan: Plan, group: str, at: datetime) -> datetime:
    """Return from when on somebody of a group may be told what they did not ask for: when they are next at work."""
    day = at.astimezone(ZoneInfo(plan.timezone)).date()
    for ahead in range(-1, LONGEST_OFF + 1):
        hours = plan.hours(group, day + timedelta(days=ahead))
        if hours is not None and hours[1] > at:
            return max(at, hours[0])
    return at


def heard_by(plan: Plan, sessions: Sequence[datetime]) -> tuple[tuple[str, ...], ...]:
    """Return for each session which groups hear it; those who are in none are told by an empty name."""
    zone = ZoneInfo(plan.timezone)
    names = dict.fromkeys(name for at in sessions for name in plan.groups_on(at.astimezone(zone).date()))
    found: list[list[str]] = [[] for _ in sessions]
    for name in (*names, ""):
        found[hears(plan, name, sessions)].append(name)
    return tuple(map(tuple, found))


def read_pattern(since: str, turns: str, groups: str) -> Pattern | tuple[Refusal, ...]:
    """Read a pattern as a form has it: one turn a line with its hours, one group a line with its turns day by day."""
    troubles: list[Refusal] = []
    day = _day(since)
    if day is None:
        troubles.append(refused("shifts.bad_date", field="since"))
    known: dict[str, Turn] = {}
    for number, line in _lines(turns):
        turn = _turn(line)
        if turn is None or turn.name in known or turn.name in OFF:
            troubles.append(refused("shifts.bad_turn", field="turns", number=number, line=line))
        else:
            known[turn.name] = turn
    named: dict[str, Group] = {}
    for number, line in _lines(groups):
        group = _group(line, known)
        if group is None or group.name in named:
            troubles.append(refused("shifts.bad_group", field="groups", number=number, line=line))
        else:
            named[group.name] = group
    if len(known) > MOST_TURNS:
        troubles.append(refused("shifts.too_many", field="turns", most=MOST_TURNS))
    if len(named) > MOST_GROUPS:
        troubles.append(refused("shifts.too_many", field="groups", most=MOST_GROUPS))
    if troubles or day is None:
        return tuple(troubles)
    return Pattern(since=day, turns=tuple(known.values()), groups=tuple(named.values()))


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written.strip())
    except ValueError:
        return None


def _lines(text: str) -> list[tuple[int, str]]:
    plain = unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).translate(_DASHES)
    return [(number, " ".join(line.split())) for number, line in enumerate(plain.splitlines(), 1) if line.strip()]


def _turn(line: str) -> Turn | None:
    found = _TURN.fullmatch(line)
    if found is None or len(found[1]) > LONGEST_NAME:
        return None
    begins, ends = _time(found[2], found[3]), _time(found[4], found[5])
    return None if begins is None or ends is None else Turn(name=found[1], begins=begins, ends=ends)


def _time(hour: str, minute: str) -> time | None:
    if int(hour) > 24 or int(minute) > 59 or (int(hour) == 24 and int(minute)):
        return None
    return time(int(hour) % 24, int(minute))


def _group(line: str, known: dict[str, Turn]) -> Group | None:
    name, *said = line.replace(":", " ", 1).split()
    if len(said) == 1 and said[0] not in known and said[0] not in OFF:
        said = list(said[0])
    cycle = tuple("" if one.lower() in OFF else one for one in said)
    if not said or len(cycle) > LONGEST_CYCLE or len(name) > LONGEST_NAME or not set(cycle) - {""} <= set(known):
        return None
    return Group(name=name, cycle=cycle)


def written(pattern: Pattern) -> tuple[str, str]:
    """Return the turns and the groups of a pattern as a form has them."""
    turns = "\n".join(f"{one.name} {one.begins:%H:%M}-{one.ends:%H:%M}" for one in pattern.turns)
    groups = "\n".join(" ".join((one.name, *(name or "休" for name in one.cycle))) for one in pattern.groups)
    return turns, groups


def set_shifts(place: Organisation, pattern: Pattern, *, now: datetime) -> Decision | Refusal:
    """Let the groups of a place take turns so from a day on."""
    if not FIRST_DAY <= pattern.since <= (now.astimezone(UTC) + LATEST_AHEAD).date():
        return refused("shifts.bad_date", field="since")
    return Decision(facts=(ShiftsSet(organisation=place.id, pattern=pattern),))


def drop_shifts(place: Organisation, plan: Plan, since: date) -> Decision | Refusal:
    """Drop a pattern of a place."""
    if not any(one.since == since for one in plan.patterns):
        return refused("shifts.no_such_pattern")
    return Decision(facts=(ShiftsDropped(organisation=place.id, since=since),))
