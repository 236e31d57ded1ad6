"""Values that hold a secret, and do not show it where they are written down for a person to read."""

from __future__ import annotations

from msgspec import Struct


def repr_without(value: Struct, *hidden: str) -> str:
    """Write a value down as any other of its kind is written, without its hidden fields."""
    shown = (f"{name}={getattr(value, name)!r}" for name in value.__struct_fields__ if name not in hidden)
    return f"{type(value).__name__}({', '.join(shown)})"
