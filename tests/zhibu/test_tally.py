"""The command that counts worked examples: a line for each, whatever is wrong with the others."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from zhibu.cli import main

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors" / "elections.json"
GOOD = json.loads(VECTORS.read_text())[0]

CASE: dict[str, Any] = GOOD["case"]


def count(file: Path) -> Result:
    return CliRunner().invoke(main, ["tally", "--vectors", str(file)], env={"LC_ALL": "en_US.UTF-8"})


def written(folder: Path, value: object) -> Path:
    file = folder / "examples.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return file


def lines(ran: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_every_worked_example_is_passed() -> None:
    ran = count(VECTORS)
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert [set(line) for line in lines(ran)] == [{"id", "passed", "got"}] * len(json.loads(VECTORS.read_text()))
    assert all(line["passed"] for line in lines(ran))


def test_no_image_of_the_memory_is_left_where_the_program_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """L14: the key of a ballot is put together in memory, on a server or a laptop."""
    asked: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda which, most: asked.append((which, most)))
    count(VECTORS)
    assert asked == [(resource.RLIMIT_CORE, (0, 0))]


def test_what_came_out_otherwise_is_shown_and_ends_with_one(tmp_path: Path) -> None:
    wrong = {**GOOD, "expect": {**GOOD["expect"], "need": 10}}
    ran = count(written(tmp_path, [wrong, GOOD]))
    assert ran.exit_code == 1
    assert [line["passed"] for line in lines(ran)] == [False, True]
    assert lines(ran)[0]["got"] == GOOD["expect"]


def test_a_number_is_no_truth(tmp_path: Path) -> None:
    odd = {**GOOD, "expect": {**GOOD["expect"], "quorum": 1, "void": False}}
    assert [line["passed"] for line in lines(count(written(tmp_path, [odd])))] == [False]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (None, "case should be an object"),
        ([], "case should be an object"),
        ({**CASE, "rulepack": "1921"}, "The value of rulepack is not known"),
        ({**CASE, "rulepack": []}, "The value of rulepack is not known"),
        ({**CASE, "majority_base": "returned"}, "The value of majority_base is not known"),
        ({**CASE, "kind": "lottery"}, "The value of kind is not known"),
        ({**CASE, "seat": 3}, "seat is not known"),
        ({**CASE, "seats": None}, "seats should be a whole number"),
        ({**CASE, "present": 18.0}, "present should be a whole number"),
        ({**CASE, "issued": "18"}, "issued should be a whole number"),
        ({**CASE, "returned": True}, "returned should be a whole number"),
        ({**CASE, "contested": "no"}, "contested should be true or false"),
        ({**CASE, "candidates": 4}, "candidates should be names"),
        ({**CASE, "candidates": ["A", 4]}, "candidates should be names"),
        ({**CASE, "candidates": ""}, "candidates is empty"),
        ({**CASE, "candidates": "AAB"}, "candidates is empty, or names something twice"),
        ({**CASE, "eligible_writeins": [None]}, "eligible_writeins should be names"),
        ({**CASE, "ballots": {}}, "ballots should be a list"),
        ({**CASE, "ballots": [[1, {"m": {"A": "?"}, "w": []}]]}, "Ballots 1 are not understood"),
        ({**CASE, "ballots": [CASE["ballots"][0], [-1, {"m": {}, "w": []}]]}, "Ballots 2 are not understood"),
        ({**CASE, "ballots": [[True, {"m": {}, "w": []}]]}, "Ballots 1 are not understood"),
        ({**CASE, "ballots": [[1, {"m": {}, "w": [1]}]]}, "Ballots 1 are not understood"),
        ({**CASE, "ballots": [[1, {"m": {}, "w": [], "voter": "x"}]]}, "Ballots 1 are not understood"),
        ({**CASE, "ballots": [7]}, "Ballots 1 are not understood"),
    ],
)
def test_a_case_that_describes_no_election_is_not_passed_and_the_others_go_on(
    tmp_path: Path, bad: object, why: str
) -> None:
    ran = count(written(tmp_path, [{"case": bad, "expect": {}}, GOOD]))
    first, second = lines(ran)
    assert (first["passed"], first["got"], second["passed"], ran.exit_code) == (False, None, True, 1)
    assert first["reason"].startswith(why)


def test_an_example_that_is_none_is_not_passed(tmp_path: Path) -> None:
    ran = count(written(tmp_path, [7, {"case": CASE}]))
    assert [(line["id"], line["passed"]) for line in lines(ran)] == [(None, False), (CASE["id"], False)]


def test_half_a_character_in_a_name_is_printed_too(tmp_path: Path) -> None:
    odd = {"case": {**CASE, "id": "\ud83d", "candidates": ["A", "B", "C", "\ud83d"]}, "expect": {}}
    assert lines(count(written(tmp_path, [odd])))[0]["id"] == "\ud83d"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[{]", "line 1, column 3"),
        ('[\n{"case": 1}\n', "line 3, column 1"),
        ("{}", "should hold a list"),
        ("[NaN]", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_ends_with_two_and_says_where(tmp_path: Path, text: str, why: str) -> None:
    ran = count(written(tmp_path, text))
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert why in ran.stderr


def test_a_file_that_is_not_there_or_no_text_ends_with_two(tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_bytes(b"\xff\xfe\xff")
    for name in ("missing.json", "odd.json", "."):
        ran = count(tmp_path / name)
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert str(tmp_path) in ran.stderr


def test_without_a_file_it_says_how_it_is_used() -> None:
    ran = CliRunner().invoke(main, ["tally"])
    assert ran.exit_code == 2
    assert "--vectors" in ran.output


COUNTING = """
import sys
from zhibu.cli import main
main(["tally", "--vectors", sys.argv[1]], standalone_mode=False)
"""


def test_counting_loads_neither_the_bot_nor_the_console_nor_a_database() -> None:
    code = f"import atexit, sys\natexit.register(lambda: print(*sys.modules, file=sys.stderr))\n{COUNTING}"
    ran = subprocess.run(
        [sys.executable, "-c", code, str(VECTORS)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    loaded = set(ran.stderr.split())
    assert ran.returncode == 0
    assert not loaded & {"aiohttp", "bot", "console", "flask", "nio", "sqlalchemy"}
