"""The ladder of measures: note, warning, mute, removal, ban; what each is, how far it has come, and its words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from content.decision import Effect, Fact, Secret, Words, words
from content.identifiers import CaseId, OrganisationId, RoomId, SanctionId, UserId
from content.power import Powers

CONFIRM_WITHIN = timedelta(minutes=10)
"""How long what was asked for in chat waits for its reaction."""


class Step(StrEnum):
    """The rungs of the ladder, from the lightest."""

    NOTE = "note"
    WARNING = "warning"
    MUTE = "mute"
    REMOVAL = "removal"
    BAN = "ban"


HURTS = frozenset({Step.MUTE, Step.REMOVAL, Step.BAN})
"""What changes something in rooms, and is confirmed in chat before it is done."""

LASTING = frozenset({Step.WARNING, Step.MUTE, Step.BAN})
"""What stands until its end, and of which a person has one at a time in a room."""

USUAL: Mapping[Step, timedelta] = {
    Step.WARNING: timedelta(days=30),
    Step.MUTE: timedelta(hours=2),
    Step.BAN: timedelta(days=1),
}
"""How long each lasts where nothing is said."""

LENGTHS: Mapping[str, timedelta | None] = {
    "10m": timedelta(minutes=10),
    "2h": timedelta(hours=2),
    "1d": timedelta(days=1),
    "3d": timedelta(days=3),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "for_good": None,
}
"""What a page offers."""


class Reason(StrEnum):
    """Why a measure is taken, as templates say it."""

    INSULT = "insult"
    FLOOD = "flood"
    ADVERT = "advert"
    RUMOUR = "rumour"
    CONFIDENTIAL = "confidential"
    PRIVACY = "privacy"
    OFF_TOPIC = "off_topic"
    RULE = "rule"
    OTHER = "other"


class State(StrEnum):
    """Where a measure stands. A ``draft`` waits for a reaction in chat, a ``waiting`` one for a second person."""

    DRAFT = "draft"
    WAITING = "waiting"
    ACTIVE = "active"
    ENDED = "ended"
    LIFTED = "lifted"
    DROPPED = "dropped"


class Appeal(StrEnum):
    """Where an appeal against a measure stands."""

    NONE = "none"
    MADE = "made"
    UPHELD = "upheld"
    GRANTED = "granted"
    SETTLED = "settled"
    """The measure was lifted before anybody had looked at it again."""


class Hindrance(StrEnum):
    """Why the bot cannot do something to a person in a room."""

    UNKNOWN = "unknown"
    CREATOR = "creator"
    ABOVE = "above"
    NO_RIGHT = "no_right"
    NO_LEVELS = "no_levels"


class PlaceState(StrEnum):
    """How far a measure has come in a room; ``stuck`` is what the homeserver does not let us do."""

    WAITING = "waiting"
    DONE = "done"
    STUCK = "stuck"
    UNDONE = "undone"


class Want(Struct, frozen=True, kw_only=True):
    """What who moderates wants done: a rung, why, how long; ``None`` lasts until it is lifted."""

    step: Step
    reason: Reason
    words: str = ""
    lasts: timedelta | None = None


class Sanction(Struct, frozen=True, kw_only=True):
    """A measure against a person in some rooms. ``lasts`` runs from when it is imposed, ``at``."""

    id: SanctionId
    case: CaseId
    number: int
    """Of the case."""
    organisation: OrganisationId
    user: UserId
    step: Step
    reason: Reason
    words: str
    lasts: timedelta | None
    by: UserId
    at: datetime
    state: State
    rooms: tuple[RoomId, ...]
    until: datetime | None = None
    agreed_by: UserId | None = None
    appeal: Appeal = Appeal.NONE


class Site(Struct, frozen=True, kw_only=True):
    """A room in which a measure may be taken, by what is known of its state."""

    room: RoomId
    name: str
    powers: Powers | None


class Level(Struct, frozen=True, kw_only=True):
    """What a room's levels said of one person: ``value`` as it stood there, none where they were not ``listed``.

    ``users`` tells whether the levels had a list of users at all.
    """

    listed: bool
    value: int | str | None = None
    users: bool = True


class SanctionPrepared(Fact, frozen=True, kw_only=True):
    """A measure waits for who asked for it to confirm it, or for a second person to agree."""

    sanction: Sanction


class SanctionImposed(Fact, frozen=True, kw_only=True):
    """A measure was imposed; from now on it holds."""

    sanction: Sanction


class SanctionEnded(Fact, frozen=True, kw_only=True):
    """The time of a measure is over."""

    sanction: Sanction
    at: datetime


class SanctionLifted(Fact, frozen=True, kw_only=True):
    """A measure was taken back before its time, and why."""

    sanction: Sanction
    by: UserId
    why: str
    at: datetime


class SanctionDropped(Fact, frozen=True, kw_only=True):
    """A measure that waited was not imposed."""

    sanction: Sanction
    at: datetime


class AppealMade(Fact, frozen=True, kw_only=True):
    """The person says why a measure is wrong."""

    sanction: Sanction
    text: str
    at: datetime


class AppealAnswered(Fact, frozen=True, kw_only=True):
    """Somebody else than who imposed a measure has looked at it again."""

    sanction: Sanction
    outcome: Appeal
    answer: str
    by: UserId
    at: datetime


class LevelNoted(Fact, frozen=True, kw_only=True):
    """What a person's level in a room was is known, before it is changed to ``muted``."""

    id: SanctionId
    room: RoomId
    before: Level
    muted: int


class PlaceSettled(Fact, frozen=True, kw_only=True):
    """A measure was carried out in a room or undone there, or could not be."""

    id: SanctionId
    room: RoomId
    state: PlaceState
    at: datetime
    why: Hindrance | None = None


class PlaceMoved(Fact, frozen=True, kw_only=True):
    """A room was replaced, and a measure goes on in the one that took its place."""

    id: SanctionId
    old: RoomId
    new: RoomId


class Impose(Effect, frozen=True, kw_only=True):
    """Carry a measure out in a room."""

    sanction: SanctionId
    organisation: OrganisationId
    room: RoomId
    user: UserId


class Lift(Effect, frozen=True, kw_only=True):
    """Undo in a room what a measure changed there, and nothing else."""

    sanction: SanctionId
    organisation: OrganisationId
    room: RoomId
    user: UserId


def reason_of(sanction: Sanction) -> Words:
    """Return why a measure was taken, by its template and with the words that were added.

    These are sealed wherever they wait to be told.
    """
    said = Secret(sanction.words)
    if sanction.reason is Reason.OTHER:
        return words("sanction.reason_own", words=said)
    template = words(f"sanction.reason_{sanction.reason}")
    return words("sanction.reason_with", reason=(template,), words=said) if said else template


def named(sanction: Sanction) -> tuple[Words, ...]:
    """Return what a measure is called."""
    return (words(f"sanction.step_{sanction.step}"),)


def length_of(lasts: timedelta | None) -> Words:
    """Return how long something lasts, in the largest measure that says it in whole numbers."""
    if lasts is None:
        return words("sanction.for_good")
    minutes = int(lasts.total_seconds() // 60)
    for unit, size in (("days", 1440), ("hours", 60)):
        if minutes % size == 0:
            return words(f"sanction.length_{unit}", n=minutes // size)
    return words("sanction.length_minutes", n=minutes)


def suggested(history: Collection[Sanction]) -> Step:
    """Return the rung after the highest that a person stands on; what was lifted does not count."""
    order = list(Step)
    taken = [order.index(one.step) for one in history if one.state in (State.ACTIVE, State.ENDED)]
    return order[min(max(taken, default=0) + 1, len(order) - 1)]
