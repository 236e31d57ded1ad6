"""Members of the roster: who they are, and how a Matrix account becomes theirs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, Tell, refused, words
from content.identifiers import MemberId, OrganisationId, RoomId, UserId
from content.organisations import Duty, DutyEnded, Role
from content.rooms import Invite, Remove, Room

CODE_LASTS = timedelta(days=14)
NOBODY = "—"
"""What stands in place of a name that was erased, in any language."""


class Member(Struct, frozen=True, kw_only=True):
    """One person of the roster.

    Dates are as the roster has them, possibly a month. ``floating`` (是否流动党员) and ``out_of_touch`` (是否失联党员)
    are None as long as nobody has said so, which is not a no.
    """

    id: MemberId
    organisation: OrganisationId
    name: str
    category: str = ""
    user: UserId | None = None
    language: str | None = None
    gender: str = ""
    joined: str = ""
    full_since: str = ""
    phone: str = ""
    post: str = ""
    position: str = ""
    status: str = ""
    note: str = ""
    ethnicity: str = ""
    born: str = ""
    education: str = ""
    degree: str = ""
    working_since: str = ""
    floating: bool | None = None
    destination: str = ""
    out_of_touch: bool | None = None
    lost_since: str = ""
    shift: str = ""
    """The group in which they work shifts, as the pattern of their place names it."""
    left: datetime | None = None
    """Since when they are no longer on the roster; their history stays, their account is theirs no more."""
    merged_into: MemberId | None = None
    """The entry that stands for the same person, where there were two of them."""

    @property
    def erased(self) -> bool:
        """Tell whether nothing is left of a person but that there was somebody."""
        return self.left is not None and self.name == NOBODY


class MemberEnrolled(Fact, frozen=True, kw_only=True):
    """A person was entered into the roster."""

    member: Member


class MemberChanged(Fact, frozen=True, kw_only=True):
    """A person's entry in the roster was changed."""

    member: Member


class MemberLeft(Fact, frozen=True, kw_only=True):
    """A member left the roster: they are asked nothing new, and their account is bound to nobody."""

    member: MemberId
    at: datetime


class MemberReturned(Fact, frozen=True, kw_only=True):
    """A member who had left is on the roster again; they bind their account anew."""

    member: MemberId


class AccountBound(Fact, frozen=True, kw_only=True):
    """A Matrix account became a member's."""

    member: MemberId
    user: UserId
    code_hash: str | None
    at: datetime


class CodeIssued(Fact, frozen=True, kw_only=True):
    """A one-time code was made with which a member binds their account; only its hash is kept."""

    member: MemberId
    code_hash: str
    expires_at: datetime


class Invitation(Struct, frozen=True, kw_only=True):
    """What is known of a one-time code."""

    member: MemberId
    name: str
    code_hash: str
    expires_at: datetime
    used: bool
    bound: UserId | None


def issue_code(member: Member, *, code_hash: str, now: datetime) -> Decision | Refusal:
    """Make a one-time code for a member who has no account yet."""
    if member.left is not None:
        return refused("leaving.has_left", name=member.name)
    if member.user is not None:
        return refused("binding.already_bound", name=member.name)
    return Decision(facts=(CodeIssued(member=member.id, code_hash=code_hash, expires_at=now + CODE_LASTS),))


def bind(
    invitation: Invitation | None, *, user: UserId, holder: str | None, rooms: tuple[RoomId, ...], now: datetime
) -> Decision | Refusal:
    """Bind an account to the member whose code was given, and ask them into the rooms of their branch.

    ``holder`` is whose account it is already, if anyone's.
    """
    if holder is not None:
        return refused("binding.you_are_bound", name=holder)
    if invitation is None or invitation.used or invitation.bound is not None or invitation.expires_at <= now:
        return refused("binding.bad_code")
    fact = AccountBound(member=invitation.member, user=user, code_hash=invitation.code_hash, at=now)
    told = Tell(user=user, words=words("binding.done", name=invitation.name))
    return Decision(facts=(fact,), effects=(told, *(Invite(room=room, user=user) for room in rooms)))


def leave_roster(
    member: Member,
    *,
    by: UserId,
    duties: tuple[Duty, ...],
    may_end: Collection[Duty],
    out_of: tuple[Room, ...],
    now: datetime,
) -> Decision | Refusal:
    """Take a member off the roster, end the duties they hold, and show them out of the rooms that were confirmed.

    ``may_end`` are those of the duties that the person who asks could end by themselves: leaving is no way round that.
    Nobody takes themselves off, so that somebody with the right is always left. Who is secretary hands that over first,
    because a change of secretary is an act of its own.
    """
    if member.left is not None:
        return refused("leaving.has_left", name=member.name)
    if member.user == by:
        return refused("leaving.not_oneself")
    if any(duty.role is Role.SECRETARY for duty in duties):
        return refused("leaving.is_secretary", name=member.name)
    if any(duty not in may_end for duty in duties):
        return refused("leaving.duty_not_yours", name=member.name)
    user = member.user
    effects = tuple(Remove(room=one.id, organisation=one.organisation, user=user) for one in out_of if user is not None)
    ended = (DutyEnded(duty=duty) for duty in duties)
    return Decision(facts=(MemberLeft(member=member.id, at=now), *ended), effects=effects)


def return_to_roster(member: Member) -> Decision | Refusal:
    """Put a member who had left back on the roster."""
    if member.left is None:
        return refused("leaving.is_here", name=member.name)
    if member.merged_into is not None:
        return refused("leaving.is_double", name=member.name)
    if member.erased:
        return refused("erasure.is_erased")
    return Decision(facts=(MemberReturned(member=member.id),))
