"""A tombstone is believed only where both rooms and the power of who made them agree; else it is only reported."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from content.decision import Decision, Refusal
from content.identifiers import OrganisationId, RoomId, UserId
from content.power import powers_from
from content.rooms import Flaw, Invite, Mend, Purpose, Room, RoomLost
from content.upgrades import (
    Doubt,
    FollowUpgrade,
    RoomMoved,
    Succession,
    Upgrade,
    UpgradeDoubted,
    UpgradeSeen,
    follow,
    look_again,
    see_tombstone,
)
from content.upkeep import Person, Standing

NOW = datetime(2026, 7, 1, tzinfo=UTC)
ME, OWNER, MODERATOR = UserId("@bot:test"), UserId("@owner:test"), UserId("@moderator:test")
OLD, NEW, EAST = RoomId("!old:test"), RoomId("!new"), OrganisationId("east")
ROOM = Room(id=OLD, organisation=EAST, purpose=Purpose.BRANCH, name="支部群", encrypted=False)
UPGRADE = Upgrade(room=OLD, replacement=NEW, at=NOW)


def standing(**more: Any) -> Standing:
    held = {"users": {OWNER: 100, MODERATOR: 50}, "events": {"m.room.tombstone": 100}}
    powers = powers_from(sender=OWNER, create={"room_version": "11"}, levels=held)
    usual = {"joining": "invite", "history": "shared", "encrypted": False, "federates": False, "people": {ME: "join"}}
    return Standing(me=ME, powers=powers, **{**usual, **more})


GOOD = Succession(
    old=standing(),
    replacement=NEW,
    setter=OWNER,
    new=standing(name="新支部群", encrypted=True),
    predecessor=OLD,
    founder=OWNER,
)


def decide(found: Succession, *, space: RoomId | None = None, **more: Any) -> Decision:
    return follow(ROOM, UPGRADE, found, space=space, **{"owner": None, "private": False, **more})


def test_a_room_is_followed_where_both_agree_and_keeps_its_node_and_purpose() -> None:
    """N31: settings follow an upgraded room."""
    decision = decide(GOOD, space=RoomId("!space"))
    moved = Room(id=NEW, organisation=EAST, purpose=Purpose.BRANCH, name="新支部群", encrypted=True)
    assert decision.facts == (RoomMoved(old=OLD, new=moved),)
    assert decision.effects == (Mend(room=NEW, organisation=EAST, flaw=Flaw.ASTRAY),)


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({"replacement": None}, Doubt.WITHDRAWN),
        ({"replacement": RoomId("!other")}, Doubt.WITHDRAWN),
        ({"setter": None}, Doubt.WITHDRAWN),
        ({"setter": MODERATOR}, Doubt.POWERLESS),
        ({"new": None}, Doubt.NOT_ASKED_IN),
        ({"new": standing(people={ME: "invite"})}, Doubt.NOT_ASKED_IN),
        ({"predecessor": None}, Doubt.STRANGER),
        ({"predecessor": RoomId("!another")}, Doubt.STRANGER),
        ({"founder": MODERATOR}, Doubt.FOUNDER),
        ({"founder": UserId("@mallory:test")}, Doubt.FOUNDER),
        ({"new": standing(is_space=True)}, Doubt.OTHER_KIND),
    ],
)
def test_a_tombstone_is_never_trusted_on_its_own(change: dict[str, Any], doubt: Doubt) -> None:
    """X07: whoever may set a tombstone can point anywhere."""
    decision = decide(replace(GOOD, **change))
    assert decision == Decision(facts=(UpgradeDoubted(room=OLD, doubt=doubt),))


@pytest.mark.parametrize("more", [{"owner": OrganisationId("west")}, {"private": True}])
def test_a_room_that_belongs_to_somebody_is_not_taken_by_a_tombstone(more: dict[str, Any]) -> None:
    """X07."""
    assert decide(GOOD, **more).facts == (UpgradeDoubted(room=OLD, doubt=Doubt.TAKEN),)


def test_who_belongs_is_asked_into_the_new_room_but_for_those_who_left_or_were_asked_already() -> None:
    stays, left, there, asked, new, banned = (
        UserId(f"@{name}:test") for name in ("stays", "left", "there", "asked", "new", "banned")
    )
    people = [Person(user=user, member=None) for user in (stays, left, there, asked, new, banned, None)]
    old = standing(people={ME: "join", stays: "join", left: "leave", there: "join", asked: "join", banned: "join"})
    after = standing(people={ME: "join", there: "join", asked: "invite", banned: "ban"})
    found = replace(GOOD, old=old, new=after)
    assert decide(found, people=people).effects == (Invite(room=NEW, user=stays), Invite(room=NEW, user=new))
    powerless = powers_from(sender=OWNER, create={"room_version": "11"}, levels={"invite": 50})
    assert decide(replace(found, new=replace(after, powers=powerless)), people=people).effects == ()


def test_who_made_a_room_of_version_12_may_replace_it_whatever_the_levels_say() -> None:
    """N22: creators stand above every level."""
    powers = powers_from(sender=OWNER, create={"room_version": "12"}, levels={"events": {"m.room.tombstone": 150}})
    old = replace(GOOD.old, powers=powers)
    assert isinstance(decide(replace(GOOD, old=old)).facts[0], RoomMoved)


def test_a_tombstone_that_points_nowhere_or_at_its_own_room_only_ends_the_room() -> None:
    for replacement in (None, OLD):
        assert see_tombstone(ROOM, replacement, now=NOW) == Decision(facts=(RoomLost(room=OLD, reason="replaced"),))
    seen = see_tombstone(ROOM, NEW, now=NOW)
    assert UpgradeSeen(room=OLD, replacement=NEW, at=NOW) in seen.facts
    assert seen.effects == (FollowUpgrade(room=OLD, organisation=EAST),)


def test_only_what_was_not_followed_is_looked_at_again() -> None:
    assert isinstance(look_again(ROOM, None), Refusal)
    assert isinstance(look_again(ROOM, replace(UPGRADE, followed=True)), Refusal)
    assert isinstance(look_again(ROOM, replace(UPGRADE, doubt=Doubt.STRANGER)), Decision)
