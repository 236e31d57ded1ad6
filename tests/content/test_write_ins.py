"""Names written freely: what two tellers say that each means stands in its place, and a text never reaches a count."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from content.ballots import State, WriteIn, hash_manifest, manifest
from content.decision import Decision, Refusal
from content.elections import NOBODY, Attendance, Election, evaluate
from content.identifiers import MemberId
from content.rule_packs import Rule
from content.write_ins import WriteInsFound, Written, decide, decided, find, keep_count, put_in, rulings
from tests.sealed_ballots import ballot, paper

VOTED_ON = Election(candidates=("a", "b"), seats=2, contested=False, eligible=frozenset({"m1", "m2"}))
ONE, TWO, THREE = (MemberId(f"teller{index}") for index in (1, 2, 3))


def closed(**more: object):  # type: ignore[no-untyped-def]
    one = replace(ballot(election=VOTED_ON, write_in=WriteIn.TEXT), state=State.CLOSED, turnout=5, **more)
    agreeing = tuple(replace(each, agreed=each.index < 3) for each in one.tellers)
    one = replace(one, tellers=agreeing)
    return replace(one, manifest_hash=hash_manifest(manifest(one)))


def written_on(papers: tuple[bytes, ...]) -> list[list[str]]:
    return [json.loads(one)["w"] if one else ["void"] for one in papers]


def test_a_text_is_listed_once_in_the_order_of_texts_however_often_and_however_it_was_typed() -> None:
    """L8: not how often, not beside what, and not when; what is not seen is no difference."""
    cast = [paper("a- b-", "王五"), paper("a+ b-", "\u200b张三 "), paper("a+ b-", "张三"), paper("b-", "张  三")]
    done, waiting = put_in(VOTED_ON, cast, {})
    assert waiting == ("张 三", "张三", "王五")
    assert put_in(VOTED_ON, cast[::-1], {})[1] == waiting
    assert all(text not in one.decode() for one in done for text in waiting)


@pytest.mark.parametrize(
    "void",
    [
        paper("a+ b+", "张三"),
        paper("a+", "张三"),
        paper("a- b-", "张三", " 张三"),
        paper("a- b-", "三" * 41),
        paper("a- b-", "\u200b"),
        paper("c-", "张三"),
    ],
)
def test_the_text_of_a_paper_that_is_void_anyway_is_read_by_nobody(void: bytes) -> None:
    assert put_in(VOTED_ON, [void], {}) == ((b"",), ())


def test_who_is_meant_stands_in_the_place_of_the_text() -> None:
    meant = {"张三": "m1", "张 三": "m1", "老王": NOBODY, "谁": NOBODY, "甲": "a"}
    cast = [
        paper("a- b-", "张三", "老王"),
        paper("a- b-", "老王", "谁"),
        paper("a- b-", "张三", "张 三"),
        paper("b-", "甲"),
    ]
    done, waiting = put_in(VOTED_ON, cast, meant)
    assert (written_on(done), waiting) == ([["m1", "-"], ["-"], ["m1", "m1"], ["a"]], ())


def test_one_person_twice_or_beside_their_own_line_voids_the_paper_and_nobody_voids_none() -> None:
    """A write-in without the right is told in number and scores nothing (3.1, step 8)."""
    from content.ballot_papers import opened_lines, piles

    meant = {"张三": "m1", "张 三": "m1", "老王": NOBODY, "甲": "a"}
    cast = [paper("a- b-", "张三"), paper("a- b-", "张三", "张 三"), paper("a-", "甲"), paper("a- b-", "老王")]
    lines = opened_lines(put_in(VOTED_ON, cast, meant)[0], candidates=VOTED_ON.candidates)
    found = evaluate(VOTED_ON, Attendance(expected=4, present=4, issued=4, returned=4), piles(lines))
    assert (found.valid, found.void, found.write_ins) == (2, 2, {"m1": 1, NOBODY: 1})
    assert NOBODY not in found.elected


def test_two_tellers_say_the_same_each_by_themselves() -> None:
    known = (Written(text="张三"), Written(text="老王"))
    first = decide(closed(), ONE, known, {"张三": "m1", "老王": NOBODY})
    assert isinstance(first, Decision)
    (fact,) = first.facts
    said = fact.written  # type: ignore[attr-defined]
    assert decided(said) == {}
    assert isinstance(decide(closed(), ONE, said, {"张三": "m1"}), Refusal), "one person is not two"
    (second,) = decide(closed(), TWO, said, {"张三": "m1", "老王": "m2"}).facts  # type: ignore[union-attr]
    after = second.written
    assert decided(after) == {"张三": "m1"}
    assert [(one.text, one.meant, one.by, one.agreed) for one in after] == [
        ("张三", "m1", 1, 2),
        ("老王", "m2", 2, None),
    ]
    assert "张三" not in repr(after)
    (third,) = decide(closed(), THREE, after, {"老王": "m2"}).facts  # type: ignore[union-attr]
    assert decided(third.written) == {"老王": "m2"}


def test_what_two_tellers_have_said_is_undone_by_one_of_them_and_by_no_third() -> None:
    known = (Written(text="张三", meant="m1", by=1, agreed=2),)
    third = decide(closed(), THREE, known, {"张三": "m2"})
    assert isinstance(third, Refusal)
    assert third.words.key == "ballot.nothing_decided"
    for one, index in ((ONE, 1), (TWO, 2)):
        (fact,) = decide(closed(), one, known, {"张三": "m2"}).facts  # type: ignore[union-attr]
        assert fact.written == (Written(text="张三", meant="m2", by=index),)


@pytest.mark.parametrize(
    ("change", "who", "said", "why"),
    [
        ({}, MemberId("voter01"), {"张三": "m1"}, "ballot.not_a_teller"),
        ({"state": State.OPEN}, ONE, {"张三": "m1"}, "ballot.not_now"),
        ({"state": State.CERTIFIED}, ONE, {"张三": "m1"}, "ballot.not_now"),
        ({}, ONE, {"张三": "m9"}, "ballot.nothing_decided"),
        ({}, ONE, {"没有写过": "m1"}, "ballot.nothing_decided"),
        ({}, ONE, {}, "ballot.nothing_decided"),
    ],
)
def test_nobody_else_says_whom_a_name_means_and_at_no_other_time(
    change: dict[str, object], who: MemberId, said: dict[str, str], why: str
) -> None:
    answer = decide(replace(closed(), **change), who, (Written(text="张三"),), said)  # type: ignore[arg-type]
    assert isinstance(answer, Refusal)
    assert answer.words.key == why


def test_texts_are_kept_only_where_as_many_tellers_as_it_takes_agreed_to_the_opening() -> None:
    one = closed()
    alone = replace(one, tellers=tuple(replace(each, agreed=each.index == 1) for each in one.tellers))
    answer = find(alone, ["张三"], ())
    assert isinstance(answer, Refusal)
    assert answer.words.key == "ballot.not_agreed"
    known = (Written(text="张三", meant="m1", by=1, agreed=2),)
    (fact,) = find(one, ["老王"], known).facts  # type: ignore[union-attr]
    assert fact == WriteInsFound(ballot=one.id, texts=("张三", "老王"))
    assert find(one, ["张三"], known) == Decision()


def test_a_count_is_kept_only_by_what_is_decided_and_every_decision_has_its_rule() -> None:
    one = closed()
    result = evaluate(VOTED_ON, Attendance(expected=5, present=5, issued=5, returned=0), ())
    known = tuple(
        Written(text=text, meant=meant, by=1, agreed=2)
        for text, meant in (("张三", "m1"), ("张 三", "m1"), ("老王", NOBODY), ("甲", "a"))
    )
    answer = keep_count(one, result, "00", known, {"张三": "m1"})
    assert isinstance(answer, Refusal)
    assert answer.words.key == "ballot.decided_otherwise"
    kept = keep_count(one, result, "00", known, decided(known))
    assert isinstance(kept, Decision)
    ruled = rulings(one, known)
    assert kept.facts[-1].rulings == ruled  # type: ignore[attr-defined]
    assert [(each.meant, each.rule, each.texts, each.by) for each in ruled] == [
        ("-", Rule.WRITTEN_NOBODY, 1, (1, 2)),
        ("a", Rule.WRITTEN_STANDING, 1, (1, 2)),
        ("m1", Rule.WRITTEN_PERSON, 2, (1, 2)),
    ]
