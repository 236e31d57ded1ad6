"""In which layout a paper is wanted as a Word file: the address says so, for branches' own papers or official ones."""

from __future__ import annotations

from flask import abort, request

from console.word import Layout


def layout() -> Layout:
    """Return the layout that the address asks for."""
    wanted = request.args.get("layout", Layout.MATERIAL)
    if wanted not in {*Layout}:
        abort(400)
    return Layout(wanted)
