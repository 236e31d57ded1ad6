"""What is typed of an election: its form, who is excused, who counts, and what each of them has counted."""

from __future__ import annotations

import re
from datetime import date

from flask import request
from msgspec import Struct
from msgspec.structs import replace

from content import paper_elections as rules
from content.ballots import Candidate, Elector
from content.decision import Refusal, refused
from content.elections import Count, Election, Kind, Votes
from content.forms import Grade
from content.identifiers import MemberId, PaperElectionId
from content.members import Member
from content.organisations import Organisation
from content.paper_elections import Office, Officer, PaperCount, PaperElection
from content.rule_packs import COMMITTEE, PACKS
from content.strokes import by_strokes
from storage import members
from storage import paper_elections as stored
from storage.unit import Reading

_NUMBER = re.compile("[0-9]{1,6}")
_BETWEEN = re.compile(r"[\s,，、;；:：]+")


class Fields(Struct, frozen=True, kw_only=True):
    """What stands in the form of an election, whether or not it can be meant."""

    id: str
    organisation: str = ""
    title: str = ""
    pack: str = "2020"
    candidates: str = ""
    seats: str = "1"
    contested: bool = True
    held_on: str = ""
    consent: str = ""
    off_term: str = ""
    excused: str = ""
    parent: str = ""
    kind: str = Kind.FORMAL


def excuse(roll: tuple[Elector, ...], people: tuple[Member, ...], typed: str) -> tuple[Elector, ...] | Refusal:
    """Take out of those due who are excused, each with the letter by which those above agreed."""
    excused: dict[MemberId, str] = {}
    for line in typed.splitlines():
        name, _, letter = line.replace(":", "：").partition("：")
        if not name.strip():
            continue
        found = [one.id for one in people if one.name == name.strip()]
        if len(found) != 1 or not letter.strip():
            return refused("paper.bad_excuse", field="excused", line=line.strip()[:60])
        excused[found[0]] = letter.strip()[: rules.LONGEST_REFERENCE]
    return tuple(
        replace(one, may_vote=False, reason="", approval=excused[one.member])
        if one.member in excused and one.may_vote
        else one
        for one in roll
    )


def officers_of(typed: str, people: tuple[Member, ...]) -> tuple[Officer, ...] | Refusal:
    """Read those who count, a line each; the first watches over it."""
    officers = []
    for place, name in enumerate(one.strip() for one in typed.splitlines() if one.strip()):
        found = [one for one in people if one.name == name]
        if len(found) != 1:
            return refused("paper.unknown_officer", field="officers", name=name[:60])
        office = Office.COUNTER if place else Office.MONITOR
        officers.append(Officer(member=found[0].id, office=office, account=found[0].user))
    return tuple(officers)


def counted_of(paper: PaperElection) -> PaperCount | Refusal:
    """Read what a teller has counted."""
    if paper.election.questions:
        cells = {one.id: [number(f"g{grade}-{one.id}") for grade in Grade] for one in paper.candidates}
        graded = {name: {"cells": each, "base": sum(each)} for name, each in cells.items()}
        found = Count(valid=number("valid"), void=number("void"), tally={}, answers=graded)
        return PaperCount(returned=number("returned"), count=found)
    tally = {}
    for one in paper.candidates:
        figures = [number(f"{part}-{one.id}") for part in ("yes", "no", "none")]
        tally[one.id] = Votes(yes=figures[0], no=figures[1], abstained=figures[2])
    written: dict[str, int] = {}
    for line in request.form.get("write_ins", "").splitlines():
        parts = [part for part in _BETWEEN.split(line.strip()) if part]
        if not parts:
            continue
        if len(parts) != 2 or not _NUMBER.fullmatch(parts[1]) or parts[0] in written:
            return refused("paper.bad_write_in", field="write_ins", line=line.strip()[:60])
        written[parts[0]] = int(parts[1])
    found = Count(valid=number("valid"), void=number("void"), tally=tally, write_ins=written)
    return PaperCount(returned=number("returned"), count=found)


async def drafted(unit: Reading, fields: Fields, nodes: tuple[Organisation, ...]) -> PaperElection | Refusal:
    """Turn the fields into an election; what it says is judged by its own rule."""
    node = next((one for one in nodes if one.id == fields.organisation), None)
    if node is None:
        return refused("paper.no_place", field="organisation")
    pack = PACKS.get(fields.pack)
    if pack not in rules.OFFERED or fields.kind not in list(Kind):
        return refused("paper.no_rules", field="pack")
    held_on = day_of(fields.held_on)
    if held_on is None:
        return refused("paper.bad_day", field="held_on")
    people: dict[str, list[MemberId]] = {}
    for one in await members.roster(unit, [node.id]):
        people.setdefault(one.name, []).append(one.id)
    standing, typed = [], [one.strip() for one in fields.candidates.splitlines() if one.strip()]
    if pack is not COMMITTEE:
        # R13: by the strokes of surnames, those of one surname as typed; for a secretary the order is an approved one.
        typed.sort(key=lambda line: by_strokes(line)[0])
    for place, line in enumerate(typed, start=1):
        name, _, introduction = (part.strip() for part in line.replace(":", "：", 1).partition("："))
        known = people.get(name, [])
        member = known[0] if len(known) == 1 else None
        standing.append(Candidate(id=f"c{place}", member=member, name=name, introduction=introduction))
    if not standing:
        return refused("paper.bad_candidates", field="candidates", most=rules.MOST_CANDIDATES)
    parent = await stored.paper(unit, PaperElectionId(fields.parent)) if fields.parent else None
    if parent is not None and parent.left_empty is not None and fields.kind == Kind.BYELECTION:
        return refused("paper.seats_left_empty", title=parent.title)
    return PaperElection(
        id=PaperElectionId(fields.id),
        organisation=node.id,
        title=fields.title,
        election=Election(
            candidates=tuple(one.id for one in standing),
            seats=int(fields.seats) if _NUMBER.fullmatch(fields.seats) else 0,
            pack=pack,
            kind=Kind(fields.kind),
            contested=fields.contested,
            eligible=frozenset(),
        ),
        candidates=tuple(standing),
        held_on=held_on,
        consent=" ".join(fields.consent.split()),
        off_term=" ".join(fields.off_term.split()),
        parent=parent.id if parent is not None and parent.organisation == node.id else None,
    )


def fields_of(paper: PaperElection, election: Election, lines: dict[str, str], *, id: str) -> Fields:  # noqa: A002
    """Return the form that describes an election."""
    return Fields(
        id=id,
        organisation=paper.organisation,
        title=paper.title,
        pack=election.pack.id,
        candidates="\n".join(lines.get(one, one) for one in election.candidates),
        seats=str(election.seats),
        contested=election.contested,
        held_on=paper.held_on.isoformat(),
        consent=paper.consent,
        off_term=paper.off_term,
        parent=paper.parent or "",
        kind=election.kind,
    )


def fields_from() -> Fields:
    """Return the form of an election as it was sent."""

    def text(name: str) -> str:
        return request.form.get(name, "").replace("\r\n", "\n").strip()

    return Fields(
        id=text("id"),
        organisation=text("organisation"),
        title=text("title"),
        pack=text("pack"),
        candidates=text("candidates"),
        seats=text("seats"),
        contested=text("contested") == "yes",
        held_on=text("held_on"),
        consent=text("consent"),
        off_term=text("off_term"),
        parent=text("parent"),
        kind=text("kind"),
    )


def day_of(written: str) -> date | None:
    """Return the day that was written, if it is one."""
    try:
        return date.fromisoformat(written.strip())
    except ValueError:
        return None


def number(name: str) -> int:
    """Return a whole number of the form; what is none is -1, which no figure may be."""
    value = request.form.get(name, "").strip()
    return int(value) if _NUMBER.fullmatch(value) else -1
