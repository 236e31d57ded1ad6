"""How far the homeserver's reports have been read."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, select

from content.identifiers import UserId
from content.server_reports import ReportsRead
from storage.tables import metadata
from storage.unit import Reading, Writing

report_positions = Table(
    "report_positions",
    metadata,
    Column("bot", String(255), primary_key=True),
    Column("newest", BigInteger, nullable=False),
)
"""One row for each account of the bot."""


async def newest(unit: Reading, bot: UserId) -> int | None:
    """Return the number of the newest report that was read, ``None`` before the first."""
    number: int | None = await unit.value(select(report_positions.c.newest).where(report_positions.c.bot == bot))
    return number


async def write_read(unit: Writing, fact: ReportsRead) -> None:
    """Remember how far reports have been read."""
    await unit.put(report_positions, {"bot": fact.bot, "newest": fact.newest}, key=["bot"])
