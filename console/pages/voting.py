"""The voter's pages of a secret ballot: in by a one-time link, choose, read all of it back, and put it in the box.

The browser seals what was chosen, and only the envelope comes here. Without scripts the server may seal it in memory,
where the ballot allows that, and the page says so. Nothing is written down of a visit but the envelope.
"""

from __future__ import annotations

import binascii
import secrets
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from flask import Blueprint, abort, redirect, render_template, request, url_for

from console.access import digest, public, session_cookie, set_cookie
from console.answering import Answer
from console.desk import ask, cause, desk, now, settle
from content import ballots as rules
from content.ballot_links import LASTS, BallotLink, enter
from content.ballot_papers import receipt, write_paper
from content.ballots import Ballot, Elector, State
from content.decision import Refusal, refused
from content.elections import Ballot as Paper
from content.elections import Mark
from content.identifiers import Cause
from storage import ballot_links, ballots, members
from storage.audit import UNRECORDED
from storage.envelopes import seal
from storage.store import Answer as Decided
from storage.store import Step
from storage.unit import Reading

pages = Blueprint("voting", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Voter:
    """Who is at the page: their name, the ballot that they may cast, and the receipt once they have."""

    name: str
    ballot: Ballot
    elector: Elector
    receipt: str | None


@pages.get("/ballot/enter/<token>")
@public
def offer(token: str) -> str:
    """Show the one button; nothing is used up by looking."""
    return render_template("voting/offer.html", token=token)


@pages.post("/ballot/enter/<token>")
@public
def come_in(token: str) -> Answer:
    """Use the link up, and give the browser what it is known by."""
    secret, token_hash = secrets.token_urlsafe(32), digest(token)

    async def decide(unit: Reading) -> Decided:
        found = await ballot_links.by_token(unit, token_hash)
        return enter(found, token_hash=token_hash, browser_hash=digest(secret), now=unit.now)

    # A look comes first, because a refusal that is settled leaves rows, and anybody may post here.
    unsettled = ask(decide)
    if isinstance(unsettled, Refusal):
        return render_template("voting/refused.html", refusal=unsettled), 409
    outcome = settle(decide, actor=None)
    if outcome.refusal is not None or outcome.repeated:
        return render_template("voting/refused.html", refusal=outcome.refusal), 409
    response = redirect(url_for("voting.show"), code=303)
    set_cookie(response, _cookie(), secret, lasts=LASTS)
    return response


@pages.get("/ballot")
@public
def show() -> Answer:
    """Show the empty ballot; what was chosen before is shown to nobody."""
    voter = _voter()
    if voter is None:
        return render_template("voting/refused.html", refusal=None), 409
    if voter.ballot.state is not State.OPEN or now() >= voter.ballot.closes_at:
        return render_template(
            "voting/refused.html", refusal=refused("ballot.too_late", closes=voter.ballot.closes_at)
        ), 409
    return render_template("voting/show.html", voter=voter)


@pages.post("/ballot/review")
@public
def review() -> Answer:
    """Read a ballot back to who has no scripts, before it goes into the box."""
    voter = _present()
    if not voter.ballot.server_seal:
        return render_template("voting/no_scripts.html", voter=voter), 409
    paper = _chosen(voter.ballot)
    return render_template("voting/review.html", voter=voter, paper=paper)


@pages.post("/ballot/cast")
@public
def cast() -> Answer:
    """Put an envelope into the box."""
    voter = _present()
    box = _box(voter.ballot)

    async def decide(unit: Reading) -> Decided:
        one = await ballots.ballot(unit, voter.ballot.id)
        if one is None:
            return None
        member = voter.elector.member
        return rules.cast(
            one,
            await ballots.elector(unit, one.id, member),
            box,
            copied=await ballots.is_copied(unit, one.id, member, box),
            now=unit.now,
        )

    # Nobody is behind this step as far as any record knows, and its cause is a hash of what only the page knew.
    step = Step(cause=Cause(f"{UNRECORDED}{sha256(cause().encode()).hexdigest()}"), decide=decide)
    (outcome,) = desk().bridge(desk().store.settle([step]))
    if outcome.failed:
        abort(500)
    if outcome.refusal is not None:
        return render_template("voting/refused.html", refusal=outcome.refusal), 409
    return redirect(url_for("voting.done"), code=303)


@pages.get("/ballot/done")
@public
def done() -> Answer:
    """Say that the ballot is in the box, and give the receipt."""
    voter = _voter()
    if voter is None or voter.receipt is None:
        return redirect(url_for("voting.show"), code=303)
    return render_template("voting/done.html", voter=voter)


def _cookie() -> str:
    return f"{session_cookie()}-ballot"


def _voter() -> Voter | None:
    held = request.cookies.get(_cookie(), "")
    return ask(lambda unit: _find(unit, digest(held))) if held else None


def _present() -> Voter:
    voter = _voter()
    if voter is None:
        abort(403)
    return voter


async def _find(unit: Reading, browser_hash: str) -> Voter | None:
    link: BallotLink | None = await ballot_links.by_browser(unit, browser_hash)
    if link is None:
        return None
    ballot, elector = await ballots.ballot(unit, link.ballot), await ballots.elector(unit, link.ballot, link.member)
    member = await members.member(unit, link.member)
    if ballot is None or elector is None or member is None or member.left is not None:
        return None
    box = await ballots.cast_by(unit, ballot.id, link.member)
    return Voter(name=member.name, ballot=ballot, elector=elector, receipt=receipt(box) if box else None)


def _box(ballot: Ballot) -> bytes:
    """Return the envelope that the browser sealed; where the server may, the one that it seals now."""
    sealed = request.form.get("box", "")
    if "box" in request.form or not ballot.server_seal:
        try:
            return b64decode(sealed, validate=True)
        except (binascii.Error, ValueError):
            return b""
    return seal(write_paper(_chosen(ballot)), ballot.key, ballot.length)


def _chosen(ballot: Ballot) -> Paper:
    """Return what the form holds; a mark that does not exist is none."""
    said: Mapping[str, str] = {one.id: request.form.get(f"m-{one.id}", "") for one in ballot.candidates}
    return Paper(marks={name: Mark(mark) for name, mark in said.items() if mark in list(Mark)})
