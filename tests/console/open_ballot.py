"""A secret ballot that is open at the console, and a link for one of its voters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from console.access import digest
from content.ballot_links import LASTS, BallotLinkIssued
from content.shares import combine
from storage import ballots
from storage.envelopes import open_envelope
from tests.console.console_house import House
from tests.sealed_ballots import ID, ballot, ceremony, draft, open_voting, roll

VOTER = roll()[0].member


def open_ballot(house: House, **more: Any) -> None:
    """Open a ballot among six, in which two stand for one seat."""
    place = house.seeded.organisations["one"]
    house.run(draft(house.store, organisation=place, closes_at=house.store.now() + timedelta(days=1), **more))
    house.run(open_voting(house.store))


def link_to(house: House, token: str = "token-of-the-link") -> str:
    """Give the first voter a link, and return its path."""
    issued = BallotLinkIssued(
        token_hash=digest(token), ballot=ID, member=VOTER, expires_at=house.store.now() + LASTS - timedelta(hours=1)
    )
    house.run(house.store.settle(notes=[issued]))
    return f"/ballot/enter/{token}"


def in_the_box(house: House) -> bytes | None:
    """Return what the first voter's envelope holds, as the tellers together could see it."""
    box = house.run(house.store.read(lambda unit: ballots.cast_by(unit, ID, VOTER)))
    return open_envelope(box, combine(ceremony().shares), ballot().length) if box else None
