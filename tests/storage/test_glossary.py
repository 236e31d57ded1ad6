"""百科 on both engines: two signs are enough, nobody's neighbour answers, and the answer comes in private."""

from __future__ import annotations

from datetime import date

import pytest

from bot.commands.grammar import read
from bot.commands.vocabulary import Verb
from content.glossary import EntriesWritten, Entry, EntryRevised, EntryWithdrawn
from content.identifiers import EntryId, OrganisationId
from storage import glossary
from storage.outbox import outbox
from tests.small_branch import EAST, EAST_ROOM, NOON, ROOF, WEST, ZHANG, SmallBranch, account, message, private_room


def entry(term: str, place: OrganisationId, text: str, **more: object) -> Entry:
    return Entry(
        id=EntryId(term), organisation=place, term=term, text=text, source="条例", dated=date(2026, 7, 1), **more
    )  # type: ignore[arg-type]


@pytest.fixture
async def filled(branch: SmallBranch) -> SmallBranch:
    """Fill the glossaries of a branch, of what stands above it, and of its neighbour."""
    for place, entries in (
        (EAST, (entry("党小组会", EAST, "小组开的会。"), entry("100%", EAST, "全部_都。"))),
        (ROOF, (entry("三会一课", ROOF, "党员大会、支委会、党小组会和党课。"),)),
        (WEST, (entry("西站", WEST, "一个车站。"),)),
    ):
        await branch.store.settle(notes=[EntriesWritten(organisation=place, entries=entries, at=NOON)])
    return branch


async def found(branch: SmallBranch, question: str) -> set[str]:
    entries = await branch.store.read(lambda unit: glossary.candidates(unit, EAST, question))
    return {one.term for one in entries}


async def test_two_signs_and_even_one_are_found_in_names_and_texts_alike(filled: SmallBranch) -> None:
    assert await found(filled, "小组") == {"党小组会", "三会一课"}
    assert await found(filled, "课") == {"三会一课"}
    assert await found(filled, "三会一课是什么") == {"三会一课"}
    assert await found(filled, "党 课！") == {"三会一课"}
    assert await found(filled, "%") == set(), "a sign of the database's own means nothing"
    assert await found(filled, "_") == set()
    assert await found(filled, "西站") == set(), "the neighbour's"


async def test_what_was_changed_or_withdrawn_is_found_as_it_is_now(filled: SmallBranch) -> None:
    changed = entry("党小组会", EAST, "换了说法。", revision=2)
    await filled.store.settle(notes=[EntryRevised(organisation=EAST, entry=changed)])
    assert (await found(filled, "说法"), await found(filled, "开的")) == ({"党小组会"}, set())
    await filled.store.settle(notes=[EntryWithdrawn(organisation=EAST, entry=changed.id, at=NOON)])
    assert await found(filled, "党小组会") == {"三会一课"}
    assert await filled.store.read(lambda unit: glossary.terms(unit, EAST)) == ("100%", "三会一课")


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ("百科 三会一课", "三会一课"),
        ("百科：党课", "党课"),
        ("什么是三会一课？", "三会一课"),
        ("什麼是 三会一课?", "三会一课"),
        ("wiki 党课", "党课"),
        ("百科", ""),
    ],
)
def test_a_term_is_asked_for_in_every_form(text: str, argument: str) -> None:
    said = read(text)
    assert said is not None
    assert (said.verb, said.argument.strip().rstrip("?")) == (Verb.LOOK_UP, argument)


async def told(branch: SmallBranch) -> list[str]:
    rows = await branch.rows(outbox.c.user_id == account(ZHANG))
    return [str(row.words) for row in rows if row.words]


async def test_the_answer_comes_in_private_wherever_it_was_asked(filled: SmallBranch) -> None:
    await filled.hear(message(account(ZHANG), "百科 三会一课", room_id=EAST_ROOM))
    (answer,) = await told(filled)
    assert "党员大会、支委会" in answer
    assert "2026-07-01" in answer
    assert "党小组会" in answer
    room = await filled.rows(outbox.c.room_id == EAST_ROOM)
    assert [row for row in room if row.words] == []


async def test_where_nothing_is_meant_the_nearest_is_shown_and_else_it_is_said(filled: SmallBranch) -> None:
    for text, key in (
        ("什么是支委", "glossary.nearest_is"),
        ("百科 奖金", "glossary.nothing_near"),
        ("百科", "glossary.terms"),
    ):
        await filled.hear(message(account(ZHANG), text, room_id=private_room(ZHANG)))
        assert key in (await told(filled))[-1]
