"""Pledges at the console: one of our branch that is past its day, with questions, and one of the neighbour's."""

from __future__ import annotations

from datetime import timedelta

from content import pledges as rules
from content.identifiers import EventId, PledgeEntryId, PledgeId, PledgeQuestionId, derive
from content.pledge_questions import PledgeQuestioned, Question
from content.pledges import Entry, Party, Pledge, Sort
from tests.console.console_house import House
from tests.console.console_seeding import SECRETARY, put

OWN_PLEDGE, FAR_PLEDGE = (PledgeId(derive("seed pledge", where)) for where in ("one", "far"))
FIRST, SECOND = (PledgeQuestionId(derive("seed pledge question", number)) for number in (1, 2))


def put_pledge_down(house: House, where: str = "one") -> Pledge:
    """Put a pledge down; to ours two questions were asked, the second of them with a name."""
    far = where == "far"
    today = house.store.now().date()
    member = house.seeded.members["安邻" if far else "白云"]
    one = Pledge(
        id=FAR_PLEDGE if far else OWN_PLEDGE,
        organisation=house.seeded.organisations[where],
        number=3,
        party=Party.BRANCH,
        matter="邻队的承诺" if far else "给站台加装扶手",
        measure="四个站台都装上",
        owner=member,
        due=today - timedelta(days=30),
        due_set=today - timedelta(days=90),
        updated=today - timedelta(days=21),
        percent=60,
    )
    entry = Entry(
        id=PledgeEntryId(derive("seed pledge entry", where)),
        pledge=one.id,
        sort=Sort.PROGRESS,
        on=one.updated,
        at=house.store.now() - timedelta(days=21),
        note="=扶手已到货",
        percent=60,
        by=SECRETARY,
    )
    facts: list[rules.Fact] = [
        rules.PledgeMade(pledge=one, by=SECRETARY, at=house.store.now()),
        rules.PledgeProgressed(pledge=one, entry=entry),
    ]
    if not far:
        facts += [
            PledgeQuestioned(
                question=Question(
                    id=id,
                    pledge=one.id,
                    number=number,
                    text=f"第{number}问",
                    asked_at=house.store.now(),
                    member=house.seeded.members["陈晨"],
                    event=EventId(f"$pledge{number}"),
                    named=number == 2,
                ),
                pledge=one.id,
            )
            for number, id in enumerate((FIRST, SECOND), start=1)
        ]
    for number, fact in enumerate(facts):
        house.run(put(house.store, f"pledge {where} {number}", fact))
    return one
