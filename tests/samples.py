"""Makes a value of any of our kinds out of nothing but its types, for tests that hold for all kinds alike."""

from __future__ import annotations

import collections.abc
import types
import typing
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Any

from msgspec import Struct

_PLAIN: dict[Any, Any] = {
    str: "x",
    bool: False,
    int: 1,
    bytes: b"x",
    datetime: datetime(2026, 11, 24, tzinfo=UTC),
    date: date(2026, 11, 24),
    time: time(),
    timedelta: timedelta(),
}


def sample(kind: type[Any]) -> Any:
    """Return a value of a kind in which every part that may be there is there."""
    hints = typing.get_type_hints(kind)
    return kind(**{name: _value(hints[name]) for name in kind.__struct_fields__})


def _value(wanted: Any) -> Any:
    if isinstance(wanted, typing.NewType):
        return _value(wanted.__supertype__)
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        return _value(next(one for one in inner if one is not type(None)))
    if origin in (tuple, list, collections.abc.Sequence):
        return tuple(_value(one) for one in inner if one is not Ellipsis)
    if origin is not None:
        return origin() if isinstance(origin, type) and origin in (dict, set, frozenset) else {}
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return next(iter(wanted))
    if isinstance(wanted, type) and issubclass(wanted, Struct):
        return sample(wanted)
    return _PLAIN.get(wanted)
