"""The ledger of pledges (承诺台账): a row for each, with what was said, asked and answered, in the order of offices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from console.tables import Table
from console.wording import t
from content.pledge_questions import Question, shown
from content.pledges import Entry, Pledge, Sort

COLUMNS = (
    *("number", "party", "matter", "measure", "owner", "due", "steps", "percent", "asked", "answered", "reviewed"),
)
"""The columns of the layout, in its order, by the last part of their name's key."""


def sheet(
    found: Sequence[Pledge],
    history: Sequence[Entry],
    questions: Sequence[Question],
    *,
    party: Callable[[Pledge], str],
    owner: Callable[[Pledge], str | None],
) -> Table:
    """Put the ledger together; what was hidden or taken back is in none, and who asked is named nowhere."""
    rows = []
    for one in found:
        steps = [each for each in history if each.pledge == one.id and each.sort is Sort.PROGRESS]
        asked = shown([each for each in questions if each.pledge == one.id])
        rows.append(
            (
                one.number,
                party(one),
                one.matter,
                one.measure or t("pledges.to_fill_in"),
                owner(one) or t("pledges.to_fill_in"),
                one.due.isoformat(),
                _joined(f"{each.on.isoformat()} {each.percent}% {each.note}".strip() for each in steps),
                f"{one.percent}%",
                _joined(f"{each.number}. {each.text}" for each in asked),
                _joined(f"{each.number}. {each.answer}" for each in asked if each.answer),
                one.review or t("pledges.to_fill_in"),
            )
        )
    return Table(
        title=t("pledges.ledger"), header=tuple(t(f"pledges.column_{name}") for name in COLUMNS), rows=tuple(rows)
    )


def _joined(parts: Iterable[str]) -> str | None:
    return "；".join(parts) or None
