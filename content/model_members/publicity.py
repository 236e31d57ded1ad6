"""The publicity: the notice, what is objected and what becomes of it, and the announcement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Discreet, Fact, Refusal, Tell, Words, discreetly, refused, words
from content.discreet import repr_without
from content.identifiers import MemberId, ObjectionId, OrganisationId, SelectionId, UserId
from content.model_members.selections import (
    LONGEST_REASON,
    OVER,
    Nominee,
    Room,
    Selection,
    SelectionEnded,
    Stage,
    Standing,
    chosen_of,
    fits,
    not_now,
    say,
)
from content.organisations import Duty, Role
from content.workdays import WorkCalendar

FEWEST_DAYS, MOST_DAYS = 5, 60
"""Of publicity, in working days; the day after the notice is the first."""
LONGEST_PHONE = 40


class Outcome(StrEnum):
    """What became of an objection."""

    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


class NoticePosted(Fact, frozen=True, kw_only=True):
    """The publicity began, or began anew."""

    selection: SelectionId
    organisation: OrganisationId
    contact: MemberId
    phone: str
    posted_on: date
    ends_on: date
    confirmed: bool
    by: UserId


class ObjectionRaised(Discreet, frozen=True, kw_only=True):
    """Somebody objects; nothing goes on before there is an outcome."""

    selection: SelectionId
    organisation: OrganisationId
    id: ObjectionId
    member: MemberId
    text: str
    on: date

    def __repr__(self) -> str:
        return repr_without(self, "text")


class ObjectionDecided(Fact, frozen=True, kw_only=True):
    """An objection has its outcome; ``against`` is who is chosen no longer, where it was right."""

    selection: SelectionId
    organisation: OrganisationId
    id: ObjectionId
    outcome: Outcome
    against: MemberId | None
    answer: str
    by: UserId
    on: date

    def __repr__(self) -> str:
        return repr_without(self, "answer")


class SelectionAnnounced(Fact, frozen=True, kw_only=True):
    """Those who were chosen were announced."""

    selection: SelectionId
    organisation: OrganisationId
    on: date


class Objection(Struct, frozen=True, kw_only=True):
    """Something objected during the publicity, and what became of it."""

    id: ObjectionId
    selection: SelectionId
    member: MemberId
    text: str
    received_on: date
    outcome: Outcome = Outcome.OPEN
    answer: str = ""
    decided_on: date | None = None

    def __repr__(self) -> str:
        return repr_without(self, "text", "answer")


def post(
    selection: Selection,
    nominees: Sequence[Nominee],
    *,
    names: Mapping[MemberId, str],
    hearers: Collection[MemberId],
    contact: MemberId,
    phone: str,
    days: int,
    calendar: WorkCalendar,
    rooms: Iterable[Room],
    by: UserId,
    today: date,
    today_counts: bool = False,
) -> Decision | Refusal:
    """Post the notice, as the second of two; in the publicity this is its correction, and a new window begins.

    ``hearers`` are those who may take objections; where there are none, nothing is posted. The first day is the day
    after, or today where it counts by the setting and is a working day.
    """
    if selection.stage not in (Stage.CONSIDERED, Stage.PUBLIC):
        return not_now(selection)
    if selection.decided_by == by:
        return refused("selection.another_posts")
    chosen = chosen_of(nominees)
    if not chosen:
        return refused("selection.nobody_chosen")
    if not hearers:
        return refused("selection.nobody_hears", field="contact")
    if contact not in hearers:
        return refused("selection.no_contact", field="contact")
    if not FEWEST_DAYS <= days <= MOST_DAYS:
        return refused("selection.too_short", field="days", least=FEWEST_DAYS, most=MOST_DAYS)
    if len(phone) > LONGEST_PHONE:
        return refused("selection.long_phone", field="phone", most=LONGEST_PHONE)
    reckon = calendar.nth_from if today_counts else calendar.after
    end = reckon(today, days)
    posted = NoticePosted(
        selection=selection.id,
        organisation=selection.organisation,
        contact=contact,
        phone=phone,
        posted_on=today,
        ends_on=end.date,
        confirmed=end.confirmed,
        by=by,
    )
    said = words(
        "selection.room_notice",
        title=selection.title,
        names="、".join(names.get(one.member, "") for one in chosen),
        first=(_day(reckon(today, 1).date),),
        last=(_day(end.date),),
        n=days,
        contact=names.get(contact, ""),
    )
    return Decision(facts=(posted,), effects=say(rooms, said))


def object_to(
    selection: Selection,
    *,
    id: ObjectionId,  # noqa: A002
    by: MemberId,
    sender: UserId,
    text: str,
    hearers: Iterable[UserId],
    today: date,
) -> Decision | Refusal:
    """Take an objection during the publicity: who hears them learns that there is one, and nobody else does."""
    if selection.stage is not Stage.PUBLIC or selection.ends_on is None or today > selection.ends_on:
        return discreetly(refused("selection.nothing_public"))
    said = text.strip()
    if not fits(said):
        return discreetly(refused("selection.no_objection", most=LONGEST_REASON))
    raised = ObjectionRaised(
        selection=selection.id, organisation=selection.organisation, id=id, member=by, text=said, on=today
    )
    heard = words("selection.objection_came", title=selection.title)
    told = tuple(Tell(user=one, words=heard, unasked=True) for one in sorted(set(hearers) - {sender}))
    thanks = Tell(user=sender, words=words("selection.objection_kept", title=selection.title))
    return Decision(facts=(raised,), effects=(thanks, *told))


def settle_objection(
    selection: Selection,
    objection: Objection,
    nominees: Sequence[Nominee],
    *,
    upheld: bool,
    against: MemberId | None,
    answer: str,
    by: UserId,
    objector: UserId | None,
    today: date,
) -> Decision | Refusal:
    """Give an objection its outcome. Who it is right against is chosen no longer, and the notice has to be posted anew.

    Nobody decides what they have objected themselves. Where nobody is left the selection ends.
    """
    if objection.outcome is not Outcome.OPEN or selection.stage in OVER:
        return not_now(selection)
    if by == objector:
        return refused("selection.own_objection")
    said = answer.strip()
    if not fits(said):
        return refused("selection.no_answer", field="answer", most=LONGEST_REASON)
    chosen = {one.member for one in chosen_of(nominees)}
    if upheld and against not in chosen:
        return refused("selection.against_whom", field="against")
    decided = ObjectionDecided(
        selection=selection.id,
        organisation=selection.organisation,
        id=objection.id,
        outcome=Outcome.UPHELD if upheld else Outcome.DISMISSED,
        against=against if upheld else None,
        answer=said,
        by=by,
        on=today,
    )
    told = words("selection.objection_answered", title=selection.title, answer=said)
    effects = (Tell(user=objector, words=told, unasked=True),) if objector is not None else ()
    if upheld and chosen == {against}:
        ended = SelectionEnded(selection=selection.id, organisation=selection.organisation)
        return Decision(facts=(decided, ended), effects=effects)
    return Decision(facts=(decided,), effects=effects)


def announce(
    selection: Selection,
    nominees: Sequence[Nominee],
    *,
    names: Mapping[MemberId, str],
    waiting: int,
    rooms: Iterable[Room],
    today: date,
) -> Decision | None:
    """Announce those who were chosen, once the publicity is over and every objection has its outcome."""
    if selection.stage is not Stage.PUBLIC or selection.ends_on is None or today <= selection.ends_on or waiting:
        return None
    chosen = chosen_of(nominees)
    if not chosen:
        return Decision(facts=(SelectionEnded(selection=selection.id, organisation=selection.organisation),))
    said = words(
        "selection.room_announced",
        title=selection.title,
        names="、".join(names.get(one.member, "") for one in chosen),
    )
    announced = SelectionAnnounced(selection=selection.id, organisation=selection.organisation, on=today)
    return Decision(facts=(announced,), effects=say(rooms, said))


def _day(day: date) -> Words:
    return words("selection.day", year=day.year, month=day.month, day=day.day)


def hearers(duties: Iterable[Duty], *, concerned: Collection[UserId]) -> frozenset[UserId]:
    """Return who hears objections among those with duties at a selection's place or above it, and nobody else does.

    ``concerned`` are the accounts of those who are, or were, on the notice: they do not hear what is said of them.
    """
    return frozenset(one.user for one in duties if one.role is Role.DISCIPLINE_MEMBER) - set(concerned)


def concerned(nominees: Iterable[Nominee]) -> tuple[MemberId, ...]:
    """Return who was chosen, also if they are no longer; what was objected then is still not for them."""
    left = (Standing.WITHDRAWN, Standing.REJECTED)
    return tuple(
        one.member
        for one in nominees
        if one.standing is Standing.CHOSEN or (one.standing in left and one.votes is not None)
    )
