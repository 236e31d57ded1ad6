"""Taking a roster sheet in, and taking one import back without losing what has happened since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from content import roster
from content.decision import Decision, Fact, Refusal, Words, refused, words
from content.identifiers import Cause, ImportId, MemberId, OrganisationId, UserId, derive
from content.members import Member, MemberChanged, MemberEnrolled
from content.organisations import Kind, Organisation, OrganisationFounded

UNDO_WITHIN = timedelta(days=7)
"""How long an import can be taken back; after that what it replaced is forgotten."""

_OF_A_SHEET = tuple(one for one in Member.__struct_fields__ if one not in {"id", "language"})
"""What an import may write of a member."""


class Counts(Struct, frozen=True, kw_only=True):
    """What became of the rows of a sheet: people entered and changed, and rows that changed nothing."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    ignored: int = 0
    in_doubt: int = 0


class Entered(Struct, frozen=True, kw_only=True):
    """One member before and after an import; ``before`` is None for one who is new, ``branch`` is where they are now.

    ``left`` is the branch that they were moved away from.
    """

    before: Member | None
    after: Member
    branch: OrganisationId
    left: OrganisationId | None = None


class RosterImported(Fact, frozen=True, kw_only=True):
    """A roster sheet was taken in; ``founded`` are the groups that it made."""

    id: ImportId
    by: UserId | None
    at: datetime
    file: str
    counts: Counts
    entries: tuple[Entered, ...]
    founded: tuple[OrganisationId, ...]


class EnrolmentUndone(Fact, frozen=True, kw_only=True):
    """A member whom an import had entered, and whom nothing had touched since, was taken out again."""

    member: MemberId


class FoundingUndone(Fact, frozen=True, kw_only=True):
    """A group that an import had made, and that nothing used, was taken out again."""

    organisation: OrganisationId


class ImportUndone(Fact, frozen=True, kw_only=True):
    """An import was taken back; ``kept`` counts the members of whom something stays."""

    id: ImportId
    by: UserId | None
    at: datetime
    kept: int


class Import(Struct, frozen=True, kw_only=True):
    """One import as it is remembered.

    ``whole`` tells that all branches which it touched are in view; ``counts`` are then of the whole sheet, else only of
    the people entered and changed in view. ``overtaken`` tells that a later import touched one of its branches.
    """

    id: ImportId
    by: UserId | None
    at: datetime
    file: str
    counts: Counts
    branches: tuple[OrganisationId, ...]
    whole: bool
    overtaken: bool
    undone_at: datetime | None = None
    undone_by: UserId | None = None
    kept: int = 0


class Kept(Struct, frozen=True, kw_only=True):
    """What of a member stays although the import is taken back, and why; ``fields`` is empty for the whole entry."""

    member: Member
    fields: tuple[str, ...]
    words: Words


class Since(Struct, frozen=True, kw_only=True):
    """How things stand when an import is to be taken back.

    ``members`` are those of its entries who are still there. ``ties`` names what hangs on a member besides the entry:
    ``code`` for a one-time code, ``asked`` for anything that they were asked or have done. ``accounts`` says whose each
    of the accounts is that would be given back, ``places`` are the organisations there are, ``in_use`` those of the
    founded groups that something other than the listed members uses, ``standing`` who stands in each of them.
    """

    members: Mapping[MemberId, Member]
    ties: Mapping[MemberId, str] = field(default_factory=dict)
    accounts: Mapping[UserId, MemberId] = field(default_factory=dict)
    places: Collection[OrganisationId] = ()
    in_use: Collection[OrganisationId] = ()
    standing: Mapping[OrganisationId, Collection[MemberId]] = field(default_factory=dict)


class Undoing(Struct, frozen=True, kw_only=True):
    """What taking an import back would do: who goes, who gets an earlier entry back, what stays, which groups go."""

    removed: tuple[Member, ...] = ()
    restored: tuple[tuple[Member, Member], ...] = ()
    kept: tuple[Kept, ...] = ()
    dissolved: tuple[OrganisationId, ...] = ()


# --- taking in --------------------------------------------------------------------------------------------------------


def take_in(
    preview: roster.Preview,
    *,
    members: Sequence[Member],
    nodes: Sequence[Organisation],
    cause: Cause,
    file: str,
    ignored: int,
    by: UserId | None,
    now: datetime,
) -> Decision | Refusal:
    """Do what a preview says: found groups that are new, enter people who are new, change those who changed."""
    if not preview.new and not preview.changed:
        return refused("imports.nothing_to_do")
    places = _Places(nodes, cause)
    present = {member.id: member for member in members}
    entries = [_entered(row, places, cause) for row in preview.new]
    entries += [_changed(change, present[change.member.id], places) for change in preview.changed]
    counts = Counts(
        new=len(preview.new),
        changed=len(preview.changed),
        unchanged=len(preview.unchanged),
        refused=preview.refused_rows,
        ignored=ignored + preview.left_out,
        in_doubt=preview.open_doubts,
    )
    record = RosterImported(
        id=ImportId(derive(cause, "import")),
        by=by,
        at=now,
        file=file,
        counts=counts,
        entries=tuple(entries),
        founded=tuple(fact.organisation.id for fact in places.founded),
    )
    people = [
        MemberEnrolled(member=entry.after) if entry.before is None else MemberChanged(member=entry.after)
        for entry in entries
    ]
    return Decision(facts=(*places.founded, *people, record))


def founded_by(preview: roster.Preview, nodes: Sequence[Organisation]) -> tuple[Organisation, ...]:
    """Return the groups that taking a preview in would found."""
    places = _Places(nodes, Cause("preview"))
    rows = (*preview.new, *(change.row for change in preview.changed if _moves(change)))
    for row in rows:
        places.find(row.entry.organisation, row.entry.group)
    return tuple(fact.organisation for fact in places.founded)


def _entered(row: roster.RosterRow, places: _Places, cause: Cause) -> Entered:
    id = MemberId(derive(cause, "member", row.number))  # noqa: A001
    at = places.find(row.entry.organisation, row.entry.group)
    member = roster.enrolled(row.entry, id=id, organisation=at)
    return Entered(before=None, after=member, branch=places.branch(at))


def _changed(change: roster.Change, member: Member, places: _Places) -> Entered:
    entry = change.row.entry
    to = places.find(entry.organisation, entry.group) if _moves(change) else None
    after = roster.altered(member, change, organisation=to)
    branch, before = places.branch(after.organisation), places.branch(member.organisation)
    return Entered(before=member, after=after, branch=branch, left=before if before != branch else None)


def _moves(change: roster.Change) -> bool:
    return any(item.field in ("organisation", "group") for item in change.fields)


class _Places:
    """Finds the organisation that a row names; a group that its branch does not have yet is founded."""

    def __init__(self, nodes: Sequence[Organisation], cause: Cause) -> None:
        self._nodes = {node.id: node for node in nodes}
        self._branches = {node.name: node for node in nodes if node.kind is Kind.BRANCH}
        groups = (node for node in nodes if node.kind is Kind.GROUP and node.closed is None)
        self._groups = {(node.parent, node.name): node.id for node in groups}
        self._cause = cause
        self.founded: list[OrganisationFounded] = []

    def find(self, branch: str, group: str) -> OrganisationId:
        above = self._branches[branch]
        if not group:
            return above.id
        known = self._groups.get((above.id, group))
        if known is not None:
            return known
        node = Organisation(
            id=OrganisationId(derive(self._cause, "group", above.id, group)),
            parent=above.id,
            kind=Kind.GROUP,
            name=group,
            timezone=above.timezone,
            language=above.language,
        )
        self._nodes[node.id] = node
        self._groups[above.id, group] = node.id
        self.founded.append(OrganisationFounded(organisation=node))
        return node.id

    def branch(self, id: OrganisationId) -> OrganisationId:  # noqa: A002
        """Return the branch above a group; any other organisation stands for itself."""
        node = self._nodes[id]
        return node.parent if node.kind is Kind.GROUP and node.parent is not None else id


# --- taking back ------------------------------------------------------------------------------------------------------


def may_undo(known: Import, *, now: datetime) -> Refusal | None:
    """Say why an import cannot be taken back, if so."""
    if known.undone_at is not None:
        return refused("imports.undone_already")
    if not known.whole:
        return refused("imports.not_yours_alone")
    if now - known.at > UNDO_WITHIN:
        return refused("imports.too_late", days=UNDO_WITHIN.days)
    return refused("imports.overtaken") if known.overtaken else None


def plan_undoing(entries: Sequence[Entered], founded: Sequence[OrganisationId], since: Since) -> Undoing:
    """Say what taking an import back would do; what has changed since, or hangs on a new member, stays as it is."""
    removed: list[Member] = []
    restored: list[tuple[Member, Member]] = []
    kept: list[Kept] = []
    for entry in entries:
        now = since.members.get(entry.after.id)
        if now is None:
            continue
        if entry.before is None:
            why = _why_new_stays(entry.after, now, since)
            if why is None:
                removed.append(now)
            else:
                kept.append(Kept(member=now, fields=(), words=words(why)))
        else:
            then, stays = _then(entry.before, entry.after, now, since)
            kept += stays
            if then != now:
                restored.append((now, then))
    gone = {member.id for member in removed}
    moved = {now.id: then.organisation for now, then in restored}
    return Undoing(
        removed=tuple(removed),
        restored=tuple(restored),
        kept=tuple(kept),
        dissolved=tuple(group for group in founded if _is_empty(group, since, gone, moved)),
    )


def _why_new_stays(after: Member, now: Member, since: Since) -> str | None:
    """Return the key of the sentence that says why a new member cannot go, if so."""
    if now.user != after.user and now.user is not None:
        return "imports.stays_bound"
    if replace(now, language=after.language) != after:
        return "imports.stays_edited"
    tie = since.ties.get(now.id)
    return f"imports.stays_{tie}" if tie else None


def _then(before: Member, after: Member, now: Member, since: Since) -> tuple[Member, list[Kept]]:
    """Return the entry as it would be, and which fields stay because they were edited since or cannot go back."""
    changed = [name for name in _OF_A_SHEET if getattr(before, name) != getattr(after, name)]
    edited = [name for name in changed if getattr(now, name) not in (getattr(before, name), getattr(after, name))]
    back = {name: getattr(before, name) for name in changed if getattr(now, name) == getattr(after, name)}
    kept = [Kept(member=now, fields=tuple(edited), words=words("imports.stays_edited"))] if edited else []
    if back.get("user") is not None and since.accounts.get(back["user"], now.id) != now.id:
        del back["user"]
        kept.append(Kept(member=now, fields=("user",), words=words("imports.stays_account_given")))
    if "organisation" in back and back["organisation"] not in since.places:
        del back["organisation"]
        kept.append(Kept(member=now, fields=("organisation",), words=words("imports.stays_place_gone")))
    return replace(now, **back), kept


def _is_empty(
    group: OrganisationId, since: Since, gone: Collection[MemberId], moved: Mapping[MemberId, OrganisationId]
) -> bool:
    if group not in since.places or group in since.in_use:
        return False
    stays = [one for one in since.standing.get(group, ()) if one not in gone and moved.get(one, group) == group]
    return not stays and group not in moved.values()


def undo(known: Import, undoing: Undoing, *, by: UserId | None, now: datetime) -> Decision | Refusal:
    """Take an import back as its plan says, once."""
    refusal = may_undo(known, now=now)
    if refusal is not None:
        return refusal
    # Who goes, goes first: an account that is given back may be theirs.
    facts: list[Fact] = [EnrolmentUndone(member=member.id) for member in undoing.removed]
    facts += [MemberChanged(member=then) for _, then in undoing.restored]
    facts += [FoundingUndone(organisation=group) for group in undoing.dissolved]
    kept = len({one.member.id for one in undoing.kept})
    return Decision(facts=(*facts, ImportUndone(id=known.id, by=by, at=now, kept=kept)))


def by_branch(entries: Sequence[Entered]) -> dict[OrganisationId, Counts]:
    """Count the people entered and changed in each branch; a branch that only lost someone counts none."""
    new = Counter(entry.branch for entry in entries if entry.before is None)
    changed = Counter(entry.branch for entry in entries if entry.before is not None)
    left = [entry.left for entry in entries if entry.left is not None]
    touched = dict.fromkeys([*new, *changed, *left])
    return {branch: Counts(new=new[branch], changed=changed[branch]) for branch in touched}
