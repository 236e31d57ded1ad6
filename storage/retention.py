"""What is forgotten by itself: things that have had their use, after times that are written here and nowhere else."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from content.decision import Fact
from content.sessions import LONGEST
from storage import (
    approvals,
    audit,
    away,
    ballot_links,
    cleanings,
    complaint_contexts,
    complaints,
    counted_messages,
    credentials,
    edits,
    exports,
    greetings,
    guards,
    help_cases,
    hours,
    inquiries,
    knocks,
    lecture_questions,
    locks,
    looks,
    meeting_drafts,
    meetings,
    misreadings,
    mutes,
    pledge_questions,
    policies,
    practice,
    record_lines,
    rehearsals,
    sanctions,
    session_choices,
    sign_ups,
    thought_reports,
    throttling,
)
from storage.checkins import forget_people
from storage.corrections import forget_words
from storage.imports import forget_replaced
from storage.members import binding_codes
from storage.outbox import DISCREET, Kind, State, outbox
from storage.polls import forget_votes
from storage.rooms import forget_invitations
from storage.sessions import sessions, sign_in_links
from storage.shelf import forget_shelved
from storage.sync import dead_letters, unreadable
from storage.unit import Writing
from storage.verification import forget_old

DEAD_LETTERS = timedelta(days=14)
UNREADABLE = timedelta(days=30)
SPENT_SECRETS = timedelta(days=1)
"""How long a link or a code that no longer works is remembered, so that it can be said why."""
INVITATIONS = timedelta(days=30)
"""How long it is remembered who brought the bot into a room that is gone by now, or has an owner."""
UNSENT_WORDS = timedelta(days=30)
"""How long an answer to a person that could not be sent keeps its words."""
DELIVERED = timedelta(days=90)
"""How long it is remembered that an answer to a person was sent; longer than one can make up."""
RECORD = timedelta(days=3 * 365)
"""How long the record says who did something and to whom; that it was done stays in it for good."""
ATTENDANCE = timedelta(days=3 * 365)
"""How long it is remembered who answered what; the counts of branches stay."""
QUESTIONS = timedelta(days=365)
"""How long questions to lectures are kept."""
DEPARTED = timedelta(days=365)
"""How long it is kept where somebody was who has left the roster while they were away."""
OCCURRENCES_AT_ONCE = 20
MOST_AT_ONCE = 5000
"""So many rows of those are forgotten at a time, so that others get the writer's place in between."""


class Swept(Fact, frozen=True, kw_only=True):
    """The time has come to forget what is past its use."""

    at: datetime


async def write_swept(unit: Writing, fact: Swept) -> None:
    """Forget what is past its use."""
    spent = fact.at - SPENT_SECRETS
    await unit.execute(dead_letters.delete().where(dead_letters.c.at < fact.at - DEAD_LETTERS))
    await unit.execute(unreadable.delete().where(unreadable.c.at < fact.at - UNREADABLE))
    await unit.execute(sign_in_links.delete().where(sign_in_links.c.expires_at < spent))
    await unit.execute(binding_codes.delete().where(binding_codes.c.expires_at < spent))
    await unit.execute(sessions.delete().where(sessions.c.made_at < fact.at - LONGEST))
    finished = outbox.c.state.in_([State.FAILED, State.CANCELLED])
    old = outbox.c.done_at < fact.at - UNSENT_WORDS
    await forget_votes(unit, fact.at)
    await sign_ups.forget_past(unit, fact.at)
    await meeting_drafts.forget_past(unit, fact.at)
    await forget_invitations(unit, fact.at - INVITATIONS)
    await forget_shelved(unit, fact.at)
    await exports.forget_past(unit, fact.at)
    await forget_replaced(unit, fact.at)
    await edits.forget_replaced(unit, fact.at)
    delivered = (
        select(outbox.c.number)
        .where(
            outbox.c.state == State.SENT,
            outbox.c.not_before < fact.at - DELIVERED,
            outbox.c.done_at < fact.at - DELIVERED,
            outbox.c.kind == Kind.TELL,
        )
        .order_by(outbox.c.not_before)
        .limit(MOST_AT_ONCE)
    )
    await unit.execute(outbox.delete().where(outbox.c.number.in_(delivered)))
    await meetings.keep_figures(unit, fact.at - ATTENDANCE)
    await forget_people(unit, fact.at - ATTENDANCE, most=OCCURRENCES_AT_ONCE)
    await session_choices.forget_past(unit, fact.at - ATTENDANCE)
    await counted_messages.forget_past(unit, fact.at, fact.at - ATTENDANCE)
    await hours.forget_past(unit, (fact.at - ATTENDANCE).date())
    await forget_old(unit, fact.at - RECORD, most=MOST_AT_ONCE)
    await forget_words(unit, fact.at)
    await approvals.forget_past(unit, fact.at)
    await credentials.forget_past(unit, fact.at)
    await throttling.forget_past(unit, fact.at)
    await mutes.forget_past(unit, fact.at)
    await ballot_links.forget_past(unit, fact.at)
    await audit.forget_quiet(unit, fact.at)
    await inquiries.forget_past(unit, fact.at)
    await practice.forget_past(unit, fact.at)
    await record_lines.forget_past(unit, fact.at)
    await lecture_questions.forget_past(unit, (fact.at - QUESTIONS).date())
    await lecture_questions.write_anew(unit, fact.at.date())
    await help_cases.forget_past(unit, fact.at)
    await help_cases.write_anew(unit, fact.at.date())
    await pledge_questions.forget_past(unit, fact.at)
    await misreadings.forget_past(unit, fact.at)
    await thought_reports.forget_past(unit, fact.at)
    await away.forget_departed(unit, fact.at - DEPARTED)
    await looks.forget_past(unit, fact.at)
    await sanctions.forget_past(unit, fact.at)
    await complaints.forget_past(unit, fact.at)
    await guards.forget_past(unit, fact.at)
    await rehearsals.forget_past(unit, fact.at)
    await complaint_contexts.forget_past(unit, fact.at)
    await locks.forget_past(unit, fact.at)
    await cleanings.forget_past(unit, fact.at)
    await knocks.forget_past(unit, fact.at)
    await policies.forget_past(unit, fact.at)
    await greetings.forget_past(unit, fact.at)
    await unit.execute(outbox.delete().where(finished, old, outbox.c.subject == DISCREET))
    await unit.execute(outbox.update().where(finished, old, outbox.c.words.is_not(None)).values(words=None))
