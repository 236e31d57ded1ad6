"""欢迎: what somebody hears who comes into a room, with its rules: in private or in the room, and never in a flood."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Effect, Fact, Refusal, Say, Tell, refused, words
from content.identifiers import OrganisationId, RoomId, UserId
from content.organisations import Organisation

LONGEST_TEXT = 500
LONGEST_RULES = 1500

WITHIN = timedelta(minutes=10)
MOST_PRIVATE = 10
"""How many are greeted in private within that time in one room; in a room itself it is one greeting for all of them."""


class Way(StrEnum):
    """Where a greeting is said."""

    PRIVATE = "private"
    ROOM = "room"


class Greeting(Struct, frozen=True, kw_only=True):
    """What a node says to whoever comes into a room there or below; ``rules`` are those of its rooms."""

    organisation: OrganisationId
    text: str
    rules: str
    way: Way
    by: UserId
    at: datetime


class GreetingSet(Fact, frozen=True, kw_only=True):
    """A node greets whoever comes in."""

    organisation: OrganisationId
    greeting: Greeting


class GreetingDropped(Fact, frozen=True, kw_only=True):
    """A node greets no more by itself; what is set above it holds."""

    organisation: OrganisationId


class Greeted(Fact, frozen=True, kw_only=True):
    """Somebody came into a room and was greeted, or passed over in a wave of many."""

    room: RoomId
    user: UserId
    at: datetime


def choose(node: Organisation, text: str, rules: str, way: str, *, by: UserId, now: datetime) -> Decision | Refusal:
    """Set what a node says, or with nothing to say let it be."""
    text, rules = text.strip(), rules.strip()
    if not text and not rules:
        return Decision(facts=(GreetingDropped(organisation=node.id),))
    if way not in frozenset(Way):
        return refused("greetings.no_way", field="way")
    for field, said, most in (("text", text, LONGEST_TEXT), ("rules", rules, LONGEST_RULES)):
        if len(said) > most:
            return refused("greetings.too_long", field=field, most=most)
    greeting = Greeting(organisation=node.id, text=text, rules=rules, way=Way(way), by=by, at=now)
    return Decision(facts=(GreetingSet(organisation=node.id, greeting=greeting),))


def greet(
    greeting: Greeting | None, *, room: RoomId, at: OrganisationId, user: UserId, lately: int, now: datetime
) -> Decision | None:
    """Greet who came in; ``lately`` are those who came in before them within ten minutes."""
    if greeting is None:
        return None
    key = "greetings.said_both" if greeting.text and greeting.rules else "greetings.said_one"
    said = words(key, text=greeting.text or greeting.rules, rules=greeting.rules)
    effects: tuple[Effect, ...] = ()
    if greeting.way is Way.ROOM and not lately:
        effects = (Say(room=room, organisation=at, words=said),)
    elif greeting.way is Way.PRIVATE and lately < MOST_PRIVATE:
        effects = (Tell(user=user, words=said, unasked=True),)
    return Decision(facts=(Greeted(room=room, user=user, at=now),), effects=effects)
