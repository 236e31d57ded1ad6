"""A pack of lessons: what ``pack.toml`` and its entries say, read with lines and written again, and taking one in.

``pack.toml`` has five keys:

========= ======== =====================================================================
title     required at most 60 characters
order     required the lesson files beside it, each once, in the order of the lessons
language  optional ``zh_CN`` or ``en``
entries   optional a file of entries for the glossary: ``[[entry]]`` with term, also, text, source, date
questions optional a file of questions for the bank, as GIFT text; one that shows a picture has a line above it like
                   ``// [picture:valve.png] [alternative:a valve, half open]``, and the picture lies beside the file
========= ======== =====================================================================
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from content.bank import Item, add_items, stem_key
from content.decision import Decision, Fact, Refusal, words
from content.frontmatter import FILE_NAME, Problem
from content.glossary import Entry, objection, searchable, tidied
from content.glossary import write_entries as write_entries_of
from content.identifiers import EntryId, OrganisationId, UserId
from content.lessons import Lesson, revise_lesson, write_lesson
from content.media import MediumKept

ABOUT = "pack.toml"
LONGEST_TITLE = 60
MOST_LESSONS = 200
LANGUAGES = ("zh_CN", "en")
LARGEST_TEXT = 1024 * 1024
"""Bytes of one of its text files."""

_KEYS = ("title", "language", "order", "entries", "questions")
_ENTRY_KEYS = ("term", "also", "text", "source", "date")
_PLACE = re.compile(r"\(at line (\d+), column \d+\)|\(at end of document\)")


class About(Struct, frozen=True, kw_only=True):
    """What a pack says of itself: its title, its lesson files in order, and the names of two files that it may have."""

    title: str
    order: tuple[str, ...]
    language: str = "zh_CN"
    entries: str = ""
    questions: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """Return the text files that it names, in the order in which they are read."""
        return (*self.order, *(name for name in (self.entries, self.questions) if name))


def read_about(text: str) -> About | tuple[Problem, ...]:
    """Read a ``pack.toml``, or list all its mistakes with their lines."""
    held = _held(text, ABOUT)
    if isinstance(held, Problem):
        return (held,)
    found = [*_strange(held, _KEYS, text, ABOUT, 0)]
    title = _text(held, "title", text, found, longest=LONGEST_TITLE)
    language = _text(held, "language", text, found, longest=10) if "language" in held else LANGUAGES[0]
    if language and language not in LANGUAGES:
        found.append(_problem(ABOUT, _line_of(text, "language"), "pack.bad_language", value=language[:40]))
    extra = {key: _file(held, key, text, found) for key in ("entries", "questions") if key in held}
    order = _order(held.get("order"), text, found)
    for key, name in extra.items():
        if name in order or (name and list(extra.values()).count(name) > 1):
            found.append(_problem(ABOUT, _line_of(text, key), "pack.file_twice", name=name))
    if found:
        return tuple(sorted(found, key=lambda one: one.line))
    return About(title=title, order=order, language=language, **extra)


def _order(value: Any, text: str, found: list[Problem]) -> tuple[str, ...]:
    line = _line_of(text, "order")
    if value is None:
        found.append(_problem(ABOUT, 1, "pack.missing_key", name="order"))
        return ()
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        found.append(_problem(ABOUT, line, "pack.bad_order"))
        return ()
    if len(value) > MOST_LESSONS:
        found.append(_problem(ABOUT, line, "pack.too_many", n=len(value), most=MOST_LESSONS))
    for place, name in enumerate(value):
        at = _line_of_name(text, name, line)
        if not FILE_NAME.fullmatch(name) or not name.endswith(".md"):
            found.append(_problem(ABOUT, at, "pack.bad_file", name=name[:40], ending=".md"))
        elif name in value[:place]:
            found.append(_problem(ABOUT, at, "pack.file_twice", name=name))
    return tuple(value)


def _file(held: Mapping[str, Any], key: str, text: str, found: list[Problem]) -> str:
    name = _text(held, key, text, found, longest=100)
    if name and not FILE_NAME.fullmatch(name):
        found.append(_problem(ABOUT, _line_of(text, key), "pack.bad_file", name=name[:40], ending=".toml, .gift.txt"))
    return name


def _text(held: Mapping[str, Any], key: str, text: str, found: list[Problem], *, longest: int) -> str:
    value = held.get(key)
    if value is None:
        found.append(_problem(ABOUT, 1, "pack.missing_key", name=key))
        return ""
    if not isinstance(value, str) or not value.strip() or len(value) > longest or not value.isprintable():
        found.append(_problem(ABOUT, _line_of(text, key), "pack.bad_text", name=key, most=longest))
        return ""
    return value.strip()


def read_entries(text: str, file: str) -> tuple[Entry, ...] | tuple[Problem, ...]:
    """Read a file of entries, nobody's yet, or list all its mistakes by the line on which their entry begins."""
    held = _held(text, file)
    if isinstance(held, Problem):
        return (held,)
    given = held.get("entry", [])
    if set(held) - {"entry"} or not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        return (_problem(file, 1, "pack.only_entries"),)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[\s*entry\s*\]\]", line)]
    entries: list[Entry] = []
    found: list[Problem] = []
    terms: set[str] = set()
    for place, one in enumerate(given):
        line = lines[place] if place < len(lines) else 1
        strange = [*_strange(one, _ENTRY_KEYS, text, file, line)]
        entry = None if strange else _entry(one)
        trouble = None if entry is None else objection(entry)
        if strange:
            found += strange
        elif entry is None:
            found.append(_problem(file, line, "pack.bad_entry"))
        elif trouble is not None:
            found.append(Problem(file=file, line=line, words=trouble.words))
        elif searchable(entry.term) in terms:
            found.append(_problem(file, line, "pack.term_twice", term=entry.term))
        else:
            terms.add(searchable(entry.term))
            entries.append(entry)
    return tuple(found) if found else tuple(entries)


def _entry(one: Mapping[str, Any]) -> Entry | None:
    also, dated = one.get("also", []), one.get("date")
    texts = [one.get(key) for key in ("term", "text", "source")]
    if not isinstance(also, list) or not all(isinstance(part, str) for part in [*also, *texts]):
        return None
    if isinstance(dated, str):
        try:
            dated = date.fromisoformat(dated)
        except ValueError:
            return None
    # A moment of TOML is a date too, with hours that nobody has written down for a text.
    if type(dated) is not date:
        return None
    term, body, source = (str(part) for part in texts)
    nobody = OrganisationId("")
    return tidied(
        Entry(id=EntryId(""), organisation=nobody, term=term, also=tuple(also), text=body, source=source, dated=dated)
    )


def write_about(about: About) -> str:
    """Write a ``pack.toml`` that reads as the same."""
    lines = [f"title = {_quoted(about.title)}", f"language = {_quoted(about.language)}"]
    lines += ["order = [", *(f"    {_quoted(name)}," for name in about.order), "]"]
    lines += [f"{key} = {_quoted(name)}" for key in ("entries", "questions") if (name := getattr(about, key))]
    return "\n".join(lines) + "\n"


def write_entries(entries: Iterable[Entry]) -> str:
    """Write a file of entries that reads as the same."""
    return "\n".join("\n".join(_lines(one)) + "\n" for one in entries)


def _lines(entry: Entry) -> list[str]:
    lines = ["[[entry]]", f"term = {_quoted(entry.term)}"]
    if entry.also:
        lines.append(f"also = [{', '.join(_quoted(name) for name in entry.also)}]")
    lines += [f"text = {_quoted(entry.text)}", f"source = {_quoted(entry.source)}"]
    return [*lines, f"date = {entry.dated.isoformat()}"]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


class Taken(Struct, frozen=True, kw_only=True):
    """What taking a pack in does: titles of lessons that are new, changed, or left as they are here, and numbers.

    ``differs`` are lessons whose text here is another than the pack's, and which nobody asked to change.
    """

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    same: int = 0
    entries: int = 0
    entries_known: int = 0
    questions: int = 0
    questions_known: int = 0


class Offered(Struct, frozen=True, kw_only=True):
    """A lesson of a pack as an organisation's, the bytes that it shows, and the lesson that stands here already."""

    lesson: Lesson
    media: tuple[MediumKept, ...] = ()
    here: Lesson | None = None


def take_pack(
    owner: OrganisationId,
    offered: Sequence[Offered],
    entries: Sequence[Entry],
    questions: Sequence[Item],
    *,
    terms: Collection[str],
    stems: Collection[str],
    pictures: Collection[MediumKept] = (),
    known: Collection[str] = (),
    author: UserId,
    update: bool,
    now: datetime,
) -> tuple[Decision | Refusal, Taken]:
    """Take a pack in as a whole: what is here already stays, and a lesson is changed only where that was asked for.

    ``terms`` and ``stems`` are what glossary and bank have already, as they are compared; ``pictures`` are those of the
    questions, and ``known`` the ids of what came with the pack before, under whatever name it stands now.
    """
    facts: list[Fact] = []
    new: list[str] = []
    changed: list[str] = []
    differs: list[str] = []
    for one in offered:
        if one.here is not None and _text_of(one.here) == _text_of(one.lesson):
            continue
        if one.here is not None and not update:
            differs.append(one.here.title)
            continue
        answer = _kept(one, author)
        if isinstance(answer, Refusal):
            return answer, Taken()
        (new if one.here is None else changed).append(one.lesson.title)
        facts += answer.facts
    fresh_entries = [one for one in entries if searchable(one.term) not in terms and one.id not in known]
    fresh_questions = [one for one in questions if stem_key(one.stem) not in stems and one.id not in known]
    for more in (
        write_entries_of(owner, fresh_entries, terms, now=now) if fresh_entries else None,
        add_items(owner, fresh_questions, stems, pictures=pictures, now=now) if fresh_questions else None,
    ):
        if isinstance(more, Refusal):
            return more, Taken()
        facts += more.facts if more is not None else ()
    return Decision(facts=tuple(facts)), Taken(
        new=tuple(new),
        changed=tuple(changed),
        differs=tuple(differs),
        same=len(offered) - len(new) - len(changed) - len(differs),
        entries=len(fresh_entries),
        entries_known=len(entries) - len(fresh_entries),
        questions=len(fresh_questions),
        questions_known=len(questions) - len(fresh_questions),
    )


def _kept(one: Offered, author: UserId) -> Decision | Refusal:
    if one.here is None:
        return write_lesson(one.lesson, author=author, media=one.media)
    lesson = replace(one.lesson, owner=one.here.owner, revision=one.here.revision)
    return revise_lesson(lesson, before=one.here, author=author, media=one.media)


def _text_of(lesson: Lesson) -> tuple[object, ...]:
    media = [(medium.hash, medium.name, medium.alternative) for medium in lesson.media]
    return (lesson.title, lesson.body.strip("\n"), lesson.source, lesson.dated, lesson.minutes, media)


def file_names(titles: Sequence[str]) -> tuple[str, ...]:
    """Return a name for each lesson's file: its place, and what of its title every disk can hold."""
    width = len(str(len(titles)))
    plain = [re.sub(r"[^\w-]+", "-", title).strip("-_")[:40] or "lesson" for title in titles]
    return tuple(f"{number:0{width}}-{name}.md" for number, name in enumerate(plain, start=1))


def _held(text: str, file: str) -> Mapping[str, Any] | Problem:
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else len(text.splitlines()) or 1
        return _problem(file, line, "pack.not_toml", why=_PLACE.sub("", str(error)).strip())
    except RecursionError:
        return _problem(file, 1, "pack.not_toml", why="nested too deeply")


def _strange(held: Mapping[str, Any], keys: Sequence[str], text: str, file: str, after: int) -> Iterable[Problem]:
    for name in held:
        if name not in keys:
            near = get_close_matches(name, keys, n=1, cutoff=0.5)
            line = _line_of(text, name, after)
            if near:
                yield _problem(file, line, "pack.unknown_key_near", name=name[:40], nearest=near[0])
            else:
                yield _problem(file, line, "pack.unknown_key", name=name[:40], known=", ".join(keys))


def _line_of(text: str, key: str, after: int = 0) -> int:
    """Return the first line after another on which a key is set, or the line after which it was looked for."""
    wanted = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
    lines = enumerate(text.splitlines(), start=1)
    return next((number for number, line in lines if number > after and wanted.match(line)), max(after, 1))


def _line_of_name(text: str, name: str, otherwise: int) -> int:
    found = [number for number, line in enumerate(text.splitlines(), start=1) if name and name in line]
    return found[-1] if found else otherwise


def _problem(file: str, line: int, key: str, **parameters: str | int) -> Problem:
    return Problem(file=file, line=line, words=words(key, **parameters))
