"""The minutes of a meeting: what its recorder writes beside what is known already, version by version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import OccurrenceId, UserId
from content.meetings import LONGEST, Meeting, instant_of
from content.notices import Form, State

LONGEST_PART = 8_000
LONGEST_LINE = 500
MOST_VERSIONS = 60


class Part(StrEnum):
    """What of the form is written by hand, because nothing else knows it."""

    CONTENTS = "contents"
    DISCUSSION = "discussion"
    REASONS = "reasons"
    SPEAKER = "speaker"
    TOPIC = "topic"
    MATERIALS = "materials"
    THEME = "theme"
    UNITS = "units"
    SERVICE = "service"
    TALKS = "talks"
    OPINIONS = "opinions"
    PROBLEMS = "problems"
    MEASURES = "measures"


EXTRAS: Mapping[Form, tuple[Part, ...]] = {
    Form.LECTURE: (Part.SPEAKER, Part.TOPIC, Part.MATERIALS),
    Form.PARTY_DAY: (Part.THEME, Part.UNITS, Part.SERVICE),
    Form.LIFE: (Part.TALKS, Part.OPINIONS, Part.PROBLEMS, Part.MEASURES),
}
"""What the form asks beside the usual, by the form of the meeting."""

IN_FULL = frozenset({Part.CONTENTS, Part.DISCUSSION, Part.PROBLEMS, Part.MEASURES})
"""What is a text of its own; the rest is a line."""


class Minutes(Struct, frozen=True, kw_only=True):
    """One version of what was written; versions count from 1, and a ``done`` one is no draft any more.

    ``ended_at`` is when the meeting ended, where somebody has said so.
    """

    occurrence: OccurrenceId
    number: int
    texts: Mapping[Part, str]
    done: bool
    by: UserId
    at: datetime
    ended_at: datetime | None = None


class MinutesWritten(Fact, frozen=True, kw_only=True):
    """The recorder has written a version of the minutes; the earlier ones stay, but for the draft ``instead`` of it."""

    occurrence: OccurrenceId
    minutes: Minutes
    instead: int | None = None


def parts_of(form: Form) -> tuple[Part, ...]:
    """Return what is written by hand of a meeting, in the order of the form."""
    return (*EXTRAS.get(form, ()), Part.REASONS, Part.CONTENTS, Part.DISCUSSION)


def end_of(meeting: Meeting, typed: str) -> datetime | Refusal:
    """Return when a meeting ended by the time of day that was typed: the first after it began, be it past midnight.

    Of several sessions it is the last that ends it.
    """
    last = meeting.sessions[-1].begins
    day = last.astimezone(ZoneInfo(meeting.timezone)).date()
    found = instant_of(day.isoformat(), typed, meeting.timezone, field="ended")
    if isinstance(found, Refusal) or found > last:
        return found
    return instant_of((day + timedelta(days=1)).isoformat(), typed, meeting.timezone, field="ended")


def write(
    meeting: Meeting,
    texts: Mapping[Part, str],
    *,
    ended_at: datetime | None,
    done: bool,
    versions: Sequence[Minutes],
    seen: int,
    by: UserId,
    now: datetime,
) -> Decision | Refusal:
    """Keep what was written as a new version; ``seen`` is the number of the one that it was written upon.

    ``versions`` are the earlier ones, newest first. Where they are many, the oldest draft makes room; done ones stay.
    """
    if meeting.state not in (State.HELD, State.CLOSED):
        return refused("resolution.not_held")
    newest = versions[0] if versions else None
    number = newest.number if newest is not None else 0
    if number != seen:
        return refused("minutes.changed_since", field=Part.CONTENTS)
    instead = next((each.number for each in reversed(versions) if not each.done), None)
    if len(versions) < MOST_VERSIONS:
        instead = None
    elif instead is None:
        return refused("minutes.many", most=MOST_VERSIONS)
    kept = {part: texts[part].strip() for part in parts_of(meeting.form) if texts.get(part, "").strip()}
    for part, text in kept.items():
        most = LONGEST_PART if part in IN_FULL else LONGEST_LINE
        if len(text) > most:
            return refused("meeting.long", field=part, most=most)
    last = meeting.sessions[-1].begins
    if ended_at is not None and not last < ended_at <= last + LONGEST:
        return refused("minutes.bad_end", field="ended")
    if newest is not None and (newest.texts, newest.ended_at, newest.done) == (kept, ended_at, done):
        return refused("minutes.same", field=Part.CONTENTS)
    one = Minutes(occurrence=meeting.id, number=number + 1, texts=kept, done=done, by=by, at=now, ended_at=ended_at)
    return Decision(facts=(MinutesWritten(occurrence=meeting.id, minutes=one, instead=instead),))
