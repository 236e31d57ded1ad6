"""Bad inputs of every kind ask for nothing, or are read for what they mean, and never leave a trace of a mistake."""

from __future__ import annotations

from typing import Any

import pytest

from content.checkins import State
from content.identifiers import UserId
from tests.small_branch import LI, ROLL, SECRETARY, ZHANG, SmallBranch, account, event, message, private_room


def text(body: str, **content: Any) -> Any:
    return event(account(ZHANG), "m.room.message", {"msgtype": "m.text", "body": body, **content})


NOTHING: list[Any] = [
    pytest.param(text(""), id="I001 empty"),
    pytest.param(text("   \n "), id="I001 spaces"),
    pytest.param(text("\u200b\ufeff\u2060"), id="I001 zero width"),
    pytest.param(text("签" * 60_000), id="I007 long"),
    pytest.param(text("早上好，记得签到哦，别忘了"), id="I015 in the middle"),
    pytest.param(text("> <@a:test> 签到\n\n好的"), id="I015 quoted"),
    pytest.param(text("```\n签到\n```"), id="I016 code block"),
    pytest.param(
        text("大家好", formatted_body="签到", format="org.matrix.custom.html"), id="I017 other formatted body"
    ),
    pytest.param(text("签到", msgtype="m.emote"), id="I018 emote"),
    pytest.param(text("签到", msgtype="m.image", url="mxc://a/b"), id="I018 caption"),
    pytest.param(event(account(ZHANG), "m.room.topic", {"topic": "签到"}, state_key=""), id="I041 topic"),
    pytest.param(event(account(ZHANG), "m.room.name", {"name": "签到"}, state_key=""), id="I041 name"),
    pytest.param(text("签到", msgtype="m.location", geo_uri="geo:1,2"), id="I044 location"),
    pytest.param(text("签到", msgtype="m.audio"), id="I044 voice"),
    pytest.param(event(account(ZHANG), "m.sticker", {"body": "签到", "url": "mxc://a/b"}), id="I044 sticker"),
]


@pytest.mark.parametrize("said", NOTHING)
async def test_in_a_room_it_asks_for_nothing(branch: SmallBranch, said: Any) -> None:
    """I001, I007, I015 to I018, I041, I044: silence in the room, and no trace."""
    id = await branch.open(ROLL)
    before = await branch.size()
    await branch.hear(said)
    assert await branch.state(id, ZHANG) is State.OPEN
    assert await branch.size() == before


@pytest.mark.parametrize("name", ["书记 (admin)", "管理员", "\u202e记书", "sеcretary"])
async def test_a_name_gives_nobody_a_right(branch: SmallBranch, name: str) -> None:
    """I004, I023, X02, X04: authority comes from the account on the roster, never from how one is called."""
    who = UserId("@mallory:test")
    joined = event(who, "m.room.member", {"membership": "join", "displayname": name}, state_key=who)
    await branch.hear(joined, message(who, "投票 几点; 早; 晚", mention=True), message(who, "控制台", mention=True))
    assert [row.kind for row in await branch.rows() if row.kind != "tell"] == []


@pytest.mark.parametrize("said", ["签到\u202e", "\u200b签到", "签到\u2060。", "“签到”", "签到!"])
async def test_signs_that_nobody_sees_change_nothing(branch: SmallBranch, said: str) -> None:
    """I001, I003, I004."""
    id = await branch.open(ROLL)
    await branch.hear(message(account(LI), said, room_id=private_room(LI)))
    assert await branch.state(id, LI) is State.DONE


@pytest.mark.parametrize("pattern", ["签到 (a+)+$", "{0.__class__}", "%s%s%n", "'; DROP TABLE members", "${jndi:x}"])
async def test_a_pattern_is_text(branch: SmallBranch, pattern: str) -> None:
    """I035, I036, I037: nothing that is said is ever a pattern."""
    await branch.open(ROLL)
    for room in (private_room(LI), None):
        more = {"room_id": room} if room else {}
        await branch.hear(message(account(LI), pattern, **more))
    assert "dead" not in {row.kind for row in await branch.rows()}
    assert (await branch.size())["dead_letters"] == 0


async def test_ten_thousand_arguments_are_refused_in_one_sentence(branch: SmallBranch) -> None:
    """I008."""
    await branch.hear(message(SECRETARY, "投票 几点; " + "; ".join("选项" for _ in range(10_000)), mention=True))
    assert len(await branch.told()) == 1
    assert (await branch.size())["polls"] == 0


AMOUNTS = ["-1", "0", "0.001", "1,000.00", "１００", "NaN", "inf", "1e9999999", "100元"]


@pytest.mark.parametrize("amount", AMOUNTS)
async def test_an_amount_is_no_answer_that_was_offered(branch: SmallBranch, amount: str) -> None:
    """I013: there is no money here yet; as the number of an answer none of these chooses anything, or breaks a rule."""
    await branch.hear(message(SECRETARY, "投票 几点; 早; 晚", mention=True))
    before = await branch.size()
    await branch.hear(message(account(ZHANG), f"投票 {amount}", room_id=private_room(ZHANG)))
    after = await branch.size()
    assert {name for name in after if after[name] != before[name]} <= {"audit", "causes", "outbox", "misreadings"}
    assert len([one for one in await branch.told() if one[0] == account(ZHANG)]) == 1


DATES = [
    "2026-02-30 18:00",
    "2026-13-01 18:00",
    "02/03/26 18:00",
    "明天",
    "0000-01-01 18:00",
    "9999-12-31 24:00",
    "24:00",
    "18:60",
    "2026-07-02T18:00:00+02:00",
    "2月30日 18:00",
]


@pytest.mark.parametrize("date", DATES)
async def test_a_date_that_is_none_or_could_be_two_is_refused_and_never_guessed(branch: SmallBranch, date: str) -> None:
    """I014."""
    await branch.hear(message(SECRETARY, f"投票 几点; 早; 晚; 截止 {date}", mention=True))
    assert await branch.told() == [(SECRETARY, "poll.bad_time")]
    assert (await branch.size())["polls"] == 0


@pytest.mark.parametrize("date", ["0001-01-01 18:00", "9999-12-31 18:00"])
async def test_a_deadline_that_is_over_or_out_of_sight_is_refused(branch: SmallBranch, date: str) -> None:
    """I014, F22."""
    await branch.hear(message(SECRETARY, f"投票 几点; 早; 晚; 截止 {date}", mention=True))
    (told,) = await branch.told()
    assert told[0] == SECRETARY
    assert (await branch.size())["polls"] == 0
