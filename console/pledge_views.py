"""A pledge as its page shows it: who is named to whom, what was asked, and whether its owner can be reached."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from flask import abort, render_template, request
from msgspec import Struct, field
from msgspec.structs import replace

from console.access import here
from console.desk import ask, now
from console.tree import is_below
from console.wording import t
from content import pledge_questions as asked
from content import pledges as rules
from content.decision import Refusal
from content.identifiers import MemberId
from content.members import Member
from content.organisations import Organisation, Right
from content.pledge_questions import Question, Stand
from content.pledges import Entry, Party, Pledge, State
from storage import members, pledge_questions
from storage import pledges as stored
from storage.unit import Reading


class Seen(Struct, frozen=True, kw_only=True):
    """What the page of a pledge shows beside it; ``names`` are those of who sees to it, pledged or asked openly."""

    history: tuple[Entry, ...]
    questions: tuple[Question, ...]
    people: dict[MemberId, Member] = field(default_factory=dict)


async def people_of(unit: Reading, ids: set[MemberId | None]) -> dict[MemberId, Member]:
    """Return people by who they are."""
    return {one.id: one for one in await members.by_ids(unit, [one for one in ids if one is not None])}


def place_of(one: Pledge) -> Organisation:
    """Return the branch of a pledge that may be seen."""
    node = here().node(one.organisation)
    if node is None:
        abort(404)
    return node


def local_day(place: Organisation) -> date:
    """Return which day it is in a place."""
    return now().astimezone(ZoneInfo(place.timezone)).date()


def today_of(one: Pledge) -> date:
    """Return which day it is in the branch of a pledge."""
    return local_day(place_of(one))


def named(id: MemberId | None, people: dict[MemberId, Member]) -> str | None:  # noqa: A002
    """Return the name of somebody, to whom members are shown by name where they stand; else nothing."""
    one = people.get(id) if id is not None else None
    return one.name if one is not None and Right.READ_MEMBERS in here().rights_at(one.organisation) else None


def party_of(one: Pledge, people: dict[MemberId, Member]) -> str:
    """Return who pledges, by name where that may be seen."""
    if one.party is Party.PERSON:
        return named(one.person, people) or t("pledges.party_person")
    node = here().node(one.group or one.organisation)
    return node.name if node is not None else t("frame.none")


def missing(one: Pledge, people: dict[MemberId, Member]) -> str | None:
    """Return the sentence that says why the owner of an open pledge cannot be asked, where that is so."""
    if one.state is not State.OPEN:
        return None
    owner = people.get(one.owner) if one.owner is not None else None
    if owner is None:
        return t("pledges.no_owner")
    if owner.left is not None:
        return t("pledges.owner_left")
    if not is_below(here().parents, owner.organisation, [one.organisation]):
        return t("pledges.owner_moved")
    return None if owner.user is not None else t("pledges.owner_unbound")


def page_of(one: Pledge, refusal: Refusal | None = None, question: str = "") -> str:
    """Show a pledge; a ``refusal`` stands at its field, of a ``question`` at the one of that question."""
    at = here()
    rights = at.rights_at(one.organisation)
    seen = ask(lambda unit: look_at(unit, one))
    refusals = [refusal] if refusal else []
    # A field of one question has its own place on the page.
    own = (
        {f"{refusal.field}-{question}" if question else str(refusal.field): refusal}
        if refusal and refusal.field
        else {}
    )
    moderates = Right.MODERATE in rights
    listed = [each for each in seen.questions if each.stand is not Stand.WITHDRAWN]
    return render_template(
        "pledges/show_one.html",
        one=one,
        place=place_of(one),
        seen=seen,
        questions=[each for each in listed if each.stand is not Stand.HIDDEN or moderates],
        number_hidden=sum(each.stand is Stand.HIDDEN for each in listed),
        number_waiting=sum(each.stand is Stand.OPEN for each in listed),
        name_of=lambda each: asked.name_of(one, each),
        asker=lambda each: named(each.member, seen.people) if each.named else None,
        # Of who asked without a name no hour is shown: who was spoken to in the same minute is seen elsewhere.
        asked_on=lambda each: each.asked_at.astimezone(ZoneInfo(place_of(one).timezone)).date(),
        party=party_of(one, seen.people),
        owner=named(one.owner, seen.people),
        missing=missing(one, seen.people),
        standing=rules.standing(one, today_of(one)),
        may_record=Right.RECORD in rights,
        may_tell=Right.SCHEDULE in rights and one.state is State.OPEN,
        moderates=moderates,
        typed=request.form if refusal is not None else {},
        typed_of=question,
        mark=rules.mark_of(one),
        longest={
            "note": rules.LONGEST_NOTE,
            "review": rules.LONGEST_REVIEW,
            "answer": asked.LONGEST_ANSWER,
            "reason": asked.LONGEST_REASON,
        },
        refusals=[replace(refusal, field=None) if question else refusal] if refusal else refusals,
        by_field=own,
    )


async def look_at(unit: Reading, one: Pledge) -> Seen:
    questions = await pledge_questions.questions(unit, [one.id])
    ids = {one.owner, one.person, *(each.member for each in questions if each.named)}
    return Seen(history=await stored.history(unit, [one.id]), questions=questions, people=await people_of(unit, ids))
