"""One person's entry of the roster as a form has it: read like a sheet's row, and refused field by field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from msgspec import Struct

from content.decision import Refusal, refused
from content.roster import cells
from content.roster.cells import ANSWERS, DAYS, TEXTS, Wrong

CATEGORIES = ("正式党员", "预备党员", "发展对象", "入党积极分子", "入党申请人")
GENDERS = ("男", "女")
YES, NO = "yes", "no"

ORDER = (
    "name",
    "gender",
    "ethnicity",
    "born",
    "education",
    "degree",
    "working_since",
    "category",
    "joined",
    "full_since",
    "position",
    "post",
    "shift",
    "phone",
    "status",
    "floating",
    "destination",
    "out_of_touch",
    "lost_since",
    "note",
)
"""Fields of an entry in the order of a 党员花名册; the organisation stands beside them."""


class Read(Struct, frozen=True, kw_only=True):
    """What a form says of a person, and what of it cannot be meant."""

    values: Mapping[str, Any]
    refusals: tuple[Refusal, ...]


def read(written: Mapping[str, str], *, today: date) -> Read:
    """Read the fields of a form; what is left out there stays out."""
    values: dict[str, Any] = {}
    refusals: list[Refusal] = []
    for name in ORDER:
        if name not in written:
            continue
        value = _value(name, written[name])
        if isinstance(value, Wrong):
            refusals.append(_refused(name, value.code))
        else:
            values[name] = value
    if "name" in written and values.get("name") == "":
        refusals.append(refused("entries.no_name", field="name"))
    for name in DAYS:
        if values.get(name, "") > today.isoformat():
            refusals.append(refused("entries.in_future", field=name))
    joined, full = values.get("joined", ""), values.get("full_since", "")
    shared = min(len(joined), len(full))
    if joined[:shared] > full[:shared]:
        refusals.append(refused("entries.full_before_joined", field="full_since"))
    return Read(values=values, refusals=tuple(refusals))


def _value(name: str, written: str) -> str | bool | Wrong | None:
    match name:
        case "name":
            return cells.name(written)
        case "phone":
            return cells.phone(written)
        case "gender":
            return cells.gender(written)
        case "category":
            return cells.category(written)
        case "destination":
            return cells.destination(written)
        case _ if name in DAYS:
            return cells.day(written)
        case _ if name in ANSWERS:
            return {YES: True, NO: False}.get(written)
    value = cells.text(written)
    return value if len(value) <= TEXTS[name] else Wrong(code="too_long")


def _refused(name: str, code: str) -> Refusal:
    if name in DAYS:
        return refused("entries.bad_day", field=name)
    known = {"name_too_long": "entries.too_long", "too_long": "entries.too_long", "too_close": "entries.too_close"}
    return refused(known.get(code, "entries.bad_phone" if name == "phone" else "entries.unclear"), field=name)


def as_written(value: str | bool | None) -> str:
    """Return a value as the form's field has it."""
    if isinstance(value, bool):
        return YES if value else NO
    return value or ""
