"""What other libraries log says who wrote it and what kind of error it was, and quotes nobody."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from storage.engines import open_engine

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
        {"level": "error", "library": "asyncio", "kind": "ValueError"},
        {"level": "critical", "library": "flask"},
    ]
    assert ran.stdout == ""


def test_an_error_of_the_database_does_not_quote_what_was_to_be_written(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.connect() as connection, pytest.raises(SQLAlchemyError) as raised:
        connection.execute(text("SELECT * FROM nowhere WHERE words = :words"), {"words": "a secret"})
    engine.dispose()
    assert "a secret" not in str(raised.value)
