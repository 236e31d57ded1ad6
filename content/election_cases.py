"""Elections as plain values, as they stand in files of worked examples: read with care, and results written back."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from content.decision import Words, words
from content.elections import Attendance, Ballot, Election, Fault, Flaw, Kind, Mark, Pile, Result
from content.questions import Question, Sort, show_questions
from content.rule_packs import ELECTION_2020, PACKS, Base

FIGURES = ("expected", "present", "issued", "returned")
_KEYS = frozenset({"id", *FIGURES, "seats", "candidates", "ballots", "kind", "contested", "majority_base"}) | {
    "eligible_writeins",
    "rulepack",
    "note",
}


class Case(Struct, frozen=True, kw_only=True):
    """One worked example: everything from which a result follows."""

    election: Election
    attendance: Attendance
    piles: tuple[Pile, ...]


class Unusable(Exception):
    """Plain values that describe no election; ``words`` say which and why."""

    def __init__(self, key: str, **parameters: str | int) -> None:
        super().__init__(key)
        self.words: Words = words(key, **parameters)


def read_case(raw: object) -> Case:
    """Return the case that plain values describe. Raises Unusable where they describe none."""
    if not isinstance(raw, Mapping):
        raise Unusable("tally.no_object", field="case")
    for key in raw:
        if key not in _KEYS:
            raise Unusable("tally.unknown_field", field=str(key))
    figures = {name: _whole(raw.get(name), name) for name in FIGURES}
    ballots = raw.get("ballots")
    if not isinstance(ballots, list):
        raise Unusable("tally.no_list", field="ballots")
    piles = tuple(_pile(one, place) for place, one in enumerate(ballots, start=1))
    return Case(election=read_election(raw), attendance=Attendance(**figures), piles=piles)


def read_election(raw: Mapping[str, Any]) -> Election:
    """Return what is voted on. Raises Unusable where the values describe nothing of the kind."""
    candidates, questions = _names(raw.get("candidates"), "candidates"), read_questions(raw.get("questions", []))
    if not (candidates or questions) or len(set(candidates)) < len(candidates):
        raise Unusable("tally.not_distinct", field="candidates")
    contested = raw.get("contested", True)
    if not isinstance(contested, bool):
        raise Unusable("tally.no_truth", field="contested")
    base = raw.get("majority_base")
    eligible = raw.get("eligible_writeins")
    return Election(
        candidates=candidates,
        seats=_whole(raw.get("seats"), "seats"),
        pack=PACKS[_one_of(raw.get("rulepack", ELECTION_2020.id), "rulepack", PACKS)],
        kind=Kind(_one_of(raw.get("kind", Kind.FORMAL), "kind", Kind)),
        contested=contested,
        base=Base(_one_of(base, "majority_base", Base)) if base is not None else None,
        eligible=frozenset(_names(eligible, "eligible_writeins")) if eligible is not None else None,
        questions=questions,
        by=_one_of(raw.get("by", ""), "by", {"": "", **{one.id: one.id for one in questions}}),
    )


def read_questions(raw: object) -> tuple[Question, ...]:
    """Return the questions that papers answer. Raises Unusable where the values describe none."""
    if not isinstance(raw, list) or not all(isinstance(one, Mapping) for one in raw):
        raise Unusable("tally.no_list", field="questions")
    found = []
    for one in raw:
        (name,) = _names([one.get("id")], "id")
        options, text = one.get("options"), one.get("text")
        if not isinstance(text, str):
            raise Unusable("tally.no_text", field="text")
        found.append(
            Question(
                id=name,
                sort=Sort(_one_of(one.get("sort"), "sort", Sort)),
                text=text,
                options=_names(options, "options") if isinstance(options, list) else (),
            )
        )
    return tuple(found)


def _pile(raw: object, place: int) -> Pile:
    """Read ``[copies, ballot]``."""
    match raw:
        case [int(copies), dict(paper)] if copies >= 0 and not isinstance(copies, bool):
            ballot = read_ballot(paper)
            if ballot is not None:
                return Pile(ballot=ballot, copies=copies)
    raise Unusable("tally.bad_ballot", place=place)


def read_ballot(raw: Mapping[str, Any]) -> Ballot | None:
    """Return the ballot that marks and names written in describe, ``None`` where they describe none."""
    match raw:
        case {"m": dict(marks), "w": list(names), **others} if not others:
            known = all(isinstance(one, str) for one in (*names, *marks.values()))
            if known and set(marks.values()) <= set(Mark):
                return Ballot(marks={name: Mark(mark) for name, mark in marks.items()}, write_ins=tuple(names))
        case {"a": dict(answers), **others} if not others:
            if all(isinstance(said, list) and all(isinstance(one, str) for one in said) for said in answers.values()):
                return Ballot(answers={name: tuple(said) for name, said in answers.items()})
    return None


def _whole(value: object, field: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unusable("tally.no_whole_number", field=field)
    return value


def _names(value: object, field: str) -> tuple[str, ...]:
    """Read names, one letter each in a text, of any length in a list."""
    if isinstance(value, str | list) and all(isinstance(one, str) and one for one in value):
        return tuple(value)
    raise Unusable("tally.no_names", field=field)


def _one_of(value: object, field: str, known: Mapping[str, Any] | type[StrEnum]) -> str:
    if not isinstance(value, str) or value not in list(known):
        raise Unusable("tally.not_known", field=field, known=", ".join(known))
    return value


def show_election(election: Election) -> dict[str, Any]:
    """Return what is voted on as plain values."""
    shown: dict[str, Any] = {
        "candidates": list(election.candidates),
        "seats": election.seats,
        "rulepack": election.pack.id,
        "kind": str(election.kind),
        "contested": election.contested,
    }
    if election.base is not None:
        shown["majority_base"] = str(election.base)
    if election.eligible is not None:
        shown["eligible_writeins"] = sorted(election.eligible)
    if election.questions:
        shown |= {"questions": show_questions(election.questions), "by": election.by}
    return shown


def show_result(result: Result) -> dict[str, Any]:
    """Return a result as plain values; it ends where the evaluation ended."""
    shown: dict[str, Any] = {
        "errors": [_show_flaw(flaw) for flaw in result.flaws],
        "quorum": result.quorum,
        "quorum_need": result.quorum_need,
    }
    if result.valid is not None:
        shown |= {"valid": result.valid, "void": result.void}
    if result.tally is not None:
        shown["tally"] = {name: [one.yes, one.no, one.abstained] for name, one in result.tally.items()}
        shown["writein"] = dict(result.write_ins)
    if result.answers is not None:
        shown["answers"] = dict(result.answers)
    if result.need is not None:
        shown["need"] = result.need
    if result.unfilled is not None:
        shown |= {"elected": list(result.elected), "tied": list(result.tied), "unfilled": result.unfilled}
    return {**shown, "outcome": str(result.outcome)}


def _show_flaw(flaw: Flaw) -> str:
    match flaw.fault:
        case Fault.MARGIN:
            return f"MARGIN: need >= {flaw.least} candidates"
        case Fault.ISSUED_OVER_PRESENT:
            return "ISSUED>PRESENT"
        case Fault.PRESENT_OVER_EXPECTED:
            return "PRESENT>EXPECTED"
        case Fault.NEGATIVE:
            return f"NEGATIVE: {flaw.figure}"
        case Fault.NO_SEATS:
            return "SEATS<1"
        case Fault.NO_ELECTORS:
            return "EXPECTED<1"
