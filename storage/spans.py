"""What a span of a year is to a question: the gaps of a prepared one, and what goes into them."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import Date, bindparam, or_

from content.year import Span
from storage.organisations import ROOTS, within
from storage.tables import Instant

_ABOVE: Any = bindparam("above", expanding=True)

SINCE, UNTIL = bindparam("since", type_=Date), bindparam("until", type_=Date)
"""The first and the last local date of a span."""

FIRST, LAST = bindparam("first", type_=Instant), bindparam("last", type_=Instant)
"""Between which instants its days lie, whatever the zone; the last is beyond them."""


def there(column: Any) -> Any:
    """Return the condition that a column names an organisation of a span: at or below its roots, or above them."""
    return or_(within(column, ROOTS), column.in_(_ABOVE))


def asked(span: Span, *, before: timedelta = timedelta()) -> dict[str, Any]:
    """Return what goes into the gaps for a span; ``before`` is how much earlier than its days something may lie."""
    day = timedelta(days=1)
    return {
        "roots": list(span.roots),
        "above": list(span.above),
        "since": span.since,
        "until": span.until,
        "first": datetime.combine(span.since, time(), UTC) - before - day,
        "last": datetime.combine(span.until, time(), UTC) + 2 * day,
    }
