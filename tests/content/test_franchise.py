"""Who may not vote, and why: the roster is asked for a day, and what it does not say is no yes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from content.franchise import Bar, why_not
from content.identifiers import MemberId, OrganisationId
from content.members import Member

DAY = date(2026, 7, 15)
FULL = Member(
    id=MemberId("zhang"),
    organisation=OrganisationId("east"),
    name="张明",
    category="正式党员",
    joined="2020-07-01",
    full_since="2021-07-01",
    status="正常",
)


def test_a_full_member_with_rights_may_vote() -> None:
    assert why_not(FULL, on=DAY) == ()


@pytest.mark.parametrize(
    ("change", "bars"),
    [
        ({"category": "预备党员"}, [Bar.PROBATIONARY]),
        ({"category": "入党积极分子"}, [Bar.NO_MEMBER]),
        ({"category": ""}, [Bar.UNKNOWN]),
        ({"status": "留党察看一年"}, [Bar.WATCHED]),
        ({"status": "留置"}, [Bar.SUSPENDED]),
        ({"status": "停止党籍"}, [Bar.ENDED]),
        ({"full_since": "2026-07-16"}, [Bar.NOT_YET_FULL]),
        ({"full_since": "2026-07-15"}, []),
        ({"full_since": "2026-07"}, []),
        ({"full_since": "2026-08"}, [Bar.NOT_YET_FULL]),
        ({"joined": "2026-07-16", "category": "预备党员"}, [Bar.NOT_YET_ON_ROLL, Bar.PROBATIONARY]),
        ({"category": "预备党员", "status": "留党察看"}, [Bar.PROBATIONARY, Bar.WATCHED]),
    ],
)
def test_each_reason_is_named(change: dict[str, Any], bars: list[Bar]) -> None:
    """Rules of section 2: 预备党员 and 留党察看 have no vote, nobody who is not a full member on that day has one."""
    assert [reason.bar for reason in why_not(replace(FULL, **change), on=DAY)] == bars


@pytest.mark.parametrize(("left_on", "bars"), [(date(2026, 7, 15), [Bar.NOT_ON_ROLL]), (date(2026, 7, 16), [])])
def test_who_has_left_by_that_day_is_not_on_the_roll(left_on: date, bars: list[Bar]) -> None:
    assert [reason.bar for reason in why_not(FULL, on=DAY, left_on=left_on)] == bars
