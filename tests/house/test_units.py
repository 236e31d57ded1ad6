"""The units of systemd are whole, shut in, and start again exactly what a new start can mend."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from content.trouble import Exit
from tests.machine import in_ci
from zhibu.watchdog import HUNG

FOLDER = Path(__file__).parents[2] / "docs" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
PROGRAM = "/srv/zhibu/venv/bin/zhibu"

each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


@pytest.fixture
def systemd() -> None:
    """Ask for what judges units; where it is missing, a run of CI fails."""
    if shutil.which("systemd-analyze") is None:
        (pytest.fail if in_ci() else pytest.skip)("needs systemd-analyze, of the package systemd")


def setting(unit: Path, name: str) -> str:
    found = re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)
    return str(found[-1])


def copied(unit: Path, folder: Path) -> Path:
    """Return a unit whose program is there, under the name of an instance where it is a template."""
    copy = folder / unit.name.replace("@.", "@8480.")
    copy.write_text(unit.read_text().replace(PROGRAM, "/bin/true"))
    return copy


def test_there_is_a_unit_for_each_form() -> None:
    assert [unit.name for unit in UNITS] == ["zhibu-bot.service", "zhibu-console@.service", "zhibu.service"]


@each_unit
def test_what_hung_is_started_again_and_what_a_person_must_mend_is_not(unit: Path) -> None:
    """F12: the supervisor starts another process; our own watchdog comes before the supervisor's."""
    never = set(map(int, setting(unit, "RestartPreventExitStatus").split()))
    assert {Exit.USAGE, Exit.DATA, Exit.NO_PERMISSION, Exit.CONFIG} <= never <= set(map(int, Exit))
    assert not never & {Exit.HUNG, Exit.DATABASE, Exit.BUG}
    assert setting(unit, "Restart") == "on-failure"
    assert setting(unit, "Type") == "notify"
    assert int(setting(unit, "WatchdogSec")) > HUNG


@each_unit
@pytest.mark.usefixtures("systemd")
def test_systemd_finds_nothing_wrong_with_it(unit: Path, tmp_path: Path) -> None:
    copy = copied(unit, tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stderr.splitlines() if copy.name in line] == []


@each_unit
@pytest.mark.usefixtures("systemd")
def test_it_is_shut_in(unit: Path, tmp_path: Path) -> None:
    """S60: the exposure that systemd reckons is 2.5 at most, of 10."""
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(copied(unit, tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:]
