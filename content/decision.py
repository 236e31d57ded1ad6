"""What a rule answers with: facts that happened, effects that must happen, or a refusal that says why not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from content.identifiers import CardId, EventId, LessonId, OrganisationId, RoomId, SanctionId, UserId


class Secret(str):
    """A text that lets in whoever has it, as the address of a one-time link, or that says why somebody was warned.

    It is sealed until the moment it is sent.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Show nothing of it, in a trace or a log either."""
        return "Secret()"


class SecretLines(tuple["Words", ...]):
    """Lines of which the keys too say what nobody but the reader is to know; sealed whole until they are sent."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show nothing of them."""
        return "SecretLines()"


_LINKS = frozenset(("link", "address"))
"""The parameters that hold where words lead."""

Parameter = str | int | datetime | tuple["Words", ...]


class Words(Struct, frozen=True, kw_only=True):
    """A sentence not yet put into a language: a key of the catalogue and what fills its gaps.

    Instants among the parameters are aware UTC and are shown in the reader's zone; a tuple of words is joined as lines.
    A ``Secret``, and ``SecretLines``, stand in no table and no file but sealed.
    """

    key: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


def leads_somewhere(said: Words) -> bool:
    """Tell whether words, or lines among them, hold a link that we put there; one in what people wrote is none."""
    return any(
        any(map(leads_somewhere, value)) if isinstance(value, tuple) else name in _LINKS and "://" in str(value)
        for name, value in said.parameters.items()
    )


def words(key: str, **parameters: Parameter) -> Words:
    """Make words in one call, so that rules read like sentences."""
    return Words(key=key, parameters=parameters)


class Fact(Struct, frozen=True, kw_only=True):
    """Something that has happened. Subclasses are past participles; storage knows one writer for each."""


class Observed(Fact, frozen=True, kw_only=True):
    """Something that was seen in what others sent; one that cannot be kept is buried and stops nothing else."""

    event_id: EventId


class Discreet(Fact, frozen=True, kw_only=True):
    """Something that happened of which the record does not name who was behind it, nor the message that it came by."""


class Untraced(Fact, frozen=True, kw_only=True):
    """Something of which no row of record is kept, and of what made it happen the day alone."""


class Effect(Struct, frozen=True, kw_only=True):
    """Something that must reach the outside. Subclasses are imperatives; each becomes outbox rows."""


class Picture(Struct, frozen=True, kw_only=True):
    """A picture that is kept, by the SHA-256 of its bytes, and what it shows in words."""

    hash: str
    caption: Words


class Tell(Effect, frozen=True, kw_only=True):
    """Say something to one person, in private, as an answer to what they did; goes ahead of broadcasts.

    ``language`` is the one in which they asked, where they asked in words; else it is their own. A quiet one is left
    out where no private room exists yet: an invitation would be louder than the news. An unasked one is begun by the
    bot, and waits for the end of quiet hours unless it is urgent. Neither is said to who has asked for silence.
    ``sanction`` is the measure that it tells of, ``matter`` what else it asks about, as a lock or a cleaning: a reply
    or a reaction to it is taken as one to that.
    Words about a ``picture`` come after it, and it comes after what the same decision said before.
    """

    user: UserId
    words: Words
    picture: Picture | None = None
    quiet: bool = False
    unasked: bool = False
    urgent: bool = False
    language: str | None = None
    sanction: SanctionId | None = None
    matter: str | None = None


class Say(Effect, frozen=True, kw_only=True):
    """Say something in a room, in the language of the organisation that it belongs to, and call nobody's attention.

    What is ``urgent`` does not wait for the end of quiet hours.
    """

    room: RoomId
    organisation: OrganisationId
    words: Words
    urgent: bool = False


class Disclose(Effect, frozen=True, kw_only=True):
    """Give a person, in private, the file of everything held about them, as it is at the moment of sending."""

    user: UserId
    language: str | None = None


class ShowAgain(Effect, frozen=True, kw_only=True):
    """Show a person in private what their card showed in its room, in as many parts as it has."""

    user: UserId
    card: CardId
    parts: int
    language: str | None = None


class Preview(Effect, frozen=True, kw_only=True):
    """Show a person in private how a lesson will look, before anybody else sees it, in as many parts as it has."""

    user: UserId
    lesson: LessonId
    parts: int


class Post(Effect, frozen=True, kw_only=True):
    """Put a card into its room, in as many parts as its media and its text need; the last one is the live card."""

    card: CardId
    parts: int
    not_before: datetime
    expires_at: datetime


class Refresh(Effect, frozen=True, kw_only=True):
    """Show a card's newest numbers by editing it in place, at most as often as delivery's rhythm allows."""

    card: CardId


class Refusal(Struct, frozen=True, kw_only=True):
    """Why a request was not carried out, and what would work; ``words`` speaks to the person who asked.

    ``about`` is the account that was claimed by somebody of whom it is not known who they are, for the record. Of a
    ``discreet`` one the record names neither who asked nor the message that it came by, as of a ``Discreet`` fact.
    """

    words: Words
    field: str | None = None
    about: UserId | None = None
    discreet: bool = False


class Decision(Struct, frozen=True, kw_only=True):
    """What follows from a request: the facts to record and the effects to carry out, together or not at all."""

    facts: tuple[Fact, ...] = ()
    effects: tuple[Effect, ...] = ()


def refused(key: str, *, field: str | None = None, **parameters: Parameter) -> Refusal:
    """Refuse with the sentence of this key; ``field`` names the form field it belongs to."""
    return Refusal(words=words(key, **parameters), field=field)


Answered = TypeVar("Answered", bound=Decision | Refusal | None)


def discreetly(answer: Answered) -> Answered:
    """Return an answer of which, where it is a refusal, the record does not name who asked."""
    return replace(answer, discreet=True) if isinstance(answer, Refusal) else answer


DISCREET_WORDS = (
    *("appraisal.", "ballot.", "complaint.", "dues.", "help_case.", "lecture.unnamed_", "practice."),
    *("pledge.detail", "pledge.list", "pledge.note_withdrawn", "pledge.question", "pledge_question."),
    *("selection.", "survey."),
)
"""How the keys begin of what is said to one person, and whose list would name voters, reporters, learners and such."""


def are_discreet(said: Words) -> bool:
    """Tell whether nobody is to see to whom, and when, these words were said in private."""
    return said.key.startswith(DISCREET_WORDS)
