"""A sign-up in a room from its first word to its end: chains, single words, reactions, edits, and one live message."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot import sign_ups as clock
from bot.delivery import Delivery
from bot.matrix.events import Event
from content.identifiers import MemberId, RoomId, UserId
from content.members import Member, MemberEnrolled
from content.rooms import DirectRoomKept, Purpose, Room, RoomKept
from content.sign_up_sheets import Sheet, SignUp, State
from storage import outbox
from storage import sign_ups as stored
from storage.retention import Swept
from tests.fake_homeserver import Accepted, FakeHomeserver
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    ME,
    NOON,
    SECRETARY,
    WANG,
    WEST_ROOM,
    ZHANG,
    ZHAO,
    SmallBranch,
    account,
    event,
    message,
    private_room,
    reaction,
    redaction,
)
from zhibu.catalogue import load_speech

BEGIN = "接龙 周六登山; 截止 明天 18:00; 名额 3"
SPEECH = load_speech()


class Gathering:
    """The small branch with a homeserver in memory, whose echo comes back."""

    def __init__(self, branch: SmallBranch) -> None:
        self.branch = branch
        self.homeserver = FakeHomeserver(branch.clock)
        self.delivery = Delivery(branch.store, self.homeserver, SPEECH, encrypted=False)  # type: ignore[arg-type]
        self._heard = 0

    async def deliver(self) -> None:
        """Send everything that may go out now, and hear it back."""
        while rows := await self.delivery._take(16):
            for row in rows:
                await self.delivery.deliver(row)
            sent = self.room()
            for one in sent[self._heard :]:
                await self.branch.hear(event(ME, one.type, dict(one.content), event_id=one.event_id, sent_at=one.at))
            self._heard = len(sent)

    async def begin(self, text: str = BEGIN, sender: UserId = SECRETARY, **where: Any) -> SignUp:
        """Begin a sign-up and let it go out."""
        await self.branch.hear(message(sender, text, **where))
        await self.deliver()
        return await self.one()

    async def one(self) -> SignUp:
        """Return the newest sign-up."""
        return (await self.branch.store.read(lambda unit: stored.of_roots(unit, [EAST], limit=1)))[0]

    async def sheet(self) -> Sheet:
        """Return it with all that was said of it."""
        one = await self.one()
        return await self.branch.store.read(lambda unit: stored.sheet(unit, one))

    async def names(self) -> list[str]:
        """Return who stands on it."""
        return [one.name for one in (await self.sheet()).standing]

    async def say(self, member: Any, text: str, **how: Any) -> Event:
        """Let a member say something; return the event."""
        said = message(account(member), text, **how)
        await self.branch.hear(said)
        return said

    async def shown(self) -> str:
        """Return what the live message says by now."""
        self.branch.clock.forward(seconds=5)
        await self.deliver()
        last = self.room()[-1].content
        return str(last.get("m.new_content", last)["body"])

    def room(self) -> list[Accepted]:
        """Return what the bot sent to the room of the eastern branch."""
        return self.homeserver.rooms.get(EAST_ROOM, [])

    def card(self) -> str:
        """Return the event of the live message."""
        return self.room()[0].event_id

    async def refused(self, member: Any, text: str, **how: Any) -> str | None:
        """Say something; return why it was refused."""
        (heard,) = await self.branch.hear(message(account(member), text, **how))
        return heard.refusal.words.key if heard is not None and heard.refusal is not None else None


@pytest.fixture
def gathering(branch: SmallBranch) -> Gathering:
    return Gathering(branch)


def edit(sender: UserId, target: str, text: str) -> Event:
    """Make an edit of a message."""
    fresh = {"msgtype": "m.text", "body": text}
    related = {"rel_type": "m.replace", "event_id": target}
    content = {"msgtype": "m.text", "body": f"* {text}", "m.new_content": fresh, "m.relates_to": related}
    return event(sender, "m.room.message", content)


async def test_one_live_message_shows_it_all_and_nobody_is_answered_in_the_room(gathering: Gathering) -> None:
    one = await gathering.begin()
    assert (one.title, one.places, one.closes_at) == ("周六登山", 3, NOON + timedelta(days=1, hours=6))
    assert gathering.room()[0].content["body"].startswith("#接龙 周六登山\n截止：")
    await gathering.say(ZHANG, "+1")
    await gathering.say(LI, "我也去")
    await gathering.say(WANG, "带家属1")
    shown = await gathering.shown()
    assert "\n1. 张明\n2. 李强\n候补：\n3. 王丽 +1 家属\n共 2 人，候补 1 人。" in shown
    kinds = [row.content.get("m.relates_to", {}).get("rel_type") for row in gathering.room()]
    assert kinds == [None, "m.replace"], "three answers, one edit"
    html = gathering.room()[-1].content["m.new_content"]["formatted_body"]
    assert html.startswith("<strong>#接龙 周六登山</strong><br>")


async def test_two_pastes_at_once_lose_nobody(gathering: Gathering) -> None:
    await gathering.begin()
    await gathering.say(ZHANG, "#接龙\n周六登山\n例 姓名 备注\n1. 张明 ☑")
    await gathering.say(LI, "#接龙\n周六登山\n1. 张明\n2. 李强 带家属1")
    await gathering.say(WANG, "#接龍\n周六登山\n1. 张明\n2. 王丽")
    await gathering.say(WANG, "#接龙\n周六登山\n1. 王丽\n2. 小宝")
    assert await gathering.names() == ["张明", "李强", "王丽", "小宝"]
    guest = next(one for one in (await gathering.sheet()).standing if one.name == "小宝")
    assert (guest.member, guest.by) == (None, account(WANG))
    assert "小宝（王丽代报）" in await gathering.shown()


async def mine(gathering: Gathering, member: MemberId) -> list[str]:
    """Return what 我的 says to a member of sign-ups, by keys."""
    await gathering.say(member, "我的", room_id=private_room(member))
    told = (outbox.outbox.c.kind == outbox.Kind.TELL, outbox.outbox.c.user_id == account(member))
    rows = await gathering.branch.rows(*told)
    said = next(row.words for row in reversed(rows) if row.words and row.words["key"] == "mine.all")
    return re.findall(r"mine\.sign_up_[a-z]+", str(said))


async def test_what_is_open_stands_in_ones_own_record_with_whether_one_is_on_it(gathering: Gathering) -> None:
    await gathering.begin("接龙 周六登山; 截止 明天 18:00; 名额 1")
    await gathering.say(ZHANG, "+1")
    await gathering.say(LI, "+1")
    assert await mine(gathering, ZHANG) == ["mine.sign_up_in"]
    assert await mine(gathering, LI) == ["mine.sign_up_waits"]
    assert await mine(gathering, WANG) == ["mine.sign_up_open"]
    assert await mine(gathering, ZHAO) == [], "it is for another branch"
    gathering.branch.clock.forward(hours=31)
    assert await mine(gathering, ZHANG) == []


@pytest.mark.parametrize("purpose", [Purpose.COMMITTEE, Purpose.APPLICANTS, Purpose.STAFF])
async def test_what_is_open_in_a_room_for_some_is_told_and_offered_to_no_other_in_private(
    gathering: Gathering, purpose: Purpose
) -> None:
    branch, there = gathering.branch, RoomId("!some:test")
    room = Room(id=there, organisation=EAST, purpose=purpose, name="小群", encrypted=False)
    clerk = Member(id=MemberId("clerk"), organisation=EAST, name="周文", user=account(MemberId("clerk")))
    clerk = replace(clerk, position="组织委员", category="入党积极分子")
    direct = DirectRoomKept(user=account(clerk.id), room=private_room(clerk.id), encrypted=False)
    await branch.store.settle(notes=[RoomKept(room=room), MemberEnrolled(member=clerk), direct])
    await branch.hear(message(SECRETARY, "接龙 谈话; 截止 明天 18:00", room_id=there))
    assert await mine(gathering, LI) == []
    assert await gathering.refused(LI, "+1", room_id=private_room(LI)) == "sign_up.nothing_open"
    assert await mine(gathering, clerk.id) == ([] if purpose is Purpose.STAFF else ["mine.sign_up_open"])
    await gathering.say(ZHANG, "+1", room_id=there)
    assert await mine(gathering, ZHANG) == ["mine.sign_up_in"], "who is on it hears of it"
    await gathering.say(ZHANG, "取消报名", room_id=private_room(ZHANG))
    assert await gathering.names() == []


async def test_two_names_of_the_roster_in_one_line_are_two_people(gathering: Gathering) -> None:
    await gathering.begin()
    await gathering.say(ZHANG, "#接龙\n周六登山\n1. 张明、李强\n2. 王丽 小宝")
    assert [(one.name, one.note) for one in (await gathering.sheet()).standing] == [
        ("张明", ""),
        ("李强", ""),
        ("王丽", "小宝"),
    ]


async def test_a_name_that_is_corrected_by_an_edit_or_a_new_paste_is_there_once(gathering: Gathering) -> None:
    await gathering.begin()
    first = await gathering.say(ZHANG, "#接龙\n周六登山\n1. 张明\n2. 李墙\n3. 小保")
    await gathering.branch.hear(edit(account(ZHANG), first.event_id, "#接龙\n周六登山\n1. 张明\n2. 李强\n3. 小保"))
    assert await gathering.names() == ["张明", "李强", "小保"]
    await gathering.say(ZHANG, "#接龙\n周六登山\n1. 张明\n2. 李强\n3. 小宝")
    assert await gathering.names() == ["张明", "李强", "小宝"]
    await gathering.say(WANG, "#接龙\n周六登山\n1. 张明\n2. 李墙\n3. 小保\n4. 王丽")
    assert await gathering.names() == ["张明", "李强", "小宝", "王丽"], "an older copy brings no old spelling back"


async def test_the_card_that_somebody_copies_and_continues_is_a_chain(gathering: Gathering) -> None:
    await gathering.begin()
    await gathering.say(ZHANG, "带2")
    text = await gathering.shown()
    await gathering.say(LI, text + "\n2. 李强")
    assert await gathering.names() == ["张明", "李强"]
    assert [one.brings for one in (await gathering.sheet()).standing] == [2, 0]


async def test_an_answer_to_the_card_needs_no_head_and_takes_names(gathering: Gathering) -> None:
    await gathering.begin()
    await gathering.say(ZHANG, "1. 张明\n2. 客人", reply=gathering.card())
    await gathering.say(LI, "报名 李强、小宝", reply=gathering.card())
    assert await gathering.names() == ["张明", "客人", "李强", "小宝"]


async def test_beside_talk_only_known_names_count(gathering: Gathering) -> None:
    await gathering.begin()
    await gathering.say(ZHANG, "参加 会议的同志请注意")
    await gathering.say(ZHANG, "今天要办的\n1. 扫地\n2. 开会")
    assert await gathering.names() == []
    await gathering.say(ZHANG, "报名 王丽")
    assert await gathering.names() == ["王丽"]


@pytest.mark.parametrize(
    "text",
    [
        "#接龙 订午餐\n1. 李强 鱼香肉丝\n2. 张明 宫保鸡丁",
        "请大家接龙报名，注意事项：\n1. 带好身份证\n2. 穿工作服",
        "请大家接龙：\n1. 带好身份证\n2. 穿工作服",
        "接龙系统升级\n1. 明天停机\n2. 李强请保存",
        "#接龙\n1. 地点：会议室\n2. 时间：周五",
        "接龙 周六登山注意事项\n1. 带好身份证\n2. 穿工作服",
    ],
)
async def test_another_list_in_the_room_puts_nobody_on_it(gathering: Gathering, text: str) -> None:
    await gathering.begin()
    said = await gathering.say(LI, text)
    assert await gathering.names() == []
    await gathering.branch.hear(edit(account(LI), said.event_id, text + " "))
    assert await gathering.names() == []
    assert account(LI) not in [user for user, _ in await gathering.branch.told()]


async def test_a_chain_about_it_in_other_words_or_about_nothing_is_for_the_open_one(gathering: Gathering) -> None:
    await gathering.begin()
    await gathering.say(LI, "请大家接龙：\n1. 李强\n2. 客人")
    await gathering.say(ZHANG, "#接龙\n登山报名\n1. 张明：素")
    await gathering.say(WANG, "#接龙 周六登山\n1. 小宝")
    assert await gathering.names() == ["李强", "客人", "张明", "小宝"]
    other = await gathering.refused(WANG, "#接龙 订午餐\n1. 王丽", room_id=private_room(WANG))
    assert other == "sign_up.none_called"


async def test_a_hand_taken_down_counts_though_others_have_copied_the_card(gathering: Gathering) -> None:
    await gathering.begin()
    up = reaction(account(WANG), gathering.card(), "🙋")
    await gathering.branch.hear(up)
    await gathering.say(LI, await gathering.shown() + "\n2. 李强")
    assert await gathering.names() == ["王丽", "李强"]
    await gathering.branch.hear(redaction(account(WANG), up.event_id))
    assert await gathering.names() == ["李强"]


async def test_going_off_again(gathering: Gathering) -> None:
    await gathering.begin()
    await gathering.say(ZHANG, "#接龙\n1. 张明\n2. 李强")
    await gathering.say(ZHANG, "−1")
    assert await gathering.names() == ["李强"]
    assert await gathering.refused(WANG, "取消") == "sign_up.not_in"
    await gathering.say(ZHANG, "取消报名 李强")
    assert await gathering.names() == []
    await gathering.say(ZHANG, "+1")
    await gathering.say(ZHANG, "不去了", room_id=private_room(ZHANG))
    assert await gathering.names() == []
    assert (account(ZHANG), "sign_up.withdrawn") in await gathering.branch.told()


async def test_a_hand_raised_on_the_card_and_taken_down(gathering: Gathering) -> None:
    await gathering.begin()
    up = reaction(account(ZHANG), gathering.card(), "🙋‍♂️")
    other = reaction(account(LI), gathering.card(), "👍")
    await gathering.branch.hear(up, other)
    assert await gathering.names() == ["张明"]
    await gathering.branch.hear(redaction(account(ZHANG), up.event_id))
    assert await gathering.names() == []


async def test_edits_add_and_a_removed_message_takes_whom_no_other_names(gathering: Gathering) -> None:
    await gathering.begin()
    first = await gathering.say(ZHANG, "#接龙\n周六登山\n1. 张明\n2. 小宝")
    await gathering.branch.hear(edit(account(ZHANG), first.event_id, "#接龙\n周六登山\n1. 张明\n2. 李强"))
    assert await gathering.names() == ["张明", "小宝", "李强"], "an edit leaves nobody out"
    await gathering.say(WANG, "#接龙\n周六登山\n1. 李强\n2. 王丽")
    await gathering.branch.hear(redaction(account(LI), first.event_id))
    assert len(await gathering.names()) == 4, "who removes another's message takes nobody's place"
    await gathering.branch.hear(redaction(account(ZHANG), first.event_id))
    assert await gathering.names() == ["李强", "王丽"]
    await gathering.branch.hear(edit(account(WANG), "$talk of hers", "+1"))
    assert await gathering.names() == ["李强", "王丽"]
    said = await gathering.say(LI, "+1")
    await gathering.branch.hear(edit(account(LI), said.event_id, "不去了"))
    assert await gathering.names() == ["王丽"]


async def test_in_an_encrypted_room_a_replayed_message_counts_once(gathering: Gathering) -> None:
    await gathering.begin()
    said = replace(message(account(ZHANG), "+1"), megolm=("session", 7), encrypted=True)
    await gathering.branch.hear(said)
    await gathering.say(ZHANG, "取消")
    await gathering.branch.hear(replace(said, event_id="$replayed"))
    assert await gathering.names() == []


async def test_in_private_what_was_put_down_is_said(gathering: Gathering) -> None:
    assert await gathering.refused(ZHANG, "+1", room_id=private_room(ZHANG)) == "sign_up.nothing_open"
    await gathering.begin()
    await gathering.say(ZHANG, "+2人", room_id=private_room(ZHANG))
    await gathering.say(ZHANG, "带2", room_id=private_room(ZHANG))
    assert [one.brings for one in (await gathering.sheet()).standing] == [2]
    told = [key for user, key in await gathering.branch.told() if user == account(ZHANG)]
    assert told == ["sign_up.unclear", "sign_up.done"]


async def test_who_stands_elsewhere_is_no_part_of_it(gathering: Gathering) -> None:
    await gathering.begin()
    await gathering.say(ZHAO, "+1")
    await gathering.say(ZHAO, "+1", room_id=WEST_ROOM)
    assert await gathering.refused(ZHAO, "+1", reply=gathering.card()) == "sign_up.not_yours_at_all"
    assert await gathering.names() == []


async def test_of_two_the_one_that_is_named_or_answered_is_meant(gathering: Gathering) -> None:
    first = await gathering.begin("接龙 打球; 截止 明天 18:00")
    await gathering.begin("接龙 爬山; 截止 明天 18:00")
    await gathering.say(ZHANG, "+1")
    assert (account(ZHANG), "sign_up.which") in await gathering.branch.told()
    await gathering.say(ZHANG, "#接龙\n打球\n1. 张明")
    sheet = await gathering.branch.store.read(lambda unit: stored.sheet(unit, first))
    assert [one.name for one in sheet.standing] == ["张明"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("接龙 七月党费; 截止 明天 18:00", "sign_up.money"),
        ("接龙 每日打卡; 截止 明天 18:00", "sign_up.daily"),
        ("接龙 登山; 截止 不知道", "sign_up.bad_time"),
        ("接龙 登山; 红包", "sign_up.not_understood"),
        ("接龙 登山; 名额 0", "sign_up.bad_places"),
        ("接龙 ; 截止 明天 18:00", "sign_up.bad_title"),
        ("#接龙\n党费接龙\n1. 张明 75", "sign_up.money"),
    ],
)
async def test_what_is_refused_is_said_in_private(branch: SmallBranch, text: str, why: str) -> None:
    """DUE-20, AF-5."""
    (heard,) = await branch.hear(message(SECRETARY, text))
    assert heard is not None
    assert heard.refusal is not None
    assert heard.refusal.words.key == why


async def test_it_is_begun_by_whom_it_is_the_duty_of_and_from_private_too(gathering: Gathering) -> None:
    assert await gathering.refused(ZHANG, BEGIN) == "sign_up.no_right"
    (heard,) = await gathering.branch.hear(message(SECRETARY, BEGIN, room_id=RoomId("!with-secretary:test")))
    assert heard is not None
    assert heard.refusal is not None
    assert heard.refusal.words.key == "sign_up.say_it_there", "there are two rooms"
    assert await gathering.branch.rows(outbox.outbox.c.kind == outbox.Kind.LIVE) == []


async def test_at_its_time_it_is_over_and_says_who_comes(gathering: Gathering) -> None:
    await gathering.begin()
    await gathering.say(ZHANG, "+1")
    gathering.branch.clock.forward(days=1, hours=6)
    await clock.close_due(gathering.branch.store, gathering.branch.clock.now)
    assert (await gathering.one()).state is State.CLOSED
    assert (await gathering.shown()).endswith("\n1. 张明\n报名已截止，共 1 人，候补 0 人。")
    assert await gathering.refused(LI, "+1") is None, "nothing is open in the room"
    assert await gathering.refused(LI, "+1", reply=gathering.card()) == "sign_up.over"


async def test_a_year_later_nobody_knows_who_it_was(gathering: Gathering) -> None:
    await gathering.begin()
    await gathering.say(ZHANG, "带1")
    gathering.branch.clock.forward(days=2)
    await clock.close_due(gathering.branch.store, gathering.branch.clock.now)
    gathering.branch.clock.forward(days=366)
    await gathering.branch.store.settle(notes=[Swept(at=gathering.branch.clock.now)])
    assert await gathering.names() == []
    assert (await gathering.one()).people == 2


async def test_who_removes_what_took_them_off_is_told_that_they_are_off(gathering: Gathering) -> None:
    await gathering.begin()
    said = await gathering.say(ZHANG, "+1")
    off = await gathering.say(ZHANG, "取消报名")
    assert await gathering.names() == []
    branch = gathering.branch
    await branch.hear(redaction(account(ZHANG), said.event_id))
    assert "sign_up.off_stands" not in [key for _, key in await branch.told()]
    await branch.hear(redaction(account(ZHANG), off.event_id))
    assert (await branch.told())[-1] == (account(ZHANG), "sign_up.off_stands")
    assert await gathering.names() == []


async def test_who_changes_their_word_into_something_else_is_told_that_they_are_on(gathering: Gathering) -> None:
    await gathering.begin()
    said = await gathering.say(ZHANG, "+1")
    await gathering.branch.hear(edit(account(ZHANG), said.event_id, "+1 "))
    before = await gathering.branch.told()
    await gathering.branch.hear(edit(account(ZHANG), said.event_id, "我再看看"))
    assert await gathering.branch.told() == [*before, (account(ZHANG), "sign_up.stands")]
    assert len(await gathering.names()) == 1
