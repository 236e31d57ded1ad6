"""A broadcast that did not reach all its rooms: who is told of it, once, and what they are told."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from content.decision import Decision, Tell, Words, words
from content.identifiers import UserId

MOST_NAMED = 5
"""How many rooms are named in one message; the desk has them all."""

MOST_TOLD = 3
"""How many people are told of one broadcast, where who planned it is no longer there."""


FAULTS = frozenset(
    {"unreachable", "slow", "limited", "server", "garbled", "refused", "missing", "too_large", "revoked", "sign_in"}
    | {"plaintext", "keys", "store", "identity", "sealed"}
)
"""Kinds of fault that have a sentence; of any other it is only known that it did not arrive."""


class Missed(Struct, frozen=True, kw_only=True):
    """A place that a broadcast did not reach, and why: the kind of fault, or ``too_late``."""

    name: str
    why: str


class Undelivered(Struct, frozen=True, kw_only=True):
    """A broadcast with the places that it did not reach."""

    id: str
    title: str
    author: UserId
    missed: tuple[Missed, ...]


def tell_owner(undelivered: Undelivered, owners: Sequence[UserId], *, console: str) -> Decision:
    """Tell whoever answers for a broadcast that it did not arrive everywhere, in one message for all its rooms."""
    said = words("undelivered.told", lines=_lines(undelivered, console))
    return Decision(effects=tuple(Tell(user=user, words=said, unasked=True) for user in owners[:MOST_TOLD]))


def _lines(undelivered: Undelivered, console: str) -> tuple[Words, ...]:
    shown, rest = undelivered.missed[:MOST_NAMED], len(undelivered.missed) - MOST_NAMED
    places = [words("undelivered.place", name=one.name, why=(_why(one.why),)) for one in shown]
    more = [words("undelivered.more", n=rest)] if rest > 0 else []
    head = words("undelivered.head", title=undelivered.title, n=len(undelivered.missed))
    return (head, *places, *more, words("undelivered.what_to_do", address=f"{console}/outbox?tab=failed"))


def _why(kind: str) -> Words:
    if kind == "too_late":
        return words("outbox_page.expired")
    return words(f"fault.{kind}") if kind in FAULTS else words("outbox_page.unknown_fault")
