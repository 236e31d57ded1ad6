"""A member whose client is of another make, matrix-js-sdk with its Rust crypto, and the bot read each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from content.lessons import Kind
from tests.encrypted_member import EncryptedMember
from tests.installation import Installation
from tests.member import Member
from tests.second_client.client import SecondClient
from tests.second_client.installed import LISTS, NotInstalled, install
from tests.synapse_fixture import free_port
from tests.two_members import found, schedule_now
from zhibu.demo.synapse import Account, Synapse

NO_SHIELD = {"encrypted": True, "shield": "none", "reason": None}


@pytest.mark.synapse
async def test_a_client_of_another_make_and_the_bot_read_each_other_also_after_a_restart(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], packages: Path, tmp_path: Path
) -> None:
    """N49: the bot's device is vouched for, so it has no shield, and who writes for such devices only reaches it."""
    bot, zhang, li = await account("bot"), await account("zhang"), await account("li")
    installation = Installation(tmp_path / "branch", synapse.url, bot.user_id, bot.password)
    found(installation, zhang, li)
    async with (
        EncryptedMember(synapse.url, zhang, tmp_path / "zhang") as zhangs,
        SecondClient(packages, tmp_path / "second-client.log") as lis,
        Member(synapse.url, li) as raw,
    ):

        async def read(room: str, text: str, sender: str = bot.user_id) -> dict[str, object]:
            answer: dict[str, object] = await lis.ask("read", room=room, sender=sender, text=text)
            return answer

        await lis.ask("log_in", homeserver=synapse.url, user=li.user_id, password=li.password)
        hall = await lis.ask("enter", inviter=bot.user_id)
        await schedule_now(installation.database)
        await schedule_now(installation.database, "主题党日", Kind.EVENT)
        program = installation.start()
        try:
            card = await read(hall, "【学习】一课")
            assert card.items() >= NO_SHIELD.items()
            event = await read(hall, "【活动】主题党日")
            await lis.ask("say", room=hall, text="学完", reply=card["event_id"])
            private = await lis.ask("enter", inviter=bot.user_id)
            assert (await read(private, "已记下：李强，《一课》")).items() >= NO_SHIELD.items()

            await lis.ask("say", room=private, text="签到")
            assert (await read(private, "已签到：李强，《主题党日》")).items() >= NO_SHIELD.items()

            # A device that nobody vouches for has the shield that the bot's has not.
            await zhangs.join(hall)
            await zhangs.say(hall, "大家好")
            stranger = await read(hall, "大家好", zhang.user_id)
            assert (stranger["shield"], stranger["reason"]) == ("red", "unsigned_device")
            vouched = await lis.ask("devices", user=bot.user_id)
            assert [signed for device, signed in vouched.items() if device != bot.device_id] == [True]

            # The keys that the bot was given outlive its process, and what came meanwhile is heard.
            assert program.interrupt() == 0, program.text
            await lis.ask("say", room=private, text="撤回")
            program = installation.start()
            assert (await read(private, "已取消《主题党日》")).items() >= NO_SHIELD.items()
            sealed = [one["content"] for one in await raw.history(private) if one["sender"] == li.user_id]
            assert len({content["session_id"] for content in sealed if "ciphertext" in content}) == 1

            await lis.ask("isolate")
            await lis.ask("say", room=private, text="帮助")
            assert (await read(private, "请假")).items() >= NO_SHIELD.items()
            await lis.ask("react", room=hall, event=event["event_id"], key="✅")
            assert (await read(private, "已签到：李强，《主题党日》")).items() >= NO_SHIELD.items()
            assert await lis.ask("unreadable", room=hall) == await lis.ask("unreadable", room=private) == 0
            for room in (hall, private):
                types = {one["type"] for one in await raw.history(room) if one["sender"] == li.user_id}
                assert types - {"m.reaction"} == {"m.room.member", "m.room.encrypted"}
        finally:
            assert program.interrupt() == 0, program.text


def test_without_the_registry_one_sentence_says_what_could_not_be_installed(tmp_path: Path) -> None:
    nowhere = {"npm_config_registry": f"http://127.0.0.1:{free_port()}", "npm_config_cache": str(tmp_path / "cache")}
    with pytest.raises(NotInstalled, match=r"^matrix-js-sdk could not be installed .*ECONNREFUSED$"):
        install(tmp_path / "packages", nowhere)


def test_what_is_installed_is_not_asked_for_again(packages: Path) -> None:
    nowhere = {"npm_config_registry": f"http://127.0.0.1:{free_port()}"}
    assert install(packages, nowhere) == packages


def test_the_lock_names_no_host_to_fetch_from() -> None:
    assert all('"resolved"' not in file.read_text(encoding="utf-8") for file in LISTS)
