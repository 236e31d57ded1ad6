"""Brings what members report to the homeserver into the queue, where the bot's login may read it."""

from __future__ import annotations

from bot.commands.vocabulary import reason_in
from bot.matrix.homeserver import Homeserver
from content.complaints import MOST_A_DAY, ComplaintMade, Origin, Voice, found_author, voice_id
from content.decision import Decision
from content.identifiers import Cause, UserId, derive
from content.organisations import Right
from content.server_reports import AT_FIRST, ReportsRead, ServerReport
from storage import complaints, organisations, rooms, server_reports
from storage.store import Step, Store
from storage.unit import Reading


class ServerReports:
    """Reads on where it stopped; the position is kept together with what it brought."""

    def __init__(self, store: Store, homeserver: Homeserver, *, console: str) -> None:
        self._store = store
        self._homeserver = homeserver
        self._console = console
        self._me = UserId(homeserver.user_id)
        self.may_read: bool | None = None
        """Whether the login may read them, ``None`` until that was tried."""

    async def read(self) -> None:
        """Take up what was reported since the last time. Raises Fault."""
        before = await self._store.read(lambda unit: server_reports.newest(unit, self._me))
        reports = await self._homeserver.event_reports(before)
        self.may_read = reports is not None
        if reports is None:
            return
        oldest = self._store.now() - AT_FIRST
        steps = [self._step(one) for one in reports if before is not None or one.at >= oldest]
        newest = max((one.number for one in reports), default=0 if before is None else before)
        if newest != before:
            await self._store.settle(steps, notes=[ReportsRead(bot=self._me, newest=newest)])

    def _step(self, report: ServerReport) -> Step:
        async def decide(unit: Reading) -> Decision | None:
            room = await rooms.room(unit, report.room)
            id = voice_id(report.event, report.reporter)  # noqa: A001
            if room is None or await complaints.is_known(unit, id):
                return None
            if await complaints.number_today(unit, report.reporter) >= MOST_A_DAY:
                return None
            reason, said = reason_in(report.reason)
            voice = Voice(
                id=id,
                organisation=room.organisation,
                room=room.id,
                event=report.event,
                about=None,
                origin=Origin.SERVER,
                reason=reason,
                at=min(report.at, unit.now),
                reporter=report.reporter,
                words=said,
            )
            made = ComplaintMade(organisation=room.organisation, voice=voice)
            if report.about is None:
                return Decision(facts=(made,), effects=())
            new = not await complaints.is_heard_about(unit, voice, report.about)
            whom = await organisations.holders_of(unit, room.organisation, Right.MODERATE)
            found = found_author(voice, report.about, me=self._me, whom=whom, is_new=new, console=self._console)
            return Decision(facts=(made, *found.facts), effects=found.effects)

        cause = Cause(f"report:{derive(report.event, report.reporter, report.number)}")
        return Step(cause=cause, decide=decide)
