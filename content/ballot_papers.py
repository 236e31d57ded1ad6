"""Papers of a secret ballot as bytes: what a voter's envelope holds, of one length whatever was chosen, and its marks.

A paper holds marks and names and nothing else: no voter, no time, no number. Its bytes are canonical JSON, so that the
same choice is always the same bytes once it is out of its envelope.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from content.election_cases import read_ballot
from content.elections import Ballot, Election, Pile
from content.questions import Question, fits, longest_answers

BLOCK = 512
"""Envelopes are as long as a whole number of such blocks."""
OVERHEAD = 48
"""By how many bytes a sealed box is longer than what is in it."""
EMPTY = b'{"v":0}'
"""What fills the envelope of who has not voted."""
LONGEST_NAME = 40
"""How many characters a name that is written in may have."""


def canonical(value: Any) -> bytes:
    """Return a value as the one JSON text that stands for it."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def write_paper(ballot: Ballot) -> bytes:
    """Return the bytes of a paper."""
    if ballot.answers is not None:
        return canonical({"v": 1, "a": {name: list(said) for name, said in ballot.answers.items()}})
    return canonical({"v": 1, "m": dict(ballot.marks), "w": list(ballot.write_ins)})


def read_paper(plain: bytes) -> Ballot | None:
    """Return the paper that bytes are, ``None`` for one that cannot be read, which is void."""
    try:
        raw = json.loads(plain, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, dict) or raw.pop("v", None) != 1:
        return None
    paper = read_ballot(raw)
    try:
        return paper if paper is None or write_paper(paper) else None
    except UnicodeEncodeError:
        # Half a character, which no text can hold: one such paper must not end the count of all.
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a mark that is made twice, of which readers would see different ones."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("said twice")
    return found


def sealed_length(election: Election) -> int:
    """Return how long every envelope of an election is: the longest paper and a byte more, in whole blocks."""
    if election.questions:
        return (len(canonical({"v": 1, "a": longest_answers(election.questions)})) // BLOCK + 1) * BLOCK + OVERHEAD
    marks = dict.fromkeys(election.candidates, "N")
    written = min(election.seats, len(election.candidates))
    longest = {"v": 1, "m": marks, "w": ["\U0010ffff" * LONGEST_NAME] * written}
    return (len(canonical(longest)) // BLOCK + 1) * BLOCK + OVERHEAD


def opened_lines(
    papers: Iterable[bytes],
    *,
    write_ins: bool = True,
    candidates: Collection[str] | None = None,
    questions: Sequence[Question] = (),
    eligible: frozenset[str] | None = None,
) -> tuple[str, ...]:
    """Return opened papers as lines in an order that says nothing about when or by whom they were cast.

    What cannot be read is ``null``, what writes somebody in who may not be, and what marks somebody who is none of the
    ``candidates``: such words might be somebody's sign, and so might the order of those who are written in. A void
    paper that can be read keeps its marks.
    """
    names = None if candidates is None else frozenset(candidates)
    read = (read_paper(plain) for plain in papers)
    if questions:
        kept = (paper if paper is not None and fits(questions, paper.answers or {}) else None for paper in read)
        return _in_order(None if paper is None or paper.answers is None else paper for paper in kept)
    allowed = eligible if write_ins else frozenset[str]()
    return _in_order(None if paper is None or _is_signed(paper, names, allowed) else paper for paper in read)


def _in_order(papers: Iterable[Ballot | None]) -> tuple[str, ...]:
    return tuple(sorted("null" if paper is None else write_paper(_sorted(paper)).decode() for paper in papers))


def _sorted(paper: Ballot) -> Ballot:
    return replace(paper, write_ins=tuple(sorted(paper.write_ins)))


def _is_signed(paper: Ballot, names: frozenset[str] | None, allowed: frozenset[str] | None) -> bool:
    """Tell whether a paper holds words of its own where there may be none."""
    if paper.answers or (allowed is not None and not allowed.issuperset(paper.write_ins)):
        return True
    return not (names is None or names.issuperset(paper.marks))


def piles(lines: Iterable[str]) -> tuple[Pile, ...]:
    """Return opened papers as they are counted."""
    return tuple(Pile(ballot=read_paper(line.encode())) for line in lines)


def receipt(box: bytes) -> str:
    """Return what proves that an envelope is in the box, and nothing of what is in it."""
    return hashlib.sha256(box).hexdigest()


def receipts(boxes: Iterable[bytes]) -> tuple[str, ...]:
    """Return the published list of all envelopes, in an order of its own."""
    return tuple(sorted(receipt(box) for box in boxes))


def set_hash(listed: Sequence[str]) -> str:
    """Return the hash of a whole set of envelopes by their receipts: one more, less or other makes another."""
    return hashlib.sha256(b"".join(bytes.fromhex(one) for one in sorted(listed))).hexdigest()
