"""接管: takes a room that is there already over for the organisation, from chat, by the same rules as at the desk."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Refusal, Tell, refused, words
from content.identifiers import OrganisationId, RoomId, UserId, derive
from content.inquiries import InquiryEnded, make_inquiry
from content.organisations import Kind, Organisation
from content.rooms import LEADS, Purpose
from content.upkeep import Claim, Housed, Standing, governs
from content.upkeep import adopt as take_over

MOST_LISTED = 20

_FOR = {Kind.BRANCH: Purpose.BRANCH, Kind.GROUP: Purpose.GROUP}
"""What a room taken over in chat is for; rooms of other kinds, and of other nodes, are a matter of the desk."""


class Choice(Struct, frozen=True, kw_only=True):
    """A node that has no room of its kind yet; ``number`` is its place among all that the person may choose from."""

    number: int
    node: Organisation
    purpose: Purpose


class Found(Struct, frozen=True, kw_only=True):
    """The room in which somebody asked, as it is known: whose it is already, whether it is a private talk."""

    room: RoomId
    standing: Standing | None
    owner: OrganisationId | None
    private: bool
    space: RoomId | None = None


def choices(housed: Iterable[Housed]) -> tuple[Choice, ...]:
    """Return the nodes that want a room; a node keeps its number when another gets one."""
    return tuple(
        Choice(number=number, node=one.node, purpose=_FOR[one.node.kind])
        for number, one in enumerate(housed, start=1)
        if one.node.kind in _FOR and _FOR[one.node.kind] in one.missing
    )


def subject(room: RoomId) -> str:
    """Return under which name it is remembered that somebody was asked about a room."""
    return f"room:{derive(room)}"


def offer(found: Found, free: tuple[Choice, ...], *, by: UserId, console: str, now: datetime) -> Decision | Refusal:
    """Say which node a room could belong to, and how to say yes; nothing is taken over yet."""
    if found.standing is None or not governs(found.standing, by):
        return refused("rooms.you_do_not_govern", level=LEADS)
    if not free or found.standing.is_space:
        return refused("adoption.nothing_free", address=f"{console}/rooms")
    lines = tuple(
        words("adoption.line", number=one.number, name=one.node.name, purpose=(words(f"rooms.purpose_{one.purpose}"),))
        for one in free[:MOST_LISTED]
    )
    said = words(
        "adoption.which",
        room=found.standing.name or "",
        lines=lines,
        number=free[0].number,
        address=f"{console}/rooms",
    )
    asked = make_inquiry(by, subject(found.room), now=now)
    return Decision(facts=(asked,), effects=(Tell(user=by, words=said),))


def adopt(found: Found, choice: Choice, *, by: UserId, console: str) -> Decision | Refusal:
    """Take a room over for the node that was chosen."""
    name = (found.standing.name if found.standing is not None else None) or choice.node.name
    answer = take_over(
        Claim(room=found.room, node=choice.node, purpose=choice.purpose, by=by),
        found.standing,
        owner=found.owner,
        private=found.private,
        has=frozenset(),
        name=name,
        space=found.space,
    )
    if isinstance(answer, Refusal):
        return answer
    done = words("adoption.done", room=name, name=choice.node.name, address=f"{console}/rooms")
    ended = InquiryEnded(user=by, about=subject(found.room))
    return replace(answer, facts=(*answer.facts, ended), effects=(*answer.effects, Tell(user=by, words=done)))
