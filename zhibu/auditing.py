"""The commands of the record: audit verify reads all of it and says whether it is whole, audit begin seals it anew."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from content.trouble import Exit, Trouble
from zhibu.config import Config, load_config
from zhibu.front import CONFIG, EPILOG, Front
from zhibu.logs import configure_logs

if TYPE_CHECKING:
    from storage.verification import Noted, Verdict


@click.group(epilog=EPILOG)
def audit() -> None:
    """The record of what was decided, by whom and why: prove that nobody changed it."""


@audit.command(epilog=EPILOG)
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    metavar="HEAD",
    help="A head that was told in a room or printed, like 1234-0a1b2c3d4e5f; the record must hold it. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Say it as one line of JSON, for programs.")
@CONFIG
def verify(anchors: tuple[str, ...], as_json: bool, file: Path) -> None:
    """Read the whole record, also beside a running branch; ends with 65 and the first bad row where it is not whole."""
    front = Front()
    front.run(_verify(front, file, anchors, as_json=as_json))


async def _verify(front: Front, file: Path, anchors: tuple[str, ...], *, as_json: bool) -> int:
    configure_logs(logging.ERROR)
    config = load_config(file)
    from storage.store import Store
    from storage.verification import verify as read_all
    from zhibu.record_key import noted_heads, read_key, understood_head

    told: list[Noted] = []
    for text in anchors:
        noted = understood_head(text)
        if noted is None:
            raise Trouble(Exit.USAGE, "audit.bad_anchor", value=text)
        told.append(noted)
    key, noted_here = read_key(config), noted_heads(config)
    store = await Store.open(config.database, exclusive=False)
    try:
        verdict = await store.read(lambda unit: read_all(unit, key, (*noted_here, *told)))
        at = store.now()
    finally:
        await store.close()
    if verdict.whole:
        _remember(config, verdict, at.isoformat(timespec="seconds"))
    _say(front, verdict, len(noted_here) + len(told), as_json=as_json)
    return int(Exit.DONE if verdict.whole else Exit.DATA)


def _remember(config: Config, verdict: Verdict, at: str) -> None:
    """Keep for the doctor when the record was found whole; a folder that cannot be written is no reason to fail."""
    from bot.matrix.trust import write_secret
    from zhibu.record_key import said_head, verified_file

    try:
        write_secret(verified_file(config), json.dumps({"at": at, "head": said_head(verdict.head)}))
    except OSError as error:
        logging.getLogger(__name__).warning("last verification is not noted: %s", type(error).__name__)


def _say(front: Front, verdict: Verdict, anchors: int, *, as_json: bool) -> None:
    from zhibu.record_key import said_head

    head, found = said_head(verdict.head), verdict.finding
    if as_json:
        said = {
            "whole": verdict.whole,
            "rows": verdict.rows,
            "sealed": verdict.sealed,
            "began": verdict.began,
            "head": head,
            "anchors": anchors,
            "first_bad": found.number if found else None,
            "wrong": str(found.wrong) if found else None,
        }
        click.echo(json.dumps(said))
        return
    if found is not None:
        click.echo(front.say(f"audit.wrong_{found.wrong}", n=found.number), err=True)
    elif verdict.began is None:
        click.echo(front.say("audit.not_begun", n=verdict.rows), err=True)
    else:
        click.echo(front.say("audit.whole", n=verdict.rows, sealed=verdict.sealed, head=head, anchors=anchors))


@audit.command(epilog=EPILOG)
@click.option("--yes", is_flag=True, help="Do not ask before writing.")
@CONFIG
def begin(yes: bool, file: Path) -> None:
    """Seal the record anew under another key, after its key was lost or damage was looked into; the bot must rest."""
    front = Front()
    if not yes and not click.confirm(front.say("audit.confirm_begin")):
        raise SystemExit(int(Exit.DONE))
    front.run(_begin(front, file))


async def _begin(front: Front, file: Path) -> int:
    configure_logs(logging.ERROR)
    config = load_config(file)
    from storage.audit import head as newest
    from storage.store import Store
    from zhibu.record_key import replace_key, retire_anchors, said_head

    # Who drives the bot holds the database; only then is the key exchanged.
    store = await Store.open(config.database)
    try:
        store.take_key(replace_key(config))
        await store.seal()
        head = await store.read(newest)
    finally:
        await store.close()
    retire_anchors(config)
    click.echo(front.say("audit.begun", head=said_head(head)))
    return int(Exit.DONE)
