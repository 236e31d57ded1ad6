"""Digests reach their rooms once, in words and as a picture of the same numbers, and not in quiet hours."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from bot import digests
from content.checkins import State
from content.decision import Words
from content.digests import MOST_LISTED, SETTING, Fate, Sort, bars_of
from content.identifiers import OrganisationId, RoomId, ScheduleId
from content.participation import share
from content.recurrences import Recurrence
from content.reviews import Stage
from content.rooms import Purpose, Room, RoomKept, RoomLost
from content.schedules import LessonsScheduled, materialise
from content.settings import QUIET_HOURS, SettingChosen
from content.speech import Reader
from storage import outbox
from storage.digests import digests as table
from storage.phrases import load_words
from tests.bot.test_delivery import Post
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import EAST, EAST_ROOM, LI, ROLL, ROOF, SECRETARY, WANG, ZHANG, HandClock, SmallBranch
from tests.storage.test_series import RULE
from zhibu.catalogue import load_speech

COMMITTEE = RoomId("!committee:test")
MONDAY = datetime(2026, 7, 6, 1, 0, tzinfo=UTC)
"""Nine o'clock in Shanghai, the Monday after the small branch's Wednesday."""


async def choose(branch: SmallBranch, name: str, value: str | None, place: OrganisationId = ROOF) -> None:
    await branch.store.settle(notes=[SettingChosen(organisation=place, name=name, value=value)])


async def tick(branch: SmallBranch) -> None:
    await digests.plan(branch.store, branch.clock.now)
    await digests.tell(branch.store, branch.clock.now, "https://console.test")


async def said(branch: SmallBranch) -> list[tuple[str, str, Words]]:
    rows = await branch.rows(outbox.outbox.c.kind.in_([outbox.Kind.SAY, outbox.Kind.FIGURE]))
    return [(row.kind, row.room_id, load_words(row.words)) for row in rows]


async def fates(branch: SmallBranch) -> list[tuple[str, str, str]]:
    query = table.select().order_by(table.c.on_day, table.c.organisation_id)
    rows = await branch.store.read(lambda unit: unit.rows(query))
    return [(row.organisation_id, row.on_day.isoformat(), row.fate) for row in rows]


@pytest.fixture
async def committee(branch: SmallBranch) -> SmallBranch:
    """Give the small branch a room of its committee, a week in which something was held, and a digest each Monday."""
    room = Room(id=COMMITTEE, organisation=ROOF, purpose=Purpose.COMMITTEE, name="支委会", encrypted=False)
    await branch.store.settle(notes=[RoomKept(room=room)])
    roll = await branch.open(ROLL)
    await branch.answer(roll, ZHANG)
    await branch.answer(roll, LI)
    await branch.answer(roll, WANG, leave="倒班")
    await choose(branch, SETTING[Sort.WEEKLY], "1-9")
    await tick(branch)
    return branch


async def test_it_is_told_once_with_the_numbers_that_pages_ask_for(committee: SmallBranch, clock: HandClock) -> None:
    assert await said(committee) == [], "what is switched on begins with the next time that it is due"
    clock.now = MONDAY
    for _ in range(3):
        await tick(committee)
    (text, figure) = await said(committee)
    assert [(one[0], one[1]) for one in (text, figure)] == [("say", COMMITTEE), ("figure", COMMITTEE)]
    lines = {one.key: one.parameters for one in text[2].parameters["lines"]}  # type: ignore[union-attr]
    counted = share({State.DONE: 2, State.EXCUSED: 1, State.OPEN: 2})
    took_part = lines["digest.took_part"]
    assert (took_part["took_part"], took_part["asked"], took_part["excused"]) == (2, counted.asked, 1)
    assert lines["digest.head_weekly"]["since"] == "2026-06-29"
    assert bars_of(figure[2])[-1] == ("06-29", counted.percent)
    for name in ("张明", "李强", "王丽", "赵敏", "孙伟"):
        assert name not in str(text[2]) + str(figure[2])
    assert await fates(committee) == [("roof", "2026-07-06", Fate.POSTED), ("roof", "2026-07-13", Fate.PLANNED)]


async def test_it_reaches_the_room_in_words_and_as_a_picture_with_them(
    committee: SmallBranch, clock: HandClock
) -> None:
    clock.now = MONDAY
    await tick(committee)
    post = Post(committee, FakeHomeserver(clock))
    for _ in range(3):
        await post.work()
    text, picture = post.homeserver.rooms[COMMITTEE]
    assert text.content["body"].startswith(
        "【一周小结】roof支部，2026-06-29 至 2026-07-05\n学习和活动 1 次：主题党日。\n"
    )
    assert picture.content["msgtype"] == "m.image"
    assert picture.content["info"]["mimetype"] == "image/png"
    assert "06-29：2/5（40%）" in picture.content["body"]
    assert "05-11：没有数据" in picture.content["body"]


async def test_in_quiet_hours_it_waits_until_they_end(committee: SmallBranch, clock: HandClock) -> None:
    await choose(committee, QUIET_HOURS, "21-10")
    clock.now = MONDAY
    await tick(committee)
    assert await said(committee) == []
    clock.forward(hours=1)
    await tick(committee)
    assert len(await said(committee)) == 2


async def test_one_that_is_put_off_to_a_later_hour_of_its_day_is_told_then(
    committee: SmallBranch, clock: HandClock
) -> None:
    await choose(committee, QUIET_HOURS, "21-10")
    clock.now = MONDAY
    await tick(committee)
    await choose(committee, SETTING[Sort.WEEKLY], "1-18")
    clock.forward(hours=1)
    for _ in range(2):
        await tick(committee)
    assert await fates(committee) == [("roof", "2026-07-06", Fate.PLANNED)]
    clock.forward(hours=8)
    await tick(committee)
    assert len(await said(committee)) == 2
    assert await fates(committee) == [("roof", "2026-07-06", Fate.POSTED), ("roof", "2026-07-13", Fate.PLANNED)]


async def test_after_weeks_away_only_the_newest_is_told(committee: SmallBranch, clock: HandClock) -> None:
    await committee.open()
    clock.now = MONDAY.replace(day=22)
    for _ in range(3):
        await tick(committee)
    assert [fate for _, _, fate in await fates(committee)] == [Fate.REPLACED, Fate.EMPTY, Fate.PLANNED]
    assert await said(committee) == []


async def test_what_waits_for_the_homeserver_gives_way_to_the_next(committee: SmallBranch, clock: HandClock) -> None:
    clock.now = MONDAY
    await tick(committee)
    clock.forward(days=7, minutes=1)
    await committee.claim()
    rows = await committee.rows(outbox.outbox.c.kind == outbox.Kind.SAY)
    assert [row.state for row in rows] == [outbox.State.EXPIRED]


async def test_a_branch_hears_of_its_month_where_that_is_wanted(committee: SmallBranch, clock: HandClock) -> None:
    await choose(committee, SETTING[Sort.MONTHLY], "1-9", EAST)
    await choose(committee, SETTING[Sort.WEEKLY], None)
    await tick(committee)
    clock.now = datetime(2026, 8, 1, 1, 0, tzinfo=UTC)
    await tick(committee)
    (text, _) = await said(committee)
    assert text[1] == EAST_ROOM
    keys = [one.key for one in text[2].parameters["lines"]]  # type: ignore[union-attr]
    assert "burden.line" in keys
    assert not [key for key in keys if key.startswith("digest.waiting_")]


async def test_a_room_hears_only_of_what_is_read_and_certain(committee: SmallBranch, clock: HandClock) -> None:
    def lesson(name: str, *, guessed: bool = False, review: Stage = Stage.APPROVED) -> LessonsScheduled:
        rule = replace(RULE, id=ScheduleId(name), start=date(2026, 7, 8), count=1, recurrence=Recurrence.ONCE)
        (one,) = materialise(rule)
        return LessonsScheduled(
            schedule=rule, planned=(replace(one, provisional=guessed),), author=SECRETARY, review=review
        )

    unread = [lesson(f"unread{n}", review=Stage.WAITING) for n in range(MOST_LISTED)]
    await committee.store.settle(notes=[*unread, lesson("guessed", guessed=True), lesson("certain")])
    clock.now = MONDAY
    await tick(committee)
    (text, _) = await said(committee)
    (planned,) = [one for one in text[2].parameters["lines"] if one.key == "digest.planned"]  # type: ignore[union-attr]
    assert len(planned.parameters["lines"]) == 1  # type: ignore[arg-type]


async def test_without_its_room_nothing_is_planned_and_what_was_is_let_go(
    committee: SmallBranch, clock: HandClock
) -> None:
    await committee.store.settle(notes=[RoomLost(room=COMMITTEE, reason="left")])
    await tick(committee)
    assert [fate for _, _, fate in await fates(committee)] == [Fate.DROPPED]
    clock.now = MONDAY
    await tick(committee)
    assert await said(committee) == []


async def test_a_branchs_committee_is_told_what_may_be_held_and_a_branchs_room_is_not(
    branch: SmallBranch, clock: HandClock
) -> None:
    """Issue 8, part 1: in words, in the one digest of the week."""
    room = Room(id=COMMITTEE, organisation=EAST, purpose=Purpose.COMMITTEE, name="支委会", encrypted=False)
    await branch.store.settle(notes=[RoomKept(room=room)])
    await choose(branch, SETTING[Sort.WEEKLY], "1-9", EAST)
    await choose(branch, SETTING[Sort.MONTHLY], "6-9", EAST)
    await tick(branch)
    clock.now = MONDAY
    await tick(branch)
    (text, _) = (one for one in await said(branch) if one[1] == COMMITTEE)
    lines = {one.key: one.parameters for one in text[2].parameters["lines"]}  # type: ignore[union-attr]
    told = load_speech().say(text[2], Reader(language="zh_CN", timezone="Asia/Shanghai"))
    assert "本季度党课未排，9月24日前可补一次" in told
    assert "本月党小组会（east-group支部）未排，25 日前可补一次" in told
    assert "支委会未排" not in told, "three members have no committee"
    assert "digest.suggestions" in lines
    assert all("digest.suggestions" not in str(one[2]) for one in await said(branch) if one[1] == EAST_ROOM)
