"""Complaints with their voices; who complained stands here and nowhere else, and what they wrote lies sealed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    BindParameter,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    bindparam,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    update,
)

from content.complaints import (
    KEPT,
    REMEMBERED,
    AuthorFound,
    Complaint,
    ComplaintClaimed,
    ComplaintDecided,
    ComplaintMade,
    ComplaintReopened,
    MessageFlagged,
    Origin,
    State,
    Voice,
    VoiceDropped,
)
from content.identifiers import CaseId, ComplaintId, EventId, OrganisationId, RoomId, UserId, VoiceId, derive
from storage.audit import causes
from storage.cases import opened, seal
from storage.members import members
from storage.organisations import ROOTS, organisations, within
from storage.outbox import State as Row
from storage.outbox import outbox
from storage.prepared import Prepared
from storage.rooms import rooms
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing
from storage.vault import Vault

complaints = Table(
    "complaints",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("user_id", String(255), index=True),
    Column("state", String(10), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("touched_at", Instant, nullable=False),
    Column("claimed_by", String(255)),
    Column("claimed_at", Instant),
    Column("decided_by", String(255)),
    Column("decided_at", Instant),
    Column("case_id", String(32)),
    Column("note", LargeBinary),
    Column("is_sealed", Boolean, nullable=False, server_default=false()),
    Index("ix_complaints_state_touched_at", "state", "touched_at"),
)
"""``user_id`` is whom it is about, empty until the author of the message is read in its room; till then nobody sees it.

``note`` is what who answered it wrote for the others who moderate there.
"""

complaint_voices = Table(
    "complaint_voices",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("complaint_id", ForeignKey("complaints.id"), nullable=False, index=True),
    Column("room_id", String(255), nullable=False),
    Column("event_id", String(255), nullable=False, index=True),
    Column("origin", String(10), nullable=False),
    Column("reason", String(20), nullable=False),
    Column("at", Instant, nullable=False),
    Column("reporter", String(255), index=True),
    Column("text", LargeBinary),
    Column("is_sealed", Boolean, nullable=False, server_default=false()),
)


class Line(Struct, frozen=True, kw_only=True):
    """A complaint as the queue lists it: ``voices`` people and guards about ``messages`` messages."""

    complaint: Complaint
    name: str | None
    place: str
    voices: int
    messages: int


class Heard(Struct, frozen=True, kw_only=True):
    """What was said of one message, by how many and when; of who said it nothing."""

    event: EventId
    room: RoomId
    room_name: str
    voice: VoiceId
    """Any of them, by which the message is asked for."""
    people: int
    reasons: tuple[tuple[Origin, str], ...]
    words: tuple[str, ...]
    first: datetime
    last: datetime


def _complaint(row: AnyRow) -> Complaint:
    return Complaint(
        id=ComplaintId(row.id),
        organisation=OrganisationId(row.organisation_id),
        about=UserId(row.user_id) if row.user_id else None,
        state=State(row.state),
        opened_at=row.opened_at,
        touched_at=row.touched_at,
        claimed_by=row.claimed_by,
        claimed_at=row.claimed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        case=CaseId(row.case_id) if row.case_id else None,
    )


def seen_by(reader: UserId | BindParameter[Any]) -> Any:
    """Leave out what is about the reader, and what may be as long as nobody knows whom it is about."""
    return complaints.c.user_id.is_not(None) & (complaints.c.user_id != reader)


async def complaint(
    unit: Reading,
    id: ComplaintId,  # noqa: A002
    roots: Iterable[OrganisationId],
    *,
    reader: UserId,
) -> Complaint | None:
    """Return a complaint at or below the roots; nobody is a reader of one about themself."""
    mine = (complaints.c.id == id, within(complaints.c.organisation_id, roots), seen_by(reader))
    row = await unit.first(select(complaints).where(*mine))
    return _complaint(row) if row else None


async def lines(
    unit: Reading, roots: Iterable[OrganisationId], *, reader: UserId, is_open: bool, limit: int
) -> tuple[Line, ...]:
    """Return complaints at or below the roots: those that wait, the oldest first, or the answered, the newest first."""
    mine = complaint_voices.c.complaint_id == complaints.c.id
    number = select(func.count(complaint_voices.c.id)).where(mine).scalar_subquery()
    messages = select(func.count(complaint_voices.c.event_id.distinct())).where(mine).scalar_subquery()
    query: Any = (
        select(
            complaints,
            members.c.name,
            organisations.c.name.label("place"),
            number.label("voices"),
            messages.label("messages"),
        )
        .join(organisations, organisations.c.id == complaints.c.organisation_id)
        .outerjoin(members, members.c.user_id == complaints.c.user_id)
        .where(within(complaints.c.organisation_id, roots), seen_by(reader))
    )
    if is_open:
        query = query.where(complaints.c.state == State.OPEN).order_by(complaints.c.opened_at, complaints.c.id)
    else:
        query = query.where(complaints.c.state != State.OPEN)
        query = query.order_by(complaints.c.decided_at.desc(), complaints.c.id)
    return tuple(
        Line(complaint=_complaint(row), name=row.name, place=row.place, voices=row.voices, messages=row.messages)
        for row in await unit.rows(query.limit(limit))
    )


_NUMBER_OPEN = Prepared(
    select(func.count().label("number"))
    .select_from(complaints)
    .where(
        complaints.c.state == State.OPEN,
        within(complaints.c.organisation_id, ROOTS),
        seen_by(bindparam("reader")),
    )
)


async def number_open(unit: Reading, roots: Iterable[OrganisationId], *, reader: UserId) -> int:
    """Return how many complaints at or below the roots wait for an answer that the reader may give."""
    return int(await unit.value(_NUMBER_OPEN, {"roots": list(roots), "reader": reader}) or 0)


async def heard(unit: Reading, id: ComplaintId) -> tuple[Heard, ...]:  # noqa: A002
    """Return what was said of each message that a complaint is about, the oldest message first."""
    query = (
        select(complaint_voices, rooms.c.name)
        .outerjoin(rooms, rooms.c.id == complaint_voices.c.room_id)
        .where(complaint_voices.c.complaint_id == id)
        .order_by(complaint_voices.c.at, complaint_voices.c.id)
    )
    by_message: dict[str, list[AnyRow]] = {}
    for row in await unit.rows(query):
        by_message.setdefault(row.event_id, []).append(row)
    return tuple(_heard(unit.vault, rows) for rows in by_message.values())


def _heard(vault: Vault, rows: list[AnyRow]) -> Heard:
    first = rows[0]
    said = (text_of(vault, row) for row in rows)
    return Heard(
        event=EventId(first.event_id),
        room=RoomId(first.room_id),
        room_name=first.name or first.room_id,
        voice=VoiceId(first.id),
        people=sum(row.origin != Origin.GUARD for row in rows),
        reasons=tuple(dict.fromkeys((Origin(row.origin), str(row.reason)) for row in rows)),
        # In the order of their names and not as they came: who was there may know who complained first.
        words=tuple(sorted(text for text in said if text)),
        first=first.at,
        last=rows[-1].at,
    )


async def note_of(unit: Reading, id: ComplaintId) -> str:  # noqa: A002
    """Return what who answered a complaint wrote for the others."""
    row = await unit.first(select(complaints).where(complaints.c.id == id))
    return (opened_note(unit.vault, row) or "") if row else ""


async def voice(unit: Reading, id: VoiceId) -> Voice | None:  # noqa: A002
    """Return what one person or guard says of a message, without their words."""
    query = select(complaint_voices, complaints.c.organisation_id, complaints.c.user_id)
    query = query.join(complaints, complaints.c.id == complaint_voices.c.complaint_id)
    row = await unit.first(query.where(complaint_voices.c.id == id))
    if row is None:
        return None
    return Voice(
        id=VoiceId(row.id),
        organisation=OrganisationId(row.organisation_id),
        room=RoomId(row.room_id),
        event=EventId(row.event_id),
        about=UserId(row.user_id) if row.user_id else None,
        origin=Origin(row.origin),
        reason=row.reason,
        at=row.at,
        reporter=row.reporter,
    )


async def is_known(unit: Reading, id: VoiceId) -> bool:  # noqa: A002
    """Tell whether somebody has complained about a message already."""
    return await unit.value(select(complaint_voices.c.id).where(complaint_voices.c.id == id)) is not None


async def number_today(unit: Reading, reporter: UserId) -> int:
    """Return about how many messages somebody has complained within a day."""
    lately = (complaint_voices.c.reporter == reporter, complaint_voices.c.at > unit.now - timedelta(days=1))
    return int(await unit.value(select(func.count()).select_from(complaint_voices).where(*lately)) or 0)


async def reporters_of(unit: Reading, id: ComplaintId) -> tuple[UserId, ...]:  # noqa: A002
    """Return who is to be told the answer; nobody else than the bot gets to know them."""
    mine = (complaint_voices.c.complaint_id == id, complaint_voices.c.reporter.is_not(None))
    rows = await unit.rows(select(complaint_voices.c.reporter).where(*mine).distinct())
    return tuple(sorted(UserId(row.reporter) for row in rows))


async def unread(unit: Reading) -> tuple[Voice, ...]:
    """Return complaints of which nobody knows yet whom they are about, and for which nothing is under way."""
    under_way = exists().where(
        outbox.c.matter_id == complaint_voices.c.id, outbox.c.state.in_([Row.PENDING, Row.LEASED])
    )
    query = (
        select(complaint_voices.c.id)
        .join(complaints, complaints.c.id == complaint_voices.c.complaint_id)
        .where(complaints.c.user_id.is_(None), complaints.c.state == State.OPEN, ~under_way)
        .order_by(complaint_voices.c.at, complaint_voices.c.id)
    )
    found = [await voice(unit, VoiceId(row.id)) for row in await unit.rows(query)]
    return tuple(one for one in found if one is not None)


async def is_heard_about(unit: Reading, voice: Voice, about: UserId) -> bool:
    """Tell whether those who moderate know of another's complaint about a person that waits at the same node.

    A guard's flag is told to nobody, and a complaint only once it was taken up.
    """
    lane = literal("complaint:") + complaint_voices.c.id
    taken_up = exists().where(causes.c.cause == lane + ":author:" + outbox.c.id)
    under_way = exists().where(outbox.c.lane == lane, ~taken_up)
    by_another = or_(complaint_voices.c.reporter.is_(None), complaint_voices.c.reporter != about)
    query = (
        select(complaint_voices.c.id)
        .join(complaints, complaints.c.id == complaint_voices.c.complaint_id)
        .where(
            complaints.c.organisation_id == voice.organisation,
            complaints.c.user_id == about,
            complaints.c.state == State.OPEN,
            complaint_voices.c.origin != Origin.GUARD,
            complaint_voices.c.id != voice.id,
            by_another,
            ~under_way,
        )
    )
    return await unit.value(query.limit(1)) is not None


def about_oneself(column: Any, reader: UserId) -> Any:
    """Return the condition that a column of the record names a complaint about the reader, or maybe about them."""
    mine = or_(complaints.c.user_id.is_(None), complaints.c.user_id == reader)
    return column.in_(select(literal("complaint:") + complaints.c.id).where(mine))


async def _open_about(unit: Reading, at: OrganisationId, user: UserId) -> str | None:
    query = select(complaints.c.id).where(
        complaints.c.organisation_id == at, complaints.c.user_id == user, complaints.c.state == State.OPEN
    )
    id: str | None = await unit.value(query.order_by(complaints.c.opened_at, complaints.c.id).limit(1))  # noqa: A001
    return id


async def _open_of_message(unit: Reading, at: OrganisationId, room: RoomId, event: EventId) -> str | None:
    of_message = exists().where(
        complaint_voices.c.complaint_id == complaints.c.id,
        complaint_voices.c.room_id == room,
        complaint_voices.c.event_id == event,
    )
    query = select(complaints.c.id).where(
        complaints.c.organisation_id == at, complaints.c.state == State.OPEN, of_message
    )
    id: str | None = await unit.value(query.order_by(complaints.c.opened_at, complaints.c.id).limit(1))  # noqa: A001
    return id


async def write_made(unit: Writing, fact: ComplaintMade | MessageFlagged) -> None:
    """Keep a voice beside what is open about the same message or the same person, else as a complaint of its own."""
    voice = fact.voice
    if await unit.value(select(complaint_voices.c.id).where(complaint_voices.c.id == voice.id)) is not None:
        return
    joined = await _open_of_message(unit, voice.organisation, voice.room, voice.event)
    if joined is None and voice.about is not None:
        joined = await _open_about(unit, voice.organisation, voice.about)
    id = joined or derive(voice.id, "complaint")  # noqa: A001
    if joined is None:
        row = {"id": id, "organisation_id": voice.organisation, "user_id": voice.about, "state": State.OPEN}
        await unit.add_missing(complaints, {**row, "opened_at": voice.at, "touched_at": voice.at})
    else:
        await unit.execute(update(complaints).where(complaints.c.id == id).values(touched_at=voice.at))
    await unit.add_missing(complaint_voices, _row(unit.vault, voice, id))
    if voice.about is not None:
        found = AuthorFound(organisation=voice.organisation, room=voice.room, event=voice.event, about=voice.about)
        await write_author(unit, found)


def _row(vault: Vault, voice: Voice, complaint: str) -> dict[str, Any]:
    text, sealed = seal(vault, voice.words, "complaint_voices", voice.id) if voice.words else (None, False)
    return {
        "id": voice.id,
        "complaint_id": complaint,
        "room_id": voice.room,
        "event_id": voice.event,
        "origin": voice.origin,
        "reason": voice.reason,
        "at": voice.at,
        "reporter": voice.reporter,
        "text": text,
        "is_sealed": sealed,
    }


async def write_author(unit: Writing, fact: AuthorFound) -> None:
    """Say of a complaint whom it is about, and let it be one with what is open about the same person there."""
    named = complaint_voices.c.complaint_id == complaints.c.id
    of_message = exists().where(
        named, complaint_voices.c.room_id == fact.room, complaint_voices.c.event_id == fact.event
    )
    unknown = select(complaints).where(complaints.c.user_id.is_(None), complaints.c.state == State.OPEN, of_message)
    for row in await unit.rows(unknown):
        other = await _open_about(unit, OrganisationId(row.organisation_id), fact.about)
        if other is None:
            await unit.execute(update(complaints).where(complaints.c.id == row.id).values(user_id=fact.about))
            continue
        own = complaint_voices.c.complaint_id == row.id
        await unit.execute(update(complaint_voices).where(own).values(complaint_id=other))
        await unit.execute(update(complaints).where(complaints.c.id == other).values(touched_at=row.touched_at))
        await unit.execute(complaints.delete().where(complaints.c.id == row.id))


async def write_dropped(unit: Writing, fact: VoiceDropped) -> None:
    """Let a voice go, and the complaint where it was the only one."""
    mine = complaint_voices.c.id == fact.voice
    whose: str | None = await unit.value(select(complaint_voices.c.complaint_id).where(mine))
    await unit.execute(complaint_voices.delete().where(mine))
    others = exists().where(complaint_voices.c.complaint_id == complaints.c.id)
    await unit.execute(complaints.delete().where(complaints.c.id == whose, ~others))


async def write_claimed(unit: Writing, fact: ComplaintClaimed) -> None:
    """Keep who is at a complaint."""
    claimed = {"claimed_by": fact.by, "claimed_at": fact.at if fact.by is not None else None}
    await unit.execute(update(complaints).where(complaints.c.id == fact.complaint).values(**claimed))


async def write_decided(unit: Writing, fact: ComplaintDecided) -> None:
    """Keep what became of a complaint, the note sealed where there is a key."""
    note, sealed = seal(unit.vault, fact.note, "complaints", fact.complaint) if fact.note else (None, False)
    answered = {"state": fact.outcome, "decided_by": fact.by, "decided_at": fact.at, "case_id": fact.case}
    answered |= {"touched_at": fact.at, "note": note, "is_sealed": sealed}
    await unit.execute(update(complaints).where(complaints.c.id == fact.complaint).values(**answered))


async def write_reopened(unit: Writing, fact: ComplaintReopened) -> None:
    """Let a complaint wait again, claimed by nobody; the case that came of it stays what it is."""
    nothing = dict.fromkeys(("decided_by", "decided_at", "claimed_by", "claimed_at", "case_id"))
    change = update(complaints).where(complaints.c.id == fact.complaint)
    await unit.execute(change.values(state=State.OPEN, touched_at=fact.at, **nothing))


def opened_note(vault: Vault, row: AnyRow) -> str | None:
    """Return the note of a row of complaints."""
    if row.note is None:
        return None
    kept = bytes(row.note)
    return (vault.open(kept, "complaints", "text", row.id) if row.is_sealed else kept).decode()


def text_of(vault: Vault, row: AnyRow) -> str | None:
    """Return what somebody wrote with their complaint."""
    return opened(vault, row, "complaint_voices")


_SEALED: Mapping[Table, Column[Any]] = {complaint_voices: complaint_voices.c.text, complaints: complaints.c.note}


async def seal_clear(unit: Writing) -> None:
    """Seal what lies in the clear, as it does from before there was a key."""
    for table, column in _SEALED.items():
        clear = table.c.is_sealed.is_(False) & column.is_not(None)
        for row in await unit.rows(select(table.c.id, column.label("text")).where(clear)):
            await _keep(unit, unit.vault, table, row.id, bytes(row.text).decode())


async def rewrap(unit: Writing, new: Vault) -> int:
    """Seal everything under another master key; return how many texts there are."""
    number = 0
    for table, column in _SEALED.items():
        sealed = table.c.is_sealed.is_(True) & column.is_not(None)
        for row in await unit.rows(select(table.c.id, column.label("text"), table.c.is_sealed).where(sealed)):
            await _keep(unit, new, table, row.id, opened(unit.vault, row, table.name) or "")
            number += 1
    return number


async def _keep(unit: Writing, vault: Vault, table: Table, id: str, text: str) -> None:  # noqa: A002
    kept, sealed = seal(vault, text, table.name, id)
    await unit.execute(update(table).where(table.c.id == id).values({_SEALED[table].name: kept, "is_sealed": sealed}))


_NOBODY = {"reporter": None, "text": None, "is_sealed": False}


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget who complained and in what words, a while after the answer; and complaints of long ago."""
    answered = select(complaints.c.id).where(complaints.c.decided_at < now - REMEMBERED)
    whose = complaint_voices.c.complaint_id.in_(answered) & (
        complaint_voices.c.reporter.is_not(None) | complaint_voices.c.text.is_not(None)
    )
    await unit.execute(update(complaint_voices).where(whose).values(**_NOBODY))
    old = await unit.rows(select(complaints.c.id).where(complaints.c.touched_at < now - KEPT))
    await _forget(unit, [row.id for row in old])


async def forget_people(unit: Writing, accounts: Collection[UserId]) -> None:
    """Forget what was said about some accounts, and that it was they who said something of others."""
    about = await unit.rows(select(complaints.c.id).where(complaints.c.user_id.in_(list(accounts))))
    await _forget(unit, [row.id for row in about])
    theirs = complaint_voices.c.reporter.in_(list(accounts))
    await unit.execute(update(complaint_voices).where(theirs).values(**_NOBODY))


async def _forget(unit: Writing, ids: Collection[str]) -> None:
    if ids:
        await unit.execute(complaint_voices.delete().where(complaint_voices.c.complaint_id.in_(list(ids))))
        await unit.execute(complaints.delete().where(complaints.c.id.in_(list(ids))))
