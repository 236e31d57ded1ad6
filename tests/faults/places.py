"""Lives that end at the named places, all of them or a sample, and a record that every one of them was passed."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from datetime import timedelta
from pathlib import Path

import aiohttp

from tests.faults.campaign import PATIENCE, Campaign, Tally, pause
from tests.faults.homeserver import FakeServer
from tests.faults.oracle import Said, Tables
from tests.faults.points import AT_FIRST_START, AT_WORK
from tests.faults.scene import Scene
from tests.faults.trials import FORM_FIELD, link_in, new_device, staged
from tests.installation import Program

PLACES = (*AT_FIRST_START[1:], *AT_WORK)
"""Where a life of the running program can end; the tables are there before the first of them."""


async def killed_at_places(folder: Path, seed: int, database: str = "", *, sample: int = len(PLACES)) -> Tally:
    """Let lives end at so many of the places, drawn from the seed; then everything must be as it should.

    Each life writes down what it passes. The last two do whatever leads anywhere, so that every place must have been
    passed, also where no life was let end.
    """
    drawn = random.Random(seed).sample(PLACES, sample)
    async with FakeServer() as server, staged(server, folder, seed, database, late=2, sealed=True) as campaign:
        campaign.record = folder / "passed"
        for name in (name for name in AT_FIRST_START if name in drawn):
            await campaign.die_at(name, busy=False)
        for name in (name for name in AT_WORK if name in drawn):
            await let_die(campaign, server, name)
        await pass_everything(campaign, server)
        campaign.tally.failures += [f"{name} was never passed" for name in campaign.missed(PLACES)]
        if spaces(server) != 1:
            campaign.tally.failures.append(f"{spaces(server)} spaces were made instead of one")
        return campaign.tally


async def let_die(campaign: Campaign, server: FakeServer, name: str) -> None:
    """Bring about what leads to a place, and let a life end there."""
    scene = campaign.scene
    match name:
        case "clock.closed":
            await scene.plan(window=timedelta(0))
        case "medium.uploaded_before_kept" | "medium.kept_before_send":
            await scene.plan(picture=True)
        case "private_room.made_before_kept" | "private_room.kept_before_send":
            await see_cards(campaign)
            await scene.act(scene.late["kept_before" in name], "签到")
        case "room.made_before_hung" | "room.hung_before_kept":
            if not spaces(server):
                await scene.ask_for_a_room()
        case "outbox.looked_before_send":
            await scene.plan()
            await campaign.die_at("outbox.sent_before_mark:2")
            await new_device(scene, server)
        case "hearing.between_portions":
            await see_cards(campaign)
            await flood(scene)
        case "form.settled_before_page":
            return await die_in_a_form(campaign)
        case _:
            await scene.plan()
    return await campaign.die_at(name, busy=name != "clock.opened")


async def pass_everything(campaign: Campaign, server: FakeServer) -> None:
    """Do everything that leads past a place: one life is cut off in a push, and one does all the rest."""
    scene = campaign.scene
    await scene.plan(2)
    await campaign.die_at("outbox.sent_before_mark:6", busy=False)
    await see_cards(campaign)
    await new_device(scene, server)
    await flood(scene)
    for member in scene.late:
        await scene.act(member, "签到")
    await scene.plan(picture=True)
    await scene.plan(window=timedelta(0))
    await scene.ask_for_a_room()

    async def sign_in(program: Program) -> None:
        browser, link, fields = await visit(campaign, program)
        async with browser, browser.post(link, data=fields, headers=origin(link)) as page:
            assert page.status == 200, page.status
        end = time.monotonic() + PATIENCE
        while campaign.missed(PLACES) and program.process.poll() is None and time.monotonic() < end:
            await campaign.scene.look()
            await pause(0.2)

    await campaign.rest(sign_in)


def spaces(server: FakeServer) -> int:
    """Return how many spaces there are."""
    return sum("m.space" in str(one.state["m.room.create", ""]["content"]) for one in server.rooms.values())


async def see_cards(campaign: Campaign) -> None:
    """Let members see a card in every hall that they can read, and the bot rest first where there is none."""
    scene = campaign.scene
    await scene.look()
    if {*scene.world.halls} - {*scene.world.sealed} - {hall for hall, _ in scene.cards}:
        await scene.plan()
        await campaign.rest()
        await scene.look()


async def flood(scene: Scene, times: int = 520) -> None:
    """Let one member tap more often than is settled at once: what asks for nothing, and at the end what counts."""
    (hall, _), card = [item for item in scene.cards.items() if item[0][0] == scene.world.halls[0]][-1]
    member = scene.late[0]
    for number in range(times):
        await member.react(hall, card, f"👍{number}")
    event = await member.react(hall, card)
    scene.world.said.append(Said(event=event, room=hall, sender=member.user_id, card=card, words="✅"))


async def visit(campaign: Campaign, program: Program) -> tuple[aiohttp.ClientSession, str, dict[str, str]]:
    """Ask for a link to the console and open it; return the browser, the link, and the form that is on the page."""
    scene = campaign.scene
    secretary = scene.members[0]
    room = scene.world.private[secretary.user_id]
    before = await link_in(campaign, room, program) if scene.asked_for_links else ""
    scene.asked_for_links += 1
    await secretary.say(room, "控制台")
    link = await asyncio.wait_for(link_in(campaign, room, program, other_than=before), 180)
    # The address in the link is the console's own.
    browser = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
    async with browser.get(link) as page:
        fields = dict(FORM_FIELD.findall(await page.text()))
    return browser, link, fields


def origin(link: str) -> dict[str, str]:
    """Return what a browser says about where a form of this page comes from."""
    return {"Origin": link.partition("/sign-in")[0]}


async def die_in_a_form(campaign: Campaign) -> None:
    """Send a form of the console, let the program end after it was settled, and send it again (F15)."""
    scene, name, tally = campaign.scene, "form.settled_before_page", campaign.tally
    tally.tried += 1
    program = campaign.start(name)
    browser, link, fields = await visit(campaign, program)
    async with browser:
        try:
            async with browser.post(link, data=fields, headers=origin(link)) as page:
                tally.failures.append(f"{name} was not passed: {page.status}")
        except aiohttp.ClientError:
            pass
        if await asyncio.to_thread(program.process.wait, 20) != -signal.SIGKILL:
            tally.failures.append(f"{name}: {program.text[-300:]}")

        async def send_again(_: Program) -> None:
            await asyncio.to_thread(scene.installation.await_console)
            async with browser.post(link, data=fields, headers=origin(link)) as page:
                if page.status >= 500:
                    tally.failures.append(f"{name}: sent again, it is answered by {page.status}")

        await campaign.rest(send_again)
    opened = Tables(scene.world.database).ask("SELECT count(*) FROM sessions")[0][0]
    if opened != 1:
        tally.failures.append(f"one form has opened {opened} sessions")
