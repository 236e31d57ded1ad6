"""The lists of holidays and make-up working days of China that were published when this program was made.

They are written as anybody may paste one. A newer year is entered at the console, or comes with a newer program.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import groupby

from content.workday_lists import Day, read_list

_LISTS = """
2023-01-01..2023-01-02 rest new_year
2023-01-21..2023-01-27 rest spring_festival
2023-01-28..2023-01-29 work
2023-04-05 rest tomb_sweeping
2023-04-23 work
2023-04-29..2023-05-03 rest labour_day
2023-05-06 work
2023-06-22..2023-06-24 rest dragon_boat
2023-06-25 work
2023-09-29 rest mid_autumn
2023-09-30..2023-10-06 rest national_day
2023-10-07..2023-10-08 work
2023-12-30..2023-12-31 rest new_year
2024-01-01 rest new_year
2024-02-04 work
2024-02-10..2024-02-17 rest spring_festival
2024-02-18 work
2024-04-04..2024-04-06 rest tomb_sweeping
2024-04-07 work
2024-04-28 work
2024-05-01..2024-05-05 rest labour_day
2024-05-11 work
2024-06-10 rest dragon_boat
2024-09-14 work
2024-09-15..2024-09-17 rest mid_autumn
2024-09-29 work
2024-10-01..2024-10-07 rest national_day
2024-10-12 work
2025-01-01 rest new_year
2025-01-26 work
2025-01-28..2025-02-04 rest spring_festival
2025-02-08 work
2025-04-04..2025-04-06 rest tomb_sweeping
2025-04-27 work
2025-05-01..2025-05-05 rest labour_day
2025-05-31..2025-06-02 rest dragon_boat
2025-09-28 work
2025-10-01..2025-10-05 rest national_day
2025-10-06 rest mid_autumn
2025-10-07..2025-10-08 rest national_day
2025-10-11 work
2026-01-01..2026-01-03 rest new_year
2026-01-04 work
2026-02-14 work
2026-02-15..2026-02-23 rest spring_festival
2026-02-28 work
2026-04-04..2026-04-06 rest tomb_sweeping
2026-05-01..2026-05-05 rest labour_day
2026-05-09 work
2026-06-19..2026-06-21 rest dragon_boat
2026-09-20 work
2026-09-25..2026-09-27 rest mid_autumn
2026-10-01..2026-10-07 rest national_day
2026-10-10 work
"""


@cache
def published() -> Mapping[int, tuple[Day, ...]]:
    """Return the days of each year that is known, in order."""
    days, problems = read_list(_LISTS)
    assert not problems, problems
    return {year: tuple(of_year) for year, of_year in groupby(days, key=lambda day: day.date.year)}
