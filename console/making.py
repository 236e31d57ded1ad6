"""The worker beside the pages that makes the files which take long, one after the other."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from flask import Flask, g, request
from werkzeug.exceptions import HTTPException

from console.access import admit
from console.desk import Desk
from console.exporting import ASKED, Making, target
from content import exports as rules
from content.exports import TRIES, Export, ExportMoved, ExportsForgotten, ExportTaken, State
from content.identifiers import Cause
from storage import exports as stored
from storage.store import Answer, Decide, Step
from storage.unit import Reading

PAUSE = 15.0
"""Seconds between two looks for files that another console was asked for and did not finish, or that nobody fetched."""

TOLD_EVERY = 1.0

_log = structlog.get_logger("console")


class _Stopped(Exception):
    """The console stops; another begins the file anew."""


class Maker:
    """Makes files in a thread of its own, as who asked for them and by what they may see at that moment."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._name = secrets.token_urlsafe(18)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="exports", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; what is half made is begun anew by the next start."""
        self._stopping = True
        self._asked.set()
        self._thread.join(timeout=5)

    @property
    def _asked(self) -> threading.Event:
        event: threading.Event = self._app.extensions[ASKED]
        return event

    @property
    def _desk(self) -> Desk:
        desk: Desk = self._app.extensions["zhibu"]
        return desk

    def _run(self) -> None:
        while not self._stopping:
            self._asked.clear()
            try:
                while not self._stopping and self.make_one():
                    pass
            except Exception as error:
                _log.warning("no file is made for now", kind=type(error).__name__)
            self._asked.wait(PAUSE)

    def make_one(self) -> bool:
        """Make the oldest file that nobody makes; tell whether there was one."""
        store, bridge = self._desk.store, self._desk.bridge
        if not store.look(stored.waits):
            return False
        at = store.now()
        bridge(store.settle(notes=[ExportsForgotten(at=at), ExportTaken(worker=self._name, at=at)]))
        found = store.look(lambda unit: stored.taken(unit, self._name))
        if found is None:
            return False
        export, path = found
        try:
            decide = self._failing(export) if path is None or export.tries > TRIES else self._made(export, path)
        except _Stopped:
            return False
        except Exception as error:
            _log.warning("a file could not be made", what=export.what, kind=type(error).__name__)
            decide = self._failing(export)
        self._settle(export, decide)
        return True

    def _made(self, export: Export, path: str) -> Decide:
        """Ask the page for its table as the person would, and return how to keep it."""
        told = 0.0

        def tell(done: int, total: int) -> None:
            nonlocal told
            if self._stopping:
                raise _Stopped
            if time.monotonic() - told >= TOLD_EVERY:
                told = time.monotonic()
                self._move(export, done, total)

        with self._app.test_request_context(path, base_url=self._desk.settings.address):
            wanted = target(path)
            if wanted is None or request.endpoint is None:
                return self._failing(export)
            try:
                if admit(export.user, export.language, wanted.right, wanted.place) != export.standing:
                    return self._failing(export)
                g.making = making = Making(tell)
                response: Any = self._app.view_functions[request.endpoint](**wanted.values)
            except HTTPException:
                return self._failing(export)
        if not making.file or response.status_code != 200:
            return self._failing(export)
        data, kind = response.get_data(), response.headers["Content-Type"]
        address = self._address()
        return self._still(
            export,
            lambda now: rules.made(
                export, file=making.file, kind=kind, rows=making.rows, data=data, address=address, now=now
            ),
        )

    def _move(self, export: Export, done: int, total: int) -> None:
        at = self._desk.store.now()
        moved = ExportMoved(export=export.id, worker=self._name, done=done, total=total, at=at)
        self._desk.bridge(self._desk.store.settle(notes=[moved]))

    def _failing(self, export: Export) -> Decide:
        address = self._address()
        return self._still(export, lambda now: rules.failed(export, address=address, now=now))

    def _still(self, export: Export, then: Callable[[datetime], Answer]) -> Decide:
        """Return how something is decided where the file is still wanted, and nobody else has made it."""

        async def decide(unit: Reading) -> Answer:
            found = await stored.export(unit, export.id, export.user)
            return then(unit.now) if found is not None and found.state is State.ASKED else None

        return decide

    def _settle(self, export: Export, decide: Decide) -> None:
        step = Step(cause=Cause(f"export:{export.id}:{export.tries}"), decide=decide)
        (outcome,) = self._desk.bridge(self._desk.store.settle([step]))
        if outcome.failed:
            raise RuntimeError("what became of a file could not be kept")

    def _address(self) -> str:
        return f"{self._desk.settings.address}/exports"
