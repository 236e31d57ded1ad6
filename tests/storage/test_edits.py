"""The roster by hand and the tree on both engines: changes, their history, doubles, moves, and what is inherited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select, text

from content.decision import Decision, Fact, Refusal
from content.edits import UNDO_WITHIN, Places, Sort, edit, freed, merge, undo
from content.identifiers import Cause, EditId, MemberId, OrganisationId, TermId, UserId, derive
from content.imports import plan_undoing
from content.members import Member, bind
from content.organisations import Kind, Organisation, OrganisationFounded
from content.settings import LANGUAGE, TIMEZONE, WINDOW, SettingChosen
from content.structure import OrganisationClosed, OrganisationMoved, SiblingsOrdered
from content.terms import CommitteeElected, Seat, Term
from content.views import EVERYONE, UNSAID, Account, Away, Filter, View, ViewForgotten, ViewId, ViewSaved
from storage import edits, holdings, imports, members, organisations, settings, structure, terms, timelines, views
from storage.organisations import organisation_closure
from storage.retention import Swept
from storage.store import Step
from storage.unit import Reading
from tests.small_branch import (
    EAST,
    EAST_GROUP,
    LI,
    ROLL,
    ROOF,
    SECRETARY,
    SUN,
    WANG,
    WEST,
    ZHANG,
    ZHAO,
    SmallBranch,
    account,
    fresh_cause,
)


async def note(branch: SmallBranch, *facts: Fact) -> None:
    await branch.store.settle(notes=list(facts))


async def decided(branch: SmallBranch, decide: Any, cause: Cause | None = None) -> Any:
    (outcome,) = await branch.store.settle([Step(cause=cause or fresh_cause(), decide=decide, actor=SECRETARY)])
    assert isinstance(outcome.answer, Decision), outcome
    return outcome


async def one(branch: SmallBranch, id: MemberId) -> Member:
    found = await branch.store.read(lambda unit: members.member(unit, id))
    assert found is not None
    return found


async def change(branch: SmallBranch, id: MemberId, **values: Any) -> EditId:
    cause = fresh_cause()

    async def decide(unit: Reading) -> Decision | Refusal:
        before = await members.member(unit, id)
        assert before is not None
        places = Places(await organisations.tree(unit))
        pairs = [(before, replace(before, **values))]
        return edit(pairs, sort=Sort.EDITED, places=places, cause=cause, by=SECRETARY, now=unit.now)

    await decided(branch, decide, cause)
    return EditId(derive(cause, "edit"))


async def take_back(branch: SmallBranch, id: EditId) -> None:
    async def decide(unit: Reading) -> Decision | Refusal | None:
        known = await edits.one(unit, [ROOF], id)
        assert known is not None
        entered = await edits.entries(unit, id)
        since = freed(entered, await imports.since(unit, entered, ()))
        return undo(known, plan_undoing(entered, (), since), by=SECRETARY, now=unit.now)

    await decided(branch, decide)


async def test_a_change_is_found_in_its_history_and_taken_back(branch: SmallBranch) -> None:
    before = await one(branch, ZHANG)
    id = await change(branch, ZHANG, phone="13800000001", floating=True, organisation=WEST)
    for roots, seen, whole in (([ROOF], 1, True), ([WEST], 1, False), ([EAST_GROUP], 0, False)):
        found = await branch.store.read(lambda unit, roots=roots: edits.recent(unit, roots))  # type: ignore[misc]
        assert (len(found), all(one.whole is whole for one in found)) == (seen, True)
    (trace,) = await branch.store.read(lambda unit: edits.traces(unit, [ZHANG], roots=[EAST]))
    assert (trace.fields, trace.sort, trace.by) == (("organisation", "phone", "floating"), Sort.EDITED, SECRETARY)
    await take_back(branch, id)
    assert await one(branch, ZHANG) == before
    (trace,) = await branch.store.read(lambda unit: edits.traces(unit, [ZHANG], roots=[EAST]))
    assert trace.undone
    assert await branch.store.read(lambda unit: edits.entries(unit, id)) == ()


async def test_what_was_there_before_is_forgotten_after_a_week_and_that_it_was_changed_is_not(
    branch: SmallBranch,
) -> None:
    await change(branch, ZHANG, phone="13800000001")
    await change(branch, ZHANG, phone="13800000002")
    branch.clock.forward(seconds=UNDO_WITHIN.total_seconds() + 1)
    await note(branch, Swept(at=branch.clock.now))
    assert "13800000001" not in await branch.everything()
    assert len(await branch.store.read(lambda unit: edits.traces(unit, [ZHANG], roots=[ROOF]))) == 2


async def test_an_account_bound_by_a_code_is_in_the_history_too(branch: SmallBranch) -> None:
    user = UserId("@sun:test")

    async def decide(unit: Reading) -> Decision | Refusal:
        invitation = members.Invitation(
            member=SUN, name="孙伟", code_hash="h", expires_at=unit.now + timedelta(days=1), used=False, bound=None
        )
        return bind(invitation, user=user, holder=None, rooms=(), now=unit.now)

    await decided(branch, decide)
    (trace,) = await branch.store.read(lambda unit: edits.traces(unit, [SUN], roots=[WEST]))
    assert (trace.sort, trace.by, trace.fields) == (Sort.BOUND, user, ("user",))


async def test_two_entries_become_one_with_the_history_of_both_and_two_again(branch: SmallBranch) -> None:
    roll = await branch.open(ROLL)
    await branch.answer(roll, LI)
    before = [await one(branch, id) for id in (ZHANG, LI)]
    cause = fresh_cause()

    async def decide(unit: Reading) -> Decision | Refusal:
        kept, other = await members.member(unit, ZHANG), await members.member(unit, LI)
        assert kept is not None
        assert other is not None
        places = Places(await organisations.tree(unit))
        return merge(kept, other, taken={"user"}, places=places, cause=cause, by=SECRETARY, now=unit.now)

    await decided(branch, decide, cause)
    assert (await one(branch, ZHANG)).user == account(LI)
    assert await branch.store.read(lambda unit: members.by_user(unit, account(ZHANG))) is None
    ids = await branch.store.read(lambda unit: members.doubles_of(unit, [ZHANG]))
    assert ids == {ZHANG, LI}
    found, more = await branch.store.read(lambda unit: timelines.moments(unit, ids, account(LI), [ROOF]))
    assert not more
    assert {moment.sort for moment in found} >= {timelines.Sort.EDIT, timelines.Sort.ANSWER}
    held = await branch.store.read(lambda unit: holdings.collect(unit, account(LI)))
    rows = {section.name: len(section.rows) for section in held}
    assert (rows["members"], rows["answers"], rows["roster_edit_entries"]) == (2, 1, 2)
    await take_back(branch, EditId(derive(cause, "edit")))
    assert [await one(branch, id) for id in (ZHANG, LI)] == before


@pytest.mark.parametrize("few", [20, 0])
async def test_a_filter_lets_through_what_it_says_a_page_at_a_time(
    branch: SmallBranch, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both ways of finding a page: by the places, and along the names."""
    monkeypatch.setattr(members, "FEW", few)
    roll = await branch.open(ROLL)
    await branch.answer(roll, WANG, leave="值班")
    await change(branch, ZHAO, floating=True, phone="13912345678")

    async def seen(wanted: Filter, roots: Sequence[OrganisationId] = (ROOF,)) -> set[MemberId]:
        found: list[Member] = []
        after = None
        while page := await branch.store.read(
            lambda unit, after=after: members.roster(unit, roots, wanted=wanted, after=after, limit=2)  # type: ignore[misc]
        ):
            found += page
            after = (page[-1].name, page[-1].id)
        counted = await branch.store.read(lambda unit: members.count(unit, roots, wanted=wanted))
        assert counted == (len(found), sum(one.user is not None for one in found))
        assert [(one.name, one.id) for one in found] == sorted((one.name, one.id) for one in found)
        return {one.id for one in found}

    assert await seen(EVERYONE) == {ZHANG, LI, WANG, ZHAO, SUN}
    whole = await branch.store.read(lambda unit: members.summary(unit, [ROOF]))
    assert (whole.total, whole.bound) == await branch.store.read(lambda unit: members.count(unit, [ROOF]))
    for category, number in whole.categories:
        assert len(await seen(Filter(category=category or UNSAID))) == number
    assert await seen(Filter(text="13912345678")) == {ZHAO}
    assert await seen(Filter(text="李")) == {LI}
    assert await seen(Filter(place=EAST)) == {ZHANG, LI, WANG}
    assert await seen(Filter(place=EAST), [WEST]) == set()
    assert await seen(Filter(account=Account.UNBOUND)) == {SUN}
    assert await seen(Filter(away=Away.ON_LEAVE)) == {WANG}
    assert await seen(Filter(away=Away.FLOATING, account=Account.BOUND)) == {ZHAO}
    assert await seen(Filter(category="预备党员")) == set()
    assert await seen(Filter(text="%")) == set()


async def test_doubles_are_suggested_by_number_or_by_name_in_one_place(branch: SmallBranch) -> None:
    assert await branch.store.read(lambda unit: members.doubles(unit, [ROOF], limit=9)) == ()
    await change(branch, ZHANG, phone="13800000001")
    await change(branch, ZHAO, phone="13800000001")
    await change(branch, SUN, name="赵敏")
    found = await branch.store.read(lambda unit: members.doubles(unit, [ROOF], limit=9))
    assert {frozenset((first.id, second.id)) for first, second in found} == {
        frozenset((ZHANG, ZHAO)),
        frozenset((ZHAO, SUN)),
    }
    near = await branch.store.read(lambda unit: members.doubles(unit, [EAST], limit=9))
    assert near == ()


async def test_a_persons_timeline_comes_a_page_at_a_time_without_gaps_or_repeats(branch: SmallBranch) -> None:
    for number in range(7):
        await change(branch, ZHANG, note=f"第 {number} 次")
        branch.clock.forward(seconds=60 if number % 3 else 0)
    await branch.answer(await branch.open(ROLL), ZHANG)
    seen: list[timelines.Moment] = []
    before = None
    for _ in range(20):
        page, more = await branch.store.read(
            lambda unit, before=before: timelines.moments(  # type: ignore[misc]
                unit, [ZHANG], account(ZHANG), [ROOF], before=before, limit=3
            )
        )
        seen += page
        if not more:
            break
        before = page[-1].at
    assert len(seen) == 8
    assert [moment.at for moment in seen] == sorted((moment.at for moment in seen), reverse=True)
    assert len({moment.trace.edit for moment in seen if moment.trace}) == 7


async def test_a_view_belongs_to_one_person(branch: SmallBranch) -> None:
    view = View(id=ViewId("v"), user=SECRETARY, name="流动", wanted=Filter(away=Away.FLOATING, place=EAST))
    await note(branch, ViewSaved(view=view))
    assert await branch.store.read(lambda unit: views.views_of(unit, SECRETARY)) == (view,)
    assert await branch.store.read(lambda unit: views.views_of(unit, account(ZHANG))) == ()
    await note(branch, ViewForgotten(view=view.id))
    assert await branch.store.read(lambda unit: views.views_of(unit, SECRETARY)) == ()


async def test_no_page_of_the_roster_reads_the_whole_table(branch: SmallBranch) -> None:
    plans: list[str] = []
    queries = (
        "SELECT * FROM members WHERE (name, id) > ('', '') ORDER BY name, id LIMIT 51",
        "SELECT * FROM members WHERE phone_mark = '1'",
        "SELECT * FROM roster_edit_entries WHERE member_id = 'x' ORDER BY at DESC LIMIT 21",
        "SELECT id FROM members WHERE merged_into IN ('x')",
    )

    async def explain(unit: Reading) -> None:
        for query in queries:
            if unit.engine == "sqlite":
                rows = unit._connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
                plans.append(" ".join(str(row[3]) for row in rows))

    await branch.store.read(explain)
    assert [plan for plan in plans if not plan.startswith("SEARCH")] == []


# --- the tree ---------------------------------------------------------------------------------------------------------


async def paths(branch: SmallBranch) -> set[tuple[str, str, int]]:
    rows = await branch.store.read(lambda unit: unit.rows(select(organisation_closure)))
    return {(row.ancestor_id, row.descendant_id, row.depth) for row in rows}


async def reckoned(branch: SmallBranch) -> set[tuple[str, str, int]]:
    """Reckon the paths anew from what stands directly above each node."""
    tree = await branch.store.read(lambda unit: organisations.tree(unit))
    parents = {node.id: node.parent for node in tree}
    assert all(node.parent is None or node.parent in list(parents)[:place] for place, node in enumerate(tree))
    found = set()
    for node in parents:
        at: OrganisationId | None = node
        depth = 0
        while at is not None:
            found.add((at, node, depth))
            at, depth = parents[at], depth + 1
    return found


async def grown(branch: SmallBranch) -> tuple[OrganisationId, OrganisationId]:
    top, other = OrganisationId("top"), OrganisationId("other")
    await note(
        branch,
        OrganisationFounded(organisation=Organisation(id=top, parent=None, kind=Kind.PARTY_COMMITTEE, name="党委")),
        OrganisationFounded(
            organisation=Organisation(
                id=other, parent=top, kind=Kind.GENERAL_BRANCH, name="二总支", timezone="Asia/Urumqi"
            )
        ),
    )
    return top, other


async def test_a_node_moves_with_everything_below_it(branch: SmallBranch) -> None:
    _, other = await grown(branch)
    for node, to in ((EAST, other), (EAST, ROOF), (ROOF, OrganisationId("top")), (WEST, other)):
        await note(branch, OrganisationMoved(organisation=node, parent=to))
        assert await paths(branch) == await reckoned(branch)
    found = await branch.store.read(lambda unit: members.count(unit, [other]))
    assert found == (2, 1)


async def test_siblings_are_read_in_their_order_each_with_all_below_it(branch: SmallBranch) -> None:
    async def read() -> list[OrganisationId]:
        return [node.id for node in await branch.store.read(organisations.tree)]

    assert await read() == [ROOF, EAST, EAST_GROUP, WEST]
    await note(branch, SiblingsOrdered(organisation=ROOF, order=(WEST, EAST)))
    assert await read() == [ROOF, WEST, EAST, EAST_GROUP]
    # What was moved stands last, and what is added after it stands behind it.
    await note(branch, OrganisationMoved(organisation=WEST, parent=ROOF))
    north = Organisation(id=OrganisationId("north"), parent=ROOF, kind=Kind.BRANCH, name="北")
    await note(branch, OrganisationFounded(organisation=north))
    assert await read() == [ROOF, EAST, EAST_GROUP, WEST, north.id]
    await note(branch, SiblingsOrdered(organisation=ROOF, order=(north.id, WEST, EAST)))
    assert await read() == [ROOF, north.id, WEST, EAST, EAST_GROUP]


async def test_what_is_set_above_holds_below_until_it_is_set_there(branch: SmallBranch) -> None:
    async def held(node: OrganisationId, name: str) -> str:
        return await branch.store.read(lambda unit: settings.value_of(unit, node, name))

    async def zone(node: OrganisationId) -> str:
        found = await branch.store.read(lambda unit: organisations.organisation(unit, node))
        assert found is not None
        return found.timezone

    assert await held(EAST_GROUP, WINDOW) == "1440"
    await note(branch, SettingChosen(organisation=ROOF, name=WINDOW, value="720"))
    await note(branch, SettingChosen(organisation=EAST, name=WINDOW, value="30"))
    assert [await held(node, WINDOW) for node in (ROOF, EAST_GROUP, WEST)] == ["720", "30", "720"]
    await note(branch, SettingChosen(organisation=EAST, name=WINDOW, value=None))
    assert await held(EAST_GROUP, WINDOW) == "720"

    await note(branch, SettingChosen(organisation=EAST, name=TIMEZONE, value="Asia/Urumqi"))
    await note(branch, SettingChosen(organisation=ROOF, name=TIMEZONE, value="UTC"))
    assert [await zone(node) for node in (ROOF, EAST, EAST_GROUP, WEST)] == ["UTC", "Asia/Urumqi", "Asia/Urumqi", "UTC"]
    _, other = await grown(branch)
    await note(branch, OrganisationMoved(organisation=WEST, parent=other))
    assert (await zone(WEST), await held(WEST, LANGUAGE)) == ("Asia/Urumqi", "zh_CN")


async def test_what_hangs_on_a_node_is_counted_before_it_is_closed(branch: SmallBranch) -> None:
    await branch.plan(due=branch.clock.now + timedelta(days=1), audience=EAST)
    use = await branch.store.read(lambda unit: structure.in_use(unit, EAST))
    assert (use.members, use.below, use.rooms, use.planned) == (2, 1, 1, 1)
    await note(branch, OrganisationClosed(organisation=EAST_GROUP, at=branch.clock.now))
    found = await branch.store.read(lambda unit: organisations.organisation(unit, EAST_GROUP))
    assert found is not None
    assert found.closed == branch.clock.now
    assert (await branch.store.read(lambda unit: structure.in_use(unit, EAST))).below == 0


async def test_the_newest_term_of_a_node_runs(branch: SmallBranch) -> None:
    old = Term(
        id=TermId("old"),
        organisation=EAST,
        elected_on=date(2023, 12, 20),
        years=3,
        seats=(Seat(member=ZHANG, post="书记"),),
    )
    new = replace(old, id=TermId("new"), elected_on=date(2026, 6, 1), seats=(Seat(member=WANG, post="书记"),))
    await note(branch, CommitteeElected(term=old), CommitteeElected(term=new))
    await note(branch, CommitteeElected(term=replace(new, seats=(*new.seats, Seat(member=ZHANG, post="组织委员")))))
    assert (await branch.store.read(lambda unit: terms.at_or_below(unit, [ROOF])))[EAST].seats[1].member == ZHANG
    held = await branch.store.read(lambda unit: terms.seats_of(unit, ZHANG))
    assert [(term.id, post) for term, post in held] == [("new", "组织委员"), ("old", "书记")]
