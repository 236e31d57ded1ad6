"""What pages behind a private link have in common: a code as it is typed, a visit without a trace, a form's answers."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from hashlib import sha256

from flask import abort, request

from console.desk import cause, desk
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
