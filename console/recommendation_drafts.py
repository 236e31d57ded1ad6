"""Drafting a secret ballot of recommendation: what stands in its form, and whom its lines mean."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from datetime import timedelta

from flask import request
from msgspec.structs import asdict, replace

from console.access import here
from console.ballot_drafts import Sealing, draft_sealed, lines, people_of, sealing, sealing_from, written
from console.desk import ask, now
from content.ballots import Ballot, Candidate, WriteIn
from content.decision import Decision, Refusal, refused
from content.elections import Election
from content.identifiers import OrganisationId, SelectionId, derive
from content.model_members import Selection, Standing, link_ballot
from content.organisations import Organisation, Right
from content.rule_packs import RECOMMENDATION
from content.strokes import by_strokes
from storage import ballots, members, model_members, organisations
from storage.store import Answer as Decided
from storage.unit import Reading

_SAID = re.compile(r"：|(?<=\s):|:(?=\s)|(?<=[^\x00-\x7f]):")
"""What stands between a name and what is said of them; the colon inside an account is none."""


class Fields(Sealing, frozen=True, kw_only=True):
    """What stands in the form, whether or not it can be meant."""

    candidates: str = ""
    seats: str = "1"
    write_in: str = WriteIn.NONE
    selection: str = ""


def empty(nodes: tuple[Organisation, ...]) -> Fields:
    """Return the form as it opens: to close in a week."""
    return Fields(**asdict(sealing(derive(secrets.token_urlsafe(24), "ballot"), nodes, "", now() + timedelta(days=7))))


def fields_from_form() -> Fields:
    """Return the form as it was sent."""
    return Fields(
        **asdict(sealing_from(request.form)),
        candidates=written(request.form, "candidates"),
        seats=written(request.form, "seats"),
        selection=written(request.form, "selection"),
        write_in=wanted if (wanted := written(request.form, "write_in")) in list(WriteIn) else WriteIn.NONE,
    )


def for_selection(fields: Fields) -> Fields:
    """Fill the form in for the vote of recommendation of a selection, as far as it is for this person."""
    wanted, roots, user = SelectionId(request.args.get("selection", "")), here().roots, here().user

    async def read(unit: Reading) -> Fields:
        one = await model_members.visible(unit, roots, wanted)
        if one is None or not await organisations.may(unit, user, Right.IMPORT_ROSTER, one.organisation):
            return fields
        going = {
            each.member: each.deeds
            for each in await model_members.nominees(unit, one.id)
            if each.standing is Standing.REVIEWED
        }
        people = sorted(await members.by_ids(unit, going), key=lambda each: by_strokes(each.name))
        alike = Counter(each.name for each in await members.roster(unit, [one.organisation]))
        called = {each.id: each.user or each.name if alike[each.name] > 1 else each.name for each in people}
        lines = [f"{called[each.id]}：{going[each.id]}" if going[each.id] else called[each.id] for each in people]
        return replace(
            fields,
            selection=one.id,
            organisation=one.organisation,
            title=one.title,
            seats=str(min(one.places, len(lines))),
            candidates="\n".join(lines),
        )

    return ask(read) if wanted else fields


async def drafted(unit: Reading, fields: Fields, nodes: tuple[Organisation, ...]) -> Ballot | Refusal:
    """Turn the fields into a ballot; what it says is judged by its own rule."""
    standing = await _candidates(unit, fields, nodes)
    if isinstance(standing, Refusal):
        return standing
    election = Election(
        candidates=tuple(one.id for one in standing),
        seats=int(fields.seats) if re.fullmatch("[0-9]{1,3}", fields.seats) else 0,
        pack=RECOMMENDATION,
        contested=False,
        eligible=frozenset() if fields.write_in == WriteIn.NONE else None,
    )
    ballot = await draft_sealed(unit, fields, nodes, election=election, candidates=standing)
    if isinstance(ballot, Refusal):
        return ballot
    return replace(ballot, write_in=WriteIn(fields.write_in))


async def _candidates(
    unit: Reading, fields: Fields, nodes: tuple[Organisation, ...]
) -> tuple[Candidate, ...] | Refusal:
    """Return who stands, one on each line: a member of the branch where the name is theirs, or just a name."""
    if fields.organisation not in {one.id for one in nodes}:
        return refused("ballot.no_place", field="organisation")
    people = await members.roster(unit, [OrganisationId(fields.organisation)])
    standing = []
    for place, line in enumerate(lines(fields.candidates), start=1):
        typed, _, introduction = (part.strip() for part in _SAID.sub("：", line, count=1).partition("："))
        found = people_of(people, typed)
        if len(found) > 1:
            return refused("ballot.several_of_the_name", field="candidates", name=typed)
        member, name = (found[0].id, found[0].name) if found else (None, typed)
        standing.append(Candidate(id=f"c{place}", member=member, name=name, introduction=introduction))
    return tuple(standing)


async def linked_to(unit: Reading, one: Selection, ballot: Ballot, drafted: Decision) -> Decided:
    """Let a ballot that is drafted be the vote of recommendation of a selection."""
    before = await ballots.ballot(unit, one.ballot) if one.ballot else None
    linked = link_ballot(one, await model_members.nominees(unit, one.id), ballot, before=before)
    return linked if isinstance(linked, Refusal) else replace(drafted, facts=(*drafted.facts, linked))
