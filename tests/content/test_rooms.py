"""Every kind of room is made closed, with a history and rights that fit what it is for, and is found again by name."""

from __future__ import annotations

import itertools

import pytest

from content.identifiers import OrganisationId, RoomId, UserId
from content.organisations import Kind, Organisation
from content.power import may, may_send, powers_from
from content.rooms import TEMPLATES, History, Purpose, Room, alias, answers_polls, hangs_at, levels, name_of, order
from zhibu.catalogue import load_speech

BOT, LEADER, MEMBER = UserId("@bot:test"), UserId("@leader:test"), UserId("@member:test")
BRANCH = Organisation(id=OrganisationId("east"), parent=OrganisationId("roof"), kind=Kind.BRANCH, name="东支部")
GROUP = Organisation(id=OrganisationId("group"), parent=BRANCH.id, kind=Kind.GROUP, name="第一党小组")
HELD = ("m.room.power_levels", "m.room.join_rules", "m.room.history_visibility", "m.room.encryption")


@pytest.mark.parametrize("purpose", Purpose)
def test_the_bot_may_do_everything_and_leaders_moderate_but_open_nothing(purpose: Purpose) -> None:
    room = powers_from(sender=BOT, create={"room_version": "12"}, levels=levels(purpose, [LEADER]))
    for action in ("invite", "kick", "ban", "redact"):
        assert may(room, BOT, action)
        assert may(room, LEADER, action)
        assert not may(room, MEMBER, action)
    for kind in HELD:
        assert may_send(room, BOT, kind, state=True)
        assert not may_send(room, LEADER, kind, state=True)
    assert may_send(room, LEADER, "m.room.pinned_events", state=True)
    assert not may_send(room, MEMBER, "m.room.name", state=True)
    assert not may(room, LEADER, "kick", BOT)


def test_announcements_are_written_by_those_who_lead_and_answered_by_all() -> None:
    room = powers_from(sender=BOT, create={"room_version": "12"}, levels=levels(Purpose.ANNOUNCEMENT, [LEADER]))
    for kind in ("m.room.message", "m.room.encrypted", "org.matrix.msc3381.poll.start"):
        assert may_send(room, LEADER, kind)
        assert not may_send(room, MEMBER, kind)
    for kind in ("m.reaction", "org.matrix.msc3381.poll.response", "m.poll.response", "m.room.redaction"):
        assert may_send(room, MEMBER, kind)


@pytest.mark.parametrize("encrypted", [True, False])
def test_a_poll_can_be_answered_wherever_members_write_or_nothing_is_encrypted(encrypted: bool) -> None:
    """Inside encryption an answer looks like talk, so that its own level helps nobody there."""
    mute = set()
    for purpose in Purpose:
        room = Room(id=RoomId("!r"), organisation=BRANCH.id, purpose=purpose, name="", encrypted=encrypted)
        if not answers_polls(room):
            mute.add(purpose)
    assert mute == {Purpose.SPACE} | ({Purpose.ANNOUNCEMENT} if encrypted else set())


def test_members_write_in_every_other_room_but_a_space() -> None:
    for purpose in set(Purpose) - {Purpose.ANNOUNCEMENT, Purpose.SPACE}:
        room = powers_from(sender=BOT, create={"room_version": "12"}, levels=levels(purpose, []))
        assert may_send(room, MEMBER, "m.room.message"), purpose


def test_history_is_kept_from_later_members_where_people_are_spoken_of() -> None:
    assert {one.purpose for one in TEMPLATES.values() if one.history is History.JOINED} == {
        Purpose.COMMITTEE,
        Purpose.APPLICANTS,
        Purpose.STAFF,
    }
    assert History.WORLD not in {one.history for one in TEMPLATES.values()}
    assert set(TEMPLATES) == set(Purpose)


def test_aliases_differ_and_stay_the_same() -> None:
    found = [alias(purpose, id, before=n) for purpose in Purpose for id in (BRANCH.id, GROUP.id) for n in (0, 1)]
    assert len(set(found)) == len(found)
    assert alias(Purpose.BRANCH, BRANCH.id, before=0) == "zhibu-east"


def test_every_room_has_a_name_and_a_topic_in_both_languages() -> None:
    speech = load_speech()
    for language, purpose in itertools.product(("zh_CN", "en"), Purpose):
        assert f"rooms.topic_{purpose}" in speech.keys(language)
    assert name_of(Purpose.GROUP, GROUP, BRANCH).parameters == {"name": "第一党小组", "above": "东支部"}


def test_a_space_hangs_in_the_one_above_and_a_groups_room_in_that_of_its_branch() -> None:
    assert hangs_at(Purpose.SPACE, BRANCH) == "roof"
    assert hangs_at(Purpose.BRANCH, BRANCH) == "east"
    assert hangs_at(Purpose.GROUP, GROUP) == "east"


def test_in_a_space_a_nodes_own_rooms_come_before_what_is_below_it() -> None:
    listed = [(Purpose.SPACE, 2), (Purpose.COMMITTEE, 1), (Purpose.GROUP, 3), (Purpose.BRANCH, 1)]
    shown = sorted(listed, key=lambda one: order(*one))
    assert shown == [(Purpose.BRANCH, 1), (Purpose.COMMITTEE, 1), (Purpose.SPACE, 2), (Purpose.GROUP, 3)]
    assert all(order(*one).isascii() and len(order(*one)) <= 50 for one in listed)
