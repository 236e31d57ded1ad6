"""Notes, words and appeals of cases lie sealed, are sealed anew under another key, and go with their time or person."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from content.appeals import appeal
from content.cases import KEPT, Case, CaseOpened, NoteAdded, keep_words
from content.decision import Decision
from content.erasure import PersonErased
from content.identifiers import CaseId, Cause, SanctionId
from content.sanctions import Reason, Sanction, SanctionImposed, State, Step
from storage import cases, sanctions
from storage.retention import Swept
from storage.store import Store
from tests.small_branch import EAST, NOON, SECRETARY, ZHANG, HandClock, SmallBranch, account

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
