"""A test that hangs is ended and named, with what every thread was at, and the tests after it go on."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
HANGING = """
import asyncio, threading
import pytest

def waits_for_ever():
    threading.Event().wait()

@pytest.mark.timeout(1)
def test_that_hangs_in_a_thread_of_its_own():
    beside = threading.Thread(target=waits_for_ever, daemon=True)
    beside.start()
    beside.join()

@pytest.mark.timeout(1)
async def test_that_awaits_what_never_comes():
    await asyncio.get_running_loop().create_future()

def test_that_comes_after():
    pass
"""


def test_a_test_that_hangs_is_ended_and_named_and_the_next_one_runs(tmp_path: Path) -> None:
    """Control of the limit that every test has."""
    (tmp_path / "test_hanging.py").write_text(HANGING)
    command = [sys.executable, "-m", "pytest", "-v", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [*command, str(tmp_path / "test_hanging.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    for name in ("test_that_hangs_in_a_thread_of_its_own", "test_that_awaits_what_never_comes"):
        assert f"_ {name} _" in done.stdout, done.stdout
    assert "2 failed, 1 passed" in done.stdout
    assert "Timeout" in done.stdout
    assert "in waits_for_ever" in done.stdout + done.stderr


def test_every_test_has_a_limit() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    assert options["timeout"] > 0
