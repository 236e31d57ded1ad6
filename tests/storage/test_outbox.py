"""The way out: in order within a room, answers first, fenced against a second worker, honest about what never went."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from content.burden import Meter
from content.checkins import State as Answer
from content.decision import Decision, Say, ShowAgain, Tell, words
from content.identifiers import EventId, OutboxId, UserId
from content.lessons import LessonRevised
from content.media import MediumKept
from content.rooms import Decline, Join, RoomLost
from content.settings import QUIET_HOURS, SettingChosen
from content.trouble import Trouble
from storage import burden, organisations, outbox, outbox_claims, outbox_items
from storage.outbox import EDIT_RHYTHM, Cancelled, GivenUp, Hastened, Kind, Postponed, Retried, Sent, State
from storage.store import Step, Store
from storage.unit import Reading
from tests.small_branch import (
    EAST,
    EAST_GROUP,
    EAST_ROOM,
    LI,
    PICTURE,
    ROLL,
    ROOF,
    SECRETARY,
    SHOWN_PICTURE,
    WANG,
    WEST,
    WEST_ROOM,
    ZHANG,
    ZHAO,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    lesson,
)
from tests.storage.test_migrations import TAKEN

SENT_ROWS = outbox.outbox.c.state == State.SENT


async def illustrate(branch: SmallBranch) -> None:
    """Give the lesson two pictures, so that its card has three parts."""
    second = MediumKept(hash="cd" * 32, name="two.png", mimetype="image/png", data=b"two", width=1, height=1)
    shown = (SHOWN_PICTURE, type(SHOWN_PICTURE)(hash=second.hash, name=second.name))
    revised = LessonRevised(lesson=lesson(media=shown, revision=2), author=SECRETARY)
    await branch.store.settle(notes=[PICTURE, second, revised])


async def tell(branch: SmallBranch, user: UserId, *, quiet: bool = False) -> None:
    """Have something said to a person."""

    async def decide(_unit: object) -> Decision:
        return Decision(effects=(Tell(user=user, words=words("makeup.nothing"), quiet=quiet),))

    await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])


async def states(branch: SmallBranch, room: str = EAST_ROOM, kind: Kind = Kind.POST) -> list[str]:
    """Return the states of a room's rows of one kind."""
    return [row.state for row in await branch.rows(outbox.outbox.c.room_id == room, outbox.outbox.c.kind == kind)]


async def test_answers_go_ahead_of_broadcasts_and_live_numbers_come_last(branch: SmallBranch) -> None:
    id = await branch.open()
    await branch.send_all()
    await branch.answer(id, ZHANG)
    await branch.open(ROLL)
    rows = await branch.claim()
    assert [row.kind for row in rows] == [Kind.TELL, Kind.POST, Kind.POST]
    await branch.mark_sent(*rows)
    assert [row.kind for row in await branch.claim()] == [Kind.EDIT]


async def test_a_room_has_one_message_under_way_at_a_time(branch: SmallBranch) -> None:
    await branch.open()
    await branch.open(ROLL)
    first = await branch.claim()
    assert Counter(row.room for row in first) == {EAST_ROOM: 1, WEST_ROOM: 1}
    assert await branch.claim() == []
    await branch.mark_sent(first[0])
    (second,) = await branch.claim()
    assert second.room == first[0].room


async def test_a_worker_takes_no_more_than_it_asks_for(branch: SmallBranch) -> None:
    for member in (ZHANG, LI, WANG, ZHAO):
        await tell(branch, account(member))
    assert len(await branch.claim(limit=3)) == 3
    assert len(await branch.claim(limit=3)) == 1


async def test_the_parts_of_a_card_come_one_after_the_other(branch: SmallBranch) -> None:
    await illustrate(branch)
    await branch.open(audience=EAST)
    parts = []
    for _ in range(3):
        (row,) = await branch.claim()
        assert await branch.claim() == []
        parts.append(row.part)
        await branch.mark_sent(row)
    assert parts == [0, 1, 2]
    assert await branch.claim() == []


async def test_an_edit_waits_for_its_card_and_knows_the_event_to_edit(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open(audience=EAST)
    await branch.answer(id, ZHANG)
    rows = await branch.claim()
    assert [row.kind for row in rows] == [Kind.TELL, Kind.POST]
    await branch.mark_sent(*rows)
    (edit,) = await branch.claim()
    assert edit.kind is Kind.EDIT
    assert edit.target == f"$sent-{rows[1].id}"


async def test_the_edits_of_a_card_are_found_by_the_card_however_much_else_waits(branch: SmallBranch) -> None:
    query = "SELECT number FROM outbox WHERE card_id = 'x' AND kind = 'edit' AND state = 'pending'"

    async def explain(unit: Reading) -> list[str]:
        if unit.engine != "sqlite":
            return []
        return [str(row[3]) for row in unit._connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()]

    assert [plan for plan in await branch.store.read(explain) if "(card_id=? AND kind=?)" not in plan] == []


async def test_a_claim_carries_a_transaction_that_never_changes(branch: SmallBranch, clock: HandClock) -> None:
    await branch.open(audience=EAST)
    (first,) = await branch.claim(lease=60)
    clock.forward(seconds=61)
    (second,) = await branch.claim(worker="another")
    assert first.transaction == second.transaction == f"zhibu.{first.id}"
    assert (first.claim_no, second.claim_no) == (1, 2)
    assert second.first_try_at == first.first_try_at
    assert second.device == first.device


async def test_a_lease_holds_until_it_is_over(branch: SmallBranch, clock: HandClock) -> None:
    await branch.open(audience=EAST)
    await branch.claim(lease=60)
    clock.forward(seconds=60)
    assert await branch.claim() == []
    clock.forward(seconds=1)
    assert len(await branch.claim()) == 1


@pytest.mark.parametrize("what", ["sent", "postponed", "given up"])
async def test_a_worker_that_was_overtaken_changes_nothing(branch: SmallBranch, clock: HandClock, what: str) -> None:
    """F07."""
    await branch.open(audience=EAST)
    (old,) = await branch.claim(lease=60)
    clock.forward(seconds=61)
    (new,) = await branch.claim(worker="another")
    fact = {
        "sent": Sent(claimed=old, event_id=EventId("$old"), at=clock.now),
        "postponed": Postponed(claimed=old, not_before=clock.now, error="slow", counts=True),
        "given up": GivenUp(claimed=old, error="refused", at=clock.now),
    }[what]
    await branch.store.settle(notes=[fact])
    (row,) = await branch.rows(outbox.outbox.c.id == old.id)
    assert (row.state, row.event_id, row.failures) == (State.LEASED, None, 0)
    await branch.mark_sent(new)
    assert await states(branch) == [State.SENT]


async def test_a_row_that_was_sent_is_never_taken_again(branch: SmallBranch, clock: HandClock) -> None:
    await branch.open(audience=EAST)
    await branch.send_all()
    clock.forward(days=400)
    assert await branch.claim() == []


async def test_a_row_handed_back_waits_for_its_time(branch: SmallBranch, clock: HandClock) -> None:
    await branch.open(audience=EAST)
    (row,) = await branch.claim()
    later = clock.now + timedelta(seconds=30)
    await branch.store.settle(notes=[Postponed(claimed=row, not_before=later, error="limited", counts=False)])
    assert await branch.claim() == []
    assert await branch.store.read(outbox_claims.next_ready) == later
    clock.forward(seconds=30)
    (again,) = await branch.claim()
    assert again.failures == 0
    await branch.store.settle(notes=[Postponed(claimed=again, not_before=clock.now, error="server", counts=True)])
    (once_more,) = await branch.claim()
    assert once_more.failures == 1


async def test_what_was_given_up_is_not_sent_and_its_branch_was_not_offered_it(branch: SmallBranch) -> None:
    await illustrate(branch)
    id = await branch.open()
    east = next(row for row in await branch.claim() if row.room == EAST_ROOM)
    await branch.store.settle(notes=[GivenUp(claimed=east, error="refused M_FORBIDDEN", at=branch.clock.now)])
    assert await states(branch) == [State.FAILED] * 3
    assert await branch.state(id, ZHANG) is Answer.NOT_OFFERED
    assert await branch.state(id, ZHAO) is Answer.OPEN
    assert await branch.counted() == await branch.tallied()
    assert {row.room for row in await branch.send_all()} <= {WEST_ROOM}


async def test_what_follows_a_part_that_never_came_stays_when_that_is_swept(branch: SmallBranch) -> None:
    """Of what is discreet one that is gone was sent; of anything else it may have been given up."""
    await illustrate(branch)
    card = await branch.card(await branch.open(audience=EAST))
    await branch.send_all()

    async def show(_: Reading) -> Decision:
        return Decision(effects=(ShowAgain(user=account(ZHANG), card=card, parts=3),))

    await branch.store.settle([Step(cause=fresh_cause(), decide=show)])
    (first,) = await branch.claim()
    await branch.store.settle(notes=[GivenUp(claimed=first, error="refused", at=branch.clock.now)])
    swept = outbox.outbox.delete().where(outbox.outbox.c.state == State.FAILED)
    await branch.store._write(lambda unit: unit.execute(swept), news=False)
    assert await branch.send_all() == []


async def test_a_retry_brings_back_every_part_and_the_offer(branch: SmallBranch) -> None:
    await illustrate(branch)
    id = await branch.open(audience=EAST)
    (row,) = await branch.claim()
    await branch.store.settle(notes=[GivenUp(claimed=row, error="refused", at=branch.clock.now)])
    await branch.store.settle(notes=[Retried(id=row.id, at=branch.clock.now)])
    assert await branch.state(id, ZHANG) is Answer.OPEN
    assert [one.part for one in await branch.send_all()] == [0, 1, 2]
    assert await branch.counted() == await branch.tallied()


async def test_after_the_close_a_card_that_never_came_is_not_sent_any_more(
    branch: SmallBranch, clock: HandClock
) -> None:
    id = await branch.open(audience=EAST)
    (row,) = await branch.claim()
    await branch.store.settle(notes=[GivenUp(claimed=row, error="refused", at=clock.now)])
    clock.forward(hours=3)
    await branch.let_close(id)
    await branch.store.settle(notes=[Retried(id=row.id, at=clock.now)])
    assert await branch.send_all() == []
    assert await branch.state(id, ZHANG) is Answer.NOT_OFFERED


async def test_a_card_that_is_given_up_only_after_the_close_was_not_offered_either(
    branch: SmallBranch, clock: HandClock
) -> None:
    id = await branch.open(audience=EAST)
    (row,) = await branch.claim()
    clock.forward(hours=3)
    await branch.let_close(id)
    assert await branch.state(id, ZHANG) is Answer.UNANSWERED
    await branch.store.settle(notes=[GivenUp(claimed=row, error="refused", at=clock.now)])
    assert await branch.state(id, ZHANG) is Answer.NOT_OFFERED
    assert await branch.counted() == await branch.tallied()


async def test_what_cannot_go_out_in_time_expires_and_was_not_offered(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open(audience=EAST, late=timedelta(minutes=10))
    clock.forward(minutes=10, seconds=1)
    assert await branch.claim() == []
    (row,) = await branch.rows()
    assert (row.state, row.last_error) == (State.EXPIRED, "too_late")
    assert await branch.state(id, ZHANG) is Answer.NOT_OFFERED
    assert await branch.counted() == await branch.tallied()


async def test_what_was_tried_in_time_does_not_expire_for_it_may_be_there(
    branch: SmallBranch, clock: HandClock
) -> None:
    await branch.open(audience=EAST, late=timedelta(minutes=10))
    (row,) = await branch.claim()
    await branch.store.settle(notes=[Postponed(claimed=row, not_before=clock.now, error="slow", counts=True)])
    clock.forward(minutes=11)
    assert [one.id for one in await branch.claim()] == [row.id]


async def test_the_edit_of_a_card_that_expired_does_not_wait_for_ever(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open(audience=EAST)
    await branch.answer(id, ZHANG)
    clock.forward(minutes=11)
    assert [row.kind for row in await branch.send_all()] == [Kind.TELL]
    assert await states(branch, kind=Kind.EDIT) == [State.EXPIRED]
    assert await branch.store.read(outbox_claims.next_ready) is None


async def test_waiting_for_a_turn_is_not_being_ready(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open(audience=EAST)
    await branch.answer(id, ZHANG)
    for row in await branch.claim():
        later = clock.now + timedelta(seconds=200)
        await branch.store.settle(notes=[Postponed(claimed=row, not_before=later, error="unreachable", counts=True)])
    assert await branch.store.read(outbox_claims.next_ready) == clock.now + timedelta(seconds=200)


async def test_an_organiser_takes_a_card_back_and_it_was_not_offered(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open(audience=EAST)
    (row,) = await branch.rows()
    await branch.store.settle(notes=[Cancelled(id=OutboxId(row.id), at=clock.now)])
    assert await branch.claim() == []
    assert await states(branch) == [State.CANCELLED]
    assert await branch.state(id, ZHANG) is Answer.NOT_OFFERED


async def test_what_was_sent_or_is_under_way_cannot_be_taken_back(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open()
    first, second = await branch.claim()
    await branch.mark_sent(first)
    for row in (first, second):
        await branch.store.settle(notes=[Cancelled(id=row.id, at=clock.now)])
    assert sorted(row.state for row in await branch.rows()) == [State.LEASED, State.SENT]
    assert await branch.state(id, ZHANG) is Answer.OPEN


async def test_a_card_has_one_waiting_edit_however_many_answer(branch: SmallBranch) -> None:
    id = await branch.open(audience=EAST)
    await branch.send_all()
    for member in (ZHANG, LI, WANG):
        await branch.answer(id, member)
    assert await states(branch, kind=Kind.EDIT) == [State.PENDING]


async def test_an_edit_that_may_have_arrived_is_followed_by_one_with_newer_numbers(
    branch: SmallBranch, clock: HandClock
) -> None:
    id = await branch.open(audience=EAST)
    await branch.send_all()
    await branch.answer(id, ZHANG)
    tell_row, edit = await branch.claim()
    assert (tell_row.kind, edit.kind) == (Kind.TELL, Kind.EDIT)
    later = clock.now + timedelta(seconds=60)
    await branch.store.settle(notes=[Postponed(claimed=edit, not_before=later, error="server", counts=True)])
    await branch.answer(id, LI)
    clock.forward(seconds=60)
    sent = await branch.send_all()
    clock.now += EDIT_RHYTHM
    sent = [row for row in [*sent, *await branch.send_all()] if row.kind is Kind.EDIT]
    assert len({row.transaction for row in sent}) == 2


async def test_a_card_is_edited_in_a_rhythm(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open(audience=EAST)
    await branch.send_all()
    await branch.answer(id, ZHANG)
    assert Kind.EDIT in {row.kind for row in await branch.send_all()}
    await branch.answer(id, LI)
    assert Kind.EDIT not in {row.kind for row in await branch.send_all()}
    clock.now += EDIT_RHYTHM
    assert [row.kind for row in await branch.send_all()] == [Kind.EDIT]


async def test_an_answer_to_what_was_said_stays_quiet_about_cards_that_failed(branch: SmallBranch) -> None:
    id = await branch.open(audience=EAST)
    (row,) = await branch.claim()
    await branch.store.settle(notes=[GivenUp(claimed=row, error="refused", at=branch.clock.now)])
    await branch.answer(id, ZHANG)
    assert await states(branch, kind=Kind.EDIT) == []


async def test_a_quiet_word_says_so_to_its_worker(branch: SmallBranch) -> None:
    await tell(branch, account(ZHANG), quiet=True)
    (row,) = await branch.claim()
    assert row.quiet
    assert row.words == words("makeup.nothing")


async def test_words_are_forgotten_once_they_were_said(branch: SmallBranch) -> None:
    await tell(branch, account(ZHANG))
    await branch.send_all()
    (row,) = await branch.rows()
    assert row.words is None


async def test_words_come_back_as_they_were_put_in(branch: SmallBranch, clock: HandClock) -> None:
    said = words("makeup.list", list=(words("makeup.line", number=1, title="《甲》{x}", due=clock.now),), n=3)

    async def decide(_unit: object) -> Decision:
        return Decision(effects=(Tell(user=account(ZHANG), words=said),))

    await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])
    (row,) = await branch.claim()
    assert row.words == said


async def test_two_answers_to_one_person_keep_their_order(branch: SmallBranch) -> None:
    await tell(branch, account(ZHANG))
    await tell(branch, account(ZHANG))
    numbers = [row.id for row in await branch.rows()]
    assert [row.id for row in await branch.send_all()] == numbers


async def test_joining_and_declining_are_rows_like_any_other(branch: SmallBranch) -> None:
    async def decide(_unit: object) -> Decision:
        return Decision(effects=(Join(room="!a:test"), Decline(room="!b:test")))  # type: ignore[arg-type]

    await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])
    assert [(row.kind, row.room) for row in await branch.claim()] == [
        (Kind.JOIN, "!a:test"),
        (Kind.DECLINE, "!b:test"),
    ]


async def test_a_process_that_starts_alone_takes_up_what_the_last_one_held(
    branch: SmallBranch, address: str, clock: HandClock
) -> None:
    await branch.open(audience=EAST)
    (held,) = await branch.claim(lease=3600)
    await branch.store.close()
    again = SmallBranch(await Store.open(address, clock), clock)
    assert await again.claim() == []
    await again.store.take_up("worker")
    claimed = await again.claim()
    await again.store.close()
    assert [row.id for row in claimed] == [held.id]


async def test_a_second_process_is_refused_until_the_first_has_ended(address: str) -> None:
    first = await Store.open(address)
    with pytest.raises(Trouble) as refused:
        await Store.open(address)
    assert refused.value.words.key in TAKEN
    beside = await Store.open(address, exclusive=False)
    await beside.close()
    await first.close()
    second = await Store.open(address)
    await second.close()


async def test_the_desk_shows_each_organiser_their_own_subtree(branch: SmallBranch) -> None:
    id = await branch.open()
    await branch.answer(id, ZHANG)

    async def desk(unit: Any) -> tuple[Any, ...]:
        everything = list(State)
        return (
            await outbox_items.items(unit, [ROOF], states=everything),
            await outbox_items.items(unit, [EAST], states=everything),
            await outbox_items.items(unit, [WEST], states=everything),
            await outbox_items.number(unit, [WEST], states=[State.PENDING], most=9),
            await outbox_items.items(unit, [ROOF], states=everything, private=[WEST]),
            await outbox_items.number(unit, [ROOF], states=everything, private=[WEST], most=9),
        )

    roof, east, west, number, unnamed, unnamed_number = await branch.store.read(desk)
    assert {item.user for item in unnamed} == {None}
    assert len(unnamed) == unnamed_number == len(roof) - 1
    assert len(roof) == len(east) + len(west)
    assert {item.room for item in east} == {EAST_ROOM, None}
    assert {item.user for item in east} == {None, account(ZHANG)}
    assert [(item.room, item.user) for item in west] == [(WEST_ROOM, None)]
    assert number == 1
    (only,) = west
    assert await branch.store.read(lambda unit: outbox_items.item(unit, [EAST], only.id)) is None
    assert await branch.store.read(lambda unit: outbox_items.item(unit, [WEST], only.id)) == only


async def test_a_room_that_is_lost_gets_no_card_and_its_branch_was_not_offered_it(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[RoomLost(room=WEST_ROOM, reason="left")])
    id = await branch.open()
    assert {row.room for row in await branch.claim()} == {EAST_ROOM}
    assert {key[1:] for key in await branch.counted()} == {(EAST, Answer.OPEN), (WEST, Answer.NOT_OFFERED)}
    assert await branch.state(id, ZHAO) is Answer.NOT_OFFERED


async def test_a_card_for_one_branch_goes_to_its_room_alone(branch: SmallBranch) -> None:
    await branch.open(audience=EAST_GROUP)
    assert {row.room for row in await branch.claim()} == {EAST_ROOM}
    assert {key[1] for key in await branch.counted()} == {EAST}


async def test_a_card_that_has_begun_to_appear_is_finished_even_if_late(branch: SmallBranch, clock: HandClock) -> None:
    await illustrate(branch)
    await branch.open(audience=EAST)
    await branch.mark_sent(*await branch.claim())
    clock.forward(minutes=30)
    assert [row.part for row in await branch.send_all()] == [1, 2]


async def test_what_is_said_in_a_room_waits_for_quiet_hours_to_end_and_counts_as_a_post(
    branch: SmallBranch, clock: HandClock
) -> None:
    await branch.store.settle(notes=[SettingChosen(organisation=ROOF, name=QUIET_HOURS, value="21-8")])
    clock.forward(hours=10)

    async def decide(_unit: object) -> Decision:
        said = words("ballot.room_result", lines=())
        return Decision(effects=(Say(room=EAST_ROOM, organisation=EAST, words=said),))

    async def metered(unit: Reading) -> Meter:
        nodes = [one for one in await organisations.tree(unit) if one.id == EAST]
        return (await burden.meters(unit, nodes, since=date(2026, 7, 1), until=date(2026, 7, 31)))[EAST]

    for _ in range(2):
        await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])
    first, second = await branch.rows(outbox.outbox.c.kind == Kind.SAY)
    morning = datetime(2026, 7, 2, tzinfo=UTC)
    assert (first.not_before, second.not_before) == (morning, morning)
    await branch.store.settle(notes=[Hastened(id=first.id, reason="防汛", at=clock.now)])
    assert [row.id for row in await branch.send_all()] == [first.id]
    assert await branch.store.read(metered) == Meter(posts=1, planned=1, at_night=1), "the other counts while it waits"
    clock.now = morning
    await branch.send_all()
    assert await branch.store.read(metered) == Meter(posts=2, at_night=1)
