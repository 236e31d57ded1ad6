"""Secret ballots: from a draft to the count, who may take which step, and what is fixed from which step on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from content.ballot_papers import canonical, sealed_length, set_hash
from content.confusables import skeleton
from content.decision import Decision, Fact, Refusal, refused
from content.discreet import repr_without
from content.election_cases import show_election
from content.elections import Attendance, Election, Outcome, Result, least_candidates
from content.forms import FORMS, trouble_with
from content.identifiers import BallotId, MemberId, OrganisationId, UserId
from content.rule_packs import Purpose

FEWEST = 5
"""With fewer who may vote, or who have voted, the result itself would tell what each of them chose."""
FEWEST_TELLERS = 3
FEWEST_SHARES = 2
LONGEST_TITLE = 200
LONGEST_NAME = 120
SHORTEST = timedelta(minutes=10)
OBJECTIONS = timedelta(days=7)
"""How long envelopes and shares are kept after the result, so that it can be looked into."""


class State(StrEnum):
    """Where a ballot stands. There is no way back, and a step is never left out; a run-off is another ballot."""

    DRAFT = "draft"
    FROZEN = "frozen"
    OPEN = "open"
    CLOSED = "closed"
    OPENED = "opened"
    CERTIFIED = "certified"
    ARCHIVED = "archived"
    VOID = "void"


class Voiding(StrEnum):
    """Why a ballot came to nothing."""

    TOO_FEW = "too_few"
    CANCELLED = "cancelled"
    RESTORED = "restored"
    """The database was put back to a moment while votes were cast; those of after it are gone."""


class WriteIn(StrEnum):
    """Who may be written in: nobody, anyone who stands on the roll, or any name, by which one may be recognised."""

    NONE = "none"
    ROLL = "roll"
    TEXT = "text"


class TellerRole(StrEnum):
    """What a teller does: 监票人 watch over the count, 计票人 make it."""

    MONITOR = "monitor"
    COUNTER = "counter"


class Teller(Struct, frozen=True, kw_only=True):
    """Who holds a share of the key: ``share_key`` is what proves it, ``proven`` that it was proved.

    ``asked`` is the hash of what was sealed for them last, which only who holds the share can tell. ``agreed`` says
    that they want the box opened, ``confirmed`` that they stand by the count.
    """

    index: int
    member: MemberId
    role: TellerRole
    share_key: bytes
    asked: str | None = None
    proven: bool = False
    agreed: bool = False
    confirmed: bool = False
    destroyed_on: date | None = None


class Candidate(Struct, frozen=True, kw_only=True):
    """Whom one may choose; ``id`` is what papers hold, ``introduction`` is shown beside the name."""

    id: str
    member: MemberId | None
    name: str
    introduction: str = ""


class Elector(Struct, frozen=True, kw_only=True):
    """Someone on the roll; ``reason`` says why they may not vote where they may not.

    ``present`` is false of who has a vote and was not in the room when it began.
    """

    member: MemberId
    may_vote: bool = True
    reason: str = ""
    approval: str = ""
    present: bool = True


class Admitted(Struct, frozen=True, kw_only=True):
    """Whom a vote that decides something is open to: those who are there, ``None`` for everyone on the roll."""

    present: frozenset[MemberId] | None = None


class Ballot(Struct, frozen=True, kw_only=True):
    """A secret ballot; everything up to ``server_seal`` is fixed once it is frozen, and ``manifest_hash`` tells that.

    ``server_seal`` lets who has no scripts have their ballot sealed in the server's memory, which their page says.
    ``told_at`` is when all were last told of it, ``issued`` how many had been sent a link by the close, ``present`` how
    many were in the room where it took that, ``closed_early`` why two organisers have closed it before its time.
    """

    id: BallotId
    organisation: OrganisationId
    title: str
    election: Election
    candidates: tuple[Candidate, ...]
    tellers: tuple[Teller, ...]
    needed: int
    key: bytes
    closes_at: datetime
    timezone: str
    write_in: WriteIn = WriteIn.NONE
    server_seal: bool = False
    state: State = State.DRAFT
    parent: BallotId | None = None
    roll_hash: str = ""
    expected: int = 0
    manifest_hash: str | None = None
    told_at: datetime | None = None
    present: int | None = None
    issued: int | None = None
    turnout: int | None = None
    set_hash: str | None = None
    closed_early: str = ""
    flag: Outcome | None = None
    decided_on: date | None = None

    @property
    def length(self) -> int:
        """Return how long each of its envelopes is."""
        return sealed_length(self.election)

    @property
    def attendance(self) -> Attendance:
        """Return the figures of a ballot; without a meeting whoever was sent a link is there."""
        issued = self.expected if self.issued is None else self.issued
        present = issued if self.present is None else self.present
        return Attendance(expected=self.expected, present=present, issued=issued, returned=self.turnout or 0)


class BallotDrafted(Fact, frozen=True, kw_only=True):
    """A ballot was written down; nothing of it is fixed yet."""

    ballot: Ballot
    author: UserId


class BallotFrozen(Fact, frozen=True, kw_only=True):
    """A ballot and its roll are fixed; every elector has a place in the box, with an envelope that holds nothing.

    ``eligible`` are the entries of who may be written in: entries and no names, which stand with the members alone.
    """

    ballot: BallotId
    roll: tuple[Elector, ...]
    roll_hash: str
    manifest_hash: str
    slots: tuple[str, ...]
    boxes: tuple[bytes, ...]
    eligible: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return repr_without(self, "boxes")


class BallotOpened(Fact, frozen=True, kw_only=True):
    """Votes may be cast, where a meeting is asked for by those alone who are ``present``."""

    ballot: BallotId
    present: frozenset[MemberId] | None = None


class BallotCast(Fact, frozen=True, kw_only=True):
    """Somebody's envelope was put in the place of the one before. Of this no row of record is kept."""

    ballot: BallotId
    member: MemberId
    box: bytes

    def __repr__(self) -> str:
        return repr_without(self, "box")


class BallotClosed(Fact, frozen=True, kw_only=True):
    """No more votes are taken; this set of envelopes is the one that can be opened. ``reason`` is why so early."""

    ballot: BallotId
    turnout: int
    issued: int
    set_hash: str
    listed: tuple[str, ...]
    reason: str = ""


class BallotCounted(Fact, frozen=True, kw_only=True):
    """The envelopes were opened and counted."""

    ballot: BallotId
    result: Result
    opened_hash: str


class BallotCertified(Fact, frozen=True, kw_only=True):
    """The tellers stand by the count."""

    ballot: BallotId
    on: date


class BallotVoided(Fact, frozen=True, kw_only=True):
    """A ballot came to nothing; its envelopes are destroyed unopened."""

    ballot: BallotId
    why: Voiding


class BallotArchived(Fact, frozen=True, kw_only=True):
    """The envelopes are destroyed; the totals stay."""

    ballot: BallotId


def hash_roll(roll: Sequence[Elector]) -> str:
    """Return the hash by which a changed roll is found out."""
    lines = sorted([one.member, one.may_vote, one.reason, one.approval] for one in roll)
    return hashlib.sha256(canonical(lines)).hexdigest()


def manifest(ballot: Ballot) -> dict[str, Any]:
    """Return everything that is fixed of a ballot as plain values, as it is published."""
    return {
        "ballot": ballot.id,
        "title": ballot.title,
        "election": show_election(ballot.election),
        "candidates": [{"id": one.id, "name": one.name, "introduction": one.introduction} for one in ballot.candidates],
        "write_in": str(ballot.write_in),
        "server_seal": ballot.server_seal,
        "tellers": [
            {"index": one.index, "role": str(one.role), "share_key": one.share_key.hex()} for one in ballot.tellers
        ],
        "needed": ballot.needed,
        "key": ballot.key.hex(),
        "length": ballot.length,
        "roll": ballot.roll_hash,
        "expected": ballot.expected,
        "closes_at": ballot.closes_at.isoformat(),
        "timezone": ballot.timezone,
    }


def hash_manifest(published: Mapping[str, Any]) -> str:
    """Return the hash by which a changed manifest is found out."""
    return hashlib.sha256(canonical(published)).hexdigest()


def draft(ballot: Ballot, *, author: UserId, now: datetime) -> Decision | Refusal:
    """Write a ballot down, unless it cannot be meant."""
    return _set_up_trouble(ballot, now) or Decision(facts=(BallotDrafted(ballot=ballot, author=author),))


def _set_up_trouble(ballot: Ballot, now: datetime) -> Refusal | None:
    election, tellers = ballot.election, ballot.tellers
    if not 1 <= len(ballot.title.strip()) <= LONGEST_TITLE:
        return refused("ballot.no_title", field="title", most=LONGEST_TITLE)
    if not all(1 <= len(one.name) <= LONGEST_NAME for one in ballot.candidates):
        return refused("ballot.bad_candidates", field="candidates")
    if tuple(one.id for one in ballot.candidates) != election.candidates or len(set(election.candidates)) < len(
        election.candidates
    ):
        return refused("ballot.bad_candidates", field="candidates")
    if election.pack in FORMS:
        trouble = trouble_with(election)
        if trouble is not None:
            return trouble
    elif election.seats < 1 or len(election.candidates) < least_candidates(election):
        return refused("ballot.too_few_candidates", field="candidates", least=max(1, least_candidates(election)))
    if len(tellers) < FEWEST_TELLERS or [one.index for one in tellers] != list(range(1, len(tellers) + 1)):
        return refused("ballot.too_few_tellers", field="tellers", least=FEWEST_TELLERS)
    if not FEWEST_SHARES <= ballot.needed <= len(tellers):
        return refused("ballot.bad_number_of_shares", field="needed", least=FEWEST_SHARES, most=len(tellers))
    named = {one.member for one in tellers}
    if len(named) < len(tellers) or len({one.share_key for one in tellers}) < len(tellers):
        return refused("ballot.teller_twice", field="tellers")
    # Everyone of a branch is graded, so that its tellers are too.
    if not election.questions and named & {one.member for one in ballot.candidates}:
        return refused("ballot.teller_stands", field="tellers")
    if len({_plain(one.name) for one in ballot.candidates if one.member is None}) < sum(
        one.member is None for one in ballot.candidates
    ) or len({one.member for one in ballot.candidates if one.member}) < sum(
        one.member is not None for one in ballot.candidates
    ):
        return refused("ballot.bad_candidates", field="candidates")
    if all(one.role is not TellerRole.MONITOR for one in tellers):
        return refused("ballot.no_monitor", field="tellers")
    if (ballot.write_in is WriteIn.NONE) is not (election.eligible == frozenset()):
        return refused("ballot.bad_write_ins", field="write_in")
    if ballot.closes_at < now + SHORTEST:
        return refused("ballot.too_soon", field="closes_at", closes=ballot.closes_at)
    return None


def _plain(name: str) -> str:
    """Return what a name looks like, however its letters were typed."""
    return skeleton("".join(name.split()))


def look_alike(one: str, other: str) -> bool:
    """Tell whether two names are the same to a reader."""
    return _plain(one) == _plain(other)


def freeze(
    ballot: Ballot, roll: Sequence[Elector], *, slots: Sequence[str], boxes: Sequence[bytes], now: datetime
) -> Decision | Refusal:
    """Fix a ballot and its roll, and fill the box with one empty envelope for each who may vote."""
    if ballot.state is not State.DRAFT:
        return not_now(ballot)
    trouble = _set_up_trouble(ballot, now)
    if trouble is not None:
        return trouble
    electors = [one for one in roll if one.may_vote]
    if len(electors) < FEWEST:
        return refused("ballot.too_few_electors", least=FEWEST)
    assert len(set(slots)) == len(set(boxes)) == len(slots) == len(boxes) == len(electors)
    assert {len(box) for box in boxes} == {ballot.length}
    roll_hash = hash_roll(roll)
    eligible = eligible_of(ballot, electors)
    fixed = replace(
        ballot,
        roll_hash=roll_hash,
        expected=len(electors),
        election=replace(ballot.election, eligible=eligible)
        if ballot.write_in is not WriteIn.NONE
        else ballot.election,
    )
    frozen = BallotFrozen(
        ballot=ballot.id,
        roll=tuple(roll),
        roll_hash=roll_hash,
        manifest_hash=hash_manifest(manifest(fixed)),
        slots=tuple(slots),
        boxes=tuple(boxes),
        eligible=eligible,
    )
    return Decision(facts=(frozen,))


def eligible_of(ballot: Ballot, electors: Sequence[Elector]) -> frozenset[str]:
    """Return who may be written in, or be meant by what is written: who may vote and does not stand, by their entry."""
    if ballot.write_in is WriteIn.NONE:
        return frozenset()
    return frozenset(one.member for one in electors) - {one.member for one in ballot.candidates if one.member}


def refuse_changed(ballot: Ballot) -> Refusal | None:
    """Tell that a ballot is not the one that was fixed."""
    same = ballot.manifest_hash is None or ballot.manifest_hash == hash_manifest(manifest(ballot))
    return None if same else refused("ballot.manifest_changed", title=ballot.title)


def open_voting(ballot: Ballot, *, now: datetime, admitted: Admitted | Refusal | None = None) -> Decision | Refusal:
    """Open a ballot once every teller has proved to hold a share; that two organisers want it is seen to elsewhere.

    What decides something is open only to whom it is ``admitted``, which takes a consent: see ``electronic_elections``.
    """
    if ballot.state is not State.FROZEN:
        return not_now(ballot)
    missing = sum(not one.proven for one in ballot.tellers)
    if missing:
        return refused("ballot.shares_unproven", n=missing)
    if now >= ballot.closes_at:
        return refused("ballot.too_late", closes=ballot.closes_at)
    if ballot.election.pack.purpose is not Purpose.REFERENCE:
        admitted = admitted or refused("electronic.no_consent")
    if isinstance(admitted, Refusal):
        return admitted
    opened = BallotOpened(ballot=ballot.id, present=admitted.present if admitted else None)
    return refuse_changed(ballot) or Decision(facts=(opened,))


def cast(ballot: Ballot, elector: Elector | None, box: bytes, *, copied: bool, now: datetime) -> Decision | Refusal:
    """Put an envelope into an elector's place, over the one before; ``copied`` when another place holds the same."""
    if ballot.state is not State.OPEN or now >= ballot.closes_at:
        return refused("ballot.too_late", closes=ballot.closes_at)
    if elector is None or not elector.may_vote:
        return refused("ballot.not_on_roll")
    if not elector.present:
        return refused("electronic.not_present")
    if len(box) != ballot.length or copied:
        return refused("ballot.bad_envelope")
    return Decision(facts=(BallotCast(ballot=ballot.id, member=elector.member, box=box),))


def close(
    ballot: Ballot,
    listed: Sequence[str],
    *,
    turnout: int,
    issued: int,
    now: datetime,
    early: bool = False,
    reason: str = "",
) -> Decision | Refusal:
    """Close a ballot whose time is over. Where too few have voted, no envelope is ever opened.

    That two organisers want it closed ``early``, and for which ``reason``, is seen to elsewhere.
    """
    if ballot.state is not State.OPEN:
        return not_now(ballot)
    if now < ballot.closes_at and not early:
        return refused("ballot.too_early", closes=ballot.closes_at)
    closed = BallotClosed(
        ballot=ballot.id,
        turnout=turnout,
        issued=issued,
        set_hash=set_hash(listed),
        listed=tuple(listed),
        reason=reason,
    )
    if turnout < FEWEST:
        return Decision(facts=(closed, BallotVoided(ballot=ballot.id, why=Voiding.TOO_FEW)))
    return Decision(facts=(closed,))


def keep_count(ballot: Ballot, result: Result, opened_hash: str) -> Decision | Refusal:
    """Keep what came out of the box; a count that does not add up waits to be made again."""
    if not may_be_opened(ballot):
        return not_now(ballot)
    if sum(one.agreed for one in ballot.tellers) < ballot.needed:
        return refused("ballot.not_agreed", least=ballot.needed)
    return refuse_changed(ballot) or Decision(
        facts=(BallotCounted(ballot=ballot.id, result=result, opened_hash=opened_hash),)
    )


def may_be_opened(ballot: Ballot) -> bool:
    """Tell whether a ballot stands where its box is opened, for the first time or for a recount."""
    recount = ballot.state is State.OPENED and ballot.flag is Outcome.RECOUNT_NEEDED
    return ballot.state is State.CLOSED or recount


def give_up(ballot: Ballot) -> Decision | Refusal:
    """Let a ballot come to nothing that was open when the database was put back: nobody knows which votes it lacks."""
    if ballot.state is not State.OPEN:
        return not_now(ballot)
    return Decision(facts=(BallotVoided(ballot=ballot.id, why=Voiding.RESTORED),))


def cancel(ballot: Ballot) -> Decision | Refusal:
    """Let a ballot come to nothing; one that is certified stands."""
    if ballot.state in (State.CERTIFIED, State.ARCHIVED, State.VOID):
        return not_now(ballot)
    return Decision(facts=(BallotVoided(ballot=ballot.id, why=Voiding.CANCELLED),))


def archive(ballot: Ballot, *, today: date, leaned_on: bool = False) -> Decision | Refusal:
    """Destroy the envelopes of a ballot to which nothing can be objected any more.

    ``leaned_on`` tells that something rests on its result which is still public or not yet decided.
    """
    if ballot.state is not State.CERTIFIED or ballot.decided_on is None:
        return not_now(ballot)
    if leaned_on:
        return refused("ballot.leaned_on")
    until = ballot.decided_on + OBJECTIONS
    if today < until:
        return refused("ballot.objections_open", until=until.isoformat())
    return Decision(facts=(BallotArchived(ballot=ballot.id),))


def not_now(ballot: Ballot) -> Refusal:
    """Refuse a step that does not belong where a ballot stands."""
    return refused("ballot.not_now", title=ballot.title)
