"""Notes, words and appeals of cases lie sealed, are sealed anew under another key, and go with their time or person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from content.appeals import appeal
from content.approvals import Act, Proposal, Proposed
from content.cases import KEPT, Case, CaseOpened, NoteAdded, keep_words
from content.decision import Decision, Fact, Tell, Words, words
from content.erasure import PersonErased
from content.identifiers import CaseId, Cause, ProposalId, SanctionId
from content.sanctions import (
    PlaceSettled,
    PlaceState,
    Reason,
    Sanction,
    SanctionImposed,
    SanctionPrepared,
    State,
    Step,
    reason_of,
)
from storage import cases, erased_people, holdings, outbox, sanctions
from storage.phrases import load_words
from storage.retention import Swept
from storage.store import Step as Settled
from storage.store import Store
from storage.unit import Reading, Writing
from storage.vault import Unreadable, Vault
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    NOON,
    ROOF,
    SECRETARY,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
)

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
CASE = Case(id=CaseId("case"), number=7, organisation=EAST, user=account(ZHANG), opened_by=SECRETARY, opened_at=NOON)
MUTE = Sanction(
    id=SanctionId("mute"),
    case=CASE.id,
    number=7,
    organisation=EAST,
    user=CASE.user,
    step=Step.WARNING,
    reason=Reason.INSULT,
    words="",
    lasts=timedelta(hours=2),
    by=SECRETARY,
    at=NOON,
    state=State.ACTIVE,
    rooms=(),
    until=NOON + timedelta(hours=2),
)


async def fill(store: Store) -> None:
    """Put a case with everything into a store."""
    kept = keep_words(CASE, "难听的话", held=0, by=SECRETARY, cause=Cause("one"), now=NOON)
    said = appeal(MUTE, "不是我说的", reviewers=[], console="", now=NOON)
    assert isinstance(kept, Decision)
    assert isinstance(said, Decision)
    note = NoteAdded(id="note", case=CASE.id, text="谈过了", by=SECRETARY, at=NOON)
    opened, imposed = CaseOpened(case=CASE), SanctionImposed(sanction=MUTE)
    await store.settle(notes=[opened, imposed, *kept.facts, note, *said.facts])


async def texts(store: Store) -> list[str | None]:
    """Return every text of the case."""
    (note,) = await store.read(lambda unit: cases.notes_of(unit, CASE.id))
    (kept,) = await store.read(lambda unit: cases.evidence_of(unit, CASE.id))
    (told,) = await store.read(lambda unit: sanctions.of_case(unit, CASE.id))
    return [note.text, kept.text, told.appeal_text]


SAID = ["谈过了", "难听的话", "不是我说的"]


async def raw(store: Store) -> list[bytes]:
    """Return the same as it lies in the tables."""
    found = []
    for column in (cases.case_notes.c.text, cases.case_evidence.c.text, sanctions.sanctions.c.appeal_text):
        rows = await store.read(lambda unit, column=column: unit.rows(column.table.select()))  # type: ignore[misc]
        found += [bytes(getattr(row, column.name)) for row in rows]
    return found


async def test_what_lay_in_the_clear_is_sealed_and_sealed_anew(sqlite_address: str, clock: HandClock) -> None:
    store = await Store.open(sqlite_address, clock)
    await SmallBranch(store, clock).found()
    await fill(store)
    assert [text.decode() for text in await raw(store)] == SAID
    await store.close()
    store = await Store.open(sqlite_address, clock, master=KEY)
    before = await raw(store)
    assert not any(word.encode() in text for word in SAID for text in before)
    assert await texts(store) == SAID
    await store.seal_anew(OTHER)
    assert not {*before} & {*await raw(store)}
    assert await texts(store) == SAID
    await store.close()


@pytest.mark.parametrize("failed", [False, True])
async def test_what_waits_to_be_told_is_told_under_another_key(
    sqlite_address: str, clock: HandClock, failed: bool
) -> None:
    """Why somebody was warned cannot be asked for again, also where it could not be said at first."""
    store = await Store.open(sqlite_address, clock, master=KEY)
    await SmallBranch(store, clock).found()
    why = reason_of(replace(MUTE, words="多次谈话无效"))
    told = words("sanction.warned", why=(why,), unit="东支部", number=7)
    await store.settle([Settled(cause=fresh_cause(), decide=_telling(told))])
    waits = outbox.outbox.c.kind == outbox.Kind.TELL

    async def state(unit: Writing) -> None:
        await unit.execute(outbox.outbox.update().where(waits).values(state=outbox.State.FAILED))

    if failed:
        await store._write(state, news=False)
    await store.seal_anew(OTHER)
    await store.close()
    store = await Store.open(sqlite_address, clock, master=OTHER)
    row = await store.read(lambda unit: unit.first(outbox.outbox.select().where(waits)))
    assert row is not None
    assert "多次谈话无效" not in repr(row)
    assert load_words(row.words, Vault(OTHER), row.id, row.user_id) == told
    with pytest.raises(Unreadable):
        load_words(row.words, Vault(KEY), row.id, row.user_id)
    await store.close()


def _telling(said: Words) -> Callable[[Reading], Awaitable[Decision]]:
    async def decide(_unit: Reading) -> Decision:
        return Decision(effects=(Tell(user=CASE.user, words=said),))

    return decide


async def test_a_case_goes_three_years_after_its_last_act_and_not_while_something_holds(branch: SmallBranch) -> None:
    await fill(branch.store)
    for state, left in ((State.ACTIVE, 1), (State.ENDED, 0)):
        await branch.store.settle(notes=[SanctionImposed(sanction=_with(MUTE, state))])
        await branch.store.settle(notes=[Swept(at=NOON + KEPT + timedelta(days=1))])
        found = await branch.store.read(lambda unit: unit.rows(cases.cases.select()))
        assert len(found) == left


def _with(one: Sanction, state: State) -> Sanction:
    return replace(one, state=state)


async def test_erasing_a_person_takes_their_cases_along(branch: SmallBranch) -> None:
    await fill(branch.store)
    erased = PersonErased(members=(ZHANG,), accounts=(CASE.user,), at=NOON)
    await branch.store.settle(notes=[erased])
    for table in (cases.cases, cases.case_notes, cases.case_evidence, sanctions.sanctions):
        assert await branch.store.read(lambda unit, table=table: unit.rows(table.select())) == []  # type: ignore[misc]


async def test_my_data_tells_of_measures_and_not_of_notes_and_bans_that_wait(branch: SmallBranch) -> None:
    """What nobody has told a person is not told by a file either, nor by the record's rows in it."""
    await fill(branch.store)
    note = replace(MUTE, id=SanctionId("note"), step=Step.NOTE, words="私下怀疑", state=State.ENDED)
    ban = replace(MUTE, id=SanctionId("ban"), step=Step.BAN, words="等人同意", state=State.WAITING)

    def settled(*facts: Fact) -> Settled:
        async def decide(_: Reading) -> Decision:
            return Decision(facts=facts)

        return Settled(cause=fresh_cause(), decide=decide, actor=SECRETARY)

    proposal = Proposal(
        id=ProposalId("p"), act=Act.BAN, organisation=EAST, subject=ban.id, detail=CASE.id, by=SECRETARY, at=NOON
    )
    waits = settled(Proposed(proposal=proposal), SanctionPrepared(sanction=ban))
    told, noted = (settled(SanctionImposed(sanction=one)) for one in (MUTE, note))
    await branch.store.settle([told, noted, waits])
    held = {one.name: one for one in await branch.store.read(lambda unit: holdings.collect(unit, CASE.user))}
    assert len(held["sanctions"].rows) == 1
    actions = {(row["action"], row["after"]) for row in held["audit"].rows}
    assert ("sanction_imposed", "sanction.step_warning") in actions
    assert not {one for one in actions if one[1] in ("sanction.step_note", "sanction.step_ban")}
    assert "私下怀疑" not in repr(held)
    assert "等人同意" not in repr(held)
    moderator = {one.name: one for one in await branch.store.read(lambda unit: holdings.collect(unit, SECRETARY))}
    assert len(moderator["sanctions"].rows) == 3


async def test_a_measure_that_a_room_still_holds_stands_in_the_way_of_an_erasure(branch: SmallBranch) -> None:
    """Erased, nobody would know any more what to put back in the room; a measure of no room may go."""
    await fill(branch.store)
    mute = replace(MUTE, id=SanctionId("voice"), step=Step.MUTE, rooms=(EAST_ROOM,))
    for state, place, count in (
        (State.ACTIVE, PlaceState.DONE, 1),
        (State.ENDED, PlaceState.STUCK, 1),
        (State.ENDED, PlaceState.UNDONE, 0),
        (State.ACTIVE, PlaceState.UNDONE, 1),
        (State.DROPPED, PlaceState.WAITING, 0),
    ):
        settled = PlaceSettled(id=mute.id, room=EAST_ROOM, state=place, at=NOON)
        await branch.store.settle(notes=[SanctionImposed(sanction=_with(mute, state)), settled])
        held = await branch.store.read(lambda unit: erased_people.held(unit, ZHANG, [ROOF]))
        assert held.measures == count, (state, place)


async def test_evidence_is_read_by_nobody_after_its_time_even_if_nothing_swept(
    branch: SmallBranch, clock: HandClock
) -> None:
    """The console runs without the bot, and what is promised to be gone after ninety days is gone for it too."""
    await fill(branch.store)
    assert (await texts(branch.store))[1] == SAID[1]
    clock.forward(days=91)
    assert (await texts(branch.store))[1] is None
    for user in (CASE.user, SECRETARY):
        held = await branch.store.read(lambda unit, user=user: holdings.collect(unit, user))  # type: ignore[misc]
        assert SAID[1] not in repr(held)
