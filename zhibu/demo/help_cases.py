"""What people of the sample branch need help with: one case new and without a name, one in hand, one closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from typing import Any

from content.decision import Decision, Fact, Secret
from content.help_cases import (
    Category,
    HelpCase,
    HelpCaseAnswered,
    HelpCaseDescribed,
    HelpCaseHanded,
    HelpCaseOpened,
    HelpWords,
    Sort,
    Stage,
    due_on,
)
from content.identifiers import HelpCaseId, HelpWordsId, OrganisationId, UserId
from content.members import Member
from content.workdays import calendar
from storage.unit import Reading

Deciding = Callable[[Reading], Awaitable[Any]]


def steps(
    people: Sequence[Member],
    *,
    branch: OrganisationId,
    organiser: UserId,
    identify: Callable[..., str],
    today: date,
) -> dict[str, Deciding]:
    """Return the steps by which the cases come about; named ones of people who have an account."""
    asking = [one for one in people if one.user is not None and one.user != organiser][:2]

    def words(name: str, sort: Sort, text: str, on: date, by: UserId | None = None) -> HelpWords:
        id = HelpWordsId(identify("help words", name, sort))  # noqa: A001
        return HelpWords(id=id, case=HelpCaseId(identify("help", name)), sort=sort, text=Secret(text), on=on, by=by)

    def opened(number: int, name: str, text: str, days: int, who: Member | None) -> list[Fact]:
        day = today - timedelta(days=days)
        case = HelpCase(
            id=HelpCaseId(identify("help", name)),
            organisation=branch,
            number=number,
            received_on=day,
            due_on=due_on(day, 2, calendar()),
            member=who.id if who is not None else None,
            user=who.user if who is not None else None,
        )
        return [HelpCaseOpened(case=case, said=words(name, Sort.ASKED, text, day))]

    def handled(name: str, answer: str, summary: str, category: Category, stage: Stage, days: int) -> list[Fact]:
        id, day = HelpCaseId(identify("help", name)), today - timedelta(days=days)  # noqa: A001
        said = words(name, Sort.ANSWER, answer, day, organiser)
        line = words(name, Sort.SUMMARY, summary, day, organiser)
        return [
            HelpCaseHanded(case=id, organisation=branch, owner=organiser, stage=Stage.ACCEPTED, on=day),
            HelpCaseAnswered(case=id, organisation=branch, before=Stage.ACCEPTED, stage=stage, on=day, said=said),
            HelpCaseDescribed(case=id, organisation=branch, category=category, texts=(line,)),
        ]

    facts: list[Fact] = []
    for number, (name, text, days, done) in enumerate(
        (
            (
                "shift",
                "家里老人住院，这个月想调白班",
                9,
                handled("shift", "已和车间说好，下周起排白班", "家属住院，申请调班", Category.WORK, Stage.CLOSED, 6),
            ),
            (
                "heating",
                "宿舍三楼暖气不热",
                5,
                handled("heating", "物业周四来修，修好前先借电暖器", "宿舍供暖", Category.FACILITIES, Stage.IN_HAND, 4),
            ),
        ),
        start=1,
    ):
        if number <= len(asking):
            facts += [*opened(number, name, text, days, asking[number - 1]), *done]
    facts += opened(len(asking) + 1, "meal", "夜班吃不上热饭，不好意思当面提", 0, None)

    async def help_cases(_: Reading) -> Any:
        return Decision(facts=tuple(facts))

    return {"help_cases": help_cases}
