"""The pledges of the sample branch: one that is past its day and was asked about, one under way, one that was kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, time
from typing import Any

from msgspec.structs import replace

from content import pledge_questions as asked
from content import pledges as rules
from content.decision import Decision, Refusal
from content.identifiers import Cause, EventId, OrganisationId, PledgeId, PledgeQuestionId, UserId
from content.members import Member
from content.pledges import Party, Pledge, State
from storage import pledges
from storage.unit import Reading
from zhibu.demo import sample

Deciding = Callable[[Reading], Awaitable[Any]]


def steps(
    people: Mapping[str, Member],
    *,
    branch: OrganisationId,
    organiser: UserId,
    identify: Callable[..., str],
    at: Callable[[int, time], datetime],
) -> dict[str, Deciding]:
    """Return how the sample's pledges come to be, each step by its name and after those before it."""
    found: dict[str, Deciding] = {}
    for number, said in enumerate(sample.PLEDGES, start=1):
        day = at(said.made, time()).date()
        one = Pledge(
            id=PledgeId(identify("pledge", said.matter)),
            organisation=branch,
            number=number,
            party=Party.BRANCH,
            matter=said.matter,
            measure=said.measure,
            owner=people[said.owner].id,
            due=at(said.due, time()).date(),
            due_set=day,
            updated=day,
        )
        found[f"pledge_{number}"] = _make(one, organiser, at(said.made, time(9)))
        for place, (when, percent, note) in enumerate(said.progress):
            found[f"pledge_{number}_{place}"] = _progress(
                one.id, percent, note, organiser, identify, at(when, time(17))
            )
    first = PledgeId(identify("pledge", sample.PLEDGES[0].matter))
    last = PledgeId(identify("pledge", sample.PLEDGES[-1].matter))
    question, answer = sample.PLEDGE_ASKED

    async def ask(unit: Reading) -> Any:
        one = await pledges.pledge(unit, first)
        asker = people[sample.PLEDGE_ASKER]
        assert one is not None
        assert asker.user is not None
        now = at(-2, time(12, 30))
        asking = asked.ask(
            one,
            question,
            id=PledgeQuestionId(identify("pledge question")),
            member=asker.id,
            user=asker.user,
            event=EventId(f"$sample-{identify('pledge asked')}"),
            held=(),
            owner=None,
            owner_free=False,
            signed=None,
            now=now,
        )
        assert isinstance(asking, Decision)
        (fact,) = asking.facts
        assert isinstance(fact, asked.PledgeQuestioned)
        told = replace(fact.question, owner_told=now)
        answered = asked.answer(one, told, answer, asker=None, asker_free=False, now=at(-1, time(16)))
        assert isinstance(answered, Decision)
        (end,) = answered.facts
        assert isinstance(end, asked.PledgeQuestionAnswered)
        # It was told then; a chat has no past.
        heard = replace(end.question, asker_told=at(-1, time(16)))
        return Decision(facts=(replace(fact, question=told), replace(end, question=heard)))

    async def close(unit: Reading) -> Any:
        one = await pledges.pledge(unit, last)
        assert one is not None
        now = at(-5, time(16))
        return rules.close(
            one,
            State.DONE,
            sample.PLEDGE_KEPT,
            by=organiser,
            cause=Cause(identify("pledge closed")),
            today=now.date(),
            now=now,
        )

    return {**found, "pledge_asked": ask, "pledge_closed": close}


def _make(one: Pledge, organiser: UserId, now: datetime) -> Deciding:
    async def decide(unit: Reading) -> Any:
        people = [one.owner] if one.owner is not None else []
        return rules.make(one, people=people, by=organiser, today=one.due_set, now=now)

    return decide


def _progress(
    id: PledgeId,  # noqa: A002
    percent: int,
    note: str,
    by: UserId,
    identify: Callable[..., str],
    now: datetime,
) -> Deciding:
    async def decide(unit: Reading) -> Any:
        one = await pledges.pledge(unit, id)
        assert one is not None
        done = rules.progress(
            one, percent, note, by=by, cause=Cause(identify("progress", id, note)), today=now.date(), now=now
        )
        assert not isinstance(done, Refusal)
        return done

    return decide
