"""Has guards look at what is said in the organisation's rooms, and takes what they find to what follows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec.structs import replace

from bot.commands.asking import Settings
from bot.commands.grammar import read
from bot.commands.plain import without_reply_fallback
from bot.commands.replies import replied
from bot.commands.understanding import cause_of, is_for_us
from bot.commands.vocabulary import Verb
from bot.formatted import html_of, links_in, shown_beside
from bot.matrix.events import Event
from content import cases as case_rules
from content import strikes
from content.cases import Case, is_exempt
from content.complaints import LONGEST_WORDS
from content.decision import Decision
from content.guarding import ONCE_IN, Found, Lookout, Post, Watch, answered, in_time
from content.guards import Guard, Kind, Level, Lists, Place, Rules, rules_of
from content.identifiers import Cause, EventId, OrganisationId, RoomId, UserId
from content.lateness import is_late
from content.organisations import Right
from content.slow_mode import Slowed
from content.strikes import Scene, left_to, may_measure, needs_case
from storage import cases, guards, locks, organisations, outbox_queries, rooms, sanctions
from storage.slow_mode import gap_in, slowed
from storage.store import Step
from storage.unit import Reading

_PILL = re.compile(r"https?://matrix\.to/#/(@|%40)", re.IGNORECASE)
_LINKED = re.compile(r"https://matrix\.to/#/(!|%21|#|%23)|matrix:(?:roomid|r)/")
_LONGEST_COMPLAINT = LONGEST_WORDS + 400
"""A complaint's words with its command and a link."""

_KINDS = {
    "m.image": Kind.IMAGE,
    "m.video": Kind.VIDEO,
    "m.audio": Kind.AUDIO,
    "m.file": Kind.FILE,
}


def ours(me: UserId, console: str) -> frozenset[str]:
    """Return the hosts to which links are always allowed: those of the console and of our homeserver."""
    return frozenset(filter(None, (urlsplit(console).hostname, me.partition(":")[2])))


async def lookout_rules(unit: Reading, place: Place, *, me: UserId, console: str) -> Rules:
    """Return what is looked for at a place as of now."""
    return rules_of(place, await guards.lists(unit), ours=ours(me, console))


class Guarding:
    """Guards at work: the rules of each room, as of a minute ago at most, and the one watch over all rooms."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watch = Watch()
        self._lists: Lists | None = None
        self._lookouts: dict[tuple[RoomId, timedelta | None], Lookout] = {}
        self._slowed: dict[RoomId, Slowed] = {}
        self._ours = ours(settings.me, settings.console)

    async def recall(self, unit: Reading) -> None:
        """Read what places have set."""
        lists = await guards.lists(unit)
        if lists != self._lists:
            self._lists, self._lookouts = lists, {}
        self._slowed = await slowed(unit)

    def steps(
        self,
        events: Iterable[Event],
        came: dict[str, datetime],
        joins: Collection[str] = (),
        unanswered: Collection[str] = (),
    ) -> list[Step]:
        """Return what follows from events in the organisation's rooms, in their order.

        ``came`` tells when each was said, ``joins`` which of them let somebody in who was out, ``unanswered`` what asks
        for something and is passed over.
        """
        steps = []
        for event in events:
            if event.event_id not in unanswered and complains(event):
                continue
            step = self._step(event, came[event.event_id], joined=event.event_id in joins)
            if step is not None:
                steps.append(step)
        return steps

    def _step(self, event: Event, at: datetime, *, joined: bool) -> Step | None:
        cause = Cause(f"guard:{cause_of(event)}")
        try:
            post = entered(event, at) if joined else said(event, at, self._settings.me)
            lookout = self._lookout(RoomId(event.room_id), at) if post is not None else None
            found = self._watch.see(post, lookout) if post is not None and lookout is not None else ()
        except Exception as error:
            return Step(cause=cause, decide=_raising(error), event=EventId(event.event_id), room=RoomId(event.room_id))
        if post is None or not found:
            return None
        if all(one.again and one.level is Level.FLAG and one.guard is not Guard.JOINS for one in found):
            return None
        return self._following(cause, post, found)

    def _lookout(self, room: RoomId, at: datetime) -> Lookout | None:
        slowed = self._slowed.get(room)
        gap = slowed.at(at) if slowed is not None else None
        known = self._lookouts.get((room, gap))
        if known is None and self._lists is not None:
            organisation = self._lists.parents.get(OrganisationId(room))
            if organisation is None:
                return None
            place = Place(organisation=organisation, room=room)
            rules = rules_of(place, self._lists, ours=self._ours)
            known = self._lookouts[room, gap] = Lookout(rules if gap is None else rules.slowed(gap))
        return known

    def _following(self, cause: Cause, post: Post, found: Sequence[Found]) -> Step:
        me, console = self._settings.me, self._settings.console

        async def decide(unit: Reading) -> Decision | None:
            counted = await _in_time(unit, post, found)
            scene = await _scene(unit, post, counted, me=me, cause=cause) if counted else None
            if scene is None:
                return None
            return strikes.follow(post, counted, scene, me=me, console=console, cause=cause, now=unit.now)

        return Step(cause=cause, decide=decide, actor=me, room=post.room, event=post.event)


def _raising(error: Exception) -> Any:
    async def decide(_unit: Reading) -> Decision:
        raise error

    return decide


async def _in_time(unit: Reading, post: Post, found: Sequence[Found]) -> Sequence[Found]:
    """Return what was found without what slow mode lets pass: answers to the bot, and what was said a while ago.

    Which messages are ours only our own record knows, and whether slow mode still holds is asked as of now.
    """
    targets = answered(post, found)
    if not targets:
        return found
    ours = await outbox_queries.ours(unit, post.room, [one for one in targets if one is not None])
    holds = not is_late(post.at, unit.now) and await gap_in(unit, post.room) is not None
    return in_time(post, found, ours=ours, holds=holds)


async def _scene(unit: Reading, post: Post, found: Sequence[Found], *, me: UserId, cause: Cause) -> Scene | None:
    """Read what is known where guards struck; nothing where nothing of it counts, or the room is nobody's."""
    room = await rooms.room(unit, post.room)
    if room is None:
        return None
    at = room.organisation
    if post.joined and await _is_no_news(unit, post):
        return None
    duties = await organisations.duties_reaching(unit, post.user, [at])
    exempt = is_exempt(post.user, me=me, duties=duties)
    counted = left_to(found, exempt=exempt)
    if not counted:
        return None
    scene = Scene(
        room=room,
        exempt=exempt,
        late=is_late(post.at, unit.now),
        strangers=await guards.strangers(unit, counted[0].people),
        moderators=tuple(one for one in await organisations.holders_of(unit, at, Right.MODERATE) if one != post.user),
        told=bool(counted[0].before)
        and await guards.is_told(unit, room.id, post.user, counted[0].guard, since=post.at - ONCE_IN),
    )
    if post.joined:
        return replace(scene, door=await locks.place(unit, room.id, me))
    if not needs_case(counted):
        return scene
    known = await cases.latest(unit, post.user, at, unit.now - case_rules.GOES_ON)
    if known is not None and len(await cases.evidence_of(unit, known.id)) >= case_rules.MOST_EVIDENCE:
        # What is hidden is kept: where the case holds no more, with another.
        known = None
    new = case_rules.open_case(post.user, at, number=await cases.next_number(unit), by=me, cause=cause, now=unit.now)
    return replace(
        scene,
        case=known or (new if isinstance(new, Case) else None),
        known=known is not None,
        frame=await sanctions.frame(unit, post.user, at, by=me, me=me, only=[room.id])
        if may_measure(counted)
        else None,
    )


async def _is_no_news(unit: Reading, post: Post) -> bool:
    """Tell whether somebody who enters begins no wave: they are known, or one was told of a moment ago."""
    told = await guards.has_struck(unit, post.room, Guard.JOINS, since=post.at - ONCE_IN)
    return told or not await guards.strangers(unit, [post.user])


def entered(event: Event, at: datetime) -> Post | None:
    """Return what a guard sees of somebody who enters a room."""
    if event.type != "m.room.member" or not event.state_key:
        return None
    user = UserId(event.state_key)
    return Post(room=RoomId(event.room_id), event=EventId(event.event_id), user=user, at=at, joined=True)


def complains(event: Event) -> bool:
    """Tell whether a message brings another before those who moderate: what it quotes of that is not its own.

    It is taken out of the room anyway, and no guard may give away who wrote it.
    """
    content = event.content
    related = content.get("m.relates_to")
    related = related if isinstance(related, dict) else {}
    text = without_reply_fallback(_text(content, "body"))
    if event.type != "m.room.message" or content.get("msgtype") != "m.text" or related.get("rel_type") == "m.replace":
        return False
    if len(text) > _LONGEST_COMPLAINT or not ("m.in_reply_to" in related or _LINKED.search(text)):
        return False
    command = read(text)
    return command is not None and command.verb is Verb.COMPLAIN


def said(event: Event, at: datetime, me: UserId) -> Post | None:
    """Return what a guard sees of a message, of an edit what it says now; ``None`` of all else, and of our own."""
    if event.foreign or event.state_key is not None or event.sender == me:
        return None
    if event.type not in ("m.room.message", "m.sticker"):
        return None
    content, edit = event.content, False
    related = content.get("m.relates_to")
    if isinstance(related, dict) and related.get("rel_type") == "m.replace":
        new = content.get("m.new_content")
        content, edit = (new if isinstance(new, dict) else content), True
    kind = Kind.STICKER if event.type == "m.sticker" else _KINDS.get(_text(content, "msgtype"))
    body, html = _text(content, "body"), html_of(content)
    links = links_in(html)
    filename = _text(content, "filename") or (body if kind is Kind.FILE else "")
    mentioned = event.content.get("m.mentions")
    return Post(
        room=RoomId(event.room_id),
        event=EventId(event.event_id),
        user=UserId(event.sender),
        at=at,
        text="" if body == filename else without_reply_fallback(body),
        shown=shown_beside(body, html),
        links=links,
        kind=kind,
        filename=filename,
        mentions=max(_number_mentioned(mentioned), len({unquote(one) for one in links if _PILL.match(one)})),
        calls_all=isinstance(mentioned, dict) and mentioned.get("room") is True,
        edit=edit,
        asks=is_for_us(event, me),
        replied=replied(event.content),
    )


def _text(content: dict[str, Any], name: str) -> str:
    found = content.get(name)
    return found if isinstance(found, str) else ""


def _number_mentioned(mentioned: object) -> int:
    users = mentioned.get("user_ids") if isinstance(mentioned, dict) else None
    return len({one for one in users if isinstance(one, str)}) if isinstance(users, list) else 0
