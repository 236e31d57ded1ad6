"""举报 in a room, by a 🚩 and by a link in private: taken quietly, from who is there, and of no one learned who."""

from __future__ import annotations

from typing import Any

import pytest

from bot.commands.complaints import _linked
from content.complaints import MOST_A_DAY, Origin
from content.identifiers import EventId, RoomId, UserId
from storage.audit import audit, causes
from storage.complaints import complaint_voices
from storage.rooms import StateSeen
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    ME,
    WEST_ROOM,
    ZHAO,
    SmallBranch,
    account,
    message,
    private_room,
    reaction,
)

WHO, SAID = account(LI), "$said:test"
STRANGER = UserId("@guest:test")


async def enter(branch: SmallBranch, user: UserId, room: RoomId = EAST_ROOM, membership: str = "join") -> None:
    """Let the bot have seen that somebody is in a room."""
    seen = StateSeen(
        room=room,
        type="m.room.member",
        state_key=user,
        sender=user,
        event_id=EventId(f"$in{user}"),
        content={"membership": membership},
    )
    await branch.store.settle(notes=[seen])


async def voices(branch: SmallBranch) -> list[Any]:
    return list(await branch.store.read(lambda unit: unit.rows(complaint_voices.select().order_by("at", "id"))))


async def traces(branch: SmallBranch) -> list[tuple[str, str]]:
    """Return what is to go from which room."""
    return [(row.room_id, row.event_id) for row in await branch.rows() if row.kind == "trace"]


async def told(branch: SmallBranch, user: UserId = WHO) -> list[str]:
    return [key for who, key in await branch.told() if who == user]


@pytest.mark.parametrize(
    ("body", "reason"),
    [("举报", "other"), ("举报 骂人", "insult"), ("舉報 廣告", "advert"), ("complaint spam", "flood")],
)
async def test_a_reply_in_the_room_is_a_complaint_about_what_it_answers(
    branch: SmallBranch, body: str, reason: str
) -> None:
    heard = message(WHO, body, reply=SAID)
    await branch.hear(heard)
    (row,) = await voices(branch)
    assert (row.event_id, row.room_id, row.reporter, row.reason) == (SAID, EAST_ROOM, WHO, reason)
    assert row.origin == Origin.ROOM
    assert await told(branch) == ["complaint.taken"]
    assert await traces(branch) == [(EAST_ROOM, heard.event_id)]


async def test_a_flag_on_a_message_is_one_too_and_once(branch: SmallBranch) -> None:
    for _ in range(2):
        await branch.hear(reaction(WHO, SAID, "🚩"))
    assert [row.event_id for row in await voices(branch)] == [SAID]
    assert await told(branch) == ["complaint.taken", "complaint.already"]


async def test_without_a_message_that_is_meant_it_is_explained_in_private_and_never_in_the_room(
    branch: SmallBranch,
) -> None:
    await branch.hear(message(WHO, "举报 电话是12380"), message(WHO, "举报电话12380"))
    assert await told(branch) == []
    await branch.hear(message(WHO, "举报 丝雀乙", room_id=private_room(LI)))
    await branch.hear(message(WHO, "举报 丝雀乙"))
    assert await told(branch) == ["complaint.how", "complaint.how_from_room"]
    assert await voices(branch) == []
    assert await traces(branch) == []
    assert [row for row in await branch.rows() if row.room_id == EAST_ROOM] == []
    assert "丝雀乙" not in await branch.everything()
    assert await branch.store.read(lambda unit: unit.rows(audit.select().where(audit.c.actor == WHO))) == []


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (f"举报 https://matrix.to/#/{EAST_ROOM}/{SAID}?via=test 骂人", "骂人"),
        ("举报https://matrix.to/#/%21east%3Atest/%24said%3Atest 骂人", "骂人"),
        ("舉報：matrix:roomid/east:test/e/said:test?via=test", ""),
        ("complaint matrix:roomid/east:test/e/said:test", ""),
    ],
)
def test_a_link_is_read_as_clients_write_it(text: str, rest: str) -> None:
    assert _linked(text) == ((EAST_ROOM, SAID), rest)


async def test_a_link_in_private_is_a_complaint_of_who_is_in_the_room(branch: SmallBranch) -> None:
    await enter(branch, WHO)
    link = f"举报 https://matrix.to/#/{EAST_ROOM}/{SAID}?via=test 骂人"
    await branch.hear(message(WHO, link, room_id=private_room(LI)))
    (row,) = await voices(branch)
    assert (row.origin, row.reason, row.event_id) == (Origin.PRIVATE, "insult", SAID)
    assert await traces(branch) == []


@pytest.mark.parametrize(
    "link",
    [
        f"https://matrix.to/#/#east:test/{SAID}?via=test",
        f"https://matrix.to/#/%23zhibu-{EAST}%3Atest/{SAID.replace('$', '%24')}",
        "matrix:r/other:test/e/said:test",
    ],
)
async def test_a_link_by_an_alias_of_the_room_is_one_too(branch: SmallBranch, link: str) -> None:
    await enter(branch, WHO)
    said = {"alias": "#east:test", "alt_aliases": ["#other:test"]}
    seen = StateSeen(
        room=EAST_ROOM,
        type="m.room.canonical_alias",
        state_key="",
        sender=ME,
        event_id=EventId("$alias"),
        content=said,
    )
    await branch.store.settle(notes=[seen])
    await branch.hear(message(WHO, f"举报 {link} 骂人", room_id=private_room(LI)))
    assert [(row.room_id, row.event_id) for row in await voices(branch)] == [(EAST_ROOM, SAID)]


async def test_an_alias_of_nobody_is_unknown(branch: SmallBranch) -> None:
    await enter(branch, WHO)
    link = f"https://matrix.to/#/#zhibu-{EAST}:elsewhere.test/{SAID}"
    await branch.hear(message(WHO, f"举报 {link}", room_id=private_room(LI)))
    assert await told(branch) == ["complaint.unknown"]


async def test_a_link_to_another_room_goes_from_the_room_where_it_was_written(branch: SmallBranch) -> None:
    await enter(branch, WHO, WEST_ROOM)
    heard = message(WHO, f"举报 https://matrix.to/#/{WEST_ROOM}/{SAID} 骂人")
    await branch.hear(heard)
    assert [row.room_id for row in await voices(branch)] == [WEST_ROOM]
    assert await traces(branch) == [(EAST_ROOM, heard.event_id)]


@pytest.mark.parametrize(
    ("body", "reply", "key"),
    [
        ("举报 " + "他骂人" * 200, SAID, "too_long"),
        (f"举报 https://matrix.to/#/!none:test/{SAID} 骂人", None, "unknown"),
        ("举报", "$" + "x" * 255, "unknown"),
        ("举报", "$said\0:test", "unknown"),
        ("举报", "said", "unknown"),
        ("举报 https://matrix.to/#/!no%00ne:test/$said:test", None, "unknown"),
    ],
)
async def test_what_is_not_taken_does_not_stay_in_the_room_either(
    branch: SmallBranch, body: str, reply: str | None, key: str
) -> None:
    heard = message(WHO, body, reply=reply)
    await branch.hear(heard)
    assert await voices(branch) == []
    assert await told(branch) == [f"complaint.{key}"]
    assert await traces(branch) == [(EAST_ROOM, heard.event_id)]
    assert await branch.store.read(lambda unit: unit.rows(audit.select().where(audit.c.actor == WHO))) == []
    said = await branch.store.read(
        lambda unit: unit.rows(causes.select().where(causes.c.cause.contains(heard.event_id)))
    )
    assert [row.at.hour for row in said] == [0]


async def test_of_a_room_in_which_one_is_not_nothing_is_said(branch: SmallBranch) -> None:
    """Not even whether there is such a room, or such a message."""
    await enter(branch, account(ZHAO), WEST_ROOM)
    for room in (EAST_ROOM, RoomId("!none:test"), WEST_ROOM):
        link = f"举报 https://matrix.to/#/{room}/{SAID}"
        await branch.hear(message(WHO, link, room_id=private_room(LI)))
    assert await told(branch) == ["complaint.unknown"] * 3
    assert await voices(branch) == []


async def test_so_many_are_taken_of_one_person_in_a_day(branch: SmallBranch) -> None:
    for number in range(MOST_A_DAY + 1):
        await branch.hear(reaction(WHO, f"$said{number}:test", "🚩"))
    assert len(await voices(branch)) == MOST_A_DAY
    assert (await told(branch))[-1] == "complaint.enough"
    assert len(await traces(branch)) == MOST_A_DAY + 1
    branch.clock.forward(days=1, minutes=1)
    await branch.hear(reaction(WHO, "$later:test", "🚩", sent_at=branch.clock.now))
    assert len(await voices(branch)) == MOST_A_DAY + 1


async def test_who_is_on_no_roster_may_complain_as_well(branch: SmallBranch) -> None:
    await branch.hear(reaction(STRANGER, SAID, "🚩"))
    assert [row.reporter for row in await voices(branch)] == [STRANGER]
