"""The papers of a meeting, in Chinese as they are filed: 记录表, 签到表 and the summary after it.

Nothing is in them that did not happen: what nobody has said prints as （待补充）, and signatures wait for a pen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from console.selection_papers import CHINESE, MISSING
from console.tables import Table
from console.word import Block, Document, Grid, Heading, Paragraph
from content.checkins import TOOK_PART, Note, State
from content.decision import words
from content.identifiers import MemberId
from content.meetings import Meeting
from content.minutes import EXTRAS, IN_FULL, Minutes, Part
from content.notices import State as Stand
from content.resolutions import Floor, Resolution, Task
from content.speech import Speech
from content.strokes import by_strokes

COLUMNS = ("number", "name", "group", "category", "attendance", "at", "signature", "reason", "note")
"""Of 签到表, in their order."""

ATTENDANCES = ("present", "online", "leave", "absent", "made_up", "silent")


class Person(Struct, frozen=True, kw_only=True):
    """One member on the roll, as the papers have them; ``at`` is when they signed in by themselves."""

    name: str
    group: str
    category: str
    state: State
    note: str | None
    at: datetime | None
    reason: str
    session: int | None = None


class Known(Struct, frozen=True, kw_only=True):
    """All that a paper of a meeting may say; ``names`` are of whoever else is spoken of in it."""

    meeting: Meeting
    organisation: str
    people: tuple[Person, ...]
    names: Mapping[MemberId, str]
    floor: Floor
    resolutions: tuple[Resolution, ...]
    tasks: tuple[Task, ...]
    minutes: Minutes | None

    @property
    def ordered(self) -> tuple[Person, ...]:
        """Return the roll by the strokes of surnames."""
        return tuple(sorted(self.people, key=lambda one: by_strokes(one.name)))

    def stand(self, *attendances: str) -> tuple[Person, ...]:
        """Return who stands on the roll in one of these ways."""
        return tuple(one for one in self.ordered if attendance(one) in attendances)

    @property
    def came(self) -> tuple[Person, ...]:
        """Return who took part when it was held, in the room or online."""
        return self.stand("present", "online")


def attendance(one: Person) -> str:
    """Return how somebody stands, in the words of 签到表 (CAD-16); who came late has come."""
    if one.state is State.DONE:
        return "online" if one.note == Note.ONLINE else "present"
    if one.state in TOOK_PART:
        return "made_up"
    return {State.EXCUSED: "leave", State.ABSENT: "absent"}.get(one.state, "silent")


def record(known: Known, speech: Speech) -> Document:
    """Write 记录表: a table of what the roll and the notice know, then the parts that are texts."""
    say = _Saying(speech)
    meeting, texts = known.meeting, known.minutes.texts if known.minutes is not None else {}
    parts = (part for part in EXTRAS.get(meeting.form, ()) if part not in IN_FULL)
    fields = [*_head(known, say), *((say(f"minutes.part_{part}"), texts.get(part, "")) for part in parts)]
    rows = tuple((name, value or MISSING) for name, value in fields)
    blocks: list[Block] = [Grid(header=(say("minutes.item"), say("minutes.content")), rows=rows)]
    long = [part for part in EXTRAS.get(meeting.form, ()) if part in IN_FULL]
    for number, part in enumerate((*long, Part.CONTENTS, Part.DISCUSSION)):
        blocks.append(_heading(number, say(f"minutes.part_{part}")))
        blocks += [Paragraph(text=line) for line in texts.get(part, MISSING).splitlines() if line.strip()]
    number = len(long) + 2
    blocks += [_heading(number, say("minutes.votes")), _votes(known, say)]
    blocks += [_heading(number + 1, say("minutes.decided")), *_decided(known, say)]
    blocks += [_heading(number + 2, say("minutes.tasks")), _tasks(known, say)]
    blocks += [Paragraph(text=say("minutes.sign_chair")), Paragraph(text=say("minutes.sign_recorder"))]
    title = say("minutes.title", organisation=known.organisation, form=say(f"meetings.form_{meeting.form}"))
    return Document(title=title, blocks=tuple(blocks))


def roll(known: Known, speech: Speech) -> Table:
    """Return 签到表: its head, and each member by the strokes of their surname."""
    say, meeting = _Saying(speech), known.meeting
    rows = tuple(
        (
            number,
            one.name,
            one.group,
            one.category,
            say(f"minutes.attendance_{attendance(one)}"),
            *((say("shifts.session", number=one.session) if one.session else "",) if meeting.further else ()),
            _local(one.at, meeting).strftime("%H:%M") if one.at is not None else "",
            "",
            one.reason,
            say("meetings.mark_late") if one.note == Note.LATE and one.state is State.DONE else "",
        )
        for number, one in enumerate(known.ordered, start=1)
    )
    counted = {name: len(known.stand(name)) for name in ("leave", "absent")}
    head = say(
        "minutes.roll_head",
        title=meeting.title,
        time=_span(known),
        place=_places(known) or MISSING,
        due=len(known.people),
        came=len(known.came),
        **counted,
    )
    return Table(
        title=say("minutes.roll_title", organisation=known.organisation),
        header=tuple(say(f"minutes.column_{name}") for name in _columns(meeting)),
        rows=rows,
        above=(head,),
    )


def summary(known: Known, speech: Speech) -> str:
    """Return 会后摘要 as text to paste: how many came, what was decided, who does what."""
    say = _Saying(speech)
    figures = {"due": len(known.people), "came": len(known.came), "leave": len(known.stand("leave"))}
    lines = [say("minutes.summary_head", title=known.meeting.title, **figures)]
    if known.resolutions:
        lines += [say("minutes.summary_decided"), *_numbered(known, say)]
    if known.tasks:
        lines += [say("minutes.summary_tasks")]
        lines += [
            say("resolutions.task_line", name=_name(known, one.member), text=one.text, due=one.due_on.isoformat())
            for one in known.tasks
        ]
    return "\n".join([*lines, say("minutes.summary_foot")])


class _Saying:
    """Says our sentences in Chinese."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech

    def __call__(self, key: str, **parameters: str | int) -> str:
        return self._speech.say(words(key, **parameters), CHINESE)


def _head(known: Known, say: _Saying) -> list[tuple[str, str]]:
    meeting, closed = known.meeting, known.meeting.state is Stand.CLOSED
    reasons = known.minutes.texts.get(Part.REASONS, "") if known.minutes is not None else ""
    away = [
        say("minutes.with_reason", name=one.name, why=one.reason) if one.reason else one.name
        for one in known.stand("leave")
    ]
    absent = (
        [say("minutes.absent_are", names="、".join(one.name for one in known.stand("absent")))]
        if known.stand("absent")
        else []
    )
    silent = (
        [say("minutes.silent_are", names="、".join(one.name for one in known.stand("silent")))]
        if known.stand("silent")
        else []
    )
    nobody = say("minutes.nobody") if closed else ""
    came, online = len(known.came), len(known.stand("online"))
    voters = say("minutes.voters", expected=known.floor.expected, present=known.floor.present)
    return [
        (say("meetings.title"), meeting.title),
        (say("minutes.form"), say(f"meetings.form_{meeting.form}")),
        (say("minutes.time"), _span(known)),
        (say("meetings.place"), _places(known)),
        (say("meetings.part_chair"), _name(known, meeting.chair)),
        (say("meetings.part_recorder"), _name(known, meeting.recorder)),
        (say("minutes.due"), str(len(known.people)) if known.people else ""),
        (
            say("minutes.came"),
            _with_sessions(known, say, say("minutes.came_online", n=came, online=online) if online else str(came))
            if known.people
            else "",
        ),
        (say("minutes.may_vote"), voters if known.floor.expected else ""),
        (say("meetings.part_guest"), _guests(known, say)),
        (say("minutes.away"), "；".join(away) or nobody),
        (say("minutes.absent"), "；".join([*absent, *silent, *([reasons] if reasons else [])]) or nobody),
        (say("meetings.agenda"), "\n".join(f"{number}. {item}" for number, item in enumerate(meeting.agenda, start=1))),
    ]


def _guests(known: Known, say: _Saying) -> str:
    if not known.meeting.guests:
        return say("minutes.nobody")
    return "、".join(_name(known, one) for one in known.meeting.came)


def _votes(known: Known, say: _Saying) -> Block:
    header = tuple(say(f"minutes.vote_{name}") for name in ("matter", "way", "yes", "no", "abstained", "result"))
    voted = [one for one in known.resolutions if one.show is not None]
    rows = tuple(
        (
            one.text,
            say("minutes.by_hand"),
            str(one.show.yes),
            str(one.show.no),
            str(one.show.abstained),
            say("resolutions.passed") if one.passed else say("resolutions.not_passed"),
        )
        for one in voted
        if one.show is not None
    )
    return Grid(header=header, rows=rows) if rows else Paragraph(text=MISSING)


def _decided(known: Known, say: _Saying) -> list[Block]:
    stands = [one for one in known.resolutions if one.passed is not False]
    return [Paragraph(text=f"{number}. {one.text}") for number, one in enumerate(stands, start=1)] or [
        Paragraph(text=MISSING)
    ]


def _numbered(known: Known, say: _Saying) -> list[str]:
    lines = []
    for number, one in enumerate(known.resolutions, start=1):
        line = f"{number}. {one.text}"
        if one.show is not None:
            counted = say("resolutions.counted", yes=one.show.yes, no=one.show.no, abstained=one.show.abstained)
            line += say(
                "minutes.by_vote",
                counted=counted,
                result=say("resolutions.passed") if one.passed else say("resolutions.not_passed"),
            )
        lines.append(line)
    return lines


def _tasks(known: Known, say: _Saying) -> Block:
    header = tuple(say(f"minutes.task_{name}") for name in ("what", "who", "until"))
    rows = tuple((one.text, _name(known, one.member), _day(one.due_on)) for one in known.tasks)
    return Grid(header=header, rows=rows) if rows else Paragraph(text=MISSING)


def _heading(place: int, text: str) -> Heading:
    return Heading(text=f"{'一二三四五六七八九十'[place]}、{text}")


def _name(known: Known, member: MemberId | None) -> str:
    return known.names.get(member, MISSING) if member is not None else MISSING


def _local(at: datetime, meeting: Meeting) -> datetime:
    return at.astimezone(ZoneInfo(meeting.timezone))


def _span(known: Known) -> str:
    """Return from when to when, by the meeting's own clock; until when is known once somebody has written it."""
    *before, begins = (_local(one.begins, known.meeting) for one in known.meeting.sessions)
    ended = known.minutes.ended_at if known.minutes is not None else None
    until = _local(ended, known.meeting).strftime("%H:%M") if ended is not None else MISSING
    earlier = (f"{_day(one.date())} {one:%H:%M}" for one in before)
    return "；".join([*earlier, f"{_day(begins.date())} {begins:%H:%M}–{until}"])


def _places(known: Known) -> str:
    """Return where it was held: of several sessions each place once."""
    return "、".join(dict.fromkeys(one.place for one in known.meeting.sessions if one.place))


def _columns(meeting: Meeting) -> tuple[str, ...]:
    place = COLUMNS.index("attendance") + 1
    return (*COLUMNS[:place], "session", *COLUMNS[place:]) if meeting.further else COLUMNS


def _with_sessions(known: Known, say: _Saying, came: str) -> str:
    """Return how many came, with how many of them to each of several sessions, as far as that is known."""
    if not known.meeting.further:
        return came
    each = [
        say("minutes.at_session", number=number, n=sum(one.session == number for one in known.came))
        for number in range(1, len(known.meeting.sessions) + 1)
    ]
    return f"{came}\n{'；'.join(each)}"


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
