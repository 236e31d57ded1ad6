"""Compares a roster sheet with what is known: who is new, what changed, and where a person must decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Words, words
from content.identifiers import MemberId, OrganisationId
from content.members import Member
from content.roster import cells
from content.roster.reading import CellProblem, Entry, Gravity, Reading, RosterRow

_FIELDS = Entry.__struct_fields__
_OF_THE_MEMBER = tuple(name for name in _FIELDS if name not in {"organisation", "group"})


class KnownMember(Struct, frozen=True, kw_only=True):
    """A member as the roster has them now, with the names of their organisation and group."""

    id: MemberId
    entry: Entry


class Verdict(StrEnum):
    """What a person may say of a row in doubt, apart from naming the member whom it is about."""

    NEW = "new"
    LEFT_OUT = "left_out"


Answer = Verdict | MemberId
"""What a person said of a row in doubt: a verdict, or the member whom it is about."""


class FieldChange(Struct, frozen=True, kw_only=True):
    """One field of an entry, before and after, as a roster writes them."""

    field: str
    old: str
    new: str


class Change(Struct, frozen=True, kw_only=True):
    """What a row would change about a member."""

    row: RosterRow
    member: KnownMember
    fields: tuple[FieldChange, ...]


class Doubt(Struct, frozen=True, kw_only=True):
    """A row that may be one person or another; nothing is done with it until someone says so.

    ``candidates`` are the members whom it may be about; ``answer`` is what was said of it, None as long as nothing was.
    """

    row: RosterRow
    words: Words
    candidates: tuple[KnownMember, ...] = ()
    answer: Answer | None = None


class Preview(Struct, frozen=True, kw_only=True):
    """What importing a sheet would do.

    ``doubts`` holds also the rows of which someone has said what they are, so that it can be said anew. ``absent`` are
    members whom the sheet does not name; they stay as they are.
    """

    new: tuple[RosterRow, ...] = ()
    changed: tuple[Change, ...] = ()
    unchanged: tuple[RosterRow, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    errors: tuple[CellProblem, ...] = ()
    absent: tuple[KnownMember, ...] = ()

    @property
    def open_doubts(self) -> int:
        """Count the rows of which nobody has said yet what they are."""
        return sum(doubt.answer is None for doubt in self.doubts)

    @property
    def left_out(self) -> int:
        """Count the rows of which someone has said that they are to be left out."""
        return sum(doubt.answer is Verdict.LEFT_OUT for doubt in self.doubts)

    @property
    def refused_rows(self) -> int:
        """Count the rows that are left out because of an error."""
        return len({problem.row for problem in self.errors if problem.gravity is Gravity.ROW})

    @property
    def refused_cells(self) -> int:
        """Count the cells that are left out alone because of an error."""
        return sum(problem.gravity is Gravity.CELL for problem in self.errors)


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


def compare(
    existing: Sequence[KnownMember], reading: Reading, *, answers: Mapping[int, Answer] | None = None
) -> Preview:
    """Say what importing would do, row by row; an empty cell never takes away what is known.

    A person is recognised by the account, else by name and organisation, and where two share a name by the telephone
    number too; never by name alone. ``answers`` holds, by number of row, what someone has said of rows in doubt.
    """
    if reading.obstacles:
        return Preview(errors=reading.problems)
    return _Comparison(existing, reading, answers or {}).preview()


class _Comparison:
    def __init__(self, existing: Sequence[KnownMember], reading: Reading, answers: Mapping[int, Answer]) -> None:
        self._existing = existing
        self._reading = reading
        self._answers = answers
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
        # Rows with an account first, then those with a number: they take their members before rows known by name only.
        for row in sorted(self._reading.rows, key=lambda row: (row.entry.user is None, not row.entry.phone)):
            self._row(row)
        self._doubts = [self._offered(doubt) for doubt in self._doubts]
        for doubt in self._doubts:
            self._answered(doubt)
        in_doubt = {member.id for doubt in self._doubts if doubt.answer is None for member in doubt.candidates}
        mentioned = set(self._taken) | in_doubt
        return Preview(
            new=tuple(sorted(self._new, key=_number)),
            changed=tuple(sorted(self._changed, key=lambda change: change.row.number)),
            unchanged=tuple(sorted(self._unchanged, key=_number)),
            doubts=tuple(sorted(self._doubts, key=lambda doubt: doubt.row.number)),
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
        else:
            self._by_name(row)

    def _offered(self, doubt: Doubt) -> Doubt:
        """Leave only those candidates that no other row has taken, and an answer only if it is about one of them."""
        candidates = tuple(member for member in doubt.candidates if self._may_be(doubt.row, member))
        said = self._answers.get(doubt.row.number)
        possible = {Verdict.NEW, Verdict.LEFT_OUT, *(member.id for member in candidates)}
        return replace(doubt, candidates=candidates, answer=said if said in possible else None)

    def _answered(self, doubt: Doubt) -> None:
        """Do with a row in doubt what was said of it."""
        if doubt.answer is Verdict.NEW:
            self._new.append(doubt.row)
        elif doubt.answer not in {None, Verdict.LEFT_OUT}:
            self._match(doubt.row, next(member for member in doubt.candidates if member.id == doubt.answer))

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
        changes = _changes(member.entry, row.entry)
        if changes:
            self._changed.append(Change(row=row, member=member, fields=changes))
        else:
            self._unchanged.append(row)

    def _doubt(self, row: RosterRow, code: str, candidates: Sequence[KnownMember], **parameters: str) -> None:
        said = words(f"roster.{code}", name=row.entry.name, **parameters)
        self._doubts.append(Doubt(row=row, words=said, candidates=tuple(candidates)))

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


def differences(old: Entry, new: Entry) -> tuple[FieldChange, ...]:
    """Return all fields in which two entries differ, those too of which the new one says nothing."""
    pairs = [(name, _shown(getattr(old, name)), _shown(getattr(new, name))) for name in _FIELDS]
    return tuple(FieldChange(field=name, old=before, new=after) for name, before, after in pairs if after != before)


def _changes(old: Entry, new: Entry) -> tuple[FieldChange, ...]:
    return tuple(change for change in differences(old, new) if change.new)


def _shown(value: str | bool | None) -> str:
    return value if isinstance(value, str) else cells.said(value)
