"""The words by which people know the bot; where there is a key they lie sealed, each bound to its account."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, LargeBinary, String, Table, false, select

from content.decision import Secret
from content.identifiers import UserId
from content.watchwords import WatchwordChosen, WatchwordDropped
from storage.tables import metadata
from storage.unit import AnyRow, Reading, Writing
from storage.vault import Vault

watchwords = Table(
    "watchwords",
    metadata,
    Column("user_id", String(255), primary_key=True),
    Column("text", LargeBinary, nullable=False),
    Column("is_sealed", Boolean, nullable=False, server_default=false()),
)

_PLACE = ("watchwords", "text")


async def known_to(unit: Reading, user: UserId) -> Secret | None:
    """Return the words of a person, if they have chosen any."""
    row = await unit.first(select(watchwords).where(watchwords.c.user_id == user))
    return Secret(_plain(unit, row).decode()) if row is not None else None


def _plain(unit: Reading, row: AnyRow) -> bytes:
    return unit.vault.open(row.text, *_PLACE, row.user_id) if row.is_sealed else bytes(row.text)


async def write_chosen(unit: Writing, fact: WatchwordChosen) -> None:
    """Keep the words, sealed where there is a key."""
    plain = fact.text.encode()
    sealed = unit.vault.name is not None
    kept = unit.vault.seal(plain, *_PLACE, fact.user) if sealed else plain
    await unit.put(watchwords, {"user_id": fact.user, "text": kept, "is_sealed": sealed}, key=["user_id"])


async def write_dropped(unit: Writing, fact: WatchwordDropped) -> None:
    """Forget the words."""
    await unit.execute(watchwords.delete().where(watchwords.c.user_id == fact.user))


async def seal_clear(unit: Writing) -> None:
    """Seal what lies in the clear, as it does from before there was a key."""
    for row in await unit.rows(select(watchwords).where(watchwords.c.is_sealed.is_(False))):
        await _keep(unit, unit.vault, row, bytes(row.text))


async def rewrap(unit: Writing, new: Vault) -> int:
    """Seal everything under another master key; return how many there are."""
    rows = await unit.rows(select(watchwords).where(watchwords.c.is_sealed.is_(True)))
    for row in rows:
        await _keep(unit, new, row, _plain(unit, row))
    return len(rows)


async def _keep(unit: Writing, vault: Vault, row: AnyRow, plain: bytes) -> None:
    sealed = vault.seal(plain, *_PLACE, row.user_id)
    change = watchwords.update().where(watchwords.c.user_id == row.user_id)
    await unit.execute(change.values(text=sealed, is_sealed=True))
