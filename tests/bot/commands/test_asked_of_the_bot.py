"""静音, 更正, 我的数据, 学习, and what is not understood: each answered in private, in the language asked in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.commands.console import hash_token
from bot.commands.grammar import nearest
from bot.commands.remarks import SKIPPED
from bot.commands.understanding import is_for_us, is_plain_talk
from bot.commands.vocabulary import WORDS
from bot.delivery import Delivery
from content.corrections import answer_correction
from content.decision import Decision, Effect, Tell, words
from content.identifiers import EventId, MemberId, RoomId, UserId
from content.lessons import LessonRevised
from content.members import Member, MemberChanged
from content.organisations import Duty, DutyGranted, Role
from content.rooms import DirectRoomKept
from storage import corrections, holdings, mutes, outbox, retention
from storage.rooms import StateSeen
from storage.store import Step
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LESSON,
    LI,
    ME,
    PICTURE,
    ROLL,
    SECRETARY,
    SHOWN_PICTURE,
    TOKEN,
    WANG,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    lesson,
    message,
    private_room,
    reaction,
)
from zhibu.catalogue import load_speech

WHO, DIRECT = account(ZHANG), private_room(ZHANG)
SPEECH = load_speech()


class Post:
    """The way out, driven by hand."""

    def __init__(self, branch: SmallBranch, clock: HandClock, *, encrypted: bool = False) -> None:
        self.branch = branch
        self.homeserver = FakeHomeserver(clock)
        self.delivery = Delivery(branch.store, self.homeserver, SPEECH, encrypted=encrypted)  # type: ignore[arg-type]

    async def work(self) -> None:
        """Deliver until nothing more may go now."""
        while rows := await self.delivery._take(16):
            for row in rows:
                await self.delivery.deliver(row)

    async def do(self, *effects: Effect) -> None:
        """Have something done that nobody asked for."""

        async def decide(_unit: object) -> Decision:
            return Decision(effects=effects)

        await self.branch.store.settle([Step(cause=fresh_cause(), decide=decide)])
        await self.work()

    def said(self, member: MemberId = ZHANG) -> list[str]:
        """Return what stands in a member's private room."""
        return self.homeserver.texts(private_room(member))


@pytest.fixture
def post(branch: SmallBranch, clock: HandClock) -> Post:
    return Post(branch, clock)


# 静音


def lengths() -> Iterator[tuple[str, timedelta]]:
    for text in (
        "静音",
        "靜音",
        "静音 7天",
        "静音7天",
        "静音 一周",
        "静音 七天",
        "mute",
        "mute a week",
        "mute 7 days",
        "别打扰",
    ):
        yield text, timedelta(days=7)
    for text in ("静音 两周", "静音 2星期", "mute 2w", "静音 14"):
        yield text, timedelta(days=14)
    yield from (
        ("静音 半天", timedelta(hours=12)),
        ("静音 8小时", timedelta(hours=8)),
        ("mute 12 hours", timedelta(hours=12)),
    )
    yield from (
        ("静音 一个月", timedelta(days=30)),
        ("静音 3個月", timedelta(days=90)),
        ("mute 1 month", timedelta(days=30)),
    )


@pytest.mark.parametrize(("text", "length"), list(lengths()))
async def test_silence_is_asked_for_in_many_ways(
    branch: SmallBranch, clock: HandClock, text: str, length: timedelta
) -> None:
    await branch.hear(message(WHO, text, room_id=DIRECT))
    assert await branch.told() == [(WHO, "mute.on")]
    assert await branch.store.read(lambda unit: mutes.muted_until(unit, WHO)) == clock.now + length


@pytest.mark.parametrize("text", ["静音 91天", "静音 永久", "静音 0天", "mute 1 year", "静音 9999周", "静音 4个月"])
async def test_silence_has_an_end(branch: SmallBranch, text: str) -> None:
    await branch.hear(message(WHO, text, room_id=DIRECT))
    assert await branch.told() == [(WHO, "mute.too_long")]
    assert await branch.store.read(lambda unit: mutes.muted_until(unit, WHO)) is None


@pytest.mark.parametrize("text", ["恢复", "恢復", "unmute", "静音 恢复", "mute off", "静音 取消"])
async def test_silence_is_ended_by_saying_so(branch: SmallBranch, text: str) -> None:
    await branch.hear(message(WHO, text, room_id=DIRECT), message(WHO, "静音", room_id=DIRECT))
    await branch.hear(message(WHO, text, room_id=DIRECT))
    assert [key for _, key in await branch.told()] == ["mute.was_off", "mute.on", "mute.off"]
    assert await branch.store.read(lambda unit: mutes.muted_until(unit, WHO)) is None


async def test_who_is_silent_hears_answers_and_nothing_else(branch: SmallBranch, clock: HandClock, post: Post) -> None:
    news = Tell(user=WHO, words=words("makeup.nothing"), unasked=True)
    await post.do(news)
    await branch.hear(message(WHO, "静音 7天", room_id=DIRECT), message(WHO, "签到", room_id=DIRECT))
    await post.work()
    before = post.said()
    assert len(before) == 3, before
    await post.do(news, Tell(user=WHO, words=words("makeup.nothing"), quiet=True))
    assert post.said() == before
    clock.forward(days=7)
    await post.do(news)
    assert len(post.said()) == 4


async def test_a_tap_of_who_is_silent_counts_and_is_not_confirmed(branch: SmallBranch, post: Post) -> None:
    id = await branch.open()
    await post.work()
    await branch.hear(message(WHO, "静音", room_id=DIRECT))
    await post.work()
    before = post.said()
    await branch.hear(reaction(WHO, post.homeserver.rooms[EAST_ROOM][-1].event_id, "✅"))
    await post.work()
    assert (await branch.state(id, ZHANG)).value == "done"
    assert post.said() == before


async def test_what_was_decided_before_silence_began_is_not_said_after_it(branch: SmallBranch, post: Post) -> None:
    async def decide(_unit: object) -> Decision:
        return Decision(effects=(Tell(user=WHO, words=words("makeup.nothing"), unasked=True),))

    await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])
    await branch.hear(message(WHO, "静音", room_id=DIRECT))
    await post.work()
    assert len(post.said()) == 1


async def test_silence_shows_in_help_and_in_ones_own_record(branch: SmallBranch, post: Post) -> None:
    await branch.hear(message(WHO, "静音", room_id=DIRECT), message(WHO, "帮助", room_id=DIRECT))
    await branch.hear(message(WHO, "我的", room_id=DIRECT))
    await post.work()
    assert all("静音中，到7月8日（周三）12:00" in one for one in post.said()[1:])


# 更正


async def asked(branch: SmallBranch) -> list[Any]:
    query = select(corrections.corrections).order_by(corrections.corrections.c.asked_at)
    return list(await branch.store.read(lambda unit: unit.rows(query)))


@pytest.mark.parametrize(
    "text", ["更正 我到了", "更正：我到了", "有误 我到了", "改一下 我到了", "correct 我到了", "更正 「我到了」"]
)
async def test_a_correction_is_kept_as_it_was_said(branch: SmallBranch, text: str) -> None:
    await branch.hear(message(WHO, text, room_id=DIRECT))
    (row,) = await asked(branch)
    assert (row.text, row.user_id, row.member_id, row.organisation_id) == ("我到了", WHO, ZHANG, EAST)
    assert await branch.told() == [(WHO, "correction.recorded")]


async def test_the_asker_hears_who_will_answer(branch: SmallBranch, post: Post) -> None:
    duty = Duty(user=account(WANG), organisation=EAST, role=Role.ORGANISING_MEMBER)
    await branch.store.settle(notes=[DutyGranted(duty=duty)])
    await branch.hear(message(WHO, "更正 我到了", room_id=DIRECT))
    await post.work()
    assert "由王丽同志处理" in post.said()[-1]


async def test_said_of_a_card_it_is_about_that_card_and_the_room_hears_nothing(branch: SmallBranch) -> None:
    id = await branch.open(ROLL)
    await branch.send_all()
    await branch.hear(message(WHO, "更正 我到了", reply=await branch.card_event(id)))
    (row,) = await asked(branch)
    assert row.occurrence_id == id
    assert [(one.user_id, one.room_id) for one in await branch.rows() if one.words] == [(WHO, None)]


async def test_without_words_it_is_asked_back_and_the_next_words_are_taken(branch: SmallBranch) -> None:
    await branch.hear(message(WHO, "更正", room_id=DIRECT), message(WHO, "上周三我在场", room_id=DIRECT))
    (row,) = await asked(branch)
    assert row.text == "上周三我在场"
    assert [key for _, key in await branch.told()] == ["correction.what", "correction.recorded"]


@pytest.mark.parametrize("text", ["更正", "有误", "改一下 时间", "correct me", "有误差"])
async def test_in_a_room_most_talk_of_mistakes_is_talk(branch: SmallBranch, text: str) -> None:
    before = await branch.everything()
    await branch.hear(message(WHO, text))
    assert await branch.everything() == before


async def test_the_words_are_forgotten_a_month_after_the_answer(branch: SmallBranch, clock: HandClock) -> None:
    await branch.hear(message(WHO, "更正 金丝雀", room_id=DIRECT))

    async def decide(unit: Any) -> Any:
        (one,) = await corrections.waiting_of(unit, WHO)
        return answer_correction(one, "灰雀", settled=True, by=SECRETARY, now=unit.now)

    clock.forward(days=40)
    await branch.store.settle(notes=[retention.Swept(at=clock.now)])
    assert "金丝雀" in await branch.everything()
    await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])
    await branch.send_all()
    clock.forward(days=31)
    await branch.store.settle(notes=[retention.Swept(at=clock.now)])
    everything = await branch.everything()
    assert "金丝雀" not in everything
    assert "灰雀" not in everything
    assert len(await asked(branch)) == 1


async def test_too_long_and_too_many_are_refused(branch: SmallBranch) -> None:
    await branch.hear(message(WHO, "更正 " + "字" * 501, room_id=DIRECT))
    await branch.hear(*[message(WHO, f"更正 第{one}条", room_id=DIRECT) for one in range(6)])
    keys = [key for _, key in await branch.told()]
    assert (keys[0], keys[-1], len(await asked(branch))) == ("correction.too_long", "correction.too_many", 5)


# 学习


async def test_this_weeks_lesson_is_shown_again_with_its_media(branch: SmallBranch, post: Post) -> None:
    shown = lesson(body="第一段。\n\n![地图](map.png)\n\n第二段。", media=(SHOWN_PICTURE,), revision=2)
    await branch.store.settle(notes=[PICTURE, LessonRevised(lesson=shown, author=SECRETARY)])
    await branch.open()
    await post.work()
    await branch.hear(message(WHO, "学习", room_id=DIRECT))
    await post.work()
    picture, text = post.homeserver.rooms[DIRECT]
    assert picture.content["msgtype"] == "m.image"
    assert "第二段。" in text.content["body"]
    assert text.content["body"].endswith("学完在这里发「学完」就行。7月1日（周三）14:00前有效，之后可以补学。")
    assert "应学" not in text.content["body"]


async def test_a_tick_or_a_reply_on_the_private_copy_counts(branch: SmallBranch, post: Post) -> None:
    id = await branch.open()
    await post.work()
    await branch.hear(message(WHO, "lesson", room_id=DIRECT), message(account(LI), "课程", room_id=private_room(LI)))
    await post.work()
    copy, other = post.homeserver.rooms[DIRECT][-1], post.homeserver.rooms[private_room(LI)][-1]
    await branch.hear(reaction(WHO, copy.event_id, "✅", room_id=DIRECT))
    await branch.hear(message(account(LI), "学完", reply=other.event_id, room_id=private_room(LI)))
    assert {(await branch.state(id, one)).value for one in (ZHANG, LI)} == {"done"}


async def test_of_two_open_lessons_one_is_chosen_and_without_any_it_says_so(branch: SmallBranch) -> None:
    await branch.hear(message(WHO, "学习", room_id=DIRECT))
    await branch.open(LESSON)
    await branch.open(LESSON)
    await branch.hear(message(WHO, "学习", room_id=DIRECT), message(WHO, "学习 2", room_id=DIRECT))
    await branch.hear(message(WHO, "学习 3", room_id=DIRECT))
    assert [key for _, key in await branch.told()] == ["lesson.none_lately", "lesson.which", "checkin.no_such_number"]
    assert len(await branch.rows(outbox.outbox.c.kind == outbox.Kind.LESSON)) == 1


# 我的数据


async def ask_data(branch: SmallBranch, post: Post, text: str = "我的数据", **where: Any) -> str:
    """Ask for the file and return its text."""
    await branch.hear(message(WHO, text, **{"room_id": DIRECT, **where}))
    await post.work()
    return post.homeserver.uploads[-1].decode("utf-8-sig")


async def test_ones_data_comes_as_a_file_in_private(branch: SmallBranch, post: Post) -> None:
    await ask_data(branch, post)
    (sent,) = post.homeserver.rooms[DIRECT]
    assert (sent.content["msgtype"], sent.content["body"]) == ("m.file", "我的数据-2026-07-01.txt")
    assert sent.content["info"] == {"mimetype": "text/plain", "size": len(post.homeserver.uploads[-1])}
    assert sent.content["url"].startswith("mxc://")


async def test_asked_for_in_the_room_it_comes_in_private_and_in_english_too(branch: SmallBranch, post: Post) -> None:
    await branch.hear(message(WHO, "我的数据"), message(account(LI), "my data", room_id=private_room(LI)))
    await post.work()
    assert EAST_ROOM not in post.homeserver.rooms
    (sent,) = post.homeserver.rooms[private_room(LI)]
    assert sent.content["body"] == "my-data-2026-07-01.txt"
    assert "== Roster ==" in post.homeserver.uploads[-1].decode("utf-8-sig")


async def test_it_holds_what_was_said_and_nobody_elses(branch: SmallBranch, clock: HandClock, post: Post) -> None:
    await branch.open(ROLL)
    await branch.hear(message(WHO, "请假 倒班"), message(account(LI), "请假 病假"))
    await branch.hear(message(WHO, "更正 我的岗位变了", room_id=DIRECT))
    await branch.hear(message(account(WANG), "更正 别人的话", room_id=private_room(WANG)))
    text = await ask_data(branch, post)
    for expected in ("张明", "倒班", "我的岗位变了", "主题党日", "正式党员", WHO):
        assert expected in text, expected
    for stranger in ("李强", "王丽", "病假", "别人的话"):
        assert stranger not in text, stranger


async def test_no_secret_stands_in_it(branch: SmallBranch) -> None:
    await branch.hear(message(SECRETARY, "控制台", room_id=RoomId("!with-secretary:test")))
    held = repr(await branch.store.read(lambda unit: holdings.collect(unit, SECRETARY)))
    assert "console.link" in held
    assert TOKEN not in held
    assert hash_token(TOKEN) not in held


async def test_the_file_is_given_once_an_hour(branch: SmallBranch, clock: HandClock, post: Post) -> None:
    await ask_data(branch, post)
    clock.forward(minutes=59)
    await branch.hear(message(WHO, "我的数据", room_id=DIRECT))
    assert await branch.told() == [(WHO, "disclosure.too_soon")]
    clock.forward(minutes=1)
    await ask_data(branch, post)
    assert len(post.homeserver.uploads) == 2


async def test_nothing_of_the_file_is_kept(branch: SmallBranch, post: Post) -> None:
    await ask_data(branch, post)
    assert "这里是支部" not in await branch.everything()


async def test_where_things_are_encrypted_the_file_never_goes_into_a_room_in_clear(
    branch: SmallBranch, clock: HandClock
) -> None:
    branch.settings = type(branch.settings)(console="https://console.test", secret=lambda: "x", me=ME, encrypted=True)
    await branch.hear(message(WHO, "我的数据", room_id=DIRECT))
    assert await branch.told() == [(WHO, "disclosure.plain_room")]
    await branch.store.settle(notes=[DirectRoomKept(user=WHO, room=DIRECT, encrypted=True)])
    post = Post(branch, clock, encrypted=True)
    await branch.hear(message(WHO, "我的数据", room_id=DIRECT))
    await post.work()
    assert post.homeserver.uploads == []
    post.homeserver.encrypted_rooms.add(DIRECT)
    clock.forward(hours=1)
    await branch.hear(message(WHO, "我的数据", room_id=DIRECT))
    await post.work()
    (sent,) = [one for one in post.homeserver.rooms[DIRECT] if one.content["msgtype"] == "m.file"]
    assert "file" in sent.content
    assert "url" not in sent.content


async def test_strangers_and_people_without_a_place_on_the_roster_get_theirs_too(
    branch: SmallBranch, post: Post
) -> None:
    await branch.hear(message(SECRETARY, "我的数据", room_id=RoomId("!with-secretary:test")))
    await post.work()
    assert "书记" in post.homeserver.uploads[-1].decode("utf-8-sig")


# What is not understood


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("签到？", "签到"),
        ("我要签到", "签到"),
        ("怎么请假", "请假"),
        ("我今天值班", "请假"),
        ("想补课", "补学"),
        ("hepl", "help"),
        ("abstian", "abstain"),
        ("看看我的数据呗", "我的数据"),
        ("我想问请假怎么弄", "请假"),
        ("我想问下签到怎么用", "签到"),
        ("補學是什麼？請問", "补学"),
        ("帮忙查一下学时", "学时"),
        ("我的学时有误吧", "学时"),
        ("我想问个事情", "提问"),
        ("怎么用呀你", "帮助"),
        ("请假还是签到", "请假"),
    ],
)
def test_the_nearest_word_is_guessed(text: str, word: str) -> None:
    assert nearest(text) == word


@pytest.mark.parametrize("text", ["我想入党", "发票", "你好", "今天天气真好", "家里有事", "hello there", ""])
def test_where_nothing_is_near_nothing_is_guessed(text: str) -> None:
    assert nearest(text) is None


async def test_not_understood_is_said_every_ten_seconds_at_most_and_eight_times_an_hour(
    branch: SmallBranch, clock: HandClock
) -> None:
    for number in range(360):
        await branch.hear(message(WHO, "在吗", room_id=DIRECT), message(WHO, "在不在", room_id=DIRECT))
        assert len(await branch.told()) == min(number + 1, 8)
        clock.forward(seconds=10)
    assert await branch.told() == [(WHO, "help.here")] * 8
    await branch.hear(message(WHO, "在吗", room_id=DIRECT))
    assert len(await branch.told()) == 9


@pytest.mark.parametrize(("text", "language"), [("what now", "en"), ("hepl", "en"), ("在不在", None), ("??", None)])
async def test_who_is_not_understood_is_told_so_in_their_language(
    branch: SmallBranch, text: str, language: str | None
) -> None:
    await branch.hear(message(WHO, text, room_id=DIRECT))
    assert [row.language for row in await branch.rows()] == [language]


async def test_one_persons_riddles_do_not_silence_another(branch: SmallBranch) -> None:
    await branch.hear(message(WHO, "在吗", room_id=DIRECT), message(account(LI), "在吗", room_id=private_room(LI)))
    assert await branch.told() == [(WHO, "help.here"), (account(LI), "help.here")]


@pytest.mark.parametrize(
    "text", ["收到", "收到！", "收到，谢谢", "好的", "OK", "👌", "👍", "谢谢", "知道了", "Thanks!"]
)
async def test_thanks_are_never_answered(branch: SmallBranch, text: str) -> None:
    before = await branch.everything()
    await branch.hear(message(WHO, text, room_id=DIRECT), message(WHO, f"支部助手 {text}", mention=True))
    assert await branch.everything() == before


@pytest.mark.parametrize(
    "text",
    ["@支部 助手 签到", "支部 助手：签到", "支部 助手 签到", "签到 @支部 助手", "@zhibu 签到", "@zhibu:test: 签到"],
)
async def test_a_name_with_spaces_before_or_after_the_word_is_no_part_of_it(branch: SmallBranch, text: str) -> None:
    id = await branch.open(ROLL)
    await name_bot(branch, "支部 助手")
    await branch.hear(message(WHO, text, mention=True))
    assert (await branch.state(id, ZHANG)).value == "done"


async def name_bot(branch: SmallBranch, name: str) -> None:
    """Let the bot have a name in the room."""
    seen = StateSeen(
        room=EAST_ROOM,
        type="m.room.member",
        state_key=ME,
        sender=ME,
        event_id=EventId("$me"),
        content={"membership": "join", "displayname": name},
    )
    await branch.store.settle(notes=[seen])


@pytest.mark.parametrize(
    "text",
    [
        "@支部助手 签到",
        "＠支部助手签到",
        "＠支部助手：签到",
        "@支部助手，签到",
        "@支部助手\n签到",
        "@Zhibu 签到",
        "@zhibu:test 签到",
    ],
)
async def test_a_name_that_is_typed_by_hand_is_a_mention(branch: SmallBranch, text: str) -> None:
    id = await branch.open(ROLL)
    await name_bot(branch, "支部助手")
    heard = message(WHO, text)
    assert not is_plain_talk(heard, ME)
    await branch.hear(heard)
    assert (await branch.state(id, ZHANG)).value == "done"
    await branch.hear(message(WHO, text.replace("签到", "学时")), message(WHO, "@支部助手 开会了吗"))
    assert [key for _, key in await branch.told()][-2:] == ["hours.message", "help.not_understood"]


@pytest.mark.parametrize(
    "text",
    [
        "@支部助手们 签到",
        "@支部助手们签到",
        "@支部 签到",
        "支部助手 签到",
        "@zhibu2 签到",
        "@zhibu:elsewhere.test 签到",
        "@张明 签到",
        "@",
    ],
)
async def test_the_name_of_somebody_else_is_none(branch: SmallBranch, text: str) -> None:
    id = await branch.open(ROLL)
    await name_bot(branch, "支部助手")
    before = await branch.everything()
    await branch.hear(message(WHO, text))
    assert (await branch.state(id, ZHANG)).value == "open"
    assert await branch.everything() == before


def test_what_names_the_account_is_for_us_in_slow_mode_too() -> None:
    assert is_for_us(message(WHO, "@zhibu 我的"), ME)
    assert not is_for_us(message(WHO, "@zhibu2 我的"), ME)


# Help


@pytest.mark.parametrize(
    ("sender", "where", "keys"),
    [
        (WHO, DIRECT, ["help.member", "help.kept"]),
        (WHO, EAST_ROOM, ["help.room", "help.kept"]),
        (SECRETARY, RoomId("!with-secretary:test"), ["help.organiser", "help.moderator", "help.kept"]),
        (SECRETARY, EAST_ROOM, ["help.organiser_room", "help.kept"]),
        (UserId("@stranger:test"), EAST_ROOM, ["help.stranger", "help.kept"]),
    ],
)
async def test_help_fits_the_place_and_who_asks(
    branch: SmallBranch, sender: UserId, where: RoomId, keys: list[str]
) -> None:
    await branch.hear(message(sender, "帮助", room_id=where))
    (row,) = [row for row in await branch.rows() if row.words]
    assert (row.user_id, row.room_id) == (sender, None)
    assert [line["key"] for line in row.words["parameters"]["lines"]["lines"]] == keys


async def test_a_member_who_reads_english_is_told_of_news_in_english(branch: SmallBranch, post: Post) -> None:
    member = Member(id=ZHANG, organisation=EAST, name="张明", user=WHO, category="正式党员", language="en")
    await branch.store.settle(notes=[MemberChanged(member=member)])
    await post.do(Tell(user=WHO, words=words("makeup.nothing"), unasked=True))
    assert post.said() == ["Nothing to make up; you are up to date."]


def test_words_that_leave_an_answer_out_are_no_commands() -> None:
    assert SKIPPED & {word for all_words in WORDS.values() for word in all_words} == set()
