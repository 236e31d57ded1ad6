"""我的数据: everything held about me as one file, in private."""

from __future__ import annotations

from bot.commands.asking import Asking
from content import disclosures
from content.decision import Decision, Refusal, refused
from storage import disclosures as stored
from storage import rooms


async def my_data(asking: Asking) -> Decision | Refusal | None:
    """Send the file; where this installation encrypts, never into a private room in clear."""
    direct = await rooms.direct_room(asking.unit, asking.sender, asking.settings.me)
    if asking.settings.encrypted and direct is not None and not direct[1]:
        return refused("disclosure.plain_room")
    last = await stored.last_asked(asking.unit, asking.sender)
    return disclosures.ask_disclosure(asking.sender, last, now=asking.unit.now)
