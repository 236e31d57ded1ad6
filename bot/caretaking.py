"""Carries out what was decided about rooms: makes them, hangs them in their spaces, mends them, shows people out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from bot.matrix.faults import Fault, Kind
from bot.matrix.homeserver import Homeserver
from content import locks
from content.decision import Decision, words
from content.identifiers import Cause, OrganisationId, RoomId, UserId
from content.ladder import carry_on
from content.organisations import Organisation
from content.power import may
from content.rooms import LEADS, TEMPLATES, Flaw, History, Purpose, Room, RoomKept, levels, name_of, order, topic_of
from content.speech import Reader, Speech
from content.upgrades import Succession, follow
from content.upkeep import Care, invitations
from storage import locks as stored_locks
from storage import outbox, rooms, sanction_places, upgrades
from storage.crashpoints import crashpoint
from storage.outbox import Claimed
from storage.store import Step, Store
from storage.unit import Reading
from storage.upkeep import Survey, Wanted, standing_of, survey

RawState = Mapping[tuple[str, str], tuple[UserId, dict[str, Any]]]
"""A room's state as (type, key) to (sender, content)."""

AT_ONCE = 4
"""How many of those who lead are asked in while a room is made: homeservers refuse many at once."""


class Caretaking:
    """The hands of the bot on the organisation's rooms; everything may be done again without a second effect."""

    def __init__(self, store: Store, homeserver: Homeserver, speech: Speech, *, encrypted: bool) -> None:
        self._store = store
        self._homeserver = homeserver
        self._speech = speech
        self._encrypted = encrypted

    async def do(self, row: Claimed) -> None:
        """Do what a row asks for; what has no sense any more is let go. Raises Fault."""
        if row.organisation is None:
            return
        match row.kind:
            case outbox.Kind.MAKE if row.subject:
                await self._make(row, Purpose(row.subject), row.organisation)
            case outbox.Kind.MEND if row.subject and row.room:
                care = await self._care(row.room, row.organisation)
                if care is not None and care.lost is None:
                    await self._mend(care, Flaw(row.subject), row.organisation)
            case outbox.Kind.SUCCEED if row.room:
                await self._succeed(row, row.room, row.organisation)
            case outbox.Kind.REMOVE if row.room and row.user:
                await self._remove(row.room, row.user, row.organisation)

    async def _survey(self, id: OrganisationId) -> Survey:  # noqa: A002
        me = UserId(self._homeserver.user_id)
        return await self._store.read(lambda unit: survey(unit, [id], me))

    async def _care(self, room: RoomId, at: OrganisationId) -> Care | None:
        return (await self._survey(at)).care(room)

    async def _make(self, row: Claimed, purpose: Purpose, at: OrganisationId) -> None:
        """Make a room under an alias that is always the same, so that a kill on the way cannot leave two."""
        wanted = (await self._survey(at)).wanted(purpose, at)
        if wanted is None:
            return
        reader = Reader(language=wanted.node.language, timezone=wanted.node.timezone)
        name = self._speech.say(name_of(purpose, wanted.node, wanted.parent), reader)
        encrypted = self._encrypted and purpose is not Purpose.SPACE
        made = await self._homeserver.create_room(
            alias=wanted.alias,
            name=name,
            topic=self._speech.say(topic_of(purpose), reader),
            encrypted=encrypted,
            space=purpose is Purpose.SPACE,
            invite=sorted(wanted.leaders)[:AT_ONCE],
            power_levels=levels(purpose, wanted.leaders),
            parent=wanted.space,
            history=TEMPLATES[purpose].history,
        )
        crashpoint("room.made_before_hung")
        await self._hang(RoomId(made), wanted)
        crashpoint("room.hung_before_kept")
        await self._keep(row, Room(id=RoomId(made), organisation=at, purpose=purpose, name=name, encrypted=encrypted))

    async def _hang(self, room: RoomId, wanted: Wanted) -> None:
        if wanted.space is not None:
            await self._homeserver.hang(wanted.space, room, order(wanted.purpose, wanted.place), names_it=True)
        for child, purpose, place in wanted.inside:
            await self._homeserver.hang(room, child, order(purpose, place))

    async def _keep(self, row: Claimed, room: Room) -> None:
        """Remember the room and ask in who belongs there, together and once."""
        me = UserId(self._homeserver.user_id)

        async def decide(unit: Reading) -> Decision:
            known = await survey(unit, [room.organisation], me)
            asked = sorted(known.leaders(room.organisation))[:AT_ONCE]
            people = [one for one in known.belonging(room.purpose, room.organisation) if one.user not in asked]
            return Decision(facts=(RoomKept(room=room),), effects=invitations(room.id, people))

        (outcome,) = await self._store.settle([Step(cause=Cause(f"made:{row.id}"), decide=decide)])
        if outcome.failed:
            raise RuntimeError("the room could not be kept")

    async def _mend(self, care: Care, flaw: Flaw, at: OrganisationId) -> None:
        room, history = care.room.id, TEMPLATES[care.room.purpose].history
        match flaw:
            case Flaw.CLEAR:
                await self._homeserver.set_state(room, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
            case Flaw.OPEN:
                await self._homeserver.set_state(room, "m.room.join_rules", {"join_rule": "invite"})
                if care.standing is not None and care.standing.history == History.WORLD:
                    await self._set_history(room, history)
            case Flaw.READABLE:
                await self._set_history(room, history)
            case Flaw.LEADERLESS:
                await self._give_power(care)
            case Flaw.ASTRAY if care.space is not None:
                known = await self._survey(at)
                await self._homeserver.hang(care.space, room, order(care.room.purpose, known.place(at)))

    async def _set_history(self, room: RoomId, history: History) -> None:
        await self._homeserver.set_state(room, "m.room.history_visibility", {"history_visibility": history.value})

    async def _give_power(self, care: Care) -> None:
        """Raise those who lead to their level, in the levels as they are now; nobody's is lowered."""
        fresh: dict[str, Any] = await self._homeserver.state_event(care.room.id, "m.room.power_levels")
        held = fresh.get("users")
        users = dict(held) if isinstance(held, dict) else {}
        creators = care.standing.powers.creators if care.standing is not None else frozenset()
        for user in care.leaders - creators:
            now = users.get(user, 0)
            users[user] = max(now if type(now) is int else 0, LEADS)
        if users != held:
            await self._homeserver.set_state(care.room.id, "m.room.power_levels", {**fresh, "users": users})

    async def _succeed(self, row: Claimed, room: RoomId, at: OrganisationId) -> None:
        """Follow a room that was replaced after a look at both as they are now; go nowhere because it says so."""
        upgrade = await self._store.read(lambda unit: upgrades.upgrade(unit, room))
        if upgrade is None or upgrade.followed:
            return
        found = _succession(
            await self._raw_state(room),
            await self._raw_state(upgrade.replacement, missing_is_none=True),
            UserId(self._homeserver.user_id),
        )
        if found is None:
            raise Fault(Kind.GARBLED, detail="the room's state does not say who made it")

        async def decide(unit: Reading) -> Decision | None:
            kept, meant = await rooms.room(unit, room), await upgrades.upgrade(unit, room)
            if kept is None or meant is None or meant.followed:
                return None
            owned = await rooms.room(unit, meant.replacement)
            known = await survey(unit, [at], found.old.me)
            node = known.node(at)
            moved = follow(
                kept,
                meant,
                found,
                owner=owned.organisation if owned is not None else None,
                private=await rooms.direct_user(unit, meant.replacement) is not None,
                space=known.space(kept.purpose, node) if node is not None else None,
                people=known.belonging(kept.purpose, at) if node is not None else (),
            )
            measures = carry_on(moved, room, await sanction_places.in_room(unit, room))
            there = (await stored_locks.held(unit, [room])).get(room, ())
            return locks.carry_on(measures, [one.lock for one in there])

        (outcome,) = await self._store.settle([Step(cause=Cause(f"succeed:{row.id}"), decide=decide)])
        if outcome.failed:
            raise RuntimeError("the room could not be followed")

    async def _raw_state(self, room: RoomId, *, missing_is_none: bool = False) -> RawState | None:
        try:
            events = await self._homeserver.state(room)
        except Fault as fault:
            if missing_is_none and fault.kind in (Kind.REFUSED, Kind.MISSING):
                return None
            raise
        return {
            (event.type, event.state_key): (UserId(event.sender), event.content)
            for event in events
            if event.state_key is not None
        }

    async def _remove(self, room: RoomId, user: UserId, at: OrganisationId) -> None:
        """Show a person out after a look at the room and the roster as they are at this moment."""
        live = standing_of(await self._raw_state(room) or {}, UserId(self._homeserver.user_id))
        known = await self._survey(at)
        care = known.care(room)
        if care is None or live is None:
            return
        care = replace(care, standing=live)
        if care.may_stay(user) or live.people.get(user) not in ("join", "invite", "knock"):
            return
        if not may(live.powers, live.me, "kick", user):
            raise Fault(Kind.REFUSED, status=403, errcode="M_FORBIDDEN", permanent=True)
        await self._homeserver.kick(room, user, self._reason(known.node(at)))

    def _reason(self, node: Organisation | None) -> str:
        reader = Reader(language=node.language, timezone=node.timezone) if node is not None else Reader()
        return self._speech.say(words("rooms.shown_out"), reader)


def _succession(old: RawState | None, new: RawState | None, me: UserId) -> Succession | None:
    """Read out of both rooms' live state what decides whether one has taken the other's place."""
    before = standing_of(old or {}, me)
    if before is None:
        return None
    setter, tombstone = (old or {}).get(("m.room.tombstone", ""), (None, {}))
    founder, create = (new or {}).get(("m.room.create", ""), (None, {}))
    named, replaced = tombstone.get("replacement_room"), create.get("predecessor")
    predecessor = replaced.get("room_id") if isinstance(replaced, dict) else None
    return Succession(
        old=before,
        replacement=RoomId(named) if isinstance(named, str) else None,
        setter=setter,
        new=standing_of(new, me) if new is not None else None,
        predecessor=RoomId(predecessor) if isinstance(predecessor, str) else None,
        founder=founder,
    )
