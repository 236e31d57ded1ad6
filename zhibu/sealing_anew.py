"""The command seal-anew: puts another key in the place of master.key, for when the old one may be known to others."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from content.trouble import Exit
from zhibu.config import load_config
from zhibu.front import CONFIG, EPILOG, Front
from zhibu.logs import configure_logs


@click.command("seal-anew", epilog=EPILOG)
@click.option("--yes", is_flag=True, help="Do not ask before writing.")
@CONFIG
def seal_anew(yes: bool, file: Path) -> None:
    """Seal phones, notes and second factors under a new key; bot and consoles must rest, and it may be cut off."""
    front = Front()
    if not yes and not click.confirm(front.say("vault.confirm_anew")):
        raise SystemExit(int(Exit.DONE))
    front.run(_seal_anew(front, file))


async def _seal_anew(front: Front, file: Path) -> int:
    configure_logs(logging.ERROR)
    config = load_config(file)
    from storage.store import Store
    from zhibu.master_key import master_file, prepare_next, promote_next, read_master, take_up_next
    from zhibu.record_key import read_key

    await take_up_next(config)
    store = await Store.open(config.database, new=False, key=read_key(config), master=read_master(config))
    try:
        number = await store.seal_anew(prepare_next(config))
        promote_next(config)
    finally:
        await store.close()
    click.echo(front.say("vault.sealed_anew", n=number, file=str(master_file(config))))
    return int(Exit.DONE)
