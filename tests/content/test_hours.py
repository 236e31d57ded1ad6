"""Learning hours are whole hundredths, only what is learned together counts, and each expectation is one plain line."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from content import hours
from content.decision import Decision, Refusal
from content.franchise import FULL, PROBATIONARY
from content.hours import Counts, Credit, Form, Office, Rules, Sum, Unit, Wanted, add, remarks, worth, written
from content.identifiers import Cause, MemberId, OccurrenceId, OrganisationId, TermId, UserId
from content.lessons import Kind
from content.members import Member
from content.notices import Form as Gathering
from content.terms import Seat, Term

RULES = Rules(member=32, committee=56, hour=60, help_below=8, help_from=10)
ZHANG = Member(id=MemberId("zhang"), organisation=OrganisationId("east"), name="张明", category=FULL)
TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
WANTED = Wanted(
    on=date(2026, 11, 20), title="党务 培训班", form=Form.TRAINING, amount=1, unit=Unit.DAY, reason="结业证"
)


def credit(form: Form, hundredths: int) -> Credit:
    return Credit(on=TODAY, title="学习", form=form, hundredths=hundredths)


def said(member: Member, held: Office, total: Sum, *trainings: date, year: int = 2026) -> list[tuple[bool, str]]:
    found = remarks(member, held, RULES, total=total, trainings=trainings, year=year, today=TODAY)
    return [(one.met, one.words.key) for one in found]


def test_a_day_half_a_day_and_ten_hours_alone_are_twelve_of_thirty_two() -> None:
    """STU-1, STU-5, STU-6."""
    day, half = worth(1, Unit.DAY, hour=60), worth(1, Unit.HALF_DAY, hour=60)
    total = add([credit(Form.TRAINING, day), credit(Form.TOGETHER, half), credit(Form.ALONE, 1000)])
    assert (written(total.counted), written(total.alone)) == ("12", "10")
    assert hours.line_of(ZHANG, Office(), RULES) == 32


@pytest.mark.parametrize(
    ("amount", "unit", "hour", "shown"),
    [
        (90, Unit.MINUTE, 45, "2"),
        (90, Unit.MINUTE, 60, "1.5"),
        (1, Unit.HOUR, 45, "1"),
        (3, Unit.DAY, 45, "24"),
        (8, Unit.MINUTE, 60, "0.13"),
        (20, Unit.MINUTE, 60, "0.33"),
        (6, Unit.MINUTE, 60, "0.1"),
    ],
)
def test_minutes_are_reckoned_by_the_length_of_an_hour(amount: int, unit: Unit, hour: int, shown: str) -> None:
    """STU-5."""
    assert written(worth(amount, unit, hour=hour)) == shown


@given(st.lists(st.tuples(st.sampled_from(Form), st.integers(0, 100_000)), max_size=40))
def test_what_a_sheet_lists_adds_up_to_what_it_says_below(parts: list[tuple[Form, int]]) -> None:
    total = add(credit(form, hundredths) for form, hundredths in parts)
    listed = sum(hundredths for form, hundredths in parts if form in hours.COUNTED)
    assert total.counted == listed
    assert total.counted + total.alone == sum(hundredths for _, hundredths in parts)


def test_a_lesson_in_chat_is_learned_alone_and_an_event_is_no_learning_until_somebody_says_so() -> None:
    """STU-6."""
    assert hours.usual(Kind.LESSON, 15, hour=60) == Counts(form=Form.ALONE, hundredths=25)
    assert hours.usual(Kind.EVENT, 90, hour=60) == Counts(form=None)


def test_at_a_seminar_and_a_party_lecture_all_learn_together_and_an_assembly_is_no_learning() -> None:
    """STU-6."""
    for gathering in (Gathering.SEMINAR, Gathering.LECTURE):
        assert hours.learned_at(gathering, 90, hour=45) == Counts(form=Form.TOGETHER, hundredths=200)
    assert hours.learned_at(Gathering.ASSEMBLY, 90, hour=45) == Counts(form=None)


def test_a_committee_member_with_sixty_hours_and_no_training_has_one_line() -> None:
    """STU-2."""
    sits, sixty = Office(sits=True), Sum(together=6000)
    assert said(ZHANG, sits, sixty) == [(False, "hours.committee_training")]
    assert said(ZHANG, sits, sixty, date(2025, 12, 31)) == [(False, "hours.committee_training")]
    assert said(ZHANG, sits, sixty, date(2026, 1, 1)) == [(True, "hours.committee_met")]
    assert said(ZHANG, sits, Sum(training=5599), TODAY) == [(False, "hours.committee_hours")]
    assert said(ZHANG, sits, Sum(training=800)) == [(False, "hours.committee_both")]
    assert said(ZHANG, Office(), sixty) == []
    assert hours.line_of(ZHANG, sits, RULES) == 56


def test_a_new_secretary_has_six_months_for_a_training_of_any_year() -> None:
    """STU-3."""
    new = Office(secretary_since=date(2026, 9, 1))
    nothing = Sum()
    assert said(ZHANG, new, nothing) == [(False, "hours.secretary_until")]
    assert said(ZHANG, new, nothing, date(2026, 8, 31)) == [(False, "hours.secretary_until")]
    assert said(ZHANG, new, nothing, date(2027, 3, 1)) == [(True, "hours.secretary_met")]
    assert said(ZHANG, new, nothing, date(2027, 3, 2), year=2027) == [(False, "hours.secretary_until")]
    assert said(ZHANG, new, nothing, year=2028) == []


def test_in_probation_and_for_a_year_after_it_a_training_is_looked_for() -> None:
    """STU-4."""
    probation = replace(ZHANG, category=PROBATIONARY, joined="2026-03")
    assert said(probation, Office(), Sum()) == [(False, "hours.probation_open")]
    assert said(probation, Office(), Sum(), date(2026, 3, 1)) == [(True, "hours.probation_met")]
    assert said(probation, Office(), Sum(), date(2026, 2, 28)) == [(False, "hours.probation_open")]
    lately = replace(ZHANG, joined="2024-11-24", full_since="2025-11-24")
    assert said(lately, Office(), Sum(), date(2025, 1, 5)) == [(True, "hours.probation_met")]
    assert said(replace(lately, full_since="2025-11-23"), Office(), Sum()) == []
    assert said(replace(lately, full_since="不详"), Office(), Sum()) == []


def test_help_is_offered_late_in_the_year_and_to_members_of_the_party_only() -> None:
    """STU-8."""
    few, enough = Sum(together=799, alone=5000), Sum(training=800)
    ask = hours.could_use_help
    assert ask(few, 32, RULES, year=2026, today=date(2026, 10, 1))
    assert not ask(few, 32, RULES, year=2026, today=date(2026, 9, 30))
    assert not ask(enough, 32, RULES, year=2026, today=TODAY)
    assert not ask(few, None, RULES, year=2026, today=TODAY)
    assert hours.line_of(replace(ZHANG, category="入党积极分子"), Office(), RULES) is None


def test_who_is_secretary_again_is_not_new() -> None:
    def term(day: str, *seats: tuple[str, str]) -> Term:
        return Term(
            id=TermId(day),
            organisation=OrganisationId("east"),
            elected_on=date.fromisoformat(day),
            years=3,
            seats=tuple(Seat(member=MemberId(member), post=post) for member, post in seats),
        )

    newest, before = term("2026-01-10", ("zhang", "书记")), term("2023-01-10", ("zhang", "书记"), ("li", "委员"))
    oldest = term("2020-01-10", ("li", "书记"), ("zhang", "委员"))
    assert hours.office([(newest, before, oldest)], MemberId("zhang")).secretary_since == date(2023, 1, 10)
    assert hours.office([(newest, before, oldest)], MemberId("li")) == Office()
    assert hours.office([(before,)], MemberId("li")) == Office(sits=True)


def record(
    wanted: Wanted = WANTED, *, known: frozenset[tuple[MemberId, date, str]] = frozenset()
) -> Decision | Refusal:
    return hours.record(
        wanted, [(ZHANG, RULES)], known=known, by=UserId("@li:test"), cause=Cause("form:x"), now=NOW, today=TODAY
    )


def test_what_is_entered_by_hand_says_why_and_by_whom() -> None:
    answer = record()
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, hours.HoursRecorded)
    one = fact.hours
    assert (one.hundredths, one.title, one.reason, one.by) == (800, "党务 培训班", "结业证", "@li:test")
    back = hours.take_back(one, by=UserId("@wang:test"), now=NOW)
    assert isinstance(back, Decision)
    assert isinstance(hours.take_back(replace(one, taken_back=NOW), by=one.by, now=NOW), Refusal)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"title": " "}, "hours.no_title"),
        ({"title": "长" * 101}, "hours.long_title"),
        ({"on": date(2026, 11, 25)}, "hours.in_future"),
        ({"on": date(2024, 1, 1)}, "hours.long_ago"),
        ({"amount": 0}, "hours.amount"),
        ({"amount": 401}, "hours.amount"),
        ({"reason": "\n"}, "hours.why"),
        ({"reason": "长" * 201}, "hours.long_reason"),
    ],
)
def test_what_cannot_be_entered_says_why(changed: dict[str, object], why: str) -> None:
    answer = record(replace(WANTED, **changed))
    assert isinstance(answer, Refusal)
    assert answer.words.key == why


def test_the_same_is_not_entered_twice() -> None:
    answer = record(known=frozenset({(ZHANG.id, WANTED.on, "党务 培训班")}))
    assert isinstance(answer, Refusal)
    assert answer.words.key == "hours.twice"


def test_what_an_occurrence_counts_as_is_said_and_left_to_what_is_usual_again() -> None:
    def said(form: str, amount: int = 2) -> Decision | Refusal:
        return hours.count_as(OccurrenceId("o"), OrganisationId("east"), form, amount, Unit.HOUR, hour=45)

    def counted(form: str) -> Counts | None:
        answer = said(form)
        assert isinstance(answer, Decision)
        (fact,) = answer.facts
        assert isinstance(fact, hours.LearningCounted)
        return fact.counts

    assert counted("training") == Counts(form=Form.TRAINING, hundredths=200)
    assert counted("none") == Counts(form=None)
    assert counted("usual") is None
    assert isinstance(said("together", 0), Refusal)
