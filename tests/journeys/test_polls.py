"""A poll in an encrypted room of the real homeserver: asked in words, answered natively, ended, and published once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.bot import Bot
from bot.matrix.events import Batch, Event, RoomBatch
from bot.matrix.homeserver import Homeserver
from bot.matrix.login import log_in
from content.decision import Fact
from content.identifiers import MemberId, OrganisationId, RoomId, UserId
from content.members import Member, MemberEnrolled
from content.organisations import Duty, DutyGranted, Kind, Organisation, OrganisationFounded, Role
from content.polls import Poll, State, stop_voting
from content.rooms import Purpose, Room, RoomKept
from storage import polls
from storage.store import Step, Store
from tests.encrypted_member import EncryptedMember
from tests.second_client.client import SecondClient
from tests.small_branch import fresh_cause
from zhibu.catalogue import load_speech
from zhibu.demo.synapse import Account, Synapse

START, RESPONSE, END = (f"org.matrix.msc3381.poll.{name}" for name in ("start", "response", "end"))
BRANCH = OrganisationId("branch")
KEY = bytes(range(32))


class Running:
    """A bot at work on the real homeserver, over a store that one can ask."""

    def __init__(self, bot: Bot, store: Store, work: asyncio.Task[None], room: str) -> None:
        self.bot = bot
        self.store = store
        self.work = work
        self.room = room
        self.deaf = False
        """Whether the stream brings no more votes."""
        self._sync = bot.homeserver.sync
        bot.homeserver.sync = self._hear  # type: ignore[method-assign]

    async def _hear(self, since: str | None, timeout_ms: int = 30_000) -> Batch:
        batch = await self._sync(since, timeout_ms)
        return replace(batch, rooms=tuple(self._without_votes(room) for room in batch.rooms)) if self.deaf else batch

    def _without_votes(self, room: RoomBatch) -> RoomBatch:
        kept = (one for one in room.timeline if not (isinstance(one, Event) and one.type == RESPONSE))
        return replace(room, timeline=tuple(kept))

    async def poll(self) -> Poll | None:
        """Return the poll, if there is one."""
        found = await self.store.read(lambda unit: polls.of_roots(unit, [BRANCH]))
        return found[0] if found else None

    async def until(self, phone: EncryptedMember, room: str, found: Callable[[list[Any]], bool]) -> list[Any]:
        """Listen on a phone until what it has heard in a room is what one waits for."""
        heard: list[Any] = []
        while not found(heard):
            assert not self.work.done(), self.work
            heard += await phone.heard(room)
        return heard


def of_type(events: list[Any], type: str) -> list[dict[str, Any]]:
    """Return the decrypted events of a type."""
    return [event.source for event in events if event.source.get("type") == type]


@contextlib.asynccontextmanager
async def at_work(synapse: Synapse, robot: Account, secretary: Account, folder: Path) -> AsyncIterator[Running]:
    """Give a bot at work for a branch whose encrypted room its secretary is invited to."""
    session = await log_in(synapse.url, robot.user_id, robot.password, folder / "bot", KEY, "bot")
    homeserver = Homeserver(session, KEY)
    await homeserver.start()
    store = await Store.open(f"sqlite:///{folder / 'zhibu.db'}")
    room = await homeserver.create_room(invite=[secretary.user_id], name="支部群")
    await store.settle(notes=list(_founding(secretary, room)))
    bot = Bot(store, homeserver, load_speech(), console="https://console.test")
    running = Running(bot, store, asyncio.create_task(bot.run()), room)
    try:
        yield running
    finally:
        running.work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running.work
        await homeserver.close()
        await store.close()


@pytest.mark.synapse
async def test_a_native_vote_in_an_encrypted_room_is_counted_and_the_result_said_once(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    robot, secretary = await account("pollbot"), await account("secretary")
    async with (
        at_work(synapse, robot, secretary, tmp_path) as running,
        EncryptedMember(synapse.url, secretary, tmp_path / "phone") as phone,
    ):
        room = running.room
        await phone.join(room)
        await running.bot.listening.wait()
        await phone.say(room, "投票 去哪里; 东; 西")
        heard = await running.until(phone, room, lambda events: bool(of_type(events, START)))
        (start,) = of_type(heard, START)
        answers = start["content"][START]["answers"]
        assert [answer["org.matrix.msc1767.text"] for answer in answers] == ["东", "西"]

        for chosen in (answers[0]["id"], answers[1]["id"]):
            relation = {"rel_type": "m.reference", "event_id": start["event_id"]}
            await phone.send(room, RESPONSE, {RESPONSE: {"answers": [chosen]}, "m.relates_to": relation})
        await phone.send(room, END, {END: {}, "m.relates_to": relation})
        # Not the bot's creator, and the room gives this member no power: the poll goes on.
        await phone.say(room, "投票 1")
        poll = await _voted(running, votes=3)
        assert poll.state is State.OPEN

        # C12: of what the stream never brings the homeserver's relations know, and it is decrypted as anything is.
        running.deaf = True
        await phone.send(room, RESPONSE, {RESPONSE: {"answers": [answers[1]["id"]]}, "m.relates_to": relation})
        await _end_now(running, poll)
        heard = await running.until(phone, room, lambda events: bool(_pictures(events)))
        assert len(of_type(heard, END)) == 2, "the member's own, which is not valid, and the bot's"
        (result,), (drawn,) = _results(heard), _pictures(heard)
        assert "1. 东：0 票\n2. 西：1 票\n1 人投票，名册共 2 人。" in result
        assert result.removeprefix("【投票结果】") == drawn.removeprefix("【投票结果图】")
        closed = await running.poll()
        assert closed is not None
        assert closed.state is State.CLOSED


@pytest.mark.synapse
async def test_a_client_of_another_make_draws_the_poll_and_its_vote_is_counted(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], packages: Path, tmp_path: Path
) -> None:
    robot, secretary = await account("pollbot"), await account("secretary")
    async with (
        at_work(synapse, robot, secretary, tmp_path) as running,
        SecondClient(packages, tmp_path / "second-client.log") as client,
    ):
        await client.ask("log_in", homeserver=synapse.url, user=secretary.user_id, password=secretary.password)
        room = await client.ask("enter", inviter=robot.user_id)
        await running.bot.listening.wait()
        await client.ask("say", room=room, text="投票 去哪里; 东; 西")
        shown = await client.ask("poll", room=room)
        assert (shown["question"], list(shown["choices"]), shown["shield"]) == ("去哪里", ["东", "西"], "none")
        await client.ask("vote", room=room, poll=shown["event_id"], choice=shown["choices"]["西"])
        await _end_now(running, await _voted(running, votes=1))
        result = await client.ask("read", room=room, sender=robot.user_id, text="【投票结果】")
        assert "1. 东：0 票\n2. 西：1 票\n1 人投票，名册共 2 人。" in result["body"]


def _founding(secretary: Account, room: str) -> list[Fact]:
    node = Organisation(id=BRANCH, parent=None, kind=Kind.BRANCH, name="支部")
    user = UserId(secretary.user_id)
    kept = Room(id=RoomId(room), organisation=BRANCH, purpose=Purpose.BRANCH, name="支部群", encrypted=True)
    return [
        OrganisationFounded(organisation=node),
        DutyGranted(duty=Duty(user=user, organisation=BRANCH, role=Role.SECRETARY)),
        MemberEnrolled(member=Member(id=MemberId("one"), organisation=BRANCH, name="张明", user=user)),
        MemberEnrolled(member=Member(id=MemberId("two"), organisation=BRANCH, name="李强")),
        RoomKept(room=kept),
    ]


def _results(events: list[Any]) -> list[str]:
    return [event.body for event in events if hasattr(event, "body") and event.body.startswith("【投票结果】")]


def _pictures(events: list[Any]) -> list[str]:
    return [event.body for event in events if hasattr(event, "body") and event.body.startswith("【投票结果图】")]


async def _voted(running: Running, *, votes: int) -> Poll:
    """Wait until this many votes, native and in words, are kept, and return the poll."""
    changed = asyncio.Event()
    running.store.on_change(changed.set)
    while True:
        changed.clear()
        poll = await running.poll()
        if poll is not None:
            box = await running.store.read(lambda unit, poll=poll: polls.box(unit, poll))  # type: ignore[misc]
            assert len(box.responses) <= votes
            if len(box.responses) == votes:
                return poll
        await changed.wait()


async def _end_now(running: Running, poll: Poll) -> None:
    """End the poll as the desk does."""

    async def decide(unit: Any) -> Any:
        return stop_voting(poll, now=unit.now, by_hand=True)

    (outcome,) = await running.store.settle([Step(cause=fresh_cause(), decide=decide)])
    assert outcome.refusal is None
