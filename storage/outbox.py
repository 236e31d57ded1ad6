"""Everything that must leave the house: the table of its rows, what each does, and what can become of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from content.decision import Fact, Words
from content.identifiers import CardId, EventId, LessonId, OrganisationId, OutboxId, PollId, RoomId, UserId
from storage.tables import Instant, metadata
from storage.tables import Sequence as CountedKey

EDIT_RHYTHM = timedelta(seconds=4)
"""A card is edited at most once in this time, however many answers come in."""


class Kind(StrEnum):
    """What a row does on the homeserver."""

    POST = "post"
    EDIT = "edit"
    TELL = "tell"
    DISCLOSURE = "disclosure"
    LESSON = "lesson"
    PREVIEW = "preview"
    JOIN = "join"
    DECLINE = "decline"
    INVITE = "invite"
    POLL = "poll"
    POLL_END = "poll_end"
    RESULT = "result"
    CHART = "chart"
    MAKE = "make"
    MEND = "mend"
    REMOVE = "remove"
    SUCCEED = "succeed"
    AMEND = "amend"
    FOLLOW = "follow"
    REDACT = "redact"
    NOTICE = "notice"
    SAY = "say"
    FIGURE = "figure"
    IMPOSE = "impose"
    LIFT = "lift"
    EVIDENCE = "evidence"
    HIDE = "hide"
    LOCK = "lock"
    UNLOCK = "unlock"
    COUNT = "count"
    CLEAN = "clean"
    ENTER = "enter"
    KEEP_OUT = "keep_out"
    LET_IN = "let_in"
    PICTURE = "picture"
    COMPLAINT = "complaint"
    TRACE = "trace"
    CONTEXT = "context"
    REHEARSAL = "rehearsal"
    LIVE = "live"
    LIVE_EDIT = "live_edit"
    PHOTO = "photo"


class State(StrEnum):
    """Where a row stands. ``expired`` was never sent because its time passed; ``cancelled`` was taken back."""

    PENDING = "pending"
    LEASED = "leased"
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


LOST_DEVICE = "before restore"
"""The device of rows that may have been sent by an installation that is gone; no real device is called so."""

ANSWER, BROADCAST, EDIT = 0, 1, 2
"""Priorities: answers to people go ahead of broadcasts, and the live numbers come last."""

DISCREET = "discreet"
"""The subject of what is said to one person and not listed: nobody is to see to whom it was said, nor when."""

MESSAGES = (Kind.POST, Kind.FOLLOW)
"""Kinds that are messages of a card, each with a part of its own."""

HELD = (Kind.POLL, Kind.SAY, Kind.RESULT, Kind.CHART, Kind.LIVE)
"""Kinds that quiet hours hold in the outbox itself; a card is held before it opens."""

UNDER_WAY = (State.PENDING, State.LEASED, State.SENT)
"""States of a row that has reached its room, or still may."""

outbox = Table(
    "outbox",
    metadata,
    Column("number", CountedKey, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("cause", String(300), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("lane", String(300), nullable=False),
    Column("room_id", String(255)),
    Column("user_id", String(255), index=True),
    Column("card_id", ForeignKey("cards.id")),
    Column("poll_id", String(32), index=True),
    Column("organisation_id", String(32), index=True),
    Column("subject", String(20)),
    Column("part", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("quiet", Boolean, nullable=False),
    Column("unasked", Boolean, nullable=False),
    Column("language", String(8)),
    Column("words", JSON),
    Column("after_id", String(32), index=True),
    Column("priority", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("lease_owner", String(64)),
    Column("lease_until", Instant),
    Column("claim_no", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("device_id", String(64)),
    Column("first_try_at", Instant),
    Column("event_id", String(255), index=True),
    Column("last_error", String(200)),
    Column("made_at", Instant, nullable=False),
    Column("done_at", Instant),
    Column("lesson_id", String(32)),
    Column("urgent", String(200)),
    Column("matter_id", String(32)),
    Column("picture", String(64)),
    UniqueConstraint("cause", "lane", "kind", "part", "revision"),
    Index("ix_outbox_card_kind_number", "card_id", "kind", "number"),
    Index("ix_outbox_state_not_before", "state", "not_before"),
    Index("ix_outbox_lane_state", "lane", "state"),
    Index("ix_outbox_state_number", "state", "number"),
)


class Claimed(Struct, frozen=True, kw_only=True):
    """A row that one worker holds for a while; ``claim_no`` is the fence that tells a worker it was overtaken.

    ``subject`` is the purpose of a room to be made, what is to be mended in one, or that something is ``DISCREET``.
    ``matter`` is the measure or the lock that is carried out or told of, the evidence, complaint or context that is to
    be read, the strike of a guard by which something is hidden, or what a live message shows, and ``subject`` then the
    sort of that. ``target`` is the event of the row that this one comes after, or what is to go from a room.
    """

    id: OutboxId
    kind: Kind
    room: RoomId | None
    user: UserId | None
    card: CardId | None
    poll: PollId | None
    organisation: OrganisationId | None
    subject: str | None
    part: int
    quiet: bool
    unasked: bool
    language: str | None
    words: Words | None
    claim_no: int
    failures: int
    device: str
    first_try_at: datetime
    expires_at: datetime | None
    target: EventId | None
    lesson: LessonId | None = None
    matter: str | None = None
    picture: str | None = None

    @property
    def transaction(self) -> str:
        """Return the Matrix transaction id: never dependent on time, attempt or process."""
        return f"zhibu.{self.id}"


class Sent(Fact, frozen=True, kw_only=True):
    """The homeserver accepted a row."""

    claimed: Claimed
    event_id: EventId | None
    at: datetime


class Echoed(Fact, frozen=True, kw_only=True):
    """A row was heard back from its room under its mark, perhaps before its sender knew that it had arrived."""

    id: OutboxId
    event_id: EventId


class Postponed(Fact, frozen=True, kw_only=True):
    """A row must be tried again later; ``counts`` tells whether that was a real failure."""

    claimed: Claimed
    not_before: datetime
    error: str
    counts: bool


class GivenUp(Fact, frozen=True, kw_only=True):
    """A row cannot be sent; the reason stays visible until someone retries or cancels it."""

    claimed: Claimed
    error: str
    at: datetime


class Retried(Fact, frozen=True, kw_only=True):
    """An organiser has a failed or expired row tried again."""

    id: OutboxId
    at: datetime


class Hastened(Fact, frozen=True, kw_only=True):
    """An organiser has what quiet hours hold sent at once, and says why."""

    id: OutboxId
    reason: str
    at: datetime


class DiscreetRetried(Fact, frozen=True, kw_only=True):
    """An organiser has everything tried again that is listed nowhere and did not reach members of some subtrees."""

    roots: tuple[OrganisationId, ...]
    at: datetime


class Cancelled(Fact, frozen=True, kw_only=True):
    """An organiser took back a row that has not been sent."""

    id: OutboxId
    at: datetime


class ClockSetBack(Fact, frozen=True, kw_only=True):
    """The wall clock was set back by so much; whatever waits for a time that was reckoned by it waits no longer."""

    by: timedelta
    at: datetime
