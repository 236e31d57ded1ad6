"""Finds the system programs that some tests need, and says loudly which are missing and how to get them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

INSTALL = "apt-get update && apt-get install -y"

ONE_LOOK = "--js-flags=--single-threaded,--no-opt"
"""For a Chromium that looks at each page once: to make its scripts faster costs more than they take that way."""


def find_chromium() -> str | None:
    """Return an installed Chromium or Chrome: the system's first, else the one that Playwright has downloaded."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    downloads = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
    return next((str(path) for path in sorted(downloads.glob("chromium-*/chrome-linux*/chrome"))), None)


def find_headless() -> str | None:
    """Return the Chromium that never has a window, if it is installed: there a page costs a quarter less."""
    return shutil.which("chromium-headless-shell")


def find_postgresql() -> Path | None:
    """Return the folder of the newest PostgreSQL server's programs."""
    if initdb := shutil.which("initdb"):
        return Path(initdb).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


def find_proxy(name: str) -> str | None:
    """Return the program of a reverse proxy, which need not be in everybody's path."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


def missing() -> dict[str, str]:
    """Return what is missing: the tests that cannot run, and the package that would let them."""
    lacks = {}
    if find_chromium() is None:
        lacks["journeys in a browser"] = "chromium fonts-noto-cjk"
    if find_postgresql() is None:
        lacks["the PostgreSQL half of the storage tests"] = "postgresql"
    if shutil.which("soffice") is None:
        lacks["our sheets in an office program"] = "libreoffice-calc-nogui libreoffice-writer-nogui"
    if shutil.which("systemd-analyze") is None:
        lacks["the look at the units"] = "systemd"
    if find_proxy("nginx") is None or find_proxy("caddy") is None:
        lacks["the examples for proxies"] = "nginx-light caddy"
    return lacks


def in_ci() -> bool:
    """Tell whether a missing program must fail the run."""
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


if __name__ == "__main__":
    lacks = missing()
    for tests, packages in lacks.items():
        print(f"*** NOT RUN: {tests}. To run them: {INSTALL} {packages}", file=sys.stderr)
    sys.exit(1 if lacks and in_ci() else 0)
