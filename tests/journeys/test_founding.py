"""A real installation begins: an organisation founded from a roster file, its rooms, and the first way in."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from console.written_sheets import write_xlsx
from tests.installation import Installation, Program, finish
from tests.member import Member
from tests.synapse_fixture import Furnish, free_port
from zhibu.demo.synapse import Account, Synapse

HEADER = ("序号", "姓名", "所在党支部", "党小组", "人员类别", "加入党组织日期", "联系电话", "群账号", "公民身份号码")


def _roster(folder: Path, zhang: str) -> Path:
    rows = [
        (1, "张明", "运转党支部", "第一党小组", "正式党员", "2016.06.28", "13800000000", zhang, "x"),
        (2, "李强", "运转党支部", "第二党小组", "正式党员", "2015年7月1日", "", "", ""),
        (3, "王丽", "货运党支部", "", "预备党员", "2026-02-30", "1.38E+10", "", ""),
        (4, "", "货运党支部", "", "正式党员", "", "13900000000", "", ""),
    ]
    file = folder / "花名册.xlsx"
    file.write_bytes(write_xlsx("党员花名册", HEADER, rows))
    return file


def _found(installation: Installation, roster: Path | None, secretary: str) -> Program:
    command = ["found", "示范总支", "--secretary", secretary, "--yes"]
    if roster is not None:
        command += ["--roster", str(roster)]
    program = Program([*command, "-c", str(installation.config)], installation.folder)
    program.process.wait(timeout=120)
    return program


@pytest.mark.synapse
async def test_an_organisation_is_founded_from_its_roster_once(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    bot, zhang, secretary = await account("bot"), await account("zhang"), await account("secretary")
    installation = Installation(tmp_path, synapse.url, bot.user_id, bot.password)
    roster = _roster(tmp_path, zhang.user_id)

    founded = _found(installation, roster, secretary.user_id)
    assert founded.process.returncode == 0, founded.text
    assert "3 members" in founded.text
    assert re.search(r"Row 5\b.*1\.38E\+10", founded.text)
    assert re.search(r"Row 6\b", founded.text)
    assert "13900000000" not in founded.text

    again = _found(installation, roster, secretary.user_id)
    assert again.process.returncode == 65
    assert "示范总支" in again.text

    async with Member(synapse.url, zhang) as member, Member(synapse.url, secretary) as leader:
        invited = (await member.sync())["rooms"]["invite"]
        assert len(invited) == 1
        assert len((await leader.sync())["rooms"]["invite"]) == 5, "three spaces, the branches' rooms"
        room = next(iter(invited))
        await member.join(room)
        kinds = {event["type"]: event["content"] for event in await member.ask("GET", f"/v3/rooms/{room}/state")}
        assert "m.room.encryption" in kinds
        assert kinds["m.room.create"]["m.federate"] is False
        assert kinds["m.room.join_rules"]["join_rule"] == "invite"

    more = Program(["rooms", "-c", str(installation.config)], installation.folder)
    assert more.process.wait(timeout=60) == 0, more.text

    link = re.search(r"http://127\.0\.0\.1:\d+/sign-in/\S+", founded.text)
    assert link is not None
    program = installation.start()
    try:
        with urlopen(link.group(), timeout=10) as page:
            assert page.status == 200
        code, said = finish("audit", "verify", "-c", str(installation.config))
        assert (code, "The record is whole" in said) == (0, True), said
    finally:
        assert program.interrupt() == 0, program.text


@pytest.mark.synapse
async def test_a_homeserver_with_ordinary_limits_is_invited_to_patiently(furnished: Furnish, tmp_path: Path) -> None:
    async with Synapse(furnished(tmp_path / "homeserver"), free_port(), generous=False) as ordinary:
        bot = await ordinary.register("bot", "a long password")
        people = [await ordinary.register(f"member{number}", "a long password") for number in range(12)]
        installation = Installation(tmp_path / "zhibu", ordinary.url, bot.user_id, bot.password)
        rows = [(f"党员{number}", "运转党支部", "正式党员", one.user_id) for number, one in enumerate(people)]
        roster = tmp_path / "花名册.xlsx"
        roster.write_bytes(write_xlsx("党员花名册", ("姓名", "所在党支部", "人员类别", "群账号"), rows))
        founded = _found(installation, roster, people[0].user_id)
        assert founded.process.returncode == 0, founded.text
        for one in people:
            async with Member(ordinary.url, one) as member:
                assert (await member.sync())["rooms"]["invite"]


def test_a_general_branch_without_people_is_not_founded(tmp_path: Path) -> None:
    installation = Installation(tmp_path, "http://127.0.0.1:1", "@zhibu:test", "a long password")
    founded = _found(installation, None, "@secretary:test")
    assert founded.process.returncode == 2
    assert "--roster" in founded.text
    assert not (tmp_path / "zhibu.db").exists()
