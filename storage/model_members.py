"""The choosing of model members: each selection, who was nominated and by whom, and what was objected, under seal."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
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
    Text,
    and_,
    bindparam,
    case,
    delete,
    false,
    func,
    or_,
    select,
    update,
)

from content.identifiers import BallotId, MemberId, ObjectionId, OrganisationId, RoomId, SelectionId, UserId
from content.members import NOBODY
from content.model_members import (
    OVER,
    MemberNominated,
    NominationAnswered,
    Nominee,
    NomineesReviewed,
    NoticePosted,
    Objection,
    ObjectionDecided,
    ObjectionRaised,
    Outcome,
    Selection,
    SelectionAnnounced,
    SelectionBallotLinked,
    SelectionCalled,
    SelectionDecided,
    SelectionEnded,
    Stage,
    Standing,
    concerned,
    story_of,
)
from content.model_members import hearers as heard_by
from content.organisations import Kind, Role
from content.rooms import Purpose
from storage import lessons, members, organisations, rooms
from storage.organisations import organisation_closure, within
from storage.prepared import Prepared
from storage.schedules import occurrences
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing
from storage.vault import Vault

selections = Table(
    "selections",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("title", String(200), nullable=False),
    Column("places", Integer, nullable=False),
    Column("nominate_until", Instant, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("stage", String(12), nullable=False, index=True),
    Column("author", String(255), nullable=False),
    Column("ballot_id", ForeignKey("ballots.id")),
    Column("decided_by", String(255)),
    Column("decided_on", Date),
    Column("departure", Text, nullable=False),
    Column("contact_id", ForeignKey("members.id")),
    Column("phone", String(40), nullable=False),
    Column("posted_by", String(255)),
    Column("posted_on", Date),
    Column("ends_on", Date),
    Column("confirmed", Boolean, nullable=False),
    Column("announced_on", Date),
)

selection_nominees = Table(
    "selection_nominees",
    metadata,
    Column("selection_id", ForeignKey("selections.id"), primary_key=True),
    Column("member_id", ForeignKey("members.id"), primary_key=True),
    Column("standing", String(12), nullable=False),
    Column("deeds", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("opinion", Text, nullable=False),
    Column("votes", Integer),
)

selection_nominations = Table(
    "selection_nominations",
    metadata,
    Column("selection_id", ForeignKey("selections.id"), primary_key=True),
    Column("nominee_id", ForeignKey("members.id"), primary_key=True),
    Column("member_id", ForeignKey("members.id"), primary_key=True),
    Column("group_id", ForeignKey("organisations.id")),
    Column("reason", Text, nullable=False),
)

selection_objections = Table(
    "selection_objections",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("selection_id", ForeignKey("selections.id"), nullable=False, index=True),
    Column("member_id", ForeignKey("members.id"), nullable=False),
    Column("received_on", Date, nullable=False),
    Column("text", LargeBinary, nullable=False),
    Column("is_sealed", Boolean, nullable=False, server_default=false()),
    Column("outcome", String(12), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("decided_by", String(255)),
    Column("decided_on", Date),
)

_SEALED = ("text", "answer")


async def selection(unit: Reading, id: SelectionId) -> Selection | None:  # noqa: A002
    """Return a selection."""
    row = await unit.first(select(selections).where(selections.c.id == id))
    return _selection(row) if row else None


async def visible(unit: Reading, roots: Iterable[OrganisationId], id: SelectionId) -> Selection | None:  # noqa: A002
    """Return a selection, if it stands at or below the roots."""
    query = select(selections).where(selections.c.id == id, within(selections.c.organisation_id, roots))
    row = await unit.first(query)
    return _selection(row) if row else None


async def of_roots(unit: Reading, roots: Iterable[OrganisationId], *, limit: int) -> tuple[Selection, ...]:
    """Return the selections at or below the roots, the latest call first."""
    query = select(selections).where(within(selections.c.organisation_id, roots))
    rows = await unit.rows(query.order_by(selections.c.nominate_until.desc(), selections.c.id).limit(limit))
    return tuple(_selection(row) for row in rows)


async def at_stage(unit: Reading, stages: Collection[Stage], above: OrganisationId) -> tuple[Selection, ...]:
    """Return the selections at certain stages that are held at a node or anywhere above it."""
    closure = organisation_closure.c
    over = select(closure.ancestor_id).where(closure.descendant_id == above)
    query = select(selections).where(selections.c.stage.in_(stages), selections.c.organisation_id.in_(over))
    rows = await unit.rows(query.order_by(selections.c.nominate_until, selections.c.id))
    return tuple(_selection(row) for row in rows)


async def leans_on(unit: Reading, ballot: BallotId) -> bool:
    """Tell whether a selection that is not over rests on a ballot, so that it may yet have to be looked into."""
    query = select(selections.c.id).where(selections.c.ballot_id == ballot, selections.c.stage.not_in(list(OVER)))
    return await unit.first(query) is not None


_SHOWN_UNTIL = Prepared(
    select(selections)
    .where(selections.c.stage == Stage.PUBLIC, selections.c.ends_on <= bindparam("day", type_=Date))
    .order_by(selections.c.id)
)


async def shown_until(unit: Reading, day: date) -> tuple[Selection, ...]:
    """Return the selections whose publicity may be over by a day."""
    return tuple(_selection(row) for row in await unit.rows(_SHOWN_UNTIL, {"day": day}))


async def nominees(unit: Reading, id: SelectionId) -> tuple[Nominee, ...]:  # noqa: A002
    """Return everyone who was nominated, by their entry, which says nothing about whom somebody prefers."""
    held = selection_nominees.c
    rows = await unit.rows(select(selection_nominees).where(held.selection_id == id).order_by(held.member_id))
    return tuple(_nominee(row) for row in rows)


async def nominee(unit: Reading, id: SelectionId, member: MemberId) -> Nominee | None:  # noqa: A002
    """Return how a member stands who was nominated."""
    held = selection_nominees.c
    row = await unit.first(select(selection_nominees).where(held.selection_id == id, held.member_id == member))
    return _nominee(row) if row else None


async def asked(unit: Reading, member: MemberId) -> tuple[tuple[Selection, Nominee], ...]:
    """Return in what a member was nominated that is not over."""
    held = selection_nominees.c
    rows = await unit.rows(
        select(selection_nominees)
        .join(selections, selections.c.id == held.selection_id)
        .where(held.member_id == member, selections.c.stage.not_in(OVER))
        .order_by(held.selection_id)
    )
    found = [(await selection(unit, SelectionId(row.selection_id)), _nominee(row)) for row in rows]
    return tuple((one, nominee) for one, nominee in found if one is not None)


async def made_by(unit: Reading, id: SelectionId, member: MemberId) -> tuple[MemberId, ...]:  # noqa: A002
    """Return whom a member has nominated."""
    held = selection_nominations.c
    rows = await unit.rows(select(held.nominee_id).where(held.selection_id == id, held.member_id == member))
    return tuple(MemberId(row.nominee_id) for row in rows)


async def nominations(
    unit: Reading,
    id: SelectionId,  # noqa: A002
) -> tuple[tuple[MemberId, MemberId, OrganisationId | None, str], ...]:
    """Return who was nominated by whom, for which group, and why; for the committee alone."""
    held = selection_nominations.c
    query = select(selection_nominations).where(held.selection_id == id).order_by(held.nominee_id, held.member_id)
    return tuple((row.nominee_id, row.member_id, row.group_id, row.reason) for row in await unit.rows(query))


async def objections(unit: Reading, id: SelectionId) -> tuple[Objection, ...]:  # noqa: A002
    """Return what was objected, opened; for who hears objections alone."""
    held = selection_objections.c
    query = select(selection_objections).where(held.selection_id == id).order_by(held.received_on, held.id)
    return tuple(_objection(unit, row) for row in await unit.rows(query))


async def waiting(unit: Reading, id: SelectionId) -> int:  # noqa: A002
    """Return how many objections have no outcome yet."""
    held = selection_objections.c
    query = select(func.count()).where(held.selection_id == id, held.outcome == Outcome.OPEN)
    return int(await unit.value(query) or 0)


async def hearers(unit: Reading, one: Selection) -> frozenset[UserId]:
    """Return the accounts of those who hear objections to a selection; nobody does who is, or was, on its notice."""
    people = await members.by_ids(unit, concerned(await nominees(unit, one.id)))
    duties = await organisations.duties_over(unit, one.organisation)
    return heard_by(duties, concerned={each.user for each in people if each.user is not None})


async def group_led(unit: Reading, user: UserId, node: OrganisationId) -> OrganisationId | None:
    """Return the group at or below a node that somebody leads."""
    for held in await organisations.duties_of(unit, user):
        if held.role is not Role.GROUP_LEADER:
            continue
        group = await organisations.organisation(unit, held.organisation)
        if group is not None and group.kind is Kind.GROUP and await organisations.stands_below(unit, group.id, [node]):
            return group.id
    return None


async def branch_rooms(unit: Reading, organisation: OrganisationId) -> tuple[tuple[RoomId, OrganisationId], ...]:
    """Return the rooms in which members hear of a selection, as far as they can be reached."""
    found = await rooms.rooms_of(unit, [organisation])
    return tuple((one.id, one.organisation) for one, lost in found if lost is None and one.purpose is Purpose.BRANCH)


def opened(unit: Reading, row: AnyRow) -> dict[str, str]:
    """Return what is sealed in a row of an objection, for its person's own data."""
    return {name: _plain(unit, row, name) for name in _SEALED}


def _selection(row: AnyRow) -> Selection:
    return Selection(
        id=row.id,
        organisation=row.organisation_id,
        title=row.title,
        places=row.places,
        nominate_until=row.nominate_until,
        timezone=row.timezone,
        stage=Stage(row.stage),
        ballot=row.ballot_id,
        decided_by=row.decided_by,
        decided_on=row.decided_on,
        departure=row.departure,
        contact=row.contact_id,
        phone=row.phone,
        posted_on=row.posted_on,
        ends_on=row.ends_on,
        confirmed=row.confirmed,
        announced_on=row.announced_on,
    )


def _nominee(row: AnyRow) -> Nominee:
    return Nominee(
        member=MemberId(row.member_id),
        standing=Standing(row.standing),
        deeds=row.deeds,
        reason=row.reason,
        opinion=row.opinion,
        votes=row.votes,
    )


def _objection(unit: Reading, row: AnyRow) -> Objection:
    return Objection(
        id=ObjectionId(row.id),
        selection=SelectionId(row.selection_id),
        member=MemberId(row.member_id),
        text=_plain(unit, row, "text"),
        received_on=row.received_on,
        outcome=Outcome(row.outcome),
        answer=_plain(unit, row, "answer"),
        decided_on=row.decided_on,
    )


def _plain(unit: Reading, row: AnyRow, name: str) -> str:
    value = bytes(getattr(row, name))
    return (unit.vault.open(value, *_place(name, row.id)) if row.is_sealed and value else value).decode()


def _place(name: str, id: str) -> tuple[str, str, str]:  # noqa: A002
    return "selection_objections", name, id


async def write_called(unit: Writing, fact: SelectionCalled) -> None:
    """Keep a call."""
    one = fact.selection
    values = {
        "id": one.id,
        "organisation_id": one.organisation,
        "title": one.title,
        "places": one.places,
        "nominate_until": one.nominate_until,
        "timezone": one.timezone,
        "stage": Stage.CALLED,
        "author": fact.author,
        "departure": "",
        "phone": "",
        "confirmed": True,
    }
    await unit.add(selections, values)


async def write_nominated(unit: Writing, fact: MemberNominated) -> None:
    """Keep a nomination in the place of what the same member said of the same before."""
    if await nominee(unit, fact.selection, fact.nominee) is None:
        values = {"standing": Standing.NOMINATED, "deeds": "", "reason": "", "opinion": ""}
        row = {"selection_id": fact.selection, "member_id": fact.nominee, **values}
        await unit.add(selection_nominees, row)
    nomination = {
        "selection_id": fact.selection,
        "nominee_id": fact.nominee,
        "member_id": fact.by,
        "group_id": fact.group,
        "reason": fact.reason,
    }
    await unit.put(selection_nominations, nomination, key=["selection_id", "nominee_id", "member_id"])


async def write_answered(unit: Writing, fact: NominationAnswered) -> None:
    """Keep whether somebody agrees."""
    await _stand(unit, fact.selection, fact.nominee, Standing.CONSENTED if fact.agreed else Standing.WITHDRAWN)


async def write_reviewed(unit: Writing, fact: NomineesReviewed) -> None:
    """Keep who goes forward, and why somebody does not."""
    for member, deeds in fact.deeds.items():
        await _stand(unit, fact.selection, member, Standing.REVIEWED, deeds=deeds)
    for member, reason in fact.rejected.items():
        await _stand(unit, fact.selection, member, Standing.REJECTED, reason=reason)
    for member in fact.silent:
        await _stand(unit, fact.selection, member, Standing.WITHDRAWN)
    await _change(unit, fact.selection, stage=Stage.REVIEWED)


async def write_linked(unit: Writing, fact: SelectionBallotLinked) -> None:
    """Keep which ballot is the vote of recommendation."""
    await _change(unit, fact.selection, ballot_id=fact.ballot)


async def write_decided(unit: Writing, fact: SelectionDecided) -> None:
    """Keep what the committee has decided."""
    for one in await nominees(unit, fact.selection):
        if one.standing is Standing.REVIEWED:
            standing = Standing.CHOSEN if one.member in fact.chosen else Standing.NOT_CHOSEN
            said = {"votes": fact.votes.get(one.member), "opinion": fact.opinions.get(one.member, "")}
            await _stand(unit, fact.selection, one.member, standing, **said)
    decided = {"decided_by": fact.by, "decided_on": fact.on, "departure": fact.departure}
    await _change(unit, fact.selection, stage=Stage.CONSIDERED, **decided)


async def write_posted(unit: Writing, fact: NoticePosted) -> None:
    """Keep from when to when the notice stands, and who answers for it."""
    await _change(
        unit,
        fact.selection,
        stage=Stage.PUBLIC,
        contact_id=fact.contact,
        phone=fact.phone,
        posted_by=fact.by,
        posted_on=fact.posted_on,
        ends_on=fact.ends_on,
        confirmed=fact.confirmed,
    )


async def write_raised(unit: Writing, fact: ObjectionRaised) -> None:
    """Keep an objection, sealed wherever there is a key."""
    values = {
        "id": fact.id,
        "selection_id": fact.selection,
        "member_id": fact.member,
        "received_on": fact.on,
        "text": _seal(unit.vault, fact.text.encode(), "text", fact.id),
        "is_sealed": unit.vault.name is not None,
        "outcome": Outcome.OPEN,
        "answer": b"",
    }
    await unit.add(selection_objections, values)


async def write_objection_decided(unit: Writing, fact: ObjectionDecided) -> None:
    """Keep the outcome of an objection; one that is right takes somebody off the notice, which then waits anew."""
    own = selection_objections.c.id == fact.id
    row = await unit.first(select(selection_objections.c.is_sealed).where(own))
    sealed = row is not None and row.is_sealed
    answer = _seal(unit.vault, fact.answer.encode(), "answer", fact.id) if sealed else fact.answer.encode()
    values = {"outcome": fact.outcome, "answer": answer, "decided_by": fact.by, "decided_on": fact.on}
    await unit.execute(update(selection_objections).where(own).values(**values))
    if fact.against is not None:
        await _stand(unit, fact.selection, fact.against, Standing.REJECTED)
        await _change(unit, fact.selection, stage=Stage.CONSIDERED)


async def write_announced(unit: Writing, fact: SelectionAnnounced) -> None:
    """Keep when it was announced."""
    await _change(unit, fact.selection, stage=Stage.ANNOUNCED, announced_on=fact.on)


async def write_ended(unit: Writing, fact: SelectionEnded) -> None:
    """Keep that nothing came of it."""
    await _change(unit, fact.selection, stage=Stage.ENDED)


async def rewrap(unit: Writing, new: Vault) -> int:
    """Seal every objection under another master key; return how many there are."""
    rows = await unit.rows(select(selection_objections).where(selection_objections.c.is_sealed.is_(True)))
    for row in rows:
        plain = {name: unit.vault.open(bytes(getattr(row, name)), *_place(name, row.id)) for name in _filled(row)}
        await _write_seals(unit, new, row.id, plain)
    return len(rows)


async def seal_clear(unit: Writing) -> None:
    """Seal objections that lie in the clear, as they do from before there was a key."""
    for row in await unit.rows(select(selection_objections).where(selection_objections.c.is_sealed.is_(False))):
        await _write_seals(unit, unit.vault, row.id, {name: bytes(getattr(row, name)) for name in _filled(row)})


async def resting_on(unit: Reading, ids: Collection[MemberId], roots: Iterable[OrganisationId]) -> tuple[str, ...]:
    """Return the titles of selections that are not over and rest on a person; those elsewhere are not named."""
    held = selections.c
    rests = [
        held.id.in_(select(table.c.selection_id).where(table.c.member_id.in_(list(ids))))
        for table in (selection_nominees, selection_objections)
    ]
    title = case((within(held.organisation_id, roots), held.title), else_="")
    query = select(title).where(held.stage.not_in(OVER), or_(*rests)).order_by(title, held.id)
    return tuple(row[0] for row in await unit.rows(query))


async def forget_people(unit: Writing, ids: Collection[MemberId]) -> None:
    """Empty what was written about people who are erased, their stories, and why a vote was not followed."""
    own = selection_nominees.c.member_id.in_(list(ids))
    stood = select(selection_nominees.c.selection_id).where(own)
    await unit.execute(update(selections).where(selections.c.id.in_(stood)).values(departure=""))
    await unit.execute(update(selections).where(selections.c.contact_id.in_(list(ids))).values(phone=""))
    await unit.execute(update(selection_nominees).where(own).values(deeds="", reason="", opinion=""))
    rows = await unit.rows(select(selection_nominees.c.selection_id, selection_nominees.c.member_id).where(own))
    stories = [story_of(row.selection_id, row.member_id) for row in rows]
    await lessons.forget_stories(unit, stories)
    sent = occurrences.c.lesson_id.in_(stories) & occurrences.c.sent_title.is_not(None)
    await unit.execute(update(occurrences).where(sent).values(sent_title=NOBODY))
    about = selection_nominations.c.nominee_id.in_(list(ids))
    await unit.execute(delete(selection_nominations).where(about))


def _filled(row: Any) -> list[str]:
    return [name for name in _SEALED if getattr(row, name)]


async def _write_seals(unit: Writing, vault: Vault, id: str, plain: dict[str, bytes]) -> None:  # noqa: A002
    sealed = {name: vault.seal(value, *_place(name, id)) for name, value in plain.items()}
    own = selection_objections.c.id == id
    await unit.execute(update(selection_objections).where(own).values(is_sealed=True, **sealed))


def _seal(vault: Vault, plain: bytes, name: str, id: str) -> bytes:  # noqa: A002
    return vault.seal(plain, *_place(name, id)) if vault.name is not None else plain


async def _stand(unit: Writing, id: SelectionId, member: MemberId, standing: Standing, **more: Any) -> None:  # noqa: A002
    own = and_(selection_nominees.c.selection_id == id, selection_nominees.c.member_id == member)
    await unit.execute(update(selection_nominees).where(own).values(standing=standing, **more))


async def _change(unit: Writing, id: SelectionId, **values: Any) -> None:  # noqa: A002
    await unit.execute(update(selections).where(selections.c.id == id).values(**values))
