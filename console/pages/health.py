"""Tells a machine whether the console, the bot and the clock are alive; holds nothing about people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from flask import Blueprint, Response, jsonify

from console.access import public
from console.desk import ask, now
from storage import heartbeats

pages = Blueprint("health", __name__)

SILENT_AFTER = timedelta(seconds=90)
"""Parts of the program beat every twenty seconds; four missed beats are no accident."""

ALIVE = ("ticking", "listening")


def life(role: str, beats: Mapping[str, tuple[str, datetime]]) -> str:
    """Return ``ok``, ``silent`` or ``never`` for a part of the program, or what holds it up.

    A bot that waits for its homeserver is ``waiting``, one that must be signed in anew ``sign_in_needed``.
    """
    beat = beats.get(role)
    if beat is None:
        return "never"
    state, at = beat
    if now() - at >= SILENT_AFTER:
        return "silent"
    return "ok" if state in ALIVE else state


@pages.get("/health")
@public
def show() -> Response:
    """Answer with one word for each part."""
    beats = ask(heartbeats.beats)
    return jsonify(status="ok", bot=life("bot", beats), clock=life("clock", beats))
