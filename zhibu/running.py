"""The commands that stay: run has everything in one process, bot and console are its two halves."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from zhibu.config import load_config
from zhibu.front import CONFIG, EPILOG, Front
from zhibu.logs import configure_logs
from zhibu.supervisor import notify

NEW_LOGIN = click.option("--new-login", is_flag=True, help="Sign the bot in anew, after its login was revoked.")


def stop_on_signals(stop: asyncio.Event) -> None:
    """Let SIGTERM and Ctrl-C set an event instead of tearing things down."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


@click.command(epilog=EPILOG)
@NEW_LOGIN
@CONFIG
def run(file: Path, new_login: bool) -> None:
    """Run bot, clock, delivery and console in one process until Ctrl-C or SIGTERM."""
    front = Front()
    front.run(_drive(front, file, "start.running", new_login=new_login, console=True))


@click.command(epilog=EPILOG)
@NEW_LOGIN
@CONFIG
def bot(file: Path, new_login: bool) -> None:
    """Run bot, clock and delivery without a console; one for each database."""
    front = Front()
    front.run(_drive(front, file, "start.bot_running", new_login=new_login, console=False))


@click.command(epilog=EPILOG)
@CONFIG
def console(file: Path) -> None:
    """Run a console without the bot; on PostgreSQL as many as wanted, beside the bot."""
    front = Front()
    front.run(_console(front, file))


async def _drive(front: Front, file: Path, running: str, *, new_login: bool, console: bool) -> int:
    configure_logs()
    config = load_config(file)
    from zhibu.branch import Branch

    stop = asyncio.Event()
    stop_on_signals(stop)
    branch = await Branch.open(config, front.speech, console=console)
    try:
        connected = await branch.connect(new_login=new_login)
        if not connected:
            away = front.say("start.homeserver_unreachable", address=config.bot.homeserver)
            click.echo(f"zhibu: {away}", err=True)
        click.echo(front.say(running, address=branch.address))
        notify("READY=1")
        await branch.run(stop)
    finally:
        notify("STOPPING=1")
        await branch.close()
    click.echo(front.say("start.stopped"))
    return 0


async def _console(front: Front, file: Path) -> int:
    configure_logs()
    config = load_config(file)
    from zhibu.branch import Branch

    # While it waits for tables that are being changed, Ctrl-C and SIGTERM end it as they end any program.
    branch = await Branch.open_desk(config, front.speech)
    stop = asyncio.Event()
    stop_on_signals(stop)
    try:
        click.echo(front.say("start.console_running", address=branch.address))
        notify("READY=1")
        await branch.run(stop)
    finally:
        notify("STOPPING=1")
        await branch.close()
    click.echo(front.say("start.stopped"))
    return 0
