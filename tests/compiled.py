"""Keeps compiled modules for the length of a run where the environment forbids to write them.

The tests start the program and homeservers some hundreds of times. With ``PYTHONDONTWRITEBYTECODE`` each start compiles
everything anew, which is most of what a start costs. The wish behind that variable is kept: nothing is written beside
the sources, but into a folder that is gone after the run. What stands compiled beside the libraries is used from there.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

PASSED_OVER = {"site-packages", "test", "tests"}
"""Folders within a place whose modules no test imports."""


def pytest_configure(config: pytest.Config) -> None:
    """Give this process, its workers and every program that they start a folder for compiled modules."""
    if not os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        return
    folder = tempfile.mkdtemp(prefix="zhibu-compiled-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    for place in ("stdlib", "purelib"):
        point_to_compiled(Path(sysconfig.get_path(place)), Path(folder))
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = folder
    sys.dont_write_bytecode = False


def point_to_compiled(place: Path, folder: Path) -> None:
    """Let a folder of compiled modules lead to those that a place has beside its sources; a stale one is not used."""
    for at, folders, files in os.walk(place):
        if at.endswith("__pycache__"):
            into = folder / Path(at).parent.relative_to(place.anchor)
            into.mkdir(parents=True, exist_ok=True)
            for name in files:
                if name.endswith(f".{sys.implementation.cache_tag}.pyc"):
                    os.symlink(f"{at}/{name}", into / name)
        folders[:] = [name for name in folders if name not in PASSED_OVER]
