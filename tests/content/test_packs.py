"""The lessons that come with the program are whole, public, short enough to read, and illustrated where they say so."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from PIL import Image

from content import markup
from content.frontmatter import LessonText, parse

PACKS = Path(__file__).parents[2] / "content" / "packs"
LESSONS = sorted(PACKS.glob("*/*.md"))
PICTURES = sorted(PACKS.glob("*/*.png"))
ONE_MESSAGE_BYTES = 40_000


def lesson(file: Path) -> LessonText:
    read = parse(file.read_text(encoding="utf-8"), file.name)
    assert isinstance(read, LessonText), read
    return read


@pytest.mark.parametrize("pack", sorted(PACKS.iterdir()), ids=lambda pack: pack.name)
def test_a_pack_lists_each_of_its_lessons_once(pack: Path) -> None:
    about = tomllib.loads((pack / "pack.toml").read_text(encoding="utf-8"))
    assert set(about) <= {"title", "language", "order", "entries", "questions"}
    assert sorted(about["order"]) == sorted(file.name for file in pack.glob("*.md"))


def test_the_basics_are_eight_lessons_and_at_least_three_have_a_picture() -> None:
    basics = [lesson(file) for file in LESSONS if file.parent.name == "basics"]
    assert len(basics) == 8
    assert len({one.title for one in basics}) == 8
    assert sum(bool(one.media) for one in basics) >= 3


@pytest.mark.parametrize("file", LESSONS, ids=lambda file: file.stem)
def test_a_lesson_has_three_points_a_question_and_a_fair_length(file: Path) -> None:
    body = lesson(file).body
    assert 400 <= sum("\u4e00" <= letter <= "\u9fff" for letter in body) <= 800
    points = markup.to_plain(body).split("【三个要点】")[1].split("【想一想】")
    assert [line[:3] for line in points[0].strip().splitlines()] == ["1. ", "2. ", "3. "]
    assert "？" in points[1]


@pytest.mark.parametrize("file", LESSONS, ids=lambda file: file.stem)
def test_a_lesson_fits_one_message(file: Path) -> None:
    assert len(markup.split(lesson(file).body, ONE_MESSAGE_BYTES)) == 1


@pytest.mark.parametrize("file", LESSONS, ids=lambda file: file.stem)
def test_a_lesson_s_pictures_lie_beside_it_and_are_described(file: Path) -> None:
    read = lesson(file)
    shown = markup.images(read.body)
    assert {image.address for image in shown} == set(read.media)
    assert all(len(image.alternative) > 10 for image in shown)
    assert all((file.parent / name).is_file() for name in read.media)


@pytest.mark.parametrize("file", PICTURES, ids=lambda file: file.stem)
def test_a_picture_is_small_and_used(file: Path) -> None:
    assert file.stat().st_size < 120_000
    with Image.open(file) as picture:
        assert (picture.format, picture.size) == ("PNG", (1200, 675))
    assert any(file.name in lesson(text).media for text in file.parent.glob("*.md"))
