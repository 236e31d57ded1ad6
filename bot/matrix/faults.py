"""What can go wrong between us and the homeserver, as one exception with everything a decision to retry needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, TypeVar

Shape = TypeVar("Shape", dict[str, Any], list[Any])

LONGEST_RETRY = 86_400.0
"""Seconds; a homeserver that asks for more is asked again after a day, for it may have been a mistake."""

REVOKED = {"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED", "M_USER_LOCKED"}


class Kind(StrEnum):
    """The class of a fault; ``fault.<kind>`` is its sentence in the catalogue."""

    UNREACHABLE = "unreachable"
    SLOW = "slow"
    LIMITED = "limited"
    SERVER = "server"
    GARBLED = "garbled"
    REFUSED = "refused"
    MISSING = "missing"
    TOO_LARGE = "too_large"
    REVOKED = "revoked"
    SIGN_IN = "sign_in"
    PLAINTEXT = "plaintext"
    KEYS = "keys"
    STORE = "store"
    IDENTITY = "identity"
    SEALED = "sealed"


class Fault(Exception):
    """A call that did not succeed. ``permanent`` means that the same call will not succeed later either.

    ``status`` is the HTTP status (None when no answer came), ``errcode`` the homeserver's code, ``retry_after`` the
    seconds it asked us to wait. A fault without an answer, or with a status of 500 and above, leaves the outcome of a
    send open.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        status: int | None = None,
        errcode: str | None = None,
        retry_after: float | None = None,
        permanent: bool = False,
        detail: str = "",
    ) -> None:
        super().__init__(" ".join(str(part) for part in (kind.value, status, errcode, detail) if part))
        self.kind = kind
        self.status = status
        self.errcode = errcode
        self.retry_after = retry_after
        self.permanent = permanent
        self.detail = detail

    @property
    def key(self) -> str:
        """Return the catalogue key of the sentence that explains this fault."""
        return f"fault.{self.kind.value}"

    @property
    def doubtful(self) -> bool:
        """Tell whether the homeserver may have carried the call out although we saw it fail."""
        return self.kind in {Kind.UNREACHABLE, Kind.SLOW, Kind.SERVER, Kind.GARBLED}


class TokenRevoked(Fault):
    """The homeserver no longer accepts our login: stop, a person must sign the bot in again."""

    def __init__(self, *, status: int | None = None, errcode: str | None = None) -> None:
        super().__init__(Kind.REVOKED, status=status, errcode=errcode, permanent=True)


def must(status: int, content_type: str, headers: Mapping[str, str], body: object, shape: type[Shape]) -> Shape:
    """Return the JSON of a good answer; raise the Fault that any other answer means.

    ``body`` is the parsed body, or None when it was not JSON. Only status 200 with JSON of the expected shape is a
    success: an error page of a proxy is none, whatever its status.
    """
    if status == 200 and content_type == "application/json" and isinstance(body, shape):
        return body
    answer = body if isinstance(body, dict) else {}
    raise fault_of(status, answer, headers)


def fault_of(status: int, answer: Mapping[str, Any], headers: Mapping[str, str]) -> Fault:
    """Make the Fault of an answer that is not a success."""
    errcode = answer.get("errcode")
    usual = isinstance(errcode, str) and len(errcode) < 100 and errcode.isascii() and errcode.isprintable()
    errcode = errcode if usual else None
    if errcode in REVOKED:
        # A bare 401 is no proof: a proxy or a captive portal answers so too.
        return TokenRevoked(status=status, errcode=errcode)
    if status == 429 or errcode == "M_LIMIT_EXCEEDED":
        return Fault(Kind.LIMITED, status=status, errcode=errcode, retry_after=_retry_after(answer, headers))
    if status == 413 or errcode == "M_TOO_LARGE":
        return Fault(Kind.TOO_LARGE, status=status, errcode=errcode, permanent=True)
    if errcode is None or status >= 500 or status < 400:
        # Without a Matrix error code it was not a homeserver that spoke.
        kind = Kind.SERVER if status >= 500 else Kind.GARBLED
        return Fault(kind, status=status, errcode=errcode, retry_after=_retry_after(answer, headers))
    kind = Kind.MISSING if status == 404 else Kind.REFUSED
    return Fault(kind, status=status, errcode=errcode, permanent=True)


def _retry_after(answer: Mapping[str, Any], headers: Mapping[str, str]) -> float | None:
    """Read the wait in seconds from the header, which may name a date, or, in milliseconds, from the body."""
    waits = []
    milliseconds = answer.get("retry_after_ms")
    if isinstance(milliseconds, int) and not isinstance(milliseconds, bool) and milliseconds >= 0:
        waits.append(milliseconds / 1000)
    header = headers.get("Retry-After", "")
    if header.isascii() and header.isdigit() and len(header) < 9:
        waits.append(float(header))
    elif (date := _http_date(header)) is not None:
        since = _http_date(headers.get("Date", "")) or datetime.now(UTC)
        waits.append(max((date - since).total_seconds(), 0.0))
    return min(max(waits), LONGEST_RETRY) if waits else None


def _http_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
