"""Words as they lie in the database: keys and parameters, never finished sentences; what lets somebody in is sealed."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from content.decision import Parameter, Secret, SecretLines, Words
from storage.vault import Vault


def save_words(words: Words, vault: Vault, *where: str) -> dict[str, Any]:
    """Return words as plain JSON; secrets among them sealed for the row, and the person, that are named."""
    parameters = {name: _save(value, vault, where) for name, value in words.parameters.items()}
    return {"key": words.key, "parameters": parameters}


def _save(value: Parameter, vault: Vault, where: tuple[str, ...]) -> Any:
    if isinstance(value, Secret):
        return {"sealed": vault.seal_secret(value, *where)}
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    if isinstance(value, SecretLines):
        lines = [save_words(line, vault, *where) for line in value]
        return {"sealed_lines": vault.seal_secret(Secret(json.dumps(lines, ensure_ascii=False)), *where)}
    if isinstance(value, tuple):
        return {"lines": [save_words(line, vault, *where) for line in value]}
    return value


def load_words(saved: dict[str, Any], vault: Vault | None = None, *where: str) -> Words:
    """Return the words that were saved; without what opens them, secrets stay out of them.

    Raises Unreadable where a secret was sealed under another key, or for another row.
    """
    parameters = {name: _load(value, vault, where) for name, value in saved["parameters"].items()}
    return Words(key=saved["key"], parameters=parameters)


def _load(value: Any, vault: Vault | None, where: tuple[str, ...]) -> Parameter:
    if isinstance(value, dict):
        if "sealed" in value:
            return vault.open_secret(value["sealed"], *where) if vault is not None else Secret()
        if "sealed_lines" in value:
            if vault is None:
                return SecretLines()
            lines = json.loads(vault.open_secret(value["sealed_lines"], *where))
            return SecretLines(load_words(line, vault, *where) for line in lines)
        if "at" in value:
            return datetime.fromisoformat(value["at"])
        return tuple(load_words(line, vault, *where) for line in value["lines"])
    return value  # type: ignore[no-any-return]
