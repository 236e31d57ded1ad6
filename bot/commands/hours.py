"""学时: one's own learning hours of the year beside the line that is set, in private and to nobody else."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from bot.commands.asking import Asking
from content.decision import Decision, Parameter, Refusal, Tell, Words, words
from content.hours import written
from storage import hours as stored
from storage import organisations
from storage.hours import Learner

RECENT = 5
"""Of what was learned, so much is shown; the rest stands in 我的数据."""


async def hours(asking: Asking) -> Decision | Refusal | None:
    """学时: what counts this year and what it is made of, what is still looked for, and what came last."""
    learner, year = await own(asking)
    if learner is None:
        return None
    lines = [summary(learner, year), *(one.words for one in learner.remarks)]
    lines += [
        words(
            "hours.mine_line",
            day=one.on.isoformat(),
            title=one.title,
            form=(words(f"hours.form_{one.form}"),),
            n=written(one.hundredths),
        )
        for one in learner.credits[: -RECENT - 1 : -1]
    ]
    lines.append(words("hours.mine_wrong"))
    return Decision(effects=(Tell(user=asking.sender, words=words("hours.message", lines=tuple(lines))),))


async def own(asking: Asking) -> tuple[Learner | None, int]:
    """Return the year of who asks, by the clock of their branch."""
    member = asking.member
    node = await organisations.organisation(asking.unit, member.organisation) if member is not None else None
    if member is None or node is None:
        return None, 0
    today = asking.unit.now.astimezone(ZoneInfo(node.timezone)).date()
    (learner,) = await stored.learners(asking.unit, [member], year=today.year, today=today)
    return learner, today.year


def summary(learner: Learner, year: int) -> Words:
    """Say what counts and what it is made of; to whom no line applies, without one."""
    total = learner.total
    parts: dict[str, Parameter] = {
        "year": year,
        "counted": written(total.counted),
        "training": written(total.training),
        "together": written(total.together),
        "alone": written(total.alone),
    }
    if learner.line is None:
        return words("hours.mine", **parts)
    return words("hours.mine_of", line=learner.line, **parts)
