"""Acts that take two: one person proposes, another with the right agrees or declines, and both stand in the record."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import OrganisationId, ProposalId, UserId

LASTS = timedelta(days=7)
"""How long others have to answer a proposal; after that it must be made anew."""

KEPT = timedelta(days=365)
"""How long a proposal is shown after its time."""


class Act(StrEnum):
    """What takes two."""

    GRANT_DUTY = "grant_duty"
    END_DUTY = "end_duty"
    OPEN_BALLOT = "open_ballot"
    CLOSE_BALLOT = "close_ballot"
    """Before its time; ``detail`` is the reason."""
    CANCEL_BALLOT = "cancel_ballot"
    MOVE_NODE = "move_node"
    """Of ``organisation`` to below ``subject``, where others become its secretaries by that."""
    ERASE_PERSON = "erase_person"
    BAN = "ban"
    """For more than a day: ``subject`` is the measure, ``detail`` its case."""


OF_DUTIES = frozenset({Act.GRANT_DUTY, Act.END_DUTY, Act.MOVE_NODE})
"""Those that change who holds which duty."""


class State(StrEnum):
    """What became of a proposal; one whose time is over stays as it was, see ``is_open``."""

    WAITING = "waiting"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Proposal(Struct, frozen=True, kw_only=True):
    """An act that one person wants done at a node: to whom or what, and in which way."""

    id: ProposalId
    act: Act
    organisation: OrganisationId
    subject: str
    detail: str
    by: UserId
    at: datetime
    state: State = State.WAITING
    decided_by: UserId | None = None
    decided_at: datetime | None = None

    @property
    def until(self) -> datetime:
        """Return until when it can be answered."""
        return self.at + LASTS


class Proposed(Fact, frozen=True, kw_only=True):
    """Somebody proposed an act that takes two."""

    proposal: Proposal


class ProposalDecided(Fact, frozen=True, kw_only=True):
    """A proposal was agreed to, declined, or taken back."""

    id: ProposalId
    state: State
    by: UserId
    at: datetime


def is_open(proposal: Proposal, *, now: datetime) -> bool:
    """Tell whether a proposal can still be answered."""
    return proposal.state is State.WAITING and now < proposal.until


def propose(proposal: Proposal, *, waiting: Collection[Proposal]) -> Decision | Refusal:
    """Put a proposal before others; ``waiting`` are those that wait already."""
    what = (proposal.act, proposal.organisation, proposal.subject, proposal.detail)
    if any((one.act, one.organisation, one.subject, one.detail) == what for one in waiting):
        return refused("approvals.waits_already")
    return Decision(facts=(Proposed(proposal=proposal),))


def approve(
    proposal: Proposal, *, by: UserId, may: Collection[UserId], act: Callable[[], Decision | Refusal], now: datetime
) -> Decision | Refusal:
    """Agree to a proposal, so that it is done.

    ``may`` are those whose word counts as it stands now. ``act`` decides the act itself anew, because what it rests on
    may have changed since it was proposed.
    """
    if not is_open(proposal, now=now):
        return _closed(proposal)
    if by == proposal.by:
        return refused("approvals.not_oneself")
    if by not in may:
        return refused("approvals.not_yours")
    done = act()
    if isinstance(done, Refusal):
        return done
    agreed = ProposalDecided(id=proposal.id, state=State.APPROVED, by=by, at=now)
    return Decision(facts=(agreed, *done.facts), effects=done.effects)


def decline(proposal: Proposal, *, by: UserId, may: Collection[UserId], now: datetime) -> Decision | Refusal:
    """Decline a proposal; who made it takes it back by the same word."""
    if not is_open(proposal, now=now):
        return _closed(proposal)
    if by != proposal.by and by not in may:
        return refused("approvals.not_yours")
    state = State.WITHDRAWN if by == proposal.by else State.DECLINED
    return Decision(facts=(ProposalDecided(id=proposal.id, state=state, by=by, at=now),))


def _closed(proposal: Proposal) -> Refusal:
    return refused("approvals.over" if proposal.state is State.WAITING else "approvals.decided")
