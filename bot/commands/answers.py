"""取消, 撤回: take back what one has answered, or only what one said last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from msgspec import Struct

from bot.commands import activities, help_cases, lecture_questions, mutes, pledges, sign_ups
from bot.commands.amounts import number_in
from bot.commands.asking import Asking, Place
from bot.commands.remarks import is_dropped
from content import chains, checkins, corrections, polls, thought_reports
from content.activities import Photo
from content.checkins import Expectation, State, Way
from content.counted_messages import Sort
from content.decision import Decision, Refusal, Tell, Words, discreetly, refused, words
from content.identifiers import RoomId
from content.polls import Poll, Response
from storage import checkins as stored
from storage import corrections as stored_corrections
from storage import counted_messages, shifts
from storage import dues_questions as stored_dues
from storage import lecture_questions as stored_questions
from storage import mutes as stored_mutes
from storage import polls as stored_polls
from storage import thought_reports as stored_thoughts

Answer = Decision | Refusal | None


_OF_SIGN_UPS = ("-1", "退", "不去了")
"""What is said of a sign-up where one stands on one."""


_LATELY = timedelta(days=1)
"""How long one thinks of what was said; of what closed earlier nobody speaks who takes something back."""


class _Candidate(Struct, frozen=True, kw_only=True):
    """Something that could be taken back: how it is named, when it was said, and how to do it.

    ``room`` is the room in which it was said, where it keeps that itself, and ``counted`` as what its message counted.
    ``answers`` marks an answer to what is open, as 取消 takes it back. ``stays`` is why it cannot be taken back, and
    ``cancel`` how 取消 is answered of what is taken back by its own word alone.
    """

    name: Words
    at: datetime
    take_back: Callable[[], Awaitable[Answer]]
    answers: bool = False
    stays: Refusal | None = None
    room: RoomId | None = None
    counted: tuple[str, object] | None = None
    cancel: Decision | None = None


async def cancel(asking: Asking) -> Answer:
    """取消: take back my answer to what is open; 取消 2 where I have answered several things."""
    if (dropped := await help_cases.dropped(asking)) is not None:
        return dropped
    if asking.member is None:
        return None
    if asking.card is not None:
        place = await stored.card(asking.unit, asking.card)
        found = await stored.expectation(asking.unit, place.occurrence, asking.member.id) if place else None
        if found is None or found.is_silent:
            return refused("answer.none_yet")
        return await _withdraw(asking, found)
    if asking.sign_up is not None:
        return await sign_ups.take_off(asking, asking.sign_up, asking.member)
    of_leave = chains.plain(asking.text).endswith("假")
    signed = [] if of_leave else await _signed_up(asking)
    if of_leave:
        candidates = await _answered(asking, (State.EXCUSED,))
    elif signed and chains.plain(asking.text) in _OF_SIGN_UPS:
        candidates = signed
    else:
        candidates = [*await _answered(asking), *await _voted(asking, only_last=False), *signed]
    if not of_leave and (later := await _said_since(asking, candidates)) is not None:
        return later
    if (
        not candidates
        and not of_leave
        and asking.poll is None
        and (on_none := await sign_ups.none_of_mine(asking)) is not None
    ):
        return on_none
    if not candidates and is_dropped(asking.text) and (helped := await help_cases.take_back_only(asking)) is not None:
        return helped
    if not candidates:
        directly = asking.place is Place.PRIVATE or asking.poll is not None
        return refused("answer.nothing_to_cancel") if directly else None
    number = number_in(asking.argument) if asking.argument else None
    if number is None and len(candidates) > 1:
        return _which(asking, candidates)
    if number is not None and not 1 <= number <= len(candidates):
        return refused("checkin.no_such_number", number=number, most=len(candidates))
    return await candidates[(number or 1) - 1].take_back()


async def withdraw(asking: Asking) -> Answer:
    """撤回: take back the last thing I said to the bot; what stood before it stands again."""
    if asking.argument:
        return await help_cases.take_back(asking, asking.argument)
    if (dropped := await help_cases.dropped(asking)) is not None:
        return dropped
    if asking.member is None:
        return None
    candidates = await _all(asking)
    if not candidates and (helped := await help_cases.take_back_only(asking)) is not None:
        return helped
    if not candidates and await stored_questions.waiting(asking.unit, asking.member.id):
        return await lecture_questions.take_back(asking)
    if not candidates:
        return refused("answer.nothing_to_withdraw")
    return await max(candidates, key=lambda one: one.at).take_back()


async def withdraw_here(asking: Asking) -> Answer:
    """撤回 in a room, said to nobody: take back the last thing that I said there; where there is none it is talk."""
    here = await _said_here(asking)
    return await max(here, key=lambda one: one.at).take_back() if here else None


async def _said_here(asking: Asking) -> list[_Candidate]:
    """Return what I said last of each sort of thing in this room, but for what is over long ago."""
    if asking.member is None:
        return []
    said: set[tuple[str, object]] = set()
    for each in await counted_messages.said_in(asking.unit, asking.sender, asking.room):
        said |= {(each.sort, each.about), (each.sort, each.at), ("", each.cause)}
    long_ago = asking.unit.now - _LATELY
    return [
        one
        for one in await _all(asking)
        if (one.room == asking.room or one.counted in said) and (one.stays is None or one.at > long_ago)
    ]


async def not_needed(asking: Asking) -> Answer:
    """Say of 没事了 after a help case how that is taken back; ``None`` where it was said of something else."""
    if asking.member is None or asking.place is not Place.PRIVATE or not is_dropped(asking.text):
        return None
    last = max(await _all(asking), key=lambda one: one.at, default=None)
    if last is None:
        return await help_cases.take_back_only(asking)
    return last.cancel


async def _all(asking: Asking) -> list[_Candidate]:
    """Return what I said last of each sort of thing."""
    return [
        *await _last_answer(asking),
        *await _voted(asking, only_last=True),
        *await _last_correction(asking),
        *await _signed_up(asking),
        *await _given(asking),
        *await _asked_for_help(asking),
        *await _reported(asking),
        *await _asked_of_pledge(asking),
        *await _silenced(asking),
        *await _asked_of_dues(asking),
        *await _nominated(asking),
    ]


async def _said_since(asking: Asking, others: list[_Candidate]) -> Answer:
    """Take 取消 as meant of what was said last, where that is no answer to what is open; ``None`` where it is one."""
    if asking.poll is not None or asking.argument or chains.plain(asking.text) in _OF_SIGN_UPS:
        return None
    directly = asking.place is Place.PRIVATE
    if not directly and not others:
        return None
    found = await _all(asking) if directly else await _said_here(asking)
    last = max(found, key=lambda one: one.at, default=None)
    if last is None or last.answers:
        return None
    if last.stays is None:
        return last.cancel or await last.take_back()
    if not others:
        return last.stays
    said = words("answer.which_else", what=(last.name,), list=_lines(others))
    return Decision(effects=(Tell(user=asking.sender, words=said),))


def _which(asking: Asking, candidates: list[_Candidate]) -> Decision:
    said = words("answer.which", list=_lines(candidates))
    return Decision(effects=(Tell(user=asking.sender, words=said),))


def _lines(candidates: list[_Candidate]) -> tuple[Words, ...]:
    return tuple(
        words("answer.which_line", number=number, what=(one.name,)) for number, one in enumerate(candidates, start=1)
    )


async def _withdraw(asking: Asking, found: Expectation) -> Answer:
    given = await stored.given(asking.unit, found.occurrence.id, found.member)
    own = await shifts.own_session(asking.unit, found)
    return checkins.withdraw(found, given, cause=asking.cause, now=asking.unit.now, own=own)


async def _answered(asking: Asking, given: tuple[State, ...] = (State.DONE, State.EXCUSED)) -> list[_Candidate]:
    """Return my answers to what is open here, in the order in which it fell due."""
    if asking.member is None or asking.poll is not None:
        return []
    found = await stored.still_open(asking.unit, asking.member.id)
    if asking.place is Place.ROOM:
        here = set(await stored.open_in_room(asking.unit, asking.room))
        found = tuple(one for one in found if one.occurrence.id in here)
    return [
        _Candidate(
            name=words("answer.to", title=one.title),
            at=one.occurrence.due_at,
            take_back=lambda one=one: _withdraw(asking, one),  # type: ignore[misc]
        )
        for one in found
        if one.state in given or (one.state is State.OPEN and one.note is not None and State.DONE in given)
    ]


async def _signed_up(asking: Asking) -> list[_Candidate]:
    """Return the open sign-ups on which I stand."""
    member = asking.member
    if member is None or asking.poll is not None:
        return []
    return [
        _Candidate(
            name=words("answer.to_sign_up", title=one.title),
            at=at,
            take_back=lambda one=one: sign_ups.take_off(asking, one, member),  # type: ignore[misc]
            answers=True,
            counted=(Sort.SIGN_UP, one.id),
        )
        for one, at in await sign_ups.mine(asking)
    ]


async def _given(asking: Asking) -> list[_Candidate]:
    """Return what I gave last to the album of an activity."""
    last = await activities.last_of(asking.unit, asking.member.id) if asking.member is not None else None
    if last is None:
        return []
    what, at = last

    async def take_back() -> Answer:
        taken = activities.take_back(what)
        told = Tell(user=asking.sender, words=words("activity.taken_back"))
        return Decision(facts=taken.facts, effects=(*taken.effects, told))

    room = what.room if isinstance(what, Photo) else await activities.room_of(asking.unit, what)
    return [_Candidate(name=words("answer.to_album"), at=at, take_back=take_back, room=room)]


async def _asked_for_help(asking: Asking) -> list[_Candidate]:
    """Return the help case that I spoke of last today; in a room none, where nobody is to hear that there is one."""
    if asking.place is not Place.PRIVATE:
        return []
    return [
        _Candidate(
            name=words("answer.to_help_case"),
            at=at,
            take_back=lambda one=one: help_cases.taken_back(asking, one),  # type: ignore[misc]
            cancel=help_cases.how_to_withdraw(asking, one),
        )
        for one, at in await help_cases.spoken_of(asking)
    ]


async def _reported(asking: Asking) -> list[_Candidate]:
    """Return the last message of the report that I write, and the report that I handed in last.

    In a room neither: that there is one is nobody's business.
    """
    member = asking.member
    if member is None or asking.place is not Place.PRIVATE:
        return []
    found = []
    begun = await stored_thoughts.unfinished(asking.unit, member.id)
    if begun is not None and begun.parts:

        async def shorten() -> Answer:
            return thought_reports.take_back_last(begun, asking.sender)

        name = words("answer.to_thought_part")
        found.append(_Candidate(name=name, at=begun.parts[-1].at, take_back=shorten))
    last = await stored_thoughts.last(asking.unit, member.id)
    if last is not None and last.handed_in_at is not None:

        async def withdraw_report() -> Answer:
            return thought_reports.withdraw(last, member, asking.sender, now=asking.unit.now)

        name = words("answer.to_thought_report")
        found.append(_Candidate(name=name, at=last.handed_in_at, take_back=withdraw_report))
    return found


async def _asked_of_pledge(asking: Asking) -> list[_Candidate]:
    """Return what I asked last about a pledge, as long as nobody has answered it."""
    last = await pledges.last_asked(asking.unit, asking.member.id) if asking.member is not None else None
    if last is None:
        return []

    async def take_back() -> Answer:
        return await pledges.take_back(asking.unit, last, asking.sender)

    return [_Candidate(name=words("answer.to_pledge"), at=last.asked_at, take_back=take_back, room=last.room)]


async def _silenced(asking: Asking) -> list[_Candidate]:
    """Return the silence that I want; taken back, it ends."""
    since = await stored_mutes.silent_since(asking.unit, asking.sender)
    if since is None:
        return []
    name, counted = words("answer.to_silence"), (Sort.SILENCE, since)
    return [_Candidate(name=name, at=since, take_back=lambda: mutes.unmute(asking), counted=counted)]


async def _asked_of_dues(asking: Asking) -> list[_Candidate]:
    """Return what I said last of my dues, so that nothing older is taken back for it; it lies with others by now."""
    at = await stored_dues.last_asked(asking.unit, asking.member.id) if asking.member is not None else None
    if at is None:
        return []

    stays = refused("answer.lies_with_dues")

    async def take_back() -> Answer:
        return stays

    return [_Candidate(name=words("answer.to_dues"), at=at, take_back=take_back, stays=stays)]


async def _nominated(asking: Asking) -> list[_Candidate]:
    """Return when I nominated somebody last, so that nothing older is taken back for it; they know of it by now."""
    at = await counted_messages.last_of(asking.unit, asking.sender, Sort.NOMINATION)
    if at is None:
        return []

    stays = discreetly(refused("selection.not_taken_back"))

    async def take_back() -> Answer:
        return stays

    return [_Candidate(name=words("answer.to_nomination"), at=at, take_back=take_back, stays=stays)]


async def _voted(asking: Asking, *, only_last: bool) -> list[_Candidate]:
    """Return the open polls in which I have voted in words, or by number reactions."""
    if asking.member is None:
        return []
    asked = (asking.poll,) if asking.poll is not None else ()
    room = asking.room if asking.place is Place.ROOM else None
    candidates = []
    for poll in asked or await stored_polls.open_for(asking.unit, asking.member, room=room):
        own = [one for one in (await stored_polls.box(asking.unit, poll)).responses if one.sender == asking.sender]
        mine = [one for one in own if one.by_text and one.removed_by is None]
        if mine:
            candidates.append(
                _Candidate(
                    name=words("answer.to_poll", question=poll.sheet.question),
                    at=max(one.sent_at for one in mine),
                    take_back=lambda poll=poll, own=own: _take_votes_back(  # type: ignore[misc]
                        asking, poll, own, only_last=only_last
                    ),
                    answers=True,
                    counted=(Sort.VOTE, poll.id),
                )
            )
    return candidates


async def _take_votes_back(asking: Asking, poll: Poll, own: list[Response], *, only_last: bool) -> Answer:
    return polls.take_back(poll, own, sender=asking.sender, now=asking.unit.now, only_last=only_last)


async def _last_answer(asking: Asking) -> list[_Candidate]:
    last = await stored.last_given(asking.unit, asking.member.id) if asking.member else None
    place = await stored.expectation(asking.unit, last.occurrence, asking.member.id) if last and asking.member else None
    if last is None or place is None:
        return []

    closed = place.occurrence.closes_at or place.occurrence.due_at
    stays, is_open = None, checkins.is_open(place.occurrence, asking.unit.now)
    said_lately = last.at > asking.unit.now - _LATELY
    if place.recorded_by is not None:
        stays = refused("answer.by_recorder", title=place.title)
    elif not is_open:
        # What closed long ago is not what they speak of, and its title would say nothing to them.
        over = refused("answer.closed", title=place.title, closed=closed)
        stays = over if said_lately else refused("answer.nothing_to_withdraw")

    async def take_back() -> Answer:
        if stays is not None:
            # Why they were on leave is theirs to take away all the same.
            has_reason = last.reason is not None
            return checkins.change_reason(place, None, of=last.cause, now=asking.unit.now) if has_reason else stays
        given = await stored.given(asking.unit, last.occurrence, place.member)
        return checkins.take_back(
            place,
            removed=last.cause,
            cause=asking.cause,
            now=asking.unit.now,
            given=given,
            way=Way.PRIVATE,
            own=await shifts.own_session(asking.unit, place),
        )

    name = words("answer.to", title=place.title)
    # 取消 after what closed just now is meant of that; what is open it takes back itself.
    answers = is_open or not said_lately
    return [
        _Candidate(name=name, at=last.at, take_back=take_back, answers=answers, stays=stays, counted=("", last.cause))
    ]


async def _last_correction(asking: Asking) -> list[_Candidate]:
    waiting = await stored_corrections.waiting_of(asking.unit, asking.sender)

    async def take_back() -> Answer:
        return corrections.withdraw_correction(waiting[-1], now=asking.unit.now)

    if not waiting:
        return []
    name, counted = words("answer.to_correction"), (Sort.CORRECTION, waiting[-1].id)
    return [_Candidate(name=name, at=waiting[-1].asked_at, take_back=take_back, counted=counted)]
