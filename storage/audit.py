"""What was decided, by whom and because of what: the causes seen, one row of record for each decision."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Column, Index, String, Table, Text, bindparam, select

from content.decision import Decision, Refusal
from content.identifiers import Cause, UserId
from storage.prepared import Prepared
from storage.tables import Instant, Sequence, metadata
from storage.unit import Reading, Writing

causes = Table(
    "causes",
    metadata,
    Column("cause", String(300), primary_key=True),
    Column("outcome", String(8), nullable=False),
    Column("at", Instant, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("number", Sequence, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("actor", String(255)),
    Column("cause", String(300), nullable=False),
    Column("action", Text, nullable=False),
    Column("outcome", String(8), nullable=False),
    Index("ix_audit_cause", "cause"),
    Index("ix_audit_at", "at"),
)

DONE, REFUSED = "done", "refused"

UNRECORDED = "cast:"
"""How the causes begin of which no row of record is kept, and that are remembered by their day only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of record: what was decided when, by whom, and what made it happen; never the words."""

    at: datetime
    actor: UserId | None
    action: str
    outcome: str
    cause: Cause


async def lines(unit: Reading) -> tuple[Line, ...]:
    """Return the whole record, oldest first."""
    rows = await unit.rows(select(audit).order_by(audit.c.number))
    return tuple(
        Line(at=row.at, actor=row.actor, action=row.action, outcome=row.outcome, cause=row.cause) for row in rows
    )


APART = 8
"""Up to so many causes are looked up one by one, by the prepared question; more in one."""

_OUTCOME = Prepared(select(causes.c.outcome).where(causes.c.cause == bindparam("cause")))


async def seen(unit: Reading, wanted: Iterable[Cause]) -> dict[Cause, str]:
    """Return which of these causes have had their effect already, and whether that was a refusal."""
    wanted = list(wanted)
    if len(wanted) <= APART:
        single = {cause: await unit.value(_OUTCOME, {"cause": cause}) for cause in wanted}
        return {cause: outcome for cause, outcome in single.items() if outcome is not None}
    found: dict[Cause, str] = {}
    # Databases limit how many values one question may name.
    for start in range(0, len(wanted), 1000):
        query = select(causes.c.cause, causes.c.outcome).where(causes.c.cause.in_(wanted[start : start + 1000]))
        found.update({Cause(row.cause): row.outcome for row in await unit.rows(query)})
    return found


async def record(
    unit: Writing, cause: Cause, answer: Decision | Refusal, *, actor: UserId | None, at: datetime
) -> None:
    """Write down that a cause has had its effect, and of all but a secret vote who was behind it and when."""
    outcome = REFUSED if isinstance(answer, Refusal) else DONE
    if cause.startswith(UNRECORDED):
        at = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        await unit.add_later(causes, {"cause": cause, "outcome": outcome, "at": at})
        return
    await unit.add_later(causes, {"cause": cause, "outcome": outcome, "at": at})
    if isinstance(answer, Refusal):
        action = answer.words.key
    else:
        action = ", ".join(_verb(type(fact).__name__) for fact in answer.facts)
    if action:
        await unit.add_later(audit, {"at": at, "actor": actor, "cause": cause, "action": action, "outcome": outcome})


def _verb(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
