"""A batch is taken whole or not at all, once however often it comes, and counts as of when things were said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot import hearing
from bot.hearing import PORTION, Hearing
from bot.matrix.crypto import MARK
from bot.matrix.events import Batch, Event, Gap, Poison, RoomBatch, RoomKey, Unreadable
from bot.polls import counting
from content.checkins import State
from content.decision import Fact
from content.identifiers import EventId, PollId, RoomId, UserId
from content.members import MemberLeft
from content.polls import Poll, PollOpened, Sheet, number_answers
from content.upkeep import MOST_PRIVATE, MOST_ROOMS
from storage import audit, outbox, polls, rooms, sync
from storage.outbox import Kind
from storage.store import Step
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    ME,
    NOON,
    ROLL,
    SECRETARY,
    WANG,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    event,
    message,
    private_room,
    reaction,
)

MINUTE = timedelta(minutes=1)
STRANGER, FOREIGNER = UserId("@stranger:test"), UserId("@stranger:elsewhere")


class Ears:
    """A hearing with its homeserver."""

    def __init__(self, branch: SmallBranch) -> None:
        self.branch = branch
        self.homeserver = FakeHomeserver(branch.clock)
        self.hearing = Hearing(branch.store, self.homeserver, branch.settings)  # type: ignore[arg-type]

    async def hear(self, *parts: RoomBatch, token: str = "s2", keys: tuple[RoomKey, ...] = ()) -> None:
        await self.hearing.commit(Batch(since="s1", next_batch=token, rooms=parts, keys=keys))

    async def position(self) -> str | None:
        found = await self.branch.store.read(lambda unit: sync.checkpoint(unit, ME))
        return found[0] if found else None


@pytest.fixture
def ears(branch: SmallBranch) -> Ears:
    return Ears(branch)


def room(*timeline: Any, id: RoomId = EAST_ROOM, **more: Any) -> RoomBatch:
    return RoomBatch(room_id=id, membership="join", timeline=timeline, **more)


def member(user: UserId, membership: str = "join", *, sender: UserId | None = None, **more: Any) -> Event:
    return event(sender or user, "m.room.member", {"membership": membership}, state_key=user, **more)


async def test_answers_and_the_new_position_are_kept_together(ears: Ears) -> None:
    id = await ears.branch.open(ROLL)
    assert not ears.hearing.caught_up
    await ears.hear(room(message(account(ZHANG), "签到"), message(account(LI), "我到了")))
    assert await ears.branch.state(id, ZHANG) is State.DONE
    assert await ears.branch.state(id, LI) is State.OPEN
    assert await ears.position() == "s2"
    assert ears.hearing.caught_up


async def test_a_batch_that_comes_again_has_no_second_effect(ears: Ears) -> None:
    """F51, N7."""
    await ears.branch.open(ROLL)
    parts = room(
        message(account(ZHANG), "签到"),
        message(account(LI), "请假 倒班"),
        Poison(room_id=EAST_ROOM, event_id="$p", sender=account(ZHANG), reason="too deep", raw=b"{}"),
        member(account(LI)),
        gap=Gap(from_token="a", to_token="b"),
    )
    await ears.hear(parts)
    before = await ears.branch.everything()
    await ears.hear(parts)
    await ears.hear(parts, parts)
    assert await ears.branch.everything() == before


async def test_while_nothing_can_be_written_nothing_is_heard(ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    """N1, F23."""
    id = await ears.branch.open(ROLL)
    batch = room(message(account(ZHANG), "签到"))

    async def full(*_all: object, **_more: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(ears.branch.store, "settle", full)
    with pytest.raises(OSError, match="disk full"):
        await ears.hear(batch)
    monkeypatch.undo()
    assert await ears.position() is None
    assert not ears.hearing.caught_up
    await ears.hear(batch)
    assert await ears.branch.state(id, ZHANG) is State.DONE


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (NOON + 119 * MINUTE, State.DONE),
        (NOON + 121 * MINUTE, State.LATE),
        (datetime.fromisoformat("1970-01-01T00:00:00+00:00"), State.DONE),
        (datetime.fromisoformat("2100-01-01T00:00:00+00:00"), State.LATE),
    ],
)
async def test_what_was_said_while_the_bot_was_away_counts_as_of_then(
    ears: Ears, clock: HandClock, said: datetime, state: State
) -> None:
    """F21, F43, X14."""
    id = await ears.branch.open(ROLL)
    await ears.branch.send_all()
    card = await ears.branch.card_event(id)
    await ears.hear(token="s1")
    clock.forward(hours=5)  # away, and the window closes meanwhile
    await ears.hear(room(message(account(ZHANG), "到", reply=card, sent_at=said)))
    await ears.branch.let_close(id)
    assert await ears.branch.state(id, ZHANG) is state
    assert await ears.branch.state(id, LI) is State.UNANSWERED


async def test_leave_asked_for_while_the_bot_was_away_is_recorded_too(ears: Ears, clock: HandClock) -> None:
    id = await ears.branch.open(ROLL)
    await ears.hear(token="s1")
    clock.forward(hours=5)
    await ears.hear(room(message(account(WANG), "请假 倒班", sent_at=NOON + MINUTE)))
    assert await ears.branch.state(id, WANG) is State.EXCUSED


async def test_before_the_first_position_nothing_is_dated_back(ears: Ears, clock: HandClock) -> None:
    id = await ears.branch.open(ROLL)
    await ears.branch.send_all()
    clock.forward(hours=5)
    await ears.branch.let_close(id)
    reply = await ears.branch.card_event(id)
    await ears.hear(room(message(account(ZHANG), "到", reply=reply, sent_at=NOON)))
    assert await ears.branch.state(id, ZHANG) is State.LATE


async def test_what_could_not_be_read_is_read_when_its_key_comes_and_counts_as_of_then(
    ears: Ears, clock: HandClock
) -> None:
    """F59."""
    id = await ears.branch.open(ROLL)
    await ears.branch.send_all()
    sealed = Unreadable(room_id=EAST_ROOM, event_id="$sealed", sender=account(ZHANG), session_id="k", sent_at=NOON)
    await ears.hear(room(sealed), token="s1")
    assert (await ears.branch.store.read(sync.troubles))["unreadable"] == 1
    clock.forward(hours=3)
    await ears.branch.let_close(id)
    await ears.hear(token="s2")
    reply = await ears.branch.card_event(id)
    ears.homeserver.readable["$sealed"] = message(
        account(ZHANG), "签到", reply=reply, event_id="$sealed", encrypted=True, sent_at=NOON
    )
    await ears.hear(keys=(RoomKey(room_id=EAST_ROOM, session_id="k"),), token="s3")
    assert await ears.branch.state(id, ZHANG) is State.DONE
    assert (await ears.branch.store.read(sync.troubles))["unreadable"] == 0


async def test_a_key_that_came_with_a_batch_whose_commit_failed_is_not_lost(
    ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await ears.branch.open(ROLL)
    await ears.branch.send_all()
    sealed = Unreadable(room_id=EAST_ROOM, event_id="$sealed", sender=account(ZHANG), session_id="k", sent_at=NOON)
    await ears.hear(room(sealed), token="s1")
    reply = await ears.branch.card_event(id)
    ears.homeserver.readable["$sealed"] = message(
        account(ZHANG), "签到", reply=reply, event_id="$sealed", encrypted=True, sent_at=NOON
    )
    ears.homeserver.keys.add((EAST_ROOM, "k"))

    async def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(ears.branch.store, "settle", full)
        with pytest.raises(OSError, match="no space"):
            await ears.hear(keys=(RoomKey(room_id=EAST_ROOM, session_id="k"),), token="s2")
    await ears.hear(token="s2")
    assert await ears.branch.state(id, ZHANG) is State.DONE


async def test_a_flood_is_settled_in_portions_and_its_last_answer_counts_with_the_position(
    ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F43."""
    id = await ears.branch.open()
    await ears.branch.send_all()
    sizes = []
    settle = ears.branch.store.settle

    async def counted(steps: Sequence[Step] = (), *, notes: Sequence[Fact] = ()) -> object:
        sizes.append(len(steps))
        return await settle(steps, notes=notes)

    monkeypatch.setattr(ears.branch.store, "settle", counted)
    talk = [message(account(ZHANG), "大家辛苦了") for _ in range(600)]
    help_ = [message(account(ZHANG), "帮助") for _ in range(PORTION + 20)]
    await ears.hear(room(*talk, *help_, message(account(ZHANG), "学完")), token="s9")
    # The last are the answer and the one flag of the guard against floods.
    assert sizes == [PORTION, 22]
    assert await ears.branch.state(id, ZHANG) is State.DONE
    assert await ears.position() == "s9"


async def test_c13_a_vote_that_cannot_be_read_is_named_and_counts_once_its_key_comes(
    ears: Ears, clock: HandClock
) -> None:
    id = PollId("poll")
    sheet = Sheet(question="几点", answers=number_answers(id, ("早", "晚")))
    poll = Poll(id=id, organisation=EAST, room=EAST_ROOM, sheet=sheet, event=EventId("$poll"))
    await ears.branch.store.settle(notes=[PollOpened(poll=poll, author=SECRETARY, at=NOON)])
    relation = {"rel_type": "m.reference", "event_id": "$poll"}
    sealed = Unreadable(
        room_id=EAST_ROOM, event_id="$sealed", sender=account(ZHANG), session_id="k", sent_at=NOON, refers_to="$poll"
    )
    await ears.hear(room(sealed), token="s1")
    end = event(ME, "m.poll.end", {"m.relates_to": relation}, sent_at=clock.forward(minutes=5))
    await ears.hear(room(end), token="s2")
    await ears.branch.store.settle([counting(id, whole=True)])

    async def result() -> tuple[int, int]:
        found = await ears.branch.store.read(lambda unit: polls.poll(unit, id))
        assert found is not None
        assert found.result is not None
        return found.result.unreadable, found.result.everyone.voters

    assert await result() == (1, 0)
    content = {"m.selections": [sheet.answers[0].id], "m.relates_to": relation}
    ears.homeserver.readable["$sealed"] = event(account(ZHANG), "m.poll.response", content, event_id="$sealed")
    clock.forward(minutes=5)
    await ears.hear(keys=(RoomKey(room_id=EAST_ROOM, session_id="k"),), token="s3")
    assert await result() == (0, 1)
    said = [row.words["key"] for row in await ears.branch.rows() if row.kind == Kind.RESULT]
    assert said == ["poll.result", "poll.corrected"]


async def test_poison_is_kept_with_its_reason_and_stops_nothing(ears: Ears) -> None:
    """I009, R14."""
    id = await ears.branch.open(ROLL)
    poison = Poison(room_id=EAST_ROOM, event_id="$p", sender=account(LI), reason="too deep", raw=b'{"x":1}')
    await ears.hear(room(poison, message(account(ZHANG), "签到")))
    (letter,) = await ears.branch.store.read(sync.buried)
    assert (letter.cause, letter.reason) == ("event:$p", "too deep")
    assert await ears.branch.state(id, ZHANG) is State.DONE


async def test_removed_from_a_room_the_bot_forgets_it_and_says_that_it_is_lost(ears: Ears) -> None:
    """N27, F56."""
    await ears.hear(RoomBatch(room_id=EAST_ROOM, membership="leave"))
    assert ears.homeserver.forgotten == [EAST_ROOM]
    assert EAST_ROOM not in {id for id, _ in await ears.branch.store.read(rooms.known)}
    await ears.hear(room(member(ME)), token="s3")
    assert EAST_ROOM in {id for id, _ in await ears.branch.store.read(rooms.known)}


async def test_an_event_on_which_the_understanding_breaks_is_a_letter_and_stops_nothing(
    ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R14: also what is not decided in a rule may break without stopping its batch."""
    id = await ears.branch.open(ROLL)
    bad = message(account(LI), "签到")
    real = hearing.understand

    def breaks(event: Event, *args: Any) -> Any:
        if event.event_id == bad.event_id:
            raise ZeroDivisionError
        return real(event, *args)

    monkeypatch.setattr(hearing, "understand", breaks)
    await ears.hear(room(bad, message(account(ZHANG), "签到")))
    assert await ears.branch.state(id, ZHANG) is State.DONE
    (letter,) = await ears.branch.store.read(sync.buried)
    assert letter.cause == f"event:{bad.event_id}"


async def test_a_room_that_was_replaced_is_not_written_to_any_more(ears: Ears) -> None:
    await ears.hear(room(event(ME, "m.room.tombstone", {"replacement_room": "!n:test"}, state_key="")))
    assert EAST_ROOM not in {id for id, _ in await ears.branch.store.read(rooms.known)}


async def test_a_room_that_was_ever_encrypted_stays_so(ears: Ears) -> None:
    """N42."""
    sealed = event(ME, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}, state_key="")
    opened = event(ME, "m.room.encryption", {}, state_key="")
    await ears.hear(room(sealed, opened))
    assert (EAST_ROOM, True) in await ears.branch.store.read(rooms.known)


async def test_those_who_lead_are_told_once_that_the_bot_is_out_of_their_room(ears: Ears) -> None:
    """N27, F56: a room that cannot be reached is told of, and nothing is sent there for ever."""
    out = RoomBatch(room_id=EAST_ROOM, membership="leave")
    for _ in range(2):
        await ears.hear(out)
    await ears.hear(RoomBatch(room_id="!elsewhere:test", membership="leave"), token="s3")
    assert await ears.branch.told() == [(SECRETARY, "rooms.bot_is_out")]


async def test_banned_from_a_room_the_bot_says_so_because_asking_it_back_is_not_enough(ears: Ears) -> None:
    """F56."""
    out = event(SECRETARY, "m.room.member", {"membership": "ban"}, state_key=ME)
    await ears.hear(RoomBatch(room_id=EAST_ROOM, membership="leave", timeline=(out,)))
    assert await ears.branch.told() == [(SECRETARY, "rooms.bot_is_banned")]
    kept = await ears.branch.store.read(lambda unit: rooms.rooms_of(unit, [EAST]))
    assert {room.id: lost for room, lost in kept}[EAST_ROOM] == "banned"
    await ears.hear(room(member(ME)), token="s3")
    assert EAST_ROOM in {id for id, _ in await ears.branch.store.read(rooms.known)}


async def test_those_who_lead_are_told_once_a_day_that_somebody_knocks_and_who_it_is_is_kept(ears: Ears) -> None:
    """N28: strangers who knock in numbers, or again and again, get no word with them into anybody's private room."""

    def knock(name: str, where: str = EAST_ROOM) -> Event:
        said = {"membership": "knock", "displayname": "书记", "reason": "放我进来"}
        return event(UserId(name), "m.room.member", said, state_key=name, room_id=where)

    await ears.hear(room(knock("@one:test"), knock("@two:test")))
    await ears.hear(room(knock("@three:test")), token="s3")
    await ears.hear(room(knock("@three:test", "!elsewhere:test"), id="!elsewhere:test"), token="s4")
    assert await ears.branch.told() == [(SECRETARY, "rooms.somebody_knocks")]
    kept = await ears.branch.store.read(lambda unit: rooms.state(unit, EAST_ROOM, "m.room.member", "@two:test"))
    assert kept is not None
    assert kept[1]["membership"] == "knock"
    ears.branch.clock.forward(days=1)
    await ears.hear(room(knock("@one:test")), token="s5")
    assert len(await ears.branch.told()) == 2


async def test_a_closed_private_room_is_forgotten(ears: Ears) -> None:
    await ears.hear(RoomBatch(room_id=private_room(ZHANG), membership="leave"))
    assert await ears.branch.store.read(lambda unit: rooms.direct_room(unit, account(ZHANG), ME)) is None


@pytest.mark.parametrize(
    ("who", "direct", "verdict"),
    [
        (account(ZHANG), True, "join"),
        (account(ZHANG), False, "join"),
        (STRANGER, True, "join"),
        (STRANGER, False, "decline"),
        (FOREIGNER, True, "decline"),
        (FOREIGNER, False, "decline"),
    ],
)
async def test_invitations_are_accepted_from_people_we_know(
    ears: Ears, who: UserId, direct: bool, verdict: str
) -> None:
    """I042."""
    content = {"membership": "invite", "is_direct": direct}
    invitation = event(who, "m.room.member", content, state_key=ME, room_id="!i:test", event_id="")
    part = RoomBatch(room_id="!i:test", membership="invite", state=(invitation,))
    await ears.hear(part)
    await ears.hear(part)
    assert [row.kind for row in await ears.branch.rows()] == [verdict]


def invitation(who: UserId, number: int, *, direct: bool) -> RoomBatch:
    content = {"membership": "invite", "is_direct": direct}
    id = RoomId(f"!i{number}:test")
    invited = event(who, "m.room.member", content, state_key=ME, room_id=id, event_id="")
    return RoomBatch(room_id=id, membership="invite", state=(invited,))


async def verdicts(ears: Ears, who: UserId, number: int, *, direct: bool) -> list[str]:
    before = len(await ears.branch.rows())
    for one in range(number):
        await ears.hear(invitation(who, before + one, direct=direct), token=f"t{before + one}")
    return [row.kind for row in (await ears.branch.rows())[before:]]


@pytest.mark.parametrize(("direct", "most"), [(True, MOST_PRIVATE), (False, MOST_ROOMS)])
async def test_nobody_makes_the_bot_join_without_end(ears: Ears, clock: HandClock, direct: bool, most: int) -> None:
    """I042, X26."""
    who = account(WANG)
    assert await verdicts(ears, who, most + 2, direct=direct) == ["join"] * most + ["decline"] * 2
    clock.forward(hours=25)
    assert await verdicts(ears, who, 1, direct=direct) == ["join"]


async def test_beside_a_private_room_that_works_no_second_is_opened_and_the_person_is_told_where(ears: Ears) -> None:
    await ears.hear(room(member(account(ZHANG)), member(ME), id=private_room(ZHANG)))
    assert await verdicts(ears, account(ZHANG), 1, direct=True) == ["decline", "tell"]
    assert await ears.branch.told() == [(account(ZHANG), "rooms.talk_here")]
    kept = await ears.branch.store.read(lambda unit: rooms.direct_room(unit, account(ZHANG), ME))
    assert kept == (private_room(ZHANG), False)
    await ears.hear(room(member(account(ZHANG), "leave"), id=private_room(ZHANG)), token="left")
    assert await verdicts(ears, account(ZHANG), 1, direct=True) == ["join"]


async def test_who_may_make_rooms_is_told_that_a_room_waits_to_be_taken_over(ears: Ears) -> None:
    assert await verdicts(ears, SECRETARY, 1, direct=False) == ["join", "tell"]
    assert await ears.branch.told() == [(SECRETARY, "rooms.claim_it")]
    assert await verdicts(ears, account(LI), 1, direct=False) == ["join"]


async def test_an_invitation_without_a_word_about_us_is_declined(ears: Ears) -> None:
    await ears.hear(RoomBatch(room_id="!i:test", membership="invite"))
    assert [row.kind for row in await ears.branch.rows()] == ["decline"]


async def test_the_longest_names_still_fit(ears: Ears) -> None:
    long = "!" + "r" * 254
    await ears.hear(RoomBatch(room_id=long, membership="invite"), token="s" * 1000)
    causes = await ears.branch.store.read(lambda unit: unit.rows(audit.causes.select()))
    assert max(len(row.cause) for row in causes) <= 300


async def test_one_answer_that_breaks_a_rule_does_not_stop_the_batch(
    ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await ears.branch.open(ROLL)
    real = Hearing.steps

    def with_a_broken_one(self: Hearing, *args: Any) -> Any:
        steps = real(self, *args)

        async def broken(_unit: object) -> None:
            raise ZeroDivisionError

        return [type(steps[0])(cause=steps[0].cause, decide=broken), *steps[1:]]

    monkeypatch.setattr(Hearing, "steps", with_a_broken_one)
    await ears.hear(room(message(account(ZHANG), "签到"), message(account(LI), "签到")))
    assert await ears.branch.state(id, ZHANG) is State.OPEN
    assert await ears.branch.state(id, LI) is State.DONE
    assert (await ears.branch.store.read(sync.troubles))["dead_letters"] == 1
    assert await ears.position() == "s2"


async def test_a_tap_on_a_card_counts_although_the_bot_died_before_it_knew_that_the_card_had_arrived(
    ears: Ears,
) -> None:
    """F03: between the homeserver's yes and our mark, members answer already."""
    id = await ears.branch.open(ROLL)
    card, _ = await ears.branch.claim()
    shown = event(ME, "m.room.message", {"msgtype": "m.notice", "body": "主题党日", MARK: card.id})
    await ears.hear(room(shown, reaction(account(ZHANG), shown.event_id, "✅")))
    assert await ears.branch.state(id, ZHANG) is State.DONE
    await ears.branch.mark_sent(card)
    (row,) = await ears.branch.rows(outbox.outbox.c.id == card.id)
    assert row.state == outbox.State.SENT


async def test_a_mark_that_somebody_else_has_copied_says_nothing(ears: Ears) -> None:
    id = await ears.branch.open(ROLL)
    card, _ = await ears.branch.claim()
    shown = message(account(WANG), "主题党日")
    shown.content[MARK] = card.id
    await ears.hear(room(shown, reaction(account(ZHANG), shown.event_id, "✅")))
    assert await ears.branch.state(id, ZHANG) is State.OPEN


async def test_batches_out_of_order_and_a_position_that_goes_back_change_nothing_twice(ears: Ears) -> None:
    """F52: who said what is kept by the event, so that it does not matter in which order and how often it comes."""
    id = await ears.branch.open(ROLL)
    first = room(message(account(ZHANG), "签到"), message(account(LI), "请假 倒班"))
    second = room(message(account(WANG), "签到"), member(account(LI)))
    await ears.hear(second, token="s3")
    await ears.hear(first, token="s2")
    before = await ears.branch.size()
    for parts, token in ((second, "s3"), (first, "s1"), (second, "s3")):
        await ears.hear(parts, token=token)
    assert await ears.position() == "s3"
    assert await ears.branch.size() == before
    states = [await ears.branch.state(id, one) for one in (ZHANG, LI, WANG)]
    assert states == [State.DONE, State.EXCUSED, State.DONE]


@pytest.mark.parametrize("said", [NOON - timedelta(days=30), NOON + MINUTE])
async def test_an_event_that_comes_after_the_close_and_says_that_it_is_older_does_not_count_as_punctual(
    ears: Ears, said: datetime
) -> None:
    """F54: an old event in the timeline, as of another server that was away, counts from when we could have heard it.

    It is recorded as late and answered, so that who leads sees it and can put it right by hand.
    """
    id = await ears.branch.open(ROLL)
    await ears.branch.send_all()
    card = await ears.branch.card_event(id)
    await ears.hear(room())
    ears.branch.clock.forward(hours=3)
    await ears.branch.let_close(id)
    await ears.hear(room(), token="s3")
    ears.branch.clock.forward(seconds=30)
    await ears.hear(room(message(account(ZHANG), "到", reply=card, sent_at=said)), token="s4")
    assert await ears.branch.state(id, ZHANG) is State.LATE
    assert account(ZHANG) in {user for user, _ in await ears.branch.told()}


@pytest.mark.parametrize("membership", ["leave", "ban"])
async def test_who_is_out_of_the_room_by_now_is_refused_what_they_want_there(ears: Ears, membership: str) -> None:
    """I020: heard in one batch with the removal, as after an absence; what they answered before still counts."""
    id = await ears.branch.open(ROLL)
    asked = message(SECRETARY, "投票 几点开会; 早上; 晚上", mention=True)
    out = event(ME, "m.room.member", {"membership": membership}, state_key=SECRETARY)
    gone = event(ME, "m.room.member", {"membership": membership}, state_key=account(ZHANG))
    await ears.hear(room(message(account(ZHANG), "签到"), asked, out, gone))
    assert await ears.branch.store.read(lambda unit: unit.rows(polls.polls.select())) == []
    assert (SECRETARY, "help.not_in_the_room") in await ears.branch.told()
    assert await ears.branch.state(id, ZHANG) is State.DONE
    await ears.hear(room(member(SECRETARY), message(SECRETARY, "投票 几点开会; 早上; 晚上", mention=True)), token="s3")
    assert len(await ears.branch.store.read(lambda unit: unit.rows(polls.polls.select()))) == 1


async def test_who_was_taken_off_the_roster_since_gets_nothing(ears: Ears) -> None:
    """I020: what somebody is, is read when they are heard."""
    id = await ears.branch.open(ROLL)
    await ears.branch.store.settle(notes=[MemberLeft(member=WANG, at=ears.branch.clock.now)])
    before = await ears.branch.size()
    await ears.hear(room(message(account(WANG), "签到")))
    assert (await ears.branch.size())["answers"] == before["answers"]
    assert await ears.branch.state(id, WANG) is not State.DONE


async def test_join_rules_that_let_others_in_are_kept_whole_and_make_no_room_private(ears: Ears) -> None:
    """N26: the raw state is kept, with whom ``restricted`` lets in; policy lists of moderators are nobody's state."""
    stranger, there = UserId("@newcomer:test"), RoomId("!open:test")
    rule = {"join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": "!big:test"}]}
    state = (
        event(stranger, "m.room.create", {"room_version": "12"}, state_key="", room_id=there),
        event(stranger, "m.room.join_rules", rule, state_key="", room_id=there),
        event(stranger, "m.policy.rule.user", {"entity": "@*:test"}, state_key="all", room_id=there),
        *(member(one, room_id=there) for one in (stranger, ME)),
    )
    await ears.hear(room(message(stranger, "帮助", room_id=there), id=there, state=state))
    kept = await ears.branch.store.read(lambda unit: rooms.state(unit, there, "m.room.join_rules"))
    assert kept == (stranger, rule)
    assert await ears.branch.store.read(lambda unit: rooms.state(unit, there, "m.policy.rule.user", "all")) is None
    assert not await ears.branch.store.read(lambda unit: rooms.may_be_private(unit, there, stranger, ME))
    assert await ears.branch.told() == []
