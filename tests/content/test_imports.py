"""An import is taken back field by field; what has happened since stays, and the plan says why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from content.decision import Decision, Refusal
from content.grid import Grid
from content.identifiers import Cause, ImportId, MemberId, OrganisationId, UserId
from content.imports import (
    UNDO_WITHIN,
    Counts,
    EnrolmentUndone,
    Entered,
    FoundingUndone,
    Import,
    ImportUndone,
    RosterImported,
    Since,
    Undoing,
    by_branch,
    may_undo,
    plan_undoing,
    take_in,
    undo,
)
from content.members import Member, MemberChanged, MemberEnrolled
from content.organisations import Kind, Organisation, OrganisationFounded
from content.roster import Preview, compare, known, read

NOW = datetime(2026, 7, 24, 1, 0, tzinfo=UTC)
EAST, WEST, GROUP = OrganisationId("east"), OrganisationId("west"), OrganisationId("group")
NODES = (
    Organisation(id=EAST, parent=None, kind=Kind.BRANCH, name="东支部"),
    Organisation(id=WEST, parent=None, kind=Kind.BRANCH, name="西支部"),
    Organisation(id=GROUP, parent=EAST, kind=Kind.GROUP, name="第一党小组"),
)
ZHANG = Member(id=MemberId("zhang"), organisation=EAST, name="张明", phone="13800000001", category="正式党员")
LI = Member(id=MemberId("li"), organisation=EAST, name="李强")
HEADER = ("姓名", "所在党支部", "党小组", "联系电话", "是否流动党员", "群账号")


def preview(*rows: tuple[Any, ...], members: Collection[Member] = (ZHANG,)) -> Preview:
    found = read(Grid(rows=(HEADER, *rows)), today=NOW.date(), organisations=[node.name for node in NODES])
    return compare([known(one, organisation="东支部") for one in members], found)


def imported(*rows: tuple[Any, ...], members: Collection[Member] = (ZHANG,)) -> tuple[Decision, RosterImported]:
    decision = take_in(
        preview(*rows, members=members),
        members=tuple(members),
        nodes=NODES,
        cause=Cause("form:1"),
        file="名册.xlsx",
        ignored=1,
        by=UserId("@shuji:x.cn"),
        now=NOW,
    )
    assert isinstance(decision, Decision), decision
    record = decision.facts[-1]
    assert isinstance(record, RosterImported)
    return decision, record


def since(*members: Member, **about: Any) -> Since:
    return Since(members={one.id: one for one in members}, **({"places": {EAST, WEST, GROUP}} | about))


def why(undoing: Undoing) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {one.member.name: (one.words.key.removeprefix("imports.stays_"), one.fields) for one in undoing.kept}


def an_import(**about: Any) -> Import:
    values = {"whole": True, "overtaken": False} | about
    return Import(id=ImportId("i"), by=None, at=NOW, file="f", counts=Counts(), branches=(EAST,), **values)


def test_taking_in_founds_groups_enters_and_changes_people_and_remembers_what_it_replaced() -> None:
    decision, record = imported(
        ("张明", "东支部", "第二党小组", "13800000009", "是", None), ("李强", "西支部", *[None] * 4)
    )
    group, li, zhang, _ = decision.facts
    assert isinstance(group, OrganisationFounded)
    assert isinstance(li, MemberEnrolled)
    assert isinstance(zhang, MemberChanged)
    assert (zhang.member.organisation, zhang.member.phone) == (group.organisation.id, "13800000009")
    assert zhang.member.floating is True
    assert [(entry.before, entry.after.name, entry.branch) for entry in record.entries] == [
        (None, "李强", WEST),
        (ZHANG, "张明", EAST),
    ]
    assert record.counts == Counts(new=1, changed=1, ignored=1)
    assert record.founded == (group.organisation.id,)


def test_taking_in_nothing_is_refused() -> None:
    nothing = preview(("张明", "东支部", *[None] * 4))
    answer = take_in(nothing, members=(), nodes=NODES, cause=Cause("c"), file="f", ignored=0, by=None, now=NOW)
    assert isinstance(answer, Refusal)


def test_people_are_counted_in_their_branch_and_one_who_left_touches_the_other() -> None:
    entries = (
        Entered(before=None, after=LI, branch=EAST),
        Entered(before=ZHANG, after=replace(ZHANG, organisation=WEST), branch=WEST, left=EAST),
        Entered(before=LI, after=LI, branch=WEST, left=GROUP),
    )
    assert by_branch(entries) == {EAST: Counts(new=1), WEST: Counts(changed=2), GROUP: Counts()}


def test_what_nothing_has_touched_since_is_as_it_was_before() -> None:
    after = replace(ZHANG, phone="13800000009", floating=True, organisation=GROUP)
    entries = (Entered(before=None, after=LI, branch=EAST), Entered(before=ZHANG, after=after, branch=EAST))
    undoing = plan_undoing(entries, (GROUP,), since(LI, after, standing={GROUP: {ZHANG.id}}))
    assert undoing == Undoing(removed=(LI,), restored=((after, ZHANG),), dissolved=(GROUP,))


@pytest.mark.parametrize(
    ("now", "ties", "expected"),
    [
        (replace(LI, user=UserId("@li:x.cn")), {}, "bound"),
        (replace(LI, note="后来写的"), {}, "edited"),
        (LI, {LI.id: "asked"}, "asked"),
        (LI, {LI.id: "code"}, "code"),
    ],
)
def test_a_new_person_on_whom_something_hangs_stays(now: Member, ties: Mapping[MemberId, str], expected: str) -> None:
    undoing = plan_undoing((Entered(before=None, after=LI, branch=EAST),), (), since(now, ties=ties))
    assert (undoing.removed, why(undoing)) == ((), {"李强": (expected, ())})


def test_a_language_chosen_since_is_no_edit_of_the_entry() -> None:
    spoken = replace(LI, language="en")
    assert plan_undoing((Entered(before=None, after=LI, branch=EAST),), (), since(spoken)).removed == (spoken,)


def test_who_is_gone_already_is_passed_over() -> None:
    assert plan_undoing((Entered(before=ZHANG, after=LI, branch=EAST),), (), since()) == Undoing()


def test_a_field_that_was_edited_since_stays_and_the_others_go_back() -> None:
    after = replace(ZHANG, phone="13800000009", post="检车员")
    now = replace(after, phone="13800000005", note="后来写的", user=UserId("@zhang:x.cn"))
    undoing = plan_undoing((Entered(before=ZHANG, after=after, branch=EAST),), (), since(now))
    assert undoing.restored == ((now, replace(now, post="")),)
    assert why(undoing) == {"张明": ("edited", ("phone",))}


def test_a_field_that_somebody_has_set_back_already_is_nothing_to_talk_about() -> None:
    after = replace(ZHANG, phone="13800000009")
    assert plan_undoing((Entered(before=ZHANG, after=after, branch=EAST),), (), since(ZHANG)) == Undoing()


def test_an_account_that_belongs_to_another_by_now_is_not_taken_from_them() -> None:
    before, after = replace(ZHANG, user=UserId("@a:x.cn")), replace(ZHANG, user=UserId("@b:x.cn"), note="注")
    at = since(after, accounts={UserId("@a:x.cn"): LI.id})
    undoing = plan_undoing((Entered(before=before, after=after, branch=EAST),), (), at)
    assert undoing.restored == ((after, replace(after, note="")),)
    assert why(undoing) == {"张明": ("account_given", ("user",))}


def test_nobody_is_moved_back_to_a_place_that_is_gone() -> None:
    before = replace(ZHANG, organisation=OrganisationId("gone"))
    undoing = plan_undoing((Entered(before=before, after=ZHANG, branch=EAST),), (), since(ZHANG))
    assert (undoing.restored, why(undoing)) == ((), {"张明": ("place_gone", ("organisation",))})


@pytest.mark.parametrize(
    "about",
    [{"standing": {GROUP: {MemberId("somebody")}}}, {"in_use": {GROUP}}, {"places": {EAST}}],
    ids=["someone stands in it", "something refers to it", "gone"],
)
def test_a_group_that_is_used_is_not_taken_away(about: dict[str, Any]) -> None:
    assert plan_undoing((), (GROUP,), since(**about)).dissolved == ()


@pytest.mark.parametrize(
    ("about", "late", "key"),
    [
        ({}, UNDO_WITHIN, None),
        ({}, UNDO_WITHIN + timedelta(seconds=1), "too_late"),
        ({"undone_at": NOW}, timedelta(), "undone_already"),
        ({"whole": False}, timedelta(), "not_yours_alone"),
        ({"overtaken": True}, timedelta(), "overtaken"),
    ],
)
def test_an_import_is_taken_back_once_in_time_wholly_and_only_if_it_is_the_latest(
    about: dict[str, Any], late: timedelta, key: str | None
) -> None:
    refusal = may_undo(an_import(**about), now=NOW + late)
    assert (refusal.words.key if refusal else None) == (f"imports.{key}" if key else None)
    assert isinstance(undo(an_import(**about), Undoing(), by=None, now=NOW + late), Refusal if key else Decision)


def test_who_goes_goes_before_accounts_are_given_back_and_groups_go_last() -> None:
    undoing = Undoing(removed=(LI,), restored=((ZHANG, replace(ZHANG, phone="")),), dissolved=(GROUP,))
    decision = undo(an_import(), undoing, by=UserId("@shuji:x.cn"), now=NOW)
    assert isinstance(decision, Decision)
    kinds = [type(fact) for fact in decision.facts]
    assert kinds == [EnrolmentUndone, MemberChanged, FoundingUndone, ImportUndone]


PHONES = st.sampled_from(["", "13800000001", "13800000002", "13800000003"])


@given(before=PHONES, after=PHONES, now=PHONES)
def test_undoing_never_overwrites_what_was_written_since(before: str, after: str, now: str) -> None:
    entry = Entered(before=replace(ZHANG, phone=before), after=replace(ZHANG, phone=after), branch=EAST)
    undoing = plan_undoing((entry,), (), since(replace(ZHANG, phone=now)))
    then = undoing.restored[0][1].phone if undoing.restored else now
    assert then == (before if now == after else now)
