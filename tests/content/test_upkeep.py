"""Who belongs where, what is wrong with a room, and that nobody is shown out or let in who ought not to be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from content.decision import Decision, Refusal
from content.identifiers import MemberId, OrganisationId, RoomId, UserId
from content.members import Member, MemberLeft, MemberReturned, issue_code, leave_roster, return_to_roster
from content.organisations import Duty, DutyEnded, Kind, Organisation, Role
from content.power import powers_from
from content.rooms import Flaw, Invite, MakeRoom, Mend, Purpose, Remove, Room, RoomKept, levels
from content.upkeep import (
    MOST_PRIVATE,
    MOST_ROOMS,
    Ability,
    Care,
    Claim,
    Housed,
    Person,
    Standing,
    Taken,
    abilities_missing,
    adopt,
    belonging,
    can_mend,
    examine,
    invite_missing,
    make_room,
    mend,
    remove,
    takes_up,
)

NOW = datetime(2026, 7, 1, tzinfo=UTC)
BOT, LEADER, ZHANG, LI, GUEST = (UserId(f"@{name}:test") for name in ("bot", "leader", "zhang", "li", "guest"))
ROOF = Organisation(id=OrganisationId("roof"), parent=None, kind=Kind.GENERAL_BRANCH, name="总支")
EAST = Organisation(id=OrganisationId("east"), parent=ROOF.id, kind=Kind.BRANCH, name="东支部")
GROUP = Organisation(id=OrganisationId("group"), parent=EAST.id, kind=Kind.GROUP, name="第一党小组")
ROOM = RoomId("!east:test")


def member(id: str, user: UserId | None = None, **more: Any) -> Member:
    return Member(id=MemberId(id), organisation=EAST.id, name="张明", user=user, **more)


PEOPLE = (
    member("zhang", ZHANG, category="正式党员", position="组织委员"),
    member("li", LI, category="发展对象"),
    member("wang", category="正式党员", position="党小组长"),
)


def standing(creator: UserId = BOT, **more: Any) -> Standing:
    version = more.pop("version", "12")
    held = more.pop("levels", levels(Purpose.BRANCH, [LEADER]))
    create = {"room_version": version, "creator": creator}
    usual: dict[str, Any] = {
        "me": BOT,
        "powers": powers_from(sender=creator, create=create, levels=held),
        "people": {BOT: "join", LEADER: "join", ZHANG: "join", LI: "invite"},
        "joining": "invite",
        "history": "shared",
        "encrypted": True,
        "federates": False,
    }
    return Standing(**usual | more)


def care(seen: Standing | None = None, purpose: Purpose = Purpose.BRANCH, **more: Any) -> Care:
    usual: dict[str, Any] = {
        "room": Room(id=ROOM, organisation=EAST.id, purpose=purpose, name="支部群", encrypted=True),
        "lost": None,
        "standing": seen or standing(),
        "people": belonging(purpose, EAST, PEOPLE, [LEADER]),
        "leaders": frozenset({LEADER}),
        "welcome": frozenset({LEADER}),
    }
    return Care(**usual | more)


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [
        (Purpose.BRANCH, {"zhang", "li", "wang"}),
        (Purpose.ANNOUNCEMENT, {"zhang", "li", "wang"}),
        (Purpose.COMMITTEE, {"zhang"}),
        (Purpose.APPLICANTS, {"li"}),
        (Purpose.STAFF, set()),
        (Purpose.SPACE, set()),
    ],
)
def test_each_room_is_for_those_of_the_roster_it_is_made_for_and_for_who_leads(
    purpose: Purpose, expected: set[str]
) -> None:
    people = belonging(purpose, EAST, PEOPLE, [LEADER])
    assert {one.member.id for one in people if one.member} == expected
    assert LEADER in {one.user for one in people}


def test_a_committee_above_a_branch_takes_no_positions_of_its_branches() -> None:
    assert belonging(Purpose.COMMITTEE, ROOF, PEOPLE, [LEADER]) == (Person(user=LEADER, member=None),)


def test_who_leads_and_is_a_member_is_one_person() -> None:
    (one,) = belonging(Purpose.SPACE, EAST, PEOPLE, [ZHANG])
    assert one == Person(user=ZHANG, member=PEOPLE[0])


def test_everyone_is_counted_once_and_guests_apart() -> None:
    seen = care(standing(people={BOT: "join", ZHANG: "join", LI: "leave", GUEST: "join"}))
    assert [one.user for one in seen.joined] == [ZHANG]
    assert {one.user for one in seen.absent} == {LI, LEADER}
    assert len(seen.without_account) == 1
    assert seen.outsiders == (GUEST,)
    assert replace(seen, room=replace(seen.room, purpose=Purpose.STAFF)).outsiders == ()


def test_who_was_banned_is_shown_and_not_asked_in_and_who_knocks_is_let_in_only_where_they_belong() -> None:
    """N28."""
    seen = care(standing(people={BOT: "join", LEADER: "join", ZHANG: "ban", LI: "knock", GUEST: "knock"}))
    assert [one.user for one in seen.banned] == [ZHANG]
    assert seen.knocking == (GUEST, LI)
    assert [one.user for one in seen.absent] == [LI]
    assert seen.outsiders == ()
    asked = invite_missing(seen)
    assert isinstance(asked, Decision)
    assert asked.effects == (Invite(room=ROOM, user=LI),)
    turned_down = remove(seen, GUEST)
    assert isinstance(turned_down, Decision)
    assert turned_down.effects == (Remove(room=ROOM, organisation=EAST.id, user=GUEST),)
    assert isinstance(remove(seen, LI), Refusal)


@pytest.mark.parametrize(
    ("wrong", "flaw"),
    [
        ({"encrypted": False}, Flaw.CLEAR),
        ({"joining": "public"}, Flaw.OPEN),
        ({"history": "world_readable"}, Flaw.OPEN),
        ({"federates": True}, Flaw.FEDERATED),
        ({"version": "9"}, Flaw.OLD),
        ({"version": "x"}, Flaw.OLD),
        ({"levels": {}}, Flaw.LEADERLESS),
        ({"creator": LEADER}, Flaw.POWERLESS),
        ({"creator": LEADER}, Flaw.OVERRULED),
        ({"creator": GUEST, "version": "10"}, Flaw.STRANGER),
    ],
)
def test_what_is_wrong_with_a_room_is_named(wrong: dict[str, Any], flaw: Flaw) -> None:
    """X17, X18, X25."""
    assert examine(care()) == ()
    assert flaw in examine(care(standing(**wrong)))


def test_who_made_a_room_is_said_where_they_stand_above_the_bot_or_have_no_place_in_it() -> None:
    """X06."""
    assert standing(LEADER).makers() == (LEADER,)
    assert standing().makers() == ()
    older = care(standing(LEADER, version="10"))
    assert not {Flaw.OVERRULED, Flaw.STRANGER} & {*examine(older)}, "an older room obeys its levels, and they belong"
    foreign = care(standing(GUEST))
    assert {Flaw.OVERRULED, Flaw.STRANGER} <= {*examine(foreign)}
    assert foreign.strange_makers == (GUEST,)
    assert not any(can_mend(foreign, flaw) for flaw in (Flaw.OVERRULED, Flaw.STRANGER))
    there = {BOT: "join", GUEST: "join"}
    assert care(standing(GUEST, people=there), Purpose.STAFF).strange_makers == ()
    assert care(standing(GUEST, people={BOT: "join"}), Purpose.STAFF).strange_makers == (GUEST,)


def test_history_is_measured_by_what_the_room_is_for() -> None:
    assert Flaw.READABLE in examine(care(purpose=Purpose.COMMITTEE))
    assert Flaw.READABLE not in examine(care(standing(history="joined"), Purpose.COMMITTEE))
    assert Flaw.READABLE in examine(care(standing(history=None), Purpose.COMMITTEE))


def test_a_room_out_of_reach_or_not_seen_is_not_judged_further() -> None:
    assert examine(care(standing(encrypted=False), lost="left")) == (Flaw.LOST,)
    assert examine(replace(care(), standing=None)) == (Flaw.UNSEEN,)


def test_where_nothing_is_encrypted_a_clear_room_is_fine() -> None:
    assert examine(care(standing(encrypted=False)), encrypts=False) == ()


def test_a_room_that_its_space_does_not_list_is_astray() -> None:
    space = standing(is_space=True)
    assert Flaw.ASTRAY in examine(care(space=RoomId("!s"), space_standing=space))
    assert examine(care(space=RoomId("!s"), space_standing=replace(space, children=frozenset({ROOM})))) == ()


def test_the_bot_mends_only_what_it_may() -> None:
    clear = standing(encrypted=False)
    assert mend(care(clear), Flaw.CLEAR, encrypts=True) == Decision(
        effects=(Mend(room=ROOM, organisation=EAST.id, flaw=Flaw.CLEAR),)
    )
    foreign = standing(LEADER, encrypted=False)
    assert not can_mend(care(foreign), Flaw.CLEAR)
    assert isinstance(mend(care(foreign), Flaw.CLEAR, encrypts=True), Refusal)
    assert isinstance(mend(care(), Flaw.CLEAR, encrypts=True), Refusal)
    assert not can_mend(care(standing(federates=True)), Flaw.FEDERATED)


def test_abilities_are_read_from_the_rooms_own_levels() -> None:
    """X05."""
    assert abilities_missing(standing(), Purpose.BRANCH) == ()
    muted = standing(LEADER, version="11", levels={"users": {LEADER: 100}, "events_default": 10, "invite": 10})
    assert set(abilities_missing(muted, Purpose.BRANCH)) == set(Ability)
    assert Ability.POST not in abilities_missing(muted, Purpose.SPACE)


def test_a_room_is_made_with_the_spaces_above_it_the_topmost_first() -> None:
    chain = (Housed(node=ROOF), Housed(node=EAST))
    assert make_room(Purpose.BRANCH, chain) == Decision(
        effects=(
            MakeRoom(organisation=ROOF.id, purpose=Purpose.SPACE),
            MakeRoom(organisation=EAST.id, purpose=Purpose.SPACE),
            MakeRoom(organisation=EAST.id, purpose=Purpose.BRANCH),
        )
    )
    coming = (Housed(node=ROOF, has=frozenset({Purpose.SPACE})), Housed(node=EAST, coming=frozenset({Purpose.SPACE})))
    answer = make_room(Purpose.STAFF, coming)
    assert answer == Decision(effects=(MakeRoom(organisation=EAST.id, purpose=Purpose.STAFF),))
    group = make_room(Purpose.GROUP, (*coming, Housed(node=GROUP)))
    assert group == Decision(effects=(MakeRoom(organisation=GROUP.id, purpose=Purpose.GROUP),))


def test_no_room_is_made_twice_or_where_it_does_not_fit() -> None:
    for at in (
        Housed(node=EAST, has=frozenset({Purpose.BRANCH})),
        Housed(node=EAST, coming=frozenset({Purpose.BRANCH})),
        Housed(node=ROOF),
        Housed(node=GROUP),
    ):
        assert isinstance(make_room(Purpose.BRANCH, (at,)), Refusal)


def test_only_who_is_missing_is_asked_in_and_nobody_twice() -> None:
    seen = care(standing(people={BOT: "join", ZHANG: "join", LI: "leave"}))
    assert invite_missing(seen) == Decision(effects=(Invite(room=ROOM, user=LI), Invite(room=ROOM, user=LEADER)))
    assert invite_missing(seen, {LI}) == Decision(effects=(Invite(room=ROOM, user=LEADER),))
    assert isinstance(invite_missing(care()), Refusal)
    assert isinstance(invite_missing(replace(seen, lost="left")), Refusal)


def test_nobody_is_shown_out_who_belongs_holds_a_duty_or_stands_above_the_bot() -> None:
    crowd = {BOT: "join", LEADER: "join", ZHANG: "join", GUEST: "join"}
    seen = care(standing(people=crowd))
    assert remove(seen, GUEST) == Decision(effects=(Remove(room=ROOM, organisation=EAST.id, user=GUEST),))
    for user in (LEADER, ZHANG, BOT, LI):
        assert isinstance(remove(seen, user), Refusal), user
    assert isinstance(remove(care(standing(GUEST, people=crowd)), GUEST), Refusal)


def claim(purpose: Purpose = Purpose.BRANCH, by: UserId = LEADER) -> Claim:
    return Claim(room=ROOM, node=EAST, purpose=purpose, by=by)


GOOD: dict[str, Any] = {"owner": None, "private": False, "has": (), "name": "老群"}


def test_who_governs_a_room_gives_it_to_the_organisation() -> None:
    answer = adopt(claim(), standing(LEADER), **GOOD, space=RoomId("!s"))
    assert isinstance(answer, Decision)
    (kept,) = answer.facts
    assert isinstance(kept, RoomKept)
    assert (kept.room.name, kept.room.purpose, kept.room.encrypted) == ("老群", Purpose.BRANCH, True)
    assert answer.effects == (Mend(room=ROOM, organisation=EAST.id, flaw=Flaw.ASTRAY),)


@pytest.mark.parametrize(
    ("request_", "seen", "how"),
    [
        (claim(by=ZHANG), standing(LEADER), {}),
        (claim(by=GUEST), standing(GUEST, people={BOT: "join"}), {}),
        (claim(), standing(LEADER, levels={"state_default": 80, "users": {LEADER: 60}}, version="11"), {}),
        (claim(), standing(LEADER, levels={"state_default": "50", "users": {LEADER: 60}}, version="11"), {}),
        (claim(), standing(LEADER, people={LEADER: "join", BOT: "leave"}), {}),
        (claim(), standing(LEADER, replaced=True), {}),
        (claim(), standing(LEADER, is_space=True), {}),
        (claim(Purpose.GROUP), standing(LEADER), {}),
        (claim(), None, {}),
        (claim(), standing(LEADER), {"owner": ROOF.id}),
        (claim(), standing(LEADER), {"private": True}),
        (claim(), standing(LEADER), {"has": (Purpose.BRANCH,)}),
    ],
)
def test_a_room_is_not_taken_over_otherwise(request_: Claim, seen: Standing | None, how: dict[str, Any]) -> None:
    assert isinstance(adopt(request_, seen, **GOOD | how), Refusal)


def test_nobody_makes_the_bot_join_without_end() -> None:
    assert takes_up(Taken(), direct=True)
    assert not takes_up(Taken(has_private=True), direct=True)
    assert not takes_up(Taken(private_today=MOST_PRIVATE), direct=True)
    assert takes_up(Taken(has_private=True, private_today=MOST_PRIVATE), direct=False)
    assert not takes_up(Taken(rooms_today=MOST_ROOMS), direct=False)


def leave(one: Member, **more: Any) -> Decision | Refusal:
    usual: dict[str, Any] = {"by": LEADER, "duties": (), "may_end": (), "out_of": (), "now": NOW}
    return leave_roster(one, **usual | more)


def test_who_leaves_the_roster_goes_out_of_the_rooms_that_were_confirmed_and_no_other() -> None:
    room = care().room
    answer = leave(PEOPLE[0], out_of=(room,))
    assert isinstance(answer, Decision)
    assert answer.facts == (MemberLeft(member=PEOPLE[0].id, at=NOW),)
    assert answer.effects == (Remove(room=ROOM, organisation=EAST.id, user=ZHANG),)
    assert leave(PEOPLE[0]) == Decision(facts=answer.facts)
    assert leave(PEOPLE[2], out_of=(room,)) == Decision(facts=(MemberLeft(member=PEOPLE[2].id, at=NOW),))


def test_duties_end_with_it_where_they_are_ours_to_end() -> None:
    duty = Duty(user=ZHANG, organisation=EAST.id, role=Role.ORGANISING_MEMBER)
    answer = leave(PEOPLE[0], duties=(duty,), may_end=(duty,))
    assert isinstance(answer, Decision)
    assert DutyEnded(duty=duty) in answer.facts
    above = replace(duty, organisation=ROOF.id)
    refused = leave(PEOPLE[0], duties=(duty, above), may_end=(duty,))
    assert isinstance(refused, Refusal)
    assert refused.words.key == "leaving.duty_not_yours"
    assert isinstance(leave(PEOPLE[0], by=ZHANG), Refusal)


def test_one_leaves_once_gets_no_code_then_and_may_come_back() -> None:
    gone = replace(PEOPLE[2], left=NOW)
    assert isinstance(leave(gone), Refusal)
    assert isinstance(issue_code(gone, code_hash="h", now=NOW), Refusal)
    assert return_to_roster(gone) == Decision(facts=(MemberReturned(member=gone.id),))
    assert isinstance(return_to_roster(PEOPLE[2]), Refusal)
