"""What a room hears of a secret ballot: that it is open, how many have voted at fixed times, what came out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from content.ballots import FEWEST, Ballot
from content.decision import Say, Words, words
from content.identifiers import OrganisationId, RoomId
from content.rule_packs import SURVEY

_KEYS = {
    False: {
        "opened": "ballot.room_opened",
        "turnout": "ballot.room_turnout",
        "too_few": "ballot.room_too_few",
        "closed": "ballot.room_closed",
        "given_up": "ballot.room_given_up",
    },
    True: {
        "opened": "survey.room_opened",
        "turnout": "survey.room_turnout",
        "too_few": "survey.room_too_few",
        "closed": "survey.room_closed",
        "given_up": "survey.room_given_up",
    },
}
"""What is said of a ballot, and of a survey."""

Room = tuple[RoomId, OrganisationId]


def say(rooms: Iterable[Room], said: Words) -> tuple[Say, ...]:
    """Say something in every room whose members vote."""
    return tuple(Say(room=room, organisation=organisation, words=said) for room, organisation in rooms)


def opened(ballot: Ballot, rooms: Iterable[Room]) -> tuple[Say, ...]:
    """Say that votes may be cast, and by which hash a changed ballot would be found out."""
    said = words(
        _KEYS[ballot.election.pack is SURVEY]["opened"],
        title=ballot.title,
        closes=ballot.closes_at,
        hash=ballot.manifest_hash or "",
    )
    return say(rooms, said)


def turnout(ballot: Ballot, voted: int, rooms: Iterable[Room]) -> tuple[Say, ...]:
    """Say how many have voted, never a number so small that it would name them."""
    if voted < FEWEST:
        return ()
    return say(
        rooms,
        words(_KEYS[ballot.election.pack is SURVEY]["turnout"], title=ballot.title, n=voted, expected=ballot.expected),
    )


def closed_early(ballot: Ballot, reason: str, rooms: Iterable[Room]) -> tuple[Say, ...]:
    """Say that two organisers have closed a ballot before its time, and why."""
    return say(rooms, words("ballot.room_closed_early", title=ballot.title, reason=reason))


def closed(ballot: Ballot, voted: int, set_hash: str, rooms: Iterable[Room]) -> tuple[Say, ...]:
    """Say that no more votes are taken, and by which set of envelopes a receipt can be looked up."""
    if voted < FEWEST:
        return say(rooms, words(_KEYS[ballot.election.pack is SURVEY]["too_few"], title=ballot.title, least=FEWEST))
    said = words(
        _KEYS[ballot.election.pack is SURVEY]["closed"],
        title=ballot.title,
        n=voted,
        expected=ballot.expected,
        hash=set_hash,
    )
    return say(rooms, said)


def given_up(ballot: Ballot, rooms: Iterable[Room]) -> tuple[Say, ...]:
    """Say that votes are gone, so that the others are not counted, and what holds of a result that was told before."""
    return say(rooms, words(_KEYS[ballot.election.pack is SURVEY]["given_up"], title=ballot.title))


def counted(lines: Sequence[Words], rooms: Iterable[Room]) -> tuple[Say, ...]:
    """Say what came out, the same figures as in the record."""
    return say(rooms, words("ballot.room_result", lines=tuple(lines)))
