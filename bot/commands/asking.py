"""What a command handler is given: who asks, where, about which card, and a view of what is known."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum

from msgspec import Struct, field

from bot.fresh_links import FreshLinks
from bot.unnamed_questions import UnnamedQuestions
from content.activities import Activity
from content.checkins import Note, Way
from content.decision import Decision, Refusal
from content.identifiers import CardId, Cause, EventId, RoomId, UserId
from content.members import Member
from content.polls import Poll
from content.sign_up_sheets import SignUp
from storage.unit import Reading


class Place(StrEnum):
    """Where something was said."""

    ROOM = "room"
    PRIVATE = "private"
    OFFERED = "offered"
    """A room that the bot was brought into and that is nobody's yet."""


class Held(StrEnum):
    """Why what a person wants at that moment is not done: it is answered so, or passed over beside one that is."""

    TOO_LATE = "too_late"
    TOO_MUCH = "too_much"
    PASSED_OVER = "passed_over"


class Settings(Struct, frozen=True, kw_only=True):
    """What commands need to know of this installation: where its console is, and where secrets come from.

    ``fresh`` knows who was sent a link of late, ``unnamed`` who has asked lectures a lot without a name.
    """

    console: str
    secret: Callable[[], str]
    me: UserId
    fresh: FreshLinks = field(default_factory=FreshLinks)
    unnamed: UnnamedQuestions = field(default_factory=UnnamedQuestions)
    encrypted: bool
    """Whether this installation encrypts; sign-in links then never go into a room in clear."""


class Asking(Struct, frozen=True, kw_only=True):
    """One request in chat. ``card`` is set for a reply to a card or a tap on it, ``poll`` for a reply to a poll.

    ``sign_up`` is set for a reply to the message that shows one, and ``activity`` likewise.

    ``argument`` is in the plain forms by which words are compared; ``text`` is the whole as it was typed, but for the
    name of who was spoken to. ``note`` is what a reply to a card adds to being here. ``held`` is set where
    nothing that is wanted at that moment is done.
    """

    unit: Reading
    settings: Settings
    cause: Cause
    sender: UserId
    member: Member | None
    place: Place
    room: RoomId
    card: CardId | None
    argument: str
    encrypted: bool
    event: EventId
    text: str
    poll: Poll | None = None
    sign_up: SignUp | None = None
    activity: Activity | None = None
    note: Note | None = None
    held: Held | None = None
    called: tuple[UserId, ...] = ()
    """Whom the message calls by name, but for the bot and who sent it; of a reply also whose message it answers."""
    replied: EventId | None = None

    @property
    def way(self) -> Way:
        """Return how the answer reached us."""
        if self.card is not None:
            return Way.REPLY
        return Way.PRIVATE if self.place is Place.PRIVATE else Way.ROOM


Handler = Callable[[Asking], Awaitable[Decision | Refusal | None]]
