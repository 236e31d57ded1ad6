"""Help cases and what was said in them, sealed; of who asked without a name there is nothing but a code's hash."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    false,
    func,
    literal,
    or_,
    select,
    update,
)

from content.decision import Secret
from content.help_case_reminders import HelpCaseDue, HelpCaseReturned
from content.help_cases import (
    OPEN,
    Category,
    HelpCase,
    HelpCaseAnswered,
    HelpCaseDescribed,
    HelpCaseHanded,
    HelpCaseNoted,
    HelpCaseOpened,
    HelpCaseWithdrawn,
    HelpWords,
    HelpWordsAdded,
    HelpWordsRemoved,
    Sort,
    Stage,
    gone_on,
)
from content.identifiers import EventId, HelpCaseId, HelpWordsId, MemberId, OrganisationId, UserId
from storage.members import keys_of
from storage.organisations import within
from storage.outbox import Kind, outbox
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing
from storage.vault import Vault

help_cases = Table(
    "help_cases",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("stage", String(10), nullable=False),
    Column("received_on", Date, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("member_id", ForeignKey("members.id"), index=True),
    Column("user_id", String(255), index=True),
    Column("owner", String(255)),
    Column("category", String(20)),
    Column("answered_on", Date),
    Column("ended_on", Date),
    Column("told_on", Date),
    Column("handed_on", Date),
    Column("asked_at", Instant),
    Column("code_hash", String(64), unique=True),
    Column("sealed_key", LargeBinary),
    UniqueConstraint("organisation_id", "number"),
    sqlite_with_rowid=False,
)
"""``sealed_key`` is the key of a case without a name, under which its texts are; it goes with the case.

Of when somebody asked no more than the day is kept, lest a number between two others tell the minute of one that has no
name. ``asked_at`` is of named cases, and of their own day alone.
"""

help_case_words = Table(
    "help_case_words",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("case_id", ForeignKey("help_cases.id"), nullable=False, index=True),
    Column("place", Integer, nullable=False),
    Column("sort", String(10), nullable=False),
    Column("said_on", Date, nullable=False),
    Column("member_id", ForeignKey("members.id"), index=True),
    Column("user_id", String(255)),
    Column("by_user", String(255)),
    Column("text", LargeBinary, nullable=False),
    Column("is_sealed", Boolean, nullable=False, server_default=false()),
    sqlite_with_rowid=False,
)
"""``member_id`` is whose key seals the text; ``user_id`` to whom it is known, by whom it was said or to whom."""

help_case_numbers = Table(
    "help_case_numbers",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("last", Integer, nullable=False),
)
"""The last number that was given in a branch; none is given twice, whatever is forgotten."""

WRITTEN_ANEW = timedelta(days=7)
"""So long rows without a name are written anew with each sweep: longer than a bot is away."""


def _case(row: AnyRow) -> HelpCase:
    return HelpCase(
        id=HelpCaseId(row.id),
        organisation=OrganisationId(row.organisation_id),
        number=row.number,
        stage=Stage(row.stage),
        received_on=row.received_on,
        due_on=row.due_on,
        member=MemberId(row.member_id) if row.member_id else None,
        user=UserId(row.user_id) if row.user_id else None,
        owner=UserId(row.owner) if row.owner else None,
        category=Category(row.category) if row.category else None,
        answered_on=row.answered_on,
        ended_on=row.ended_on,
        told_on=row.told_on,
        handed_on=row.handed_on,
        asked_at=row.asked_at,
    )


async def next_number(unit: Reading, organisation: OrganisationId) -> int:
    """Return the number that the next case of a branch gets."""
    query = select(help_case_numbers.c.last).where(help_case_numbers.c.organisation_id == organisation)
    return int(await unit.value(query) or 0) + 1


async def visible(unit: Reading, roots: Iterable[OrganisationId], id: str, reader: UserId) -> HelpCase | None:  # noqa: A002
    """Return a case at or below the roots, unless it is the reader's own."""
    row = await unit.first(select(help_cases).where(help_cases.c.id == id, *_seen_by(roots, reader)))
    return _case(row) if row is not None else None


def _seen_by(roots: Iterable[OrganisationId], reader: UserId) -> tuple[Any, ...]:
    return within(help_cases.c.organisation_id, roots), func.coalesce(help_cases.c.user_id, "") != reader


async def queue(unit: Reading, roots: Iterable[OrganisationId], reader: UserId, *, limit: int) -> tuple[HelpCase, ...]:
    """Return the open cases, those that wait for a first answer before the others, by when it is due."""
    query = select(help_cases).where(*_seen_by(roots, reader), help_cases.c.stage.in_(OPEN))
    order = (help_cases.c.answered_on.is_not(None), help_cases.c.due_on, help_cases.c.number, help_cases.c.id)
    return tuple(_case(row) for row in await unit.rows(query.order_by(*order).limit(limit)))


async def ended(unit: Reading, roots: Iterable[OrganisationId], reader: UserId, *, limit: int) -> tuple[HelpCase, ...]:
    """Return the cases that have ended, the last first."""
    query = select(help_cases).where(*_seen_by(roots, reader), help_cases.c.stage.not_in(OPEN))
    order = (help_cases.c.ended_on.desc(), help_cases.c.number.desc(), help_cases.c.id)
    return tuple(_case(row) for row in await unit.rows(query.order_by(*order).limit(limit)))


async def of_year(
    unit: Reading, roots: Iterable[OrganisationId], year: int, reader: UserId | None = None
) -> tuple[HelpCase, ...]:
    """Return the cases that came in a year and were not taken back, in the order of their numbers.

    For a ``reader`` without their own: what handlers wrote of it is not for who asked. Of all of them no more than
    numbers are to be told.
    """
    came = help_cases.c.received_on.between(date(year, 1, 1), date(year, 12, 31))
    seen = _seen_by(roots, reader) if reader is not None else (within(help_cases.c.organisation_id, roots),)
    query = select(help_cases).where(*seen, came)
    query = query.where(help_cases.c.stage != Stage.WITHDRAWN)
    rows = await unit.rows(query.order_by(help_cases.c.organisation_id, help_cases.c.number))
    return tuple(_case(row) for row in rows)


def of_oneself(column: Any, reader: UserId) -> Any:
    """Return the condition that a column of the record names a case that the reader asked for under their name."""
    return column.in_(select(literal("help_case:") + help_cases.c.id).where(help_cases.c.user_id == reader))


async def number_waiting(unit: Reading, roots: Iterable[OrganisationId], reader: UserId) -> int:
    """Return how many cases nobody has taken up yet."""
    query = select(func.count()).select_from(help_cases)
    where = (*_seen_by(roots, reader), help_cases.c.stage.in_(OPEN), help_cases.c.owner.is_(None))
    return int(await unit.value(query.where(*where)))


async def mine(unit: Reading, member: MemberId | None, user: UserId) -> tuple[HelpCase, ...]:
    """Return the cases that somebody asked for under their name, the newest first; none of anybody else."""
    own = help_cases.c.user_id == user
    if member is not None:
        own = or_(own, help_cases.c.member_id == member)
    query = select(help_cases).where(own)
    order = (help_cases.c.received_on.desc(), help_cases.c.number.desc(), help_cases.c.id)
    return tuple(_case(row) for row in await unit.rows(query.order_by(*order)))


async def by_code(unit: Reading, code_hash: str) -> HelpCase | None:
    """Return the case without a name that a code belongs to."""
    row = await unit.first(select(help_cases).where(help_cases.c.code_hash == code_hash))
    return _case(row) if row is not None else None


async def told_by(unit: Reading, event: EventId, user: UserId) -> HelpCaseId | None:
    """Return the case of which a message of ours told the person who asked for it."""
    told = outbox.c.event_id == event, outbox.c.user_id == user, outbox.c.kind == Kind.TELL
    query = select(help_cases.c.id).join(outbox, outbox.c.matter_id == help_cases.c.id)
    found = await unit.value(query.where(*told, help_cases.c.user_id == user))
    return HelpCaseId(found) if found else None


async def said_by(unit: Reading, id: HelpWordsId, user: UserId) -> tuple[HelpCase, int] | None:  # noqa: A002
    """Return the case in which somebody said a text under their name, and how many other texts of theirs are there."""
    said = help_case_words.c.user_id == user, help_case_words.c.sort == Sort.ASKED
    row = await unit.first(
        select(help_cases)
        .join(help_case_words, help_case_words.c.case_id == help_cases.c.id)
        .where(help_case_words.c.id == id, help_cases.c.user_id == user, *said)
    )
    if row is None:
        return None
    others = select(func.count()).where(help_case_words.c.case_id == row.id, help_case_words.c.id != id, *said)
    return _case(row), int(await unit.value(others))


async def due(unit: Reading, by: date) -> tuple[HelpCase, ...]:
    """Return the cases due by a day that nobody has answered, and of which whoever has them was not told."""
    waits = help_cases.c.stage.in_(OPEN), help_cases.c.answered_on.is_(None), help_cases.c.due_on <= by
    untold = or_(help_cases.c.told_on.is_(None), help_cases.c.told_on <= help_cases.c.handed_on)
    rows = await unit.rows(select(help_cases).where(*waits, untold).order_by(help_cases.c.id))
    return tuple(_case(row) for row in rows)


async def held(unit: Reading) -> tuple[HelpCase, ...]:
    """Return the open cases that somebody has taken up."""
    taken = help_cases.c.stage.in_(OPEN), help_cases.c.owner.is_not(None)
    return tuple(_case(row) for row in await unit.rows(select(help_cases).where(*taken).order_by(help_cases.c.id)))


async def case(unit: Reading, id: HelpCaseId) -> HelpCase | None:  # noqa: A002
    """Return one case."""
    row = await unit.first(select(help_cases).where(help_cases.c.id == id))
    return _case(row) if row is not None else None


async def words_of(unit: Reading, ids: Collection[HelpCaseId]) -> dict[HelpCaseId, tuple[HelpWords, ...]]:
    """Return what was said in cases, opened, in its order. Raises Unreadable where a key is gone."""
    query = select(help_case_words).where(help_case_words.c.case_id.in_(list(ids)))
    rows = await unit.rows(query.order_by(help_case_words.c.case_id, help_case_words.c.place, help_case_words.c.id))
    keys = await keys_of(unit, {MemberId(row.member_id) for row in rows if row.member_id})
    own = select(help_cases.c.id, help_cases.c.sealed_key).where(help_cases.c.id.in_(list(ids)))
    unnamed = {row.id: row.sealed_key for row in await unit.rows(own)}
    found: dict[HelpCaseId, list[HelpWords]] = {one: [] for one in ids}
    for row in rows:
        text = opened(unit.vault, row, keys, unnamed.get(row.case_id))
        found[HelpCaseId(row.case_id)].append(
            HelpWords(
                id=HelpWordsId(row.id),
                case=HelpCaseId(row.case_id),
                sort=Sort(row.sort),
                text=Secret(text),
                on=row.said_on,
                by=UserId(row.by_user) if row.by_user else None,
            )
        )
    return {one: tuple(said) for one, said in found.items()}


def opened(vault: Vault, row: AnyRow, keys: Mapping[MemberId, bytes], own: bytes | None) -> str:
    """Return a text: of a named case by the key of its member, of one without a name by that of the case."""
    kept = bytes(row.text)
    if not row.is_sealed:
        return kept.decode()
    if row.member_id is not None:
        return vault.open_for(keys.get(row.member_id), row.member_id, kept, *_place(row.id)).decode()
    return vault.open_under(own, kept, *_place(row.id)).decode()


def _place(id: str) -> tuple[str, ...]:  # noqa: A002
    return ("help_case_words", "text", id)


def _sealed(
    vault: Vault,
    text: str,
    id: str,  # noqa: A002
    member: MemberId | None,
    wrapped: bytes | None,
) -> tuple[bytes, bool]:
    if vault.name is None or wrapped is None:
        return text.encode(), False
    if member is not None:
        return vault.seal_for(wrapped, member, text.encode(), *_place(id)), True
    return vault.seal_under(wrapped, text.encode(), *_place(id)), True


async def write_opened(unit: Writing, fact: HelpCaseOpened) -> None:
    """Keep a case and its first words, and that its number is given."""
    one = fact.case
    own = unit.vault.own_key() if one.member is None and unit.vault.name is not None else None
    await unit.add_missing(
        help_cases,
        {
            "id": one.id,
            "organisation_id": one.organisation,
            "number": one.number,
            "stage": one.stage,
            "received_on": one.received_on,
            "due_on": one.due_on,
            "member_id": one.member,
            "user_id": one.user,
            "asked_at": one.asked_at,
            "code_hash": fact.code_hash,
            "sealed_key": own,
        },
    )
    await unit.put(
        help_case_numbers, {"organisation_id": one.organisation, "last": one.number}, key=["organisation_id"]
    )
    await _say(unit, fact.said)


async def _say(unit: Writing, said: HelpWords) -> None:
    """Keep a text after those that are there; a summary takes the place of the one before."""
    row = await unit.first(select(help_cases).where(help_cases.c.id == said.case))
    if row is None:
        return
    table = help_case_words
    if said.sort in (Sort.SUMMARY, Sort.FOLLOW_UP):
        await unit.execute(table.delete().where(table.c.case_id == said.case, table.c.sort == said.sort))
        if not said.text.strip():
            return
    last = await unit.value(select(func.max(table.c.place)).where(table.c.case_id == said.case))
    member = MemberId(row.member_id) if row.member_id else None
    wrapped = (await keys_of(unit, [member])).get(member) if member is not None else row.sealed_key
    text, sealed = _sealed(unit.vault, said.text.strip(), said.id, member, wrapped)
    values = {
        "id": said.id,
        "case_id": said.case,
        "place": (last or 0) + 1,
        "sort": said.sort,
        "said_on": said.on,
        "member_id": member,
        "user_id": row.user_id if said.sort in (Sort.ASKED, Sort.ANSWER) else None,
        "by_user": said.by,
        "text": text,
        "is_sealed": sealed,
    }
    await unit.add_missing(table, values)


async def write_added(unit: Writing, fact: HelpWordsAdded) -> None:
    """Keep what whoever asked says further."""
    await _say(unit, fact.said)
    if fact.at is not None:
        await unit.execute(update(help_cases).where(help_cases.c.id == fact.said.case).values(asked_at=fact.at))


async def write_removed(unit: Writing, fact: HelpWordsRemoved) -> None:
    """Forget a text."""
    await unit.execute(help_case_words.delete().where(help_case_words.c.id == fact.words))


async def write_withdrawn(unit: Writing, fact: HelpCaseWithdrawn) -> None:
    """End a case that was taken back, and forget every word of it."""
    await unit.execute(help_case_words.delete().where(help_case_words.c.case_id == fact.case))
    gone: dict[str, Any] = {"stage": Stage.WITHDRAWN, "ended_on": fact.on, "asked_at": None, "category": None}
    await unit.execute(update(help_cases).where(help_cases.c.id == fact.case).values(**gone))


async def write_handed(unit: Writing, fact: HelpCaseHanded) -> None:
    """Keep who has a case."""
    change = update(help_cases).where(help_cases.c.id == fact.case)
    await unit.execute(change.values(owner=fact.owner, stage=fact.stage, handed_on=fact.on))


async def write_returned(unit: Writing, fact: HelpCaseReturned) -> None:
    """Keep that nobody has a case any more."""
    change = update(help_cases).where(help_cases.c.id == fact.case, help_cases.c.owner == fact.owner)
    await unit.execute(change.values(owner=None, handed_on=None, told_on=fact.told_on))


async def write_answered(unit: Writing, fact: HelpCaseAnswered) -> None:
    """Keep an answer and where the case stands."""
    change: dict[str, Any] = {"stage": fact.stage}
    if fact.said is not None:
        await _say(unit, fact.said)
        change["answered_on"] = func.coalesce(help_cases.c.answered_on, fact.on)
    if fact.stage not in OPEN:
        change |= {"ended_on": fact.on, "asked_at": None}
    await unit.execute(update(help_cases).where(help_cases.c.id == fact.case).values(**change))


async def write_noted(unit: Writing, fact: HelpCaseNoted) -> None:
    """Keep a note."""
    await _say(unit, fact.said)


async def write_described(unit: Writing, fact: HelpCaseDescribed) -> None:
    """Keep what stands in the ledger."""
    await unit.execute(update(help_cases).where(help_cases.c.id == fact.case).values(category=fact.category))
    for one in fact.texts:
        await _say(unit, one)


async def write_due(unit: Writing, fact: HelpCaseDue) -> None:
    """Keep that somebody was reminded."""
    await unit.execute(update(help_cases).where(help_cases.c.id == fact.case).values(told_on=fact.on))


async def seal_clear(unit: Writing) -> None:
    """Seal what lies in the clear, as it does from before there was a key; members have their keys by then."""
    for row in await unit.rows(select(help_case_words).where(help_case_words.c.is_sealed.is_(False))):
        text = bytes(row.text).decode()
        wrapped = (await keys_of(unit, [row.member_id])).get(row.member_id) if row.member_id else None
        if row.member_id is None:
            own = select(help_cases.c.sealed_key).where(help_cases.c.id == row.case_id)
            wrapped = await unit.value(own)
            if wrapped is None:
                wrapped = unit.vault.own_key()
                kept = update(help_cases).where(help_cases.c.id == row.case_id)
                await unit.execute(kept.values(sealed_key=wrapped))
        await _keep(unit, row.id, *_sealed(unit.vault, text, row.id, row.member_id, wrapped))


async def renew(unit: Writing, new: Vault, keys: Mapping[MemberId, bytes]) -> int:
    """Seal everything anew: by the new keys of members, and by new keys of cases; return how many texts there are."""
    old = await keys_of(unit, {row.member_id for row in await unit.rows(select(help_case_words)) if row.member_id})
    own = {row.id: row.sealed_key for row in await unit.rows(select(help_cases)) if row.sealed_key is not None}
    fresh = {id: new.own_key() for id in own}  # noqa: A001
    number = 0
    for row in await unit.rows(select(help_case_words).where(help_case_words.c.is_sealed.is_(True))):
        text = opened(unit.vault, row, old, own.get(row.case_id))
        wrapped = keys.get(row.member_id) if row.member_id else fresh.get(row.case_id)
        await _keep(unit, row.id, *_sealed(new, text, row.id, row.member_id, wrapped))
        number += 1
    for id, wrapped in fresh.items():  # noqa: A001
        await unit.execute(update(help_cases).where(help_cases.c.id == id).values(sealed_key=wrapped))
    return number


async def _keep(unit: Writing, id: str, text: bytes, sealed: bool) -> None:  # noqa: A002
    change = update(help_case_words).where(help_case_words.c.id == id)
    await unit.execute(change.values(text=text, is_sealed=sealed))


async def write_anew(unit: Writing, today: date) -> None:
    """Write the rows without a name once more, all together, and the last numbers of their branches.

    PostgreSQL keeps beside each row which transaction wrote it. The first one wrote the cause too, which leads to the
    message and so to its sender; so did the one in which an old case was taken back.
    """
    if unit.engine != "postgresql":
        return
    since = today - WRITTEN_ANEW
    lately = or_(help_cases.c.received_on >= since, help_cases.c.ended_on >= since)
    young = help_cases.c.member_id.is_(None) & lately
    branches = select(help_cases.c.organisation_id).where(young)
    numbers = update(help_case_numbers).where(help_case_numbers.c.organisation_id.in_(branches))
    await unit.execute(numbers.values(last=help_case_numbers.c.last))
    await unit.execute(update(help_cases).where(young).values(number=help_cases.c.number))
    said = help_case_words.c.member_id.is_(None) & (help_case_words.c.said_on >= since)
    await unit.execute(update(help_case_words).where(said).values(place=help_case_words.c.place))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget cases whose time is over, with every word and their keys, and the hour of what was asked before today."""
    young = help_cases.c.ended_on <= now.date() - timedelta(days=365)
    rows = await unit.rows(select(help_cases.c.id, help_cases.c.ended_on).where(young))
    gone = [row.id for row in rows if gone_on(row.ended_on) <= now.date()]
    await unit.execute(help_case_words.delete().where(help_case_words.c.case_id.in_(gone)))
    await unit.execute(help_cases.delete().where(help_cases.c.id.in_(gone)))
    before = help_cases.c.asked_at < now - timedelta(days=1)
    await unit.execute(update(help_cases).where(before).values(asked_at=None))
