"""Why a bot, or the whole program, does not work although it runs: what a person must mend, after which it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Reason(StrEnum):
    """What holds the bot up; a sign of life carries it to every console, and a page says what to do."""

    WAITING = "waiting"
    SIGN_IN_NEEDED = "sign_in_needed"
    LOGIN_REFUSED = "login_refused"
    LOGIN_MISSING = "login_missing"
    SECRETS_OPEN = "secrets_open"
    KEYS_UNUSABLE = "keys_unusable"
    HOMESERVER_REFUSES = "homeserver_refuses"
    CLOCK_BEHIND = "clock_behind"
    DATABASE_NEWER = "database_newer"
    DATABASE_OUTDATED = "database_outdated"
    DATABASE_FOREIGN = "database_foreign"
    DATABASE_GONE = "database_gone"
    DATABASE_AWAY = "database_away"


_BOT: Mapping[str, Reason] = {
    "start.homeserver_unreachable": Reason.WAITING,
    "start.revoked": Reason.SIGN_IN_NEEDED,
    "start.wrong_password": Reason.LOGIN_REFUSED,
    "start.no_password": Reason.LOGIN_MISSING,
    "start.open_secrets": Reason.SECRETS_OPEN,
    "start.keys_trouble": Reason.KEYS_UNUSABLE,
    "start.homeserver_refused": Reason.HOMESERVER_REFUSES,
    "start.clock_behind": Reason.CLOCK_BEHIND,
}

OF_THE_BOT = tuple(_BOT.values())
"""What can hold a bot up whose console is open."""

_DATABASE: Mapping[str, Reason] = {
    "database.newer": Reason.DATABASE_NEWER,
    "database.outdated": Reason.DATABASE_OUTDATED,
    "database.desks_at_work": Reason.DATABASE_OUTDATED,
    "database.foreign": Reason.DATABASE_FOREIGN,
    "database.lost": Reason.DATABASE_GONE,
    "database.missing": Reason.DATABASE_GONE,
    "database.emptied": Reason.DATABASE_GONE,
    "database.not_writable": Reason.DATABASE_AWAY,
    "database.unusable": Reason.DATABASE_AWAY,
    "database.record_other_key": Reason.KEYS_UNUSABLE,
    "database.sealed_under_other_key": Reason.KEYS_UNUSABLE,
    "vault.no_key": Reason.KEYS_UNUSABLE,
    "vault.bad_key": Reason.KEYS_UNUSABLE,
    "audit.no_key": Reason.KEYS_UNUSABLE,
    "audit.bad_key": Reason.KEYS_UNUSABLE,
}


def why_no_bot(trouble: str) -> Reason | None:
    """Return what a trouble at the bot's start is to a console that is open, ``None`` where starting makes no sense."""
    return _BOT.get(trouble)


def why_no_database(trouble: str) -> Reason | None:
    """Return why there is no database, as far as a page without one can say so; ``None`` where that helps nobody."""
    return _DATABASE.get(trouble)
