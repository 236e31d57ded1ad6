"""How often each form of organisation life is held: by which rule, and what an organisation has made of it (CAD-12)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from msgspec import Struct

from content.notices import Form


class Every(StrEnum):
    """The stretch of the calendar in which so many are to be held."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Label(StrEnum):
    """What stands behind a number: 条例, 地方, 习惯, or what an organisation has set by itself."""

    REGULATION = "regulation"
    LOCAL = "local"
    CUSTOM = "custom"
    OWN = "own"


OFF = "off"
"""What a line is set to that asks for nothing."""

_WRITTEN = re.compile(r"([1-9]|1[0-2])-(month|quarter|year)")


class Norm(Struct, frozen=True, kw_only=True):
    """How many of a form are to be held in each stretch, and what stands behind that."""

    form: Form
    count: int
    every: Every
    label: Label


class Former(Struct, frozen=True, kw_only=True):
    """What was asked before it was changed: ``until`` is the day of the change, ``norm`` what held until then."""

    until: date
    norm: Norm | None


class Line(Struct, frozen=True, kw_only=True):
    """One line of the table: what holds where nobody has set it, and what stands behind each number that is known."""

    form: Form
    default: str
    known: Mapping[str, Label]

    @property
    def setting(self) -> str:
        """Return under which name an organisation sets it."""
        return f"cadence_{self.form}"

    @property
    def offered(self) -> tuple[str, ...]:
        """Return what a form offers."""
        return (*dict.fromkeys((*self.known, "1-month", "1-quarter", "1-year")), OFF)


LINES: tuple[Line, ...] = (
    Line(form=Form.ASSEMBLY, default="1-quarter", known={"1-quarter": Label.REGULATION}),
    Line(form=Form.COMMITTEE, default="1-month", known={"1-month": Label.REGULATION}),
    Line(form=Form.GROUP, default="1-month", known={"1-month": Label.REGULATION}),
    Line(form=Form.LECTURE, default="1-quarter", known={"1-quarter": Label.CUSTOM, "2-year": Label.LOCAL}),
    Line(form=Form.PARTY_DAY, default="1-month", known={"1-month": Label.REGULATION}),
    Line(form=Form.LIFE, default="1-year", known={"1-year": Label.REGULATION}),
    Line(form=Form.REVIEW, default="1-year", known={"1-year": Label.REGULATION}),
    Line(form=Form.TALK, default="1-year", known={"1-year": Label.REGULATION, "2-year": Label.LOCAL}),
)
"""CAD-1 to CAD-10; documents and articles are named in the sentences. Attendance is no line of it (CAD-11)."""

LINE_OF: Mapping[Form, Line] = {line.form: line for line in LINES}
BY_SETTING: Mapping[str, Line] = {line.setting: line for line in LINES}


def is_cadence(value: str) -> bool:
    """Tell whether a setting says how often a form is held, or that nothing is asked."""
    return value == OFF or _WRITTEN.fullmatch(value) is not None


def norm_from(form: Form, value: str) -> Norm | None:
    """Read how often a form is held, ``None`` where nothing is asked; a number that is no known one is called own."""
    found = _WRITTEN.fullmatch(value)
    if found is None:
        return None
    label = LINE_OF[form].known.get(value, Label.OWN)
    return Norm(form=form, count=int(found[1]), every=Every(found[2]), label=label)


ATTENDANCE_LINE = "attendance_line"
"""The setting of the share of those due, in per cent, to which attendance is held: local, off by itself (CAD-11)."""
_LOCAL_LINES = ("80", "85")
_WHOLE = 100


def is_attendance_line(value: str) -> bool:
    """Tell whether a setting is a share in whole per cent, or none."""
    return value == OFF or (value.isascii() and value.isdigit() and 1 <= int(value[:4]) <= _WHOLE)


def label_of_line(value: str) -> Label:
    """Return what stands behind a share: some local rules have it, else an organisation has set it by itself."""
    return Label.LOCAL if value in _LOCAL_LINES else Label.OWN
