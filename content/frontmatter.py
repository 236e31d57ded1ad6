"""Reads and writes a lesson file: a few ``key: value`` lines between two ``---`` lines, then the lesson in Markdown.

The whole format: the first line is ``---``; every line up to the next ``---`` is ``key: value`` (a full-width colon
does as well), empty, or a note beginning with ``#``; everything after it is the lesson. Values are taken as written,
without quotes or escapes. Keys, in English or Chinese:

======== ====== ===================================================================
title    标题   required, at most 100 characters
source   来源   required: where the material comes from, as shown to the reader
date     日期   required: ``YYYY-MM-DD``, the day of the text
minutes  分钟   required: reading time, a whole number from 1 to 180
media    媒体   optional: names of files beside the lesson, separated by commas
level    密级   optional: 公开 is the only level that may be put on a network (PRIV-14)
======== ====== ===================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches

from msgspec import Struct

from content import markup
from content.decision import Words, words

LONGEST_TITLE = 100
LONGEST_SOURCE = 200
LONGEST_MINUTES = 180
MOST_MEDIA = 10
FILE_NAME = re.compile(r"[^\\/:*?\"<>|\x00-\x1f.][^\\/:*?\"<>|\x00-\x1f]{0,99}")
"""A file beside the lesson, never one in another folder."""

_KEYS = ("title", "source", "date", "minutes", "media", "level")
_CHINESE_KEYS = {
    "标题": "title",
    "来源": "source",
    "日期": "date",
    "分钟": "minutes",
    "媒体": "media",
    "密级": "level",
}
_REQUIRED = ("title", "source", "date", "minutes")
_OPEN_LEVELS = {"公开", "public"}
_CLOSED_LEVELS = {"内部", "秘密", "机密", "绝密", "internal", "secret"}
_FENCE = re.compile(r"-{3}\s*")
_COMMAS = re.compile(r"[,，、]")


class LessonText(Struct, frozen=True, kw_only=True):
    """A lesson as its file gives it; ``minutes`` is the reading time that the burden meter counts."""

    title: str
    source: str
    dated: date
    minutes: int
    media: tuple[str, ...] = ()
    body: str


class Problem(Struct, frozen=True, kw_only=True):
    """What is wrong with a lesson file, and on which line, counted from 1."""

    file: str
    line: int
    words: Words


class _Value(Struct, frozen=True, kw_only=True):
    text: str
    line: int


class _Mistakes:
    """Collects every mistake of one file, so that all are told at once."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: list[Problem] = []

    def add(self, line: int, key: str, **parameters: str | int) -> None:
        self._found.append(Problem(file=self._file, line=line, words=words(key, **parameters)))

    def add_words(self, line: int, said: Words) -> None:
        self._found.append(Problem(file=self._file, line=line, words=said))

    def in_order(self) -> tuple[Problem, ...]:
        return tuple(sorted(self._found, key=lambda problem: problem.line))


def parse(text: str, file: str) -> LessonText | tuple[Problem, ...]:
    """Read a lesson file's text, or list all its mistakes in the order of their lines."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    mistakes = _Mistakes(file)
    if "\x00" in text:
        mistakes.add(text[: text.index("\x00")].count("\n") + 1, "lesson_text.nul")
        return mistakes.in_order()
    lines = text.split("\n")
    if not _FENCE.fullmatch(lines[0]):
        mistakes.add(1, "lesson_text.no_opening")
        return mistakes.in_order()
    end = next((place for place, line in enumerate(lines[1:], start=1) if _FENCE.fullmatch(line)), None)
    if end is None:
        mistakes.add(len(lines), "lesson_text.no_closing")
        return mistakes.in_order()
    values = _values(lines[1:end], mistakes)
    return _lesson(values, "\n".join(lines[end + 1 :]), end + 1, mistakes)


def write(lesson: LessonText) -> str:
    """Write a lesson file that reads as the same."""
    values = {
        "title": lesson.title,
        "source": lesson.source,
        "date": lesson.dated.isoformat(),
        "minutes": str(lesson.minutes),
        "media": ", ".join(lesson.media),
        "level": "公开",
    }
    head = "".join(f"{key}: {' '.join(value.split())}\n" for key, value in values.items() if value)
    return f"---\n{head}---\n{lesson.body}\n"


def _values(lines: list[str], mistakes: _Mistakes) -> Mapping[str, _Value]:
    values: dict[str, _Value] = {}
    for number, line in enumerate(lines, start=2):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        written, colon, value = line.replace("：", ":", 1).partition(":") if ":" not in line else line.partition(":")
        if not colon:
            mistakes.add(number, "lesson_text.no_colon", text=_short(line))
            continue
        name = written.strip().lower()
        key = _CHINESE_KEYS.get(name, name)
        if key not in _KEYS:
            _refuse_key(number, written.strip(), mistakes)
        elif key in values:
            mistakes.add(number, "lesson_text.key_twice", name=written.strip(), first=values[key].line)
        else:
            values[key] = _Value(text=value.strip(), line=number)
    return values


def _refuse_key(line: int, written: str, mistakes: _Mistakes) -> None:
    nearest = get_close_matches(written.lower(), [*_KEYS, *_CHINESE_KEYS], n=1, cutoff=0.5)
    if nearest:
        mistakes.add(line, "lesson_text.unknown_key_near", name=_short(written), nearest=nearest[0])
    else:
        mistakes.add(line, "lesson_text.unknown_key", name=_short(written), known=", ".join(_KEYS))


def _lesson(
    values: Mapping[str, _Value], body: str, fence_line: int, mistakes: _Mistakes
) -> LessonText | tuple[Problem, ...]:
    for key in _REQUIRED:
        if key not in values:
            mistakes.add(fence_line, "lesson_text.missing_key", name=key)
        elif not values[key].text:
            mistakes.add(values[key].line, "lesson_text.empty_value", name=key)
    title = _bounded(values, "title", LONGEST_TITLE, mistakes)
    source = _bounded(values, "source", LONGEST_SOURCE, mistakes)
    dated = _date(values.get("date"), mistakes)
    minutes = _minutes(values.get("minutes"), mistakes)
    media = _media(values.get("media"), mistakes)
    _check_level(values.get("level"), mistakes)
    _check_body(body, fence_line, media, mistakes)
    found = mistakes.in_order()
    if found or dated is None or minutes is None:
        return found
    return LessonText(title=title, source=source, dated=dated, minutes=minutes, media=media, body=body.strip("\n"))


def _bounded(values: Mapping[str, _Value], key: str, longest: int, mistakes: _Mistakes) -> str:
    value = values.get(key)
    if value is None:
        return ""
    if len(value.text) > longest:
        mistakes.add(value.line, "lesson_text.too_long", name=key, length=len(value.text), limit=longest)
    return value.text


def _date(value: _Value | None, mistakes: _Mistakes) -> date | None:
    if value is None or not value.text:
        return None
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value.text):
        try:
            return date.fromisoformat(value.text)
        except ValueError:
            pass
    mistakes.add(value.line, "lesson_text.bad_date", value=_short(value.text))
    return None


def _minutes(value: _Value | None, mistakes: _Mistakes) -> int | None:
    if value is None or not value.text:
        return None
    if re.fullmatch(r"[0-9]{1,4}", value.text) and 1 <= int(value.text) <= LONGEST_MINUTES:
        return int(value.text)
    mistakes.add(value.line, "lesson_text.bad_minutes", value=_short(value.text), limit=LONGEST_MINUTES)
    return None


def _media(value: _Value | None, mistakes: _Mistakes) -> tuple[str, ...]:
    if value is None:
        return ()
    names = [name.strip() for name in _COMMAS.split(value.text) if name.strip()]
    if len(names) > MOST_MEDIA:
        mistakes.add(value.line, "lesson_text.too_many_media", count=len(names), limit=MOST_MEDIA)
    for place, name in enumerate(names):
        if not FILE_NAME.fullmatch(name):
            mistakes.add(value.line, "lesson_text.bad_file_name", name=_short(name))
        elif name in names[:place]:
            mistakes.add(value.line, "lesson_text.media_twice", name=_short(name))
    return tuple(names)


def _check_level(value: _Value | None, mistakes: _Mistakes) -> None:
    if value is None or value.text.lower() in _OPEN_LEVELS:
        return
    if value.text.lower() in _CLOSED_LEVELS:
        mistakes.add(value.line, "lesson_text.not_public", level=value.text)
    else:
        mistakes.add(value.line, "lesson_text.bad_level", value=_short(value.text))


def _check_body(body: str, fence_line: int, media: tuple[str, ...], mistakes: _Mistakes) -> None:
    if not body.strip():
        mistakes.add(fence_line, "lesson_text.empty_body")
        return
    objection = markup.objection(body)
    if objection is not None:
        mistakes.add_words(fence_line + 1, objection)
        return
    for image in markup.images(body):
        if image.address not in media:
            mistakes.add(fence_line + image.line, "lesson_text.image_not_listed", name=_short(image.address))


def _short(text: str) -> str:
    text = text.strip()
    return text if len(text) <= 40 else f"{text[:39]}…"
