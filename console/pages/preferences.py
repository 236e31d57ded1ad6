"""What each person sets for their own screen: language, light and keys."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from console.access import here, requires, set_cookie
from console.answering import own_path
from console.desk import desk
from content.organisations import Right
from content.sessions import LanguageChosen
from content.speech import LANGUAGES

pages = Blueprint("preferences", __name__)

THEMES = ("system", "light", "dark")
THEME_COOKIE = "zhibu-theme"
KEYS_COOKIE = "zhibu-keys"


@pages.post("/preferences")
@requires(Right.READ)
def choose() -> Response:
    """Set what was chosen and go back to where the person was."""
    response = redirect(own_path(request.form.get("back", ""), otherwise=url_for("home.show")), code=303)
    language, theme = request.form.get("language"), request.form.get("theme")
    if language is not None:
        if language not in LANGUAGES:
            abort(400)
        chosen = LanguageChosen(id_hash=here().session.id_hash, language=language)
        desk().bridge(desk().store.settle(notes=[chosen]))
    if theme is not None:
        if theme not in THEMES:
            abort(400)
        set_cookie(response, THEME_COOKIE, theme, lasts=timedelta(days=365))
    keys = request.form.get("keys")
    if keys is not None:
        if keys not in ("on", "off"):
            abort(400)
        set_cookie(response, KEYS_COOKIE, keys, lasts=timedelta(days=365))
    return response
