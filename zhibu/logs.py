"""What the program writes about itself: one line for each event, states and kinds of errors, never what people say."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO, cast

from storage.optional_libraries import without

# It would load what colours tracebacks, and what servers of other kinds are made of, where an environment has them.
with without("greenlet", "rich", "twisted"):
    import structlog

QUIET = ("nio", "aiohttp", "peewee", "sqlalchemy", "apscheduler", "cheroot", "werkzeug")
"""Libraries that put event contents and addresses with tokens into their lines."""


class Bare(logging.Formatter):
    """Writes of another library's line only who wrote it, and the type and the place of its error.

    The rest may quote people.
    """

    def __init__(self, *, plain: bool = False) -> None:
        super().__init__()
        self._plain = plain

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line = {"level": record.levelname.lower(), "library": record.name}
        if record.exc_info:
            line |= described(record.exc_info[1])
        return plain(line) if self._plain else json.dumps(line, ensure_ascii=False)


def described(error: BaseException | None) -> dict[str, str]:
    """Return the type of an error and where it was raised, without its message and without a value of anything."""
    if error is None:
        return {}
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    found = {"kind": type(error).__name__}
    if trace is not None:
        code = trace.tb_frame.f_code
        found["place"] = f"{Path(code.co_filename).name}:{trace.tb_lineno} {code.co_name}"
    return found


def plain(line: Mapping[str, Any]) -> str:
    """Return a line as a person at a terminal reads it; what could move their cursor is escaped."""
    rest = dict(line)
    at, level, event = (str(rest.pop(name, "")) for name in ("timestamp", "level", "event"))
    told = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in rest.items()]
    words = [at[11:19], level.upper() if level in ("error", "critical") else level, json.dumps(event)[1:-1], *told]
    return " ".join(word for word in words if word)


class Lossy:
    """Standard error that nobody has to wait for or trip over: what cannot be written is lost, counted, and said later.

    The disk of a log may be full, and whoever reads it may have gone.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self.lost = 0

    def write(self, text: str) -> int:
        """Write a line, or lose it."""
        if not text.strip("\n"):
            return len(text)
        with self._lock:
            said = f"{self._missing()}{text.rstrip(chr(10))}\n"
            try:
                self._stream.write(said)
                self._stream.flush()
                self.lost = 0
            except (OSError, ValueError):
                self.lost += 1
        return len(text)

    def flush(self) -> None:
        """Do nothing more: each line went out at once."""

    def _missing(self) -> str:
        return f"{json.dumps({'event': 'lines lost', 'n': self.lost, 'level': 'error'})}\n" if self.lost else ""


def configure_logs(level: int = logging.INFO) -> None:
    """Send our own lines to standard error, and of other libraries only what is broken.

    Lines are JSON, one object each, but where a person reads along.
    """
    for_a_person = sys.stderr.isatty()
    out = Lossy(sys.stderr)
    renderer = _render if for_a_person else structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", out)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(cast("TextIO", out))
    handler.setFormatter(Bare(plain=for_a_person))
    logging.basicConfig(level=logging.ERROR, handlers=[handler])
    # Where a line cannot even be written, its arguments are printed otherwise.
    logging.raiseExceptions = False
    for library in QUIET:
        logging.getLogger(library).setLevel(logging.CRITICAL)
    if not os.environ.get("ZHIBU_DEBUG"):
        _take_last_words()


def _render(_logger: object, _name: str, line: MutableMapping[str, Any]) -> str:
    return plain(line)


def _take_last_words() -> None:
    """Have what nobody caught written in our own form: Python would print its message, which may quote people.

    What is lost in a task goes the way of asyncio's logger, and so through ``Bare``.
    """
    log = structlog.get_logger("zhibu")

    def unhandled(error: BaseException | None, where: str) -> None:
        if error is not None and not isinstance(error, KeyboardInterrupt | SystemExit):
            log.critical("unhandled", where=where, **described(error))

    sys.excepthook = lambda _kind, error, _trace: unhandled(error, "program")
    threading.excepthook = lambda given: unhandled(given.exc_value, "thread")
    sys.unraisablehook = lambda given: unhandled(given.exc_value, "end")
