"""What follows where a guard strikes: a flag in the queue, the message hidden and kept as evidence, a measure.

A message is hidden for good, as Matrix has it; its words lie with a case for ninety days. A measure is one of the
ladder, signed by the bot: it ends by itself, can be lifted, and the person can appeal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from content import complaints, ladder, locks
from content.cases import Case, CaseOpened, ask_for_message, read_message
from content.decision import Decision, Effect, Fact, Refusal, Tell, Words, words
from content.guarding import Found, Post
from content.guards import Guard, Level
from content.identifiers import Cause, EventId, OrganisationId, RoomId, StrikeId, UserId, derive
from content.ladder import Frame
from content.locks import Lock, Part, Place
from content.rooms import Room
from content.sanctions import Reason, Sanction, State, Step, Want
from content.slow_mode import gap_of

KEPT = timedelta(days=90)
"""How long it is known where a guard struck, and at whom."""

MEASURE: Mapping[Guard, tuple[Step, timedelta, Reason]] = {
    **dict.fromkeys((Guard.FLOOD, Guard.REPEATS, Guard.MENTIONS), (Step.MUTE, timedelta(minutes=10), Reason.FLOOD)),
    **dict.fromkeys((Guard.LINKS, Guard.NEWCOMERS), (Step.MUTE, timedelta(minutes=10), Reason.RULE)),
    **dict.fromkeys((Guard.WORDS, Guard.PATTERNS, Guard.MEDIA), (Step.WARNING, timedelta(days=30), Reason.RULE)),
    Guard.SECRETS: (Step.WARNING, timedelta(days=30), Reason.CONFIDENTIAL),
}
"""What each guard does where it may act: the mildest measure that ends what it has seen."""


MOST_LINKS = 20
"""Addresses behind the words of one message that are kept as evidence."""

DOOR_SHUT = timedelta(hours=1)
"""How long nobody comes in unasked after a wave; then the room's join rule is exactly what it was."""


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
    """Take a message out of its room, and then tell whose it was; not where it is ``silent``: they know already."""

    strike: StrikeId
    organisation: OrganisationId
    room: RoomId
    silent: bool = False


class Scene(Struct, frozen=True, kw_only=True):
    """What is known where a guard strikes.

    ``exempt`` is somebody who moderates or leads there; ``late`` tells that it was said a while ago, when a measure
    of minutes has no sense any more. ``case`` is the one to which something that is hidden is added, new where it is
    not ``known``; ``frame`` is what is known for a measure, where one may be taken. ``strangers`` are those of a wave
    who are on no roster, and ``door`` what is known for closing the room to more of them; ``moderators`` are told.
    ``told`` is that whose message came too soon was told a moment ago that such a one is out of this room, and why.
    """

    room: Room
    exempt: bool
    late: bool
    case: Case | None = None
    known: bool = False
    frame: Frame | None = None
    strangers: tuple[UserId, ...] = ()
    door: Place | None = None
    moderators: tuple[UserId, ...] = ()
    told: bool = False


def needs_case(found: Sequence[Found]) -> bool:
    """Tell whether something is hidden, so that a case keeps what it said; what only came too soon is no case."""
    return bool(found) and found[0].level in (Level.HIDE, Level.ACT) and found[0].guard is not Guard.SLOW


def may_measure(found: Sequence[Found]) -> bool:
    """Tell whether a measure may be taken, so that it must be known what stands in its way."""
    return bool(found) and found[0].level is Level.ACT and not found[0].again


def left_to(found: Sequence[Found], *, exempt: bool) -> tuple[Found, ...]:
    """Return what counts of what was found: of who moderates or leads, a secret document alone, and that as a flag.

    What came too soon and is something else besides is that, and hidden: what it says is kept for who looks into it.
    That the same was flagged a moment ago, nobody was told.
    """
    if not exempt:
        others = [one for one in found if one.guard is not Guard.SLOW]
        soon = next((one for one in found if one.guard is Guard.SLOW), None)
        if soon is not None and others and others[0].level is Level.FLAG:
            others[0] = replace(others[0], level=Level.HIDE, again=False, before=soon.before)
        return tuple(others or found)
    return tuple(replace(one, level=Level.FLAG) for one in found if one.guard is Guard.SECRETS)


def follow(
    post: Post, found: Sequence[Found], scene: Scene, *, me: UserId, console: str, cause: Cause, now: datetime
) -> Decision | None:
    """Return what follows from what was found in an event, nothing where it has been said already."""
    found = tuple(replace(one, again=scene.told) if one.before else one for one in left_to(found, exempt=scene.exempt))
    if not found:
        return None
    if post.joined:
        return _wave(post, found[0], scene, me=me, cause=cause, console=console, now=now)
    first, fresh = found[0], tuple(one for one in found if not one.again)
    if first.guard is Guard.SLOW:
        return _too_soon(post, first, scene, cause=cause)
    if not fresh and first.level is Level.FLAG:
        return None
    struck = _struck(post, first, scene.room, cause)
    at, room = scene.room.organisation, scene.room.id
    flags = tuple(complaints.flag(at, room, post.event, about=post.user, rule=one.guard, now=post.at) for one in fresh)
    if scene.case is None or not needs_case(found):
        return Decision(facts=(struck, *flags))
    opened = () if scene.known else (CaseOpened(case=scene.case),)
    facts = (struck, *flags, *opened, _evidence(post, scene.case, me=me, now=now))
    measure = _measure(first, scene.case, scene, cause=cause, now=now)
    silent = first.again or measure is not None
    hidden = HideMessage(strike=struck.strike.id, organisation=at, room=room, silent=silent)
    if measure is not None:
        done = ladder.impose(measure, now=now)
        told = _tell_moderators(measure, scene, console)
        return Decision(facts=(*facts, *done.facts), effects=(hidden, *done.effects, *told))
    return Decision(facts=facts, effects=(hidden,))


def _too_soon(post: Post, first: Found, scene: Scene, *, cause: Cause) -> Decision:
    """Take back what came too soon, and keep nothing of it."""
    struck = _struck(post, first, scene.room, cause)
    hidden = HideMessage(
        strike=struck.strike.id, organisation=scene.room.organisation, room=scene.room.id, silent=first.again
    )
    return Decision(facts=(struck,), effects=(hidden,))


def tell_hidden(strike: Strike, room: Room, *, gap: timedelta | None = None) -> Decision:
    """Tell whose message is out of its room that it is; in slow mode with the gap that holds there."""
    said = words("guards.told_hidden", room=room.name, why=(_why(strike.guard),))
    if strike.guard is Guard.SLOW and gap is not None:
        said = words("slow.told", room=room.name, gap=(gap_of(gap),))
    return Decision(effects=(Tell(user=strike.user, words=said),))


def tell_not_hidden(room: Room, whom: Collection[UserId]) -> Decision:
    """Tell those who moderate that a message stands in its room which the bot was to take out, and may not."""
    said = words("guards.told_not_hidden", room=room.name)
    return Decision(effects=tuple(Tell(user=one, words=said, unasked=True) for one in sorted(whom)))


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


def _wave(
    post: Post, first: Found, scene: Scene, *, me: UserId, console: str, cause: Cause, now: datetime
) -> Decision | None:
    """Tell those who moderate that many whom nobody knows are coming in, and shut the door a while.

    That it is told once for a wave, the scene sees to: of one that is told already there is none. A room whose door
    is shut already, or that the bot may not shut, stays as it is.
    """
    if post.user not in scene.strangers or len(scene.strangers) < first.most:
        return None
    lock: Lock | Refusal | None = None
    if first.level is Level.ACT and scene.door is not None and not scene.late:
        lock = locks.prepare(scene.door, Part.DOOR, lasts=DOOR_SHUT, by=None, cause=cause, me=me, now=now)
    shut = locks.hold(lock, now=now) if isinstance(lock, Lock) else Decision()
    key = "guards.told_wave_shut" if isinstance(lock, Lock) else "guards.told_wave"
    said = words(key, room=scene.room.name, n=len(scene.strangers), address=f"{console}/rooms/{scene.room.id}")
    tell = tuple(Tell(user=one, words=said, unasked=True, urgent=True) for one in scene.moderators)
    return Decision(facts=(_struck(post, first, scene.room, cause), *shut.facts), effects=(*shut.effects, *tell))


def _evidence(post: Post, case: Case, *, me: UserId, now: datetime) -> Fact:
    """Keep what a message says before it is hidden, with the addresses behind its words."""
    asked, _ = ask_for_message(case, post.room, post.event, by=me, now=now)
    said = tuple(part for part in (post.text, post.shown, post.filename) if part)
    behind = (one for one in dict.fromkeys(post.links) if not any(one in part for part in said))
    text = "\n".join((*said, *islice(behind, MOST_LINKS)))
    return read_message(asked.evidence, sender=post.user, said_at=post.at, text=text)


def _measure(first: Found, case: Case, scene: Scene, *, cause: Cause, now: datetime) -> Sanction | None:
    """Return the measure that is taken; none where it holds already, or where the room does not let us."""
    if first.level is not Level.ACT or first.again or scene.late or scene.frame is None:
        return None
    step, lasts, reason = MEASURE[first.guard]
    if any(
        one.step is step and one.state is State.ACTIVE and one.organisation == case.organisation
        for one in scene.frame.standing
    ):
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
