"""Changing the tree, the committee and its term, and what a node may set for itself."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from content.decision import Decision, Refusal
from content.identifiers import Cause, MemberId, OrganisationId
from content.members import Member
from content.organisations import Kind, Organisation, OrganisationFounded
from content.settings import BY_NAME, SETTINGS, TIMEZONE, WINDOW, SettingChosen, choose, held_at
from content.structure import (
    InUse,
    OrganisationClosed,
    OrganisationMoved,
    SiblingsOrdered,
    close,
    found,
    move,
    order,
    rename,
    reopen,
)
from content.terms import CommitteeElected, Seat, Term, advice, elect, months_on, positions

NOW = datetime(2026, 7, 1, tzinfo=UTC)
CAUSE = Cause("form:x")


def node(id: str, parent: str | None, kind: Kind, **more: Any) -> Organisation:
    above = OrganisationId(parent) if parent else None
    return Organisation(id=OrganisationId(id), parent=above, kind=kind, **{"name": id, **more})


TOP = node("党委", None, Kind.PARTY_COMMITTEE, timezone="Asia/Urumqi", language="en")
ONE = node("一总支", "党委", Kind.GENERAL_BRANCH)
TWO = node("二总支", "党委", Kind.GENERAL_BRANCH)
EAST = node("东", "一总支", Kind.BRANCH)
GROUP = node("一组", "东", Kind.GROUP)
TREE = (TOP, ONE, TWO, EAST, GROUP)


def why(answer: object) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.words.key.partition(".")[2]


def test_a_branch_can_be_added_after_founding_and_takes_zone_and_language_from_above() -> None:
    answer = found(TOP, Kind.BRANCH, "  机关 支部\u200b ", nodes=TREE, cause=CAUSE)
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, OrganisationFounded)
    made = fact.organisation
    assert (made.name, made.parent, made.timezone, made.language) == ("机关 支部", TOP.id, "Asia/Urumqi", "en")


@pytest.mark.parametrize(
    ("parent", "kind", "name", "reason"),
    [
        (ONE, Kind.GROUP, "新", "not_below"),
        (GROUP, Kind.GROUP, "新", "not_below"),
        (ONE, Kind.PARTY_COMMITTEE, "新", "not_below"),
        (ONE, Kind.BRANCH, " ", "no_name"),
        (ONE, Kind.BRANCH, "长" * 61, "long_name"),
        (TWO, Kind.BRANCH, "东", "name_taken"),
        (replace(ONE, closed=NOW), Kind.BRANCH, "新", "is_closed"),
    ],
)
def test_a_node_is_not_added_where_it_cannot_stand(parent: Organisation, kind: Kind, name: str, reason: str) -> None:
    assert why(found(parent, kind, name, nodes=TREE, cause=CAUSE)) == reason


def test_a_node_is_renamed_to_what_nobody_is_called() -> None:
    assert isinstance(rename(EAST, "东二", nodes=TREE), Decision)
    assert why(rename(EAST, "东", nodes=TREE)) == "same_name"
    assert why(rename(ONE, "二总支", nodes=TREE)) == "name_taken"


@pytest.mark.parametrize(
    ("what", "to", "reason"),
    [
        (EAST, ONE, "stands_there"),
        (ONE, ONE, "below_itself"),
        (TOP, EAST, "below_itself"),
        (ONE, EAST, "below_itself"),
        (TWO, ONE, "not_below"),
        (GROUP, TWO, "not_below"),
        (EAST, replace(TWO, closed=NOW), "is_closed"),
    ],
)
def test_a_node_is_not_moved_where_it_cannot_stand(what: Organisation, to: Organisation, reason: str) -> None:
    assert why(move(what, to, nodes=TREE)) == reason


def test_a_node_is_moved_below_another() -> None:
    answer = move(EAST, TWO, nodes=TREE)
    assert answer == Decision(facts=(OrganisationMoved(organisation=EAST.id, parent=TWO.id),))


def test_a_node_changes_places_with_the_one_before_or_after_it_below_the_same() -> None:
    three = node("三总支", "党委", Kind.GENERAL_BRANCH)
    nodes = (*TREE, three)

    def ordered(child: Organisation, *, earlier: bool) -> tuple[str, ...]:
        answer = order(TOP, child.id, earlier=earlier, nodes=nodes)
        assert isinstance(answer, Decision)
        (fact,) = answer.facts
        assert isinstance(fact, SiblingsOrdered)
        assert fact.organisation == TOP.id
        return fact.order

    assert ordered(TWO, earlier=True) == (TWO.id, ONE.id, three.id)
    assert ordered(TWO, earlier=False) == (ONE.id, three.id, TWO.id)
    for child, earlier in ((ONE, True), (three, False), (EAST, True)):
        assert why(order(TOP, child.id, earlier=earlier, nodes=nodes)) == "no_further"


@pytest.mark.parametrize("hangs", ["members", "below", "rooms", "planned"])
def test_a_node_is_not_closed_while_something_hangs_on_it(hangs: str) -> None:
    assert why(close(EAST, InUse(**{hangs: 1}), now=NOW)) == f"has_{hangs}"


def test_an_empty_node_is_closed_and_used_again() -> None:
    answer = close(EAST, InUse(), now=NOW)
    assert answer == Decision(facts=(OrganisationClosed(organisation=EAST.id, at=NOW),))
    closed = replace(EAST, closed=NOW)
    assert why(close(closed, InUse(), now=NOW)) == "is_closed"
    assert why(close(TOP, InUse(), now=NOW)) == "topmost"
    assert isinstance(reopen(closed, ONE), Decision)
    assert why(reopen(EAST, ONE)) == "is_open"
    assert why(reopen(closed, replace(ONE, closed=NOW))) == "is_closed"


# --- settings ---------------------------------------------------------------------------------------------------------


def test_what_nobody_set_comes_from_the_nearest_above_or_is_the_default() -> None:
    parents = {one.id: one.parent for one in TREE}
    chosen = {TOP.id: {WINDOW: "30"}, EAST.id: {WINDOW: "720"}}
    held = [held_at(one.id, BY_NAME[WINDOW], chosen=chosen, parents=parents) for one in TREE]
    assert [(one.value, one.source) for one in held] == [
        ("30", TOP.id),
        ("30", TOP.id),
        ("30", TOP.id),
        ("720", EAST.id),
        ("720", EAST.id),
    ]
    default = held_at(TWO.id, BY_NAME[TIMEZONE], chosen={}, parents=parents)
    assert (default.value, default.source) == ("Asia/Shanghai", None)


def test_every_setting_has_a_possible_default_and_offers_only_what_is_possible() -> None:
    for one in SETTINGS:
        assert all(one.possible(value) for value in (one.default, *one.offered)), one.name


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("timezone", "Mars/Base", "impossible"),
        ("timezone", "../etc/passwd", "impossible"),
        ("timezone", "", "impossible"),
        ("language", "fr", "impossible"),
        ("window", "0", "impossible"),
        ("window", "９", "impossible"),
        ("late", "9999999", "impossible"),
        ("mood", "good", "unknown"),
    ],
)
def test_what_cannot_be_set_is_refused(name: str, value: str, reason: str) -> None:
    assert why(choose(EAST, name, value)) == reason


def test_a_node_sets_something_or_takes_what_is_above() -> None:
    for value in ("720", None):
        fact = SettingChosen(organisation=EAST.id, name=WINDOW, value=value)
        assert choose(EAST, WINDOW, value) == Decision(facts=(fact,))


# --- committee and term -----------------------------------------------------------------------------------------------

ZHANG = Member(id=MemberId("zhang"), organisation=EAST.id, name="张明", category="正式党员")
LI = replace(ZHANG, id=MemberId("li"), name="李强", position="组织委员")
PEOPLE = {ZHANG.id: ZHANG, LI.id: LI}
SEATS = (Seat(member=LI.id, post="组织委员"), Seat(member=ZHANG.id, post="书记"))


def elected(**more: Any) -> Decision | Refusal:
    usual: dict[str, Any] = {
        "elected_on": date(2023, 12, 20),
        "years": 3,
        "seats": SEATS,
        "people": PEOPLE,
        "present": None,
        "cause": CAUSE,
        "today": date(2026, 7, 1),
    }
    return elect(EAST, **{**usual, **more})


def term(answer: Decision | Refusal) -> Term:
    assert isinstance(answer, Decision), answer
    (fact,) = answer.facts
    assert isinstance(fact, CommitteeElected)
    return fact.term


def test_a_term_ends_after_its_years_with_a_reminder_and_a_last_day() -> None:
    """ORG-6 to ORG-8."""
    held = term(elected())
    assert (held.ends_on, held.remind_on, held.latest) == (date(2026, 12, 20), date(2026, 6, 20), date(2027, 12, 20))
    assert [seat.post for seat in held.seats] == ["书记", "组织委员"]


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2025, 8, 31), 6, date(2026, 2, 28)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 3, 2), 12, date(2027, 3, 2)),
        (date(2024, 2, 29), 36, date(2027, 2, 28)),
        (date(2026, 8, 31), -6, date(2026, 2, 28)),
    ],
)
def test_a_month_without_that_day_ends_on_its_last(day: date, months: int, then: date) -> None:
    assert months_on(day, months) == then


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"elected_on": date(2026, 7, 2)}, "in_future"),
        ({"years": 6}, "bad_years"),
        ({"years": 0}, "bad_years"),
        ({"seats": ()}, "nobody"),
        ({"seats": (*SEATS, Seat(member=LI.id, post="委员"))}, "person_twice"),
        ({"seats": tuple(replace(seat, post="书记") for seat in SEATS)}, "post_twice"),
        ({"people": {ZHANG.id: ZHANG}}, "not_from_here"),
    ],
)
def test_what_cannot_have_been_elected_is_refused(more: dict[str, Any], reason: str) -> None:
    assert why(elected(**more)) == reason


def test_the_same_day_puts_a_record_right_and_a_later_one_begins_a_term() -> None:
    first = term(elected())
    assert term(elected(present=first, seats=SEATS[1:])).id == first.id
    again = elected(present=first, elected_on=date(2026, 6, 1), cause=Cause("form:y"))
    assert term(again).id != first.id
    assert why(elected(present=first, elected_on=date(2023, 12, 19))) == "before_present"


def test_positions_in_the_roster_follow_from_an_election() -> None:
    first = term(elected())
    changed = positions(first, present=None, people=PEOPLE, kind=Kind.BRANCH)
    assert [(after.name, after.position) for _, after in changed] == [("张明", "书记")]
    second = replace(first, seats=(Seat(member=LI.id, post="书记"),))
    sat = PEOPLE | {ZHANG.id: replace(ZHANG, position="支部书记")}
    changed = positions(second, present=first, people=sat, kind=Kind.BRANCH)
    assert [(after.name, after.position) for _, after in changed] == [("李强", "书记"), ("张明", "")]


@pytest.mark.parametrize(
    ("full", "everyone", "seats", "keys"),
    [
        (2, 2, 0, ["terms.joint_branch"]),
        (3, 3, 0, ["terms.no_committee_yet"]),
        (6, 6, 0, ["terms.no_committee_yet"]),
        (7, 8, 3, []),
        (7, 8, 8, ["terms.committee_size"]),
        (40, 51, 5, ["terms.general_branch"]),
    ],
)
def test_the_size_of_a_branch_is_looked_at_and_nothing_decided(
    full: int, everyone: int, seats: int, keys: list[str]
) -> None:
    """ORG-1 to ORG-4."""
    assert [one.key for one in advice(Kind.BRANCH, full=full, everyone=everyone, seats=seats)] == keys
