"""The console with everything behind it, and browsers that fill its forms as they stand on the page."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from msgspec import Struct
from werkzeug.test import TestResponse

from console.access import digest
from console.app import lay_out
from console.settings import ConsoleSettings
from content.identifiers import UserId
from storage.store import Store
from tests.console.console_seeding import SECRETARY, Clock, Seeded, link_for

ADDRESS = "http://console.example.org"


@cache
def laid_out(settings: ConsoleSettings) -> Flask:
    """Lay the pages out once for all tests: their routes and templates take longer than most of these."""
    return lay_out(settings)


class House(Struct):
    """A console and everything behind it; ``run`` waits for something in the store's loop."""

    app: Flask
    store: Store
    clock: Clock
    seeded: Seeded
    run: Callable[[Coroutine[Any, Any, Any]], Any]

    def issue_link(self, user: UserId = SECRETARY) -> str:
        token = secrets.token_urlsafe(24)
        self.run(self.store.settle(notes=[link_for(user, token, digest(token))]))
        return token

    def browser(self, user: UserId | None = SECRETARY, *, language: str = "zh-CN") -> Browser:
        browser = Browser(self.app.test_client(), language)
        if user is not None:
            browser.sign_in(self.issue_link(user))
        return browser


class Browser:
    """A client that fills forms as they stand on the page, hidden fields included."""

    def __init__(self, client: FlaskClient, language: str) -> None:
        self.client = client
        self.headers = {"Accept-Language": language, "Host": "console.example.org"}

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, headers=self.headers | headers, buffered=True)

    def marks(self, path: str) -> dict[str, str]:
        """Return the hidden fields of the last form of a page that carries a nonce."""
        page = self.get(path).get_data(as_text=True)
        csrf = re.findall(r'name="csrf" value="([^"]+)"', page)
        nonce = re.findall(r'name="nonce" value="([^"]+)"', page)
        mark = re.findall(r'name="mark" value="([^"]+)"', page)
        found = {"csrf": csrf[-1] if csrf else "", "nonce": nonce[-1] if nonce else secrets.token_urlsafe(18)}
        seen = re.findall(r'name="seen" value="([^"]+)"', page)
        return found | ({"mark": mark[-1]} if mark else {}) | ({"seen": seen[-1]} if seen else {})

    def post(
        self, path: str, fields: dict[str, Any] | None = None, *, form_at: str | None = None, **headers: str
    ) -> TestResponse:
        marks = self.marks(form_at or path) if "csrf" not in (fields or {}) else {}
        return self.client.post(path, data=marks | (fields or {}), headers=self.headers | headers)

    def sign_in(self, token: str) -> TestResponse:
        return self.post(f"/sign-in/{token}")
