"""What a meeting decided: how many may decide, votes by hand that add up, resolutions, and who does what by when."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta

from msgspec import Struct

from content.ballots import Elector
from content.checkins import Note
from content.checkins import State as Answer
from content.decision import Decision, Fact, Refusal, Words, refused, words
from content.identifiers import Cause, MemberId, OccurrenceId, ResolutionId, TaskId, UserId, derive
from content.meetings import Meeting
from content.notices import State
from content.rule_packs import MOTION

LONGEST_TEXT = 500
LONGEST_TASK = 200
MOST_OF_A_MEETING = 50

CORRECTED_FOR = timedelta(days=3)
"""How long after the roll was closed what was decided can be put right (更正)."""


class Floor(Struct, frozen=True, kw_only=True):
    """Of whom a vote is reckoned: ``expected`` are those due who may vote, ``present`` those of them in the room.

    Who takes part ``online`` stands on a line of their own and is not counted, unless an organisation has it otherwise:
    the sources leave it open (VOTE-10).
    """

    expected: int
    present: int
    online: int = 0

    @property
    def quorum(self) -> int:
        """Return how many must be present to vote."""
        return MOTION.quorum.least(self.expected)

    @property
    def need(self) -> int:
        """Return how many votes for a motion pass it: more than half of those due, not of those present."""
        return MOTION.majority.least(self.expected)

    @property
    def may_vote(self) -> bool:
        """Tell whether enough are present; of nobody, nobody is not enough."""
        return self.expected > 0 and MOTION.quorum.met(self.present, self.expected)


class Show(Struct, frozen=True, kw_only=True):
    """A vote by hand as it was counted in the room."""

    yes: int
    no: int
    abstained: int


class Resolution(Struct, frozen=True, kw_only=True):
    """What was decided; ``show`` and ``floor`` are of the vote where there was one.

    One that puts another right ``replaces`` it; the earlier text stays.
    """

    id: ResolutionId
    text: str
    at: datetime
    show: Show | None = None
    floor: Floor | None = None
    replaces: ResolutionId | None = None

    @property
    def passed(self) -> bool | None:
        """Tell whether the vote passed it, ``None`` where there was none."""
        if self.show is None or self.floor is None:
            return None
        return MOTION.majority.met(self.show.yes, self.floor.expected)


class Task(Struct, frozen=True, kw_only=True):
    """What somebody does by a day, because a meeting asked them to."""

    id: TaskId
    occurrence: OccurrenceId
    member: MemberId
    text: str
    due_on: date
    done_on: date | None = None


class ResolutionRecorded(Fact, frozen=True, kw_only=True):
    """What a meeting decided was written down, or put right."""

    occurrence: OccurrenceId
    resolution: Resolution
    by: UserId


class TaskAssigned(Fact, frozen=True, kw_only=True):
    """Somebody does something by a day."""

    task: Task
    by: UserId


class TaskDone(Fact, frozen=True, kw_only=True):
    """What somebody was to do is done."""

    occurrence: OccurrenceId
    task: TaskId
    on: date


def floor(
    register: Iterable[Elector], standing: Mapping[MemberId, tuple[Answer, str | None]], *, online_counts: bool = False
) -> Floor:
    """Reckon from the register and the roll how many may vote and are there; online too, where that counts."""
    electors = [one.member for one in register if one.may_vote]
    there = [standing[one] for one in electors if one in standing and standing[one][0] is Answer.DONE]
    online = 0 if online_counts else sum(note == Note.ONLINE for _, note in there)
    return Floor(expected=len(electors), present=len(there) - online, online=online)


def said_of(one: Floor, sessions: int = 1) -> tuple[Words, ...]:
    """Say in full whether may be voted, and what passes a motion (VOTE-12).

    A vote is one of those who are present together (VOTE-1): of a meeting in several sessions that is nobody, so it is
    said how many came to all of them, and that there is no vote.
    """
    if sessions > 1 and one.expected > 0:
        came = one.present + one.online
        return (words("resolution.no_vote_in_sessions", n=sessions, expected=one.expected, present=came),)
    if one.expected < 1:
        return (words("resolution.no_electors"),)
    key = "resolution.may_vote" if one.may_vote else "resolution.no_quorum"
    lines = [words(key, expected=one.expected, present=one.present, quorum=one.quorum, need=one.need)]
    if one.online:
        lines.append(words("resolution.online_apart", n=one.online))
    return tuple(lines)


def record(
    meeting: Meeting,
    text: str,
    *,
    now_there: Floor,
    show: Show | None,
    known: Collection[Resolution],
    replaces: ResolutionId | None,
    by: UserId,
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Write down what a meeting decided, or put it right; a vote is checked and never repaired.

    What is put right is reckoned of those who were there by the roll as it stood then, or, where that does not add up,
    as it stands now: it may have been put right since.
    """
    text = " ".join(text.split())
    trouble = _not_now(meeting, now)
    if trouble is not None:
        return trouble
    if show is not None and meeting.further:
        return refused("resolution.in_sessions", field="yes", n=len(meeting.sessions))
    if not text:
        return refused("resolution.no_text", field="text")
    if len(text) > LONGEST_TEXT:
        return refused("meeting.long", field="text", most=LONGEST_TEXT)
    if len(known) >= MOST_OF_A_MEETING:
        return refused("resolution.many", field="text", most=MOST_OF_A_MEETING)
    before = next((one for one in standing_of(known) if one.id == replaces), None)
    if replaces is not None and before is None:
        return refused("resolution.changed_since", field="text")
    then = before.floor if before is not None and before.floor is not None else now_there
    if show is not None and _flaw(show, then) is not None:
        then = now_there
    flaw = _flaw(show, then) if show is not None else None
    if flaw is not None:
        return flaw
    if before is not None and (before.text, before.show) == (text, show):
        return refused("resolution.same", field="text")
    one = Resolution(
        id=ResolutionId(derive(cause, "resolution")),
        text=text,
        at=now,
        show=show,
        floor=then if show is not None else None,
        replaces=replaces,
    )
    return Decision(facts=(ResolutionRecorded(occurrence=meeting.id, resolution=one, by=by),))


def may_be_written(meeting: Meeting, now: datetime) -> bool:
    """Tell whether what a meeting decided can still be written down or put right."""
    return _not_now(meeting, now) is None


def _not_now(meeting: Meeting, now: datetime) -> Refusal | None:
    if meeting.state not in (State.HELD, State.CLOSED):
        return refused("resolution.not_held")
    if meeting.closed_at is not None and now > meeting.closed_at + CORRECTED_FOR:
        return refused("resolution.too_late", n=CORRECTED_FOR.days)
    return None


def _flaw(show: Show, there: Floor) -> Refusal | None:
    """Tell what of a vote by hand cannot be; both numbers are said, and the recorder puts it right."""
    if there.expected < 1:
        return refused("resolution.no_electors", field="yes")
    if not there.may_vote:
        return refused("resolution.too_few", field="yes", present=there.present, quorum=there.quorum)
    counted = show.yes + show.no + show.abstained
    if min(show.yes, show.no, show.abstained) < 0 or counted != there.present:
        return refused("resolution.does_not_add_up", field="yes", counted=counted, present=there.present)
    return None


def standing_of(known: Collection[Resolution]) -> tuple[Resolution, ...]:
    """Return what stands of what was written down: each in its newest words, in the order of the first ones."""
    replaced = {one.replaces: one for one in known if one.replaces is not None}
    found = []
    for one in known:
        if one.replaces is None:
            newest = one
            while newest.id in replaced:
                newest = replaced[newest.id]
            found.append(newest)
    return tuple(found)


def earlier(one: Resolution, known: Collection[Resolution]) -> tuple[Resolution, ...]:
    """Return the words that stood before, the newest first."""
    by_id = {each.id: each for each in known}
    found = []
    while one.replaces is not None and one.replaces in by_id:
        one = by_id[one.replaces]
        found.append(one)
    return tuple(found)


def assign(
    meeting: Meeting,
    member: MemberId | None,
    text: str,
    *,
    due_on: date | None,
    people: Collection[MemberId],
    by: UserId,
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Write down who does what by when; it waits in their own record and for the next agenda until it is done."""
    text = " ".join(text.split())
    trouble = _not_now(meeting, now)
    if trouble is not None:
        return trouble
    if member is None or member not in people:
        return refused("meeting.not_from_here", field="owner")
    if not text:
        return refused("resolution.no_task", field="task")
    if len(text) > LONGEST_TASK:
        return refused("meeting.long", field="task", most=LONGEST_TASK)
    if due_on is None or due_on < meeting.day:
        return refused("resolution.bad_day", field="due_on")
    task = Task(id=TaskId(derive(cause, "task")), occurrence=meeting.id, member=member, text=text, due_on=due_on)
    return Decision(facts=(TaskAssigned(task=task, by=by),))


def finish(task: Task, *, on: date) -> Decision | Refusal:
    """Note that something is done."""
    if task.done_on is not None:
        return refused("resolution.done_already")
    return Decision(facts=(TaskDone(occurrence=task.occurrence, task=task.id, on=on),))
