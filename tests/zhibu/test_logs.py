"""What other libraries log says who wrote it and what kind of error it was, and quotes nobody."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from structlog.testing import capture_logs

from console.server import Discreet
from storage.engines import open_engine
from zhibu.logs import Lossy, plain

FAILING = """
import logging
from zhibu.logs import configure_logs

configure_logs()
try:
    raise ValueError("a secret of the message")
except ValueError:
    logging.getLogger("asyncio").error("a secret of the line %s", "a secret of its gap", exc_info=True, stack_info=True)
logging.getLogger("flask").critical("a secret of the line")
logging.getLogger("aiohttp.server").error("a secret of the line")
"""


def test_a_librarys_error_is_one_line_of_json_with_the_kind_of_error_alone() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FAILING], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert [json.loads(line) for line in ran.stderr.splitlines()] == [
        {"level": "error", "library": "asyncio", "kind": "ValueError", "place": "<string>:7 <module>"},
        {"level": "critical", "library": "flask"},
    ]
    assert ran.stdout == ""


LOST = """
import asyncio, gc, sys, threading
from zhibu.logs import configure_logs

configure_logs()

def broken(words):
    kept = "a secret of the frame"
    raise ValueError("a secret of the message " + words)

thread = threading.Thread(target=broken, args=("a secret of the argument",), name="a secret of the name")
thread.start()
thread.join()

class Odd:
    def __del__(self):
        broken("at the end")

Odd()

async def work():
    async def lost():
        broken("in a task")

    task = asyncio.create_task(lost(), name="a secret of the task")
    await asyncio.wait([task])
    del task
    gc.collect()
    asyncio.get_running_loop().call_soon(broken, "in a call back")
    await asyncio.to_thread(lambda: None)

asyncio.run(work())
broken("at last")
"""


def test_what_nobody_catches_is_one_line_with_its_kind_and_its_place_and_quotes_nobody() -> None:
    """S65: a thread, a destructor, a forgotten task, a call back of the loop, and the program itself."""
    ran = subprocess.run(
        [sys.executable, "-c", LOST], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [line.get("where", line.get("library")) for line in lines] == [
        "thread",
        "end",
        "asyncio",
        "asyncio",
        "program",
    ]
    assert {(line["kind"], line["place"]) for line in lines} == {("ValueError", "<string>:9 broken")}
    assert "secret" not in ran.stderr
    assert "Traceback" not in ran.stderr


def test_with_debug_on_the_trace_of_an_error_of_the_program_is_shown() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from zhibu.logs import configure_logs\nconfigure_logs()\n1 / 0"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "ZHIBU_DEBUG": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ZeroDivisionError" in ran.stderr
    assert "Traceback" in ran.stderr


def test_a_person_at_a_terminal_reads_plain_lines_in_which_nothing_moves_their_cursor() -> None:
    """I034: a line break or an escape in a value is written, not done."""
    line = {"event": "beat failed\n", "kind": "x\x1b[2J\ny", "level": "error", "timestamp": "2026-07-01T04:00:00.123Z"}
    assert plain(line) == r'04:00:00 ERROR beat failed\n kind="x\u001b[2J\ny"'


def test_what_the_server_of_pages_says_of_an_error_quotes_no_request() -> None:
    server = Discreet(("127.0.0.1", 0), lambda _environment, _start: [])
    with capture_logs() as logs:
        try:
            raise ValueError("a secret of the request")
        except ValueError:
            server.error_log("Error in HTTPServer.serve: a secret of the request", logging.ERROR, traceback=True)
        server.error_log("a secret that is no error", logging.INFO)
    assert logs == [{"event": "server had an error", "kind": "ValueError", "log_level": "error"}]


class Narrow(io.StringIO):
    """A log whose disk is full for a while."""

    full = False

    def flush(self) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "no space left on device")


def test_a_log_that_cannot_be_written_stops_nothing_and_says_later_how_much_is_missing() -> None:
    """F61: whoever logs in the middle of their work goes on with it."""
    stream = Narrow()
    out = Lossy(stream)
    print("before", file=out, flush=True)
    stream.full = True
    before = stream.getvalue()
    for line in "abc":
        print(line, file=out, flush=True)
    assert out.lost == 3
    stream.full = False
    stream.truncate(len(before))
    stream.seek(len(before))
    print("after", file=out, flush=True)
    assert stream.getvalue().splitlines() == ["before", '{"event": "lines lost", "n": 3, "level": "error"}', "after"]


FULL = """
import logging, structlog
from zhibu.logs import configure_logs
configure_logs()
for _ in range(3):
    structlog.get_logger("zhibu").error("delivery round failed")
    logging.getLogger("another").error("broken")
print("went on")
"""


def test_a_program_whose_log_is_on_a_full_disk_goes_on() -> None:
    """F61: the real stream on a device that is always full."""
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-c", FULL],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=full,
            check=False,
        )
    assert ran.stdout == b"went on\n"


async def test_an_error_of_the_database_does_not_quote_what_was_to_be_written(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    async with engine.connect() as connection:
        with pytest.raises(SQLAlchemyError) as raised:
            await connection.execute(text("SELECT * FROM nowhere WHERE words = :words"), {"words": "a secret"})
    await engine.dispose()
    assert "a secret" not in str(raised.value)
