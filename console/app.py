"""Puts the console together: every page, behind every check, in one application."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable

from flask import Flask, request, url_for
from jinja2 import StrictUndefined

from console import access, errors, fresh, headers, looks, moments, undoing, wording
from console.addresses import link
from console.bridge import Bridge
from console.callers import Callers, trusted
from console.desk import Desk, desk
from console.exporting import ASKED
from console.keys import ACTIONS, rail, section_of
from console.leaving_tables import ways_out
from console.pages import PAGES
from console.pages.preferences import KEYS_COOKIE, THEME_COOKIE, THEMES
from console.settings import ConsoleSettings
from console.shelf import Shelf
from console.wording import is_known, t
from content.organisations import Right
from content.speech import Speech
from storage.store import Store

LARGEST_REQUEST_BYTES = 10 * 1024 * 1024
LARGEST_FORM_BYTES = 1024 * 1024
MOST_FORM_PARTS = 5_000


def create_app(
    store: Store,
    loop: asyncio.AbstractEventLoop,
    speech: Speech,
    settings: ConsoleSettings,
    *,
    still: Callable[[], float] = lambda: 0.0,
) -> Flask:
    """Return the console over a store that lives in a loop; ``still`` tells how long that loop has not turned.

    Raises RuntimeError when a page does not say who may see it.
    """
    app = lay_out(settings)
    furnish(app, store, loop, speech, settings, still=still)
    return app


def lay_out(settings: ConsoleSettings) -> Flask:
    """Return every page behind every check, with no desk to work at yet. Raises RuntimeError as ``create_app`` does."""
    app = Flask("console", static_folder="static", template_folder="templates")
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_REQUEST_BYTES,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM_BYTES,
        MAX_FORM_PARTS=MOST_FORM_PARTS,
    )
    if settings.proxies:
        app.wsgi_app = Callers(  # type: ignore[method-assign]
            app.wsgi_app, proxies=settings.proxies, trusted=trusted(settings.proxy_address)
        )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    looks.install(app)
    access.install(app)
    fresh.install(app)
    headers.install(app, secure=settings.secure_cookies)
    errors.install(app)
    for page in PAGES:
        app.register_blueprint(page)
    access.public(app.view_functions["static"])
    access.check_routes(app)
    app.context_processor(_words)
    app.teardown_request(_close_files)
    return app


def furnish(
    app: Flask,
    store: Store,
    loop: asyncio.AbstractEventLoop,
    speech: Speech,
    settings: ConsoleSettings,
    *,
    still: Callable[[], float] = lambda: 0.0,
) -> None:
    """Give the pages what they work with, in place of what they had."""
    bridge = Bridge(loop)
    shelf = Shelf(store, bridge)
    app.extensions["zhibu"] = Desk(
        store=store, bridge=bridge, speech=speech, settings=settings, shelf=shelf, still=still
    )
    app.extensions[ASKED] = threading.Event()


def _words() -> dict[str, object]:
    done = request.args.get("done", "")
    theme = request.cookies.get(THEME_COOKIE, "system")
    return {
        "t": moments.sayer(),
        "t_or": moments.t_or,
        "stand": wording.stand,
        "say": moments.say,
        "when": moments.when,
        "fully": moments.fully,
        "clock": moments.clock,
        "away": moments.away,
        "day": wording.day,
        "month_name": wording.month,
        "span": wording.span,
        "ago": moments.ago,
        "dated": moments.dated,
        "link": link,
        "here": access.signed_in(),
        "held_up": access.held_up(),
        "passkeys": desk().settings.passkeys,
        "Right": Right,
        "csrf": access.csrf,
        "new_nonce": lambda: secrets.token_urlsafe(18),
        "language": wording.reader().language,
        "done": t(f"done.{done}") if is_known(f"done.{done}") else "",
        "undo": undoing.read(request.args.get("undo", "")),
        "theme": theme if theme in THEMES else "system",
        "keys_off": request.cookies.get(KEYS_COOKIE) == "off",
        "rail": rail,
        "section_of": section_of,
        "actions": ACTIONS,
        "endpoint": request.endpoint or "",
        "asset": _asset,
        "ways_out": ways_out,
    }


def _close_files(_error: BaseException | None) -> None:
    """Let go of uploaded files on disk, whatever became of the request."""
    request.close()


def _asset(name: str) -> str:
    return url_for("static", filename=name)
