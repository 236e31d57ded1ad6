"""Dues by the table of the rules, which months are due, and after how many without a payment somebody is spoken to."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from content import dues
from content.decision import Decision, Refusal, words
from content.dues import (
    Assessment,
    Category,
    DuesAssessed,
    Kind,
    Month,
    Reminder,
    State,
    Wanted,
    arrears,
    assess,
    month_of,
    months,
    rate_of,
    reckon,
    reminder_for,
    since_fixed,
    span,
    stretches,
    written,
)
from content.franchise import FULL, PROBATIONARY
from content.identifiers import AssessmentId, Cause, MemberId, OrganisationId, UserId
from content.members import Member

ROOT = Path(__file__).parents[2]
EAST, ME = OrganisationId("east"), UserId("@zuzhi:test")
ZHANG = Member(id=MemberId("zhang"), organisation=EAST, name="张明", category=FULL, user=UserId("@zhang:test"))
TODAY, NOW = date(2026, 7, 28), datetime(2026, 7, 28, 1, tzinfo=UTC)
SHOWN = {"first": "2026-02", "last": "2027-07"}
WANTED = Wanted(kind=Kind.FULL, category=Category.EMPLOYED, base="5009", since="2026-01", note="")


def fixed(fen: int = 7500, since: str = "2025-01", kind: Kind = Kind.FULL) -> Assessment:
    return Assessment(
        id=AssessmentId(f"a{since}"),
        member=ZHANG.id,
        organisation=EAST,
        kind=kind,
        category=Category.EMPLOYED,
        fen=fen,
        since=since,
        note="",
        by=ME,
        at=NOW,
    )


def refusal_of(wanted: Wanted, *before: Assessment, member: Member = ZHANG) -> str:
    answer = assess(member, EAST, wanted, before, by=ME, cause=Cause("form:x"), now=NOW, today=TODAY)
    assert isinstance(answer, Refusal)
    return answer.words.key


@pytest.mark.parametrize(
    ("category", "base", "due"),
    [
        (Category.EMPLOYED, "400", "2.00"),
        (Category.EMPLOYED, "3000", "15.00"),
        (Category.EMPLOYED, "3000.01", "30.00"),
        (Category.EMPLOYED, "4500", "45.00"),
        (Category.EMPLOYED, "5000", "50.00"),
        (Category.EMPLOYED, "5000.01", "75.00"),
        (Category.EMPLOYED, "10000", "150.00"),
        (Category.EMPLOYED, "10000.01", "200.00"),
        (Category.EMPLOYED, "6789", "101.84"),
        (Category.EMPLOYED, "5009", "75.14"),
        (Category.EMPLOYED, "2401", "12.01"),
        (Category.EMPLOYED, "3650.50", "36.51"),
        (Category.EMPLOYED, "　１０，０００ 元", "150.00"),
        (Category.RETIRED, "5000", "25.00"),
        (Category.RETIRED, "5000.01", "50.00"),
        (Category.RETIRED, "3600", "18.00"),
        (Category.STUDENT, "", "0.20"),
        (Category.FLAT, "0.5", "0.50"),
    ],
)
def test_the_whole_base_is_reckoned_at_one_rate_and_rounded_half_up(category: Category, base: str, due: str) -> None:
    """DUE-1 to DUE-10, with every oracle of the table."""
    fen = reckon(category, base)
    assert isinstance(fen, int)
    assert written(fen) == due


@pytest.mark.parametrize(
    ("base", "key"),
    [
        ("", "dues.no_sum"),
        ("  ", "dues.no_sum"),
        ("-1", "dues.negative_sum"),
        ("−3000", "dues.negative_sum"),
        ("五千", "dues.not_a_sum"),
        ("12,50", "dues.not_a_sum"),
        ("5,0,0", "dues.not_a_sum"),
        ("NaN", "dues.not_a_sum"),
        ("1e4", "dues.not_a_sum"),
        ("3000.001", "dues.not_a_sum"),
        ("99999999999", "dues.not_a_sum"),
        ("0", "dues.zero_sum"),
    ],
)
def test_a_base_that_is_no_sum_is_an_error_with_words_and_never_nought(base: str, key: str) -> None:
    answer = reckon(Category.EMPLOYED, base)
    assert isinstance(answer, Refusal)
    assert (answer.words.key, answer.field) == (key, "base")


def test_a_year_is_twelve_times_the_rounded_month() -> None:
    """DUE-14: 75.00 a month are 900.00 a year."""
    year = months(ZHANG, [fixed()], {}, first="2026-01", last="2026-12")
    assert written(sum(one.due for one in year)) == "900.00"


def test_the_rate_follows_from_what_is_due_so_that_neither_it_nor_the_base_is_kept() -> None:
    """DUE-21."""
    for base, rate in (("400", "0.5%"), ("3000.01", "1%"), ("5009", "1.5%"), ("10000.01", "2%")):
        fen = reckon(Category.EMPLOYED, base)
        assert isinstance(fen, int)
        assert rate_of(Category.EMPLOYED, fen) == rate
    assert rate_of(Category.EMPLOYED, 2000) is None, "no base of the table comes to this"
    answer = assess(ZHANG, EAST, WANTED, (), by=ME, cause=Cause("form:x"), now=NOW, today=TODAY)
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, DuesAssessed)
    assert fact.assessment.fen == 7514
    assert "5009" not in repr(answer)


def test_a_change_asks_for_a_reason_and_less_for_its_basis() -> None:
    """DUE-12."""
    assert refusal_of(WANTED, fixed(since="2026-01")) == "dues.no_reason"
    assert refusal_of(replace(WANTED, kind=Kind.EXEMPT)) == "dues.no_basis"
    assert refusal_of(replace(WANTED, kind=Kind.REDUCED)) == "dues.no_basis"
    assert refusal_of(WANTED, fixed(since="2026-03")) == "dues.takes_place"
    assert refusal_of(replace(WANTED, since="7月")) == "dues.no_month"
    assert refusal_of(WANTED, member=replace(ZHANG, category="入党积极分子")) == "dues.no_member"
    assert refusal_of(WANTED, member=replace(ZHANG, left=NOW)) == "dues.has_left"
    next_year = assess(ZHANG, EAST, WANTED, (fixed(),), by=ME, cause=Cause("form:x"), now=NOW, today=TODAY)
    assert isinstance(next_year, Decision), "a new year is no change"


def test_what_was_fixed_later_holds_from_its_month_on_and_puts_a_wrong_month_right() -> None:
    """A typed month that is wrong, too late or too early, is put right by fixing it again with the reason."""
    typo = fixed(since="2027-07")
    right = assess(
        ZHANG,
        EAST,
        replace(WANTED, since="2026-03", note="月份写错"),
        (typo,),
        by=ME,
        cause=Cause("form:x"),
        now=NOW,
        today=TODAY,
    )
    assert isinstance(right, Decision)
    held = [typo, right.facts[0].assessment]  # type: ignore[attr-defined]
    found = {one.month: one for one in months(ZHANG, held, {"2026-03": 8000, "2026-04": 7000}, **SHOWN)}
    assert [(one.state, one.due) for one in found.values()] == [
        (State.UNKNOWN, 0),
        (State.PAID, 7514),
        (State.PART, 7514),
        *[(State.DUE, 7514)] * 15,
    ]
    assert (found["2026-03"].over, found["2026-04"].owed) == (486, 514), "what was paid is over, or too little"
    assert stretches(held) == {held[1].id: ("2026-03", None)}
    year = replace(fixed(9000, "2027-01"), id=AssessmentId("year"))
    assert stretches([*held, year]) == {held[1].id: ("2026-03", "2026-12"), year.id: ("2027-01", None)}
    assert refusal_of(replace(WANTED, since="2027-07"), *held, year) == "dues.no_reason"
    unpaid = months(ZHANG, held[:1], {"2026-03": 100}, **SHOWN)[1]
    assert (unpaid.state, unpaid.over) == (State.UNKNOWN, 0), "where nothing is fixed nothing is too much"


def test_the_first_month_is_that_of_the_meeting_which_took_somebody_in() -> None:
    """DUE-15: taken in on 2026-07-15, July is due."""
    new = replace(ZHANG, category=PROBATIONARY, joined="2026-07-15")
    found = months(new, [fixed()], {}, first="2026-05", last="2026-08")
    assert [(one.month, one.state) for one in found] == [("2026-07", State.DUE), ("2026-08", State.DUE)]
    gone = replace(ZHANG, left=NOW)
    assert [one.month for one in months(gone, [fixed()], {}, first="2026-06", last="2026-09")] == ["2026-06", "2026-07"]


def test_each_month_stands_by_what_held_then_and_what_came_for_it() -> None:
    held = [fixed(), fixed(2000, "2026-03", Kind.REDUCED), fixed(0, "2026-04", Kind.EXEMPT)]
    found = months(ZHANG, held, {"2026-01": 7500, "2026-02": 100}, first="2024-12", last="2026-04")
    last = {one.month: (one.state, one.owed, one.reduced) for one in found}
    assert last["2024-12"] == (State.UNKNOWN, 0, False)
    assert last["2026-01"] == (State.PAID, 0, False)
    assert last["2026-02"] == (State.PART, 7400, False)
    assert last["2026-03"] == (State.DUE, 2000, True)
    assert last["2026-04"] == (State.EXEMPT, 0, False)


def standing(paid: tuple[str, ...], *held: Assessment) -> tuple[Month, ...]:
    return months(ZHANG, held or (fixed(),), dict.fromkeys(paid, 7500), first="2025-07", last="2026-12")


@pytest.mark.parametrize(
    ("today", "k", "said"),
    [
        ("2026-02-28", 0, None),
        ("2026-03-01", 1, None),
        ("2026-04-01", 2, None),
        ("2026-04-30", 2, None),
        ("2026-05-01", 3, Reminder.NUDGE),
        ("2026-06-01", 4, None),
        ("2026-07-01", 5, Reminder.NOTE),
        ("2026-08-01", 6, None),
        ("2026-09-01", 7, None),
    ],
)
def test_paid_up_to_january_somebody_is_spoken_to_in_may_and_in_july_alone(
    today: str, k: int, said: Reminder | None
) -> None:
    """DUE-17: a month is unpaid once it has ended."""
    run = arrears(standing(span("2025-07", "2026-01")), date.fromisoformat(today))
    assert len(run) == k
    assert reminder_for(run, {}, is_handled=True) is said if run else said is None


def test_a_payment_for_the_oldest_month_lowers_the_run_and_exempt_months_are_passed_over() -> None:
    """DUE-17."""
    paid, may = span("2025-07", "2026-01"), date(2026, 5, 1)
    assert arrears(standing((*paid, "2026-02")), may) == ("2026-03", "2026-04")
    exempt = (fixed(), fixed(0, "2026-03", Kind.EXEMPT), fixed(since="2026-04"))
    assert arrears(standing(paid, *exempt), may) == ("2026-02", "2026-04")
    part = months(ZHANG, [fixed()], {"2026-01": 7500, "2026-02": 1}, first="2026-01", last="2026-05")
    assert arrears(part, may) == ("2026-03", "2026-04")


def test_nothing_is_said_twice_of_one_run_and_a_new_run_is_spoken_of_anew() -> None:
    told = {Reminder.NUDGE: "2026-04"}
    assert reminder_for(("2026-03", "2026-04", "2026-05"), told, is_handled=True) is None, (
        "the oldest was paid, April still is not"
    )
    assert reminder_for(("2026-05", "2026-06", "2026-07"), told, is_handled=True) is Reminder.NUDGE
    assert reminder_for(span("2026-02", "2026-06"), told, is_handled=True) is Reminder.NOTE


def test_the_note_waits_for_somebody_who_can_hear_it_and_is_not_lost() -> None:
    """DUE-17: those above are asked once to name somebody; who is named later is told, once."""
    five, six = span("2026-02", "2026-06"), span("2026-02", "2026-07")
    assert reminder_for(five, {}, is_handled=False) is Reminder.NOBODY
    asked = {Reminder.NOBODY: "2026-06"}
    assert reminder_for(five, asked, is_handled=False) is None
    assert [reminder_for(run, asked, is_handled=True) for run in (five, six)] == [Reminder.NOTE] * 2
    assert reminder_for(six, asked, is_handled=False) is None
    assert reminder_for(six, {**asked, Reminder.NOTE: "2026-06"}, is_handled=True) is None
    assert reminder_for(span("2026-07", "2026-12"), asked, is_handled=True) is None, "that was another run"
    above = dues.remind(ZHANG, five, Reminder.NOBODY, [ME], way="", place="东支部", now=NOW)
    (said,) = above.effects
    assert said.words == words("dues.note_unhandled", place="东支部"), "no name goes upwards"  # type: ignore[attr-defined]


def test_nobody_is_spoken_to_of_months_that_were_over_when_they_were_fixed() -> None:
    """DUE-17: fixed on 28 July from February on, the first month that counts is July, in Shanghai's days."""
    zone, late = ZoneInfo("Asia/Shanghai"), fixed(since="2026-02")
    run = span("2026-02", "2026-08")
    assert since_fixed(run, [late], zone) == ("2026-07", "2026-08")
    month_end = replace(late, at=datetime(2026, 7, 31, 17, tzinfo=UTC))
    assert since_fixed(run, [month_end], zone) == ("2026-08",)
    early = replace(fixed(since="2026-01"), at=datetime(2026, 1, 5, tzinfo=UTC))
    assert since_fixed(run, [early, late], zone) == run, "a change of what is due begins no new count"
    assert since_fixed(run, [replace(early, kind=Kind.EXEMPT), late], zone) == ("2026-07", "2026-08")


def test_a_nudge_names_no_sum_and_a_note_goes_to_who_handles_dues_alone() -> None:
    run = ("2026-02", "2026-03", "2026-04")
    nudge = dues.remind(ZHANG, run, Reminder.NUDGE, [ME], way="找王丽", place="东支部", now=NOW)
    assert [(one.user, one.words.key, one.unasked) for one in nudge.effects] == [  # type: ignore[attr-defined]
        (ZHANG.user, "dues.nudge_way", True)
    ]
    note = dues.remind(ZHANG, run, Reminder.NOTE, [ME], way="", place="东支部", now=NOW)
    assert [(one.user, one.words.key) for one in note.effects] == [(ME, "dues.note_told")]  # type: ignore[attr-defined]
    assert not dues.remind(
        replace(ZHANG, user=None), run, Reminder.NUDGE, [ME], way="", place="东支部", now=NOW
    ).effects


def test_what_the_articles_say_of_six_months_stands_nowhere() -> None:
    """DUE-16: no sentence, page, sheet or lesson says it, and nothing is done because of it."""
    forbidden = ("脱" + "党", "自行脱" + "党", "除" + "名")
    kinds = {".po", ".html", ".py", ".js", ".md", ".toml"}
    rooms = ("bot", "console", "content", "storage", "zhibu", "docs")
    files = [one for room in rooms for one in (ROOT / room).rglob("*") if one.suffix in kinds and one.is_file()]
    assert len(files) > 500
    # What others wrote into a roster is read there, to say why somebody has no vote.
    read = {ROOT / "content" / "franchise.py"}
    assert {one for one in files if any(word in one.read_text() for word in forbidden)} == read


def test_months_are_counted_across_the_turn_of_the_year() -> None:
    assert span("2025-11", "2026-02") == ("2025-11", "2025-12", "2026-01", "2026-02")
    assert month_of(date(2026, 1, 31)) == "2026-01"
