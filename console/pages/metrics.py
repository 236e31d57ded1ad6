"""Figures for Prometheus: counts, ages and durations of the whole installation, and nobody's name."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from datetime import datetime

from flask import Blueprint, Response, abort, request

from console.access import LOOPBACK, public
from console.desk import ask, desk, now
from console.exposition import CONTENT_TYPE, family, histogram
from storage import outbox
from storage.health import Figures, figures
from storage.heartbeats import TIME, Sign, life, moment
from storage.timings import LIMITS

pages = Blueprint("metrics", __name__)

FORWARDED = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via")
"""A request with one of these was passed on by a proxy, whatever address it comes from."""


@pages.get("/metrics")
@public
def show() -> Response:
    """Show the figures to this machine, or to who has the token; to others there is no such page."""
    if not (_from_this_machine() or _has_token()):
        abort(404)
    return Response("".join(_families(ask(figures))), content_type=CONTENT_TYPE)


def _from_this_machine() -> bool:
    host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    near = request.remote_addr in LOOPBACK and host.strip("[]") in LOOPBACK
    return near and not any(name in request.headers for name in FORWARDED)


def _has_token() -> bool:
    wanted, given = desk().settings.metrics_token, request.headers.get("Authorization", "")
    return bool(wanted) and hmac.compare_digest(given.encode(), f"Bearer {wanted}".encode())


def _families(known: Figures) -> Iterator[str]:
    at = now()
    yield from _parts(known, at)
    yield from _times(known, at)
    yield from _outbox(known, at)
    yield from _kept(known, at)


def _parts(known: Figures, at: datetime) -> Iterator[str]:
    """Say what runs, and whether it is at work by its signs of life."""
    version = {"version": desk().settings.version, "engine": known.engine, "revision": known.revision}
    yield family("zhibu_build_info", "gauge", "What runs here.", [(version, 1)])
    lives = {role: life(role, known.beats, now=at) for role in ("bot", "clock")}
    up = [({"part": role}, word == "ok") for role, word in lives.items()]
    yield family("zhibu_up", "gauge", "Whether a part is at work, by its signs of life.", up)
    yield _one("zhibu_login_revoked", "Whether the bot must be signed in anew.", lives["bot"] == "sign_in_needed")


def _times(known: Figures, at: datetime) -> Iterator[str]:
    """Say how old the last of everything is that should come again and again, and whether clock and loop keep time."""
    clock, step = known.signs.get("clock"), known.signs.get(TIME)
    yield _age("zhibu_heard_age_seconds", "Since the last batch of the homeserver.", at, known.heard_at)
    yield _age("zhibu_beat_age_seconds", "Since the clock's last sign of life.", at, clock.at if clock else None)
    yield _measure("zhibu_tick_interval_seconds", "The longest wait for a tick of late.", clock, "longest_tick")
    yield _measure("zhibu_tick_idle_seconds", "Since the last tick that worked, at that sign.", clock, "since_tick")
    late = "By how much the bot's loop was late at most, of late."
    yield _measure("zhibu_loop_late_seconds", late, known.signs.get("bot"), "late")
    yield _one("zhibu_loop_still_seconds", "Since when this process's loop has not turned.", desk().still())
    yield _age("zhibu_clock_step_age_seconds", "Since the wall clock was set.", at, step.at if step else None)
    yield _measure("zhibu_clock_step_seconds", "By how much it was set.", step, "seconds")


def _outbox(known: Figures, at: datetime) -> Iterator[str]:
    """Say what waits to go out, what could not, and how delivery fares."""
    for name, counts in (("waiting", known.waiting), ("failed", known.failed)):
        # A gauge that is there while it is nought can be watched.
        kinds = {kind: counts.get(kind, 0) for kind in outbox.Kind}
        samples = [({"kind": kind}, number) for kind, number in kinds.items()]
        yield family(f"zhibu_outbox_{name}", "gauge", f"Rows of the outbox that are {name}.", samples)
    due = (at - known.oldest_due).total_seconds() if known.oldest_due else 0
    yield _one("zhibu_outbox_oldest_due_seconds", "Since when the row that could go out first could.", due)
    bot = known.signs.get("bot")
    for name, meaning in _DELIVERED.items():
        yield _measure(f"zhibu_delivery_{name}_total", meaning, bot, name, kind="counter")


def _kept(known: Figures, at: datetime) -> Iterator[str]:
    """Say what could not be understood, and what the memory costs."""
    for name, number in known.troubles.items():
        yield _one(f"zhibu_{name}", _TROUBLES[name], number)
    bot = known.signs.get("bot")
    yield _one("zhibu_database_bytes", "The size of the database.", known.bytes)
    yield _measure("zhibu_resident_bytes", "Memory of the bot's process.", bot, "resident")
    yield _age("zhibu_backup_age_seconds", "Since the newest backup.", at, moment(known.signs, "bot", "backup_at"))
    if bot is not None and "written" in bot.measures:
        counts = [bot.measures.get(f"written_{place}", 0) for place in range(len(LIMITS) + 1)]
        meaning = "How long writing transactions of the bot's process took."
        yield histogram("zhibu_transaction_seconds", meaning, LIMITS, counts, bot.measures["written"])


_DELIVERED = {
    "sent": "Rows that the homeserver took.",
    "failed": "Tries that failed.",
    "limited": "Tries that the homeserver's limit held up.",
    "given_up": "Rows that were given up.",
}
_TROUBLES = {
    "gaps": "Stretches of rooms that could not be read back yet.",
    "dead_letters": "Things that could not be handled and are kept.",
    "unreadable": "Encrypted events for which there is no key.",
}


def _measure(name: str, meaning: str, sign: Sign | None, measure: str, *, kind: str = "gauge") -> str:
    """Return a number that a sign of life carries, nothing where it does not."""
    value = sign.measures.get(measure) if sign else None
    return family(name, kind, meaning, [] if value is None else [({}, value)])


def _one(name: str, meaning: str, value: float) -> str:
    return family(name, "gauge", meaning, [({}, value)])


def _age(name: str, meaning: str, at: datetime, then: datetime | None) -> str:
    return "" if then is None else _one(name, meaning, max(0.0, (at - then).total_seconds()))
