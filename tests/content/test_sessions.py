"""A sign-in link works once and not for long; a session ends by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from content.decision import Decision, Refusal
from content.identifiers import UserId
from content.sessions import (
    FRESH,
    IDLE,
    LINK_LASTS,
    LONGEST,
    Level,
    Link,
    Session,
    SessionRenewed,
    SignedIn,
    is_alive,
    is_fresh,
    level_of,
    prove,
    sign_in,
)

NOW = datetime(2026, 7, 1, tzinfo=UTC)
LINK = Link(token_hash="t", user=UserId("@who:test"), expires_at=NOW + timedelta(minutes=15), used=False)

SESSION = Session(id_hash="s", user=LINK.user, csrf="c", made_at=NOW, seen_at=NOW)


def refusal(link: Link | None, now: datetime = NOW) -> str:
    answer = sign_in(link, SESSION, now=now)
    return answer.words.key if isinstance(answer, Refusal) else "signed in"


def test_a_link_becomes_a_session_of_its_person() -> None:
    assert sign_in(LINK, SESSION, now=NOW) == Decision(facts=(SignedIn(token_hash="t", session=SESSION),))


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


@pytest.mark.parametrize("level", [Level.FIRST, Level.ENROLLING])
def test_a_session_that_is_not_in_yet_lasts_as_long_as_a_link(level: Level) -> None:
    young = replace(SESSION, level=level)
    assert is_alive(young, now=NOW + LINK_LASTS - timedelta(seconds=1))
    assert not is_alive(young, now=NOW + LINK_LASTS)


@pytest.mark.parametrize(
    ("enrolled", "has_factor", "demanded", "proved", "level"),
    [
        (False, False, False, False, Level.FULL),
        (False, False, True, False, Level.ENROLLING),
        (True, True, False, False, Level.FIRST),
        (True, True, True, False, Level.FIRST),
        (True, True, True, True, Level.FULL),
        (True, False, True, False, Level.FIRST),
        (True, False, True, True, Level.ENROLLING),
        (True, False, False, True, Level.FULL),
    ],
)
def test_what_one_has_must_be_shown_and_what_one_must_have_set_up(
    enrolled: bool, has_factor: bool, demanded: bool, proved: bool, level: Level
) -> None:
    assert level_of(enrolled=enrolled, has_factor=has_factor, demanded=demanded, proved=proved) is level


def test_proving_oneself_renews_the_session_and_is_fresh_for_minutes() -> None:
    """S3, S13."""
    (fact,) = prove(SESSION, "new", now=NOW).facts
    assert isinstance(fact, SessionRenewed)
    assert (fact.id_hash, fact.session.id_hash, fact.session.made_at) == ("s", "new", SESSION.made_at)
    assert is_fresh(fact.session, now=NOW + FRESH - timedelta(seconds=1))
    assert not is_fresh(fact.session, now=NOW + FRESH)
    assert not is_fresh(SESSION, now=NOW)
