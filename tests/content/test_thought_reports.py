"""A report is nobody's but its author's until the end; then who reads it hears of it, and words are told to whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from content.decision import Decision, Refusal, Tell
from content.identifiers import Cause, EventId, MemberId, OrganisationId, ThoughtReportId, UserId
from content.inquiries import InquiryEnded
from content.members import Member
from content.thought_reports import (
    LONGEST,
    MOST_PARTS,
    Part,
    Readers,
    ThoughtReport,
    answer,
    change,
    drop,
    hand_in,
    remove,
    say,
    take_back_last,
    withdraw,
    without_end,
)

NOW = datetime(2026, 7, 10, 4, 0, tzinfo=UTC)
OLD, NEW, READER = UserId("@old:test"), UserId("@new:test"), UserId("@reader:test")
WHO = Member(id=MemberId("m"), organisation=OrganisationId("o"), name="尤佳", user=NEW)
PART = Part(event=EventId("$one"), letters=3, at=NOW)
BEGUN = ThoughtReport(id=ThoughtReportId("r"), member=WHO.id, user=OLD, begun_at=NOW, parts=(PART,))
READERS = Readers(told=(READER,), address="https://console/thought-reports")


def tells(decided: Decision | Refusal | None) -> list[tuple[UserId, str]]:
    assert isinstance(decided, Decision)
    return [(one.user, one.words.key) for one in decided.effects if isinstance(one, Tell)]


def key(decided: Decision | Refusal | None) -> str:
    assert isinstance(decided, Refusal)
    return decided.words.key


def test_who_reads_a_report_hears_that_one_came_when_they_are_awake_and_its_author_who_can_open_it() -> None:
    for contact, receipt in (("", "handed_in"), ("王丽", "handed_in_contact")):
        decided = hand_in(BEGUN, WHO, NEW, readers=replace(READERS, contact=contact), now=NOW)
        assert tells(decided) == [(NEW, f"thought_report.{receipt}"), (READER, "thought_report.came")]
        assert isinstance(decided, Decision)
        assert [one.unasked for one in decided.effects if isinstance(one, Tell)] == [False, True]


def test_who_has_another_account_by_now_is_answered_there_and_nothing_reaches_the_old_one() -> None:
    handed = replace(BEGUN, handed_in_at=NOW)
    said = [
        hand_in(BEGUN, WHO, NEW, readers=READERS, now=NOW),
        drop(BEGUN, NEW),
        take_back_last(BEGUN, NEW),
        withdraw(handed, WHO, NEW, now=NOW),
        answer(handed, WHO, "保重", by=READER, now=NOW),
    ]
    for one in said:
        assert OLD not in {user for user, _ in tells(one)}
        assert isinstance(one, Decision)
        assert OLD not in {fact.user for fact in one.facts if isinstance(fact, InquiryEnded)}


def test_a_reply_waits_for_the_end_of_quiet_hours() -> None:
    decided = answer(replace(BEGUN, handed_in_at=NOW), WHO, "保重", by=READER, now=NOW)
    assert isinstance(decided, Decision)
    assert [one.unasked for one in decided.effects if isinstance(one, Tell)] == [True]


@pytest.mark.parametrize(
    ("text", "kept", "ends"),
    [
        ("一切都好。完", "一切都好。", True),
        ("一切都好 完。", "一切都好 ", True),
        ("完", "", True),
        ("书都看完", "书都看完", False),
        ("All is well.\nend", "All is well.\n", True),
        ("All is well. End.", "All is well.", True),
        ("end", "", True),
        ("We stayed to the end.", "We stayed to the end.", False),
        ("I go home at year end", "I go home at year end", False),
        ("Well, in the end", "Well, in the end", False),
    ],
)
def test_a_word_that_only_closes_a_sentence_ends_no_report(text: str, kept: str, ends: bool) -> None:
    assert without_end(text) == (kept, ends)


def test_an_edit_hands_nothing_in_and_says_so_and_after_the_end_the_way_back_is_told_only_while_there_is_one() -> None:
    decided = change(BEGUN, PART.event, "写好了。完", now=NOW)
    assert tells(decided) == [(OLD, "thought_report.end_alone")]
    assert isinstance(decided, Decision)
    assert [getattr(fact, "text", None) for fact in decided.facts] == ["写好了。"]
    for later, said in ((timedelta(hours=24), "as_handed_in"), (timedelta(hours=25), "too_late")):
        handed = replace(BEGUN, handed_in_at=NOW)
        assert key(change(handed, PART.event, "再改", now=NOW + later)) == f"thought_report.{said}"
        assert tells(remove(handed, PART.event, now=NOW + later)) == [(OLD, f"thought_report.{said}")]


def test_what_is_too_much_is_refused_for_what_it_is() -> None:
    def said(known: ThoughtReport | None, text: str) -> str:
        decided = say(WHO, NEW, known, text, EventId("$new"), opening=False, readers=READERS, cause=Cause("c"), now=NOW)
        return key(decided)

    many = tuple(replace(PART, event=EventId(f"${number}")) for number in range(MOST_PARTS))
    assert said(replace(BEGUN, parts=many), "又一段") == "thought_report.too_many"
    assert said(BEGUN, "长" * LONGEST) == "thought_report.too_long"
    assert said(None, "长" * (LONGEST + 1)) == "thought_report.long_start"
    assert key(change(BEGUN, PART.event, "长" * (LONGEST + 1), now=NOW)) == "thought_report.edit_too_long"
