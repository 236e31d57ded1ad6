"""The sample branch as a newcomer starts it, and what to look at it with: a real browser, a client of another make."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.installation import Sample
from tests.machine import INSTALL, find_chromium, find_headless, in_ci
from tests.second_client.installed import NotInstalled, install
from tests.synapse_fixture import Furnish

BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def quiet_sample(tmp_path_factory: pytest.TempPathFactory, furnished: Furnish) -> Iterator[Sample]:
    """Give a sample branch whose members are silent and whose rooms simple clients can read."""
    sample = Sample(tmp_path_factory.mktemp("sample"), "--no-actors", "--unencrypted")
    furnished(sample.folder / "data" / "homeserver")
    sample.start()
    yield sample
    sample.stop()


@pytest.fixture(scope="module")
def lively_sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    """Give the sample branch as ``make demo`` starts it: encrypted, with members who answer."""
    sample = Sample(tmp_path_factory.mktemp("lively"))
    sample.start()
    yield sample
    sample.stop()


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    """Give the system's Chromium."""
    path = find_headless() or find_chromium()
    if path is None:
        message = f"no Chromium: {INSTALL} chromium fonts-noto-cjk"
        pytest.fail(message) if in_ci() else pytest.skip(message)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=BROWSER_ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Path:
    """Give the ignored folder into which looks at pages go."""
    folder = Path(request.config.rootpath) / "screenshots"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def packages() -> Path:
    """Give the folder in which matrix-js-sdk is installed."""
    try:
        return install()
    except NotInstalled as missing:
        message = str(missing)
        pytest.fail(message) if in_ci() else pytest.skip(message)
