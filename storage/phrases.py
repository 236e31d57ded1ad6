"""Words as they lie in the database: keys and parameters, never finished sentences."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from content.decision import Parameter, Words


def save_words(words: Words) -> dict[str, Any]:
    """Return words as plain JSON."""
    return {"key": words.key, "parameters": {name: _save(value) for name, value in words.parameters.items()}}


def _save(value: Parameter) -> Any:
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    if isinstance(value, tuple):
        return {"lines": [save_words(line) for line in value]}
    return value


def load_words(saved: dict[str, Any]) -> Words:
    """Return the words that were saved."""
    return Words(key=saved["key"], parameters={name: _load(value) for name, value in saved["parameters"].items()})


def _load(value: Any) -> Parameter:
    if isinstance(value, dict):
        if "at" in value:
            return datetime.fromisoformat(value["at"])
        return tuple(load_words(line) for line in value["lines"])
    return value  # type: ignore[no-any-return]
