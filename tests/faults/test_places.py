"""Every named place between two durable steps is known to the tests, and a life that ends there costs nothing."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.faults import oracle
from tests.faults.campaign import RECORD, RECORDING
from tests.faults.places import killed_at_places
from tests.faults.points import ALL, written

SEED, SAMPLE = 20261127, 4
"""At which places lives end here, and at how many; both stay as they are, so that every run does the same."""

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


async def test_lives_that_end_at_some_places_lose_and_double_nothing_and_every_place_is_passed(tmp_path: Path) -> None:
    """R1, R3, R8, F01, F02, F03, F15: a sample by a fixed seed; ``make faults`` lets lives end at all of them."""
    tally = await killed_at_places(tmp_path, SEED, sample=SAMPLE)
    assert tally.failures == [], (SEED, SAMPLE)
    assert tally.tried > SAMPLE


def test_a_place_that_no_life_passes_is_missed(tmp_path: Path) -> None:
    """Control: what the record holds is what was passed, and nothing else."""
    record, marked = tmp_path / "passed", 'from storage.crashpoints import crashpoint; crashpoint("clock.opened")'
    environment = {**os.environ, RECORD: str(record)}
    program = RECORDING.replace("from zhibu.cli import main\nmain()", marked)
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert record.read_text() == "clock.opened\n"


@pytest.mark.parametrize("name", ["outbox.sent_before_mark", "store.after_commit"])
def test_a_place_that_is_not_armed_is_passed(name: str) -> None:
    from storage.crashpoints import crashpoint

    crashpoint(name)
