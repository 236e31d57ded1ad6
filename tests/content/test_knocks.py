"""Who knocks is let in where the roster brings them, turned down where not, and after a week by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from content.decision import Decision, Refusal
from content.identifiers import MemberId, OrganisationId, RoomId, UserId
from content.knocks import PATIENCE, Knock, KnockAnswered, let_in, turn_down, turn_down_late
from content.members import Member
from content.power import Powers
from content.rooms import Invite, Purpose, Remove, Room
from content.upkeep import Care, Person, Standing

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROOM, NODE = RoomId("!room"), OrganisationId("branch")
ME, BOSS, ZHANG, STRANGER = (UserId(f"@{name}:test") for name in ("bot", "boss", "zhang", "stranger"))
RULED = {"users": {ME: 100}, "kick": 50, "invite": 50}


def care(*, levels: dict[str, object] | None = None, **there: str) -> Care:
    """Return the branch's room with its one member, and who is or knocks there."""
    powers = Powers(version=11, creators=frozenset({ME}), levels=levels or RULED)
    zhang = Member(id=MemberId("zhang"), organisation=NODE, name="张明", user=ZHANG)
    return Care(
        room=Room(id=ROOM, organisation=NODE, purpose=Purpose.BRANCH, name="一支部", encrypted=False),
        lost=None,
        standing=Standing(
            me=ME,
            powers=powers,
            people={UserId(f"@{name}:test"): how for name, how in there.items()},
            joining="knock",
            history=None,
            encrypted=False,
            federates=False,
        ),
        people=(Person(user=ZHANG, member=zhang),),
        leaders=frozenset({BOSS}),
        welcome=frozenset({BOSS}),
    )


def is_answered(done: Decision | Refusal | None) -> tuple[bool, UserId | None]:
    assert isinstance(done, Decision), done
    (fact,) = done.facts
    assert isinstance(fact, KnockAnswered)
    return fact.let_in, fact.by


def test_whom_the_roster_brings_there_is_asked_in_and_nobody_else() -> None:
    done = let_in(care(zhang="knock", stranger="knock"), ZHANG, by=BOSS, now=NOW)
    assert is_answered(done) == (True, BOSS)
    assert isinstance(done, Decision)
    assert done.effects == (Invite(room=ROOM, user=ZHANG),)
    assert "knocks.stranger" in repr(let_in(care(stranger="knock"), STRANGER, by=BOSS, now=NOW))
    assert "knocks.over" in repr(let_in(care(zhang="join"), ZHANG, by=BOSS, now=NOW))
    weak = care(zhang="knock", levels={"invite": 50})
    assert "knocks.may_not_invite" in repr(let_in(weak, ZHANG, by=BOSS, now=NOW))


def test_a_stranger_is_turned_down_and_nobody_who_belongs() -> None:
    done = turn_down(care(stranger="knock"), STRANGER, by=BOSS, now=NOW)
    assert is_answered(done) == (False, BOSS)
    assert isinstance(done, Decision)
    assert done.effects == (Remove(room=ROOM, organisation=NODE, user=STRANGER),)
    assert "belongs_after_all" in repr(turn_down(care(zhang="knock"), ZHANG, by=BOSS, now=NOW))


def test_after_a_week_strangers_are_turned_down_and_who_belongs_waits_on() -> None:
    """N28."""
    old, new = (Knock(room=ROOM, user=STRANGER, at=NOW - PATIENCE + timedelta(hours=one)) for one in (0, 1))
    assert is_answered(turn_down_late(care(stranger="knock"), old, now=NOW)) == (False, None)
    assert turn_down_late(care(stranger="knock"), new, now=NOW) is None
    mine = Knock(room=ROOM, user=ZHANG, at=NOW - PATIENCE)
    assert turn_down_late(care(zhang="knock"), mine, now=NOW) is None
    assert is_answered(turn_down_late(care(zhang="join"), mine, now=NOW)) == (True, None)
