"""A poll that has ended is counted by what the homeserver holds of it, and only without that by what was heard."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from bot.charts import EDGE, ROW, draw_bars
from bot.hearing import Hearing
from bot.matrix.events import Unreadable
from bot.matrix.faults import Fault, Kind
from bot.polls import PATIENCE, Counting
from content.identifiers import UserId
from content.polls import State
from storage import outbox
from tests.bot.commands.test_polls import STRANGER, Asked, end_of, response
from tests.small_branch import EAST_ROOM, LI, WANG, ZHANG, SmallBranch, account, powers, redaction

SLOW = Fault(Kind.SLOW)
REFUSED = Fault(Kind.REFUSED, status=403, errcode="M_FORBIDDEN", permanent=True)


@pytest.fixture
def asked(branch: SmallBranch) -> Asked:
    return Asked(branch)


async def ended(asked: Asked, *referring: Any, whole: bool = True, fault: Fault | None = None) -> str:
    """Let a poll end of which the homeserver holds this, and return what was said last in its room."""
    poll = await asked.poll()
    assert poll.event is not None
    asked.homeserver.referring[poll.event] = fault or (referring, whole)
    await asked.close()
    texts = asked.said()
    return texts[-1] if texts else ""


async def vote(asked: Asked, sender: UserId, place: int, **more: Any) -> Any:
    """Make a native vote that nobody has heard."""
    poll = await asked.poll()
    return response(sender, poll, [poll.sheet.answers[place - 1].id], sent_at=asked.branch.clock.now, **more)


async def test_c12_a_vote_that_the_stream_never_brought_counts_and_one_that_it_did_counts_once(asked: Asked) -> None:
    await asked.ask()
    heard, missed = await vote(asked, account(ZHANG), 1), await vote(asked, account(LI), 2)
    await asked.branch.hear(heard)
    said = await ended(asked, heard, missed)
    assert "1. 24日（周五）：1 票\n2. 25日：1 票" in said
    assert said.endswith("2 人投票，名册共 3 人。")
    await asked.branch.hear(missed)
    await asked.deliver()
    assert len(asked.said()) == 1, "that it comes by the stream as well changes nothing"


async def test_c12_c13_one_that_cannot_be_read_is_named_in_the_result(asked: Asked) -> None:
    poll = await asked.ask()
    sealed = Unreadable(
        room_id=EAST_ROOM,
        event_id="$sealed",
        sender=account(WANG),
        session_id="k",
        sent_at=asked.branch.clock.now,
        refers_to=poll.event,
    )
    assert "另有 1 条回应无法读取" in await ended(asked, sealed)


async def test_c12_c7_a_vote_that_was_taken_back_unheard_is_found_out(asked: Asked) -> None:
    await asked.ask()
    first, second = await vote(asked, account(ZHANG), 1), await vote(asked, account(ZHANG), 2)
    await asked.branch.hear(first, second)
    await powers(asked.branch, li=50)
    asked.homeserver.redactions[second.event_id] = redaction(account(LI), second.event_id)
    said = await ended(asked, first)
    assert "1. 24日（周五）：1 票\n2. 25日：0 票" in said
    assert (await asked.count()).struck == 1


async def test_c12_an_earlier_end_that_the_stream_never_brought_is_the_limit(asked: Asked) -> None:
    poll = await asked.ask()
    await asked.respond(account(ZHANG), 1, minute=30)
    early = end_of(asked.branch.settings.me, poll, asked.branch.clock.now)
    assert "1. 24日（周五）：0 票" in await ended(asked, early)


async def test_what_else_refers_to_a_poll_is_let_be(asked: Asked) -> None:
    poll = await asked.ask()
    relation = {"rel_type": "m.reference", "event_id": poll.event}
    talk = await vote(asked, STRANGER, 1)
    content = {"msgtype": "m.text", "body": "帮助", "m.relates_to": relation}
    said = await ended(asked, type(talk)(**{**_parts(talk), "type": "m.room.message", "content": content}))
    assert "0 人投票" in said
    assert await asked.branch.told() == []


def _parts(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


async def test_c12_without_an_answer_in_time_what_was_heard_is_counted_and_the_result_says_so(asked: Asked) -> None:
    await asked.ask()
    await asked.respond(account(ZHANG), 1)
    assert await ended(asked, fault=SLOW) == ""
    assert (await asked.poll()).state is State.COUNTING
    asked.branch.clock.now += PATIENCE
    for _ in range(2):
        await asked.counting.count()
        await asked.deliver()
    (said,) = asked.said()
    assert "1. 24日（周五）：1 票" in said
    assert said.endswith("聊天服务器没能及时给全回应，这个结果按我们收到的票计算；有出入会更正。")


@pytest.mark.parametrize("more", [{"fault": REFUSED}, {"whole": False}])
async def test_c12_what_is_refused_or_not_all_is_not_waited_for(asked: Asked, more: Any) -> None:
    await asked.ask()
    assert "没能及时给全回应" in await ended(asked, **more)


async def test_a_life_that_ends_before_the_count_leaves_it_to_the_next(asked: Asked) -> None:
    """F02: the end is heard, and the result said once by whoever comes after."""
    await asked.ask()
    asked.branch.clock.forward(hours=7)
    await asked.clock.tick()
    while rows := await asked.delivery._take(16):
        for row in rows:
            await asked.delivery.deliver(row)
    await asked.echo()
    assert (await asked.poll()).state is State.COUNTING
    hearing = Hearing(asked.branch.store, asked.homeserver, asked.branch.settings)  # type: ignore[arg-type]
    for _ in range(2):
        assert not await Counting(asked.branch.store, asked.homeserver, hearing).count()  # type: ignore[arg-type]
    assert len(await asked.branch.rows(outbox.outbox.c.kind == outbox.Kind.RESULT)) == 1


async def test_the_result_is_drawn_as_well_and_the_picture_says_in_words_what_it_shows(asked: Asked) -> None:
    await asked.ask()
    await asked.respond(account(ZHANG), 1)
    said = await ended(asked)
    text, drawn = (one.content for one in asked.sent("m.room.message"))
    assert (text["msgtype"], drawn["msgtype"], drawn["url"]) == ("m.notice", "m.image", "mxc://test/1")
    assert drawn["body"] == said.replace("【投票结果】", "【投票结果图】")
    (data,) = asked.homeserver.uploads
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.size) == ("PNG", (drawn["info"]["w"], drawn["info"]["h"]))
    assert drawn["info"]["size"] == len(data)
    await asked.respond(account(LI), 2, minute=-1)
    await asked.deliver()
    corrected = [one.content["body"].partition("】")[0] for one in asked.sent("m.room.message")[2:]]
    assert corrected == ["【投票结果更正", "【投票结果图"]


def test_a_bar_is_as_long_as_its_votes_and_the_same_votes_give_the_same_bytes() -> None:
    drawn = draw_bars([4, 2, 0])
    assert drawn == draw_bars([4, 2, 0])
    with Image.open(io.BytesIO(drawn.data)) as picture:
        plain = picture.convert("RGB")
        red = [
            sum(plain.getpixel((x, y)) == (163, 32, 29) for x in range(drawn.width))
            for y in range(EDGE + ROW // 2, drawn.height - EDGE, ROW)
        ]
    assert red[0] == 2 * red[1] - 1
    assert red[2] == 0
    assert draw_bars([]).height == 2 * EDGE
