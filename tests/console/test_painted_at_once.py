"""A page is painted when it is read to its end, and never by halves: a table that grows moves what is being read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import sync_playwright

from tests.console.console_house import House
from tests.machine import ONE_LOOK, find_chromium, find_headless, in_ci

pytestmark = pytest.mark.browser

EXPECTS = '<link rel="expect" href="#end" blocking="render">'
PAINTED = "performance.getEntriesByType('paint').map((one) => one.startTime)"


class Halves:
    """A server whose pages come by halves: the second half when it is let go."""

    def __init__(self, pages: dict[str, str]) -> None:
        self.rest = {path: threading.Event() for path in pages}
        halves = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = pages.get(self.path)
                if page is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                half = page.index("</tr>", len(page) // 2)
                self.wfile.write(page[:half].encode())
                self.wfile.flush()
                halves.rest[self.path].wait()
                self.wfile.write(page[half:].encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def stop(self) -> None:
        for event in self.rest.values():
            event.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def halves(house: House) -> Iterator[Halves]:
    page = house.browser().get("/record?since=2020-01-01").get_data(as_text=True)
    assert page.count(EXPECTS) == 1
    served = Halves({"/whole": page, "/without": page.replace(EXPECTS, "")})
    yield served
    served.stop()


def test_nothing_is_painted_before_a_page_is_read_to_its_end(halves: Halves) -> None:
    program = find_headless() or find_chromium()
    if program is None:
        (pytest.fail if in_ci() else pytest.skip)("needs Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu", ONE_LOOK])
        control, page = browser.new_page(), browser.new_page()
        page.goto(halves.address("/whole"), wait_until="commit")
        page.wait_for_function("document.querySelectorAll('tr').length > 5", polling=20)
        control.goto(halves.address("/without"), wait_until="commit")
        control.wait_for_function(f"{PAINTED}.length > 0", polling=20)
        let_go = page.evaluate("performance.now()")
        halves.rest["/whole"].set()
        page.wait_for_function(f"{PAINTED}.length > 0", polling=20)
        assert min(page.evaluate(PAINTED)) >= let_go
        browser.close()
