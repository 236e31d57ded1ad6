"""A member's client on another stack than ours, as a process of its own that is asked over its standard input."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from pathlib import Path
from typing import Any

from tests.second_client.installed import NODE

_SCRIPT = Path(__file__).with_name("client.mjs")


class SecondClient:
    """One member's client on matrix-js-sdk; use it as a context manager, then ``ask`` what ``client.mjs`` lists."""

    def __init__(self, packages: Path, log: Path, *, deadline: float = 60) -> None:
        self._packages = packages
        self._log = log
        self._deadline = deadline
        self._numbers = count(1)
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> SecondClient:
        command = [str(NODE), "--input-type=module", "--eval", _SCRIPT.read_text(encoding="utf-8")]
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                cwd=self._packages,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        assert process is not None
        if process.returncode is None:
            process.kill()
        await process.communicate()

    async def ask(self, verb: str, **what: Any) -> Any:
        """Ask for one thing and return the answer; fails when there is none within the deadline."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        number = next(self._numbers)
        request = json.dumps({"id": number, "verb": verb, **what}, ensure_ascii=False)
        self._process.stdin.write(request.encode() + b"\n")
        await self._process.stdin.drain()
        try:
            async with asyncio.timeout(self._deadline):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise AssertionError(f"no answer to {request} within {self._deadline:.0f} s") from None
        assert line, self._log.read_text(encoding="utf-8", errors="replace")
        answer = json.loads(line)
        assert answer["id"] == number, answer
        assert "error" not in answer, answer
        return answer["answer"]
