"""Tells which name of a sign-up is another spelling of one that its own sender wrote before, so that one of them goes.

Nobody is taken out by omission. A name is corrected where who wrote it writes one that is nearly the same in the same
line: in an edit of the message, or, by stricter measure, in a chain that they paste again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from content.chains import folded
from content.identifiers import EventId, MemberId, SignUpEntryId, UserId
from content.sign_up_sheets import GONE, Claim, Entry, Sheet
from content.syllables import syllable

SHORTEST = 2
"""So many signs a name has at least; of one that is no longer another sign makes another person."""


class Placed(Struct, frozen=True, kw_only=True):
    """A person in a line that was said now: who that is on the sign-up, by which name, with which number before it.

    Who goes ``out`` by it corrects nobody.
    """

    entry: SignUpEntryId
    name: str
    number: int
    out: bool = False


def corrected(
    sheet: Sheet, placed: Sequence[Placed], *, event: EventId, user: UserId, member: MemberId, edited: bool
) -> dict[SignUpEntryId, Entry]:
    """Return by each name that was corrected the entry of the old one.

    The old one was put down by the same ``user``, is not they themself, and is said nowhere in the message any more;
    the new one was not named by them before and does not stand there yet: whom another put down is somebody else.
    Of several in one line nothing is told.
    """
    before = [one for one in sheet.claims if one.sender == user and one.entry != GONE]
    if edited:
        before = [one for one in before if one.event == event]
    said, there = {one.entry for one in placed}, {one.entry for one in before} | {one.id for one in sheet.standing}
    found = {}
    for number in sorted({one.number for one in placed if one.number or edited}):
        fresh = {
            one.entry: one.name for one in placed if one.number == number and one.entry not in there and not one.out
        }
        old = _omitted(sheet, before, number, said, user, member)
        if len(fresh) != 1 or len(old) != 1:
            continue
        ((id, name),) = fresh.items()  # noqa: A001 - the field's name
        if is_near(old[0].name, name) if edited else old[0].member is None and is_alike(old[0].name, name):
            found[id] = old[0]
    return found


def handed_on(
    sheet: Sheet, old: Entry, fresh: Entry, *, event: EventId, user: UserId, member: MemberId
) -> frozenset[Claim]:
    """Return the claims of the messages before ``event`` that named ``old``, which name the ``fresh`` entry by now.

    Oneself is held by one's own messages alone.
    """
    named = [one for one in sheet.claims if one.entry == old.id and one.event != event]
    return frozenset(replace(one, entry=fresh.id) for one in named if one.sender == user or fresh.member != member)


def _omitted(
    sheet: Sheet,
    before: Iterable[Claim],
    number: int,
    said: set[SignUpEntryId],
    user: UserId,
    member: MemberId,
) -> list[Entry]:
    ids = sorted({one.entry for one in before if one.line == number} - said)
    entries = [sheet.entries[id] for id in ids if id in sheet.entries]  # noqa: A001
    return [
        one
        for one in entries
        if not one.withdrawn and not one.by_hand and one.by == user and (one.member is None or one.member != member)
    ]


def is_alike(old: str, new: str) -> bool:
    """Tell whether two names may be one, mistyped: they sound the same, or differ in one sign of three or more."""
    one, other = folded(old), folded(new)
    if len(one) == len(other):
        differ = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
        return all(_sounds(a) == _sounds(b) for a, b in differ) or (len(one) > SHORTEST and len(differ) == 1)
    shorter, longer = sorted((one, other), key=len)
    if len(longer) != len(shorter) + 1 or len(shorter) < SHORTEST:
        return False
    return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))


def is_near(old: str, new: str) -> bool:
    """Tell of an edit whether it may correct a name: both are alike, or half of their signs or more stay."""
    one, other = folded(old), folded(new)
    same = sum(a == b for a, b in zip(one, other, strict=False))
    return is_alike(old, new) or (len(one) == len(other) and 2 * same >= len(one))


def _sounds(sign: str) -> str:
    return syllable(sign) or sign
