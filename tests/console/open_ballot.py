"""A secret ballot that is open at the console, and a link for one of its voters."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from msgspec.structs import asdict
from werkzeug.test import TestResponse

from content.ballot_links import BallotLinkAsked
from content.ballot_papers import sealed_length
from content.elections import Election
from content.identifiers import MemberId
from content.shares import combine
from storage import ballots
from storage.envelopes import open_envelope
from tests import electronic_votes
from tests.console.console_house import Browser, House
from tests.sealed_ballots import ID, ballot, ceremony, draft, issue, open_voting, roll

VOTER, OTHER = (one.member for one in roll()[:2])
CODE = "123456"


def open_ballot(house: House, **more: Any) -> None:
    """Open a ballot among six, in which two stand for one seat."""
    place = house.seeded.organisations["one"]
    house.run(draft(house.store, organisation=place, closes_at=house.store.now() + timedelta(days=1), **more))
    house.run(open_voting(house.store))


def hold_election(house: House) -> None:
    """Prepare the vote of an election that only who is in the room may cast; nobody is there yet."""
    place = house.seeded.organisations["one"]
    closes = house.store.now() + timedelta(days=1)
    house.run(electronic_votes.prepare(house.store, organisation=place, closes_at=closes))


def open_election(house: House) -> None:
    """Open the vote to whoever is there."""
    house.run(open_voting(house.store, house.run(electronic_votes.admitted(house.store))))


def link_to(house: House, token: str = "token-of-the-link", *, member: MemberId = VOTER, asked: bool = False) -> str:
    """Give a voter, the first where none is named, a link, and return its path; ``asked`` for, or as all are sent."""
    issued = issue(member, token, house.store.now())
    fact = BallotLinkAsked(**asdict(issued)) if asked else issued
    house.run(house.store.settle(notes=[fact]))
    return f"/ballot/enter/{token}"


def come_in(browser: Browser, path: str, code: str = CODE) -> TestResponse:
    """Press the button of a link, with its code."""
    return browser.post(path, {**browser.marks(path), "code": code})


def form(browser: Browser) -> dict[str, str]:
    """Return the hidden fields of the ballot as it stands on the voter's page."""
    page = browser.get("/ballot").get_data(as_text=True)
    (mark,) = set(re.findall(r'name="voter" value="([^"]+)"', page)) or {""}
    return {**browser.marks("/ballot"), "voter": mark}


def in_the_box(house: House, member: MemberId = VOTER, *, length: Election | None = None) -> bytes | None:
    """Return what a voter's envelope holds, as the tellers together could see it."""
    box = house.run(house.store.read(lambda unit: ballots.cast_by(unit, ID, member)))
    size = sealed_length(length) if length else ballot().length
    return open_envelope(box, combine(ceremony().shares), size) if box else None
