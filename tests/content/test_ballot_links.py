"""Links to ballots: each ends by itself, and what is kept of it does not say when it was sent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from content.ballot_links import (
    LASTS,
    BallotLink,
    BallotLinkAsked,
    BallotLinkIssued,
    enter,
    hash_secret,
    invite,
    invited,
    lasts_until,
    link_is_over,
)
from content.ballots import State
from content.decision import Decision, Refusal
from content.identifiers import MemberId, UserId
from tests.sealed_ballots import ballot
from tests.small_branch import NOON

MEMBER, USER = MemberId("voter00"), UserId("@voter00:test")
NOW = NOON.replace(hour=7, minute=53, second=41)
OPEN = replace(ballot(closes_at=NOON + timedelta(days=3)), state=State.OPEN)


@pytest.mark.parametrize(("asked", "kind"), [(True, BallotLinkAsked), (False, BallotLinkIssued)])
def test_a_link_ends_after_a_day_and_what_is_kept_of_it_names_a_day_alone(asked: bool, kind: type) -> None:
    """L5: the end of a link would say when somebody asked for it."""
    until = lasts_until(OPEN, NOW)
    person = invited(MEMBER, USER, origin="https://c.test", token="token", noise="noise", until=until)
    sent = invite(OPEN, (person,), now=NOW, asked=asked)
    assert isinstance(sent, Decision)
    (fact,) = sent.facts
    assert isinstance(fact, kind)
    token = str(person.link).rpartition("/")[2]
    assert fact.token_hash == hash_secret(token)  # type: ignore[attr-defined]
    assert fact.expires_at == (NOW + LASTS).replace(hour=0, minute=0, second=0) + timedelta(days=1)  # type: ignore[attr-defined]
    assert not link_is_over(token, now=NOW + LASTS - timedelta(seconds=1))
    assert link_is_over(token, now=NOW + LASTS)
    later = f"token.{int((NOW + 2 * LASTS).timestamp())}"
    assert (link_is_over(later, now=NOW + LASTS), hash_secret(later) == fact.token_hash) == (False, False)  # type: ignore[attr-defined]


def test_a_link_that_has_come_to_its_end_lets_nobody_in() -> None:
    kept = BallotLink(
        ballot=OPEN.id, member=MEMBER, code_hash="code", tries=0, expires_at=NOW + timedelta(days=2), used=False
    )
    given = {"token_hash": "t", "code_hash": "code", "browser_hash": "b", "signed_in": None, "owner": USER, "now": NOW}
    assert isinstance(enter(kept, **given), Decision)  # type: ignore[arg-type]
    late = enter(kept, **given, over=True)  # type: ignore[arg-type]
    assert isinstance(late, Refusal)
    assert late.words.key == "ballot.link_expired"


def test_no_link_outlasts_its_ballot() -> None:
    assert lasts_until(OPEN, OPEN.closes_at - timedelta(hours=1)) == OPEN.closes_at
