"""A newcomer's first hour: the sample branch, a lesson scheduled in the console, members who answer, the numbers."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, Page, expect

from tests.installation import Sample
from tests.member import Member
from zhibu.demo.synapse import Account

MARK = "org.zhibu.outbox"
SHANGHAI = ZoneInfo("Asia/Shanghai")
BRANCHES = ("客运车站党支部", "货运车间党支部", "车辆检修党支部")


def _account(sample: Sample, name: str) -> Account:
    login = sample.member(name)
    return Account(
        user_id=login["user_id"],
        access_token=login["access_token"],
        device_id="",
        password=login["password"],
    )


async def _card(member: Member, room: str, title: str) -> dict[str, Any]:
    """Wait until a card of this title has come to the room, and return its event."""
    while True:
        for event in await member.history(room):
            content = event["content"]
            if MARK in content and "m.new_content" not in content and f"】{title}" in content.get("body", ""):
                return event
        await member.sync(timeout_ms=20_000)


async def _live_line(member: Member, room: str, card: str, wanted: str) -> None:
    """Wait until the card says this in its live line."""
    while True:
        for event in reversed(await member.history(room)):
            content = event["content"]
            if content.get("m.relates_to", {}).get("event_id") == card and "m.new_content" in content:
                if wanted in content["m.new_content"]["body"]:
                    return
                break
        await member.sync(timeout_ms=20_000)


async def _private_room(member: Member, bot: str) -> str:
    """Open a private room with the bot and wait until it is there."""
    room = await member.create_room(bot, is_direct=True)
    while True:
        state = await member.ask("GET", f"/v3/rooms/{room}/joined_members")
        if bot in state["joined"]:
            return room
        await member.sync(timeout_ms=20_000)


async def _answer(member: Member, room: str, bot: str, part: str) -> str:
    """Wait until the bot has said something with this part in a room, and return all of it."""
    while True:
        for event in await member.history(room):
            if event["sender"] == bot and part in event["content"].get("body", ""):
                return str(event["content"]["body"])
        await member.sync(timeout_ms=20_000)


async def _sign_in(browser: Browser, link: str) -> Page:
    context = await browser.new_context(locale="zh-CN", accept_downloads=True)
    page = await context.new_page()
    await page.goto(link)
    await page.get_by_role("button").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("今日")
    return page


def _export(sample: Sample, form: str) -> bytes:
    command = ["export", "participation", "--format", form, "-c", sample.ready["config"]]
    done = subprocess.run([sys.executable, "-m", "zhibu", *command], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.synapse
@pytest.mark.browser
async def test_a_newcomer_schedules_a_lesson_and_sees_who_took_part(
    quiet_sample: Sample, browser: Browser, pictures: Path
) -> None:
    ready = quiet_sample.ready
    rooms, bot = ready["rooms"], ready["bot_user_id"]
    async with (
        Member(ready["homeserver"], _account(quiet_sample, "张明")) as zhang,
        Member(ready["homeserver"], _account(quiet_sample, "李强")) as li,
        Member(ready["homeserver"], _account(quiet_sample, "孔雨")) as kong,
        Member(ready["homeserver"], _account(quiet_sample, "陶芷")) as tao,
    ):
        inside = dict(zip(BRANCHES, (zhang, kong, tao), strict=True))
        async with asyncio.timeout(60):
            for name, member in inside.items():
                await _card(member, rooms[name], "党的一大")

        page = await _sign_in(browser, ready["organiser"]["sign_in_url"])
        again = await (await browser.new_context()).new_page()
        await again.goto(ready["organiser"]["sign_in_url"])
        await again.get_by_role("button").first.click()
        await expect(again.get_by_role("heading", level=1)).not_to_have_text("今日")

        due = (datetime.now(SHANGHAI) + timedelta(minutes=1, seconds=15)).replace(second=0, microsecond=0)
        await page.goto(ready["console"] + "/schedule")
        await page.get_by_label("防范电信网络诈骗").check()
        await page.locator("#audience").select_option(label="云岭车站党总支")
        await page.locator("input[name=when][value=at]").check()
        await page.locator("#date").fill(due.date().isoformat())
        await page.locator("#time").fill(f"{due:%H:%M}")
        await page.screenshot(path=str(pictures / "journey-schedule.png"), full_page=True)
        await page.locator("button[type=submit].primary").click()
        await expect(page.get_by_role("main")).to_contain_text("防范电信网络诈骗")

        async with asyncio.timeout(150):
            cards = {name: await _card(member, rooms[name], "防范电信网络诈骗") for name, member in inside.items()}
        for card in cards.values():
            sent = datetime.fromtimestamp(card["origin_server_ts"] / 1000, SHANGHAI)
            assert timedelta() <= sent - due < timedelta(seconds=15)

        hall, card = rooms[BRANCHES[0]], cards[BRANCHES[0]]["event_id"]
        async with asyncio.timeout(90):
            tap = await zhang.react(hall, card)
            await _live_line(zhang, hall, card, "已学完 1 人，应学 24 人。")
            relation = {"m.in_reply_to": {"event_id": card}}
            reply = {"msgtype": "m.text", "body": "学完", "m.relates_to": relation}
            await li.send(hall, "m.room.message", reply)
            await _live_line(zhang, hall, card, "已学完 2 人，应学 24 人。")
            await zhang.redact(hall, tap)
            await _live_line(zhang, hall, card, "已学完 1 人，应学 24 人。")
            await zhang.say(hall, "我到了，快开始了吗")
            quiet = await _private_room(kong, bot)
            await kong.say(quiet, "请假 值班")
            await _answer(kong, quiet, bot, "请在数字里选一个")
            await kong.say(quiet, "请假 2 值班")
            await _answer(kong, quiet, bot, "已记请假")
            private = await _private_room(tao, bot)
            await tao.say(private, "学完")
            await _answer(tao, private, bot, "请在数字里选一个")
            await tao.say(private, "学完 2")
            assert "陶芷" in await _answer(tao, private, bot, "已记下")
            await tao.say(private, "我的")
            await _answer(tao, private, bot, "今年参加 1 次")

        rows = json.loads(_export(quiet_sample, "json"))
        fraud = {row["name"]: row["state"] for row in rows if row["lesson"].startswith("防范电信网络诈骗")}
        assert len(fraud) == 35
        answered = {name: state for name, state in fraud.items() if state != "open"}
        assert answered == {"李强": "done", "陶芷": "done", "孔雨": "excused"}

        await page.goto(ready["console"] + "/participation")
        await expect(page.get_by_role("main")).to_contain_text("客运车站党支部")
        await page.screenshot(path=str(pictures / "journey-participation.png"), full_page=True)
        shown = await page.get_by_role("table").first.locator("tr", has_text="云岭车站党总支").inner_text()
        done = sum(row["state"] in ("done", "late", "made_up") for row in rows)
        assert shown.split()[1:3] == [str(done), str(len(rows))]
        async with page.expect_download() as download:
            await page.locator(".exports a[href*='csv']").first.click()
        data = Path(await (await download.value).path()).read_bytes().decode("utf-8-sig")
        table = list(csv.reader(io.StringIO(data)))
        assert any("云岭车站党总支" in cell and str(done) in row for row in table for cell in row)

    kept = len(rows)
    assert quiet_sample.stop() == 0, quiet_sample.program and quiet_sample.program.text
    quiet_sample.start()
    assert quiet_sample.ready["rooms"] == rooms
    assert len(json.loads(_export(quiet_sample, "json"))) == kept
    page = await _sign_in(browser, quiet_sample.ready["organiser"]["sign_in_url"])
    async with Member(quiet_sample.ready["homeserver"], _account(quiet_sample, "张明")) as zhang:
        cards_now = [
            event["event_id"]
            for event in await zhang.history(rooms[BRANCHES[0]])
            if "】" in event["content"].get("body", "")[:8] and "m.new_content" not in event["content"]
        ]
    assert len(cards_now) == 2
