"""Explicit lists are complete: facts and their writers, effects and the way out, settings and their example."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

import bot
import console
import content
import storage
import zhibu
from bot.commands.registry import BY_VERB, COMMANDS
from bot.commands.vocabulary import WORDS, Verb
from content.decision import Effect, Fact
from storage import effects
from storage.facts import WRITERS
from storage.outbox import Cancelled
from storage.tables import metadata
from zhibu.config import EXAMPLE, TABLES, load_config

ROOT = Path(__file__).parents[2]
WORKING_EXAMPLES = {("bot", "homeserver"), ("bot", "user"), ("bot", "password_file")}
"""Settings that have no default, or none that would show what they are for."""


MUTABLE = {("console/new_sheets.py", "_Survey"), ("console/videos.py", "_Seen"), ("zhibu/doctor/findings.py", "Known")}
"""Values that are filled while something is read or looked at, and thrown away afterwards."""


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
    return {kind for kind in ours if not kind.__subclasses__()}


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
            if (name, key) not in WORKING_EXAMPLES and (default is NODEFAULT or shown[key] != default):
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


def loose_values(source: str) -> set[str]:
    """Return the classes of values in a module that can be changed, or filled by position, and each dataclass."""
    loose = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            given = {one.arg for one in node.keywords if ast.unparse(one.value) == "True"}
            decorated = any("dataclass" in ast.unparse(one) for one in node.decorator_list)
            value = given or any(ast.unparse(one) == "Struct" for one in node.bases)
            if decorated or (value and not given >= {"frozen", "kw_only"}):
                loose.add(node.name)
    return loose


def test_all_values_are_frozen_structs_whose_parts_are_named() -> None:
    found = {
        (str(path.relative_to(ROOT)), name)
        for room in (content, storage, bot, console, zhibu)
        for path in sorted(Path(room.__path__[0]).rglob("*.py"))
        for name in loose_values(path.read_text())
    }
    assert found == MUTABLE
    import_all(content, storage)
    for kind in kinds_of(Fact) | kinds_of(Effect):
        assert kind.__struct_config__.frozen, kind


def test_a_value_that_can_be_changed_would_be_seen() -> None:
    source = "@dataclass(frozen=True)\nclass A: ...\nclass B(Struct): ...\nclass C(Fact, frozen=True): ...\n"
    assert loose_values(source + "class D(Struct, frozen=True, kw_only=True): ...\n") == {"A", "B", "C"}


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
    class Room(Struct, frozen=True, kw_only=True):
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
