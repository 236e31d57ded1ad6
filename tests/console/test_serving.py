"""The console is served from threads beside the loop, names a taken port, and says so when the loop is busy."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading

import pytest

from console.app import create_app
from console.bridge import Bridge, Busy
from console.server import ServerTrouble, serve
from console.settings import ConsoleSettings
from tests.console.console_house import House


def test_many_requests_are_answered_and_the_server_stops(house: House) -> None:
    server = serve(house.app, "127.0.0.1", 0)
    answers: list[int] = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        for _ in range(5):
            connection.request("GET", "/health")
            answer = connection.getresponse()
            assert json.loads(answer.read())["status"] == "ok"
            answers.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    port = server.port
    server.stop()
    assert answers == [200] * 40
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_taken_port_is_told_in_one_sentence(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerTrouble, match=rf"127\.0\.0\.1:{port}") as trouble:
            serve(house.app, "127.0.0.1", port)
    assert "\n" not in str(trouble.value)


def test_under_https_cookies_are_bound_to_the_host_and_transport_is_pinned(
    house: House, loop: asyncio.AbstractEventLoop
) -> None:
    settings = ConsoleSettings(address="https://console.example.org", secure_cookies=True)
    app = create_app(house.store, loop, house.app.extensions["zhibu"].speech, settings)
    answer = app.test_client().get("/sign-in/abc", headers={"Host": "console.example.org"})
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-zhibu")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_the_bridge_gives_up_on_a_loop_that_does_not_answer(loop: asyncio.AbstractEventLoop) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Busy):
        Bridge(loop, longest_seconds=0.05)(never())


def test_the_bridge_gives_up_on_a_loop_that_is_closed() -> None:
    closed = asyncio.new_event_loop()
    closed.close()

    async def anything() -> None:
        return None

    with pytest.raises(Busy):
        Bridge(closed)(anything())
