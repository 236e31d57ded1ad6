"""Everything leaves the house once and in order, whatever is killed, limited or refused in between."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from bot.delivery import MOST_FAILURES, Delivery
from bot.matrix.crypto import MARK
from bot.matrix.faults import Fault, Kind, TokenRevoked
from bot.sending import PICTURE_TRIES
from content.checkins import State as Answer
from content.decision import Decision, Effect, Picture, Preview, Secret, Tell, words
from content.identifiers import UserId
from content.lessons import LessonRevised
from content.media import Kind as MediumKind
from content.media import MediumKept
from content.members import Member, MemberChanged
from content.rooms import DirectRoomKept, Join
from content.watchwords import WatchwordChosen
from storage import media, outbox
from storage.media import StoredMedium
from storage.outbox import Claimed, State
from storage.store import Step
from storage.vault import Vault
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LESSON,
    LI,
    PICTURE,
    ROLL,
    SECRETARY,
    SHOWN_PICTURE,
    WEST_ROOM,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    lesson,
    message,
    private_room,
)
from zhibu.catalogue import load_speech

SPEECH = load_speech()
STRANGER = UserId("@new:test")


class Post:
    """A delivery with its homeserver, driven by hand."""

    def __init__(self, branch: SmallBranch, homeserver: FakeHomeserver) -> None:
        self.branch = branch
        self.homeserver = homeserver
        self.delivery = self.again()

    def again(self) -> Delivery:
        """Make a delivery with nothing in memory, as after a restart."""
        self.delivery = Delivery(self.branch.store, self.homeserver, SPEECH, encrypted=False)  # type: ignore[arg-type]
        return self.delivery

    async def take(self) -> list[Claimed]:
        """Take what may go now."""
        return await self.delivery._take(16)

    async def work(self) -> None:
        """Deliver until nothing more may go now."""
        while rows := await self.take():
            for row in rows:
                await self.delivery.deliver(row)

    async def states(self, *conditions: Any) -> list[str]:
        """Return the states of rows."""
        return [row.state for row in await self.branch.rows(*conditions)]

    async def say(self, user: UserId, *, quiet: bool = False) -> None:
        """Have something said to a person."""
        await self.do(Tell(user=user, words=words("makeup.nothing"), quiet=quiet))

    async def do(self, effect: Effect) -> None:
        """Have something done."""

        async def decide(_unit: object) -> Decision:
            return Decision(effects=(effect,))

        await self.branch.store.settle([Step(cause=fresh_cause(), decide=decide)])


@pytest.fixture
def homeserver(clock: HandClock) -> FakeHomeserver:
    return FakeHomeserver(clock)


@pytest_asyncio.fixture
async def post(branch: SmallBranch, homeserver: FakeHomeserver) -> Post:
    return Post(branch, homeserver)


async def test_a_link_that_does_not_open_any_more_is_given_up_with_its_reason(post: Post) -> None:
    await post.do(
        Tell(user=account(ZHANG), words=words("console.link", link=Secret("https://console.test/x"), minutes=15))
    )
    post.branch.store._vault = Vault(bytes(32))
    await post.work()
    (row,) = await post.branch.rows()
    assert (row.state, row.last_error) == (State.FAILED, "sealed")
    assert not post.homeserver.rooms


async def test_every_private_link_carries_the_words_by_which_its_reader_knows_the_bot(post: Post) -> None:
    """X10: whatever it leads to, in the reader's language; nothing else does, and of another person's words nothing."""
    await post.branch.store.settle(notes=[WatchwordChosen(user=account(ZHANG), text=Secret("石榴花开"))])
    link = Secret("https://console.test/x")
    for user in (account(ZHANG), account(LI)):
        await post.do(Tell(user=user, words=words("console.link", link=link, minutes=15)))
        await post.do(Tell(user=user, words=words("exports.told_ready", minutes=60, address=link + "/files")))
        where = words("missed.where", address=link + "/missed")
        await post.do(Tell(user=user, words=words("missed.told", lines=(where,))))
        await post.do(Tell(user=user, words=words("ballot.code", title="https://evil.test", code=Secret("123456"))))
    await post.work()
    said = [event.content["body"] for events in post.homeserver.rooms.values() for event in events if event.content]
    linked = [one for one in said if link in one]
    assert sorted(one.endswith("\n您的暗语：石榴花开") for one in linked) == [False] * 3 + [True] * 3
    assert [one for one in said if "石榴花开" in one] == [one for one in linked if "暗语" in one]


async def test_a_card_reaches_each_room_once_with_its_mark(post: Post) -> None:
    await post.branch.open()
    await post.work()
    await post.work()
    for room in (EAST_ROOM, WEST_ROOM):
        (event,) = post.homeserver.rooms[room]
        (row,) = await post.branch.rows(outbox.outbox.c.room_id == room)
        assert (row.state, row.event_id) == (State.SENT, event.event_id)
        assert event.content[MARK] == row.id
        assert event.content["msgtype"] == "m.notice"
        assert "安全生产" in event.content["body"]


async def test_killed_between_accepted_and_marked_it_is_sent_again_and_is_one_event(
    post: Post, clock: HandClock
) -> None:
    """F03."""
    await post.branch.open(audience=EAST)
    (row,) = await post.take()
    await post.delivery._sender.send(row)  # and the process dies before it can write that down
    clock.forward(minutes=3)
    post.again()
    await post.work()
    assert len(post.homeserver.rooms[EAST_ROOM]) == 1
    assert await post.states() == [State.SENT]


async def test_a_lost_answer_is_asked_for_with_the_same_transaction(post: Post, clock: HandClock) -> None:
    """F46, N38."""
    await post.branch.open(audience=EAST)
    post.homeserver.fail(Kind.SERVER, accepted=True, status=502)
    await post.work()
    (row,) = await post.branch.rows()
    assert (row.state, row.failures, row.last_error) == (State.PENDING, 1, "server")
    clock.forward(seconds=5)
    await post.work()
    assert len(post.homeserver.rooms[EAST_ROOM]) == 1
    assert await post.states() == [State.SENT]
    assert post.homeserver.looks == 0


@pytest.mark.parametrize("arrived", [True, False])
async def test_after_a_day_the_room_is_looked_at_before_anything_is_sent_again(
    post: Post, clock: HandClock, arrived: bool
) -> None:
    """N38."""
    await post.branch.open(audience=EAST)
    post.homeserver.fail(Kind.UNREACHABLE, accepted=arrived)
    await post.work()
    clock.forward(hours=24)
    post.homeserver.lose_transactions()
    post.again()
    await post.work()
    assert post.homeserver.looks == 1
    assert len(post.homeserver.rooms[EAST_ROOM]) == 1
    assert await post.states() == [State.SENT]


@pytest.mark.parametrize("arrived", [True, False])
async def test_on_another_device_the_room_is_looked_at_before_anything_is_sent_again(
    post: Post, clock: HandClock, arrived: bool
) -> None:
    """N38, F57."""
    await post.branch.open(audience=EAST)
    post.homeserver.fail(Kind.SLOW, accepted=arrived)
    await post.work()
    post.homeserver.device_id = "ANOTHER"
    clock.forward(seconds=5)
    await post.work()
    assert post.homeserver.looks == 1
    assert len(post.homeserver.rooms[EAST_ROOM]) == 1


async def test_a_limit_pauses_everything_and_counts_as_no_failure(post: Post, clock: HandClock) -> None:
    """N35, F44."""
    await post.branch.open(audience=EAST)
    await post.say(account(ZHANG))
    post.homeserver.fail(Kind.LIMITED, status=429, retry_after=30.0)
    first, second = await post.take()
    await post.delivery.deliver(first)
    calls = post.homeserver.calls
    assert await post.take() == []
    clock.forward(seconds=30)
    assert await post.take() == []
    assert post.homeserver.calls == calls
    clock.forward(seconds=1)
    await post.work()
    assert [row.failures for row in await post.branch.rows()] == [0, 0]
    await post.delivery.deliver(second)
    assert await post.states() == [State.SENT, State.SENT]


async def test_a_refusal_ends_the_row_with_its_reason_and_the_branch_was_not_offered(post: Post) -> None:
    """F56."""
    id = await post.branch.open()
    post.homeserver.fail(Kind.REFUSED, status=403, errcode="M_FORBIDDEN", permanent=True)
    await post.work()
    rows = {row.state: row for row in await post.branch.rows()}
    assert set(rows) == {State.FAILED, State.SENT}
    assert rows[State.FAILED].last_error == "refused M_FORBIDDEN"
    failed = Answer.NOT_OFFERED if rows[State.FAILED].room_id == EAST_ROOM else Answer.OPEN
    assert await post.branch.state(id, ZHANG) is failed


async def test_a_revoked_login_loses_nothing(post: Post, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """F55."""
    await post.branch.open(audience=EAST)

    async def revoked(*_all: object) -> str:
        raise TokenRevoked(status=401, errcode="M_UNKNOWN_TOKEN")

    monkeypatch.setattr(post.homeserver, "send", revoked)
    await post.work()
    monkeypatch.undo()
    (row,) = await post.branch.rows()
    assert (row.state, row.failures) == (State.PENDING, 0)
    clock.forward(seconds=60)
    await post.work()
    assert await post.states() == [State.SENT]


async def test_failures_wait_longer_and_longer_and_end_some_time(post: Post, clock: HandClock) -> None:
    """N34, F45."""
    await post.branch.open(audience=EAST)
    post.homeserver.fail(Kind.SERVER, times=MOST_FAILURES + 5, status=500)
    waits = []
    for _ in range(MOST_FAILURES + 2):
        await post.work()
        (row,) = await post.branch.rows()
        if row.state != State.PENDING:
            break
        waits.append(row.not_before - clock.now)
        clock.now = row.not_before
    assert row.state == State.FAILED
    assert waits == sorted(waits)
    assert max(waits) <= timedelta(minutes=5)
    assert len(waits) == MOST_FAILURES


async def finished(homeserver: FakeHomeserver, task: asyncio.Task[None], ready: Callable[[], bool]) -> None:
    """Let the loop run until something is so; a delivery that ended early says why."""
    while not ready():
        assert not task.done(), task.result()
        await asyncio.to_thread(lambda: None)


@pytest_asyncio.fixture
async def running(post: Post) -> AsyncIterator[asyncio.Task[None]]:
    """Let the delivery run by itself until the test is over."""
    post.branch.store.on_change(post.delivery.wake)
    task = asyncio.create_task(post.delivery.run())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_rooms_are_served_side_by_side_and_each_in_order(
    post: Post, clock: HandClock, running: asyncio.Task[None]
) -> None:
    """N36."""
    post.homeserver.gate = asyncio.Event()
    await post.branch.open()
    await post.branch.open(ROLL)
    await finished(post.homeserver, running, lambda: post.homeserver.under_way == {EAST_ROOM, WEST_ROOM})
    post.homeserver.gate.set()
    done = lambda: all(len(post.homeserver.texts(room)) == 2 for room in (EAST_ROOM, WEST_ROOM))  # noqa: E731
    await finished(post.homeserver, running, done)
    for room in (EAST_ROOM, WEST_ROOM):
        titles = [text.splitlines()[0] for text in post.homeserver.texts(room)]
        assert "安全生产" in titles[0]
        assert "主题党日" in titles[1]
    assert post.homeserver.most_under_way == 2


async def test_stopping_finishes_what_is_under_way(post: Post) -> None:
    """F06."""
    post.homeserver.gate = asyncio.Event()
    await post.branch.open(audience=EAST)
    task = asyncio.create_task(post.delivery.run())
    await finished(post.homeserver, task, lambda: bool(post.homeserver.under_way))
    task.cancel()
    post.homeserver.gate.set()
    await asyncio.gather(task, return_exceptions=True)
    assert await post.states() == [State.SENT]


async def test_what_is_being_sent_can_be_waited_for_but_not_for_long(post: Post) -> None:
    post.homeserver.gate = asyncio.Event()
    await post.branch.open(audience=EAST)
    task = asyncio.create_task(post.delivery.run())
    await finished(post.homeserver, task, lambda: bool(post.homeserver.under_way))
    await post.delivery.idle(0)
    assert post.homeserver.under_way, "it went on although the answer was not sent yet"
    idle = asyncio.create_task(post.delivery.idle(60))
    done, _ = await asyncio.wait([idle], timeout=0)
    assert not done
    post.homeserver.gate.set()
    await idle
    assert not post.homeserver.under_way
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_limit_that_was_named_to_an_earlier_process_holds_for_the_next_one(
    post: Post, clock: HandClock
) -> None:
    """F44, R13: a restart is no way around it, for what is new neither."""
    await post.branch.open(audience=EAST)
    post.homeserver.fail(Kind.LIMITED, status=429, retry_after=3600.0)
    await post.work()
    task = asyncio.create_task(post.again().run())
    try:
        await finished(post.homeserver, task, lambda: post.branch.store._worker is post.delivery)
        await post.say(account(ZHANG))
        await post.branch.store.offer()
        assert await post.states() == [State.PENDING, State.PENDING]
        clock.forward(hours=2)
        post.delivery.wake()
        done = lambda: all(post.homeserver.texts(room) for room in (EAST_ROOM, private_room(ZHANG)))  # noqa: E731
        await finished(post.homeserver, task, done)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert post.homeserver.calls == 3


async def test_an_edit_shows_the_new_count_on_the_card_itself(post: Post, clock: HandClock) -> None:
    id = await post.branch.open(audience=EAST)
    await post.work()
    (card,) = post.homeserver.rooms[EAST_ROOM]
    await post.branch.answer(id, ZHANG)
    await post.branch.answer(id, LI, leave="倒班")
    await post.work()
    _, edit = post.homeserver.rooms[EAST_ROOM]
    assert edit.content["m.relates_to"] == {"rel_type": "m.replace", "event_id": card.event_id}
    fresh = edit.content["m.new_content"]
    assert edit.content["body"] == f"* {fresh['body']}"
    assert fresh["m.mentions"] == {}
    last = fresh["body"].splitlines()[-1]
    assert "1" in last
    assert "3" in last
    assert card.content["body"].splitlines()[:-1] == fresh["body"].splitlines()[:-1]


async def test_an_edit_whose_answer_was_lost_is_followed_by_the_newest_count(post: Post, clock: HandClock) -> None:
    id = await post.branch.open(audience=EAST)
    await post.work()
    await post.branch.answer(id, ZHANG)
    tell, edit = await post.take()
    await post.delivery.deliver(tell)
    post.homeserver.fail(Kind.SERVER, accepted=True, status=502)
    await post.delivery.deliver(edit)
    await post.branch.answer(id, LI)
    for _ in range(3):
        clock.forward(seconds=10)
        await post.work()
    shown = post.homeserver.rooms[EAST_ROOM][-1].content["m.new_content"]["body"]
    assert "2" in shown.splitlines()[-1]


async def test_a_person_is_told_in_their_own_room(post: Post) -> None:
    await post.say(account(ZHANG))
    await post.work()
    (text,) = post.homeserver.texts(private_room(ZHANG))
    assert text


async def test_a_lesson_is_sent_to_one_person_first_as_it_will_look_and_to_no_room(post: Post) -> None:
    before = {room: len(events) for room, events in post.homeserver.rooms.items()}
    await post.do(Preview(user=account(ZHANG), lesson=LESSON, parts=1))
    await post.work()
    (text,) = post.homeserver.texts(private_room(ZHANG))
    assert lesson().title in text
    assert "群里还没有发" in text
    assert {room for room, events in post.homeserver.rooms.items() if len(events) > before.get(room, 0)} == {
        private_room(ZHANG)
    }


async def test_a_private_room_is_made_once_even_if_the_process_dies_in_between(post: Post, clock: HandClock) -> None:
    await post.say(STRANGER)
    (row,) = await post.take()
    await post.delivery._sender._make_private_room(STRANGER)  # and the process dies
    clock.forward(minutes=3)
    post.again()
    await post.say(STRANGER)
    await post.work()
    assert row.user == STRANGER
    assert len(post.homeserver.aliases) == 1
    (room,) = post.homeserver.aliases.values()
    assert len(post.homeserver.texts(room)) == 2


async def test_a_quiet_word_makes_no_room(post: Post) -> None:
    await post.say(STRANGER, quiet=True)
    await post.work()
    assert post.homeserver.aliases == {}
    assert await post.states() == [State.SENT]


async def test_what_a_person_reads_is_in_their_language(post: Post) -> None:
    await post.say(account(ZHANG))
    await post.say(SECRETARY)
    await post.work()
    (text,) = post.homeserver.texts(private_room(ZHANG))
    assert any("\u4e00" <= letter <= "\u9fff" for letter in text)


@pytest.mark.parametrize("encrypted", [True, False])
async def test_a_picture_is_uploaded_once_for_all_rooms_of_its_kind(post: Post, encrypted: bool) -> None:
    if encrypted:
        post.homeserver.encrypted_rooms |= {EAST_ROOM, WEST_ROOM}
    revised = LessonRevised(lesson=lesson(media=(SHOWN_PICTURE,), revision=2), author=SECRETARY)
    await post.branch.store.settle(notes=[PICTURE, revised])
    await post.branch.open()
    await post.work()
    assert post.homeserver.uploads == [PICTURE.data]
    for room in (EAST_ROOM, WEST_ROOM):
        picture, text = post.homeserver.rooms[room]
        assert picture.content["msgtype"] == "m.image"
        assert picture.content["body"] == "地图"
        assert ("file" in picture.content) is encrypted
        assert picture.content["info"] == {"mimetype": "image/png", "size": len(PICTURE.data), "w": 3, "h": 2}
        assert "安全生产" in text.content["body"]


VIDEO = MediumKept(
    hash="ee" * 32,
    name="讲解.mp4",
    mimetype="video/mp4",
    data=bytes(range(256)) * 10_000,
    width=640,
    height=360,
    kind=MediumKind.VIDEO,
    seconds=75,
)
DOCUMENT = MediumKept(
    hash="dd" * 32,
    name="条例.pdf",
    mimetype="application/pdf",
    data=b"%PDF-1.7",
    width=0,
    height=0,
    kind=MediumKind.DOCUMENT,
    pages=3,
)


async def teach(post: Post, *kept: MediumKept) -> None:
    """Give the lesson these media."""
    shown = tuple(one.described("") for one in kept)
    revised = LessonRevised(lesson=lesson(media=shown, revision=2), author=SECRETARY)
    await post.branch.store.settle(notes=[*kept, revised])


async def stored(post: Post, kept: MediumKept) -> StoredMedium:
    """Return what is stored of a medium."""
    found = await post.branch.store.read(lambda unit: media.medium(unit, kept.hash))
    assert found is not None
    return found


@pytest.mark.parametrize("encrypted", [True, False])
async def test_a_video_and_a_document_arrive_whole_and_say_what_they_are(post: Post, encrypted: bool) -> None:
    if encrypted:
        post.homeserver.encrypted_rooms.add(EAST_ROOM)
    await teach(post, VIDEO, DOCUMENT)
    await post.branch.open(audience=EAST)
    await post.work()
    assert post.homeserver.uploads == [VIDEO.data, DOCUMENT.data]
    video, document, _ = (event.content for event in post.homeserver.rooms[EAST_ROOM])
    assert (video["msgtype"], document["msgtype"]) == ("m.video", "m.file")
    assert video["info"] == {"mimetype": "video/mp4", "size": 2_560_000, "w": 640, "h": 360, "duration": 75_000}
    assert document["info"] == {"mimetype": "application/pdf", "size": 8}
    assert (video["filename"], video["body"]) == ("讲解.mp4", "视频：讲解.mp4（1:15 · 3 MB）")
    assert document["body"] == "文件：条例.pdf（PDF · 3 页 · 1 kB）"
    assert ("file" in video, "url" in video) == (encrypted, not encrypted)


async def test_killed_between_upload_and_remembering_there_is_still_one_message(
    post: Post, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await teach(post, VIDEO)
    await post.branch.open(audience=EAST)
    (row,) = await post.take()

    class Killed(BaseException):
        """The process is gone."""

    async def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(post.branch.store, "settle", die)
        with pytest.raises(Killed):
            await post.delivery.deliver(row)
    assert post.homeserver.uploads == [VIDEO.data]
    for _ in range(2):
        clock.forward(minutes=3)
        post.again()
        await post.work()
    assert [event.content["msgtype"] for event in post.homeserver.rooms[EAST_ROOM]] == ["m.video", "m.notice"]
    assert post.homeserver.uploads == [VIDEO.data] * 2


async def test_bytes_are_read_from_the_database_piece_by_piece(post: Post) -> None:
    await teach(post, VIDEO)
    parts = [part async for part in post.delivery._sender._bytes(await stored(post, VIDEO))]
    assert len(parts) == 3
    assert b"".join(parts) == VIDEO.data


async def test_while_a_medium_is_uploaded_for_one_room_the_others_wait_without_holding_anything_up(
    post: Post, clock: HandClock
) -> None:
    await teach(post, VIDEO)
    await post.branch.open()
    first, second = await post.take()
    post.delivery._sender._uploading.add((VIDEO.hash, False))
    await post.delivery.deliver(first)
    (row,) = await post.branch.rows(outbox.outbox.c.id == first.id)
    assert (row.state, row.last_error, row.failures) == (State.PENDING, "uploading", 0)
    post.delivery._sender._uploading.clear()
    await post.delivery.deliver(second)
    clock.forward(seconds=6)
    await post.work()
    assert post.homeserver.uploads == [VIDEO.data]
    for room in (EAST_ROOM, WEST_ROOM):
        assert [event.content["msgtype"] for event in post.homeserver.rooms[room]] == ["m.video", "m.notice"]


async def test_invitations_are_accepted_through_the_same_door(post: Post) -> None:
    await post.do(Join(room="!new:test"))  # type: ignore[arg-type]
    await post.work()
    assert post.homeserver.joined == ["!new:test"]
    assert await post.states() == [State.SENT]


async def test_a_card_opened_late_says_so(post: Post, clock: HandClock) -> None:
    id = await post.branch.plan(audience=EAST)
    clock.forward(minutes=5)
    await post.branch.let_open(id)
    await post.work()
    assert "12:00" in post.homeserver.texts(EAST_ROOM)[0]


async def test_a_card_that_could_not_be_sent_on_time_says_so_and_its_edits_too(post: Post, clock: HandClock) -> None:
    id = await post.branch.open(audience=EAST)
    post.homeserver.fail(Kind.UNREACHABLE)
    await post.work()
    clock.forward(minutes=5)
    await post.work()
    await post.branch.answer(id, ZHANG)
    await post.work()
    card, edit = post.homeserver.texts(EAST_ROOM)
    assert "12:00" in card
    assert "12:00" in edit


async def test_a_punctual_card_never_says_that_it_is_late_however_long_it_is_edited(
    post: Post, clock: HandClock
) -> None:
    id = await post.branch.open(audience=EAST)
    await post.work()
    clock.forward(minutes=50)
    await post.branch.answer(id, ZHANG)
    await post.work()
    assert [("12:00" in text) for text in post.homeserver.texts(EAST_ROOM)] == [False, False]


async def test_nobody_but_the_person_sees_their_answer(post: Post) -> None:
    id = await post.branch.open(audience=EAST)
    await post.work()
    await post.branch.answer(id, ZHANG, leave="金丝雀")
    await post.work()
    assert "张明" not in str(post.homeserver.rooms[EAST_ROOM])
    # The reason is said back to them, so that they can put it right.
    assert [room for room, said in post.homeserver.rooms.items() if "金丝雀" in str(said)] == [private_room(ZHANG)]


async def test_a_card_whose_lesson_is_gone_ends_quietly(post: Post) -> None:
    await post.branch.open(audience=EAST)
    (row,) = await post.take()
    await post.delivery.deliver(replace(row, card="unknown"))  # type: ignore[arg-type]
    assert post.homeserver.rooms == {}
    assert DirectRoomKept


async def test_rooms_that_are_limited_do_not_hold_up_messages(post: Post, clock: HandClock) -> None:
    await post.say(STRANGER)
    (row,) = await post.take()

    async def limited(**_: Any) -> str:
        raise Fault(Kind.LIMITED, status=429, retry_after=300.0)

    post.homeserver.create_room = limited  # type: ignore[method-assign]
    await post.delivery.deliver(row)
    await post.branch.open(audience=EAST)
    (card,) = await post.take()
    await post.delivery.deliver(card)
    assert State.SENT in await post.states()


async def test_a_row_that_breaks_the_sender_is_given_up_and_the_next_one_goes_out(post: Post, clock: HandClock) -> None:
    """F13."""
    await post.branch.open(audience=EAST)
    send = post.homeserver.send

    async def broken(*_: Any, **__: Any) -> str:
        raise IndexError("a text that no longer splits as it did")

    post.homeserver.send = broken  # type: ignore[method-assign]
    for _ in range(8):
        await post.work()
        clock.forward(minutes=1)
    assert await post.states() == [State.FAILED]
    post.homeserver.send = send  # type: ignore[method-assign]
    await post.say(account(ZHANG))
    await post.work()
    assert (await post.states())[-1] == State.SENT


SHOUT = "@room 大家好 @all <a href='https://matrix.to/#/@room'>x</a>"
MARKUP = [
    "<img src=x onerror=alert(1)>",
    "<mx-reply>请假</mx-reply>",
    '<a href="javascript:alert(1)">x</a>',
    "<b>" * 100 + "x",
    "[x](http://evil.example)",
    "**x** `y` # z",
    "</p><h1>x",
]


async def test_nobody_is_called_up_by_what_stands_in_a_lesson_or_a_name(post: Post) -> None:
    """I031: nothing we send calls a room or a person, also in its edits and in private.

    Notices do not by themselves; what is none, is edited, or has the sign that calls a room, says so.
    """
    revised = LessonRevised(lesson=lesson(title=SHOUT, body=SHOUT, revision=2), author=SECRETARY)
    await post.branch.store.settle(notes=[revised, MemberChanged(member=enrolled("@room"))])
    id = await post.branch.open()
    await post.work()
    await post.branch.answer(id, ZHANG)
    await post.branch.hear(message(account(ZHANG), "我的", room_id=private_room(ZHANG)))
    await post.branch.hear(message(SECRETARY, "投票 @room; 早; @room", mention=True))
    await post.work()
    sent = [event.content for events in post.homeserver.rooms.values() for event in events]
    assert len(sent) >= 6
    assert any("@room" in str(content) for content in sent)
    assert [content["m.mentions"] for content in sent] == [{}] * len(sent)
    edits = [content for content in sent if "m.new_content" in content]
    assert [(one["m.mentions"], one["m.new_content"]["m.mentions"]) for one in edits] == [({}, {})] * len(edits) != []


async def test_what_calls_nobody_by_itself_only_says_so_where_the_homeserver_does_not_read_it(post: Post) -> None:
    """Saying so costs Synapse as much as the message."""
    post.homeserver.encrypted_rooms.add(WEST_ROOM)
    await post.branch.open()
    await post.work()
    (clear,), (encrypted,) = post.homeserver.rooms[EAST_ROOM], post.homeserver.rooms[WEST_ROOM]
    assert "m.mentions" not in clear.content
    assert encrypted.content["m.mentions"] == {}


@pytest.mark.parametrize("written", MARKUP)
async def test_markup_in_a_title_a_source_or_a_name_is_shown_as_it_was_written(post: Post, written: str) -> None:
    """I032, I033: only what we render ourselves is HTML, and of that the text of a lesson alone is Markdown."""
    revised = LessonRevised(lesson=lesson(title=written, source=written, revision=2), author=SECRETARY)
    await post.branch.store.settle(notes=[revised, MemberChanged(member=enrolled(written))])
    await post.branch.open(audience=EAST)
    await post.branch.hear(message(account(ZHANG), "我的", room_id=private_room(ZHANG)))
    await post.work()
    (card,) = post.homeserver.rooms[EAST_ROOM]
    assert card.content["body"].count(written) == 2
    assert card.content["formatted_body"].count(html.escape(written)) == 2
    assert set(re.findall(r"</?([a-z0-9-]+)", card.content["formatted_body"])) <= {"p", "strong", "br"}
    (told,) = post.homeserver.rooms[private_room(ZHANG)]
    assert written in told.content["body"]
    assert "formatted_body" not in told.content


def enrolled(name: str) -> Member:
    """Return the member Zhang under another name."""
    return Member(id=ZHANG, organisation=EAST, name=name, user=account(ZHANG), category="正式党员")


ASKED = Tell(
    user=account(ZHANG),
    words=words("practice.message", lines=(words("practice.stem", text="阀门开着吗"),)),
    picture=Picture(hash=PICTURE.hash, caption=words("card.picture", name="半开的阀门")),
)


async def show(post: Post) -> list[dict[str, Any]]:
    """Return what a person was shown in private, in order, without what belongs to every message."""
    return [event.content for event in post.homeserver.rooms.get(private_room(ZHANG), [])]


@pytest.mark.parametrize("encrypted", [True, False])
async def test_a_picture_comes_before_what_is_asked_about_it_and_leaves_no_row(post: Post, encrypted: bool) -> None:
    if encrypted:
        post.homeserver.encrypted_rooms.add(private_room(ZHANG))
    await post.branch.store.settle(notes=[PICTURE])
    await post.do(ASKED)
    await post.do(ASKED)
    await post.work()
    picture, asked, *again = await show(post)
    assert (picture["msgtype"], picture["body"], "file" in picture) == ("m.image", "半开的阀门", encrypted)
    assert asked["body"] == "阀门开着吗"
    assert picture["filename"] == "picture.png", "what it was called where it was first kept may be the answer"
    assert len(again) == 2
    assert post.homeserver.uploads == [PICTURE.data], "once, however often it is asked about"
    assert await post.branch.rows() == []


async def test_the_question_waits_while_its_picture_cannot_be_sent(post: Post, clock: HandClock) -> None:
    await post.branch.store.settle(notes=[PICTURE])
    await post.do(ASKED)
    post.homeserver.fail(Kind.SERVER, status=502)
    await post.work()
    assert await show(post) == []
    clock.now += timedelta(minutes=5)
    await post.work()
    assert [one["body"] for one in await show(post)] == ["半开的阀门", "阀门开着吗"]


@pytest.mark.parametrize(
    "fault",
    [None, Fault(Kind.TOO_LARGE, permanent=True), Fault(Kind.REFUSED, status=403, permanent=True), Fault(Kind.SERVER)],
)
async def test_a_picture_that_cannot_be_shown_is_put_into_words(
    post: Post, clock: HandClock, fault: Fault | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of which there are no bytes, one that the homeserver does not take, and one that it fails at each time."""
    if fault is not None:
        await post.branch.store.settle(notes=[PICTURE])

        async def refuse(*_: object, **__: object) -> None:
            raise fault

        monkeypatch.setattr(post.homeserver, "upload", refuse)
    await post.do(ASKED)
    await post.work()
    for _ in range(0 if fault is None or fault.permanent else PICTURE_TRIES):
        assert await show(post) == []
        clock.now += timedelta(minutes=5)
        await post.work()
    assert [(one["msgtype"], one["body"]) for one in await show(post)] == [
        ("m.notice", "半开的阀门"),
        ("m.notice", "阀门开着吗"),
    ]


async def test_what_follows_a_picture_that_is_given_up_is_given_up_with_it_and_names_no_time(post: Post) -> None:
    async def decide(_unit: object) -> Decision:
        return Decision(effects=(replace(ASKED, picture=None), ASKED))

    await post.branch.store.settle([Step(cause=fresh_cause(), decide=decide)])
    post.homeserver.fail(Kind.REFUSED, status=403, permanent=True)
    await post.work()
    rows = await post.branch.rows()
    assert [row.state for row in rows] == [State.FAILED] * 3
    assert {(row.done_at.hour, row.made_at.hour) for row in rows} == {(0, 0)}
