"""Who may vote in the branch's own decisions, and why somebody may not: each reason names its rule."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from msgspec import Struct

from content.ballots import Elector
from content.decision import Words, words
from content.members import Member

FULL, PROBATIONARY = "正式党员", "预备党员"
_WATCHED = ("留党察看",)
_ENDED = ("停止党籍", "开除党籍", "除名", "退党", "出党")
_SUSPENDED = ("中止党员权利", "暂停党员权利", "留置", "逮捕")


class Bar(StrEnum):
    """Why a person has no vote, no right to elect and none to be elected."""

    NOT_ON_ROLL = "not_on_roll"
    NOT_YET_ON_ROLL = "not_yet_on_roll"
    PROBATIONARY = "probationary"
    NOT_YET_FULL = "not_yet_full"
    NO_MEMBER = "no_member"
    UNKNOWN = "unknown"
    WATCHED = "watched"
    SUSPENDED = "suspended"
    ENDED = "ended"


class Reason(Struct, frozen=True, kw_only=True):
    """One reason, and the sentence that says it with the rule behind it."""

    bar: Bar
    words: Words


def why_not(member: Member, *, on: date, left_on: date | None = None) -> tuple[Reason, ...]:
    """Return every reason why a person may not vote on a day, none where they may.

    ``left_on`` is the day on which they left the roster by the organisation's own calendar. What the roster does not
    say is not taken for a yes.
    """
    found: list[Reason] = []

    def bar(which: Bar, **parameters: str) -> None:
        found.append(Reason(bar=which, words=words(f"franchise.{which}", **parameters)))

    if left_on is not None and left_on <= on:
        bar(Bar.NOT_ON_ROLL, day=left_on.isoformat())
    if _lies_after(member.joined, on):
        bar(Bar.NOT_YET_ON_ROLL, day=member.joined)
    if member.category == PROBATIONARY:
        bar(Bar.PROBATIONARY)
    elif not member.category:
        bar(Bar.UNKNOWN)
    elif member.category != FULL:
        bar(Bar.NO_MEMBER, category=member.category)
    elif _lies_after(member.full_since, on):
        bar(Bar.NOT_YET_FULL, day=member.full_since)
    for texts, which in ((_WATCHED, Bar.WATCHED), (_SUSPENDED, Bar.SUSPENDED), (_ENDED, Bar.ENDED)):
        if any(text in member.status for text in texts):
            bar(which, status=member.status)
    return tuple(found)


def roll_of(people: Iterable[Member], day: date) -> tuple[Elector, ...]:
    """Return everyone as on the roll of a day; who may not vote stands with what the roster says that bars them."""
    return tuple(_elector(one, day) for one in people)


def _elector(member: Member, day: date) -> Elector:
    barred = bool(why_not(member, on=day))
    said = member.category if member.category != FULL else member.status or member.full_since or member.joined
    return Elector(member=member.id, may_vote=not barred, reason=said if barred else "")


def _lies_after(written: str, day: date) -> bool:
    """Tell whether a date of the roster lies after a day; of a month, only one that has not begun by then does."""
    return bool(written) and written > day.isoformat()[: len(written)]
