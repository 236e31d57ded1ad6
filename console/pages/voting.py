"""The voter's pages of a secret ballot: in by a link and its code, choose, read it back, and put it in the box.

The browser seals what was chosen, and only the envelope comes here. Without scripts the server may seal it in memory,
where the ballot allows that, and the page says so. Nothing is written down of a visit but the envelope.
"""

from __future__ import annotations

import binascii
import hmac
import secrets
from base64 import b64decode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from flask import Blueprint, abort, g, make_response, redirect, render_template, request, url_for
from msgspec import Struct

from console.access import digest, forget_cookie, public, session_cookie, set_cookie
from console.answering import Answer
from console.desk import ask, desk, now
from console.private_pages import answered, digits, let_in, settle_unseen
from console.written_names import may_be_written_in
from content import ballots as rules
from content.ballot_links import (
    AFTER,
    BallotLink,
    BrowserLeft,
    browser_secret,
    enter,
    invited,
    is_over,
    lasts_until,
    link_is_over,
)
from content.ballot_papers import LONGEST_NAME, receipt, write_paper
from content.ballots import Ballot, Elector, State
from content.decision import Decision, Refusal, Words, refused, words
from content.elections import Ballot as Paper
from content.elections import Mark, is_valid
from content.electronic_elections import Consent
from content.identifiers import BallotId
from content.questions import LONGEST_TEXT, fits
from content.sessions import Session
from content.write_ins import as_written
from storage import ballot_links, ballots, electronic_elections, members
from storage.envelopes import seal
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("voting", __name__)


class Voter(Struct, frozen=True, kw_only=True):
    """Who is at the page: their name, the ballot that they may cast, and the receipt once they have.

    ``mark`` stands in every form, so that none is taken for whoever has sat down at the browser since. ``others`` are
    those who may be written in, by strokes; who shares a name is told apart by their post. ``letter`` is that of those
    above by which an election is voted on here.
    """

    name: str
    ballot: Ballot
    elector: Elector
    receipt: str | None
    mark: str
    others: tuple[tuple[str, str], ...] = ()
    letter: Consent | None = None

    @property
    def kind(self) -> Words:
        """Say what is voted on, and what that means; what decides something is by the letter of those above."""
        election = self.ballot.election
        if election.questions:
            return words("voting.kind_grades" if self.ballot.candidates else "voting.kind_answers")
        if self.letter is None:
            return words("voting.kind_reference")
        day = self.letter.dated.isoformat()
        return words(f"voting.kind_{election.pack.purpose}", letter=self.letter.reference, day=day)

    @property
    def freely(self) -> bool:
        """Tell whether names are written and not picked."""
        return self.ballot.write_in is rules.WriteIn.TEXT

    @property
    def lines(self) -> int:
        """Return how many may be written in: no more than there are seats, and a No for each."""
        return min(self.ballot.election.seats, len(self.ballot.candidates)) if self.others or self.freely else 0


@pages.get("/ballot/enter/<token>")
@public
def offer(token: str) -> str:
    """Show the one button; nothing is used up by looking."""
    return render_template("voting/offer.html", token=token, refusal=None)


@pages.post("/ballot/enter/<token>")
@public
def come_in(token: str) -> Answer:
    """Use the link up with its code, and give the browser what it is known by."""
    secret, token_hash = browser_secret(secrets.token_urlsafe(32), now=now()), digest(token)
    noise = [secrets.token_urlsafe(32) for _ in range(2)]
    code_hash = digest(f"{token}{digits(request.form.get('code', ''))}")
    session: Session | None = g.get("session")
    origin = desk().settings.origin

    async def decide(unit: Reading) -> Decided:
        found = await ballot_links.by_token(unit, token_hash)
        owner = await members.member(unit, found.member) if found is not None else None
        user = owner.user if owner is not None else None
        ballot = await ballots.ballot(unit, found.ballot) if found is not None else None
        anew = None
        if ballot is not None and found is not None and user is not None:
            until = lasts_until(ballot, unit.now)
            anew = invited(found.member, user, origin=origin, token=noise[0], noise=noise[1], until=until)
        return enter(
            found,
            token_hash=token_hash,
            code_hash=code_hash,
            browser_hash=digest(secret),
            signed_in=session.user if session is not None else None,
            owner=user,
            now=unit.now,
            over=link_is_over(token, now=unit.now),
            ballot=ballot,
            anew=anew,
        )

    return let_in(decide, "voting", token, cookie=_cookie(), secret=secret)


@pages.get("/ballot")
@public
def show() -> Answer:
    """Show the empty ballot; what was chosen before is shown to nobody."""
    voter = _voter()
    if voter is None:
        return _refuse(None)
    if voter.ballot.state is not State.OPEN or now() >= voter.ballot.closes_at:
        return _refuse(refused("ballot.too_late", closes=voter.ballot.closes_at))
    return _paper_of(voter)


@pages.post("/ballot/review")
@public
def review() -> Answer:
    """Read a ballot back to who has no scripts, before it goes into the box."""
    voter = _present()
    if voter is None:
        return _refuse(refused("ballot.other_voter"))
    if not voter.ballot.server_seal:
        return render_template("voting/no_scripts.html", voter=voter), 409
    paper = _chosen(voter.ballot)
    too_long = _too_long(voter.ballot, paper)
    if too_long is not None:
        return _refuse(too_long)
    if not voter.ballot.election.questions and not _stands(voter.ballot, paper):
        return _paper_of(voter, wrong=True), 422
    return render_template("voting/review.html", voter=voter, paper=paper, called=dict(voter.others))


@pages.post("/ballot/cast")
@public
def cast() -> Answer:
    """Put an envelope into the box."""
    voter = _present()
    if voter is None:
        return _refuse(refused("ballot.other_voter"))
    too_long = _too_long(voter.ballot, _chosen(voter.ballot)) if _by_server(voter.ballot) else None
    if too_long is not None:
        return _refuse(too_long)
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

    outcome = settle_unseen(decide)
    if outcome.refusal is not None:
        return _refuse(outcome.refusal)
    if outcome.repeated and voter.receipt != receipt(box):
        # The first of this form is in the box; what is different now would be lost if it were confirmed.
        return _refuse(refused("ballot.page_used"))
    response = redirect(url_for("voting.done"), code=303)
    set_cookie(response, _cookie(), request.cookies[_cookie()], lasts=AFTER)
    return response


@pages.get("/ballot/done")
@public
def done() -> Answer:
    """Say that the ballot is in the box, and give the receipt."""
    voter = _voter()
    if voter is None or voter.receipt is None:
        return redirect(url_for("voting.show"), code=303)
    return render_template("voting/done.html", voter=voter)


@pages.post("/ballot/leave")
@public
def leave() -> Answer:
    """Let the browser be nobody's any more, for whoever sits down at it next."""
    held = request.cookies.get(_cookie(), "")
    if held and _voter() is not None:
        left = BrowserLeft(browser_hash=digest(held), spent_hash=digest(secrets.token_urlsafe(32)))

        async def decide(_: Reading) -> Decided:
            return Decision(facts=(left,))

        settle_unseen(decide)
    response = make_response(render_template("voting/left.html"))
    forget_cookie(response, _cookie())
    return response


@pages.get("/ballot/list/<id>")
@public
def published(id: str) -> Answer:  # noqa: A002
    """Show the receipts of a closed ballot to whoever has one; a list of hashes names nobody."""

    async def read(unit: Reading) -> tuple[Ballot | None, tuple[str, ...]]:
        return await ballots.ballot(unit, BallotId(id)), await ballots.published(unit, BallotId(id))

    ballot, listed = ask(read)
    if ballot is None or ballot.set_hash is None:
        abort(404)
    return render_template("voting/published.html", ballot=ballot, listed=listed, programs=programs())


@cache
def programs() -> tuple[tuple[str, str], ...]:
    """Return what seals in browsers, each file with the hash by which a changed one would be found out."""
    folder = Path(__file__).parents[1] / "static"
    return tuple((name, sha256((folder / name).read_bytes()).hexdigest()) for name in ("nacl-fast.min.js", "voting.js"))


def _cookie() -> str:
    return f"{session_cookie()}-ballot"


def _voter() -> Voter | None:
    held = request.cookies.get(_cookie(), "")
    return None if is_over(held, now=now()) else ask(lambda unit: _find(unit, held))


def _present() -> Voter | None:
    """Return the voter whose form this is, ``None`` for one that another has sat down in between."""
    voter = _voter()
    if voter is None or not hmac.compare_digest(request.form.get("voter", ""), voter.mark):
        return None
    return voter


def _refuse(refusal: Refusal | None) -> Answer:
    return render_template("voting/refused.html", refusal=refusal), 409


async def _find(unit: Reading, held: str) -> Voter | None:
    link: BallotLink | None = await ballot_links.by_browser(unit, digest(held))
    if link is None:
        return None
    ballot, elector = await ballots.ballot(unit, link.ballot), await ballots.elector(unit, link.ballot, link.member)
    member = await members.member(unit, link.member)
    if ballot is None or elector is None or member is None or member.left is not None:
        return None
    box = await ballots.cast_by(unit, ballot.id, link.member)
    held_for = await electronic_elections.of_ballot(unit, ballot.id)
    return Voter(
        name=member.name,
        ballot=ballot,
        elector=elector,
        receipt=receipt(box) if box else None,
        mark=digest(f"voter {held} {ballot.id} {link.member}"),
        others=await may_be_written_in(unit, ballot) if ballot.write_in is rules.WriteIn.ROLL else (),
        letter=held_for.consent if held_for is not None else None,
    )


def _box(ballot: Ballot) -> bytes:
    """Return the envelope that the browser sealed; where the server may, the one that it seals now."""
    sealed = request.form.get("box", "")
    if not _by_server(ballot):
        try:
            return b64decode(sealed, validate=True)
        except (binascii.Error, ValueError):
            return b""
    return seal(write_paper(_chosen(ballot)), ballot.key, ballot.length)


def _paper_of(voter: Voter, *, wrong: bool = False) -> str:
    """Show the empty paper: a ballot, or the questions of a sheet."""
    if voter.ballot.election.questions:
        return render_template("voting/sheet.html", voter=voter)
    return render_template("voting/show.html", voter=voter, wrong=wrong)


def _by_server(ballot: Ballot) -> bool:
    return "box" not in request.form and ballot.server_seal


def _too_long(ballot: Ballot, paper: Paper) -> Refusal | None:
    """Tell that what was written is too long; it is never cut off in silence."""
    if ballot.election.questions:
        fit = fits(ballot.election.questions, paper.answers or {})
        return None if fit else refused("survey.answer_too_long", most=LONGEST_TEXT)
    fit = all(len(text) <= LONGEST_NAME for text in paper.write_ins)
    return None if fit else refused("ballot.name_too_long", most=LONGEST_NAME)


def _stands(ballot: Ballot, paper: Paper) -> bool:
    """Tell whether a paper counts; a name that stands on it anyway is not written in as well."""
    again = any(rules.look_alike(text, one.name) for text in paper.write_ins for one in ballot.candidates)
    return is_valid(ballot.election, paper) and not (again and ballot.write_in is rules.WriteIn.TEXT)


def _chosen(ballot: Ballot) -> Paper:
    """Return what the form holds; a mark that does not exist is none."""
    if ballot.election.questions:
        return Paper(answers=dict(answered(ballot.election.questions)))
    said: Mapping[str, str] = {one.id: request.form.get(f"m-{one.id}", "") for one in ballot.candidates}
    marks = {name: Mark(mark) for name, mark in said.items() if mark in list(Mark)}
    if ballot.write_in is rules.WriteIn.NONE:
        return Paper(marks=marks)
    if ballot.write_in is rules.WriteIn.TEXT:
        return Paper(marks=marks, write_ins=tuple(filter(None, map(as_written, request.form.getlist("w")))))
    written = {one for one in request.form.getlist("w") if one in (ballot.election.eligible or ())}
    return Paper(marks=marks, write_ins=tuple(sorted(written)))
