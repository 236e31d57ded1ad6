"""Nothing that a stranger can write passes the border unless both databases and our rules can hold it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matrix import border
from bot.matrix.events import Event, Poison

GOOD = {
    "type": "m.room.message",
    "event_id": "$event",
    "sender": "@member:x",
    "origin_server_ts": 1_790_000_000_000,
    "content": {"msgtype": "m.text", "body": "学完"},
}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)


def deep(levels: int) -> Any:
    """Nest lists."""
    value: Any = "bottom"
    for _ in range(levels):
        value = [value]
    return value


def test_a_good_event_passes_with_its_time_in_utc() -> None:
    event = border.read_event("!r", GOOD)
    assert isinstance(event, Event)
    assert event.content["body"] == "学完"
    assert event.sent_at == datetime.fromtimestamp(1_790_000_000, UTC)


@given(ANY_JSON)
def test_any_json_becomes_an_event_or_poison(raw: Any) -> None:
    """N20, I010."""
    assert isinstance(border.read_event("!r", raw), Event | Poison)


@given(st.sampled_from(sorted(GOOD)), ANY_JSON)
def test_any_value_in_any_field_becomes_an_event_or_poison(name: str, value: Any) -> None:
    """N20, I010, I011."""
    read = border.read_event("!r", GOOD | {name: value})
    if isinstance(read, Event):
        assert isinstance(read.type, str)
        assert isinstance(read.content, dict)
        assert read.sent_at.tzinfo is UTC
        json.dumps(read.content, ensure_ascii=False).encode()
        assert "\\u0000" not in json.dumps(read.content)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"content": None}, "shape"),
        ({"type": 1}, "shape"),
        ({"type": ""}, "shape"),
        ({"type": "x" * 256}, "shape"),
        ({"sender": "member"}, "sender"),
        ({"event_id": 5}, "event_id"),
        ({"state_key": {}}, "state_key"),
        ({"content": {"a": deep(60)}}, "too_deep"),
        ({"content": {"body": "长" * 300_000}}, "too_large"),
    ],
)
def test_poison_names_its_class_and_keeps_the_raw_event(change: dict[str, Any], reason: str) -> None:
    """I009, I010."""
    read = border.read_event("!r", GOOD | change)
    assert isinstance(read, Poison)
    assert read.reason == reason
    assert read.raw.startswith(b"{")
    assert len(read.raw) <= border.RAW_CAP


def test_text_that_a_database_refuses_is_replaced() -> None:
    """I005, I006."""
    read = border.read_event("!r", GOOD | {"content": {"bo\x00dy": "a\x00b\ud800c\x1b[31m\tok\n"}})
    assert isinstance(read, Event)
    assert read.content == {"bo\ufffddy": "a\ufffdb\ufffdc\ufffd[31m\tok\n"}


@pytest.mark.parametrize("when", [-1, 10**30, float("nan"), "soon", None, True, 1e308])
def test_a_time_that_is_nonsense_is_clamped(when: Any) -> None:
    """F21."""
    read = border.read_event("!r", GOOD | {"origin_server_ts": when if when == when else None})
    assert isinstance(read, Event)
    assert border.EARLIEST <= read.sent_at <= border.LATEST


def test_one_deep_event_does_not_make_the_whole_answer_unreadable() -> None:
    """I009."""
    event = json.dumps(GOOD)
    mine = event.replace('"学完"', "x").replace(json.dumps("学完"), "[" * 30_000 + "]" * 30_000)
    body = border.read_json(f'{{"next_batch": "s1", "events": [{event}, {mine}, {event}]}}')
    assert body["next_batch"] == "s1"
    read = [border.read_event("!r", raw) for raw in body["events"]]
    assert [type(one) for one in read] == [Event, Poison, Event]


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, "]" * 10, "]" * 10 + "[" * 100_000, '{"a": "' + "[" * 5000, b"\xff\xfe", "nul"]
)
def test_what_is_not_json_is_malformed(text: str | bytes) -> None:
    with pytest.raises(border.Malformed):
        border.read_json(text)


def test_numbers_of_any_size_are_read() -> None:
    """I010."""
    body = border.read_json(f'{{"a": {"9" * 10_000}, "b": 1e999, "c": NaN, "d": -Infinity, "e": 5, "f": 0.5}}')
    assert body == {"a": "9" * 20, "b": None, "c": None, "d": None, "e": 5, "f": 0.5}


def test_the_target_of_a_redaction_is_found_in_both_places() -> None:
    top = border.read_event("!r", GOOD | {"type": "m.room.redaction", "content": {}, "redacts": "$old"})
    inside = border.read_event("!r", GOOD | {"type": "m.room.redaction", "content": {"redacts": "$new"}})
    other = border.read_event("!r", GOOD | {"redacts": "$old"})
    both = {"type": "m.room.redaction", "content": {"redacts": "$new"}, "redacts": "$new"}
    alike = border.read_event("!r", GOOD | both)
    forged = border.read_event("!r", GOOD | both | {"redacts": "$old"})
    found = [one.redacts for one in (top, inside, other, alike, forged) if isinstance(one, Event)]
    assert found == ["$old", "$new", None, "$new", None]


@pytest.mark.parametrize(("levels", "passes"), [(48, True), (49, False)])
def test_an_event_may_nest_fifty_deep(levels: int, passes: bool) -> None:
    """The event and its content are two of them."""
    read = border.read_event("!r", GOOD | {"content": {"a": deep(levels)}})
    assert isinstance(read, Event) is passes
