"""暗语: words of one's own under every private link, which whoever copies the bot's name and picture does not know."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from content.decision import Secret
from content.identifiers import UserId
from storage.outbox import outbox
from storage.watchwords import known_to, watchwords
from tests.small_branch import EAST_ROOM, ZHANG, SmallBranch, account, message, private_room

ME = account(ZHANG)


async def say(branch: SmallBranch, *texts: str) -> list[str]:
    """Say things in private, and return the keys of what is answered."""
    for text in texts:
        await branch.hear(message(ME, text, room_id=private_room(ZHANG)))
    rows = await branch.rows(outbox.c.user_id == ME)
    return [row.words["key"] for row in rows if row.words][-len(texts) :]


async def known(branch: SmallBranch, user: UserId = ME) -> Secret | None:
    return await branch.store.read(lambda unit: known_to(unit, user))


async def test_words_are_chosen_changed_shown_and_ended_in_private(branch: SmallBranch) -> None:
    """X10."""
    assert await say(branch, "暗语", "暗语 石榴花开", "暗语") == ["watchword.none", "watchword.kept", "watchword.is"]
    assert await known(branch) == "石榴花开"
    await say(branch, "watchword Blue Kettle")
    assert await known(branch) == "Blue Kettle"
    assert await known(branch, UserId("@other:test")) is None
    assert await say(branch, "暗語 刪除") == ["watchword.dropped"]
    assert await known(branch) is None


@pytest.mark.parametrize("text", ["短", "长" * 31])
async def test_words_that_are_too_short_or_too_long_are_refused(branch: SmallBranch, text: str) -> None:
    """X10, I008."""
    assert await say(branch, f"暗语 {text}") == ["watchword.wrong_length"]
    assert await known(branch) is None


async def test_in_a_room_nobody_says_their_words_to_others(branch: SmallBranch) -> None:
    """X10: what all have read is no proof."""
    await branch.hear(message(ME, "暗语 石榴花开", room_id=EAST_ROOM))
    assert await known(branch) is None
    assert not [row for row in await branch.rows() if row.words and row.words["key"].startswith("watchword.")]


async def test_the_words_lie_in_no_row_but_their_own(branch: SmallBranch) -> None:
    """X10, S54: neither in the record, nor in the answer that waits."""
    await say(branch, "暗语 石榴花开")
    rows = await branch.store.read(lambda unit: unit.rows(select(watchwords)))
    assert [row.user_id for row in rows] == [ME]
    assert "石榴花开" not in str([row.words for row in await branch.rows()])
    assert "石榴花开" not in repr((await branch.send_all())[-1].words)
