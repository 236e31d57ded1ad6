"""Founds an organisation: its tree and people from a roster, a room for each branch, and the first way in."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from bot.commands.console import hash_token
from bot.matrix.faults import Fault
from bot.matrix.faults import Kind as FaultKind
from bot.matrix.homeserver import Homeserver
from console.sheet_limits import SheetProblem
from console.sheets import read_book
from content import roster
from content.decision import Decision
from content.decision import Fact as Happened
from content.identifiers import Cause, MemberId, OrganisationId, RoomId, UserId, derive
from content.members import MemberEnrolled
from content.organisations import Duty, DutyGranted, Kind, Organisation, OrganisationFounded, Role
from content.rooms import Purpose, Room, RoomKept
from content.roster import Entry, Reading
from content.sessions import LinkIssued
from content.trouble import Exit, Trouble
from storage import members, organisations
from storage.store import Step, Store
from storage.unit import Reading as Unit

FIRST_LINK_LASTS = timedelta(hours=2)
"""Longer than the bot's links: who founds a branch reads the screen first."""

Made = Callable[[Room, tuple[UserId, ...]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be founded: the top node, the person who gets to work first, and the people of the roster.

    Below a general branch each entry's ``organisation`` names a branch; a branch stands alone and takes them all.
    """

    name: str
    kind: Kind
    timezone: str
    language: str
    secretary: UserId
    entries: tuple[Entry, ...] = ()


def read_roster(file: Path, *, plan: Plan, bot: UserId, today: date) -> Reading:
    """Read the roster of a plan. Raises Trouble when the file is no sheet, or nothing of it can be taken in."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Trouble(Exit.DATA, "found.no_file", file=str(file), why=error.strerror or "") from None
    book = read_book(data, file.name)
    grid = book if isinstance(book, SheetProblem) else book.sheets[book.first(roster.find_header)]
    if isinstance(grid, SheetProblem):
        raise Trouble(Exit.DATA, "found.no_sheet", file=str(file), why=(grid.words,))
    alone = plan.name if plan.kind is Kind.BRANCH else ""
    reading = roster.read(grid, today=today, organisation=alone, organisations=[alone] if alone else None, bot=bot)
    if reading.obstacles:
        raise Trouble(Exit.DATA, "found.no_sheet", file=str(file), why=reading.obstacles)
    return reading


async def found(store: Store, plan: Plan, seed: str) -> None:
    """Enter the tree, the roster and the first duty. Raises Trouble where there is an organisation already.

    ``seed`` is an unguessable text; the same seed again changes nothing.
    """
    facts = tuple(_facts(plan, seed))
    cause = Cause(f"found:{seed}")

    async def decide(_: Unit) -> Decision:
        return Decision(facts=facts)

    tree = await store.read(organisations.tree)
    if tree and tree[0].id != _top(seed):
        raise Trouble(Exit.DATA, "found.already", name=tree[0].name)
    outcome = (await store.settle([Step(cause=cause, decide=decide, actor=plan.secretary)]))[0]
    if outcome.failed:
        raise RuntimeError("the organisation could not be entered")


def _top(seed: str) -> OrganisationId:
    return OrganisationId(derive(seed, "organisation"))


def _facts(plan: Plan, seed: str) -> Iterator[Happened]:
    top = Organisation(
        id=_top(seed), parent=None, kind=plan.kind, name=plan.name, timezone=plan.timezone, language=plan.language
    )
    nodes = {("", ""): top}
    yield OrganisationFounded(organisation=top)
    for entry in plan.entries:
        for path, kind in _places(plan, entry):
            if path not in nodes:
                above = nodes[(path[0], "")] if path[1] else top
                node = Organisation(
                    id=OrganisationId(derive(seed, "organisation", *path)),
                    parent=above.id,
                    kind=kind,
                    name=path[1] or path[0],
                    timezone=plan.timezone,
                    language=plan.language,
                )
                nodes[path] = node
                yield OrganisationFounded(organisation=node)
    for number, entry in enumerate(plan.entries):
        path = _places(plan, entry)[-1][0] if _places(plan, entry) else ("", "")
        member = roster.enrolled(entry, id=MemberId(derive(seed, "member", number)), organisation=nodes[path].id)
        yield MemberEnrolled(member=member)
    yield DutyGranted(duty=Duty(user=plan.secretary, organisation=top.id, role=Role.SECRETARY))


def _places(plan: Plan, entry: Entry) -> list[tuple[tuple[str, str], Kind]]:
    """Return the nodes that a person's entry needs, from the branch down to the group."""
    branch = "" if plan.kind is Kind.BRANCH else entry.organisation
    places = [((branch, ""), Kind.BRANCH)] if branch else []
    if entry.group:
        places.append(((branch, entry.group), Kind.GROUP))
    return places


async def make_rooms(store: Store, homeserver: Homeserver, *, encrypted: bool, made: Made | None = None) -> None:
    """Make what rooms are missing: a space for the top of the tree, a room for each branch, and invitations.

    May be done again at any time: a room is found by its alias, and who is there already is left in peace.
    """
    tree = await store.read(organisations.tree)
    if not tree:
        raise Trouble(Exit.DATA, "rooms.no_organisation")
    top = tree[0]
    leaders = set(await store.read(lambda unit: organisations.holders(unit, top.id)))
    space = await homeserver.create_room(
        alias=f"zhibu-space-{top.id}", name=top.name, space=True, encrypted=False, invite=leaders
    )
    await _keep(
        store, Room(id=RoomId(space), organisation=top.id, purpose=Purpose.SPACE, name=top.name, encrypted=False)
    )
    for node in tree:
        if node.kind is not Kind.BRANCH:
            continue
        people = await store.read(lambda unit, node=node: members.roster(unit, [node.id]))  # type: ignore[misc]
        invited = tuple(sorted({member.user for member in people if member.user} | leaders))
        room = await homeserver.create_room(
            alias=f"zhibu-{node.id}",
            name=node.name,
            encrypted=encrypted,
            power_levels={"users": dict.fromkeys(sorted(leaders), 50)},
            parent=space,
        )
        kept = Room(id=RoomId(room), organisation=node.id, purpose=Purpose.BRANCH, name=node.name, encrypted=encrypted)
        await _keep(store, kept)
        await _invite(homeserver, room, invited)
        if made is not None:
            await made(kept, invited)


async def _invite(homeserver: Homeserver, room: str, people: tuple[UserId, ...]) -> None:
    """Invite people one by one, as slowly as the homeserver asks: it refuses many at once."""
    there = await homeserver.members(room)
    for person in people:
        while person not in there:
            try:
                await homeserver.invite(room, person)
                break
            except Fault as fault:
                if fault.kind is not FaultKind.LIMITED:
                    raise
                await asyncio.sleep(fault.retry_after or 1.0)


async def _keep(store: Store, room: Room) -> None:
    await store.settle(notes=[RoomKept(room=room)])


async def sign_in_link(store: Store, user: UserId, console: str) -> str:
    """Make a one-time sign-in link for a person with duties."""
    token = secrets.token_urlsafe(32)
    link = LinkIssued(token_hash=hash_token(token), user=user, expires_at=store.now() + FIRST_LINK_LASTS)

    async def decide(_: Unit) -> Decision:
        return Decision(facts=(link,))

    await store.settle([Step(cause=Cause(f"link:{hash_token(token)}"), decide=decide, actor=user)])
    return f"{console}/sign-in/{token}"
