"""Voting on an election electronically: the letter that allows it, who is in the room, and the secret ballot for it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import date

from flask import Blueprint, abort, render_template, request
from msgspec import Struct
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward, see
from console.ballot_drafts import Sealing, draft_sealed, keys_of, refuse_tellers_of, sealing_from
from console.desk import ask, settle
from console.fresh import fresh
from console.people import mark_of, veiled
from console.wording import today
from content import ballots as drafting
from content import electronic_elections as rules
from content.approvals import Act
from content.ballot_approvals import waiting_for
from content.ballots import Ballot, Elector
from content.decision import Decision, Refusal, refused
from content.electronic_elections import Consent, Electronic, Way
from content.electronic_votes import ElectronicVote, became
from content.identifiers import MemberId, PaperElectionId, UserId, derive
from content.organisations import Right
from content.paper_elections import PaperElection, State
from content.strokes import by_strokes
from storage import approvals, duties, electronic_votes, members, organisations, paper_elections
from storage import electronic_elections as stored
from storage.store import Answer as Decided
from storage.store import Outcome
from storage.unit import Reading

pages = Blueprint("electronic_elections", __name__)

_ID = re.compile(r"[a-z2-7]{24}")


class Seen(Struct, frozen=True, kw_only=True):
    """What the page shows of an election: its letter, who is there, and the ballot that is held for it."""

    known: Electronic | None
    ballot: Ballot | None
    roll: tuple[Elector, ...]
    names: Mapping[MemberId, str]
    present: frozenset[MemberId]
    there: int
    beyond_reach: frozenset[MemberId]
    by: Mapping[UserId, str]
    votes: tuple[ElectronicVote, ...]


@pages.get("/elections/<id>/electronic")
@requires(Right.READ)
def show(id: str) -> str:  # noqa: A002
    """Show what is still missing before an election can be voted on electronically."""
    return _page(_visible(id))


@pages.post("/elections/<id>/electronic/consent")
@requires(Right.IMPORT_ROSTER)
@fresh
def record(id: str) -> Answer:  # noqa: A002
    """Enter the letter by which those above allow it."""
    user, day, form = here().user, today(), request.form
    way, reference, dated = form.get("way", ""), form.get("reference", ""), form.get("dated", "")

    async def decide(unit: Reading, paper: PaperElection, known: Electronic | None) -> Decided:
        if way not in list(Way):
            return refused("electronic.no_way", field="way")
        try:
            letter = Consent(way=Way(way), reference=reference, dated=date.fromisoformat(dated), recorded_by=user)
        except ValueError:
            return refused("electronic.bad_day", field="dated")
        return rules.record(paper, letter, ballot=await stored.ballot_of(unit, known), today=day)

    return _act(id, decide, done="consent_recorded")


@pages.post("/elections/<id>/electronic/confirm")
@requires(Right.IMPORT_ROSTER)
@fresh
def confirm(id: str) -> Answer:  # noqa: A002
    """Say that one has seen the letter too, as the page showed it."""
    user, mark = here().user, request.form.get("mark", "")

    async def decide(unit: Reading, paper: PaperElection, known: Electronic | None) -> Decided:
        one_hand = await organisations.same_hand_at(unit, paper.organisation, Right.IMPORT_ROSTER, user)
        confirmed = rules.confirm(paper, known, by=user, one_hand=one_hand)
        if isinstance(confirmed, Decision) and _mark_of(known) != mark:
            return refused("electronic.letter_changed")
        return confirmed

    return _act(id, decide, done="consent_confirmed")


@pages.post("/elections/<id>/electronic/presence")
@requires(Right.IMPORT_ROSTER)
def mark(id: str) -> Answer:  # noqa: A002
    """Mark who is in the room; what this form did not show stays as it is."""
    shown, ticked = set(request.form.get("shown", "").split()), set(request.form.getlist("there"))
    came, gone = map(frozenset, (map(MemberId, ticked - shown), map(MemberId, shown - ticked)))

    async def decide(unit: Reading, paper: PaperElection, known: Electronic | None) -> Decided:
        roll, ballot = await paper_elections.roll(unit, paper.id), await stored.ballot_of(unit, known)
        waiting = await approvals.waiting(unit, [paper.organisation], acts=[Act.OPEN_BALLOT])
        opening = ballot is not None and waiting_for(Act.OPEN_BALLOT, ballot, waiting) is not None
        return rules.mark_present(paper, known, roll, came=came, gone=gone, ballot=ballot, opening=opening)

    return _act(id, decide, done="presence_marked")


@pages.post("/elections/<id>/electronic/vote")
@requires(Right.IMPORT_ROSTER)
def prepare(id: str) -> Answer:  # noqa: A002
    """Draft the secret ballot by which an election is voted on; its roll is the one that was fixed."""
    fields, user = sealing_from(request.form), here().user
    nodes = here().within(Right.SCHEDULE)

    async def decide(unit: Reading, paper: PaperElection, known: Electronic | None) -> Decided:
        if not _ID.fullmatch(fields.id):
            return refused("ballot.bad_keys", field="keys")
        keys = keys_of(fields.id, fields.keys)
        if isinstance(keys, Refusal):
            return keys
        election, write_in = rules.election_of(paper)
        own = replace(fields, title=paper.title, organisation=paper.organisation)
        ballot = await draft_sealed(unit, own, nodes, election=election, candidates=paper.candidates)
        if isinstance(ballot, Refusal):
            return ballot
        ballot = replace(ballot, write_in=write_in)
        roll = await paper_elections.roll(unit, paper.id)
        names = {one.id: one.name for one in await members.by_ids(unit, [one.member for one in roll])}
        before = await stored.ballot_of(unit, known)
        prepared = rules.prepare(paper, known, ballot, before=before, roll=roll, names=names)
        drafted = await refuse_tellers_of(unit, ballot) or drafting.draft(ballot, author=user, now=unit.now)
        if isinstance(prepared, Refusal) or isinstance(drafted, Refusal):
            return prepared if isinstance(prepared, Refusal) else drafted
        return Decision(facts=(*drafted.facts, *prepared.facts))

    outcome = _settled(id, decide)
    if outcome.refusal is not None:
        return _page(_visible(id), outcome.refusal, fields), 422
    return see(link("ballots.show_one", id=fields.id), "repeated" if outcome.repeated else "ballot_drafted")


def _visible(id: str) -> PaperElection:  # noqa: A002
    """Return an election that this person may see; in an appraisal nobody is elected."""
    roots = here().roots
    found = ask(lambda unit: paper_elections.visible(unit, roots, PaperElectionId(id)))
    if found is None or found.election.questions:
        abort(404)
    return found


_Verb = Callable[[Reading, PaperElection, Electronic | None], Awaitable[Decided]]


def _settled(id: str, verb: _Verb) -> Outcome:  # noqa: A002
    """Decide something for an election that this person may see."""
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        paper = await paper_elections.visible(unit, roots, PaperElectionId(id))
        if paper is None or paper.election.questions:
            return None
        return await verb(unit, paper, await stored.of_election(unit, paper.id))

    return settle(decide, actor=here().user)


def _act(id: str, verb: _Verb, *, done: str) -> Answer:  # noqa: A002
    outcome = _settled(id, verb)
    if outcome.refusal is not None:
        return _page(_visible(id), outcome.refusal), 422
    return onward(outcome, to=link("electronic_elections.show", id=id), done=done)


async def _seen(unit: Reading, paper: PaperElection) -> Seen:
    known = await stored.of_election(unit, paper.id)
    roll = await paper_elections.roll(unit, paper.id)
    names = {one.id: one.name for one in await members.by_ids(unit, [one.member for one in roll])}
    present = await stored.present(unit, paper.id)
    room = known is None or known.consent.way is Way.ROOM
    letter = known.consent if known is not None else None
    people = [one for one in (letter.recorded_by, letter.confirmed_by) if one] if letter is not None else []
    return Seen(
        known=known,
        ballot=await stored.ballot_of(unit, known),
        roll=tuple(sorted(roll, key=lambda one: (by_strokes(names.get(one.member, "")), one.member))),
        names=names,
        present=present,
        there=len(present) if room else await stored.reached(unit, paper.id),
        beyond_reach=await stored.beyond_reach(unit, paper.id),
        by={UserId(user): name for user, name in (await duties.names_of(unit, people)).items()},
        votes=await electronic_votes.of_election(unit, paper.id),
    )


def _page(paper: PaperElection, refusal: Refusal | None = None, fields: Sealing | None = None) -> str:
    seen = ask(lambda unit: _seen(unit, paper))
    seen = replace(seen, roll=veiled(seen.roll, paper.organisation))
    refusals = [refusal] if refusal else []
    return render_template(
        "electronic_elections/show.html",
        paper=paper,
        seen=seen,
        mark=_mark_of(seen.known),
        headcount=rules.headcount(paper, seen.known, seen.there) if seen.known is not None else None,
        fixed=paper.state is State.FIXED,
        running=rules.is_running(seen.ballot),
        begun=rules.has_begun(seen.ballot),
        became=became,
        ways=tuple(Way),
        fields=fields or _fresh(paper, seen.known),
        typed=request.form,
        refusals=refusals,
        by_field=first_by_field(refusals),
    )


def _mark_of(known: Electronic | None) -> str:
    """Return a mark of the letter that a page shows, so that no other is confirmed than the one that was read."""
    letter = known.consent if known is not None else None
    return mark_of(letter.way, letter.reference, letter.dated, letter.recorded_by) if letter is not None else ""


def _fresh(paper: PaperElection, known: Electronic | None) -> Sealing:
    """Return the form as it opens: on the day of the meeting, in the evening, under one identifier until it is used.

    The keys are made for that identifier, so that another look at the page must not change it.
    """
    return Sealing(
        id=derive(f"{paper.id}:{known.ballot if known else None}", "ballot"),
        organisation=paper.organisation,
        title=paper.title,
        date=max(paper.held_on, today()).isoformat(),
    )
