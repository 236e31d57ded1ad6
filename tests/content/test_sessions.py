"""A sign-in link works once and not for long; a session ends by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from content.decision import Decision, Refusal
from content.identifiers import UserId
from content.sessions import IDLE, LONGEST, Link, Session, SignedIn, is_alive, sign_in

NOW = datetime(2026, 7, 1, tzinfo=UTC)
LINK = Link(token_hash="t", user=UserId("@who:test"), expires_at=NOW + timedelta(minutes=15), used=False)


def refusal(link: Link | None, now: datetime = NOW) -> str:
    answer = sign_in(link, "s", "c", now=now)
    return answer.words.key if isinstance(answer, Refusal) else "signed in"


def test_a_link_becomes_a_session_of_its_person() -> None:
    session = Session(id_hash="s", user=LINK.user, csrf="c", made_at=NOW, seen_at=NOW)
    assert sign_in(LINK, "s", "c", now=NOW) == Decision(facts=(SignedIn(token_hash="t", session=session),))


def test_a_link_that_is_used_unknown_or_over_opens_nothing() -> None:
    assert refusal(None) == refusal(replace(LINK, used=True)) == "sign_in.used"
    assert refusal(LINK, LINK.expires_at) == "sign_in.expired"
    assert refusal(LINK, LINK.expires_at - timedelta(seconds=1)) == "signed in"


@pytest.mark.parametrize(
    ("idle", "age", "alive"),
    [
        (timedelta(0), timedelta(0), True),
        (IDLE - timedelta(seconds=1), IDLE, True),
        (IDLE, IDLE, False),
        (timedelta(0), LONGEST - timedelta(seconds=1), True),
        (timedelta(0), LONGEST, False),
    ],
)
def test_a_session_ends_when_idle_and_at_the_latest_after_half_a_day(
    idle: timedelta, age: timedelta, alive: bool
) -> None:
    session = Session(id_hash="s", user=LINK.user, csrf="c", made_at=NOW - age, seen_at=NOW - idle)
    assert is_alive(session, now=NOW) is alive
