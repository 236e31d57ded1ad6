"""The tree reads as an outline, whatever the order in which its nodes were founded."""

from __future__ import annotations

from console.access import Here
from console.tree import depths, in_order, is_below, parents_of
from content.identifiers import OrganisationId, UserId
from content.organisations import Kind, Organisation
from content.sessions import Session
from tests.small_branch import NOON


def node(id: str, parent: str | None) -> Organisation:
    above = OrganisationId(parent) if parent else None
    return Organisation(id=OrganisationId(id), parent=above, kind=Kind.BRANCH, name=id)


FOUNDED = (node("a", "outside"), node("b", "a"), node("c", "a"), node("bb", "b"), node("z", None), node("cc", "c"))


def test_each_node_is_followed_by_what_stands_below_it() -> None:
    outline = in_order(FOUNDED)
    assert [item.id for item in outline] == ["a", "b", "bb", "c", "cc", "z"]
    assert list(depths(outline).values()) == [0, 1, 2, 1, 2, 0]


def test_below_means_itself_or_any_depth_down() -> None:
    parents = parents_of(FOUNDED)
    assert is_below(parents, OrganisationId("bb"), [OrganisationId("a")])
    assert is_below(parents, OrganisationId("a"), [OrganisationId("a")])
    assert not is_below(parents, OrganisationId("a"), [OrganisationId("bb")])
    assert not is_below(parents, OrganisationId("z"), [OrganisationId("a")])
    assert not is_below(parents, OrganisationId("unknown"), [OrganisationId("unknown")])


def test_the_head_s_choices_show_names_as_text_and_mark_the_chosen_one() -> None:
    roof = Organisation(id=OrganisationId("roof"), parent=None, kind=Kind.GENERAL_BRANCH, name="<b>总支</b> & co")
    east = Organisation(id=OrganisationId("east"), parent=roof.id, kind=Kind.BRANCH, name="一支部")
    session = Session(id_hash="", user=UserId("@a:b"), csrf="", made_at=NOON, seen_at=NOON)
    at = Here(
        session=session,
        duties=(),
        nodes=(roof, east),
        parents=parents_of((roof, east)),
        roots=(),
        chosen=east,
        by_id={},
    )
    assert at.choices.splitlines() == [
        '<option value="roof">&lt;b&gt;总支&lt;/b&gt; &amp; co</option>',
        '<option value="east" selected>　一支部</option>',
    ]
