"""Addresses of the console's pages, which keep the place in the tree where the person is."""

from __future__ import annotations

from typing import Any

from flask import url_for

from console import access


def link(endpoint: str, **values: Any) -> str:
    """Return the address of a page, at the place in the tree where the person is; ``None`` leaves a value out."""
    at = access.signed_in()
    if at is not None and at.chosen is not None:
        values.setdefault("org", at.chosen.id)
    return url_for(endpoint, **{name: value for name, value in values.items() if value is not None})
