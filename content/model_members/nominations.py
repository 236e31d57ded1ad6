"""The call for nominations, who is nominated by whom and why, and whether they agree."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from content.ballots import LONGEST_TITLE
from content.decision import Decision, Discreet, Fact, Refusal, Tell, discreetly, refused, words
from content.discreet import repr_without
from content.identifiers import MemberId, OrganisationId, SelectionId, UserId
from content.model_members.selections import LONGEST_REASON, OUT, OVER, Nominee, Room, Selection, Stage, Standing, say

MOST_PLACES = 50
MOST_NOMINATIONS = 5
"""How many people one member may nominate in one selection."""
SHORTEST_CALL, LONGEST_CALL = timedelta(hours=1), timedelta(days=90)


class SelectionCalled(Fact, frozen=True, kw_only=True):
    """Members were called to nominate."""

    selection: Selection
    author: UserId


class MemberNominated(Discreet, frozen=True, kw_only=True):
    """A member nominated another, or a group did through who leads it; what they said before of it is replaced."""

    selection: SelectionId
    organisation: OrganisationId
    nominee: MemberId
    by: MemberId
    group: OrganisationId | None
    reason: str

    def __repr__(self) -> str:
        return repr_without(self, "reason")


class NominationAnswered(Fact, frozen=True, kw_only=True):
    """Who was nominated agrees or does not; what they agreed to before they may take back."""

    selection: SelectionId
    organisation: OrganisationId
    nominee: MemberId
    agreed: bool


def call(selection: Selection, *, author: UserId, rooms: Iterable[Room], now: datetime) -> Decision | Refusal:
    """Call members to nominate, in their rooms; what they say comes in private."""
    if not 1 <= len(selection.title) <= LONGEST_TITLE:
        return refused("selection.no_title", field="title", most=LONGEST_TITLE)
    if not 1 <= selection.places <= MOST_PLACES:
        return refused("selection.bad_places", field="places", most=MOST_PLACES)
    if not now + SHORTEST_CALL <= selection.nominate_until <= now + LONGEST_CALL:
        return refused("selection.bad_time", field="date", days=LONGEST_CALL.days)
    said = words("selection.room_called", title=selection.title, n=selection.places, until=selection.nominate_until)
    return Decision(facts=(SelectionCalled(selection=selection, author=author),), effects=say(rooms, said))


def nominate(
    selection: Selection,
    known: Nominee | None,
    nominee: MemberId,
    account: UserId | None,
    *,
    barred: bool,
    by: MemberId,
    sender: UserId,
    group: OrganisationId | None,
    made: Collection[MemberId],
    reason: str,
    now: datetime,
) -> Decision | Refusal:
    """Nominate somebody, with a reason; who is nominated for the first time is asked in private whether they agree.

    ``barred`` tells that the rules keep them out, ``made`` whom the same member has nominated before.
    """
    if selection.stage is not Stage.CALLED or now >= selection.nominate_until:
        return discreetly(refused("selection.nominations_over", title=selection.title))
    if nominee == by:
        return discreetly(refused("selection.not_oneself", field="name"))
    if barred:
        return discreetly(refused("selection.may_not_be_chosen", field="name"))
    if known is not None and known.standing is Standing.WITHDRAWN:
        return discreetly(refused("selection.does_not_want", field="name"))
    if len(set(made) - {nominee}) >= MOST_NOMINATIONS:
        return discreetly(refused("selection.too_many_nominated", most=MOST_NOMINATIONS))
    said = " ".join(reason.split())
    if not 1 <= len(said) <= LONGEST_REASON:
        return discreetly(refused("selection.no_reason", field="reason", most=LONGEST_REASON))
    nominated = MemberNominated(
        selection=selection.id, organisation=selection.organisation, nominee=nominee, by=by, group=group, reason=said
    )
    effects = [Tell(user=sender, words=words("selection.nominated", title=selection.title))]
    if known is None and account is not None:
        # Whether one agrees is theirs to say; who has named them is not for them to know.
        effects.append(Tell(user=account, words=words("selection.do_you_agree", title=selection.title)))
    return Decision(facts=(nominated,), effects=tuple(effects))


def answer(selection: Selection, nominee: Nominee | None, agreed: bool, *, to: UserId | None) -> Decision | Refusal:
    """Take the answer of who was nominated; a yes may be taken back until the announcement, a no stands."""
    late = selection.stage in OVER or (agreed and selection.stage is not Stage.CALLED)
    if nominee is None or nominee.standing in OUT or late:
        return refused("selection.nothing_to_answer")
    if agreed and nominee.standing is not Standing.NOMINATED:
        return refused("selection.agreed_already", title=selection.title)
    answered = NominationAnswered(
        selection=selection.id, organisation=selection.organisation, nominee=nominee.member, agreed=agreed
    )
    said = words("selection.thanks_agreed" if agreed else "selection.thanks_declined", title=selection.title)
    return Decision(facts=(answered,), effects=(Tell(user=to, words=said),) if to is not None else ())
