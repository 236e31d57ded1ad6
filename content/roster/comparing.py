"""Compares a roster sheet with what is known: who is new, what changed, and where a person must decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace

from content.decision import Words, words
from content.identifiers import MemberId, OrganisationId
from content.members import Member
from content.roster.reading import CellProblem, Entry, Gravity, Reading, RosterRow

_FIELDS = tuple(field.name for field in fields(Entry))
_OF_THE_MEMBER = tuple(name for name in _FIELDS if name not in {"organisation", "group"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMember:
    """A member as the roster has them now, with the names of their organisation and group."""

    id: MemberId
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of an entry, before and after."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a row would change about a member."""

    row: RosterRow
    member: KnownMember
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A row that may be one person or another; nothing is done with it until someone says so."""

    row: RosterRow
    words: Words
    candidates: tuple[MemberId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What importing a sheet would do. ``absent`` are members whom the sheet does not name; they stay as they are."""

    new: tuple[RosterRow, ...] = ()
    changed: tuple[Change, ...] = ()
    unchanged: tuple[RosterRow, ...] = ()
    ambiguous: tuple[Doubt, ...] = ()
    errors: tuple[CellProblem, ...] = ()
    absent: tuple[KnownMember, ...] = ()

    @property
    def refused_rows(self) -> int:
        """Count the rows that are left out because of an error."""
        return len({problem.row for problem in self.errors if problem.gravity is Gravity.ROW})


def known(member: Member, *, organisation: str, group: str = "") -> KnownMember:
    """Put a stored member beside what a sheet says."""
    values = {name: getattr(member, name) for name in _OF_THE_MEMBER}
    return KnownMember(id=member.id, entry=Entry(organisation=organisation, group=group, **values))


def enrolled(entry: Entry, *, id: MemberId, organisation: OrganisationId) -> Member:  # noqa: A002
    """Make the member whom a new row describes."""
    return Member(id=id, organisation=organisation, **{name: getattr(entry, name) for name in _OF_THE_MEMBER})


def altered(member: Member, change: Change, *, organisation: OrganisationId | None = None) -> Member:
    """Return a stored member with a row's changes; ``organisation`` is where they belong if that changed."""
    changed = {
        item.field: getattr(change.row.entry, item.field) for item in change.fields if item.field in _OF_THE_MEMBER
    }
    moved = replace(member, organisation=organisation) if organisation is not None else member
    return replace(moved, **changed)


def compare(existing: Sequence[KnownMember], reading: Reading, *, confirmed: Collection[int] = frozenset()) -> Preview:
    """Say what importing would do, row by row; an empty cell never takes away what is known.

    A person is recognised by the account, else by name and organisation, and where two share a name by the telephone
    number too; never by name alone. ``confirmed`` holds numbers of rows that someone has said to be new persons.
    """
    if reading.obstacles:
        return Preview(errors=reading.problems)
    return _Comparison(existing, reading, confirmed).preview()


class _Comparison:
    def __init__(self, existing: Sequence[KnownMember], reading: Reading, confirmed: Collection[int]) -> None:
        self._existing = existing
        self._reading = reading
        self._confirmed = confirmed
        self._by_user = {member.entry.user: member for member in existing if member.entry.user is not None}
        self._by_who: dict[tuple[str, str], list[KnownMember]] = {}
        self._by_phone: dict[tuple[str, str], list[KnownMember]] = {}
        for member in existing:
            self._by_who.setdefault(_who(member.entry), []).append(member)
            if member.entry.phone:
                self._by_phone.setdefault((member.entry.name, member.entry.phone), []).append(member)
        self._rows_of_name = Counter(_who(row.entry) for row in reading.rows)
        self._taken: dict[MemberId, int] = {}
        self._new: list[RosterRow] = []
        self._changed: list[Change] = []
        self._unchanged: list[RosterRow] = []
        self._doubts: list[Doubt] = []
        self._errors: list[CellProblem] = list(reading.problems)

    def preview(self) -> Preview:
        # Rows with an account first: they take their members before rows that are known by name only.
        for row in sorted(self._reading.rows, key=lambda row: row.entry.user is None):
            self._row(row)
        mentioned = set(self._taken) | {member for doubt in self._doubts for member in doubt.candidates}
        return Preview(
            new=tuple(sorted(self._new, key=_number)),
            changed=tuple(sorted(self._changed, key=lambda change: change.row.number)),
            unchanged=tuple(sorted(self._unchanged, key=_number)),
            ambiguous=tuple(sorted(self._doubts, key=lambda doubt: doubt.row.number)),
            errors=tuple(sorted(self._errors, key=lambda problem: problem.row)),
            absent=tuple(member for member in self._existing if member.id not in mentioned),
        )

    def _row(self, row: RosterRow) -> None:
        holder = self._by_user.get(row.entry.user) if row.entry.user is not None else None
        if holder is not None:
            if holder.entry.name != row.entry.name:
                self._refuse(row, "account_of_other", row.entry.user or "")
            else:
                self._match(row, holder)
        elif row.number in self._confirmed:
            self._new.append(row)
        else:
            self._by_name(row)

    def _by_name(self, row: RosterRow) -> None:
        same = self._by_who.get(_who(row.entry), [])
        candidates = [member for member in same if self._may_be(row, member)]
        with_phone = [m for m in candidates if row.entry.phone and m.entry.phone == row.entry.phone]
        rows_of_name = self._rows_of_name[_who(row.entry)]
        if len(with_phone) == 1:
            self._match(row, with_phone[0])
        elif len(same) == 1 and len(candidates) == 1 and rows_of_name == 1:
            self._match(row, candidates[0])
        elif same or (rows_of_name > 1 and row.entry.user is None):
            self._doubt(row, "same_name", same)
        else:
            self._elsewhere(row)

    def _elsewhere(self, row: RosterRow) -> None:
        moved = self._by_phone.get((row.entry.name, row.entry.phone), [])
        if moved:
            self._doubt(row, "perhaps_moved", moved, organisation=moved[0].entry.organisation)
        else:
            self._new.append(row)

    def _may_be(self, row: RosterRow, member: KnownMember) -> bool:
        other_account = row.entry.user is not None and member.entry.user not in {None, row.entry.user}
        return not other_account and member.id not in self._taken

    def _match(self, row: RosterRow, member: KnownMember) -> None:
        if member.id in self._taken:
            self._refuse(row, "person_twice", row.entry.name, first=self._taken[member.id])
            return
        self._taken[member.id] = row.number
        changes = tuple(_changes(member.entry, row.entry))
        if changes:
            self._changed.append(Change(row=row, member=member, fields=changes))
        else:
            self._unchanged.append(row)

    def _doubt(self, row: RosterRow, code: str, candidates: Sequence[KnownMember], **parameters: str) -> None:
        said = words(f"roster.{code}", name=row.entry.name, **parameters)
        self._doubts.append(Doubt(row=row, words=said, candidates=tuple(member.id for member in candidates)))

    def _refuse(self, row: RosterRow, code: str, value: str, **parameters: int) -> None:
        self._errors.append(
            CellProblem(
                row=row.number,
                column="群账号" if code == "account_of_other" else "姓名",
                value=value,
                code=code,
                words=words(f"roster.{code}", **parameters),
                gravity=Gravity.ROW,
            )
        )


def _who(entry: Entry) -> tuple[str, str]:
    return entry.name, entry.organisation


def _number(row: RosterRow) -> int:
    return row.number


def _changes(old: Entry, new: Entry) -> list[FieldChange]:
    pairs = [(name, getattr(old, name) or "", getattr(new, name) or "") for name in _FIELDS]
    return [
        FieldChange(field=name, old=before, new=after) for name, before, after in pairs if after not in {"", before}
    ]
