"""The record shows every change to it: on both engines, by any hand, for all that the chain can know."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import DBAPIError

from content.decision import Decision, refused
from content.identifiers import Cause, UserId
from content.organisations import Duty, DutyGranted, Role
from content.trouble import Trouble
from storage import audit, verification
from storage.audit import audit as record
from storage.chain import START, Before, Chain, Head, digest, link
from storage.engines import WRITE, open_working_engine
from storage.retention import Swept
from storage.store import Step, Store
from storage.unit import Reading
from storage.verification import Finding, Noted, Verdict, Verifier, Wrong, ranges
from tests.small_branch import EAST, NOON, SECRETARY, ZHANG, HandClock, SmallBranch, account, message

KEY = b"k" * 32
OTHER = b"o" * 32


def granting(number: int) -> Step:
    """Make a step that gives somebody a duty."""
    fact = DutyGranted(duty=Duty(user=UserId(f"@{number}:test"), organisation=EAST, role=Role.VIEWER))

    async def decide(unit: Reading) -> Decision:
        unit.authority = (Duty(user=SECRETARY, organisation=EAST, role=Role.SECRETARY),)
        return Decision(facts=(fact,))

    return Step(cause=Cause(f"form:{number}"), decide=decide, actor=SECRETARY)


async def verdict(store: Store, key: bytes = KEY, *noted: Noted) -> Verdict:
    return await store.read(lambda unit: verification.verify(unit, key, noted))


async def rows_of(store: Store) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in await store.read(lambda unit: unit.rows(select(record).order_by("number")))]


async def opened(address: str, clock: HandClock, key: bytes | None = KEY) -> SmallBranch:
    """Open a migrated database with a key, and found the small branch in it."""
    branch = SmallBranch(await Store.open(address, clock, key=key), clock)
    await branch.found()
    return branch


async def grown(address: str, clock: HandClock, number: int = 5) -> SmallBranch:
    branch = await opened(address, clock)
    for place in range(number):
        await branch.store.settle([granting(place)])
    return branch


def by_hand(address: str, *statements: str) -> None:
    """Change rows as somebody with the database's password could: the triggers are taken away first."""
    engine = open_working_engine(address)
    with engine.connect().execution_options(**WRITE) as connection, connection.begin():
        if engine.dialect.name == "sqlite":
            drops = ["DROP TRIGGER audit_not_deleted", "DROP TRIGGER audit_not_changed"]
        else:
            drops = ["ALTER TABLE audit DISABLE TRIGGER USER"]
        for statement in (*drops, *statements):
            connection.execute(text(statement))
    engine.dispose()


async def test_a_record_is_sealed_from_its_first_row_and_found_whole(address: str, clock: HandClock) -> None:
    branch = await grown(address, clock)
    found = await verdict(branch.store)
    assert (found.whole, found.began, found.rows, found.sealed) == (True, 1, 6, 6)
    assert found.head == await branch.store.read(audit.head)
    await branch.store.close()


async def test_steps_that_share_a_transaction_are_sealed_one_after_the_other(address: str, clock: HandClock) -> None:
    branch = await opened(address, clock)

    async def breaks(_unit: object) -> Decision:
        raise RuntimeError

    def refusing(cause: str) -> Step:
        async def decide(_unit: object) -> Any:
            return refused("checkin.nothing_open")

        return Step(cause=Cause(cause), decide=decide, actor=SECRETARY)

    await branch.store.settle([granting(1), refusing("form:no"), granting(2)])
    # One that breaks has all of them done again with care, where each row is sealed at once.
    await branch.store.settle([granting(3), Step(cause=Cause("form:bad"), decide=breaks), granting(4)])
    await branch.store.settle([granting(5)])
    assert (await verdict(branch.store)).whole
    assert [row["number"] for row in await rows_of(branch.store)] == list(range(1, 8))
    assert [row["outcome"] for row in await rows_of(branch.store)].count(audit.REFUSED) == 1
    await branch.store.close()


async def test_the_chain_goes_on_after_a_start_and_says_what_each_row_is_about(address: str, clock: HandClock) -> None:
    branch = await grown(address, clock)
    await branch.store.close()
    branch = SmallBranch(await Store.open(address, clock, key=KEY), clock)
    id = await branch.open()
    await branch.answer(id, ZHANG)
    assert (await verdict(branch.store)).whole
    newest = (await rows_of(branch.store))[-1]
    assert (newest["thing"], newest["subject"]) == (f"occurrence:{id}", ZHANG)
    assert (newest["before"], newest["after"]) == ("state.open", "state.done")
    await branch.store.close()


async def test_two_processes_at_one_server_add_to_one_chain(postgres: Any, clock: HandClock) -> None:
    address = postgres.address(postgres.copy())
    branch = await grown(address, clock, 2)
    desk = await Store.open_desk(address, clock, key=KEY)
    for number in range(10, 16):
        await (desk if number % 2 else branch.store).settle([granting(number)])
    assert (await verdict(branch.store)).whole
    await desk.close()
    await branch.store.close()


async def test_rows_are_added_and_never_changed(address: str, clock: HandClock) -> None:
    branch = await grown(address, clock)
    await branch.store.close()
    engine = open_working_engine(address)
    for statement in (
        "DELETE FROM audit WHERE number = 3",
        "UPDATE audit SET actor = 'someone' WHERE number = 3",
        "UPDATE audit SET actor = NULL WHERE number = 3",
        "UPDATE audit SET cause = '', actor = NULL, subject = NULL, before = NULL, after = NULL, action = 'x'",
    ):
        connection = engine.connect().execution_options(**WRITE)
        with connection, pytest.raises(DBAPIError, match="only added to"):
            connection.execute(text(statement))
    engine.dispose()


CHANGES: Mapping[str, tuple[str, Wrong, int]] = {
    "an actor": ("UPDATE audit SET actor = '@other:test' WHERE number = 3", Wrong.WORDS, 3),
    "an authority": ("UPDATE audit SET authority = 'viewer@x' WHERE number = 3", Wrong.WORDS, 3),
    "no authority": ("UPDATE audit SET authority = NULL WHERE number = 3", Wrong.WORDS, 3),
    "a time": ("UPDATE audit SET at = '2026-07-02 04:00:00.000000' WHERE number = 3", Wrong.CHANGED, 3),
    "an action": ("UPDATE audit SET action = 'duty_ended' WHERE number = 3", Wrong.CHANGED, 3),
    "a note": ("UPDATE audit SET note = 'rows=3' WHERE number = 4", Wrong.CHANGED, 4),
    "a row taken out": ("DELETE FROM audit WHERE number = 3", Wrong.MISSING, 4),
    "the first row": ("DELETE FROM audit WHERE number = 1", Wrong.SHORT, 1),
    "a row added": (
        (
            "INSERT INTO audit (number, at, cause, action, outcome) "
            "VALUES (7, '2026-07-01 04:00:00.000000', 'form:x', 'duty_granted', 'done')"
        ),
        Wrong.UNSEALED,
        7,
    ),
    "a row copied to the end": (
        (
            "INSERT INTO audit (number, at, actor, cause, action, outcome, subject, thing, place, before, after, note,"
            " digest, link) SELECT 7, at, actor, cause, action, outcome, subject, thing, place, before, after, note,"
            " digest, link FROM audit WHERE number = 3"
        ),
        Wrong.CHANGED,
        7,
    ),
    "a person erased without a word": (
        (
            "UPDATE audit SET cause = '', actor = NULL, subject = NULL, before = NULL, after = NULL, authority = NULL "
            "WHERE number = 3"
        ),
        Wrong.FORGOTTEN,
        3,
    ),
    "the end cut off": ("DELETE FROM audit WHERE number > 4", Wrong.SHORT, 6),
    "everything": ("DELETE FROM audit", Wrong.SHORT, 6),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_every_kind_of_change_by_hand_is_found_at_its_row(address: str, clock: HandClock, what: str) -> None:
    """R16: with the triggers taken away, and the end of the chain noted elsewhere."""
    branch = await grown(address, clock)
    first, end = (await rows_of(branch.store))[0], await branch.store.read(audit.head)
    noted = [Noted(number=1, link=first["link"].hex()), Noted(number=end.number, link=end.link.hex()[:16])]
    await branch.store.close()
    statement, wrong, number = CHANGES[what]
    by_hand(address, statement)
    store = await Store.open(address, clock, exclusive=False)
    found = await verdict(store, KEY, *(noted if wrong is Wrong.SHORT else ()))
    if what in ("the first row", "everything"):
        # Without its first row there is no chain at all, which is as loud.
        assert not found.whole
    else:
        assert found.finding == Finding(number=number, wrong=wrong)
    await store.close()


def chained(number: int) -> list[dict[str, Any]]:
    """Make a chain in memory, as the store makes it, with its first row."""
    chain, rows = Chain(KEY), []
    newest = Head(number=0, link=START)
    for place in range(number):
        row = audit.row_of(
            at=NOON + timedelta(seconds=place),
            actor=UserId(f"@{place % 3}:test"),
            cause=audit.BEGUN if place == 0 else Cause(f"event:${place}"),
            action="answered",
            note=f"key=x before={Before(KEY).stated()}" if place == 0 else None,
        )
        sealed, newest = chain.seal(newest, row)
        rows.append(sealed)
    return rows


def read_through(rows: list[dict[str, Any]], end: Head) -> bool:
    """Tell whether rows pass for a whole record that ends where it was noted."""
    verifier = Verifier(KEY, 1)
    if any(verifier.feed(row) for row in rows) or verifier.end():
        return False
    return verifier.newest == end


def unkeyed(rows: list[dict[str, Any]], end: Head) -> bool:
    """Tell whether rows pass for whole where they are only numbered: the control that shows what the chain is for."""
    return [row["number"] for row in rows] == list(range(1, end.number + 1))


def edit(rows: list[dict[str, Any]], chance: random.Random) -> None:
    row = rows[chance.randrange(len(rows))]
    name = chance.choice([name for name in row if name != "number"])
    value = row[name]
    if isinstance(value, bytes):
        row[name] = bytes([value[0] ^ 1]) + value[1:]
    elif name == "at":
        row[name] = value + timedelta(microseconds=chance.randint(1, 9))
    else:
        row[name] = f"{value or ''}."


def delete(rows: list[dict[str, Any]], chance: random.Random) -> None:
    del rows[chance.randrange(len(rows))]


def swap(rows: list[dict[str, Any]], chance: random.Random) -> None:
    """Let two rows change places, and even take each other's number."""
    a, b = chance.sample(range(len(rows)), 2)
    rows[a], rows[b] = {**rows[b], "number": rows[a]["number"]}, {**rows[a], "number": rows[b]["number"]}


def insert(rows: list[dict[str, Any]], chance: random.Random) -> None:
    """Slip in a copy, and number what follows anew."""
    rows.insert(chance.randrange(len(rows) + 1), dict(chance.choice(rows)))
    for place, row in enumerate(rows):
        row["number"] = place + 1


def cut(rows: list[dict[str, Any]], chance: random.Random) -> None:
    del rows[chance.randrange(len(rows)) :]


def forge(rows: list[dict[str, Any]], chance: random.Random) -> None:
    """Change a row and seal it and all that follow anew, as one would who knows everything but the key."""
    place = chance.randrange(len(rows))
    rows[place]["action"] += "."
    before = rows[place - 1]["link"] if place else START
    for row in rows[place:]:
        row["digest"] = digest(OTHER, row)
        row["link"] = before = link(OTHER, before, row)


HANDS: tuple[Callable[[list[dict[str, Any]], random.Random], None], ...] = (edit, delete, swap, insert, cut, forge)


def test_each_of_many_thousand_single_changes_is_found() -> None:
    """R16: edit, delete, swap, insert, cut the end; none passes, while numbers alone let nearly half of them by."""
    whole, chance = chained(12), random.Random(16)
    end = Head(number=12, link=whole[-1]["link"])
    assert read_through([dict(row) for row in whole], end)
    passed = fooled = 0
    for number in range(10_000):
        rows = [dict(row) for row in whole]
        HANDS[number % len(HANDS)](rows, chance)
        assert rows != whole
        passed += read_through(rows, end)
        fooled += unkeyed(rows, end)
    assert passed == 0
    assert fooled > 4_000


async def test_what_stood_before_the_chain_is_counted_and_digested(address: str, clock: HandClock) -> None:
    branch = await opened(address, clock, key=None)
    for number in range(3):
        await branch.store.settle([granting(number)])
    assert not (await verdict(branch.store)).whole
    await branch.store.close()
    branch = SmallBranch(await Store.open(address, clock, key=KEY), clock)
    found = await verdict(branch.store)
    assert (found.whole, found.rows, found.sealed, found.began) == (True, 4, 1, 4)
    await branch.store.settle([granting(9)])
    await branch.store.close()
    by_hand(address, "UPDATE audit SET actor = '@other:test' WHERE number = 2")
    store = await Store.open(address, clock, exclusive=False)
    assert (await verdict(store)).finding == Finding(number=4, wrong=Wrong.BEFORE)
    await store.close()


async def test_another_key_is_refused_and_a_new_chain_is_begun_on_purpose_only(address: str, clock: HandClock) -> None:
    branch = await grown(address, clock)
    await branch.store.close()
    with pytest.raises(Trouble) as caught:
        await Store.open(address, clock, key=OTHER)
    assert caught.value.words.key == "database.record_other_key"
    store = await Store.open(address, clock)
    store.take_key(OTHER)
    await store.seal()
    await store.settle([granting(20)])
    found = await verdict(store, OTHER)
    assert (found.whole, found.began, found.rows, found.sealed) == (True, 7, 8, 2)
    assert not (await verdict(store, KEY)).whole
    await store.close()


async def test_what_is_forgotten_on_purpose_leaves_the_chain_whole(address: str, clock: HandClock) -> None:
    """S63: who, why and whom are gone for good; that and which rows is said by the chain itself."""
    branch = await opened(address, clock, key=None)
    await branch.store.settle([granting(0)])
    await branch.store.close()
    branch = SmallBranch(await Store.open(address, clock, key=KEY), clock)
    for number in range(1, 4):
        await branch.store.settle([granting(number)])
    wanted = [row["number"] for row in await rows_of(branch.store) if row["subject"] in ("@0:test", "@2:test")]
    cause = Cause("form:erase")
    await branch.store._write(lambda unit: verification.forget(unit, wanted, cause=cause), news=False)
    assert (await verdict(branch.store)).whole
    left = await rows_of(branch.store)
    assert "@2:test" not in repr(left)
    assert "form:2" not in repr(left)
    assert "@1:test" in repr(left)
    await branch.store.settle([granting(5)])
    assert (await verdict(branch.store)).whole
    await branch.store.close()


async def test_the_record_forgets_people_after_three_years(address: str, clock: HandClock) -> None:
    branch = await opened(address, clock)
    await branch.store.settle([granting(1)])
    clock.forward(days=3 * 366)
    await branch.store.settle([granting(2)])
    await branch.store.settle(notes=[Swept(at=clock.now)])
    assert (await verdict(branch.store)).whole
    kept = repr(await rows_of(branch.store))
    assert "@1:test" not in kept
    assert "@2:test" in kept
    await branch.store.settle(notes=[Swept(at=clock.now)])
    assert [row["action"] for row in await rows_of(branch.store)].count(audit.FORGOTTEN) == 1
    await branch.store.close()


def statements(store: Store) -> list[str]:
    """Return a list that every statement of a store is added to, whether prepared or not."""
    found: list[str] = []
    engine = store._engine

    @event.listens_for(engine, "connect")
    def follow(connection: Any, _record: object) -> None:
        connection.set_trace_callback(found.append)

    engine.dispose()
    return found


async def test_a_sealed_record_costs_no_statement_more(sqlite_address: str, tmp_path: Path, clock: HandClock) -> None:
    numbers = []
    for key in (None, KEY):
        file = tmp_path / f"{key is None}.db"
        with (
            closing(sqlite3.connect(sqlite_address.removeprefix("sqlite:///"))) as source,
            closing(sqlite3.connect(file)) as target,
        ):
            source.backup(target)
        branch = await opened(f"sqlite:///{file}", clock, key=key)
        id = await branch.open()
        await branch.send_all()
        await branch.hear(message(account(ZHANG), "你好"))
        said = statements(branch.store)
        await branch.hear(message(account(ZHANG), "学完"))
        numbers.append(len(said))
        assert sum("INSERT INTO audit" in one for one in said) == 1
        assert (await branch.state(id, ZHANG)).value == "done"
        await branch.store.close()
    assert numbers[0] == numbers[1]


def test_numbers_are_written_as_ranges() -> None:
    assert ranges([3, 1, 2, 7, 9, 10]) == "1-3,7,9-10"
    assert ranges([]) == ""
