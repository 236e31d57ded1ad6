"""The sample branch has weeks behind it and votes under way, entered once however often it is started."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.away import ask_reports
from content.away import Standing
from content.identifiers import OrganisationId, RoomId, UserId
from content.members import MemberLeft
from content.notices import State as Stand
from content.occurrences import State
from content.organisations import Kind
from content.pledges import State as Promise
from content.rooms import Purpose, Room, RoomKept
from storage import (
    activities,
    away,
    ballots,
    cases,
    meetings,
    members,
    minutes,
    model_members,
    organisations,
    paper_elections,
    participation,
    pledge_questions,
    pledges,
    polls,
    quiet,
    resolutions,
    schedules,
    shifts,
    sign_ups,
    surveys,
    thought_reports,
)
from storage.outbox import outbox
from storage.participation import Period
from storage.store import Store
from tests.small_branch import NOON, HandClock
from zhibu.demo import sample
from zhibu.demo.affairs import Affairs
from zhibu.demo.founding import TIMEZONE, Login, people, plan
from zhibu.demo.synapse import Account
from zhibu.founding import found

SEED = "sample"


def _logins() -> list[Login]:
    accounts = {person.account: f"@{person.account}:test" for _, person in people()}
    return [
        Login(
            person=person,
            branch=branch,
            account=Account(user_id=accounts[person.account], access_token="", device_id="", password=""),
        )
        for branch, person in people()
    ]


@pytest.mark.parametrize("starts", [1, 2])
async def test_what_the_sample_has_behind_it_and_under_way_is_there_once(sqlite_address: str, starts: int) -> None:
    clock = HandClock(NOON)
    store = await Store.open(sqlite_address, clock)
    await found(store, plan(_logins()), SEED)
    tree = await store.read(organisations.tree)
    assert not await store.read(quiet.anywhere), "it is tried at any hour of any day"
    (hall,) = [node.id for node in tree if node.name == sample.BRANCHES[0].name and node.kind is Kind.BRANCH]
    rooms = [
        Room(id=RoomId(f"!{node.id}"), organisation=node.id, purpose=Purpose.BRANCH, name="", encrypted=True)
        for node in tree
        if node.kind is Kind.BRANCH
    ]
    await store.settle(notes=[RoomKept(room=room) for room in rooms])
    roster = await store.read(lambda unit: members.roster(unit, [hall]))
    (candidate,) = [one.id for one in roster if one.name == sample.CANDIDATES[0]]
    for _ in range(starts):
        affairs = Affairs(store, SEED, UserId("@wangli:test"), tree[0].id, hall, RoomId(f"!{hall}"), TIMEZONE)
        await affairs.begin()
        await store.settle(notes=[MemberLeft(member=candidate, at=clock.now)])
        clock.now += timedelta(days=1)

    past = Period(until=NOON.date())
    assert await store.read(lambda unit: participation.held(unit, [hall], past)) == len(sample.PAST) + 1
    asked = await store.read(lambda unit: participation.total(unit, [hall], past))
    assert asked.asked == (len(sample.PAST) + 1) * len(roster)
    assert 0 < asked.unanswered < asked.took_part < asked.asked
    assert asked.waiting == 0
    for find in (polls.of_roots, surveys.of_roots, ballots.of_roots, paper_elections.of_roots, model_members.of_roots):
        assert len(await store.read(lambda unit, find=find: find(unit, [hall], limit=9))) == 1, find
    assert len(await store.read(lambda unit: cases.lines(unit, [hall], reader=UserId("@reader:test"), limit=9))) == 1
    met = await store.read(lambda unit: meetings.of_roots(unit, [hall], [hall], limit=9))
    assert [(one.title, one.state) for one in met] == [
        (sample.NEXT_MEETING[0], Stand.PLANNED),
        (sample.MEETING[0], Stand.CLOSED),
    ]
    (decided,) = await store.read(lambda unit: resolutions.of_meeting(unit, met[1].id))
    assert decided.passed
    written = await store.read(lambda unit: minutes.newest(unit, met[1].id))
    assert written is not None
    assert written.done
    await _gathered(store, hall)
    await _pledged(store, hall)
    await _away(store, hall)
    await _planned(store, [node.id for node in tree if node.name == sample.BRANCHES[-1].name])
    await store.close()


async def _away(store: Store, hall: OrganisationId) -> None:
    """Look that one is to be registered, with one abroad contact waits, and a report has come and is not answered."""
    today = NOON.date()
    lines = await store.read(lambda unit: away.register(unit, [hall], today=today))
    assert {line.member.name: (line.standing, line.member.destination, len(line.reports)) for line in lines} == {
        "尤佳": (Standing.PROPOSED, "四川成都", 2),
        "秦川": (Standing.AWAY, "广东深圳", 0),
        "许舟": (Standing.PROPOSED, "德国汉堡", 0),
    }
    assert [line.member.name for line in lines if line.contact_due and line.contact_due <= today] == ["许舟"]
    reports = await store.read(lambda unit: thought_reports.lines(unit, [hall], limit=9))
    assert [one.report.replied_at is None for one in reports] == [True, False]
    await ask_reports(store, NOON)
    assert "thought_report.due" not in str(await store.read(lambda unit: unit.rows(select(outbox.c.words)))), (
        "nobody is told again of what was told"
    )


async def _gathered(store: Store, hall: OrganisationId) -> None:
    """Look that an activity was held, with its album, and that people sign up for another."""
    span = {"since": NOON - timedelta(days=60), "until": NOON + timedelta(days=60), "limit": 9}
    found = await store.read(lambda unit: activities.of_roots(unit, [hall], **span))
    by_title = {one.title: one for one in found}
    held, coming = by_title[sample.HELD[0]], by_title[sample.COMING[0]]
    assert held.people == sample.CAME
    (photo,) = await store.read(lambda unit: activities.photos(unit, held.id))
    assert photo.kept
    assert len(await store.read(lambda unit: activities.notes(unit, held.id))) == 1
    sign_up = await store.read(lambda unit: sign_ups.of_activity(unit, coming.id))
    assert sign_up is not None
    sheet = await store.read(lambda unit: sign_ups.sheet(unit, sign_up))
    assert [(one.name, one.people) for one in sheet.standing] == [("吴滨", 1), ("张明", 2), ("周岚", 1)]


async def _pledged(store: Store, hall: OrganisationId) -> None:
    """Look that one pledge is past its day and was asked about, one is under way, and one was kept."""
    found = await store.read(lambda unit: pledges.of_roots(unit, [hall], limit=9))
    assert [(one.matter, one.percent, one.state) for one in found] == [
        (said.matter, said.progress[-1][1], state)
        for said, state in zip(sample.PLEDGES, (Promise.OPEN, Promise.OPEN, Promise.DONE), strict=True)
    ]
    (asked,) = await store.read(lambda unit: pledge_questions.questions(unit, [one.id for one in found]))
    assert (asked.text, asked.answer) == sample.PLEDGE_ASKED
    assert await store.read(pledge_questions.waiting) == (), "nobody is told again of what was told"


async def _planned(store: Store, depot: list[OrganisationId]) -> None:
    """Look that a lecture is to come, and a lesson in two sessions that each group hears once."""
    coming = await store.read(lambda unit: schedules.calendar(unit, depot, states=[State.PLANNED]))
    assert [(one.title, one.session, one.sessions) for one in coming] == [
        (sample.LECTURE_TITLE, 0, 1),
        (sample.IN_SESSIONS[0], 0, 2),
        (sample.IN_SESSIONS[0], 1, 2),
    ]
    times = [one.occurrence.due_at for one in coming[1:]]
    first, second = await store.read(lambda unit: shifts.told(unit, depot[0], times))
    assert set(first) - {""}
    assert set(second) - {""}
    roster = await store.read(lambda unit: members.roster(unit, depot))
    assert {one.shift for one in roster} <= {*first, *second}
