"""Words as they lie in the database: keys and parameters, never finished sentences; what lets somebody in is sealed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from content.decision import Parameter, Secret, Words
from storage.chain import Chain
from storage.sealed import seal, unseal


def save_words(words: Words, chain: Chain) -> dict[str, Any]:
    """Return words as plain JSON; secrets among them under the record's key."""
    return {"key": words.key, "parameters": {name: _save(value, chain) for name, value in words.parameters.items()}}


def _save(value: Parameter, chain: Chain) -> Any:
    if isinstance(value, Secret):
        return {"sealed": seal(chain.sealing_key, value)}
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    if isinstance(value, tuple):
        return {"lines": [save_words(line, chain) for line in value]}
    return value


def load_words(saved: dict[str, Any], chain: Chain | None = None) -> Words:
    """Return the words that were saved; without the record's key secrets stay out of them.

    Raises Unopened where a secret was sealed under another key.
    """
    return Words(
        key=saved["key"], parameters={name: _load(value, chain) for name, value in saved["parameters"].items()}
    )


def _load(value: Any, chain: Chain | None) -> Parameter:
    if isinstance(value, dict):
        if "sealed" in value:
            return unseal(chain.sealing_key, value["sealed"]) if chain is not None else Secret()
        if "at" in value:
            return datetime.fromisoformat(value["at"])
        return tuple(load_words(line, chain) for line in value["lines"])
    return value  # type: ignore[no-any-return]
