"""The glossary by its rules: which entry a question means, what is near, and what a pack carries."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from content.decision import Decision, Refusal
from content.glossary import Entry, bigrams, nearest, objection, revise_entry, searchable, write_entries
from content.identifiers import EntryId, OrganisationId
from tests.small_branch import NOON
from zhibu.packs import SHIPPED, read_pack

HERE = OrganisationId("here")


def entry(term: str, text: str = "说明。", *also: str, **more: object) -> Entry:
    usual = Entry(
        id=EntryId(term), organisation=HERE, term=term, also=also, text=text, source="条例", dated=date(2026, 7, 1)
    )
    return replace(usual, **more)


ENTRIES = (
    entry("三会一课", "党员大会、支委会、党小组会和党课。"),
    entry("党小组会", "党小组开的会。"),
    entry("主题党日", "每月一天。", "党日"),
    entry("党课", "支部书记讲的课。"),
    entry("预备期", "一年，从支部大会通过之日算起。"),
    entry("WeChat", "A chat."),
)


@pytest.mark.parametrize(
    ("question", "meant", "others"),
    [
        ("三会一课", "三会一课", ["党小组会", "党课"][:0]),
        ("党课", "党课", ["三会一课"]),
        ("「党日」", "主题党日", []),
        ("wechat", "WeChat", []),
        ("主题党日是什么意思", "主题党日", []),
        ("会", None, ["三会一课", "党小组会", "预备期"]),
        ("小组", None, ["党小组会", "三会一课"]),
        ("支部大会", None, ["预备期"]),
        ("奖金", None, []),
        ("", None, []),
    ],
)
def test_the_entry_that_a_question_means_and_those_near_it_are_found(
    question: str, meant: str | None, others: list[str]
) -> None:
    """Words of two signs and of one are found as longer ones are, whatever signs stand around."""
    near = nearest(question, ENTRIES)
    assert near.meant.term == meant if near.meant else meant is None
    assert [one.term for one in near.others][: len(others)] == others
    if not others and meant is None:
        assert near.others == ()


def test_of_names_that_hold_what_was_asked_the_shortest_is_nearest() -> None:
    longer, shorter = entry("党员代表大会"), entry("党员大会")
    assert nearest("大会", (longer, shorter)).others == (shorter, longer)


def test_a_text_is_compared_without_signs_and_case() -> None:
    assert searchable("《Ｗe Chat》，（试行）") == "wechat试行"
    assert bigrams("三会一课") == ("三会", "会一", "一课")
    assert (bigrams("课"), bigrams("")) == (("课",), ())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"term": ""}, "entry.bad_term"),
        ({"term": "？！"}, "entry.bad_term"),
        ({"term": "长" * 41}, "entry.bad_term"),
        ({"text": ""}, "entry.bad_text"),
        ({"source": ""}, "entry.no_source"),
        ({"also": tuple(f"名{n}" for n in range(9))}, "entry.bad_names"),
    ],
)
def test_an_entry_that_cannot_be_kept_is_refused_with_its_reason(change: dict[str, object], why: str) -> None:
    found = objection(entry("词", **change) if "term" not in change else replace(entry("词"), **change))
    assert found is not None
    assert found.words.key == why


def test_a_term_stands_once() -> None:
    assert isinstance(write_entries(HERE, [entry("党课"), entry("「党课」")], (), now=NOON), Refusal)
    assert isinstance(write_entries(HERE, [entry("党课")], {"党课"}, now=NOON), Refusal)
    assert isinstance(write_entries(HERE, [entry("党课")], (), now=NOON), Decision)
    assert isinstance(revise_entry(entry("党课", revision=2), entry("党课"), ()), Refusal)


def test_the_shipped_pack_carries_entries() -> None:
    entries = read_pack(SHIPPED / "basics").entries_for(HERE, "cause")
    assert len(entries) >= 5
    assert len({one.id for one in entries}) == len(entries)
    assert nearest("三会一课是什么", entries).meant == entries[0]
