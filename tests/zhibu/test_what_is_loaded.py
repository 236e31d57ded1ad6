"""A branch on a file holds no library that it does not use: whoever adds an import that does is told here."""

from __future__ import annotations

import importlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from storage.optional_libraries import without

UNUSED = (
    *(
        "alembic",
        "babel",
        "greenlet",
        "markdown_it",
        "nh3",
        "openpyxl",
        "PIL",
        "psycopg",
        "python_calamine",
        "re2",
        "rich",
    ),
    *("sqlalchemy.dialects.postgresql", "sqlalchemy.ext.asyncio", "sqlalchemy.orm", "twisted", "xlrd", "xlsxwriter"),
)

RUNNING = """
import asyncio, sys, urllib.request
from pathlib import Path
import zhibu.cli
from zhibu.config import load_config
from zhibu.front import Front

async def main():
    from zhibu.branch import Branch
    branch = await Branch.open(load_config(Path(sys.argv[1])), Front().speech)
    print(*(name for name in ("flask", "console.app") if name in sys.modules))
    page = f"http://127.0.0.1:{branch.pages.server.port}/sign-in"
    await asyncio.to_thread(lambda: urllib.request.urlopen(page).read())
    await branch.close()
    print(*(name for name in sys.argv[2:] if name in sys.modules))

asyncio.run(main())
"""


async def test_a_running_branch_on_a_file_loads_no_library_that_it_does_not_use(
    tmp_path: Path, sqlite_template: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "zhibu.db")
    settings = tmp_path / "config.toml"
    settings.write_text(
        '[storage]\ndatabase = "sqlite:///zhibu.db"\n'
        '[bot]\nhomeserver = "http://127.0.0.1:1"\nuser = "@zhibu:example.org"\n[console]\nport = 0\n'
    )
    ran = subprocess.run(
        [sys.executable, "-c", RUNNING, str(settings), *UNUSED],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout.split(), ran.stderr, ran.returncode) == ([], "", 0), "neither before the bot has begun nor after"


SHARING = """
import ctypes, threading
from zhibu.heaps import share_one_heap

share_one_heap()
threads = [threading.Thread(target=lambda: bytearray(100_000)) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
ctypes.CDLL(None).malloc_stats()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps heaps in its own way")
def test_threads_have_no_heaps_of_their_own() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SHARING], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert "Arena 0" in ran.stderr
    assert "Arena 1" not in ran.stderr


def test_a_library_that_is_kept_away_is_found_again_afterwards() -> None:
    sys.modules.pop("this", None)
    with without("this", "sys"):
        assert importlib.import_module("sys") is sys
        with pytest.raises(ImportError):
            importlib.import_module("this")
    importlib.import_module("this")
