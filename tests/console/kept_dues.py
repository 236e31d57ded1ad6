"""A branch whose dues are kept: fixed for three members, one of whom has paid, and some of it handed over."""

from __future__ import annotations

from datetime import date

from content.dues import Assessment, Category, DuesAssessed, DuesQuestioned, Kind, Question
from content.dues_handovers import DuesHandedOver, Handover
from content.dues_ledger import DuesEntered, Entry, Method, Sort
from content.identifiers import AssessmentId, DuesEntryId, DuesQuestionId, HandoverId, UserId
from content.organisations import Duty, DutyGranted, Role
from tests.console.console_house import House
from tests.console.console_seeding import NOW, SECRETARY

PAYERS = ("白云", "陈晨", "丁一")


def handle(house: House, user: UserId = SECRETARY, where: str = "one", role: Role = Role.ORGANISING_MEMBER) -> None:
    """Let somebody handle the dues of a branch."""
    duty = Duty(user=user, organisation=house.seeded.organisations[where], role=role)
    house.run(house.store.settle(notes=[DutyGranted(duty=duty)]))


def keep_dues(house: House) -> None:
    """Put the dues of the first branch into the store, and let the secretary handle them."""
    handle(house)
    at, people = house.seeded.organisations["one"], house.seeded.members
    fixed = [
        Assessment(
            id=AssessmentId(f"fixed{name}"),
            member=people[name],
            organisation=at,
            kind=Kind.FULL,
            category=Category.EMPLOYED,
            fen=7500,
            since="2026-01",
            note="年初核定",
            by=SECRETARY,
            at=NOW,
        )
        for name in PAYERS
    ]
    paid = Entry(
        id=DuesEntryId("paid"),
        member=people["白云"],
        organisation=at,
        sort=Sort.PAYMENT,
        month="2026-10",
        fen=7500,
        on=date(2026, 10, 8),
        method=Method.CASH,
        by=SECRETARY,
        at=NOW,
        payer="陈晨",
        receipt="0012",
    )
    more = Entry(
        id=DuesEntryId("more"),
        member=people["白云"],
        organisation=at,
        sort=Sort.PAYMENT,
        month="2026-11",
        fen=5000,
        on=date(2026, 11, 9),
        method=Method.TRANSFER,
        by=SECRETARY,
        at=NOW,
    )
    handed = Handover(
        id=HandoverId("handed"),
        organisation=at,
        entries=1,
        since=date(2026, 10, 8),
        through=date(2026, 10, 31),
        on=date(2026, 11, 2),
        due_people=3,
        paid_people=1,
        due=22_500,
        received=7500,
        handed=7500,
        receiver="检修车间党总支",
        receipt="88",
        handler="何川",
        by=SECRETARY,
        at=NOW,
    )
    asked = Question(
        id=DuesQuestionId("asked"),
        member=people["陈晨"],
        organisation=at,
        user=UserId("@m2:example.org"),
        text="去年退休了",
        asked_at=NOW,
    )
    notes = [
        *(DuesAssessed(member=one.member, assessment=one) for one in fixed),
        DuesEntered(member=paid.member, entry=paid),
        DuesEntered(member=more.member, entry=more),
        DuesHandedOver(handover=handed),
        DuesQuestioned(member=asked.member, question=asked),
    ]
    house.run(house.store.settle(notes=notes))
