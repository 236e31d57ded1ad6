"""The form of a pledge: what was typed in it, and what that means."""

from __future__ import annotations

from datetime import date

from flask import request
from msgspec import Struct
from msgspec.structs import replace

from console.access import here
from content import pledges as rules
from content.decision import Refusal, refused
from content.identifiers import MemberId
from content.organisations import Kind, Organisation
from content.pledges import Party, Pledge


class Fields(Struct, frozen=True, kw_only=True):
    """What stands in the form, whether or not it is meant; ``party`` is ``branch``, ``group:id`` or ``person:id``."""

    organisation: str = ""
    party: str = Party.BRANCH
    matter: str = ""
    measure: str = ""
    owner: str = ""
    due: str = ""
    reason: str = ""


def fields_from() -> Fields:
    """Return what was typed."""
    form = request.form
    return Fields(
        organisation=form.get("organisation", ""),
        party=form.get("party", ""),
        matter=rules.tidied(form.get("matter", "")),
        measure=rules.tidied(form.get("measure", "")),
        owner=form.get("owner", ""),
        due=form.get("due", "").strip(),
        reason=form.get("reason", ""),
    )


def meant(fields: Fields, place: Organisation, before: Pledge) -> Pledge | Refusal:
    """Return what the form means; that its people belong to the branch is judged by the rule."""
    try:
        due = date.fromisoformat(fields.due)
    except ValueError:
        return refused("pledge.bad_due", field="due")
    sort, _, id = fields.party.partition(":")  # noqa: A001
    if sort not in {*Party} or bool(id) is (sort == Party.BRANCH):
        return refused("pledge.unknown_person", field="party")
    group = next((node.id for node in groups(place) if node.id == id), None) if sort == Party.GROUP else None
    if sort == Party.GROUP and group is None:
        return refused("pledge.unknown_person", field="party")
    return replace(
        before,
        party=Party(sort),
        group=group,
        person=MemberId(id) if sort == Party.PERSON else None,
        matter=fields.matter,
        measure=fields.measure,
        owner=MemberId(fields.owner) if fields.owner else None,
        due=due,
    )


def groups(place: Organisation) -> tuple[Organisation, ...]:
    """Return the groups of a branch."""
    return tuple(node for node in here().nodes if node.parent == place.id and node.kind is Kind.GROUP)
