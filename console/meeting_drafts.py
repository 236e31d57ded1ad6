"""The form of a meeting: what stands in it, and the meeting that it means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import request
from msgspec import Struct
from msgspec.structs import replace

from console.answering import add_troubles
from content.decision import Refusal, refused
from content.identifiers import LessonId, MemberId, OccurrenceId
from content.lectures import Session
from content.meeting_sessions import MOST
from content.meetings import Meeting, instant_of, troubles_with
from content.members import Member
from content.notices import Form
from content.organisations import Organisation

USUAL_LENGTH = "60"
FURTHER = range(2, MOST + 1)
"""The numbers of the sessions after the first."""

_OF_SESSION = ("date", "time", "place")
_LONGEST_SHOWN = 60
"""So much of the names at fault is said again."""
_BETWEEN = re.compile(r"[\s,，、;；]+")


class Fields(Struct, frozen=True, kw_only=True):
    """What stands in the form, whether or not it can be meant."""

    organisation: str = ""
    form: str = Form.ASSEMBLY
    title: str = ""
    agenda: str = ""
    date: str = ""
    time: str = ""
    length: str = USUAL_LENGTH
    place: str = ""
    chair: str = ""
    recorder: str = ""
    named: str = ""
    guests: str = ""
    notice_date: str = ""
    notice_time: str = ""
    reminds: bool = True
    why: str = ""
    urgent: str = ""
    """Why the notice goes out in quiet hours."""
    further: tuple[tuple[str, str, str], ...] = ()
    """Of each session after the first its day, time and place."""


def fields_from() -> Fields:
    """Return what was filled in."""
    names = [name for name in Fields.__struct_fields__ if name not in ("reminds", "further")]
    texts = {name: request.form.get(name, "").strip() for name in names}
    further = [[request.form.get(f"{name}_{number}", "").strip() for name in _OF_SESSION] for number in FURTHER]
    return Fields(
        **{**texts, "form": texts["form"] or Form.ASSEMBLY},
        reminds="reminds" in request.form,
        further=tuple((day, at, place) for day, at, place in further),
    )


def on_free_day(fields: Fields, place: Organisation, now: datetime) -> Fields:
    """Return the fields with the notice on the free day that was taken, at the hour that it was to go out at."""
    day = request.form.get("free_day", "").strip()
    if not day:
        return fields
    at = fields.notice_time or f"{now.astimezone(ZoneInfo(place.timezone)):%H:%M}"
    return replace(fields, notice_date=day, notice_time=at)


def fresh_fields(nodes: tuple[Organisation, ...], now: datetime, agenda: Iterable[str] = ()) -> Fields:
    """Return the form as it opens: a week ahead at three in the afternoon, with what is carried over."""
    place = nodes[0]
    day = now.astimezone(ZoneInfo(place.timezone)).date() + timedelta(days=7)
    return Fields(organisation=place.id, date=day.isoformat(), time="15:00", agenda="\n".join(agenda))


def fields_of(one: Meeting, people: Iterable[Member]) -> Fields:
    """Return a meeting as the form has it."""
    names = {each.id: each.name for each in people}
    local = one.begins_at.astimezone(ZoneInfo(one.timezone))

    def called(ids: Iterable[MemberId | None]) -> str:
        return "、".join(names[each] for each in ids if each is not None and each in names)

    return Fields(
        organisation=one.organisation,
        form=one.form,
        title=one.title,
        agenda="\n".join(one.agenda),
        date=local.date().isoformat(),
        time=f"{local:%H:%M}",
        length=str(int(one.length.total_seconds()) // 60),
        place=one.place,
        chair=called([one.chair]),
        recorder=called([one.recorder]),
        named=called(one.named),
        guests=called(one.guests),
        reminds=one.reminds,
        further=tuple(_written(each, one.timezone) for each in one.further),
    )


def _written(one: Session, timezone: str) -> tuple[str, str, str]:
    local = one.begins.astimezone(ZoneInfo(timezone))
    return local.date().isoformat(), f"{local:%H:%M}", one.place


def _further(fields: Fields, place: Organisation, troubles: list[Refusal]) -> tuple[Session, ...]:
    """Return the sessions after the first, in the order of their times; a day or a place left empty is the first's."""
    found = []
    for number, (day, at, where) in enumerate(fields.further, start=FURTHER[0]):
        if not (day or at):
            continue
        begins = instant_of(day or fields.date, at, place.timezone, field=f"date_{number}")
        if isinstance(begins, Refusal):
            troubles.append(begins)
        else:
            found.append(Session(begins=begins, place=" ".join((where or fields.place).split())))
    return tuple(sorted(found, key=lambda one: one.begins))


def drafted(
    fields: Fields,
    place: Organisation,
    people: Iterable[Member],
    troubles: list[Refusal],
    *,
    id: str,  # noqa: A002
    lesson: str,
    now: datetime,
) -> Meeting:
    """Turn the fields into a meeting; all that it cannot be goes to the troubles, each at its field.

    What cannot be read has something possible in its place, so that the rest is looked at too.
    """
    if fields.form not in set(Form):
        troubles.append(refused("meeting.no_form", field="form"))
    begins_at = instant_of(fields.date, fields.time, place.timezone, field="date")
    if isinstance(begins_at, Refusal):
        troubles.append(begins_at)
    is_length = re.fullmatch("[0-9]{1,4}", fields.length) is not None
    if not is_length:
        troubles.append(refused("meeting.bad_length", field="length"))
    # Where one of them is not known, it is not known either whether the sessions fit together.
    further = _further(fields, place, troubles) if is_length and not isinstance(begins_at, Refusal) else ()
    found = _people(fields, people, troubles)
    meeting = Meeting(
        id=OccurrenceId(id),
        organisation=place.id,
        form=Form(fields.form) if fields.form in set(Form) else Form.ASSEMBLY,
        lesson=LessonId(lesson),
        title=" ".join(fields.title.split()),
        agenda=tuple(" ".join(line.split()) for line in fields.agenda.splitlines() if line.strip()),
        place=" ".join(fields.place.split()),
        begins_at=now + timedelta(days=1) if isinstance(begins_at, Refusal) else begins_at,
        length=timedelta(minutes=int(fields.length if is_length else USUAL_LENGTH)),
        timezone=place.timezone,
        further=further,
        chair=next(iter(found["chair"]), None),
        recorder=next(iter(found["recorder"]), None),
        named=found["named"],
        guests=found["guests"],
        reminds=fields.reminds,
        why=" ".join(fields.why.split()),
    )
    add_troubles(troubles, troubles_with(meeting, now))
    return meeting


def _people(fields: Fields, people: Iterable[Member], troubles: list[Refusal]) -> dict[str, tuple[MemberId, ...]]:
    """Return who is named in which field; a name that is nobody's, or several people's, is a trouble."""
    by_name: dict[str, list[MemberId]] = {}
    for one in people:
        by_name.setdefault(one.name, []).append(one.id)
    found: dict[str, tuple[MemberId, ...]] = {}
    for field in ("chair", "recorder", "named", "guests"):
        named = [name for name in _BETWEEN.split(getattr(fields, field)) if name]
        unknown = [name for name in named if len(by_name.get(name, ())) != 1]
        if unknown or (field in ("chair", "recorder") and named[1:]):
            names = "、".join(unknown or named)[:_LONGEST_SHOWN]
            troubles.append(refused("meeting.names_not_from_here", field=field, names=names))
            named = []
        found[field] = tuple(sorted({by_name[name][0] for name in named}))
    return found


def notice_of(fields: Fields, place: Organisation, now: datetime, troubles: list[Refusal]) -> datetime:
    """Return when the notice goes out: at once where nothing else is said."""
    if not fields.notice_date and not fields.notice_time:
        return now
    at = instant_of(fields.notice_date, fields.notice_time, place.timezone, field="notice_date")
    if not isinstance(at, Refusal):
        return at
    troubles.append(at)
    return now
