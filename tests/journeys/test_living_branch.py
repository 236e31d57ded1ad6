"""The sample branch as it is shown to people: encrypted rooms, members who answer, a trusted bot."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.encrypted_member import EncryptedMember
from tests.installation import Sample
from tests.waiting import until
from zhibu.demo.synapse import Account

HALL = "客运车站党支部"


def _states(sample: Sample) -> dict[str, str]:
    command = ["export", "participation", "--format", "json", "-c", sample.ready["config"]]
    done = subprocess.run([sys.executable, "-m", "zhibu", *command], capture_output=True, check=True, timeout=60)
    return {row["name"]: row["state"] for row in json.loads(done.stdout)}


def _card(sample: Sample, room: str) -> str:
    """Return the event that shows the open card in a room: that of its last part."""
    query = "SELECT event_id FROM outbox WHERE kind = 'post' AND room_id = ? ORDER BY part DESC LIMIT 1"
    file = sample.folder / "data" / "zhibu.db"
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        (card,) = connection.execute(query, (room,)).fetchone()
    return str(card)


async def _new_phone(homeserver: str, login: dict[str, str]) -> Account:
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": login["user_id"]},
        "password": login["password"],
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(homeserver + "/_matrix/client/v3/login", json=body) as response,
    ):
        answer: dict[str, Any] = await response.json()
    return Account(
        user_id=answer["user_id"],
        access_token=answer["access_token"],
        device_id=answer["device_id"],
        password=login["password"],
    )


@pytest.mark.synapse
async def test_a_member_with_a_new_phone_answers_in_the_encrypted_room_and_is_answered_in_private(
    lively_sample: Sample, tmp_path: Path
) -> None:
    ready = lively_sample.ready
    room = ready["rooms"][HALL]
    until(lambda: list(_states(lively_sample).values()).count("done") >= 5 or None, "members to answer", 60)
    until(lambda: "excused" in _states(lively_sample).values(), "someone on leave", 60)

    account = await _new_phone(ready["homeserver"], lively_sample.member("孙蔚"))
    async with EncryptedMember(ready["homeserver"], account, tmp_path / "phone") as phone:
        await phone.sync()
        card = _card(lively_sample, room)
        content = {"msgtype": "m.text", "body": "学完", "m.relates_to": {"m.in_reply_to": {"event_id": card}}}
        await phone.send(room, "m.room.message", content)
        edit = (await _wait_for_edit(phone, room))[-1]
        text = edit.source["content"]["m.new_content"]["body"]
        assert "【学习】党的一大" in text
        assert "应学 24 人" in text
        assert edit.source["content"]["m.relates_to"]["event_id"] == card
        private = await _invitation(phone)
        await phone.join(private)
        answer = await _first_text(phone, private)
        assert answer.startswith("已记下：孙蔚，《党的一大")
    assert _states(lively_sample)["孙蔚"] == "done"


@pytest.mark.synapse
def test_a_second_sample_in_the_same_folder_leaves_the_first_alone(lively_sample: Sample) -> None:
    for options in ([], ["--reset"]):
        command = ["demo", "--data", str(lively_sample.folder / "data"), "--console-port", "0", *options]
        done = subprocess.run([sys.executable, "-m", "zhibu", *command], capture_output=True, check=False, timeout=60)
        assert done.returncode == 73, done.stdout + done.stderr
        assert str(lively_sample.ready["pids"]["zhibu"]) in done.stderr.decode()
    assert len(_states(lively_sample)) == 35


async def _wait_for_edit(phone: EncryptedMember, room: str) -> list[Any]:
    """Wait for an edit of the card that this phone can read: its own answer moves the numbers."""
    while True:
        edits = [
            event
            for event in await phone.heard(room)
            if "m.new_content" in event.source.get("content", {}) and hasattr(event, "body")
        ]
        if edits:
            return edits


async def _invitation(phone: EncryptedMember) -> str:
    while not phone.client.invited_rooms:
        await phone.sync()
    return str(next(iter(phone.client.invited_rooms)))


async def _first_text(phone: EncryptedMember, room: str) -> str:
    """Return what the bot said there before this member had come in."""
    while True:
        response = await phone.client.room_messages(room, limit=20)
        texts = [event.body for event in response.chunk if hasattr(event, "body")]
        if texts:
            return str(texts[-1])
        await phone.sync()
