"""Tells a machine whether the console, the bot and the clock are alive; holds nothing about people."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from console.access import public
from console.desk import ask, now
from storage import heartbeats
from storage.heartbeats import life

pages = Blueprint("health", __name__)


@pages.get("/health")
@public
def show() -> Response:
    """Answer with one word for each part."""
    beats, at = ask(heartbeats.beats), now()
    return jsonify(status="ok", bot=life("bot", beats, now=at), clock=life("clock", beats, now=at))
