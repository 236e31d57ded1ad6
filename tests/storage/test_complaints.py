"""Complaints are one where they are about one person or one message, lie sealed, and forget who made them."""

from __future__ import annotations

from datetime import timedelta

from content.complaints import (
    KEPT,
    REMEMBERED,
    AuthorFound,
    ComplaintDecided,
    ComplaintMade,
    ComplaintReopened,
    Origin,
    State,
    Voice,
    VoiceDropped,
    flag,
)
from content.erasure import PersonErased
from content.identifiers import ComplaintId, EventId, UserId, VoiceId, derive
from storage import complaints
from storage.complaints import complaint_voices
from storage.retention import Swept
from storage.store import Store
from tests.small_branch import EAST, EAST_ROOM, LI, NOON, SECRETARY, WANG, ZHANG, HandClock, SmallBranch, account

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


def voice(name: str, *, by: UserId | None = None, about: UserId | None = None, event: str = "$said:test") -> Voice:
    return Voice(
        id=VoiceId(name),
        organisation=EAST,
        room=EAST_ROOM,
        event=EventId(event),
        about=about,
        origin=Origin.PRIVATE,
        reason="insult",
        at=NOON,
        reporter=by or account(LI),
        words=f"太难听了{name}",
    )


def made(one: Voice) -> ComplaintMade:
    return ComplaintMade(organisation=EAST, voice=one)


FIRST = ComplaintId(derive("1", "complaint"))
FOUND = AuthorFound(organisation=EAST, room=EAST_ROOM, event=EventId("$said:test"), about=account(ZHANG))


async def grouped(store: Store) -> list[tuple[str | None, list[str]]]:
    """Return of each complaint whom it is about, and its voices."""
    whole = await store.read(lambda unit: unit.rows(complaints.complaints.select().order_by("id")))
    found = []
    for row in whole:
        mine = complaint_voices.select().where(complaint_voices.c.complaint_id == row.id)
        voices = await store.read(lambda unit, query=mine: unit.rows(query))  # type: ignore[misc]
        found.append((row.user_id, sorted(one.id for one in voices)))
    return found


async def test_a_complaint_joins_what_is_open_about_the_same_message_or_the_same_person(branch: SmallBranch) -> None:
    again = voice("2", by=account(WANG))
    elsewhere = voice("3", about=account(ZHANG), event="$other:test")
    await branch.store.settle(notes=[made(voice("1")), made(again), made(elsewhere), made(voice("1"))])
    assert sorted(await grouped(branch.store), key=str) == [(account(ZHANG), ["3"]), (None, ["1", "2"])]
    await branch.store.settle(notes=[FOUND])
    assert await grouped(branch.store) == [(account(ZHANG), ["1", "2", "3"])]


async def test_what_is_let_go_leaves_the_voices_of_others(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[made(voice("1")), made(voice("2", by=account(WANG)))])
    await branch.store.settle(notes=[VoiceDropped(organisation=EAST, voice=VoiceId("1"))])
    assert await grouped(branch.store) == [(None, ["2"])]
    await branch.store.settle(notes=[VoiceDropped(organisation=EAST, voice=VoiceId("2"))])
    assert await grouped(branch.store) == []


async def test_what_a_guard_flags_waits_beside_what_people_say(branch: SmallBranch) -> None:
    flagged = flag(EAST, EAST_ROOM, EventId("$said:test"), about=account(ZHANG), rule="links", now=NOON)
    await branch.store.settle(notes=[made(voice("1")), flagged, flagged])
    ((about, voices),) = await grouped(branch.store)
    assert (about, len(voices)) == (account(ZHANG), 2)


async def test_nobody_is_shown_a_complaint_about_themself_or_maybe_about_them(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[made(voice("1"))])

    async def seen(reader: UserId) -> int:
        found = await branch.store.read(
            lambda unit: complaints.lines(unit, [EAST], reader=reader, is_open=True, limit=9)
        )
        one = await branch.store.read(lambda unit: complaints.complaint(unit, FIRST, [EAST], reader=reader))
        number = await branch.store.read(lambda unit: complaints.number_open(unit, [EAST], reader=reader))
        assert len(found) == number == (one is not None)
        return number

    assert [await seen(who) for who in (account(ZHANG), SECRETARY)] == [0, 0]
    await branch.store.settle(notes=[FOUND])
    assert [await seen(who) for who in (account(ZHANG), SECRETARY)] == [0, 1]
    (heard,) = await branch.store.read(lambda unit: complaints.heard(unit, FIRST))
    assert (heard.people, heard.words, heard.reasons) == (1, ("太难听了1",), ((Origin.PRIVATE, "insult"),))


async def raw(store: Store) -> bytes:
    """Return what people wrote, as it lies in the tables."""
    voices = await store.read(lambda unit: unit.rows(complaint_voices.select()))
    whole = await store.read(lambda unit: unit.rows(complaints.complaints.select()))
    return b"".join([bytes(row.text or b"") for row in voices] + [bytes(row.note or b"") for row in whole])


async def test_what_lay_in_the_clear_is_sealed_and_sealed_anew(sqlite_address: str, clock: HandClock) -> None:
    store = await Store.open(sqlite_address, clock)
    await SmallBranch(store, clock).found()
    answered = ComplaintDecided(
        complaint=FIRST, organisation=EAST, outcome=State.NOTED, note="谈过了", by=SECRETARY, at=NOON
    )
    await store.settle(notes=[made(voice("1")), FOUND, answered])
    assert await raw(store) == "太难听了1谈过了".encode()
    await store.close()
    store = await Store.open(sqlite_address, clock, master=KEY)
    for _ in range(2):
        before = await raw(store)
        assert "太难听了".encode() not in before
        (heard,) = await store.read(lambda unit: complaints.heard(unit, FIRST))
        assert heard.words == ("太难听了1",)
        assert await store.read(lambda unit: complaints.note_of(unit, FIRST)) == "谈过了"
        await store.seal_anew(OTHER)
        assert await raw(store) != before
    await store.close()


async def test_who_complained_is_forgotten_a_while_after_the_answer_and_the_rest_like_a_case(
    branch: SmallBranch,
) -> None:
    answered = ComplaintDecided(
        complaint=FIRST, organisation=EAST, outcome=State.UNFOUNDED, note="", by=SECRETARY, at=NOON
    )
    await branch.store.settle(notes=[made(voice("1")), FOUND, answered])
    left = []
    for after in (REMEMBERED, REMEMBERED + timedelta(hours=1), KEPT + timedelta(hours=1)):
        await branch.store.settle(notes=[Swept(at=NOON + after)])
        rows = await branch.store.read(lambda unit: unit.rows(complaint_voices.select()))
        left.append([(row.reporter, row.text is None) for row in rows])
    assert left == [[(account(LI), False)], [(None, True)], []]
    assert await grouped(branch.store) == []


async def test_an_answer_that_is_taken_back_lets_the_complaint_wait_again(branch: SmallBranch) -> None:
    answered = ComplaintDecided(
        complaint=FIRST, organisation=EAST, outcome=State.NOTED, note="x", by=SECRETARY, at=NOON
    )
    reopened = ComplaintReopened(complaint=FIRST, organisation=EAST, at=NOON)
    await branch.store.settle(notes=[made(voice("1")), FOUND, answered, reopened])
    assert await branch.store.read(lambda unit: complaints.number_open(unit, [EAST], reader=SECRETARY)) == 1
    assert await branch.store.read(lambda unit: complaints.reporters_of(unit, FIRST)) == (account(LI),)


async def test_erasing_either_of_the_two_takes_them_out(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[made(voice("1")), FOUND])
    await branch.store.settle(notes=[PersonErased(members=(LI,), accounts=(account(LI),), at=NOON)])
    (row,) = await branch.store.read(lambda unit: unit.rows(complaint_voices.select()))
    assert (row.reporter, row.text) == (None, None)
    await branch.store.settle(notes=[PersonErased(members=(ZHANG,), accounts=(account(ZHANG),), at=NOON)])
    assert await grouped(branch.store) == []
