"""The house is as it says: directions, form, types, captions, and no test that waits for time to pass."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.readme_map import docstring

ROOT = Path(__file__).parents[2]
ROOMS = ("bot", "console", "content", "storage", "zhibu")
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "service", "misc"}
UNFINISHED = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
OUTSIDE = ("../" + "shared", "/wo" + "rk/")
WRITTEN = ("*.py", "*.md", "*.toml", "*.po", "*.html", "*.css", "*.js", "*.mako")


def run(program: str, *arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run one of the environment's programs."""
    path = Path(sys.executable).with_name(program)
    return subprocess.run([path, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def sources(*rooms: str) -> Iterator[Path]:
    """Yield the Python files of rooms."""
    for room in rooms:
        yield from sorted((ROOT / room).rglob("*.py"))


def written() -> Iterator[Path]:
    """Yield everything that was written by hand."""
    for room in (*ROOMS, "tests", "docs", "bench"):
        for pattern in WRITTEN:
            yield from sorted((ROOT / room).rglob(pattern))
    for pattern in WRITTEN:
        yield from sorted(ROOT.glob(pattern))


def caption_trouble(source: str) -> str | None:
    """Return what is wrong with the caption of a module."""
    said = docstring(source)
    if not said:
        return "no caption"
    first = said.split("\n\n")[0].replace("\n", " ")
    if not first.endswith((".", ":")):
        return "the caption is no sentence"
    if first[0].islower():
        return "the caption begins small"
    return None


def naps(source: str) -> list[int]:
    """Return the lines on which a test waits for time to pass instead of for the thing."""
    if "sleep" not in source:
        return []
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Attribute) and node.func.attr == "sleep")
            or (isinstance(node.func, ast.Name) and node.func.id == "sleep")
        )
    ]


def pretences(source: str) -> list[int]:
    """Return the lines on which a test pretends that our own code is something else."""
    if "mock" not in source:
        return []
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module in ("unittest", "unittest.mock"):
            found += [node.lineno for name in node.names if node.module == "unittest.mock" or name.name == "mock"]
        elif isinstance(node, ast.Import):
            found += [node.lineno for name in node.names if name.name == "unittest.mock"]
    return found


UNPROVED = {"ssl", "verify_ssl", "verify", "check_hostname"}
BLIND = {"CERT_NONE", "_create_unverified_context"}


def trusting(source: str) -> list[int]:
    """Return the lines on which a server is believed without a proof of who it is."""
    if not any(name in source for name in UNPROVED | BLIND):
        return []
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.keyword(arg=str(name), value=ast.Constant(value=False)) if name in UNPROVED:
                found.append(node.value.lineno)
            case ast.Assign(targets=[ast.Attribute(attr="check_hostname")], value=ast.Constant(value=False)):
                found.append(node.lineno)
            case ast.Attribute(attr=str(name)) if name in BLIND:
                found.append(node.lineno)
    return found


def test_no_server_is_believed_without_proof() -> None:
    """F49: outside the tests there is no way past the check of certificates."""
    found = {str(file.relative_to(ROOT)): trusting(file.read_text()) for file in sources(*ROOMS)}
    assert {file: lines for file, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "bad", ["get(url, ssl=False)", "get(url, verify=False)", "c.check_hostname = False", "c.mode = ssl.CERT_NONE"]
)
def test_blind_trust_would_be_seen(bad: str) -> None:
    assert trusting(bad) == [1]


def test_rooms_look_only_where_they_may() -> None:
    done = run("lint-imports", "--no-cache")
    assert done.returncode == 0, done.stdout


def test_a_room_that_looks_the_wrong_way_would_be_seen(tmp_path: Path) -> None:
    for room, text in (("content", "import storage\n"), ("storage", "")):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text(text)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.importlinter]\nroot_packages = ["content", "storage"]\n'
        '[[tool.importlinter.contracts]]\nname = "inwards"\ntype = "layers"\nlayers = ["storage", "content"]\n'
    )
    assert run("lint-imports", "--no-cache", folder=tmp_path).returncode != 0


def test_the_form_is_kept() -> None:
    for arguments in (["check", "."], ["format", "--check", "."]):
        done = run("ruff", *arguments)
        assert done.returncode == 0, done.stdout


def test_bad_form_would_be_seen(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import os\nx = {  'a':1 }\n")
    assert run("ruff", "check", "--config", str(ROOT / "pyproject.toml"), str(bad)).returncode != 0
    assert run("ruff", "format", "--check", "--config", str(ROOT / "pyproject.toml"), str(bad)).returncode != 0


def test_types_hold() -> None:
    done = run("mypy")
    assert done.returncode == 0, done.stdout


def test_a_wrong_type_would_be_seen() -> None:
    done = run("mypy", "--strict", "-c", "def f(x: int) -> str:\n    return x\n")
    assert done.returncode != 0


def test_every_module_has_a_caption() -> None:
    troubles = {str(file.relative_to(ROOT)): caption_trouble(file.read_text()) for file in sources(*ROOMS, "tests")}
    assert {file: trouble for file, trouble in troubles.items() if trouble} == {}


@pytest.mark.parametrize("bad", ["", "x = 1", '"""no capital."""', '"""No full stop"""'])
def test_a_bad_caption_would_be_seen(bad: str) -> None:
    assert caption_trouble(bad)


def test_names_of_files_say_what_is_in_them() -> None:
    assert [str(file) for file in sources(*ROOMS, "tests") if VAGUE & set(file.stem.split("_"))] == []


def test_no_test_waits_for_time_to_pass() -> None:
    found = {str(file.relative_to(ROOT)): naps(file.read_text()) for file in sources("tests")}
    assert {file: lines for file, lines in found.items() if lines} == {}


def test_a_nap_would_be_seen() -> None:
    assert naps("import time\ntime.sleep(1)\n") == [2]
    assert naps("async def f():\n    await asyncio.sleep(0)\n") == [2]


def test_our_own_code_is_never_mocked() -> None:
    found = {str(file.relative_to(ROOT)): pretences(file.read_text()) for file in sources("tests")}
    assert {file: lines for file, lines in found.items() if lines} == {}


def test_a_mock_would_be_seen() -> None:
    for bad in ("from unittest import mock", "from unittest.mock import patch", "import unittest.mock"):
        assert pretences(bad) == [1]


def mentions(text: str, words: tuple[str, ...]) -> list[str]:
    """Return which of these words a text holds."""
    return [word for word in words if word in text]


@pytest.mark.parametrize("words", [UNFINISHED, OUTSIDE], ids=["unfinished", "outside"])
def test_nothing_is_left_for_later_and_nothing_points_out_of_the_project(words: tuple[str, ...]) -> None:
    found = {str(file.relative_to(ROOT)): mentions(file.read_text(), words) for file in written()}
    assert {file: words for file, words in found.items() if words} == {}


def test_a_mention_would_be_seen() -> None:
    assert mentions(f"# {UNFINISHED[0]}: later", UNFINISHED) == [UNFINISHED[0]]
