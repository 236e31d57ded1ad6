"""The trial of a raid itself: it hears each answer, however many there were before."""

from __future__ import annotations

from typing import Any, cast

from tests.faults.raid import Asking
from tests.member import Member

BOT, ROOM = "@bot:test", "!private:test"


class Talk:
    """A private room in which the bot answers at once, and of which only the newest events are read."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    async def history(self, _room: str, limit: int = 200) -> list[dict[str, Any]]:
        return self.events[-limit:]

    async def say(self, _room: str, text: str) -> None:
        for sender in ("@leader:test", BOT):
            self._add(sender, text)

    async def sync(self, _timeout: int) -> None:
        raise AssertionError("there is nothing to wait for")

    def _add(self, sender: str, text: str) -> None:
        id = f"${len(self.events)}"
        self.events.append({"event_id": id, "sender": sender, "type": "m.room.message", "content": {"body": text}})


async def test_each_answer_is_heard_also_after_more_than_a_page_of_them() -> None:
    talk = Talk()
    asking = Asking(cast(Member, talk), ROOM, BOT)
    answers = [(await asking.ask(f"帮助 {number}"))[1]["content"]["body"] for number in range(250)]
    assert answers == [f"帮助 {number}" for number in range(250)]
