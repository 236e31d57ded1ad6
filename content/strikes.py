"""What follows where a guard strikes: a flag in the queue, the message hidden and kept as evidence, a measure.

A message is hidden for good, as Matrix has it; its words lie with a case for ninety days. A measure is one of the
ladder, signed by the bot: it ends by itself, can be lifted, and the person can appeal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from content import complaints, ladder
from content.cases import MOST_EVIDENCE, Case, CaseOpened, ask_for_message, read_message
from content.decision import Decision, Effect, Fact, Refusal, Tell, Words, words
from content.guarding import Found, Post
from content.guards import Guard, Level
from content.identifiers import Cause, EventId, OrganisationId, RoomId, StrikeId, UserId, derive
from content.ladder import Frame
from content.rooms import Room
from content.sanctions import Reason, Sanction, State, Step, Want

KEPT = timedelta(days=90)
"""How long it is known where a guard struck, and at whom."""

MEASURE: Mapping[Guard, tuple[Step, timedelta, Reason]] = {
    **dict.fromkeys(
        (Guard.FLOOD, Guard.REPEATS, Guard.MENTIONS), (Step.MUTE, timedelta(minutes=10), Reason.FLOOD)
    ),
    **dict.fromkeys((Guard.LINKS, Guard.NEWCOMERS), (Step.MUTE, timedelta(minutes=10), Reason.RULE)),
    **dict.fromkeys((Guard.WORDS, Guard.PATTERNS, Guard.MEDIA), (Step.WARNING, timedelta(days=30), Reason.RULE)),
    Guard.SECRETS: (Step.WARNING, timedelta(days=30), Reason.CONFIDENTIAL),
}
"""What each guard does where it may act: the mildest measure that ends what it has seen."""


class Strike(Struct, frozen=True, kw_only=True):
    """That a guard struck at something, at what level; no word of it."""

    id: StrikeId
    organisation: OrganisationId
    room: RoomId
    event: EventId
    user: UserId
    guard: Guard
    level: Level
    at: datetime


class GuardStruck(Fact, frozen=True, kw_only=True):
    """A guard struck in a room."""

    organisation: OrganisationId
    room: RoomId
    user: UserId
    strike: Strike


class HideMessage(Effect, frozen=True, kw_only=True):
    """Take a message out of its room."""

    strike: StrikeId
    organisation: OrganisationId
    room: RoomId


class Scene(Struct, frozen=True, kw_only=True):
    """What is known where a guard strikes.

    ``exempt`` is somebody who moderates or leads there; ``late`` tells that it was said a while ago, when a measure of
    minutes has no sense any more. ``case`` is the one to which it is added, new where it is not ``known``; ``held`` is
    how much evidence lies there. ``strangers`` are those of a wave who are on no roster; ``moderators`` are told.
    """

    room: Room
    exempt: bool
    late: bool
    case: Case | Refusal
    known: bool
    held: int
    frame: Frame
    strangers: tuple[UserId, ...] = ()
    moderators: tuple[UserId, ...] = ()


def left_to(found: Sequence[Found], *, exempt: bool) -> tuple[Found, ...]:
    """Return what counts of what was found: of who moderates or leads, a secret document alone, and that as a flag."""
    if not exempt:
        return tuple(found)
    return tuple(
        Found(guard=one.guard, level=Level.FLAG, entry=one.entry, again=one.again)
        for one in found
        if one.guard is Guard.SECRETS
    )


def follow(
    post: Post, found: Sequence[Found], scene: Scene, *, me: UserId, console: str, cause: Cause, now: datetime
) -> Decision | None:
    """Return what follows from what was found in an event, nothing where it has been said already."""
    found = left_to(found, exempt=scene.exempt)
    if not found:
        return None
    if post.joined:
        return _wave(post, found[0], scene, cause=cause, console=console)
    first = found[0]
    fresh = tuple(one for one in found if not one.again)
    if not fresh and first.level is Level.FLAG:
        return None
    struck = _struck(post, first, scene.room, cause)
    facts: list[Fact] = [struck]
    effects: list[Effect] = []
    at, room = scene.room.organisation, scene.room.id
    facts += [
        complaints.flag(at, room, post.event, about=post.user, rule=one.guard, now=post.at) for one in fresh
    ]
    if first.level is Level.FLAG:
        return Decision(facts=tuple(facts))
    effects.append(HideMessage(strike=struck.strike.id, organisation=at, room=room))
    if isinstance(scene.case, Refusal):
        return Decision(facts=tuple(facts), effects=tuple(effects))
    if not scene.known:
        facts.append(CaseOpened(case=scene.case))
    facts += _evidence(post, scene.case, scene.held, me=me, now=now)
    acts = first.level is Level.ACT and not scene.late
    measure = _measure(first, scene.case, scene, cause=cause, now=now) if acts else None
    if measure is not None:
        done = ladder.impose(measure, now=now)
        facts += done.facts
        effects += done.effects
        effects += _tell_moderators(measure, scene, console)
    elif not first.again:
        said = words("guards.told_hidden", room=scene.room.name, why=(_why(first.guard),))
        effects.append(Tell(user=post.user, words=said))
    return Decision(facts=tuple(facts), effects=tuple(effects))


def _why(guard: Guard) -> Words:
    return words(f"guards.why_{guard}")


def _struck(post: Post, first: Found, room: Room, cause: Cause) -> GuardStruck:
    strike = Strike(
        id=StrikeId(derive(cause, "strike")),
        organisation=room.organisation,
        room=room.id,
        event=post.event,
        user=post.user,
        guard=first.guard,
        level=first.level,
        at=post.at,
    )
    return GuardStruck(organisation=room.organisation, room=room.id, user=post.user, strike=strike)


def _wave(post: Post, first: Found, scene: Scene, *, cause: Cause, console: str) -> Decision | None:
    """Tell those who moderate that many whom nobody knows are coming in, once for a wave."""
    if first.again or post.user not in scene.strangers:
        return None
    address = f"{console}/rooms/{scene.room.id}"
    said = words("guards.told_wave", room=scene.room.name, n=len(scene.strangers), address=address)
    tell = tuple(Tell(user=one, words=said, unasked=True, urgent=True) for one in scene.moderators)
    return Decision(facts=(_struck(post, first, scene.room, cause),), effects=tell)


def _evidence(post: Post, case: Case, held: int, *, me: UserId, now: datetime) -> tuple[Fact, ...]:
    """Keep what a message says before it is hidden, up to what a case holds."""
    if held >= MOST_EVIDENCE:
        return ()
    asked, _ = ask_for_message(case, post.room, post.event, by=me, now=now)
    text = "\n".join(part for part in (post.text, post.filename) if part)
    return (read_message(asked.evidence, sender=post.user, said_at=post.at, text=text),)


def _measure(first: Found, case: Case, scene: Scene, *, cause: Cause, now: datetime) -> Sanction | None:
    """Return the measure that is taken; none where it holds already, or where the room does not let us."""
    step, lasts, reason = MEASURE[first.guard]
    held = any(one.step is step and one.state is State.ACTIVE and one.case == case.id for one in scene.frame.standing)
    if first.again or held:
        return None
    wanted = Want(step=step, reason=reason, lasts=lasts)
    made = ladder.prepare(case, wanted, scene.frame, cause=cause, now=now)
    return None if isinstance(made, Refusal) else made


def _tell_moderators(measure: Sanction, scene: Scene, console: str) -> Collection[Tell]:
    said = words(
        "guards.told_acted",
        room=scene.room.name,
        step=(words(f"sanction.step_{measure.step}"),),
        number=measure.number,
        address=f"{console}/cases/{measure.case}",
    )
    return tuple(Tell(user=one, words=said, unasked=True) for one in scene.moderators)
