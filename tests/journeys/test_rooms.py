"""Rooms on the real homeserver: every kind made from its template, one taken over, and a member who left shown out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bot.bot import Bot
from bot.matrix.homeserver import Homeserver
from bot.matrix.login import log_in
from content import upkeep
from content.decision import Decision, Fact
from content.identifiers import MemberId, OrganisationId, RoomId, UserId
from content.members import Member as Person
from content.members import MemberEnrolled, leave_roster
from content.organisations import Duty, DutyGranted, Kind, Organisation, OrganisationFounded, Role
from content.rooms import TEMPLATES, Purpose
from content.upkeep import Care, Claim, examine
from storage import members, rooms
from storage.store import Decide, Step, Store
from storage.unit import Reading
from storage.upkeep import Survey, rooms_with, standing, survey
from tests.faults.raid import Target, raid
from tests.faults.wave import wave
from tests.member import Member
from tests.small_branch import fresh_cause
from zhibu.catalogue import load_speech
from zhibu.demo.synapse import Account, Synapse

TOP, BRANCH, GROUP = (OrganisationId(name) for name in ("top", "branch", "group"))
ZHANG, LI = MemberId("zhang"), MemberId("li")
KEY = bytes(range(32))
T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Running:
    """A bot at work on the real homeserver, over a store that one can ask and decide in."""

    homeserver: Homeserver
    store: Store
    work: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Let a bot begin, and wait until it has heard of the homeserver."""
        bot = Bot(self.store, self.homeserver, load_speech(), console="https://console.test")
        self.work = asyncio.create_task(bot.run())
        await bot.listening.wait()

    async def stop(self) -> None:
        """Let it end."""
        if self.work is not None:
            self.work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.work

    async def restart(self) -> None:
        """Let another one begin in its place, which knows nothing but what is stored."""
        await self.stop()
        await self.start()

    @property
    def me(self) -> UserId:
        """Return the bot's account."""
        return UserId(self.homeserver.user_id)

    async def decide(self, how: Decide) -> None:
        """Have something decided, as the console does."""
        (outcome,) = await self.store.settle([Step(cause=fresh_cause(), decide=how)])
        assert isinstance(outcome.answer, Decision), outcome

    async def until(self, look: Callable[[Reading], Awaitable[T | None]]) -> T:
        """Look at every change until there is what one waits for."""
        changed = asyncio.Event()
        self.store.on_change(changed.set)
        while True:
            changed.clear()
            assert self.work is not None
            assert not self.work.done(), self.work
            found = await self.store.read(look)
            if found:
                return found
            await changed.wait()

    async def known(self, unit: Reading) -> Survey:
        """Return what is known of all rooms."""
        return await survey(unit, [TOP], self.me)

    async def state(self, room: str) -> dict[tuple[str, str | None], dict[str, Any]]:
        """Return a room's state as the homeserver has it."""
        return {(event.type, event.state_key): event.content for event in await self.homeserver.state(room)}


def founding(secretary: UserId, zhang: UserId, li: UserId) -> list[Fact]:
    tree = (
        Organisation(id=TOP, parent=None, kind=Kind.GENERAL_BRANCH, name="示范总支"),
        Organisation(id=BRANCH, parent=TOP, kind=Kind.BRANCH, name="运转党支部"),
        Organisation(id=GROUP, parent=BRANCH, kind=Kind.GROUP, name="第一党小组"),
    )
    people = (
        Person(id=ZHANG, organisation=GROUP, name="张明", user=zhang, position="组织委员"),
        Person(id=LI, organisation=BRANCH, name="李强", user=li, category="入党积极分子"),
    )
    return [
        *(OrganisationFounded(organisation=node) for node in tree),
        *(MemberEnrolled(member=one) for one in people),
        DutyGranted(duty=Duty(user=secretary, organisation=TOP, role=Role.SECRETARY)),
    ]


@contextlib.asynccontextmanager
async def running(url: str, robot: Account, folder: Path, facts: list[Fact]) -> AsyncIterator[Running]:
    session = await log_in(url, robot.user_id, robot.password, folder / "bot", KEY, "bot")
    homeserver = Homeserver(session, KEY)
    await homeserver.start()
    store = await Store.open(f"sqlite:///{folder / 'zhibu.db'}")
    await store.settle(notes=facts)
    run = Running(homeserver=homeserver, store=store)
    try:
        await run.start()
        yield run
    finally:
        await run.stop()
        await homeserver.close()
        await store.close()


@pytest.mark.synapse
async def test_rooms_are_made_taken_over_and_left(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    """R22, in small, at its end: one of the rooms is raided, and strangers come into others in a wave."""
    robot, secretary, zhang, li = [await account(name) for name in ("roombot", "shuji", "zhang", "li")]
    raiders = [await account("raider") for _ in range(20)]
    facts = founding(UserId(secretary.user_id), UserId(zhang.user_id), UserId(li.user_id))
    async with (
        running(synapse.url, robot, tmp_path, facts) as run,
        Member(synapse.url, secretary) as leader,
        Member(synapse.url, zhang) as member,
    ):
        made = await make_everything(run)
        await look_at_all(run, made)
        await take_over(run, leader)
        await show_out(run, member, made)
        await stay_usable(run, leader, member, raiders)


async def stay_usable(run: Running, leader: Member, innocent: Member, raiders: list[Account]) -> None:
    """R22, in small: strangers come in and write, commands are answered, and the room is locked by a word, or shut."""
    target = Target(
        homeserver=run.homeserver,
        store=run.store,
        url=leader.url,
        organisation=BRANCH,
        leader=leader,
        innocent=innocent,
        restart=run.restart,
    )
    found = await raid(target, raiders, messages=100, seconds=1)
    assert found.wrong == []
    assert found.answers
    assert len(found.words) >= 2
    shut = await wave(target, raiders[:12], most=5, at_once=4)
    assert shut.wrong == []
    assert shut.joined > 5
    # The control: nothing but the guard shuts the door.
    open_to_all = await wave(target, raiders[12:], most=5, at_once=4, guarded=False)
    assert open_to_all.wrong == ["the door stayed open to 7 strangers"]


async def make_everything(run: Running) -> dict[tuple[OrganisationId, Purpose], Care]:
    """Ask for every room of every template, one after the other, and wait until all are known."""
    for node in (TOP, BRANCH, GROUP):
        for purpose in Purpose:

            async def make(unit: Reading, node: OrganisationId = node, purpose: Purpose = purpose) -> Any:
                known = await run.known(unit)
                if purpose not in known.chain(node)[-1].missing or (node, purpose) == (TOP, Purpose.STAFF):
                    return Decision()
                return upkeep.make_room(purpose, known.chain(node))

            await run.decide(make)

    async def all_seen(unit: Reading) -> dict[tuple[OrganisationId, Purpose], Care] | None:
        known = await run.known(unit)
        cares = known.cares()
        done = not known.under_way and all(care.standing is not None and not examine(care) for care in cares)
        return {(care.room.organisation, care.room.purpose): care for care in cares} if done and cares else None

    return await run.until(all_seen)


async def look_at_all(run: Running, made: dict[tuple[OrganisationId, Purpose], Care]) -> None:
    """See on the homeserver itself that every room is what its template says."""
    assert len(made) == 4 + 6 + 1
    for (node, purpose), care in made.items():
        state = await run.state(care.room.id)
        assert state["m.room.create", ""]["m.federate"] is False
        assert state["m.room.create", ""]["room_version"] == "12"
        assert state["m.room.join_rules", ""]["join_rule"] == "invite"
        assert state["m.room.history_visibility", ""]["history_visibility"] == TEMPLATES[purpose].history
        assert (("m.room.encryption", "") in state) is (purpose is not Purpose.SPACE)
        levels = state["m.room.power_levels", ""]
        assert levels["events_default"] == (50 if purpose in (Purpose.SPACE, Purpose.ANNOUNCEMENT) else 0)
        assert levels["invite"] == 50
        assert run.me not in levels["users"]
        people = {key for (kind, key) in state if kind == "m.room.member"}
        assert people == {run.me, *(one.user for one in care.people)}, (node, purpose)
    spaces = {node: await run.state(made[node, Purpose.SPACE].room.id) for node in (TOP, BRANCH)}
    for (node, purpose), care in made.items():
        above = {Purpose.SPACE: {BRANCH: TOP}.get(node)}.get(purpose, BRANCH if node == GROUP else node)
        if above is not None:
            assert spaces[above]["m.space.child", care.room.id]["via"]
            parent = (await run.state(care.room.id))["m.space.parent", made[above, Purpose.SPACE].room.id]
            assert parent["canonical"] is True


async def take_over(run: Running, leader: Member) -> None:
    """Bring the bot into a room of one's own, and give it to the organisation."""
    room = RoomId(await leader.create_room(run.me, name="老职工群"))

    async def waits(unit: Reading) -> RoomId | None:
        found = [one.room for one in await rooms.unclaimed(unit, run.me)]
        return room if room in found and await standing(unit, room, run.me) is not None else None

    await run.until(waits)

    async def adopt(unit: Reading) -> Any:
        known = await run.known(unit)
        node = next(one for one in known.seen if one.id == TOP)
        state = await standing(unit, room, run.me)
        assert state is not None
        return upkeep.adopt(
            Claim(room=room, node=node, purpose=Purpose.STAFF, by=UserId(leader.user_id)),
            state,
            owner=None,
            private=False,
            has=known.housed(node).has,
            name=state.name or "",
            space=known.space(Purpose.STAFF, node),
        )

    await run.decide(adopt)

    async def is_listed(unit: Reading) -> Care | None:
        care = (await run.known(unit)).care(room)
        listed = care is not None and care.space_standing is not None and room in care.space_standing.children
        return care if listed else None

    care = await run.until(is_listed)
    assert care.room.name == "老职工群"
    assert {"federated", "powerless"} <= {str(flaw) for flaw in examine(care)}


async def show_out(run: Running, member: Member, made: dict[tuple[OrganisationId, Purpose], Care]) -> None:
    """Take a member off the roster, who is then shown out of what was confirmed and keeps what was not."""
    group, branch = made[GROUP, Purpose.GROUP].room.id, made[BRANCH, Purpose.BRANCH].room.id
    for room in (group, branch):
        await member.join(room)
    user = UserId(member.user_id)

    async def is_in(unit: Reading) -> bool | None:
        joined = [await rooms.joined(unit, room) for room in (group, branch)]
        return all(user in people for people in joined) or None

    await run.until(is_in)

    async def leave(unit: Reading) -> Any:
        person = await members.member(unit, ZHANG)
        assert person is not None
        confirmed = tuple(room for room in await rooms_with(unit, user) if room.id != branch)
        by = UserId("@somebody:else")
        return leave_roster(person, by=by, duties=(), may_end=(), out_of=confirmed, now=unit.now)

    await run.decide(leave)

    async def is_out(unit: Reading) -> bool | None:
        known = await run.known(unit)
        return (not known.under_way and user not in await rooms.joined(unit, group)) or None

    await run.until(is_out)
    out = (await run.state(group))["m.room.member", user]
    assert out["membership"] == "leave"
    assert "名册" in out["reason"]
    assert (await run.state(branch))["m.room.member", user]["membership"] == "join"
    known = await run.store.read(run.known)
    care = known.care(branch)
    assert care is not None
    assert care.outsiders == (user,)
