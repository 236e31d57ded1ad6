"""Has owners of pledges reminded, and tells of questions and answers that had to wait for somebody, each once."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.commands.pledges import is_free
from content import pledge_questions as asked
from content import pledges as rules
from content.decision import Decision
from content.identifiers import Cause
from content.pledges import Pledge, Sort
from storage import members, organisations, pledge_questions, pledges, workdays
from storage.pledge_questions import Waiting
from storage.pledges import Owned
from storage.store import Step, Store
from storage.unit import Reading


async def keep(store: Store) -> None:
    """Do what is due by now for people who may be told something; for the others it waits."""

    async def look(unit: Reading) -> list[Step]:
        known = await workdays.calendar(unit)
        steps = []
        for owned in await pledges.to_remind(unit):
            local = await _local(unit, owned.pledge)
            is_due = rules.reminders_over(owned.pledge, local, known) > owned.pledge.reminded
            if is_due and await is_free(unit, owned.owner):
                steps.append(_reminding(owned, local, unit.now))
        steps += [
            _telling(one, unit.now) for one in await pledge_questions.waiting(unit) if await is_free(unit, one.user)
        ]
        return steps

    steps = await store.read(look)
    if steps:
        await store.settle(steps)


async def _local(unit: Reading, pledge: Pledge) -> datetime:
    node = await organisations.organisation(unit, pledge.organisation)
    return unit.now.astimezone(ZoneInfo(node.timezone if node is not None else "UTC"))


def _reminding(owned: Owned, local: datetime, now: datetime) -> Step:
    async def decide(unit: Reading) -> Decision | None:
        found = next((one for one in await pledges.to_remind(unit) if one.pledge.id == owned.pledge.id), None)
        if found is None:
            return None
        return rules.remind(found.pledge, found.owner, local, await workdays.calendar(unit))

    # That it happens once rests on what the pledge says of it, which is read again where it is decided.
    return Step(cause=Cause(f"pledge:{owned.pledge.id}:remind:{now.isoformat()}"), decide=decide)


def _telling(waiting: Waiting, now: datetime) -> Step:
    question = waiting.question

    async def decide(unit: Reading) -> Decision | None:
        held = next(
            (
                one
                for one in await pledge_questions.waiting(unit)
                if one.question.id == question.id and (one.owner, one.user) == (waiting.owner, waiting.user)
            ),
            None,
        )
        if held is None:
            return None
        if held.owner:
            asker = await members.member(unit, held.question.member) if held.question.member is not None else None
            signed = asker.name if asker is not None and held.question.named else None
            tell = asked.put_to_owner(held.pledge, held.question, held.user, signed)
        else:
            outcome = await pledges.last_note(unit, held.pledge.id, Sort.CLOSED)
            tell = asked.tell_asker(held.pledge, held.question, held.user, outcome)
        return asked.told(held.question, tell, owner=held.owner, now=unit.now)

    whom = "owner" if waiting.owner else "asker"
    return Step(cause=Cause(f"pledge_question:{question.id}:{whom}:{now.isoformat()}"), decide=decide)
