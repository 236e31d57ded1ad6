"""What guards see in a room: the same look at what is said now, at what was said lately, and at samples in a box.

What is counted (floods, repeats, joins) is remembered for a few minutes, in memory only, and nothing of what is said:
of a text a fingerprint. After a restart everybody begins anew. Seeing an event a second time comes to the same.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from content import patterns
from content.folding import Folded, Phrase, fold, holds, phrase, sounds
from content.guard_lists import is_program, looks_secret
from content.guards import NEW_FOR, WINDOW, Guard, Kind, Level, Rules
from content.hosts import hosts_in, is_allowed
from content.identifiers import EventId, RoomId, UserId
from content.slow_mode import is_too_soon

SHORTEST_REPEAT = 8
"""Signs that a text needs so that saying it again counts: 收到 and 祝贺 are said by everybody, often."""

ONCE_IN = timedelta(minutes=10)
"""How long nobody is told again of the same guard and the same person in a room."""

MOST_REMEMBERED = 2_000
"""Things that are remembered of a room, and events of all rooms whose look is kept."""


K = TypeVar("K")
V = TypeVar("V")


class Post(Struct, frozen=True, kw_only=True):
    """What a guard sees of one event: a message, an edit by what it says now, or somebody who enters (``joined``).

    ``shown`` is what its formatting shows where that is something else than its ``text``: people see either, by their
    client. ``links`` are the addresses behind its words, ``mentions`` how many it calls by name, ``calls_all`` that
    it calls the whole room. ``asks`` is something that is said to the bot, ``replied`` the message that it answers.
    """

    room: RoomId
    event: EventId
    user: UserId
    at: datetime
    text: str = ""
    shown: str = ""
    links: tuple[str, ...] = ()
    kind: Kind | None = None
    filename: str = ""
    mentions: int = 0
    calls_all: bool = False
    edit: bool = False
    joined: bool = False
    asks: bool = False
    replied: EventId | None = None


class Found(Struct, frozen=True, kw_only=True):
    """That a guard strikes, at what level, and by which entry of its list; ``again`` soon after it did so before.

    Of what came too soon ``again`` is not known here: what answers the bot is found as well, and nobody is told of it.

    ``people`` are those who entered within a minute, and ``most`` from how many on that is a wave. ``before`` are, of
    what came too soon, the messages that each one within the gap before it answers; of all else there are none.
    """

    guard: Guard
    level: Level
    entry: str = ""
    again: bool = False
    people: tuple[UserId, ...] = ()
    most: int = 0
    before: tuple[EventId | None, ...] = ()


class Lookout:
    """Rules made ready for looking."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._phrases: tuple[Phrase, ...] = tuple(one for one in map(phrase, rules.words) if one is not None)

    def on(self, guard: Guard) -> bool:
        """Tell whether a guard looks at all."""
        return self.rules.levels[guard] is not Level.OFF

    def word(self, folded: Folded) -> str | None:
        """Return the phrase of the list that a text holds."""
        heard = sounds(folded.tight) if self.rules.sounds else None
        return next((one.written for one in self._phrases if holds(folded, one, heard)), None)

    def pattern(self, folded: Folded) -> str | None:
        """Return the pattern of the list that is found in a text."""
        return next((one for one in self.rules.patterns if patterns.finds(one, folded.plain)), None)

    def stranger(self, post: Post, folded: Folded) -> str | None:
        """Return the first host outside of the list to which a message leads."""
        found = hosts_in("\n".join((folded.plain, *post.links)))
        return next((one for one in found if not is_allowed(one, self.rules.hosts)), None)


def _fingerprint(folded: Folded) -> bytes | None:
    text = folded.tight.replace("\n", "")
    return hashlib.blake2s(text.encode(), digest_size=8).digest() if len(text) >= SHORTEST_REPEAT else None


class _Said(Struct, frozen=True, kw_only=True):
    user: UserId
    at: datetime
    print: bytes | None
    stands: bool = False
    replied: EventId | None = None


class _Room:
    """What is remembered of one room."""

    def __init__(self) -> None:
        self.said: deque[_Said] = deque(maxlen=MOST_REMEMBERED)
        self.joins: deque[_Said] = deque(maxlen=MOST_REMEMBERED)
        self.new: OrderedDict[UserId, datetime] = OrderedDict()
        self.told: OrderedDict[tuple[Guard, UserId], datetime] = OrderedDict()


class Watch:
    """Looks at rooms, one event after the other in the order in which they come."""

    def __init__(self) -> None:
        self._rooms: dict[RoomId, _Room] = {}
        self._seen: OrderedDict[EventId, tuple[Found, ...]] = OrderedDict()

    def see(self, post: Post, lookout: Lookout) -> tuple[Found, ...]:
        """Return which guards strike at an event, the strongest level first, and of one level what is new first."""
        known = self._seen.get(post.event)
        if known is not None:
            return known
        room = self._rooms.setdefault(post.room, _Room())
        found = _joined(post, lookout, room) if post.joined else _said(post, lookout, room)
        strength = list(Level)
        found = tuple(
            sorted(
                (self._told(post, room, one) for one in found),
                key=lambda one: (-strength.index(one.level), one.again),
            )
        )
        _keep(self._seen, post.event, found)
        return found

    def _told(self, post: Post, room: _Room, one: Found) -> Found:
        if one.guard is Guard.SLOW:
            return one
        key = (one.guard, post.user)
        last = room.told.get(key)
        if last is not None and timedelta(0) <= post.at - last < ONCE_IN:
            return replace(one, again=True)
        _keep(room.told, key, post.at)
        return one


def _keep(kept: OrderedDict[K, V], key: K, value: V) -> None:
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > MOST_REMEMBERED:
        kept.popitem(last=False)


def _joined(post: Post, lookout: Lookout, room: _Room) -> tuple[Found, ...]:
    _keep(room.new, post.user, post.at)
    room.joins.append(_Said(user=post.user, at=post.at, print=None))
    if not lookout.on(Guard.JOINS):
        return ()
    since = post.at - WINDOW[Guard.JOINS]
    people = tuple(dict.fromkeys(one.user for one in room.joins if since < one.at <= post.at))
    most = lookout.rules.most[Guard.JOINS]
    if len(people) < most:
        return ()
    return (Found(guard=Guard.JOINS, level=lookout.rules.levels[Guard.JOINS], people=people, most=most),)


def _said(post: Post, lookout: Lookout, room: _Room) -> tuple[Found, ...]:
    folded = fold(*filter(None, (post.text, post.shown, post.filename)))
    fingerprint = _fingerprint(folded)
    entered = room.new.get(post.user)
    first = entered is not None and not post.edit and post.at - entered < NEW_FOR
    sooner = _sooner(post, lookout, room)
    if not post.edit:
        room.new.pop(post.user, None)
        stands = not (sooner or post.asks)
        room.said.append(
            _Said(user=post.user, at=post.at, print=fingerprint, stands=stands, replied=post.replied),
        )
    found: list[Found] = []

    def strike(guard: Guard, entry: str = "") -> None:
        found.append(Found(guard=guard, level=lookout.rules.levels[guard], entry=entry))

    def lately(guard: Guard) -> Iterable[_Said]:
        since = post.at - WINDOW[guard]
        return (one for one in room.said if one.user == post.user and since < one.at <= post.at)

    most = lookout.rules.most
    stranger = lookout.stranger(post, folded) if lookout.on(Guard.LINKS) or first else None
    kinds = _kinds(post)
    if lookout.on(Guard.WORDS) and (word := lookout.word(folded)) is not None:
        strike(Guard.WORDS, word)
    if lookout.on(Guard.PATTERNS) and (pattern := lookout.pattern(folded)) is not None:
        strike(Guard.PATTERNS, pattern)
    if lookout.on(Guard.LINKS) and stranger is not None:
        strike(Guard.LINKS, stranger)
    if lookout.on(Guard.MEDIA) and (unwanted := next((one for one in kinds if one in lookout.rules.kinds), None)):
        strike(Guard.MEDIA, unwanted)
    if lookout.on(Guard.MENTIONS) and (post.calls_all or post.mentions >= most[Guard.MENTIONS]):
        strike(Guard.MENTIONS)
    if lookout.on(Guard.FLOOD) and not post.edit and sum(1 for _ in lately(Guard.FLOOD)) > most[Guard.FLOOD]:
        strike(Guard.FLOOD)
    if lookout.on(Guard.REPEATS) and not post.edit and fingerprint is not None:
        alike = sum(1 for one in lately(Guard.REPEATS) if one.print == fingerprint)
        if alike >= most[Guard.REPEATS]:
            strike(Guard.REPEATS)
    if lookout.on(Guard.NEWCOMERS) and first and (stranger is not None or kinds):
        strike(Guard.NEWCOMERS, stranger or "")
    if lookout.on(Guard.SECRETS) and looks_secret(folded.plain):
        strike(Guard.SECRETS)
    if sooner:
        replied = tuple(one.replied for one in sooner)
        found.append(Found(guard=Guard.SLOW, level=lookout.rules.levels[Guard.SLOW], before=replied))
    return tuple(found)


def _sooner(post: Post, lookout: Lookout, room: _Room) -> tuple[_Said, ...]:
    """Return what the same person said within the gap of slow mode and stands; nothing where a message does not count.

    What was taken back for coming too soon does not put the time off.
    """
    if not lookout.on(Guard.SLOW) or post.edit or post.asks:
        return ()
    since = post.at - lookout.rules.gap
    return tuple(one for one in room.said if one.stands and one.user == post.user and since < one.at <= post.at)


def _kinds(post: Post) -> tuple[Kind, ...]:
    if post.kind is Kind.FILE and is_program(post.filename or post.text):
        return (Kind.PROGRAM, Kind.FILE)
    return (post.kind,) if post.kind is not None else ()


def answered(post: Post, found: Sequence[Found]) -> tuple[EventId | None, ...]:
    """Return which messages are answered by one that came too soon, and by those before it; nothing of any other."""
    soon = next((one for one in found if one.guard is Guard.SLOW), None)
    return (post.replied, *soon.before) if soon is not None else ()


def in_time(post: Post, found: Sequence[Found], *, ours: Collection[EventId], holds: bool = True) -> tuple[Found, ...]:
    """Return what was found without what slow mode lets pass: answers to ``ours``, and all where it does not hold."""
    return tuple(
        one
        for one in found
        if one.guard is not Guard.SLOW or (holds and is_too_soon(post.replied, one.before, ours=ours))
    )


def rehearse(posts: Sequence[Post], rules: Rules) -> tuple[tuple[Found, ...], ...]:
    """Return what guards would have seen in each of some events, in order, by the same look as at what comes in."""
    watch, lookout = Watch(), Lookout(rules)
    return tuple(watch.see(post, lookout) for post in posts)
