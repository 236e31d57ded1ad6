"""What the doctor says of a thing: how it stands, what to do, and whether it may be mended without asking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

from msgspec import Struct, field

from bot.matrix.login import Session
from content.decision import Parameter, Words, words
from content.discreet import repr_without
from content.organisations import Organisation
from content.trouble import Exit, Trouble
from zhibu.config import Config

NAMED = 5
"""Things of one kind that a sentence names; of more it gives the number."""


class Grade(StrEnum):
    """How a thing stands: a warning should be seen to, a fault keeps something from working."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Form(StrEnum):
    """What is to run here: everything in one process, or one of its halves."""

    RUN = "run"
    BOT = "bot"
    CONSOLE = "console"


class Noun(StrEnum):
    """What is looked at, in this order."""

    SETTINGS = "settings"
    ZONES = "zones"
    FILES = "files"
    DISK = "disk"
    FONTS = "fonts"
    DATABASE = "database"
    RECORD = "record"
    VAULT = "vault"
    BOT = "bot"
    PORT = "port"
    HOMESERVER = "homeserver"
    CLOCK = "clock"
    KEYS = "keys"
    LOGIN = "login"
    DEVICE = "device"
    ORGANISATION = "organisation"
    WORKDAYS = "workdays"
    ROOMS = "rooms"
    LIMIT = "limit"
    REPORTS = "reports"
    BACKUP = "backup"


class Fix(StrEnum):
    """What became of what can be mended by itself: it is only offered, or done by now."""

    OFFERED = "offered"
    DONE = "done"


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at, how it stands, and what to do; ``exit_code`` counts for a fault.

    ``mend`` puts it right where that is safe, says what it did, and can be done again without harm.
    """

    noun: Noun
    grade: Grade
    words: Words
    exit_code: Exit = Exit.DONE
    fix: Fix | None = None
    mend: Callable[[], Awaitable[Words]] | None = None


class Known(Struct, kw_only=True):
    """What earlier looks have found out, for the later ones."""

    config: Config
    form: Form
    admin_token: str = ""
    current: bool = False
    reachable: bool = False
    session: Session | None = None
    valid: bool = False
    own_keys: tuple[str, str] | None = None
    """The public keys of the device by our own store: to agree on secrets by, and to sign by."""
    tree: Sequence[Organisation] = field(default_factory=tuple)
    branch_rooms: int = 0

    def __repr__(self) -> str:
        return repr_without(self, "admin_token")


def outcome(findings: Sequence[Finding]) -> Exit:
    """Return the exit code of the first fault, or that all is well."""
    return next((one.exit_code for one in findings if one.grade is Grade.FAULT), Exit.DONE)


def ok(noun: Noun, key: str, **parameters: Parameter) -> Finding:
    """Say that a thing stands as it should."""
    return Finding(noun=noun, grade=Grade.OK, words=words(key, **parameters))


def warning(noun: Noun, key: str, **parameters: Parameter) -> Finding:
    """Say what should be seen to."""
    return Finding(noun=noun, grade=Grade.WARNING, words=words(key, **parameters))


def fault(noun: Noun, trouble: Trouble) -> Finding:
    """Say what keeps something from working."""
    return Finding(noun=noun, grade=Grade.FAULT, words=trouble.words, exit_code=trouble.exit_code)


def named(names: Sequence[str]) -> str:
    """Return names for a sentence, the first few of many."""
    return ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
