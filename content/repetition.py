"""When to be asked again what one got wrong: spaced repetition by FSRS, without chance and in days, not minutes."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

KNOWN = timedelta(days=21)
"""Who is not asked again for so long knows it."""


class Memory(Struct, frozen=True, kw_only=True):
    """What FSRS makes of one person's answers to one item, and when it is due again."""

    stability: float
    difficulty: float
    reviewed: datetime
    due: datetime


def remember(before: Memory | None, *, right: bool, now: datetime) -> Memory:
    """Return what is made of one more answer."""
    # Two hundred formulas that only who practises needs.
    from fsrs import Card, Rating, Scheduler, State

    scheduler = Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)
    card = Card(card_id=0, due=now)
    if before is not None:
        card = Card(
            card_id=0,
            state=State.Review,
            stability=before.stability,
            difficulty=before.difficulty,
            due=before.due,
            last_review=before.reviewed,
        )
    card, _ = scheduler.review_card(card, Rating.Good if right else Rating.Again, now)
    assert card.stability is not None
    assert card.difficulty is not None
    return Memory(stability=card.stability, difficulty=card.difficulty, reviewed=now, due=card.due)
