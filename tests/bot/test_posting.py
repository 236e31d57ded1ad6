"""In a room for announcements those write who may, as its place has set it; a lock and others' changes come between."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from bot.locks import try_again
from bot.posting import keep
from content.locks import Part
from content.organisations import Duty, DutyEnded, DutyGranted, Role
from content.posting import WRITES, Who
from content.rooms import Purpose, levels
from content.sanctions import PlaceState, Step
from content.settings import SettingChosen
from storage import locks as stored
from storage import rooms
from tests.bot.test_locks import LockedScene, is_locked
from tests.bot.test_sanctions import NEW, WHO, is_done
from tests.small_branch import EAST, LI, ME, ROOF, SECRETARY, WANG, SmallBranch, account

MADE = levels(Purpose.ANNOUNCEMENT, [SECRETARY])
LEADER = Duty(user=account(LI), organisation=EAST, role=Role.GROUP_LEADER)


class Announcements(LockedScene):
    """The east branch's room, as one for announcements."""

    async def begin(self, levels: dict[str, Any] | None, **more: Any) -> None:
        await self.announce()
        await super().begin(levels, **more)

    async def announce(self) -> None:
        """Let the rooms of the branch be for announcements."""
        own = rooms.rooms.c

        async def change(unit: Any) -> None:
            await unit.execute(update(rooms.rooms).where(own.organisation_id == EAST).values(purpose="announcement"))

        await self.branch.store._write(change, news=False)

    async def set(self, who: Who | None, *, at: Any = ROOF) -> None:
        await self.branch.store.settle(notes=[SettingChosen(organisation=at, name="posting", value=who)])
        await self.minute()

    async def minute(self) -> None:
        """Let the bot look after its rooms, as it does each minute, and hear what it has changed."""
        self.branch.clock.forward(minutes=1)
        await try_again(self.branch.store, ME)
        await keep(self.branch.store, ME)
        await self.work()
        await self.look()

    async def held(self) -> list[tuple[str | None, str, str]]:
        rows = await self.branch.store.read(
            lambda unit: unit.rows(stored.room_locks.select().where(stored.room_locks.c.part == Part.POSTING))
        )
        return sorted((row.who, row.state, row.place) for row in rows)


@pytest.fixture
def room(branch: SmallBranch) -> Announcements:
    return Announcements(branch)


async def test_nothing_is_changed_where_nobody_has_set_anything(room: Announcements) -> None:
    await room.begin(MADE)
    await room.minute()
    assert room.levels == MADE
    assert await room.held() == []


@pytest.mark.parametrize("version", ["10", "11", "12"])
async def test_everybody_writes_and_afterwards_the_room_is_exactly_what_it_was(
    room: Announcements, version: str
) -> None:
    before = {**MADE, "users": {**MADE["users"], **({} if version == "12" else {ME: 100})}}
    await room.begin(before, version=version)
    await room.set(Who.EVERYBODY)
    assert room.levels == {**before, "events_default": 0}
    await room.set(None)
    assert room.levels == before
    assert await room.held() == [("everybody", "over", "undone")]


async def test_what_is_set_for_a_place_holds_before_what_is_set_above(room: Announcements) -> None:
    await room.begin(MADE)
    await room.set(Who.EVERYBODY)
    await room.set(Who.LEADERS, at=EAST)
    assert room.levels == MADE


async def test_those_with_a_duty_write_as_long_as_they_have_it_and_in_a_room_made_by_others_too(
    room: Announcements,
) -> None:
    plain = {"users": {ME: 100}, "events_default": 0}
    await room.begin(plain, version="11")
    await room.branch.store.settle(notes=[DutyGranted(duty=LEADER)])
    await room.set(Who.DUTIES)
    assert room.levels["users"] == {ME: 100, account(LI): WRITES}
    assert room.levels["events_default"] == WRITES
    assert room.levels["events"]["m.reaction"] == 0
    more = Duty(user=account(WANG), organisation=ROOF, role=Role.PUBLICITY_MEMBER)
    await room.branch.store.settle(notes=[DutyEnded(duty=LEADER), DutyGranted(duty=more)])
    await room.minute()
    assert room.levels["users"] == {ME: 100, account(WANG): WRITES}
    await room.branch.store.settle(notes=[DutyEnded(duty=more)])
    await room.minute()
    assert room.levels["users"] == {ME: 100}
    await room.set(None)
    assert room.levels == plain


async def test_what_somebody_changes_in_their_client_is_put_right(room: Announcements) -> None:
    await room.begin(MADE)
    await room.set(Who.EVERYBODY)
    room.set_levels(events_default=50)
    await room.look()
    await room.minute()
    assert room.levels["events_default"] == 0


async def test_a_lock_goes_before_it_and_neither_undoes_the_other(room: Announcements) -> None:
    await room.begin(MADE)
    await room.set(Who.EVERYBODY)
    lock = is_locked(await room.lock())
    await room.work()
    await room.look()
    locked = dict(room.levels)
    assert locked["events_default"] == 50
    await room.branch.store.settle(notes=[DutyGranted(duty=LEADER)])
    await room.set(Who.DUTIES)
    await room.minute()
    assert room.levels == locked
    await room.unlock(lock)
    await room.work()
    await room.look()
    assert room.levels["events_default"] == 0
    await room.minute()
    assert (room.levels["events_default"], room.levels["users"][account(LI)]) == (WRITES, WRITES)
    await room.set(None)
    assert room.levels == MADE


@pytest.mark.parametrize("copied", [True, False])
async def test_it_goes_along_when_a_room_is_replaced_while_it_is_locked(room: Announcements, copied: bool) -> None:
    await room.begin(MADE)
    await room.set(Who.EVERYBODY)
    lock = is_locked(await room.lock())
    await room.work()
    await room.replace(dict(room.levels) if copied else MADE)
    await room.announce()
    await room.work()
    assert room.new_levels["events_default"] == 50
    await room.unlock(lock)
    await room.minute()
    await room.look(NEW)
    await room.minute()
    assert room.new_levels == {**MADE, "events_default": 0}
    await room.set(None)
    assert room.new_levels == MADE


async def test_who_is_muted_is_given_no_voice_by_it(room: Announcements) -> None:
    await room.begin(MADE)
    mute = is_done(await room.take(Step.MUTE))
    await room.work()
    await room.look()
    duty = Duty(user=WHO, organisation=EAST, role=Role.GROUP_LEADER)
    await room.branch.store.settle(notes=[DutyGranted(duty=duty)])
    await room.set(Who.DUTIES)
    assert room.levels["users"][WHO] < 0
    await room.lift(mute.id)
    await room.work()
    await room.look()
    await room.minute()
    assert room.levels["users"][WHO] == WRITES


async def test_what_the_bot_may_not_do_is_told_and_taken_up_when_it_may(room: Announcements) -> None:
    await room.begin({**MADE, "users": {ME: 50}}, version="11")
    await room.set(Who.EVERYBODY)
    assert [told for told in await room.branch.told() if told[1] == "posting.stuck"] == [(SECRETARY, "posting.stuck")]
    assert await room.held() == [("everybody", "held", PlaceState.STUCK)]
    room.set_levels(users={ME: 100})
    await room.look()
    await room.minute()
    assert room.levels["events_default"] == 0
