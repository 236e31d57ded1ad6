"""What a search finds on both engines: by parts of names, below the given nodes only."""

from __future__ import annotations

from content.identifiers import LessonId
from content.lessons import Kind, Lesson, LessonWritten
from storage import search
from tests.small_branch import EAST, ROOF, SECRETARY, WEST, SmallBranch


async def test_two_characters_in_either_case_are_found_below_the_roots_and_patterns_are_letters(
    branch: SmallBranch,
) -> None:
    def lesson(id: str, title: str) -> LessonWritten:
        return LessonWritten(
            lesson=Lesson(id=LessonId(id), owner=EAST, kind=Kind.LESSON, title=title, body="一停二看"),
            author=SECRETARY,
        )

    await branch.store.settle(notes=[lesson("one", "调度第一课"), lesson("two", "Safety 100%")])

    async def found(text: str, *roots: object) -> list[str]:
        named = await branch.store.read(lambda unit: search.lessons_named(unit, roots, text, limit=10))
        return [one.id for one in named]

    assert await found("调度", ROOF) == ["one"]
    assert await found("sAFE", EAST) == ["two"]
    assert await found("0%", ROOF) == ["two"]
    assert await found("_", ROOF) == []
    assert await found("调度", WEST) == []
    assert await found("调度") == []
