"""Names written freely, as they are kept: sealed, until the count is certified, and no byte longer."""

from __future__ import annotations

import sqlite3
from contextlib import closing as shutting
from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from content import ballots as rules
from content import write_ins as naming
from content.ballot_files import read_box, write_box
from content.ballots import State, WriteIn
from content.elections import NOBODY, Election
from content.identifiers import MemberId
from content.write_ins import WriteInsFound
from storage import ballots, write_ins
from storage.audit import audit
from storage.opening import NamesOpen, OpenedBox, open_box
from storage.store import Store
from storage.write_ins import ballot_write_ins
from tests.sealed_ballots import (
    ID,
    agree,
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
from tests.small_branch import NOON, HandClock, SmallBranch

VOTERS = [one.member for one in roll(6)]
VOTED_ON = Election(candidates=("a", "b"), seats=1, contested=False)
SIGN = "石榴红隼"


async def cast(store: Store, clock: HandClock) -> None:
    """Hold a ballot in which three write the same name, two of them alike, and one writes a sign."""
    await draft(store, write_in=WriteIn.TEXT, election=VOTED_ON)
    await open_voting(store)
    texts = ("李 四", "李四", "李四", SIGN)
    for member, text in zip(VOTERS, texts, strict=False):
        await vote(store, member, paper("a- b-", text))
    await vote(store, VOTERS[4], paper("a+"))
    clock.now = NOON + timedelta(days=1)
    await store.settle([closing()])
    await agree(store)


async def opened(store: Store) -> OpenedBox:
    """Open the box by what is decided so far. Raises NamesOpen."""
    known = await store.read(lambda unit: write_ins.written(unit, ID))
    kept = await store.read(lambda unit: ballots.boxes(unit, ID))
    return open_box(read_box(write_box(await stand(store), kept)), shares(), naming.decided(known))


async def found(store: Store) -> None:
    with pytest.raises(NamesOpen) as raised:
        await opened(store)
    await store.settle(notes=[WriteInsFound(ballot=ID, texts=raised.value.texts)])


async def say(store: Store, index: int, **meant: str) -> None:
    known = await store.read(lambda unit: write_ins.written(unit, ID))
    me = MemberId(f"teller{index}")
    outcome = await take(store, f"name{index}", lambda one, _: naming.decide(one, me, known, meant))
    assert outcome.refusal is None


async def count(store: Store, box: OpenedBox) -> None:
    known = await store.read(lambda unit: write_ins.written(unit, ID))
    meant = naming.decided(known)
    outcome = await take(store, "count", lambda one, _: naming.keep_count(one, box.result, box.hash, known, meant))
    assert outcome.refusal is None


async def test_names_are_decided_by_two_before_there_is_a_result_and_are_gone_once_it_is_certified(
    branch: SmallBranch, clock: HandClock
) -> None:
    store = branch.store
    await cast(store, clock)
    await found(store)
    known = await store.read(lambda unit: write_ins.written(unit, ID))
    assert [one.text for one in known] == ["李 四", "李四", SIGN]
    assert await store.read(lambda unit: ballots.result(unit, ID)) is None
    for index in (1, 2):
        with pytest.raises(NamesOpen):
            await opened(store)
        await say(store, index, **{"李 四": "voter05", "李四": "voter05", SIGN: NOBODY})
    box = await opened(store)
    assert (box.result.valid, box.result.write_ins) == (5, {"voter05": 3, NOBODY: 1})
    assert all(text not in box.text.decode() for text in ("李", SIGN)), "no text is in what is opened"
    await count(store, box)
    assert (await stand(store)).state is State.OPENED
    await confirm(store)
    assert await store.read(lambda unit: write_ins.written(unit, ID)) == ()
    kept = await store.read(lambda unit: ballots.result(unit, ID))
    assert kept is not None
    assert kept["written"] == [
        {"meant": "-", "rule": "written_nobody", "texts": 1, "by": [1, 2]},
        {"meant": "voter05", "rule": "written_person", "texts": 2, "by": [1, 2]},
    ]
    everything = await branch.everything()
    for text in ("李四", "李 四", SIGN):
        assert text not in everything
        assert repr(text.encode())[2:-1] not in everything
    actions = [row.action for row in await store.read(lambda unit: unit.rows(select(audit.c.action)))]
    assert actions.count("write_ins_decided") == 2


async def test_what_was_decided_of_a_text_stays_when_others_are_found(branch: SmallBranch, clock: HandClock) -> None:
    store = branch.store
    await cast(store, clock)
    await found(store)
    await say(store, 1, 李四="voter05")
    await store.settle(notes=[WriteInsFound(ballot=ID, texts=("乙", "李 四", "李四", SIGN))])
    known = await store.read(lambda unit: write_ins.written(unit, ID))
    assert [(one.text, one.meant, one.by) for one in known] == [
        ("乙", None, None),
        ("李 四", None, None),
        ("李四", "voter05", 1),
        (SIGN, None, None),
    ]


async def test_a_ballot_that_comes_to_nothing_keeps_no_name(branch: SmallBranch, clock: HandClock) -> None:
    await cast(branch.store, clock)
    await found(branch.store)
    await take(branch.store, "cancel", lambda one, _: rules.cancel(one))
    assert await branch.store.read(lambda unit: write_ins.written(unit, ID)) == ()


async def test_where_everyone_stands_nobody_can_be_meant_and_the_ballot_is_still_what_was_fixed(
    branch: SmallBranch,
) -> None:
    names = tuple(f"c{number}" for number in range(6))
    standing = tuple(rules.Candidate(id=name, member=one, name=one) for name, one in zip(names, VOTERS, strict=True))
    election = Election(candidates=names, seats=1, contested=False)
    await draft(branch.store, write_in=WriteIn.ROLL, election=election, candidates=standing)
    fixed = await stand(branch.store)
    assert fixed.election.eligible == frozenset()
    assert rules.refuse_changed(fixed) is None


async def test_names_lie_sealed_and_another_key_takes_them_along(sqlite_address: str, clock: HandClock) -> None:
    """Two keys: what the first has sealed opens under the second after seal-anew, and under no other."""
    store = await Store.open(sqlite_address, clock, master=bytes(32))
    small = SmallBranch(store, clock)
    await small.found()
    await cast(store, clock)
    await found(store)
    await store.forget_deleted()

    def bytes_of() -> bytes:
        with shutting(sqlite3.connect(sqlite_address.removeprefix("sqlite:///"))) as connection:
            return b"".join(row[0] for row in connection.execute("SELECT text FROM ballot_write_ins ORDER BY place"))

    before = bytes_of()
    assert SIGN.encode() not in before
    assert await store.seal_anew(bytes([1] * 32)) >= 3
    await store.close()
    assert bytes_of() != before
    store = await Store.open(sqlite_address, clock, master=bytes([1] * 32))
    known = await store.read(lambda unit: write_ins.written(unit, ID))
    rows = await store.read(lambda unit: unit.rows(select(ballot_write_ins.c.is_sealed)))
    await store.close()
    assert [one.text for one in known] == ["李 四", "李四", SIGN]
    assert {row.is_sealed for row in rows} == {True}


def test_a_name_is_told_in_no_trace() -> None:
    fact = WriteInsFound(ballot=ID, texts=(SIGN,))
    assert SIGN not in repr(fact)
    assert SIGN not in repr(replace(fact, texts=(SIGN, SIGN)))
