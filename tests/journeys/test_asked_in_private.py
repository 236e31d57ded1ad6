"""A member asks the bot in an encrypted private room of the real homeserver: silence, a correction, one's own data."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from nio import EnableEncryptionBuilder, RoomCreateResponse, RoomEncryptedFile
from nio.crypto.attachments import decrypt_attachment

from bot.bot import Bot
from bot.matrix.homeserver import Homeserver
from bot.matrix.login import log_in
from content.corrections import answer_correction
from content.decision import Fact
from content.identifiers import MemberId, OrganisationId, RoomId, UserId
from content.members import Member, MemberEnrolled
from content.organisations import Duty, DutyGranted, Kind, Organisation, OrganisationFounded, Role
from content.rooms import Purpose, Room, RoomKept
from storage import corrections
from storage.store import Step, Store
from tests.encrypted_member import EncryptedMember
from tests.small_branch import fresh_cause
from zhibu.catalogue import load_speech
from zhibu.demo.synapse import Account, Synapse

BRANCH = OrganisationId("branch")
KEY = bytes(range(32))


@pytest.mark.synapse
async def test_what_a_member_asks_in_private_is_answered_there_and_the_file_opens_for_them_alone(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    robot, member = await account("helper"), await account("asker")
    session = await log_in(synapse.url, robot.user_id, robot.password, tmp_path / "bot", KEY, "bot")
    homeserver = Homeserver(session, KEY)
    await homeserver.start()
    store = await Store.open(f"sqlite:///{tmp_path / 'zhibu.db'}")
    room = await homeserver.create_room(invite=[member.user_id], name="支部群")
    await store.settle(notes=list(_founding(member, room)))
    bot = Bot(store, homeserver, load_speech(), console="https://console.test")
    work = asyncio.create_task(bot.run())
    try:
        async with EncryptedMember(synapse.url, member, tmp_path / "phone") as phone:
            await phone.join(room)
            await bot.listening.wait()
            direct = await _private_room(phone, robot.user_id, work)

            await phone.say(direct, "静音 7天")
            assert "不主动给您发私信" in await _answer(phone, direct, work)
            await phone.say(direct, "更正 金丝雀")
            assert "更正已记下" in await _answer(phone, direct, work)
            await _settle(store, member)
            assert "已经改好。答复：已按档案改好" in await _answer(phone, direct, work)

            await phone.say(direct, "我的数据")
            file = await _file(phone, direct, work)
            assert file.body.startswith("我的数据-")
            sealed = await _download(synapse.url, member, file.url)
            assert "张明".encode() not in sealed
            text = decrypt_attachment(sealed, file.key["k"], file.hashes["sha256"], file.iv).decode("utf-8-sig")
            assert "姓名：张明" in text
            assert "金丝雀" in text
            held = json.loads(text[text.index("\n{") :])
            assert [row["name"] for row in held["members"]] == ["张明"]
            assert "李强" not in text
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await homeserver.close()
        await store.close()


def _founding(member: Account, room: str) -> list[Fact]:
    user = UserId(member.user_id)
    kept = Room(id=RoomId(room), organisation=BRANCH, purpose=Purpose.BRANCH, name="支部群", encrypted=True)
    return [
        OrganisationFounded(organisation=Organisation(id=BRANCH, parent=None, kind=Kind.BRANCH, name="支部")),
        DutyGranted(duty=Duty(user=user, organisation=BRANCH, role=Role.SECRETARY)),
        MemberEnrolled(member=Member(id=MemberId("one"), organisation=BRANCH, name="张明", user=user)),
        MemberEnrolled(member=Member(id=MemberId("two"), organisation=BRANCH, name="李强")),
        RoomKept(room=kept),
    ]


async def _private_room(phone: EncryptedMember, bot: str, work: asyncio.Task[None]) -> str:
    """Make an encrypted private room as clients do, and wait until the bot is in it."""
    made = await phone.client.room_create(
        is_direct=True, invite=[bot], initial_state=[EnableEncryptionBuilder().as_dict()]
    )
    assert isinstance(made, RoomCreateResponse), made
    while True:
        assert not work.done(), work
        await phone.sync()
        room = phone.client.rooms.get(made.room_id)
        if room is not None and room.encrypted and bot in room.users and bot not in room.invited_users:
            return str(made.room_id)


async def _answer(phone: EncryptedMember, room: str, work: asyncio.Task[None]) -> str:
    """Wait for the next words of anyone else in a room."""
    while True:
        assert not work.done(), work
        for event in await phone.heard(room):
            if event.sender != phone.user_id and hasattr(event, "body"):
                return str(event.body)


async def _file(phone: EncryptedMember, room: str, work: asyncio.Task[None]) -> RoomEncryptedFile:
    while True:
        assert not work.done(), work
        for event in await phone.heard(room):
            if isinstance(event, RoomEncryptedFile):
                return event


async def _download(url: str, member: Account, address: str) -> bytes:
    """Fetch what lies under an mxc address, as a member's client does."""
    where = f"{url}/_matrix/client/v1/media/download/{address.removeprefix('mxc://')}"
    headers = {"Authorization": f"Bearer {member.access_token}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(where) as response:
        assert response.status == 200
        return await response.read()


async def _settle(store: Store, member: Account) -> None:
    """Answer the correction as the desk does."""

    async def decide(unit: Any) -> Any:
        (one,) = await corrections.waiting_of(unit, UserId(member.user_id))
        return answer_correction(one, "已按档案改好", settled=True, by=UserId(member.user_id), now=unit.now)

    (outcome,) = await store.settle([Step(cause=fresh_cause(), decide=decide)])
    assert outcome.refusal is None
