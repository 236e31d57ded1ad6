"""What is asked about pledges stands in no byte of the database, nor who asked, and both are found as ever."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from msgspec.structs import replace
from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, select, text

from content.erasure import PersonErased
from content.identifiers import EventId, PledgeId, PledgeQuestionId, RoomId
from content.pledge_questions import (
    ASKERS_KEPT,
    PledgeQuestionAnswered,
    PledgeQuestioned,
    PledgeQuestionWithdrawn,
    Question,
    Stand,
)
from content.pledges import Party, Pledge, PledgeMade
from storage import holdings, pledge_questions
from storage.engines import WRITE, open_working_engine, sqlite_file
from storage.migrate import alembic_config
from storage.pledge_questions import pledge_questions as table
from storage.store import Store
from storage.tables import Instant
from storage.unit import Reading
from storage.vault import Unreadable, Vault
from tests.small_branch import EAST, LI, NOON, SECRETARY, WANG, ZHANG, HandClock, SmallBranch, account

MASTER, OTHER = b"m" * 32, b"o" * 32
ASKED, SAID, WHY, MESSAGE = "石榴红隼扶手几时装", "石榴红隼下周到货", "石榴红隼骂人", EventId("$a-message-of-wang")
HERE = RoomId("!where-wang-speaks:test")
CANARIES = tuple(one.encode() for one in (ASKED, SAID, WHY, MESSAGE, HERE))
DAY = NOON.date()
PLEDGE = Pledge(
    id=PledgeId("one"),
    organisation=EAST,
    number=1,
    party=Party.BRANCH,
    owner=ZHANG,
    matter="给站台加装扶手",
    measure="",
    due=DAY,
    due_set=DAY,
    updated=DAY,
)
UNNAMED = Question(
    id=PledgeQuestionId("a"),
    pledge=PLEDGE.id,
    number=1,
    text=ASKED,
    asked_at=NOON,
    member=WANG,
    event=MESSAGE,
    room=HERE,
)
NAMED = replace(UNNAMED, id=PledgeQuestionId("b"), number=2, member=LI, event=EventId("$b"), named=True)


async def write_down(branch: SmallBranch) -> None:
    """Let two questions be asked, one of them without a name, and that one be answered, hidden and put back."""
    made = PledgeMade(pledge=PLEDGE, by=SECRETARY, at=NOON)
    asked = [PledgeQuestioned(question=one, pledge=PLEDGE.id) for one in (UNNAMED, NAMED)]
    answered = PledgeQuestionAnswered(question=ANSWERED, pledge=PLEDGE.id)
    await branch.store.settle(notes=[made, *asked, answered])


ANSWERED = replace(UNNAMED, stand=Stand.ANSWERED, answer=SAID, answered_at=NOON, hidden_why=WHY)


@pytest_asyncio.fixture
async def sealed(address: str, clock: HandClock) -> AsyncIterator[SmallBranch]:
    """Give the small branch under a master key, with two questions about a pledge."""
    branch = SmallBranch(await Store.open(address, clock, master=MASTER), clock)
    await branch.found()
    await write_down(branch)
    yield branch
    await branch.store.close()


async def rows(store: Store) -> list[Any]:
    return await store.read(lambda unit: unit.rows(select(table).order_by(table.c.id)))


async def leaks(branch: SmallBranch, address: str) -> list[bytes]:
    """Return what stands in a row, or on a file in any byte of it and its log; of who asked, in these rows."""
    everything = (await branch.everything()).encode() + repr(await rows(branch.store)).encode()
    file = sqlite_file(address)
    if file is not None:
        await branch.store.forget_deleted()
        everything += b"".join(part.read_bytes() for part in Path(file).parent.glob(f"{Path(file).name}*"))
    held = [one for one in CANARIES if one in everything or one.decode("latin-1").encode() in everything]
    return held + [one.encode() for one in (WANG, LI) if one in repr(await rows(branch.store))]


async def known(store: Store) -> tuple[Any, ...]:
    """Return what there is to know, as pages and commands come to know it."""

    async def look(unit: Reading) -> tuple[Any, ...]:
        waiting = [(one.question.id, one.user, one.owner) for one in await pledge_questions.waiting(unit)]
        return (
            await pledge_questions.questions(unit, [PLEDGE.id]),
            await pledge_questions.by_event(unit, MESSAGE),
            await pledge_questions.last_open_of(unit, LI),
            await pledge_questions.last_open_of(unit, WANG),
            waiting,
        )

    return await store.read(look)


KNOWN = (
    *((ANSWERED, NAMED), ANSWERED, NAMED, None),
    [(NAMED.id, account(ZHANG), True), (UNNAMED.id, account(WANG), False)],
)


async def test_what_was_asked_and_by_whom_is_in_no_byte_and_is_found_as_ever(sealed: SmallBranch, address: str) -> None:
    """S55."""
    assert await leaks(sealed, address) == []
    assert await known(sealed.store) == KNOWN


async def test_what_lay_in_the_clear_is_sealed_at_the_next_start(address: str, clock: HandClock) -> None:
    branch = SmallBranch(await Store.open(address, clock), clock)
    await branch.found()
    await write_down(branch)
    assert await leaks(branch, address) != []
    assert await known(branch.store) == KNOWN
    await branch.store.close()
    for _ in range(2):
        branch = SmallBranch(await Store.open(address, clock, master=MASTER), clock)
        assert await leaks(branch, address) == []
        assert await known(branch.store) == KNOWN
        await branch.store.close()


async def test_under_another_master_key_everything_reads_as_before(sealed: SmallBranch, address: str) -> None:
    """S56."""
    before = await rows(sealed.store)
    assert await sealed.store.seal_anew(OTHER) > 1
    assert await known(sealed.store) == KNOWN
    for old, new in zip(before, await rows(sealed.store), strict=True):
        assert old.asker != new.asker
        with pytest.raises(Unreadable):
            pledge_questions.texts_of(Vault(MASTER), new)
    await sealed.store.close()
    branch = SmallBranch(await Store.open(address, sealed.clock, master=OTHER), sealed.clock)
    assert await known(branch.store) == KNOWN
    await branch.store.close()


async def test_who_asked_is_given_their_own_questions_and_is_erased_with_them(sealed: SmallBranch) -> None:
    async def told(user: str) -> list[Any]:
        sections = await sealed.store.read(lambda unit: holdings.collect(unit, account(user)))  # type: ignore[arg-type]
        (own,) = [section for section in sections if section.name == "pledge_questions"]
        return [(row["text"], row["answer"]) for row in own.rows]

    assert await told(WANG) == [(ASKED, SAID)]
    assert await told(LI) == [(ASKED, "")]
    assert await told(ZHANG) == []
    await sealed.store.settle(notes=[PersonErased(members=(WANG,), accounts=(account(WANG),), at=NOON)])
    assert [row.id for row in await rows(sealed.store)] == [NAMED.id]


async def test_who_asked_without_a_name_is_forgotten_and_the_words_stay_sealed(
    sealed: SmallBranch, address: str
) -> None:
    async def forget(unit: Any) -> None:
        await pledge_questions.forget_past(unit, NOON + ASKERS_KEPT + timedelta(seconds=1))

    await sealed.store._write(forget, news=False)
    first, second = await sealed.store.read(lambda unit: pledge_questions.questions(unit, [PLEDGE.id]))
    assert (first, second) == (replace(ANSWERED, member=None, event=None, room=None), NAMED)
    assert [(row.asker, row.event) for row in await rows(sealed.store) if row.id == UNNAMED.id] == [(None, None)]
    assert await leaks(sealed, address) == []


async def test_of_one_that_was_taken_back_no_word_stays(sealed: SmallBranch) -> None:
    await sealed.store.settle(notes=[PledgeQuestionWithdrawn(question=NAMED.id, pledge=PLEDGE.id)])
    row = (await rows(sealed.store))[1]
    assert (row.text, row.asker, row.event, row.named) == (None, None, None, False)


def test_what_was_asked_before_the_tables_changed_is_taken_over(empty_address: str) -> None:
    engine = open_working_engine(empty_address)
    old = Table(
        table.name,
        MetaData(),
        *(Column(name, String(500)) for name in ("id", "pledge_id", "member_id", "event_id", "stand")),
        *(Column(name, String(500)) for name in ("text", "answer", "hidden_why")),
        *(Column(name, Instant) for name in ("asked_at", "answered_at", "settled_at", "owner_told", "asker_told")),
        Column("number", Integer),
        Column("named", Boolean),
    )
    whole = {
        "pledge_id": "one",
        "stand": "answered",
        "text": ASKED,
        "answer": SAID,
        "hidden_why": WHY,
        "asked_at": NOON,
    }
    gone = {**whole, "stand": "withdrawn", "text": "", "answer": "", "hidden_why": "", "answered_at": NOON}
    with engine.execution_options(**WRITE).begin() as connection:
        connection.execute(text("CREATE TABLE pledges (id VARCHAR(32) PRIMARY KEY)"))
        connection.execute(text("INSERT INTO pledges VALUES ('one')"))
        old.create(connection)
        connection.execute(
            old.insert().values(**whole, id="a", number=1, named=False, member_id=WANG, event_id=MESSAGE)
        )
        connection.execute(old.insert().values(**gone, id="b", number=2, named=True))
        module = ScriptDirectory.from_config(alembic_config()).get_revision("0091").module
        with Operations.context(MigrationContext.configure(connection)):
            module.upgrade()
        first, second = connection.execute(select(table).order_by(table.c.id)).all()
    engine.dispose()
    assert pledge_questions.texts_of(Vault(), first) == {
        "text": ASKED,
        "answer": SAID,
        "hidden_why": WHY,
        "member": WANG,
        "event": MESSAGE,
    }
    assert (first.asker, first.event, first.named, first.is_sealed, first.asked_at) == (
        WANG,
        MESSAGE,
        False,
        False,
        NOON,
    )
    assert (second.text, second.asker, second.event, second.named, second.answered_at) == (None, None, None, True, NOON)
