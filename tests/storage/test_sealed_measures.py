"""What is said about people who are reported or warned stands sealed only, in every byte of every file and log."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from content import ladder
from content.appeals import answer_appeal
from content.cases import add_note, keep_words
from content.complaints import Complaint, State, decide
from content.decision import Decision, Refusal
from content.identifiers import Cause, ComplaintId, EventId
from content.rooms import DirectRoomKept
from storage import cases, complaints, sanctions
from storage.rooms import StateSeen
from storage.store import Step, Store
from storage.unit import Reading
from tests.bot.commands.test_sanctions import DESK, begin, every, newest_to
from tests.faults.canaries import Canary, leaks
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    SECRETARY,
    WANG,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    message,
    private_room,
)

KEY = bytes(range(32))
WHO = account(ZHANG)

REASON, NOTE, QUOTED, LIFTED = "丝雀甲因", "丝雀乙记", "丝雀丙据", "丝雀丁解"
APPEAL, ANSWER, REPORT, REPLY = "丝雀戊诉", "丝雀己复", "丝雀庚报", "丝雀辛答"
CANARIES = [
    Canary(name=name, word=word)
    for name, word in {
        "reason": REASON,
        "note": NOTE,
        "quoted message": QUOTED,
        "why it was lifted": LIFTED,
        "appeal": APPEAL,
        "answer to the appeal": ANSWER,
        "report": REPORT,
        "note beside a report": REPLY,
    }.items()
]


@pytest_asyncio.fixture
async def branch(sqlite_address: str, clock: HandClock) -> AsyncIterator[SmallBranch]:
    """Give the small branch with a master key, on a file that can be looked into."""
    store = await Store.open(sqlite_address, clock, master=KEY)
    small = SmallBranch(store, clock)
    await small.found()
    await small.store.settle(notes=[DirectRoomKept(user=SECRETARY, room=DESK, encrypted=False)])
    yield small
    await store.close()


async def decided(branch: SmallBranch, cause: str, decide: object) -> None:
    (outcome,) = await branch.store.settle([Step(cause=Cause(cause), decide=decide, actor=SECRETARY)])  # type: ignore[arg-type]
    assert not outcome.failed
    assert outcome.refusal is None


async def test_no_byte_of_any_file_and_no_line_of_the_log_says_what_was_said_of_somebody(
    branch: SmallBranch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await begin(branch)

    def is_tight(after: str) -> None:
        assert leaks(tmp_path, CANARIES) == [], after
        assert not [one.name for one in CANARIES if one.word in caplog.text], after

    # Before anything is sent, too: what waits in the outbox lies in the same file.
    await branch.hear(message(SECRETARY, f"警告 张明 {REASON}", room_id=DESK))
    is_tight("asked")
    await branch.send_all()
    is_tight("sent")
    (measure,) = await every(branch)
    assert measure.words == REASON

    async def note(unit: Reading) -> Decision | Refusal:
        case = await cases.case(unit, measure.case)
        assert case is not None
        noted = add_note(case, NOTE, by=SECRETARY, cause=Cause("n"), now=unit.now)
        quoted = keep_words(case, QUOTED, held=0, by=SECRETARY, cause=Cause("q"), now=unit.now)
        assert isinstance(noted, Decision)
        assert isinstance(quoted, Decision)
        return Decision(facts=(*noted.facts, *quoted.facts))

    await decided(branch, "note", note)
    is_tight("noted")
    told = await newest_to(branch, WHO)
    await branch.hear(message(WHO, f"申诉 {APPEAL}", room_id=private_room(ZHANG), reply=told))
    is_tight("appealed")
    await branch.send_all()

    async def answer(unit: Reading) -> Decision | Refusal:
        one = await sanctions.sanction(unit, measure.id)
        assert one is not None
        return answer_appeal(one, ANSWER, grant=False, by=WANG, may=[WANG], now=unit.now)

    await decided(branch, "answer", answer)
    is_tight("answered")
    await branch.send_all()

    async def lift(unit: Reading) -> Decision | Refusal:
        one = await sanctions.sanction(unit, measure.id)
        assert one is not None
        return ladder.lift(one, LIFTED, by=SECRETARY, now=unit.now)

    await decided(branch, "lift", lift)
    is_tight("lifted")
    await branch.send_all()
    is_tight("told")
    # The search finds what is there: whom it is about stands in the same file.
    assert leaks(tmp_path, [Canary(name="whom", word=WHO)]) != []


async def test_no_byte_says_in_what_words_somebody_was_reported_and_what_moderators_noted(
    branch: SmallBranch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await begin(branch)
    link = f"https://matrix.to/#/{EAST_ROOM}/$said:test"
    seen = StateSeen(
        room=EAST_ROOM,
        type="m.room.member",
        state_key=account(LI),
        sender=account(LI),
        event_id=EventId("$li"),
        content={"membership": "join"},
    )
    await branch.store.settle(notes=[seen])
    await branch.hear(message(account(LI), f"举报 {link} {REPORT}", room_id=private_room(LI)))
    (voice,) = await branch.store.read(lambda unit: unit.rows(complaints.complaint_voices.select()))
    assert voice.is_sealed

    async def note(unit: Reading) -> Decision | Refusal:
        at, id = unit.now, ComplaintId(voice.complaint_id)
        one = Complaint(id=id, organisation=EAST, about=WHO, state=State.OPEN, opened_at=at, touched_at=at)
        return decide(one, State.NOTED, REPLY, reporters=[account(LI)], by=SECRETARY, now=unit.now)

    await decided(branch, "note", note)
    await branch.send_all()
    assert leaks(tmp_path, CANARIES) == []
    assert not [one.name for one in CANARIES if one.word in caplog.text]
