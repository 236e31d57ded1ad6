"""Decides whether an event is addressed to us at all, and takes it to the handler that answers it."""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from bot.commands import (
    activities,
    answers,
    ballots,
    checkins,
    complaints,
    confirming,
    counted_messages,
    help_cases,
    inquiries,
    pledges,
    polls,
    practice,
    session_choices,
    sign_ups,
    thought_reports,
)
from bot.commands.amounts import vote_numbers
from bot.commands.asking import Asking, Held, Place, Settings
from bot.commands.grammar import Said, is_talk, is_talk_of_asking, language_of, nearest, read
from bot.commands.plain import keyword, normalise, without_reply_fallback
from bot.commands.registry import BY_VERB
from bot.commands.remarks import (
    card_word,
    is_acknowledgement,
    is_bare_reason,
    is_called_out,
    is_choice,
    is_venue_code,
    note_word,
)
from bot.commands.removals import Removal
from bot.commands.replies import answers_another, replied
from bot.commands.spoken_to import (
    called,
    calls,
    may_name,
    mentions,
    names_account,
    names_of_bot,
    names_one,
    without_name,
    without_names,
)
from bot.commands.vocabulary import CALLING, ROOM_WORDS, WORDS, Verb
from bot.matrix import polls as poll_shapes
from bot.matrix.events import Event
from content.checkins import Note
from content.counted_messages import note as note_counted
from content.decision import Decision, Disclose, Effect, Refusal, ShowAgain, Tell, refused, words
from content.identifiers import CardId, Cause, EventId, RoomId, UserId
from content.lateness import answer_late, slow_down
from content.misreadings import misread
from content.polls import Poll
from content.rooms import DirectRoomKept
from storage import members, misreadings, outbox_queries, rooms
from storage import polls as stored_polls
from storage import sanctions as stored_sanctions
from storage.store import Step
from storage.unit import Reading

_POLLS = poll_shapes.STARTS | poll_shapes.RESPONSES | poll_shapes.ENDS
_OF_LEADERS = frozenset(
    {Verb.RESOLVE, Verb.ASSIGN, Verb.SPEAK, Verb.PLAN, Verb.LOCK, Verb.UNLOCK, Verb.SLOW_MODE},
)
"""Heard in a room of those alone whom slow mode does not hold; said by others these are talk there."""
_DECORATION = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")


def is_plain_talk(event: Event, me: UserId) -> bool:
    """Tell of a message in a room of the organisation that it is surely not for us, without asking what is known."""
    if event.type != "m.room.message":
        return False
    body = event.content.get("body")
    if not isinstance(body, str) or event.content.get("m.relates_to") or mentions(event.content, me):
        return False
    return read(body) is None and not may_name(body)


def may_complain(event: Event) -> bool:
    """Tell whether a message, or what it was changed to, reads as a complaint about another, whoever it calls first."""
    new = event.content.get("m.new_content")
    bodies = (event.content.get("body"), new.get("body") if isinstance(new, dict) else None)
    texts = [without_reply_fallback(body) for body in bodies if isinstance(body, str)]
    said = [read(text) for one in texts for text in (one, *without_names(one))]
    return any(one is not None and one.verb is Verb.COMPLAIN for one in said)


def is_for_us(event: Event, me: UserId) -> bool:
    """Tell whether a message in a room calls the bot or is a command that is heard there, not asking what is known.

    What only those who lead may say in a room is talk here.
    """
    if not _is_speech(event.content):
        return False
    if mentions(event.content, me) or names_account(event.content["body"], me):
        return True
    text = without_reply_fallback(event.content["body"])
    said = read(text)
    return said is not None and said.verb not in _OF_LEADERS and _is_heard_in_rooms(said, text)


def _tap_cause(event_id: str) -> Cause:
    """Return the cause that a reaction is: only these are taken back by removing them; what was said stays said."""
    return Cause(f"tap:{event_id}")


def cause_of(event: Event) -> Cause:
    """Return the cause that an event is; of an encrypted one, the place in its session, which no replay can change."""
    if event.megolm is None:
        return Cause(f"event:{event.event_id}")
    session_id, index = event.megolm
    return Cause(f"megolm:{session_id}:{index}")


def asks_now(event: Event) -> bool:
    """Tell of a message that, if it is for us, it wants something at that moment, which nobody wants hours later."""
    if event.type != "m.room.message" or not _is_speech(event.content):
        return False
    said = read(without_reply_fallback(event.content["body"]))
    return said is None or BY_VERB[said.verb].momentary(said.argument)


def understand(event: Event, me: UserId, settings: Settings, held: Held | None = None) -> Step | None:
    """Return the step that an event asks for, ``None`` for what cannot be addressed to us.

    Edits ask for nothing but of what they were said about: one may name more people for a sign-up, or put a question,
    or why one is on leave, otherwise. Nor do notices, emotes, captions or what another bot says.
    """
    sender = UserId(event.sender)
    if event.foreign or event.state_key is not None:
        return None
    if event.sender == me:
        return _own(event, me)
    tapped = event.type == "m.reaction" and event.megolm is None
    cause = _tap_cause(event.event_id) if tapped else cause_of(event)

    def tell(refusal: Refusal) -> tuple[Effect, ...]:
        return (Tell(user=sender, words=refusal.words, language=_asked_in(event)),)

    if event.type == "m.reaction":
        return Step(cause=cause, decide=lambda unit: _tapped(unit, event, cause, me, settings), actor=sender, tell=tell)
    if event.type == "m.room.redaction" and event.redacts:
        removed = _tap_cause(event.redacts)
        return Step(cause=cause, decide=lambda unit: _removed(unit, event, cause, removed), actor=sender)
    if event.type in _POLLS:
        return Step(cause=cause, decide=lambda unit: polls.hear(unit, event, cause, me), actor=sender, tell=tell)
    if event.type == "m.room.message" and (edited := _edited(event.content)) is not None:
        target, text = edited
        return Step(
            cause=cause, decide=lambda unit: _changed(unit, event, me, settings, target, text), actor=sender, tell=tell
        )
    if event.type == "m.room.message" and (answered := activities.is_photo(event.content)) is not None:
        return Step(
            cause=cause, decide=lambda unit: activities.hear_photo(unit, event, answered), actor=sender, tell=tell
        )
    if event.type == "m.room.message" and event.content.get("msgtype") in thought_reports.FILES:
        return Step(cause=cause, decide=lambda unit: _sent(unit, event, me), actor=sender)
    if event.type == "m.room.message" and _is_speech(event.content):
        return Step(cause=cause, decide=lambda unit: _heard(unit, event, me, settings, held), actor=sender, tell=tell)
    return None


def _own(event: Event, me: UserId) -> Step | None:
    """Hear of ourselves only that a poll stands in its room, or ended there: the homeserver's time of it counts."""
    if event.type not in poll_shapes.STARTS | poll_shapes.ENDS:
        return None
    cause = cause_of(event)
    return Step(cause=cause, decide=lambda unit: polls.hear(unit, event, cause, me))


async def _removed(unit: Reading, event: Event, cause: Cause, removed: Cause) -> Decision | None:
    sender = UserId(event.sender)
    answer = await checkins.untap(unit, cause, removed, sender)
    choice = await session_choices.untap(unit, cause, removed, sender)
    # Who named a session of a meeting said by the same tap that they come to it.
    answer = replace(answer, facts=(*answer.facts, *choice.facts)) if answer and choice else answer or choice
    if answer is not None or event.redacts is None:
        return answer
    target = EventId(event.redacts)
    removal = Removal(room=RoomId(event.room_id), target=target, by=sender)
    answer = await sign_ups.removed(unit, target, sender)
    answer = answer or await activities.removed(unit, removal)
    answer = answer or await thought_reports.removed(unit, target, sender)
    answer = answer or await help_cases.removed(unit, target, sender)
    answer = answer or await pledges.removed(unit, removal)
    answer = answer or await polls.removed(unit, removal)
    return answer or await counted_messages.removed(unit, removal)


async def _changed(
    unit: Reading, event: Event, me: UserId, settings: Settings, target: EventId, text: str
) -> Decision | Refusal | None:
    """Take an edit as one of a message that names people for a sign-up, asks for help or about a pledge, or reports.

    So are words for an album. Of another that counted, the reason for a leave changes with it, and of the rest it is
    said that they stand.
    """
    answer = await sign_ups.hear_edit(unit, event, target, text) if sign_ups.may_be_about_one(text) else None
    answer = answer or await thought_reports.edited(unit, event, target, text)
    answer = answer or await help_cases.edited(unit, target, UserId(event.sender), text)
    answer = answer or await pledges.edited(unit, UserId(event.sender), settings, target, text)
    if answer is None and (mentions(event.content, me) or names_account(text, me)):
        text = without_name(text, await names_of_bot(unit, RoomId(event.room_id), me))
    answer = answer or await activities.edited(unit, UserId(event.sender), target, text)
    return answer or await counted_messages.edited(unit, event, target, text)


async def _sent(unit: Reading, event: Event, me: UserId) -> Decision | None:
    """Answer a file that is sent in private where words are waited for."""
    place, _ = await _place(unit, RoomId(event.room_id), UserId(event.sender), me)
    return await thought_reports.hear_file(unit, event, private=place is Place.PRIVATE)


def _is_speech(content: dict[str, Any]) -> bool:
    related = content.get("m.relates_to")
    edit = isinstance(related, dict) and related.get("rel_type") == "m.replace"
    return content.get("msgtype") == "m.text" and isinstance(content.get("body"), str) and not edit


def _edited(content: dict[str, Any]) -> tuple[EventId, str] | None:
    """Return which message a text replaces by what other, ``None`` for what is no edit of a text."""
    related, fresh = content.get("m.relates_to"), content.get("m.new_content")
    if not isinstance(related, dict) or related.get("rel_type") != "m.replace" or not isinstance(fresh, dict):
        return None
    target, body = related.get("event_id"), fresh.get("body")
    if fresh.get("msgtype") != "m.text" or not isinstance(target, str) or not isinstance(body, str):
        return None
    return EventId(target), without_reply_fallback(body)


async def _tapped(
    unit: Reading, event: Event, cause: Cause, me: UserId, settings: Settings
) -> Decision | Refusal | None:
    related = event.content.get("m.relates_to")
    if not isinstance(related, dict) or related.get("rel_type") != "m.annotation":
        return None
    key, target = related.get("key"), related.get("event_id")
    if not isinstance(key, str) or not isinstance(target, str) or len(key) > 20:
        return None
    sign = _DECORATION.sub("", key)
    if sign == complaints.FLAG:
        return await complaints.tap(unit, event, EventId(target), me)
    card = await outbox_queries.by_event(unit, EventId(target))
    if card is None:
        measured = await confirming.tap(unit, EventId(target), UserId(event.sender), sign, cause, me, settings.console)
        if measured is not None:
            return measured
        signed = await sign_ups.tap(unit, event, EventId(target), sign)
        if signed is not None:
            return signed
        return await polls.tap(unit, RoomId(event.room_id), EventId(target), event, key)
    member = await members.by_user(unit, UserId(event.sender))
    if member is None:
        return None
    chosen = await session_choices.tap(unit, cause, member.id, card, key)
    return chosen or await checkins.tap(unit, cause, member.id, card, sign)


async def _heard(
    unit: Reading, event: Event, me: UserId, settings: Settings, held: Held | None
) -> Decision | Refusal | None:
    """Answer what was said, and keep of a message that counts that it does."""
    answer, cause = await _said(unit, event, me, settings, held), cause_of(event)
    if not isinstance(answer, Decision):
        return answer
    room, user = RoomId(event.room_id), UserId(event.sender)
    return note_counted(answer, event=EventId(event.event_id), room=room, user=user, cause=cause, at=unit.now)


async def _said(
    unit: Reading, event: Event, me: UserId, settings: Settings, held: Held | None
) -> Decision | Refusal | None:
    room, sender = RoomId(event.room_id), UserId(event.sender)
    place, learned = await _place(unit, room, sender, me)
    if place is None:
        if not _wants_to_adopt(event):
            return None
        place = Place.OFFERED
    target = replied(event.content)
    card = await outbox_queries.by_event(unit, target) if target else None
    poll = await stored_polls.by_event(unit, room, target) if target else None
    sign_up = await sign_ups.shown_by(unit, room, target) if target and card is None and poll is None else None
    activity = await activities.shown_by(unit, room, target) if target and card is None and poll is None else None
    text = without_reply_fallback(event.content["body"])
    mentioned = mentions(event.content, me)
    if mentioned or may_name(text):
        names = await names_of_bot(unit, room, me)
        mentioned = mentioned or names_one(text, names)
        text = without_name(text, names) if mentioned else text
    said, note = _read_in_place(text, card)
    if card is not None and await session_choices.names_one(unit, card, text):
        said, note = Said(verb=Verb.SESSION, word="1", argument=text), None
    if said is None and place is Place.PRIVATE and is_venue_code(text):
        said = Said(verb=Verb.CHECK_IN, word="", argument=normalise(text))
    if said is None and sign_up is not None and sign_ups.is_pasted(text):
        said = Said(verb=Verb.SIGN_UP, word=WORDS[Verb.SIGN_UP][0])
    if said is None and vote_numbers(text) and await _votes(unit, poll, sender, place):
        said = Said(verb=Verb.VOTE, word="", argument=text.strip())
    directly = place is not Place.ROOM or mentioned or card is not None or poll is not None or sign_up is not None
    directly = directly or activity is not None
    directly = directly or (said is not None and said.verb in CALLING and calls(event, me, said))
    asking = Asking(
        unit=unit,
        settings=settings,
        cause=cause_of(event),
        sender=sender,
        member=await members.by_user(unit, sender),
        place=place,
        room=room,
        card=card,
        argument=said.argument if said else "",
        encrypted=event.encrypted,
        event=EventId(event.event_id),
        text=text,
        poll=poll,
        sign_up=sign_up,
        activity=activity,
        note=note,
        held=held,
        called=called(event, me),
        replied=target,
    )
    if place is Place.PRIVATE and target is not None:
        matter = await stored_sanctions.told_by(unit, target, sender)
        answered = await confirming.replied(asking, matter) if matter is not None else None
        if answered is not None:
            return _with_room(answered, learned, sender)
    if place is Place.PRIVATE:
        written = await thought_reports.go_on(asking, said)
        if written is not None:
            return _with_room(written, learned, sender)
    if place is Place.PRIVATE and (said is None or is_bare_reason(text) or (not said.word and poll is None)):
        answered = await inquiries.answer(asking)
        if answered is not None:
            return _with_room(answered, learned, sender)
    if place is Place.PRIVATE and said is not None and said.verb is Verb.VOTE and said.word and poll is None:
        taken = await practice.answer_by_number(asking)
        if taken is not None:
            return _with_room(taken, learned, sender)
    if said is None and place is Place.PRIVATE and asking.member is not None and is_choice(text):
        links = await ballots.send_links(replace(asking, argument=text), asking.member)
        if links is not None:
            return _with_room(links, learned, sender)
    if said is None:
        if (how := await answers.not_needed(asking)) is not None:
            return _with_room(how, learned, sender)
        unknown = await _unknown(asking) if place is Place.PRIVATE or (mentioned and place is Place.ROOM) else None
        return _with_room(unknown, learned, sender)
    to_one = target is not None and place is Place.ROOM and not directly and _is_an_answer(said, text)
    if to_one and target is not None and await answers_another(unit, event, target, me):
        return None
    answer = await _command(asking, said, directly=directly)
    return _with_room(_in_language(answer, language_of(said)), learned, sender)


def _wants_to_adopt(event: Event) -> bool:
    """Tell whether somebody asks for a room that is nobody's; of all else that is said there nothing is heard."""
    said = read(without_reply_fallback(event.content["body"]))
    return said is not None and said.verb is Verb.ADOPT


def _read_in_place(text: str, card: CardId | None) -> tuple[Said | None, Note | None]:
    """Find the command in a message; in a reply to a card a word or a number is enough to say that one is there."""
    said = read(text)
    if said is not None or card is None:
        return said, None
    noted = note_word(text)
    if is_venue_code(text):
        return Said(verb=Verb.CHECK_IN, word="1", argument=normalise(text)), None
    if noted is None and not card_word(text):
        return None, None
    return Said(verb=Verb.CHECK_IN, word="1"), Note(noted) if noted else None


async def _command(asking: Asking, said: Said, *, directly: bool) -> Decision | Refusal | None:
    """Take a command to its handler, unless it was said in a room where it is no more than talk."""
    command = BY_VERB[said.verb]
    if not directly and not _is_heard_in_rooms(said, asking.text):
        return None
    if command.momentary(said.argument):
        if asking.held is not None:
            return _held(asking)
        if asking.place is Place.ROOM and await _has_left(asking):
            return refused("help.not_in_the_room")
    if said.verb is Verb.WITHDRAW and not directly:
        return await answers.withdraw_here(asking)
    if asking.member is None and command.for_members:
        return refused("help.not_on_roster") if asking.place is Place.PRIVATE else None
    if asking.card is not None and not (command.answers or command.of_cards):
        asking = replace(asking, card=None)
    if asking.poll is not None and not command.answers:
        asking = replace(asking, poll=None)
    return await command.handler(asking)


def _is_an_answer(said: Said, text: str) -> bool:
    """Tell of a command that it says no more than a word to what it answers; a list, or a new question, says more."""
    command = BY_VERB[said.verb]
    answers_one = command.answers or said.verb is Verb.WITHDRAW
    return answers_one and not command.momentary(said.argument) and not sign_ups.is_pasted(text)


def _is_heard_in_rooms(said: Said, text: str) -> bool:
    """Tell of a command that it is more than talk in a room, though it neither calls the bot nor answers it."""
    if is_talk(said) or is_talk_of_asking(said, text):
        return False
    if said.verb is Verb.MUTE and normalise(text).endswith("吧"):
        return False
    if said.verb is Verb.WITHDRAW:
        return keyword(normalise(text)) in ROOM_WORDS[Verb.WITHDRAW]
    return BY_VERB[said.verb].answers or said.word in ROOM_WORDS.get(said.verb, ())


async def _has_left(asking: Asking) -> bool:
    """Tell whether who asks is by now known to be out of the room in which they asked."""
    own = await rooms.state(asking.unit, asking.room, "m.room.member", asking.sender)
    return own is not None and own[1].get("membership") in ("leave", "ban")


def _held(asking: Asking) -> Decision:
    """Say why something is not done, in the language it was asked in."""
    match asking.held:
        case Held.TOO_LATE:
            return answer_late(asking.sender, asking.unit.now)
        case Held.TOO_MUCH:
            return slow_down(asking.sender)
        case _:
            return Decision()


async def _unknown(asking: Asking) -> Decision | Refusal | None:
    """Answer what was not understood with one useful sentence, not too often; thanks and the like need none."""
    if is_acknowledgement(asking.text):
        return None
    if asking.held is not None:
        return _held(asking)
    guess = nearest(asking.text)
    said = words("help.did_you_mean", word=guess) if guess else words("help.not_understood")
    if is_called_out(asking.text):
        said = words("help.here")
    if asking.member is None and asking.place is Place.PRIVATE and guess is None:
        said = words("help.stranger_not_understood")
    before = await misreadings.misreading(asking.unit, asking.sender)
    english = asking.text.isascii() and any(sign.isalpha() for sign in asking.text)
    answer = misread(asking.sender, before, said, now=asking.unit.now)
    return _in_language(answer, "en") if english else answer


def _asked_in(event: Event) -> str | None:
    body = event.content.get("body")
    return language_of(read(without_reply_fallback(body))) if isinstance(body, str) else None


def _in_language(answer: Decision | Refusal | None, language: str | None) -> Decision | Refusal | None:
    """Have what is told said in the language that was used to ask."""
    if not isinstance(answer, Decision) or language is None:
        return answer
    effects = tuple(
        replace(one, language=language) if isinstance(one, Tell | Disclose | ShowAgain) else one
        for one in answer.effects
    )
    return Decision(facts=answer.facts, effects=effects)


def _with_room(
    answer: Decision | Refusal | None, learned: DirectRoomKept | None, sender: UserId
) -> Decision | Refusal | None:
    """Keep a private room that was learned of, whatever the answer is: it is where the answer goes."""
    if learned is None or answer is None:
        return answer
    if isinstance(answer, Refusal):
        return Decision(facts=(learned,), effects=(Tell(user=sender, words=answer.words),))
    return Decision(facts=(learned, *answer.facts), effects=answer.effects)


async def _place(unit: Reading, room: RoomId, sender: UserId, me: UserId) -> tuple[Place | None, DirectRoomKept | None]:
    """Tell whether this is a room of the organisation or a private one; learn of a private room not known before."""
    setting = await rooms.setting(unit, room, sender, me)
    if setting.hall:
        return Place.ROOM, None
    if setting.direct == sender:
        return (None if setting.crowded else Place.PRIVATE), None
    if await rooms.direct_room(unit, sender, me) is not None:
        # Where they have a private room that works, mere talk elsewhere does not replace it.
        return (Place.PRIVATE if await rooms.may_be_private(unit, room, sender, me) else None), None
    if await rooms.may_be_private(unit, room, sender, me):
        encrypted = await rooms.is_encrypted(unit, room)
        return Place.PRIVATE, DirectRoomKept(user=sender, room=room, encrypted=encrypted)
    return None, None


async def _votes(unit: Reading, poll: Poll | None, sender: UserId, place: Place) -> bool:
    """Tell whether bare numbers can be a vote: in a reply to a poll, or in private while one is open."""
    if poll is not None:
        return True
    member = await members.by_user(unit, sender) if place is Place.PRIVATE else None
    return member is not None and bool(await stored_polls.open_for(unit, member))
