"""A policy room on the real homeserver: looked at, held to by the word of two, undone rule by rule, and only read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from bot import clock
from content import policies as rules
from content.identifiers import RoomId, UserId
from content.organisations import Duty, DutyGranted, Role
from content.policies import Hit, State
from content.rooms import Purpose, Room, RoomKept, levels
from storage import policies
from storage.policies import Told
from storage.unit import Reading
from tests.journeys.test_rooms import BRANCH, GROUP, TOP, Running, founding, running
from tests.member import Member, Rejected
from tests.small_branch import fresh_cause
from zhibu.demo.synapse import Account, Synapse

OLD, OLDER = "m.room.rule.user", "org.matrix.mjolnir.rule.user"


class Kept:
    """A policy room as its keeper has it."""

    def __init__(self, keeper: Member, room: str) -> None:
        self._keeper = keeper
        self.room = room

    async def say(self, kind: str, key: str, content: dict[str, Any]) -> None:
        """Put a rule into the room, or take it back by saying nothing."""
        await self._keeper.ask("PUT", f"/v3/rooms/{quote(self.room)}/state/{kind}/{quote(key)}", content)

    async def ban(self, kind: str, key: str, pattern: str) -> None:
        """Put a rule into the room that somebody is to be banned."""
        await self.say(kind, key, {"entity": pattern, "recommendation": "m.ban", "reason": "广告"})

    async def senders(self) -> set[str]:
        """Return who has sent anything into the room but that they came in."""
        history = await self._keeper.history(self.room, 500)
        return {one["sender"] for one in history if one["type"] != "m.room.member"}


class Held:
    """The list as the branch sees it, and who is in its room."""

    def __init__(self, run: Running, room: RoomId) -> None:
        self.run = run
        self.room = room

    async def list(self, *states: State) -> Told:
        """Wait until the list stands where one waits for it, and its room was entered."""

        async def look(unit: Reading) -> Told | None:
            found = await policies.lists(unit, [TOP])
            there = [one for one in found if one.list.state in states and one.list.room is not None]
            return there[0] if there else None

        return await self.run.until(look)

    async def decide(self, verb: str, by: str, **more: Any) -> None:
        """Have something decided about the list, as its page does."""

        async def decide(unit: Reading) -> Any:
            (told,) = await policies.lists(unit, [TOP])
            bans = [one.ban for one in await policies.standing(unit, told.list.id)] if verb == "end" else None
            arguments = [told.list] if bans is None else [told.list, bans]
            return getattr(rules, verb)(*arguments, by=UserId(by), now=unit.now, **more)

        await self.run.decide(decide)

    async def hits(self, meant: set[str]) -> tuple[rules.Rules, tuple[Hit, ...]]:
        """Wait until the preview names those people, and return what it says."""
        told = await self.list(*State)

        async def look(unit: Reading) -> tuple[rules.Rules, tuple[Hit, ...]] | None:
            known = (await policies.rules_of(unit, told.list)).sparing(self.run.me)
            found = await policies.hits_of(unit, told.list, known, self.run.me)
            return (known, found) if {one.user for one in found} == meant else None

        return await self.run.until(look)

    async def are(self, membership: str, *people: Member) -> None:
        """Wait until people are in our room, or banned from it, by what the bot has heard from the homeserver."""
        wanted = {one.user_id: membership for one in people}

        async def look(unit: Reading) -> bool | None:
            query = policies.room_state.select().where(
                policies.room_state.c.room_id == self.room, policies.room_state.c.type == "m.room.member"
            )
            known = {row.state_key: row.content.get("membership") for row in await unit.rows(query)}
            return {user: known.get(user) for user in wanted} == wanted or None

        await self.run.until(look)


@pytest.mark.synapse
async def test_a_policy_room_is_looked_at_held_to_and_undone_and_nothing_is_published(
    synapse: Synapse,
    account: Callable[..., Awaitable[Account]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rules of all three names; who is on the roster stays, and so does who is in a room of another organisation."""
    monkeypatch.setattr(clock, "PLAN", timedelta(0))
    names = ("listbot", "shuji", "zhang", "li", "keeper", "spamone", "spamtwo", "spamthree", "guest")
    robot, secretary, zhang, li, keeping, *strangers = [await account(name) for name in names]
    facts = [
        *founding(UserId(secretary.user_id), UserId(zhang.user_id), UserId(li.user_id)),
        DutyGranted(duty=Duty(user=UserId(zhang.user_id), organisation=TOP, role=Role.DISCIPLINE_MEMBER)),
    ]
    async with (
        running(synapse.url, robot, tmp_path, facts) as run,
        Member(synapse.url, secretary) as leader,
        Member(synapse.url, li) as member,
        Member(synapse.url, keeping) as keeper,
        Member(synapse.url, strangers[0]) as one,
        Member(synapse.url, strangers[1]) as two,
        Member(synapse.url, strangers[2]) as three,
        Member(synapse.url, strangers[3]) as guest,
    ):
        spam, people = (one, two, three), (leader, member, one, two, three, guest)
        ours, others = await _room(run, GROUP, *people), await _room(run, BRANCH, one)
        listed = Kept(
            keeper, await keeper.create_room(preset="public_chat", room_alias_name=f"bans-{one.user_id[1:9]}")
        )
        await listed.ban("m.policy.rule.user", "exact", one.user_id)
        await listed.ban(OLD, "old", two.user_id)
        await listed.ban("m.policy.rule.user", "roster", member.user_id)
        await listed.ban("m.policy.rule.server", "wide", "*.localhost")
        await listed.say("m.policy.rule.user", "odd", {"entity": guest.user_id, "recommendation": "org.example.warn"})

        held, cause = Held(run, ours), fresh_cause()
        alias = f"#bans-{one.user_id[1:9]}:zhibu.localhost"

        async def add(unit: Reading) -> Any:
            return rules.add(alias, GROUP, known=(), by=UserId(leader.user_id), cause=cause, now=unit.now)

        await run.decide(add)
        assert (await held.list(State.LOOKED_AT)).list.room == listed.room
        await held.are("join", *people)
        known, hits = await held.hits({one.user_id, two.user_id, member.user_id})
        assert known.passed_over == 2
        assert {hit.rule.by for hit in hits} == {keeper.user_id}
        assert {(hit.user, hit.room) for hit in hits if not hit.exempt} == {(who.user_id, ours) for who in (one, two)}

        both = [UserId(leader.user_id), UserId(zhang.user_id)]
        await held.decide("apply", leader.user_id, others=both)
        await held.are("join", *people)
        await held.decide("apply", zhang.user_id, others=both)
        await held.are("ban", one, two)
        with pytest.raises(Rejected):
            await one.say(ours, "买买买")
        await one.say(others, "在别的组织的群里照旧")
        await held.are("join", leader, member, three, guest)

        await listed.ban(OLDER, "older", three.user_id[:-4] + "*")
        await held.are("ban", *spam)
        await listed.say(OLD, "old", {})
        await held.are("leave", two)
        await held.are("ban", one, three)
        await held.decide("end", leader.user_id, alone=True)
        await held.are("leave", *spam)
        while run.me in (await keeper.ask("GET", f"/v3/rooms/{quote(listed.room)}/joined_members"))["joined"]:
            await keeper.sync(timeout_ms=2_000)
        assert await listed.senders() == {keeper.user_id}
        await held.are("join", leader, member, guest)


async def _room(run: Running, node: Any, *people: Member) -> RoomId:
    """Make a room of a node that these are in."""
    users = [UserId(one.user_id) for one in people]
    made = RoomId(
        await run.homeserver.create_room(
            name="群", encrypted=False, invite=users, power_levels=levels(Purpose.BRANCH, users[:1])
        )
    )
    for one in people:
        await one.join(made)
    kept = Room(id=made, organisation=node, purpose=Purpose.BRANCH, name="群", encrypted=False)
    await run.store.settle(notes=[RoomKept(room=kept)])
    return made
