"""举报: the queue of what people, the homeserver and guards say of messages, and what is made of it.

Who complained is on no page: who answers needs it for nothing, since the bot tells the answer.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from flask import Blueprint, abort, render_template, request
from msgspec import Struct
from nacl import bindings as sodium
from nacl.exceptions import CryptoError

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, not_done, onward
from console.desk import ask, cause, desk, settle, settle_together
from console.leaving_tables import leaves, up_to
from console.undoing import way_back
from content import cases
from content import complaints as rules
from content.cases import Case, CaseOpened
from content.complaint_contexts import ContextShown, Outcome, Part, Spoken, ask_context
from content.complaints import Complaint, State
from content.decision import Decision, Effect, Fact, Refusal
from content.identifiers import Cause, ComplaintId, ContextId, OrganisationId, UserId, VoiceId, derive
from content.organisations import Right
from storage import cases as stored_cases
from storage import complaint_contexts, duties, organisations
from storage import complaints as stored
from storage.store import Answer as Decided
from storage.store import Decide
from storage.unit import Reading

pages = Blueprint("complaints", __name__)

AT_ONCE = 50
OUTCOMES = (State.UNFOUNDED, State.NOTED, State.CASE)


class Around(Struct, frozen=True, kw_only=True):
    """What is shown of what was asked for: ``lines`` once it was read, and for which message."""

    voice: VoiceId | None = None
    waits: bool = False
    gone: bool = False
    over: bool = False
    lines: tuple[Spoken, ...] = ()


class Seen(Struct, frozen=True, kw_only=True):
    """Everything that a complaint's page shows; ``names`` are those of accounts on the roster."""

    complaint: Complaint
    place: str
    heard: tuple[stored.Heard, ...]
    note: str
    case: int | None
    taken: bool
    names: Mapping[str, str]


@pages.get("/complaints")
@requires(Right.MODERATE)
@leaves("complaints", names=True)
def show() -> str:
    """List the complaints that wait, the oldest first, or those that were answered."""
    roots, reader, most = here().roots, here().user, up_to(AT_ONCE)
    is_open = request.args.get("state") != "answered"

    async def look(unit: Reading) -> tuple[tuple[stored.Line, ...], Mapping[str, str]]:
        found = await stored.lines(unit, roots, reader=reader, is_open=is_open, limit=most + 1)
        people = {line.complaint.claimed_by or "" for line in found} | {line.complaint.about or "" for line in found}
        return found, await duties.names_of(unit, people)

    found, names = ask(look)
    return render_template(
        "complaints/show.html", lines=found[:most], more=len(found) > most, names=names, is_open=is_open, most=AT_ONCE
    )


@pages.get("/complaints/<id>")
@requires(Right.MODERATE)
def show_one(id: str) -> Answer:  # noqa: A002
    """Show one complaint: of which messages it is, what was said of them, and what may be answered."""
    roots, user = here().roots, here().user
    seen = ask(lambda unit: _look(unit, ComplaintId(id), roots, user))
    if seen is None:
        abort(404)
    around = _around()
    people = {line.sender for line in around.lines}
    return render_template(
        "complaints/show_one.html",
        seen=seen,
        one=seen.complaint,
        around=around,
        speakers=ask(lambda unit: duties.names_of(unit, people)),
        outcomes=OUTCOMES,
        longest=rules.LONGEST_NOTE,
        days=cases.EVIDENCE_KEPT.days,
    )


async def _look(
    unit: Reading,
    id: ComplaintId,  # noqa: A002
    roots: tuple[OrganisationId, ...],
    user: UserId,
) -> Seen | None:
    complaint = await stored.complaint(unit, id, roots, reader=user)
    if complaint is None:
        return None
    node = await organisations.organisation(unit, complaint.organisation)
    case = await stored_cases.case(unit, complaint.case, roots, reader=user) if complaint.case is not None else None
    people = {one for one in (complaint.about, complaint.claimed_by, complaint.decided_by) if one is not None}
    return Seen(
        complaint=complaint,
        place=node.name if node is not None else "",
        heard=await stored.heard(unit, id),
        note=await stored.note_of(unit, id),
        case=case.number if case is not None else None,
        taken=rules.claimed_by_other(complaint, user, now=unit.now),
        names=await duties.names_of(unit, people),
    )


def _around() -> Around:
    """Open what was read for this page, once: the key is in its address, and what it opens is gone when it is shown."""
    written = request.args.get("around", "")
    if not written:
        return Around()
    secret = _secret(written)
    if secret is None:
        return Around(over=True)
    found = ask(lambda unit: complaint_contexts.asked(unit, _context(written)))
    if found is None:
        return Around(over=True)
    if found.outcome is None:
        return Around(voice=found.voice, waits=True)
    desk().bridge(desk().store.settle(notes=[ContextShown(id=_context(written))]))
    if found.outcome is Outcome.GONE or found.sealed is None:
        return Around(voice=found.voice, gone=True)
    try:
        plain = sodium.crypto_box_seal_open(found.sealed, found.public, secret)
    except CryptoError:
        return Around(over=True)
    return Around(voice=found.voice, lines=tuple(_spoken(line) for line in json.loads(plain)))


def _spoken(line: Mapping[str, str | bool]) -> Spoken:
    return Spoken(
        sender=UserId(str(line["sender"])),
        at=datetime.fromisoformat(str(line["at"])),
        part=Part(str(line["part"])),
        text=str(line["text"]),
        meant=bool(line["meant"]),
    )


def _secret(written: str) -> bytes | None:
    try:
        secret = urlsafe_b64decode(written + "=" * (-len(written) % 4))
    except (NotBase64, ValueError):
        return None
    return secret if len(secret) == sodium.crypto_box_SECRETKEYBYTES else None


def _context(written: str) -> ContextId:
    return ContextId(derive(written, "context"))


@pages.post("/complaints/<id>/messages/<voice>")
@requires(Right.MODERATE)
def read_around(id: str, voice: str) -> Answer:  # noqa: A002
    """Have what is said around a message read, for this page alone."""
    public, secret = sodium.crypto_box_keypair()
    written = urlsafe_b64encode(secret).decode().rstrip("=")

    async def verb(unit: Reading, one: Complaint) -> Decided:
        found = next((heard for heard in await stored.heard(unit, one.id) if heard.voice == voice), None)
        if found is None:
            return None
        return ask_context(
            _context(written),
            one.id,
            one.organisation,
            voice=found.voice,
            room=found.room,
            public=public,
            now=unit.now,
        )

    to = link("complaints.show_one", id=id, around=written)
    return _in_complaint(id, verb, done="context_asked", to=to)


@pages.post("/complaints/<id>/claim")
@requires(Right.MODERATE)
def claim(id: str) -> Answer:  # noqa: A002
    """Take a complaint upon oneself."""
    by = here().user

    async def verb(unit: Reading, one: Complaint) -> Decided:
        return rules.claim(one, by=by, now=unit.now)

    return _in_complaint(id, verb, done="complaint_claimed")


@pages.post("/complaints/<id>/release")
@requires(Right.MODERATE)
def release(id: str) -> Answer:  # noqa: A002
    """Give a complaint back."""
    by = here().user

    async def verb(unit: Reading, one: Complaint) -> Decided:
        return rules.release(one, by=by, now=unit.now)

    return _in_complaint(id, verb, done="complaint_released")


@pages.post("/complaints/<id>/answer")
@requires(Right.MODERATE)
def answer(id: str) -> Answer:  # noqa: A002
    """Answer a complaint: no ground, noted, or taken up in a case with the messages as evidence."""
    roots, by, note, typed = here().roots, here().user, request.form.get("note", ""), request.form.get("outcome")
    if ask(lambda unit: stored.complaint(unit, ComplaintId(id), roots, reader=by)) is None:
        abort(404)
    if typed not in OUTCOMES:
        abort(400)
    outcome, to = State(typed), link("complaints.show_one", id=id)
    first = [(cause(), _open_case(id, note))] if outcome is State.CASE else []

    async def decide(unit: Reading) -> Decided:
        one = await stored.complaint(unit, ComplaintId(id), roots, reader=by)
        if one is None:
            return None
        case = await _case(unit, one) if outcome is State.CASE else None
        if outcome is State.CASE and case is None:
            return None
        whom = await stored.reporters_of(unit, one.id)
        named = case.id if case is not None else None
        return rules.decide(one, outcome, note, reporters=whom, by=by, now=unit.now, case=named)

    *opened, decided = settle_together(*first, (Cause(f"{cause()}:complaint"), decide), actor=by)
    refusal = next((one.refusal for one in opened if one.refusal is not None), None)
    if refusal is not None:
        return not_done(refusal, to=to)
    if decided.answer is None and not decided.repeated:
        abort(404)
    return onward(decided, to=to, done="complaint_answered", back=lambda: way_back("complaints.reopen", id=id))


async def _case(unit: Reading, one: Complaint) -> Case | None:
    if one.about is None:
        return None
    return await stored_cases.latest(unit, one.about, one.organisation, unit.now - cases.GOES_ON)


def _open_case(id: str, note: str) -> Decide:  # noqa: A002
    """Have a case about the person opened, or theirs gone on with, as if nobody had complained.

    It is decided by itself, under the form's own cause: the row of record about it is in the person's own file, and
    tells nothing of the complaint. Nobody else answers between it and the answer.
    """
    roots, by, made = here().roots, here().user, cause()

    async def decide(unit: Reading) -> Decided:
        one = await stored.complaint(unit, ComplaintId(id), roots, reader=by)
        if one is None or one.about is None:
            return None
        refusal = rules.may_decide(one, State.CASE, note, by=by, now=unit.now)
        if refusal is not None:
            return refusal
        known, number = await _case(unit, one), await stored_cases.next_number(unit)
        case = known or cases.open_case(one.about, one.organisation, number=number, by=by, cause=made, now=unit.now)
        if isinstance(case, Refusal):
            return case
        facts: list[Fact] = [] if known is not None else [CaseOpened(case=case)]
        effects: list[Effect] = []
        room = cases.MOST_EVIDENCE - len(await stored_cases.evidence_of(unit, case.id))
        for heard in (await stored.heard(unit, one.id))[: max(room, 0)]:
            kept, effect = cases.ask_for_message(case, heard.room, heard.event, by=by, now=unit.now)
            facts.append(kept)
            effects.append(effect)
        return Decision(facts=tuple(facts), effects=tuple(effects))

    return decide


@pages.post("/complaints/<id>/reopen")
@requires(Right.MODERATE)
def reopen(id: str) -> Answer:  # noqa: A002
    """Take an answer back, so that the complaint waits again."""
    by = here().user

    async def verb(unit: Reading, one: Complaint) -> Decided:
        return rules.reopen(one, by=by, now=unit.now)

    return _in_complaint(id, verb, done="complaint_reopened")


def _in_complaint(
    id: str,  # noqa: A002
    verb: Callable[[Reading, Complaint], Awaitable[Decided]],
    *,
    done: str,
    to: str = "",
) -> Answer:
    roots, user = here().roots, here().user

    async def decide(unit: Reading) -> Decided:
        one = await stored.complaint(unit, ComplaintId(id), roots, reader=user)
        return await verb(unit, one) if one is not None else None

    return onward(settle(decide, actor=user), to=to or link("complaints.show_one", id=id), done=done)
