"""What is for one person only: help, one's own record, binding an account, the way into the console."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot.commands.console import hash_token
from bot.commands.members import hash_code
from content import sessions
from content.decision import Decision, Refusal
from content.identifiers import EventId, RoomId, UserId
from content.members import CodeIssued, MemberChanged
from content.rooms import DirectRoomKept
from storage import members, rooms
from storage import sessions as stored
from storage.rooms import StateSeen
from storage.store import Step
from tests.small_branch import (
    LI,
    ME,
    SECRETARY,
    SUN,
    TOKEN,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    message,
    private_room,
)

WHO = account(ZHANG)
WITH_SECRETARY = RoomId("!with-secretary:test")
NEWCOMER, WITH_NEWCOMER = UserId("@sun:test"), RoomId("!with-newcomer:test")
CODE = "ABCDE-FGHJK"


def joined(*users: UserId, room: RoomId = WITH_NEWCOMER, maker: UserId | None = None) -> list[StateSeen]:
    """Say who is in a room; the first of them, or another, made it, and it is closed."""

    def seen(kind: str, key: str, sender: UserId, content: dict[str, Any]) -> StateSeen:
        return StateSeen(room=room, type=kind, state_key=key, sender=sender, event_id=EventId("$s"), content=content)

    made_by = maker or users[0]
    return [
        seen("m.room.create", "", made_by, {"room_version": "12"}),
        seen("m.room.join_rules", "", made_by, {"join_rule": "invite"}),
        *(seen("m.room.member", user, user, {"membership": "join"}) for user in users),
    ]


async def lines(branch: SmallBranch) -> list[str]:
    """Return the keys of the lines of the one answer that waits."""
    (row,) = [row for row in await branch.rows() if row.words]
    return [line["key"] for line in row.words["parameters"]["lines"]["lines"]]


async def test_help_fits_who_asks(branch: SmallBranch) -> None:
    await branch.hear(message(WHO, "帮助", room_id=private_room(ZHANG)))
    assert await lines(branch) == ["help.member", "help.kept"]
    await branch.send_all()
    await branch.hear(message(SECRETARY, "help", room_id=WITH_SECRETARY))
    assert await lines(branch) == ["help.organiser", "help.moderator", "help.kept"]


async def test_ones_own_record_shows_the_year_and_what_waits(branch: SmallBranch) -> None:
    await branch.hear(message(WHO, "我的", room_id=private_room(ZHANG)))
    assert await lines(branch) == ["mine.summary", "mine.year", "hours.mine_of", "mine.nothing_waiting", "mine.wrong"]
    await branch.send_all()
    await branch.open()
    await branch.hear(message(WHO, "mine", room_id=private_room(ZHANG)))
    assert await lines(branch) == ["mine.summary", "mine.year", "hours.mine_of", "mine.waiting", "mine.wrong"]


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        ({"status": "留党察看"}, ["franchise.watched"]),
        ({"category": "预备党员"}, ["franchise.probationary"]),
        ({"category": "入党积极分子"}, []),
        ({}, []),
    ],
)
async def test_why_one_may_not_vote_is_said_to_oneself(
    branch: SmallBranch, standing: dict[str, str], said: list[str]
) -> None:
    one = await branch.store.read(lambda unit: members.member(unit, ZHANG))
    assert one is not None
    await branch.store.settle(notes=[MemberChanged(member=replace(one, **{"category": "正式党员", **standing}))])
    await branch.hear(message(WHO, "我的", room_id=private_room(ZHANG)))
    told = await lines(branch)
    assert told == [
        "mine.summary",
        *["mine.no_vote"] * len(said),
        "mine.year",
        # Only who is a member has hours to learn.
        *(["hours.mine_of"] if "入党积极分子" not in standing.values() else []),
        "mine.nothing_waiting",
        "mine.wrong",
    ]
    (row,) = [row for row in await branch.rows() if row.words]
    assert all(key in str(row.words) for key in said)


async def test_a_code_in_private_makes_the_account_ones_own_once(branch: SmallBranch, clock: HandClock) -> None:
    code = CodeIssued(member=SUN, code_hash=hash_code(CODE), expires_at=clock.now + timedelta(days=1))
    await branch.store.settle(notes=[code, *joined(NEWCOMER, ME)])
    await branch.hear(message(NEWCOMER, "绑定 abcde fghjk", room_id=WITH_NEWCOMER))
    await branch.hear(message(NEWCOMER, f"绑定 {CODE.lower()}", room_id=WITH_NEWCOMER))
    found = await branch.store.read(lambda unit: members.by_user(unit, NEWCOMER))
    assert found is not None
    assert found.id == SUN
    assert (await branch.told())[-1] == (NEWCOMER, "binding.done")
    other = UserId("@thief:test")
    await branch.store.settle(notes=joined(other, ME, room=RoomId("!thief:test")))
    await branch.hear(message(other, f"绑定 {CODE}", room_id=RoomId("!thief:test")))
    assert (await branch.told())[-1] == (other, "binding.bad_code")
    assert CODE not in await branch.everything()


@pytest.mark.parametrize(
    "typed", ["ABCDE-FGHJK", "abcde-fghjk", "ABCDEFGHJK", "ＡＢＣＤＥ－ＦＧＨＪＫ", "「ABCDE-FGHJK」"]
)
async def test_a_code_is_read_however_it_is_typed(branch: SmallBranch, clock: HandClock, typed: str) -> None:
    code = CodeIssued(member=SUN, code_hash=hash_code(CODE), expires_at=clock.now + timedelta(days=1))
    await branch.store.settle(notes=[code, *joined(NEWCOMER, ME)])
    await branch.hear(message(NEWCOMER, f"绑定 {typed}", room_id=WITH_NEWCOMER))
    assert await branch.told() == [(NEWCOMER, "binding.done")]


async def test_a_code_that_is_over_does_not_bind(branch: SmallBranch, clock: HandClock) -> None:
    code = CodeIssued(member=SUN, code_hash=hash_code(CODE), expires_at=clock.now)
    await branch.store.settle(notes=[code, *joined(NEWCOMER, ME)])
    await branch.hear(message(NEWCOMER, f"绑定 {CODE}", room_id=WITH_NEWCOMER))
    assert await branch.told() == [(NEWCOMER, "binding.bad_code")]


async def test_a_newer_code_ends_the_older(branch: SmallBranch, clock: HandClock) -> None:
    later = clock.now + timedelta(days=1)
    codes = [CodeIssued(member=SUN, code_hash=hash_code(code), expires_at=later) for code in (CODE, "ZZZZZ-ZZZZZ")]
    await branch.store.settle(notes=[*codes, *joined(NEWCOMER, ME)])
    await branch.hear(message(NEWCOMER, f"绑定 {CODE}", room_id=WITH_NEWCOMER))
    assert await branch.told() == [(NEWCOMER, "binding.bad_code")]


async def test_a_member_cannot_take_a_second_place(branch: SmallBranch, clock: HandClock) -> None:
    code = CodeIssued(member=SUN, code_hash=hash_code(CODE), expires_at=clock.now + timedelta(days=1))
    await branch.store.settle(notes=[code])
    await branch.hear(message(WHO, f"绑定 {CODE}", room_id=private_room(ZHANG)))
    assert await branch.told() == [(WHO, "binding.you_are_bound")]


async def test_a_code_said_in_the_room_is_not_used(branch: SmallBranch, clock: HandClock) -> None:
    code = CodeIssued(member=SUN, code_hash=hash_code(CODE), expires_at=clock.now + timedelta(days=1))
    await branch.store.settle(notes=[code])
    await branch.hear(message(NEWCOMER, f"绑定 {CODE}"), message(NEWCOMER, f"bot: 绑定 {CODE}", mention=True))
    assert await branch.store.read(lambda unit: members.by_user(unit, NEWCOMER)) is None
    assert await branch.told() == [(NEWCOMER, "binding.private_only")]


async def test_a_private_room_is_learned_of_when_it_is_first_used(branch: SmallBranch) -> None:
    await branch.store.settle(notes=joined(NEWCOMER, ME))
    await branch.hear(message(NEWCOMER, "你好", room_id=WITH_NEWCOMER))
    known = await branch.store.read(lambda unit: rooms.direct_room(unit, NEWCOMER, ME))
    assert known == (WITH_NEWCOMER, False)
    assert await branch.told() == [(NEWCOMER, "help.stranger_not_understood")]


async def test_a_room_of_three_is_not_private(branch: SmallBranch) -> None:
    await branch.store.settle(notes=joined(NEWCOMER, ME, account(LI)))
    before = await branch.size()
    await branch.hear(message(NEWCOMER, "帮助", room_id=WITH_NEWCOMER))
    assert await branch.size() == before


async def test_a_private_room_that_lets_a_third_person_in_is_private_no_more(branch: SmallBranch) -> None:
    await branch.store.settle(notes=joined(NEWCOMER, ME))
    await branch.hear(message(NEWCOMER, "你好", room_id=WITH_NEWCOMER))
    await branch.store.settle(notes=joined(account(LI)))
    before = await branch.told()
    await branch.hear(message(NEWCOMER, "帮助", room_id=WITH_NEWCOMER))
    assert await branch.told() == before
    assert await branch.store.read(lambda unit: rooms.direct_room(unit, NEWCOMER, ME)) is None


async def test_a_room_that_a_third_person_made_is_never_private(branch: SmallBranch) -> None:
    await branch.store.settle(notes=joined(NEWCOMER, ME, maker=UserId("@mallory:test")))
    await branch.hear(message(NEWCOMER, "帮助", room_id=WITH_NEWCOMER))
    assert await branch.told() == []


@pytest.mark.parametrize(
    "opened",
    [
        ("m.room.join_rules", "join_rule", "public"),
        ("m.room.history_visibility", "history_visibility", "world_readable"),
    ],
)
async def test_a_room_that_others_can_read_is_not_private(branch: SmallBranch, opened: tuple[str, str, str]) -> None:
    """X25."""
    kind, key, value = opened
    notes = joined(NEWCOMER, ME)
    state = StateSeen(
        room=WITH_NEWCOMER, type=kind, state_key="", sender=NEWCOMER, event_id=EventId("$o"), content={key: value}
    )
    await branch.store.settle(notes=[*notes, state])
    await branch.hear(message(NEWCOMER, "帮助", room_id=WITH_NEWCOMER))
    assert await branch.told() == []


async def test_talk_in_another_room_does_not_move_a_private_room_that_works(branch: SmallBranch) -> None:
    trap = RoomId("!trap:test")
    before = await branch.store.read(lambda unit: rooms.direct_room(unit, WHO, ME))
    await branch.store.settle(notes=joined(WHO, ME, room=trap))
    await branch.hear(message(WHO, "帮助", room_id=trap))
    assert await branch.store.read(lambda unit: rooms.direct_room(unit, WHO, ME)) == before


async def test_who_is_not_on_the_roster_is_told_so_in_private_only(branch: SmallBranch) -> None:
    """I021, I043."""
    await branch.store.settle(notes=joined(NEWCOMER, ME))
    await branch.open()
    await branch.hear(message(NEWCOMER, "学完", room_id=WITH_NEWCOMER), message(NEWCOMER, "学完"))
    assert await branch.told() == [(NEWCOMER, "help.not_on_roster")]


async def exchange(branch: SmallBranch, session: str = "session") -> Decision | Refusal | None:
    """Use the link as the console would."""

    async def decide(unit: Any) -> Decision | Refusal:
        link = await stored.link(unit, hash_token(TOKEN))
        new = sessions.Session(id_hash=session, user=SECRETARY, csrf="csrf", made_at=unit.now, seen_at=unit.now)
        return sessions.sign_in(link, new, now=unit.now)

    (outcome,) = await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])
    return outcome.answer


async def test_a_person_with_duties_gets_a_link_that_works_once(branch: SmallBranch) -> None:
    await branch.hear(message(SECRETARY, "控制台", room_id=WITH_SECRETARY))
    (row,) = await branch.claim()
    assert row.words is not None
    assert row.words.parameters["link"] == f"https://console.test/sign-in/{TOKEN}"
    assert isinstance(await exchange(branch), Decision)
    again = await exchange(branch, "another session")
    assert isinstance(again, Refusal)
    assert again.words.key == "sign_in.used"
    session = await branch.store.read(lambda unit: stored.session(unit, "session"))
    assert session is not None
    assert session.user == SECRETARY


async def test_a_link_ends_after_a_quarter_of_an_hour(branch: SmallBranch, clock: HandClock) -> None:
    await branch.hear(message(SECRETARY, "console", room_id=WITH_SECRETARY))
    clock.forward(minutes=15)
    answer = await exchange(branch)
    assert isinstance(answer, Refusal)
    assert answer.words.key == "sign_in.expired"


async def test_without_a_duty_there_is_no_link(branch: SmallBranch) -> None:
    await branch.hear(message(WHO, "控制台", room_id=private_room(ZHANG)))
    assert await branch.told() == [(WHO, "console.no_duty")]
    assert TOKEN not in await branch.everything()


async def test_asked_for_in_the_room_the_link_comes_in_private(branch: SmallBranch) -> None:
    await branch.hear(message(SECRETARY, "控制台"))
    (row,) = await branch.rows()
    assert (row.user_id, row.room_id, row.words["key"]) == (SECRETARY, None, "console.link")


async def test_asked_for_in_clear_where_things_are_encrypted_there_is_no_link(branch: SmallBranch) -> None:
    """I040."""
    await branch.store.settle(notes=[DirectRoomKept(user=SECRETARY, room=WITH_SECRETARY, encrypted=True)])
    await branch.hear(message(SECRETARY, "控制台", room_id=WITH_SECRETARY))
    assert await branch.told() == [(SECRETARY, "console.sent_in_clear")]
    await branch.hear(message(SECRETARY, "控制台", room_id=WITH_SECRETARY, encrypted=True))
    assert (await branch.told())[-1] == (SECRETARY, "console.link")


@pytest.mark.parametrize(("said", "language"), [("help", "en"), ("帮助", "zh_CN"), ("mine", "en"), ("?", None)])
async def test_one_is_answered_in_the_language_one_asked_in(branch: SmallBranch, said: str, language: str) -> None:
    await branch.hear(message(WHO, said, room_id=private_room(ZHANG)))
    assert [row.language for row in await branch.rows()] == [language]


async def test_who_has_bound_an_account_is_asked_into_the_branch_room(branch: SmallBranch, clock: HandClock) -> None:
    code = CodeIssued(member=SUN, code_hash=hash_code(CODE), expires_at=clock.now + timedelta(days=1))
    await branch.store.settle(notes=[code, *joined(NEWCOMER, ME)])
    await branch.hear(message(NEWCOMER, f"绑定{CODE}", room_id=WITH_NEWCOMER))
    invitations = [(row.room_id, row.user_id) for row in await branch.rows() if row.kind == "invite"]
    assert len(invitations) == 1
    assert invitations[0][1] == NEWCOMER
