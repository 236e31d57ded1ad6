"""Imports are remembered by branch, taken back once, and what they replaced is forgotten in time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from content.decision import Decision, Fact
from content.identifiers import Cause, ImportId, MemberId, OrganisationId, RoomId, UserId
from content.imports import (
    UNDO_WITHIN,
    Counts,
    EnrolmentUndone,
    Entered,
    RosterImported,
    plan_undoing,
    undo,
)
from content.members import CodeIssued, Member, MemberChanged, MemberEnrolled
from content.organisations import Kind, Organisation, OrganisationFounded
from content.rooms import Purpose, Room, RoomKept
from storage import imports, members, organisations
from storage.retention import Swept
from storage.store import Step, Store
from storage.unit import Reading
from tests.small_branch import EAST, LI, ROOF, SECRETARY, WEST, ZHANG, ZHAO, HandClock, SmallBranch

NEW = Member(id=MemberId("new"), organisation=EAST, name="王丽", floating=False, born="1990-05")
GROUP = Organisation(id=OrganisationId("new-group"), parent=EAST, kind=Kind.GROUP, name="第九党小组")


async def one_of(store: Store, id: MemberId) -> Member | None:
    return await store.read(lambda unit: members.member(unit, id))


async def take_in(store: Store, name: str, *entries: Entered, founded: Iterable[Organisation] = ()) -> ImportId:
    """Take people in as the console would."""
    groups = tuple(founded)
    people: list[Fact] = [OrganisationFounded(organisation=group) for group in groups]
    for entry in entries:
        people.append(MemberEnrolled(member=entry.after) if entry.before is None else MemberChanged(member=entry.after))
    record = RosterImported(
        id=ImportId(name),
        by=SECRETARY,
        at=store.now(),
        file=f"{name}.xlsx",
        counts=Counts(new=1, changed=1, unchanged=3, refused=2, ignored=1),
        entries=entries,
        founded=tuple(group.id for group in groups),
    )
    await store.settle(notes=[*people, record])
    return record.id


async def undone(store: Store, id: ImportId, roots: Iterable[OrganisationId] = (ROOF,)) -> None:
    """Take an import back as the console would."""

    async def decide(unit: Reading) -> object:
        known = await imports.one(unit, roots, id)
        assert known is not None
        entered, groups = await imports.entries(unit, id), await imports.founded(unit, id)
        plan = plan_undoing(entered, groups, await imports.since(unit, entered, groups))
        return undo(known, plan, by=SECRETARY, now=unit.now)

    (outcome,) = await store.settle([Step(cause=Cause(f"undo {id} {store.now()}"), decide=decide)])  # type: ignore[arg-type]
    assert isinstance(outcome.answer, Decision), outcome


async def changed(store: Store, id: MemberId, **fields: object) -> Entered:
    before = await one_of(store, id)
    assert before is not None
    return Entered(before=before, after=replace(before, **fields), branch=WEST if id == ZHAO else EAST)  # type: ignore[arg-type]


async def test_a_member_comes_back_as_they_were_written_yes_and_no_and_nothing(
    store: Store, branch: SmallBranch
) -> None:
    await store.settle(notes=[MemberEnrolled(member=NEW)])
    assert await one_of(store, NEW.id) == NEW
    told = await one_of(store, ZHANG)
    assert told is not None
    assert (told.floating, told.out_of_touch) == (None, None)


async def test_an_import_is_undone_to_the_letter_and_leaves_a_line_in_the_history(
    store: Store, branch: SmallBranch
) -> None:
    before = await one_of(store, ZHANG)
    entry = await changed(store, ZHANG, phone="13800000009", floating=True, organisation=GROUP.id)
    new = Entered(before=None, after=NEW, branch=EAST)
    id = await take_in(store, "one", entry, new, founded=[GROUP])
    assert await store.read(lambda unit: imports.entries(unit, id)) == (entry, new)
    await undone(store, id)
    assert await one_of(store, ZHANG) == before
    assert await one_of(store, NEW.id) is None
    assert GROUP.id not in {node.id for node in await store.read(organisations.tree)}
    (line,) = await store.read(lambda unit: imports.history(unit, [ROOF]))
    assert (line.file, line.by, line.undone_by, line.kept) == ("one.xlsx", SECRETARY, SECRETARY, 0)
    assert line.undone_at is not None
    assert await store.read(lambda unit: imports.entries(unit, id)) == ()
    again = await take_in(store, "again", new, founded=[GROUP])
    assert await store.read(lambda unit: imports.entries(unit, again)) == (new,)


async def test_who_was_asked_or_given_a_code_since_stays(store: Store, branch: SmallBranch, clock: HandClock) -> None:
    codeless = replace(NEW, id=MemberId("coded"), name="李强")
    entries = (Entered(before=None, after=NEW, branch=EAST), Entered(before=None, after=codeless, branch=EAST))
    id = await take_in(store, "one", *entries)
    await store.settle(notes=[CodeIssued(member=codeless.id, code_hash="h", expires_at=clock.now + timedelta(days=1))])
    since = await store.read(lambda unit: imports.since(unit, entries, ()))
    assert since.ties == {codeless.id: "code"}
    await branch.open()
    since = await store.read(lambda unit: imports.since(unit, entries, ()))
    assert since.ties == {NEW.id: "asked", codeless.id: "asked"}
    await undone(store, id)
    assert {await one_of(store, NEW.id), await one_of(store, codeless.id)} == {NEW, codeless}
    (line,) = await store.read(lambda unit: imports.history(unit, [ROOF]))
    assert line.kept == 2


async def test_a_group_with_a_room_of_its_own_stays(store: Store, branch: SmallBranch) -> None:
    id = await take_in(store, "one", Entered(before=None, after=NEW, branch=EAST), founded=[GROUP])
    room = Room(id=RoomId("!g"), organisation=GROUP.id, purpose=Purpose.BRANCH, name="g", encrypted=False)
    await store.settle(notes=[RoomKept(room=room)])
    await undone(store, id)
    assert GROUP.id in {node.id for node in await store.read(organisations.tree)}
    assert await one_of(store, NEW.id) is None


async def test_an_import_is_seen_by_branch_and_whole_only_by_who_sees_all_of_them(
    store: Store, branch: SmallBranch
) -> None:
    await take_in(store, "one", Entered(before=None, after=NEW, branch=EAST), await changed(store, ZHAO, note="注"))
    (whole,) = await store.read(lambda unit: imports.history(unit, [ROOF]))
    assert (whole.whole, whole.counts) == (True, Counts(new=1, changed=1, unchanged=3, refused=2, ignored=1))
    (part,) = await store.read(lambda unit: imports.history(unit, [WEST]))
    assert (part.whole, part.counts, part.branches) == (False, Counts(changed=1), (WEST,))
    await take_in(store, "two", await changed(store, LI, note="注"))
    assert [line.file for line in await store.read(lambda unit: imports.history(unit, [WEST]))] == ["one.xlsx"]
    narrowed = await store.read(lambda unit: imports.history(unit, [ROOF], at=[WEST]))
    assert [(line.file, line.whole) for line in narrowed] == [("one.xlsx", True)]
    assert await store.read(lambda unit: imports.one(unit, [WEST], ImportId("two"))) is None


async def test_a_later_import_overtakes_those_of_its_branches_until_it_is_undone(
    store: Store, branch: SmallBranch
) -> None:
    await take_in(store, "east", await changed(store, ZHANG, note="一"))
    await take_in(store, "west", await changed(store, ZHAO, note="一"))
    last = await take_in(store, "east again", await changed(store, ZHANG, note="二"))

    async def overtaken() -> dict[str, bool]:
        lines = await store.read(lambda unit: imports.history(unit, [ROOF]))
        return {line.id: line.overtaken for line in lines}

    assert await overtaken() == {"east again": False, "west": False, "east": True}
    await undone(store, last)
    assert await overtaken() == {"east again": False, "west": False, "east": False}


async def test_what_an_import_replaced_is_forgotten_when_it_can_no_longer_be_undone(
    store: Store, branch: SmallBranch, clock: HandClock
) -> None:
    id = await take_in(store, "one", await changed(store, ZHANG, note="注"))
    await store.settle(notes=[Swept(at=clock.now + UNDO_WITHIN)])
    assert len(await store.read(lambda unit: imports.entries(unit, id))) == 1
    await store.settle(notes=[Swept(at=clock.now + UNDO_WITHIN + timedelta(seconds=1))])
    assert await store.read(lambda unit: imports.entries(unit, id)) == ()
    assert len(await store.read(lambda unit: imports.history(unit, [ROOF]))) == 1


async def test_nobody_to_whom_something_refers_can_be_taken_out(store: Store, branch: SmallBranch) -> None:
    await branch.open()
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await store.settle(notes=[EnrolmentUndone(member=ZHANG)])
    assert await one_of(store, ZHANG) is not None


async def test_an_account_that_went_to_another_is_known_as_theirs(store: Store, branch: SmallBranch) -> None:
    entry = await changed(store, ZHANG, user=UserId("@zhang-new:test"))
    await take_in(store, "one", entry)
    heir = replace(NEW, user=UserId("@zhang:test"))
    await store.settle(notes=[MemberEnrolled(member=heir)])
    since = await store.read(lambda unit: imports.since(unit, [entry], ()))
    assert since.accounts == {UserId("@zhang:test"): NEW.id}
