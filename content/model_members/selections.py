"""A selection of model members: how far it is, who was nominated, and how it ends before its time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from content.confusables import skeleton
from content.decision import Decision, Fact, Refusal, Say, Words, refused
from content.identifiers import BallotId, LessonId, MemberId, OrganisationId, RoomId, SelectionId, UserId, derive

LONGEST_REASON = 500
Room = tuple[RoomId, OrganisationId]


class Stage(StrEnum):
    """Where a selection stands: never back, but for a notice that an objection has changed."""

    CALLED = "called"
    REVIEWED = "reviewed"
    CONSIDERED = "considered"
    PUBLIC = "public"
    ANNOUNCED = "announced"
    ENDED = "ended"


OVER = frozenset({Stage.ANNOUNCED, Stage.ENDED})


class Standing(StrEnum):
    """Where somebody who was nominated stands; the last three are ways out."""

    NOMINATED = "nominated"
    CONSENTED = "consented"
    REVIEWED = "reviewed"
    CHOSEN = "chosen"
    NOT_CHOSEN = "not_chosen"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"


OUT = frozenset({Standing.NOT_CHOSEN, Standing.WITHDRAWN, Standing.REJECTED})


class Selection(Struct, frozen=True, kw_only=True):
    """One selection of model members; ``confirmed`` tells whether the calendar of its publicity is known.

    ``departure`` is why the committee did not follow the order of the votes. Who has decided does not post the notice.
    """

    id: SelectionId
    organisation: OrganisationId
    title: str
    places: int
    nominate_until: datetime
    timezone: str
    stage: Stage = Stage.CALLED
    ballot: BallotId | None = None
    decided_by: UserId | None = None
    decided_on: date | None = None
    departure: str = ""
    contact: MemberId | None = None
    phone: str = ""
    posted_on: date | None = None
    ends_on: date | None = None
    confirmed: bool = True
    announced_on: date | None = None

    def day(self, at: datetime) -> date:
        """Return the day that an instant lies on where the selection is held."""
        return at.astimezone(ZoneInfo(self.timezone)).date()


class Nominee(Struct, frozen=True, kw_only=True):
    """Somebody who was nominated: ``reason`` says why they go no further, ``opinion`` what the committee says."""

    member: MemberId
    standing: Standing
    deeds: str = ""
    reason: str = ""
    opinion: str = ""
    votes: int | None = None


class SelectionEnded(Fact, frozen=True, kw_only=True):
    """A selection came to nothing; what was said in it stays on record."""

    selection: SelectionId
    organisation: OrganisationId


def end(selection: Selection) -> Decision | Refusal:
    """Let a selection come to nothing; one that was announced stands."""
    if selection.stage in OVER:
        return not_now(selection)
    return Decision(facts=(SelectionEnded(selection=selection.id, organisation=selection.organisation),))


def chosen_of(nominees: Iterable[Nominee]) -> tuple[Nominee, ...]:
    """Return those whom the committee has chosen."""
    return tuple(one for one in nominees if one.standing is Standing.CHOSEN)


def meant(found: Sequence[Selection], text: str) -> Selection | None:
    """Return which of several selections somebody means by naming it; the only one needs no name."""
    if len(found) == 1:
        return found[0]
    plain = skeleton("".join(text.split()))
    named = [one for one in found if skeleton("".join(one.title.split())) in plain]
    return named[0] if len(named) == 1 else None


def say(rooms: Iterable[Room], said: Words) -> tuple[Say, ...]:
    """Say the same in each of several rooms."""
    return tuple(Say(room=room, organisation=organisation, words=said) for room, organisation in rooms)


def fits(text: str) -> bool:
    """Tell whether a text says something and is not too long."""
    return 1 <= len(text.strip()) <= LONGEST_REASON


def not_now(selection: Selection) -> Refusal:
    """Refuse what does not belong to the stage that a selection is in."""
    return refused("selection.not_now", title=selection.title)


def story_of(selection: SelectionId, member: MemberId) -> LessonId:
    """Return which lesson tells the story of somebody who was chosen."""
    return LessonId(derive(selection, member, "story"))
