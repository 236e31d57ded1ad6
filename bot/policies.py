"""The hands on policy rooms: they go in to read, keep out whom a rule means, and let in whom none means any more."""

from __future__ import annotations

from collections.abc import Awaitable

from bot.matrix.events import Event
from bot.matrix.faults import Fault, Kind
from bot.matrix.homeserver import Homeserver
from bot.matrix.power import powers
from content import policies as rules_of
from content.decision import Decision, Fact, words
from content.identifiers import Cause, EventId, PolicyBanId, PolicyListId, RoomId, UserId, derive
from content.muting import hindrance
from content.organisations import Right
from content.policies import KeepOut, LetIn, PolicyBanSettled, PolicyList, PolicyRoomEntered
from content.sanctions import Hindrance, PlaceState, Step
from content.speech import Reader, Speech
from storage import organisations, outbox, policies, rooms
from storage.outbox import Claimed
from storage.policies import Kept
from storage.store import Step as Settled
from storage.store import Store
from storage.unit import Reading


class Warden:
    """Everything here may be done again without a second effect; what has no sense any more is let go."""

    def __init__(self, store: Store, homeserver: Homeserver, speech: Speech) -> None:
        self._store = store
        self._homeserver = homeserver
        self._speech = speech
        self._me = UserId(homeserver.user_id)

    async def do(self, row: Claimed) -> None:
        """Do what a row asks for. Raises Fault."""
        if row.kind is outbox.Kind.ENTER:
            await self._enter(PolicyListId(row.matter or ""))
            return
        id = PolicyBanId(row.matter or "")  # noqa: A001
        kept = await self._store.read(lambda unit: policies.kept_out(unit, id))
        if kept is None or kept.lifted is not (row.kind is outbox.Kind.LET_IN):
            # The rule went or came back before this was carried out.
            return
        done = PlaceState.UNDONE if kept.lifted else PlaceState.DONE
        if kept.place is done:
            return
        ours, why = await (self._let_in if kept.lifted else self._keep_out)(kept)
        state = done if why is None else PlaceState.STUCK
        fact = PolicyBanSettled(id=id, state=state, ours=ours, at=self._store.now(), why=why)
        await self._store.settle(notes=[fact])

    async def _enter(self, id: PolicyListId) -> None:  # noqa: A002
        told = await self._store.read(lambda unit: policies.list_of(unit, id))
        if told is None or told.list.room is not None or told.list.state is rules_of.State.ENDED:
            return
        try:
            room = RoomId(await self._homeserver.enter(told.list.address))
            if await self._store.read(lambda unit: policies.is_ours(unit, room)):
                # Nobody's private room is a list, and what the end of a list would leave is none of ours.
                await self._store.settle(notes=[PolicyRoomEntered(id=id, room=None)])
                return
            seen = await self._seen(room)
        except Fault as fault:
            if fault.kind not in (Kind.REFUSED, Kind.MISSING):
                raise
            await self._store.settle(notes=[PolicyRoomEntered(id=id, room=None)])
            return
        await self._store.settle(notes=[*seen, PolicyRoomEntered(id=id, room=room)])

    async def _seen(self, room: RoomId) -> list[Fact]:
        """Return a policy room's rules as they are: hearing may have passed over them before it knew the room.

        Of its people the bot alone is kept.
        """
        return [
            rooms.StateSeen(
                room=room,
                type=one.type,
                state_key=one.state_key,
                sender=UserId(one.sender),
                event_id=EventId(one.event_id),
                content=one.content,
            )
            for one in await self._homeserver.state(room)
            if one.state_key is not None
            and (one.type in rules_of.TYPES or (one.type == "m.room.member" and one.state_key == self._me))
        ]

    async def _look(self, kept: Kept) -> tuple[str | None, Hindrance | None]:
        """Return whether the person is in the room at this moment, and what keeps the bot from changing that."""
        state = [one for one in await self._homeserver.state(kept.ban.room) if isinstance(one, Event)]
        own = [one for one in state if one.type == "m.room.member" and one.state_key == kept.ban.user]
        membership = own[-1].content.get("membership") if own else None
        why = hindrance(Step.BAN, powers(state), me=self._me, user=kept.ban.user)
        return membership if isinstance(membership, str) else None, why

    async def _keep_out(self, kept: Kept) -> tuple[bool, Hindrance | None]:
        membership, why = await self._look(kept)
        if membership == "ban":
            return kept.ours, None
        if why is not None:
            return False, why
        # Kept before it is done: a ban that is ours is never taken for one of others.
        noted = PolicyBanSettled(id=kept.ban.id, state=PlaceState.WAITING, ours=True, at=self._store.now())
        await self._store.settle(notes=[noted])
        why = await self._try(self._homeserver.ban(kept.ban.room, kept.ban.user, await self._reason(kept)))
        # One that somebody imposes by hand after we were refused is theirs.
        return why is None, why

    async def _let_in(self, kept: Kept) -> tuple[bool, Hindrance | None]:
        if not kept.ours:
            return False, None
        membership, why = await self._look(kept)
        if membership != "ban":
            return True, None
        heirs = await self._store.read(lambda unit: policies.heirs_of(unit, kept.ban, self._store.now()))
        if heirs:
            await self._store.settle(notes=heirs)
            return False, None
        return True, why or await self._try(self._homeserver.unban(kept.ban.room, kept.ban.user))

    async def _try(self, call: Awaitable[object]) -> Hindrance | None:
        try:
            await call
        except Fault as fault:
            if fault.errcode != "M_FORBIDDEN":
                raise
            return Hindrance.NO_RIGHT
        return None

    async def _reason(self, kept: Kept) -> str:
        node = await self._store.read(lambda unit: organisations.organisation(unit, kept.ban.organisation))
        reader = Reader(language=node.language, timezone=node.timezone) if node is not None else Reader()
        return self._speech.say(words("policies.reason"), reader)


async def hold_to(store: Store, me: UserId) -> None:
    """Hold to every list that is applied, by its rules and by who is in our rooms now; and take up what is stuck."""
    for one in await store.read(policies.applied):
        if await store.read(lambda unit, one=one: policies.is_read(unit, one, me)):  # type: ignore[misc]
            await store.settle([_holding(one, me, store.now().isoformat())])
        else:
            await store.settle([_unread(one)])
    steps = await store.read(_again)
    if steps:
        await store.settle(steps)


def _unread(one: PolicyList) -> Settled:
    """Tell who moderates that the bot is in a list's room no more: no rule is known then, which is not that none is."""

    async def decide(unit: Reading) -> Decision:
        return rules_of.tell_unread(one, await organisations.holders_of(unit, one.organisation, Right.MODERATE))

    return Settled(cause=Cause(f"policy:{derive(one.id, one.room or '')}:unread"), decide=decide)


def _holding(one: PolicyList, me: UserId, at: str) -> Settled:
    async def decide(unit: Reading) -> Decision | None:
        rules = (await policies.rules_of(unit, one)).sparing(me)
        there, exempt = await policies.there(unit, one), await policies.exempt(unit)
        done = rules_of.hold_to(
            one,
            rules,
            rules_of.hits(rules, there, exempt, me=me),
            [kept.ban for kept in await policies.standing(unit, one.id)],
            exempt=exempt,
            rooms=await policies.rooms_of(unit, one),
            people=len({user for users in there.values() for user in users}),
            lately=await policies.shown_out_lately(unit, one),
            fresh=await policies.is_fresh(unit, one),
            now=unit.now,
        )
        if done is None:
            return None
        held = await organisations.holders_of(unit, one.organisation, Right.MODERATE)
        return rules_of.tell_held_back(done, held)

    return Settled(cause=Cause(f"policy:{derive(one.id, at)}:held"), decide=decide)


async def _again(unit: Reading) -> list[Settled]:
    """Return the steps that take up what is not as it should be, once for each time that the room's levels changed."""
    steps = []
    for kept in await policies.unsettled(unit):
        version = await rooms.version_of(unit, kept.ban.room, "m.room.power_levels") or ""
        steps.append(_taking_up(kept, version))
    return steps


def _taking_up(kept: Kept, version: str) -> Settled:
    one = kept.ban
    kind = LetIn if kept.lifted else KeepOut

    async def decide(_unit: Reading) -> Decision:
        effect = kind(ban=one.id, organisation=one.organisation, room=one.room, user=one.user)
        return Decision(effects=(effect,))

    return Settled(cause=Cause(f"policy:{derive(one.id, one.room, kept.lifted, version)}:again"), decide=decide)
