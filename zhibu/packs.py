"""Reads a pack from its folder: lessons in their order with the media they show, and entries of the glossary."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from msgspec import Struct

import content
from console.media import take_in
from content import frontmatter, markup
from content.decision import Refusal
from content.frontmatter import LessonText
from content.glossary import Entry, objection, tidied
from content.identifiers import EntryId, LessonId, OrganisationId, derive
from content.lessons import Kind, Lesson
from content.media import MediumKept
from content.trouble import Exit, Trouble

SHIPPED = Path(content.__file__).parent / "packs"


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


def read_pack(folder: Path) -> tuple[str, tuple[Packed, ...]]:
    """Return a pack's title and its lessons in order. Raises Trouble that names the file and the line."""
    try:
        about = tomllib.loads((folder / "pack.toml").read_text(encoding="utf-8"))
        return str(about["title"]), tuple(_read(folder, str(name)) for name in about["order"])
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise Trouble(Exit.DATA, "pack.unreadable", folder=str(folder), why=str(error)) from None


def read_entries(folder: Path, owner: OrganisationId, cause: str) -> tuple[Entry, ...]:
    """Return a pack's entries of the glossary as an organisation's. Raises Trouble that says which is broken."""
    try:
        about = tomllib.loads((folder / "pack.toml").read_text(encoding="utf-8"))
        file = str(about["entries"]) if "entries" in about else ""
        held = tomllib.loads((folder / file).read_text(encoding="utf-8"))["entry"] if file else ()
        return tuple(_entry(one, number, file, owner, cause) for number, one in enumerate(held, start=1))
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise Trouble(Exit.DATA, "pack.unreadable", folder=str(folder), why=str(error)) from None


def _entry(one: dict[str, Any], number: int, file: str, owner: OrganisationId, cause: str) -> Entry:
    entry = tidied(
        Entry(
            id=EntryId(derive(cause, "entry", str(one["term"]))),
            organisation=owner,
            term=str(one["term"]),
            also=tuple(str(name) for name in one.get("also", ())),
            text=str(one["text"]),
            source=str(one["source"]),
            dated=date.fromisoformat(str(one["date"])),
        )
    )
    trouble = objection(entry)
    if trouble is not None:
        raise Trouble(Exit.DATA, "pack.problem", file=file, line=number, why=(trouble.words,))
    return entry


def _read(folder: Path, name: str) -> Packed:
    text = frontmatter.parse((folder / name).read_text(encoding="utf-8"), name)
    if isinstance(text, tuple):
        first = text[0]
        raise Trouble(Exit.DATA, "pack.problem", file=first.file, line=first.line, why=(first.words,))
    media = []
    for medium in text.media:
        kept = take_in((folder / medium).read_bytes(), medium)
        if isinstance(kept, Refusal):
            raise Trouble(Exit.DATA, "pack.problem", file=medium, line=1, why=(kept.words,))
        media.append(kept)
    return Packed(file=name, text=text, media=tuple(media))
