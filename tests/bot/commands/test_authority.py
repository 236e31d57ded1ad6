"""Commands and pages rest on one table of rights: each command by each role from each place in the tree."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.commands.registry import BY_VERB, COMMANDS
from bot.commands.vocabulary import CALLING, WORDS, Verb
from content.burden import Cap
from content.decision import Decision
from content.identifiers import OrganisationId, UserId
from content.organisations import (
    RIGHTS,
    Duty,
    DutyEnded,
    DutyGranted,
    Kind,
    Organisation,
    OrganisationFounded,
    Right,
    Role,
)
from content.settings import SettingChosen
from tests.small_branch import EAST, EAST_GROUP, ROOF, WEST, ZHANG, SmallBranch, account, message, private_room

QUESTION = "投票 主题党日定在哪天; 周五; 周六"
OTHER = OrganisationId("other")
PLACES = {"own": EAST, "parent": ROOF, "child": EAST_GROUP, "sibling": WEST, "other": OTHER}
REACHING = {"own", "parent"}
"""From where a duty reaches what is asked in the room of the branch."""


def holders() -> Iterator[tuple[UserId, Role, str, Duty]]:
    for role in Role:
        for name, place in PLACES.items():
            user = UserId(f"@{role.value}-{name}:test")
            yield user, role, name, Duty(user=user, organisation=place, role=role)


def test_every_command_says_which_right_it_needs() -> None:
    assert {command.verb: command.needs for command in COMMANDS if command.needs is not None} == {
        Verb.CONSOLE: Right.READ,
        Verb.ADOPT: Right.MANAGE_ROOMS,
        **dict.fromkeys((Verb.VOTE, Verb.SIGN_UP, Verb.PLAN), Right.SCHEDULE),
        **dict.fromkeys((Verb.RESOLVE, Verb.ASSIGN), Right.RECORD),
        **dict.fromkeys((*CALLING, Verb.LOCK, Verb.UNLOCK, Verb.SLOW_MODE), Right.MODERATE),
    }


async def test_each_role_from_each_place_does_what_the_table_says(branch: SmallBranch) -> None:
    """S17, S25."""
    other = Organisation(id=OTHER, parent=None, kind=Kind.BRANCH, name="别处")
    granted = [DutyGranted(duty=duty) for _, _, _, duty in holders()]
    await branch.store.settle(notes=[OrganisationFounded(organisation=other), *granted])
    # So that each may ask on one day what would be too much for the room.
    many = [SettingChosen(organisation=ROOF, name=name, value="99") for name in (Cap.DAY, Cap.MONTH)]
    await branch.store.settle(notes=many)
    for user, role, name, _ in holders():
        (asked,) = await branch.hear(message(user, QUESTION))
        allowed = name in REACHING and Right.SCHEDULE in RIGHTS[role]
        assert asked is not None
        assert isinstance(asked.answer, Decision) == allowed, (role, name)


async def test_a_duty_adds_nothing_to_a_command_that_needs_none(branch: SmallBranch) -> None:
    bare = [verb for verb, command in BY_VERB.items() if command.needs is None and verb is not Verb.BIND]
    said = {verb: next(iter(WORDS[verb])) for verb in bare}

    async def keys() -> dict[Verb, list[str]]:
        heard = {}
        for verb, word in said.items():
            before = len(await branch.told())
            await branch.hear(message(account(ZHANG), word, room_id=private_room(ZHANG)))
            heard[verb] = [key for _, key in (await branch.told())[before:]]
            branch.clock.forward(hours=2)
        return heard

    # What is said once waits for somebody, and is what is said last from then on.
    await keys()
    without = await keys()
    await branch.store.settle(
        notes=[DutyGranted(duty=Duty(user=account(ZHANG), organisation=ROOF, role=Role.SECRETARY))]
    )
    held = await keys()
    assert {verb for verb in bare if held[verb] != without[verb]} <= {Verb.HELP}


async def test_a_duty_that_ends_at_the_desk_is_gone_for_the_next_command(branch: SmallBranch) -> None:
    """S6, S17."""
    duty = Duty(user=account(ZHANG), organisation=EAST, role=Role.PUBLICITY_MEMBER)
    await branch.store.settle(notes=[DutyGranted(duty=duty)])
    (before,) = await branch.hear(message(account(ZHANG), QUESTION))
    assert before is not None
    assert isinstance(before.answer, Decision)
    await branch.store.settle(notes=[DutyEnded(duty=duty)])
    (after,) = await branch.hear(message(account(ZHANG), QUESTION))
    assert after is not None
    assert after.refusal is not None
    (console,) = await branch.hear(message(account(ZHANG), "控制台", room_id=private_room(ZHANG)))
    assert console is not None
    assert console.refusal is not None
    assert console.refusal.words.key == "console.no_duty"


@pytest.mark.parametrize("role", Role)
async def test_who_holds_any_duty_gets_a_link(branch: SmallBranch, role: Role) -> None:
    duty = Duty(user=account(ZHANG), organisation=EAST, role=role)
    await branch.store.settle(notes=[DutyGranted(duty=duty)])
    (console,) = await branch.hear(message(account(ZHANG), "控制台", room_id=private_room(ZHANG)))
    assert console is not None
    assert isinstance(console.answer, Decision)
