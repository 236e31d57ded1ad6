"""Explicit lists are complete: facts and their writers, effects and the way out, settings and their example."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import sys
import textwrap
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import content
import storage
from bot.commands.grammar import WORDS, Verb
from bot.commands.registry import BY_VERB, COMMANDS
from content.decision import Effect, Fact
from storage import effects
from storage.facts import WRITERS
from storage.outbox import Cancelled
from storage.tables import metadata
from zhibu.config import EXAMPLE, TABLES, load_config

ROOT = Path(__file__).parents[2]
WORKING_EXAMPLES = {("bot", "homeserver"), ("bot", "user"), ("bot", "password_file")}
"""Settings that have no default, or none that would show what they are for."""


def import_all(*rooms: ModuleType) -> None:
    """Import every module of rooms, so that all classes are known."""
    for room in rooms:
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if ".migrations" not in module.name:
                importlib.import_module(module.name)


def kinds_of(base: type[Any]) -> set[type[Any]]:
    """Return all kinds of a thing that the rooms define; a family of kinds is none itself."""
    direct = set(base.__subclasses__())
    found = direct | {kind for one in direct for kind in kinds_of(one)}
    ours = [kind for kind in found if kind.__module__.split(".")[0] in ("content", "storage", "bot", "console")]
    # A slotted dataclass leaves the class it was made from behind; only the one in the module counts.
    defined = {getattr(sys.modules[kind.__module__], kind.__name__) for kind in ours}
    return {kind for kind in defined if not kind.__subclasses__()}


def without_writer(kinds: Iterable[type[Any]], writers: Mapping[type[Fact], object]) -> set[str]:
    """Return the facts that nobody would write down."""
    return {kind.__name__ for kind in kinds if not writers.get(kind)}


def without_way_out(kinds: Iterable[type[Any]], source: str) -> set[str]:
    """Return the effects that the outbox does not name."""
    named = {
        node.cls.id
        for node in ast.walk(ast.parse(textwrap.dedent(source)))
        if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name)
    }
    return {kind.__name__ for kind in kinds} - named


def example_troubles(example: Mapping[str, Mapping[str, Any]], tables: Mapping[str, type[Any]]) -> set[str]:
    """Return the settings that are missing in the example, unknown to the program, or shown with another default."""
    troubles = set()
    for name, kind in tables.items():
        known = {one.name: one for one in fields(kind)}
        shown = example.get(name, {})
        troubles |= {f"{name}.{key}" for key in known.keys() ^ shown.keys()}
        for key in known.keys() & shown.keys():
            default = known[key].default
            if (name, key) not in WORKING_EXAMPLES and (default is MISSING or shown[key] != default):
                troubles.add(f"{name}.{key}")
    return troubles | (set(example) - set(tables))


def test_every_fact_has_a_writer() -> None:
    import_all(content, storage)
    assert without_writer(kinds_of(Fact), WRITERS) == set()
    assert set(WRITERS) == kinds_of(Fact)


def test_a_fact_without_a_writer_would_be_seen() -> None:
    writers = {kind: writer for kind, writer in WRITERS.items() if kind is not Cancelled}
    assert without_writer(kinds_of(Fact), writers) == {"Cancelled"}


def test_every_effect_has_a_way_out() -> None:
    import_all(content, storage)
    assert without_way_out(kinds_of(Effect), inspect.getsource(effects.enqueue)) == set()


def test_an_effect_without_a_way_out_would_be_seen() -> None:
    class Shout(Effect):
        """Say something loudly."""

    assert without_way_out([Shout], inspect.getsource(effects.enqueue)) == {"Shout"}


def test_facts_are_past_and_all_values_are_frozen_and_slotted() -> None:
    import_all(content, storage)
    for kind in kinds_of(Fact) | kinds_of(Effect):
        parameters = kind.__dataclass_params__
        assert parameters.frozen, kind
        assert "__slots__" in vars(kind), kind
        assert all(one.kw_only for one in fields(kind)), kind


def test_the_example_shows_every_setting_with_its_default() -> None:
    assert example_troubles(tomllib.loads(EXAMPLE.read_text()), TABLES) == set()


def test_the_example_runs_as_it_is() -> None:
    assert load_config(EXAMPLE).bot.user.startswith("@")


def test_every_setting_of_the_example_is_explained() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for number, line in enumerate(lines):
        if "=" in line and not line.startswith("#"):
            assert lines[number - 1], line
            assert not lines[number - 1].startswith("["), line


def test_an_example_that_differs_would_be_seen() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Room:
        """Settings of a room."""

        port: int = 1
        host: str = "a"

    assert example_troubles({"room": {"port": 2, "hots": "a"}, "other": {}}, {"room": Room}) == {
        "room.port",
        "room.host",
        "room.hots",
        "other",
    }


def test_every_verb_has_words_and_one_command() -> None:
    assert set(WORDS) == set(BY_VERB) == set(Verb)
    assert len(COMMANDS) == len(BY_VERB)
    words = [word for all_words in WORDS.values() for word in all_words]
    assert len(words) == len(set(words))


def test_every_table_is_known_to_the_one_metadata() -> None:
    import_all(storage)
    names = {
        table.name
        for module in pkgutil.walk_packages(storage.__path__, "storage.")
        if ".migrations" not in module.name
        for table in vars(importlib.import_module(module.name)).values()
        if type(table).__name__ == "Table"
    }
    assert names == set(metadata.tables)
