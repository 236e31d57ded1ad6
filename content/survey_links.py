"""The private link to the page of a survey that is not anonymous: sent to who asks for it, with a code beside it."""

from __future__ import annotations

from datetime import datetime

from content.ballot_links import Invited, PrivateLink, day_after, lasts_until
from content.decision import Decision, Refusal, Tell, Untraced, refused, words
from content.identifiers import MemberId, SurveyId
from content.surveys import State, Survey

PAGE = "survey"
"""The page that such a link leads to."""


class SurveyLink(PrivateLink, frozen=True, kw_only=True):
    """A link that leads to the page of a survey."""

    survey: SurveyId


class SurveyLinkAsked(Untraced, frozen=True, kw_only=True):
    """A member asked for the page of a survey and was given a link; one that they had before works no more."""

    token_hash: str
    code_hash: str
    survey: SurveyId
    member: MemberId
    expires_at: datetime


def send_page(survey: Survey, one: Invited, *, now: datetime) -> Decision | Refusal:
    """Send somebody the link to the page of a survey, and its code in a message of its own."""
    if survey.state is not State.OPEN or now >= survey.closes_at:
        return refused("survey.closed", title=survey.title)
    until = lasts_until(survey, now)
    asked = SurveyLinkAsked(
        token_hash=one.token_hash,
        code_hash=one.code_hash,
        survey=survey.id,
        member=one.member,
        expires_at=day_after(until),
    )
    link = words("survey.page", title=survey.title, closes=survey.closes_at, link=one.link, until=until)
    code = words("survey.code", title=survey.title, code=one.code)
    return Decision(facts=(asked,), effects=(Tell(user=one.user, words=link), Tell(user=one.user, words=code)))
