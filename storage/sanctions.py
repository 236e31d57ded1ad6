"""Measures of the ladder: what holds against whom until when, and how far each has come in each of its rooms."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
    update,
)

from content.approvals import LASTS, Act
from content.cases import is_exempt
from content.identifiers import CaseId, EventId, OrganisationId, RoomId, SanctionId, UserId
from content.ladder import ALONE_WITHIN, Frame
from content.organisations import Right
from content.sanctions import (
    CONFIRM_WITHIN,
    Appeal,
    AppealAnswered,
    AppealMade,
    Hindrance,
    Level,
    PlaceState,
    Reason,
    Sanction,
    SanctionDropped,
    SanctionEnded,
    SanctionImposed,
    SanctionLifted,
    SanctionPrepared,
    Site,
    State,
    Step,
)
from storage import approvals, members, organisations
from storage import cases as stored_cases
from storage.cases import cases
from storage.organisations import ROOTS, within
from storage.outbox import Kind, outbox
from storage.prepared import Prepared
from storage.rooms import rooms
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing
from storage.upkeep import standings
from storage.vault import Vault

sanctions = Table(
    "sanctions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("user_id", String(255), nullable=False, index=True),
    Column("step", String(10), nullable=False),
    Column("reason", String(12), nullable=False),
    Column("said", String(300), nullable=False),
    Column("seconds", Integer),
    Column("by_user", String(255), nullable=False),
    Column("at", Instant, nullable=False),
    Column("until", Instant),
    Column("state", String(10), nullable=False),
    Column("agreed_by", String(255)),
    Column("ended_at", Instant),
    Column("lifted_by", String(255)),
    Column("lifted_why", String(500), nullable=False, server_default=""),
    Column("appeal", String(10), nullable=False),
    Column("appealed_at", Instant),
    Column("appeal_text", LargeBinary),
    Column("is_sealed", Boolean, nullable=False, server_default=false()),
    Column("reviewed_by", String(255)),
    Column("reviewed_at", Instant),
    Column("answer", String(500), nullable=False, server_default=""),
    Column("sealed", LargeBinary),
    Index("ix_sanctions_state_until", "state", "until"),
)

sanction_places = Table(
    "sanction_places",
    metadata,
    Column("sanction_id", ForeignKey("sanctions.id"), primary_key=True),
    Column("room_id", String(255), primary_key=True),
    Column("state", String(10), nullable=False),
    Column("before", JSON),
    Column("muted", Integer),
    Column("why", String(12)),
    Column("at", Instant),
    Column("is_moved", Boolean, nullable=False, server_default=false()),
    Index("ix_sanction_places_room_id", "room_id"),
)
"""``before`` is what the room's levels said of the person before they were changed to ``muted``.

``is_moved`` tells that it was a room that this one replaces which said so.
"""

_PLACE = ("sanctions", "appeal_text")
_TEXTS = ("said", "lifted_why", "answer")
"""What is said in words of a measure by those who moderate; ``sealed`` holds them all, and they are empty then."""


class Place(Struct, frozen=True, kw_only=True):
    """How far a measure has come in a room."""

    room: RoomId
    name: str | None
    state: PlaceState
    before: Level | None
    muted: int | None
    why: Hindrance | None
    moved: bool = False


class Told(Struct, frozen=True, kw_only=True):
    """A measure with all that its case's page says of it."""

    sanction: Sanction
    places: tuple[Place, ...]
    ended_at: datetime | None
    lifted_by: UserId | None
    lifted_why: str
    appealed_at: datetime | None
    appeal_text: str | None
    reviewed_by: UserId | None
    reviewed_at: datetime | None
    answer: str


def texts_of(vault: Vault, row: AnyRow) -> dict[str, str]:
    """Return the words of a row: why a measure was taken and lifted, and the answer to an appeal."""
    clear = {name: str(getattr(row, name)) for name in _TEXTS}
    if row.sealed is None:
        return clear
    return clear | dict(json.loads(vault.open(bytes(row.sealed), "sanctions", "sealed", row.id)))


def _kept(vault: Vault, id: str, texts: Mapping[str, str]) -> dict[str, Any]:  # noqa: A002
    """Return the words of a row as they are kept: sealed where there is a key."""
    if vault.name is None:
        return {**texts, "sealed": None}
    plain = json.dumps(texts, ensure_ascii=False, separators=(",", ":")).encode()
    return dict.fromkeys(_TEXTS, "") | {"sealed": vault.seal(plain, "sanctions", "sealed", id)}


def _sanction(vault: Vault, row: AnyRow, where: Iterable[RoomId]) -> Sanction:
    return Sanction(
        id=SanctionId(row.id),
        case=CaseId(row.case_id),
        number=row.number,
        organisation=OrganisationId(row.organisation_id),
        user=UserId(row.user_id),
        step=Step(row.step),
        reason=Reason(row.reason),
        words=texts_of(vault, row)["said"],
        lasts=timedelta(seconds=row.seconds) if row.seconds is not None else None,
        by=UserId(row.by_user),
        at=row.at,
        state=State(row.state),
        rooms=tuple(where),
        until=row.until,
        agreed_by=row.agreed_by,
        appeal=Appeal(row.appeal),
    )


def rows_of() -> Any:
    """Return the question for measures, each with the number and the place of its case."""
    return select(sanctions, cases.c.number, cases.c.organisation_id).join(cases, cases.c.id == sanctions.c.case_id)


async def with_rooms(unit: Reading, query: Any) -> tuple[tuple[AnyRow, Sanction], ...]:
    """Return what such a question finds, each row with its measure."""
    rows = await unit.rows(query)
    found: dict[str, list[RoomId]] = {row.id: [] for row in rows}
    places = select(sanction_places.c.sanction_id, sanction_places.c.room_id)
    places = places.where(sanction_places.c.sanction_id.in_(list(found))).order_by(sanction_places.c.room_id)
    for row in await unit.rows(places) if rows else ():
        found[row.sanction_id].append(RoomId(row.room_id))
    return tuple((row, _sanction(unit.vault, row, found[row.id])) for row in rows)


async def sanction(
    unit: Reading,
    id: SanctionId,  # noqa: A002
    roots: Iterable[OrganisationId] | None = None,
) -> Sanction | None:
    """Return a measure, where roots are given one at or below them."""
    query = rows_of().where(sanctions.c.id == id)
    if roots is not None:
        query = query.where(within(cases.c.organisation_id, roots))
    found = await with_rooms(unit, query)
    return found[0][1] if found else None


async def of_case(unit: Reading, id: CaseId) -> tuple[Told, ...]:  # noqa: A002
    """Return what was done in a case, oldest first."""
    query = rows_of().where(sanctions.c.case_id == id).order_by(sanctions.c.at, sanctions.c.id)
    found = await with_rooms(unit, query)
    told = [
        Told(
            sanction=one,
            places=await places_of(unit, one.id),
            ended_at=row.ended_at,
            lifted_by=row.lifted_by,
            lifted_why=texts["lifted_why"],
            appealed_at=row.appealed_at,
            appeal_text=opened(unit.vault, row),
            reviewed_by=row.reviewed_by,
            reviewed_at=row.reviewed_at,
            answer=texts["answer"],
        )
        for row, one in found
        for texts in [texts_of(unit.vault, row)]
    ]
    return tuple(told)


async def places_of(unit: Reading, id: SanctionId) -> tuple[Place, ...]:  # noqa: A002
    """Return how far a measure has come in each of its rooms."""
    query = (
        select(sanction_places, rooms.c.name)
        .outerjoin(rooms, rooms.c.id == sanction_places.c.room_id)
        .where(sanction_places.c.sanction_id == id)
        .order_by(rooms.c.name, sanction_places.c.room_id)
    )
    return tuple(
        Place(
            room=RoomId(row.room_id),
            name=row.name,
            state=PlaceState(row.state),
            before=Level(**row.before) if row.before is not None else None,
            muted=row.muted,
            why=Hindrance(row.why) if row.why else None,
            moved=row.is_moved,
        )
        for row in await unit.rows(query)
    )


async def standing(unit: Reading, user: UserId) -> tuple[Sanction, ...]:
    """Return the measures that hold against a person, or wait for a second person's word, oldest first."""
    waits = (sanctions.c.state == State.WAITING) & (sanctions.c.at > unit.now - LASTS)
    query = rows_of().where(sanctions.c.user_id == user, (sanctions.c.state == State.ACTIVE) | waits)
    return tuple(one for _, one in await with_rooms(unit, query.order_by(sanctions.c.at, sanctions.c.id)))


async def history(unit: Reading, user: UserId, at: OrganisationId) -> tuple[Sanction, ...]:
    """Return everything that was done against a person at a node, oldest first."""
    query = rows_of().where(sanctions.c.user_id == user, cases.c.organisation_id == at)
    return tuple(one for _, one in await with_rooms(unit, query.order_by(sanctions.c.at, sanctions.c.id)))


async def newest_of_cases(unit: Reading, ids: Collection[CaseId]) -> dict[CaseId, Sanction]:
    """Return of each case what was done in it last."""
    query = rows_of().where(sanctions.c.case_id.in_(list(ids))).order_by(sanctions.c.at, sanctions.c.id)
    return {one.case: one for _, one in await with_rooms(unit, query)}


_DUE = Prepared(
    select(sanctions.c.id)
    .where(sanctions.c.state == State.ACTIVE, sanctions.c.until <= bindparam("now", type_=Instant))
    .order_by(sanctions.c.until, sanctions.c.id)
)


async def due(unit: Reading, now: datetime) -> tuple[SanctionId, ...]:
    """Return the measures whose time is over."""
    return tuple(SanctionId(row.id) for row in await unit.rows(_DUE, {"now": now}))


async def told_by(unit: Reading, event: EventId, user: UserId) -> SanctionId | None:
    """Return the measure of which a message of ours told a person."""
    query = select(outbox.c.matter_id).where(
        outbox.c.event_id == event, outbox.c.user_id == user, outbox.c.kind == Kind.TELL
    )
    id: SanctionId | None = await unit.value(query)  # noqa: A001
    return id


async def to_appeal(unit: Reading, user: UserId) -> Sanction | None:
    """Return the newest measure against a person of which they were told."""
    states, steps = [State.ACTIVE, State.ENDED], [step for step in Step if step is not Step.NOTE]
    query = rows_of().where(sanctions.c.user_id == user, sanctions.c.state.in_(states), sanctions.c.step.in_(steps))
    found = await with_rooms(unit, query.order_by(sanctions.c.at.desc(), sanctions.c.id).limit(1))
    return found[0][1] if found else None


_NUMBER_OF_APPEALS = Prepared(
    select(func.count().label("number"))
    .select_from(sanctions.join(cases, cases.c.id == sanctions.c.case_id))
    .where(sanctions.c.appeal == Appeal.MADE, within(cases.c.organisation_id, ROOTS))
)


async def number_of_appeals(unit: Reading, roots: Iterable[OrganisationId]) -> int:
    """Return how many appeals at or below the roots wait for somebody to look at them."""
    return int(await unit.value(_NUMBER_OF_APPEALS, {"roots": list(roots)}) or 0)


async def waits(unit: Reading, ids: Collection[CaseId]) -> frozenset[CaseId]:
    """Return in which of some cases something waits for a person: an appeal, or a second person's word."""
    open_ = (sanctions.c.appeal == Appeal.MADE) | (sanctions.c.state == State.WAITING)
    query = select(sanctions.c.case_id).where(sanctions.c.case_id.in_(list(ids)), open_)
    return frozenset(CaseId(row.case_id) for row in await unit.rows(query))


async def sites(
    unit: Reading, at: OrganisationId, me: UserId, *, only: Collection[RoomId] | None = None
) -> tuple[Site, ...]:
    """Return the rooms at or below a node that work, with who may do what in them; ``only`` some where that is asked.

    A space is none: nobody talks there.
    """
    query = select(rooms.c.id, rooms.c.name).where(
        rooms.c.lost.is_(None), rooms.c.purpose != "space", within(rooms.c.organisation_id, [at])
    )
    if only is not None:
        query = query.where(rooms.c.id.in_(list(only)))
    found = {RoomId(row.id): row.name for row in await unit.rows(query.order_by(rooms.c.name, rooms.c.id))}
    known = await standings(unit, found, me, kinds=("m.room.create", "m.room.power_levels"))
    return tuple(
        Site(room=id, name=name, powers=known[id].powers if id in known else None)
        for id, name in found.items()  # noqa: A001
    )


async def frame(
    unit: Reading,
    user: UserId,
    at: OrganisationId,
    *,
    by: UserId,
    me: UserId,
    only: Collection[RoomId] | None = None,
) -> Frame:
    """Return what is known when a measure is taken against a person at a node, in all rooms there or in some."""
    meant = await sites(unit, at, me, only=only)
    theirs = select(rooms.c.organisation_id).where(rooms.c.id.in_([site.room for site in meant]))
    reached = {at, *(OrganisationId(row.organisation_id) for row in await unit.rows(theirs))}
    own = await members.by_user(unit, user) if only is None else None
    if own is not None and await organisations.stands_below(unit, own.organisation, [at]):
        reached.add(own.organisation)
    alike = await organisations.same_hand_at(unit, at, Right.MODERATE, by)
    held = await organisations.holders_of(unit, at, Right.MODERATE)
    return Frame(
        me=me,
        by=by,
        sites=meant,
        standing=await standing(unit, user),
        exempt=is_exempt(user, me=me, duties=await organisations.duties_reaching(unit, user, reached)),
        others=tuple(one for one in held if one not in alike and one != user),
        waiting=await approvals.waiting(unit, [at], acts=[Act.BAN]),
        entitled=by in held,
        banned_alone=await banned_alone(unit, user, [site.room for site in meant]),
    )


async def banned_alone(unit: Reading, user: UserId, among: Collection[RoomId]) -> timedelta:
    """Return for how long bans by one person alone have lately kept a person out of some rooms, until now.

    One that somebody else found wrong does not count; one that was lifted counts for as long as it held.
    """
    there = select(sanction_places.c.sanction_id).where(sanction_places.c.room_id.in_(list(among)))
    query = select(sanctions.c.at, sanctions.c.until, sanctions.c.ended_at).where(
        sanctions.c.user_id == user,
        sanctions.c.step == Step.BAN,
        sanctions.c.state.in_([State.ACTIVE, State.ENDED, State.LIFTED]),
        sanctions.c.agreed_by.is_(None),
        sanctions.c.appeal != Appeal.GRANTED,
        sanctions.c.at > unit.now - ALONE_WITHIN,
        sanctions.c.id.in_(there),
    )
    return sum(
        (
            min([unit.now, *(one for one in (row.until, row.ended_at) if one is not None)]) - row.at
            for row in await unit.rows(query)
        ),
        start=timedelta(0),
    )


async def reviewers(unit: Reading, one: Sanction) -> tuple[UserId, ...]:
    """Return who may look again at a measure: those who moderate there and had no part in it, nor count as one who had.

    Nobody looks at a measure against themself.
    """
    involved: set[UserId] = {one.user}
    for user in (one.by, one.agreed_by):
        if user is not None:
            involved |= await organisations.same_hand_at(unit, one.organisation, Right.MODERATE, user)
    held = await organisations.holders_of(unit, one.organisation, Right.MODERATE)
    return tuple(user for user in held if user not in involved)


def opened(vault: Vault, row: AnyRow) -> str | None:
    """Return what a person says against a measure."""
    if row.appeal_text is None:
        return None
    kept = bytes(row.appeal_text)
    return (vault.open(kept, *_PLACE, row.id) if row.is_sealed else kept).decode()


async def write_prepared(unit: Writing, fact: SanctionPrepared) -> None:
    """Keep a measure that waits."""
    await _put(unit, fact.sanction)


async def write_imposed(unit: Writing, fact: SanctionImposed) -> None:
    """Keep a measure that holds, and in which rooms it is to be carried out: in no others that were meant before."""
    await _put(unit, fact.sanction)
    meant = sanction_places.c.room_id.in_(list(fact.sanction.rooms))
    await unit.execute(sanction_places.delete().where(sanction_places.c.sanction_id == fact.sanction.id, ~meant))


async def _put(unit: Writing, one: Sanction) -> None:
    row = {
        "id": one.id,
        "case_id": one.case,
        "user_id": one.user,
        "step": one.step,
        "reason": one.reason,
        "seconds": int(one.lasts.total_seconds()) if one.lasts is not None else None,
        "by_user": one.by,
        "at": one.at,
        "until": one.until,
        "state": one.state,
        "agreed_by": one.agreed_by,
        "appeal": one.appeal,
    }
    known = await unit.first(select(sanctions).where(sanctions.c.id == one.id))
    texts = texts_of(unit.vault, known) if known is not None else dict.fromkeys(_TEXTS, "")
    row |= _kept(unit.vault, one.id, texts | {"said": one.words})
    await unit.put(sanctions, row, key=["id"])
    await unit.add_missing(
        sanction_places,
        [{"sanction_id": one.id, "room_id": room, "state": PlaceState.WAITING} for room in one.rooms],
    )
    await stored_cases.touch(unit, one.case, one.at)


async def _change(unit: Writing, one: Sanction, at: datetime, **values: Any) -> None:
    await unit.execute(update(sanctions).where(sanctions.c.id == one.id).values(**values))
    await stored_cases.touch(unit, one.case, at)


async def _added(unit: Writing, id: SanctionId, **texts: str) -> dict[str, Any]:  # noqa: A002
    """Return the words of a measure as they are kept, with others in their place or beside them."""
    row = await unit.first(select(sanctions).where(sanctions.c.id == id))
    known = texts_of(unit.vault, row) if row is not None else dict.fromkeys(_TEXTS, "")
    return _kept(unit.vault, id, known | texts)


async def write_ended(unit: Writing, fact: SanctionEnded) -> None:
    """Let a measure hold no longer."""
    await _change(unit, fact.sanction, fact.at, state=fact.sanction.state, ended_at=fact.at)


async def write_lifted(unit: Writing, fact: SanctionLifted) -> None:
    """Keep who took a measure back, and why."""
    lifted = {"lifted_by": fact.by} | await _added(unit, fact.sanction.id, lifted_why=fact.why)
    lifted |= {"state": fact.sanction.state, "appeal": fact.sanction.appeal, "ended_at": fact.at}
    await _change(unit, fact.sanction, fact.at, **lifted)


async def write_dropped(unit: Writing, fact: SanctionDropped) -> None:
    """Keep that a measure was not imposed."""
    await _change(unit, fact.sanction, fact.at, state=fact.sanction.state, ended_at=fact.at)


async def write_appealed(unit: Writing, fact: AppealMade) -> None:
    """Keep an appeal, sealed where there is a key."""
    text, sealed = fact.text.encode(), unit.vault.name is not None
    kept = unit.vault.seal(text, *_PLACE, fact.sanction.id) if sealed else text
    said = {"appeal_text": kept, "is_sealed": sealed, "appealed_at": fact.at}
    await _change(unit, fact.sanction, fact.at, appeal=fact.sanction.appeal, **said)


async def write_answered(unit: Writing, fact: AppealAnswered) -> None:
    """Keep what became of an appeal."""
    by = {"reviewed_by": fact.by, "reviewed_at": fact.at} | await _added(unit, fact.sanction.id, answer=fact.answer)
    await _change(unit, fact.sanction, fact.at, appeal=fact.outcome, **by)


async def seal_clear(unit: Writing) -> None:
    """Seal what lies in the clear, as it does from before there was a key."""
    clear = sanctions.c.appeal_text.is_not(None) & sanctions.c.is_sealed.is_(False)
    for row in await unit.rows(select(sanctions).where(clear)):
        await _seal(unit, unit.vault, row.id, bytes(row.appeal_text).decode())
    said = sanctions.c.sealed.is_(None) & or_(*(sanctions.c[name] != "" for name in _TEXTS))
    for row in await unit.rows(select(sanctions).where(said)):
        await _put_texts(unit, unit.vault, row.id, texts_of(unit.vault, row))


async def rewrap(unit: Writing, new: Vault) -> int:
    """Seal everything under another master key; return how many there are."""
    rows = await unit.rows(select(sanctions).where(sanctions.c.is_sealed.is_(True)))
    for row in rows:
        await _seal(unit, new, row.id, opened(unit.vault, row) or "")
    said = await unit.rows(select(sanctions).where(sanctions.c.sealed.is_not(None)))
    for row in said:
        await _put_texts(unit, new, row.id, texts_of(unit.vault, row))
    return len(rows) + len(said)


async def _put_texts(unit: Writing, vault: Vault, id: str, texts: Mapping[str, str]) -> None:  # noqa: A002
    await unit.execute(update(sanctions).where(sanctions.c.id == id).values(**_kept(vault, id, texts)))


async def _seal(unit: Writing, vault: Vault, id: str, text: str) -> None:  # noqa: A002
    sealed = vault.seal(text.encode(), *_PLACE, id)
    await unit.execute(update(sanctions).where(sanctions.c.id == id).values(appeal_text=sealed, is_sealed=True))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Drop what nobody confirmed or answered, destroy evidence whose time is over, and forget cases of long ago."""
    drafts = (sanctions.c.state == State.DRAFT) & (sanctions.c.at < now - CONFIRM_WITHIN)
    unanswered = (sanctions.c.state == State.WAITING) & (sanctions.c.at <= now - LASTS)
    await unit.execute(update(sanctions).where(drafts | unanswered).values(state=State.DROPPED, ended_at=now))
    await stored_cases.destroy_evidence(unit, now)
    holds = exists().where(sanctions.c.case_id == cases.c.id, sanctions.c.state == State.ACTIVE)
    old = await stored_cases.past(unit, now)
    kept = {row.id for row in await unit.rows(select(cases.c.id).where(cases.c.id.in_(old), holds))}
    await forget(unit, [one for one in old if one not in kept])


async def forget(unit: Writing, ids: Collection[CaseId]) -> None:
    """Forget cases with all that was done in them."""
    if not ids:
        return
    theirs = select(sanctions.c.id).where(sanctions.c.case_id.in_(list(ids)))
    await unit.execute(sanction_places.delete().where(sanction_places.c.sanction_id.in_(theirs)))
    await unit.execute(sanctions.delete().where(sanctions.c.case_id.in_(list(ids))))
    await stored_cases.forget(unit, ids)


async def forget_people(unit: Writing, accounts: Collection[UserId]) -> None:
    """Forget everything about some accounts."""
    await forget(unit, await stored_cases.of_people(unit, accounts))
