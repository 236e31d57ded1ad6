"""Who may do what follows the room's raw state, in every room version, and an unclear state gives nobody a right."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from bot.matrix.events import Event
from bot.matrix.power import Powers, Undecidable, may, may_send, needed, needed_to_send, power, powers, powers_from

if TYPE_CHECKING:
    from bot.matrix.homeserver import Homeserver
    from tests.bot.matrix.conftest import People

FOUNDER, SECRETARY, MEMBER = "@founder:x", "@secretary:x", "@member:x"
LEVELS = {"users": {SECRETARY: 50}, "users_default": 0, "events": {"m.room.topic": 30}, "invite": 50}


def room(version: str, levels: dict[str, Any] | None = None, **create: Any) -> Powers:
    """Make the powers of a room that the founder made."""
    return powers_from(sender=FOUNDER, create={"room_version": version} | create, levels=levels)


def event(kind: str, content: dict[str, Any], *, encrypted: bool = False, state_key: str = "") -> Event:
    """Make a state event of the founder."""
    return Event(
        room_id="!r",
        event_id="$e",
        sender=FOUNDER,
        type=kind,
        content=content,
        state_key=state_key,
        sent_at=datetime(2026, 1, 1, tzinfo=UTC),
        encrypted=encrypted,
    )


def test_creators_of_version_12_stand_above_every_level() -> None:
    """N22, X06."""
    founded = room("12", LEVELS | {"users": {SECRETARY: 100}}, additional_creators=[MEMBER])
    assert power(founded, FOUNDER) == power(founded, MEMBER) == math.inf
    assert not may(founded, SECRETARY, "kick", FOUNDER)
    assert may(founded, FOUNDER, "kick", SECRETARY)
    assert not may(founded, FOUNDER, "kick", MEMBER)


def test_before_version_12_a_creator_has_what_the_levels_say() -> None:
    assert power(room("11", LEVELS), FOUNDER) == 0
    assert power(room("11"), FOUNDER) == 100
    assert power(room("10", creator=MEMBER), MEMBER) == 100
    assert power(room("10", creator=MEMBER), FOUNDER) == 0
    assert power(room("11", additional_creators=[MEMBER]), MEMBER) == 0


def test_levels_are_replaced_whole_so_that_a_removed_entry_is_a_demotion() -> None:
    """N22."""
    create = event("m.room.create", {"room_version": "11"})
    before = event("m.room.power_levels", {"users": {SECRETARY: 50}})
    after = event("m.room.power_levels", {"users": {FOUNDER: 100}})
    assert power(powers([create, before]), SECRETARY) == 50
    assert power(powers([create, before, after]), SECRETARY) == 0


def test_levels_inside_an_encrypted_event_or_under_another_state_key_do_not_count() -> None:
    """N17."""
    create = event("m.room.create", {"room_version": "11"})
    good = event("m.room.power_levels", {"users": {SECRETARY: 50}})
    for fake in (
        event("m.room.power_levels", {"users": {MEMBER: 100}}, encrypted=True),
        event("m.room.power_levels", {"users": {MEMBER: 100}}, state_key="x"),
    ):
        assert power(powers([create, good, fake]), MEMBER) == 0


def test_needed_levels_have_the_defaults_of_the_specification() -> None:
    bare = room("12", {})
    assert (needed(bare, "invite"), needed(bare, "kick"), needed(bare, "ban"), needed(bare, "redact")) == (
        0,
        50,
        50,
        50,
    )
    assert needed_to_send(bare, "m.room.message") == 0
    assert needed_to_send(bare, "m.room.name", state=True) == 50
    set_up = room("12", LEVELS | {"state_default": 60, "events_default": 10})
    assert needed(set_up, "invite") == 50
    assert needed_to_send(set_up, "m.room.topic", state=True) == 30
    assert needed_to_send(set_up, "m.room.name", state=True) == 60
    assert needed_to_send(set_up, "m.room.message") == 10


def test_one_must_stand_above_whom_one_removes() -> None:
    two = room("11", {"users": {SECRETARY: 50, MEMBER: 50}})
    assert not may(two, SECRETARY, "ban", MEMBER)
    assert may(two, SECRETARY, "ban", "@stranger:x")
    assert may(two, SECRETARY, "redact", MEMBER)
    assert not may(two, "@stranger:x", "kick", "@other:x")


@pytest.mark.parametrize("version", ["13", "0", "org.matrix.msc4289", "", "1２", 12, None, ["12"]])
def test_in_a_room_of_an_unknown_version_nobody_may_anything(version: Any) -> None:
    """R15."""
    unknown = powers_from(sender=FOUNDER, create={"room_version": version}, levels={"users": {SECRETARY: 100}})
    with pytest.raises(Undecidable):
        power(unknown, SECRETARY)
    assert not may(unknown, SECRETARY, "invite")
    assert not may_send(unknown, SECRETARY, "m.room.message")


def test_without_a_create_event_nobody_may_anything() -> None:
    assert not may(powers([event("m.room.power_levels", {"users": {SECRETARY: 100}})]), SECRETARY, "kick")


@pytest.mark.parametrize("level", ["100", True, 99.5, None, [100], {"level": 100}])
def test_a_level_of_a_wrong_type_is_refused_and_never_guessed(level: Any) -> None:
    broken = room("12", {"users": {SECRETARY: level}})
    with pytest.raises(Undecidable):
        power(broken, SECRETARY)
    assert not may(broken, SECRETARY, "invite")
    assert not may(room("12", {"users": {SECRETARY: 50}, "kick": level}), SECRETARY, "kick")
    assert not may(room("12", {"users": [level]}), SECRETARY, "invite")


def test_levels_written_as_text_count_only_before_version_10() -> None:
    assert power(room("9", {"users": {SECRETARY: " 50 "}}), SECRETARY) == 50
    assert not may(room("10", {"users": {SECRETARY: "50"}}), SECRETARY, "kick")


@pytest.mark.synapse
@pytest.mark.parametrize("version", ["11", "12"])
async def test_a_demotion_is_seen_in_a_real_room(bot: Homeserver, people: People, version: str) -> None:
    """N22."""
    member = await people.plain()
    room_id = await bot.create_room(encrypted=False, invite=[member.user_id], version=version)
    levels = dict(await bot.state_event(room_id, "m.room.power_levels"))
    raised = levels | {"users": levels["users"] | {member.user_id: 50}}
    await bot.set_state(room_id, "m.room.power_levels", raised)
    assert may(powers(await bot.state(room_id)), member.user_id, "kick")
    await bot.set_state(room_id, "m.room.power_levels", levels)
    now = powers(await bot.state(room_id))
    assert not may(now, member.user_id, "kick")
    assert may(now, bot.user_id, "kick", member.user_id)
    assert (power(now, bot.user_id) == math.inf) == (version == "12")
