"""Keeps the times of secret ballots: closes them, reminds who has not voted, and tells rooms how many have."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from bot.fresh_links import FreshLinks
from content import ballot_news, ballot_times
from content import ballots as rules
from content.ballot_links import invite, invited, lasts_until
from content.ballot_papers import set_hash
from content.ballots import State
from content.decision import Decision, Refusal
from content.identifiers import BallotId, Cause
from storage import audit, ballots, members
from storage.store import Answer, Step, Store
from storage.unit import Reading


def _secret() -> str:
    return secrets.token_urlsafe(32)


class Balloting(Struct, frozen=True, kw_only=True):
    """What is done for ballots by itself.

    ``origin`` is where the console stands, without which no link is sent; ``fresh`` knows who needs no new one.
    """

    store: Store
    origin: str = ""
    fresh: FreshLinks = field(default_factory=FreshLinks)
    secret: Callable[[], str] = _secret

    async def close(self, now: datetime) -> bool:
        """Close what is over, by our own time; tell whether there was anything.

        What was open when the database was put back comes to nothing first.
        """
        lacking = await self.store.read(ballots.put_back)
        if lacking:
            await self.store.settle([giving_up(one) for one in lacking])
            await self.store.forget_deleted()
        over = await self.store.read(lambda unit: ballots.over(unit, now))
        if over:
            await self.store.settle([closing_ballot(one) for one in over])
        return bool(over)

    async def speak(self, now: datetime) -> None:
        """Remind who has not voted, and say how many have, where the time for it has come."""
        due = await self.store.read(lambda unit: self._due(unit, now))
        if due:
            await self.store.settle(due)

    async def _due(self, unit: Reading, now: datetime) -> list[Step]:
        steps: dict[Cause, Step] = {}
        for one in await ballots.opened(unit):
            for cause in ballot_times.reminders(one, now=now) if self.origin else ():
                steps[cause] = self._reminding(cause, one.id)
            for cause in ballot_times.turnouts(one, now=now):
                steps[cause] = _telling(cause, one.id)
        done = await audit.seen(unit, steps) if steps else {}
        return [step for cause, step in steps.items() if cause not in done]

    def _reminding(self, cause: Cause, id: BallotId) -> Step:  # noqa: A002
        """Return the step that sends a new link to everyone who has not voted, in the words of the first.

        Who asked for theirs within the last hour keeps it.
        """

        async def decide(unit: Reading) -> Answer:
            ballot = await ballots.ballot(unit, id)
            if ballot is None or ballot.state is not State.OPEN:
                return None
            waiting = await members.by_ids(unit, await ballots.silent(unit, id))
            until = lasts_until(ballot, unit.now)
            people = tuple(
                invited(one.id, one.user, origin=self.origin, token=self.secret(), noise=self.secret(), until=until)
                for one in waiting
                if one.user is not None and one.left is None and not self.fresh.has(id, one.id, unit.now)
            )
            return invite(ballot, people, now=unit.now)

        return Step(cause=cause, decide=decide)


def _telling(cause: Cause, id: BallotId) -> Step:  # noqa: A002
    """Return the step that tells rooms how many have voted, counted at that moment and kept nowhere."""

    async def decide(unit: Reading) -> Answer:
        ballot = await ballots.ballot(unit, id)
        if ballot is None or ballot.state is not State.OPEN:
            return None
        voted, rooms = await ballots.turnout(unit, id), await ballots.voters_rooms(unit, ballot)
        return Decision(effects=ballot_news.turnout(ballot, voted, rooms))

    return Step(cause=cause, decide=decide)


def giving_up(id: BallotId) -> Step:  # noqa: A002
    """Return the step that lets a ballot come to nothing of which votes are gone."""

    async def decide(unit: Reading) -> Answer:
        ballot = await ballots.ballot(unit, id)
        answer = rules.give_up(ballot) if ballot is not None else None
        if ballot is None or not isinstance(answer, Decision):
            return answer
        return replace(answer, effects=ballot_news.given_up(ballot, await ballots.voters_rooms(unit, ballot)))

    return Step(cause=Cause(f"ballot:{id}:give_up"), decide=decide)


def closing_ballot(id: BallotId) -> Step:  # noqa: A002
    """Return the step that closes a secret ballot and fixes the set of envelopes that can be opened."""

    async def decide(unit: Reading) -> Answer:
        ballot = await ballots.ballot(unit, id)
        if ballot is None or ballot.state is not State.OPEN or unit.now < ballot.closes_at:
            return None
        listed, turnout = await ballots.listed(unit, id), await ballots.turnout(unit, id)
        issued = await ballots.issued(unit, id)
        answer = rules.close(ballot, listed, turnout=turnout, issued=issued, now=unit.now)
        if isinstance(answer, Refusal):
            return answer
        rooms = await ballots.voters_rooms(unit, ballot)
        return replace(answer, effects=ballot_news.closed(ballot, turnout, set_hash(listed), rooms))

    return Step(cause=Cause(f"ballot:{id}:close"), decide=decide)
