"""封禁名单: the rules of a policy room (MSC2313) are read, looked at, and held to here; none is published."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Effect, Fact, Refusal, Tell, refused, words
from content.identifiers import Cause, OrganisationId, PolicyBanId, PolicyListId, RoomId, UserId, derive
from content.rooms import Decline
from content.sanctions import Hindrance, PlaceState

LONGEST_ADDRESS = 255
LONGEST_PATTERN = 255
LONGEST_REASON = 200

MOST_AT_ONCE, FEWEST_AT_ONCE, SHARE = 10, 2, 10
"""How many people a list may show out within a day by itself: one of ``SHARE`` of those in the rooms, within bounds."""

SOON = timedelta(days=1)


class Entity(StrEnum):
    """What a rule is about."""

    USER = "user"
    SERVER = "server"
    ROOM = "room"


TYPES: Mapping[str, Entity] = {
    f"{prefix}.{entity}": entity
    for entity in Entity
    for prefix in ("m.policy.rule", "m.room.rule", "org.matrix.mjolnir.rule")
}
"""The kinds of state in which rules stand: the one of the specification and those before it."""

_BANS = frozenset({"m.ban", "org.matrix.mjolnir.ban"})


class Rule(Struct, frozen=True, kw_only=True):
    """One rule: what it is about, whom it means (``*`` is anything, ``?`` one sign), why, and who says so."""

    entity: Entity
    pattern: str
    reason: str = ""
    by: str = ""


def read_rule(kind: str, content: Mapping[str, Any], by: str = "") -> Rule | None:
    """Read a rule out of a piece of state; ``None`` for what is none, was taken back, or recommends something else."""
    entity, pattern = TYPES.get(kind), content.get("entity")
    if entity is None or not isinstance(pattern, str) or not 0 < len(pattern) <= LONGEST_PATTERN:
        return None
    if content.get("recommendation") not in _BANS:
        return None
    reason = content.get("reason")
    why = reason[:LONGEST_REASON] if isinstance(reason, str) else ""
    return Rule(entity=entity, pattern=pattern, reason=why, by=by)


def read_rules(said: Iterable[tuple[str, UserId, Mapping[str, Any]]]) -> Rules:
    """Read what a room says: kind, who says it and content. What is no rule is passed over and counted.

    What was taken back says nothing any more, and is not counted.
    """
    found = [read_rule(kind, content, by) for kind, by, content in said if content]
    return Rules((rule for rule in found if rule is not None), passed_over=found.count(None))


def matches(pattern: str, text: str) -> bool:
    """Tell whether a text is what a pattern means, in one way through both: no pattern takes longer than its length.

    What stands between two ``*`` is looked for once, as early as it comes; to look further back brings nothing.
    """
    first, *rest = pattern.split("*")
    if not rest:
        return len(first) == len(text) and _stands(first, text, 0)
    *middle, last = rest
    at = len(first)
    if len(text) < at + len(last) or not _stands(first, text, 0):
        return False
    end = len(text) - len(last)
    if not _stands(last, text, end):
        return False
    for part in middle:
        found = _find(part, text, at, end)
        if found is None:
            return False
        at = found + len(part)
    return True


def _stands(part: str, text: str, at: int) -> bool:
    piece = text[at : at + len(part)]
    return piece == part or ("?" in part and all(one in ("?", other) for one, other in zip(part, piece, strict=True)))


def _find(part: str, text: str, at: int, end: int) -> int | None:
    if "?" not in part:
        found = text.find(part, at, end)
        return found if found >= 0 else None
    return next((place for place in range(at, end - len(part) + 1) if _stands(part, text, place)), None)


def server_of(user: UserId) -> str:
    """Return the server of an account, as rules name it."""
    return user.partition(":")[2].casefold()


class Rules:
    """The rules of a list, so that thousands of them are asked about a person in a moment.

    ``passed_over`` is how many the list has besides, which are not held to.
    """

    def __init__(self, rules: Iterable[Rule], *, passed_over: int = 0) -> None:
        self.all = tuple(rules)
        self.passed_over = passed_over
        self._exact: dict[tuple[Entity, str], Rule] = {}
        self._patterns: list[Rule] = []
        for one in self.all:
            if "*" in one.pattern or "?" in one.pattern:
                self._patterns.append(one)
            else:
                self._exact.setdefault((one.entity, _folded(one)), one)

    def about(self, user: UserId) -> Rule | None:
        """Return a rule that means a person, by their account or their server."""
        server = server_of(user)
        exact = self._exact.get((Entity.USER, user)) or self._exact.get((Entity.SERVER, server))
        if exact is not None:
            return exact
        texts: dict[Entity, str] = {Entity.USER: user, Entity.SERVER: server}
        found = (one for one in self._patterns if one.entity in texts)
        return next((one for one in found if matches(_folded(one), texts[one.entity])), None)

    def sparing(self, me: UserId) -> Rules:
        """Return the rules without those that mean the bot too: anybody, our own server, a glob that says too much."""
        kept = [one for one in self.all if Rules([one]).about(me) is None]
        return Rules(kept, passed_over=self.passed_over + len(self.all) - len(kept))

    def number_of(self, entity: Entity) -> int:
        """Return how many rules there are about a kind of thing."""
        return sum(one.entity is entity for one in self.all)


def _folded(rule: Rule) -> str:
    return rule.pattern.casefold() if rule.entity is Entity.SERVER else rule.pattern


class State(StrEnum):
    """Where a list stands: entered to be looked at, wanted by one person, held to since a second agreed, or over."""

    LOOKED_AT = "looked_at"
    WANTED = "wanted"
    APPLIED = "applied"
    ENDED = "ended"


class PolicyList(Struct, frozen=True, kw_only=True):
    """A policy room that a node looks at or holds to; ``room`` is unknown until the bot is in it."""

    id: PolicyListId
    organisation: OrganisationId
    address: str
    room: RoomId | None
    state: State
    by: UserId
    at: datetime
    wanted_by: UserId | None = None


class PolicyBan(Struct, frozen=True, kw_only=True):
    """Somebody who is kept out of one of our rooms because of a rule, as long as the rule stands."""

    id: PolicyBanId
    list: PolicyListId
    organisation: OrganisationId
    room: RoomId
    user: UserId
    pattern: str


class PolicyListAdded(Fact, frozen=True, kw_only=True):
    """A policy room is to be looked at."""

    list: PolicyList


class PolicyRoomEntered(Fact, frozen=True, kw_only=True):
    """The bot is in a policy room; or it is not let in, and ``room`` is none."""

    id: PolicyListId
    room: RoomId | None


class PolicyListWanted(Fact, frozen=True, kw_only=True):
    """Somebody wants a list held to, and a second person is to agree."""

    list: PolicyList
    by: UserId
    at: datetime


class PolicyListApplied(Fact, frozen=True, kw_only=True):
    """A list is held to from now on."""

    list: PolicyList
    by: UserId
    at: datetime


class PolicyListHeldBack(Fact, frozen=True, kw_only=True):
    """A list would show out too many at once, and takes the word of two anew."""

    list: PolicyList
    at: datetime


class PolicyListEnded(Fact, frozen=True, kw_only=True):
    """A list is held to no longer, and what it brought about is undone."""

    list: PolicyList
    by: UserId
    at: datetime


class PolicyBanned(Fact, frozen=True, kw_only=True):
    """By a rule somebody is to be kept out of a room."""

    ban: PolicyBan
    at: datetime


class PolicyUnbanned(Fact, frozen=True, kw_only=True):
    """The rule is gone, or the list: who was kept out by it is let in again."""

    ban: PolicyBan
    at: datetime


class PolicyBanSettled(Fact, frozen=True, kw_only=True):
    """It was carried out or undone in its room, or could not be; ``ours`` tells that nobody had banned them before."""

    id: PolicyBanId
    state: PlaceState
    ours: bool
    at: datetime
    why: Hindrance | None = None


class EnterPolicyRoom(Effect, frozen=True, kw_only=True):
    """Go into a policy room, to read it."""

    list: PolicyListId
    organisation: OrganisationId


class KeepOut(Effect, frozen=True, kw_only=True):
    """Keep somebody out of a room because of a rule."""

    ban: PolicyBanId
    organisation: OrganisationId
    room: RoomId
    user: UserId


class LetIn(Effect, frozen=True, kw_only=True):
    """Undo that somebody is kept out of a room because of a rule."""

    ban: PolicyBanId
    organisation: OrganisationId
    room: RoomId
    user: UserId


def add(
    address: str, at: OrganisationId, *, known: Collection[PolicyList], by: UserId, cause: Cause, now: datetime
) -> Decision | Refusal:
    """Go and look at a policy room; nothing is done to anybody by that."""
    address = address.strip()
    if len(address) > LONGEST_ADDRESS or address[:1] not in ("#", "!") or len(address) < 2:
        return refused("policies.no_address", field="address")
    if any(one.address == address and one.organisation == at and one.state is not State.ENDED for one in known):
        return refused("policies.known", field="address")
    one = PolicyList(
        id=PolicyListId(derive(cause, "policy list")),
        organisation=at,
        address=address,
        room=None,
        state=State.LOOKED_AT,
        by=by,
        at=now,
    )
    return Decision(facts=(PolicyListAdded(list=one),), effects=(EnterPolicyRoom(list=one.id, organisation=at),))


def apply(one: PolicyList, *, by: UserId, others: Collection[UserId], now: datetime) -> Decision | Refusal:
    """Want a list held to, or agree to it: to keep people out for as long as others say so takes two."""
    if one.room is None:
        return refused("policies.not_entered")
    if one.state is State.LOOKED_AT:
        if not others:
            return refused("sanction.nobody_else")
        wanted = replace(one, state=State.WANTED, wanted_by=by)
        told = tuple(Tell(user=user, words=words("policies.asked", address=one.address)) for user in sorted(others))
        return Decision(facts=(PolicyListWanted(list=wanted, by=by, at=now),), effects=told)
    if one.state is not State.WANTED:
        return refused("policies.over")
    if by == one.wanted_by:
        return refused("approvals.not_oneself")
    if by not in others:
        return refused("approvals.not_yours")
    return Decision(facts=(PolicyListApplied(list=replace(one, state=State.APPLIED), by=by, at=now),))


def end(one: PolicyList, bans: Collection[PolicyBan], *, alone: bool, by: UserId, now: datetime) -> Decision | Refusal:
    """Hold to a list no longer and undo what it brought about; where nobody else is in the room, leave it."""
    if one.state is State.ENDED:
        return refused("policies.over")
    lifted = _let_in(bans, now=now)
    leave: tuple[Effect, ...] = (Decline(room=one.room),) if alone and one.room is not None else ()
    over = PolicyListEnded(list=replace(one, state=State.ENDED), by=by, at=now)
    return Decision(facts=(over, *lifted.facts), effects=(*lifted.effects, *leave))


def tell_unread(one: PolicyList, moderators: Collection[UserId]) -> Decision:
    """Tell who moderates that a list can be read no more; who is kept out by it stays so until somebody ends it."""
    said = words("policies.tell_unread", address=one.address)
    return Decision(effects=tuple(Tell(user=user, words=said) for user in moderators))


def _let_in(bans: Collection[PolicyBan], *, now: datetime) -> Decision:
    return Decision(
        facts=tuple(PolicyUnbanned(ban=one, at=now) for one in bans),
        effects=tuple(LetIn(ban=one.id, organisation=one.organisation, room=one.room, user=one.user) for one in bans),
    )


class Hit(Struct, frozen=True, kw_only=True):
    """Somebody in one of our rooms whom a rule means; one who is ``exempt`` stays, a person decides about them."""

    user: UserId
    room: RoomId
    rule: Rule
    exempt: bool


def hits(
    rules: Rules, there: Mapping[RoomId, Collection[UserId]], exempt: Collection[UserId], *, me: UserId
) -> tuple[Hit, ...]:
    """Return who of those in our rooms is meant by a rule; a person is asked about once, in however many rooms."""
    rules = rules.sparing(me)
    known: dict[UserId, Rule | None] = {}
    found = []
    for room, people in there.items():
        for user in people:
            if user not in known:
                known[user] = rules.about(user)
            rule = known[user]
            if rule is not None and user != me:
                found.append(Hit(user=user, room=room, rule=rule, exempt=user in exempt))
    return tuple(sorted(found, key=lambda one: (one.exempt, one.user, one.room)))


def at_most(people: int) -> int:
    """Return how many of so many people in the rooms a list may show out within a day without a word of two."""
    return max(FEWEST_AT_ONCE, min(MOST_AT_ONCE, people // SHARE))


def hold_to(
    one: PolicyList,
    rules: Rules,
    found: Collection[Hit],
    standing: Collection[PolicyBan],
    *,
    exempt: Collection[UserId],
    rooms: Collection[RoomId],
    people: int,
    lately: Collection[UserId],
    fresh: bool,
    now: datetime,
) -> Decision | None:
    """Keep out whom a rule means by now, and let in whom none means any more; nothing where all is so already.

    ``exempt`` are who stays, ``rooms`` those at or below the list's node, ``people`` how many are in them. What two
    have just looked at (``fresh``) may show out any number; after that whoever was shown out ``lately``, within a day,
    counts along, so that a list cannot show out a few each minute.
    """
    gone = [ban for ban in standing if rules.about(ban.user) is None or ban.user in exempt or ban.room not in rooms]
    kept = {(ban.room, ban.user) for ban in standing}
    bans = [
        PolicyBan(
            id=PolicyBanId(derive(one.id, hit.room, hit.user, now.isoformat())),
            list=one.id,
            organisation=one.organisation,
            room=hit.room,
            user=hit.user,
            pattern=hit.rule.pattern,
        )
        for hit in found
        if not hit.exempt and (hit.room, hit.user) not in kept
    ]
    if not gone and not bans:
        return None
    lifted = _let_in(gone, now=now)
    new = {ban.user for ban in bans}
    if new and not fresh and len(new | {*lately}) > at_most(people):
        back = PolicyListHeldBack(list=replace(one, state=State.LOOKED_AT, wanted_by=None), at=now)
        return replace(lifted, facts=(*lifted.facts, back))
    out = tuple(KeepOut(ban=ban.id, organisation=ban.organisation, room=ban.room, user=ban.user) for ban in bans)
    facts = (*lifted.facts, *(PolicyBanned(ban=ban, at=now) for ban in bans))
    return Decision(facts=facts, effects=(*lifted.effects, *out))


def tell_held_back(done: Decision, moderators: Collection[UserId]) -> Decision:
    """Tell who moderates, where a list was held back."""
    back = next((fact.list for fact in done.facts if isinstance(fact, PolicyListHeldBack)), None)
    if back is None:
        return done
    said = words("policies.tell_held_back", address=back.address)
    return replace(done, effects=(*done.effects, *(Tell(user=user, words=said) for user in moderators)))
