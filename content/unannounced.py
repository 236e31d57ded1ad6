"""A meeting that was held without a notice: entered by hand, with the reason, as evidence in the year of its branch."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from msgspec import Struct

from content.cadence import LINE_OF
from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import Cause, OrganisationId, UnannouncedId, UserId, derive
from content.lessons import LONGEST_TITLE
from content.meetings import LONGEST_WHY
from content.notices import Form
from content.year import Pair

TOGETHER = frozenset({Form.LIFE, Form.REVIEW})
"""What may be held as one meeting, and counts once as each (CAD-8)."""

BACK = timedelta(days=3 * 365)
"""How far back one may still be entered."""

MOST_PEOPLE = 9_999


class Unannounced(Struct, frozen=True, kw_only=True):
    """One meeting that no notice was sent of; ``why`` says why, or by what it is known that it was held.

    ``due`` and ``present`` are how many, ``None`` where nobody counted. ``pair`` is of a talk.
    """

    id: UnannouncedId
    organisation: OrganisationId
    form: Form
    held_on: date
    title: str
    why: str
    together: bool = False
    pair: Pair | None = None
    due: int | None = None
    present: int | None = None

    @property
    def forms(self) -> tuple[Form, ...]:
        """Return all forms as which it counts."""
        return tuple(sorted(TOGETHER)) if self.together else (self.form,)


class UnannouncedRecorded(Fact, frozen=True, kw_only=True):
    """A meeting was entered of which no notice had been sent."""

    organisation: OrganisationId
    meeting: Unannounced
    by: UserId
    at: datetime


class UnannouncedTakenBack(Fact, frozen=True, kw_only=True):
    """That a meeting was entered was a mistake."""

    organisation: OrganisationId
    meeting: UnannouncedId
    at: datetime


def record(
    organisation: OrganisationId,
    *,
    form: str,
    held_on: date | None,
    title: str,
    why: str,
    together: bool,
    pair: str,
    due: int | None,
    present: int | None,
    by: UserId,
    cause: Cause,
    now: datetime,
    today: date,
) -> Decision | Refusal:
    """Enter a meeting that was held without a notice; it needs a day that has come, and a reason."""
    title, why = " ".join(title.split()), " ".join(why.split())
    if form not in set(LINE_OF):
        return refused("meeting.no_form", field="form")
    if held_on is None or not today - BACK <= held_on <= today:
        return refused("unannounced.bad_day", field="held_on")
    if not title:
        return refused("meeting.no_title", field="title")
    if len(title) > LONGEST_TITLE:
        return refused("meeting.long", field="title", most=LONGEST_TITLE)
    if not why:
        return refused("unannounced.no_reason", field="why")
    if len(why) > LONGEST_WHY:
        return refused("meeting.long", field="why", most=LONGEST_WHY)
    if together and form not in TOGETHER:
        return refused("unannounced.not_together", field="together")
    if form == Form.TALK and pair not in set(Pair):
        return refused("unannounced.no_pair", field="pair")
    if any(number is not None and not 0 <= number <= MOST_PEOPLE for number in (due, present)):
        return refused("unannounced.bad_number", field="due")
    if due is not None and present is not None and present > due:
        return refused("unannounced.more_than_due", field="present", present=present, due=due)
    one = Unannounced(
        id=UnannouncedId(derive(cause, "unannounced")),
        organisation=organisation,
        form=Form(form),
        held_on=held_on,
        title=title,
        why=why,
        together=together,
        pair=Pair(pair) if form == Form.TALK else None,
        due=due,
        present=present,
    )
    return Decision(facts=(UnannouncedRecorded(organisation=organisation, meeting=one, by=by, at=now),))


def take_back(one: Unannounced | None, *, now: datetime) -> Decision | Refusal:
    """Take back what was entered by mistake."""
    if one is None:
        return refused("unannounced.gone")
    return Decision(facts=(UnannouncedTakenBack(organisation=one.organisation, meeting=one.id, at=now),))
