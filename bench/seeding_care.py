"""Dues over years, help cases, pledges, and members who are away, beside a seeded history of lessons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from content.away import Reason
from content.dues import Category, Kind, count_of, month_at, month_of
from content.dues_ledger import Method
from content.dues_ledger import Sort as Entered
from content.help_cases import Stage
from content.identifiers import derive
from content.pledges import Party, State
from content.pledges import Sort as Said
from storage.away import away, away_contacts
from storage.dues import dues_assessments, dues_entries, dues_handovers
from storage.help_cases import help_cases
from storage.pledges import pledge_entries, pledges
from storage.thought_reports import thought_reports

MONTHS = 24
"""So many months of dues stand behind each member, this one not among them."""

EACH_QUARTER = 3
FEN = 7_500
EACH_KIND = 1_000
"""So many help cases and pledges of all branches."""

AWAY = 300
"""So many members who are away."""

Load = Callable[[Any, str, Iterable[Sequence[Any]]], None]
Members = Sequence[Sequence[tuple[str, str]]]


def seed_dues(load: Load, branches: Sequence[str], members: Members, by: str, now: datetime) -> None:
    """Fix dues for everyone, have all but one of each branch pay each month, and hand over each quarter."""
    this = count_of(month_of(now.date()))
    months = [month_at(this - back) for back in range(MONTHS, 0, -1)]
    years = sorted({f"{one[:4]}-01" for one in months})

    def fixed() -> Iterator[tuple[Any, ...]]:
        for branch, people in zip(branches, members, strict=True):
            for member, _ in people:
                for since in years:
                    key = derive("seed", "assessment", member, since)
                    yield key, member, branch, Kind.FULL, Category.EMPLOYED, FEN, since, by, now, False

    def paid() -> Iterator[tuple[Any, ...]]:
        for branch, people in zip(branches, members, strict=True):
            for place, month in enumerate(months):
                on = date.fromisoformat(f"{month}-05")
                left_out = place % len(people)
                for member, _ in (*people[:left_out], *people[left_out + 1 :]):
                    key = derive("seed", "dues", member, month)
                    how = (Entered.PAYMENT, month, FEN, on, Method.CASH, False)
                    yield key, member, branch, *how, by, now, False

    def handed() -> Iterator[tuple[Any, ...]]:
        for branch, people in zip(branches, members, strict=True):
            for place in range(EACH_QUARTER, MONTHS, EACH_QUARTER):
                each, first, last = len(people) - 1, months[place - EACH_QUARTER], months[place - 1]
                days = [
                    date.fromisoformat(f"{month}-{day}") for month, day in ((first, "05"), (last, "05"), (last, "20"))
                ]
                sums = (EACH_QUARTER * len(people) * FEN, *[EACH_QUARTER * each * FEN] * 2)
                key = derive("seed", "handover", branch, place)
                yield key, branch, place * each, *days, len(people), len(people), *sums, by, now, False

    load(dues_assessments, "id member_id organisation_id kind category fen since by_user at is_sealed", fixed())
    columns = "id member_id organisation_id sort month fen on_day method central by_user at is_sealed"
    load(dues_entries, columns, paid())
    columns = "id organisation_id entries since through on_day due_people paid_people due received handed by_user at"
    load(dues_handovers, f"{columns} is_sealed", handed())


def seed_help_cases(load: Load, branches: Sequence[str], members: Members, owner: str, now: datetime) -> str:
    """Make help cases of all branches, one in four of them open, and return the last one."""
    made = []
    for number in range(EACH_KIND):
        branch, on = number % len(branches), (now - timedelta(hours=8 * number)).date()
        member, user = members[branch][number % len(members[branch])]
        stage, *ended = (Stage.IN_HAND, None) if number % 4 == 0 else (Stage.CLOSED, on + timedelta(days=9))
        key = derive("seed", "help case", number)
        days = (on, on + timedelta(days=2), on + timedelta(days=1), *ended)
        made.append((key, branches[branch], number + 1, stage, *days, member, user, owner, "facilities"))
    columns = "id organisation_id number stage received_on due_on answered_on ended_on member_id user_id owner category"
    load(help_cases, columns, made)
    return str(made[-1][0])


def seed_pledges(load: Load, branches: Sequence[str], members: Members, author: str, now: datetime) -> str:
    """Make pledges of all branches, half of them open, each with three lines of history, and return the last one."""
    made, said = [], []
    for number in range(EACH_KIND):
        branch, at = number % len(branches), now - timedelta(days=number % 300)
        owner, _ = members[branch][number % len(members[branch])]
        key, due = derive("seed", "pledge", number), at.date() + timedelta(days=200)
        words = (Party.BRANCH, owner, "给二号站台加装扶手", "两侧都装上", due, at.date(), at.date())
        state = State.OPEN if number % 2 else State.DONE
        made.append((key, branches[branch], number // len(branches) + 1, *words, state, 60, 0, "", author, at))
        for step in range(3):
            line = derive("seed", "pledge line", number, step)
            said.append((line, key, Said.PROGRESS, at.date(), at, "材料到货", 20 * step, author))
    columns = "id organisation_id number party owner_id matter measure due due_set updated state percent reminded"
    load(pledges, f"{columns} review author made_at", made)
    load(pledge_entries, "id pledge_id sort on at note percent by_user", said)
    return str(made[-1][0])


def seed_away(load: Load, members: Members, by: str, now: datetime) -> None:
    """Have members of all branches be away, each with three contacts and two thought reports."""
    gone, seen, told = [], [], []
    for number in range(min(AWAY, sum(map(len, members)))):
        people = members[number % len(members)]
        member, user = people[number // len(members) % len(people)]
        contact = people[0][0]
        since = now.date() - timedelta(days=200 + number % 500)
        gone.append((member, since, number % 50 == 0, Reason.WORK, "", "", contact, by, now))
        for step in range(3):
            seen.append((derive("seed", "contact", number, step), member, since + timedelta(days=60 * step), by, now))
        for step in range(2):
            at = now - timedelta(days=170 * step + number % 100)
            told.append((derive("seed", "report", number, step), member, user, at, at, at, False))
    load(away, "member_id since abroad reason card host contact_id noted_by noted_at", gone)
    load(away_contacts, "id member_id on_day by_user noted_at", seen)
    load(thought_reports, "id member_id author begun_at touched_at handed_in_at is_sealed", told)
