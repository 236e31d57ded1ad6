"""Hears once more what could not be heard when it came: stretches of history, and letters somebody asked for."""

from __future__ import annotations

from bot.hearing import LONG_AGO, Hearing
from bot.matrix.events import Event, Gap, Poison, RoomBatch, Unreadable
from bot.matrix.faults import Fault, TokenRevoked
from bot.matrix.homeserver import Homeserver
from content.decision import Decision, Fact
from content.identifiers import Cause, EventId, RoomId, UserId, derive
from content.unheard import Letter, Sealed, tell_sender
from storage import members, organisations, outbox, rooms, sync, unheard
from storage.crashpoints import crashpoint
from storage.store import Step, Store
from storage.unit import Reading

Heard = Event | Unreadable | Poison

_KEPT_OF_A_GAP = (sync.Buried, sync.NotReadable, sync.GapFound, outbox.Echoed)


class HearingAgain:
    """The second way in, by the same rules and under the same causes as the first."""

    def __init__(self, store: Store, homeserver: Homeserver, hearing: Hearing) -> None:
        self._store = store
        self._homeserver = homeserver
        self._hearing = hearing

    async def fill_gaps(self) -> None:
        """Read back what could not be read when it was found missing; what is said there counts as of then.

        What the homeserver refuses for good is given up and stays in sight. Raises the last Fault of the others, after
        every gap was tried: one room that cannot be read keeps no other waiting.
        """
        trouble: Fault | None = None
        for gap in await self._store.read(sync.open_gaps):
            missing = Gap(from_token=gap.from_token, to_token=gap.to_token)
            try:
                heard, rest = await self._homeserver.fill(gap.room, missing)
            except Fault as fault:
                if fault.permanent and not fault.doubtful and not isinstance(fault, TokenRevoked):
                    reason = f"{fault.kind}{f' {fault.errcode}' if fault.errcode else ''}"
                    given_up = unheard.StretchGivenUp(id=gap.id, reason=reason, at=self._store.now())
                    await self._store.settle(notes=[given_up])
                else:
                    trouble = fault
                continue
            part = RoomBatch(room_id=gap.room, membership="join", timeline=heard, gap=rest)
            now = self._store.now()
            steps = self._hearing.steps(heard, LONG_AGO, gap.found_at)
            # State that is read back is older than what is known by now.
            kept = [note for note in self._hearing.notes(part, now) if isinstance(note, _KEPT_OF_A_GAP)]
            crashpoint("hearing.gap_read_before_settled")
            await self._hearing.settle(steps, [sync.GapFilled(id=gap.id), *kept])
        if trouble is not None:
            raise trouble

    async def replay(self) -> None:
        """Process again the letters for which somebody asked that; one that fails the same way stays a letter.

        Raises the last Fault, after every letter was tried; those that met it are still asked for.
        """
        trouble: Fault | None = None
        for letter in await self._store.read(unheard.asked):
            try:
                await self._replay(letter)
            except Fault as fault:
                trouble = fault
        if trouble is not None:
            raise trouble

    async def tell_senders(self) -> None:
        """Tell people, once for each encrypted session, that what they said cannot be read."""
        steps = [self._telling(sealed) for sealed in await self._store.read(unheard.untold)]
        if steps:
            await self._store.settle(steps)

    def _telling(self, sealed: Sealed) -> Step:
        async def decide(unit: Reading) -> Decision | None:
            if not await unheard.still_sealed(unit, sealed):
                return None
            known = await members.by_user(unit, sealed.sender) or await organisations.duties_of(unit, sealed.sender)
            today = await unheard.told_today(unit, sealed.sender)
            return tell_sender(sealed, known=bool(known), told_today=today, now=unit.now)

        return Step(cause=Cause(f"sealed:{derive(sealed.room, sealed.session_id, sealed.sender)}"), decide=decide)

    async def _replay(self, letter: Letter) -> None:
        """Take a letter the way it came first; who is killed after it was decided finds that, and no second effect."""
        heard = await self._read(letter)
        now = self._store.now()
        failed: str | None = None
        notes: list[Fact] = []
        match heard:
            case None:
                failed = "gone"
            case Poison():
                failed = heard.reason
            case Unreadable():
                part = RoomBatch(room_id=heard.room_id, membership="join", timeline=(heard,))
                notes += self._hearing.notes(part, letter.at)
            case Event() if heard.state_key is not None:
                notes += await self._state(RoomId(heard.room_id))
            case Event():
                outcomes = await self._hearing.settle(self._hearing.steps([heard], LONG_AGO, letter.at))
                failed = letter.reason if any(outcome.failed for outcome in outcomes) else None
        last: Fact = unheard.LetterRead(id=letter.id)
        if failed is not None:
            last = unheard.LetterFailedAgain(id=letter.id, reason=failed, at=now)
        await self._store.settle(notes=[*notes, last])

    async def _read(self, letter: Letter) -> Heard | None:
        """Fetch what was said, or read what was kept of it where the homeserver no longer shows it."""
        if letter.room is None:
            return None
        if letter.event is not None:
            heard = await self._homeserver.read_again(letter.room, letter.event)
            if heard is not None:
                return heard
        raw = await self._store.read(lambda unit: unheard.raw(unit, letter.id))
        return await self._homeserver.read_kept(letter.room, raw) if raw else None

    async def _state(self, room: RoomId) -> list[Fact]:
        """Return a room's state as it is now; what a letter says of it may be long past."""
        return [
            rooms.StateSeen(
                room=room,
                type=event.type,
                state_key=event.state_key,
                sender=UserId(event.sender),
                event_id=EventId(event.event_id),
                content=event.content,
            )
            for event in await self._homeserver.state(room)
            if event.state_key is not None and event.type in rooms.TRACKED
        ]
