"""A pack's papers are read whole or all their mistakes are told with lines; what is written reads as the same."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from content import frontmatter, glossary, lessons
from content.bank import ItemsAdded, stem_key
from content.decision import Decision
from content.frontmatter import LessonText, Problem
from content.glossary import EntriesWritten, Entry, searchable
from content.identifiers import EntryId, LessonId, OrganisationId, UserId
from content.lesson_packs import (
    About,
    Offered,
    Taken,
    file_names,
    read_about,
    read_entries,
    take_pack,
    write_about,
    write_entries,
)
from content.lessons import Kind, Lesson, LessonRevised, LessonWritten
from tests.content.test_bank import item
from tests.small_branch import NOON

HERE, AUTHOR = OrganisationId("here"), UserId("@author:test")
GOOD = """title = "两课"
language = "zh_CN"
order = [
    "one.md",
    "two.md",
]
entries = "glossary.toml"
"""
ENTRY = """[[entry]]
term = "主题党日"
also = ["党日"]
text = "每月一天。"
source = "条例"
date = 2026-07-01
"""


def told(found: object) -> list[tuple[int, str]]:
    assert isinstance(found, tuple)
    assert found
    assert all(isinstance(one, Problem) for one in found)
    return [(one.line, one.words.key.removeprefix("pack.")) for one in found]


def test_a_good_pack_is_read() -> None:
    assert read_about(GOOD) == About(title="两课", order=("one.md", "two.md"), entries="glossary.toml")
    (entry,) = read_entries(ENTRY, "g.toml")
    assert isinstance(entry, Entry)
    assert (entry.term, entry.also, entry.dated) == ("主题党日", ("党日",), date(2026, 7, 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(1, "missing_key"), (1, "missing_key")]),
        ('title = "x"\norder = [\n', [(2, "not_toml")]),
        ('title = "x"\ntitle = "y"\n', [(2, "not_toml")]),
        (GOOD.replace("language", "langauge"), [(2, "unknown_key_near")]),
        (GOOD + 'colour = "red"\n', [(8, "unknown_key")]),
        (GOOD.replace("zh_CN", "de"), [(2, "bad_language")]),
        (GOOD.replace('"两课"', "3"), [(1, "bad_text")]),
        (GOOD.replace("两课", "两\\n课"), [(1, "bad_text")]),
        (GOOD.replace("两课", "课" * 61), [(1, "bad_text")]),
        (GOOD.replace("two.md", "../two.md"), [(5, "bad_file")]),
        (GOOD.replace("two.md", "two.txt"), [(5, "bad_file")]),
        (GOOD.replace("two.md", "one.md"), [(5, "file_twice")]),
        ('title = "x"\norder = []\n', [(2, "bad_order")]),
        ('title = "x"\norder = "one.md"\n', [(2, "bad_order")]),
        (GOOD.replace("glossary.toml", "/etc/passwd"), [(7, "bad_file")]),
        (GOOD + 'questions = "glossary.toml"\n', [(7, "file_twice"), (8, "file_twice")]),
    ],
)
def test_every_mistake_is_told_with_its_line(text: str, expected: list[tuple[int, str]]) -> None:
    assert told(read_about(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ENTRY + "\n[[entry]]\nterm = 3\n", [(8, "bad_entry")]),
        (ENTRY + "\n" + ENTRY, [(8, "term_twice")]),
        (ENTRY.replace("2026-07-01", '"gestern"'), [(1, "bad_entry")]),
        (ENTRY.replace("2026-07-01", "2026-07-01T10:00:00Z"), [(1, "bad_entry")]),
        (ENTRY.replace("source", "sources"), [(5, "unknown_key_near")]),
        (ENTRY.replace('"条例"', '""'), [(1, "entry.no_source")]),
        ("entry = 3\n", [(1, "only_entries")]),
        ("term = 3\n", [(1, "only_entries")]),
        ("[" * 5000, [(1, "not_toml")]),
    ],
)
def test_every_broken_entry_is_told_with_its_line(text: str, expected: list[tuple[int, str]]) -> None:
    assert told(read_entries(text, "g.toml")) == expected


LINES = some.text(some.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40)


@given(LINES, some.lists(LINES, min_size=1, max_size=5))
def test_what_is_written_is_read_as_the_same(title: str, titles: list[str]) -> None:
    names = file_names(titles)
    about = About(title=title, order=names, entries="glossary.toml", questions="questions.gift.txt")
    assert read_about(write_about(about)) == about
    entries = tuple(
        Entry(
            id=EntryId(""),
            organisation=OrganisationId(""),
            term=f"词{number}",
            also=("别名",),
            text=f"{one}\n“\\{title}”",
            source=one,
            dated=date(2026, 7, number + 1),
        )
        for number, one in enumerate(titles)
    )
    assert read_entries(write_entries(entries), "g.toml") == tuple(glossary.tidied(one) for one in entries)
    text = LessonText(title=title, source=title, dated=date(2026, 7, 1), minutes=5, media=(), body="正文\n\n第二段")
    assert frontmatter.parse(frontmatter.write(text), "a.md") == text


def lesson(name: str, body: str = "正文") -> Lesson:
    return Lesson(
        id=LessonId(name), owner=HERE, kind=Kind.LESSON, title=name, body=body, source="条例", dated=date(2026, 7, 1)
    )


ENTRIES = (Entry(id=EntryId("e"), organisation=HERE, term="党日", text="一天", source="条例", dated=date(2026, 7, 1)),)
QUESTIONS = (item(stem="问一"), item(stem="问二"))


def taken(*offered: Offered, update: bool = False, again: bool = False) -> tuple[list[type], Taken]:
    answer, told = take_pack(
        HERE,
        offered,
        ENTRIES,
        QUESTIONS,
        terms={searchable("党日")} if again else (),
        stems={stem_key(one.stem) for one in QUESTIONS} if again else (),
        author=AUTHOR,
        update=update,
        now=NOON,
    )
    assert isinstance(answer, Decision)
    return [type(fact) for fact in answer.facts], told


def test_a_pack_is_taken_in_as_a_whole_and_a_second_time_changes_nothing() -> None:
    facts, told = taken(Offered(lesson=lesson("a")), Offered(lesson=lesson("b")))
    assert facts == [LessonWritten, LessonWritten, EntriesWritten, ItemsAdded]
    assert told == Taken(new=("a", "b"), entries=1, questions=2)
    here = [Offered(lesson=lesson(name), here=replace(lesson(name), revision=3)) for name in "ab"]
    assert taken(*here, again=True) == ([], Taken(same=2, entries_known=1, questions_known=2))


def test_a_lesson_that_was_changed_here_is_changed_back_only_where_that_was_asked_for() -> None:
    differs = Offered(lesson=lesson("a"), here=replace(lesson("a", "改过"), revision=4))
    assert taken(differs, again=True) == ([], Taken(differs=("a",), entries_known=1, questions_known=2))
    facts, told = taken(differs, again=True, update=True)
    assert (facts, told.changed) == ([LessonRevised], ("a",))


def test_a_pack_with_something_that_cannot_be_kept_is_refused_whole() -> None:
    broken = replace(lesson("b"), title="")
    answer, told = take_pack(
        HERE,
        [Offered(lesson=lesson("a")), Offered(lesson=broken)],
        (),
        (),
        terms=(),
        stems=(),
        author=AUTHOR,
        update=False,
        now=NOON,
    )
    assert answer == lessons.write_lesson(broken, author=AUTHOR)
    assert told == Taken()
