"""Polls in a room from the question to the result: asked in words or in a client, answered either way, ended once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.clock import Clock
from bot.commands.amounts import vote_numbers
from bot.commands.grammar import read
from bot.commands.vocabulary import Verb
from bot.delivery import Delivery
from bot.hearing import Hearing
from bot.matrix.crypto import MARK
from bot.matrix.events import Event
from bot.polls import Counting
from content.burden import Cap, Meter
from content.identifiers import PollId, RoomId, UserId
from content.polls import Count, Poll, State, count
from content.settings import QUIET_HOURS, SettingChosen
from storage import burden, organisations
from storage import polls as stored
from storage.polls import polls
from storage.unit import Reading
from tests.fake_homeserver import Accepted, FakeHomeserver
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    ME,
    ROOF,
    SECRETARY,
    WANG,
    WEST_ROOM,
    ZHANG,
    ZHAO,
    SmallBranch,
    account,
    event,
    message,
    powers,
    private_room,
    reaction,
    redaction,
)
from tests.small_branch import edit as edit_message
from zhibu.catalogue import load_speech

SPEECH = load_speech()
START, RESPONSE, END = (f"org.matrix.msc3381.poll.{name}" for name in ("start", "response", "end"))
STRANGER = UserId("@stranger:test")
QUESTION = "投票 主题党日定在哪天？; 24日（周五）; 25日; 31日; 截止 18:00"


class Asked:
    """The small branch with delivery, clock and a homeserver in memory, whose echo comes back."""

    def __init__(self, branch: SmallBranch) -> None:
        self.branch = branch
        self.homeserver = FakeHomeserver(branch.clock)
        self.delivery = Delivery(branch.store, self.homeserver, SPEECH, encrypted=False)  # type: ignore[arg-type]
        self.clock = Clock(branch.store, caught_up=lambda: True, hearing_state=lambda: "listening")
        hearing = Hearing(branch.store, self.homeserver, branch.settings)  # type: ignore[arg-type]
        self.counting = Counting(branch.store, self.homeserver, hearing)  # type: ignore[arg-type]
        self._heard = 0

    async def deliver(self, *, echo: bool = True) -> None:
        """Send everything, hear in the room what was sent there, and count, until nothing more follows."""
        await self.counting.count()
        while rows := await self.delivery._take(16):
            for row in rows:
                await self.delivery.deliver(row)
            if echo:
                await self.echo()
            await self.counting.count()

    async def echo(self) -> None:
        """Hear what the bot itself sent to the room."""
        sent = self.room()
        for one in sent[self._heard :]:
            await self.branch.hear(event(ME, one.type, dict(one.content), event_id=one.event_id, sent_at=one.at))
        self._heard = len(sent)

    def room(self) -> list[Accepted]:
        """Return what the bot sent to the room of the eastern branch."""
        return self.homeserver.rooms.get(EAST_ROOM, [])

    def said(self) -> list[str]:
        """Return what the room was told in words, without the pictures of it."""
        return [one.content["body"] for one in self.sent("m.room.message") if one.content["msgtype"] == "m.notice"]

    def sent(self, type: str) -> list[Accepted]:
        """Return what of one type the bot sent there."""
        return [one for one in self.room() if one.type == type]

    async def ask(self, text: str = QUESTION, sender: UserId = SECRETARY, **where: Any) -> Poll:
        """Start a poll in words."""
        await self.branch.hear(message(sender, text, **where))
        await self.deliver()
        return await self.poll()

    async def poll(self) -> Poll:
        """Return the newest poll."""
        query = select(polls.c.id).order_by(polls.c.opened_at.desc(), polls.c.id)
        id = PollId(await self.branch.store.read(lambda unit: unit.value(query)))
        found = await self.branch.store.read(lambda unit: stored.poll(unit, id))
        assert found is not None
        return found

    async def respond(self, sender: UserId, *places: int, minute: float = 1, **more: Any) -> str:
        """Answer the poll natively with the answers at these places; return the event."""
        poll = await self.poll()
        chosen = [poll.sheet.answers[place - 1].id for place in places]
        heard = response(sender, poll, chosen, sent_at=self.branch.clock.now + timedelta(minutes=minute), **more)
        await self.branch.hear(heard)
        return heard.event_id

    async def close(self) -> None:
        """Let the deadline pass and the end come back from the room."""
        self.branch.clock.forward(hours=6, seconds=1)
        await self.clock.tick()
        await self.deliver()

    async def count(self) -> Count:
        """Count as of now."""
        poll = await self.poll()
        return count(poll, await self.branch.store.read(lambda unit: stored.box(unit, poll)))

    async def votes(self) -> list[int]:
        """Return the votes of everyone, answer by answer."""
        poll, counted = await self.poll(), await self.count()
        return [counted.everyone.votes[answer.id] for answer in poll.sheet.answers]


@pytest.fixture
def asked(branch: SmallBranch) -> Asked:
    return Asked(branch)


def response(sender: UserId, poll: Poll, chosen: object, **more: Any) -> Event:
    """Make an unstable response."""
    content = {RESPONSE: {"answers": chosen}, "m.relates_to": {"rel_type": "m.reference", "event_id": poll.event}}
    return event(sender, RESPONSE, content, **more)


def native(question: str = "去哪里", *answers: str, **asked: Any) -> dict[str, Any]:
    """Make the content of a start event as a client sends it."""
    texts = answers or ("东", "西")
    written = [{"id": f"id{place}", "org.matrix.msc1767.text": text} for place, text in enumerate(texts, start=1)]
    kind = "org.matrix.msc3381.poll.disclosed"
    return {START: {"kind": kind, "question": {"org.matrix.msc1767.text": question}, "answers": written, **asked}}


async def test_who_may_schedule_asks_the_room_with_a_native_poll(asked: Asked) -> None:
    poll = await asked.ask()
    (start,) = asked.sent(START)
    content = start.content[START]
    assert content["kind"] == "org.matrix.msc3381.poll.disclosed"
    assert content["max_selections"] == 1
    assert content["question"] == {"org.matrix.msc1767.text": "主题党日定在哪天？（7月1日（周三）18:00截止）"}
    assert [one["org.matrix.msc1767.text"] for one in content["answers"]] == ["24日（周五）", "25日", "31日"]
    assert start.content["org.matrix.msc1767.text"].startswith(
        "【公开投票】主题党日定在哪天？\n1. 24日（周五）\n2. 25日"
    )
    assert "大家看得到选择" in start.content["org.matrix.msc1767.text"]
    assert start.content[MARK]
    assert (poll.event, poll.state) == (start.event_id, State.OPEN)
    assert poll.closes_at == datetime(2026, 7, 1, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize("said", ["投票：周五 去哪里；东；西", "投票 周五 去哪里；东；西", "投票: 周五 去哪里; 东; 西"])
async def test_the_question_is_whole_whatever_stands_before_it(asked: Asked, said: str) -> None:
    assert (await asked.ask(said)).sheet.question == "周五 去哪里"


async def test_several_choices_and_hidden_numbers_are_asked_for_in_words(asked: Asked) -> None:
    poll = await asked.ask("投票 去哪里；东；西；南；多选 2；截止前不显示结果；截止 明天 9点半")
    assert (poll.sheet.most, poll.sheet.disclosed) == (2, False)
    assert asked.sent(START)[0].content[START]["kind"] == "org.matrix.msc3381.poll.undisclosed"
    assert poll.closes_at == datetime(2026, 7, 2, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("sender", [account(ZHANG), STRANGER])
async def test_who_may_not_is_told_in_private_and_nothing_is_asked(
    branch: SmallBranch, asked: Asked, sender: UserId
) -> None:
    await branch.hear(message(sender, QUESTION))
    assert await branch.told() == [(sender, "poll.no_right")]
    assert (await branch.size())["polls"] == 0


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("投票 题目; A; B; 截止 25:00", "poll.bad_time"),
        ("投票 题目; A; B; 截止 随便", "poll.bad_time"),
        ("投票 题目; A; B; 截止 11:00", "poll.too_soon"),
        ("投票 题目; A; 截止 18:00", "poll.bad_number_of_answers"),
        ("投票 题目; A; a", "poll.repeated_answer"),
        ("投票 匿名投票; A; B", "poll.not_secret"),
    ],
)
async def test_what_cannot_be_meant_is_refused_in_private(branch: SmallBranch, text: str, key: str) -> None:
    await branch.hear(message(SECRETARY, text))
    assert await branch.told() == [(SECRETARY, key)]
    assert (await branch.size())["polls"] == 0


async def test_with_several_rooms_to_choose_from_one_asks_where_the_poll_is_to_be(branch: SmallBranch) -> None:
    await branch.hear(message(SECRETARY, QUESTION, room_id=RoomId("!with-secretary:test")))
    assert await branch.told() == [(SECRETARY, "poll.say_it_there")]


async def test_a_question_heard_twice_is_asked_once(branch: SmallBranch, asked: Asked) -> None:
    said = message(SECRETARY, QUESTION)
    await branch.hear(said, said)
    await asked.deliver()
    assert len(asked.sent(START)) == 1


async def test_native_responses_are_counted_and_changed(asked: Asked) -> None:
    await asked.ask()
    await asked.respond(account(ZHANG), 1)
    await asked.respond(account(LI), 2)
    assert await asked.votes() == [1, 1, 0]
    await asked.respond(account(ZHANG), 3, minute=2)
    assert await asked.votes() == [0, 1, 1]
    await asked.respond(account(LI), minute=2)
    assert await asked.votes() == [0, 0, 1]


async def test_a_native_vote_is_met_with_silence(branch: SmallBranch, asked: Asked) -> None:
    await asked.ask()
    await asked.respond(account(ZHANG), 1)
    assert await branch.told() == []


async def test_a_vote_that_comes_before_the_poll_is_known_to_be_sent_is_counted(
    branch: SmallBranch, asked: Asked
) -> None:
    await branch.hear(message(SECRETARY, QUESTION))
    (row,) = await branch.claim()
    poll = await asked.poll()
    assert poll.event is None
    # The homeserver has it; our own event and a vote come back in one batch, before the sending is recorded.
    await branch.hear(event(ME, START, {MARK: row.id}, event_id="$early"))
    await asked.respond(account(ZHANG), 1)
    assert await asked.votes() == [1, 0, 0]
    await branch.mark_sent(row)
    assert (await asked.poll()).event == "$early"


async def test_a_copied_mark_of_a_stranger_moves_nothing(branch: SmallBranch) -> None:
    """N38."""
    await branch.hear(message(SECRETARY, QUESTION))
    (row,) = await branch.claim()
    await branch.hear(event(STRANGER, START, {MARK: row.id, **native()}, event_id="$theirs"))
    query = select(polls.c.event_id)
    assert [one.event_id for one in await branch.store.read(lambda unit: unit.rows(query))] == [None]


async def test_stable_and_unstable_responses_mix(branch: SmallBranch, asked: Asked) -> None:
    poll = await asked.ask()
    relation = {"rel_type": "m.reference", "event_id": poll.event}
    stable = {"m.selections": [poll.sheet.answers[1].id], "m.relates_to": relation}
    await branch.hear(event(account(LI), "m.poll.response", stable))
    await asked.respond(account(ZHANG), 2)
    assert await asked.votes() == [0, 2, 0]


async def test_c2_a_response_from_another_room_does_not_count(asked: Asked) -> None:
    await asked.ask()
    await asked.respond(account(ZHANG), 1, room_id=WEST_ROOM)
    assert await asked.votes() == [0, 0, 0]


async def test_c4_an_invalid_last_vote_takes_the_earlier_one_away(branch: SmallBranch, asked: Asked) -> None:
    poll = await asked.ask()
    await asked.respond(account(ZHANG), 1)
    await branch.hear(response(account(ZHANG), poll, ["nonsense"], sent_at=branch.clock.now + timedelta(minutes=2)))
    assert await asked.votes() == [0, 0, 0]


async def test_c7_a_removed_vote_lets_the_one_before_stand_again(branch: SmallBranch, asked: Asked) -> None:
    await asked.ask()
    await asked.respond(account(ZHANG), 1)
    second = await asked.respond(account(ZHANG), 2, minute=2)
    await branch.hear(redaction(account(LI), second))
    assert await asked.votes() == [0, 1, 0], "by somebody else, of whom the room does not say that they may"
    await powers(branch, li=50)
    await branch.hear(redaction(account(LI), second))
    assert await asked.votes() == [1, 0, 0]
    assert (await asked.count()).struck == 1


async def test_c11_an_edited_response_is_no_response(branch: SmallBranch, asked: Asked) -> None:
    """I025."""
    poll = await asked.ask()
    vote = await asked.respond(account(ZHANG), 1)
    fresh = {RESPONSE: {"answers": [poll.sheet.answers[1].id]}}
    relation = {"rel_type": "m.replace", "event_id": vote}
    content = {**fresh, "m.new_content": fresh, "m.relates_to": relation}
    before = await branch.everything()
    await branch.hear(event(account(ZHANG), RESPONSE, content))
    assert await branch.everything() == before


@pytest.mark.parametrize("relation", [None, 7, [], {}, {"rel_type": "m.reference"}, {"event_id": "$poll"}])
async def test_a_malformed_response_leaves_no_trace(branch: SmallBranch, asked: Asked, relation: object) -> None:
    """I030."""
    await asked.ask()
    before = await branch.everything()
    for type in (RESPONSE, END, "m.poll.response", "m.poll.end"):
        await branch.hear(event(account(ZHANG), type, {"m.relates_to": relation, RESPONSE: 7, "m.selections": {}}))
    assert await branch.everything() == before


async def test_a_vote_of_a_session_that_is_not_the_senders_is_not_heard(asked: Asked) -> None:
    await asked.ask()
    await asked.respond(account(ZHANG), 1, foreign=True)
    assert await asked.votes() == [0, 0, 0]


async def test_the_same_place_in_a_session_votes_once(asked: Asked) -> None:
    """I027, X13."""
    await asked.ask()
    for _ in range(2):
        await asked.respond(STRANGER, 1, megolm=("session", 3), encrypted=True)
    assert len(await asked.branch.store.read(lambda unit: unit.rows(select(stored.poll_responses)))) == 1


SAID = [
    ("投票 2", [0, 1, 0]),
    ("投2", [0, 1, 0]),
    ("选 2", [0, 1, 0]),
    ("投二", [0, 1, 0]),
    ("投票 ２", [0, 1, 0]),
    ("投票 2号", [0, 1, 0]),
    ("vote 2", [0, 1, 0]),
    ("改票 2。", [0, 1, 0]),
]


@pytest.mark.parametrize(("text", "votes"), SAID)
async def test_said_in_the_room_it_is_a_vote_and_is_confirmed_in_private(
    branch: SmallBranch, asked: Asked, text: str, votes: list[int]
) -> None:
    await asked.ask()
    await branch.hear(message(account(ZHANG), text))
    assert await asked.votes() == votes
    assert await branch.told() == [(account(ZHANG), "poll.voted")]
    assert (await asked.count()).by_text == 1


@pytest.mark.parametrize("text", ["1 3", "1,3", "1、3", "１、３", "① ③", "一号 三号", "投１、3"])
async def test_a_reply_with_numbers_is_a_vote(branch: SmallBranch, asked: Asked, text: str) -> None:
    poll = await asked.ask(QUESTION + "; 多选 2")
    await branch.hear(message(account(ZHANG), text, reply=poll.event))
    assert await asked.votes() == [1, 0, 1]


async def test_in_private_bare_numbers_vote_while_one_poll_is_open(branch: SmallBranch, asked: Asked) -> None:
    here = {"room_id": private_room(ZHANG)}
    await branch.hear(message(account(ZHANG), "2", **here))
    await asked.ask()
    await branch.hear(message(account(ZHANG), "2", **here))
    assert await asked.votes() == [0, 1, 0]
    assert await branch.told() == [(account(ZHANG), "poll.voted")]


async def test_the_poll_is_shown_in_private_to_who_asks(branch: SmallBranch, asked: Asked) -> None:
    await branch.hear(message(account(ZHANG), "投票", room_id=private_room(ZHANG)))
    assert await branch.told() == [(account(ZHANG), "poll.nothing_open")]
    await asked.ask()
    await branch.hear(message(account(ZHANG), "投票", room_id=private_room(ZHANG)))
    await asked.deliver()
    assert "2. 25日" in asked.homeserver.texts(private_room(ZHANG))[-1]


async def test_bare_numbers_in_the_room_are_talk(branch: SmallBranch, asked: Asked) -> None:
    await asked.ask()
    before = await branch.everything()
    for text in ("1", "1 3", "一号", "都行", "13", "选谁都行", "投票了吗", "大家投票 2", "vote for me"):
        await branch.hear(message(account(ZHANG), text))
        assert await branch.everything() == before, text


async def test_without_an_open_poll_the_room_is_met_with_silence(branch: SmallBranch) -> None:
    before = await branch.everything()
    for text in ("投票", "投票 2", "弃权", "投1", "选 1", "都行", "vote", "abstain"):
        await branch.hear(message(account(ZHANG), text))
        assert await branch.everything() == before, text


@pytest.mark.parametrize(("text", "reply"), [("弃权", False), ("弃权", True), ("都行", True), ("abstain", False)])
async def test_abstaining_takes_part_without_a_choice(
    branch: SmallBranch, asked: Asked, text: str, reply: bool
) -> None:
    poll = await asked.ask()
    await branch.hear(message(account(ZHANG), text, reply=poll.event if reply else None))
    counted = await asked.count()
    assert (counted.members.voters, counted.members.abstained) == (0, 1)
    assert await branch.told() == [(account(ZHANG), "poll.abstained")]


@pytest.mark.parametrize(
    ("text", "key"), [("0", "poll.no_such_number"), ("9", "poll.no_such_number"), ("1 2", "poll.too_many")]
)
async def test_a_number_that_is_none_is_refused_and_the_earlier_vote_kept(
    branch: SmallBranch, asked: Asked, text: str, key: str
) -> None:
    """I028."""
    poll = await asked.ask()
    await branch.hear(message(account(ZHANG), "2", reply=poll.event), message(account(ZHANG), text, reply=poll.event))
    assert await asked.votes() == [0, 1, 0]
    assert (await branch.told())[-1] == (account(ZHANG), key)


async def test_a_member_of_another_branch_and_a_stranger_cannot_vote_in_words(
    branch: SmallBranch, asked: Asked
) -> None:
    """I022."""
    poll = await asked.ask()
    for sender in (account(ZHAO), STRANGER):
        await branch.hear(message(sender, "1", reply=poll.event))
    assert await asked.votes() == [0, 0, 0]
    assert await branch.told() == [(account(ZHAO), "poll.not_yours")]


async def test_of_two_open_polls_it_is_asked_in_private_which_is_meant(branch: SmallBranch, asked: Asked) -> None:
    first = await asked.ask()
    branch.clock.forward(minutes=1)
    await asked.ask("投票 去哪里; 东; 西")
    await branch.hear(message(account(ZHANG), "投票 2"))
    assert await branch.told() == [(account(ZHANG), "poll.which")]
    await branch.hear(message(account(ZHANG), "2", reply=first.event))
    assert (await branch.told())[-1] == (account(ZHANG), "poll.voted")


async def test_the_deadline_ends_the_poll_and_the_result_is_said_once(branch: SmallBranch, asked: Asked) -> None:
    poll = await asked.ask()
    await asked.respond(account(ZHANG), 1)
    await asked.respond(account(LI), 1)
    await branch.hear(message(account(WANG), "弃权"))
    await asked.close()
    for _ in range(3):
        await asked.clock.tick()
        await asked.deliver()
    (end,) = asked.sent(END)
    assert end.content[END] == {}
    assert end.content["m.relates_to"] == {"rel_type": "m.reference", "event_id": poll.event}
    assert "1. 24日（周五）：2 票" in end.content["org.matrix.msc1767.text"]
    assert [one.type for one in asked.room()] == [START, END, "m.room.message", "m.room.message"]
    (said,) = asked.said()
    assert said == (
        "【投票结果】主题党日定在哪天？\n1. 24日（周五）：2 票\n2. 25日：0 票\n3. 31日：0 票\n"
        "2 人投票，1 人弃权，名册共 3 人。\n其中 1 人是发文字或点数字表情投的，群里的投票框不显示这部分。"
    )
    assert (await asked.poll()).state is State.CLOSED


async def test_a_restart_between_end_and_result_says_nothing_twice(branch: SmallBranch, asked: Asked) -> None:
    await asked.ask()
    branch.clock.forward(hours=7)
    await asked.clock.tick()
    await asked.deliver(echo=False)
    again = Asked(branch)
    again.homeserver = asked.homeserver
    again.delivery = Delivery(branch.store, asked.homeserver, SPEECH, encrypted=False)  # type: ignore[arg-type]
    for _ in range(2):
        again._heard = 0
        await again.echo()
        await again.clock.tick()
        await again.deliver()
    assert [one.type for one in asked.room()] == [START, END, "m.room.message", "m.room.message"]


async def test_strangers_are_counted_beside_the_roster_and_never_silently(asked: Asked) -> None:
    await asked.ask()
    await asked.respond(account(ZHANG), 1)
    await asked.respond(STRANGER, 2)
    await asked.close()
    (said,) = asked.said()
    everyone, members = said.split("只算名册上的同志：")
    assert "2. 25日：1 票" in everyone
    assert "2. 25日：0 票" in members
    assert members.endswith("1 人投票，名册共 3 人。")


async def test_a_native_vote_after_the_end_is_told_in_private_and_not_counted(
    branch: SmallBranch, asked: Asked
) -> None:
    await asked.ask()
    await asked.close()
    await asked.respond(account(ZHANG), 1)
    await asked.respond(STRANGER, 1)
    assert await branch.told() == [(account(ZHANG), "poll.too_late")]
    assert await asked.votes() == [0, 0, 0]


async def test_a_vote_in_words_after_the_deadline_is_told_in_private(branch: SmallBranch, asked: Asked) -> None:
    poll = await asked.ask()
    await asked.close()
    await branch.hear(message(account(ZHANG), "1", reply=poll.event))
    assert (await branch.told())[-1] == (account(ZHANG), "poll.too_late")
    assert await asked.votes() == [0, 0, 0]


async def test_what_is_sent_between_deadline_and_end_counts_as_clients_count_it(
    branch: SmallBranch, asked: Asked
) -> None:
    await asked.ask()
    branch.clock.forward(hours=6)
    await asked.clock.tick()
    await asked.respond(account(ZHANG), 2, minute=0)
    await asked.deliver()
    assert "2. 25日：1 票" in asked.said()[-1]


async def test_c15_a_vote_that_comes_late_but_was_sent_in_time_corrects_the_result_openly(
    branch: SmallBranch, asked: Asked
) -> None:
    await asked.ask()
    await asked.close()
    await asked.respond(account(ZHANG), 1, minute=-30)
    await asked.deliver()
    first, second = asked.said()
    assert first.startswith("【投票结果】")
    assert second.startswith("【投票结果更正】")
    assert "1. 24日（周五）：1 票" in second


def end_of(sender: UserId, poll: Poll, at: datetime, **more: Any) -> Event:
    """Make an end event."""
    relation = {"rel_type": "m.reference", "event_id": poll.event}
    content = {END: {}, "m.relates_to": relation, "m.poll.results": {"id1": 99}}
    return event(sender, END, content, sent_at=at, **more)


async def test_c9_only_who_began_it_or_may_redact_others_can_end_it(branch: SmallBranch, asked: Asked) -> None:
    poll = await asked.ask()
    await powers(branch, li=50)
    await asked.respond(account(ZHANG), 1)
    at = branch.clock.forward(minutes=10)
    await branch.hear(end_of(account(ZHANG), poll, at))
    assert (await asked.poll()).state is State.OPEN
    await branch.hear(end_of(account(LI), poll, at))
    await asked.deliver()
    closed = await asked.poll()
    assert (closed.state, closed.ended_at) == (State.CLOSED, at)
    assert "24日（周五）：1 票" in asked.said()[-1]


async def test_a_room_whose_powers_are_not_known_lets_nobody_else_end_it(branch: SmallBranch, asked: Asked) -> None:
    poll = await asked.ask()
    await branch.hear(end_of(account(LI), poll, branch.clock.now))
    assert (await asked.poll()).state is State.OPEN


async def test_c10_results_that_an_end_event_claims_are_neither_believed_nor_kept(
    branch: SmallBranch, asked: Asked
) -> None:
    poll = await asked.ask()
    await powers(branch, li=50)
    await branch.hear(end_of(account(LI), poll, branch.clock.now))
    assert "99" not in str((await asked.poll()).result)


async def test_a_poll_that_an_organiser_begins_in_a_client_is_counted_too(branch: SmallBranch, asked: Asked) -> None:
    await branch.hear(event(SECRETARY, START, native(), event_id="$native"))
    poll = await asked.poll()
    assert (poll.starter, poll.event, poll.sheet.question) == (SECRETARY, "$native", "去哪里")
    await asked.respond(account(ZHANG), 2)
    await branch.hear(end_of(SECRETARY, poll, branch.clock.now + timedelta(minutes=5)))
    await asked.deliver()
    assert asked.sent(END) == []
    assert "2. 西：1 票" in asked.said()[-1]


async def test_a_poll_that_anyone_else_begins_leaves_no_trace(branch: SmallBranch) -> None:
    before = await branch.everything()
    for sender in (account(ZHANG), STRANGER):
        await branch.hear(event(sender, START, native()), event(sender, "m.poll.start", native()))
    await branch.hear(event(SECRETARY, START, {START: {"question": 7}}))
    await branch.hear(event(SECRETARY, START, native(), room_id=RoomId("!elsewhere:test")))
    assert await branch.everything() == before


def edit(sender: UserId, target: str, fresh: dict[str, Any]) -> Event:
    """Make an edit of a start event."""
    return event(sender, START, {"m.new_content": fresh, "m.relates_to": {"rel_type": "m.replace", "event_id": target}})


async def test_c11_who_began_it_may_reword_it_before_the_first_vote_only(branch: SmallBranch, asked: Asked) -> None:
    await branch.hear(event(SECRETARY, START, native(), event_id="$native"))
    await branch.hear(edit(account(ZHANG), "$native", native("别人改的")))
    assert (await asked.poll()).sheet.question == "去哪里"
    await branch.hear(edit(SECRETARY, "$native", native("改过", "南", "北")))
    assert (await asked.poll()).sheet.question == "改过"
    await asked.respond(account(ZHANG), 1)
    await branch.hear(edit(SECRETARY, "$native", native("又改", "上", "下")))
    poll = await asked.poll()
    assert ([answer.text for answer in poll.sheet.answers], poll.edited_late) == (["南", "北"], True)
    assert await asked.votes() == [1, 0]


async def test_a_poll_that_is_removed_from_its_room_is_not_counted(branch: SmallBranch, asked: Asked) -> None:
    poll = await asked.ask()
    await powers(branch, secretary=50, zhang=0)
    await powers(branch, WEST_ROOM, zhang=100)
    for who, room in ((account(ZHANG), EAST_ROOM), (account(ZHANG), WEST_ROOM), (SECRETARY, WEST_ROOM)):
        await branch.hear(redaction(who, poll.event or "", room_id=room))
        assert (await asked.poll()).state is State.OPEN
    await branch.hear(redaction(SECRETARY, poll.event or ""))
    assert (await asked.poll()).state is State.WITHDRAWN
    await asked.close()
    assert [one.type for one in asked.room()] == [START]


async def test_no_answer_of_anyone_is_said_in_the_room_or_written_into_the_record(
    branch: SmallBranch, asked: Asked
) -> None:
    poll = await asked.ask()
    await branch.hear(message(account(ZHANG), "2"), message(account(ZHANG), "2", reply=poll.event))
    await asked.close()
    assert not any("张明" in text or "@zhang" in text for text in asked.said())
    record = await branch.store.read(lambda unit: unit.rows(select(stored.metadata.tables["audit"])))
    assert not any(poll.sheet.answers[1].id in str(row) for row in record)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1", ("1",)),
        ("1 3", ("1", "3")),
        ("1,3", ("1", "3")),
        ("1和3", ("1", "3")),
        ("三号", ("3号",)),
        ("十", ("10",)),
        ("13", ("13",)),
        ("1号、2号", ("1号", "2号")),
        ("123", None),
        ("1a", None),
        ("", None),
        ("一下", None),
    ],
)
def test_numbers_are_read_in_number_positions_only(text: str, numbers: tuple[str, ...] | None) -> None:
    assert vote_numbers(text) == numbers


@pytest.mark.parametrize(
    "text", ["投票 去哪里", "投票 去哪里; 东", "投票率是多少", "选 谁", "投诉 1", "vote early", "选123"]
)
def test_talk_about_voting_is_no_command(text: str) -> None:
    said = read(text)
    assert said is None or said.verb is not Verb.VOTE


def keycap(number: int) -> str:
    """Return the reaction that clients offer for a number."""
    return "\U0001f51f" if number == 10 else f"{number}\ufe0f\u20e3"


async def tap(asked: Asked, sender: UserId, number: int, key: str | None = None) -> str:
    """React to the poll with a number; return the reaction's event."""
    poll = await asked.poll()
    assert poll.event is not None
    heard = reaction(sender, poll.event, key or keycap(number))
    await asked.branch.hear(heard)
    return heard.event_id


@pytest.mark.parametrize("key", ["2\ufe0f\u20e3", "2\u20e3"])
async def test_a_number_reaction_on_a_poll_is_a_vote_and_is_confirmed_quietly(asked: Asked, key: str) -> None:
    await asked.ask()
    await tap(asked, account(ZHANG), 2, key)
    assert list((await asked.count()).members.votes.values()) == [0, 1, 0]
    (row,) = [row for row in await asked.branch.rows() if row.words]
    assert (row.words["key"], row.quiet, row.user_id) == ("poll.tapped", True, account(ZHANG))


async def test_where_one_answer_is_allowed_the_later_number_wins_and_removing_it_undoes_it(asked: Asked) -> None:
    await asked.ask()
    await tap(asked, account(ZHANG), 1)
    later = await tap(asked, account(ZHANG), 3)
    assert list((await asked.count()).members.votes.values()) == [0, 0, 1]
    await asked.branch.hear(redaction(account(ZHANG), later))
    assert list((await asked.count()).members.votes.values()) == [1, 0, 0]


async def test_where_several_are_allowed_number_reactions_choose_together(asked: Asked) -> None:
    await asked.ask("投票 哪天; 周五; 周六; 周日; 多选 2")
    first = await tap(asked, account(ZHANG), 1)
    await tap(asked, account(ZHANG), 3)
    assert list((await asked.count()).members.votes.values()) == [1, 0, 1]
    await tap(asked, account(ZHANG), 2)
    assert (await asked.branch.told())[-1] == (account(ZHANG), "poll.too_many")
    await asked.branch.hear(redaction(account(ZHANG), first))
    assert list((await asked.count()).members.votes.values()) == [0, 0, 1]


async def test_a_vote_in_words_takes_the_place_of_number_reactions(asked: Asked) -> None:
    await asked.ask("投票 哪天; 周五; 周六; 周日; 多选 2")
    await tap(asked, account(ZHANG), 1)
    await asked.branch.hear(message(account(ZHANG), "投票 2"))
    assert sum((await asked.count()).members.votes.values()) == 1


async def test_numbers_that_are_no_answer_strangers_and_other_messages_are_no_votes(asked: Asked) -> None:
    await asked.ask()
    await tap(asked, account(ZHANG), 9)
    assert (await asked.branch.told())[-1] == (account(ZHANG), "poll.no_such_number")
    before = await asked.branch.everything()
    await tap(asked, STRANGER, 1)
    await tap(asked, account(ZHAO), 1)
    await tap(asked, account(ZHANG), 1, "1")
    await asked.branch.hear(reaction(account(ZHANG), "$somebody-else", keycap(1)))
    assert await asked.branch.everything() == before


@pytest.mark.parametrize(("text", "left"), [("取消", 0), ("撤回", 1)])
async def test_votes_in_words_are_taken_back_in_words(asked: Asked, text: str, left: int) -> None:
    await asked.ask()
    for number in (1, 2):
        await asked.branch.hear(
            message(account(ZHANG), f"投票 {number}", sent_at=asked.branch.clock.forward(seconds=1))
        )
    await asked.branch.hear(message(account(ZHANG), text, room_id=private_room(ZHANG)))
    assert list((await asked.count()).members.votes.values()) == [left, 0, 0]
    assert (await asked.branch.told())[-1] == (account(ZHANG), "poll.taken_back")


async def quiet(asked: Asked) -> None:
    """Let it be ten in the evening where nine is quiet."""
    chosen = SettingChosen(organisation=ROOF, name=QUIET_HOURS, value="21-8")
    await asked.branch.store.settle(notes=[chosen])
    asked.branch.clock.forward(hours=10)


NIGHTLY = "投票 明早去哪里集合; 东门; 西门; 截止 明天 18:00"


async def test_a_poll_asked_for_at_night_waits_and_the_same_with_a_reason_lets_it_go(asked: Asked) -> None:
    await quiet(asked)
    await asked.branch.hear(message(SECRETARY, NIGHTLY))
    assert await asked.branch.told() == [(SECRETARY, "poll.held")]
    await asked.deliver()
    held = await asked.poll()
    assert asked.sent(START) == []
    poll = await asked.ask(f"{NIGHTLY}; 马上发 全员停电检修")
    assert (poll.id, len(asked.sent(START))) == (held.id, 1)
    assert (await asked.branch.size())["polls"] == 1
    assert poll.opened_at == asked.branch.clock.now


async def test_a_poll_that_waits_comes_in_the_morning(asked: Asked) -> None:
    await quiet(asked)
    await asked.ask(NIGHTLY)
    asked.branch.clock.forward(hours=10)
    await asked.deliver()
    assert len(asked.sent(START)) == 1


async def test_at_once_needs_a_reason_and_says_so(asked: Asked) -> None:
    await quiet(asked)
    await asked.branch.hear(message(SECRETARY, f"{NIGHTLY}; 馬上發"))
    assert await asked.branch.told() == [(SECRETARY, "poll.why_now")]
    await asked.ask(f"{NIGHTLY}; send now: the gate is closed")
    assert len(asked.sent(START)) == 1


async def test_the_result_of_a_poll_that_ends_at_night_waits_for_the_morning(asked: Asked) -> None:
    await asked.ask("投票 题目; 甲; 乙; 截止 22:00")
    await quiet(asked)
    await asked.close()
    assert asked.said() == []
    # It counts already, as planned for the morning: nothing was said at night.
    today = asked.branch.clock.now.date()

    async def look(unit: Reading) -> Meter:
        nodes = [one for one in await organisations.tree(unit, [ROOF]) if one.id == EAST]
        return (await burden.meters(unit, nodes, since=today, until=today + timedelta(days=1)))[EAST]

    assert await asked.branch.store.read(look) == Meter(posts=1, planned=1, asks=1)
    asked.branch.clock.forward(hours=6)
    await asked.deliver()
    assert len(asked.said()) == 1


async def test_above_a_cap_a_poll_is_refused_with_the_next_free_day(asked: Asked) -> None:
    cap = SettingChosen(organisation=ROOF, name=Cap.DAY, value="1")
    await asked.branch.store.settle(notes=[cap])
    await asked.ask()
    await asked.branch.hear(message(SECRETARY, "投票 还有一个; A; B; 截止 18:00"))
    assert ("burden.again_posts_day") in [key for _, key in await asked.branch.told()]
    assert (await asked.branch.size())["polls"] == 1


async def test_at_once_asks_the_caps_too_and_a_poll_does_not_stand_in_its_own_way(asked: Asked) -> None:
    await quiet(asked)
    cap = SettingChosen(organisation=ROOF, name=Cap.DAY, value="1")
    await asked.branch.store.settle(notes=[cap])
    await asked.branch.hear(message(SECRETARY, NIGHTLY))
    await asked.ask("投票 马上要问; A; B; 截止 明天 12:00; 马上发 防汛")
    await asked.branch.hear(message(SECRETARY, f"{NIGHTLY}; 马上发 等不了"))
    assert "burden.again_posts_day" in [key for _, key in await asked.branch.told()]
    await asked.deliver()
    assert len(asked.sent(START)) == 1
    await asked.branch.store.settle(notes=[SettingChosen(organisation=ROOF, name=Cap.DAY, value="2")])
    await asked.ask(f"{NIGHTLY}; 马上发 等不了")
    assert len(asked.sent(START)) == 2


async def test_a_vote_in_words_stays_as_it_was_said_and_who_changes_its_message_is_told(asked: Asked) -> None:
    await asked.ask()
    branch, said = asked.branch, message(account(ZHANG), "1", room_id=private_room(ZHANG))
    await branch.hear(said, edit_message(account(ZHANG), said.event_id, "1号", room_id=private_room(ZHANG)))
    assert "poll.stands" not in [key for _, key in await branch.told()]
    before = await asked.votes()
    await branch.hear(edit_message(account(ZHANG), said.event_id, "2", room_id=private_room(ZHANG)))
    assert (await branch.told())[-1] == (account(ZHANG), "poll.stands")
    await branch.hear(redaction(account(ZHANG), said.event_id, room_id=private_room(ZHANG)))
    assert [key for _, key in await branch.told()].count("poll.stands") == 1
    assert await asked.votes() == before
