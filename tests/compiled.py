"""Keeps compiled modules for the length of a run where the environment forbids to write them.

The tests start the program and homeservers some hundreds of times. With ``PYTHONDONTWRITEBYTECODE`` each start compiles
everything anew, which is most of what a start costs. The wish behind that variable is kept: nothing is written beside
the sources, but into a folder that is gone after the run.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Give this process, its workers and every program that they start a folder for compiled modules."""
    if not os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        return
    folder = tempfile.mkdtemp(prefix="zhibu-compiled-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = folder
    sys.dont_write_bytecode = False
