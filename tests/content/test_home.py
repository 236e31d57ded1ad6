"""What waits for whom on the first page, and when a branch lives."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from content.ballots import State
from content.home import (
    BACKUP_OLD,
    BallotMatter,
    BallotStanding,
    Beginning,
    Facts,
    PaperMatter,
    SelectionMatter,
    SelectionStanding,
    backup_is_old,
    ballot_matter,
    checklist,
    elections_due,
    paper_matter,
    same_days_before,
    selection_matter,
)
from content.identifiers import BallotId, OrganisationId, SelectionId, UserId
from content.model_members import Selection, Stage
from content.organisations import Right
from content.paper_elections import Entry, PaperElection
from content.paper_elections import State as PaperState
from tests.content.test_paper_elections import DAY, ONE, TWO, A, B, count, counting, paper

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
ME, OTHER = UserId("@wo:example.org"), UserId("@ta:example.org")
LIVES = Facts(bot_seen=True, members=24, bound=20, rooms=1, written=True, planned=True, in_charge=2, held=True)
BALLOT = BallotStanding(
    id=BallotId("one"), title="推荐", state=State.OPEN, closes_at=NOW, unproven=0, asked_by=None
)  # fmt: skip
EVERYTHING = frozenset(Right)


@pytest.mark.parametrize(
    ("step", "without"),
    [
        (Beginning.BOT, {"bot_seen": False}),
        (Beginning.ROSTER, {"members": 0}),
        (Beginning.ROOM, {"rooms": 0}),
        (Beginning.ACCOUNTS, {"bound": 0}),
        (Beginning.LESSON, {"planned": False}),
        (Beginning.SECOND, {"in_charge": 1}),
        (Beginning.HELD, {"held": False}),
    ],
)
def test_a_step_is_open_exactly_while_the_facts_do_not_show_it(step: Beginning, without: dict[str, int]) -> None:
    steps = dict(checklist(replace(LIVES, **without), EVERYTHING))
    assert [one for one, done in steps.items() if not done] == [step]
    assert list(steps) == list(Beginning)


def test_a_branch_that_lives_has_no_list_and_nobody_sees_one_who_could_do_nothing_about_it() -> None:
    assert checklist(LIVES, EVERYTHING) == ()
    assert checklist(replace(LIVES, members=0), {Right.READ, Right.SCHEDULE}) == ()
    assert checklist(replace(LIVES, members=0), {Right.IMPORT_ROSTER}) != ()


@pytest.mark.parametrize(
    ("ballot", "rights", "matter"),
    [
        (replace(BALLOT, state=State.FROZEN, unproven=2), {Right.SCHEDULE}, BallotMatter.TELLERS),
        (replace(BALLOT, state=State.FROZEN, unproven=2), {Right.COUNT_BALLOTS}, None),
        (replace(BALLOT, state=State.FROZEN), EVERYTHING, None),
        (replace(BALLOT, asked_by=OTHER), {Right.SCHEDULE}, BallotMatter.SECOND),
        (replace(BALLOT, asked_by=ME), {Right.SCHEDULE}, None),
        (BALLOT, EVERYTHING, None),
        (replace(BALLOT, state=State.CLOSED), {Right.COUNT_BALLOTS}, BallotMatter.COUNT),
        (replace(BALLOT, state=State.CLOSED), {Right.SCHEDULE}, None),
        (replace(BALLOT, state=State.OPENED), {Right.COUNT_BALLOTS}, BallotMatter.CERTIFY),
    ],
)
def test_a_ballot_waits_for_who_may_take_its_next_step(
    ballot: BallotStanding, rights: set[Right], matter: BallotMatter | None
) -> None:
    assert ballot_matter(ballot, ME, rights) == matter


def entries(*members: str) -> tuple[Entry, ...]:
    return tuple(
        Entry(place=place, member=ONE if one == "one" else TWO, counted=count(14, 12, place))
        for place, one in enumerate(members, start=1)
    )


@pytest.mark.parametrize(
    ("election", "user", "matter"),
    [
        (paper(), ME, None),
        (paper(state=PaperState.FIXED), ME, PaperMatter.MEET),
        (paper(state=PaperState.FIXED, held_on=DAY + timedelta(days=1)), ME, None),
        (counting(), A, PaperMatter.COUNT),
        (counting(), ME, None),
        (counting(entries=entries("one")), A, None),
        (counting(entries=entries("one")), B, PaperMatter.COUNT),
        (counting(entries=entries("one", "two")), A, PaperMatter.COUNT),
        (counting(entries=entries("one", "two", "one")), A, None),
        (counting(entries=entries("one", "two", "one")), B, PaperMatter.AGREE),
        (counting(state=PaperState.COUNTED), ME, PaperMatter.ANNOUNCE),
        (counting(state=PaperState.CERTIFIED), ME, None),
    ],
)
def test_an_election_on_paper_waits_for_who_may_take_its_next_step(
    election: PaperElection, user: UserId, matter: PaperMatter | None
) -> None:
    assert paper_matter(election, user, EVERYTHING, today=DAY) == matter
    assert paper_matter(election, user, {Right.READ}, today=DAY) is None


SELECTION = Selection(
    id=SelectionId("s"),
    organisation=OrganisationId("o"),
    title="先锋岗",
    places=1,
    nominate_until=NOW,
    timezone="Asia/Shanghai",
)


@pytest.mark.parametrize(
    ("selection", "objections", "matter"),
    [
        (SELECTION, 0, SelectionMatter.REVIEW),
        (replace(SELECTION, nominate_until=NOW + timedelta(minutes=1)), 0, None),
        (replace(SELECTION, stage=Stage.CONSIDERED, decided_by=OTHER), 0, SelectionMatter.POST),
        (replace(SELECTION, stage=Stage.CONSIDERED, decided_by=ME), 0, None),
        (replace(SELECTION, stage=Stage.PUBLIC), 0, None),
        (replace(SELECTION, stage=Stage.PUBLIC), 2, SelectionMatter.HEAR),
    ],
)
def test_a_selection_waits_for_who_may_take_its_next_step(
    selection: Selection, objections: int, matter: SelectionMatter | None
) -> None:
    standing = SelectionStanding(selection=selection, objections=objections)
    assert selection_matter(standing, ME, EVERYTHING, now=NOW) == matter
    heard = SelectionMatter.HEAR if objections else None
    assert selection_matter(standing, ME, {Right.READ}, now=NOW) is heard


def test_a_backup_is_old_once_a_daily_one_was_left_out() -> None:
    assert not backup_is_old(None, now=NOW)
    assert not backup_is_old(NOW - BACKUP_OLD, now=NOW)
    assert backup_is_old(NOW - BACKUP_OLD - timedelta(seconds=1), now=NOW)


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2090, 1, 1)))
def test_a_month_is_compared_with_no_more_days_of_the_month_before(today: date) -> None:
    since, until = same_days_before(today)
    assert since.day == 1
    assert since <= until < today.replace(day=1)
    assert until.day <= today.day
    assert (until + timedelta(days=1)).day == 1 or until.day == today.day


def test_elections_are_named_from_the_day_on_which_to_begin_preparing_them() -> None:
    today = date(2026, 6, 20)
    ends = [
        ("later", date(2026, 6, 21), date(2026, 12, 21)),
        ("soon", today, date(2026, 12, 20)),
        ("over", date(2025, 6, 1), date(2025, 12, 1)),
    ]
    assert elections_due(ends, today) == (("over", date(2025, 12, 1)), ("soon", date(2026, 12, 20)))
