"""求助: stages, days, numbers, codes and medians of help cases (BAL-9, PRIV-6, PRIV-16)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from msgspec.structs import replace

from content.decision import Decision, Refusal, Secret
from content.help_case_codes import code_before, code_hash, is_code_meant, new_code
from content.help_case_figures import FEWEST, medians, working_days
from content.help_case_reminders import HelpCaseReturned, give_back, is_to_tell, tell_due
from content.help_cases import (
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
    doubts,
    due_on,
    gone_on,
    hand,
    number_in,
    readers,
    withdraw,
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
    plain = {"name": "王丽", "able": able, "today": TUESDAY}
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
    plain = {"by": OWNER, "name": "张明", "stands_in": False}
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
    assert not is_to_tell(replace(CASE, answered_on=FRIDAY), now=nine, **zone)


def test_an_owner_is_reminded_once_and_not_on_the_day_on_which_they_took_it_up() -> None:
    nine, day, zone = datetime(2026, 7, 28, 1, 0, tzinfo=UTC), timedelta(days=1), {"timezone": "Asia/Shanghai"}
    early = replace(HELD, handed_on=FRIDAY)
    assert is_to_tell(early, now=nine, **zone)
    told = tell_due(early, [OWNER, OTHER], [], place="东区", console="https://console.test", today=TUESDAY)
    assert told is not None
    assert [(one.user, one.words.key) for one in told.effects] == [(OWNER, "help_case.owner_late")]  # type: ignore[attr-defined]
    assert not is_to_tell(replace(early, told_on=TUESDAY), now=nine + day, **zone)
    late = replace(HELD, handed_on=TUESDAY, told_on=TUESDAY)
    assert not is_to_tell(late, now=nine, **zone), "those who handle cases were told, and somebody has just taken it up"
    assert is_to_tell(late, now=nine + day, **zone)
    assert not is_to_tell(replace(late, answered_on=TUESDAY), now=nine + day, **zone)
    assert not is_to_tell(replace(late, stage=Stage.REFERRED), now=nine + day, **zone)


def test_where_nobody_may_handle_a_case_who_can_name_somebody_is_told() -> None:
    plain = {"place": "东区", "console": "https://console.test", "today": TUESDAY}
    told = tell_due(CASE, [WHO], [WHO, OTHER], **plain)  # type: ignore[arg-type]
    assert told is not None
    assert [(one.user, one.words.key) for one in told.effects] == [(OTHER, "help_case.nobody_due")]  # type: ignore[attr-defined]
    assert tell_due(CASE, [WHO], [WHO], **plain) is None, "and whoever comes later still is"  # type: ignore[arg-type]


def test_a_case_whose_owner_handles_none_any_more_goes_back_to_those_who_do() -> None:
    plain = {"console": "https://console.test", "today": TUESDAY}
    assert give_back(HELD, [OWNER, OTHER], **plain) is None  # type: ignore[arg-type]
    assert give_back(replace(HELD, stage=Stage.CLOSED), [OTHER], **plain) is None  # type: ignore[arg-type]
    back = give_back(HELD, [OTHER, WHO], **plain)  # type: ignore[arg-type]
    assert back is not None
    assert back.facts == (HelpCaseReturned(case=HELD.id, organisation=HELD.organisation, owner=OWNER, told_on=TUESDAY),)
    assert [(one.user, one.words.key) for one in back.effects] == [(OTHER, "help_case.owner_lost")]  # type: ignore[attr-defined]


def test_of_those_who_hand_cases_out_the_nearest_read_them() -> None:
    near, far = UserId("@near:test"), UserId("@far:test")
    assert readers(CASE, [(0, near), (1, far)]) == {near}
    assert readers(HELD, [(1, far), (2, near)]) == {OWNER, far}
    assert readers(CASE, [(0, WHO), (1, far)]) == {far}, "who asked is nobody here"
    assert readers(CASE, []) == set()


def test_who_had_a_case_is_told_that_somebody_else_has_it() -> None:
    plain = {"name": "王丽", "able": [OWNER, OTHER], "today": TUESDAY}
    handed = hand(HELD, OTHER, by=OTHER, gives_out=True, **plain)  # type: ignore[arg-type]
    assert isinstance(handed, Decision)
    assert [(one.user, one.words.key) for one in handed.effects] == [(OWNER, "help_case.owner_taken")]  # type: ignore[attr-defined]
    given = hand(HELD, OTHER, by=OWNER, gives_out=False, **plain)  # type: ignore[arg-type]
    assert isinstance(given, Decision)
    assert [(one.user, one.words.key) for one in given.effects] == [(OTHER, "help_case.owner_given")]  # type: ignore[attr-defined]


def test_of_a_case_that_has_ended_who_hands_cases_out_writes_the_line_where_its_owner_is_gone() -> None:
    line, ended = said("家人住院", Sort.SUMMARY), replace(HELD, stage=Stage.CLOSED)
    plain = {"category": Category.LIVING, "texts": [line], "by": OTHER, "name": None}
    assert isinstance(describe(ended, stands_in=True, **plain), Decision)  # type: ignore[arg-type]
    assert key(describe(ended, stands_in=False, **plain)) == "help_case.not_yours"  # type: ignore[arg-type]
    assert key(describe(HELD, stands_in=True, **plain)) == "help_case.not_yours"  # type: ignore[arg-type]


def test_medians_are_by_category_and_withheld_under_five() -> None:
    ended = replace(HELD, stage=Stage.CLOSED, category=Category.WORK, ended_on=TUESDAY)
    four = [ended] * (FEWEST - 1)
    known = calendar([2026], [])
    assert medians(four, known) == ((Category.WORK, 4, None),)
    late = replace(ended, ended_on=date(2026, 7, 31))
    assert medians([*four, late], known) == ((Category.WORK, 5, 2),)
    assert medians([HELD], known) == ()


def test_a_line_that_may_name_somebody_or_hold_a_number_is_doubted_and_never_stopped() -> None:
    def keys(*texts: str) -> list[str]:
        return [one.key for one in doubts(texts, ["张明", "王丽", "高"])]

    assert keys("家属住院，申请调班", "2026-07-01 已调班，班次 12 点到 20 点") == []
    for number in ("138 0013 8000", "138-0013-8000", "0371-6612345", "车间 8612345"):
        assert keys(f"打 {number} 找人") == ["help_cases.doubt_number"]
    (named,) = doubts(["和张 明换班", "王丽同意"], ["张明", "王丽", "高"])
    assert named.parameters == {"names": "张明、王丽"}
    assert isinstance(
        describe(HELD, Category.WORK, [said("和王丽换班", Sort.SUMMARY)], by=OWNER, name="张明", stands_in=False),
        Decision,
    )
