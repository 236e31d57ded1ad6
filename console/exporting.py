"""Notes in the record that a table was taken away as a file, before it is."""

from __future__ import annotations

from console.access import here
from console.proving import record
from content.decision import Decision
from content.exports import Exported
from storage.unit import Reading


def note_export(what: str, rows: int) -> None:
    """Leave a row of record that the person takes a table away."""

    async def decide(_unit: Reading) -> Decision:
        return Decision(facts=(Exported(what=what, rows=rows),))

    record(f"export:{what}", decide, actor=here().user)
