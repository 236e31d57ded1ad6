"""Members who are away (流动党员): since when, where to, who keeps contact, and when something is to be done.

It says what is due and never more: nothing here changes anybody's membership (党籍), and no later day does.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Fact, Refusal, Tell, refused, words
from content.identifiers import Cause, ContactId, MemberId, OrganisationId, UserId, derive
from content.members import Member
from content.roster.cells import TEXTS, Wrong, destination
from content.terms import months_on

REGISTERED_AFTER = 6
"""Months away without a break after which somebody is to be registered (AWAY-1)."""
CONTACT_EVERY = 6
"""Months within which there is to be contact with who is abroad (AWAY-4)."""
SETTING = "thought_report_months"
HALF_YEAR, QUARTER = "6", "3"
"""Every how many months a thought report is looked for; no source has a number (AWAY-5)."""

LONGEST_PLACE = TEXTS["destination"]
LONGEST_CARD = 30
LONGEST_HOST = 60
MOST_CONTACTS = 200


class Reason(StrEnum):
    """Why somebody is away, in the words of the rule and no closer."""

    WORK = "work"
    STUDY = "study"
    LIVING = "living"
    OTHER = "other"


class Standing(StrEnum):
    """How somebody stands in the register."""

    UNDATED = "undated"
    """The roster has them as away, and nobody has said since when."""
    AWAY = "away"
    PROPOSED = "proposed"
    """拟登记流动: for six months away, and not registered."""
    REGISTERED = "registered"


class Away(Struct, frozen=True, kw_only=True):
    """What is known of one who is away; where to stands in the roster, and so does whether they are registered.

    ``contact`` is the member who keeps contact and reviews their reports, ``host`` the organisation that they are
    near to, ``card`` the number of their 活动证.
    """

    member: MemberId
    since: date
    abroad: bool = False
    reason: Reason = Reason.WORK
    returns: date | None = None
    card: str = ""
    host: str = ""
    contact: MemberId | None = None


class Contact(Struct, frozen=True, kw_only=True):
    """A day on which there was contact with who is away."""

    id: ContactId
    member: MemberId
    on: date
    by: UserId


class AwayNoted(Fact, frozen=True, kw_only=True):
    """Somebody is away, or what is known of it has changed."""

    member: MemberId
    organisation: OrganisationId
    away: Away
    by: UserId
    at: datetime


class AwayEnded(Fact, frozen=True, kw_only=True):
    """Somebody is back, or was entered by mistake: what was noted of their being away is forgotten."""

    member: MemberId
    organisation: OrganisationId


class ContactNoted(Fact, frozen=True, kw_only=True):
    """There was contact with who is away."""

    member: MemberId
    organisation: OrganisationId
    contact: Contact
    at: datetime


class ContactTakenBack(Fact, frozen=True, kw_only=True):
    """A contact was noted by mistake."""

    member: MemberId
    organisation: OrganisationId
    contact: ContactId


class ReportAsked(Fact, frozen=True, kw_only=True):
    """Somebody who is away was told once that a report is due."""

    member: MemberId
    organisation: OrganisationId
    due: date


def proposed_on(since: date) -> date:
    """Return from which day somebody stands as 拟登记流动."""
    return months_on(since, REGISTERED_AFTER)


def standing(away: Away | None, member: Member, today: date) -> Standing:
    """Return how somebody stands on a day; that they are registered is said in the roster."""
    if member.floating:
        return Standing.REGISTERED if away is not None else Standing.UNDATED
    if away is None or today < proposed_on(away.since):
        return Standing.AWAY
    return Standing.PROPOSED


def report_due(away: Away, last: date | None, *, months: int) -> date:
    """Return when the next thought report is due: so long after the last, the first so long after the leaving."""
    return months_on(max(last, away.since) if last is not None else away.since, months)


def contact_due(away: Away, last: date | None) -> date | None:
    """Return when there is to be contact again with who is abroad, ``None`` for all others."""
    if not away.abroad:
        return None
    return months_on(max(last, away.since) if last is not None else away.since, CONTACT_EVERY)


def note(
    away: Away, member: Member, *, place: str, contact: Member | None, today: date, by: UserId, now: datetime
) -> Decision | Refusal:
    """Keep what is known of one who is away. ``place`` is where to: a province or a city, and never closer."""
    card, host = away.card.strip(), away.host.strip()
    if member.left is not None:
        return refused("leaving.has_left", name=member.name)
    if away.since > today:
        return refused("away.not_yet", field="since")
    if away.returns is not None and away.returns < away.since:
        return refused("away.back_before", field="returns")
    if isinstance(destination(place), Wrong):
        return refused("away.too_close", field="place", most=LONGEST_PLACE)
    if len(card) > LONGEST_CARD:
        return refused("away.card_too_long", field="card", most=LONGEST_CARD)
    if len(host) > LONGEST_HOST:
        return refused("away.host_too_long", field="host", most=LONGEST_HOST)
    if away.contact is not None and (contact is None or contact.left is not None):
        return refused("away.no_such_contact", field="contact")
    if away.contact == member.id:
        return refused("away.own_contact", field="contact")
    kept = replace(away, card=card, host=host)
    return Decision(facts=(AwayNoted(member=member.id, organisation=member.organisation, away=kept, by=by, at=now),))


def end(away: Away, member: Member) -> Decision:
    """Forget what was noted of one who is back; their reports stay theirs."""
    return Decision(facts=(AwayEnded(member=away.member, organisation=member.organisation),))


def note_contact(
    away: Away,
    member: Member,
    on: date,
    *,
    known: Collection[Contact],
    by: UserId,
    today: date,
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Note a day on which there was contact; a day is noted once."""
    if on > today:
        return refused("away.contact_to_come", field="on")
    if any(one.on == on for one in known):
        return refused("away.contact_known", field="on")
    if len(known) >= MOST_CONTACTS:
        return refused("away.too_many_contacts", field="on", most=MOST_CONTACTS)
    contact = Contact(id=ContactId(derive(cause, "contact")), member=away.member, on=on, by=by)
    fact = ContactNoted(member=away.member, organisation=member.organisation, contact=contact, at=now)
    return Decision(facts=(fact,))


def take_back_contact(contact: Contact, member: Member) -> Decision:
    """Forget a contact that was noted by mistake."""
    fact = ContactTakenBack(member=contact.member, organisation=member.organisation, contact=contact.id)
    return Decision(facts=(fact,))


def ask_report(
    away: Away, member: Member, last: date | None, *, asked_for: date | None, months: int, today: date
) -> Decision | None:
    """Tell somebody in private, once for each due date, that a report is due; ``None`` where nothing is to be said."""
    due = report_due(away, last, months=months)
    if member.user is None or member.left is not None or due > today or (asked_for is not None and asked_for >= due):
        return None
    said = Tell(user=member.user, words=words("thought_report.due"), unasked=True)
    return Decision(
        facts=(ReportAsked(member=away.member, organisation=member.organisation, due=due),), effects=(said,)
    )
