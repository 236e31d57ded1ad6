"""接龙, 报名, +1, 取消报名: sign-ups begun in a room, joined there or in private, by words, chains and reactions."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from bot.commands.asking import Asking, Place
from bot.commands.plain import normalise
from bot.matrix.events import Event
from content import chains
from content import sign_ups as rules
from content.chains import Chain, Line
from content.decision import Decision, Refusal, Tell, refused, words
from content.identifiers import ActivityId, EventId, RoomId, SignUpId, UserId, derive
from content.live_messages import Sort
from content.members import Member
from content.moments import read_moment
from content.organisations import Right, roots
from content.rooms import Purpose, Room
from content.sign_up_sheets import SignUp, name_of
from content.sign_ups import Speaker
from storage import burden, members, organisations, outbox_queries, quiet, rooms
from storage import sign_ups as stored
from storage.unit import Reading

_SEPARATOR = re.compile("[;；]")
_WORD = re.compile(r"\s*[!！]?\s*(?:接[龙龍]|sign\s*up)\s*[:：]?\s*", re.IGNORECASE)
_UNTIL = re.compile(r"(?:截止(?:时间)?|until)[:\s]*(.*)", re.IGNORECASE | re.DOTALL)
_PLACES = re.compile(r"(?:名额|限|places|limit)[:\s]*([0-9]{1,5})\s*(?:人|个|位|名)?", re.IGNORECASE)


async def sign_up(asking: Asking) -> Decision | Refusal | None:
    """接龙 题目; 截止 18:00; 名额 20: begin one. 接龙, +1, 带1, a pasted chain: be on it, and name others."""
    if ";" in asking.argument:
        return await _begin(asking) if _WORD.match(asking.text) else None
    chain = chains.read_chain(asking.text, headed=asking.sign_up is None)
    if chain is not None and chains.is_about_money(chain.subject):
        return refused("sign_up.money")
    if asking.member is None:
        return refused("help.not_on_roster") if asking.place is Place.PRIVATE else None
    found = await _meant(asking, chain.subject if chain is not None else "")
    if not isinstance(found, SignUp):
        return found
    known = await stored.known_in(asking.unit, found, asking.text)
    # Read again with the names of the roster: two of them may stand in one line.
    chain = chains.read_chain(asking.text, headed=asking.sign_up is None, called=known)
    lines = chain.lines if chain is not None else _lines(asking, known)
    if chain is not None:
        plainly = asking.sign_up is not None or _called(chain, found)
        lines = rules.people_in(lines, asking.member.name, known, plainly=plainly)
    elif asking.place is Place.ROOM and asking.sign_up is None:
        # Beside talk only names count that are known; 参加 is a word of many sentences.
        lines = tuple(line for line in lines if not line.name or chains.folded(line.name) in known)
    if not lines:
        return None
    sheet = await stored.sheet(asking.unit, found)
    return rules.sign_up(sheet, lines, _speaker(asking, asking.member), known=known, now=asking.unit.now)


async def sign_off(asking: Asking) -> Decision | Refusal | None:
    """取消报名: come no more; 取消报名 张明 where one has named them."""
    if asking.member is None:
        return None
    found = await _meant(asking, "")
    if not isinstance(found, SignUp):
        return found
    return await take_off(asking, found, asking.member, asking.argument)


async def take_off(asking: Asking, one: SignUp, member: Member, argument: str = "") -> Decision | Refusal:
    """Take somebody off a sign-up by their own word, or those whom they have named and name now."""
    known = await stored.known_in(asking.unit, one, argument)
    names = chains.names_in(argument, known)
    sheet = await stored.sheet(asking.unit, one)
    return rules.withdraw(sheet, _speaker(asking, member), names=names, known=known, now=asking.unit.now)


async def mine(asking: Asking) -> tuple[tuple[SignUp, datetime], ...]:
    """Return the open sign-ups here on which a member stands, each with since when."""
    if asking.member is None:
        return ()
    found = []
    for one in await _open(asking, asking.member):
        sheet = await stored.sheet(asking.unit, one)
        entry = sheet.entries.get(name_of(one.id, asking.member.id, ""))
        if entry is not None and not entry.withdrawn:
            found.append((one, entry.at))
    return tuple(found)


async def none_of_mine(asking: Asking) -> Refusal | None:
    """Say to who takes back what they have not said that they are on no list, where one is open."""
    found = await _open(asking, asking.member) if asking.member is not None else ()
    return refused("sign_up.not_in", title=found[0].title, name="") if len(found) == 1 else None


def _called(chain: Chain, one: SignUp) -> bool:
    """Tell of a chain that it bears the title of a sign-up itself."""
    return chains.folded(chain.subject) == chains.folded(one.title)


def _speaker(asking: Asking, member: Member) -> Speaker:
    private = asking.place is Place.PRIVATE
    return Speaker(user=asking.sender, member=member.id, name=member.name, event=asking.event, private=private)


def _lines(asking: Asking, known: Collection[str]) -> tuple[Line, ...]:
    """Return whom a message of one line is about: who sent it, or those whom it names."""
    single = chains.read_single(asking.text) or chains.read_single(normalise(asking.text))
    if single is not None:
        return (single,)
    return chains.names_in(asking.argument, known) if asking.argument else (Line(),)


async def _open(asking: Asking, member: Member) -> tuple[SignUp, ...]:
    if asking.sign_up is not None:
        return (asking.sign_up,)
    if asking.place is Place.PRIVATE:
        return await stored.open_for(asking.unit, member)
    here = await stored.open_in(asking.unit, asking.room)
    return tuple([one for one in here if await stored.asks(asking.unit, one, member)])


async def _meant(asking: Asking, subject: str) -> SignUp | Decision | Refusal | None:
    """Find which sign-up is meant: that of the message replied to, the one that is called so, or the only one.

    A chain that is about something else is for none.
    """
    assert asking.member is not None
    if asking.sign_up is not None:
        known = await stored.asks(asking.unit, asking.sign_up, asking.member)
        return asking.sign_up if known else refused("sign_up.not_yours_at_all", title=asking.sign_up.title)
    found = await _open(asking, asking.member)
    if not found:
        return refused("sign_up.nothing_open") if asking.place is Place.PRIVATE else None
    called = tuple(one for one in found if subject and chains.folded(one.title) == chains.folded(subject))
    choice = called or tuple(one for one in found if chains.is_about(subject, one.title))
    if not choice:
        # Another list that is kept in this room; in private it was meant for us.
        titles = tuple(words("sign_up.which_line", title=one.title) for one in found)
        private = asking.place is Place.PRIVATE
        return refused("sign_up.none_called", subject=subject, lines=titles) if private else None
    if len(choice) == 1:
        return choice[0]
    lines = tuple(words("sign_up.which_line", title=one.title) for one in choice)
    return Decision(effects=(Tell(user=asking.sender, words=words("sign_up.which", lines=lines)),))


async def _begin(asking: Asking) -> Decision | Refusal | None:
    """Begin a sign-up in the room where it is said, or from private in the only room that one may ask."""
    room = await _room(asking)
    if not isinstance(room, Room):
        return room
    if not await organisations.may(asking.unit, asking.sender, Right.SCHEDULE, room.organisation):
        return refused("sign_up.no_right")
    node = await organisations.organisation(asking.unit, room.organisation)
    now = asking.unit.now
    local = now.astimezone(ZoneInfo(node.timezone if node else "Asia/Shanghai"))
    draft = _draft(asking, room, local)
    if isinstance(draft, Refusal):
        return draft
    free_at = await quiet.free_for(asking.unit, room.organisation, now)
    answer = rules.begin(draft, author=asking.sender, now=now, free_at=free_at)
    if isinstance(answer, Refusal):
        return answer
    too_much = await burden.refuse_live(asking.unit, room.organisation, room.id, max(free_at, now))
    if too_much is not None:
        return too_much
    if free_at > now:
        told = words("sign_up.held", title=draft.title, until=free_at)
    elif asking.place is Place.ROOM:
        return answer
    else:
        told = words("sign_up.sent", title=draft.title, room=room.name)
    return replace(answer, effects=(*answer.effects, Tell(user=asking.sender, words=told)))


async def _room(asking: Asking) -> Room | Refusal | None:
    if asking.place is Place.ROOM:
        return await rooms.room(asking.unit, asking.room)
    held = roots(await organisations.duties_of(asking.unit, asking.sender), Right.SCHEDULE)
    if not held:
        return refused("sign_up.no_right")
    found = await rooms.rooms_of(asking.unit, held)
    usable = [room for room, lost in found if lost is None and room.purpose is Purpose.BRANCH]
    return usable[0] if len(usable) == 1 else refused("sign_up.say_it_there")


def _draft(asking: Asking, room: Room, local: datetime) -> SignUp | Refusal:
    """Read title, deadline and places from what was said, in the words as they were typed."""
    title, *parts = (part.strip() for part in _SEPARATOR.split(asking.text))
    begun = _WORD.match(title)
    title = " ".join((title[begun.end() :] if begun else title).split())
    closes_at, places = asking.unit.now + rules.USUAL, None
    for part in parts:
        plain = normalise(part)
        until, limit = _UNTIL.fullmatch(plain), _PLACES.fullmatch(plain)
        if until:
            moment = read_moment(until[1], local)
            if moment is None:
                return refused("sign_up.bad_time")
            closes_at = moment
        elif limit:
            places = int(limit[1])
        elif part:
            return refused("sign_up.not_understood", part=part[: rules.LONGEST_TITLE])
    id = SignUpId(derive(asking.cause, "sign_up"))  # noqa: A001 - the field's name
    return SignUp(id=id, organisation=room.organisation, room=room.id, title=title, closes_at=closes_at, places=places)


async def shown_by(unit: Reading, room: RoomId, event: EventId) -> SignUp | None:
    """Return the sign-up that a message of ours shows: its own, or that of an activity."""
    live = await outbox_queries.live_by_event(unit, room, event)
    if live is None:
        return None
    sort, id = live  # noqa: A001 - the field's name
    if sort is Sort.ACTIVITY:
        return await stored.of_activity(unit, ActivityId(id))
    return await stored.sign_up(unit, SignUpId(id))


def is_pasted(text: str) -> bool:
    """Tell of an answer to the message of a sign-up that it is a chain, though it does not say so."""
    return chains.read_chain(text, headed=False) is not None


async def tap(unit: Reading, event: Event, target: EventId, key: str) -> Decision | Refusal | None:
    """Take 🙋 on the message of a sign-up for one's own word; any other reaction means nothing."""
    if not key.startswith("🙋"):
        return None
    one, member = await _by_tap(unit, event, target)
    if one is None or member is None:
        return None
    speaker = Speaker(user=UserId(event.sender), member=member.id, name=member.name, event=EventId(event.event_id))
    return rules.sign_up(await stored.sheet(unit, one), (Line(),), speaker, known={}, now=unit.now)


async def _by_tap(unit: Reading, event: Event, target: EventId) -> tuple[SignUp | None, Member | None]:
    one = await shown_by(unit, RoomId(event.room_id), target)
    member = await members.by_user(unit, UserId(event.sender)) if one is not None else None
    if one is None or member is None or not await stored.asks(unit, one, member):
        return None, None
    return one, member


async def removed(unit: Reading, target: EventId, sender: UserId) -> Decision | None:
    """Take back what a message or a reaction said of sign-ups, which its own sender removed."""
    for id in await stored.named_by(unit, target):  # noqa: A001
        one = await stored.sign_up(unit, id)
        if one is None:
            continue
        member = await members.by_user(unit, sender)
        sheet = await stored.sheet(unit, one)
        taken = rules.take_back(sheet, target, sender, member.id if member else None, now=unit.now)
        if taken is not None:
            return taken
    return None


def may_be_about_one(text: str) -> bool:
    """Tell of the new text of a message that it may name people for a sign-up, or take who sent it off one."""
    return chains.read_single(text) is not None or chains.read_chain(text, headed=False) is not None


async def hear_edit(unit: Reading, event: Event, target: EventId, text: str) -> Decision | Refusal | None:
    """Take an edit of what was said of a sign-up: whom it names now come too, and nobody goes because it omits them.

    One of a message that named nobody is taken where it says 接龙, or speaks of oneself, and one sign-up is open there.
    """
    room, sender = RoomId(event.room_id), UserId(event.sender)
    member = await members.by_user(unit, sender)
    if member is None:
        return None
    named = await stored.named_by(unit, target)
    chain, single = chains.read_chain(text, headed=not named), chains.read_single(text)
    if chain is not None and chains.is_about_money(chain.subject):
        return None
    lines = chain.lines if chain is not None else (single,) if single is not None else ()
    here = await stored.open_in(unit, room)
    known_to = [await stored.sign_up(unit, each) for each in named]
    found = [one for one in known_to if one is not None] if named else list(here)
    if len(found) != 1 or not lines or not await stored.asks(unit, found[0], member):
        return None
    one = found[0]
    sheet = await stored.sheet(unit, one)
    known = await stored.known_in(unit, one, text)
    if chain is not None:
        lines = (chains.read_chain(text, headed=not named, called=known) or chain).lines
    speaker = Speaker(user=sender, member=member.id, name=member.name, event=target)
    if len(lines) == 1 and lines[0].out and not lines[0].name:
        entry = sheet.entries.get(name_of(one.id, member.id, ""))
        if entry is None or entry.withdrawn:
            return None
        return rules.withdraw(sheet, speaker, known=known, now=unit.now)
    if chain is not None:
        if not named and not chains.is_about(chain.subject, one.title):
            return None
        lines = rules.people_in(lines, member.name, known, plainly=bool(named) or _called(chain, one))
    elif not named:
        lines = tuple(line for line in lines if not line.name or chains.folded(line.name) in known)
    answer = rules.sign_up(sheet, lines, speaker, known=known, now=unit.now, edited=True) if lines else None
    return None if isinstance(answer, Refusal) else answer
