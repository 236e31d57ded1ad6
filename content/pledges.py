"""公开承诺: what a branch, a group or a member has promised, how far it is, and what became of it in the end."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import blake2s

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Fact, Refusal, Say, Tell, Words, refused, words
from content.identifiers import (
    Cause,
    MemberId,
    OrganisationId,
    PledgeEntryId,
    PledgeId,
    RoomId,
    UserId,
    derive,
)
from content.workdays import WorkCalendar

LONGEST_MATTER = 100
LONGEST_MEASURE = 300
LONGEST_NOTE = 200
LONGEST_REVIEW = 300

REMINDED_BEFORE = (14, 3)
"""So many days before a pledge is due its owner is reminded in private, each once."""
REMINDED_FROM = 8
"""At this hour, by the clock of the place."""

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)


class Party(StrEnum):
    """Who pledges."""

    BRANCH = "branch"
    GROUP = "group"
    PERSON = "person"


class State(StrEnum):
    """Whether a pledge is still to be kept: it is open, was kept, or was ended without being kept."""

    OPEN = "open"
    DONE = "done"
    ENDED = "ended"


class Sort(StrEnum):
    """What a line in the history of a pledge says."""

    PROGRESS = "progress"
    CHANGED = "changed"
    CLOSED = "closed"
    REOPENED = "reopened"


class Pledge(Struct, frozen=True, kw_only=True):
    """Something pledged, known in its branch by its number; ``percent`` was last said on ``updated``, 0 to 100.

    ``due`` was set on the day ``due_set``. ``group`` and ``person`` name who pledges where it is not the branch.
    ``owner`` is who sees to it, ``None`` where nobody does. ``reminded`` counts the reminders before ``due`` that are
    over, ``told_on`` is the last day on which its room was told. ``asked`` is the last number that a question to it
    was given. ``review`` (评诺) is typed at the end of the year.
    """

    id: PledgeId
    organisation: OrganisationId
    number: int
    party: Party
    matter: str
    measure: str
    due: date
    due_set: date
    updated: date
    group: OrganisationId | None = None
    person: MemberId | None = None
    owner: MemberId | None = None
    state: State = State.OPEN
    percent: int = 0
    reminded: int = 0
    told_on: date | None = None
    asked: int = 0
    review: str = ""


class Entry(Struct, frozen=True, kw_only=True):
    """One line of a pledge's history, on a local day; ``percent`` belongs to progress alone."""

    id: PledgeEntryId
    pledge: PledgeId
    sort: Sort
    on: date
    at: datetime
    note: str
    percent: int | None = None
    by: UserId | None = None


class PledgeMade(Fact, frozen=True, kw_only=True):
    """A pledge was put on the register."""

    pledge: Pledge
    by: UserId
    at: datetime


class PledgeChanged(Fact, frozen=True, kw_only=True):
    """What is pledged, by whom or by when was changed, or the review of the year was typed."""

    pledge: Pledge
    entry: Entry | None = None


class PledgeProgressed(Fact, frozen=True, kw_only=True):
    """Its owner, or who keeps the register, has said how far a pledge is."""

    pledge: Pledge
    entry: Entry


class PledgeClosed(Fact, frozen=True, kw_only=True):
    """A pledge was closed, and with it what was asked and not answered; or it was taken up again, and so was that."""

    pledge: Pledge
    entry: Entry


class PledgeTold(Fact, frozen=True, kw_only=True):
    """Its room was told how far a pledge is."""

    pledge: Pledge


class PledgeReminded(Fact, frozen=True, kw_only=True):
    """The owner of a pledge was reminded of the day on which it is due."""

    pledge: Pledge


class Hands(Struct, frozen=True, kw_only=True):
    """From whose hands a pledge goes into whose: their accounts where they can be told, and the new owner's name."""

    former: UserId | None = None
    owner: UserId | None = None
    name: str = ""


def tidied(text: str) -> str:
    """Return what was typed in one line."""
    return " ".join(text.split())


def mark_of(pledge: Pledge) -> str:
    """Return a mark of what a form showed of a pledge, by which it is seen that somebody has changed it since."""
    shown = (pledge.party, pledge.group, pledge.person, pledge.matter, pledge.measure, pledge.owner, pledge.due)
    return blake2s(repr((*map(str, shown), pledge.state, pledge.review)).encode(), digest_size=9).hexdigest()


def make(
    pledge: Pledge,
    *,
    people: Collection[MemberId],
    owner: UserId | None = None,
    by: UserId,
    today: date,
    now: datetime,
) -> Decision | Refusal:
    """Put a pledge on the register; ``people`` are the members of its branch, of whom owner and pledger must be.

    ``owner`` is the account of its owner, who is told of it.
    """
    refusal = _objection(pledge, people)
    if refusal is not None:
        return refusal
    if pledge.due < today:
        return refused("pledge.due_past", field="due")
    return Decision(facts=(PledgeMade(pledge=pledge, by=by, at=now),), effects=tuple(_to_owner(pledge, owner, by)))


def change(
    before: Pledge,
    after: Pledge,
    reason: str,
    *,
    people: Collection[MemberId],
    hands: Hands | None = None,
    seen: str,
    by: UserId,
    cause: Cause,
    today: date,
    now: datetime,
) -> Decision | Refusal:
    """Change what is pledged, with the reason, which stays in its history; another due day is reminded of anew.

    Where another owns it from now on, both are told, but for who does it themself.
    """
    if before.state is not State.OPEN:
        return refused("pledge.is_closed", number=before.number)
    if seen != mark_of(before):
        return refused("pledge.changed_meanwhile")
    if (refusal := _objection(after, people, before)) is not None:
        return refusal
    why = tidied(reason)
    if (refusal := _reason_lacks(why)) is not None:
        return refusal
    if mark_of(after) == mark_of(before):
        return refused("pledge.nothing_changed", field="matter")
    if after.due != before.due:
        if after.due < today:
            return refused("pledge.due_past", field="due")
        after = replace(after, reminded=0, due_set=today)
    entry = _entry(before, Sort.CHANGED, why, by=by, cause=cause, today=today, now=now)
    effects: list[Tell] = []
    if hands is not None and after.owner != before.owner:
        effects += _to_owner(after, hands.owner, by)
        if hands.former is not None and hands.former != by:
            key = "pledge.owner_no_more" if hands.name else "pledge.owner_no_more_nobody"
            said = words(key, number=after.number, matter=before.matter, name=hands.name)
            effects.append(Tell(user=hands.former, words=said, unasked=True))
    return Decision(facts=(PledgeChanged(pledge=after, entry=entry),), effects=tuple(effects))


def _to_owner(pledge: Pledge, owner: UserId | None, by: UserId) -> Iterator[Tell]:
    """Yield what somebody is told who owns a pledge from now on; a reply to it says how far the pledge is."""
    if owner is not None and owner != by:
        due = _day(pledge.due)
        said = words("pledge.owner_now", number=pledge.number, matter=pledge.matter, due=due, percent=pledge.percent)
        yield Tell(user=owner, words=said, unasked=True, matter=pledge.id)


def _objection(pledge: Pledge, people: Collection[MemberId], before: Pledge | None = None) -> Refusal | None:
    if not pledge.matter:
        return refused("pledge.no_matter", field="matter")
    if len(pledge.matter) > LONGEST_MATTER:
        return refused("pledge.long_matter", field="matter", most=LONGEST_MATTER)
    if len(pledge.measure) > LONGEST_MEASURE:
        return refused("pledge.long_measure", field="measure", most=LONGEST_MEASURE)
    if not FIRST_DAY <= pledge.due <= LAST_DAY:
        return refused("pledge.bad_due", field="due")
    # Who has left stays named as before, until somebody names another.
    for field, one, stood in (
        ("party", pledge.person, before.person if before else None),
        ("owner", pledge.owner, before.owner if before else None),
    ):
        if one is not None and one not in people and one != stood:
            return refused("pledge.unknown_person", field=field)
    return None


def _reason_lacks(why: str) -> Refusal | None:
    if not why:
        return refused("pledge.no_reason", field="reason")
    return refused("pledge.long_note", field="reason", most=LONGEST_NOTE) if len(why) > LONGEST_NOTE else None


def progress(
    pledge: Pledge,
    percent: int | None,
    note: str,
    *,
    by: UserId,
    tell: UserId | None = None,
    cause: Cause,
    today: date,
    now: datetime,
) -> Decision | Refusal:
    """Say how far a pledge is; without a number it stays where it was. Whoever said it in chat is told that it is kept.

    Saying that all is done closes nothing: that is a word of the organisation.
    """
    said = tidied(note)
    if pledge.state is not State.OPEN:
        return refused("pledge.is_closed", number=pledge.number)
    if percent is not None and not 0 <= percent <= 100:
        return refused("pledge.bad_percent", field="percent")
    if len(said) > LONGEST_NOTE:
        return refused("pledge.long_note", field="note", most=LONGEST_NOTE)
    if percent is None and not said:
        return refused("pledge.no_progress", field="percent")
    after = replace(pledge, percent=pledge.percent if percent is None else percent, updated=today)
    entry = _entry(after, Sort.PROGRESS, said, by=by, cause=cause, today=today, now=now)
    fact = PledgeProgressed(pledge=after, entry=replace(entry, percent=after.percent))
    if tell is None:
        return Decision(facts=(fact,))
    key = "pledge.progress_kept" if said else "pledge.progress_kept_plainly"
    told = words(key, number=pledge.number, matter=pledge.matter, percent=after.percent, note=said)
    return Decision(facts=(fact,), effects=(Tell(user=tell, words=told),))


def close(
    pledge: Pledge, state: State, note: str, *, by: UserId, cause: Cause, today: date, now: datetime
) -> Decision | Refusal:
    """Close a pledge as kept or as ended, or take it up again; with a note, which stays in its history."""
    why = tidied(note)
    if state is pledge.state or (state is not State.OPEN and pledge.state is not State.OPEN):
        return refused("pledge.closed_already", number=pledge.number)
    if (refusal := _reason_lacks(why)) is not None:
        return refusal
    sort = Sort.REOPENED if state is State.OPEN else Sort.CLOSED
    after = replace(pledge, state=state)
    return Decision(
        facts=(PledgeClosed(pledge=after, entry=_entry(after, sort, why, by=by, cause=cause, today=today, now=now)),)
    )


def review(pledge: Pledge, text: str, *, seen: str) -> Decision | Refusal:
    """Put down what came of it when the pledges of the year were reviewed (评诺), open or closed."""
    said = tidied(text)
    if seen != mark_of(pledge):
        return refused("pledge.changed_meanwhile")
    if len(said) > LONGEST_REVIEW:
        return refused("pledge.long_review", field="review", most=LONGEST_REVIEW)
    if said == pledge.review:
        return refused("pledge.nothing_changed", field="review")
    return Decision(facts=(PledgeChanged(pledge=replace(pledge, review=said)),))


def tell_room(
    pledge: Pledge, note: str, owner: str | None, rooms: Collection[RoomId], *, today: date, waits: bool = False
) -> Decision | Refusal:
    """Have the rooms of the branch told how far a pledge is, once a day; nobody is called by it.

    While something else ``waits`` to be said there, as in quiet hours, it would come on top of that.
    """
    if pledge.state is not State.OPEN:
        return refused("pledge.is_closed", number=pledge.number)
    if not rooms:
        return refused("pledge.no_room")
    if pledge.told_on == today:
        return refused("pledge.told_today")
    if waits:
        return refused("pledge.room_waits")
    said = room_words(pledge, note, owner)
    effects = tuple(Say(room=room, organisation=pledge.organisation, words=said) for room in rooms)
    return Decision(facts=(PledgeTold(pledge=replace(pledge, told_on=today)),), effects=effects)


def room_words(pledge: Pledge, note: str, owner: str | None) -> Words:
    """Return what a room is told (承诺进度), the owner by name and without a mention."""
    return words(
        "pledge.room_note" if note else "pledge.room",
        number=pledge.number,
        matter=pledge.matter,
        who=(words("pledge.owner", name=owner) if owner else words("pledge.no_owner"),),
        due=_day(pledge.due),
        percent=pledge.percent,
        note=note,
    )


def _day(day: date) -> str:
    return f"{day.month}-{day.day}"


def is_overdue(pledge: Pledge, today: date) -> bool:
    """Tell whether the day of an open pledge is past; the day itself is still in time."""
    return pledge.state is State.OPEN and today > pledge.due


def days_silent(pledge: Pledge, today: date) -> int:
    """Return for how many days nobody has said how far a pledge is."""
    return max(0, (today - pledge.updated).days)


def standing(pledge: Pledge, today: date) -> Words:
    """Return where a pledge stands, in neutral words (AF-14): 原定 6-30，未更新 21 天."""
    due = _day(pledge.due) if pledge.due.year == today.year else pledge.due.isoformat()
    if pledge.state is not State.OPEN:
        return words(f"pledge.standing_{pledge.state}", due=due, percent=pledge.percent)
    if is_overdue(pledge, today) and (days := days_silent(pledge, today)):
        return words("pledge.standing_silent", due=due, n=days)
    return words("pledge.standing_open", due=due, percent=pledge.percent)


def in_order(pledges: Collection[Pledge], today: date) -> tuple[Pledge, ...]:
    """Return pledges as they are listed: those past their day first, then by that day, closed ones at the end."""
    return tuple(
        sorted(
            pledges,
            key=lambda one: (one.state is not State.OPEN, not is_overdue(one, today), one.due, one.number, one.id),
        )
    )


def reminder_days(due: date, known: WorkCalendar) -> tuple[date, ...]:
    """Return on which days the owner is reminded: 14 and 3 days before, or on the next working day.

    Where that would be after the day on which it is due, it is the last working day until then.
    """
    found = []
    for before in REMINDED_BEFORE:
        wanted = due - timedelta(days=before)
        moved = known.on_or_after(wanted).date
        found.append(moved if moved <= due else known.on_or_before(due).date)
    return tuple(found)


def reminders_over(pledge: Pledge, local: datetime, known: WorkCalendar) -> int:
    """Return how many reminders have had their time, by the clock of the place."""
    days = reminder_days(pledge.due, known)
    return sum(local.date() > day or (local.date() == day and local.hour >= REMINDED_FROM) for day in days)


def remind(pledge: Pledge, owner: UserId, local: datetime, known: WorkCalendar) -> Decision | None:
    """Remind the owner in private of the day; of several that were missed of the last one alone, and of none after it.

    A reply to it says how far the pledge is.
    What would have been before that day was set is not caught up on, and of what is done nobody is reminded.
    """
    over = reminders_over(pledge, local, known)
    if pledge.state is not State.OPEN or pledge.percent >= 100 or over <= pledge.reminded or local.date() > pledge.due:
        return None
    reminded = PledgeReminded(pledge=replace(pledge, reminded=over))
    if reminder_days(pledge.due, known)[over - 1] < pledge.due_set:
        return Decision(facts=(reminded,))
    said = words(
        "pledge.reminder", number=pledge.number, matter=pledge.matter, due=_day(pledge.due), percent=pledge.percent
    )
    return Decision(facts=(reminded,), effects=(Tell(user=owner, words=said, unasked=True, matter=pledge.id),))


def _entry(pledge: Pledge, sort: Sort, note: str, *, by: UserId, cause: Cause, today: date, now: datetime) -> Entry:
    return Entry(
        id=PledgeEntryId(derive(cause, "pledge", pledge.id, sort)),
        pledge=pledge.id,
        sort=sort,
        on=today,
        at=now,
        note=note,
        by=by,
    )
