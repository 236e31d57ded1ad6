"""What a lesson must say before it may be kept, and what changing one does."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from content.decision import Decision, Refusal
from content.identifiers import LessonId, OrganisationId, UserId
from content.lessons import Kind, Lesson, LessonRevised, LessonWritten, revise_lesson, write_lesson
from content.media import MediumKept

WHO = UserId("@who:test")
GOOD = Lesson(id=LessonId("l"), owner=OrganisationId("o"), kind=Kind.LESSON, title="安全生产", body="正文")
PICTURE = MediumKept(hash="ab", name="a.png", mimetype="image/png", data=b"x", width=1, height=1)


def test_a_good_lesson_is_kept_after_its_media() -> None:
    answer = write_lesson(GOOD, author=WHO, media=(PICTURE,))
    assert answer == Decision(facts=(PICTURE, LessonWritten(lesson=GOOD, author=WHO)))


@pytest.mark.parametrize(
    ("change", "key", "field"),
    [
        ({"title": " \n"}, "lesson.no_title", "title"),
        ({"title": "长" * 101}, "lesson.long_title", "title"),
        ({"body": " \n\t"}, "lesson.no_body", "body"),
        ({"body": "字" * 22_000}, "lesson.large_body", "body"),
        ({"body": "- 条\n" * 2_001}, "lesson_text.too_many_pieces", "body"),
        ({"body": ">" * 20 + "深"}, "lesson_text.too_deep", "body"),
        ({"minutes": 0}, "lesson.minutes_out_of_range", "minutes"),
        ({"minutes": 181}, "lesson.minutes_out_of_range", "minutes"),
    ],
)
def test_what_cannot_be_kept_is_refused_at_its_field(change: dict[str, Any], key: str, field: str) -> None:
    for answer in (
        write_lesson(replace(GOOD, **change), author=WHO),
        revise_lesson(replace(GOOD, **change), before=GOOD, author=WHO),
    ):
        assert isinstance(answer, Refusal)
        assert (answer.words.key, answer.field) == (key, field)


@pytest.mark.parametrize("change", [{"title": "长" * 100}, {"body": "x" * 65_536}, {"minutes": 1}, {"minutes": 180}])
def test_the_limits_themselves_are_allowed(change: dict[str, Any]) -> None:
    assert isinstance(write_lesson(replace(GOOD, **change), author=WHO), Decision)


def test_a_change_makes_the_next_revision() -> None:
    changed = replace(GOOD, title="新", revision=3)
    answer = revise_lesson(changed, before=replace(GOOD, revision=3), author=WHO)
    assert answer == Decision(facts=(LessonRevised(lesson=replace(changed, revision=4), author=WHO),))


def test_a_change_on_an_older_revision_is_refused_so_that_nobodys_words_are_lost() -> None:
    answer = revise_lesson(replace(GOOD, revision=1), before=replace(GOOD, revision=2), author=WHO)
    assert isinstance(answer, Refusal)
    assert answer.words.key == "lesson.changed_meanwhile"
