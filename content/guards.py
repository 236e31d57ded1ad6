"""守护: what a room is looked at for, what then follows, and how each place sets that for itself and below."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from content import patterns, slow_mode
from content.decision import Decision, Fact, Refusal, refused
from content.folding import phrase
from content.guard_lists import HOSTS, PHRASES
from content.hosts import entry as host_entry
from content.identifiers import OrganisationId, RoomId
from content.organisations import Organisation
from content.rooms import Room
from content.settings import NO, YES, Chosen, Held, Setting, held_at


class Guard(StrEnum):
    """What is looked for, in the order of the page."""

    WORDS = "words"
    PATTERNS = "patterns"
    LINKS = "links"
    MEDIA = "media"
    MENTIONS = "mentions"
    FLOOD = "flood"
    REPEATS = "repeats"
    NEWCOMERS = "newcomers"
    JOINS = "joins"
    SECRETS = "secrets"
    SLOW = "slow"


class Level(StrEnum):
    """What follows where a guard strikes, from nothing to a measure; each does what those before it do."""

    OFF = "off"
    FLAG = "flag"
    HIDE = "hide"
    ACT = "act"


class Kind(StrEnum):
    """What a message brings that is no text; ``program`` is a file that runs when it is opened."""

    PROGRAM = "program"
    FILE = "file"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    STICKER = "sticker"


class Sort(StrEnum):
    """The lists that places keep."""

    WORDS = "words"
    PATTERNS = "patterns"
    HOSTS = "hosts"


LIST_OF: Mapping[Guard, Sort] = {Guard.WORDS: Sort.WORDS, Guard.PATTERNS: Sort.PATTERNS, Guard.LINKS: Sort.HOSTS}

WINDOW: Mapping[Guard, timedelta] = {
    Guard.FLOOD: timedelta(seconds=15),
    Guard.REPEATS: timedelta(minutes=5),
    Guard.JOINS: timedelta(minutes=1),
}
"""Within what time things are counted together."""

NEW_FOR = timedelta(days=7)
"""How long after entering a room somebody's first post there is a newcomer's."""

LONGEST_ENTRY = 100
MOST_ENTRIES: Mapping[Sort, int] = {Sort.WORDS: 500, Sort.PATTERNS: 50, Sort.HOSTS: 500}
"""Entries that one place keeps of each list."""


def _one_of(values: Collection[str]) -> Callable[[str], bool]:
    return lambda value: value in values


def _between(least: int, most: int) -> Callable[[str], bool]:
    return lambda value: value.isascii() and value.isdigit() and len(value) < 5 and least <= int(value) <= most


def _are_kinds(value: str) -> bool:
    return value == NO or set(value.split(",")) <= frozenset(Kind)


def _level(guard: Guard) -> Setting:
    # Where people only come in there is nothing to hide.
    offered: tuple[Level, ...] = (Level.OFF, Level.FLAG, Level.ACT) if guard is Guard.JOINS else tuple(Level)
    if guard is Guard.SLOW:
        # To write often is nothing to be looked into.
        offered = (Level.OFF, Level.HIDE)
    default = Level.OFF if guard is Guard.SLOW else Level.FLAG
    return Setting(name=guard, default=default, offered=offered, possible=_one_of(offered))


def _most(guard: Guard, default: int, offered: tuple[int, ...], least: int) -> Setting:
    numbers = tuple(map(str, offered))
    return Setting(name=f"{guard}.most", default=str(default), offered=numbers, possible=_between(least, 500))


def _answer(name: str, default: str) -> Setting:
    return Setting(name=name, default=default, offered=(NO, YES), possible=_one_of((NO, YES)), unit="answer")


SOUNDS = "words.sounds"
SHIPPED_WORDS, SHIPPED_HOSTS = "words.shipped", "links.shipped"
KINDS = "media.kinds"
GAP = "slow.gap"

KNOBS: Mapping[Guard, tuple[Setting, ...]] = {
    Guard.WORDS: (_level(Guard.WORDS), _answer(SHIPPED_WORDS, YES), _answer(SOUNDS, NO)),
    Guard.PATTERNS: (_level(Guard.PATTERNS),),
    Guard.LINKS: (_level(Guard.LINKS), _answer(SHIPPED_HOSTS, YES)),
    Guard.MEDIA: (
        _level(Guard.MEDIA),
        Setting(
            name=KINDS,
            default=Kind.PROGRAM,
            offered=(Kind.PROGRAM, "program,video,audio", "program,file,video,audio,image,sticker"),
            possible=_are_kinds,
        ),
    ),
    Guard.MENTIONS: (_level(Guard.MENTIONS), _most(Guard.MENTIONS, 10, (5, 10, 20, 50), 2)),
    Guard.FLOOD: (_level(Guard.FLOOD), _most(Guard.FLOOD, 10, (6, 10, 15, 20), 4)),
    Guard.REPEATS: (_level(Guard.REPEATS), _most(Guard.REPEATS, 4, (3, 4, 6, 10), 2)),
    Guard.NEWCOMERS: (_level(Guard.NEWCOMERS),),
    Guard.JOINS: (_level(Guard.JOINS), _most(Guard.JOINS, 15, (10, 15, 30, 60), 5)),
    Guard.SECRETS: (_level(Guard.SECRETS),),
    Guard.SLOW: (
        _level(Guard.SLOW),
        Setting(
            name=GAP,
            default=str(int(slow_mode.USUAL.total_seconds())),
            offered=tuple(map(str, slow_mode.GAPS)),
            possible=_between(1, int(slow_mode.LONGEST.total_seconds())),
            unit="seconds",
        ),
    ),
}
"""Everything that can be set about guards, by the guard that it belongs to: what follows comes first."""

BY_NAME: Mapping[str, Setting] = {one.name: one for several in KNOBS.values() for one in several}


class Place(Struct, frozen=True, kw_only=True):
    """Where something is set: a node of the tree, or one of its rooms."""

    organisation: OrganisationId
    room: RoomId | None = None

    @property
    def key(self) -> OrganisationId:
        """Return under what its settings are kept; a room stands below its node as nodes stand below others."""
        return OrganisationId(self.room or self.organisation)


class GuardSet(Fact, frozen=True, kw_only=True):
    """A place set something about a guard; ``None`` means that it takes what holds above it."""

    organisation: OrganisationId
    room: RoomId | None
    name: str
    value: str | None


class GuardEntriesAdded(Fact, frozen=True, kw_only=True):
    """A place put entries on one of its lists."""

    organisation: OrganisationId
    room: RoomId | None
    sort: Sort
    entries: tuple[str, ...]


class GuardEntryDropped(Fact, frozen=True, kw_only=True):
    """A place took an entry off one of its lists."""

    organisation: OrganisationId
    room: RoomId | None
    sort: Sort
    entry: str


class Lists(Struct, frozen=True, kw_only=True):
    """What places have set about guards: values, and entries by place and list."""

    chosen: Chosen
    entries: Mapping[OrganisationId, Mapping[Sort, tuple[str, ...]]]
    parents: Mapping[OrganisationId, OrganisationId | None]
    """Of nodes and of rooms."""

    def held(self, place: Place, knob: Setting) -> Held:
        """Return what holds at a place, and who has set it."""
        return held_at(place.key, knob, chosen=self.chosen, parents=self._parents(place))

    def inherited(self, place: Place, knob: Setting) -> Held:
        """Return what would hold at a place that has set nothing."""
        without = {one: values for one, values in self.chosen.items() if one != place.key}
        return held_at(place.key, knob, chosen=without, parents=self._parents(place))

    def listed(self, place: Place, sort: Sort) -> tuple[tuple[str, OrganisationId], ...]:
        """Return the entries that count at a place, each with who has put it there: its own, then those from above."""
        found: dict[str, OrganisationId] = {}
        at: OrganisationId | None = place.key
        parents = self._parents(place)
        while at is not None:
            for one in self.entries.get(at, {}).get(sort, ()):
                found.setdefault(one, at)
            at = parents.get(at)
        return tuple(found.items())

    def _parents(self, place: Place) -> Mapping[OrganisationId, OrganisationId | None]:
        return self.parents if place.room is None else {**self.parents, place.key: place.organisation}


class Rules(Struct, frozen=True, kw_only=True):
    """What is looked for in a room, and what follows."""

    levels: Mapping[Guard, Level]
    most: Mapping[Guard, int]
    words: tuple[str, ...]
    patterns: tuple[str, ...]
    hosts: frozenset[str]
    kinds: frozenset[Kind]
    sounds: bool
    gap: timedelta

    def slowed(self, gap: timedelta) -> Rules:
        """Return the same with slow mode for a while, whatever the place has set of it."""
        return replace(self, levels={**self.levels, Guard.SLOW: Level.HIDE}, gap=gap)


def rules_of(place: Place, lists: Lists, *, ours: Collection[str] = ()) -> Rules:
    """Return what holds at a place; ``ours`` are hosts that are always allowed: the console's and the homeserver's."""

    def value(name: str) -> str:
        return lists.held(place, BY_NAME[name]).value

    def entries(sort: Sort) -> tuple[str, ...]:
        return tuple(one for one, _ in lists.listed(place, sort))

    kinds = value(KINDS)
    return Rules(
        levels={guard: Level(value(guard)) for guard in Guard},
        most={guard: int(value(f"{guard}.most")) for guard in Guard if f"{guard}.most" in BY_NAME},
        words=(*entries(Sort.WORDS), *(PHRASES if value(SHIPPED_WORDS) == YES else ())),
        patterns=entries(Sort.PATTERNS),
        hosts=frozenset((*entries(Sort.HOSTS), *ours, *(HOSTS if value(SHIPPED_HOSTS) == YES else ()))),
        kinds=frozenset(map(Kind, kinds.split(","))) if kinds != NO else frozenset(),
        sounds=value(SOUNDS) == YES,
        gap=timedelta(seconds=int(value(GAP))),
    )


def shipped() -> Rules:
    """Return what holds where nobody has set anything."""
    return rules_of(Place(organisation=OrganisationId("")), Lists(chosen={}, entries={}, parents={}))


def place_of(node: Organisation | None, room: Room | None) -> Place | None:
    """Return the place that a node or one of its rooms is."""
    if room is not None:
        return Place(organisation=room.organisation, room=room.id)
    return Place(organisation=node.id) if node is not None else None


def choose(place: Place, name: str, value: str | None) -> Decision | Refusal:
    """Set something about a guard at a place, or let it take what holds above."""
    knob = BY_NAME.get(name)
    if knob is None:
        return refused("settings.unknown")
    if value is not None and not knob.possible(value):
        return refused("settings.impossible", field=f"value-{name}")
    return Decision(facts=(GuardSet(organisation=place.organisation, room=place.room, name=name, value=value),))


def add(place: Place, sort: Sort, pasted: str, *, held: Collection[str]) -> Decision | Refusal:
    """Put lines that somebody typed or pasted on a list of a place: all of them, or none where one is wrong.

    ``held`` is what the place has on it by now; what is there already is passed over.
    """
    found: dict[str, None] = {}
    for line in pasted.splitlines():
        written = line.strip()
        if not written:
            continue
        if len(written) > LONGEST_ENTRY:
            return refused("guards.entry_too_long", field="entries", most=LONGEST_ENTRY, entry=written[:30])
        read = _read(sort, written)
        if isinstance(read, Refusal):
            return read
        found[read] = None
    new = tuple(one for one in found if one not in held)
    if not new:
        return refused("guards.nothing_new", field="entries")
    if len(held) + len(new) > MOST_ENTRIES[sort]:
        return refused("guards.list_full", field="entries", most=MOST_ENTRIES[sort])
    return Decision(
        facts=(GuardEntriesAdded(organisation=place.organisation, room=place.room, sort=sort, entries=new),)
    )


def _read(sort: Sort, written: str) -> str | Refusal:
    """Return an entry as it is kept, or say what is wrong with it."""
    if sort is Sort.HOSTS:
        return host_entry(written) or refused("guards.no_host", field="entries", entry=written)
    if sort is Sort.PATTERNS:
        return patterns.refusal(written) or written
    one = phrase(written)
    if one is None or (len(one.key) < 2):
        return refused("guards.entry_too_short", field="entries", entry=written)
    return written


def drop(place: Place, sort: Sort, entry: str, *, held: Collection[str]) -> Decision | None:
    """Take an entry off a list of a place, where it stands there."""
    if entry not in held:
        return None
    return Decision(
        facts=(GuardEntryDropped(organisation=place.organisation, room=place.room, sort=sort, entry=entry),)
    )
