"""Names that were written freely in a secret ballot, sealed, from the opening until the count is certified."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table, and_, delete, select, update

from content.ballots import BallotCertified, BallotVoided
from content.identifiers import BallotId
from content.rule_packs import Rule
from content.write_ins import Ruling, WriteInsDecided, WriteInsFound, WriteInsRuled, Written
from storage.ballots import ballot_results
from storage.tables import metadata
from storage.unit import AnyRow, Reading, Writing
from storage.vault import Vault

ballot_write_ins = Table(
    "ballot_write_ins",
    metadata,
    Column("ballot_id", ForeignKey("ballots.id"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("text", LargeBinary, nullable=False),
    Column("is_sealed", Boolean, nullable=False),
    Column("meant", String(32)),
    Column("by_teller", Integer),
    Column("agreed_by", Integer),
    sqlite_with_rowid=False,
)


async def written(unit: Reading, ballot: BallotId) -> tuple[Written, ...]:
    """Return the texts that were found in a box, in the order of the texts, and what was said of each."""
    held = ballot_write_ins.c
    rows = await unit.rows(select(ballot_write_ins).where(held.ballot_id == ballot).order_by(held.place))
    return tuple(
        Written(text=_plain(unit.vault, row).decode(), meant=row.meant, by=row.by_teller, agreed=row.agreed_by)
        for row in rows
    )


async def ruled(unit: Reading, ballot: BallotId) -> tuple[Ruling, ...]:
    """Return by which decisions a ballot was counted."""
    kept = await unit.value(select(ballot_results.c.result).where(ballot_results.c.ballot_id == ballot))
    return tuple(
        Ruling(meant=one["meant"], rule=Rule(one["rule"]), texts=one["texts"], by=tuple(one["by"]))
        for one in (kept or {}).get("written", ())
    )


def _where(row: AnyRow) -> tuple[str, str, str]:
    return _place(row.ballot_id, row.place)


def _place(ballot: str, place: int) -> tuple[str, str, str]:
    return "ballot_write_ins", "text", f"{ballot}:{place}"


def _plain(vault: Vault, row: AnyRow) -> bytes:
    value = bytes(row.text)
    return vault.open(value, *_where(row)) if row.is_sealed else value


async def write_found(unit: Writing, fact: WriteInsFound) -> None:
    """Keep the texts of a box in the place of those that were known; what was said of one stays with it."""
    known = {one.text: one for one in await written(unit, fact.ballot)}
    await _forget(unit, fact.ballot)
    sealing = unit.vault.name is not None
    rows = []
    for place, text in enumerate(fact.texts):
        one, plain = known.get(text, Written(text=text)), text.encode()
        rows.append(
            {
                "ballot_id": fact.ballot,
                "place": place,
                "text": unit.vault.seal(plain, *_place(fact.ballot, place)) if sealing else plain,
                "is_sealed": sealing,
                "meant": one.meant,
                "by_teller": one.by,
                "agreed_by": one.agreed,
            }
        )
    await unit.add(ballot_write_ins, rows)


async def write_decided(unit: Writing, fact: WriteInsDecided) -> None:
    """Keep whom texts mean, by whose word."""
    said = {one.text: one for one in fact.written}
    held = ballot_write_ins.c
    for place, one in enumerate(await written(unit, fact.ballot)):
        if one.text in said:
            own, new = and_(held.ballot_id == fact.ballot, held.place == place), said[one.text]
            values = {"meant": new.meant, "by_teller": new.by, "agreed_by": new.agreed}
            await unit.execute(update(ballot_write_ins).where(own).values(**values))


async def write_ruled(unit: Writing, fact: WriteInsRuled) -> None:
    """Keep beside a count by which decisions it was made; called after the count is kept."""
    own = ballot_results.c.ballot_id == fact.ballot
    kept = await unit.value(select(ballot_results.c.result).where(own))
    ruled = [
        {"meant": one.meant, "rule": str(one.rule), "texts": one.texts, "by": list(one.by)} for one in fact.rulings
    ]
    await unit.execute(update(ballot_results).where(own).values(result={**kept, "written": ruled}))


async def write_over(unit: Writing, fact: BallotCertified | BallotVoided) -> None:
    """Forget the texts; who asks sees to it that the write-ahead log forgets them too."""
    await _forget(unit, fact.ballot)


async def _forget(unit: Writing, ballot: BallotId) -> None:
    await unit.execute(delete(ballot_write_ins).where(ballot_write_ins.c.ballot_id == ballot))


async def rewrap(unit: Writing, new: Vault) -> int:
    """Seal every text under another master key; return how many there are."""
    rows = await unit.rows(select(ballot_write_ins).where(ballot_write_ins.c.is_sealed.is_(True)))
    for row in rows:
        await _seal(unit, new, row, _plain(unit.vault, row))
    return len(rows)


async def seal_clear(unit: Writing) -> None:
    """Seal texts that lie in the clear, as they do from before there was a key."""
    for row in await unit.rows(select(ballot_write_ins).where(ballot_write_ins.c.is_sealed.is_(False))):
        await _seal(unit, unit.vault, row, _plain(unit.vault, row))


async def _seal(unit: Writing, vault: Vault, row: AnyRow, plain: bytes) -> None:
    held = ballot_write_ins.c
    own = and_(held.ballot_id == row.ballot_id, held.place == row.place)
    values = {"text": vault.seal(plain, *_where(row)), "is_sealed": True}
    await unit.execute(update(ballot_write_ins).where(own).values(**values))
