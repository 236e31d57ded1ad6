"""The command line: found, rooms, export and demo; the others stand in files of their own beside it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
from msgspec.structs import replace

from content.speech import Reader
from content.trouble import Exit, Trouble
from zhibu.auditing import audit
from zhibu.config import Config, load_config
from zhibu.doctor.command import doctor
from zhibu.front import CONFIG as _CONFIG
from zhibu.front import EPILOG as _EPILOG
from zhibu.front import Front
from zhibu.heaps import collect_seldom, leave_no_image
from zhibu.keeping import backup, port, restore
from zhibu.letting_in import let_in
from zhibu.logs import configure_logs
from zhibu.packing import pack
from zhibu.running import bot, console, run
from zhibu.sealing_anew import seal_anew
from zhibu.set_up import init, upgrade
from zhibu.stopping import stop_on_signals
from zhibu.tally import tally

# The rooms themselves are imported by the commands that need them, so that a mistake in the settings is told at once.
if TYPE_CHECKING:
    from content.roster import Entry, RosterRow
    from content.roster import Reading as RosterReading
    from zhibu.branch import Branch
    from zhibu.founding import Plan

FORMATS = ("json", "csv", "xlsx")
RECORDS = ("participation", "members", "lessons", "polls", "outbox", "audit")


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="zhibu")
def main() -> None:
    """Zhibu runs the life of a workplace Party branch inside group chats."""
    leave_no_image()
    collect_seldom()


for _command in (
    *(init, doctor, upgrade, run, bot, console, backup, restore, port),
    *(audit, let_in, pack, tally, seal_anew),
):
    main.add_command(_command)
main.add_command(
    click.Command("check", callback=doctor.callback, params=doctor.params, epilog=_EPILOG, help="The same as doctor."),
)


@main.command(epilog=_EPILOG)
@click.argument("name")
@click.option("--secretary", required=True, metavar="@USER:SERVER", help="Who may sign in to the console first.")
@click.option(
    "--kind",
    type=click.Choice(["general_branch", "branch"]),
    default="general_branch",
    show_default=True,
    help="A general branch has branches below it; a branch stands alone.",
)
@click.option("--roster", type=click.Path(path_type=Path), help="Its people, as an .xlsx, .xls or .csv file.")
@click.option("--yes", is_flag=True, help="Do not ask before writing.")
@click.option(
    "--doubtful",
    type=click.Choice(["keep", "skip", "stop"]),
    help="Rows of one name in one branch: keep all as different people, skip them, or stop. By default you are asked "
    "about each; with --yes it stops.",
)
@click.option(
    "--no-quiet-hours",
    "quiet",
    flag_value=False,
    default=True,
    help="Without it the bot begins nothing from 21:00 to 8:00 and on days of rest; the console changes that.",
)
@_CONFIG
def found(
    name: str, secretary: str, kind: str, roster: Path | None, yes: bool, doubtful: str | None, quiet: bool, file: Path
) -> None:
    """Found the organisation NAME: its tree and people, its rooms, and a link to sign in with."""
    front = Front()
    how = doubtful or ("stop" if yes else None)
    front.run(
        _found(
            front, file, name=name, secretary=secretary, kind=kind, roster=roster, yes=yes, doubtful=how, quiet=quiet
        )
    )


async def _found(
    front: Front,
    file: Path,
    *,
    name: str,
    secretary: str,
    kind: str,
    roster: Path | None,
    yes: bool,
    doubtful: str | None,
    quiet: bool,
) -> int:
    configure_logs(logging.WARNING)
    config = load_config(file)
    from content.identifiers import UserId
    from content.organisations import Kind
    from storage.store import utc_now
    from zhibu.founding import Plan, read_roster

    if roster is None and kind == Kind.GENERAL_BRANCH:
        raise Trouble(Exit.USAGE, "found.needs_roster")
    if not (secretary.startswith("@") and ":" in secretary):
        raise Trouble(Exit.USAGE, "found.bad_user", value=secretary)
    plan = Plan(
        name=name,
        kind=Kind(kind),
        timezone=config.content.timezone,
        language=config.content.language,
        secretary=UserId(secretary),
        quiet=quiet,
    )
    if roster is not None:
        today = utc_now().astimezone(ZoneInfo(plan.timezone)).date()
        reading = read_roster(roster, plan=plan, bot=UserId(config.bot.user), today=today)
        _show_reading(front, reading)
        plan = replace(plan, entries=_whom(front, reading, doubtful))
    if not yes and not click.confirm(front.say("found.confirm", name=name, n=len(plan.entries))):
        return int(Exit.DONE)
    return await _write_founding(front, config, plan)


def _show_reading(front: Front, reading: RosterReading) -> None:
    """Say what the roster holds, and everything that is wrong in it, before anything is written."""
    click.echo(front.say("found.read", n=len(reading.rows), refused=reading.refused_rows, skipped=reading.skipped))
    for note in reading.notes:
        click.echo(f"- {front.speech.say(note, front.reader)}")
    for problem in reading.problems:
        why = front.speech.say(problem.words, front.reader)
        click.echo(
            front.say("found.problem", row=problem.row, column=problem.column, value=problem.value, why=why), err=True
        )


def _whom(front: Front, reading: RosterReading, doubtful: str | None) -> tuple[Entry, ...]:
    """Return whom the roster enters; of rows that share a name somebody says what they are."""
    from zhibu.same_names import Doubtful, entries, in_doubt

    if rows := in_doubt(reading):
        click.echo(front.say("found.doubtful", n=len(rows)))

    def ask(row: RosterRow, is_free: Callable[[str], bool]) -> str | Doubtful:
        entry = row.entry
        said = front.say("found.doubtful_row", row=row.number, name=entry.name, organisation=entry.organisation)
        answer = click.prompt(said, type=click.Choice(["k", "s", "n"]), default="k")
        if answer != "n":
            return Doubtful.SKIP if answer == "s" else Doubtful.KEEP
        while not is_free(name := str(click.prompt(front.say("found.other_name"))).strip()):
            click.echo(front.say("found.name_taken"))
        return name

    return entries(reading, Doubtful(doubtful) if doubtful else ask)


async def _write_founding(front: Front, config: Config, plan: Plan) -> int:
    from zhibu.branch import Branch
    from zhibu.founding import found as write
    from zhibu.founding import sign_in_link

    branch = await Branch.open(config, front.speech, console=False)
    try:
        await branch.connect_now()
        await write(branch.store, plan, secrets.token_urlsafe(24))
        await _make_rooms(branch)
        link = await sign_in_link(branch.store, plan.secretary, branch.address)
    finally:
        await branch.close()
    click.echo(said_of_founding(front, plan, link, config.folder))
    return int(Exit.DONE)


def said_of_founding(front: Front, plan: Plan, link: str, folder: Path) -> str:
    """Say what was founded, how to go on, and what was set for it that nobody asked for."""
    done = front.say("found.done", name=plan.name, link=link, config=str(folder))
    return f"{done}\n{front.say('found.quiet')}" if plan.quiet else done


async def _make_rooms(branch: Branch) -> None:
    """Make the rooms; what the homeserver refuses can be mended and tried again."""
    from zhibu.founding import make_rooms

    assert branch.homeserver is not None
    await make_rooms(branch.store, branch.homeserver, branch.speech, encrypted=branch.config.bot.encrypted)


@main.command(epilog=_EPILOG)
@_CONFIG
def rooms(file: Path) -> None:
    """Make the rooms that are missing and invite who is missing there; doing it again changes nothing."""
    front = Front()
    front.run(_rooms(front, file))


async def _rooms(front: Front, file: Path) -> int:
    configure_logs(logging.WARNING)
    config = load_config(file)
    from zhibu.branch import Branch

    branch = await Branch.open(config, front.speech, console=False)
    try:
        await branch.connect_now()
        await _make_rooms(branch)
    finally:
        await branch.close()
    click.echo(front.say("rooms.done"))
    return int(Exit.DONE)


@main.command(epilog=_EPILOG)
@click.argument("what", type=click.Choice(RECORDS))
@click.option("--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file instead of standard output.")
@_CONFIG
def export(what: str, form: str, output: Path | None, file: Path) -> None:
    """Write records out, also beside a running branch: participation, members, lessons, polls, outbox or audit."""
    front = Front()
    front.run(_export(front, file, what, form, output))


async def _export(front: Front, file: Path, what: str, form: str, output: Path | None) -> int:
    config = load_config(file)
    from storage.store import Store
    from zhibu.export import export as write_out
    from zhibu.master_key import master_if_any
    from zhibu.noted import note

    store = await Store.open(config.database, exclusive=False, master=master_if_any(config))
    try:
        reader = Reader(language=config.content.language, timezone=config.content.timezone)
        at = store.now()
        data = await write_out(store, what, form, front.speech, reader, lambda rows: note(config, what, rows, at))
    finally:
        await store.close()
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        _write(output, data)
    return 0


def _write(output: Path, data: bytes) -> None:
    try:
        output.write_bytes(data)
    except OSError as error:
        raise Trouble(Exit.DATA, "export.not_written", file=str(output), why=error.strerror or "") from None


@main.command(epilog=_EPILOG)
@click.option("--data", type=click.Path(path_type=Path), default=Path(".demo"), show_default=True, help="Its folder.")
@click.option("--reset", is_flag=True, help="Start anew: delete the folder of an earlier sample branch first.")
@click.option("--no-actors", is_flag=True, help="Leave the sample members silent.")
@click.option("--unencrypted", is_flag=True, help="Make rooms that simple clients can read (a new branch only).")
@click.option("--console-port", type=click.IntRange(0, 65535), help="0 picks a free one.")
@click.option("--homeserver-port", type=click.IntRange(0, 65535), help="0 picks a free one.")
@click.option("--headless", is_flag=True, help="Say nothing but trouble; for scripts.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="A JSON file that appears when everything answers.")
def demo(
    data: Path,
    reset: bool,
    no_actors: bool,
    unencrypted: bool,
    console_port: int | None,
    homeserver_port: int | None,
    headless: bool,
    ready_file: Path | None,
) -> None:
    """Run a sample branch on a real homeserver on this machine, with members who answer."""
    from zhibu.demo.demo import Demo, Options

    front = Front()
    options = Options(
        data=data,
        reset=reset,
        actors=not no_actors,
        encrypted=not unencrypted,
        console_port=console_port,
        homeserver_port=homeserver_port,
        ready_file=ready_file,
    )

    def say(key: str, **parameters: Any) -> None:
        if not headless:
            click.echo(front.say(key, **parameters))

    async def work() -> int:
        configure_logs(logging.WARNING)
        stop = asyncio.Event()
        stop_on_signals(stop)
        await Demo(options, front.speech, say).run(stop)
        return 0

    front.run(work())
