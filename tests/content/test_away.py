"""When somebody who is away is to be registered, told of a report, or contacted; and nothing ever beyond that."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from content.away import Away, Standing, ask_report, contact_due, note, report_due, standing
from content.decision import Decision, Refusal
from content.entries import read
from content.identifiers import MemberId, OrganisationId, UserId
from content.members import Member

WHO = Member(id=MemberId("m"), organisation=OrganisationId("o"), name="尤佳", user=UserId("@you:test"))
AWAY = Away(member=WHO.id, since=date(2026, 1, 10))
NOW = datetime(2026, 7, 10, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(("day", "expected"), [(9, Standing.AWAY), (10, Standing.PROPOSED)])
def test_who_is_away_since_the_tenth_of_january_is_listed_from_the_tenth_of_july(day: int, expected: Standing) -> None:
    assert standing(AWAY, WHO, date(2026, 7, day)) is expected
    assert standing(AWAY, replace(WHO, floating=True), date(2026, 7, day)) is Standing.REGISTERED
    assert standing(None, replace(WHO, floating=True), date(2026, 7, day)) is Standing.UNDATED


def test_contact_with_who_is_abroad_is_due_half_a_year_after_the_last() -> None:
    abroad = replace(AWAY, abroad=True)
    assert contact_due(abroad, date(2026, 2, 1)) == date(2026, 8, 1)
    assert contact_due(abroad, None) == date(2026, 7, 10)
    assert contact_due(AWAY, date(2026, 2, 1)) is None


@pytest.mark.parametrize(
    ("last", "months", "due"),
    [
        (None, 6, date(2026, 7, 10)),
        (None, 3, date(2026, 4, 10)),
        (date(2026, 5, 31), 6, date(2026, 11, 30)),
        (date(2025, 12, 1), 6, date(2026, 7, 10)),
    ],
)
def test_a_report_is_due_half_a_year_or_a_quarter_after_the_last(last: date | None, months: int, due: date) -> None:
    assert report_due(AWAY, last, months=months) == due


def test_a_due_date_is_told_once_and_to_nobody_without_an_account() -> None:
    def ask(member: Member = WHO, asked: date | None = None, day: int = 10) -> Decision | None:
        return ask_report(AWAY, member, None, asked_for=asked, months=6, today=date(2026, 7, day))

    assert ask() is not None
    assert ask(day=9) is None
    assert ask(asked=date(2026, 7, 10)) is None
    assert ask(asked=date(2026, 1, 10)) is not None
    assert ask(replace(WHO, user=None)) is None
    assert ask(replace(WHO, left=NOW)) is None


@pytest.mark.parametrize(
    ("place", "taken"),
    [
        ("四川成都", True),
        ("江苏镇江", True),
        ("", True),
        ("成都市人民南路4段", False),
        ("某街", False),
        ("浙江杭州西湖区", False),
        ("浙江省杭州市桐庐县", False),
        ("广东中山小榄镇", False),
        ("某小区", False),
        ("Oxford Street", False),
        ("内蒙古自治区", True),
        ("香港特别行政区", True),
        ("新疆阿克苏地区", True),
        ("江西景德镇", True),
        ("河南新乡", True),
        ("日本千叶县", True),
        ("Cape Town", True),
        ("远" * 21, False),
    ],
)
def test_where_to_is_a_province_or_a_city_and_no_closer(place: str, taken: bool) -> None:
    answer = note(AWAY, WHO, place=place, contact=None, today=date(2026, 7, 10), by=UserId("@s:test"), now=NOW)
    assert isinstance(answer, Decision if taken else Refusal)
    assert bool(read({"destination": place}, today=date(2026, 7, 10)).refusals) is not taken


def test_what_cannot_be_is_refused_with_its_field() -> None:
    def field(away: Away, contact: Member | None = None) -> str | None:
        answer = note(away, WHO, place="", contact=contact, today=date(2026, 7, 10), by=UserId("@s:test"), now=NOW)
        return answer.field if isinstance(answer, Refusal) else None

    assert field(replace(AWAY, since=date(2026, 7, 11))) == "since"
    assert field(replace(AWAY, returns=date(2026, 1, 9))) == "returns"
    assert field(replace(AWAY, contact=WHO.id), WHO) == "contact"
    assert field(AWAY) is None
