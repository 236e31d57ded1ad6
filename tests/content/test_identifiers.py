"""The same cause makes the same names; different parts make different ones."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from content.identifiers import derive

PARTS = st.lists(st.one_of(st.integers(), st.text(st.characters(exclude_characters="\x1f", exclude_categories=["Cs"]))))


def test_a_name_stays_what_it_was_in_every_version() -> None:
    assert derive("event:$1", "card", "!room:test") == derive("event:$1", "card", "!room:test")
    assert derive("occurrence", 1) == "msv52756jue76fj6upwjmpwe"


@given(st.text(st.characters(exclude_characters="\x1f", exclude_categories=["Cs"])), PARTS, PARTS)
def test_names_differ_where_their_parts_differ(cause: str, one: list[int | str], other: list[int | str]) -> None:
    same = [str(part) for part in one] == [str(part) for part in other]
    assert (derive(cause, *one) == derive(cause, *other)) is same
    assert re.fullmatch("[a-z2-7]{24}", derive(cause, *one))


def test_parts_do_not_run_together() -> None:
    assert derive("a", "bc") != derive("ab", "c") != derive("a", "b", "c")
