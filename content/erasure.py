"""Erasing what is held about a person: two people agree, nothing is on its way any more, and only sums stay."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import MemberId, UserId
from content.members import Member


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonErased(Fact):
    """Everything by which a person could be known was taken out of every table; counts stay as they were.

    ``members`` are all entries of the person, ``accounts`` all that were ever theirs and are nobody else's now.
    """

    members: tuple[MemberId, ...]
    accounts: tuple[UserId, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How things stand with a person who is to be erased.

    ``on_the_way`` counts what still waits to be sent to them or done about them, ``rooms`` those of the organisation in
    which they still are.
    """

    entries: Collection[MemberId]
    accounts: Collection[UserId]
    on_the_way: int = 0
    rooms: int = 0


def erase(
    member: Member, held: Held, *, by: UserId, approved_by: UserId | None, typed: str, now: datetime
) -> Decision | Refusal:
    """Erase a person who has left the roster; a second person has agreed, and who does it has typed the name."""
    if member.merged_into is not None:
        return refused("erasure.of_double", name=member.name)
    if member.left is None:
        return refused("erasure.leave_first", name=member.name)
    if approved_by is None or approved_by == by:
        return refused("erasure.second_person")
    if {by, approved_by} & set(held.accounts):
        return refused("erasure.not_oneself")
    if held.rooms:
        return refused("erasure.still_in_rooms", n=held.rooms)
    if held.on_the_way:
        return refused("erasure.on_the_way", n=held.on_the_way)
    if typed.strip() != member.name:
        return refused("erasure.type_name", field="typed", name=member.name)
    fact = PersonErased(members=tuple(sorted(held.entries)), accounts=tuple(sorted(held.accounts)), at=now)
    return Decision(facts=(fact,))
