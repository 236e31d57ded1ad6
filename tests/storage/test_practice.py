"""The bank and what is kept of practice, on both engines: found, counted in sum, repeated when due, and by whom."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from msgspec.structs import replace

from content import practice as rules
from content.bank import Difficulty, ItemRevised, ItemsAdded, ItemWithdrawn, Kind, stem_key
from content.identifiers import ItemId, MemberId, UserId
from content.members import Member, MemberEnrolled
from content.practice import Session
from storage import bank, practice
from storage.bank import Filter
from tests.bot.commands.test_practice import ITEMS, SINGLE
from tests.small_branch import EAST, NOON, ROOF, WEST, ZHANG, SmallBranch, account


@pytest.fixture
async def filled(branch: SmallBranch) -> SmallBranch:
    """Fill the banks of a branch, of what stands above it, and of its neighbour."""
    for place in (EAST, ROOF, WEST):
        items = tuple(one for one in ITEMS if one.organisation == place)
        await branch.store.settle(notes=[ItemsAdded(organisation=place, items=items, at=NOON)])
    return branch


async def found(branch: SmallBranch, **wanted: object) -> set[str]:
    items = await branch.store.read(
        partial(bank.found, roots=[EAST], wanted=Filter(**wanted), limit=9)  # type: ignore[arg-type]
    )
    return {one.id for one in items}


async def test_items_are_found_by_words_of_two_signs_tag_kind_and_difficulty(filled: SmallBranch) -> None:
    assert await found(filled) == {"single", "several", "blank"}
    assert await found(filled, text="总纲") == {"single"}
    assert await found(filled, text="%") == set()
    assert await found(filled, tag="党章") == {"single"}
    assert await found(filled, tag="党") == set(), "tags are found whole"
    assert await found(filled, kind=Kind.FILL_IN, difficulty=Difficulty.HARD) == {"blank"}
    await filled.store.settle(notes=[ItemWithdrawn(organisation=EAST, item=ItemId("single"), at=NOON)])
    assert await found(filled, withdrawn=True) == {"single"}
    assert await filled.store.read(partial(bank.tags, roots=[EAST])) == ("党史", "党章", "支部")
    asked = await filled.store.read(partial(practice.askable, organisation=EAST))
    assert set(asked) == {"several", "blank", "verdict"}, "its own and those above, none that is withdrawn"
    assert await filled.store.read(partial(practice.tags_asked, organisation=EAST)) == ("党史", "支部", "评议")


async def test_mistakes_stand_by_when_they_are_due_and_are_met_anew_when_they_ask_something_else(
    filled: SmallBranch,
) -> None:
    session = Session(member=ZHANG, user=account(ZHANG), queue=())
    for place, one in enumerate(ITEMS[:3]):
        known = await filled.store.read(partial(practice.met, member=ZHANG, item=one.id))
        now = NOON - timedelta(days=place)
        await filled.store.settle(notes=rules.answer(session, one, known, None, right=False, now=now).facts)
    listed = await filled.store.read(partial(practice.mistakes, member=ZHANG, organisation=EAST))
    assert [one.item for one in listed] == [one.id for one in reversed(ITEMS[:3])]
    met = await filled.store.read(partial(practice.met, member=ZHANG, item=SINGLE.id))
    assert met == listed[-1]
    revised = ItemRevised(organisation=EAST, item=replace(SINGLE, revision=2), afresh=True)
    await filled.store.settle(notes=[revised])
    assert (await filled.store.read(partial(practice.met, member=ZHANG, item=SINGLE.id))).met is False
    fresh = await filled.store.read(partial(practice.fresh, organisation=EAST, member=ZHANG, title="党章"))
    assert fresh == (SINGLE.id,)


async def test_figures_move_five_first_answers_at_a_time(filled: SmallBranch) -> None:
    """STU-7: each counts once, by a first answer and also after 清空, and no answer can be told from the figures."""
    people = [MemberId(f"p{number}") for number in range(6)]
    members = [Member(id=one, organisation=EAST, name=one, user=UserId(f"@{one}:test")) for one in people]
    await filled.store.settle(notes=[MemberEnrolled(member=one) for one in members])
    seen = []
    for place, one in enumerate(people):
        session = Session(member=one, user=UserId(f"@{one}:test"), queue=())
        for right in (place % 2 == 0, True, True):
            known = await filled.store.read(partial(practice.met, member=one, item=SINGLE.id))
            decision = rules.answer(session, SINGLE, known, None, right=right, now=NOON)
            await filled.store.settle(notes=[*decision.facts, *rules.forget(one, session.user).facts])
        figures = await filled.store.read(partial(bank.figures, id=SINGLE.id))
        seen.append((figures.answered, figures.right))
    assert seen == [(0, 0)] * 4 + [(5, 3)] * 2


async def test_the_same_question_is_found_wherever_it_would_be_asked_of_the_same_people(filled: SmallBranch) -> None:
    key = stem_key("宗旨，是什么")
    for place, found in ((EAST, {key}), (ROOF, {key}), (WEST, set())):
        assert await filled.store.read(partial(bank.taken, organisation=place, keys=[key])) == found
