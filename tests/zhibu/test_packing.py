"""``zhibu pack``: every mistake is told, a pack is taken in whole and once, and what is written is whole."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from PIL import Image

from content.bank import ItemRevised
from content.glossary import EntryRevised
from content.trouble import Exit
from storage import audit, bank, glossary, lessons
from storage.bank import Filter
from storage.store import Store
from storage.unit import Reading
from tests.small_branch import EAST, SECRETARY, ZHANG, account, facts_of_founding
from zhibu.cli import main
from zhibu.packs import SHIPPED, Pack, check_pack

T = TypeVar("T")
EAST_NAME, WEST_NAME = "east支部", "west支部"
BASICS = SHIPPED / "basics"


@pytest.fixture
def settings(tmp_path: Path, sqlite_template: Path) -> Path:
    shutil.copyfile(sqlite_template, tmp_path / "zhibu.db")

    async def fill() -> None:
        store = await Store.open(f"sqlite:///{tmp_path / 'zhibu.db'}")
        await store.settle(notes=[*facts_of_founding()])
        await store.close()

    asyncio.run(fill())
    file = tmp_path / "config.toml"
    file.write_text('[bot]\nhomeserver = "http://127.0.0.1:1"\nuser = "@zhibu:test"\n')
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a copy of the shipped pack to break."""
    return Path(shutil.copytree(BASICS, tmp_path / "pack"))


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["pack", *map(str, words)], env={"LC_ALL": "en_US.UTF-8"})


def look(settings: Path, query: Callable[[Reading], Awaitable[T]]) -> T:
    async def read() -> T:
        store = await Store.open(f"sqlite:///{settings.parent / 'zhibu.db'}")
        try:
            return await store.read(query)
        finally:
            await store.close()

    return asyncio.run(read())


def test_the_shipped_pack_is_whole() -> None:
    done = call("check", BASICS)
    assert (done.exit_code, done.output) == (
        0,
        "The pack “基础八课” is whole: 8 lessons, 7 entries and 16 questions.\n",
    )


def test_every_mistake_of_every_file_is_told_with_its_line(folder: Path) -> None:
    lesson = folder / "fire-safety.md"
    lesson.write_text(lesson.read_text(encoding="utf-8").replace("minutes: 6", "minutes: 0\nlevel: 内部"), "utf-8")
    (folder / "constitution.png").write_bytes(b"GIF89a")
    (folder / "labour-law.md").write_bytes(b"---\ntitle: \xff\n")
    (folder / "questions.gift.txt").write_text("问一 {=对}\n\n问二 {\n", "utf-8")
    (folder / "glossary.toml").write_text("[[entry]]\nterm = 3\n", "utf-8")
    # A link may lead out of the folder, and what it leads to is not looked at.
    (folder / "branch-rules.md").unlink()
    (folder / "branch-rules.md").symlink_to(BASICS / "branch-rules.md")
    done = call("check", folder)
    assert done.exit_code == int(Exit.DATA)
    places = [line.split(": ")[0] for line in done.output.splitlines()]
    assert places == [
        "constitution.png",
        "branch-rules.md",
        "fire-safety.md:5",
        "fire-safety.md:6",
        "fire-safety.md:7",
        "labour-law.md:2",
        "glossary.toml:1",
        "questions.gift.txt:3",
        "zhibu",
    ]
    assert "8 mistakes" in done.output


@pytest.mark.parametrize("missing", ["", "pack.toml", "first-congress.md", "first-congress.png"])
def test_what_is_missing_is_named(folder: Path, missing: str) -> None:
    if missing:
        (folder / missing).unlink()
    else:
        shutil.rmtree(folder)
    done = call("check", folder)
    assert done.exit_code == int(Exit.DATA)
    assert (missing or str(folder)) in done.output


def test_a_pack_is_taken_in_once_and_a_second_time_changes_nothing(settings: Path) -> None:
    words = ("import", BASICS, "--into", EAST_NAME, "--as", SECRETARY, "-c", settings)
    first = call(*words)
    assert first.exit_code == 0, first.output
    assert "8 new lessons, 0 changed, 0 the same as before; 7 new entries and 16 new questions" in first.output
    again = call(*words)
    assert "0 new lessons, 0 changed, 8 the same as before; 0 new entries and 0 new questions" in again.output
    kept = look(settings, lambda unit: lessons.library(unit, [EAST]))
    assert {(one.pack, one.revision, one.owner) for one in kept} == {("基础八课", 1, EAST)}
    assert len(kept) == 8
    assert len(look(settings, lambda unit: glossary.found(unit, [EAST], "", withdrawn=False, limit=99))) == 7
    assert look(settings, lambda unit: bank.count(unit, [EAST], Filter())) == 16
    made = look(settings, audit.lines)
    assert {one.actor for one in made if "entries_written" in one.action} == {SECRETARY}


def test_a_lesson_that_differs_is_named_and_changed_only_when_asked(settings: Path, folder: Path) -> None:
    words = ("import", folder, "--into", EAST_NAME, "--as", SECRETARY, "-c", settings)
    call(*words)
    lesson = folder / "labour-law.md"
    lesson.write_text(lesson.read_text(encoding="utf-8").replace("minutes: 7", "minutes: 9"), "utf-8")
    left = call(*words)
    assert "倒班也有账可算" in left.output
    assert "--update" in left.output
    changed = call(*words, "--update")
    assert "1 changed, 7 the same" in changed.output
    kept = look(settings, lambda unit: lessons.library(unit, [EAST]))
    assert sorted((one.minutes, one.revision) for one in kept)[-1] == (9, 2)


def test_nothing_is_taken_in_by_somebody_who_may_not_or_into_nowhere(settings: Path) -> None:
    done = call("import", BASICS, "--into", EAST_NAME, "--as", account(ZHANG), "-c", settings)
    assert (done.exit_code, "may not write lessons" in done.output) == (int(Exit.DATA), True)
    done = call("import", BASICS, "--into", "别处", "--as", SECRETARY, "-c", settings)
    assert (done.exit_code, EAST_NAME in done.output) == (int(Exit.DATA), True)
    assert look(settings, lambda unit: lessons.library(unit, [EAST])) == ()


def test_what_is_written_is_whole_and_is_taken_in_elsewhere_as_the_same(settings: Path, tmp_path: Path) -> None:
    call("import", BASICS, "--into", EAST_NAME, "--as", SECRETARY, "-c", settings)
    given = tmp_path / "given"
    done = call("export", given, "--from", EAST_NAME, "-c", settings)
    assert done.exit_code == 0, done.output
    mine, theirs = check_pack(BASICS), check_pack(given)
    assert isinstance(mine, Pack)
    assert isinstance(theirs, Pack)
    assert {one.text for one in theirs.lessons} == {one.text for one in mine.lessons}
    # A picture is written anew each time that it is taken in.
    assert {len(one.media) for one in theirs.lessons} == {0, 1}
    assert set(theirs.entries) == set(mine.entries)
    assert set(theirs.questions) == set(mine.questions)
    done = call("import", given, "--into", WEST_NAME, "--as", SECRETARY, "-c", settings)
    assert "8 new lessons" in done.output
    again = call("export", given, "--from", EAST_NAME, "-c", settings)
    assert (again.exit_code, "Please name a new one" in again.output) == (int(Exit.DATA), True)


def test_what_was_renamed_here_since_is_known_again(settings: Path) -> None:
    """A term and a question that go by another name now came with the pack all the same."""
    words = ("import", BASICS, "--into", EAST_NAME, "--as", SECRETARY, "-c", settings)
    call(*words)

    async def rename() -> None:
        store = await Store.open(f"sqlite:///{settings.parent / 'zhibu.db'}")
        (entry, *_) = await store.read(lambda unit: glossary.found(unit, [EAST], "", withdrawn=False, limit=9))
        (asked, *_) = await store.read(lambda unit: bank.found(unit, [EAST], Filter(), limit=9))
        entry = replace(entry, term="别的叫法", revision=entry.revision + 1)
        asked = replace(asked, stem="另一个问法？", revision=asked.revision + 1)
        await store.settle(
            notes=[
                EntryRevised(organisation=EAST, entry=entry),
                ItemRevised(organisation=EAST, item=asked, afresh=True),
            ]
        )
        await store.close()

    asyncio.run(rename())
    again = call(*words)
    assert (again.exit_code, "0 new entries and 0 new questions" in again.output) == (0, True), again.output


def test_what_one_pack_cannot_hold_is_said_before_anything_is_written(
    settings: Path, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("import", BASICS, "--into", EAST_NAME, "--as", SECRETARY, "-c", settings)
    monkeypatch.setattr("content.bank.MOST_AT_ONCE", 15)
    monkeypatch.setattr("zhibu.packs.MOST_AT_ONCE", 15)
    assert "There are 16 questions; the limit is 15" in call("check", folder).output
    done = call("export", tmp_path / "given", "--from", EAST_NAME, "-c", settings)
    assert (done.exit_code, "more than one pack holds" in done.output) == (int(Exit.DATA), True)
    assert not (tmp_path / "given").exists()


def test_two_pictures_of_one_name_do_not_overwrite_each_other(settings: Path, tmp_path: Path) -> None:
    for name, colour in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        folder = tmp_path / name
        folder.mkdir()
        Image.new("RGB", (8, 8), colour).save(folder / "p.png")
        (folder / "pack.toml").write_text(f'title = "{name}"\norder = ["a.md"]\n', "utf-8")
        head = f"title: {name}\nsource: 自编\ndate: 2026-07-01\nminutes: 5\nmedia: p.png"
        (folder / "a.md").write_text(f"---\n{head}\n---\n正文\n\n![一块颜色](p.png)\n", "utf-8")
        assert call("import", folder, "--into", EAST_NAME, "--as", SECRETARY, "-c", settings).exit_code == 0
    done = call("export", tmp_path / "both", "--from", EAST_NAME, "--title", "两色", "-c", settings)
    assert done.exit_code == 0, done.output
    both = check_pack(tmp_path / "both")
    assert isinstance(both, Pack)
    assert both.about.title == "两色"
    assert len({one.media[0].hash for one in both.lessons}) == 2
    assert {one.text.media for one in both.lessons} == {("p.png",), ("2-p.png",)}


def test_writing_a_pack_leaves_a_row_in_the_record(settings: Path, tmp_path: Path) -> None:
    call("import", BASICS, "--into", EAST_NAME, "--as", SECRETARY, "-c", settings)
    call("export", tmp_path / "given", "--from", EAST_NAME, "-c", settings)
    (note,) = (settings.parent / "keys" / "noted").glob("*.note")
    assert '"what": "pack"' in note.read_text()


def pictured(folder: Path, notes: str) -> None:
    """Write a pack of one lesson and one question of which these notes stand above."""
    folder.mkdir()
    (folder / "pack.toml").write_text('title = "泵"\norder = ["a.md"]\nquestions = "questions.gift.txt"\n', "utf-8")
    head = "title: 泵\nsource: 自编\ndate: 2026-07-01\nminutes: 5"
    (folder / "a.md").write_text(f"---\n{head}\n---\n正文\n", "utf-8")
    (folder / "questions.gift.txt").write_text(f"// 一道题\n// {notes}\n开着吗 {{T}}\n", "utf-8")


def test_a_question_brings_its_picture_and_is_written_with_it(settings: Path, tmp_path: Path) -> None:
    for name, colour in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        pictured(tmp_path / name, "[picture:valve.png] [alternative:阀门]")
        text = (tmp_path / name / "questions.gift.txt").read_text("utf-8")
        (tmp_path / name / "questions.gift.txt").write_text(text.replace("开着吗", f"{name} 开着吗"), "utf-8")
        Image.new("RGB", (8, 8), colour).save(tmp_path / name / "valve.png")
        done = call("import", tmp_path / name, "--into", EAST_NAME, "--as", SECRETARY, "-c", settings)
        assert done.exit_code == 0, done.output
    done = call("export", tmp_path / "both", "--from", EAST_NAME, "-c", settings)
    assert done.exit_code == 0, done.output
    both = check_pack(tmp_path / "both")
    assert isinstance(both, Pack)
    assert {one.picture and one.picture.name for one in both.questions} == {"valve.png", "2-valve.png"}
    assert len({one.hash for one in both.pictures}) == 2
    assert {one.picture and one.picture.alternative for one in both.questions} == {"阀门"}


@pytest.mark.parametrize(
    ("notes", "why"),
    [
        ("[picture:pump.png] [alternative:泵]", "no such file beside it"),
        ("[picture:../valve.png] [alternative:泵]", "no such file beside it"),
        ("[picture:a.md] [alternative:泵]", "is not a usable picture"),
        ("[picture:valve.png]", "Say what the picture “valve.png” shows"),
    ],
)
def test_what_is_wrong_with_a_picture_is_told_with_the_line_of_its_question(
    tmp_path: Path, notes: str, why: str
) -> None:
    pictured(tmp_path / "pack", notes)
    for place in (tmp_path, tmp_path / "pack"):
        Image.new("RGB", (8, 8)).save(place / "valve.png")
    output = call("check", tmp_path / "pack").output
    assert output.startswith("questions.gift.txt:3: "), output
    assert why in output
