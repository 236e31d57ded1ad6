"""Where the links of a message lead, however they are written, and whether that is somewhere that is allowed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from urllib.parse import unquote

_TOPS = (
    "com|cn|net|org|gov|edu|info|biz|top|xyz|vip|club|shop|site|online|store|cc|tv|icu|bet|wang|ltd|asia|"
    "hk|tw|mo|ru|jp|uk"
)
_MORE_TOPS = "me|co|io|us|to|pro|live|link|app|fun|win|work|ink|click|ly|gd"
"""Ends that are words too: with a path behind them they are taken for links."""

_NAME = "[a-z0-9\u0370-\u04ff-]{1,63}"
_WITH_SCHEME = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}:[\\/]{2}([^\s<>\"'“”‘’，。；、！？（）【】《》]+)", re.IGNORECASE)
_BARE = re.compile(
    rf"(?<![@a-z0-9_.\u0370-\u04ff-])((?:{_NAME}\.){{1,9}}(?:(?:{_TOPS})(?![a-z0-9_-]|\.[a-z0-9])|(?:{_MORE_TOPS})(?=[/:]\S)))",
    re.IGNORECASE,
)
_DOTS = re.compile(
    rf"(?<=[a-z0-9])\s{{0,3}}(?:[。．]|点|\[\.\]|\(\.\)|\[dot\])\s{{0,3}}(?=(?:{_TOPS})(?![a-z0-9]))", re.IGNORECASE
)
"""What is written for a dot so that no client makes a link of it."""


def hosts_in(text: str) -> tuple[str, ...]:
    """Return the hosts of all links in a text that was brought into its normal form, each once."""
    return tuple(dict.fromkeys(_hosts(text)))


def _hosts(text: str) -> Iterator[str]:
    text = _DOTS.sub(".", text)
    rest = []
    last = 0
    for found in _WITH_SCHEME.finditer(text):
        yield host(found[1])
        rest.append(text[last : found.start()])
        last = found.end()
    for found in _BARE.finditer(" ".join([*rest, text[last:]])):
        yield host(found[1])


def host(address: str) -> str:
    """Return the host of an address without its scheme, in letters of ASCII, small, without port and user."""
    found = re.split(r"[/?#\\]", unquote(address), maxsplit=1)[0].rpartition("@")[2]
    found = re.sub(r":\d*$", "", found).strip(".").lower()
    try:
        return found.encode("idna").decode()
    except UnicodeError:
        return found


def entry(written: str) -> str | None:
    """Return the host that somebody wrote for a list, alone or as an address; ``None`` for what is none."""
    _, scheme, rest = written.strip().rpartition("://")
    found = host((rest if scheme else written).strip().removeprefix("*."))
    return found if re.fullmatch(r"(?:[a-z0-9_-]{1,63}\.){1,9}[a-z0-9-]{2,63}", found) else None


def is_allowed(host: str, allowed: Collection[str]) -> bool:
    """Tell whether a host is on a list, or below one that is: ``www.gov.cn`` below ``gov.cn``, ``gov.cn.com`` not."""
    labels = host.split(".")
    return any(".".join(labels[place:]) in allowed for place in range(len(labels) - 1))
