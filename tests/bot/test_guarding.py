"""Guards flag, hide and act in rooms by what places have set, once for an event, and never at who leads there."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest

from bot import locks
from bot.delivery import MODERATION, Delivery
from bot.guarding import said
from bot.hearing import Hearing
from bot.matrix.events import Batch, Event, RoomBatch
from bot.matrix.faults import Kind
from bot.sanctions import settle_due
from content.guarding import rehearse
from content.guards import GuardEntriesAdded, GuardSet, Level, Place, Sort, rules_of
from content.identifiers import EventId, UserId
from content.organisations import Duty, DutyGranted, Role
from content.sanctions import Appeal, State, Step
from storage import cases, complaints, guards, sanctions
from storage.guards import strikes
from storage.rooms import StateSeen
from storage.sync import dead_letters
from storage.unit import Reading
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    ME,
    NOON,
    ROOF,
    SECRETARY,
    WANG,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    event,
    message,
)
from zhibu.catalogue import load_speech

BAD = "兼职刷单，日结五百"
WHO = account(ZHANG)


class Room:
    """The east branch's room with the bot in it, and its guards."""

    def __init__(self, branch: SmallBranch) -> None:
        self.branch = branch
        self.homeserver = FakeHomeserver(branch.clock)
        self.hearing = Hearing(branch.store, self.homeserver, branch.settings)  # type: ignore[arg-type]
        self._batches = 1

    async def begin(self, *, levels: dict[str, Any] | None = None) -> None:
        """Let the room be there as the bot made it, with everybody in it."""
        self.homeserver._set(EAST_ROOM, "m.room.create", {"room_version": "12", "creator": ME})
        self.homeserver._set(EAST_ROOM, "m.room.power_levels", levels or {"users": {SECRETARY: 100}})
        for user in (ME, WHO, account(WANG), account(LI)):
            self.homeserver.take_place(EAST_ROOM, user)
        seen = [
            StateSeen(
                room=EAST_ROOM,
                type=one.type,
                state_key=one.state_key or "",
                sender=UserId(one.sender),
                event_id=EventId(one.event_id),
                content=one.content,
            )
            for one in self.homeserver.states[EAST_ROOM].values()
        ]
        await self.branch.store.settle(notes=seen)

    async def set(self, name: str, value: str, *, room: bool = False) -> None:
        """Set something about a guard, and let the bot know of it, as a minute later."""
        fact = GuardSet(organisation=EAST, room=EAST_ROOM if room else None, name=name, value=value)
        await self.branch.store.settle(notes=[fact])
        self.restart()

    def restart(self) -> None:
        """Forget everything that is in memory only."""
        self.hearing = Hearing(self.branch.store, self.homeserver, self.branch.settings)  # type: ignore[arg-type]

    async def hear(self, *events: Event) -> None:
        part = RoomBatch(room_id=EAST_ROOM, membership="join", timeline=events)
        self._batches += 1
        await self.hearing.commit(Batch(since="s1", next_batch=f"s{self._batches}", rooms=(part,)))

    async def work(self) -> None:
        """Carry out what waits."""
        await self.branch.store.take_up(self.homeserver.device_id)
        delivery = Delivery(self.branch.store, self.homeserver, load_speech())  # type: ignore[arg-type]
        await delivery.work_off(MODERATION, patience=3)

    async def struck(self) -> list[tuple[str, str]]:
        """Return which guards struck at what level, oldest first."""
        query = strikes.select().order_by(strikes.c.at, strikes.c.event_id)
        return [(row.guard, row.level) for row in await self.branch.store.read(lambda unit: unit.rows(query))]

    async def flags(self) -> list[tuple[str, str, str | None]]:
        """Return the flags that wait in the queue: (rule, origin, who is said to have reported it)."""
        query = complaints.complaint_voices.select().order_by(complaints.complaint_voices.c.reason)
        rows = await self.branch.store.read(lambda unit: unit.rows(query))
        return [(row.reason, row.origin, row.reporter) for row in rows]

    async def evidence(self) -> list[str | None]:
        """Return what is kept about the one who is struck, over all cases."""

        async def found(unit: Reading) -> list[str | None]:
            about = await cases.of_people(unit, [WHO])
            return [kept.text for one in about for kept in await cases.evidence_of(unit, one)]

        return await self.branch.store.read(found)

    async def measures(self, user: UserId = WHO) -> list[sanctions.Sanction]:
        return list(await self.branch.store.read(lambda unit: sanctions.history(unit, user, EAST)))


@pytest.fixture
async def room(branch: SmallBranch) -> Room:
    made = Room(branch)
    await made.begin()
    return made


def edit(sender: UserId, target: str, body: str) -> Event:
    content = {
        "msgtype": "m.text",
        "body": f"* {body}",
        "m.new_content": {"msgtype": "m.text", "body": body},
        "m.relates_to": {"rel_type": "m.replace", "event_id": target},
    }
    return event(sender, "m.room.message", content)


async def test_by_default_a_hit_is_flagged_in_the_queue_and_nothing_else_happens(room: Room) -> None:
    bad = message(WHO, BAD)
    await room.hear(message(WHO, "大家早"), bad)
    await room.work()
    assert await room.struck() == [("words", "flag")]
    assert await room.flags() == [("words", "guard", None)]
    assert room.homeserver.redacted == []
    assert await room.measures() == []
    assert await room.branch.told() == []
    assert BAD not in await room.branch.everything()


async def test_what_is_hidden_is_taken_out_of_the_room_kept_with_a_case_and_told_to_its_person(room: Room) -> None:
    await room.set("words", "hide")
    bad = message(WHO, BAD)
    await room.hear(bad)
    await room.work()
    assert room.homeserver.redacted == [bad.event_id]
    assert await room.branch.told() == [(WHO, "guards.told_hidden")]
    case = await room.branch.store.read(lambda unit: cases.latest(unit, WHO, EAST, NOON))
    assert case is not None
    assert case.opened_by == ME
    (kept,) = await room.branch.store.read(lambda unit: cases.evidence_of(unit, case.id))
    assert (kept.text, kept.sender, kept.event) == (BAD, WHO, bad.event_id)
    assert await room.measures() == []


async def test_of_a_message_that_cannot_be_hidden_moderators_hear_and_its_person_does_not(
    room: Room,
) -> None:
    await room.set("words", "hide")
    await room.hear(message(WHO, BAD), message(account(LI), BAD))
    assert await room.branch.told() == []
    room.homeserver.fail(Kind.REFUSED, status=403, errcode="M_FORBIDDEN", permanent=True, times=2)
    await room.work()
    assert await room.branch.told() == [(SECRETARY, "guards.told_not_hidden")]


async def test_an_act_is_a_measure_of_the_ladder_that_ends_by_itself_and_can_be_appealed(room: Room) -> None:
    await room.set("links", "act")
    await room.hear(message(WHO, "点这里 https://evil.xyz/"))
    await room.work()
    (mute,) = await room.measures()
    assert (mute.step, mute.by, mute.lasts, mute.state) == (Step.MUTE, ME, timedelta(minutes=10), State.ACTIVE)
    assert mute.appeal is Appeal.NONE
    levels = room.homeserver.states[EAST_ROOM]["m.room.power_levels", ""].content
    assert levels["users"][WHO] < 0
    assert (WHO, "sanction.told_mute_until") in await room.branch.told()
    assert (SECRETARY, "guards.told_acted") in await room.branch.told()
    reviewers = await room.branch.store.read(lambda unit: sanctions.reviewers(unit, mute))
    assert SECRETARY in reviewers
    room.branch.clock.forward(minutes=11)
    await settle_due(room.branch.store)
    await room.work()
    assert WHO not in room.homeserver.states[EAST_ROOM]["m.room.power_levels", ""].content["users"]


async def test_a_warning_is_what_words_bring_and_one_at_a_time(room: Room) -> None:
    await room.set("words", "act")
    await room.hear(message(WHO, BAD), message(WHO, "代开发票"))
    room.restart()
    await room.hear(message(WHO, "办证刻章"))
    assert [one.step for one in await room.measures()] == [Step.WARNING]
    assert len(await room.struck()) == 3


async def test_who_moderates_or_leads_and_the_bot_are_exempt_but_for_a_secret_document(room: Room) -> None:
    for name in ("words", "links", "secrets", "flood"):
        await room.set(name, "act")
    grant = DutyGranted(duty=Duty(user=account(LI), organisation=ROOF, role=Role.GROUP_LEADER))
    await room.branch.store.settle(notes=[grant])
    for user in (SECRETARY, account(LI)):
        await room.hear(*[message(user, f"{BAD} https://evil.xyz/{number}") for number in range(15)])
    await room.hear(message(ME, BAD))
    assert await room.struck() == []
    await room.hear(message(SECRETARY, "机密★10年"))
    assert await room.struck() == [("secrets", "flag")]
    assert await room.measures(SECRETARY) == []


async def test_an_edit_is_looked_at_and_only_the_edit_is_hidden(room: Room) -> None:
    await room.set("words", "hide")
    first = message(WHO, "大家早")
    changed = edit(WHO, first.event_id, BAD)
    await room.hear(first, changed)
    await room.work()
    assert room.homeserver.redacted == [changed.event_id]


async def test_a_reply_is_not_blamed_for_what_it_quotes(room: Room) -> None:
    quoted = f"> <@x:test> {BAD}\n\n这是骗人的"
    formatted = f'<mx-reply><a href="https://evil.xyz/">x</a>{BAD}</mx-reply>这是骗人的'
    content = {"msgtype": "m.text", "body": quoted, "formatted_body": formatted, "format": "org.matrix.custom.html"}
    await room.hear(event(WHO, "m.room.message", content))
    assert await room.struck() == []


async def test_who_reports_an_advert_and_quotes_it_is_not_struck_for_it(room: Room) -> None:
    """Else a flag, a case and a measure would name the reporter on pages of those who moderate."""
    await room.set("words", "act")
    said_before = message(account(WANG), "大家好")
    await room.hear(said_before, message(WHO, f"举报 他私下发{BAD}", reply=said_before.event_id))
    await room.hear(message(WHO, f"举报 https://matrix.to/#/{EAST_ROOM}/$x:test 他发{BAD}"))
    assert await room.struck() == []
    assert await room.measures() == []


async def test_what_is_no_complaint_that_the_bot_takes_is_looked_at(room: Room) -> None:
    first = message(WHO, "大家早")
    await room.hear(first, message(WHO, f"举报 {BAD}"), edit(account(WANG), first.event_id, f"举报 {BAD}"))
    await room.hear(message(account(LI), f"举报 {BAD}{'长' * 1_000}", reply=first.event_id))
    assert len(await room.flags()) == 3


async def test_words_that_only_the_formatting_shows_are_seen_and_kept(room: Room) -> None:
    """Most clients show the formatted text: a harmless plain one beside it hides nothing."""
    await room.set("words", "hide")
    html = {"format": "org.matrix.custom.html", "formatted_body": "<b>兼职</b>刷单，日结"}
    await room.hear(event(WHO, "m.room.message", {"msgtype": "m.text", "body": "大家好", **html}))
    assert await room.struck() == [("words", "hide")]
    assert await room.evidence() == ["大家好\n兼职刷单，日结"]


async def test_the_address_behind_a_hidden_link_lies_with_the_case(room: Room) -> None:
    await room.set("links", "hide")
    html = {"format": "org.matrix.custom.html", "formatted_body": '<a href="https://evil.xyz/a">点这里</a>'}
    await room.hear(event(WHO, "m.room.message", {"msgtype": "m.text", "body": "点这里", **html}))
    assert await room.evidence() == ["点这里\nhttps://evil.xyz/a"]


async def test_everything_that_is_hidden_is_kept_where_a_case_is_full_with_another(room: Room) -> None:
    await room.set("words", "act")
    await room.hear(*[message(WHO, f"{BAD} 第{number}条") for number in range(23)])
    await room.work()
    assert len(room.homeserver.redacted) == len(await room.evidence()) == 23
    query = cases.cases.select()
    assert len(list(await room.branch.store.read(lambda unit: unit.rows(query)))) == 2
    assert [one.step for one in await room.measures()] == [Step.WARNING]


async def test_what_is_new_decides_the_measure_before_what_was_seen_a_moment_ago(room: Room) -> None:
    await room.set("words", "act")
    await room.set("links", "act")
    await room.hear(message(WHO, BAD))
    await room.hear(message(WHO, f"{BAD} https://evil.xyz/"))
    assert {one.step for one in await room.measures()} == {Step.WARNING, Step.MUTE}


async def test_a_batch_that_comes_twice_acts_once(room: Room) -> None:
    """A crash between the decision and the position: the same events are heard again, by an empty memory."""
    await room.set("links", "act")
    bad = message(WHO, "https://evil.xyz/")
    for _ in range(2):
        await room.hear(bad)
        room.restart()
        await room.hear(bad)
    await room.work()
    assert len(await room.measures()) == 1
    assert await room.struck() == [("links", "act")]
    assert len(await room.flags()) == 1


async def test_a_flood_is_muted_once_and_every_message_of_it_hidden(room: Room, clock: HandClock) -> None:
    await room.set("flood", "act")
    flood = [message(WHO, f"第{number}条") for number in range(14)]
    await room.hear(*flood)
    await room.work()
    assert room.homeserver.redacted == [one.event_id for one in flood[10:]]
    assert [one.step for one in await room.measures()] == [Step.MUTE]
    assert await room.flags() == [("flood", "guard", None)]


async def test_where_the_bot_may_not_mute_it_hides_and_flags(room: Room) -> None:
    low = {"users": {SECRETARY: 100, WHO: 100}, "redact": 0}
    room.homeserver._set(EAST_ROOM, "m.room.power_levels", low)
    await room.branch.store.settle(
        notes=[
            StateSeen(
                room=EAST_ROOM,
                type="m.room.create",
                state_key="",
                sender=SECRETARY,
                event_id=EventId("$c"),
                content={"room_version": "10", "creator": SECRETARY},
            ),
            StateSeen(
                room=EAST_ROOM,
                type="m.room.power_levels",
                state_key="",
                sender=SECRETARY,
                event_id=EventId("$l"),
                content=low,
            ),
        ]
    )
    await room.set("links", "act")
    await room.hear(message(WHO, "https://evil.xyz/"))
    assert await room.measures() == []
    assert await room.struck() == [("links", "act")]
    await room.work()
    assert (WHO, "guards.told_hidden") in await room.branch.told()


async def test_what_was_said_long_ago_is_hidden_and_brings_no_measure(room: Room, clock: HandClock) -> None:
    await room.set("links", "act")
    await room.hear(message(WHO, "大家早"))
    clock.forward(hours=3)
    await room.hear(message(WHO, "https://evil.xyz/", sent_at=NOON + timedelta(minutes=5)))
    assert await room.measures() == []
    assert await room.struck() == [("links", "act")]


async def test_a_room_sets_for_itself_and_takes_the_rest_from_its_organisation(room: Room) -> None:
    await room.set("words", "off", room=True)
    allowed = GuardEntriesAdded(organisation=ROOF, room=None, sort=Sort.HOSTS, entries=("good.xyz",))
    await room.branch.store.settle(notes=[allowed])
    room.restart()
    await room.hear(message(WHO, BAD), message(WHO, "https://www.good.xyz/"), message(WHO, "https://evil.xyz/"))
    assert await room.struck() == [("links", "flag")]


async def test_a_wave_of_strangers_is_told_once_and_members_who_come_in_are_none(room: Room) -> None:
    await room.set("joins.most", "5")

    def join(user: str) -> Event:
        return event(UserId(user), "m.room.member", {"membership": "join"}, state_key=user)

    await room.hear(*[join(f"@new{number}:test") for number in range(4)], join(account(WANG)), join(str(SECRETARY)))
    assert await room.branch.told() == []
    await room.hear(join("@new9:test"), join("@new10:test"))
    assert await room.branch.told() == [(SECRETARY, "guards.told_wave")]
    assert await room.struck() == [("joins", "flag")]


async def test_a_wave_that_goes_on_is_told_once_also_after_a_restart(room: Room) -> None:
    await room.set("joins.most", "5")

    def join(number: int) -> Event:
        user, at = UserId(f"@new{number}:test"), room.branch.clock()
        return event(user, "m.room.member", {"membership": "join"}, state_key=user, sent_at=at)

    for number in range(30):
        room.branch.clock.forward(seconds=4)
        await room.hear(join(number))
        if number == 20:
            room.restart()
    assert await room.branch.told() == [(SECRETARY, "guards.told_wave")]
    room.branch.clock.forward(minutes=11)
    await room.hear(*[join(number) for number in range(40, 46)])
    assert len(await room.branch.told()) == 2


async def test_everybody_of_a_wave_is_looked_up_at_once(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred who come in cost a few looks each, and not as many as there are people."""
    await room.set("joins.most", "50")
    asked: list[int] = []
    looks_up = guards.strangers

    async def counting(unit: Reading, people: Collection[UserId]) -> tuple[UserId, ...]:
        asked.append(len(people))
        return await looks_up(unit, people)

    monkeypatch.setattr(guards, "strangers", counting)
    users = [UserId(f"@new{number}:test") for number in range(60)]
    await room.hear(*[event(one, "m.room.member", {"membership": "join"}, state_key=one) for one in users])
    assert asked == [1, 50]


async def test_a_wave_shuts_the_door_for_an_hour_and_then_it_is_as_it_was(room: Room) -> None:
    await room.set("joins.most", "5")
    await room.set("joins", "act")
    rule = {"join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": "!space:test"}]}
    room.homeserver._set(EAST_ROOM, "m.room.join_rules", rule)
    seen = StateSeen(
        room=EAST_ROOM,
        type="m.room.join_rules",
        state_key="",
        sender=UserId(ME),
        event_id=EventId("$rule"),
        content=rule,
    )
    await room.branch.store.settle(notes=[seen])
    joins = [f"@new{number}:test" for number in range(7)]
    await room.hear(*[event(UserId(one), "m.room.member", {"membership": "join"}, state_key=one) for one in joins])
    await room.work()
    now = room.homeserver.states[EAST_ROOM]["m.room.join_rules", ""].content
    assert now["join_rule"] == "invite"
    assert await room.branch.told() == [(SECRETARY, "guards.told_wave_shut")]
    room.branch.clock.forward(minutes=61)
    await locks.settle_due(room.branch.store)
    await room.work()
    assert room.homeserver.states[EAST_ROOM]["m.room.join_rules", ""].content == rule


async def test_a_new_name_is_no_coming_in(room: Room) -> None:
    await room.set("joins.most", "5")
    for number in range(3):
        await room.hear(
            *[
                event(user, "m.room.member", {"membership": "join", "displayname": str(number)}, state_key=user)
                for user in (WHO, account(WANG), account(LI))
            ]
        )
    assert await room.struck() == []


async def test_a_guard_that_breaks_is_a_letter_and_stops_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(room.hearing._guarding._watch, "see", breaks)
    await room.hear(message(WHO, "大家早"))
    query = guards.strikes.select()
    assert list(await room.branch.store.read(lambda unit: unit.rows(query))) == []
    letters = await room.branch.store.read(lambda unit: unit.rows(dead_letters.select()))
    assert [row.cause.startswith("guard:event:") for row in letters] == [True]


async def test_a_rehearsal_says_what_the_room_then_gets(room: Room) -> None:
    """Dry run equals real run: the same rules over the same messages, said by one who leads nothing."""
    await room.set("links", "hide")
    await room.set("mentions.most", "3")
    calls = {"msgtype": "m.text", "body": "开会", "m.mentions": {"user_ids": ["@a:t", "@b:t", "@c:t"]}}
    heard = [
        message(WHO, BAD),
        message(account(LI), "https://evil.xyz/"),
        message(WHO, "机密★ 通知"),
        event(account(WANG), "m.room.message", calls),
        message(account(WANG), "收到"),
        event(WHO, "m.room.message", {"msgtype": "m.file", "body": "a.exe"}),
        *[message(account(LI), f"第{number}条") for number in range(13)],
        *[message(account(WANG), "同一句话说了很多很多遍") for _ in range(5)],
    ]
    lists = await room.branch.store.read(guards.lists)
    rules = rules_of(Place(organisation=EAST, room=EAST_ROOM), lists, ours=["console.test", "test"])
    posts = [post for one in heard if (post := said(one, NOON, ME)) is not None]
    rehearsed = {
        post.event: found[0]
        for post, found in zip(posts, rehearse(posts, rules), strict=True)
        if found and not (found[0].again and found[0].level is Level.FLAG)
    }
    await room.hear(*heard)
    rows = await room.branch.store.read(lambda unit: unit.rows(strikes.select()))
    assert {row.event_id: (row.guard, row.level) for row in rows} == {
        id: (one.guard, one.level) for id, one in rehearsed.items()
    }
    assert len(rows) == 7
