"""What every command of the front door shares: sentences in the shell's language, and one way to end in trouble."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, NoReturn

import click

from content.decision import words
from content.speech import Reader, Speech
from content.trouble import Exit, Trouble
from zhibu.catalogue import load_speech

CONFIG = click.option(
    "-c", "--config", "file", type=click.Path(path_type=Path), default=Path("config.toml"), help="The settings file."
)

EPILOG = (
    "Exit codes: 0 done, 1 a fault of the program, 2 wrong use, 65 the data given is not usable, 69 the homeserver or "
    "a port cannot be had, 70 the program hung and ended itself, 73 the database cannot be used, 77 the login is not "
    "accepted, 78 the settings are wrong."
)


def reader_of_environment() -> Reader:
    """Return the language that the shell is set to; English unless it is Chinese."""
    names = (os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    wanted = next((name for name in names if name), "")
    return Reader(language="zh_CN" if wanted.startswith("zh") else "en")


class Front:
    """What every command needs: sentences, the reader's language, and one way to end in trouble."""

    def __init__(self) -> None:
        self.speech: Speech = load_speech()
        self.reader = reader_of_environment()

    def say(self, key: str, **parameters: Any) -> str:
        """Return a sentence in the language of the shell."""
        return self.speech.say(words(key, **parameters), self.reader)

    def tell(self, trouble: Trouble) -> None:
        """Say what is wrong and what to do."""
        click.echo(f"zhibu: {self.speech.say(trouble.words, self.reader)}", err=True)

    def fail(self, trouble: Trouble) -> NoReturn:
        """Say so, and end with the trouble's exit code."""
        self.tell(trouble)
        raise SystemExit(int(trouble.exit_code))

    def run(self, work: Coroutine[Any, Any, int]) -> NoReturn:
        """Run a command to its end; whatever was not foreseen is one sentence too."""
        try:
            code = asyncio.run(work)
        except Trouble as trouble:
            self.fail(trouble)
        except KeyboardInterrupt:
            code = 130
        except Exception as error:
            if os.environ.get("ZHIBU_DEBUG"):
                raise
            click.echo(f"zhibu: {self.say('fault.unexpected', kind=type(error).__name__)}", err=True)
            code = int(Exit.BUG)
        raise SystemExit(code)
