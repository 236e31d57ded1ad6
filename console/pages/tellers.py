"""What the tellers of a secret ballot do, each in their own session: prove, agree, open the box together, confirm."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, abort, render_template, request

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, desk, settle
from console.fresh import fresh
from console.pages.ballots import names_on, read_names, visible_ballot
from console.wording import today
from content import ballot_news, tellers, write_ins
from content import ballots as rules
from content.ballot_files import Share, read_box, read_share, write_box
from content.ballots import Ballot, BallotCertified
from content.counts import brief, describe
from content.decision import Decision, Fact, Refusal, refused
from content.election_cases import Unusable
from content.electronic_elections import take_over
from content.identifiers import BallotId, MemberId
from content.organisations import Right
from content.tellers import CountConfirmed
from content.write_ins import Written
from storage import ballots as stored
from storage import electronic_elections, members, paper_elections
from storage import write_ins as stored_write_ins
from storage.envelopes import challenge
from storage.opening import NamesOpen, NotOpened, open_box
from storage.store import Answer as Decided
from storage.store import Decide
from storage.unit import Reading

pages = Blueprint("tellers", __name__)


@pages.post("/ballots/<id>/ask")
@requires(Right.COUNT_BALLOTS)
@fresh
def ask_me(id: str) -> Answer:  # noqa: A002
    """Seal something for the teller who is signed in, and show it to them."""
    ballot = visible_ballot(id)
    mine = tellers.teller_of(ballot, ask(_me()))
    if mine is None:
        return _refuse(refused("ballot.not_a_teller"), id)
    asked, sealed = challenge(mine.share_key)
    outcome = settle(_mine(id, lambda one, me: tellers.ask_possession(one, me, asked)), actor=here().user)
    if outcome.refusal is not None or outcome.repeated:
        return onward(outcome, to=link("ballots.show_one", id=id), done="repeated")
    return render_template("ballots/ask.html", ballot=ballot, teller=mine, sealed=sealed.hex())


@pages.post("/ballots/<id>/prove")
@requires(Right.COUNT_BALLOTS)
@fresh
def prove(id: str) -> Answer:  # noqa: A002
    """Take the answer of the teller who is signed in."""
    answer = _hex(request.form.get("answer", ""))
    outcome = settle(_mine(id, lambda one, me: tellers.prove(one, me, answer)), actor=here().user)
    return onward(outcome, to=link("ballots.show_one", id=id), done="share_proven")


@pages.post("/ballots/<id>/agree")
@requires(Right.COUNT_BALLOTS)
@fresh
def agree(id: str) -> Answer:  # noqa: A002
    """Agree to the opening, as the teller who is signed in."""
    outcome = settle(_mine(id, tellers.agree), actor=here().user)
    return onward(outcome, to=link("ballots.show_one", id=id), done="ballot_agreed")


@pages.get("/ballots/<id>/box.json")
@requires(Right.COUNT_BALLOTS)
@fresh
def download(id: str) -> Answer:  # noqa: A002
    """Give the closed box out to a teller, once as many as it takes have agreed to open it."""
    ballot = visible_ballot(id)
    if not rules.may_be_opened(ballot):
        abort(404)
    refusal = _refuse_opening(ballot)
    if refusal is not None:
        return _refuse(refusal, id)
    boxes = ask(lambda unit: stored.boxes(unit, ballot.id))
    written = json.dumps(write_box(ballot, boxes, names_on(ballot)))
    response = Response(written, content_type="application/json; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="zhibu-ballot-{ballot.id}.json"'
    return response


@pages.post("/ballots/<id>/count")
@requires(Right.COUNT_BALLOTS)
@fresh
def count(id: str) -> Answer:  # noqa: A002
    """Open the box with the shares of the tellers who agreed, in memory only, and keep the totals."""
    ballot, back = visible_ballot(id), link("ballots.show_one", id=id)
    refusal = rules.not_now(ballot) if not rules.may_be_opened(ballot) else _refuse_opening(ballot)
    if refusal is not None:
        return _refuse(refusal, id)
    boxes = ask(lambda unit: stored.boxes(unit, ballot.id))
    meant = write_ins.decided(ask(lambda unit: stored_write_ins.written(unit, ballot.id)))
    try:
        opened = open_box(read_box(write_box(ballot, boxes)), _shares(ballot), meant)
    except NotOpened as closed:
        return _refuse(Refusal(words=closed.words), id)
    except NamesOpen as found:
        texts = found.texts
        outcome = settle(_on_names(id, lambda one, known: write_ins.find(one, texts, known)), actor=here().user)
        return onward(outcome, to=back, done="names_found")
    outcome = settle(
        _on_names(id, lambda one, known: write_ins.keep_count(one, opened.result, opened.hash, known, meant)),
        actor=here().user,
    )
    if outcome.refusal is not None or outcome.repeated:
        return onward(outcome, to=back, done="repeated")
    asked, names = ballot.election.questions, names_on(ballot)
    lines = tuple(describe(ballot.title, ballot.election.pack, ballot.attendance, opened.result, names, asked))
    return render_template("ballots/counted.html", ballot=ballot, lines=lines)


@pages.post("/ballots/<id>/names")
@requires(Right.COUNT_BALLOTS)
@fresh
def decide_names(id: str) -> Answer:  # noqa: A002
    """Say whom the names mean that were written in, as the teller who is signed in."""
    said, me = request.form.to_dict(), _me()

    async def decide(unit: Reading, ballot: Ballot, known: Sequence[Written]) -> Decided:
        meant = {one.text: said[f"meant-{place}"] for place, one in enumerate(known) if said.get(f"meant-{place}")}
        return write_ins.decide(ballot, await me(unit), known, meant)

    outcome = settle(_with_names(id, decide), actor=here().user)
    return onward(outcome, to=link("ballots.show_one", id=id), done="names_decided")


@pages.post("/ballots/<id>/certify")
@requires(Right.COUNT_BALLOTS)
@fresh
def confirm(id: str) -> Answer:  # noqa: A002
    """Stand by a count, as the teller who is signed in; the last that it takes lets the room know."""
    day, me, roots = today(), _me(), here().roots

    async def decide(unit: Reading) -> Decided:
        ballot = await stored.visible(unit, roots, BallotId(id))
        if ballot is None:
            return None
        answer = tellers.confirm(ballot, await me(unit), today=day)
        figures = await stored.result(unit, ballot.id)
        if isinstance(answer, Refusal) or not any(isinstance(fact, BallotCertified) for fact in answer.facts):
            return answer
        of = ballot.attendance
        names = await read_names(unit, ballot)
        lines = tuple(brief(ballot.title, names, figures or {}, expected=of.expected, returned=of.returned))
        rooms = await stored.voters_rooms(unit, ballot)
        means = await _for_election(unit, ballot, answer, names)
        return Decision(facts=(*answer.facts, *means), effects=ballot_news.counted(lines, rooms))

    outcome = settle(decide, actor=here().user)
    facts = outcome.answer.facts if isinstance(outcome.answer, Decision) else ()
    certified = any(isinstance(fact, BallotCertified) for fact in facts)
    if certified and visible_ballot(id).write_in is rules.WriteIn.TEXT:
        # What was written in by hand is gone with this, from the log of the database too.
        desk().bridge(desk().store.forget_deleted())
    return onward(outcome, to=link("ballots.show_one", id=id), done="ballot_confirmed")


@pages.post("/ballots/<id>/destroyed")
@requires(Right.COUNT_BALLOTS)
@fresh
def destroyed(id: str) -> Answer:  # noqa: A002
    """Say that one's own share is destroyed."""
    day = today()
    outcome = settle(_mine(id, lambda one, me: tellers.destroy_share(one, me, today=day)), actor=here().user)
    return onward(outcome, to=link("ballots.show_one", id=id), done="share_destroyed")


async def _for_election(
    unit: Reading, ballot: Ballot, confirmed: Decision, names: Mapping[str, str]
) -> tuple[Fact, ...]:
    """Return what a certified count means for the election that was voted on by it."""
    known = await electronic_elections.of_ballot(unit, ballot.id)
    paper = await paper_elections.paper(unit, known.paper) if known is not None else None
    if paper is None:
        return ()
    standing = {one.index for one in ballot.tellers if one.confirmed}
    standing |= {fact.index for fact in confirmed.facts if isinstance(fact, CountConfirmed)}
    return take_over(paper, ballot, await stored.judged(unit, ballot), confirmed=sorted(standing), names=names)


def _me() -> Callable[[Reading], Any]:
    """Return how the member is found who is signed in."""
    user = here().user

    async def find(unit: Reading) -> MemberId | None:
        found = await members.by_user(unit, user)
        return found.id if found is not None and found.left is None else None

    return find


def _mine(id: str, verb: Callable[[Ballot, MemberId | None], Decided]) -> Decide:  # noqa: A002
    """Return how a step is decided that a teller takes for themselves."""
    roots, me = here().roots, _me()

    async def decide(unit: Reading) -> Decided:
        ballot = await stored.visible(unit, roots, BallotId(id))
        return None if ballot is None else verb(ballot, await me(unit))

    return decide


def _with_names(
    id: str,  # noqa: A002
    verb: Callable[[Reading, Ballot, Sequence[Written]], Awaitable[Decided]],
) -> Decide:
    """Return how something is decided of a ballot in which names may have been written."""
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        ballot = await stored.visible(unit, roots, BallotId(id))
        return None if ballot is None else await verb(unit, ballot, await stored_write_ins.written(unit, ballot.id))

    return decide


def _on_names(id: str, verb: Callable[[Ballot, Sequence[Written]], Decided]) -> Decide:  # noqa: A002
    async def decide(_: Reading, ballot: Ballot, known: Sequence[Written]) -> Decided:
        return verb(ballot, known)

    return _with_names(id, decide)


def _refuse_opening(ballot: Ballot) -> Refusal | None:
    if tellers.teller_of(ballot, ask(_me())) is None:
        return refused("ballot.not_a_teller")
    if len(tellers.agreed(ballot)) < ballot.needed:
        return refused("ballot.not_agreed", least=ballot.needed)
    return rules.refuse_changed(ballot)


def _refuse(refusal: Refusal, id: str) -> Answer:  # noqa: A002
    return render_template("frame/refused.html", refusal=refusal, back=link("ballots.show_one", id=id)), 409


def _shares(ballot: Ballot) -> list[Share]:
    """Return the shares of the form. Raises NotOpened for one that is none, or whose teller has not agreed."""
    found = []
    for text in request.form.getlist("share"):
        if text.strip():
            try:
                found.append(read_share(json.loads(text)))
            except (Unusable, ValueError, RecursionError):
                raise NotOpened("ballot.no_share") from None
    for one in found:
        if one.index not in tellers.agreed(ballot):
            raise NotOpened("ballot.share_without_teller", index=one.index)
    return found


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.strip())
    except ValueError:
        return b""
