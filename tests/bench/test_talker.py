"""What a member of the bench takes for the bot's answer."""

from __future__ import annotations

from typing import Any

from bench.on_synapse import Talker

BOT, MEMBER = "@bot:x", "@member:x"


class Scripted(Talker):
    """A member whose homeserver says what was written down before."""

    def __init__(self, batches: list[list[tuple[str, str]]]) -> None:
        self.user, self.room, self._since, self._turn = MEMBER, "!r:x", "old", 0
        self.batches = batches

    async def ask(self, method: str, path: str, body: Any = None, **query: str) -> dict[str, Any]:
        """Answer a word with its event, and a look for news with the next batch."""
        if method == "PUT":
            return {"event_id": "$word"}
        events = [{"event_id": id, "sender": sender} for id, sender in self.batches.pop(0)]
        return {"next_batch": "new", "rooms": {"join": {self.room: {"timeline": {"events": events}}}}}


async def test_what_was_answered_before_is_no_answer_to_a_new_word() -> None:
    """Synapse gives the same first sync for two minutes, and so the answers to another bot's words once more."""
    before = [("$1", MEMBER), ("$2", BOT)]
    member = Scripted([[*before, ("$word", MEMBER)], [], [("$3", BOT)], [("$4", BOT)]])
    await member.say(BOT)
    assert len(member.batches) == 1


async def test_an_answer_may_come_with_the_word() -> None:
    member = Scripted([[("$word", MEMBER), ("$1", BOT)], []])
    await member.say(BOT)
    assert len(member.batches) == 1
