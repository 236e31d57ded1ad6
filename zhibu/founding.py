"""Founds an organisation: its tree and people from a roster, its first rooms, and the first way in."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from pathlib import Path

from msgspec import Struct

from bot.commands.console import hash_token
from bot.delivery import UPKEEP, Delivery
from bot.matrix.homeserver import Homeserver
from console.sheet_limits import SheetProblem
from console.sheets import read_book
from content import roster
from content.decision import Decision
from content.decision import Fact as Happened
from content.identifiers import Cause, MemberId, OrganisationId, UserId, derive
from content.members import MemberEnrolled
from content.organisations import Duty, DutyGranted, Kind, Organisation, OrganisationFounded, Role
from content.quiet import USUAL_DAYS, USUAL_HOURS
from content.rooms import FIRST, MakeRoom, Purpose
from content.roster import Entry, Reading
from content.sessions import LinkIssued
from content.settings import QUIET_DAYS, QUIET_HOURS, SettingChosen
from content.speech import Speech
from content.trouble import Exit, Trouble
from content.upkeep import invitations
from storage import organisations, outbox
from storage.store import Step, Store
from storage.unit import Reading as Unit
from storage.upkeep import survey

FIRST_LINK_LASTS = timedelta(hours=2)
"""Longer than the bot's links: who founds a branch reads the screen first."""

PATIENCE = 3
"""How often one thing may fail before whoever waits is told; a limit that is waited for is no failure."""


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be founded: the top node, the person who gets to work first, and the people of the roster.

    Below a general branch each entry's ``organisation`` names a branch; a branch stands alone and takes them all.
    ``quiet`` is whether the usual quiet hours are set for it, to be changed at the console like any setting.
    """

    name: str
    kind: Kind
    timezone: str
    language: str
    secretary: UserId
    entries: tuple[Entry, ...] = ()
    quiet: bool = True


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
    if plan.quiet:
        yield SettingChosen(organisation=top.id, name=QUIET_HOURS, value=USUAL_HOURS)
        yield SettingChosen(organisation=top.id, name=QUIET_DAYS, value=USUAL_DAYS)
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


async def make_rooms(
    store: Store,
    homeserver: Homeserver,
    speech: Speech,
    *,
    encrypted: bool,
    purposes: Collection[Purpose] = FIRST,
) -> None:
    """Make what rooms are missing of these purposes, ask in who belongs into any room, and wait until it is done.

    The console's page asks for the same things, and the same hands do them. May be done again at any time; what is
    left when the homeserver refuses goes on by itself once the bot runs. Raises Trouble with the homeserver's reason.
    """
    tree = await store.read(organisations.tree)
    if not tree:
        raise Trouble(Exit.DATA, "rooms.no_organisation")
    me = UserId(homeserver.user_id)

    async def decide(unit: Unit) -> Decision:
        known = await survey(unit, [tree[0].id], me)
        wanted = [
            MakeRoom(organisation=node.id, purpose=purpose)
            for node in tree
            for purpose in Purpose
            if purpose in purposes and purpose in known.housed(node).missing
            # A room in which one would be alone is made when somebody wants it.
            if purpose in FIRST or len(known.belonging(purpose, node.id)) > 1
        ]
        asked = [
            effect
            for care in known.cares()
            if care.lost is None
            for effect in invitations(care.room.id, care.absent, known.on_the_way(care.room.id, outbox.Kind.INVITE))
        ]
        return Decision(effects=(*wanted, *asked))

    (outcome,) = await store.settle([Step(cause=Cause(f"rooms:{secrets.token_urlsafe(18)}"), decide=decide)])
    if outcome.failed:
        raise RuntimeError("the rooms could not be asked for")
    await store.take_up(homeserver.device_id)
    why = await Delivery(store, homeserver, speech, encrypted=encrypted).work_off(UPKEEP, patience=PATIENCE)
    if why is not None:
        raise Trouble(Exit.UNAVAILABLE, "rooms.refused", address=homeserver.url, why=why)


async def sign_in_link(store: Store, user: UserId, console: str) -> str:
    """Make a one-time sign-in link for a person with duties."""
    token = secrets.token_urlsafe(32)
    link = LinkIssued(token_hash=hash_token(token), user=user, expires_at=store.now() + FIRST_LINK_LASTS)

    async def decide(_: Unit) -> Decision:
        return Decision(facts=(link,))

    await store.settle([Step(cause=Cause(f"link:{hash_token(token)}"), decide=decide, actor=user)])
    return f"{console}/sign-in/{token}"
