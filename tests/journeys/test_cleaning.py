"""What somebody wrote is counted and taken back on the real homeserver, in one room and in all, past stop and kill."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from bot import cleanings as hands
from content import cleanings as rules
from content.cleanings import State, Wanted
from content.identifiers import RoomId, UserId
from content.ladder import Frame
from content.rooms import Purpose, Room, RoomKept, levels
from content.sanctions import Reason
from storage import cleanings, sanctions
from storage.cleanings import Told
from storage.store import Store
from storage.unit import Reading
from tests.encrypted_member import EncryptedMember
from tests.faults.raid import Asking
from tests.installation import Installation
from tests.journeys.test_rooms import BRANCH, GROUP, Running, founding, running
from tests.member import Member
from tests.small_branch import fresh_cause
from tests.synapse_fixture import Furnish, free_port
from tests.waiting import until
from zhibu.demo.synapse import Account, Synapse

MakeAccount = Callable[..., Awaitable[Account]]


class Soiled:
    """Two rooms of a branch, one of them encrypted, and who writes in them."""

    def __init__(self, run: Running, leader: Member, spammer: EncryptedMember, other: Member) -> None:
        self.run = run
        self.leader = leader
        self.spammer = spammer
        self.other = other
        self.plain = self.sealed = RoomId("")

    async def begin(self) -> None:
        """Make both rooms, and let everybody come in."""
        people = [UserId(one.user_id) for one in (self.leader, self.spammer, self.other)]
        for encrypted, node in ((False, BRANCH), (True, GROUP)):
            made = RoomId(
                await self.run.homeserver.create_room(
                    name="群", encrypted=encrypted, invite=people, power_levels=levels(Purpose.BRANCH, people[:1])
                )
            )
            await self.leader.join(made)
            await self.other.join(made)
            await self.spammer.join(made)
            kept = Room(id=made, organisation=node, purpose=Purpose.BRANCH, name="群", encrypted=encrypted)
            await self.run.store.settle(notes=[RoomKept(room=kept)])
            if encrypted:
                self.sealed = made
            else:
                self.plain = made

    async def write(self, room: RoomId, many: int) -> set[str]:
        """Let the spammer write, and return what."""
        return {await self.spammer.say(room, f"买买买 {number}") for number in range(many)}

    async def standing(self, room: RoomId) -> set[str]:
        """Return what stands of all that anybody sent in a room, as a client of another member sees it."""
        return standing(await self.leader.history(room, 500))

    async def ban(self) -> dict[str, Any]:
        """Return the spammer's ban in the plain room as it stands."""
        state = await self.leader.ask("GET", f"/v3/rooms/{quote(self.plain)}/state")
        (own,) = [one for one in state if one["type"] == "m.room.member" and one["state_key"] == self.spammer.user_id]
        assert own["content"]["membership"] == "ban"
        return {"event_id": own["event_id"], "content": own["content"]}

    async def count_all(self) -> None:
        """Have all that the spammer ever wrote in the plain room counted, as the page does."""
        user, by = UserId(self.spammer.user_id), UserId(self.leader.user_id)

        async def frame(unit: Reading) -> Frame | None:
            found = await sanctions.frame(unit, user, BRANCH, by=by, me=self.run.me, only=[self.plain])
            return found if rules.possible(found.sites, me=self.run.me) else None

        sites, cause = (await self.run.until(frame)).sites, fresh_cause()
        wanted = Wanted(user=user, at=BRANCH, sites=sites, span=None, reason=Reason.FLOOD)

        async def decide(unit: Reading) -> Any:
            return rules.ask(wanted, by=by, me=self.run.me, exempt=False, under_way=(), cause=cause, now=unit.now)

        await self.run.decide(decide)

    async def newest(self, *states: State, taken_back: int = 0) -> Told:
        """Wait until the newest cleaning has come to where one waits for it."""

        async def look(unit: Reading) -> Told | None:
            reader = UserId(self.leader.user_id)
            (told, *_) = await cleanings.newest(unit, [BRANCH], reader=reader, limit=1) or (None,)
            return told if told and told.cleaning.state in states and told.taken_back >= taken_back else None

        return await self.run.until(look)

    async def decide(self, told: Told, verb: str, *arguments: Any, **more: Any) -> None:
        """Have something decided about a cleaning, as its page does."""
        by = UserId(self.leader.user_id)

        async def decide(unit: Reading) -> Any:
            return getattr(rules, verb)(told.cleaning, *arguments, by=by, now=unit.now, **more)

        await self.run.decide(decide)


def standing(history: Collection[dict[str, Any]]) -> set[str]:
    """Return what was sent into a room and not taken back."""
    sent = [one for one in history if "state_key" not in one and one["type"] != "m.room.redaction"]
    return {one["event_id"] for one in sent if "redacted_because" not in one.get("unsigned", {})}


@pytest.mark.synapse
async def test_what_one_person_wrote_is_taken_back_in_one_room_and_in_all_and_nothing_of_others(
    synapse: Synapse, account: MakeAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted first and told in private; a stop holds, and going on ends it."""
    monkeypatch.setattr(hands, "PAUSE", 0.02)
    robot, secretary, zhang, li = [await account(name) for name in ("cleanbot", "shuji", "zhang", "li")]
    facts = founding(UserId(secretary.user_id), UserId(zhang.user_id), UserId(li.user_id))
    async with (
        running(synapse.url, robot, tmp_path, facts) as run,
        Member(synapse.url, secretary) as leader,
        EncryptedMember(synapse.url, zhang, tmp_path / "phone") as spammer,
        Member(synapse.url, li) as other,
    ):
        soiled = Soiled(run, leader, spammer, other)
        await soiled.begin()
        asking = Asking(leader, await leader.create_room(run.me, is_direct=True), run.me)
        await asking.ask()
        private = asking.room

        word = await other.say(soiled.plain, "我没有乱发")
        innocent = {word, await other.say(soiled.sealed, "我也没有")}
        first, sealed = await soiled.write(soiled.plain, 4), await soiled.write(soiled.sealed, 15)
        heart = await spammer.send_clear(
            soiled.plain,
            "m.reaction",
            {"m.relates_to": {"rel_type": "m.annotation", "event_id": word, "key": "❤️"}},
        )

        await asking.mark()
        await leader.say(soiled.plain, f"清理 {zhang.user_id} 1小时")
        _, asked = await asking.answer(0)
        assert (await soiled.newest(State.READY)).found == len(first)
        assert first <= await soiled.standing(soiled.plain)
        await leader.react(private, asked["event_id"], "👍")
        assert (await soiled.newest(State.DONE)).taken_back == len(first)
        left = await soiled.standing(soiled.plain)
        assert not left & first
        assert heart in left
        assert sealed <= await soiled.standing(soiled.sealed)

        again = await soiled.write(soiled.plain, 30)
        await asking.mark()
        await leader.say(private, "清理 张明 1小时 广告")
        _, asked = await asking.answer(0)
        told = await soiled.newest(State.READY)
        assert {one.room: one.found for one in told.places} == {soiled.plain: len(again), soiled.sealed: len(sealed)}
        await leader.react(private, asked["event_id"], "👍")
        told = await soiled.newest(State.RUNNING, taken_back=1)
        await soiled.decide(told, "stop")
        told = await soiled.newest(State.STOPPED)
        assert 0 < told.taken_back < told.found
        await soiled.decide(told, "go_on", told.left, exempt=False)
        assert (await soiled.newest(State.DONE)).taken_back == len(again) + len(sealed)
        left = await soiled.standing(soiled.plain) | await soiled.standing(soiled.sealed)
        assert not left & (again | sealed)
        assert innocent | {heart} <= left


@pytest.mark.synapse
async def test_a_cleaning_goes_on_after_a_kill_and_takes_nothing_back_twice(
    synapse: Synapse, account: MakeAccount, tmp_path: Path
) -> None:
    """F01, in the middle of a few messages; what was done before the kill counts."""
    robot, secretary, zhang, li = [await account(name) for name in ("killbot", "shuji", "zhang", "li")]
    async with (
        Member(synapse.url, robot) as maker,
        Member(synapse.url, secretary) as leader,
        Member(synapse.url, zhang) as spammer,
    ):
        room = RoomId(await maker.create_room(secretary.user_id, zhang.user_id))
        for one in (leader, spammer):
            await one.join(room)
        installation = Installation(tmp_path, synapse.url, robot.user_id, robot.password, encrypted=False)
        store = await Store.open(installation.database)
        kept = Room(id=room, organisation=BRANCH, purpose=Purpose.BRANCH, name="群", encrypted=False)
        facts = founding(UserId(secretary.user_id), UserId(zhang.user_id), UserId(li.user_id))
        await store.settle(notes=[*facts, RoomKept(room=kept)])
        await store.close()

        program = installation.start(listening=True)
        word = await leader.say(room, "大家好")
        written = {await spammer.say(room, f"买买买 {number}") for number in range(24)}
        await leader.say(room, f"清理 {zhang.user_id} 1小时")
        private, asked = await _asked(leader, robot.user_id)
        await leader.react(private, asked, "👍")
        while len(redacted(await leader.history(room, 500))) < 13:
            assert program.process.poll() is None, program.text
            await leader.sync(timeout_ms=5_000)
        program.kill()
        before = redacted(await leader.history(room, 500))
        assert before.keys() < written

        program = installation.start()
        until(lambda: program.process.poll() is not None or _is_over(tmp_path / "zhibu.db"), "the cleaning to be over")
        assert program.interrupt() == 0, program.text
        done = redacted(await leader.history(room, 500))
        assert done == Counter(written)
        assert word in standing(await leader.history(room, 500))
        store = await Store.open(installation.database)
        (told,) = await store.read(
            lambda unit: cleanings.newest(unit, [BRANCH], reader=UserId(secretary.user_id), limit=1)
        )
        await store.close()
        assert (told.found, told.taken_back) == (24, 24)


def _is_over(file: Path) -> bool:
    """Look into the file of a program at work: the last message is gone before it is kept that it was the last."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT state FROM cleanings").fetchall() == [(State.DONE,)]


def redacted(history: Collection[dict[str, Any]]) -> Counter[str]:
    """Return how often each event of a room was taken back."""
    return Counter(one["content"]["redacts"] for one in history if one["type"] == "m.room.redaction")


async def _asked(leader: Member, robot: str) -> tuple[str, str]:
    """Go into the private room that the bot opens, and return it with the question that it asks there."""
    rooms: set[str] = set()
    while True:
        news = (await leader.sync(timeout_ms=5_000)).get("rooms", {})
        for room in news.get("invite", {}):
            await leader.join(room)
            rooms.add(room)
        for room in rooms:
            said = [one for one in await leader.history(room) if one["sender"] == robot]
            found = [one["event_id"] for one in said if "👍" in str(one.get("content", {}).get("body"))]
            if found:
                return room, found[-1]


@pytest_asyncio.fixture(params=[False, True], ids=["by hand", "by the ban too"])
async def homeserver(
    request: pytest.FixtureRequest, synapse: Synapse, furnished: Furnish, tmp_path: Path
) -> AsyncIterator[Synapse]:
    """Give a homeserver that does not know MSC4293, as Synapse comes, and one that was told to."""
    if not request.param:
        yield synapse
        return
    folder = furnished(tmp_path / "homeserver")
    settings = {"experimental_features": {"msc4293_enabled": True}}
    async with Synapse(folder, free_port(), cached_sync=False, settings=settings) as server:
        yield server


@pytest.mark.synapse
async def test_a_ban_hides_at_once_what_is_all_taken_back_where_the_homeserver_knows_that(
    homeserver: Synapse, synapse: Synapse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MSC4293: everybody who opens the room anew sees nothing of it any more; by hand it is taken back either way."""
    monkeypatch.setattr(hands, "PAUSE", 0)
    knows = homeserver is not synapse
    names = [f"{name}of{tmp_path.name}".lower() for name in ("banbot", "shuji", "zhang", "li")]
    robot, secretary, zhang, li = [await homeserver.register(name, "a long password") for name in names]
    facts = founding(UserId(secretary.user_id), UserId(zhang.user_id), UserId(li.user_id))
    async with (
        running(homeserver.url, robot, tmp_path, facts) as run,
        Member(homeserver.url, secretary) as leader,
        EncryptedMember(homeserver.url, zhang, tmp_path / "phone") as spammer,
        Member(homeserver.url, li) as other,
    ):
        soiled = Soiled(run, leader, spammer, other)
        await soiled.begin()
        word, spam = await other.say(soiled.plain, "大家别理他"), await soiled.write(soiled.plain, 12)
        await run.homeserver.ban(soiled.plain, zhang.user_id, "刷屏")
        before = await soiled.ban()

        reached, gate, redact = asyncio.Event(), asyncio.Event(), run.homeserver.redact

        async def slowly(*arguments: Any) -> str:
            reached.set()
            await gate.wait()
            return await redact(*arguments)

        monkeypatch.setattr(run.homeserver, "redact", slowly)
        await soiled.count_all()
        told = await soiled.newest(State.READY)
        assert told.found == len(spam)
        assert await soiled.ban() == before
        await soiled.decide(told, "begin", exempt=False)
        waiting = [asyncio.ensure_future(one) for one in (reached.wait(), soiled.newest(State.DONE))]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        waiting[1].cancel()
        assert reached.is_set(), "nothing was left to be taken back by hand"
        left = await soiled.standing(soiled.plain)
        assert word in left
        assert left & spam == (set() if knows else spam)
        after = await soiled.ban()
        assert after["content"]["reason"] == "刷屏"
        assert (after["event_id"] != before["event_id"]) is knows
        gate.set()
        assert (await soiled.newest(State.DONE)).taken_back == len(spam)
        assert set(redacted(await leader.history(soiled.plain, 500))) == spam
