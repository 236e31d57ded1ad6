"""The roster, and the one-time codes by which a Matrix account becomes a member's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    and_,
    bindparam,
    func,
    or_,
    select,
    tuple_,
    update,
)

from content.identifiers import MemberId, OrganisationId, UserId
from content.members import (
    NOBODY,
    AccountBound,
    CodeIssued,
    Invitation,
    Member,
    MemberChanged,
    MemberEnrolled,
    MemberLeft,
    MemberReturned,
)
from content.speech import Reader
from content.views import EVERYONE, UNSAID, Account, Away, Filter
from storage.organisations import FEW, ROOTS, breadth, each_within, organisations, within
from storage.prepared import Prepared
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing
from storage.vault import PRIVATE, Vault

members = Table(
    "members",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("name", String(120), nullable=False),
    Column("category", String(20), nullable=False),
    Column("user_id", String(255), unique=True),
    Column("language", String(8)),
    Column("gender", String(8), nullable=False),
    Column("joined", String(10), nullable=False),
    Column("full_since", String(10), nullable=False),
    Column("phone", String(40), nullable=False),
    Column("post", String(120), nullable=False),
    Column("position", String(60), nullable=False),
    Column("status", String(40), nullable=False),
    Column("note", Text, nullable=False),
    Column("ethnicity", String(30), nullable=False, server_default=""),
    Column("born", String(10), nullable=False, server_default=""),
    Column("education", String(40), nullable=False, server_default=""),
    Column("degree", String(40), nullable=False, server_default=""),
    Column("working_since", String(10), nullable=False, server_default=""),
    Column("floating", Boolean),
    Column("destination", String(200), nullable=False, server_default=""),
    Column("out_of_touch", Boolean),
    Column("lost_since", String(10), nullable=False, server_default=""),
    Column("shift", String(20), nullable=False, server_default=""),
    Column("left_at", Instant),
    Column("merged_into", String(32), index=True),
    Column("sealed", LargeBinary),
    Column("sealed_key", LargeBinary),
    Column("phone_mark", String(32), nullable=False, server_default=""),
    Index("ix_members_name_id", "name", "id"),
    Index("ix_members_phone_mark", "phone_mark"),
    Index("ix_members_standing", "organisation_id", "left_at", "category", "user_id"),
)
"""``sealed`` holds phone and note, under the key of this member alone, which lies wrapped in ``sealed_key``.

Where that is empty nobody can open them any more, here or in the history. ``phone_mark`` finds a whole number.
"""

binding_codes = Table(
    "binding_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("member_id", ForeignKey("members.id"), nullable=False, index=True),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
)

_FIELDS = (
    "name category language gender joined full_since phone post position status note shift "  # noqa: SIM905
    "ethnicity born education degree working_since floating destination out_of_touch lost_since merged_into".split()
)


_SEALED = ("members", "sealed")


def _member(unit: Reading, row: AnyRow) -> Member:
    return Member(
        id=row.id,
        organisation=row.organisation_id,
        user=row.user_id,
        left=row.left_at,
        **{name: getattr(row, name) for name in _FIELDS} | opened(unit, row),
    )


def opened(unit: Reading, row: AnyRow) -> dict[str, str]:
    """Return what is sealed in a member's row."""
    return unit.vault.show(row.sealed, row.sealed_key, row.id, *_SEALED)


def _values(unit: Writing, member: Member, wrapped: bytes | None) -> dict[str, Any]:
    """Return a member's row; ``wrapped`` is the key that they have, if any."""
    return _sealed_values(unit.vault, member, wrapped)


def _sealed_values(vault: Vault, member: Member, wrapped: bytes | None) -> dict[str, Any]:
    values = {name: getattr(member, name) for name in _FIELDS}
    hidden = vault.hide(values, wrapped, member.id, *_SEALED)
    return {
        "id": member.id,
        "organisation_id": member.organisation,
        "user_id": member.user,
        "left_at": member.left,
        **values,
        **(dict.fromkeys(PRIVATE, "") if hidden is not None else {}),
        "sealed": hidden,
        "sealed_key": wrapped,
        "phone_mark": vault.mark(member.phone),
    }


async def keys_of(unit: Reading, ids: Iterable[MemberId]) -> dict[MemberId, bytes]:
    """Return the wrapped keys of those members who have one."""
    wanted, found = list(ids), dict[MemberId, bytes]()
    for start in range(0, len(wanted), 500):
        query = select(members.c.id, members.c.sealed_key).where(
            members.c.id.in_(wanted[start : start + 500]), members.c.sealed_key.is_not(None)
        )
        found |= {row.id: bytes(row.sealed_key) for row in await unit.rows(query)}
    return found


async def new_keys(unit: Reading, new: Vault) -> dict[MemberId, bytes]:
    """Make a new key, wrapped under another master key, for every member who has one."""
    rows = await unit.rows(select(members.c.id).where(members.c.sealed_key.is_not(None)))
    made = {MemberId(row.id): new.new_key(row.id) for row in rows}
    return {id: key for id, key in made.items() if key is not None}  # noqa: A001


async def renew(unit: Writing, new: Vault, keys: Mapping[MemberId, bytes]) -> None:
    """Seal what is theirs anew under the new keys of members."""
    for row in await unit.rows(select(members).where(members.c.sealed_key.is_not(None))):
        values = _sealed_values(new, _member(unit, row), keys[row.id])
        await unit.execute(update(members).where(members.c.id == row.id).values(**values))


async def seal_clear(unit: Writing) -> None:
    """Give everybody a key who has none, and seal what lies in the clear, as it does from before there were keys."""
    for row in await unit.rows(select(members).where(members.c.sealed_key.is_(None), members.c.name != NOBODY)):
        values = _values(unit, _member(unit, row), unit.vault.new_key(row.id))
        await unit.execute(update(members).where(members.c.id == row.id).values(**values))


async def member(unit: Reading, id: MemberId) -> Member | None:  # noqa: A002
    """Return one member."""
    row = await unit.first(select(members).where(members.c.id == id))
    return _member(unit, row) if row else None


async def by_ids(unit: Reading, ids: Iterable[MemberId]) -> tuple[Member, ...]:
    """Return those members who are still there, in no order."""
    wanted: list[MemberId] = list(ids)
    found: list[AnyRow] = []
    # Databases limit how many values one question may name.
    for start in range(0, len(wanted), 500):
        found += await unit.rows(select(members).where(members.c.id.in_(wanted[start : start + 500])))
    return tuple(_member(unit, row) for row in found)


_BY_USER = Prepared(select(members).where(members.c.user_id == bindparam("user")))


async def by_user(unit: Reading, user: UserId) -> Member | None:
    """Return the member to whom a Matrix account belongs."""
    row = await unit.first(_BY_USER, {"user": user})
    return _member(unit, row) if row else None


async def by_users(unit: Reading, users: Iterable[UserId]) -> tuple[Member, ...]:
    """Return the members to whom those accounts belong, in no order."""
    wanted, found = list(users), list[AnyRow]()
    for start in range(0, len(wanted), 500):
        found += await unit.rows(select(members).where(members.c.user_id.in_(wanted[start : start + 500])))
    return tuple(_member(unit, row) for row in found)


_SOME: Any = bindparam("users", expanding=True)
_READERS = Prepared(
    select(members.c.user_id, members.c.language, organisations.c.language.label("usual"), organisations.c.timezone)
    .join(organisations, organisations.c.id == members.c.organisation_id)
    .where(members.c.user_id.in_(_SOME))
)


async def reader(unit: Reading, user: UserId) -> Reader | None:
    """Return in which language and zone a member reads, ``None`` for who is no member."""
    return (await readers(unit, [user])).get(user)


async def readers(unit: Reading, users: Collection[UserId]) -> dict[UserId, Reader]:
    """Return the same for several people at once, without those who are no members; few enough for one question."""
    rows = await unit.rows(_READERS, {"users": list(users)})
    return {UserId(row.user_id): Reader(language=row.language or row.usual, timezone=row.timezone) for row in rows}


async def roster(
    unit: Reading,
    roots: Iterable[OrganisationId],
    *,
    wanted: Filter = EVERYONE,
    after: tuple[str, str] | None = None,
    limit: int | None = None,
) -> tuple[Member, ...]:
    """Return members at or below the roots by name, optionally only those whom a filter lets through.

    ``after`` is the (name, id) of the last member of the page before. Who has left is no member.
    """
    roots = list(roots)
    # A page of many places is read along the names, and each row's place is looked up.
    along = limit is not None and await breadth(unit, [wanted.place] if wanted.place else roots) > FEW
    below = each_within if along else within
    query = select(members).where(*_wanted(unit, roots, wanted, below=below)).order_by(members.c.name, members.c.id)
    if after is not None or limit is not None:
        # Said of the first page too, so that it is read along the index of names and only as far as it is shown.
        query = query.where(tuple_(members.c.name, members.c.id) > tuple_(*(after or ("", ""))))
    if limit is not None:
        query = query.limit(limit)
    return tuple(_member(unit, row) for row in await unit.rows(query))


_NUMBERS = (func.count().label("number"), func.count(members.c.user_id).label("bound"))
_EVERYONE = Prepared(select(*_NUMBERS).where(within(members.c.organisation_id, ROOTS), members.c.left_at.is_(None)))


async def count(unit: Reading, roots: Iterable[OrganisationId], *, wanted: Filter = EVERYONE) -> tuple[int, int]:
    """Return how many members stand at or below the roots, and how many of them have an account."""
    if wanted == EVERYONE:
        row = await unit.first(_EVERYONE, {"roots": list(roots)})
    else:
        row = await unit.first(select(*_NUMBERS).where(*_wanted(unit, roots, wanted)))
    return (row[0], row[1]) if row else (0, 0)


async def names(
    unit: Reading, roots: Iterable[OrganisationId], *, wanted: Filter = EVERYONE
) -> tuple[tuple[str, MemberId], ...]:
    """Return the names of members at or below the roots, as far as a filter lets through, in no order."""
    query = select(members.c.name, members.c.id).where(*_wanted(unit, roots, wanted))
    return tuple((row.name, MemberId(row.id)) for row in await unit.rows(query))


class Summary(Struct, frozen=True, kw_only=True):
    """How many members there are, how many of them have an account, and how many there are of each kind."""

    total: int
    bound: int
    categories: tuple[tuple[str, int], ...]


async def summary(unit: Reading, roots: Iterable[OrganisationId]) -> Summary:
    """Return how many members stand at or below the roots, in one walk along an index that holds all it takes."""
    counted = (members.c.organisation_id, members.c.category)
    query = select(members.c.category, func.count(), func.count(members.c.user_id)).where(
        *_wanted(unit, roots, EVERYONE)
    )
    total = bound = 0
    found: dict[str, int] = {}
    for category, number, with_account in await unit.rows(query.group_by(*counted)):
        total, bound = total + number, bound + with_account
        found[category] = found.get(category, 0) + number
    return Summary(total=total, bound=bound, categories=tuple(sorted(found.items())))


async def standing(unit: Reading, roots: Iterable[OrganisationId]) -> dict[OrganisationId, int]:
    """Return how many members stand in each organisation at or below the roots itself."""
    query = select(members.c.organisation_id, func.count()).where(*_wanted(unit, roots, EVERYONE))
    return {row[0]: row[1] for row in await unit.rows(query.group_by(members.c.organisation_id))}


async def named(unit: Reading, name: str, roots: Iterable[OrganisationId]) -> tuple[Member, ...]:
    """Return members at or below the roots of exactly this name."""
    query = select(members).where(members.c.name == name, *_wanted(unit, roots, EVERYONE)).limit(2)
    return tuple(_member(unit, row) for row in await unit.rows(query))


def _wanted(
    unit: Reading, roots: Iterable[OrganisationId], wanted: Filter, *, below: Callable[..., Any] = within
) -> list[Any]:
    found = [below(members.c.organisation_id, roots), members.c.left_at.is_(None)]
    if wanted.text:
        found.append(_says(unit, wanted.text))
    if wanted.place:
        found.append(below(members.c.organisation_id, [wanted.place]))
    if wanted.category:
        found.append(members.c.category == ("" if wanted.category == UNSAID else wanted.category))
    if wanted.account:
        bound = members.c.user_id.is_not(None)
        found.append(bound if wanted.account is Account.BOUND else ~bound)
    if wanted.away is Away.FLOATING:
        found.append(members.c.floating.is_(True))
    elif wanted.away is Away.OUT_OF_TOUCH:
        found.append(members.c.out_of_touch.is_(True))
    elif wanted.away is Away.ON_LEAVE:
        found.append(members.c.id.in_(_on_leave()))
    return found


def _says(unit: Reading, text: str) -> Any:
    """Return that a text is part of a name, or a whole number."""
    return or_(members.c.name.contains(text, autoescape=True), _numbered(unit, text))


def _numbered(unit: Reading, phone: str) -> Any:
    """Return that a member has a whole number, which lies in the clear where there is no key to mark it by."""
    mark = unit.vault.mark(phone)
    return members.c.phone_mark == mark if mark else and_(members.c.phone == phone, members.c.phone != "")


def _on_leave() -> Any:
    """Return the query for who has leave from something that is open now; other tables know that."""
    occurrences, expectations = metadata.tables["occurrences"], metadata.tables["expectations"]
    there = and_(occurrences.c.id == expectations.c.occurrence_id, occurrences.c.state == "open")
    return (
        select(expectations.c.member_id)
        .select_from(occurrences.join(expectations, there))
        .where(expectations.c.state == "excused")
    )


async def doubles_of(unit: Reading, ids: Collection[MemberId]) -> frozenset[MemberId]:
    """Return these members with all entries that were merged into them, however often."""
    found, new = frozenset(ids), frozenset(ids)
    while new:
        query = select(members.c.id).where(members.c.merged_into.in_(list(new)))
        new = frozenset(MemberId(row.id) for row in await unit.rows(query)) - found
        found |= new
    return found


async def doubles(unit: Reading, roots: Iterable[OrganisationId], *, limit: int) -> tuple[tuple[Member, Member], ...]:
    """Return pairs that may be one person: of the same number, or of the same name in the same organisation."""
    one, other = members.alias("one"), members.alias("other")
    roots = list(roots)
    both = [
        within(one.c.organisation_id, roots),
        within(other.c.organisation_id, roots),
        one.c.left_at.is_(None),
        other.c.left_at.is_(None),
        one.c.id < other.c.id,
    ]
    number = "phone" if unit.vault.name is None else "phone_mark"
    same_number = and_(one.c[number] == other.c[number], one.c[number] != "")
    same_name = and_(one.c.name == other.c.name, one.c.organisation_id == other.c.organisation_id)
    found: dict[tuple[MemberId, MemberId], None] = {}
    for same in (same_number, same_name):
        query = select(one.c.id, other.c.id).join(other, same).where(*both).order_by(one.c.id, other.c.id)
        found |= dict.fromkeys((MemberId(row[0]), MemberId(row[1])) for row in await unit.rows(query.limit(limit)))
    pairs = list(found)[:limit]
    known = {member.id: member for member in await by_ids(unit, {id for pair in pairs for id in pair})}  # noqa: A001
    return tuple((known[first], known[second]) for first, second in pairs)


async def like(unit: Reading, name: str, phone: str, roots: Iterable[OrganisationId]) -> tuple[Member, ...]:
    """Return members at or below the roots of the same name or the same number, to be looked at before one is added."""
    same = members.c.name == name
    if phone:
        same = or_(same, _numbered(unit, phone))
    query = select(members).where(same, within(members.c.organisation_id, roots)).order_by(members.c.name, members.c.id)
    return tuple(_member(unit, row) for row in await unit.rows(query.limit(20)))


async def other_accounts(unit: Reading, user: UserId, at: OrganisationId) -> tuple[UserId, ...]:
    """Return further accounts of the same person that the roster has at or below a node: same name, same number."""
    own = await by_user(unit, user)
    if own is None or not own.phone:
        return ()
    query = select(members).where(members.c.name == own.name, _numbered(unit, own.phone), members.c.user_id != user)
    query = query.where(within(members.c.organisation_id, [at]))
    return tuple(UserId(row.user_id) for row in await unit.rows(query.order_by(members.c.user_id)))


async def accounts(unit: Reading) -> tuple[UserId, ...]:
    """Return every account that belongs to somebody."""
    query = select(members.c.user_id).where(members.c.user_id.is_not(None))
    return tuple(UserId(row.user_id) for row in await unit.rows(query))


async def departed(
    unit: Reading, roots: Iterable[OrganisationId], *, text: str = "", limit: int | None = None
) -> tuple[Member, ...]:
    """Return who stood at or below the roots and has left, who left last first; optionally those with a text in it."""
    query = select(members).where(within(members.c.organisation_id, roots), members.c.left_at.is_not(None))
    query = query.where(members.c.merged_into.is_(None), members.c.name != NOBODY)
    if text:
        query = query.where(_says(unit, text))
    rows = await unit.rows(query.order_by(members.c.left_at.desc(), members.c.name, members.c.id).limit(limit))
    return tuple(_member(unit, row) for row in rows)


async def invitation(unit: Reading, code_hash: str) -> Invitation | None:
    """Return what is known of a one-time code by the hash of it."""
    query = (
        select(binding_codes, members.c.name, members.c.user_id)
        .join(members, members.c.id == binding_codes.c.member_id)
        .where(binding_codes.c.code_hash == code_hash)
    )
    row = await unit.first(query)
    if row is None:
        return None
    return Invitation(
        member=row.member_id,
        name=row.name,
        code_hash=row.code_hash,
        expires_at=row.expires_at,
        used=row.used_at is not None,
        bound=row.user_id,
    )


async def write_enrolled(unit: Writing, fact: MemberEnrolled) -> None:
    """Add a member."""
    await unit.add(members, _values(unit, fact.member, unit.vault.new_key(fact.member.id)))


async def write_changed(unit: Writing, fact: MemberChanged) -> None:
    """Overwrite a member's entry."""
    own = members.c.id == fact.member.id
    wrapped = await unit.value(select(members.c.sealed_key).where(own)) or unit.vault.new_key(fact.member.id)
    await unit.execute(update(members).where(own).values(**_values(unit, fact.member, wrapped)))


async def write_bound(unit: Writing, fact: AccountBound) -> None:
    """Give the account to the member and use the code up."""
    await unit.execute(update(members).where(members.c.id == fact.member).values(user_id=fact.user))
    if fact.code_hash:
        await unit.execute(
            update(binding_codes).where(binding_codes.c.code_hash == fact.code_hash).values(used_at=fact.at)
        )


async def write_issued(unit: Writing, fact: CodeIssued) -> None:
    """Keep the hash of a new code; older codes of the member stop working."""
    await unit.execute(binding_codes.delete().where(binding_codes.c.member_id == fact.member))
    await unit.add(
        binding_codes,
        {"code_hash": fact.code_hash, "member_id": fact.member, "expires_at": fact.expires_at, "used_at": None},
    )


async def write_left(unit: Writing, fact: MemberLeft) -> None:
    """Keep the member with their history, and let go of the account and of every code that would bind one."""
    await unit.execute(update(members).where(members.c.id == fact.member).values(left_at=fact.at, user_id=None))
    await unit.execute(binding_codes.delete().where(binding_codes.c.member_id == fact.member))


async def write_returned(unit: Writing, fact: MemberReturned) -> None:
    """Count a member again."""
    await unit.execute(update(members).where(members.c.id == fact.member).values(left_at=None))
