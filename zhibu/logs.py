"""What the program writes about itself: one JSON object a line, states and kinds of errors, never what people say."""

from __future__ import annotations

import json
import logging
import sys
from types import TracebackType

from storage.optional_libraries import without

# It would load what colours tracebacks, and what servers of other kinds are made of, where an environment has them.
with without("greenlet", "rich", "twisted"):
    import structlog


class Bare(logging.Formatter):
    """Writes of another library's line only who wrote it and the type of its error: the rest may quote people."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON."""
        line = {"level": record.levelname.lower(), "library": record.name}
        if record.exc_info:
            line["kind"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        """Return the name of the error's type, without its message and without where it was raised."""
        return ei[0].__name__ if ei[0] is not None else ""


def configure_logs(level: int = logging.INFO) -> None:
    """Send our own lines to standard error, and of other libraries only what is broken."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Bare())
    logging.basicConfig(level=logging.ERROR, handlers=[handler])
    # These put event contents and addresses with tokens into their lines.
    for library in ("nio", "aiohttp", "peewee", "sqlalchemy", "apscheduler", "cheroot", "werkzeug"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
