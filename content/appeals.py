"""Appeals: what a person says against a measure, and the look of somebody who had no part in it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from msgspec.structs import replace

from content.decision import Decision, Refusal, Secret, Tell, refused, words
from content.identifiers import UserId
from content.ladder import lifted
from content.sanctions import Appeal, AppealAnswered, AppealMade, Sanction, State, named

LONGEST_APPEAL = 1000

LONGEST_ANSWER = 500

APPEAL_WITHIN = timedelta(days=30)
"""How long after it began a person may appeal against a measure."""


def appeal(
    sanction: Sanction, text: str, *, reviewers: Collection[UserId], console: str, now: datetime
) -> Decision | Refusal:
    """Take what a person says against a measure; ``reviewers`` are those who had no part in it."""
    text = text.strip()
    if not text:
        return refused("appeal.say_why")
    if len(text) > LONGEST_APPEAL:
        return refused("appeal.too_long", most=LONGEST_APPEAL)
    if sanction.appeal is not Appeal.NONE:
        return refused("appeal.made_already" if sanction.appeal is Appeal.MADE else "appeal.answered_already")
    if sanction.state is State.LIFTED:
        return refused("sanction.lifted_already")
    if sanction.state not in (State.ACTIVE, State.ENDED) or now >= sanction.at + APPEAL_WITHIN:
        return refused("appeal.too_late", days=APPEAL_WITHIN.days)
    made = AppealMade(sanction=replace(sanction, appeal=Appeal.MADE), text=text, at=now)
    told = words("appeal.to_review", number=sanction.number, step=named(sanction), address=console)
    asked = tuple(Tell(user=one, words=told, unasked=True) for one in sorted(reviewers))
    said = words("appeal.taken" if reviewers else "appeal.taken_nobody_yet")
    return Decision(facts=(made,), effects=(Tell(user=sanction.user, words=said), *asked))


def answer_appeal(
    sanction: Sanction, answer: str, *, grant: bool, by: UserId, may: Collection[UserId], now: datetime
) -> Decision | Refusal:
    """Look at a measure again: it stays, or it is lifted. ``may`` are those who had no part in it."""
    answer = answer.strip()
    if sanction.appeal is not Appeal.MADE:
        return refused("appeal.none_waits")
    if by not in may:
        return refused("appeal.not_yours")
    if not answer:
        return refused("appeal.answer_why", field="answer")
    if len(answer) > LONGEST_ANSWER:
        return refused("appeal.answer_too_long", field="answer", most=LONGEST_ANSWER)
    outcome = Appeal.GRANTED if grant else Appeal.UPHELD
    after = replace(sanction, appeal=outcome)
    fact = AppealAnswered(sanction=after, outcome=outcome, answer=answer, by=by, at=now)
    told = words(f"appeal.{outcome}", step=named(sanction), answer=Secret(answer))
    if not grant or sanction.state is State.LIFTED:
        return Decision(facts=(fact,), effects=(Tell(user=sanction.user, words=told),))
    undone = lifted(after, answer, told, by=by, now=now)
    return Decision(facts=(fact, *undone.facts), effects=undone.effects)
