"""What of a member's months is a branch's own, where they have paid in another too or are in another by now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from content.dues import Month, State

_OWED = (State.DUE, State.PART, State.PAID)


def share(standing: Sequence[Month], here: Mapping[str, int]) -> tuple[Month, ...]:
    """Return the months of who is in a branch, as they stand there; ``here`` is what it took for each, in fen.

    What another branch took was due there: it is neither due nor paid here, and a month that was paid there whole has
    no sums here at all.
    """
    return tuple(_share(one, here.get(one.month, 0)) for one in standing)


def _share(one: Month, here: int) -> Month:
    if one.state not in _OWED:
        return replace(one, paid=here)
    due = max(0, one.due - max(0, one.paid - here))
    state = State.PAID if here >= due else State.PART if here > 0 else State.DUE
    return replace(one, state=state, due=due, paid=here)


def taken(standing: Sequence[Month]) -> tuple[Month, ...]:
    """Return the months of who is in another branch by now, of what this one fixed and took: those it took money for.

    What they have not paid here is owed where they are, so no more was due here than came.
    """
    return tuple(
        replace(one, state=State.PAID, due=min(one.due, one.paid)) if one.state in _OWED else one
        for one in standing
        if one.paid
    )
