"""What is kept of who is away and of their reports: sealed, told once, handed out to them, and gone with them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
import pytest_asyncio
from msgspec.structs import replace
from sqlalchemy import func, select

from bot.away import ask_reports
from content.away import Away, AwayNoted, Contact, ContactNoted
from content.digests import Sort, compose
from content.erasure import PersonErased
from content.identifiers import ContactId, MemberId, UserId
from content.members import Member, MemberChanged, MemberEnrolled
from content.thought_reports import ThoughtReportAnswered
from storage import away, digests, members, organisations, outbox, retention
from storage import thought_reports as stored
from storage.away import away_contacts
from storage.holdings import collect
from storage.sealing import seal_anew
from storage.store import Store
from storage.thought_reports import thought_parts, thought_reports
from storage.vault import Unreadable, Vault
from tests.small_branch import EAST, LI, SECRETARY, WANG, ZHANG, HandClock, SmallBranch, account, message, private_room

WORD, REPLY = "心里话只说一遍", "看到了好好干"
WHO = account(ZHANG)


@pytest_asyncio.fixture
async def branch(address: str, clock: HandClock) -> AsyncIterator[SmallBranch]:
    """Give the small branch with a master key, on either engine."""
    store = await Store.open(address, clock, master=bytes(range(32)))
    small = SmallBranch(store, clock)
    if await store.read(lambda unit: members.member(unit, ZHANG)) is None:
        await small.found()
    noted = Away(member=ZHANG, since=date(2025, 12, 31), abroad=True, contact=WANG)
    met = Contact(id=ContactId("met"), member=ZHANG, on=date(2025, 12, 31), by=SECRETARY)
    await store.settle(
        notes=[
            AwayNoted(member=ZHANG, organisation=EAST, away=noted, by=SECRETARY, at=clock.now),
            ContactNoted(member=ZHANG, organisation=EAST, contact=met, at=clock.now),
        ]
    )
    yield small
    await store.close()


async def report(branch: SmallBranch) -> stored.ThoughtReport:
    for text in ("思想汇报", WORD, "完"):
        await branch.hear(message(WHO, text, room_id=private_room(ZHANG)))
    found = await branch.store.read(lambda unit: stored.last(unit, ZHANG))
    assert found is not None
    answered = ThoughtReportAnswered(
        report=found.id, member=ZHANG, organisation=EAST, text=REPLY, by=account(WANG), at=branch.clock.now
    )
    await branch.store.settle(notes=[answered])
    return found


async def test_words_lie_sealed_are_handed_out_to_their_author_alone_and_outlive_the_master_key(
    branch: SmallBranch,
) -> None:
    found = await report(branch)
    dump = await branch.everything()
    assert WORD not in dump
    assert REPLY not in dump

    async def held(user: UserId) -> str:
        return repr(await branch.store.read(lambda unit: collect(unit, user)))

    own, reviewer = await held(WHO), await held(account(WANG))
    assert WORD in own
    assert REPLY in own
    assert "thought_parts" in own
    assert "date(2025, 12, 31)" in own
    assert WORD not in reviewer
    new = Vault(bytes(range(1, 33)))
    await branch.store._write(lambda unit: seal_anew(unit, new), news=False)
    with pytest.raises(Unreadable):
        await branch.store.read(lambda unit: stored.words_of(unit, found))
    branch.store._vault = new
    assert await branch.store.read(lambda unit: stored.words_of(unit, found)) == ((WORD,), REPLY)


async def test_who_is_erased_leaves_nothing_and_who_was_their_contact_leaves_the_others_as_they_were(
    branch: SmallBranch,
) -> None:
    await report(branch)

    async def counted() -> list[int]:
        tables = (away.away, away_contacts, thought_reports, thought_parts)
        return [
            await branch.store.read(lambda unit, table=table: unit.value(select(func.count()).select_from(table)))
            for table in tables
        ]

    assert await counted() == [1, 1, 1, 1]
    gone = PersonErased(members=(WANG,), accounts=(account(WANG),), at=branch.clock.now)
    await branch.store.settle(notes=[gone])
    assert await counted() == [1, 1, 1, 1]
    left = await branch.store.read(lambda unit: away.of(unit, ZHANG))
    assert left is not None
    assert left.contact is None
    gone = PersonErased(members=(ZHANG,), accounts=(WHO,), at=branch.clock.now)
    await branch.store.settle(notes=[gone])
    assert await counted() == [0, 0, 0, 0]


async def test_a_due_report_is_told_once_in_private_when_quiet_hours_are_over_and_the_digest_counts_without_names(
    branch: SmallBranch, clock: HandClock
) -> None:
    async def told() -> list[tuple[str, bool]]:
        rows = await branch.store.read(lambda unit: unit.rows(select(outbox.outbox)))
        return [(row.user_id, row.unasked) for row in rows if row.words and row.words["key"] == "thought_report.due"]

    clock.now = clock.now.replace(month=6, day=29, hour=15, minute=59)
    await ask_reports(branch.store, clock.now)
    assert await told() == []
    clock.forward(minutes=2)
    for _ in range(2):
        await ask_reports(branch.store, clock.now)
    assert await told() == [(WHO, True)]
    place = await branch.store.read(lambda unit: organisations.organisation(unit, EAST))
    assert place is not None

    async def said(sort: Sort, day: int) -> str:
        return repr(
            compose(await branch.store.read(lambda unit: digests.digest(unit, place, sort, date(2026, 6, day))))
        )

    week = await said(Sort.WEEKLY, 30)
    assert "digest.waiting_away" in week
    assert "digest.waiting_contact" in week
    assert "张明" not in week
    assert "digest.waiting" not in await said(Sort.WEEKLY, 29)
    assert "digest.waiting" not in await said(Sort.MONTHLY, 30)


async def test_what_was_written_under_an_entry_that_is_merged_goes_on_under_the_kept_one(
    branch: SmallBranch, clock: HandClock
) -> None:
    double = MemberId("double")
    await branch.hear(message(account(LI), "思想汇报 前一半", room_id=private_room(LI)))
    kept = Member(id=double, organisation=EAST, name="李强", user=None)
    gone = await branch.store.read(lambda unit: members.member(unit, LI))
    assert gone is not None
    await branch.store.settle(
        notes=[
            MemberEnrolled(member=kept),
            MemberChanged(member=replace(gone, user=None, left=clock.now, merged_into=double)),
            MemberChanged(member=replace(kept, user=account(LI))),
            retention.Swept(at=clock.now),
        ]
    )
    for text in ("思想汇报", "后一半", "完"):
        await branch.hear(message(account(LI), text, room_id=private_room(LI)))
    found = await branch.store.read(lambda unit: stored.last(unit, double))
    assert found is not None
    assert (await branch.store.read(lambda unit: stored.words_of(unit, found)))[0] == ("前一半", "后一半")
    today = (clock.now + timedelta(hours=8)).date()
    noted = AwayNoted(
        member=double, organisation=EAST, away=Away(member=double, since=date(2026, 1, 1)), by=SECRETARY, at=clock.now
    )
    await branch.store.settle(notes=[noted])
    lines = await branch.store.read(lambda unit: away.register(unit, [EAST], today=today))
    assert [line.reports for line in lines if line.member.id == double] == [(today,)]
