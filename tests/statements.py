"""Keeps compiled statements for the length of a run: each store of a test would else compile all of its own anew."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.util import LRUCache

MOST = 4000
"""Statements of one kind of engine that are kept; all that the house knows are fewer."""

_kept: dict[tuple[type[Dialect], Any], tuple[Dialect, LRUCache[Any, Any]]] = {}


@event.listens_for(Engine, "engine_connect")
def share(connection: Connection) -> None:
    """Let an engine use what an earlier one of its kind and driver has compiled, by the structure of the statement."""
    engine = connection.engine
    kind = (type(engine.dialect), engine.dialect.dbapi)
    dialect, compiled = _kept.setdefault(kind, (engine.dialect, LRUCache(MOST)))
    engine.dialect, engine._compiled_cache = dialect, compiled
