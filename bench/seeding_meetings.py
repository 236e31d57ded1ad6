"""Meetings with their rolls, cases, complaints and sign-ups, beside a seeded history of lessons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from content.complaints import State as ComplaintState
from content.identifiers import derive
from content.notices import Form, State
from content.sign_up_sheets import State as SignUpState
from storage.cases import cases
from storage.complaints import complaints
from storage.meetings import meeting_register, meetings
from storage.sign_ups import sign_ups

FORMS = (Form.PARTY_DAY, Form.ASSEMBLY, Form.PARTY_DAY, Form.LIFE)
EACH_KIND = 1_000
"""So many cases, complaints and sign-ups of all branches."""

Load = Callable[[Any, str, Iterable[Sequence[Any]]], None]


def seed_meetings(
    load: Load,
    held: Iterable[tuple[str, int, str, datetime]],
    branches: Sequence[str],
    members: Sequence[Sequence[tuple[str, str]]],
) -> str:
    """Make a meeting of each (occurrence, place of the branch, lesson, due) and return the last one."""
    rows, register, last = [], [], ""
    for number, (occurrence, branch, lesson, due) in enumerate(held):
        form, begins, last = FORMS[number % len(FORMS)], due + timedelta(hours=1), occurrence
        said = ("一季度工作", ["一项", "二项"], "三楼会议室")
        stands = ("Asia/Shanghai", State.CLOSED, False, "", begins, begins + timedelta(hours=1))
        rows.append((occurrence, branches[branch], lesson, form, *said, begins, 60, *stands))
        register += [(occurrence, member, True, "", "") for member, _ in members[branch]]
    columns = "occurrence_id organisation_id lesson_id form title agenda place begins_at minutes"
    load(meetings, f"{columns} timezone state reminds why held_at closed_at", rows)
    load(meeting_register, "occurrence_id member_id may_vote reason approval", register)
    return last


def seed_moderation(
    load: Load, branches: Sequence[str], members: Sequence[Sequence[tuple[str, str]]], now: datetime
) -> str:
    """Make cases and complaints about members of all branches and return the last case."""
    opened, said, last = [], [], ""
    for number in range(EACH_KIND):
        branch = number % len(branches)
        people, at = members[branch], now - timedelta(hours=7 * number)
        user, by = people[number % len(people)][1], people[0][1]
        last = derive("seed", "case", number)
        opened.append((last, number + 1, branches[branch], user, by, at, at))
        state, *decided = (ComplaintState.OPEN, None, None) if number % 4 == 0 else (ComplaintState.UNFOUNDED, by, at)
        said.append((derive("seed", "complaint", number), branches[branch], user, state, at, at, *decided, False))
    load(cases, "id number organisation_id user_id opened_by opened_at touched_at", opened)
    load(complaints, "id organisation_id user_id state opened_at touched_at decided_by decided_at is_sealed", said)
    return last


def seed_sign_ups(load: Load, branches: Sequence[str], rooms: Sequence[str], author: str, now: datetime) -> str:
    """Make closed sign-ups of all branches and return the last one."""
    made = []
    for number in range(EACH_KIND):
        branch, at = number % len(branches), now - timedelta(hours=9 * number + 48)
        end = at + timedelta(hours=24)
        where = (derive("seed", "sign-up", number), branches[branch], rooms[branch])
        made.append((*where, "植树", 20, SignUpState.CLOSED, author, at, end, end, 12))
    load(sign_ups, "id organisation_id room_id title places state author opened_at closes_at closed_at people", made)
    return str(made[-1][0])
