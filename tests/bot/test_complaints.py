"""A complaint is taken up in its room, and what its reporter left there goes; nothing of them reaches the reported."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nacl import bindings as sodium

from bot import complaints as taking_up
from bot.complaints import take_up_again
from bot.delivery import MODERATION, Delivery
from bot.matrix.events import Unreadable
from bot.matrix.faults import Kind
from bot.server_reports import ServerReports
from content import complaints as complaint_rules
from content.cases import CaseOpened, ask_for_message, open_case
from content.complaint_contexts import Outcome, ask_context
from content.complaints import State, decide
from content.decision import Decision, Refusal
from content.disclosures import compose
from content.identifiers import ContextId, EventId, RoomId, UserId
from content.server_reports import AT_FIRST, ServerReport
from content.speech import Reader
from storage import complaint_contexts, complaints, holdings, outbox, server_reports
from storage.audit import audit
from storage.complaints import complaint_voices
from storage.store import Step
from storage.unit import Reading
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    ME,
    NOON,
    SECRETARY,
    WANG,
    ZHANG,
    SmallBranch,
    account,
    event,
    fresh_cause,
    message,
    reaction,
)
from zhibu.catalogue import load_speech

WHO, REPORTER, SAID = account(ZHANG), account(LI), EventId("$said:test")


class Scene:
    """The east branch's room, in which somebody said something."""

    def __init__(self, branch: SmallBranch) -> None:
        self.branch = branch
        self.homeserver = FakeHomeserver(branch.clock)
        self.homeserver.readable[SAID] = message(WHO, "难听的话", event_id=SAID)

    @property
    def delivery(self) -> Delivery:
        """Return a delivery with nothing in memory, as after a restart."""
        return Delivery(self.branch.store, self.homeserver, load_speech())  # type: ignore[arg-type]

    async def work(self) -> None:
        """Carry out what waits, as after a restart."""
        await self.branch.store.take_up(self.homeserver.device_id)
        await self.delivery.work_off(MODERATION, patience=3)

    async def told(self, user: UserId) -> list[str]:
        return [key for who, key in await self.branch.told() if who == user]

    async def voices(self) -> list[Any]:
        rows = await self.branch.store.read(lambda unit: unit.rows(complaint_voices.select().order_by("at", "id")))
        return list(rows)

    async def whole(self) -> list[Any]:
        return list(await self.branch.store.read(lambda unit: unit.rows(complaints.complaints.select())))


@pytest.fixture
def room(branch: SmallBranch) -> Scene:
    return Scene(branch)


async def test_a_flag_goes_from_the_room_and_the_author_is_read_there(room: Scene) -> None:
    flagged = reaction(REPORTER, SAID, "🚩")
    await room.branch.hear(flagged)
    await room.work()
    assert room.homeserver.redacted == [flagged.event_id]
    assert [row.user_id for row in await room.whole()] == [WHO]
    assert await room.told(SECRETARY) == ["complaint.waits"]
    assert await room.told(WHO) == []
    assert await room.branch.rows(outbox.outbox.c.kind != outbox.Kind.TELL) == []


async def test_a_reply_and_a_flag_on_the_same_message_both_go(room: Scene) -> None:
    reply, flagged = message(REPORTER, "举报", reply=SAID), reaction(REPORTER, SAID, "🚩")
    await room.branch.hear(reply, flagged)
    await room.work()
    assert {*room.homeserver.redacted} == {reply.event_id, flagged.event_id}


async def test_where_the_bot_may_not_remove_it_the_complaint_is_taken_up_all_the_same(room: Scene) -> None:
    await room.branch.hear(message(REPORTER, "举报", reply=SAID))
    room.homeserver.fail(Kind.REFUSED, status=403, errcode="M_FORBIDDEN", permanent=True)
    await room.work()
    assert [row.user_id for row in await room.whole()] == [WHO]


@pytest.mark.parametrize(("author", "key"), [(ME, "about_bot"), (REPORTER, "about_oneself"), (None, "lost")])
async def test_what_is_no_complaint_is_let_go_and_said(room: Scene, author: UserId | None, key: str) -> None:
    room.homeserver.readable = {SAID: message(author, "x", event_id=SAID)} if author is not None else {}
    await room.branch.hear(reaction(REPORTER, SAID, "🚩"))
    await room.work()
    assert await room.whole() == []
    assert await room.told(REPORTER) == ["complaint.taken", f"complaint.{key}"]


async def test_what_could_not_be_read_at_first_is_taken_when_it_is_said_again(room: Scene) -> None:
    there, room.homeserver.readable = room.homeserver.readable, {}
    await room.branch.hear(reaction(REPORTER, SAID, "🚩"))
    await room.work()
    assert await room.told(REPORTER) == ["complaint.taken", "complaint.lost"]
    room.homeserver.readable = there
    await room.branch.hear(reaction(REPORTER, SAID, "🚩"))
    await room.work()
    assert [row.user_id for row in await room.whole()] == [WHO]
    assert await room.told(SECRETARY) == ["complaint.waits"]


@pytest.mark.parametrize("flagged", [SAID, EventId("$advert:test")])
async def test_a_guards_flag_keeps_no_complaint_from_those_who_moderate(room: Scene, flagged: EventId) -> None:
    """The first of what people say is told to them, also of the message that was flagged; and once."""
    fact = complaint_rules.flag(EAST, EAST_ROOM, flagged, about=WHO, rule="words", now=NOON)
    await room.branch.store.settle(notes=[fact])
    await room.branch.hear(reaction(REPORTER, SAID, "🚩"), reaction(account(WANG), SAID, "🚩"))
    await room.work()
    assert len(await room.whole()) == 1
    assert await room.told(SECRETARY) == ["complaint.waits"]


async def test_who_complains_about_their_own_message_learns_nothing_of_others_who_did(room: Scene) -> None:
    await room.branch.hear(reaction(REPORTER, SAID, "🚩"))
    await room.work()
    await room.branch.hear(reaction(WHO, SAID, "🚩"))
    await room.work()
    assert await room.told(WHO) == ["complaint.taken", "complaint.about_oneself"]
    assert [row.reporter for row in await room.voices()] == [REPORTER]


async def test_power_lost_after_the_trace_was_removed_neither_loses_nor_doubles_anything(
    room: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At ``complaint.trace_removed_before_kept``."""
    await room.branch.hear(reaction(REPORTER, SAID, "🚩"))

    def lose(_name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(taking_up, "crashpoint", lose)
    row = next(one for one in await room.delivery._take(16, MODERATION) if one.kind is outbox.Kind.TRACE)
    with pytest.raises(KeyboardInterrupt):
        await room.delivery.deliver(row)
    monkeypatch.undo()
    await room.work()
    assert len({*room.homeserver.redacted}) == 1
    assert [row.user_id for row in await room.whole()] == [WHO]
    assert await room.told(SECRETARY) == ["complaint.waits"]


async def test_what_could_not_be_read_is_tried_again_once_a_day(room: Scene) -> None:
    await room.branch.hear(reaction(REPORTER, SAID, "🚩"))
    await room.branch.send_all()
    assert [row.user_id for row in await room.whole()] == [None]
    for _ in range(2):
        await take_up_again(room.branch.store, "2026-07-02")
    await room.work()
    assert [row.user_id for row in await room.whole()] == [WHO]
    await take_up_again(room.branch.store, "2026-07-03")
    assert [row.kind for row in await room.branch.rows() if row.kind == "complaint"] == []


async def test_what_is_said_around_a_message_is_sealed_for_who_asked_and_gone_when_shown(room: Scene) -> None:
    await room.branch.hear(reaction(REPORTER, SAID, "🚩"))
    await room.work()
    sealed = Unreadable(room_id=EAST_ROOM, event_id="$e", sender=WHO, session_id="s", sent_at=NOON)
    removed = event(account(WANG), "m.room.message", {})
    standing = message(REPORTER, "@支部 举报 他骂人", reply=SAID)
    changed = message(REPORTER, "* 举报 他骂人")
    changed.content["m.new_content"] = {"msgtype": "m.text", "body": "举报 他骂人"}
    room.homeserver.surroundings[SAID] = (
        sealed,
        reaction(account(WANG), SAID, "👍"),
        message(WHO, "难听的话", event_id=SAID),
        removed,
        standing,
        changed,
        message(account(WANG), "别吵了"),
    )
    public, secret = sodium.crypto_box_keypair()
    (whole,), (voice,) = await room.whole(), await room.voices()
    asked = ask_context(
        ContextId("look"), whole.id, EAST, voice=voice.id, room=EAST_ROOM, public=public, now=room.branch.clock.now
    )

    async def ask(_unit: Reading) -> Decision:
        return asked

    await room.branch.store.settle([Step(cause=fresh_cause(), decide=ask, actor=SECRETARY)])
    await room.work()
    kept = await room.branch.store.read(lambda unit: complaint_contexts.asked(unit, ContextId("look")))
    assert kept is not None
    assert kept.outcome is Outcome.READ
    assert "难听的话" not in await room.branch.everything()
    lines = json.loads(sodium.crypto_box_seal_open(kept.sealed, kept.public, secret))
    assert [(line["part"], line["text"], line["meant"]) for line in lines] == [
        ("unreadable", "", False),
        ("text", "难听的话", True),
        ("text", "别吵了", False),
    ]
    room.branch.clock.forward(minutes=6)
    assert await room.branch.store.read(lambda unit: complaint_contexts.asked(unit, ContextId("look"))) is None


async def test_nothing_that_the_reported_can_get_names_the_reporter(room: Scene) -> None:
    """The case with its evidence, the warning of the bot, the file of what is held, and the record's rows in it."""
    await room.branch.hear(reaction(REPORTER, SAID, "🚩"), message(account(WANG), "举报 王丽说的", reply=SAID))
    await room.work()
    (whole,) = await room.whole()

    async def case(unit: Reading) -> Decision | Refusal:
        opened = open_case(WHO, EAST, number=1, by=SECRETARY, cause=fresh_cause(), now=unit.now)
        assert not isinstance(opened, Refusal)
        kept, effect = ask_for_message(opened, EAST_ROOM, SAID, by=SECRETARY, now=unit.now)
        return Decision(facts=(CaseOpened(case=opened), kept), effects=(effect,))

    async def answer(unit: Reading) -> Decision | Refusal:
        one = await complaints.complaint(unit, whole.id, [EAST], reader=SECRETARY)
        assert one is not None
        whom = await complaints.reporters_of(unit, one.id)
        assert whom == (REPORTER, account(WANG))
        return decide(one, State.CASE, "已当面谈", reporters=whom, by=SECRETARY, now=unit.now)

    for rule in (case, answer):
        (outcome,) = await room.branch.store.settle([Step(cause=fresh_cause(), decide=rule, actor=SECRETARY)])
        assert isinstance(outcome.answer, Decision)
    await room.work()
    assert [key for key in await room.told(REPORTER) if "answer" in key] == ["complaint.answer_case"]
    speech = load_speech()
    held = await room.branch.store.read(lambda unit: holdings.collect(unit, WHO))
    file = compose(held, WHO, lambda said: speech.say(said, Reader()), now=room.branch.clock.now)
    assert "难听的话" in file
    for secret in (REPORTER, account(WANG), "王丽", "complaint", "举报人", "已当面谈"):
        assert secret not in file.replace('"complaints": []', "").replace('"complaint_voices": []', ""), secret
    # Of who complained the record holds nothing at all, and of no message by which they did.
    record = await room.branch.store.read(lambda unit: unit.rows(audit.select()))
    assert REPORTER not in repr([tuple(row) for row in record])
    mine = await room.branch.store.read(lambda unit: holdings.collect(unit, REPORTER))
    (section,) = [one for one in mine if one.name == "complaint_voices"]
    assert len(section.rows) == 1


def report(number: int, *, room_id: RoomId = EAST_ROOM, age: Any = None) -> ServerReport:
    return ServerReport(
        number=number,
        room=room_id,
        event=EventId(f"$said{number}:test"),
        about=WHO,
        reporter=REPORTER,
        reason="骂人，很难听",
        at=NOON - (age or AT_FIRST / 2),
    )


async def test_reports_of_clients_come_into_the_same_queue_once(room: Scene) -> None:
    reading = ServerReports(room.branch.store, room.homeserver, console="https://c")  # type: ignore[arg-type]
    room.homeserver.reports = [report(3, age=AT_FIRST * 2), report(4), report(5, room_id=RoomId("!other:test"))]
    for _ in range(2):
        await reading.read()
    assert [row.event_id for row in await room.voices()] == ["$said4:test"]
    assert [row.reason for row in await room.voices()] == ["insult"]
    assert await room.told(SECRETARY) == ["complaint.waits"]
    assert await room.branch.store.read(lambda unit: server_reports.newest(unit, ME)) == 5
    room.homeserver.reports.append(report(6))
    await ServerReports(room.branch.store, room.homeserver, console="").read()  # type: ignore[arg-type]
    assert len(await room.voices()) == 2
    assert len(await room.whole()) == 1
    assert reading.may_read


async def test_a_login_that_may_not_read_reports_says_so_and_does_nothing(room: Scene) -> None:
    reading = ServerReports(room.branch.store, room.homeserver, console="")  # type: ignore[arg-type]
    room.homeserver.reports = None
    await reading.read()
    assert reading.may_read is False
    assert await room.branch.store.read(lambda unit: server_reports.newest(unit, ME)) is None
