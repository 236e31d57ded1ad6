"""The page of a survey that is not anonymous: in by a link and its code, all questions at once, changed until the end.

It writes the answers that the chat writes. Nothing is written down of a visit but them.
"""

from __future__ import annotations

import hmac
import secrets

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from msgspec import Struct

from console.access import digest, forget_cookie, public, session_cookie, set_cookie
from console.answering import Answer
from console.desk import ask, now
from console.private_pages import answered, digits, let_in, settle_unseen
from content import surveys as rules
from content.ballot_links import (
    AFTER,
    BrowserLeft,
    browser_secret,
    enter,
    is_over,
    link_is_over,
)
from content.decision import Decision, Refusal, refused
from content.identifiers import MemberId, UserId
from content.questions import LONGEST_TEXT, Answers
from content.sessions import Session
from content.surveys import Standing, State, Survey
from storage import ballot_links, members, surveys
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("surveying", __name__)


class Guest(Struct, frozen=True, kw_only=True):
    """Who is at the page: their name, the survey that they are asked, and what they have answered so far.

    ``mark`` stands in every form, so that none is taken for whoever has sat down at the browser since.
    """

    name: str
    member: MemberId
    user: UserId
    survey: Survey
    standing: Standing
    said: Answers
    mark: str


@pages.get("/survey/enter/<token>")
@public
def offer(token: str) -> str:
    """Show the one button; nothing is used up by looking."""
    return render_template("surveying/offer.html", token=token, refusal=None)


@pages.post("/survey/enter/<token>")
@public
def come_in(token: str) -> Answer:
    """Use the link up with its code, and give the browser what it is known by."""
    secret, token_hash = browser_secret(secrets.token_urlsafe(32), now=now()), digest(token)
    code_hash = digest(f"{token}{digits(request.form.get('code', ''))}")
    session: Session | None = g.get("session")

    async def decide(unit: Reading) -> Decided:
        found = await ballot_links.survey_by_token(unit, token_hash)
        owner = await members.member(unit, found.member) if found is not None else None
        return enter(
            found,
            token_hash=token_hash,
            code_hash=code_hash,
            browser_hash=digest(secret),
            signed_in=session.user if session is not None else None,
            owner=owner.user if owner is not None else None,
            now=unit.now,
            over=link_is_over(token, now=unit.now),
        )

    return let_in(decide, "surveying", token, cookie=_cookie(), secret=secret)


@pages.get("/survey")
@public
def show() -> Answer:
    """Show all questions, with what was answered before in chat or here."""
    guest = _guest()
    if guest is None:
        return _refuse(None)
    if guest.survey.state is not State.OPEN or now() >= guest.survey.closes_at:
        return _refuse(refused("survey.closed", title=guest.survey.title))
    return _questions(guest, guest.said)


@pages.post("/survey/answer")
@public
def answer() -> Answer:
    """Keep all answers of the page."""
    guest = _present()
    if guest is None:
        return _refuse(refused("survey.other_guest"))
    said = dict(answered(guest.survey.questions))

    async def decide(unit: Reading) -> Decided:
        one = await surveys.survey(unit, guest.survey.id)
        if one is None:
            return None
        standing = await surveys.standing(unit, one.id, guest.member)
        return rules.fill_in(one, guest.member, standing, said, user=guest.user, now=unit.now)

    refusal = settle_unseen(decide).refusal
    if refusal is not None and refusal.words.key == "survey.answer_too_long":
        # What was typed stays on the page: it is shortened there, and not written again.
        return _questions(guest, said, refusal), 422
    if refusal is not None:
        return _refuse(refusal)
    response = redirect(url_for("surveying.done"), code=303)
    # Who has answered stays for a few minutes, to look at it once more.
    set_cookie(response, _cookie(), request.cookies[_cookie()], lasts=AFTER)
    return response


@pages.post("/survey/quit")
@public
def give_up() -> Answer:
    """Delete what somebody said, and let the browser be nobody's any more."""
    guest = _present()
    if guest is None:
        return _refuse(refused("survey.other_guest"))
    left = _left()

    async def decide(unit: Reading) -> Decided:
        one = await surveys.survey(unit, guest.survey.id)
        if one is None or one.state is not State.OPEN or unit.now >= one.closes_at:
            return refused("survey.closed", title=guest.survey.title)
        gone = rules.leave(one, guest.member, user=guest.user, here=True)
        return Decision(facts=(*gone.facts, left))

    refusal = settle_unseen(decide).refusal
    if refusal is not None:
        return _refuse(refusal)
    return _gone(deleted=guest.survey.title)


@pages.get("/survey/done")
@public
def done() -> Answer:
    """Say that the answers are kept."""
    guest = _guest()
    if guest is None or guest.standing is not Standing.FINISHED:
        return redirect(url_for("surveying.show"), code=303)
    return render_template("surveying/done.html", guest=guest)


@pages.post("/survey/leave")
@public
def leave() -> Answer:
    """Let the browser be nobody's any more, for whoever sits down at it next; what was answered stays."""
    if _guest() is not None:
        left = _left()

        async def decide(_: Reading) -> Decided:
            return Decision(facts=(left,))

        settle_unseen(decide)
    return _gone()


def _cookie() -> str:
    return f"{session_cookie()}-survey"


def _left() -> BrowserLeft:
    held = request.cookies.get(_cookie(), "")
    return BrowserLeft(browser_hash=digest(held), spent_hash=digest(secrets.token_urlsafe(32)))


def _questions(guest: Guest, said: Answers, refusal: Refusal | None = None) -> str:
    return render_template("surveying/show.html", guest=guest, said=said, longest=LONGEST_TEXT, refusal=refusal)


def _gone(*, deleted: str = "") -> Answer:
    response = make_response(render_template("surveying/left.html", deleted=deleted))
    forget_cookie(response, _cookie())
    return response


def _guest() -> Guest | None:
    held = request.cookies.get(_cookie(), "")
    return None if is_over(held, now=now()) else ask(lambda unit: _find(unit, held))


def _present() -> Guest | None:
    """Return the guest whose form this is, ``None`` for one that another has sat down in between."""
    guest = _guest()
    if guest is None or not hmac.compare_digest(request.form.get("guest", ""), guest.mark):
        return None
    return guest


async def _find(unit: Reading, held: str) -> Guest | None:
    link = await ballot_links.survey_by_browser(unit, digest(held))
    if link is None:
        return None
    survey, standing = await surveys.survey(unit, link.survey), await surveys.standing(unit, link.survey, link.member)
    member = await members.member(unit, link.member)
    if survey is None or standing is None or member is None or member.user is None or member.left is not None:
        return None
    return Guest(
        name=member.name,
        member=member.id,
        user=member.user,
        survey=survey,
        standing=standing,
        said=await surveys.said(unit, survey.id, member.id),
        mark=digest(f"guest {held} {survey.id} {member.id}"),
    )


def _refuse(refusal: Refusal | None) -> Answer:
    return render_template("surveying/refused.html", refusal=refusal), 409
