"""The commands that stay: run has everything in one process, bot and console are its two halves."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from content.trouble import Exit, Trouble
from zhibu.config import Config, load_config
from zhibu.front import CONFIG, EPILOG, Front
from zhibu.heaps import share_one_heap
from zhibu.logs import configure_logs
from zhibu.stopping import stop_on_signals, unless_stopped
from zhibu.supervisor import notify

if TYPE_CHECKING:
    from zhibu.branch import Branch
    from zhibu.safe_mode import Open

NEW_LOGIN = click.option("--new-login", is_flag=True, help="Sign the bot in anew, after its login was revoked.")
NO_WAIT = click.option(
    "--no-wait", is_flag=True, help="End with the trouble's exit code instead of safe mode when the start fails."
)


@click.command(epilog=EPILOG)
@NEW_LOGIN
@NO_WAIT
@CONFIG
def run(file: Path, new_login: bool, no_wait: bool) -> None:
    """Run bot, clock, delivery and console in one process until Ctrl-C or SIGTERM."""
    front = Front()
    front.run(_drive(front, file, "start.running", new_login=new_login, console=True, wait=not no_wait))


@click.command(epilog=EPILOG)
@NEW_LOGIN
@NO_WAIT
@CONFIG
def bot(file: Path, new_login: bool, no_wait: bool) -> None:
    """Run bot, clock and delivery without a console; one for each database."""
    front = Front()
    front.run(_drive(front, file, "start.bot_running", new_login=new_login, console=False, wait=not no_wait))


@click.command(epilog=EPILOG)
@NO_WAIT
@CONFIG
def console(file: Path, no_wait: bool) -> None:
    """Run a console without the bot; on PostgreSQL as many as wanted, beside the bot."""
    front = Front()
    front.run(_console(front, file, wait=not no_wait))


async def _drive(front: Front, file: Path, running: str, *, new_login: bool, console: bool, wait: bool) -> int:
    share_one_heap()
    configure_logs()
    config = load_config(file)
    from zhibu.branch import Branch

    stop = asyncio.Event()
    stop_on_signals(stop)
    branch = await _open(
        front,
        config,
        lambda server: Branch.open(config, front.speech, console=console, server=server),
        stop,
        console=console,
        wait=wait,
    )
    if branch is None:
        return _stopped(front)

    def began() -> None:
        click.echo(front.say(running, address=branch.address))

    notify("READY=1")
    try:
        connected = await unless_stopped(_connected(front, branch, new_login=new_login, wait=wait), stop)
        if connected:
            began()
        elif connected is not None:
            safe = "start.safe_mode" if console else "start.safe_mode_bot"
            click.echo(front.say(safe, **({"address": branch.address} if console else {})))
        if connected is not None:
            await branch.run(stop, began)
    finally:
        notify("STOPPING=1")
        await branch.close()
    return _stopped(front)


async def _console(front: Front, file: Path, *, wait: bool) -> int:
    share_one_heap()
    configure_logs()
    config = load_config(file)
    from zhibu.branch import Branch

    stop = asyncio.Event()
    stop_on_signals(stop)
    branch = await _open(
        front, config, lambda server: Branch.open_desk(config, front.speech, server), stop, console=True, wait=wait
    )
    if branch is None:
        return _stopped(front)
    try:
        click.echo(front.say("start.console_running", address=branch.address))
        notify("READY=1")
        await branch.run(stop)
    finally:
        notify("STOPPING=1")
        await branch.close()
    return _stopped(front)


async def _open(
    front: Front, config: Config, opening: Open, stop: asyncio.Event, *, console: bool, wait: bool
) -> Branch | None:
    """Open the branch, in safe mode as long as that cannot be; ``None`` when told to stop meanwhile."""
    from zhibu.safe_mode import open_patiently

    if not wait:
        return await opening(None)

    def tell(trouble: Trouble) -> None:
        notify("READY=1")
        front.tell(trouble)
        say = "start.safe_mode_database" if console else "start.safe_mode_nothing"
        click.echo(front.say(say, **({"address": config.console_address} if console else {})))

    return await open_patiently(config, front.speech, opening, stop, tell, console=console)


async def _connected(front: Front, branch: Branch, *, new_login: bool, wait: bool) -> bool:
    """Connect once, and say at once what is in the way. Raises Trouble for what waiting cannot mend."""
    try:
        connected = await branch.connect(new_login=new_login)
    except Trouble as trouble:
        if not wait or branch.held_up is None:
            raise
        front.tell(trouble)
        return False
    if not connected:
        front.tell(Trouble(Exit.UNAVAILABLE, "start.homeserver_unreachable", address=branch.config.bot.homeserver))
    return connected


def _stopped(front: Front) -> int:
    click.echo(front.say("start.stopped"))
    return int(Exit.DONE)
