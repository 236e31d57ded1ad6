"""``zhibu pack``: is a folder of lessons whole, take it into an organisation, and write one from what is there."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from content.trouble import Exit, Trouble
from zhibu.config import load_config
from zhibu.front import CONFIG, EPILOG, Front
from zhibu.logs import configure_logs

if TYPE_CHECKING:
    from content.frontmatter import LessonText
    from content.identifiers import UserId
    from content.lesson_packs import Taken
    from content.lessons import Lesson
    from content.organisations import Organisation
    from storage.store import Store
    from storage.unit import Reading
    from zhibu.packs import Pack

MOST = 20_000
"""Entries and questions of one organisation that a pack is written with."""

ENTRIES, QUESTIONS = "glossary.toml", "questions.gift.txt"


@click.group(epilog=EPILOG)
def pack() -> None:
    """Lessons, entries and questions in a folder: check one, take it in, or write one to give away."""


@pack.command(epilog=EPILOG)
@click.argument("folder", type=click.Path(path_type=Path))
def check(folder: Path) -> None:
    """Tell every mistake in the pack in FOLDER, with file and line; needs no settings and changes nothing."""
    front = Front()
    front.run(_check(front, folder))


async def _check(front: Front, folder: Path) -> int:
    read = _read(front, folder)
    click.echo(front.say("pack.whole", title=read.about.title, what=_number(front, read)))
    return int(Exit.DONE)


def _read(front: Front, folder: Path) -> Pack:
    """Return a pack without mistakes; else all of them are told, and Trouble says how many there are."""
    from zhibu.packs import Pack, check_pack

    read = check_pack(folder)
    if isinstance(read, Pack):
        return read
    for one in read:
        why = front.speech.say(one.words, front.reader)
        click.echo(f"{one.file}:{one.line}: {why}" if one.line else f"{one.file}: {why}", err=True)
    raise Trouble(Exit.DATA, "pack.mistakes", n=len(read))


def _number(front: Front, read: Pack) -> str:
    return front.say("pack.number", lessons=len(read.lessons), entries=len(read.entries), questions=len(read.questions))


@pack.command("import", epilog=EPILOG)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--into", "name", required=True, metavar="NAME", help="The organisation whose lessons they become.")
@click.option("--as", "user", required=True, metavar="@USER:SERVER", help="Who answers for them in the record.")
@click.option("--update", is_flag=True, help="Change lessons of an earlier import whose text here is another.")
@CONFIG
def take(folder: Path, name: str, user: str, update: bool, file: Path) -> None:
    """Take the pack in FOLDER into an organisation, whole or not at all; doing it again changes nothing."""
    front = Front()
    front.run(_take(front, file, folder, name, user, update=update))


async def _take(front: Front, file: Path, folder: Path, name: str, user: str, *, update: bool) -> int:
    configure_logs(logging.ERROR)
    config = load_config(file)
    read = _read(front, folder)
    from content.identifiers import UserId
    from zhibu.master_key import open_desk

    store = await open_desk(config)
    try:
        node = await _organisation(store, name)
        taken = await take_into(store, read, node, UserId(user), update=update)
    finally:
        await store.close()
    _tell(front, node, taken)
    return int(Exit.DONE)


async def take_into(store: Store, read: Pack, node: Organisation, author: UserId, *, update: bool = False) -> Taken:
    """Take a pack into an organisation. Raises Trouble where its author may not, or where something is refused."""
    from content.bank import stem_key
    from content.identifiers import Cause, derive
    from content.lesson_packs import Offered, take_pack
    from content.media import refuse_larger
    from content.organisations import Right
    from storage import bank, glossary, lessons, media, organisations
    from storage.store import Answer, Step

    seed, title = derive("pack", node.id, read.about.title), read.about.title
    ours = [one.lesson(seed, node.id, title) for one in read.lessons]
    entries = read.entries_for(node.id, seed)
    questions = read.questions_for(node.id, seed)
    told: list[Taken] = []

    async def decide(unit: Reading) -> Answer:
        wanted = [Right.WRITE_LESSONS, *([Right.SCHEDULE] if questions else [])]
        if not all([await organisations.may(unit, author, right, node.id) for right in wanted]):
            return None
        limit = await media.upload_limit(unit)
        offered = [
            Offered(lesson=lesson, media=packed.media, here=await lessons.lesson(unit, lesson.id))
            for lesson, packed in zip(ours, read.lessons, strict=True)
        ]
        shown = [one.picture for one in questions if one.picture is not None]
        heavy = refuse_larger([*(medium for lesson in ours for medium in lesson.media), *shown], limit=limit)
        known: set[str] = {one.id for one in entries if await glossary.visible(unit, [node.id], one.id) is not None}
        known |= {one.id for one in questions if await bank.item(unit, one.id) is not None}
        answer, taken = take_pack(
            node.id,
            offered,
            entries,
            questions,
            terms=await glossary.taken(unit, node.id),
            stems=await bank.taken(unit, node.id, [stem_key(one.stem) for one in questions]),
            pictures=read.pictures,
            known=known,
            author=author,
            update=update,
            now=unit.now,
        )
        told.append(taken)
        return heavy or answer

    cause = Cause(f"pack:{secrets.token_urlsafe(18)}")
    (outcome,) = await store.settle([Step(cause=cause, decide=decide, actor=author)])
    if outcome.refusal is not None:
        raise Trouble(Exit.DATA, "pack.refused", why=(outcome.refusal.words,))
    if outcome.failed:
        raise Trouble(Exit.BUG, "pack.failed")
    if outcome.answer is None:
        raise Trouble(Exit.DATA, "pack.not_allowed", user=author, name=node.name)
    return told[-1]


def _tell(front: Front, node: Organisation, taken: Taken) -> None:
    click.echo(
        front.say(
            "pack.taken",
            name=node.name,
            new=len(taken.new),
            changed=len(taken.changed),
            same=taken.same,
            entries=taken.entries,
            questions=taken.questions,
        )
    )
    if known := taken.entries_known + taken.questions_known:
        click.echo(front.say("pack.known", n=known))
    if taken.differs:
        click.echo(front.say("pack.differs", titles=front.say("pack.comma").join(taken.differs)), err=True)


@pack.command("export", epilog=EPILOG)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--from", "name", required=True, metavar="NAME", help="The organisation whose lessons are written.")
@click.option("--title", help="How the pack is called; by default as the organisation.")
@click.option("--only", metavar="PACK", help="Only lessons that came with the pack of this title.")
@CONFIG
def write(folder: Path, name: str, title: str | None, only: str | None, file: Path) -> None:
    """Write an organisation's lessons, entries and questions into a new FOLDER, also beside a running branch."""
    front = Front()
    front.run(_write(front, file, folder, name, title, only))


async def _write(front: Front, file: Path, folder: Path, name: str, title: str | None, only: str | None) -> int:
    config = load_config(file)
    from storage.store import Store
    from zhibu.master_key import master_if_any
    from zhibu.noted import note
    from zhibu.packs import write_pack

    store = await Store.open(config.database, exclusive=False, master=master_if_any(config))
    try:
        node = await _organisation(store, name)
        files, left_out = await pack_of(store, node, title or node.name, only)
        if not files:
            raise Trouble(Exit.DATA, "pack.nothing", name=node.name)
        note(config, "pack", len(files), store.now())
    finally:
        await store.close()
    write_pack(folder, files)
    click.echo(front.say("pack.written", folder=str(folder), n=len(files)))
    if left_out:
        click.echo(front.say("pack.left_out", titles=front.say("pack.comma").join(left_out)), err=True)
    return int(Exit.DONE)


async def pack_of(
    store: Store, node: Organisation, title: str, only: str | None = None
) -> tuple[dict[str, bytes], list[str]]:
    """Return the files of a pack of what an organisation has itself, and the lessons that lack a source or a date."""
    from content import frontmatter, lesson_packs
    from content.bank import MOST_AT_ONCE
    from content.bank_pictures import hashes, named_apart
    from content.gift import write_gift
    from content.lessons import Kind
    from storage import bank, glossary, lessons
    from storage.bank import Filter

    async def read(unit: Reading) -> tuple[dict[str, bytes], list[str]]:
        own = [one for one in await lessons.library(unit, [node.id]) if one.owner == node.id]
        wanted = [one for one in reversed(own) if one.kind is Kind.LESSON and only in (None, one.pack)]
        whole = [one for one in wanted if one.source.strip() and one.dated is not None]
        files: dict[str, bytes] = {}
        names = lesson_packs.file_names([one.title for one in whole])
        taken = {*names, ENTRIES, QUESTIONS, lesson_packs.ABOUT}
        for name, lesson in zip(names, whole, strict=True):
            text = await _with_media(unit, lesson, files, taken)
            files[name] = frontmatter.write(text).encode()
        everything = await glossary.found(unit, [node.id], "", withdrawn=False, limit=MOST)
        entries = [one for one in everything if one.organisation == node.id] if only is None else []
        asked = await bank.found(unit, [node.id], Filter(), limit=MOST)
        items = [one for one in reversed(asked) if one.organisation == node.id] if only is None else []
        if entries:
            files[ENTRIES] = lesson_packs.write_entries(entries).encode()
        if items:
            items = list(named_apart(items, [*taken, *files]))
            for name, hash in hashes(items).items():  # noqa: A001 - as a medium has it
                files[name] = await _bytes_of(unit, hash)
            files[QUESTIONS] = write_gift(items).encode()
        if names:
            about = lesson_packs.About(
                title=title[: lesson_packs.LONGEST_TITLE],
                order=names,
                entries=ENTRIES if entries else "",
                questions=QUESTIONS if items else "",
            )
            files[lesson_packs.ABOUT] = lesson_packs.write_about(about).encode()
        texts = (data for name, data in files.items() if name in taken)
        too_long = any(len(data) > lesson_packs.LARGEST_TEXT for data in texts)
        if len(names) > lesson_packs.MOST_LESSONS or len(items) > MOST_AT_ONCE or too_long:
            most = {"lessons": lesson_packs.MOST_LESSONS, "questions": MOST_AT_ONCE}
            raise Trouble(Exit.DATA, "pack.beyond", name=node.name, kb=lesson_packs.LARGEST_TEXT // 1024, **most)
        return (files if names else {}), [one.title for one in wanted if one not in whole]

    return await store.read(read)


async def _bytes_of(unit: Reading, hash: str) -> bytes:  # noqa: A002 - as a medium has it
    from storage import media

    held = await media.medium(unit, hash)
    assert held is not None
    return b"".join([await media.piece(unit, hash, place) for place in range(held.pieces)])


async def _with_media(unit: Reading, lesson: Lesson, files: dict[str, bytes], taken: Collection[str]) -> LessonText:
    """Put a lesson's media among the files, each under a name that is not taken, and return its text with these."""
    from content.frontmatter import LessonText

    body, names = lesson.body, []
    for medium in lesson.media:
        data = await _bytes_of(unit, medium.hash)
        # A comma divides names in the head of a lesson file.
        plain = re.sub("[,，、]", "-", medium.name)
        name, number = plain, 1
        while name in names or name in taken or files.get(name, data) != data:
            number += 1
            name = f"{number}-{plain}"
        body = body.replace(f"]({medium.name})", f"]({name})") if name != medium.name else body
        files[name] = data
        names.append(name)
    assert lesson.dated is not None
    return LessonText(
        title=lesson.title,
        source=lesson.source,
        dated=lesson.dated,
        minutes=lesson.minutes,
        media=tuple(names),
        body=body,
    )


async def _organisation(store: Store, name: str) -> Organisation:
    """Return the organisation of a name or an id. Raises Trouble where there is none, or more than one."""
    from storage import organisations

    tree: Sequence[Organisation] = await store.read(organisations.tree)
    found = [one for one in tree if name in (one.name, one.id)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = " ".join(one.id for one in found)
        raise Trouble(Exit.DATA, "pack.many_of_the_name", name=name, ids=ids)
    raise Trouble(Exit.DATA, "pack.no_organisation", name=name, names="、".join(one.name for one in tree[:20]))
