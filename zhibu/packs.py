"""Reads a pack from its folder and writes one: lessons in order with their media, entries, and questions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

import content
from console import pictures
from console.media import take_in
from content import frontmatter, lesson_packs, markup
from content.bank import MOST_AT_ONCE, Item, shown_by, stem_key
from content.bank_pictures import compared
from content.bank_sheets import Given
from content.decision import Refusal, refused, words
from content.frontmatter import FILE_NAME, LessonText, Problem
from content.gift import picture_names, read_gift
from content.glossary import Entry
from content.identifiers import EntryId, ItemId, LessonId, OrganisationId, derive
from content.lesson_packs import ABOUT, LARGEST_TEXT, About
from content.lessons import Kind, Lesson
from content.media import LARGEST_BYTES, MediumKept
from content.trouble import Exit, Trouble

SHIPPED = Path(content.__file__).parent / "packs"

NOBODY = OrganisationId("")


class Packed(Struct, frozen=True, kw_only=True):
    """A lesson of a pack and its media, not yet anyone's."""

    file: str
    text: LessonText
    media: tuple[MediumKept, ...]

    def lesson(self, cause: str, owner: OrganisationId, pack: str) -> Lesson:
        """Make it a lesson of an organisation; the same cause always makes the same one."""
        alternatives = {image.address: image.alternative for image in markup.images(self.text.body)}
        return Lesson(
            id=LessonId(derive(cause, "lesson", self.file)),
            owner=owner,
            kind=Kind.LESSON,
            title=self.text.title,
            body=self.text.body,
            source=self.text.source,
            dated=self.text.dated,
            minutes=self.text.minutes,
            media=tuple(
                kept.described(alternatives.get(name, ""), name)
                for name, kept in zip(self.text.media, self.media, strict=True)
            ),
            pack=pack,
        )


class Pack(Struct, frozen=True, kw_only=True):
    """A whole pack; its entries and questions are nobody's yet, and ``pictures`` are those of the questions."""

    about: About
    lessons: tuple[Packed, ...]
    entries: tuple[Entry, ...]
    questions: tuple[Item, ...]
    pictures: tuple[MediumKept, ...] = ()

    def entries_for(self, owner: OrganisationId, cause: str) -> tuple[Entry, ...]:
        """Return the entries as an organisation's; the same cause always makes the same ones."""
        return tuple(
            replace(one, id=EntryId(derive(cause, "entry", one.term)), organisation=owner) for one in self.entries
        )

    def questions_for(self, owner: OrganisationId, cause: str) -> tuple[Item, ...]:
        """Return the questions as an organisation's, made likewise."""
        return tuple(
            replace(one, id=ItemId(derive(cause, "item", stem_key(one.stem))), organisation=owner)
            for one in self.questions
        )


def read_pack(folder: Path) -> Pack:
    """Return a pack that has no mistake. Raises Trouble that names the first one's file and line."""
    pack = check_pack(folder)
    if isinstance(pack, Pack):
        return pack
    raise Trouble(Exit.DATA, "pack.problem", file=pack[0].file, line=pack[0].line, why=(pack[0].words,))


def check_pack(folder: Path) -> Pack | tuple[Problem, ...]:
    """Read a pack, or list every mistake in it, file by file. Nothing outside its folder is opened."""
    if not folder.is_dir():
        raise Trouble(Exit.DATA, "pack.no_folder", folder=str(folder))
    text = _text(folder, ABOUT)
    about = text if isinstance(text, Problem) else lesson_packs.read_about(text)
    if isinstance(about, Problem):
        return (about,)
    if isinstance(about, tuple):
        return about
    found: list[Problem] = []
    media: dict[str, MediumKept] = {}
    lessons = [one for name in about.order if (one := _lesson(folder, name, media, found)) is not None]
    entries = _entries(folder, about.entries, found)
    questions, pictures = _questions(folder, about.questions, found)
    if found:
        return tuple(found)
    return Pack(about=about, lessons=tuple(lessons), entries=entries, questions=questions, pictures=pictures)


def _lesson(folder: Path, name: str, media: dict[str, MediumKept], found: list[Problem]) -> Packed | None:
    text = _text(folder, name)
    read = text if isinstance(text, Problem) else frontmatter.parse(text, name)
    if not isinstance(read, LessonText):
        found += (read,) if isinstance(read, Problem) else read
        return None
    for file in read.media:
        if file not in media:
            kept = _medium(folder, file)
            if isinstance(kept, Problem):
                found.append(kept)
                return None
            media[file] = kept
    return Packed(file=name, text=read, media=tuple(media[file] for file in read.media))


def _entries(folder: Path, name: str, found: list[Problem]) -> tuple[Entry, ...]:
    if not name:
        return ()
    text = _text(folder, name)
    read = (text,) if isinstance(text, Problem) else lesson_packs.read_entries(text, name)
    found += [one for one in read if isinstance(one, Problem)]
    return tuple(one for one in read if isinstance(one, Entry))


def _questions(folder: Path, name: str, found: list[Problem]) -> tuple[tuple[Item, ...], tuple[MediumKept, ...]]:
    if not name:
        return (), ()
    text = _text(folder, name)
    if isinstance(text, Problem):
        found.append(text)
        return (), ()
    beside = {compared(one): _picture(folder, one) for one in picture_names(text)}
    sheet = read_gift(text, Given(organisation=NOBODY, dated=None, source="", pictures=beside))
    found += [_of_question(name, one) for one in sheet.problems]
    if len(sheet.rows) > MOST_AT_ONCE:
        said = words("pack.too_many_questions", n=len(sheet.rows), most=MOST_AT_ONCE)
        found.append(Problem(file=name, line=1, words=said))
    items = tuple(row.item for row in sheet.rows)
    return items, shown_by(items, (one for one in beside.values() if isinstance(one, MediumKept)))


def _picture(folder: Path, name: str) -> MediumKept | Refusal:
    data = _bytes(folder, name, LARGEST_BYTES) if FILE_NAME.fullmatch(name) else None
    if data is None or isinstance(data, Problem):
        return refused("bank_file.no_picture", name=name[:60])
    return pictures.take_in(data, name)


def _of_question(file: str, trouble: Refusal) -> Problem:
    """Return a question's trouble as one of its line, where it says so within its own words."""
    line, why = trouble.words.parameters.get("row"), trouble.words.parameters.get("why")
    if isinstance(line, int) and isinstance(why, tuple):
        return Problem(file=file, line=line, words=why[0])
    return Problem(file=file, line=1, words=trouble.words)


def _text(folder: Path, name: str) -> str | Problem:
    data = _bytes(folder, name, LARGEST_TEXT)
    if isinstance(data, Problem):
        return data
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return Problem(file=name, line=line, words=words("pack.not_utf8"))


def _medium(folder: Path, name: str) -> MediumKept | Problem:
    data = _bytes(folder, name, LARGEST_BYTES)
    if isinstance(data, Problem):
        return data
    kept = take_in(data, name)
    return Problem(file=name, line=0, words=kept.words) if isinstance(kept, Refusal) else kept


def _bytes(folder: Path, name: str, most: int) -> bytes | Problem:
    file = folder / name
    try:
        # A link may lead anywhere, and a device never ends.
        if file.is_symlink() or not file.is_file():
            return Problem(file=name, line=0, words=words("pack.no_file"))
        with file.open("rb") as opened:
            data = opened.read(most + 1)
    except OSError as error:
        return Problem(file=name, line=0, words=words("pack.unreadable", why=error.strerror or ""))
    if len(data) > most:
        return Problem(file=name, line=0, words=words("pack.large_file", most=most // 1024))
    return data


def write_pack(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a pack's files into a new folder, or an empty one. Raises Trouble where there is something or no room."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Trouble(Exit.DATA, "pack.not_empty", folder=str(folder))
        for name, data in files.items():
            (folder / name).write_bytes(data)
    except OSError as error:
        raise Trouble(Exit.DATA, "pack.not_written", folder=str(folder), why=error.strerror or "") from None
