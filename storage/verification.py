"""The record as evidence: where its chain begins, whether it is whole, and what of it is forgotten on purpose."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

from msgspec import Struct
from sqlalchemy import func, select, update

from content.identifiers import Cause, UserId
from storage.audit import BEGUN, FORGOTTEN, add, audit, head, row_of, seal
from storage.chain import AUTHORITY, START, Before, Head, digest, forgettable, link, name_of
from storage.engines import trouble
from storage.tables import Instant
from storage.unit import Reading, Writing

PORTION = 2000
"""Rows that are held in memory at once."""


class Wrong(StrEnum):
    """What is found at a row: it or its link was changed, one before it is gone, or it was added past the chain.

    Its person and cause were changed, or are gone although nothing in the record says so; what stood before the chain
    began is not what it was; the chain does not reach as far as was noted elsewhere.
    """

    CHANGED = "changed"
    MISSING = "missing"
    UNSEALED = "unsealed"
    WORDS = "words"
    FORGOTTEN = "forgotten"
    BEFORE = "before"
    SHORT = "short"


class Finding(Struct, frozen=True, kw_only=True):
    """The first row at which the record is not whole, and how."""

    number: int
    wrong: Wrong


class Verdict(Struct, frozen=True, kw_only=True):
    """What became of reading the whole record: how many rows, how many of them sealed, and the newest.

    ``began`` is the number of the row with which the chain begins, ``None`` where there is none.
    """

    rows: int
    sealed: int
    began: int | None
    head: Head
    finding: Finding | None = None

    @property
    def whole(self) -> bool:
        """Tell whether there is a chain and nothing is wrong with it."""
        return self.began is not None and self.finding is None


class Noted(Struct, frozen=True, kw_only=True):
    """How far the record had come at one time, noted where who changes the database does not reach."""

    number: int
    link: str

    def fits(self, row: Head) -> bool:
        """Tell whether a row is the one that was noted; the link may be noted by its beginning."""
        return row.number == self.number and len(self.link) >= SHORTEST and row.link.hex().startswith(self.link)


SHORTEST = 12
"""Hexadecimal digits of a link that nobody meets by chance."""


class Verifier:
    """Reads rows in order and finds the first that cannot be. The rows of one chain begin with that of ``began``."""

    def __init__(self, key: bytes, began: int) -> None:
        self.newest = Head(number=began - 1, link=START)
        self.rows = self.sealed = 0
        self._key = key
        self._began = began
        self._before = Before(key)
        self._stated = ""
        self._emptied: list[int] = []
        self._allowed: list[range] = []

    def feed(self, row: Mapping[str, Any]) -> Finding | None:
        """Take in the next row, and return what is wrong with it."""
        self.rows += 1
        number = row["number"]
        if number < self._began:
            self._before.add(row)
            return None
        wrong = self._look(row)
        if wrong is not None:
            return Finding(number=number, wrong=wrong)
        self.sealed += 1
        self.newest = Head(number=number, link=bytes(row["link"]))
        said = _said(row["note"])
        self._stated = said.get("before", self._stated)
        self._allowed += [_range(one) for one in said.get("rows", "").split(",") if one]
        return None

    def _look(self, row: Mapping[str, Any]) -> Wrong | None:
        if row["number"] != self.newest.number + 1:
            return Wrong.MISSING
        if row["link"] is None or row["digest"] is None:
            return Wrong.UNSEALED
        plain = {**row, "digest": bytes(row["digest"]), "link": bytes(row["link"])}
        if not hmac.compare_digest(link(self._key, self.newest.link, plain), plain["link"]):
            return Wrong.CHANGED
        if is_forgotten(row):
            self._emptied.append(row["number"])
        elif not hmac.compare_digest(digest(self._key, plain), plain["digest"]):
            return Wrong.WORDS
        return None

    def end(self) -> Finding | None:
        """Return what is wrong with the whole, once every row was read."""
        if self._before.stated() != self._stated:
            return Finding(number=self._began, wrong=Wrong.BEFORE)
        for number in self._emptied:
            if not any(number in one for one in self._allowed):
                return Finding(number=number, wrong=Wrong.FORGOTTEN)
        return None


def is_forgotten(row: Mapping[str, Any]) -> bool:
    """Tell whether the forgettable part of a row is gone."""
    return not any(forgettable(row))


def _said(note: str | None) -> dict[str, str]:
    """Return what a row's note says, by its names."""
    return dict(part.split("=", 1) for part in (note or "").split(" ") if "=" in part)


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def ranges(numbers: Iterable[int]) -> str:
    """Write numbers as ranges, ``1-3,7``."""
    ordered = sorted(set(numbers))
    starts = ordered[:1] + [later for earlier, later in pairwise(ordered) if later != earlier + 1]
    ends = [earlier for earlier, later in pairwise(ordered) if later != earlier + 1] + ordered[-1:]
    return ",".join(f"{a}-{b}" if a != b else str(a) for a, b in zip(starts, ends, strict=True))


async def begun(unit: Reading) -> tuple[int, str] | None:
    """Return at which row the newest chain begins, and the name of its key."""
    query = select(audit.c.number, audit.c.note).where(audit.c.cause == BEGUN)
    row = await unit.first(query.order_by(audit.c.number.desc()).limit(1))
    return (row.number, _said(row.note).get("key", "")) if row else None


async def begun_at(unit: Reading) -> datetime | None:
    """Return when the newest chain began."""
    at: datetime | None = await unit.value(select(func.max(audit.c.at, type_=Instant)).where(audit.c.cause == BEGUN))
    return at


async def begin(unit: Writing, *, anew: bool) -> None:
    """Begin a chain after all rows that are there; where there is one, see that it is sealed under our key.

    ``anew`` begins one in any case. Raises Trouble for another key.
    """
    key = unit.chain.key
    if key is None:
        return
    there = await begun(unit)
    if there is not None and not anew:
        if there[1] != name_of(key):
            raise trouble("record_other_key")
        return
    await seal(unit)
    before = Before(key)
    async for row in every(unit):
        before.add(row)
    number = (await head(unit)).number
    note = f"key={name_of(key)} before={before.stated()}"
    row = row_of(at=unit.now, actor=None, cause=BEGUN, action="record_begun", note=note)
    sealed, newest = unit.chain.seal(Head(number=number, link=START), row)
    await unit.add(audit, sealed)
    unit.chain.head = newest if unit.gathered is not None else None


async def every(unit: Reading, *, first: int = 0) -> AsyncIterator[Mapping[str, Any]]:
    """Yield every row from a number on, a portion at a time."""
    last = first - 1
    while True:
        found = await unit.rows(select(audit).where(audit.c.number > last).order_by(audit.c.number).limit(PORTION))
        for row in found:
            yield dict(row._mapping)
        if len(found) < PORTION:
            return
        last = found[-1].number


async def verify(unit: Reading, key: bytes, noted: Sequence[Noted] = ()) -> Verdict:
    """Read the whole record and say whether it is whole, and as long as was noted elsewhere."""
    began = await begun(unit)
    if began is None or began[1] != name_of(key):
        rows = int(await unit.value(select(func.count()).select_from(audit)) or 0)
        # A chain under another key, or none where one is expected, is no chain.
        finding = Finding(number=began[0], wrong=Wrong.CHANGED) if began else None
        return Verdict(rows=rows, sealed=0, began=None, head=await head(unit), finding=shorter(noted, {}) or finding)
    verifier = Verifier(key, began[0])
    finding = None
    async for row in every(unit):
        finding = verifier.feed(row)
        if finding is not None:
            break
    finding = finding or verifier.end() or shorter(noted, await met(unit, noted))
    return Verdict(rows=verifier.rows, sealed=verifier.sealed, began=began[0], head=verifier.newest, finding=finding)


async def met(unit: Reading, noted: Sequence[Noted]) -> dict[int, Head]:
    """Return the rows that have the numbers of what was noted elsewhere."""
    query = select(audit.c.number, audit.c.link)
    found = {}
    for start in range(0, len(noted), 500):
        wanted = [one.number for one in noted[start : start + 500]]
        for row in await unit.rows(query.where(audit.c.number.in_(wanted))):
            found[row.number] = Head(number=row.number, link=bytes(row.link or START))
    return found


def shorter(noted: Sequence[Noted], met: Mapping[int, Head]) -> Finding | None:
    """Return the first row that was noted elsewhere and is not in the record, or is another."""
    for one in sorted(noted, key=lambda each: each.number):
        row = met.get(one.number)
        if row is None or not one.fits(row):
            return Finding(number=one.number, wrong=Wrong.SHORT)
    return None


_EMPTY = {"actor": None, "cause": "", "subject": None, "before": None, "after": None, AUTHORITY: None}


async def forget(unit: Writing, numbers: Sequence[int], *, cause: Cause, actor: UserId | None = None) -> None:
    """Empty rows of who, why and whom; the chain says which, so that nothing else can be gone unnoticed."""
    if not numbers:
        return
    await seal(unit)
    key, there = unit.chain.key, await begun(unit)
    restated = ""
    older = key is not None and there is not None and min(numbers) < there[0]
    whole = older and await _before(unit, key, there) == await _stated(unit, there)  # type: ignore[arg-type]
    for start in range(0, len(numbers), 500):
        await unit.execute(update(audit).where(audit.c.number.in_(numbers[start : start + 500])).values(_EMPTY))
    if whole:
        restated = f" before={await _before(unit, key, there)}"  # type: ignore[arg-type]
    note = f"rows={ranges(numbers)}{restated}"
    await add(unit, row_of(at=unit.now, actor=actor, cause=cause, action=FORGOTTEN, note=note))


async def _before(unit: Reading, key: bytes, there: tuple[int, str]) -> str:
    before = Before(key)
    async for row in every(unit):
        if row["number"] >= there[0]:
            break
        before.add(row)
    return before.stated()


async def _stated(unit: Reading, there: tuple[int, str]) -> str:
    """Return what was said last of the rows from before the chain."""
    query = select(audit.c.note).where(audit.c.number >= there[0], audit.c.note.contains("before="))
    return _said(await unit.value(query.order_by(audit.c.number.desc()).limit(1))).get("before", "")


async def forget_old(unit: Writing, before: datetime, *, most: int) -> None:
    """Empty the rows that are older than they may be kept with a person's name, some at a time."""
    query = (
        select(audit.c.number)
        .where(audit.c.at < before, audit.c.cause != "", audit.c.cause != BEGUN, audit.c.action != FORGOTTEN)
        .order_by(audit.c.number)
        .limit(most)
    )
    numbers = [row.number for row in await unit.rows(query)]
    if numbers:
        await forget(unit, numbers, cause=Cause(f"record:forget:{numbers[0]}-{numbers[-1]}"))
