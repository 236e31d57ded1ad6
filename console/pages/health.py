"""Whether this process lives and the installation can serve, for machines; and the same in words, for operators."""

from __future__ import annotations

import structlog
from flask import Blueprint, Response, jsonify, render_template

from console.access import public, requires
from console.desk import ask, desk, now
from console.leaving_tables import leaves
from content import health
from content.health import Standing
from content.organisations import Right
from content.safe_mode import Reason
from storage import health as figures
from storage.heartbeats import backup_failed, moment

pages = Blueprint("health", __name__)

_log = structlog.get_logger("console")


@pages.get("/health")
@public
def alive() -> tuple[Response, int]:
    """Say whether the process and its loop answer; nothing else is asked, so that nothing else can hold this up."""
    loop = health.loop(desk().still())
    return jsonify(program="zhibu", status=loop), 200 if loop == health.OK else 503


@pages.get("/ready")
@public
def ready() -> tuple[Response, int]:
    """Say whether people are served, and what holds it up; by the bot's signs of life, wherever it runs."""
    found = _standing()
    return jsonify(ready=found.ready, reasons=found.reasons, **found.parts), 200 if found.ready else 503


@pages.get("/system")
@requires(Right.OPERATE)
@leaves("health")
def show() -> str:
    """Show how everything stands, and what to do about what does not."""
    known = ask(figures.figures)
    return render_template(
        "health/show.html",
        known=known,
        standing=_standing(),
        present=now(),
        waiting=sum(known.waiting.values()),
        failed=sum(known.failed.values()),
        backup=moment(known.signs, "bot", "backup_at"),
        backup_failed=backup_failed(known.signs),
        version=desk().settings.version,
        reasons=frozenset(Reason),
    )


def _standing() -> Standing:
    still, refused = desk().still(), desk().store.refused_for()
    try:
        return ask(lambda unit: figures.standing(unit, still=still, refused=refused))
    except Exception as error:
        # Whatever is the matter with it: nothing that rests on it can be told.
        _log.error("database does not answer", kind=type(error).__name__)
        return Standing(parts={"loop": health.loop(still), "database": "away"})
