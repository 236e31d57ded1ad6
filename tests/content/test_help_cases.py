"""求助: stages, days, numbers, codes and medians of help cases (BAL-9, PRIV-6, PRIV-16)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from msgspec.structs import replace

from content.decision import Decision, Refusal, Secret
from content.help_case_codes import code_before, code_hash, is_code_meant, new_code
from content.help_cases import (
    FEWEST,
    FOLLOWS,
    LONGEST_SUMMARY,
    OPEN,
    Category,
    HelpCase,
    HelpWords,
    Sort,
    Stage,
    answer,
    called,
    describe,
    due_on,
    gone_on,
    hand,
    is_to_tell,
    medians,
    number_in,
    withdraw,
    working_days,
)
from content.identifiers import HelpCaseId, HelpWordsId, MemberId, OrganisationId, UserId
from content.workdays import calendar

WHO, OWNER, OTHER = UserId("@who:test"), UserId("@owner:test"), UserId("@other:test")
FRIDAY, TUESDAY = date(2026, 7, 24), date(2026, 7, 28)
CASE = HelpCase(
    id=HelpCaseId("case"),
    organisation=OrganisationId("east"),
    number=17,
    received_on=FRIDAY,
    due_on=TUESDAY,
    member=MemberId("who"),
    user=WHO,
)
HELD = replace(CASE, stage=Stage.ACCEPTED, owner=OWNER)


def said(text: str, sort: Sort = Sort.ANSWER) -> HelpWords:
    return HelpWords(id=HelpWordsId("words"), case=CASE.id, sort=sort, text=Secret(text), on=FRIDAY, by=OWNER)


def key(answered: Decision | Refusal) -> str | None:
    return answered.words.key if isinstance(answered, Refusal) else None


def test_a_case_of_friday_is_answered_by_tuesday_and_holidays_are_no_working_days() -> None:
    known = calendar([2026], [])
    assert due_on(FRIDAY, 2, known) == TUESDAY
    assert working_days(FRIDAY, TUESDAY, known) == 2
    assert due_on(date(2026, 9, 30), 2, calendar()) > date(2026, 10, 2), "not in the holiday of October"


def test_only_these_steps_follow_each_other() -> None:
    """已收到 → 已受理 → 办理中 → 已办结, or 转办, 已撤回; never back."""
    allowed = {(one, two) for one, two in product(Stage, Stage) if two in FOLLOWS[one]}
    assert allowed == {
        (Stage.RECEIVED, Stage.ACCEPTED),
        (Stage.ACCEPTED, Stage.IN_HAND),
        (Stage.ACCEPTED, Stage.CLOSED),
        (Stage.IN_HAND, Stage.CLOSED),
        (Stage.ACCEPTED, Stage.REFERRED),
        (Stage.IN_HAND, Stage.REFERRED),
        *((one, Stage.WITHDRAWN) for one in OPEN),
    }


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("after", Stage)
def test_a_step_that_may_not_follow_is_refused_with_nothing_told(stage: Stage, after: Stage) -> None:
    case = replace(HELD, stage=stage, answered_on=FRIDAY)
    answered = answer(case, said("好"), after, by=OWNER, today=TUESDAY)
    may = stage in OPEN and (after is stage or after in FOLLOWS[stage] - {Stage.ACCEPTED, Stage.WITHDRAWN})
    assert isinstance(answered, Decision) is may


def test_nobody_handles_their_own_case_nor_one_that_another_has() -> None:
    able = [OWNER, OTHER, WHO]
    plain = {"name": "王丽", "able": able}
    assert isinstance(hand(CASE, OWNER, by=OWNER, gives_out=False, **plain), Decision)  # type: ignore[arg-type]
    assert key(hand(CASE, WHO, by=WHO, gives_out=True, **plain)) == "help_case.cannot_have_it"  # type: ignore[arg-type]
    assert key(hand(HELD, OTHER, by=OTHER, gives_out=False, **plain)) == "help_case.taken_already"  # type: ignore[arg-type]
    assert isinstance(hand(HELD, OTHER, by=OTHER, gives_out=True, **plain), Decision)  # type: ignore[arg-type]
    assert isinstance(hand(HELD, OTHER, by=OWNER, gives_out=False, **plain), Decision)  # type: ignore[arg-type]
    assert key(hand(HELD, UserId("@far:test"), by=OWNER, gives_out=True, **plain)) == "help_case.cannot_have_it"  # type: ignore[arg-type]
    assert key(answer(HELD, said("好"), Stage.CLOSED, by=OTHER, today=TUESDAY)) == "help_case.not_yours"


def test_nothing_is_closed_that_was_never_answered_and_where_it_went_is_said() -> None:
    empty = said("  ")
    assert key(answer(HELD, empty, Stage.CLOSED, by=OWNER, today=TUESDAY)) == "help_case.say_closed"
    assert key(answer(HELD, empty, Stage.REFERRED, by=OWNER, today=TUESDAY)) == "help_case.say_referred"
    assert key(answer(HELD, empty, Stage.ACCEPTED, by=OWNER, today=TUESDAY)) == "help_case.nothing_said"
    answered = replace(HELD, answered_on=FRIDAY)
    assert isinstance(answer(answered, empty, Stage.CLOSED, by=OWNER, today=TUESDAY), Decision)


def test_an_answer_of_a_case_without_a_name_is_told_to_nobody() -> None:
    unnamed = replace(HELD, member=None, user=None)
    answered = answer(unnamed, said("好"), Stage.CLOSED, by=OWNER, today=TUESDAY)
    assert isinstance(answered, Decision)
    assert answered.effects == ()
    taken = withdraw(unnamed, to=WHO, today=TUESDAY)
    assert isinstance(taken, Decision)
    assert all("@who" not in repr(fact) for fact in taken.facts)


def test_the_ledger_takes_no_name_of_who_asked_and_is_short() -> None:
    named = said("张 明家里老人住院", Sort.SUMMARY)
    plain = {"by": OWNER, "name": "张明"}
    assert key(describe(HELD, Category.LIVING, [named], **plain)) == "help_case.names_somebody"  # type: ignore[arg-type]
    long = said("长" * (LONGEST_SUMMARY + 1), Sort.SUMMARY)
    assert key(describe(HELD, Category.LIVING, [long], **plain)) == "help_case.summary_too_long"  # type: ignore[arg-type]
    assert isinstance(describe(HELD, Category.LIVING, [said("家人住院", Sort.SUMMARY)], **plain), Decision)  # type: ignore[arg-type]


def test_a_number_reads_in_every_way_that_people_write_it() -> None:
    assert called(17) == "B-017"
    assert called(1234) == "B-1234"
    assert {number_in(one) for one in ("B-017", "b17", "17", "017")} == {17}
    assert {number_in(one) for one in ("B-0", "C-3", "")} == {None}


def test_a_code_is_hard_to_guess_easy_to_copy_and_known_by_its_hash_alone() -> None:
    code = new_code("a secret")
    assert code == new_code("a secret") != new_code("another")
    assert code_hash(code) == code_hash(code.lower().replace("-", " ")) is not None
    assert code_hash(code[:-1]) is None
    assert code_before(f"{code} 再补充一句") == (code_hash(code), "再补充一句")
    assert code_before("食堂能早点开吗") == (None, "食堂能早点开吗")
    meant = (
        "ABCO-EFGH-JKLM-NPQ1",
        "ABC-EFGH-JKM-NPQR2 又",
        "abcoefghjkmnpq01",
        "ABCO EFGH JKLM NP01",
        "：ABCI-EFGH-JKLM-NPQR",
    )
    assert all(is_code_meant(one) for one in meant)
    plain = (
        "6222 0000 1111 2222 卡丢了",
        "6222-0000-1111-2222",
        "this food cost much",
        "internationality",
        code,
        "B-017",
    )
    assert not any(is_code_meant(one) for one in plain)


def test_a_case_is_forgotten_a_year_after_its_end() -> None:
    """PRIV-6: closed 2026-07-10, gone on 2027-07-10."""
    assert gone_on(date(2026, 7, 10)) == date(2027, 7, 10)
    assert gone_on(date(2028, 2, 29)) == date(2029, 2, 28)


def test_who_handles_cases_is_told_on_the_day_itself_in_the_morning_and_once() -> None:
    nine = datetime(2026, 7, 28, 1, 0, tzinfo=UTC)
    zone = {"timezone": "Asia/Shanghai"}
    assert is_to_tell(CASE, now=nine, **zone)
    assert not is_to_tell(CASE, now=nine - timedelta(minutes=1), **zone)
    assert not is_to_tell(replace(CASE, told_on=TUESDAY), now=nine, **zone)
    assert not is_to_tell(HELD, now=nine, **zone)


def test_medians_are_by_category_and_withheld_under_five() -> None:
    ended = replace(HELD, stage=Stage.CLOSED, category=Category.WORK, ended_on=TUESDAY)
    four = [ended] * (FEWEST - 1)
    known = calendar([2026], [])
    assert medians(four, known) == ((Category.WORK, 4, None),)
    late = replace(ended, ended_on=date(2026, 7, 31))
    assert medians([*four, late], known) == ((Category.WORK, 5, 2),)
    assert medians([HELD], known) == ()
