"""Texts that let somebody in: in the database sealed only, under a key that lies elsewhere, and opened to be sent."""

from __future__ import annotations

from base64 import b64decode, b64encode

from content.decision import Secret


class Unopened(ValueError):
    """What was sealed does not open: under another key, or changed."""


def seal(key: bytes, text: Secret) -> str:
    """Return a text as it may lie in the database."""
    from nacl import bindings as sodium
    from nacl.utils import random

    nonce = random(sodium.crypto_secretbox_NONCEBYTES)
    return b64encode(nonce + sodium.crypto_secretbox(text.encode(), nonce, key)).decode()


def unseal(key: bytes, sealed: str) -> Secret:
    """Return a text that was sealed. Raises Unopened where it was not, or not under this key."""
    from nacl import bindings as sodium
    from nacl.exceptions import CryptoError

    try:
        whole = b64decode(sealed, validate=True)
        nonce, rest = whole[: sodium.crypto_secretbox_NONCEBYTES], whole[sodium.crypto_secretbox_NONCEBYTES :]
        return Secret(sodium.crypto_secretbox_open(rest, nonce, key).decode())
    except (ValueError, CryptoError) as error:
        raise Unopened from error
