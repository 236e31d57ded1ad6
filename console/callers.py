"""From where a request comes: what our own proxies say is believed, and what a stranger puts before it is not."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any

LOOPBACK = frozenset({"127.0.0.1", "::1"})
UNKNOWN = "unknown"
"""Where everybody comes from of whom no proxy gives an address: they are slowed down together."""

_Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Callers:
    """Puts the address that the outermost of our own proxies was called from in the place of the innermost's own.

    ``proxies`` is how many there are, and ``trusted`` are the addresses from which the innermost speaks. Host and
    scheme are never taken from a proxy: they are those of the settings.
    """

    def __init__(self, application: _Application, *, proxies: int, trusted: frozenset[str]) -> None:
        self._application = application
        self._proxies = proxies
        self._trusted = trusted

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        if _plain(environ.get("REMOTE_ADDR", "")) in self._trusted:
            named = str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")
            given = named[-self._proxies].strip() if len(named) >= self._proxies else ""
            environ["REMOTE_ADDR"] = _plain(given) or UNKNOWN
        return self._application(environ, start_response)


def trusted(proxy_address: str) -> frozenset[str]:
    """Return from where the innermost proxy may speak: as the settings say, else from this machine."""
    return frozenset({_plain(proxy_address)}) if proxy_address else LOOPBACK


def place_of(address: str) -> str:
    """Return what counts as one place to come from: an address, of IPv6 the whole network that one household has."""
    try:
        at = ipaddress.ip_address(_plain(address))
    except ValueError:
        return UNKNOWN
    return str(ipaddress.ip_network((at, 64), strict=False)) if at.version == 6 else str(at)


def _plain(address: str) -> str:
    """Return an address in its one way of writing, empty for what is none."""
    try:
        at = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return ""
    inner = at.ipv4_mapped if isinstance(at, ipaddress.IPv6Address) else None
    return str(inner or at)
