"""Of who is erased nobody is left in the words that others wrote beside dues; they stay sealed, on both engines."""

from __future__ import annotations

from datetime import date

from msgspec.structs import replace
from sqlalchemy import select

from content.dues import DuesQuestioned, DuesWaySet, Question
from content.dues_handovers import DuesHandedOver, Handover
from content.dues_ledger import DuesEntered
from content.erasure import PersonErased
from content.identifiers import DuesEntryId, DuesQuestionId, HandoverId, MemberId
from content.members import NOBODY, Member, MemberEnrolled
from storage import dues, dues_questions
from storage.dues import dues_assessments, dues_entries, dues_handovers
from storage.vault import Vault
from tests.small_branch import EAST, LI, NOON, SECRETARY, WANG, ZHANG, HandClock, SmallBranch, account
from tests.storage.test_dues import entered, fixed

KEY = bytes(range(32))


async def test_nobody_stands_where_others_named_who_is_erased(branch: SmallBranch, clock: HandClock) -> None:
    branch.store._vault = Vault(KEY)
    longer = Member(id=MemberId("liang"), organisation=EAST, name="张明亮")
    others = replace(entered(WANG, name="w").entry, payer=" 张 明", payee="李强", note="张明和张明亮一起交")
    second = replace(others, id=DuesEntryId("w2"), payer="张明亮", payee="李强、张明")
    beside = fixed(WANG).assessment
    handed = Handover(
        id=HandoverId("h"),
        organisation=EAST,
        entries=2,
        since=date(2026, 7, 1),
        through=date(2026, 7, 1),
        on=date(2026, 7, 1),
        due_people=1,
        paid_people=1,
        due=7500,
        received=7500,
        handed=7500,
        receiver="张明街道党委",
        receipt="88",
        handler="张明",
        by=SECRETARY,
        at=NOON,
    )
    asked = Question(
        id=DuesQuestionId("q"), member=WANG, organisation=EAST, user=account(WANG), text="张明替我交了", asked_at=NOON
    )
    notes = [
        MemberEnrolled(member=longer),
        replace(fixed(WANG), assessment=replace(beside, note="与张明同岗")),
        *(DuesEntered(member=WANG, entry=one) for one in (others, second)),
        DuesHandedOver(handover=handed),
        DuesWaySet(organisation=EAST, text="每月 5 日前找张明", by=account(LI), at=NOON),
        DuesQuestioned(member=WANG, question=asked),
    ]
    await branch.store.settle(notes=notes)
    await branch.store.settle(notes=[PersonErased(members=(ZHANG,), accounts=(account(ZHANG),), at=clock.now)])
    one, other = await branch.store.read(lambda unit: dues.entries(unit, branch=EAST))
    assert (one.payer, one.payee, one.note) == (NOBODY, "李强", f"{NOBODY}和张明亮一起交")
    assert (other.payer, other.payee) == ("张明亮", f"李强、{NOBODY}")
    (handover,) = await branch.store.read(lambda unit: dues.handovers(unit, EAST))
    assert (handover.handler, handover.receiver, handover.receipt) == (NOBODY, "张明街道党委", "88")
    assert await branch.store.read(lambda unit: dues.way(unit, EAST)) == f"每月 5 日前找{NOBODY}"
    ((question, _),) = await branch.store.read(lambda unit: dues_questions.questions(unit, EAST))
    assert question.text == f"{NOBODY}替我交了"
    for table in (dues_assessments, dues_entries, dues_handovers, dues_questions.dues_questions):
        rows = await branch.store.read(lambda unit, table=table: unit.rows(select(table)))  # type: ignore[misc]
        assert {row.is_sealed for row in rows} == {True}
        assert not any("张明".encode() in bytes(row.text) for row in rows)
        if table is dues_assessments:
            assert [dues.text_of(Vault(KEY), row, table) for row in rows] == [f"与{NOBODY}同岗"]
