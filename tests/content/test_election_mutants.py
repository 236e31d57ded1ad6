"""Each wrong rule of the test plan is told apart from the right one by at least one worked example."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from content import elections, majorities
from content.election_cases import Case, read_case, show_result
from content.elections import Result
from content.majorities import Threshold
from content.rule_packs import Base, RulePack

VECTORS = Path(__file__).parents[1] / "vectors"
Evaluate = Callable[[Case], Result]


def examples() -> Iterator[tuple[Case, dict[str, Any]]]:
    for file in sorted(VECTORS.glob("*.json")):
        for one in json.loads(file.read_text(encoding="utf-8")):
            if "case" in one:
                yield read_case(one["case"]), one["expect"]


EXAMPLES = tuple(examples())


def killed(evaluate: Evaluate) -> int:
    """Return how many examples come out otherwise, or not at all."""
    number = 0
    for case, expected in EXAMPLES:
        try:
            number += json.dumps(show_result(evaluate(case)), sort_keys=True) != json.dumps(expected, sort_keys=True)
        except (ArithmeticError, LookupError, ValueError):
            number += 1
    return number


def right(case: Case) -> Result:
    return elections.evaluate(case.election, case.attendance, case.piles)


def test_the_right_rules_pass_every_example() -> None:
    """The control: without it every mutant would seem to be found."""
    assert EXAMPLES
    assert killed(right) == 0


def with_pack(**change: Callable[[RulePack], Any]) -> Evaluate:
    """Return an evaluation by packs in which a share or a base is another."""

    def evaluate(case: Case) -> Result:
        pack = case.election.pack
        other = replace(pack, **{name: verb(pack) for name, verb in change.items()})
        return right(replace(case, election=replace(case.election, pack=other)))

    return evaluate


def turned(name: str) -> Callable[[RulePack], Threshold | None]:
    """Return a share of a pack with exactly that share on the other side."""

    def turn(pack: RulePack) -> Threshold | None:
        share: Threshold | None = getattr(pack, name)
        return replace(share, exceeded=not share.exceeded) if share is not None else None

    return turn


def _other_base(case: Case) -> Result:
    stands = case.election.base or case.election.pack.base
    other = Base.PRESENT if stands is Base.EXPECTED else Base.EXPECTED
    return right(replace(case, election=replace(case.election, base=other)))


@pytest.mark.parametrize(
    "evaluate",
    [
        pytest.param(with_pack(majority=turned("majority")), id="majority: exactly half elects"),
        pytest.param(with_pack(quorum=turned("quorum")), id="quorum: exactly four fifths on the other side"),
        pytest.param(with_pack(margin=turned("margin")), id="margin: exactly a fifth is not enough"),
        pytest.param(
            with_pack(quorum=lambda pack: replace(pack.quorum, numerator=3, denominator=4)), id="quorum: three quarters"
        ),
        pytest.param(_other_base, id="base swapped"),
    ],
)
def test_a_pack_with_another_share_is_found_out(evaluate: Evaluate) -> None:
    assert killed(evaluate) > 0


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        pytest.param("picks <= election.seats and ", "", id="more chosen than seats"),
        pytest.param("picks <= election.seats", "picks <= election.seats + 1", id="one more chosen than seats"),
        pytest.param(" and len(ballot.write_ins) <= marks[Mark.NO]", "", id="written in without a No"),
        pytest.param("<= marks[Mark.NO]", "< marks[Mark.NO]", id="fewer written in than Noes"),
        pytest.param("<= marks[Mark.NO]", "<= marks[Mark.NO] + 1", id="one more written in than Noes"),
        pytest.param("if eligible is None or name in eligible", "if True", id="who may not be elected scores"),
        pytest.param("return picks <=", "return bool(marks) and picks <=", id="blank is void"),
        pytest.param(
            "scores if election.kind is Kind.RUNOFF else passing", "passing", id="a run-off asks for a majority"
        ),
        pytest.param(
            "return tuple(sorted(above)), tuple(sorted(at_the_line))",
            "return tuple(sorted([*above, *sorted(at_the_line)[: seats - len(above)]])), ()",
            id="a tie goes by the order of names",
        ),
        pytest.param("attendance.returned > attendance.issued", "False", id="more came back than were given out"),
        pytest.param("attendance.issued > attendance.present", "False", id="more were given out than came"),
        pytest.param("attendance.present > attendance.expected", "False", id="more came than are due"),
        pytest.param(
            "found.valid + found.void != attendance.returned", "False", id="what does not add up is not counted again"
        ),
        pytest.param("    if not met:\n        return so_far\n", "", id="a missing quorum is passed over"),
    ],
)
def test_a_step_that_is_wrong_is_found_out(was: str, becomes: str) -> None:
    source = inspect.getsource(elections)
    assert source.count(was) == 1
    assert killed(_mutant(source.replace(was, becomes))) > 0


def _mutant(source: str) -> Evaluate:
    """Return the evaluation of changed rules, over the kinds of values that the unchanged have."""
    names: dict[str, Any] = {"__name__": "content.elections"}
    exec(compile(source, "mutant", "exec"), names)
    names |= {name: value for name, value in vars(elections).items() if inspect.isclass(value)}
    return lambda case: names["evaluate"](case.election, case.attendance, case.piles)  # type: ignore[no-any-return]


def test_rounding_down_what_is_needed_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def floor(self: Threshold, whole: int) -> int:
        wanted = self.numerator * whole
        return wanted // self.denominator + 1 if self.exceeded else wanted // self.denominator

    monkeypatch.setattr(majorities.Threshold, "least", floor)
    assert killed(right) > 0
