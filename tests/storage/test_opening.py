"""Envelopes are alike, only enough right shares open a whole box, and what comes out is the same in any order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from content.ballot_files import ClosedBox, read_box, write_box
from content.ballot_papers import EMPTY, opened_lines, piles, receipts, set_hash, write_paper
from content.elections import Ballot as Paper
from content.elections import Election, Mark, Outcome, evaluate
from content.shares import combine
from storage import opening
from storage.envelopes import answer, challenge, empty_envelopes, open_envelope, public_of, seal
from storage.opening import NotOpened, open_box
from storage.second_count import SecondCount, count_again
from tests.sealed_ballots import ID, ballot, ceremony, closed, paper, shares

FIVE = [paper("a+ b-")] * 3 + [paper("b+")] + [paper()]


def box(papers: list[bytes] = FIVE, *, silent: int = 1) -> ClosedBox:
    """Return the box as tellers get it, through its file."""
    one, boxes = closed(papers, silent=silent)
    return read_box(write_box(one, boxes))


def private() -> bytes:
    return combine(ceremony().shares)


def swapped(one: ClosedBox, *boxes: bytes) -> ClosedBox:
    """Return a box with other envelopes, and a hash that was made to fit them."""
    return replace(one, boxes=boxes, set_hash=set_hash(receipts(boxes)))


def test_every_choice_makes_an_envelope_of_one_length_and_never_the_same_twice() -> None:
    """L5, L11: no choice, an empty one and a change of mind look alike."""
    one = ballot()
    plains = [paper(), paper("a+"), paper("a- b-", "名" * 30), EMPTY]
    boxes = [seal(plain, one.key, one.length) for plain in plains * 2]
    assert {len(each) for each in boxes} == {one.length}
    assert len(set(boxes)) == len(boxes)
    assert [open_envelope(each, private(), one.length) for each in boxes] == plains * 2


def test_a_paper_that_does_not_fit_is_not_sealed() -> None:
    one = ballot()
    with pytest.raises(ValueError, match="too long"):
        seal(bytes(one.length - 48), one.key, one.length)
    assert open_envelope(seal(bytes(one.length - 49), one.key, one.length), private(), one.length) is not None


def test_what_was_changed_or_sealed_for_another_does_not_open() -> None:
    one = ballot()
    sealed = seal(paper("a+"), one.key, one.length)
    broken = [sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :] for place in (0, 31, 32, 300, 559)]
    for each in (
        *broken,
        sealed[:-1],
        sealed + b"x",
        b"",
        bytes(one.length),
        empty_envelopes(1, public_of(bytes(32)), one.length)[0],
    ):
        assert open_envelope(each, private(), one.length) is None


def test_a_teller_proves_a_share_without_showing_it() -> None:
    """The key of the ballot is not put together for this."""
    keys = ceremony()
    asked, sealed = challenge(keys.share_keys[1])
    assert answer(ID, keys.shares[1], sealed) == asked
    for other in (
        answer(ID, keys.shares[2], sealed),
        answer("another", keys.shares[1], sealed),
        answer(ID, keys.shares[1], sealed[:-1]),
    ):
        assert other is None
    assert "share" not in repr(keys)


@pytest.mark.parametrize("chosen", [(1, 2), (1, 3), (2, 3), (1, 2, 3)])
def test_any_two_of_three_tellers_open_the_box(chosen: tuple[int, ...]) -> None:
    found = open_box(box(), shares(*chosen))
    assert (found.result.outcome, found.result.valid, found.result.void) == (Outcome.UNFILLED, 5, 0)
    assert found.text == open_box(box(), shares(3, 1)).text


def test_one_share_is_not_enough_however_often_it_is_given() -> None:
    for given_shares in (shares(1), shares(1, 1), []):
        with pytest.raises(NotOpened, match="too_few_shares"):
            open_box(box(), given_shares)


def test_a_wrong_share_opens_nothing() -> None:
    """Of another teller, of another ballot, under another number."""
    first, second = shares(1, 2)
    for wrong in (
        replace(first, share=bytes(32)),
        replace(first, ballot="another"),
        replace(first, index=2),
        replace(first, index=4),
    ):
        with pytest.raises(NotOpened, match="wrong_share"):
            open_box(box(), [wrong, second])


def test_right_shares_of_another_key_open_nothing() -> None:
    with pytest.raises(NotOpened, match="wrong_shares"):
        open_box(replace(box(), key=public_of(bytes(32))), shares())


def test_only_the_published_set_can_be_opened_and_only_as_a_whole() -> None:
    """L10: none less, none more, no other, no twin."""
    whole = box()
    other = seal(paper("b+"), whole.key, whole.length)
    sets = [
        whole.boxes[1:],
        whole.boxes[:1],
        (*whole.boxes, other),
        (*whole.boxes[1:], other),
        (*whole.boxes, whole.boxes[0]),
    ]
    for boxes in sets:
        with pytest.raises(NotOpened, match="other_envelopes"):
            open_box(replace(whole, boxes=boxes), shares())
    with pytest.raises(NotOpened, match="other_envelopes"):
        open_box(swapped(whole, *whole.boxes, whole.boxes[0]), shares())


def test_fewer_than_five_votes_are_not_opened() -> None:
    """L9."""
    with pytest.raises(NotOpened, match="too_few_votes"):
        open_box(box(FIVE[1:]), shares())


def test_a_spoiled_envelope_is_void_and_counted() -> None:
    one = ballot()
    whole = box([*FIVE, b"no paper", paper("a+ b+")], silent=2)
    spoiled = replace(
        swapped(whole, *whole.boxes, bytes(one.length)),
        attendance=replace(whole.attendance, expected=10, present=10, issued=10, returned=8),
    )
    found = open_box(spoiled, shares())
    assert (found.result.valid, found.result.void) == (5, 3)
    assert found.lines.count("null") == 2


def test_who_seals_an_empty_paper_by_themselves_has_cast_a_void_one() -> None:
    found = open_box(box([*FIVE, EMPTY], silent=3), shares())
    assert (found.result.valid, found.result.void) == (5, 1)


def test_a_vote_that_the_roll_does_not_know_makes_a_recount() -> None:
    """Invariant of the box: valid and void are as many as have voted."""
    whole = box([*FIVE, paper("b+")], silent=2)
    found = open_box(replace(whole, attendance=replace(whole.attendance, returned=5)), shares())
    assert (found.result.outcome, found.result.tally) == (Outcome.RECOUNT_NEEDED, None)


def test_what_was_opened_says_nothing_of_the_order_of_casting() -> None:
    assert open_box(box(FIVE), shares()).text == open_box(box(FIVE[::-1]), shares()).text
    one, boxes = closed(FIVE)
    assert write_box(one, boxes) == write_box(one, boxes[::-1])
    assert "boxes" not in repr(box())
    assert "lines" not in repr(open_box(box(), shares()))


def test_two_counts_that_differ_make_a_recount(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = SecondCount(valid=5, void=0, tally={"a": (3, 0, 2), "b": (1, 2, 2)}, write_ins={})
    monkeypatch.setattr(opening, "count_again", lambda *_: odd)
    assert open_box(box(), shares()).result.outcome is Outcome.RECOUNT_NEEDED


papers = st.builds(
    Paper,
    marks=st.dictionaries(st.sampled_from("abcq"), st.sampled_from(Mark)),
    write_ins=st.lists(st.sampled_from("axy"), max_size=2).map(tuple),
)


@settings(max_examples=40, deadline=None)
@given(cast=st.lists(papers | st.just(None), max_size=12), seats=st.integers(1, 2))
def test_the_two_counts_agree_on_any_box(cast: list[Paper | None], seats: int) -> None:
    lines = opened_lines(b"" if one is None else write_paper(one) for one in cast)
    asked = Election(candidates=("a", "b", "c"), seats=seats, contested=False)
    number = max(1, len(cast))
    attendance = replace(ballot().attendance, expected=number, present=number, issued=number, returned=len(cast))
    ours = evaluate(asked, attendance, piles(lines))
    assert ours.tally is not None
    assert count_again(lines, asked.candidates, seats) == SecondCount(
        valid=ours.valid or 0,
        void=ours.void or 0,
        tally={name: (one.yes, one.no, one.abstained) for name, one in ours.tally.items()},
        write_ins=dict(ours.write_ins),
    )
