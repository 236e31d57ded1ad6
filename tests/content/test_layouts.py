"""A correction fits into the messages that stand, keeps the live one, and loses nothing of the text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from content.cards import PART_BYTES, Standing, text_parts
from content.checkins import State
from content.identifiers import LessonId, OrganisationId
from content.layouts import Layout, first_layout, messages, rearrange
from content.lessons import Kind, Lesson
from content.media import Medium
from content.occurrences import State as Stand
from content.speech import Reader
from zhibu.catalogue import load_speech

SPEECH = load_speech()
DUE = datetime(2026, 7, 1, tzinfo=UTC)
STANDING = Standing(
    due_at=DUE, shown_at=DUE, closes_at=DUE + timedelta(hours=2), state=Stand.OPEN, numbers={State.OPEN: 3}
)


def say(said):  # type: ignore[no-untyped-def]
    return SPEECH.say(said, Reader())


def lesson(parts: int = 1, *media: str) -> Lesson:
    """Make a lesson whose text falls into so many messages, with media of these hashes."""
    paragraph = "学" * (PART_BYTES // 9) + "。"
    body = "\n\n".join(f"第 {number} 部分 {paragraph}" for number in range(parts))
    made = Lesson(
        id=LessonId("lesson"),
        owner=OrganisationId("roof"),
        kind=Kind.LESSON,
        title="安全生产",
        body=body if parts > 1 else "第 0 部分",
        media=tuple(Medium(hash=hash, name=f"{hash}.png") for hash in media),
    )
    assert text_parts(made) == parts
    return made


def shown(layout: Layout, of: Lesson) -> list[str]:
    """Return what stands in a room, top to bottom, each message by its number and its first words."""
    found = messages(layout, of, STANDING, say)
    return [found[place.part].medium.hash if place.medium else found[place.part].body for place in layout.places]  # type: ignore[union-attr]


def test_a_card_is_posted_media_first_and_its_last_message_is_the_live_one() -> None:
    layout = first_layout(lesson(2, "a", "b"))
    assert [(place.part, place.medium, place.text) for place in layout.places] == [
        (0, "a", None),
        (1, "b", None),
        (2, None, 0),
        (3, None, 1),
    ]
    assert (layout.live, layout.following) == (3, 4)


def test_the_same_shape_is_edited_in_place() -> None:
    before = lesson(2, "a")
    change = rearrange(first_layout(before), replace(before, title="新"))
    assert (change.amended, change.added, change.removed) == ((1, 2), (), ())
    assert change.layout == first_layout(before)


def test_more_text_is_appended_and_the_live_message_stays_what_it_was() -> None:
    after = lesson(3)
    change = rearrange(first_layout(lesson(1)), after)
    assert (change.amended, change.added, change.removed) == ((0,), (1, 2), ())
    texts = shown(change.layout, after)
    assert ["✅" in text for text in texts] == [True, False, False]
    assert ["第 0" in texts[0], "第 1" in texts[1], "第 2" in texts[2]] == [True, True, True]


def test_less_text_leaves_the_first_ones_and_the_live_one() -> None:
    after = lesson(2)
    change = rearrange(first_layout(lesson(4)), after)
    assert (change.amended, change.added, change.removed) == ((0, 3), (), (1, 2))
    assert change.layout.live == 3
    texts = shown(change.layout, after)
    assert "第 0" in texts[0]
    assert "第 1" in texts[1]
    assert "✅" in texts[1]


def test_media_that_stay_are_left_alone_others_go_and_new_ones_are_appended() -> None:
    after = lesson(1, "b", "c")
    change = rearrange(first_layout(lesson(1, "a", "b")), after)
    assert (change.amended, change.added, change.removed) == ((2,), (3,), (0,))
    assert shown(change.layout, after)[0] == "b"
    assert shown(change.layout, after)[-1] == "c"


shapes = st.tuples(st.integers(1, 4), st.lists(st.sampled_from("abc"), max_size=3))


@given(st.lists(shapes, min_size=2, max_size=5))
def test_however_often_it_is_corrected_each_part_is_shown_once_in_order_and_one_message_is_live(
    revisions: list[tuple[int, list[str]]],
) -> None:
    first = lesson(revisions[0][0], *revisions[0][1])
    layout, used = first_layout(first), set(range(first_layout(first).following))
    live = layout.live
    for parts, media in revisions[1:]:
        after = lesson(parts, *media)
        before = {place.part for place in layout.places}
        change = rearrange(layout, after)
        assert not used & set(change.added)
        assert before | set(change.added) == {place.part for place in change.layout.places} | set(change.removed)
        used |= set(change.added)
        layout = change.layout
        assert layout.live == live
        assert [place.text for place in layout.places if place.text is not None] == list(range(parts))
        assert sorted(place.medium for place in layout.places if place.medium) == sorted(media)
        assert sum("✅" in text for text in shown(layout, after)) == 1
