"""The hands of moderation: carries measures out in rooms, puts back what they changed, reads evidence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.formatted import whole_text
from bot.matrix.events import Event
from bot.matrix.faults import Fault, Kind
from bot.matrix.homeserver import Homeserver
from bot.matrix.power import Powers, powers
from content.cases import read_message
from content.decision import Decision, Fact, words
from content.identifiers import Cause, EvidenceId, RoomId, SanctionId, StrikeId, UserId, derive
from content.ladder import end, tell_stuck
from content.muting import hindrance, level_of, muted_level, put_back, with_level
from content.organisations import Right
from content.sanctions import (
    Hindrance,
    Impose,
    Level,
    LevelNoted,
    Lift,
    PlaceSettled,
    PlaceState,
    Sanction,
    State,
    Step,
)
from content.speech import Reader, Speech
from content.strikes import Strike, tell_hidden, tell_not_hidden
from storage import cases, cleanings, guards, organisations, outbox, policies, rooms, sanction_places, sanctions
from storage.crashpoints import crashpoint
from storage.outbox import Claimed
from storage.sanction_places import Left
from storage.sanctions import Place
from storage.slow_mode import gap_in
from storage.store import Step as Settled
from storage.store import Store
from storage.unit import Reading


class Hands:
    """Everything here may be done again without a second effect; what has no sense any more is let go."""

    def __init__(self, store: Store, homeserver: Homeserver, speech: Speech) -> None:
        self._store = store
        self._homeserver = homeserver
        self._speech = speech
        self._me = UserId(homeserver.user_id)

    async def do(self, row: Claimed) -> None:
        """Do what a row asks for. Raises Fault."""
        if row.room is None or row.matter is None:
            return
        if row.kind is outbox.Kind.EVIDENCE:
            await self._read(row, row.room, EvidenceId(row.matter))
            return
        if row.kind is outbox.Kind.HIDE:
            await self._hide(row, row.room, StrikeId(row.matter))
            return
        room, id = row.room, SanctionId(row.matter)  # noqa: A001
        sanction, place = await self._store.read(lambda unit: _known(unit, id, room))
        if sanction is None or place is None:
            return
        holds = sanction.state is State.ACTIVE or (sanction.step is Step.REMOVAL and sanction.state is State.ENDED)
        if holds is not (row.kind is outbox.Kind.IMPOSE):
            # It was lifted before it was carried out, or holds again.
            return
        done = PlaceState.DONE if holds else PlaceState.UNDONE
        if place.state is done:
            return
        if holds or place.before is not None:
            why = await self._change(sanction, place, undoing=not holds)
            if why is not None:
                await self._stuck(row, sanction, place, why, undoing=not holds)
                return
        crashpoint("sanction.changed_before_kept")
        await self._settle(PlaceSettled(id=id, room=room, state=done, at=self._store.now()))
        crashpoint("sanction.kept_before_mark")

    async def _hide(self, row: Claimed, room: RoomId, id: StrikeId) -> None:  # noqa: A002
        """Take a message out of its room, and tell whose it was; one that is not there any more is hidden.

        Where the room does not let us, those who moderate hear of it once a day.
        """
        struck = await self._store.read(lambda unit: guards.strike(unit, id))
        if struck is None:
            return
        try:
            await self._homeserver.redact(room, struck.event, row.transaction)
        except Fault as fault:
            if fault.kind is Kind.REFUSED:
                today = self._store.now().date().isoformat()
                await self._tell(Cause(f"guard:{derive(room, today)}:not_hidden"), struck, hidden=False)
            if fault.kind is not Kind.MISSING:
                raise
        if not row.quiet:
            await self._tell(Cause(f"guard:{id}:hidden"), struck, hidden=True)

    async def _tell(self, cause: Cause, struck: Strike, *, hidden: bool) -> None:
        """Tell what became of a message that was to be hidden, once for a cause."""

        async def decide(unit: Reading) -> Decision | None:
            room = await rooms.room(unit, struck.room)
            if room is None:
                return None
            if hidden:
                return tell_hidden(struck, room, gap=await gap_in(unit, room.id))
            held = await organisations.holders_of(unit, struck.organisation, Right.MODERATE)
            return tell_not_hidden(room, [one for one in held if one != struck.user])

        await self._store.settle([Settled(cause=cause, decide=decide)])

    async def _change(self, sanction: Sanction, place: Place, *, undoing: bool) -> Hindrance | None:
        """Change what is to be changed in a room as it is at this moment, or return what is in the way."""
        state = [event for event in await self._homeserver.state(place.room) if isinstance(event, Event)]
        known = powers(state)
        if undoing and _is_undone(sanction, place, state, known):
            return None
        why = hindrance(sanction.step, known, me=self._me, user=sanction.user)
        if why is not None:
            return why
        try:
            if sanction.step is Step.MUTE:
                await (self._unmute if undoing else self._mute)(sanction, place, known)
            else:
                await self._show_out(sanction, place, _membership(state, sanction.user), undoing=undoing)
        except Fault as fault:
            if fault.errcode != "M_FORBIDDEN":
                raise
            return Hindrance.NO_RIGHT
        return None

    async def _mute(self, sanction: Sanction, place: Place, known: Powers) -> None:
        """Take a person's voice in a room; what their level was is kept before it is changed."""
        levels: dict[str, Any] = dict(known.levels or {})
        muted = place.muted if place.muted is not None else muted_level(levels)
        there = level_of(levels, sanction.user)
        if there.listed and there.value == muted and place.before is not None:
            return
        left = await self._left(sanction, place)
        # What is still there of an earlier mute is no level of theirs.
        before = next((one.before for one in left if there.listed and there.value == one.muted), there)
        if place.moved and place.before is not None:
            # The room that this one replaces is the one that knew their level.
            before = place.before
        noted = LevelNoted(id=sanction.id, room=place.room, before=before, muted=muted)
        await self._settle(noted, *self._taken_over(left, place))
        if there.value != muted:
            crashpoint("sanction.noted_before_changed")
            changed = with_level(levels, sanction.user, muted)
            await self._homeserver.set_state(place.room, "m.room.power_levels", changed)

    async def _unmute(self, sanction: Sanction, place: Place, known: Powers) -> None:
        """Put a person's level back; one that somebody has given them since stays."""
        if place.before is None or place.muted is None:
            return
        back = put_back(known.levels or {}, sanction.user, place.before, place.muted)
        if back is not None:
            await self._homeserver.set_state(place.room, "m.room.power_levels", back)

    async def _show_out(self, sanction: Sanction, place: Place, membership: str | None, *, undoing: bool) -> None:
        """Show a person out or keep them out; a ban that others had imposed before stays when ours ends."""
        if undoing:
            if membership == "ban" and not await self._left_to_lists(place.room, sanction.user):
                await self._homeserver.unban(place.room, sanction.user)
        elif sanction.step is Step.BAN:
            left = await self._left(sanction, place)
            if membership != "ban" or left:
                noted = LevelNoted(id=sanction.id, room=place.room, before=Level(listed=False), muted=0)
                await self._settle(noted, *self._taken_over(left, place))
            if membership != "ban":
                redact = await self._store.read(lambda unit: cleanings.takes_all_of(unit, sanction.user, place.room))
                await self._homeserver.ban(place.room, sanction.user, await self._reason(sanction), redact=redact)
        elif membership in ("join", "invite", "knock"):
            await self._homeserver.kick(place.room, sanction.user, await self._reason(sanction))

    async def _left_to_lists(self, room: RoomId, user: UserId) -> bool:
        """Leave a ban to a policy list that wants it too, and tell whether there is one."""
        others = await self._store.read(lambda unit: policies.kept_out_of(unit, room, user))
        if others:
            await self._settle(*policies.handed_over(others, self._store.now()))
        return bool(others)

    async def _reason(self, sanction: Sanction) -> str:
        """Say why, in the language of the node: others in the room read it too, so without what was added."""
        node = await self._store.read(lambda unit: organisations.organisation(unit, sanction.organisation))
        reader = Reader(language=node.language, timezone=node.timezone) if node is not None else Reader()
        return self._speech.say(words(f"sanction.reason_{sanction.reason}"), reader)

    async def _left(self, sanction: Sanction, place: Place) -> tuple[Left, ...]:
        return await self._store.read(lambda unit: sanction_places.left_in(unit, sanction, place.room))

    def _taken_over(self, left: Iterable[Left], place: Place) -> list[PlaceSettled]:
        """Leave it to a measure that begins to undo what one before it has left: or that would end this one early."""
        at = self._store.now()
        return [PlaceSettled(id=one.id, room=place.room, state=PlaceState.UNDONE, at=at) for one in left]

    async def _settle(self, *facts: Fact) -> None:
        await self._store.settle(notes=list(facts))

    async def _stuck(self, row: Claimed, sanction: Sanction, place: Place, why: Hindrance, *, undoing: bool) -> None:
        """Keep that something cannot be done, and tell those who moderate once for each try."""
        at = self._store.now()
        fact = PlaceSettled(id=sanction.id, room=place.room, state=PlaceState.STUCK, at=at, why=why)

        async def decide(unit: Reading) -> Decision:
            whom = await _answerable(unit, sanction)
            return tell_stuck(sanction, place.name or place.room, why, undoing=undoing, whom=whom)

        await self._store.settle([Settled(cause=Cause(f"stuck:{row.id}"), decide=decide)], notes=[fact])

    async def _read(self, row: Claimed, room: RoomId, id: EvidenceId) -> None:  # noqa: A002
        """Put a message beside its case as it stands in its room; one that cannot be read is left unread."""
        asked = await self._store.read(lambda unit: cases.evidence(unit, id))
        if asked is None or asked.text is not None or asked.event is None:
            return
        try:
            heard = await self._homeserver.read_again(room, asked.event)
        except Fault as fault:
            if fault.kind in (Kind.MISSING, Kind.REFUSED):
                return
            raise
        if not isinstance(heard, Event) or heard.type != "m.room.message":
            return
        text = whole_text(heard.content)
        kept = read_message(asked, sender=UserId(heard.sender), said_at=heard.sent_at, text=text)
        await self._store.settle(notes=[kept])


def _is_undone(sanction: Sanction, place: Place, state: list[Event], known: Powers) -> bool:
    """Tell whether a room holds nothing of a measure any more, whoever saw to that; then nothing is in the way."""
    if sanction.step is not Step.MUTE:
        return _membership(state, sanction.user) != "ban"
    if place.before is None or place.muted is None:
        return True
    return put_back(known.levels or {}, sanction.user, place.before, place.muted) is None


def _membership(state: list[Event], user: UserId) -> str | None:
    own = (event for event in state if event.type == "m.room.member" and event.state_key == user)
    said = next((event.content.get("membership") for event in own), None)
    return said if isinstance(said, str) else None


async def _known(unit: Reading, id: SanctionId, room: RoomId) -> tuple[Sanction | None, Place | None]:  # noqa: A002
    places = await sanctions.places_of(unit, id)
    return await sanctions.sanction(unit, id), next((one for one in places if one.room == room), None)


async def _answerable(unit: Reading, sanction: Sanction) -> tuple[UserId, ...]:
    """Return who hears of what could not be done: who imposed it while that is theirs to do, else who moderates."""
    held = await organisations.holders_of(unit, sanction.organisation, Right.MODERATE)
    return (sanction.by,) if sanction.by in held else held


async def settle_due(store: Store) -> None:
    """End the measures whose time is over, however long ago that was."""
    due = await store.read(lambda unit: sanctions.due(unit, unit.now))
    if due:
        await store.settle([ending(id) for id in due])  # noqa: A001


def ending(id: SanctionId) -> Settled:  # noqa: A002
    """Return the step that ends a measure, once."""

    async def decide(unit: Reading) -> Decision | None:
        sanction = await sanctions.sanction(unit, id)
        return end(sanction, now=unit.now) if sanction is not None else None

    return Settled(cause=Cause(f"sanction:{id}:end"), decide=decide)


async def try_again(store: Store, me: UserId) -> None:
    """Take up again what is not as it should be in a room, once for each time that the room's levels have changed."""

    async def found(unit: Reading) -> list[Settled]:
        steps = []
        for sanction, room in await sanction_places.unsettled(unit):
            sites = await sanctions.sites(unit, sanction.organisation, me, only=[room])
            if any(hindrance(sanction.step, site.powers, me=me, user=sanction.user) is None for site in sites):
                version = await rooms.version_of(unit, room, "m.room.power_levels")
                steps.append(again(sanction, room, version or ""))
        return steps

    steps = await store.read(found)
    if steps:
        await store.settle(steps)


def again(sanction: Sanction, room: RoomId, version: str) -> Settled:
    """Return the step that takes up what is not as it should be in a room."""
    kind = Impose if sanction.state is State.ACTIVE else Lift

    async def decide(_unit: Reading) -> Decision:
        effect = kind(sanction=sanction.id, organisation=sanction.organisation, room=room, user=sanction.user)
        return Decision(effects=(effect,))

    return Settled(cause=Cause(f"sanction:{derive(sanction.id, room, sanction.state, version)}:again"), decide=decide)
