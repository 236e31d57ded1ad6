"""The count of a vote for people: every figure in a line of its own, with the rule behind it, and as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from content.decision import Words, words
from content.election_cases import show_result
from content.elections import NOBODY, Attendance, Outcome, Result
from content.questions import Question
from content.rule_packs import Rule, RulePack, said


def describe(
    title: str,
    pack: RulePack,
    attendance: Attendance,
    result: Result,
    names: Mapping[str, str],
    questions: Sequence[Question] = (),
) -> Iterator[Words]:
    """Yield the lines of a count; whoever has no name here is one who was written in."""
    yield words("count.title", title=title)
    checked = words("count.checked") if pack.checked else words("count.unchecked")
    yield words("count.pack", pack=pack.id, version=pack.version, checked=(checked,))
    there = words("count.present", expected=attendance.expected, present=attendance.present)
    yield _with_rule(there, result, "present")
    yield _with_rule(words("count.quorum", least=result.quorum_need), result, "quorum_need")
    papers = words("count.ballots", issued=attendance.issued, returned=attendance.returned)
    yield _with_rule(papers, result, "returned")
    if result.valid is not None and result.void is not None:
        yield _with_rule(words("count.valid", valid=result.valid, void=result.void), result, "valid")
    for name, votes in (result.tally or {}).items():
        yield words("count.votes", name=names.get(name, name), yes=votes.yes, no=votes.no, abstained=votes.abstained)
    if result.tally:
        yield words("count.votes_by", rule=(said(result.rules["tally"]),))
    yield from _written(result.write_ins, names)
    if result.write_ins:
        yield words("count.write_ins_by", rule=(said(result.rules["write_ins"]),))
    if result.answers is not None:
        yield from told(result.answers, questions, names, result.valid or 0)
        yield words("count.votes_by", rule=(said(result.rules["tally"]),))
    if result.need is not None:
        yield _with_rule(words("count.need", need=result.need), result, "need")
    for name in result.elected:
        yield _with_rule(words("count.elected", name=names.get(name, name)), result, "elected")
    for name in result.tied:
        yield _with_rule(words("count.tied", name=names.get(name, name)), result, "tied")
    outcome = words(f"count.outcome_{result.outcome.lower()}")
    yield words("count.outcome", outcome=(outcome,), rule=(said(result.ground),))


def _written(write_ins: Mapping[str, int], names: Mapping[str, str]) -> Iterator[Words]:
    for name, number in sorted(write_ins.items()):
        if name == NOBODY:
            yield words("count.written_nobody", number=number)
        else:
            yield words("count.write_in", name=names.get(name, name), number=number)


def told(
    answers: Mapping[str, Any], questions: Sequence[Question], names: Mapping[str, str], valid: int
) -> Iterator[Words]:
    """Yield what came out of each question: the grades of who is named by it, the cells that may be told, the texts."""
    for one in questions:
        said = answers[one.id]
        if one.id in names:
            excellent, qualified, basic, unqualified = said["cells"]
            yield words(
                "count.grades",
                name=names[one.id],
                excellent=excellent,
                qualified=qualified,
                basic=basic,
                unqualified=unqualified,
                none=valid - sum(said["cells"]),
            )
            continue
        yield words("count.question", text=one.text)
        if "texts" in said:
            texts = said["texts"]
            yield from [words("count.text", text=text) for text in texts or ()]
            if texts is None:
                yield words("count.texts_hidden")
            continue
        for option, number in zip(one.options, said["cells"], strict=False):
            hidden = number is None
            yield words("count.option_hidden", text=option) if hidden else words("count.option", text=option, n=number)


def _with_rule(line: Words, result: Result, figure: str) -> Words:
    return words("count.by_rule", line=(line,), rule=(said(result.rules[figure]),))


def figures(result: Result) -> dict[str, Any]:
    """Return a result as plain values, with the rule of every number and of the outcome."""
    rules = {name: str(rule) for name, rule in result.rules.items()}
    return {**show_result(result), "rules": {**rules, "outcome": str(result.ground)}}


def brief(
    title: str, names: Mapping[str, str], kept: Mapping[str, Any], *, expected: int, returned: int
) -> Iterator[Words]:
    """Yield the lines of a count as a room is told of it, from what was kept of it, with what each is reckoned of."""
    yield words("count.title", title=title)
    if "valid" in kept:
        yield words("count.basis", expected=expected, returned=returned, valid=kept["valid"], void=kept["void"])
    if "answers" in kept:
        yield words("count.answers_kept")
        return
    for name, (yes, no, abstained) in kept.get("tally", {}).items():
        yield words("count.votes", name=names.get(name, name), yes=yes, no=no, abstained=abstained)
    yield from _written(kept.get("writein", {}), names)
    if "need" in kept:
        rule = said(Rule(kept["rules"]["need"]))
        yield words("count.by_rule", line=(words("count.need", need=kept["need"]),), rule=(rule,))
    outcome = str(kept.get("outcome", Outcome.COUNTED))
    for name in kept.get("elected", ()):
        yield words("count.elected", name=names.get(name, name))
    if outcome != Outcome.COUNTED:
        yield words(f"count.outcome_{outcome.lower()}")
    elif "need" not in kept:
        yield words("ballots.reference")
