"""What is noted of the meeting of an election beside its figures, and the decision to leave seats empty."""

from __future__ import annotations

from flask import Blueprint, request

from console.access import requires
from console.answering import Answer
from console.election_drafts import day_of, number
from console.fresh import fresh
from console.pages.elections import act_on
from console.wording import today
from content import election_meetings as rules
from content.decision import refused
from content.members import Member
from content.organisations import Right
from content.paper_elections import Decider, PaperElection
from storage import members
from storage import paper_elections as stored
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("election_meetings", __name__)


@pages.post("/elections/<id>/meeting")
@requires(Right.IMPORT_ROSTER)
def note(id: str) -> Answer:  # noqa: A002
    """Note who presides, the letter for another day, and the number of opinions; an empty field takes it back."""
    name = "".join(request.form.get("chair", "").split())
    opinions = number("opinions") if request.form.get("opinions", "").strip() else None
    off_term = request.form.get("off_term")

    async def decide(paper: PaperElection, unit: Reading) -> Decided:
        people = await members.roster(unit, [paper.organisation])
        noted = await members.by_ids(unit, [paper.chair]) if paper.chair else ()
        # Who is noted already is meant by their name, whoever else has it, and though they may have left since.
        called = [one.id for one in noted if _meant(one, name)] or [one.id for one in people if _meant(one, name)]
        if name and len(called) != 1:
            return refused("paper.namesakes_chair" if called else "paper.unknown_chair", field="chair")
        chair = called[0] if name else None
        ids = {one.id for one in people}
        return rules.note_meeting(paper, chair=chair, opinions=opinions, people=ids, off_term=off_term)

    return act_on(id, decide, done="meeting_noted")


def _meant(one: Member, typed: str) -> bool:
    return one.user == typed if typed.startswith("@") else "".join(one.name.split()) == typed


@pages.post("/elections/<id>/empty")
@requires(Right.IMPORT_ROSTER)
@fresh
def leave_empty(id: str) -> Answer:  # noqa: A002
    """Put on record who decided that seats stay empty."""
    by, reference, agreed = request.form.get("by", ""), request.form.get("decision", ""), number("agreed")
    day, on = today(), day_of(request.form.get("on", ""))

    async def decide(paper: PaperElection, unit: Reading) -> Decided:
        if by not in list(Decider):
            return refused("paper.no_decider", field="by")
        return rules.leave_empty(
            paper,
            stored.result(paper),
            by=Decider(by),
            on=on,
            today=day,
            reference=reference,
            agreed=agreed,
            following=await stored.following(unit, paper.id),
        )

    return act_on(id, decide, done="seats_left_empty")
