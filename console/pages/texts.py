"""The plain text of what was sent, to copy elsewhere: composed as for the room, without marks, with full dates."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, abort, render_template, request

from console.access import here, requires
from console.addresses import link
from console.desk import ask, desk
from console.pages.lessons import visible_lesson
from console.pages.meetings import visible as visible_meeting
from console.wording import say, say_in
from content import polls as poll_rules
from content.amendments import notice_of_withdrawal
from content.cards import plain_text, read_alone
from content.decision import Words, words
from content.identifiers import CardId, LessonId, OccurrenceId, OutboxId, PollId
from content.meetings import INNER
from content.occurrences import State
from content.organisations import Right
from content.polls import Box, Poll
from content.speech import Reader
from storage import outbox_items, polls, shown
from storage.outbox import Kind
from storage.unit import Reading

pages = Blueprint("texts", __name__)

COPIED = frozenset({Kind.POST, Kind.FOLLOW, Kind.EDIT, Kind.AMEND, Kind.NOTICE, Kind.POLL, Kind.POLL_END, Kind.RESULT})
"""Kinds of rows whose words organisers may read: what rooms hear, and never what one person was told."""


@pages.get("/lessons/<id>/text")
@requires(Right.READ)
def of_lesson(id: str) -> str:  # noqa: A002
    """Show a lesson as plain text."""
    lesson = visible_lesson(LessonId(id))
    owner = here().node(lesson.owner)
    text = read_alone(lesson, partial(say_in, owner) if owner else say)
    return render_template("texts/show.html", title=lesson.title, text=text, back=link("lessons.show_one", id=id))


@pages.get("/check-ins/<id>/text")
@requires(Right.READ)
def of_occurrence(id: str) -> str:  # noqa: A002
    """Show the card of an occurrence as plain text, in one of the branches that the person may see."""
    roots, wanted = here().roots, request.args.get("card", "")
    found = ask(lambda unit: shown.cards_in(unit, OccurrenceId(id), roots))
    chosen = next((one for one, _ in found if one == wanted), found[0][0] if found and not wanted else None)
    if chosen is None:
        abort(404)
    card = _card(chosen)
    return render_template(
        "texts/show.html",
        title=card.lesson.title,
        text=_card_text(card),
        back=link("checkins.show_one", id=id),
        others=found if len(found) > 1 else (),
        chosen=chosen,
        occurrence=id,
    )


@pages.get("/polls/<id>/text")
@requires(Right.READ)
def of_poll(id: str) -> str:  # noqa: A002
    """Show a poll as plain text, with its result once that is published."""
    roots = here().roots
    poll = ask(lambda unit: polls.visible(unit, roots, PollId(id)))
    if poll is None:
        abort(404)
    return render_template(
        "texts/show.html", title=poll.sheet.question, text=_poll_text(poll.id), back=link("polls.show_one", id=id)
    )


@pages.get("/outbox/<id>/text")
@requires(Right.READ)
def of_row(id: str) -> str:  # noqa: A002
    """Show what a row of the outbox says in its room; what a person was told in private is not found."""
    roots = here().roots
    item = ask(lambda unit: outbox_items.item(unit, roots, OutboxId(id)))
    if item is None or item.kind not in COPIED:
        abort(404)
    if item.poll is not None:
        text = _poll_text(item.poll, result=item.kind is not Kind.POLL)
    elif item.card is not None:
        card = _card(item.card)
        part = card.layout.live if item.kind is Kind.EDIT else item.part
        text = _card_text(card, part=part, notice=item.kind is Kind.NOTICE)
    else:
        abort(404)
    return render_template("texts/show.html", title=item.title or "", text=text, back=link("outbox.show"))


def _card(id: CardId) -> shown.Card:  # noqa: A002
    found = ask(lambda unit: shown.card(unit, id))
    if found is None:
        abort(404)
    if found.standing.meeting is not None and found.standing.meeting.form in INNER:
        visible_meeting(found.occurrence)
    return found


def _card_text(card: shown.Card, *, part: int | None = None, notice: bool = False) -> str:
    """Return all that a card says, or one of its messages; of what was withdrawn only that is left."""
    read = partial(_say_to, card.reader)
    if notice or card.standing.state is State.WITHDRAWN:
        return read(notice_of_withdrawal(card.lesson))
    messages = card.messages(read)
    if part is None:
        return plain_text(messages.values())
    return plain_text([messages[part]] if part in messages else [])


def _poll_text(id: PollId, *, result: bool | None = None) -> str:  # noqa: A002
    """Return a poll's question, its published result, or by default both."""
    found = ask(partial(_read_poll, id=id))
    if found is None:
        abort(404)
    poll, box, reader = found
    said: list[Words] = [] if result else [poll_rules.invitation(poll)]
    if result is not False and poll.state is poll_rules.State.CLOSED:
        lines = poll_rules.result_lines(poll, poll.result or poll_rules.count(poll, box))
        said.append(words("poll.result", question=poll.sheet.question, lines=lines))
    return "\n\n".join(_say_to(reader, one) for one in said)


async def _read_poll(unit: Reading, id: PollId) -> tuple[Poll, Box, Reader] | None:  # noqa: A002
    return await shown.poll(unit, id)


def _say_to(reader: Reader, said: Words) -> str:
    return desk().speech.say(said, reader)
