"""Secret ballots for those who hold them: draft, fix, let the tellers prove their shares, open, send links, count."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, render_template, request

from console.access import digest, here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward, see
from console.desk import ask, desk, now, settle
from console.fresh import fresh
from console.wording import today
from content import ballots as rules
from content.ballot_files import PublicKeys, Share, read_box, read_keys, read_share, write_box
from content.ballot_links import Invited, invite
from content.ballots import Ballot, Candidate, Elector, State, Teller, TellerRole
from content.counts import describe
from content.decision import Refusal, Secret, refused
from content.election_cases import Unusable
from content.elections import Election
from content.franchise import FULL, why_not
from content.identifiers import BallotId, MemberId, OrganisationId, derive
from content.members import Member
from content.organisations import Organisation, Right
from content.rule_packs import RECOMMENDATION
from content.schedules import instant
from storage import ballots as stored
from storage import members, organisations
from storage.envelopes import challenge, empty_envelopes, new_slots
from storage.opening import NotOpened, open_box
from storage.store import Answer as Decided
from storage.store import Decide
from storage.unit import Reading

pages = Blueprint("ballots", __name__)

MOST_SHOWN = 100
"""The category of the roster whose members may vote."""
_ID = re.compile(r"[a-z2-7]{24}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What stands in the form, whether or not it can be meant."""

    id: str
    organisation: str = ""
    title: str = ""
    candidates: str = ""
    seats: str = "1"
    tellers: str = ""
    keys: str = ""
    date: str = ""
    time: str = "18:00"
    server_seal: bool = False


@pages.get("/ballots")
@requires(Right.READ)
def show() -> str:
    """Show the ballots, the last to close first."""
    roots = here().roots
    found = ask(lambda unit: stored.of_roots(unit, roots, limit=MOST_SHOWN))
    return render_template("ballots/show.html", found=found, most=MOST_SHOWN)


@pages.route("/ballots/new", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
def start() -> Answer:
    """Draft a ballot."""
    nodes = here().within(Right.SCHEDULE)
    if request.method == "GET":
        return _form(_fresh(nodes), nodes)
    fields = _fields()
    if not _ID.fullmatch(fields.id):
        abort(400)
    keys = _keys(fields)
    if isinstance(keys, Refusal):
        return _form(fields, nodes, keys)
    user = here().user

    async def decide(unit: Reading) -> Decided:
        ballot = await _draft(unit, fields, keys, nodes)
        return ballot if isinstance(ballot, Refusal) else rules.draft(ballot, author=user, now=unit.now)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, nodes, outcome.refusal)
    return see(link("ballots.show_one", id=fields.id), "repeated" if outcome.repeated else "ballot_drafted")


@pages.get("/ballots/<id>")
@requires(Right.READ)
def show_one(id: str) -> str:  # noqa: A002
    """Show where a ballot stands; while it is open nobody sees how many have voted."""
    ballot = _visible(id)

    async def read(unit: Reading) -> tuple[tuple[Elector, ...], dict[MemberId, str], dict[str, Any] | None]:
        drafted = ballot.state is State.DRAFT
        roll = await _roll(unit, ballot.organisation) if drafted else await stored.roll(unit, ballot.id)
        known = [*(one.member for one in ballot.tellers), *(one.member for one in roll)]
        names = {one.id: one.name for one in await members.by_ids(unit, known)}
        return roll, names, await stored.result(unit, ballot.id)

    roll, names, result = ask(read)
    return render_template("ballots/show_one.html", ballot=ballot, roll=roll, names=names, result=result)


@pages.post("/ballots/<id>/freeze")
@requires(Right.SCHEDULE)
@fresh
def freeze(id: str) -> Answer:  # noqa: A002
    """Fix a ballot and its roll."""
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        ballot = await stored.visible(unit, roots, BallotId(id))
        if ballot is None:
            return None
        roll = await _roll(unit, ballot.organisation)
        number = sum(one.may_vote for one in roll)
        boxes = empty_envelopes(number, ballot.key, ballot.length)
        return rules.freeze(ballot, roll, slots=new_slots(number), boxes=boxes, now=unit.now)

    return onward(settle(decide, actor=here().user), to=link("ballots.show_one", id=id), done="ballot_frozen")


@pages.post("/ballots/<id>/ask")
@requires(Right.SCHEDULE)
@fresh
def ask_teller(id: str) -> Answer:  # noqa: A002
    """Seal something for a teller, and show it to be carried to them."""
    ballot, index = _visible(id), _number("index")
    teller = next((one for one in ballot.tellers if one.index == index), None)
    if teller is None:
        abort(404)
    asked, sealed = challenge(teller.share_key)
    outcome = settle(_on(id, lambda one, _: rules.ask_possession(one, index, asked)), actor=here().user)
    if outcome.refusal is not None or outcome.repeated:
        return onward(outcome, to=link("ballots.show_one", id=id), done="repeated")
    return render_template("ballots/ask.html", ballot=ballot, teller=teller, sealed=sealed.hex())


@pages.post("/ballots/<id>/prove")
@requires(Right.SCHEDULE)
@fresh
def prove(id: str) -> Answer:  # noqa: A002
    """Take a teller's answer."""
    index, answer = _number("index"), _hex(request.form.get("answer", ""))
    outcome = settle(_on(id, lambda one, _: rules.prove(one, index, answer)), actor=here().user)
    return onward(outcome, to=link("ballots.show_one", id=id), done="share_proven")


@pages.post("/ballots/<id>/open")
@requires(Right.SCHEDULE)
@fresh
def open_voting(id: str) -> Answer:  # noqa: A002
    """Open a ballot, as the second of two."""
    user = here().user
    outcome = settle(_on(id, lambda one, unit: rules.open_voting(one, by=user, now=unit.now)), actor=user)
    return onward(outcome, to=link("ballots.show_one", id=id), done="ballot_wanted_open")


@pages.post("/ballots/<id>/invite")
@requires(Right.SCHEDULE)
def send_links(id: str) -> Answer:  # noqa: A002
    """Send a link to everyone who has not voted, without anyone seeing who they are."""
    roots, origin = here().roots, desk().settings.origin

    async def decide(unit: Reading) -> Decided:
        ballot = await stored.visible(unit, roots, BallotId(id))
        if ballot is None:
            return None
        waiting = await members.by_ids(unit, await stored.silent(unit, ballot.id))
        return invite(ballot, tuple(_invited(one, origin) for one in waiting if one.user is not None), now=unit.now)

    return onward(settle(decide, actor=here().user), to=link("ballots.show_one", id=id), done="ballot_links_sent")


@pages.post("/ballots/<id>/cancel")
@requires(Right.SCHEDULE)
@fresh
def cancel(id: str) -> Answer:  # noqa: A002
    """Let a ballot come to nothing, as the second of two once it is fixed."""
    user = here().user
    outcome = settle(_on(id, lambda one, _: rules.cancel(one, by=user)), actor=user)
    return onward(outcome, to=link("ballots.show_one", id=id), done="ballot_wanted_cancelled")


@pages.get("/ballots/<id>/box.json")
@requires(Right.COUNT_BALLOTS)
@fresh
def download(id: str) -> Response:  # noqa: A002
    """Give out the closed box, which only the tellers together can open."""
    ballot = _visible(id)
    if ballot.state not in (State.CLOSED, State.OPENED, State.CERTIFIED):
        abort(404)
    boxes = ask(lambda unit: stored.boxes(unit, ballot.id))
    response = Response(json.dumps(write_box(ballot, boxes)), content_type="application/json; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="zhibu-ballot-{ballot.id}.json"'
    return response


@pages.post("/ballots/<id>/count")
@requires(Right.COUNT_BALLOTS)
@fresh
def count(id: str) -> Answer:  # noqa: A002
    """Open the box with the tellers' shares, in memory only, and keep the totals."""
    ballot, back = _visible(id), link("ballots.show_one", id=id)
    boxes = ask(lambda unit: stored.boxes(unit, ballot.id))
    if ballot.state not in (State.CLOSED, State.OPENED):
        return render_template(
            "frame/refused.html", refusal=refused("ballot.not_now", title=ballot.title), back=back
        ), 409
    try:
        opened = open_box(read_box(write_box(ballot, boxes)), _shares())
    except NotOpened as closed:
        refusal = Refusal(words=closed.words)
        return render_template("frame/refused.html", refusal=refusal, back=back), 409
    outcome = settle(_on(id, lambda one, _: rules.keep_count(one, opened.result, opened.hash)), actor=here().user)
    if outcome.refusal is not None or outcome.repeated:
        return onward(outcome, to=back, done="repeated")
    names = {one.id: one.name for one in ballot.candidates}
    lines = tuple(describe(ballot.title, ballot.election.pack, ballot.attendance, opened.result, names))
    return render_template("ballots/counted.html", ballot=ballot, lines=lines)


@pages.post("/ballots/<id>/certify")
@requires(Right.COUNT_BALLOTS)
@fresh
def certify(id: str) -> Answer:  # noqa: A002
    """Let a count stand, by the tellers who stand by it."""
    confirmed = [MemberId(one) for one in request.form.getlist("teller")]
    day = today()
    outcome = settle(_on(id, lambda one, _: rules.certify(one, confirmed, today=day)), actor=here().user)
    return onward(outcome, to=link("ballots.show_one", id=id), done="ballot_certified")


@pages.post("/ballots/<id>/archive")
@requires(Right.SCHEDULE)
@fresh
def archive(id: str) -> Answer:  # noqa: A002
    """Destroy the envelopes of a ballot that is over for good."""
    day = today()
    outcome = settle(_on(id, lambda one, _: rules.archive(one, today=day)), actor=here().user)
    if outcome.refusal is None:
        desk().bridge(desk().store.forget_deleted())
    return onward(outcome, to=link("ballots.show_one", id=id), done="ballot_archived")


def _visible(id: str) -> Ballot:  # noqa: A002
    roots = here().roots
    found = ask(lambda unit: stored.visible(unit, roots, BallotId(id)))
    if found is None:
        abort(404)
    return found


def _on(id: str, verb: Callable[[Ballot, Reading], Decided]) -> Decide:  # noqa: A002
    """Return how something is decided for a ballot that this person may hold."""
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        ballot = await stored.visible(unit, roots, BallotId(id))
        return None if ballot is None else verb(ballot, unit)

    return decide


async def _roll(unit: Reading, organisation: OrganisationId) -> tuple[Elector, ...]:
    """Return everyone of an organisation as on its roll; who may not vote by the rules stands with the reason."""
    node = await organisations.organisation(unit, organisation)
    day = unit.now.astimezone(ZoneInfo(node.timezone if node else "UTC")).date()
    return tuple(_elector(one, day) for one in await members.roster(unit, [organisation]))


def _elector(member: Member, day: date) -> Elector:
    barred = bool(why_not(member, on=day))
    said = member.category if member.category != FULL else member.status or member.full_since or member.joined
    return Elector(member=member.id, may_vote=not barred, reason=said if barred else "")


def _invited(member: Member, origin: str) -> Invited:
    assert member.user is not None
    token = secrets.token_urlsafe(32)
    address = Secret(f"{origin}/ballot/enter/{token}")
    return Invited(member=member.id, user=member.user, link=address, token_hash=digest(token))


async def _draft(unit: Reading, fields: Fields, keys: PublicKeys, nodes: tuple[Organisation, ...]) -> Ballot | Refusal:
    """Turn the fields into a ballot; what it says is judged by its own rule."""
    node = next((one for one in nodes if one.id == fields.organisation), None)
    if node is None:
        return refused("ballot.no_place", field="organisation")
    if await stored.ballot(unit, BallotId(fields.id)) is not None:
        return refused("ballot.bad_keys", field="keys")
    closes_at = _instant(fields, node.timezone)
    if isinstance(closes_at, Refusal):
        return closes_at
    people: dict[str, list[MemberId]] = {}
    for one in await members.roster(unit, [node.id]):
        people.setdefault(one.name, []).append(one.id)
    tellers = [people.get(name, []) for name in _lines(fields.tellers)]
    if len(tellers) != len(keys.share_keys) or any(len(found) != 1 for found in tellers):
        return refused("ballot.unknown_teller", field="tellers", n=len(keys.share_keys))
    standing = []
    for place, line in enumerate(_lines(fields.candidates), start=1):
        name, _, introduction = (part.strip() for part in line.replace(":", "：", 1).partition("："))
        known = people.get(name, [])
        member = known[0] if len(known) == 1 else None
        standing.append(Candidate(id=f"c{place}", member=member, name=name, introduction=introduction))
    return Ballot(
        id=BallotId(fields.id),
        organisation=node.id,
        title=fields.title,
        election=Election(
            candidates=tuple(one.id for one in standing),
            seats=int(fields.seats) if re.fullmatch("[0-9]{1,3}", fields.seats) else 0,
            pack=RECOMMENDATION,
            contested=False,
            eligible=frozenset(),
        ),
        candidates=tuple(standing),
        tellers=tuple(
            Teller(
                index=index,
                member=found[0],
                role=TellerRole.MONITOR if index == 1 else TellerRole.COUNTER,
                share_key=keys.share_keys.get(index, b""),
            )
            for index, found in enumerate(tellers, start=1)
        ),
        needed=keys.needed,
        key=keys.key,
        closes_at=closes_at,
        timezone=node.timezone,
        server_seal=fields.server_seal,
    )


def _keys(fields: Fields) -> PublicKeys | Refusal:
    try:
        keys = read_keys(json.loads(fields.keys))
    except (Unusable, ValueError, RecursionError):
        return refused("ballot.bad_keys", field="keys")
    return keys if keys.ballot == fields.id else refused("ballot.bad_keys", field="keys")


def _shares() -> list[Share]:
    """Return the shares of the form. Raises NotOpened for one that is none."""
    found = []
    for text in request.form.getlist("share"):
        if text.strip():
            try:
                found.append(read_share(json.loads(text)))
            except (Unusable, ValueError, RecursionError):
                raise NotOpened("ballot.no_share") from None
    return found


def _instant(fields: Fields, timezone: str) -> datetime | Refusal:
    try:
        day, at = date.fromisoformat(fields.date), time.fromisoformat(fields.time).replace(tzinfo=None)
        return instant(day, at, timezone)
    except (ValueError, OverflowError):
        return refused("poll.bad_date", field="date")


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _number(name: str) -> int:
    value = request.form.get(name, "")
    return int(value) if re.fullmatch("[0-9]{1,3}", value) else 0


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.strip())
    except ValueError:
        return b""


def _fresh(nodes: tuple[Organisation, ...]) -> Fields:
    zone = ZoneInfo(nodes[0].timezone) if nodes else None
    tomorrow = now().astimezone(zone).date() + timedelta(days=7)
    place = nodes[0].id if nodes else ""
    return Fields(id=derive(secrets.token_urlsafe(24), "ballot"), organisation=place, date=tomorrow.isoformat())


def _fields() -> Fields:
    def text(name: str) -> str:
        return request.form.get(name, "").replace("\r\n", "\n").strip()

    return Fields(
        id=text("id"),
        organisation=text("organisation"),
        title=text("title"),
        candidates=text("candidates"),
        seats=text("seats"),
        tellers=text("tellers"),
        keys=text("keys"),
        date=text("date"),
        time=text("time"),
        server_seal=text("server_seal") == "yes",
    )


def _form(fields: Fields, nodes: tuple[Organisation, ...], refusal: Refusal | None = None) -> Answer:
    refusals = [refusal] if refusal else []
    page = render_template(
        "ballots/start.html", fields=fields, nodes=nodes, refusals=refusals, by_field=first_by_field(refusals)
    )
    return page, 422 if refusals else 200
