"""Lines of record said in chat while a meeting is held: drafts that its recorder takes over at the desk, or lets go.

Nothing is decided in a room. What is said there saves the recorder the typing, and lasts a month at most.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, Tell, refused, words
from content.identifiers import Cause, LineId, MemberId, OccurrenceId, UserId, derive
from content.meetings import Meeting
from content.resolutions import LONGEST_TASK, LONGEST_TEXT, may_be_written

MOST_OF_A_MEETING = 100
KEPT = timedelta(days=30)
"""How long what was said in chat is kept, where nobody takes it over before (PRIV-7)."""

LONG_PAST = timedelta(days=30)
"""A day without a year lies in the next one where it would be longer past than this."""

_DAY = re.compile(
    r"(?:(?P<year>20\d\d)[-./年])?(?P<month>1[0-2]|0?[1-9])[-./月](?P<day>3[01]|[12]\d|0?[1-9])[日号]?\s*(?:之?前|以前)?"
)


class Sort(StrEnum):
    """What a line is: what was decided, who does what by when, or what its speaker wants in the minutes."""

    RESOLUTION = "resolution"
    TASK = "task"
    SPEECH = "speech"


class Line(Struct, frozen=True, kw_only=True):
    """One line as it was said; of a task also whose it is and by when, as far as that could be read."""

    id: LineId
    occurrence: OccurrenceId
    sort: Sort
    text: str
    by: UserId
    at: datetime
    member: MemberId | None = None
    due_on: date | None = None


class LineSaid(Fact, frozen=True, kw_only=True):
    """Somebody said in chat what the recorder may take over."""

    occurrence: OccurrenceId
    line: Line


class LineSettled(Fact, frozen=True, kw_only=True):
    """The recorder has taken a line over, or wants none of it; it is kept no longer."""

    occurrence: OccurrenceId
    line: LineId


def say(
    meeting: Meeting,
    sort: Sort,
    text: str,
    *,
    names: Mapping[str, MemberId],
    called: MemberId | None,
    waiting: int,
    by: UserId,
    cause: Cause,
    address: str,
    now: datetime,
) -> Decision | Refusal:
    """Keep a line for the recorder; ``names`` are those that only one person on the roster has.

    ``called`` is whom the message calls by account, ``waiting`` how many lines of the meeting are kept already.
    """
    text = " ".join(text.split())
    if not may_be_written(meeting, now):
        return refused("record_lines.not_now", title=meeting.title)
    if waiting >= MOST_OF_A_MEETING:
        return refused("record_lines.many", most=MOST_OF_A_MEETING)
    member, due_on = None, None
    if sort is Sort.TASK:
        member, due_on, text = read_task(text, names, called, today=meeting.day)
    if not text:
        return refused(f"record_lines.empty_{sort}")
    most = LONGEST_TASK if sort is Sort.TASK else LONGEST_TEXT
    if len(text) > most:
        return refused("meeting.long", most=most)
    line = Line(
        id=LineId(derive(cause, "line")),
        occurrence=meeting.id,
        sort=sort,
        text=text,
        by=by,
        at=now,
        member=member,
        due_on=due_on,
    )
    told = Tell(user=by, words=words(f"record_lines.kept_{sort}", title=meeting.title, address=address), quiet=True)
    return Decision(facts=(LineSaid(occurrence=meeting.id, line=line),), effects=(told,))


def read_task(
    text: str, names: Mapping[str, MemberId], called: MemberId | None, *, today: date
) -> tuple[MemberId | None, date | None, str]:
    """Read ``张明 8-1前 联系扶手厂家``: who, by when, what; what cannot be read stays in the text for the recorder."""
    member, rest = called, text
    first, _, after = rest.partition(" ")
    name = first.strip("@:：,，")
    if called is not None and (first.startswith("@") or names.get(name) == called):
        rest = after
    elif name in names:
        member, rest = names[name], after
    found = _DAY.search(rest)
    due_on = _day(found, today) if found is not None else None
    if found is not None and due_on is not None:
        rest = f"{rest[: found.start()].strip(' ,，;；')} {rest[found.end() :].strip(' ,，;；')}".strip()
    return member, due_on, rest.strip()


def _day(found: re.Match[str], today: date) -> date | None:
    year = int(found["year"]) if found["year"] else today.year
    try:
        day = date(year, int(found["month"]), int(found["day"]))
        if not found["year"] and day < today - LONG_PAST:
            day = day.replace(year=year + 1)
    except ValueError:
        return None
    return day


def settle(line: Line) -> Decision:
    """Let go of a line, because it was taken over or nobody wants it."""
    return Decision(facts=(LineSettled(occurrence=line.occurrence, line=line.id),))
