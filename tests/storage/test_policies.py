"""What a policy room says is read with who says it, and whom a list showed out by itself is known for a day."""

from __future__ import annotations

from datetime import timedelta

from content.identifiers import EventId, OrganisationId, PolicyBanId, PolicyListId, RoomId, UserId
from content.policies import PolicyBan, PolicyBanned, PolicyList, PolicyListAdded, PolicyListApplied, State
from content.policies import PolicyRoomEntered as Entered
from storage import policies
from storage.rooms import StateSeen
from storage.store import Store
from tests.small_branch import EAST, EAST_ROOM, NOON, SECRETARY, HandClock, facts_of_founding

LIST = RoomId("!bans:elsewhere")
ONE = PolicyList(
    id=PolicyListId("list"),
    organisation=EAST,
    address=LIST,
    room=LIST,
    state=State.APPLIED,
    by=SECRETARY,
    at=NOON,
)
KEEPER, SPAM = UserId("@keeper:lists.example"), UserId("@spam:bad.example")


def seen(room: RoomId, kind: str, key: str, **content: object) -> StateSeen:
    return StateSeen(room=room, type=kind, state_key=key, sender=KEEPER, event_id=EventId(f"${key}"), content=content)


async def test_rules_are_read_with_who_says_them_and_rooms_with_who_is_there(store: Store) -> None:
    await store.settle(
        notes=[
            *facts_of_founding(),
            PolicyListAdded(list=ONE),
            Entered(id=ONE.id, room=LIST),
            seen(LIST, "m.policy.rule.user", "1", entity=SPAM, recommendation="m.ban"),
            seen(LIST, "m.policy.rule.user", "2", entity=SPAM, recommendation="org.example.warn"),
            seen(LIST, "m.policy.rule.user", "3"),
            seen(EAST_ROOM, "m.room.member", SPAM, membership="join"),
            seen(EAST_ROOM, "m.room.member", KEEPER, membership="leave"),
        ]
    )
    rules = await store.read(lambda unit: policies.rules_of(unit, ONE))
    assert ([rule.by for rule in rules.all], rules.passed_over) == ([KEEPER], 1)
    assert await store.read(lambda unit: policies.there(unit, ONE)) == {EAST_ROOM: [SPAM]}


async def test_whom_a_list_showed_out_by_itself_counts_for_a_day(store: Store, clock: HandClock) -> None:
    """What two had just looked at does not."""
    began = clock.now
    applied = PolicyListApplied(list=ONE, by=SECRETARY, at=began)
    bans = [
        PolicyBanned(
            ban=PolicyBan(
                id=PolicyBanId(f"ban{minutes}"),
                list=ONE.id,
                organisation=OrganisationId(EAST),
                room=EAST_ROOM,
                user=UserId(f"@u{minutes}:bad.example"),
                pattern="@u*",
            ),
            at=began + timedelta(minutes=minutes),
        )
        for minutes in (1, 20, 1000)
    ]
    await store.settle(notes=[*facts_of_founding(), PolicyListAdded(list=ONE), applied, *bans])

    async def lately(**how_far: float) -> list[str]:
        clock.forward(**how_far)
        return sorted(await store.read(lambda unit: policies.shown_out_lately(unit, ONE)))

    assert await lately(minutes=1001) == ["@u1000:bad.example", "@u20:bad.example"]
    assert await lately(hours=12) == ["@u1000:bad.example"]
    assert await lately(hours=24) == []
