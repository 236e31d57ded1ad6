"""The one page of a console that has no database: what is wrong, what to do, and that nothing is lost meanwhile."""

from __future__ import annotations

from flask import Flask, Response, jsonify, render_template, request, url_for
from jinja2 import StrictUndefined

from console import headers
from console.settings import ConsoleSettings
from console.wording import browser_language
from content.decision import Parameter, words
from content.safe_mode import Reason
from content.speech import Reader, Speech

TRY_AGAIN_SECONDS = "30"


def create_plain_app(speech: Speech, settings: ConsoleSettings, reason: Reason) -> Flask:
    """Return an application that answers every address with why there is no more to see, and with status 503."""
    app = Flask("console", static_folder="static", template_folder="templates")
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    headers.install(app, secure=settings.secure_cookies)

    def language() -> str:
        return browser_language() or settings.language

    def t(key: str, **parameters: Parameter) -> str:
        return speech.say(words(key, **parameters), Reader(language=language(), timezone=settings.timezone))

    @app.context_processor
    def _words() -> dict[str, object]:
        return {
            "t": t,
            "language": language(),
            "theme": "system",
            "asset": lambda name: url_for("static", filename=name),
        }

    @app.get("/health")
    def alive() -> Response:
        return jsonify(program="zhibu", status="ok")

    @app.get("/ready")
    def ready() -> Response:
        return jsonify(ready=False, reasons=[reason.value], database=reason.value.removeprefix("database_"))

    # Whatever is asked for, and by whatever method, there is only this.
    @app.before_request
    def _answer() -> Response | None:
        if request.endpoint in ("static", "alive"):
            return None
        if request.endpoint == "ready":
            response = ready()
        else:
            response = Response(
                render_template("safe_mode/no_database.html", reason=reason.value), mimetype="text/html"
            )
        response.status_code = 503
        response.headers["Retry-After"] = TRY_AGAIN_SECONDS
        return response

    return app
