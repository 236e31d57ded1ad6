"""The rules by which measures are taken: by whom, with whose word beside it, until when, and how each is undone."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from content import approvals
from content.approvals import Act, Proposal
from content.cases import Case
from content.decision import Decision, Effect, Refusal, Secret, Tell, Words, refused, words
from content.identifiers import Cause, ProposalId, RoomId, SanctionId, UserId, derive
from content.muting import hindered, possible
from content.rooms import Invite
from content.sanctions import (
    CONFIRM_WITHIN,
    HURTS,
    LASTING,
    Appeal,
    Hindrance,
    Impose,
    Lift,
    PlaceMoved,
    Reason,
    Sanction,
    SanctionDropped,
    SanctionEnded,
    SanctionImposed,
    SanctionLifted,
    SanctionPrepared,
    Site,
    State,
    Step,
    Want,
    length_of,
    named,
    reason_of,
)
from content.upgrades import RoomMoved

LONGEST_WORDS = 300

ALONE = timedelta(days=1)
"""How long a ban may last that one person imposes; a longer one takes two."""

ALONE_WITHIN = timedelta(days=7)
"""Within what time the bans by one person alone are taken together."""

LONGEST = timedelta(days=366)


class Frame(Struct, frozen=True, kw_only=True):
    """What is known when a measure is taken against a person at a node.

    ``sites`` are the rooms that are meant, ``standing`` the measures that hold against the person. ``exempt`` is
    somebody who moderates or leads there. ``others`` are those whose word counts beside ``by``'s, ``waiting`` the
    proposals that nobody has answered. ``entitled`` tells whether ``by`` moderates there. ``banned_alone`` is how long
    bans by one person alone have lately kept them out of these rooms.
    """

    me: UserId
    by: UserId
    sites: tuple[Site, ...]
    standing: tuple[Sanction, ...]
    exempt: bool
    others: tuple[UserId, ...]
    waiting: tuple[Proposal, ...] = ()
    entitled: bool = True
    banned_alone: timedelta = timedelta(0)


def takes_two(want: Want, frame: Frame) -> bool:
    """Tell whether a measure takes a second person: a ban that is long by itself, or after others in a row."""
    return want.step is Step.BAN and (want.lasts is None or want.lasts + frame.banned_alone > ALONE)


def prepare(case: Case, want: Want, frame: Frame, *, cause: Cause, now: datetime) -> Sanction | Refusal:
    """Make a measure of what is wanted, or say what is in the way: before it is done and not after."""
    me, by, sites = frame.me, frame.by, frame.sites
    said = want.words.strip()
    if len(said) > LONGEST_WORDS:
        return refused("sanction.words_too_long", field="words", most=LONGEST_WORDS)
    if want.reason is Reason.OTHER and not said:
        return refused("sanction.why", field="words")
    if case.user == by:
        return refused("cases.not_oneself", field="step")
    if frame.exempt and want.step is not Step.NOTE:
        return refused("sanction.exempt", field="step")
    if want.lasts is not None and not timedelta(minutes=1) <= want.lasts <= LONGEST:
        return refused("sanction.length", field="lasts", days=LONGEST.days)
    rooms = possible(want, sites, me=me, user=case.user)
    if want.step in HURTS:
        if not sites:
            return refused("sanction.no_room", field="step")
        if not rooms:
            return _impossible(want, sites, me=me, user=case.user)
        before = next((one for one in frame.standing if one.step is want.step and {*one.rooms} & {*rooms}), None)
        if before is not None and want.step in LASTING:
            return refused("sanction.holds_already", field="step", number=before.number)
    return Sanction(
        id=SanctionId(derive(cause, "sanction")),
        case=case.id,
        number=case.number,
        organisation=case.organisation,
        user=case.user,
        step=want.step,
        reason=want.reason,
        words=said,
        lasts=want.lasts if want.step in LASTING else None,
        by=by,
        at=now,
        state=State.DRAFT,
        rooms=rooms if want.step in HURTS else (),
    )


def _impossible(want: Want, sites: Collection[Site], *, me: UserId, user: UserId) -> Refusal:
    lines = tuple(hindered(want, sites, me=me, user=user))
    return refused("sanction.impossible", field="step", list=lines)


def impose(sanction: Sanction, *, now: datetime, agreed_by: UserId | None = None) -> Decision:
    """Let a measure hold from now on: in each of its rooms, and told to the person in their language."""
    begun = replace(
        sanction,
        state=State.ACTIVE if sanction.step in LASTING else State.ENDED,
        at=now,
        until=now + sanction.lasts if sanction.lasts is not None else None,
        agreed_by=agreed_by,
    )
    effects: list[Effect] = [
        Impose(sanction=begun.id, organisation=begun.organisation, room=room, user=begun.user) for room in begun.rooms
    ]
    if begun.step is not Step.NOTE:
        effects.append(Tell(user=begun.user, words=_told(begun), sanction=begun.id))
    return Decision(facts=(SanctionImposed(sanction=begun),), effects=tuple(effects))


def _told(sanction: Sanction) -> Words:
    """Return what a person is told of a measure against them."""
    why, number = (reason_of(sanction),), sanction.number
    if sanction.until is None:
        return words(f"sanction.told_{sanction.step}", why=why, number=number)
    return words(f"sanction.told_{sanction.step}_until", why=why, number=number, until=sanction.until)


def want(
    sanction: Sanction,
    frame: Frame,
    *,
    id: ProposalId,  # noqa: A002
    now: datetime,
) -> Decision | Refusal:
    """Impose a measure at once, or ask others for their word where it takes two."""
    others, waiting = frame.others, frame.waiting
    if not takes_two(_wanted(sanction), frame):
        return impose(sanction, now=now)
    if not others:
        return refused("sanction.nobody_else", field="lasts")
    if any(one.act is Act.BAN and one.detail == sanction.case for one in waiting):
        return refused("approvals.waits_already", field="lasts")
    proposal = Proposal(
        id=id,
        act=Act.BAN,
        organisation=sanction.organisation,
        subject=sanction.id,
        detail=sanction.case,
        by=sanction.by,
        at=now,
    )
    proposed = approvals.propose(proposal, waiting=waiting)
    if isinstance(proposed, Refusal):
        return proposed
    prepared = SanctionPrepared(sanction=replace(sanction, state=State.WAITING, at=now))
    said = words("sanction.asked_ban", number=sanction.number, why=(reason_of(sanction),))
    asked = tuple(Tell(user=one, words=said, sanction=sanction.id) for one in sorted(others))
    return Decision(facts=(*proposed.facts, prepared), effects=asked)


def _wanted(sanction: Sanction) -> Want:
    return Want(step=sanction.step, reason=sanction.reason, words=sanction.words, lasts=sanction.lasts)


def agree(
    sanction: Sanction, proposal: Proposal, case: Case, frame: Frame, *, by: UserId, now: datetime
) -> Decision | Refusal:
    """Agree to a ban that another wants, so that it is imposed as far as it may be by what stands at this moment.

    ``frame`` is that of who wants it, of the rooms that were meant.
    """
    if sanction.state is not State.WAITING:
        return refused("sanction.over")

    def act() -> Decision | Refusal:
        if not frame.entitled:
            return refused("sanction.no_right_any_more")
        others = tuple(one for one in frame.standing if one.id != sanction.id)
        fresh = prepare(
            case, _wanted(sanction), replace(frame, standing=others), cause=Cause(f"agree:{sanction.id}"), now=now
        )
        if isinstance(fresh, Refusal):
            return fresh
        return impose(replace(fresh, id=sanction.id), now=now, agreed_by=by)

    return approvals.approve(proposal, by=by, may=frame.others, act=act, now=now)


def disagree(
    sanction: Sanction, proposal: Proposal, *, by: UserId, may: Collection[UserId], now: datetime
) -> Decision | Refusal:
    """Decline a ban that another wants; who wants it takes it back by the same word."""
    if sanction.state is not State.WAITING:
        return refused("sanction.over")
    declined = approvals.decline(proposal, by=by, may=may, now=now)
    if isinstance(declined, Refusal):
        return declined
    return Decision(facts=(*declined.facts, SanctionDropped(sanction=replace(sanction, state=State.DROPPED), at=now)))


def _undone(sanction: Sanction) -> tuple[Effect, ...]:
    """Return what is undone in rooms: a mute and a ban by themselves; who was removed is asked in again by hand."""
    if sanction.step not in LASTING:
        return ()
    return tuple(
        Lift(sanction=sanction.id, organisation=sanction.organisation, room=room, user=sanction.user)
        for room in sanction.rooms
    )


def end(sanction: Sanction, *, now: datetime) -> Decision | None:
    """End a measure whose time is over; nothing follows for one that is lifted by then."""
    if sanction.state is not State.ACTIVE or sanction.until is None or sanction.until > now:
        return None
    over = replace(sanction, state=State.ENDED)
    effects = list(_undone(sanction))
    if sanction.step is not Step.WARNING:
        effects.append(Tell(user=sanction.user, words=words(f"sanction.over_{sanction.step}"), unasked=True))
    return Decision(facts=(SanctionEnded(sanction=over, at=now),), effects=tuple(effects))


def lift(sanction: Sanction, why: str, *, by: UserId, now: datetime) -> Decision | Refusal:
    """Take a measure back before its time, or strike out one that is over; the person is told so, and does it not."""
    why = why.strip()
    if by == sanction.user:
        return refused("cases.not_oneself", field="why")
    if sanction.state is State.LIFTED:
        return refused("sanction.lifted_already")
    if sanction.state not in (State.ACTIVE, State.ENDED) or sanction.step is Step.NOTE:
        return refused("sanction.nothing_to_lift")
    if not why:
        return refused("sanction.why_lifted", field="why")
    if len(why) > LONGEST_WORDS:
        return refused("sanction.words_too_long", field="why", most=LONGEST_WORDS)
    if sanction.appeal is Appeal.MADE:
        sanction = replace(sanction, appeal=Appeal.SETTLED)
    return lifted(sanction, why, words("sanction.lifted", step=named(sanction), why=Secret(why)), by=by, now=now)


def lifted(sanction: Sanction, why: str, told: Words, *, by: UserId, now: datetime) -> Decision:
    """Undo a measure and tell the person so in these words."""
    undone = _undone(sanction) if sanction.state is State.ACTIVE else ()
    if sanction.step is Step.REMOVAL:
        undone = tuple(Invite(room=room, user=sanction.user) for room in sanction.rooms)
    fact = SanctionLifted(sanction=replace(sanction, state=State.LIFTED), by=by, why=why, at=now)
    return Decision(facts=(fact,), effects=(*undone, Tell(user=sanction.user, words=told)))


def ask_to_confirm(
    sanction: Sanction,
    name: str,
    rooms: tuple[Words, ...],
    hindered: tuple[Words, ...],
    others: Collection[UserId] = (),
) -> Decision:
    """Ask who moderates in chat whether they mean it: what will be done, where, and where it cannot be.

    ``others`` are further accounts of the same person, which it leaves as they are.
    """
    said = words(
        f"sanction.confirm_{sanction.step}",
        name=name,
        why=(reason_of(sanction),),
        length=(length_of(sanction.lasts),),
        rooms=rooms,
        minutes=int(CONFIRM_WITHIN.total_seconds() // 60),
    )
    if hindered:
        said = words("sanction.confirm_not_everywhere", said=(said,), list=hindered)
    if others:
        said = words("sanction.confirm_one_account", said=(said,), accounts=", ".join(others))
    return Decision(
        facts=(SanctionPrepared(sanction=sanction),),
        effects=(Tell(user=sanction.by, words=said, sanction=sanction.id),),
    )


def confirm(
    sanction: Sanction, *, by: UserId, decide: Callable[[Sanction], Decision | Refusal], now: datetime
) -> Decision | Refusal | None:
    """Do what was asked for in chat, by the word of who asked and within a few minutes of it."""
    if by != sanction.by or sanction.state is not State.DRAFT:
        return None
    if now > sanction.at + CONFIRM_WITHIN:
        return refused("sanction.confirm_too_late")
    return decide(sanction)


def let_go(draft: Sanction, *, now: datetime) -> Decision:
    """Let what was asked for in chat be, by the word of who asked."""
    dropped = SanctionDropped(sanction=replace(draft, state=State.DROPPED), at=now)
    return Decision(facts=(dropped,), effects=(Tell(user=draft.by, words=words("sanction.let_go")),))


def carry_on(moved: Decision, old: RoomId, standing: Collection[Sanction]) -> Decision:
    """Let the measures of a room go on in the one that takes its place, where a decision says that one does.

    One that waits for a second person is carried out nowhere yet; one that is over is still to be undone there.

    Whether the new room's levels came along with the old one's or not, what is put back is what was before.
    """
    new = next((fact.new for fact in moved.facts if isinstance(fact, RoomMoved)), None)
    if new is None:
        return moved
    facts = tuple(PlaceMoved(id=one.id, old=old, new=new.id) for one in standing)
    effects = tuple(
        (Impose if one.state is State.ACTIVE else Lift)(
            sanction=one.id, organisation=one.organisation, room=new.id, user=one.user
        )
        for one in standing
        if one.state is not State.WAITING
    )
    return Decision(facts=(*moved.facts, *facts), effects=(*moved.effects, *effects))


def tell_stuck(sanction: Sanction, room: str, why: Hindrance, *, undoing: bool, whom: Collection[UserId]) -> Decision:
    """Tell those who moderate that something could not be done in a room, or not be undone there."""
    key = "sanction.stuck_undoing" if undoing else "sanction.stuck"
    said = words(
        key, number=sanction.number, step=named(sanction), room=room, why=(words(f"sanction.hindrance_{why}"),)
    )
    return Decision(effects=tuple(Tell(user=one, words=said, unasked=True) for one in sorted(whom)))
