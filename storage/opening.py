"""Opens a closed box by the tellers' shares, in memory only, and counts it twice."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from content.ballot_files import ClosedBox, Share
from content.ballot_papers import EMPTY, canonical, opened_lines, piles, receipts, set_hash
from content.ballots import FEWEST, WriteIn
from content.decision import Words, words
from content.discreet import repr_without
from content.elections import Outcome, Result, evaluate
from content.questions import tally_answers
from content.shares import combine
from content.write_ins import put_in
from storage.envelopes import open_envelope, proving_key, public_of
from storage.second_count import count_again, count_answers_again

NOTHING_SAID: Mapping[str, str] = {}


class NotOpened(Exception):
    """A box stays closed; ``words`` say why."""

    def __init__(self, key: str, **parameters: str | int) -> None:
        super().__init__(key)
        self.words: Words = words(key, **parameters)


class NamesOpen(Exception):
    """A box is not counted yet: of these texts that were written in nobody has decided whom they mean."""

    def __init__(self, texts: Sequence[str]) -> None:
        super().__init__("names open")
        self.texts = tuple(texts)


class OpenedBox(Struct, frozen=True, kw_only=True):
    """What was in a box: the papers as lines in canonical order, for a recount only, and what they amount to.

    Of a survey the papers are kept nowhere, and not by a hash either: whoever knows what was told of few papers could
    try what else they hold until the hash is right.
    """

    lines: tuple[str, ...]
    result: Result
    kept: bool = True

    @property
    def text(self) -> bytes:
        """Return the papers as they are kept."""
        told = self.lines if self.kept else [canonical(self.result.answers).decode()]
        return "".join(f"{line}\n" for line in told).encode()

    @property
    def hash(self) -> str:
        """Return the hash of what is kept."""
        return hashlib.sha256(self.text).hexdigest()

    def __repr__(self) -> str:
        return repr_without(self, "lines")


def open_box(box: ClosedBox, shares: Sequence[Share], meant: Mapping[str, str] = NOTHING_SAID) -> OpenedBox:
    """Open a whole box; there is no way to open a part of it. Raises NotOpened.

    Only the set that was published at the close can be opened, and not by fewer shares than it takes. Where names are
    written freely, ``meant`` says whom each text means; raises NamesOpen with the others.
    """
    if set_hash(receipts(box.boxes)) != box.set_hash or len(set(box.boxes)) < len(box.boxes):
        raise NotOpened("ballot.other_envelopes")
    if box.attendance.returned < FEWEST:
        raise NotOpened("ballot.too_few_votes", least=FEWEST)
    private = combine(_proven(box, shares))
    if public_of(private) != box.key:
        raise NotOpened("ballot.wrong_shares")
    papers = [open_envelope(one, private, box.length) or b"" for one in box.boxes]
    cast = _without_empty(papers, left=len(papers) - box.attendance.returned)
    election, freely = box.election, box.write_in is WriteIn.TEXT
    if freely:
        cast, waiting = put_in(election, cast, meant)
        if waiting:
            raise NamesOpen(waiting)
    lines = opened_lines(
        cast,
        write_ins=box.write_in is not WriteIn.NONE,
        candidates=election.candidates,
        questions=election.questions,
        eligible=None if freely else election.eligible,
    )
    result = evaluate(box.election, box.attendance, piles(lines))
    kept = not box.election.pack.least_cell
    return OpenedBox(lines=lines, result=result if _agree(box, lines, result) else _recount(result), kept=kept)


def _without_empty(papers: Sequence[bytes], *, left: int) -> Sequence[bytes]:
    """Return the papers that were cast: the empty ones of those who have not voted are left out, and no more.

    Who seals an empty one by themselves has cast a paper that cannot be read, and does not make the sums wrong.
    """
    cast = [paper for paper in papers if paper != EMPTY]
    surplus = len(papers) - len(cast) - left
    return [*cast, *[b""] * surplus]


def _proven(box: ClosedBox, shares: Sequence[Share]) -> Mapping[int, bytes]:
    """Return as many shares as are needed, each proved to be that of its teller."""
    proven: dict[int, bytes] = {}
    for one in shares:
        known = box.share_keys.get(one.index)
        if one.ballot != box.ballot or known is None or public_of(proving_key(box.ballot, one.share)) != known:
            raise NotOpened("ballot.wrong_share", index=one.index)
        proven[one.index] = one.share
    if len(proven) < box.needed:
        raise NotOpened("ballot.too_few_shares", n=box.needed - len(proven))
    return proven


def _agree(box: ClosedBox, lines: Sequence[str], result: Result) -> bool:
    """Tell whether both counts come to the same; one that has ended before the tally has nothing to compare."""
    if result.tally is None:
        return True
    if box.election.questions:
        said = [paper.answers or {} for paper in (pile.ballot for pile in piles(lines)) if paper is not None]
        counted = tally_answers(box.election.questions, box.election.by, said)
        return (result.valid, dict(counted)) == count_answers_again(lines, box.election.questions, box.election.by)
    again = count_again(lines, box.election.candidates, box.election.seats)
    tally = {name: (one.yes, one.no, one.abstained) for name, one in result.tally.items()}
    ours = (result.valid, result.void, tally, dict(result.write_ins))
    return ours == (again.valid, again.void, again.tally, again.write_ins)


def _recount(result: Result) -> Result:
    return replace(
        result,
        outcome=Outcome.RECOUNT_NEEDED,
        tally=None,
        write_ins={},
        answers=None,
        need=None,
        elected=(),
        tied=(),
        unfilled=None,
    )
