"""Every named place between two durable steps is known to the tests, and a life that ends there costs nothing."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.faults import oracle
from tests.faults.points import ALL, AT_FIRST_START, AT_WORK, written
from tests.faults.trials import killed_at_places

ROOMS = ("bot", "console", "content", "storage", "zhibu")


def test_every_place_is_known_to_the_tests_and_none_is_known_that_is_not_there() -> None:
    assert sorted(ALL) == sorted({name for name, _ in written()})


def test_every_place_has_a_name_of_its_own() -> None:
    assert [name for name, times in Counter(name for name, _ in written()).items() if times > 1] == []


def test_the_judge_knows_no_code_of_the_program() -> None:
    source = ast.parse(Path(oracle.__file__).read_text(encoding="utf-8"))
    modules = [node.module for node in ast.walk(source) if isinstance(node, ast.ImportFrom)]
    modules += [name.name for node in ast.walk(source) if isinstance(node, ast.Import) for name in node.names]
    assert not [name for name in modules if name and name.partition(".")[0] in (*ROOMS, "tests")]


async def test_a_life_that_ends_at_any_place_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """R1, R3, R8, F01, F02, F03, F15: each place at which the running program can be cut off, one after the other."""
    tally = await killed_at_places(tmp_path, seed=1)
    assert tally.failures == []
    assert tally.tried == len(AT_FIRST_START) - 1 + len(AT_WORK) + 1


@pytest.mark.parametrize("name", ["outbox.sent_before_mark", "store.after_commit"])
def test_a_place_that_is_not_armed_is_passed(name: str) -> None:
    from storage.crashpoints import crashpoint

    crashpoint(name)
