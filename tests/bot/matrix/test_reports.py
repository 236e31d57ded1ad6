"""What a member reports by their client, and what is said around a message, as a real homeserver tells it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from bot.matrix.events import Event
from bot.matrix.faults import Fault, Kind
from tests.bot.matrix.conftest import Bots, MakeAccount, People

pytestmark = pytest.mark.synapse


async def test_reports_are_read_by_an_administrator_alone_and_each_once(
    bots: Bots, people: People, account: MakeAccount
) -> None:
    admin = await account("keeper", admin=True)
    bot = await bots.start(localpart=admin.user_id[1:].partition(":")[0])
    writer, reporter = await people.plain(), await people.plain()
    room = await bot.create_room(encrypted=False, invite=[writer.user_id, reporter.user_id])
    for member in (writer, reporter):
        await member.join(room)
    said = [await writer.say(room, f"话{number}") for number in range(4)]
    for event in said[1:3]:
        await reporter.ask("POST", f"/v3/rooms/{quote(room)}/report/{quote(event)}", {"reason": "骂人"})
    found = await bot.event_reports(None)
    assert found is not None
    ours = [one for one in found if one.room == room]
    assert [(one.event, one.about, one.reporter, one.reason) for one in ours] == [
        (event, writer.user_id, reporter.user_id, "骂人") for event in said[1:3]
    ]
    assert await bot.event_reports(ours[0].number) == tuple(one for one in found if one.number > ours[0].number)
    assert await bot.event_reports(ours[-1].number) == ()
    around = await bot.around(room, said[2], 1)
    assert [one.content["body"] for one in around if isinstance(one, Event)] == ["话1", "话2", "话3"]
    week_ago = datetime.now(UTC) - timedelta(days=7)
    lately, whole = await bot.lately(room, week_ago, 500)
    assert [one.content["body"] for one in lately if isinstance(one, Event) and "body" in one.content] == [
        f"话{number}" for number in range(4)
    ]
    assert whole
    newest, whole = await bot.lately(room, week_ago, 2)
    assert [one.event_id for one in newest] == said[2:]
    assert not whole
    assert await bot.lately(room, datetime.now(UTC) + timedelta(days=1), 500) == ((), True)
    with pytest.raises(Fault) as refused:
        await bot.around(room, "$nothing", 1)
    assert refused.value.kind in (Kind.MISSING, Kind.REFUSED)
    other = await bots.start()
    assert await other.event_reports(None) is None
