"""Everything is lost and put back from a backup: nothing is doubled in a room, and what members said since counts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.encrypted_member import EncryptedMember
from tests.faults.branches import MARK, cards
from tests.installation import Installation, finish
from tests.member import Member
from tests.two_members import found, schedule_now
from zhibu.demo.synapse import Account, Synapse


async def _enter(member: EncryptedMember) -> str:
    """Wait for an invitation and return the room, entered."""
    while not member.client.invited_rooms:
        await member.sync()
    room = next(iter(member.client.invited_rooms))
    await member.join(room)
    return str(room)


async def _said(member: Member, room: str, bot: str) -> list[str]:
    """Return the marks of what the bot has said in a room, edits left out, as any client of a member sees them."""
    events = [event for event in await member.history(room) if event["sender"] == bot and MARK in event["content"]]
    return [event["content"][MARK] for event in events if "m.relates_to" not in event["content"]]


async def _await_text(phone: EncryptedMember, room: str, wanted: str) -> None:
    """Read on until a text comes; everything on the way to it can be read."""
    while True:
        for event in await phone.heard(room):
            assert getattr(event, "body", "") or event.source["type"] != "m.room.encrypted", event.source
            if wanted in json.dumps(event.source["content"], ensure_ascii=False):
                return


def _states(installation: Installation) -> dict[str, str]:
    code, said = finish("export", "participation", "--format", "json", "-c", str(installation.config))
    assert code == 0, said
    return {row["name"]: row["state"] for row in json.loads(said)}


async def _devices(url: str, bot: Account) -> set[str]:
    async with Member(url, bot) as asking:
        found = (await asking.ask("GET", "/v3/devices"))["devices"]
    return {one["device_id"] for one in found} - {bot.device_id}


def _reply(card: str, text: str) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": text, "m.relates_to": {"m.in_reply_to": {"event_id": card}}}


@pytest.mark.synapse
async def test_a_branch_that_burned_down_goes_on_from_its_backup_as_if_nothing_had_been(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    bot, zhang, li = await account("bot"), await account("zhang"), await account("li")
    url = synapse.url
    installation = Installation(tmp_path / "first", url, bot.user_id, bot.password)
    found(installation, zhang, li)
    async with (
        EncryptedMember(url, zhang, tmp_path / "zhang") as zhangs,
        EncryptedMember(url, li, tmp_path / "li") as lis,
        Member(url, zhang) as raw_zhang,
        Member(url, li) as raw_li,
    ):
        (hall,) = set(lis.client.invited_rooms)
        for room in list(zhangs.client.invited_rooms):
            await zhangs.join(room)
        await lis.join(hall)

        # The bot is at work, and hears the key under which Li will go on to speak.
        program = installation.start()
        asked = {"msgtype": "m.text", "body": "我的", "m.mentions": {"user_ids": [bot.user_id]}}
        await lis.send(hall, "m.room.message", asked)
        lis_room = await _enter(lis)
        await zhangs.send(hall, "m.room.message", asked)
        zhangs_room = await _enter(zhangs)
        code, said = finish("backup", "-c", str(installation.config))
        assert code == 0, said
        assert program.interrupt() == 0, program.text

        # The backup knows of the lesson, but not that it went out.
        await schedule_now(installation.database)
        code, said = finish("backup", "-c", str(installation.config))
        assert code == 0, said
        backups = sorted((installation.folder / "backups").glob("zhibu-*.backup"))
        assert len(backups) == 2
        first_device = await _devices(url, bot)

        # A life that will be lost: the card goes out, Zhang answers and is answered.
        program = installation.start()
        while not (card := (await cards(raw_zhang, [hall], bot.user_id))[hall]):
            await zhangs.sync()
        await raw_zhang.react(hall, card[0])
        await _await_text(zhangs, zhangs_room, "《一课》")
        program.kill()
        kept = tmp_path / "elsewhere"
        kept.mkdir()
        shutil.copy(backups[1], kept / "a.backup")
        shutil.copy(installation.folder / "backup.key", kept / "backup.key")
        shutil.rmtree(installation.folder)
        before = {room: await _said(raw_zhang, room, bot.user_id) for room in (hall, zhangs_room)}

        # Nobody is there, and Li answers in words.
        await lis.send(hall, "m.room.message", _reply(card[0], "学完"))

        place = tmp_path / "second"
        code, said = finish("restore", str(kept / "a.backup"), "--into", str(place), "--key", str(kept / "backup.key"))
        assert code == 0, said
        restored = Installation.of(place)
        program = restored.start()
        try:
            await _await_text(lis, hall, "已学完 2 人，应学 2 人")
            assert _states(restored) == {"张明": "done", "李强": "done"}
            assert {room: await _said(raw_zhang, room, bot.user_id) for room in before} == before
            answers = await _said(raw_li, lis_room, bot.user_id)
            assert len(answers) == len(set(answers)) == 2
            await _await_text(zhangs, hall, "已学完 2 人，应学 2 人")
            devices = await _devices(url, bot)
            assert len(devices) == 1
            assert not devices & first_device
            code, said = finish("check", "-c", str(restored.config))
            assert code == 0, said
            assert next(iter(devices)) in said
        finally:
            assert program.interrupt() == 0, program.text
