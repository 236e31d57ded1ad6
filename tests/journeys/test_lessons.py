"""A lesson with a picture, a video and a document in an encrypted room: received whole, corrected, and withdrawn."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from nio import DownloadResponse
from nio.crypto.attachments import decrypt_attachment

from bot.bot import Bot
from bot.matrix.homeserver import Homeserver
from bot.matrix.login import log_in
from content.amendments import correct, withdraw
from content.decision import Decision, Fact, Refusal
from content.identifiers import LessonId, MemberId, OccurrenceId, OrganisationId, RoomId, ScheduleId, UserId
from content.lessons import Kind, Lesson, LessonRevised, LessonWritten
from content.media import Kind as MediumKind
from content.media import MediumKept
from content.members import Member, MemberEnrolled
from content.organisations import Kind as Level
from content.organisations import Organisation, OrganisationFounded
from content.recurrences import Recurrence
from content.rooms import Purpose, Room, RoomKept
from content.schedules import LessonsScheduled, Schedule, materialise
from storage import amendments, media
from storage.store import Step, Store
from tests.encrypted_member import EncryptedMember
from tests.films import mp4, pdf
from tests.small_branch import fresh_cause
from zhibu.catalogue import load_speech
from zhibu.demo.synapse import Account, Synapse

BRANCH, LESSON = OrganisationId("branch"), LessonId("lesson")
KEY = bytes(range(32))


def kept(name: str, data: bytes, mimetype: str, kind: MediumKind) -> MediumKept:
    """Return a medium."""
    hash = hashlib.sha256(data).hexdigest()
    return MediumKept(hash=hash, name=name, mimetype=mimetype, data=data, width=4, height=3, kind=kind)


MEDIA = (
    kept("图.png", b"\x89PNG picture", "image/png", MediumKind.PICTURE),
    kept("片.mp4", mp4(weight=2_500_000), "video/mp4", MediumKind.VIDEO),
    kept("文.pdf", pdf(), "application/pdf", MediumKind.DOCUMENT),
)


def lesson(body: str, revision: int, *shown: MediumKept) -> Lesson:
    """Return a revision of the lesson."""
    described = tuple(one.described("") for one in shown)
    return Lesson(
        id=LESSON, owner=BRANCH, kind=Kind.LESSON, title="安全生产", body=body, media=described, revision=revision
    )


class Screen:
    """What a member's phone shows of a room: messages as they stand after edits and removals."""

    def __init__(self, phone: EncryptedMember, room: str, work: asyncio.Task[None]) -> None:
        self.phone = phone
        self.room = room
        self.work = work
        self.messages: dict[str, dict[str, Any]] = {}

    async def until(self, found: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Listen until the room shows what one waits for."""
        while not found(list(self.messages.values())):
            assert not self.work.done(), self.work
            for event in await self.phone.heard(self.room):
                self._take(event)
        return list(self.messages.values())

    def _take(self, event: Any) -> None:
        source = event.source
        content = source.get("content", {})
        if source["type"] == "m.room.redaction":
            self.messages.pop(event.redacts, None)
        elif source["type"] == "m.room.message" and content:
            relation = content.get("m.relates_to", {})
            if relation.get("rel_type") == "m.replace":
                if relation["event_id"] in self.messages:
                    self.messages[relation["event_id"]] = content["m.new_content"]
            else:
                self.messages[event.event_id] = content


@pytest.mark.synapse
async def test_a_lesson_with_media_is_received_corrected_and_withdrawn_in_an_encrypted_room(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    robot, member = await account("lessonbot"), await account("learner")
    session = await log_in(synapse.url, robot.user_id, robot.password, tmp_path / "bot", KEY, "bot")
    homeserver = Homeserver(session, KEY)
    await homeserver.start()
    store = await Store.open(f"sqlite:///{tmp_path / 'zhibu.db'}")
    room = await homeserver.create_room(invite=[member.user_id], name="支部群")
    bot = Bot(store, homeserver, load_speech(), console="https://console.test")
    work = asyncio.create_task(bot.run())
    try:
        async with EncryptedMember(synapse.url, member, tmp_path / "phone") as phone:
            await phone.join(room)
            await bot.listening.wait()
            limit = await homeserver.upload_limit()
            assert await _learned(store) == limit
            shown = Screen(phone, room, work)
            id = await _found_and_send(store, member, room)
            picture, video, document, card = await shown.until(lambda messages: len(messages) == 4)
            assert [one["msgtype"] for one in (picture, video, document)] == ["m.image", "m.video", "m.file"]
            for content, medium in zip((picture, video, document), MEDIA, strict=True):
                assert "url" not in content, "nothing of it lies on the homeserver in clear"
                assert await _decrypted(phone, content["file"]) == medium.data
            assert "旧文。" in card["body"]

            await store.settle(notes=[_revised()])
            await _decide(
                store, id, lambda sent, now: correct([sent], lesson("新文。", 2, MEDIA[0]), reason="", now=now)
            )
            messages = await shown.until(lambda messages: len(messages) == 2 and "新文。" in messages[-1]["body"])
            assert messages[0]["msgtype"] == "m.image"
            assert "已更正" in messages[-1]["body"]

            await _decide(store, id, lambda sent, now: withdraw(sent, reason="发错了", now=now))
            (line,) = await shown.until(lambda messages: len(messages) == 1 and "已撤回" in messages[0]["body"])
            assert line["body"].startswith("《安全生产》已撤回")
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await homeserver.close()
        await store.close()


async def _learned(store: Store) -> int | None:
    """Wait until the bot has asked the homeserver for its limit."""
    changed = asyncio.Event()
    store.on_change(changed.set)
    while (limit := await store.read(media.upload_limit)) is None:
        await changed.wait()
        changed.clear()
    return limit


def _revised() -> Fact:
    return LessonRevised(lesson=lesson("新文。", 2, MEDIA[0]), author=UserId("@secretary:test"))


async def _found_and_send(store: Store, member: Account, room: str) -> OccurrenceId:
    now = store.now()
    rule = Schedule(
        id=ScheduleId("schedule"),
        owner=BRANCH,
        audience=BRANCH,
        lessons=(LESSON,),
        recurrence=Recurrence.ONCE,
        start=now.date(),
        at=now.time(),
        timezone="UTC",
        window=timedelta(hours=2),
        late=timedelta(hours=1),
    )
    planned = materialise(rule)
    author = UserId("@secretary:test")
    place = Room(id=RoomId(room), organisation=BRANCH, purpose=Purpose.BRANCH, name="支部群", encrypted=True)
    user = UserId(member.user_id)
    await store.settle(
        notes=[
            OrganisationFounded(organisation=Organisation(id=BRANCH, parent=None, kind=Level.BRANCH, name="支部")),
            MemberEnrolled(member=Member(id=MemberId("one"), organisation=BRANCH, name="张明", user=user)),
            RoomKept(room=place),
            *MEDIA,
            LessonWritten(lesson=lesson("旧文。", 1, *MEDIA), author=author),
            LessonsScheduled(schedule=rule, planned=planned, author=author),
        ]
    )
    return planned[0].id


async def _decide(store: Store, id: OccurrenceId, rule: Callable[..., Decision | Refusal]) -> None:
    """Decide as the desk does."""

    async def decide(unit: Any) -> Decision | Refusal:
        sent = await amendments.sent(unit, id)
        assert sent is not None
        return rule(sent, unit.now)

    (outcome,) = await store.settle([Step(cause=fresh_cause(), decide=decide)])
    assert isinstance(outcome.answer, Decision), outcome


async def _decrypted(phone: EncryptedMember, file: dict[str, Any]) -> bytes:
    """Fetch an attachment as a phone does, and open it."""
    response = await phone.client.download(file["url"])
    assert isinstance(response, DownloadResponse), response
    return bytes(decrypt_attachment(response.body, file["key"]["k"], file["hashes"]["sha256"], file["iv"]))
