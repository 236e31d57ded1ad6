"""Elections on paper: what is voted on, the roll, who counts, every count that was entered, and what followed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from msgspec.structs import replace
from sqlalchemy import (
    JSON,
    Column,
    Date,
    ForeignKey,
    Integer,
    String,
    Table,
    select,
    update,
)

from content.ballots import Elector
from content.counts import figures
from content.election_cases import read_election, show_election
from content.election_meetings import MeetingNoted, SeatsLeftEmpty
from content.elections import Count, Election, Result, Votes, judge
from content.identifiers import MemberId, OrganisationId, PaperElectionId, UserId
from content.paper_counts import attendance
from content.paper_elections import (
    CountAgreed,
    CountEntered,
    Decider,
    ElectionApproved,
    ElectionCertified,
    ElectionCounted,
    ElectionFixed,
    ElectionPrepared,
    ElectionReported,
    ElectionVoided,
    Entry,
    LeftEmpty,
    MeetingCounted,
    Office,
    Officer,
    PaperCount,
    PaperElection,
    State,
)
from storage import audit, standing
from storage.organisations import within
from storage.tables import metadata
from storage.unit import AnyRow, Reading, Writing

paper_elections = Table(
    "paper_elections",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("parent_id", ForeignKey("paper_elections.id")),
    Column("title", String(200), nullable=False),
    Column("election", JSON, nullable=False),
    Column("held_on", Date, nullable=False),
    Column("consent", String(200), nullable=False),
    Column("off_term", String(200), nullable=False, server_default=""),
    Column("state", String(10), nullable=False),
    Column("expected", Integer, nullable=False),
    Column("present", Integer),
    Column("issued", Integer),
    Column("result", JSON),
    Column("empty_by", String(10)),
    Column("empty_on", Date),
    Column("empty_reference", String(200)),
    Column("empty_agreed", Integer),
    Column("certified_on", Date),
    Column("reported_on", Date),
    Column("report", String(200), nullable=False),
    Column("approved_on", Date),
    Column("approval", String(200), nullable=False),
    Column("why_void", String(200), nullable=False),
)

paper_candidates = standing.candidates_table(
    "paper_candidates", Column("election_id", ForeignKey("paper_elections.id"), primary_key=True)
)

paper_roll = standing.roll_table(
    "paper_roll", Column("election_id", ForeignKey("paper_elections.id"), primary_key=True)
)

paper_officers = Table(
    "paper_officers",
    metadata,
    Column("election_id", ForeignKey("paper_elections.id"), primary_key=True),
    Column("member_id", ForeignKey("members.id"), primary_key=True),
    Column("office", String(10), nullable=False),
    Column("user_id", String(255)),
)

paper_meetings = Table(
    "paper_meetings",
    metadata,
    Column("election_id", ForeignKey("paper_elections.id"), primary_key=True),
    Column("chair_id", ForeignKey("members.id")),
    Column("opinions", Integer),
)

paper_counts = Table(
    "paper_counts",
    metadata,
    Column("election_id", ForeignKey("paper_elections.id"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("member_id", ForeignKey("members.id"), nullable=False),
    Column("agreed_id", ForeignKey("members.id")),
    Column("counted", JSON, nullable=False),
)


async def paper(unit: Reading, id: PaperElectionId) -> PaperElection | None:  # noqa: A002
    """Return an election."""
    row = await unit.first(select(paper_elections).where(paper_elections.c.id == id))
    return await _paper(unit, row) if row else None


async def excused_by(unit: Reading, id: PaperElectionId) -> UserId | None:  # noqa: A002
    """Return who fixed the roll of an election, by the record, if somebody on it is excused."""
    if not any(one.approval for one in await roll(unit, id)):
        return None
    return await audit.actor_of(unit, "election_fixed", f"paper:{id}")


async def visible(unit: Reading, roots: Iterable[OrganisationId], id: PaperElectionId) -> PaperElection | None:  # noqa: A002
    """Return an election that stands at or below the roots."""
    query = select(paper_elections).where(paper_elections.c.id == id, within(paper_elections.c.organisation_id, roots))
    row = await unit.first(query)
    return await _paper(unit, row) if row else None


async def of_roots(unit: Reading, roots: Iterable[OrganisationId], *, limit: int) -> tuple[PaperElection, ...]:
    """Return the elections at or below the roots, the latest meeting first, without their people and counts."""
    query = select(paper_elections).where(within(paper_elections.c.organisation_id, roots))
    rows = await unit.rows(query.order_by(paper_elections.c.held_on.desc(), paper_elections.c.id).limit(limit))
    return tuple(_bare(row) for row in rows)


async def following(unit: Reading, id: PaperElectionId) -> str | None:  # noqa: A002
    """Return the title of an election that follows another one and did not come to nothing."""
    held = paper_elections.c
    query = select(held.title).where(held.parent_id == id, held.state != State.VOID).order_by(held.held_on, held.id)
    row = await unit.first(query.limit(1))
    return row.title if row else None


async def roll(unit: Reading, id: PaperElectionId) -> tuple[Elector, ...]:  # noqa: A002
    """Return everyone on the roll of an election."""
    return await standing.roll(unit, paper_roll, id)


def result(paper: PaperElection) -> Result | None:
    """Return what follows from the counts that stand, by the rules; ``None`` where none stands yet."""
    stands = paper.entries[-1] if paper.entries and paper.state not in (State.COUNTING, State.VOID) else None
    if stands is None:
        return None
    return judge(paper.election, attendance(paper, stands.counted), lambda: stands.counted.count)


def _bare(row: AnyRow) -> PaperElection:
    return PaperElection(
        id=PaperElectionId(row.id),
        organisation=OrganisationId(row.organisation_id),
        title=row.title,
        election=read_election(row.election),
        candidates=(),
        held_on=row.held_on,
        consent=row.consent,
        off_term=row.off_term,
        parent=row.parent_id,
        state=State(row.state),
        expected=row.expected,
        present=row.present,
        issued=row.issued,
        left_empty=_left_empty(row),
        certified_on=row.certified_on,
        reported_on=row.reported_on,
        report=row.report,
        approved_on=row.approved_on,
        approval=row.approval,
        why_void=row.why_void,
    )


def _left_empty(row: AnyRow) -> LeftEmpty | None:
    if row.empty_by is None:
        return None
    return LeftEmpty(by=Decider(row.empty_by), on=row.empty_on, reference=row.empty_reference, agreed=row.empty_agreed)


async def _paper(unit: Reading, row: AnyRow) -> PaperElection:
    noted = await unit.first(select(paper_meetings).where(paper_meetings.c.election_id == row.id))
    charged = select(paper_officers).where(paper_officers.c.election_id == row.id).order_by(paper_officers.c.member_id)
    entered = select(paper_counts).where(paper_counts.c.election_id == row.id).order_by(paper_counts.c.place)
    return replace(
        _bare(row),
        candidates=await standing.candidates(unit, paper_candidates, row.id),
        chair=noted.chair_id if noted else None,
        opinions=noted.opinions if noted else None,
        officers=tuple(
            Officer(member=MemberId(one.member_id), office=Office(one.office), account=one.user_id)
            for one in await unit.rows(charged)
        ),
        entries=tuple(
            Entry(
                place=one.place,
                member=MemberId(one.member_id),
                counted=_read_count(one.counted),
                agreed=one.agreed_id,
            )
            for one in await unit.rows(entered)
        ),
    )


def _show_count(counted: PaperCount) -> dict[str, Any]:
    found = counted.count
    return {
        "returned": counted.returned,
        "valid": found.valid,
        "void": found.void,
        "tally": {name: [one.yes, one.no, one.abstained] for name, one in found.tally.items()},
        "write_ins": dict(found.write_ins),
        **({"answers": found.answers} if found.answers is not None else {}),
    }


def _read_count(raw: Mapping[str, Any]) -> PaperCount:
    tally = {name: Votes(yes=yes, no=no, abstained=none) for name, (yes, no, none) in raw["tally"].items()}
    found = Count(
        valid=raw["valid"], void=raw["void"], tally=tally, write_ins=raw["write_ins"], answers=raw.get("answers")
    )
    return PaperCount(returned=raw["returned"], count=found)


async def write_prepared(unit: Writing, fact: ElectionPrepared) -> None:
    """Keep an election that is not fixed yet, in the place of what it was."""
    one = fact.paper
    values = {
        "id": one.id,
        "organisation_id": one.organisation,
        "parent_id": one.parent,
        "title": one.title,
        "election": show_election(one.election),
        "held_on": one.held_on,
        "consent": one.consent,
        "off_term": one.off_term,
        "state": State.DRAFT,
        "expected": 0,
        "report": "",
        "approval": "",
        "why_void": "",
    }
    await unit.put(paper_elections, values, key=["id"])
    await standing.keep_candidates(unit, paper_candidates, one.id, one.candidates)


async def write_fixed(unit: Writing, fact: ElectionFixed) -> None:
    """Keep the roll, and who may be written in."""
    await unit.add(paper_roll, [standing.on_roll(paper_roll, fact.paper, one) for one in fact.roll])
    voted_on = await unit.value(select(paper_elections.c.election).where(paper_elections.c.id == fact.paper))
    fixed: Election = read_election({**voted_on, "eligible_writeins": sorted(fact.eligible)})
    expected = sum(one.may_vote for one in fact.roll)
    await _change(unit, fact.paper, state=State.FIXED, election=show_election(fixed), expected=expected)


async def write_called(unit: Writing, id: PaperElectionId, names: Iterable[str]) -> None:  # noqa: A002
    """Keep by which names people may be written in, once these are settled for an electronic vote."""
    voted_on = await unit.value(select(paper_elections.c.election).where(paper_elections.c.id == id))
    await _change(unit, id, election={**voted_on, "eligible_writeins": sorted(set(names))})


async def write_met(unit: Writing, fact: MeetingCounted) -> None:
    """Keep the figures of the meeting, and who counts."""
    charged = [
        {"election_id": fact.paper, "member_id": one.member, "office": one.office, "user_id": one.account}
        for one in fact.officers
    ]
    await unit.add(paper_officers, charged)
    await _change(unit, fact.paper, state=State.COUNTING, present=fact.present, issued=fact.issued)


async def write_entered(unit: Writing, fact: CountEntered) -> None:
    """Keep a count; it is never written over."""
    entry = fact.entry
    values = {
        "election_id": fact.paper,
        "place": entry.place,
        "member_id": entry.member,
        "agreed_id": None,
        "counted": _show_count(entry.counted),
    }
    await unit.add(paper_counts, values)


async def write_agreed(unit: Writing, fact: CountAgreed) -> None:
    """Keep who agrees to the count that was made together."""
    own = (paper_counts.c.election_id == fact.paper) & (paper_counts.c.place == fact.place)
    await unit.execute(update(paper_counts).where(own).values(agreed_id=fact.by))


async def write_counted(unit: Writing, fact: ElectionCounted) -> None:
    """Keep what follows from the counts, with the rule of every figure."""
    await _change(unit, fact.paper, state=State.COUNTED, result=figures(fact.result))


async def write_noted(unit: Writing, fact: MeetingNoted) -> None:
    """Keep who presides, how many opinions were handed in and which letter there is, in the place of what was noted."""
    values = {"election_id": fact.paper, "chair_id": fact.chair, "opinions": fact.opinions}
    await unit.put(paper_meetings, values, key=["election_id"])
    if fact.off_term is not None:
        await _change(unit, fact.paper, off_term=fact.off_term)


async def write_left_empty(unit: Writing, fact: SeatsLeftEmpty) -> None:
    """Keep the decision to leave seats empty."""
    one = fact.decided
    await _change(
        unit,
        fact.paper,
        empty_by=one.by,
        empty_on=one.on,
        empty_reference=one.reference,
        empty_agreed=one.agreed,
    )


async def write_certified(unit: Writing, fact: ElectionCertified) -> None:
    """Let the result stand."""
    await _change(unit, fact.paper, state=State.CERTIFIED, certified_on=fact.on)


async def write_reported(unit: Writing, fact: ElectionReported) -> None:
    """Note that it was reported."""
    await _change(unit, fact.paper, state=State.REPORTED, reported_on=fact.on, report=fact.reference)


async def write_approved(unit: Writing, fact: ElectionApproved) -> None:
    """Note that it was answered."""
    await _change(unit, fact.paper, state=State.APPROVED, approved_on=fact.on, approval=fact.reference)


async def write_voided(unit: Writing, fact: ElectionVoided) -> None:
    """End what came to nothing."""
    await _change(unit, fact.paper, state=State.VOID, why_void=fact.why)


async def forget_names(unit: Writing, ids: Collection[MemberId], names: Mapping[str, str]) -> None:
    """Put other names where those of people on a roll stand in figures, who may have been written in.

    What follows from the figures stays the same.
    """
    listed = select(paper_roll.c.election_id).where(paper_roll.c.member_id.in_(list(ids)))
    held, counts = paper_elections.c, paper_counts.c

    def renamed(written: Mapping[str, int]) -> dict[str, int]:
        found: dict[str, int] = {}
        for name, number in written.items():
            found[names.get(name, name)] = found.get(names.get(name, name), 0) + number
        return found

    for row in await unit.rows(select(paper_elections).where(held.id.in_(listed))):
        election = dict(row.election)
        if "eligible_writeins" in election:
            election["eligible_writeins"] = sorted({names.get(one, one) for one in election["eligible_writeins"]})
        result = dict(row.result) if row.result else None
        if result is not None:
            result |= {
                key: sorted(names.get(one, one) for one in result[key]) for key in ("elected", "tied") if key in result
            }
            if "writein" in result:
                result["writein"] = renamed(result["writein"])
        await _change(unit, PaperElectionId(row.id), election=election, result=result)
    for row in await unit.rows(select(paper_counts).where(counts.election_id.in_(listed))):
        own = (counts.election_id == row.election_id) & (counts.place == row.place)
        counted = {**row.counted, "write_ins": renamed(row.counted["write_ins"])}
        await unit.execute(update(paper_counts).where(own).values(counted=counted))


async def _change(unit: Writing, id: PaperElectionId, **values: Any) -> None:  # noqa: A002
    await unit.execute(update(paper_elections).where(paper_elections.c.id == id).values(**values))
