"""Takes what one sync brought into the store: state, commands, answers and the new position, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from bot.commands.asking import Held, Settings
from bot.commands.understanding import asks_now, is_plain_talk, understand
from bot.guarding import Guarding
from bot.matrix.crypto import MARK
from bot.matrix.events import Batch, Event, Poison, RoomBatch, Unreadable
from bot.matrix.homeserver import Homeserver
from bot.pacing import Pacing
from content import upkeep
from content.decision import Decision, Fact, Refusal, Tell, words
from content.greetings import greet
from content.identifiers import Cause, EventId, OutboxId, RoomId, UserId, derive
from content.knocks import Knocked
from content.lateness import is_late
from content.organisations import Right, roots
from content.policies import TYPES
from content.rooms import Decline, DirectRoomKept, InvitationTaken, Join, RoomLost, RoomRegained
from content.upgrades import look_again, see_tombstone
from storage import greetings, members, organisations, outbox, policies, rooms, sync, undelivered, upgrades
from storage.crashpoints import crashpoint
from storage.store import Outcome, Step, Store
from storage.unit import Reading

Heard = Event | Unreadable | Poison

PORTION = 500
"""Steps that are settled at once; more would keep everybody else waiting for the writer's place."""

DAY = timedelta(days=1)
LONGEST_ID = 255

RECENT = timedelta(minutes=1)
"""How long it is believed which rooms are the organisation's."""

_OF_POLICIES = frozenset({*TYPES, "m.room.member"})

LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Hearing:
    """The way in: from the homeserver's batches to settled steps."""

    def __init__(self, store: Store, homeserver: Homeserver, settings: Settings) -> None:
        self._store = store
        self._homeserver = homeserver
        self._settings = settings
        self._me = UserId(homeserver.user_id)
        self._halls: frozenset[RoomId] = frozenset()
        self._policies: frozenset[RoomId] = frozenset()
        self._halls_at = LONG_AGO
        self._heard_at: datetime | None = None
        self._pacing = Pacing()
        self._guarding = Guarding(settings)
        self._look_again = True
        self.caught_up = False

    async def commit(self, batch: Batch) -> None:
        """Settle everything a batch asks for, together with its position; may be repeated after any failure."""
        try:
            await self._commit(batch)
        except BaseException:
            # Keys of this batch are kept already and will not be told of again.
            self._look_again = True
            self._heard_at = None
            raise
        self.caught_up = True

    async def _commit(self, batch: Batch) -> None:
        now = self._store.now()
        if self._heard_at is None or not now - RECENT < self._halls_at <= now:
            await self._store.read(self._recall)
        elif any(self._is_other(part) for part in batch.rooms):
            # A policy room tells its rules once, with the first batch after it was entered.
            self._policies = await self._store.read(policies.rooms_read)
        earliest = min(self._heard_at or now, now)
        steps: list[Step] = []
        notes: list[Fact] = []
        for event, came_at in await self._late_keys(batch):
            notes.append(sync.Readable(event_id=EventId(event.event_id)))
            steps += self.steps((event,), LONG_AGO, came_at)
        for part in batch.rooms:
            notes += self.notes(part, now)
            if part.membership == "join":
                steps += self._successions(part)
                steps += self._knocks(part, now)
                steps += await self._arrivals(part)
            elif part.membership == "leave" and part.room_id in self._halls:
                steps.append(self._lost(part, batch.next_batch))
            if part.membership in ("join", "leave"):
                steps += self.steps(part.timeline, earliest, now, await self._entered(part))
            elif part.membership == "invite":
                steps.append(self._invited(part, batch.next_batch))
        heard = sync.Heard(account=self._me, since=batch.next_batch, at=now)
        crashpoint("hearing.heard_before_settled")
        await self._settle(steps, notes, heard)
        self._look_again = False
        self._heard_at = now
        for part in batch.rooms:
            if part.membership == "leave":
                self._homeserver.forget(part.room_id)

    def _is_other(self, part: RoomBatch) -> bool:
        """Tell of a room that is none of the organisation's whether it tells what is only noted of policy rooms."""
        return (
            part.membership == "join"
            and part.room_id not in self._halls
            and part.room_id not in self._policies
            and any(isinstance(event, Event) and event.type in _OF_POLICIES for event in (*part.state, *part.timeline))
        )

    async def _recall(self, unit: Reading) -> None:
        """Read when we heard last, and which rooms are the organisation's.

        That another room has become one since is no harm: what is said there is then looked at more closely.
        """
        position = await sync.checkpoint(unit, self._me)
        self._heard_at = position[1] if position else None
        self._halls, self._halls_at = frozenset(await rooms.halls(unit)), self._store.now()
        await self._guarding.recall(unit)
        self._policies = await policies.rooms_read(unit)

    async def _settle(self, steps: list[Step], notes: list[Fact], last: Fact) -> None:
        """Settle all with the new position in one transaction; of a flood, in portions, the position with the last.

        A portion that is repeated after a failure has no second effect, and others get their turn in between.
        """
        while len(steps) > PORTION:
            await self.settle(steps[:PORTION], notes)
            crashpoint("hearing.between_portions")
            steps, notes = steps[PORTION:], []
        await self.settle(steps, [*notes, last])

    async def settle(self, steps: list[Step], notes: Sequence[Fact] = ()) -> tuple[Outcome, ...]:
        """Settle what was heard; who was sent a link is remembered only once that is committed."""
        outcomes = await self._store.settle(steps, notes=notes)
        self._settings.fresh.note(outcomes, self._store.now())
        return outcomes

    def steps(
        self, heard: Iterable[Heard], earliest: datetime, now: datetime, entered: frozenset[str] = frozenset()
    ) -> list[Step]:
        """Make steps of events, each decided for the moment it was said; what guards find comes after what was asked.

        We know that it was said after the position before and by now; between these the homeserver's clock is believed,
        so that an answer counts as of when it was given, also when the bot was away. ``entered`` are the events that
        let somebody in who was out.
        """
        steps = []
        clear = [event for event in heard if isinstance(event, Event)]
        halls = [event for event in clear if event.room_id in self._halls]
        events = [event for event in clear if not (event.room_id in self._halls and is_plain_talk(event, self._me))]
        held = self._held(events, earliest)
        for event in events:
            try:
                step = understand(event, self._me, self._settings, held.get(event.event_id))
            except Exception as error:
                step = _breaking(event, error)
            if step is not None:
                at = min(max(event.sent_at, earliest), now)
                steps.append(replace(step, at=at, room=RoomId(event.room_id), event=EventId(event.event_id)))
        came = {event.event_id: min(max(event.sent_at, earliest), now) for event in halls}
        return steps + self._guarding.steps(halls, came, entered, held)

    async def _entered(self, part: RoomBatch) -> frozenset[str]:
        """Return which events of a room let somebody in; who changes their name was in, as all were at our start."""
        joins = [
            event
            for event in part.timeline
            if isinstance(event, Event)
            and event.type == "m.room.member"
            and event.state_key is not None
            and event.content.get("membership") == "join"
        ]
        if not joins or part.room_id not in self._halls:
            return frozenset()
        before = set(await self._store.read(lambda unit: rooms.joined(unit, RoomId(part.room_id))))
        if self._me not in before:
            return frozenset()
        return frozenset(event.event_id for event in joins if event.state_key not in before)

    def _held(self, events: Iterable[Event], earliest: datetime) -> dict[str, Held]:
        """Find what wants something at a moment that is long past, and what is too much at once of one person.

        Of many of one person one is answered.
        """
        now = self._store.now()
        held, late = dict[str, Held](), dict[tuple[str, str], str]()
        for event in events:
            if event.state_key is not None:
                # Making a room, or entering one, is nothing that is said.
                continue
            too_late = is_late(max(event.sent_at, earliest), now)
            too_much = not too_late and self._pacing.is_too_much(UserId(event.sender), now)
            if not (too_late or too_much) or not asks_now(event):
                continue
            held[event.event_id] = Held.PASSED_OVER
            if too_late:
                late[event.sender, event.room_id] = event.event_id
            elif self._pacing.warns(UserId(event.sender), now):
                held[event.event_id] = Held.TOO_MUCH
        return held | dict.fromkeys(late.values(), Held.TOO_LATE)

    def notes(self, part: RoomBatch, now: datetime) -> list[Fact]:
        """Return what a room's batch tells that needs no rule."""
        room = RoomId(part.room_id)
        if part.membership == "leave":
            return [RoomLost(room=room, reason="banned" if self._is_banned(part) else "left")]
        if part.membership != "join":
            return []
        notes: list[Fact] = []
        for event in (*part.state, *part.timeline):
            match event:
                case Event():
                    notes += self._state_notes(event, room) or self._echoes(event, room)
                    notes += self._knock_notes(event, room, now)
                case Poison():
                    notes.append(buried(event, room, now))
                case Unreadable():
                    notes.append(
                        sync.NotReadable(
                            room=room,
                            session_id=event.session_id,
                            sender=UserId(event.sender),
                            event_id=EventId(event.event_id),
                            at=now,
                            refers_to=EventId(event.refers_to) if event.refers_to else None,
                        )
                    )
        if part.gap is not None:
            gap = sync.GapFound(room=room, from_token=part.gap.from_token, to_token=part.gap.to_token, at=now)
            notes.append(gap)
        return notes

    def _successions(self, part: RoomBatch) -> list[Step]:
        """Make steps of a room's word that another has taken its place, or that it has taken another's."""
        steps = []
        for event in (*part.state, *part.timeline):
            if not isinstance(event, Event) or event.state_key != "":
                continue
            if event.type == "m.room.tombstone" and part.room_id in self._halls:
                steps.append(_tombstone(event))
            elif event.type == "m.room.create" and (named := _predecessor(event)) in self._halls and named is not None:
                steps.append(_successor(event, named))
        return steps

    def _state_notes(self, event: Event, room: RoomId) -> list[Fact]:
        if event.state_key is None or event.type not in rooms.TRACKED:
            return []
        if event.type in TYPES and room not in self._policies:
            return []
        if event.type == "m.room.member" and room in self._policies - self._halls and event.state_key != self._me:
            # Who else reads the same rules is nobody's business here.
            return []
        seen = rooms.StateSeen(
            room=room,
            type=event.type,
            state_key=event.state_key,
            sender=UserId(event.sender),
            event_id=EventId(event.event_id),
            content=event.content,
        )
        if event.type == "m.room.member" and event.state_key == self._me and event.content.get("membership") == "join":
            return [seen, RoomRegained(room=room)]
        return [seen]

    def _knock_notes(self, event: Event, room: RoomId, now: datetime) -> list[Fact]:
        """Know since when somebody asks to be let into one of our rooms."""
        knocks = event.type == "m.room.member" and event.content.get("membership") == "knock"
        if not knocks or event.state_key is None or room not in self._halls:
            return []
        return [Knocked(room=room, user=UserId(event.state_key), at=now)]

    def _echoes(self, event: Event, room: RoomId) -> list[Fact]:
        """Know of our own message: we may have died, or missed the answer, between its arrival and our marking it."""
        mark = event.content.get(MARK)
        if event.sender != self._me or room not in self._halls or not isinstance(mark, str):
            return []
        return [outbox.Echoed(id=OutboxId(mark), event_id=EventId(event.event_id))]

    async def _late_keys(self, batch: Batch) -> list[tuple[Event, datetime]]:
        """Read again what could not be read before its key came; each event with when it had come."""
        events = []
        keys = {(RoomId(key.room_id), key.session_id) for key in batch.keys}
        if self._look_again:
            # Keys that came with a batch whose commit failed, or before a restart, are not told of a second time.
            waiting_for = await self._store.read(sync.waiting_sessions)
            keys |= {(room, session) for room, session in waiting_for if self._homeserver.holds_key(room, session)}
        for room, session in sorted(keys):
            waiting = await self._store.read(
                lambda unit, room=room, session=session: sync.waiting_for_key(unit, room, session)  # type: ignore[misc]
            )
            for event_id, came_at in waiting:
                heard = await self._homeserver.read_again(room, event_id)
                if isinstance(heard, Event):
                    events.append((heard, came_at))
        return events

    def _is_banned(self, part: RoomBatch) -> bool:
        """Tell whether the bot left a room because it was banned; only who moderates there can take that back."""
        said = [
            event.content.get("membership")
            for event in (*part.state, *part.timeline)
            if isinstance(event, Event) and event.type == "m.room.member" and event.state_key == self._me
        ]
        return said[-1:] == ["ban"]

    def _knocks(self, part: RoomBatch, now: datetime) -> list[Step]:
        """Make a step where somebody asks from outside to be let into a room; those who lead are told once a day."""
        room = RoomId(part.room_id)
        if room not in self._halls or not any(
            isinstance(event, Event)
            and event.type == "m.room.member"
            and event.state_key is not None
            and event.content.get("membership") == "knock"
            for event in part.timeline
        ):
            return []

        async def decide(unit: Reading) -> Decision | None:
            kept = await rooms.room(unit, room)
            if kept is None:
                return None
            return upkeep.tell_of_knock(
                kept, await undelivered.leaders(unit, kept.organisation), console=self._settings.console
            )

        return [Step(cause=Cause(f"knock:{derive(room, now.date().isoformat())}"), decide=decide)]

    async def _arrivals(self, part: RoomBatch) -> list[Step]:
        """Make a step of each person who comes into one of our rooms, and was not in it by what we knew."""
        room = RoomId(part.room_id)
        came = {
            UserId(event.state_key): event
            for event in part.timeline
            if isinstance(event, Event) and event.type == "m.room.member" and event.state_key is not None
            if room in self._halls and event.content.get("membership") == "join" and event.state_key != self._me
        }
        if not came:
            return []
        known = await self._store.read(lambda unit: rooms.joined(unit, room))
        return [_arrival(event, user) for user, event in came.items() if user not in known]

    def _lost(self, part: RoomBatch, token: str) -> Step:
        """Tell those who lead that the bot was removed from a room of theirs, unless it was replaced before."""
        room, banned = RoomId(part.room_id), self._is_banned(part)

        async def decide(unit: Reading) -> Decision | None:
            kept, upgrade = await rooms.room(unit, room), await upgrades.upgrade(unit, room)
            if kept is None or (upgrade is not None and upgrade.followed):
                return None
            leaders = await undelivered.leaders(unit, kept.organisation)
            return upkeep.tell_of_loss(kept, leaders, banned=banned, console=self._settings.console)

        return Step(cause=Cause(f"lost:{derive(room, token)}"), decide=decide)

    def _invited(self, part: RoomBatch, token: str) -> Step:
        """Accept invitations of people of the roster and of organisers; turn strangers down.

        A private room is accepted from any account of our own homeserver: that is where one binds an account. Of
        neither is there any end, so each person has a few in a day, and no second private room beside one that works.
        """
        room = RoomId(part.room_id)
        invitation = next(
            (
                event
                for event in part.state
                if isinstance(event, Event) and event.type == "m.room.member" and event.state_key == self._me
            ),
            None,
        )

        async def decide(unit: Reading) -> Decision:
            no = Decision(effects=(Decline(room=room),))
            if invitation is None:
                return no
            sender = UserId(invitation.sender)
            known = await members.by_user(unit, sender)
            duties = await organisations.duties_of(unit, sender)
            direct = invitation.content.get("is_direct") is True
            if known is None and not duties and not (direct and _server(sender) == _server(self._me)):
                return no
            taken = await self._taken(unit, sender)
            if not upkeep.takes_up(taken, direct=direct):
                here = Tell(user=sender, words=words("rooms.talk_here"), quiet=True)
                return replace(no, effects=(*no.effects, here)) if taken.has_private and direct else no
            fact = InvitationTaken(room=room, user=sender, direct=direct, at=unit.now)
            if direct:
                encrypted = any(isinstance(one, Event) and one.type == "m.room.encryption" for one in part.state)
                kept = DirectRoomKept(user=sender, room=room, encrypted=encrypted)
                return Decision(facts=(fact, kept), effects=(Join(room=room),))
            replaces = any(isinstance(one, Event) and _predecessor(one) in self._halls for one in part.state)
            may = () if replaces else roots(duties, Right.MANAGE_ROOMS)
            asked = (Tell(user=sender, words=words("rooms.claim_it", address=self._settings.console)),) if may else ()
            return Decision(facts=(fact,), effects=(Join(room=room), *asked))

        return Step(cause=Cause(f"invite:{derive(part.room_id, token)}"), decide=decide)

    async def _taken(self, unit: Reading, user: UserId) -> upkeep.Taken:
        """Return what was taken up of a person's invitations lately."""
        lately = await rooms.taken_since(unit, user, DAY)
        return upkeep.Taken(
            has_private=await rooms.has_private(unit, user, self._me),
            private_today=lately.get(True, 0),
            rooms_today=lately.get(False, 0),
        )


def _predecessor(event: Event) -> RoomId | None:
    named = event.content.get("predecessor")
    room = named.get("room_id") if isinstance(named, dict) else None
    return RoomId(room) if isinstance(room, str) else None


def _arrival(event: Event, user: UserId) -> Step:
    async def decide(unit: Reading) -> Decision | None:
        room = await rooms.room(unit, RoomId(event.room_id))
        if room is None or await greetings.was_greeted(unit, room.id, user):
            return None
        said = await greetings.nearest(unit, room.organisation)
        lately = await greetings.lately(unit, room.id)
        return greet(said, room=room.id, at=room.organisation, user=user, lately=lately, now=unit.now)

    return Step(cause=Cause(f"greeting:{event.event_id}"), decide=decide)


def _tombstone(event: Event) -> Step:
    named = event.content.get("replacement_room")
    replacement = RoomId(named) if isinstance(named, str) and 0 < len(named) <= LONGEST_ID else None

    async def decide(unit: Reading) -> Decision | None:
        room = await rooms.room(unit, RoomId(event.room_id))
        return see_tombstone(room, replacement, now=unit.now) if room is not None else None

    return Step(cause=Cause(f"tombstone:{event.event_id}"), decide=decide, actor=UserId(event.sender))


def _successor(event: Event, old: RoomId) -> Step:
    """Look again at a room that was replaced, now that the bot is in the one that says it has taken its place."""

    async def decide(unit: Reading) -> Decision | Refusal | None:
        room, upgrade = await rooms.room(unit, old), await upgrades.upgrade(unit, old)
        waits = room is not None and upgrade is not None and upgrade.replacement == event.room_id
        return look_again(room, upgrade) if room is not None and waits else None

    return Step(cause=Cause(f"successor:{event.event_id}"), decide=decide)


def _breaking(event: Event, error: Exception) -> Step:
    """Return a step that fails as the look at its event did, so that the event becomes a letter like any other."""

    async def decide(_unit: Reading) -> Decision:
        raise error

    return Step(cause=Cause(f"event:{event.event_id}"), decide=decide, actor=UserId(event.sender))


def buried(event: Poison, room: RoomId, now: datetime) -> sync.Buried:
    """Return the letter that an event becomes of which nothing can be made, the same however often it comes."""
    return sync.Buried(
        cause=f"event:{event.event_id or derive(room, event.raw.decode())}",
        room=room,
        sender=UserId(event.sender) if event.sender else None,
        reason=event.reason,
        raw=event.raw,
        at=now,
        event_id=EventId(event.event_id) if event.event_id else None,
    )


def _server(user: UserId) -> str:
    return user.partition(":")[2]
