"""The first page: what waits for one person by their rights, and how far a branch is from living."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from content.ballots import State as BallotState
from content.identifiers import BallotId, UserId
from content.model_members import Selection, Stage
from content.organisations import Right
from content.paper_counts import may_agree, may_enter
from content.paper_elections import PaperElection
from content.paper_elections import State as PaperState

AHEAD = timedelta(days=7)
"""How far the first page looks ahead."""

BACKUP_OLD = timedelta(hours=36)
"""A daily backup that is older has been left out at least once."""


class Beginning(StrEnum):
    """What a branch needs before it lives, in the order in which it is best done."""

    BOT = "bot"
    ROSTER = "roster"
    ROOM = "room"
    ACCOUNTS = "accounts"
    LESSON = "lesson"
    SECOND = "second"
    HELD = "held"


WHO: Mapping[Beginning, Right] = {
    Beginning.BOT: Right.OPERATE,
    Beginning.ROSTER: Right.IMPORT_ROSTER,
    Beginning.ROOM: Right.MANAGE_ROOMS,
    Beginning.ACCOUNTS: Right.IMPORT_ROSTER,
    Beginning.LESSON: Right.SCHEDULE,
    Beginning.SECOND: Right.GRANT_DUTIES,
    Beginning.HELD: Right.SCHEDULE,
}
"""By which right one can do something about it."""


class Facts(Struct, frozen=True, kw_only=True):
    """What is known of a part of the tree that tells whether it lives."""

    bot_seen: bool
    members: int
    bound: int
    rooms: int
    written: bool
    """Whether there is a lesson there that can be planned."""
    planned: bool
    in_charge: int
    """How many people may schedule there: with one alone, everything rests on them."""
    held: bool
    """Whether a lesson or event has been sent there."""


def checklist(known: Facts, rights: Collection[Right]) -> tuple[tuple[Beginning, bool], ...]:
    """Return what there is to do, each with whether it is done; empty once the branch lives, and for who only looks.

    Nobody ticks these off: each is done when the facts say so.
    """
    done = {
        Beginning.BOT: known.bot_seen,
        Beginning.ROSTER: known.members > 0,
        Beginning.ROOM: known.rooms > 0,
        Beginning.ACCOUNTS: known.bound > 0,
        Beginning.LESSON: known.planned,
        Beginning.SECOND: known.in_charge > 1,
        Beginning.HELD: known.held,
    }
    mine = any(WHO[step] in rights for step, is_done in done.items() if not is_done)
    return tuple(done.items()) if mine else ()


class BallotMatter(StrEnum):
    """What a secret ballot waits for."""

    SECOND = "second"
    TELLERS = "tellers"
    COUNT = "count"
    CERTIFY = "certify"


class BallotStanding(Struct, frozen=True, kw_only=True):
    """Where a ballot stands, as far as it tells what it waits for; ``unproven`` are tellers whose share is not proved.

    ``asked_by`` is who wants a step that takes a second person.
    """

    id: BallotId
    title: str
    state: BallotState
    closes_at: datetime
    unproven: int
    asked_by: UserId | None


def ballot_matter(ballot: BallotStanding, user: UserId, rights: Collection[Right]) -> BallotMatter | None:
    """Return what a ballot waits for from this person."""
    if ballot.asked_by is not None and ballot.asked_by != user and Right.SCHEDULE in rights:
        return BallotMatter.SECOND
    if ballot.state is BallotState.FROZEN and ballot.unproven and Right.SCHEDULE in rights:
        return BallotMatter.TELLERS
    if Right.COUNT_BALLOTS not in rights:
        return None
    return {BallotState.CLOSED: BallotMatter.COUNT, BallotState.OPENED: BallotMatter.CERTIFY}.get(ballot.state)


class PaperMatter(StrEnum):
    """What an election on paper waits for: those who count are to be charged, a count, a word, the announcement."""

    MEET = "meet"
    COUNT = "count"
    AGREE = "agree"
    ANNOUNCE = "announce"


def paper_matter(paper: PaperElection, user: UserId, rights: Collection[Right], *, today: date) -> PaperMatter | None:
    """Return what an election on paper waits for from this person."""
    if Right.COUNT_BALLOTS in rights:
        if may_agree(paper, user):
            return PaperMatter.AGREE
        # Of a count that was made together, who entered it waits for the other's word.
        if may_enter(paper, user) and len(paper.entries) < 3:
            return PaperMatter.COUNT
    if Right.IMPORT_ROSTER not in rights:
        return None
    if paper.state is PaperState.COUNTED:
        return PaperMatter.ANNOUNCE
    return PaperMatter.MEET if paper.state is PaperState.FIXED and paper.held_on <= today else None


class SelectionMatter(StrEnum):
    """What a selection of model members waits for: to be reviewed, to be posted, and what was objected to be heard."""

    REVIEW = "review"
    POST = "post"
    HEAR = "hear"


class SelectionStanding(Struct, frozen=True, kw_only=True):
    """Where a selection stands; ``objections`` are those without an outcome, of who hears them, and else none."""

    selection: Selection
    objections: int


def selection_matter(
    standing: SelectionStanding, user: UserId, rights: Collection[Right], *, now: datetime
) -> SelectionMatter | None:
    """Return what a selection waits for from this person; who has decided does not post the notice."""
    one = standing.selection
    if standing.objections:
        return SelectionMatter.HEAR
    if Right.IMPORT_ROSTER not in rights:
        return None
    if one.stage is Stage.CALLED and one.nominate_until <= now:
        return SelectionMatter.REVIEW
    return SelectionMatter.POST if one.stage is Stage.CONSIDERED and one.decided_by != user else None


def backup_is_old(newest: datetime | None, *, now: datetime) -> bool:
    """Tell whether the newest backup was made too long ago; where none was ever made, that is another matter."""
    return newest is not None and now - newest > BACKUP_OLD


def same_days_before(today: date) -> tuple[date, date]:
    """Return the days of the month before that correspond to this month so far, to compare a month with its past.

    A month that is shorter ends with its last day.
    """
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last.replace(day=min(today.day, last.day))


def elections_due(ends: Iterable[tuple[str, date, date]], today: date) -> tuple[tuple[str, date], ...]:
    """Return whose committee's term ends soon or has ended, out of (name, remind on, ends on), soonest first."""
    due = [(name, end) for name, remind, end in ends if remind <= today]
    return tuple(sorted(due, key=lambda one: (one[1], one[0])))
