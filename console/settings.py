"""What the console must be told: where it is reached, and in which language and zone it speaks unasked."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from msgspec import Struct

from content.discreet import repr_without


class ConsoleSettings(Struct, frozen=True, kw_only=True):
    """``address`` is the public base address, such as ``https://zhibu.example.org``.

    ``secure_cookies`` is true exactly where the address is https. ``language`` is ``zh_CN`` or ``en``, ``timezone`` an
    IANA name; both are for who has chosen none. ``encrypted`` tells whether the rooms that are made here are encrypted.
    ``version`` is the program's; ``metrics_token`` is the secret for which metrics are given to other machines, none
    where it is empty. ``second_factor_required`` where nobody whose duties allow more than to look gets in by a link
    alone. ``proxies`` is how many of them stand before this console, ``proxy_address`` from where the nearest speaks,
    this machine where it is empty. ``backup_days`` is how long a backup is kept where one is made every day, 0 where
    that is not known.
    """

    address: str
    secure_cookies: bool
    language: str = "zh_CN"
    timezone: str = "Asia/Shanghai"
    encrypted: bool = True
    version: str = ""
    metrics_token: str = ""
    second_factor_required: bool = True
    proxies: int = 0
    proxy_address: str = ""
    backup_days: int = 0

    @property
    def passkeys(self) -> bool:
        """Tell whether browsers offer passkeys here: they want https, or this machine itself, and a name."""
        local = self.host == "localhost" or self.host.endswith(".localhost")
        return local or (self.secure_cookies and not _is_number(self.host))

    @property
    def host(self) -> str:
        """Return the host name under which the console is reached."""
        return urlsplit(self.address).hostname or "localhost"

    @property
    def origin(self) -> str:
        """Return the origin that a browser names for pages of ours."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}".lower()

    def __repr__(self) -> str:
        return repr_without(self, "metrics_token")


def _is_number(host: str) -> bool:
    """Tell whether a host is named by its address, of which no passkey is made."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
