"""Binding a Matrix account to a member by an organiser's hand, and letting go of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from content.confusables import parts, skeleton
from content.decision import Decision, Refusal, Words, refused
from content.edits import Places, Sort, edit
from content.identifiers import Cause, RoomId, UserId
from content.members import Member
from content.rooms import Invite

LONGEST_SHOWN = 60
MOST_OFFERED = 30


class Candidate(Struct, frozen=True, kw_only=True):
    """An account in a member's rooms that belongs to nobody on the roster; ``shown`` is what it calls itself there."""

    user: UserId
    shown: str
    likely: bool


def candidates(member: Member, found: Iterable[tuple[UserId, str]]) -> tuple[Candidate, ...]:
    """Return the accounts that may be a member's, those first that call themselves so.

    Everybody can call themselves anything: what is shown is a hint of whom to ask, and never a proof.
    """
    name = skeleton(member.name)
    known = (
        Candidate(user=user, shown=plain, likely=bool(name) and name in skeleton(plain))
        for user, plain in ((user, _plain(shown)) for user, shown in found)
    )
    return tuple(sorted(known, key=lambda one: (not one.likely, one.shown, one.user))[:MOST_OFFERED])


def _plain(shown: str) -> str:
    return " ".join("".join(letter for letter in shown if letter.isprintable()).split())[:LONGEST_SHOWN]


def may_bind(member: Member, user: str, *, holder: Member | None, bot: UserId | None) -> Refusal | None:
    """Say why an account cannot be this member's, if so; ``holder`` is whose it is already."""
    if member.left is not None:
        return refused("leaving.has_left", field="user", name=member.name)
    if member.user is not None:
        return refused("binding.already_bound", field="user", name=member.name)
    if parts(user) is None:
        return refused("accounts.not_one", field="user")
    if user == bot:
        return refused("accounts.of_bot", field="user")
    if holder is not None:
        return refused("accounts.of_other", field="user")
    return None


def bind_by_hand(
    member: Member,
    user: UserId,
    *,
    holder: Member | None,
    bot: UserId | None,
    warnings: Sequence[Words],
    confirmed: bool,
    rooms: Sequence[RoomId],
    places: Places,
    cause: Cause,
    by: UserId,
    now: datetime,
) -> Decision | Refusal:
    """Bind an account as it was read out, and ask it into the rooms of the branch.

    Where something about it gives pause, who binds has to say that they have made sure.
    """
    refusal = may_bind(member, user, holder=holder, bot=bot)
    if refusal is not None:
        return refusal
    if warnings and not confirmed:
        return refused("accounts.make_sure", field="sure")
    answer = edit([(member, replace(member, user=user))], sort=Sort.BOUND, places=places, cause=cause, by=by, now=now)
    if isinstance(answer, Refusal):
        return answer
    return replace(answer, effects=tuple(Invite(room=room, user=user) for room in rooms))


def unbind(member: Member, *, places: Places, cause: Cause, by: UserId, now: datetime) -> Decision | Refusal:
    """Let go of a member's account; it stays in its rooms until somebody shows it out of them."""
    if member.user is None:
        return refused("accounts.none_bound", name=member.name)
    return edit([(member, replace(member, user=None))], sort=Sort.UNBOUND, places=places, cause=cause, by=by, now=now)
