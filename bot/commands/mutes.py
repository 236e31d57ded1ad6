"""静音, 恢复: to hear nothing in private for a while but the answers to what one says."""

from __future__ import annotations

from datetime import timedelta

from bot.commands.amounts import LENGTH, number_in
from bot.commands.asking import Asking
from content import mutes
from content.decision import Decision, Refusal
from storage import mutes as stored

_MEASURES = {
    "小时": timedelta(hours=1),
    "h": timedelta(hours=1),
    "天": timedelta(days=1),
    "日": timedelta(days=1),
    "d": timedelta(days=1),
    "周": timedelta(days=7),
    "星期": timedelta(days=7),
    "礼拜": timedelta(days=7),
    "w": timedelta(days=7),
    "月": timedelta(days=30),
    "m": timedelta(days=30),
    "年": timedelta(days=365),
    "y": timedelta(days=365),
}
_COUNTS = {"半": 0.5, "两": 2.0, "a": 1.0, "an": 1.0, "one": 1.0}


async def mute(asking: Asking) -> Decision | Refusal | None:
    """静音 7天: be quiet for so long, a week where nothing is said; 静音 恢复 is 恢复."""
    found = LENGTH.fullmatch(asking.argument)
    if found is None:
        return mutes.mute(asking.sender, mutes.USUAL, now=asking.unit.now)
    if found["end"]:
        return await unmute(asking)
    if found["ever"]:
        return mutes.mute(asking.sender, timedelta.max, now=asking.unit.now)
    if found["days"]:
        return mutes.mute(asking.sender, timedelta(days=int(found["days"])), now=asking.unit.now)
    count = (found["count"] or "a").casefold()
    measure = found["measure"].casefold()
    length = _MEASURES.get(measure) or _MEASURES[measure[0]]
    return mutes.mute(asking.sender, length * (_COUNTS.get(count) or number_in(count) or 0), now=asking.unit.now)


async def unmute(asking: Asking) -> Decision | Refusal | None:
    """恢复: be told of things again."""
    return mutes.unmute(asking.sender, await stored.muted_until(asking.unit, asking.sender))
