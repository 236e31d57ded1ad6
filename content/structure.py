"""Changing the tree of organisations: a node is added, renamed, moved or closed, and nothing that it did is lost."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import Cause, OrganisationId, derive
from content.organisations import Kind, Organisation, OrganisationFounded

LONGEST_NAME = 60
FIRST_YEAR = 1921
"""No organisation of the Party is older."""

BELOW: dict[Kind, tuple[Kind, ...]] = {
    Kind.PARTY_COMMITTEE: (Kind.PARTY_COMMITTEE, Kind.GENERAL_BRANCH, Kind.BRANCH),
    Kind.GENERAL_BRANCH: (Kind.BRANCH,),
    Kind.BRANCH: (Kind.GROUP,),
    Kind.GROUP: (),
}
"""What may stand directly below what."""


class OrganisationRenamed(Fact, frozen=True, kw_only=True):
    """A node has another name from now on; what was sent keeps the old one."""

    organisation: OrganisationId
    name: str


class OrganisationDated(Fact, frozen=True, kw_only=True):
    """It was said when a node was founded, or that nobody knows."""

    organisation: OrganisationId
    founded: date | None


class OrganisationMoved(Fact, frozen=True, kw_only=True):
    """A node stands below another one, with everything below it."""

    organisation: OrganisationId
    parent: OrganisationId


class OrganisationClosed(Fact, frozen=True, kw_only=True):
    """A node is no longer in use; its history stays."""

    organisation: OrganisationId
    at: datetime


class OrganisationReopened(Fact, frozen=True, kw_only=True):
    """A closed node is in use again."""

    organisation: OrganisationId


class SiblingsOrdered(Fact, frozen=True, kw_only=True):
    """What stands directly below a node is read in this order from now on, wherever the tree is shown."""

    organisation: OrganisationId
    order: tuple[OrganisationId, ...]


class InUse(Struct, frozen=True, kw_only=True):
    """What still hangs on a node: members, nodes below it, rooms that work, and what is planned or open there."""

    members: int = 0
    below: int = 0
    rooms: int = 0
    planned: int = 0


def found(
    parent: Organisation, kind: Kind, name: str, *, nodes: Collection[Organisation], cause: Cause
) -> Decision | Refusal:
    """Add a node below another one, which gives it its zone and its language."""
    name = normal(name)
    if parent.closed is not None:
        return refused("structure.is_closed", field="parent", name=parent.name)
    if kind not in BELOW[parent.kind]:
        return refused("structure.not_below", field="kind")
    refusal = _bad_name(name, parent.id, kind, nodes)
    if refusal is not None:
        return refusal
    node = Organisation(
        id=OrganisationId(derive(cause, "organisation")),
        parent=parent.id,
        kind=kind,
        name=name,
        timezone=parent.timezone,
        language=parent.language,
    )
    return Decision(facts=(OrganisationFounded(organisation=node),))


def rename(node: Organisation, name: str, *, nodes: Collection[Organisation]) -> Decision | Refusal:
    """Give a node another name."""
    name = normal(name)
    if name == node.name:
        return refused("structure.same_name", field="name")
    others = [other for other in nodes if other.id != node.id]
    refusal = _bad_name(name, node.parent, node.kind, others)
    return refusal or Decision(facts=(OrganisationRenamed(organisation=node.id, name=name),))


def date_founding(node: Organisation, founded: date | None, *, today: date) -> Decision | Refusal:
    """Say on which day a node was founded; ``None`` where that is not known."""
    if founded == node.founded:
        return refused("structure.same_founding", field="founded")
    if founded is not None and (founded > today or founded.year < FIRST_YEAR):
        return refused("structure.bad_founding", field="founded", first=FIRST_YEAR)
    if founded is not None and node.closed is not None and founded > node.closed.date():
        return refused("structure.founded_after_closing", field="founded")
    return Decision(facts=(OrganisationDated(organisation=node.id, founded=founded),))


def move(node: Organisation, to: Organisation, *, nodes: Collection[Organisation]) -> Decision | Refusal:
    """Let a node stand below another one; ``nodes`` are all that the person who asks may arrange."""
    if node.parent == to.id:
        return refused("structure.stands_there", field="parent", name=to.name)
    if to.closed is not None:
        return refused("structure.is_closed", field="parent", name=to.name)
    parents = {other.id: other.parent for other in nodes}
    at: OrganisationId | None = to.id
    while at is not None:
        if at == node.id:
            return refused("structure.below_itself", field="parent")
        at = parents.get(at)
    if node.kind not in BELOW[to.kind]:
        return refused("structure.not_below", field="parent")
    if any(other.parent == to.id and other.name == node.name for other in nodes):
        return refused("structure.name_taken", field="parent", name=node.name)
    return Decision(facts=(OrganisationMoved(organisation=node.id, parent=to.id),))


def order(
    above: Organisation, child: OrganisationId, *, earlier: bool, nodes: Collection[Organisation]
) -> Decision | Refusal:
    """Let a node change places with the one before or after it below the same; ``nodes`` in the order they stand in."""
    siblings = [other.id for other in nodes if other.parent == above.id]
    at = siblings.index(child) if child in siblings else None
    to = -1 if at is None else at - 1 if earlier else at + 1
    if at is None or not 0 <= to < len(siblings):
        return refused("structure.no_further")
    siblings[at], siblings[to] = siblings[to], siblings[at]
    return Decision(facts=(SiblingsOrdered(organisation=above.id, order=tuple(siblings)),))


def close(node: Organisation, use: InUse, *, now: datetime) -> Decision | Refusal:
    """Close a node on which nothing hangs any more."""
    if node.closed is not None:
        return refused("structure.is_closed", name=node.name)
    if node.parent is None:
        return refused("structure.topmost")
    if use.below:
        return refused("structure.has_below", n=use.below)
    if use.members:
        return refused("structure.has_members", n=use.members)
    if use.rooms:
        return refused("structure.has_rooms", n=use.rooms)
    if use.planned:
        return refused("structure.has_planned", n=use.planned)
    return Decision(facts=(OrganisationClosed(organisation=node.id, at=now),))


def reopen(node: Organisation, parent: Organisation | None) -> Decision | Refusal:
    """Use a closed node again."""
    if node.closed is None:
        return refused("structure.is_open", name=node.name)
    if parent is not None and parent.closed is not None:
        return refused("structure.is_closed", name=parent.name)
    return Decision(facts=(OrganisationReopened(organisation=node.id),))


def normal(name: str) -> str:
    """Return a name without what one does not see."""
    return " ".join("".join(letter for letter in name if letter.isprintable() or letter.isspace()).split())


def _bad_name(name: str, parent: OrganisationId | None, kind: Kind, others: Collection[Organisation]) -> Refusal | None:
    if not name:
        return refused("structure.no_name", field="name")
    if len(name) > LONGEST_NAME:
        return refused("structure.long_name", field="name", most=LONGEST_NAME)
    # A roster sheet names branches by their names alone.
    if any(other.name == name and (other.parent == parent or kind is other.kind is Kind.BRANCH) for other in others):
        return refused("structure.name_taken", field="name", name=name)
    return None
