"""排 党课 24日 15:00: a meeting asked for in the committee's room or in private, called after a reaction."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from bot.commands.asking import Asking, Place
from bot.commands.plain import normalise, simplified
from bot.commands.sanctions import NO, YES, Answer
from bot.commands.vocabulary import FORMS
from content import meeting_drafts as rules
from content import meetings
from content.burden import Asked, Offer, refuse_too_much
from content.decision import Decision, Refusal, refused
from content.identifiers import EventId, LessonId, OccurrenceId, OrganisationId, ScheduleId, UserId, derive
from content.lessons import LessonWritten
from content.meeting_drafts import MeetingDraft
from content.meetings import Meeting
from content.moments import find_moment
from content.notices import Form
from content.organisations import Kind, Organisation, Right, roots
from content.reviews import Review, Stage, told
from content.rooms import Purpose
from content.schedules import LessonsScheduled
from content.settings import SECOND_PAIR
from content.settings import YES as WANTED
from storage import burden, organisations, quiet, reviews, rooms, settings
from storage import meeting_drafts as stored
from storage import meetings as known
from storage.unit import Reading


async def plan(asking: Asking) -> Answer:
    """排 党课 24日 15:00 二楼会议室: show what the meeting would be; lines below are its agenda."""
    unit = asking.unit
    node = await _node(asking)
    if not isinstance(node, Organisation):
        return node
    first, *lines = asking.text.strip().splitlines()
    said = normalise(first)
    local = unit.now.astimezone(ZoneInfo(node.timezone))
    found = find_moment(said, local)
    named = _named(found[0]) if found is not None else None
    if found is None or named is None:
        return refused("meeting_draft.how")
    if not await organisations.may(unit, asking.sender, Right.SCHEDULE, node.id):
        return refused("meeting_draft.no_right")
    form, plainly, title = named
    draft = MeetingDraft(
        id=derive(asking.cause, "meeting_draft"),
        organisation=node.id,
        form=form,
        title=title,
        plainly=plainly,
        agenda=tuple(line for line in (" ".join(each.split()) for each in lines) if line),
        place=found[2].strip(" ,，、;；。-~"),
        begins_at=found[1],
        timezone=node.timezone,
    )
    due = await known.due(unit, rules.meeting_of(draft, lesson=LessonId(""), id=OccurrenceId(draft.id)))
    address = f"{asking.settings.console}/meetings/new"
    seated = [seat.member for seat in due]
    reviewed = await _is_reviewed(unit, node.id)
    free_at = await _held_until(unit, node.id)
    return rules.propose(
        draft, due=seated, by=asking.sender, address=address, now=unit.now, reviewed=reviewed, free_at=free_at
    )


async def _node(asking: Asking) -> Organisation | Refusal | None:
    """Return for which organisation it is asked: that of the committee's room, or the one that one plans for.

    Who has a branch means it and not the groups below; who has none, as who leads a group, means their own.
    """
    unit = asking.unit
    if asking.place is Place.ROOM:
        room = await rooms.room(unit, asking.room)
        if room is None or room.purpose is not Purpose.COMMITTEE:
            # Elsewhere these words are talk.
            return None
        node = await organisations.organisation(unit, room.organisation)
        return refused("meeting_draft.closed") if node is not None and node.closed is not None else node
    held = roots(await organisations.duties_of(unit, asking.sender), Right.SCHEDULE)
    if not held:
        return refused("meeting_draft.no_right")
    opened = [one for one in await organisations.tree(unit, held) if one.closed is None]
    if not opened:
        return refused("meeting_draft.closed")
    nodes = [one for one in opened if one.kind is Kind.BRANCH] or opened
    return nodes[0] if len(nodes) == 1 else refused("meeting_draft.say_it_there")


async def _held_until(unit: Reading, node: OrganisationId) -> datetime | None:
    """Return until when quiet hours hold what goes out now, ``None`` where they hold nothing."""
    free_at = await quiet.free_for(unit, node, unit.now)
    return free_at if free_at > unit.now else None


async def _is_reviewed(unit: Reading, node: OrganisationId) -> bool:
    """Tell whether somebody else reads what an organisation plans before it goes out."""
    return await settings.value_of(unit, node, SECOND_PAIR) == WANTED


def _named(before: str) -> tuple[Form, str, str] | None:
    """Read which form is meant, what it is called, and the title that the meeting gets."""
    _, *rest = re.split(r"[\s:]+", before.removeprefix("!").strip(), maxsplit=1)
    title = " ".join(" ".join(rest).split()).strip(" ,，、:：")
    plainly = next((word for word in sorted(FORMS, key=len, reverse=True) if word in simplified(title)), None)
    return (Form(FORMS[plainly]), plainly, title) if plainly is not None else None


async def replied(asking: Asking, matter: str) -> Answer:
    """Take a reply to the message that showed a draft as the word for it."""
    word = asking.text.strip().lower()
    draft = await stored.draft(asking.unit, matter)
    if draft is None or (word not in YES and word not in NO):
        return None
    return await _answered(asking.unit, draft, asking.sender, yes=word in YES, console=asking.settings.console)


async def tap(unit: Reading, target: EventId, user: UserId, key: str, console: str) -> Answer:
    """Take a reaction to the message that showed a draft as the word for it."""
    if key not in YES and key not in NO:
        return None
    draft = await stored.asked_by(unit, target, user)
    return await _answered(unit, draft, user, yes=key in YES, console=console) if draft is not None else None


async def _answered(unit: Reading, draft: MeetingDraft, user: UserId, *, yes: bool, console: str) -> Answer:
    if not yes:
        return rules.let_go(draft, by=user)
    if not await organisations.may(unit, user, Right.SCHEDULE, draft.organisation):
        return refused("meeting_draft.no_right")
    node = await organisations.organisation(unit, draft.organisation)
    if node is None or node.closed is not None:
        return refused("meeting_draft.closed")
    rule = ScheduleId(rules.rule_of(draft.id))
    day = unit.now.astimezone(ZoneInfo(draft.timezone)).date()
    lesson = LessonId(derive(rule, "lesson"))
    meeting = rules.meeting_of(draft, lesson=lesson, id=meetings.id_of(rule, day))
    people = await known.people_at(unit, draft.organisation)
    due = await known.due(unit, meeting)
    wants, free_at = await _is_reviewed(unit, draft.organisation), await _held_until(unit, draft.organisation)
    late = rules.refuse_held_past(draft, free_at, address=f"{console}/meetings/new") if free_at is not None else None
    if late is not None:
        return late
    answer = meetings.call(
        meeting,
        schedule=rule,
        notice_at=unit.now,
        due=[seat.member for seat in due],
        people=[one.id for one in people],
        author=user,
        now=unit.now,
        plainly=draft.plainly,
        review=Stage.WAITING if wants else Stage.APPROVED,
    )
    if isinstance(answer, Refusal):
        return answer
    too_much = await _too_much(unit, answer, meeting)
    if too_much is not None:
        return too_much
    called = await _told_reviewers(unit, answer, draft, user, console) if wants else answer
    address = f"{console}/meetings/{meeting.id}"
    return rules.settled(draft, called, by=user, address=address, reviewed=wants, free_at=free_at)


async def _too_much(unit: Reading, answer: Decision, meeting: Meeting) -> Refusal | None:
    """Refuse a notice that would ask more of a room than its organisation wants, as the console does."""
    if meeting.form in meetings.INNER:
        return None
    due_at = next(fact for fact in answer.facts if isinstance(fact, LessonsScheduled)).planned[0].due_at
    hush = await quiet.hush(unit, meeting.organisation)
    on = hush.heard_on(due_at)
    places = await burden.rooms(unit, meeting.organisation, since=on, until=on)
    offer = Offer(hush=hush, at=due_at, begins=meeting.begins_at, again=True)
    refusal = refuse_too_much(places, [Asked(on=on, minutes=meetings.NOTICE_MINUTES)], offer=offer)
    return replace(refusal, field=None) if refusal is not None else None


async def _told_reviewers(unit: Reading, answer: Decision, draft: MeetingDraft, user: UserId, console: str) -> Decision:
    """Tell those who may approve it, where the organisation wants a second reading."""
    planned = next(fact for fact in answer.facts if isinstance(fact, LessonsScheduled))
    # Of an inner meeting that is what its form is called: who approves need not be one who may know its title.
    written = next(fact for fact in answer.facts if isinstance(fact, LessonWritten))
    asked = Review(
        schedule=planned.schedule.id,
        organisation=draft.organisation,
        author=user,
        stage=planned.review,
        title=written.lesson.title,
        lessons={},
        approved={},
    )
    readers = await reviews.reviewers(unit, draft.organisation)
    return replace(answer, effects=(*answer.effects, *told(asked, readers, by=user, console=console)))
