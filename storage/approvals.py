"""Proposals of acts that take two, and what became of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Column, ForeignKey, String, Table, bindparam, select

from content.approvals import KEPT, LASTS, Act, Proposal, ProposalDecided, Proposed, State
from content.identifiers import OrganisationId, ProposalId, UserId
from storage.organisations import ROOTS, within
from storage.prepared import Prepared
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

approvals = Table(
    "approvals",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("act", String(30), nullable=False),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("subject", String(255), nullable=False),
    Column("detail", String(255), nullable=False),
    Column("proposed_by", String(255), nullable=False),
    Column("proposed_at", Instant, nullable=False),
    Column("state", String(20), nullable=False),
    Column("decided_by", String(255)),
    Column("decided_at", Instant),
)


EVERY_ACT = frozenset(Act)


def _proposal(row: AnyRow) -> Proposal:
    return Proposal(
        id=ProposalId(row.id),
        act=Act(row.act),
        organisation=OrganisationId(row.organisation_id),
        subject=row.subject,
        detail=row.detail,
        by=UserId(row.proposed_by),
        at=row.proposed_at,
        state=State(row.state),
        decided_by=row.decided_by,
        decided_at=row.decided_at,
    )


async def proposal(
    unit: Reading,
    id: ProposalId,  # noqa: A002
    roots: Iterable[OrganisationId],
    *,
    acts: Collection[Act] = EVERY_ACT,
) -> Proposal | None:
    """Return a proposal of one of these acts that concerns a node at or below the roots."""
    query = select(approvals).where(
        approvals.c.id == id, approvals.c.act.in_(sorted(acts)), within(approvals.c.organisation_id, roots)
    )
    row = await unit.first(query)
    return _proposal(row) if row else None


_WAITING = Prepared(
    select(approvals)
    .where(
        approvals.c.act.in_(bindparam("acts", expanding=True)),
        within(approvals.c.organisation_id, ROOTS),
        approvals.c.state == State.WAITING,
        approvals.c.proposed_at > bindparam("since"),
    )
    .order_by(approvals.c.proposed_at, approvals.c.id)
)


async def waiting(
    unit: Reading, roots: Iterable[OrganisationId], *, acts: Collection[Act] = EVERY_ACT
) -> tuple[Proposal, ...]:
    """Return the proposals of these acts at or below the roots that can still be answered, oldest first."""
    asked = {"acts": sorted(acts), "roots": list(roots), "since": unit.now - LASTS}
    return tuple(_proposal(row) for row in await unit.rows(_WAITING, asked))


async def past(
    unit: Reading, roots: Iterable[OrganisationId], *, acts: Collection[Act] = EVERY_ACT, limit: int
) -> tuple[Proposal, ...]:
    """Return the newest proposals of these acts at or below the roots that nobody can answer any more."""
    over = (approvals.c.state != State.WAITING) | (approvals.c.proposed_at <= unit.now - LASTS)
    query = select(approvals).where(approvals.c.act.in_(sorted(acts)), within(approvals.c.organisation_id, roots), over)
    rows = await unit.rows(query.order_by(approvals.c.proposed_at.desc(), approvals.c.id).limit(limit))
    return tuple(_proposal(row) for row in rows)


async def write_proposed(unit: Writing, fact: Proposed) -> None:
    """Keep a proposal."""
    one = fact.proposal
    await unit.add(
        approvals,
        {
            "id": one.id,
            "act": one.act,
            "organisation_id": one.organisation,
            "subject": one.subject,
            "detail": one.detail,
            "proposed_by": one.by,
            "proposed_at": one.at,
            "state": one.state,
            "decided_by": None,
            "decided_at": None,
        },
    )


async def write_decided(unit: Writing, fact: ProposalDecided) -> None:
    """Keep what became of it."""
    change = approvals.update().where(approvals.c.id == fact.id)
    await unit.execute(change.values(state=fact.state, decided_by=fact.by, decided_at=fact.at))


async def forget_past(unit: Writing, at: datetime) -> None:
    """Forget proposals that are long over; the record keeps that they were made and what became of them."""
    await unit.execute(approvals.delete().where(approvals.c.proposed_at < at - KEPT))
