"""The lines of a branch's sheets of dues: who pays there now, and whoever it has entries of, each with its own sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from content.dues import months
from content.dues_ledger import Entry
from content.dues_shares import share, taken
from content.identifiers import MemberId, OrganisationId
from content.members import Member
from content.strokes import by_strokes
from storage import dues
from storage.dues import Line
from storage.members import by_ids
from storage.organisations import stands_below
from storage.unit import Reading


async def sheet(
    unit: Reading, branch: OrganisationId, *, first: str, last: str
) -> tuple[tuple[Line, ...], tuple[Entry, ...]]:
    """Return the lines of a branch from one month to another, and its entries for these months.

    The entries name whose they are by now, where that entry of the roster was merged into another.
    """
    found = await dues.entries(unit, branch=branch, between=(first, last))
    whose = await _by_now(unit, {one.member for one in found})
    entries = tuple(replace(one, member=whose[one.member].id) for one in found)
    people = {one.id: one for one in (*await dues.payers(unit, branch), *whose.values())}
    ordered = sorted(people.values(), key=lambda one: (by_strokes(one.name), one.id))
    return await _lines(unit, ordered, branch, entries, first=first, last=last), entries


async def line(
    unit: Reading, member: Member, branch: OrganisationId, *, first: str, last: str
) -> tuple[Line, tuple[Entry, ...]]:
    """Return the months of one member as they stand in a branch, and every entry that it has of them."""
    entries = await dues.entries(unit, branch=branch, member=member.id)
    own = [replace(one, member=member.id) for one in entries]
    (found,) = await _lines(unit, [member], branch, own, first=first, last=last)
    return found, entries


async def _lines(
    unit: Reading, people: Sequence[Member], branch: OrganisationId, entries: Iterable[Entry], *, first: str, last: str
) -> tuple[Line, ...]:
    here: dict[MemberId, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for entry in entries:
        if entry.month is not None:
            here[entry.member][entry.month] += entry.fen
    within = {place: await stands_below(unit, place, [branch]) for place in {one.organisation for one in people}}
    lines = []
    for one in await dues.lines(unit, people, first=first, last=last):
        sums = here[one.member.id]
        if within[one.member.organisation]:
            lines.append(replace(one, months=share(one.months, sums)))
            continue
        # What another branch has fixed since is nothing for this one to see.
        fixed = tuple(held for held in one.assessments if held.organisation == branch)
        standing = taken(months(one.member, fixed, sums, first=first, last=last))
        lines.append(replace(one, assessments=fixed, months=standing, moved=True))
    return tuple(lines)


async def _by_now(unit: Reading, ids: set[MemberId]) -> dict[MemberId, Member]:
    """Return for each entry of the roster who it stands for by now."""
    found, asked = dict[MemberId, Member](), set(ids)
    while asked:
        new = {one.id: one for one in await by_ids(unit, asked)}
        found |= new
        asked = {one.merged_into for one in new.values() if one.merged_into is not None} - found.keys()
    whose = {}
    for one in ids:
        at, seen = found[one], set[MemberId]()
        while at.merged_into is not None and at.id not in seen:
            seen.add(at.id)
            at = found[at.merged_into]
        whose[one] = at
    return whose
