"""Of the chat library only its cryptography is used: names of it that end, hang or lie on hostile input never occur."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEVER = frozenset(
    {"AsyncClient", "sync_forever", "add_event_callback", "has_permission", "has_event_permission"}
    | {"room_upgrade", "room_messages", "room_get_event", "room_context", "room_get_event_relations", "mxc_to_http"}
    | {"room_send", "room_kick", "room_ban", "room_invite", "logout", "verified"}
)


def names(source: str) -> set[str]:
    """Return every name and attribute that a module uses."""
    tree = ast.parse(source)
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return found | {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}


@pytest.mark.parametrize("path", sorted((ROOT / "bot" / "matrix").glob("*.py")), ids=lambda path: path.name)
def test_no_trap_of_the_library_is_called(path: Path) -> None:
    """N1, N3, N10, N24, N33: its loop, its callbacks, its permission checks and its success values are not used."""
    assert not names(path.read_text(encoding="utf-8")) & NEVER


def test_its_sync_tokens_are_never_stored() -> None:
    """N1."""
    source = (ROOT / "bot" / "matrix" / "crypto.py").read_text(encoding="utf-8")
    assert "store_sync_tokens=False" in source


def test_the_bot_says_nothing_by_a_reaction() -> None:
    """N40: reactions are never encrypted; taps are read, and no module that says anything knows the word."""
    speaking = [file for room in ("bot", "content") for file in (ROOT / room).rglob("*.py")]
    naming = {file.relative_to(ROOT).as_posix() for file in speaking if '"m.reaction"' in file.read_text("utf-8")}
    # Who reads them, who leaves them as they are, and what members may do in a room that is quiet otherwise.
    reading = {"bot/commands/understanding.py", "bot/matrix/history.py"}
    assert naming == {*reading, "bot/matrix/sending.py", "content/rooms.py"}


def test_a_use_would_be_found() -> None:
    assert names("async def f(client):\n    await client.sync_forever()\n") & NEVER
    assert names("from nio import AsyncClient\n") & NEVER
