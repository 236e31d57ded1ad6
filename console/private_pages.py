"""What pages behind a private link have in common: a code as it is typed, a visit without a trace, a form's answers."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from hashlib import sha256

from flask import abort, redirect, render_template, request, url_for

from console.access import set_cookie
from console.answering import Answer
from console.desk import ask, cause, desk
from content.ballot_links import MOST_TRIES, SITTING, LinkMissed
from content.decision import Decision, Refusal, refused
from content.identifiers import Cause
from content.questions import Question, Sort, plain
from storage.audit import UNRECORDED
from storage.store import Decide, Outcome, Step


def settle_unseen(decide: Decide) -> Outcome:
    """Settle what somebody does there: nobody is behind it as far as any record knows, and its cause is a hash."""
    step = Step(cause=Cause(f"{UNRECORDED}{sha256(cause().encode()).hexdigest()}"), decide=decide)
    (outcome,) = desk().bridge(desk().store.settle([step]))
    if outcome.failed:
        abort(500)
    return outcome


def let_in(decide: Decide, pages: str, token: str, *, cookie: str, secret: str) -> Answer:
    """Let a browser in by a link and its code, to pages of this name, or say why not; ``secret`` is what it keeps."""
    # A look comes first, because a refusal that is settled leaves rows, and anybody may post here.
    unsettled = ask(decide)
    if isinstance(unsettled, Refusal):
        return _turned_away(pages, unsettled)
    outcome = settle_unseen(decide)
    if outcome.refusal is not None or outcome.repeated or outcome.answer is None:
        return _turned_away(pages, outcome.refusal)
    if isinstance(outcome.answer, Decision) and any(isinstance(one, LinkMissed) for one in outcome.answer.facts):
        wrong = refused("ballot.wrong_code", most=MOST_TRIES)
        return render_template(f"{pages}/offer.html", token=token, refusal=wrong), 409
    response = redirect(url_for(f"{pages}.show"), code=303)
    set_cookie(response, cookie, secret, lasts=SITTING)
    return response


def _turned_away(pages: str, refusal: Refusal | None) -> Answer:
    return render_template(f"{pages}/refused.html", refusal=refusal), 409


def digits(typed: str) -> str:
    """Return the digits of a code, however they were typed."""
    return "".join(str(unicodedata.digit(one)) for one in typed if one.isdecimal())


def answered(questions: Iterable[Question]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what was answered of each question that was not left out; an option that does not exist is none."""
    for one in questions:
        said = [plain(text) for text in request.form.getlist(f"q-{one.id}")]
        if one.sort is Sort.OPEN:
            kept = tuple(text for text in said[:1] if text)
        else:
            kept = tuple(number for number in one.numbers if number in said)
            kept = kept if one.sort is Sort.MULTIPLE else kept[:1]
        if kept:
            yield one.id, kept
