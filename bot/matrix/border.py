"""The border: nothing the homeserver sends passes unless its shape, depth, size and text are what we can hold."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.matrix.events import Event, Poison

BODY_CAP = 32 * 1024 * 1024
"""Bytes of one answer."""
DEPTH_CAP = 50
SIZE_CAP = 256 * 1024
"""Characters of one event; the homeserver's own limit for what a member can send is 65,536 bytes."""
RAW_CAP = 128 * 1024
CUT_DEPTH = 200
ID_CAP = 255
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_SECONDS = LATEST.timestamp()

# Line feed, carriage return and tab are text; every other control sign and a lone surrogate is not.
UNTEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


class Malformed(Exception):
    """A value that we refuse; the text names the class of the fault."""


def read_json(body: bytes | str) -> Any:
    """Parse JSON from a stranger: any size of number, any depth, NaN; raises Malformed.

    What nests deeper than we ever accept is cut off, so that one deep event cannot make a whole answer unreadable.
    """
    try:
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
        try:
            return _loads(text)
        except RecursionError:
            return _loads(_cut_deep(text))
    except (ValueError, RecursionError) as error:
        raise Malformed("not_json") from error


def _loads(text: str) -> Any:
    return json.loads(text, parse_int=_integer, parse_float=_real, parse_constant=lambda _: None)


def _integer(digits: str) -> int | str:
    # Python refuses to convert thousands of digits, and both databases hold 64 bits.
    return int(digits) if len(digits) <= 18 else digits[:20]


def _real(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _cut_deep(text: str) -> str:
    """Replace every value that begins below CUT_DEPTH by null, without recursion."""
    kept: list[str] = []
    depth = start = 0
    for token in TOKENS.finditer(text):
        sign = token.group()
        if sign in "[{":
            if depth == CUT_DEPTH:
                kept.append(text[start : token.start()] + "null")
            depth += 1
        elif sign in "]}":
            depth -= 1
            if depth == CUT_DEPTH:
                start = token.end()
            elif depth < 0:
                raise Malformed("not_json")
    return "".join(kept) + text[start:]


def clean_text(text: str) -> str:
    """Replace what neither database holds as text (NUL, control signs, lone surrogates) by U+FFFD."""
    return UNTEXT.sub("\ufffd", text) if _is_unclean(text) else text


def _is_unclean(text: str) -> bool:
    # What can be printed is clean, and that is told at a fraction of the search's cost.
    return not text.isprintable() and UNTEXT.search(text) is not None


def clean(value: Any, *, size: int = SIZE_CAP) -> Any:
    """Return a JSON value with clean text, itself where it is; raise Malformed for too deep or larger than ``size``."""
    return _cleaned(value) if _is_unclean("".join(_texts(value, size))) else value


def _texts(value: Any, left: int) -> list[str]:
    """Return all texts of a JSON value, level by level; raise Malformed for one that is too deep or too large."""
    texts: list[str] = []
    level: list[Any] = [[value]]
    for _ in range(DEPTH_CAP + 1):
        below: list[Any] = []
        for one in level:
            inside = one
            if type(one) is dict:
                texts += one
                left -= sum(map(len, one)) + 2 * len(one)
                inside = one.values()
            for inner in inside:
                # JSON has no other types than these; this is asked of every value that is heard.
                kind = type(inner)
                if kind is str:
                    texts.append(inner)
                    left -= len(inner) + 2
                elif kind is dict or kind is list:
                    below.append(inner)
                elif inner is None or kind is int or kind is float or kind is bool:
                    left -= 4
                else:
                    raise Malformed("not_json")
        if left < 0:
            raise Malformed("too_large")
        if not below:
            return texts
        level = below
    raise Malformed("too_deep")


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(key): _cleaned(inner) for key, inner in value.items()}
    return [_cleaned(inner) for inner in value] if isinstance(value, list) else value


def mapping(value: object) -> dict[str, Any]:
    """Return the value when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    """Return the value when it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def text_or_none(value: object, cap: int = ID_CAP) -> str | None:
    """Return the value when it is a text of 1 to ``cap`` characters, cleaned; else None."""
    return clean_text(value) if isinstance(value, str) and 0 < len(value) <= cap else None


def events_of(part: object) -> list[Any]:
    """Return the ``events`` array of a part of a sync response, whatever the part is."""
    return sequence(mapping(part).get("events"))


def well_formed(payload: object) -> bool:
    """Tell whether a decrypted payload has the shape of an event: an object with a text type and an object content."""
    return (
        isinstance(payload, dict)
        and text_or_none(payload.get("type")) is not None
        and isinstance(payload.get("content"), dict)
    )


def instant(milliseconds: object) -> datetime:
    """Return an aware UTC instant for a timestamp of the homeserver; nonsense is clamped, never refused."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return EARLIEST
    seconds = min(max(milliseconds / 1000, 0), _LATEST_SECONDS)
    return datetime.fromtimestamp(seconds, UTC)


def read_event(room_id: str, raw: object, *, stripped: bool = False) -> Event | Poison:
    """Turn one raw event into an Event, or into Poison with the reason; never raises.

    ``stripped`` events, the state of a room one is invited to, may lack an event id.
    """
    try:
        return _read_event(room_id, raw, stripped)
    except Malformed as error:
        return poison(room_id, raw, str(error))


def _read_event(room_id: str, raw: object, stripped: bool) -> Event:
    event = clean(raw)
    if not isinstance(event, dict) or not well_formed(event):
        raise Malformed("shape")
    sender = text_or_none(event.get("sender"))
    if sender is None or not sender.startswith("@"):
        raise Malformed("sender")
    event_id = text_or_none(event.get("event_id")) or ""
    if not stripped and not event_id.startswith("$"):
        raise Malformed("event_id")
    state_key = event.get("state_key")
    if state_key is not None and (not isinstance(state_key, str) or len(state_key) > ID_CAP):
        raise Malformed("state_key")
    content: dict[str, Any] = event["content"]
    return Event(
        room_id=room_id,
        event_id=event_id,
        sender=sender,
        type=event["type"],
        content=content,
        state_key=state_key,
        redacts=_redacts(event) if state_key is None else None,
        sent_at=instant(event.get("origin_server_ts")),
        own_transaction=text_or_none(mapping(event.get("unsigned")).get("transaction_id"), 1024),
    )


def _redacts(event: Mapping[str, Any]) -> str | None:
    """Find the target: on top before room version 11, in the content since; homeservers write both.

    Two that differ are no word of a homeserver, and name nothing.
    """
    if event["type"] != "m.room.redaction":
        return None
    inside, top = text_or_none(event["content"].get("redacts")), text_or_none(event.get("redacts"))
    return None if inside and top and inside != top else inside or top


def poison(room_id: str, raw: object, reason: str) -> Poison:
    """Keep a raw event that cannot be processed, with what can be told about it."""
    event = mapping(raw)
    try:
        text = json.dumps(raw, ensure_ascii=True)
    except (ValueError, TypeError, RecursionError):
        text = ""
    return Poison(
        room_id=room_id,
        event_id=text_or_none(event.get("event_id")),
        sender=text_or_none(event.get("sender")),
        reason=reason,
        raw=text.encode()[:RAW_CAP],
    )
