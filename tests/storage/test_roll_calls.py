"""Rolls on both engines: codes of a venue, meetings without a notice, notices held too long, and what outlives one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from content import meetings as rules
from content import roll_calls, venue_codes
from content.checkins import Note, State
from content.decision import Decision, Refusal
from content.franchise import roll_of
from content.identifiers import Cause, MemberId, OccurrenceId, RoomId, ScheduleId
from content.meetings import Meeting
from content.notices import State as Stand
from content.occurrences import OccurrenceMissed
from content.occurrences import State as Notice
from content.resolutions import Floor
from content.roll_calls import GuestsMarked, Mark
from content.settings import ONLINE_COUNTS, QUIET_HOURS, YES, SettingChosen
from content.venue_codes import VenueCodeShown, code_at
from storage import checkins, lessons, meetings, schedules
from storage.retention import ATTENDANCE, Swept
from tests.small_branch import (
    EAST,
    LI,
    NOON,
    SECRETARY,
    WANG,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    message,
    reaction,
)
from tests.storage.test_meetings import BEGINS, HOUR, call, change, known, meeting, roll, settle, tick

SEED = "seed"


async def held(branch: SmallBranch, clock: HandClock, **more: Any) -> Meeting:
    called = await call(branch, meeting(**more))
    await branch.send_all()
    clock.forward(hours=72)
    await tick(branch)
    return await known(branch, called.id)


def private(member: MemberId) -> RoomId:
    return RoomId(f"!with-{member}:test")


async def test_with_a_code_who_is_there_says_it_and_a_tap_alone_is_not_enough(
    branch: SmallBranch, clock: HandClock
) -> None:
    one = await held(branch, clock)
    await branch.store.settle(notes=[VenueCodeShown(occurrence=one.id, seed=SEED)])
    card, shown = await branch.card_event(one.id), code_at(SEED, clock.now)
    await branch.hear(reaction(account(ZHANG), card, "✅", sent_at=clock.now))
    assert await branch.state(one.id, ZHANG) is State.OPEN
    assert (account(ZHANG), "venue.code_wanted") in await branch.told()
    wrong = "000000" if shown != "000000" else "000001"
    await branch.hear(message(account(ZHANG), f"签到 {wrong}", room_id=private(ZHANG), sent_at=clock.now))
    assert (account(ZHANG), "venue.code_wrong") in await branch.told()
    await branch.hear(message(account(ZHANG), shown, room_id=private(ZHANG), sent_at=clock.now))
    assert await branch.state(one.id, ZHANG) is State.DONE
    await branch.hear(message(account(LI), "线上", reply=card, sent_at=clock.now))
    place = await branch.place(one.id, LI)
    assert (place.state, place.note) == (State.DONE, Note.ONLINE), "who is not in the room needs no code"
    clock.forward(seconds=45)
    await branch.hear(message(account(WANG), shown, reply=card, sent_at=clock.now))
    assert await branch.state(one.id, WANG) is State.DONE, "the code before is taken for half a minute more"
    await roll(branch, one.id, {}, closes=True)
    assert (await known(branch, one.id)).code_seed is None


async def test_a_code_of_a_minute_ago_is_of_no_use_and_leave_needs_none(branch: SmallBranch, clock: HandClock) -> None:
    one = await held(branch, clock)
    await branch.store.settle(notes=[VenueCodeShown(occurrence=one.id, seed=SEED)])
    old = code_at(SEED, clock.now)
    clock.forward(seconds=61)
    await branch.hear(
        message(account(ZHANG), f"签到{old}", room_id=private(ZHANG), sent_at=clock.now),
        message(account(LI), "请假 值班", room_id=private(LI), sent_at=clock.now),
    )
    assert [await branch.state(one.id, each) for each in (ZHANG, LI)] == [State.OPEN, State.EXCUSED]


async def test_where_no_code_is_asked_for_six_digits_are_answered_so(branch: SmallBranch, clock: HandClock) -> None:
    one = await held(branch, clock)
    await branch.hear(message(account(ZHANG), "签到 123456", room_id=private(ZHANG), sent_at=clock.now))
    assert (account(ZHANG), "venue.no_code_asked") in await branch.told()
    assert await branch.state(one.id, ZHANG) is State.OPEN


async def miss(branch: SmallBranch, clock: HandClock) -> Meeting:
    """Have a meeting whose notice went nowhere."""

    async def decide(unit: Any) -> Decision | Refusal:
        due = await meetings.due(unit, meeting())
        return rules.call(
            meeting(),
            schedule=ScheduleId("missed"),
            notice_at=unit.now,
            due=[seat.member for seat in due],
            people=[ZHANG, LI, WANG],
            author=SECRETARY,
            now=unit.now,
            plainly="会议",
        )

    outcome = await settle(branch, decide)
    assert isinstance(outcome.answer, Decision)
    (called,) = (fact.meeting for fact in outcome.answer.facts if isinstance(fact, rules.MeetingCalled))
    seats = tuple(await branch.store.read(lambda unit: meetings.due(unit, called)))
    missed = OccurrenceMissed(occurrence=called.id, at=clock.now, reason="too_late", seats=seats)
    await branch.store.settle(notes=[missed])
    return await known(branch, called.id)


async def test_a_meeting_whose_notice_went_nowhere_waits_until_somebody_says_that_it_is_held(
    branch: SmallBranch, clock: HandClock
) -> None:
    called = await miss(branch, clock)

    async def begin(unit: Any) -> Decision | Refusal:
        one, entry = await known_in(unit, called.id), await schedules.entry(unit, called.id)
        assert entry is not None
        due = await meetings.due(unit, one)
        register = roll_of(await meetings.people_at(unit, EAST), one.day)
        return rules.begin_unannounced(one, entry.occurrence.state, due=due, register=register, now=unit.now)

    early = await settle(branch, begin)
    assert early.refusal is not None
    clock.forward(hours=73)
    await tick(branch)
    assert (await known(branch, called.id)).state is Stand.PLANNED, "of what nobody was told nobody is missing"
    await settle(branch, begin)
    one = await known(branch, called.id)
    assert one.state is Stand.HELD
    await roll(branch, called.id, {ZHANG: Mark.PRESENT, LI: Mark.PRESENT})
    floor = await branch.store.read(lambda unit: meetings.floor(unit, called.id))
    assert (floor.expected, floor.present) == (3, 2)
    await branch.hear(message(account(WANG), "签到", room_id=private(WANG), sent_at=clock.now))
    assert await branch.state(called.id, WANG) is State.DONE
    await roll(branch, called.id, {}, closes=True)
    assert (await branch.occurrence(called.id)).state is Notice.CLOSED
    assert await branch.counted() == await branch.tallied()
    again = await settle(branch, begin)
    assert again.refusal is not None


async def known_in(unit: Any, id: OccurrenceId) -> Meeting:
    one = await meetings.meeting(unit, id)
    assert one is not None
    return one


async def test_what_was_reckoned_of_a_roll_outlives_the_roll(branch: SmallBranch, clock: HandClock) -> None:
    """E11."""
    one = await held(branch, clock)
    await roll(branch, one.id, {ZHANG: Mark.PRESENT, LI: Mark.PRESENT, WANG: Mark.ONLINE}, closes=True)
    before = await branch.store.read(lambda unit: meetings.floor(unit, one.id))
    assert before == Floor(expected=3, present=2, online=1)
    clock.forward(days=ATTENDANCE.days + 40)
    await branch.store.settle(notes=[Swept(at=clock.now)])
    assert await branch.store.read(lambda unit: meetings.places(unit, one.id)) == ()
    assert await branch.store.read(lambda unit: meetings.floor(unit, one.id)) == before


async def test_of_a_roll_that_nobody_closed_the_figures_outlive_it_too(branch: SmallBranch, clock: HandClock) -> None:
    """E11."""
    one = await held(branch, clock)
    await roll(branch, one.id, {ZHANG: Mark.PRESENT})
    clock.forward(days=ATTENDANCE.days + 40)
    await branch.store.settle(notes=[Swept(at=clock.now)])
    assert await branch.store.read(lambda unit: meetings.floor(unit, one.id)) == Floor(expected=3, present=1)


async def test_who_is_online_counts_for_a_vote_where_an_organisation_has_it_so(
    branch: SmallBranch, clock: HandClock
) -> None:
    """VOTE-10."""
    one = await held(branch, clock)
    await roll(branch, one.id, {ZHANG: Mark.PRESENT, LI: Mark.ONLINE})
    await branch.store.settle(notes=[SettingChosen(organisation=EAST, name=ONLINE_COUNTS, value=YES)])
    assert await branch.store.read(lambda unit: meetings.floor(unit, one.id)) == Floor(expected=3, present=2)


async def planned(branch: SmallBranch, *, notice_in: timedelta, **more: Any) -> Meeting:
    """Call a meeting whose notice goes out later."""

    async def decide(unit: Any) -> Decision | Refusal:
        one = meeting(**more)
        return rules.call(
            one,
            schedule=ScheduleId("later"),
            notice_at=unit.now + notice_in,
            due=[ZHANG, LI, WANG],
            people=[ZHANG, LI, WANG],
            author=SECRETARY,
            now=unit.now,
            plainly="会议",
        )

    outcome = await settle(branch, decide)
    assert isinstance(outcome.answer, Decision), outcome.refusal
    (called,) = (fact.meeting for fact in outcome.answer.facts if isinstance(fact, rules.MeetingCalled))
    return called


async def test_another_place_before_the_notice_writes_no_new_text_that_would_have_to_be_read_again(
    branch: SmallBranch,
) -> None:
    """E12 a."""
    called = await planned(branch, notice_in=timedelta(hours=5))

    async def revision() -> int:
        text = await branch.store.read(lambda unit: lessons.lesson(unit, called.lesson))
        assert text is not None
        return text.revision

    await change(branch, called, replace(called, place="三楼"))
    assert await revision() == 1
    moved = await known(branch, called.id)
    await change(branch, moved, replace(moved, agenda=("另一项",)))
    assert await revision() == 2


async def test_a_meeting_that_is_put_off_lets_its_notice_be_as_late_as_it_now_may(
    branch: SmallBranch, clock: HandClock
) -> None:
    """E12 b."""
    called = await planned(branch, notice_in=timedelta(hours=1), begins_at=NOON + 2 * HOUR)
    await change(branch, called, replace(called, begins_at=NOON + 30 * HOUR))
    clock.forward(hours=20)
    await branch.let_open(called.id)
    assert (await branch.occurrence(called.id)).state is Notice.OPEN


async def test_a_notice_that_quiet_hours_would_hold_until_the_meeting_is_over_is_missed_and_known(
    branch: SmallBranch, clock: HandClock
) -> None:
    """E12 c."""
    await branch.store.settle(notes=[SettingChosen(organisation=EAST, name=QUIET_HOURS, value="20-9")])
    begins = NOON + 12 * HOUR
    called = await planned(branch, notice_in=timedelta(hours=9), begins_at=begins + timedelta(minutes=30))
    clock.forward(hours=9)
    await branch.let_open(called.id)
    assert (await branch.occurrence(called.id)).state is Notice.MISSED


async def test_a_meeting_that_is_moved_there_and_back_is_reminded_of_again_and_not_at_every_tick(
    branch: SmallBranch, clock: HandClock
) -> None:
    """E12 d."""
    called = await call(branch, meeting())
    await branch.send_all()
    clock.forward(hours=48)
    await tick(branch)

    async def reminded() -> int:
        return [key for _, key in await branch.told()].count("meeting.reminder")

    assert await reminded() == 3
    one = await known(branch, called.id)
    for begins_at in (BEGINS + 2 * HOUR, BEGINS):
        clock.forward(minutes=1)
        await change(branch, one, replace(one, begins_at=begins_at))
        one = await known(branch, called.id)
    clock.forward(minutes=1)
    assert await branch.store.read(lambda unit: meetings.to_remind(unit, unit.now)) == (one,)
    await tick(branch)
    assert await branch.store.read(lambda unit: meetings.to_remind(unit, unit.now)) == ()
    await tick(branch)
    assert await reminded() == 6, "once more, for the time at which it is by now"


async def test_of_a_meeting_that_is_called_shortly_before_nobody_is_reminded_nor_looked_for(
    branch: SmallBranch, clock: HandClock
) -> None:
    """E12 d."""
    await call(branch, meeting(begins_at=NOON + 20 * HOUR))
    clock.forward(hours=1)
    assert await branch.store.read(lambda unit: meetings.to_remind(unit, unit.now)) == ()


async def test_guests_who_came_are_kept_apart_from_who_is_due(branch: SmallBranch, clock: HandClock) -> None:
    one = await held(branch, clock, guests=(WANG,))
    await branch.store.settle(notes=[GuestsMarked(occurrence=one.id, came=(WANG,))])
    assert (await known(branch, one.id)).came == (WANG,)
    assert roll_calls.mark_guests(await known(branch, one.id), (WANG, ZHANG)) == ()
    assert roll_calls.mark_guests(one, (ZHANG,)) == (), "who was not to sit in is no guest"


async def test_what_one_form_put_down_is_taken_back_and_what_stood_before_stands_again(
    branch: SmallBranch, clock: HandClock
) -> None:
    one = await held(branch, clock)
    card = await branch.card_event(one.id)
    await branch.hear(message(account(LI), "请假 值班", reply=card, sent_at=clock.now))
    form = Cause("form:sheet")

    async def put_down(unit: Any) -> Decision | Refusal:
        places, marks = await meetings.expected(unit, one.id), {ZHANG: Mark.PRESENT, LI: Mark.ABSENT}
        return roll_calls.call_roll(one, places, marks, how="签到表", by=SECRETARY, cause=form, now=unit.now)

    async def take_back(unit: Any) -> Decision | Refusal:
        places = [each for each in await meetings.expected(unit, one.id) if each.decided_by == form]
        given = {each.member: await checkins.given(unit, one.id, each.member) for each in places}
        return roll_calls.take_back(one, places, given, of=form, now=unit.now)

    await settle(branch, put_down)
    assert [await branch.state(one.id, each) for each in (ZHANG, LI)] == [State.DONE, State.ABSENT]
    await settle(branch, take_back)
    assert [await branch.state(one.id, each) for each in (ZHANG, LI)] == [State.OPEN, State.EXCUSED]
    assert (await branch.place(one.id, LI)).recorded_by is None
    assert await branch.counted() == await branch.tallied()
    again = await settle(branch, take_back)
    assert again.refusal is not None


@pytest.mark.parametrize("state", [Stand.CLOSED, Stand.CANCELLED])
def test_no_code_is_shown_once_the_roll_is_closed(state: Stand) -> None:
    assert isinstance(venue_codes.show(replace(meeting(), state=state), SEED), Refusal)
    assert isinstance(venue_codes.end(meeting()), Refusal)
    assert isinstance(venue_codes.show(replace(meeting(), code_seed=SEED), SEED), Refusal)
