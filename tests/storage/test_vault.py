"""Phones, notes and the secrets of second factors stand in no byte of the database, and open in their place only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace
from sqlalchemy import select, update

from content.credentials import Factor, FactorAdded, Kind
from content.decision import Decision, Refusal, Secret
from content.edits import Places, Sort, edit
from content.erasure import PersonErased
from content.identifiers import FactorId, ImportId, UserId
from content.imports import Counts, Entered, RosterImported
from content.trouble import Trouble
from content.views import Filter
from content.watchwords import WatchwordChosen
from storage import credentials, edits, holdings, imports, members, organisations, watchwords
from storage.credentials import second_factors
from storage.engines import sqlite_file
from storage.members import members as table
from storage.store import Step, Store
from storage.unit import Reading, Writing
from storage.vault import Unreadable, Vault
from tests.small_branch import EAST, LI, NOON, SECRETARY, ZHANG, HandClock, SmallBranch, account, fresh_cause

MASTER, OTHER = b"m" * 32, b"o" * 32
PHONE, NOTE, SECRET = "13977665544", "石榴红隼备注", b"a-secret-of-20-bytes"
WATCHWORD = "watchword-of-a-member"
FACTOR = Factor(id=FactorId("app"), user=SECRETARY, kind=Kind.TOTP, name="", secret=SECRET, made_at=NOON)
CANARIES = (PHONE.encode(), NOTE.encode(), NOTE.encode("unicode_escape"), SECRET, WATCHWORD.encode())


@pytest_asyncio.fixture
async def sealed(address: str, clock: HandClock) -> AsyncIterator[SmallBranch]:
    """Give the small branch under a master key, one of its members with a phone and a note."""
    branch = SmallBranch(await Store.open(address, clock, master=MASTER), clock)
    await branch.found()
    await write_down(branch)
    yield branch
    await branch.store.close()


async def write_down(branch: SmallBranch) -> None:
    """Let everything be written that is to be sealed: by hand, by a sheet, and a second factor."""

    async def change(unit: Reading) -> Decision | Refusal:
        before = await members.member(unit, ZHANG)
        assert before is not None
        places, after = Places(await organisations.tree(unit)), replace(before, phone=PHONE, note=NOTE)
        return edit([(before, after)], sort=Sort.EDITED, places=places, cause=fresh_cause(), by=SECRETARY, now=unit.now)

    await branch.store.settle([Step(cause=fresh_cause(), decide=change, actor=SECRETARY)])
    after = await branch.store.read(lambda unit: members.member(unit, ZHANG))
    assert after is not None
    sheet = RosterImported(
        id=ImportId("i"),
        by=SECRETARY,
        at=NOON,
        file="x.csv",
        counts=Counts(changed=1),
        entries=(Entered(before=replace(after, note=""), after=after, branch=EAST),),
        founded=(),
    )
    chosen = WatchwordChosen(user=account(ZHANG), text=Secret(WATCHWORD))
    await branch.store.settle(notes=[sheet, FactorAdded(factor=FACTOR), chosen])


async def known(store: Store) -> tuple[str, ...]:
    """Return what there is to know, as pages and commands come to know it."""

    async def look(unit: Reading) -> tuple[str, ...]:
        member, (factor,) = await members.member(unit, ZHANG), await credentials.factors_of(unit, SECRETARY)
        (by_hand,) = [one for one in await edits.recent(unit, [EAST]) if one.sort is Sort.EDITED]
        (changed,), (entered,) = await edits.entries(unit, by_hand.id), await imports.entries(unit, ImportId("i"))
        assert member is not None
        assert entered.before is not None
        parts = (member.phone, member.note, changed.after.phone, entered.after.note, entered.before.phone)
        return (*parts, factor.secret.decode(), await watchwords.known_to(unit, account(ZHANG)) or "")

    return await store.read(look)


KNOWN = (PHONE, NOTE, PHONE, NOTE, PHONE, SECRET.decode(), WATCHWORD)


async def leaks(branch: SmallBranch, address: str) -> list[bytes]:
    """Return which canaries stand in a row, or on a file in any byte of it and its log."""
    everything = (await branch.everything()).encode() + repr(await rows(branch.store)).encode()
    file = sqlite_file(address)
    if file is not None:
        await branch.store.forget_deleted()
        everything += b"".join(part.read_bytes() for part in Path(file).parent.glob(f"{Path(file).name}*"))
    return [one for one in CANARIES if one in everything or one.decode("latin-1").encode() in everything]


async def rows(store: Store) -> list[Any]:
    async def look(unit: Reading) -> list[Any]:
        return [*await unit.rows(select(second_factors)), *await unit.rows(select(watchwords.watchwords))]

    return await store.read(look)


async def test_what_is_sealed_is_in_no_byte_and_is_read_as_ever(sealed: SmallBranch, address: str) -> None:
    """S55."""
    assert await leaks(sealed, address) == []
    assert await known(sealed.store) == KNOWN
    told = repr(await sealed.store.read(lambda unit: holdings.collect(unit, account(ZHANG))))
    assert PHONE in told
    assert NOTE in told


async def test_a_whole_number_is_found_and_two_of_one_number_are(sealed: SmallBranch) -> None:
    async def found(unit: Reading) -> list[Any]:
        by_number = await members.roster(unit, [EAST], wanted=Filter(text=PHONE))
        return [[one.id for one in by_number], [one.id for one in await members.like(unit, "", PHONE, [EAST])]]

    assert await sealed.store.read(found) == [[ZHANG], [ZHANG]]


async def test_a_seal_opens_in_no_other_row(sealed: SmallBranch) -> None:
    """S55: neither with its key nor without, and not under another master key."""
    row = (await sealed.store.read(lambda unit: unit.rows(select(table).where(table.c.id == ZHANG))))[0]

    async def swap(unit: Writing) -> None:
        moved = {"sealed": row.sealed, "sealed_key": row.sealed_key}
        await unit.execute(update(table).where(table.c.id == LI).values(**moved))

    await sealed.store._write(swap, news=False)
    with pytest.raises(Unreadable):
        await sealed.store.read(lambda unit: members.member(unit, LI))
    for vault, member in ((Vault(MASTER), LI), (Vault(OTHER), ZHANG)):
        with pytest.raises(Unreadable):
            vault.show(row.sealed, row.sealed_key, member, "members", "sealed")
    with pytest.raises(Unreadable):
        Vault(MASTER).show(row.sealed, row.sealed_key, ZHANG, "roster_edit_entries", "before")


async def test_what_lay_in_the_clear_is_sealed_at_the_next_start(address: str, clock: HandClock) -> None:
    branch = SmallBranch(await Store.open(address, clock), clock)
    await branch.found()
    await write_down(branch)
    assert await leaks(branch, address) != []
    await branch.store.close()
    for _ in range(2):
        branch = SmallBranch(await Store.open(address, clock, master=MASTER), clock)
        assert await leaks(branch, address) == []
        assert await known(branch.store) == KNOWN
        await branch.store.close()


async def test_another_key_is_refused_and_without_one_nothing_opens(sealed: SmallBranch, address: str) -> None:
    await sealed.store.close()
    with pytest.raises(Trouble) as caught:
        await Store.open(address, sealed.clock, master=OTHER)
    assert caught.value.words.key == "database.sealed_under_other_key"
    reader = await Store.open(address, sealed.clock, exclusive=False)
    with pytest.raises(Trouble) as caught:
        await reader.read(lambda unit: members.member(unit, ZHANG))
    assert caught.value.words.key == "database.sealed_without_key"
    await reader.close()


async def test_with_a_persons_key_all_that_was_sealed_of_them_is_gone(sealed: SmallBranch) -> None:
    """R20: what an old copy of a column still holds, nobody opens any more."""
    fact = PersonErased(members=(ZHANG,), accounts=(UserId("@gone:test"),), at=NOON)
    kept = (await sealed.store.read(lambda unit: unit.rows(select(table).where(table.c.id == ZHANG))))[0]
    await sealed.store.settle(notes=[fact])
    row = (await sealed.store.read(lambda unit: unit.rows(select(table).where(table.c.id == ZHANG))))[0]
    assert (row.sealed, row.sealed_key, row.phone_mark) == (None, None, "")
    assert Vault(MASTER).show(kept.sealed, row.sealed_key, ZHANG, "members", "sealed") == {}


async def test_who_took_the_old_keys_opens_nothing_that_is_sealed_anew(sealed: SmallBranch) -> None:
    """S56: neither with the old master key nor with a member's own."""

    async def held(unit: Reading) -> tuple[Any, Any, Any]:
        one = await unit.first(select(table).where(table.c.id == ZHANG))
        edited = await unit.first(select(edits.edit_entries).where(edits.edit_entries.c.member_id == ZHANG))
        entered = await unit.first(select(imports.import_entries).where(imports.import_entries.c.member_id == ZHANG))
        return one, edited, entered

    old, new = Vault(MASTER), Vault(OTHER)
    before, *_ = await sealed.store.read(held)
    key = old._unwrap(before.sealed_key, ZHANG)
    await sealed.store.seal_anew(OTHER)
    one, edited, entered = await sealed.store.read(held)
    assert new._unwrap(one.sealed_key, ZHANG) != key
    assert new.show(one.sealed, one.sealed_key, ZHANG, "members", "sealed") == {"phone": PHONE, "note": NOTE}
    with pytest.raises(Unreadable):
        old.show(one.sealed, before.sealed_key, ZHANG, "members", "sealed")
    for row, noun, id in ((edited, "roster_edit_entries", "edit_id"), (entered, "roster_import_entries", "import_id")):
        place = (noun, "after", getattr(row, id))
        assert new.show_entry(row.after, one.sealed_key, ZHANG, *place)["phone"] == PHONE
        with pytest.raises(Unreadable):
            old.show_entry(row.after, before.sealed_key, ZHANG, *place)


async def test_under_another_master_key_everything_reads_as_before(sealed: SmallBranch, address: str) -> None:
    """S56."""
    assert await sealed.store.seal_anew(OTHER) > 1
    assert await known(sealed.store) == KNOWN
    await sealed.store.close()
    branch = SmallBranch(await Store.open(address, sealed.clock, master=OTHER), sealed.clock)
    assert await known(branch.store) == KNOWN
    assert await leaks(branch, address) == []
    await branch.store.close()
