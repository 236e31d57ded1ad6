"""One member as the pages find them: within the part of the tree of which a request may speak, and nowhere else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from msgspec.structs import replace

from console.access import here
from console.tree import places
from console.wording import t
from content import duties, roster
from content.ballots import Elector
from content.decision import Decision, Refusal
from content.duties import may_give
from content.edits import Places, RosterEdited
from content.identifiers import MemberId, OrganisationId, UserId
from content.imports import RosterImported, Undoing
from content.members import Member
from content.organisations import Duty, Organisation, Right, rights_of
from storage import members, organisations
from storage.store import Answer
from storage.unit import Reading


async def visible(unit: Reading, id: str, roots: Iterable[OrganisationId]) -> Member | None:  # noqa: A002
    """Return a member who stands at or below the roots."""
    member = await members.member(unit, MemberId(id))
    if member is None or not await organisations.stands_below(unit, member.organisation, roots):
        return None
    return member


async def every_visible(
    unit: Reading, ids: Iterable[str], roots: Iterable[OrganisationId]
) -> tuple[Member, ...] | None:
    """Return members by name, ``None`` if one of them does not stand at or below the roots."""
    wanted = {MemberId(one) for one in ids}
    found = await members.by_ids(unit, wanted)
    inside = {node.id for node in await organisations.tree(unit, roots)}
    if len(found) != len(wanted) or any(member.organisation not in inside for member in found):
        return None
    return tuple(sorted(found, key=lambda member: (member.name, member.id)))


async def givable(unit: Reading, user: UserId, *, by: UserId) -> tuple[tuple[Duty, bool], ...]:
    """Return the duties of an account, each with whether a person may give and end it."""
    found = []
    for duty in await organisations.duties_of(unit, user):
        over = await organisations.duties_over(unit, duty.organisation)
        found.append((duty, may_give(duty.role, rights_of(over, by))))
    return tuple(found)


async def refuse_letting_go(unit: Reading, changes: Iterable[tuple[Member, Member]], *, by: UserId) -> Refusal | None:
    """Tell why changes to entries may not let go of accounts, if so; see the rule of the same name."""
    changes = [(before, after) for before, after in changes if before.user != after.user]
    users = {before.user for before, _ in changes if before.user is not None}
    held = {user: await givable(unit, user, by=by) for user in sorted(users)}
    return duties.refuse_letting_go(changes, held)


def changes_of(answer: Answer) -> list[tuple[Member, Member]]:
    """Return which entries a decision changes, each before and after."""
    facts = answer.facts if isinstance(answer, Decision) else ()
    entered = [entry for fact in facts if isinstance(fact, RosterEdited | RosterImported) for entry in fact.entries]
    return [(entry.before, entry.after) for entry in entered if entry.before is not None]


def undone_by(undoing: Undoing) -> list[tuple[Member, Member]]:
    """Return which entries taking a change back changes; who is taken out lets go of their account."""
    return [*undoing.restored, *((one, replace(one, user=None)) for one in undoing.removed)]


async def branches(unit: Reading) -> Places:
    """Return what finds the branch of every organisation."""
    return Places(await organisations.tree(unit))


async def names_of(unit: Reading, users: Iterable[UserId | None]) -> dict[UserId, str]:
    """Return what accounts are called in the roster; accounts of nobody's are not listed."""
    people = {user: await members.by_user(unit, user) for user in set(users) if user is not None}
    return {user: one.name for user, one in people.items() if one is not None}


def open_nodes(nodes: Iterable[Organisation]) -> tuple[Organisation, ...]:
    """Return the organisations that are in use, where somebody may stand."""
    return tuple(node for node in nodes if node.closed is None)


def shown_changes(
    pairs: Iterable[tuple[Member, Member]], nodes: Iterable[Organisation]
) -> tuple[tuple[Member, tuple[roster.FieldChange, ...]], ...]:
    """Return for each member before and after which fields change, as a roster writes them."""
    at = places(tuple(nodes))

    def entry(member: Member) -> roster.Entry:
        branch, group = at.get(member.organisation, ("", ""))
        return roster.known(member, organisation=branch, group=group).entry

    return tuple((before, roster.differences(entry(before), entry(after))) for before, after in pairs)


def knows_discipline(node: OrganisationId) -> bool:
    """Tell whether one may know what may tell of discipline: who keeps the roster there, and who watches over it."""
    return bool({Right.IMPORT_ROSTER, Right.MODERATE} & here().rights_at(node))


def veiled(roll: Iterable[Elector], node: OrganisationId) -> tuple[Elector, ...]:
    """Return a roll as one may see it: who may not vote is said, and why only to whom that may be told."""
    if knows_discipline(node):
        return tuple(roll)
    kept_back = t("franchise.reason_kept_back")
    return tuple(replace(one, reason=kept_back) if one.reason else one for one in roll)


def mark_of(*seen: object) -> str:
    """Return a mark of what was shown, by which it is known whether it still holds."""
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:32]
