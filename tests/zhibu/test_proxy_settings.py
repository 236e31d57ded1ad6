"""A console that others can reach directly is told which address its proxy has, or refuses to count proxies."""

from __future__ import annotations

from typing import Any

import pytest

from zhibu.config import find_problems

BOT = {"homeserver": "http://127.0.0.1:8008", "user": "@zhibu:localhost"}


@pytest.mark.parametrize(
    ("console", "keys"),
    [
        ({"proxies": 1}, []),
        ({"proxies": 1, "host": "0.0.0.0"}, ["config.proxy_unknown"]),
        ({"proxies": 1, "host": "0.0.0.0", "proxy_address": "10.0.0.2"}, []),
        ({"proxies": 1, "host": "::", "proxy_address": "the proxy"}, ["config.bad_proxy_address"]),
        ({"host": "0.0.0.0"}, []),
    ],
)
def test_only_a_proxy_of_ours_says_from_where_a_request_comes(console: dict[str, Any], keys: list[str]) -> None:
    """S40."""
    assert [one.key for one in find_problems({"bot": BOT, "console": console})] == keys
