"""The commands of keeping: backup makes and proves backups, restore puts one back, port moves to another database."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from content.decision import Parameter
from content.trouble import Exit, Trouble
from zhibu.config import change_setting, load_config
from zhibu.front import CONFIG, EPILOG, Front
from zhibu.logs import configure_logs

PLACE = click.Path(path_type=Path)


@click.command(epilog=EPILOG)
@click.option("--to", "folder", type=PLACE, help="Where it goes instead of [backup] folder.")
@click.option("--keep", type=click.IntRange(1), help="How many stay there instead of [backup] keep.")
@click.option("--check", "checked", type=PLACE, help="Make none, but prove this one: it opens, and all in it is whole.")
@click.option("--key", type=PLACE, help="With --check: the file with its key, where there are no settings.")
@CONFIG
def backup(folder: Path | None, keep: int | None, checked: Path | None, key: Path | None, file: Path) -> None:
    """Make an encrypted backup of database, settings and keys, also beside a running program."""
    front = Front()
    if checked is not None:
        front.run(_check(front, file, checked, key))
    front.run(_backup(front, file, folder.absolute() if folder else None, keep))


async def _backup(front: Front, file: Path, folder: Path | None, keep: int | None) -> int:
    configure_logs(logging.ERROR)
    config = load_config(file)
    from storage.store import utc_now
    from zhibu.backups import back_up

    place = folder or config.path(config.backup.folder)
    made = await back_up(config, file, place, keep or config.backup.keep, now=utc_now())
    click.echo(front.say("backup.done", file=str(made.file), rows=made.manifest.rows))
    if made.removed:
        click.echo(front.say("backup.removed", n=made.removed))
    if made.new_key:
        click.echo(front.say("backup.key_made", file=str(config.path(config.backup.key))))
    return int(Exit.DONE)


async def _check(front: Front, file: Path, checked: Path, key: Path | None) -> int:
    configure_logs(logging.ERROR)
    if key is None:
        config = load_config(file)
        key = config.path(config.backup.key)
    from zhibu.backups import check_backup

    found = await check_backup(checked, key)
    said: dict[str, Parameter] = {"rows": found.rows, "program": found.program, "at": found.taken_at}
    click.echo(front.say("backup.good", file=str(checked), **said))
    return int(Exit.DONE)


@click.command(epilog=EPILOG)
@click.argument("backup_file", metavar="FILE", type=PLACE)
@click.option("--into", "place", type=PLACE, required=True, help="A folder that is empty or not there.")
@click.option("--key", type=PLACE, required=True, help="The file with the key that the backup was made under.")
@click.option("--database", metavar="ADDRESS", help="An empty database instead of the one that the settings name.")
def restore(backup_file: Path, place: Path, key: Path, database: str | None) -> None:
    """Put the backup FILE back into an empty folder, to be started there by zhibu run; a live place is refused."""
    front = Front()
    front.run(_restore(front, backup_file, place.absolute(), key, database))


async def _restore(front: Front, backup_file: Path, place: Path, key: Path, database: str | None) -> int:
    configure_logs(logging.ERROR)
    from zhibu.restores import restore as put_back

    put = await put_back(backup_file, key, place, database)
    click.echo(front.say("restore.done", folder=str(place), at=put.manifest.taken_at, rows=put.manifest.rows))
    if not put.has_password:
        click.echo(front.say("restore.no_password", file=str(place / "bot-password")))
    click.echo(front.say("restore.next", config=str(put.config)))
    return int(Exit.DONE)


@click.command(epilog=EPILOG)
@click.option(
    "--to", "target", metavar="ADDRESS", required=True, help="An empty database: sqlite:///FILE or postgresql://…"
)
@click.option("--write-config", is_flag=True, help="Name the new database in the settings file at once.")
@CONFIG
def port(target: str, write_config: bool, file: Path) -> None:
    """Move everything into another database, from SQLite to PostgreSQL or back, and prove it row for row."""
    front = Front()
    front.run(_port(front, file, target, write_config=write_config))


async def _port(front: Front, file: Path, target: str, *, write_config: bool) -> int:
    configure_logs(logging.ERROR)
    config = load_config(file)
    from msgspec.structs import replace

    from storage.moving import move, named

    address = replace(config, storage=replace(config.storage, database=target)).database
    moved = await move(config.database, address)
    click.echo(
        front.say("port.done", where=named(address), rows=moved.rows, n=len(moved.tables), revision=moved.revision)
    )
    if write_config:
        _write_config(file, target)
    click.echo(front.say("port.config_written" if write_config else "port.change_config", file=str(file)))
    return int(Exit.DONE)


def _write_config(file: Path, target: str) -> None:
    """Exchange the settings file as a whole, with the same people allowed to read it."""
    draft = file.with_name(file.name + ".new")
    try:
        draft.write_text(change_setting(file.read_text(encoding="utf-8-sig"), "storage", "database", target))
        draft.chmod(file.stat().st_mode & 0o777)
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise Trouble(Exit.CONFIG, "port.config_kept", file=str(file), why=error.strerror or "") from None
