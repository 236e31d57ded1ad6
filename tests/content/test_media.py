"""A medium says what it is and what it weighs, and what the homeserver would not take is refused beforehand."""

from __future__ import annotations

import pytest

from content.decision import Refusal
from content.media import ASSUMED_LIMIT, LARGEST_BYTES, Kind, Medium, caption, most_bytes, refuse_larger, weight
from content.speech import Reader
from zhibu.catalogue import load_speech

SPEECH = load_speech()
MEGA = 1024 * 1024


@pytest.mark.parametrize(
    ("medium", "said"),
    [
        (Medium(hash="a", name="a.png", alternative="地图"), "地图"),
        (Medium(hash="a", name="a.png"), "a.png"),
        (
            Medium(hash="a", name="讲解.mp4", kind=Kind.VIDEO, size=18 * MEGA, seconds=200),
            "视频：讲解.mp4（3:20 · 18 MB，建议连上 Wi-Fi 再看）",
        ),
        (Medium(hash="a", name="短片.mp4", kind=Kind.VIDEO, size=800 * 1024), "视频：短片.mp4（800 kB）"),
        (
            Medium(hash="a", name="条例.pdf", kind=Kind.DOCUMENT, size=1, pages=12),
            "文件：条例.pdf（PDF · 12 页 · 1 kB）",
        ),
        (Medium(hash="a", name="条例.pdf", kind=Kind.DOCUMENT, size=2 * MEGA), "文件：条例.pdf（PDF · 2 MB）"),
    ],
)
def test_a_caption_says_what_opening_it_asks_of_a_phone(medium: Medium, said: str) -> None:
    assert SPEECH.say(caption(medium), Reader()) == said


def test_weights_are_rounded_up_as_people_write_them() -> None:
    assert [weight(size) for size in (0, 1, 1024, 1025, MEGA, MEGA + 1)] == [
        "0 kB",
        "1 kB",
        "1 kB",
        "2 kB",
        "1 MB",
        "2 MB",
    ]


def test_the_smaller_of_our_own_limit_and_the_homeserver_s_holds() -> None:
    assert most_bytes(None) == ASSUMED_LIMIT
    assert most_bytes(MEGA) == MEGA
    assert most_bytes(500 * MEGA) == LARGEST_BYTES


def test_what_is_too_large_is_named_with_its_size_and_the_limit() -> None:
    media = [Medium(hash="a", name="小.png", size=10), Medium(hash="b", name="大.mp4", kind=Kind.VIDEO, size=3 * MEGA)]
    answer = refuse_larger(media, limit=2 * MEGA)
    assert isinstance(answer, Refusal)
    said = SPEECH.say(answer.words, Reader())
    assert "大.mp4" in said
    assert "3 MB" in said
    assert "2 MB" in said
    assert refuse_larger(media, limit=3 * MEGA) is None
