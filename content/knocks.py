"""敲门: who asks from outside to be let into a room, matched with the roster, to be let in or turned down."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import OrganisationId, RoomId, UserId
from content.power import may
from content.rooms import Invite, Remove
from content.upkeep import Care

PATIENCE = timedelta(days=7)
"""How long who is not on the roster waits; then they are turned down by themselves, and may knock again."""


class Knock(Struct, frozen=True, kw_only=True):
    """Somebody who asks to be let into a room, and since when."""

    room: RoomId
    user: UserId
    at: datetime


class Knocked(Fact, frozen=True, kw_only=True):
    """Somebody asked from outside to be let into a room; asking again changes nothing."""

    room: RoomId
    user: UserId
    at: datetime


class KnockAnswered(Fact, frozen=True, kw_only=True):
    """Somebody was let in or turned down; by nobody where their time was over."""

    room: RoomId
    organisation: OrganisationId
    user: UserId
    let_in: bool
    by: UserId | None
    at: datetime


def let_in(care: Care, user: UserId, *, by: UserId, now: datetime) -> Decision | Refusal:
    """Ask somebody in who knocks: whom the roster or a duty brings there, and nobody else."""
    if care.lost is not None or user not in care.knocking:
        return refused("knocks.over")
    if not care.may_stay(user):
        return refused("knocks.stranger")
    if care.standing is None or not may(care.standing.powers, care.standing.me, "invite"):
        return refused("knocks.may_not_invite")
    answered = KnockAnswered(
        room=care.room.id, organisation=care.room.organisation, user=user, let_in=True, by=by, at=now
    )
    return Decision(facts=(answered,), effects=(Invite(room=care.room.id, user=user),))


def turn_down(care: Care, user: UserId, *, by: UserId | None, now: datetime) -> Decision | Refusal:
    """Turn somebody down who knocks and does not belong there."""
    if care.lost is not None or user not in care.knocking:
        return refused("knocks.over")
    if care.may_stay(user):
        return refused("rooms.belongs_after_all")
    if care.standing is None or not may(care.standing.powers, care.standing.me, "kick", user):
        return refused("rooms.may_not_remove")
    answered = KnockAnswered(
        room=care.room.id, organisation=care.room.organisation, user=user, let_in=False, by=by, at=now
    )
    out = Remove(room=care.room.id, organisation=care.room.organisation, user=user)
    return Decision(facts=(answered,), effects=(out,))


def turn_down_late(care: Care, knock: Knock, *, now: datetime) -> Decision | None:
    """Turn down who is not on the roster and has waited for a week; who knocks no more was answered elsewhere."""
    if knock.at > now - PATIENCE or care.standing is None:
        return None
    if knock.user not in care.knocking:
        there = care.standing.people.get(knock.user) in ("join", "invite")
        over = KnockAnswered(
            room=knock.room, organisation=care.room.organisation, user=knock.user, let_in=there, by=None, at=now
        )
        return Decision(facts=(over,))
    done = turn_down(care, knock.user, by=None, now=now)
    return done if isinstance(done, Decision) else None
