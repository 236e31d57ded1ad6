"""Secret ballots as they are kept: nothing of a vote but its envelope, and a close that lets nothing in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.clock import Clock
from content import ballots as rules
from content.ballot_files import read_box, write_box
from content.ballot_papers import receipt, receipts, set_hash
from content.ballots import State, Voiding
from content.elections import Outcome
from content.identifiers import MemberId
from content.members import MemberLeft
from storage import ballots
from storage.audit import audit, quiet_causes
from storage.ballots import ballot_envelopes, ballot_roll
from storage.engines import WRITE, open_engine
from storage.envelopes import seal
from storage.opening import open_box
from storage.outbox import outbox
from storage.store import Store
from storage.tables import metadata
from tests.sealed_ballots import (
    ID,
    OTHERS,
    agree,
    ballot,
    casting,
    closing,
    confirm,
    draft,
    open_voting,
    paper,
    roll,
    shares,
    stand,
    take,
    vote,
)
from tests.small_branch import EAST, NOON, WEST, HandClock, SmallBranch

VOTERS = [one.member for one in roll(6)]
END = NOON + timedelta(days=1)


async def everything(store: Store, names: set[str]) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of these tables."""
    found = {}
    for table in metadata.sorted_tables:
        if table.name in names:
            rows = await store.read(lambda unit, table=table: unit.rows(select(table)))
            found[table.name] = sorted(map(tuple, rows), key=repr)
    return found


@pytest.fixture
async def opened(branch: SmallBranch) -> Store:
    """Give a store with an open ballot among six."""
    await draft(branch.store)
    await open_voting(branch.store)
    return branch.store


async def test_a_ballot_is_read_as_it_was_written(branch: SmallBranch) -> None:
    await draft(branch.store)
    found = await stand(branch.store)
    fixed = replace(ballot(), expected=6, roll_hash=rules.hash_roll(roll(6)))
    hashed = rules.hash_manifest(rules.manifest(fixed))
    assert found == replace(fixed, state=State.FROZEN, manifest_hash=hashed)
    assert await branch.store.read(lambda unit: ballots.roll(unit, ID)) == roll(6)


async def test_who_is_written_in_stands_by_their_entry_and_never_by_name_in_what_is_kept(
    branch: SmallBranch, clock: HandClock
) -> None:
    """An erased name leaves nothing behind in what was voted on, nor in the figures."""
    await draft(branch.store, write_in=rules.WriteIn.ROLL, election=OTHERS)
    fixed = await stand(branch.store)
    assert fixed.election.eligible == {one.member for one in roll()}
    assert rules.refuse_changed(fixed) is None
    assert rules.hash_manifest(rules.manifest(fixed)) == fixed.manifest_hash
    await open_voting(branch.store)
    for member in VOTERS[:4]:
        await vote(branch.store, member, paper("a- b-", "voter05"))
    await vote(branch.store, VOTERS[4], paper("a- b-", "石榴红隼"))
    clock.now = END
    await branch.store.settle([closing()])
    closed, kept = await stand(branch.store), await branch.store.read(lambda unit: ballots.boxes(unit, ID))
    found = open_box(read_box(write_box(closed, kept, {"voter05": "张明"})), shares())
    assert (found.result.write_ins, found.result.valid, found.result.void) == ({"voter05": 4}, 4, 1)
    await agree(branch.store)
    await take(branch.store, "count", lambda it, _: rules.keep_count(it, found.result, found.hash))
    judged = await branch.store.read(lambda unit: ballots.judged(unit, closed))
    assert judged is not None
    assert (judged.write_ins, judged.outcome) == ({"voter05": 4}, found.result.outcome)
    assert "石榴红隼" not in await branch.everything()


async def test_a_ballot_goes_its_whole_way(opened: Store, clock: HandClock) -> None:
    for member in VOTERS[:5]:
        await vote(opened, member, paper("a+ b-"))
    await vote(opened, VOTERS[0], paper("b+"))
    clock.now = END
    assert await opened.read(lambda unit: ballots.over(unit, END)) == (ID,)
    await opened.settle([closing()])
    closed, kept = await stand(opened), await opened.read(lambda unit: ballots.boxes(unit, ID))
    assert (closed.state, closed.turnout, closed.set_hash) == (State.CLOSED, 5, set_hash(receipts(kept)))
    found = open_box(read_box(write_box(closed, kept)), shares())
    assert (found.result.outcome, found.result.elected) == (Outcome.ELECTED, ("a",))
    await agree(opened)
    await take(opened, "count", lambda it, _: rules.keep_count(it, found.result, found.hash))
    await confirm(opened)
    clock.forward(days=7)
    await take(opened, "archive", lambda it, unit: rules.archive(it, today=unit.now.date()))
    over = await stand(opened)
    assert over.state is State.ARCHIVED
    left = await everything(opened, {"ballot_envelopes", "ballot_roll"})
    assert left["ballot_envelopes"] == []
    assert {row[6] for row in left["ballot_roll"]} == {None}
    figures = await opened.read(lambda unit: ballots.result(unit, ID))
    assert figures is not None
    assert (figures["tally"]["a"], figures["rules"]["need"]) == ([4, 0, 1], "majority")


async def test_a_vote_leaves_nothing_but_its_envelope_and_that_one_has_voted(opened: Store) -> None:
    """L5: no row of record, no time finer than a day, nothing that grows with the number of changes."""
    names = {table.name for table in metadata.sorted_tables}
    before = await everything(opened, names)
    box = await vote(opened, VOTERS[2], paper("a+"))
    after = await everything(opened, names)
    changed = {name for name in names if before[name] != after[name]}
    assert changed == {"ballot_envelopes", "ballot_roll", "quiet_causes"}
    assert len(after["ballot_envelopes"]) == len(before["ballot_envelopes"])
    assert sum(row[2] == box for row in after["ballot_envelopes"]) == 1
    await vote(opened, VOTERS[2], paper("b+"))
    again = await everything(opened, names)
    assert again["ballot_roll"] == after["ballot_roll"]
    rows = await opened.read(lambda unit: unit.rows(select(quiet_causes)))
    assert {type(row.day) for row in rows} == {date}


async def test_a_vote_that_is_refused_or_breaks_leaves_no_record_of_who(opened: Store) -> None:
    """L14."""
    lines = await everything(opened, {"audit"})
    for member, box in ((VOTERS[0], b"short"), (MemberId("stranger"), bytes(ballot().length))):
        (refused,) = await opened.settle([casting(member, box)])
        assert refused.refusal is not None
    assert await everything(opened, {"audit"}) == lines
    recorded = await opened.read(lambda unit: unit.rows(select(audit).where(audit.c.cause.startswith("cast:"))))
    assert list(recorded) == []


async def test_an_envelope_holds_three_columns_and_no_column_of_a_vote_has_a_time() -> None:
    """L5, L12."""
    assert set(ballot_envelopes.c.keys()) == {"ballot_id", "slot", "box"}
    assert not any("at" in name.split("_") or "on" in name.split("_") for name in set(ballot_roll.c.keys()))


async def test_somebody_elses_envelope_is_not_taken_and_ones_own_is(opened: Store) -> None:
    """L11: a copied vote would show itself when all are opened."""
    box = await vote(opened, VOTERS[0], paper("a+"))
    (copied,) = await opened.settle([casting(VOTERS[1], box)])
    assert copied.refusal is not None
    assert copied.refusal.words.key == "ballot.bad_envelope"
    (again,) = await opened.settle([casting(VOTERS[0], box)])
    assert again.refusal is None


async def test_fifty_votes_at_once_beside_a_close_leave_one_envelope_that_is_in_the_set(opened: Store) -> None:
    """One elector, one envelope; a vote is in the published set or refused, never between."""
    one = ballot()
    for member in VOTERS[1:]:
        await vote(opened, member, paper("a+"))
    sealed = [seal(paper("a+" if number % 2 else "b+"), one.key, one.length) for number in range(50)]
    casts = [casting(VOTERS[0], box, at=NOON) for box in sealed]
    order = [*casts[:25], closing(at=END), *casts[25:]]
    outcomes = await asyncio.gather(*(opened.settle([step]) for step in order))
    taken = [
        box for box, (outcome,) in zip(sealed, [*outcomes[:25], *outcomes[26:]], strict=True) if not outcome.refusal
    ]
    closed, kept = await stand(opened), await opened.read(lambda unit: ballots.boxes(unit, ID))
    assert (len(kept), closed.turnout, closed.set_hash) == (6, 6, set_hash(receipts(kept)))
    assert [box for box in sealed if box in kept] == taken[-1:]
    refused = [outcome.refusal.words.key for (outcome,) in outcomes if outcome.refusal]
    assert len(taken) + len(refused) == 50
    assert set(refused) == {"ballot.too_late"}
    assert receipt(taken[-1]) in await opened.read(lambda unit: ballots.listed(unit, ID))


async def test_too_few_votes_are_destroyed_unopened(opened: Store, clock: HandClock) -> None:
    """L9."""
    for member in VOTERS[:4]:
        await vote(opened, member, paper("a+"))
    clock.now = END
    await opened.settle([closing()])
    found = await stand(opened)
    assert (found.state, await opened.read(lambda unit: ballots.boxes(unit, ID))) == (State.VOID, ())
    row = await opened.read(lambda unit: unit.first(select(ballots.ballots)))
    assert row is not None
    assert row.voided == Voiding.TOO_FEW


async def test_a_close_is_said_twice_and_happens_once(opened: Store, clock: HandClock) -> None:
    for member in VOTERS:
        await vote(opened, member, paper())
    clock.now = END
    first, again = [*await opened.settle([closing()]), *await opened.settle([closing()])]
    assert (first.repeated, again.repeated) == (False, True)


async def test_the_clock_closes_what_is_over_and_nothing_before(opened: Store, clock: HandClock) -> None:
    ticking = Clock(opened, caught_up=lambda: False, hearing_state=lambda: "")
    clock.now = END - timedelta(seconds=1)
    await ticking.tick()
    assert (await stand(opened)).state is State.OPEN
    clock.now = END
    await ticking.tick()
    assert (await stand(opened)).state is State.VOID


async def test_a_clock_that_steps_back_reopens_nothing_and_one_that_leaps_closes(
    opened: Store, clock: HandClock
) -> None:
    """Invariant 17, F17: what is closed stays so, and a vote dated back into the time of voting is refused."""
    for member in VOTERS:
        await vote(opened, member, paper("a+"))
    clock.forward(days=400)
    await opened.settle([closing()])
    clock.now = NOON
    box = seal(paper("b+"), ballot().key, (await stand(opened)).length)
    for at in (None, NOON, END - timedelta(seconds=1)):
        (late,) = await opened.settle([casting(VOTERS[0], box, at=at)])
        assert late.refusal is not None
        assert late.refusal.words.key == "ballot.too_late"
    assert (await stand(opened)).state is State.CLOSED


async def test_who_leaves_the_roster_while_voting_goes_on_has_voted_and_stands_on_the_roll(
    opened: Store, clock: HandClock
) -> None:
    """I091: the envelope stays and counts, and nobody is sent another link."""
    for member in VOTERS[:5]:
        await vote(opened, member, paper("a+"))
    await opened.settle(notes=[MemberLeft(member=one, at=clock.now) for one in (VOTERS[0], VOTERS[5])])
    clock.now = END
    await opened.settle([closing()])
    closed = await stand(opened)
    assert (closed.state, closed.turnout, closed.expected) == (State.CLOSED, 5, 6)
    assert {one.member for one in await opened.read(lambda unit: ballots.roll(unit, ID))} == set(VOTERS)


async def test_who_is_not_on_the_roll_puts_nothing_into_the_box(opened: Store) -> None:
    """A stranger to the ballot, whoever they are."""
    box = seal(paper("a+"), ballot().key, (await stand(opened)).length)
    before = await opened.read(lambda unit: ballots.boxes(unit, ID))
    for stranger in ("teller1", "nobody"):
        (outcome,) = await opened.settle([casting(MemberId(stranger), box)])
        assert outcome.refusal is not None
        assert outcome.refusal.words.key == "ballot.not_on_roll"
    assert await opened.read(lambda unit: ballots.boxes(unit, ID)) == before


async def test_who_is_reminded_is_who_has_not_voted(opened: Store) -> None:
    await vote(opened, VOTERS[3], paper())
    assert await opened.read(lambda unit: ballots.silent(unit, ID)) == tuple(sorted({*VOTERS} - {VOTERS[3]}))
    assert await opened.read(lambda unit: ballots.turnout(unit, ID)) == 1


async def test_a_ballot_of_another_part_of_the_tree_is_not_found(opened: Store) -> None:
    assert await opened.read(lambda unit: ballots.visible(unit, [WEST], ID)) is None
    assert await opened.read(lambda unit: ballots.visible(unit, [EAST], ID)) is not None


CHANGES = {
    "the title": "UPDATE ballots SET title = 'x'",
    "the hour of its close": "UPDATE ballots SET closes_at = '2030-01-01 00:00:00'",
    "the seats": "UPDATE ballots SET election = '{}'",
    "its manifest": "UPDATE ballots SET manifest_sha256 = 'x'",
    "back to a draft": "UPDATE ballots SET state = 'draft'",
    "a ballot away": "DELETE FROM ballots",
    "who stands": "UPDATE ballot_candidates SET name = 'x'",
    "who stands away": "DELETE FROM ballot_candidates",
    "whose share": "UPDATE ballot_tellers SET member_id = 'voter00' WHERE number = 2",
    "a teller away": "DELETE FROM ballot_tellers",
    "who may vote": "UPDATE ballot_roll SET may_vote = NOT may_vote",
    "why not": "UPDATE ballot_roll SET reason = 'x'",
    "that one has voted": "UPDATE ballot_roll SET voted = NOT voted WHERE voted",
    "a voter away": "DELETE FROM ballot_roll WHERE member_id = 'voter01'",
    "a voter more": (
        "INSERT INTO ballot_roll (ballot_id, member_id, may_vote, reason, approval, issued, voted) "
        "SELECT ballot_id, 'teller1', may_vote, '', '', issued, voted FROM ballot_roll WHERE member_id = 'voter01'"
    ),
}


@contextlib.asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give a transaction that may write, and undo it."""
    async with engine.connect() as plain:
        yield await plain.execution_options(**WRITE)
        await plain.rollback()


async def test_what_was_fixed_cannot_be_changed_by_any_hand_in_the_database(opened: Store, address: str) -> None:
    """Invariant 4, on both engines: a change is another ballot."""
    await vote(opened, VOTERS[0], paper("a+"))
    engine = open_engine(address)
    try:
        for statement in CHANGES.values():
            async with writing(engine) as connection:
                with pytest.raises(DBAPIError, match="a fixed ballot is not changed"):
                    await connection.execute(text(statement))
        async with writing(engine) as connection:
            await connection.execute(text("UPDATE ballot_roll SET reason = '', approval = ''"))
            await connection.execute(text("UPDATE ballot_candidates SET name = '—', introduction = ''"))
    finally:
        await engine.dispose()
    assert (await stand(opened)).manifest_hash is not None


async def test_a_room_hears_that_it_is_over_and_how_many_voted_and_no_more(opened: Store, clock: HandClock) -> None:
    """L6, L9: nothing of it is said where fewer than five have voted."""
    for member in VOTERS[:5]:
        await vote(opened, member, paper("a+"))
    clock.now = END
    await opened.settle([closing()])
    said = await opened.read(lambda unit: unit.rows(select(outbox.c.words).where(outbox.c.kind == "say")))
    assert all(row.words["key"] == "ballot.room_closed" for row in said)
    assert await opened.read(lambda unit: ballots.published(unit, ID)) == receipts(
        await opened.read(lambda unit: ballots.boxes(unit, ID))
    )
    assert (await stand(opened)).issued == 6
