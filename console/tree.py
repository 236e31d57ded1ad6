"""Walks the tree of organisations: who stands below whom, and in which order people read it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from content.identifiers import OrganisationId
from content.organisations import Kind, Organisation


def in_order(nodes: Iterable[Organisation]) -> tuple[Organisation, ...]:
    """Return organisations as an outline reads: each followed by all that stands below it, siblings as given."""
    nodes = tuple(nodes)
    known = {node.id for node in nodes}
    below: dict[OrganisationId | None, list[Organisation]] = {}
    for node in nodes:
        below.setdefault(node.parent if node.parent in known else None, []).append(node)
    outline: list[Organisation] = []
    waiting = below.get(None, [])[::-1]
    while waiting:
        node = waiting.pop()
        outline.append(node)
        waiting.extend(below.get(node.id, [])[::-1])
    return tuple(outline)


def depths(outline: Iterable[Organisation]) -> dict[OrganisationId, int]:
    """Return how far below the topmost each organisation of an outline stands."""
    found: dict[OrganisationId, int] = {}
    for node in outline:
        found[node.id] = found[node.parent] + 1 if node.parent in found else 0
    return found


def parents_of(nodes: Iterable[Organisation]) -> dict[OrganisationId, OrganisationId | None]:
    """Return what stands above each organisation."""
    return {node.id: node.parent for node in nodes}


def is_below(
    parents: Mapping[OrganisationId, OrganisationId | None], node: OrganisationId, above: Collection[OrganisationId]
) -> bool:
    """Tell whether a node is one of those above, or below one of them, in a tree of which all parents are given."""
    at: OrganisationId | None = node
    while at is not None and at in parents:
        if at in above:
            return True
        at = parents[at]
    return False


def places(nodes: Sequence[Organisation]) -> dict[OrganisationId, tuple[str, str]]:
    """Return for each organisation the name of its branch, and of its group where it is one."""
    names = {node.id: node for node in nodes}
    found = {}
    for node in nodes:
        above = names.get(node.parent) if node.parent is not None else None
        is_group = node.kind is Kind.GROUP and above is not None
        found[node.id] = (above.name, node.name) if is_group and above is not None else (node.name, "")
    return found
