"""A terminal with someone before it: reads what a command asks, and types an answer when it is asked."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from types import TracebackType

from tests.waiting import until


class Terminal:
    """One run of the command line in a terminal of its own; use it as a context manager."""

    def __init__(self, *arguments: str) -> None:
        self.text = ""
        self._read_up_to = 0
        self._master, slave = os.openpty()
        os.set_blocking(self._master, False)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "zhibu", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "LC_ALL": "en_US.UTF-8"},
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)

    def answer(self, question: str, answer: str) -> None:
        """Wait until something is asked that was not answered before, and type."""
        until(lambda: self._finds(question), f"{question!r} after {self.text[self._read_up_to :]!r}", 30)
        os.write(self._master, (answer + "\n").encode())

    def wait(self) -> int:
        """Read to the end and return the exit code."""
        until(lambda: self._read() or self.process.poll() is not None, "the command to end", 60)
        self._read()
        return self.process.wait()

    def _finds(self, question: str) -> bool:
        self._read()
        place = self.text.find(question, self._read_up_to)
        if place < 0:
            return False
        self._read_up_to = place + len(question)
        return True

    def _read(self) -> None:
        # A terminal whose other end was closed says so with an error.
        with contextlib.suppress(BlockingIOError, OSError):
            while part := os.read(self._master, 65536):
                self.text += part.decode(errors="replace")
