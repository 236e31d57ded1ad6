"""Says to everybody why the bot does not work and what to do: who cannot sign in for that reason must learn it too."""

from __future__ import annotations

from flask import Blueprint, render_template

from console.access import public
from console.desk import ask, now
from content.safe_mode import Reason
from storage import heartbeats
from storage.heartbeats import life

pages = Blueprint("safe_mode", __name__)


def held_up() -> Reason | None:
    """Return what holds the bot up by its last sign of life; a bot that is silent gives no reason."""
    state = life("bot", ask(heartbeats.beats), now=now())
    return Reason(state) if state in frozenset(Reason) else None


@pages.get("/safe-mode")
@public
def show() -> str:
    """Show the page."""
    return render_template("safe_mode/show.html", reason=held_up())
