"""Who is reminded of a help case whose first answer is due, and what becomes of one whose owner is gone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from content.decision import Decision, Fact, Tell, words
from content.help_cases import OPEN, HelpCase, may_handle, number_of
from content.identifiers import HelpCaseId, OrganisationId, UserId

TOLD_FROM = time(9)
"""From this time of a day those who are to answer on it are told."""


class HelpCaseDue(Fact, frozen=True, kw_only=True):
    """Somebody was told that a case is due: its owner, those who handle cases, or who can name somebody."""

    case: HelpCaseId
    organisation: OrganisationId
    on: date


class HelpCaseReturned(Fact, frozen=True, kw_only=True):
    """A case whose owner handles cases there no longer is nobody's; ``told_on`` where it was due by then."""

    case: HelpCaseId
    organisation: OrganisationId
    owner: UserId
    told_on: date | None


def is_to_tell(case: HelpCase, *, timezone: str, now: datetime) -> bool:
    """Tell whether somebody is to hear that a case waits for its first answer: once, and each later owner once.

    Nobody hears of it on the day on which they took it up.
    """
    if case.stage not in OPEN or case.answered_on is not None:
        return False
    if case.told_on is not None and (case.handed_on is None or case.told_on > case.handed_on):
        return False
    day = case.due_on if case.handed_on is None else max(case.due_on, case.handed_on + timedelta(days=1))
    here = now.astimezone(ZoneInfo(timezone))
    return (here.date(), here.time()) >= (day, TOLD_FROM)


def tell_due(
    case: HelpCase,
    handlers: Collection[UserId],
    operators: Collection[UserId],
    *,
    place: str,
    console: str,
    today: date,
) -> Decision | None:
    """Tell a case's owner that it is due, else those who handle cases; of what it is about, and from whom, not a word.

    Where nobody may handle it, those who run the program are told that somebody is to be named; ``None`` where there
    is nobody at all, so that whoever comes is told.
    """
    key, them = "help_case.owner_due", [one for one in handlers if may_handle(case, one)]
    if case.owner is not None:
        key, them = "help_case.owner_late", [case.owner]
    if not them:
        key, them = "help_case.nobody_due", [one for one in operators if may_handle(case, one)]
    if not them:
        return None
    said = words(key, number=number_of(case), place=place, address=f"{console}/help-cases")
    fact = HelpCaseDue(case=case.id, organisation=case.organisation, on=today)
    return Decision(facts=(fact,), effects=tuple(Tell(user=one, words=said, unasked=True) for one in sorted(set(them))))


def give_back(case: HelpCase, handlers: Collection[UserId], *, console: str, today: date) -> Decision | None:
    """Put a case back to those who handle cases, once its owner is none of them; ``None`` while they are."""
    if case.owner is None or case.stage not in OPEN or case.owner in handlers:
        return None
    them = sorted({one for one in handlers if may_handle(case, one)})
    told_on = today if today >= case.due_on and them else None
    fact = HelpCaseReturned(case=case.id, organisation=case.organisation, owner=case.owner, told_on=told_on)
    said = words("help_case.owner_lost", number=number_of(case), address=f"{console}/help-cases")
    return Decision(facts=(fact,), effects=tuple(Tell(user=one, words=said, unasked=True) for one in them))
