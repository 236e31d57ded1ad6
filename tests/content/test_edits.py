"""Changing the roster by hand: what is written down, what can be taken back, and two entries that become one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from content.decision import Decision, Refusal
from content.edits import (
    MERGE_UNDO_WITHIN,
    UNDO_WITHIN,
    Edit,
    Places,
    RosterEdited,
    Sort,
    differing,
    edit,
    freed,
    may_undo,
    merge,
    mergeable,
    proposed,
    undo,
    with_values,
)
from content.identifiers import Cause, EditId, MemberId, OrganisationId, UserId
from content.imports import Since, Undoing, plan_undoing
from content.members import Member, MemberChanged
from content.organisations import Kind, Organisation

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
EAST, GROUP, WEST = OrganisationId("east"), OrganisationId("group"), OrganisationId("west")
BY = UserId("@shuji:test")
PLACES = Places(
    [
        Organisation(id=EAST, parent=None, kind=Kind.BRANCH, name="东"),
        Organisation(id=GROUP, parent=EAST, kind=Kind.GROUP, name="一组"),
        Organisation(id=WEST, parent=None, kind=Kind.BRANCH, name="西"),
    ]
)
ZHANG = Member(id=MemberId("zhang"), organisation=EAST, name="张明", phone="13800000001", category="正式党员")
USUAL: dict[str, Any] = {"places": PLACES, "cause": Cause("form:x"), "by": BY, "now": NOW}


def edited(answer: Decision | Refusal) -> RosterEdited:
    assert isinstance(answer, Decision), answer
    (found,) = [fact for fact in answer.facts if isinstance(fact, RosterEdited)]
    return found


def known(sort: Sort = Sort.EDITED, **more: Any) -> Edit:
    return Edit(id=EditId("e"), sort=sort, by=BY, at=NOW, number=1, **{"whole": True, **more})


def test_a_change_is_written_down_with_what_was_there_before() -> None:
    after = replace(ZHANG, phone="13800000002", organisation=GROUP)
    answer = edit([(ZHANG, after)], sort=Sort.EDITED, **USUAL)
    fact = edited(answer)
    assert (fact.by, fact.sort, fact.entries[0].before, fact.entries[0].after) == (BY, Sort.EDITED, ZHANG, after)
    assert (fact.entries[0].branch, fact.entries[0].left) == (EAST, None)
    assert differing(ZHANG, after) == ("organisation", "phone")


def test_who_moves_to_another_branch_is_noted_in_both() -> None:
    fact = edited(
        edit([(replace(ZHANG, organisation=GROUP), replace(ZHANG, organisation=WEST))], sort=Sort.EDITED, **USUAL)
    )
    assert (fact.entries[0].left, fact.entries[0].branch) == (EAST, WEST)


def test_a_form_that_changes_nothing_is_refused() -> None:
    answer = edit([(ZHANG, ZHANG)], sort=Sort.EDITED, **USUAL)
    assert isinstance(answer, Refusal)
    assert answer.words.key == "edits.nothing_to_do"


def test_a_form_cannot_change_accounts_or_who_has_left() -> None:
    assert with_values(ZHANG, {"user": "@evil:test", "left": NOW, "merged_into": "x", "phone": "1"}) == replace(
        ZHANG, phone="1"
    )


@pytest.mark.parametrize(
    ("edit", "after", "why"),
    [
        (known(), UNDO_WITHIN, None),
        (known(), UNDO_WITHIN + timedelta(seconds=1), "edits.too_late"),
        (known(Sort.MERGED), MERGE_UNDO_WITHIN, None),
        (known(Sort.MERGED), MERGE_UNDO_WITHIN + timedelta(seconds=1), "edits.too_late"),
        (known(whole=False), timedelta(), "edits.not_yours_alone"),
        (known(undone_at=NOW), timedelta(), "edits.undone_already"),
    ],
)
def test_a_change_can_be_taken_back_for_a_while_and_once(edit: Edit, after: timedelta, why: str | None) -> None:
    refusal = may_undo(edit, now=NOW + after)
    assert (refusal.words.key if refusal else None) == why


def test_what_was_edited_since_stays_when_a_change_is_taken_back() -> None:
    after = replace(ZHANG, phone="13800000002", note="新")
    entries = edited(edit([(ZHANG, after)], sort=Sort.EDITED, **USUAL)).entries
    since = Since(members={ZHANG.id: replace(after, phone="13800000003")}, places={EAST})
    plan = plan_undoing(entries, (), since)
    answer = undo(known(), plan, by=BY, now=NOW)
    assert isinstance(answer, Decision)
    (changed,) = [fact for fact in answer.facts if isinstance(fact, MemberChanged)]
    assert (changed.member.note, changed.member.phone) == ("", "13800000003")
    assert [one.fields for one in plan.kept] == [("phone",)]


def test_there_is_nothing_to_take_back_where_everything_was_edited_since() -> None:
    answer = undo(known(), Undoing(), by=BY, now=NOW)
    assert isinstance(answer, Refusal)
    assert answer.words.key == "edits.nothing_to_undo"


# --- two entries of one person ----------------------------------------------------------------------------------------

OTHER = replace(ZHANG, id=MemberId("other"), user=UserId("@zhang:test"), phone="13800000009", degree="学士")


def test_of_two_entries_the_kept_one_takes_what_was_chosen_and_what_it_did_not_know() -> None:
    assert set(mergeable(ZHANG, OTHER)) == {"user", "phone", "degree"}
    assert set(proposed(ZHANG, OTHER)) == {"user", "degree"}
    answer = merge(ZHANG, OTHER, taken={"degree"}, **USUAL)
    assert isinstance(answer, Decision)
    *_, gone, kept = [fact.member for fact in answer.facts if isinstance(fact, MemberChanged)]
    assert (gone.id, gone.user, gone.left, gone.merged_into) == (OTHER.id, None, NOW, ZHANG.id)
    assert (kept.degree, kept.phone, kept.user) == ("学士", ZHANG.phone, OTHER.user)


def test_the_account_is_given_up_before_the_other_entry_takes_it_both_ways() -> None:
    answer = merge(OTHER, replace(ZHANG, user=UserId("@new:test")), taken={"user"}, **USUAL)
    assert isinstance(answer, Decision)
    entries = edited(answer).entries
    now = {entry.after.id: entry.after for entry in entries}
    accounts = {entry.after.user: entry.after.id for entry in entries if entry.after.user is not None}
    since = freed(entries, Since(members=now, places={EAST}, accounts=accounts))
    back = undo(known(Sort.MERGED), plan_undoing(entries, (), since), by=BY, now=NOW)
    assert isinstance(back, Decision)
    changed = {fact.member.id: fact.member for fact in back.facts if isinstance(fact, MemberChanged)}.values()
    assert {one.id: (one.user, one.left, one.merged_into) for one in changed} == {
        OTHER.id: (OTHER.user, None, None),
        ZHANG.id: (UserId("@new:test"), None, None),
    }


def test_an_entry_that_has_left_is_not_merged() -> None:
    for pair in ((ZHANG, replace(OTHER, left=NOW)), (replace(ZHANG, left=NOW), OTHER), (ZHANG, ZHANG)):
        assert isinstance(merge(*pair, taken=(), **USUAL), Refusal)
