"""Seals and opens the envelopes of a secret ballot: X25519 sealed boxes of one length, and shares of the key.

Nothing here is kept. Who opens must hold the key, which is put together from the tellers' shares for that moment; that
a teller holds a share is proved by opening a seal with a key that is derived from it, and the election's key stays
apart. libsodium takes the randomness of seals from the system by itself.
"""

from __future__ import annotations

import hashlib
import secrets

from msgspec import Struct
from nacl import bindings as sodium
from nacl.exceptions import CryptoError

from content.ballot_papers import EMPTY, OVERHEAD
from content.discreet import repr_without
from content.shares import rebuilt, split

KEY_BYTES = sodium.crypto_box_SECRETKEYBYTES
_PROVING = b"ballot-pop"


class Ceremony(Struct, frozen=True, kw_only=True):
    """What a key ceremony yields: the public key, each teller's share, and the key that proves that one holds it."""

    key: bytes
    shares: dict[int, bytes]
    share_keys: dict[int, bytes]

    def __repr__(self) -> str:
        return repr_without(self, *self.__struct_fields__)


def hold_ceremony(ballot: str, *, needed: int, among: int) -> Ceremony:
    """Make the key of a ballot and its shares; the private key is forgotten with the return."""
    key, private = sodium.crypto_box_keypair()
    noise = secrets.token_bytes(KEY_BYTES * (needed - 1))
    shares = split(private, needed=needed, among=among, randomness=noise)
    if set(rebuilt(shares, needed)) != {private}:
        raise ValueError("the shares do not rebuild the key")
    proving = {x: public_of(proving_key(ballot, share)) for x, share in shares.items()}
    return Ceremony(key=key, shares=shares, share_keys=proving)


def public_of(private: bytes) -> bytes:
    """Return the public key that belongs to a private one."""
    return sodium.crypto_scalarmult_base(private)


def proving_key(ballot: str, share: bytes) -> bytes:
    """Return the private key with which a teller proves to hold a share of this ballot's key."""
    return hashlib.blake2b(share, digest_size=KEY_BYTES, key=ballot.encode(), person=_PROVING).digest()


def challenge(share_key: bytes) -> tuple[bytes, bytes]:
    """Return something random, and the same sealed for who holds a share."""
    asked = secrets.token_bytes(32)
    return asked, sodium.crypto_box_seal(asked, share_key)


def answer(ballot: str, share: bytes, sealed: bytes) -> bytes | None:
    """Return what was sealed for who holds this share, ``None`` where it was for another."""
    return _opened(sealed, proving_key(ballot, share))


def seal(plain: bytes, key: bytes, length: int) -> bytes:
    """Return the envelope of a paper; ``length`` is that of every envelope of the ballot.

    Raises ValueError for a paper that is too long.
    """
    block = length - OVERHEAD
    if len(plain) >= block:
        raise ValueError("the paper is too long for its envelope")
    return sodium.crypto_box_seal(sodium.sodium_pad(plain, block), key)


def empty_envelopes(number: int, key: bytes, length: int) -> tuple[bytes, ...]:
    """Return envelopes as those lie in the box of who has not voted; no two are alike."""
    return tuple(seal(EMPTY, key, length) for _ in range(number))


def open_envelope(box: bytes, private: bytes, length: int) -> bytes | None:
    """Return the paper in an envelope, ``None`` where it was not sealed as it should be."""
    if len(box) != length:
        return None
    padded = _opened(box, private)
    if padded is None:
        return None
    try:
        return sodium.sodium_unpad(padded, length - OVERHEAD)
    except (CryptoError, ValueError):
        return None


def _opened(box: bytes, private: bytes) -> bytes | None:
    try:
        return sodium.crypto_box_seal_open(box, public_of(private), private)
    except (CryptoError, ValueError):
        return None


def new_slots(number: int) -> tuple[str, ...]:
    """Return random names for places in the box, from which no order can be told."""
    return tuple(secrets.token_hex(16) for _ in range(number))
