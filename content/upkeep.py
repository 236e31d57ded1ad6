"""Keeps rooms in order: who belongs where, what is wrong with a room, and the rules by which that is changed."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Effect, Refusal, Tell, refused, words
from content.identifiers import OrganisationId, RoomId, UserId
from content.members import Member
from content.organisations import Kind, Organisation
from content.power import Powers, Undecidable, may, may_send, needed_to_send, power
from content.rooms import (
    LEADS,
    MENDABLE,
    TEMPLATES,
    Flaw,
    History,
    Invite,
    MakeRoom,
    Mend,
    Purpose,
    Remove,
    Room,
    RoomKept,
)

APPLICANTS = frozenset({"入党积极分子", "积极分子", "发展对象"})
"""Categories of the roster that an applicants' room is for."""

_DUTIES = ("书记", "委员", "支委")
"""Words of a position by which its holder sits on the committee; a group's leader does not."""

_HERE = frozenset({"join", "invite"})
_OLDEST_TRUSTED = 10
"""Older room versions read levels from text and let a redaction change who may do what."""


class Ability(StrEnum):
    """What the bot must be able to do in a room of the organisation."""

    INVITE = "invite"
    REMOVE = "remove"
    POST = "post"
    PIN = "pin"
    POWER = "power"


class Standing(Struct, frozen=True, kw_only=True):
    """What a room is by its own state: who may do what, who is there (``join`` or ``invite``), what is read by whom."""

    me: UserId
    powers: Powers
    people: Mapping[UserId, str]
    joining: str | None
    history: str | None
    encrypted: bool
    federates: bool
    name: str | None = None
    is_space: bool = False
    replaced: bool = False
    children: frozenset[RoomId] = frozenset()

    @property
    def version(self) -> int | None:
        """Return the room's version, ``None`` where it is none that we know."""
        return self.powers.version

    @property
    def is_creator(self) -> bool:
        """Tell whether the bot stands above every level here, which nobody can take from it."""
        return self.power_of(self.me) == math.inf

    def makers(self) -> tuple[UserId, ...]:
        """Return who made the room, other than the bot; since version 12 they stand above every level in it."""
        return tuple(sorted(UserId(user) for user in self.powers.creators if user != self.me))

    def power_of(self, user: UserId) -> float:
        """Return a person's level; below everything where the state does not say it."""
        try:
            return power(self.powers, user)
        except Undecidable:
            return -math.inf

    def may_set(self, type: str) -> bool:  # noqa: A002 - the field's name
        """Tell whether the bot may set a kind of state."""
        return may_send(self.powers, self.me, type, state=True)

    def masters(self) -> tuple[UserId, ...]:
        """Return who in the room, other than the bot, may give it rights."""
        try:
            wanted = needed_to_send(self.powers, "m.room.power_levels", state=True)
        except Undecidable:
            return ()
        there = (user for user, how in self.people.items() if how == "join" and user != self.me)
        return tuple(sorted(user for user in there if self.power_of(user) >= wanted))


class Person(Struct, frozen=True, kw_only=True):
    """Someone who belongs in a room: a member, with or without an account, or someone who leads and is no member."""

    user: UserId | None
    member: Member | None


def belonging(
    purpose: Purpose, node: Organisation, below: Iterable[Member], leaders: Iterable[UserId]
) -> tuple[Person, ...]:
    """Return who belongs in a room of a node: by the roster, and those who lead.

    ``below`` are the members at or below the node. A branch, a group and the announcements are for all of them, a
    committee for those with a position, applicants for theirs. Into staff rooms and spaces nobody comes by the roster.
    """
    people = [Person(user=one.user, member=one) for one in below if _belongs(purpose, node, one)]
    known = {one.user for one in people}
    by_user = {one.user: one for one in below if one.user is not None}
    people += [Person(user=user, member=by_user.get(user)) for user in sorted(leaders) if user not in known]
    return tuple(people)


def _belongs(purpose: Purpose, node: Organisation, member: Member) -> bool:
    match purpose:
        case Purpose.BRANCH | Purpose.GROUP | Purpose.ANNOUNCEMENT:
            return True
        case Purpose.COMMITTEE:
            near = node.kind is Kind.BRANCH or member.organisation == node.id
            return near and any(word in member.position for word in _DUTIES)
        case Purpose.APPLICANTS:
            return member.category in APPLICANTS
        case _:
            return False


class Care(Struct, frozen=True, kw_only=True):
    """A room of the organisation with everything by which it is judged.

    ``welcome`` are accounts that may be in it without belonging: whoever holds a duty at the node or above it.
    ``space`` is where it ought to hang, with that space's state.
    """

    room: Room
    lost: str | None
    standing: Standing | None
    people: tuple[Person, ...]
    leaders: frozenset[UserId]
    welcome: frozenset[UserId]
    space: RoomId | None = None
    space_standing: Standing | None = None

    def _there(self) -> Mapping[UserId, str]:
        return self.standing.people if self.standing is not None else {}

    @property
    def joined(self) -> tuple[Person, ...]:
        """Return who belongs and is in the room."""
        there = self._there()
        return tuple(one for one in self.people if one.user is not None and there.get(one.user) == "join")

    @property
    def invited(self) -> tuple[Person, ...]:
        """Return who belongs and has been asked in."""
        there = self._there()
        return tuple(one for one in self.people if one.user is not None and there.get(one.user) == "invite")

    @property
    def absent(self) -> tuple[Person, ...]:
        """Return who belongs, has an account, and was not asked in or has left; whom one may ask, so nobody banned."""
        there, out = self._there(), _HERE | {"ban"}
        return tuple(one for one in self.people if one.user is not None and there.get(one.user) not in out)

    @property
    def banned(self) -> tuple[Person, ...]:
        """Return who belongs and was banned by somebody who moderates the room."""
        there = self._there()
        return tuple(one for one in self.people if one.user is not None and there.get(one.user) == "ban")

    @property
    def knocking(self) -> tuple[UserId, ...]:
        """Return who asks from outside to be let in, whether they belong or not."""
        return tuple(sorted(user for user, how in self._there().items() if how == "knock"))

    @property
    def without_account(self) -> tuple[Person, ...]:
        """Return who belongs and has no account yet."""
        return tuple(one for one in self.people if one.user is None)

    @property
    def outsiders(self) -> tuple[UserId, ...]:
        """Return who is in the room, or asked in, and does not belong; into a staff room comes whoever is invited."""
        if self.standing is None or self.room.purpose is Purpose.STAFF:
            return ()
        there = (user for user, how in self._there().items() if how in _HERE)
        return tuple(sorted(user for user in there if not self.may_stay(user)))

    @property
    def strange_makers(self) -> tuple[UserId, ...]:
        """Return who made the room and has no place in it, by roster or duty; into a staff room comes who is there."""
        if self.standing is None:
            return ()
        staff = self.standing.people if self.room.purpose is Purpose.STAFF else {}
        return tuple(one for one in self.standing.makers() if not self.may_stay(one) and staff.get(one) != "join")

    def may_stay(self, user: UserId) -> bool:
        """Tell whether a person belongs in the room by roster or duty, or is the bot itself."""
        me = self.standing is not None and user == self.standing.me
        return me or user in self.welcome or any(one.user == user for one in self.people)

    @property
    def lacks(self) -> tuple[Ability, ...]:
        """Return what the bot ought to be able to do here and may not."""
        return abilities_missing(self.standing, self.room.purpose) if self.standing is not None else ()


def abilities_missing(standing: Standing, purpose: Purpose) -> tuple[Ability, ...]:
    """Return what the bot may not do in a room and needs there; in a space nothing is said or pinned."""
    me, powers = standing.me, standing.powers
    held = {
        Ability.INVITE: may(powers, me, "invite"),
        Ability.REMOVE: may(powers, me, "kick"),
        Ability.POST: may_send(powers, me, "m.room.encrypted" if standing.encrypted else "m.room.message"),
        Ability.PIN: may_send(powers, me, "m.room.pinned_events", state=True),
        Ability.POWER: may_send(powers, me, "m.room.power_levels", state=True),
    }
    silent = {Ability.POST, Ability.PIN} if purpose is Purpose.SPACE else set()
    return tuple(ability for ability, has in held.items() if not has and ability not in silent)


def examine(care: Care, *, encrypts: bool = True) -> tuple[Flaw, ...]:
    """Return what is wrong with a room, the gravest first; ``encrypts`` tells whether rooms here are encrypted."""
    if care.lost is not None:
        return (Flaw.LOST,)
    if care.standing is None:
        return (Flaw.UNSEEN,)
    found = set(inspect(care.standing, care.room.purpose, encrypts=encrypts))
    there = care.standing.people
    if any(there.get(user) == "join" and care.standing.power_of(user) < LEADS for user in care.leaders):
        found.add(Flaw.LEADERLESS)
    if care.space_standing is not None and care.room.id not in care.space_standing.children:
        found.add(Flaw.ASTRAY)
    if care.strange_makers:
        found.add(Flaw.STRANGER)
    return tuple(flaw for flaw in Flaw if flaw in found)


def inspect(standing: Standing, purpose: Purpose, *, encrypts: bool = True) -> tuple[Flaw, ...]:
    """Return what is wrong with a room by its own state alone, measured by the template of a purpose."""
    widths = list(History)
    allowed = widths.index(TEMPLATES[purpose].history)
    # Without the event, history is shared: that is what the specification says.
    history = standing.history or History.SHARED
    shown = widths.index(History(history)) if history in {*History} else len(widths)
    wrong = {
        Flaw.OPEN: standing.joining != "invite" or history == History.WORLD,
        Flaw.CLEAR: encrypts and not standing.encrypted and purpose is not Purpose.SPACE,
        Flaw.FEDERATED: standing.federates,
        Flaw.READABLE: history != History.WORLD and shown > allowed,
        Flaw.POWERLESS: bool(abilities_missing(standing, purpose)),
        Flaw.OVERRULED: any(standing.power_of(user) == math.inf for user in standing.makers()),
        Flaw.OLD: standing.version is None or standing.version < _OLDEST_TRUSTED,
    }
    return tuple(flaw for flaw in Flaw if wrong.get(flaw))


def can_mend(care: Care, flaw: Flaw) -> bool:
    """Tell whether the bot may put a flaw right by itself."""
    if care.standing is None or flaw not in MENDABLE:
        return False
    match flaw:
        case Flaw.OPEN:
            both = ("m.room.join_rules", "m.room.history_visibility")
            return all(care.standing.may_set(type_) for type_ in both)
        case Flaw.CLEAR:
            return care.standing.may_set("m.room.encryption")
        case Flaw.READABLE:
            return care.standing.may_set("m.room.history_visibility")
        case Flaw.LEADERLESS:
            return care.standing.may_set("m.room.power_levels")
        case _:
            return care.space_standing is not None and care.space_standing.may_set("m.space.child")


def fits(purpose: Purpose, node: Organisation) -> bool:
    """Tell whether a node may have a room of this purpose."""
    return node.kind in TEMPLATES[purpose].kinds


class Housed(Struct, frozen=True, kw_only=True):
    """What a node has, or is being given: purposes of rooms that work, and of those that are being made."""

    node: Organisation
    has: frozenset[Purpose] = frozenset()
    coming: frozenset[Purpose] = frozenset()

    @property
    def missing(self) -> tuple[Purpose, ...]:
        """Return what could be made for the node."""
        return tuple(one for one in Purpose if fits(one, self.node) and one not in self.has | self.coming)


def make_room(purpose: Purpose, chain: tuple[Housed, ...]) -> Decision | Refusal:
    """Make a room for the last node of a chain, with the spaces in which it is to stand, the topmost first.

    ``chain`` leads from the highest node for which the person may make rooms down to the one that is meant.
    """
    at = chain[-1]
    if not fits(purpose, at.node):
        return refused("rooms.not_for_this", name=at.node.name)
    if purpose in at.has:
        return refused("rooms.exists", name=at.node.name)
    if purpose in at.coming:
        return refused("rooms.is_coming")
    spaces = [
        MakeRoom(organisation=one.node.id, purpose=Purpose.SPACE) for one in chain if Purpose.SPACE in one.missing
    ]
    wanted = MakeRoom(organisation=at.node.id, purpose=purpose)
    return Decision(effects=(*spaces, *(() if wanted in spaces else (wanted,))))


def invite_missing(care: Care, under_way: Collection[UserId] = ()) -> Decision | Refusal:
    """Ask everyone into a room who belongs there, has an account, and is not on the way in."""
    if care.lost is not None:
        return refused("rooms.is_lost")
    effects = invitations(care.room.id, care.absent, under_way)
    return Decision(effects=effects) if effects else refused("rooms.nobody_missing")


def invitations(room: RoomId, people: Iterable[Person], under_way: Collection[UserId] = ()) -> tuple[Effect, ...]:
    """Return an invitation for each of these people who has an account."""
    wanted = (one.user for one in people if one.user is not None and one.user not in under_way)
    return tuple(Invite(room=room, user=user) for user in wanted)


def mend(care: Care, flaw: Flaw, *, encrypts: bool) -> Decision | Refusal:
    """Have the bot put a flaw right."""
    if flaw not in examine(care, encrypts=encrypts):
        return refused("rooms.is_fine")
    if not can_mend(care, flaw):
        return refused("rooms.cannot_mend")
    return Decision(effects=(Mend(room=care.room.id, organisation=care.room.organisation, flaw=flaw),))


def remove(care: Care, user: UserId) -> Decision | Refusal:
    """Have a person shown out who is in a room, or asks to come in, and does not belong; the bot looks again first."""
    if user not in care.outsiders and (user not in care.knocking or care.may_stay(user)):
        return refused("rooms.belongs_after_all")
    if care.standing is None or not may(care.standing.powers, care.standing.me, "kick", user):
        return refused("rooms.may_not_remove")
    return Decision(effects=(Remove(room=care.room.id, organisation=care.room.organisation, user=user),))


class Claim(Struct, frozen=True, kw_only=True):
    """What somebody asks for who wants a room that is there already to become one of the organisation."""

    room: RoomId
    node: Organisation
    purpose: Purpose
    by: UserId


def adopt(
    claim: Claim,
    standing: Standing | None,
    *,
    owner: OrganisationId | None,
    private: bool,
    has: Collection[Purpose],
    name: str,
    space: RoomId | None = None,
) -> Decision | Refusal:
    """Take a room over for a node, from somebody who governs it; what is wrong with it is shown before, and after.

    ``owner`` is whose room it is already, ``private`` whether it is one person's talk with the bot, ``has`` the
    purposes of the node's rooms that work, ``space`` the space it then hangs in.
    """
    if owner is not None:
        return refused("rooms.has_owner")
    if private:
        return refused("rooms.is_private")
    if standing is None or standing.people.get(standing.me) != "join" or standing.replaced:
        return refused("rooms.bot_is_not_there")
    if not governs(standing, claim.by):
        return refused("rooms.you_do_not_govern", level=LEADS)
    if not fits(claim.purpose, claim.node) or standing.is_space is not (claim.purpose is Purpose.SPACE):
        return refused("rooms.not_for_this", name=claim.node.name)
    if claim.purpose in has:
        return refused("rooms.exists", name=claim.node.name)
    room = Room(
        id=claim.room,
        organisation=claim.node.id,
        purpose=claim.purpose,
        name=name,
        encrypted=standing.encrypted,
    )
    hang = Mend(room=room.id, organisation=claim.node.id, flaw=Flaw.ASTRAY)
    return Decision(facts=(RoomKept(room=room),), effects=(hang,) if space is not None else ())


def governs(standing: Standing, user: UserId) -> bool:
    """Tell whether a person is in a room with the power to change its state, and so may answer for it."""
    levels = standing.powers.levels or {}
    wanted = levels.get("state_default", LEADS)
    if type(wanted) is not int:
        return False
    return standing.people.get(user) == "join" and standing.power_of(user) >= max(wanted, LEADS)


class Taken(Struct, frozen=True, kw_only=True):
    """What a person has had the bot take up lately: whether they have a private room that works, and how many."""

    has_private: bool = False
    private_today: int = 0
    rooms_today: int = 0


MOST_PRIVATE = 3
"""Private rooms that one person may open with the bot in a day; a lost phone takes one."""

MOST_ROOMS = 30
"""Rooms into which one person may bring the bot in a day; a whole organisation moves in over some days."""


def takes_up(taken: Taken, *, direct: bool) -> bool:
    """Tell whether one more invitation of a person is taken up: nobody may make the bot join without end."""
    if direct:
        return not taken.has_private and taken.private_today < MOST_PRIVATE
    return taken.rooms_today < MOST_ROOMS


def tell_of_knock(room: Room, leaders: Iterable[UserId], *, console: str) -> Decision:
    """Tell those who lead that somebody asks to come into a room of theirs; who it is stands at the desk."""
    said = words("rooms.somebody_knocks", room=room.name, address=f"{console}/knocks")
    return Decision(effects=tuple(Tell(user=user, words=said, unasked=True) for user in leaders))


def tell_of_loss(room: Room, leaders: Iterable[UserId], *, banned: bool = False, console: str) -> Decision:
    """Tell those who lead that the bot is in one of their rooms no more; what is planned cannot be shown there."""
    key = "rooms.bot_is_banned" if banned else "rooms.bot_is_out"
    said = words(key, room=room.name, address=f"{console}/rooms")
    return Decision(effects=tuple(Tell(user=user, words=said, unasked=True) for user in leaders))
