"""What the documents say is so: the map is current, and every link, command, option, file and word they name exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click
import pytest

from bot.commands.grammar import read
from bot.commands.remarks import card_word, note_word
from bot.commands.vocabulary import Verb
from console.sheets import read_grid
from content.frontmatter import LessonText, parse
from content.grid import Grid
from content.roster import COLUMNS, normal_header
from content.roster import read as read_roster
from content.trouble import Exit
from tests.house.readme_map import ROOT, render, with_map
from zhibu.cli import main as front_door
from zhibu.config import TABLES

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
READMES = ("README.md", "README.zh-CN.md")
ROOMS = ("bot", "console", "content", "storage", "tests", "zhibu", "docs", "bench", ".ci")
NOT_OURS = frozenset({"config.toml", "pack.toml", "zhibu.db.lock"})
"""Files that the reader or the running program makes."""

_FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+)$", re.MULTILINE)
_PATH = re.compile(rf"(?:{'|'.join(re.escape(room) for room in ROOMS)})/[\w./-]*")
_TOP_FILE = re.compile(r"[\w.-]+\.(?:md|toml|lock)|Makefile|LICENSE")
_WHOLE_LINE_OPTION = re.compile(r"^--?[a-z][a-z-]*$")

each_document = pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.relative_to(ROOT).as_posix())


def code(file: Path) -> Iterator[str]:
    """Yield every piece of code of a document: the lines of blocks, and what stands between backticks."""
    text = file.read_text(encoding="utf-8")
    for block in _FENCE.findall(text):
        yield from block.splitlines()
    yield from _SPAN.findall(_FENCE.sub("", text))


def calls(file: Path, program: str) -> Iterator[list[str]]:
    """Yield the arguments of every call of a program that a document shows."""
    for piece in code(file):
        for part in piece.split("#")[0].split("&&"):
            try:
                words = shlex.split(part)
            except ValueError:
                continue
            if words and words[0].rpartition("/")[2] == program:
                yield words[1:]


def unknown_options(arguments: list[str], command: click.Command = front_door) -> list[str]:
    """Return the options and commands in a call of ours that do not exist."""
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"-h", "--help"}
    for place, word in enumerate(arguments):
        if word.startswith("-"):
            if word.partition("=")[0] not in known:
                return [word]
        elif isinstance(command, click.Group):
            below = command.commands.get(word)
            return [word] if below is None else unknown_options(arguments[place + 1 :], below)
    return []


def options_below(command: click.Command) -> set[str]:
    """Return the options of a command and of every command below it."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return {name for one in command.params for name in one.opts}.union(*map(options_below, below))


def test_the_map_in_the_readme_is_current() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == with_map(readme, render()), "run: make format"


def test_a_module_without_a_caption_is_named(tmp_path: Path) -> None:
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "silent.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match=r"content/silent\.py"):
        render(tmp_path)


@each_document
def test_every_link_leads_somewhere(file: Path) -> None:
    for target in _LINK.findall(_FENCE.sub("", file.read_text(encoding="utf-8"))):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        there = (file.parent / name).resolve() if name else file
        assert there.exists(), target
        if anchor:
            assert anchor in {_anchor(heading) for heading in _HEADING.findall(there.read_text())}, target


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@each_document
def test_every_verb_of_make_exists_and_passes_on_options_that_exist(file: Path) -> None:
    verbs = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for arguments in calls(file, "make"):
        named = [word for word in arguments if "=" not in word]
        assert set(named) <= verbs, arguments
        passed = [word.removeprefix("ARGS=") for word in arguments if word.startswith("ARGS=")]
        if named == ["demo"] and passed and passed[0] != "…":
            assert not unknown_options(["demo", *shlex.split(passed[0])]), arguments


@each_document
def test_every_command_and_option_of_zhibu_exists(file: Path) -> None:
    for arguments in calls(file, "zhibu"):
        assert not unknown_options(arguments), arguments


@each_document
def test_every_option_named_alone_exists(file: Path) -> None:
    known = options_below(front_door)
    for piece in code(file):
        if _WHOLE_LINE_OPTION.match(piece):
            assert piece in known, piece


@each_document
def test_every_file_named_exists(file: Path) -> None:
    for piece in _SPAN.findall(_FENCE.sub("", file.read_text(encoding="utf-8"))):
        if _PATH.fullmatch(piece) or (_TOP_FILE.fullmatch(piece) and piece not in NOT_OURS):
            assert (ROOT / piece).exists(), piece


@pytest.mark.parametrize("name", READMES)
def test_the_bot_understands_every_word_that_a_readme_tells_members_to_say(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    table = text.partition("<!-- said -->")[2].partition("<!-- /said -->")[0]
    understood = {said.verb for said in map(read, _SPAN.findall(table)) if said is not None}
    spoken = _SPAN.findall(table)
    assert [words for words in spoken if not (read(words) or card_word(words) or note_word(words))] == []
    assert understood == set(Verb)


def test_every_setting_and_no_other_is_explained() -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `\[(\w+)\] (\w+)` \|", text, re.MULTILINE))
    assert explained == {(table, name) for table, kind in TABLES.items() for name in kind.__struct_fields__}


def test_every_exit_code_and_no_other_is_explained() -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    assert {int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)} == set(map(int, Exit))


def test_the_example_of_a_lesson_file_is_one() -> None:
    text = (ROOT / "docs" / "roster.md").read_text(encoding="utf-8")
    example = next(block for block in _FENCE.findall(text) if block.startswith("---"))
    assert isinstance(parse(example, "example.md"), LessonText)


def test_the_example_of_a_roster_is_read_without_a_problem() -> None:
    text = (ROOT / "docs" / "roster.md").read_text(encoding="utf-8")
    example = next(block for block in _FENCE.findall(text) if block.startswith("姓名,"))
    grid = read_grid(example.encode(), "example.csv")
    assert isinstance(grid, Grid)
    found = read_roster(grid, today=date(2026, 11, 24), organisations={"客运车站党支部"})
    assert len(found.rows) == example.count("\n") - 1
    assert (found.problems, found.obstacles, found.notes) == ((), (), ())


def test_the_columns_of_a_roster_are_listed_in_the_order_in_which_they_are_filed() -> None:
    text = (ROOT / "docs" / "roster.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
    assert tuple(map(normal_header, listed)) == (*map(normal_header, COLUMNS), "群账号")
