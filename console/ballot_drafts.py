"""What every form asks for by which something secret is drafted: its tellers, their public keys, and when it closes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from msgspec import Struct

from content import ballots as rules
from content.ballot_files import PublicKeys, read_keys
from content.ballots import Ballot, Candidate, Teller, TellerRole
from content.decision import Refusal, refused
from content.election_cases import Unusable
from content.elections import Election
from content.identifiers import BallotId
from content.members import Member
from content.organisations import Organisation
from content.schedules import instant
from content.tellers import refuse_tellers
from storage import ballots, members
from storage.unit import Reading


class Sealing(Struct, frozen=True, kw_only=True):
    """What stands in the part of a form that is the same for all that is sealed, whether or not it can be meant."""

    id: str
    organisation: str = ""
    title: str = ""
    tellers: str = ""
    keys: str = ""
    date: str = ""
    time: str = "18:00"
    server_seal: bool = False


def sealing(id: str, nodes: Sequence[Organisation], title: str, closes: datetime) -> Sealing:  # noqa: A002
    """Return that part of a form as it is first shown."""
    day = closes.astimezone(ZoneInfo(nodes[0].timezone) if nodes else None).date()
    return Sealing(id=id, organisation=nodes[0].id if nodes else "", title=title, date=day.isoformat())


def sealing_from(form: Mapping[str, str]) -> Sealing:
    """Return that part of a form as it was sent."""
    names = ("id", "organisation", "title", "tellers", "keys", "date", "time")
    return Sealing(**{name: written(form, name) for name in names}, server_seal=form.get("server_seal") == "yes")


def written(form: Mapping[str, str], name: str) -> str:
    """Return what was written in one field, whatever ends its lines."""
    return form.get(name, "").replace("\r\n", "\n").strip()


async def draft_sealed(
    unit: Reading,
    fields: Sealing,
    nodes: Iterable[Organisation],
    *,
    election: Election,
    candidates: tuple[Candidate, ...] = (),
) -> Ballot | Refusal:
    """Turn that part of a form into a ballot; whether that can be meant is judged by its own rule."""
    node, keys = next((one for one in nodes if one.id == fields.organisation), None), keys_of(fields.id, fields.keys)
    if node is None:
        return refused("ballot.no_place", field="organisation")
    if isinstance(keys, Refusal):
        return keys
    if await ballots.ballot(unit, BallotId(fields.id)) is not None:
        return refused("ballot.bad_keys", field="keys")
    closes_at = closing_time(fields.date, fields.time, node.timezone)
    if isinstance(closes_at, Refusal):
        return closes_at
    tellers = tellers_among(await members.roster(unit, [node.id]), fields.tellers, keys)
    if isinstance(tellers, Refusal):
        return tellers
    return Ballot(
        id=BallotId(fields.id),
        organisation=node.id,
        title=fields.title,
        election=election,
        candidates=candidates,
        tellers=tellers,
        needed=keys.needed,
        key=keys.key,
        closes_at=closes_at,
        timezone=node.timezone,
        server_seal=fields.server_seal,
    )


def people_of(people: Iterable[Member], typed: str) -> list[Member]:
    """Return who is meant by an account, or by a name however its letters were typed."""
    if typed.startswith("@"):
        return [one for one in people if one.user == typed]
    return [one for one in people if rules.look_alike(one.name, typed)]


def tellers_among(people: Sequence[Member], typed: str, keys: PublicKeys) -> tuple[Teller, ...] | Refusal:
    """Return the tellers who are named, one on each line, in the order of their keys; the first watches."""
    found = [people_of(people, name) for name in lines(typed)]
    if len(found) != len(keys.share_keys) or any(len(one) != 1 for one in found):
        return refused("ballot.unknown_teller", field="tellers", n=len(keys.share_keys))
    return tuple(
        Teller(
            index=index,
            member=one[0].id,
            role=TellerRole.MONITOR if index == 1 else TellerRole.COUNTER,
            share_key=keys.share_keys.get(index, b""),
        )
        for index, one in enumerate(found, start=1)
    )


async def refuse_tellers_of(unit: Reading, ballot: Ballot) -> Refusal | None:
    """Tell why these cannot be the tellers of a ballot."""
    ids = {one.member for one in ballot.tellers} | {one.member for one in ballot.candidates if one.member is not None}
    known = await members.by_ids(unit, sorted(ids))
    users = {one.id: one.user for one in known if one.user is not None}
    return refuse_tellers(ballot, {one.id: one.name for one in known}, users)


def keys_of(ballot: str, pasted: str) -> PublicKeys | Refusal:
    """Return the public keys that were pasted, if they are those of this ballot."""
    try:
        keys = read_keys(json.loads(pasted))
    except (Unusable, ValueError, RecursionError):
        return refused("ballot.bad_keys", field="keys")
    return keys if keys.ballot == ballot else refused("ballot.bad_keys", field="keys")


def closing_time(day: str, at: str, timezone: str) -> datetime | Refusal:
    """Return when something closes."""
    try:
        return instant(date.fromisoformat(day), time.fromisoformat(at).replace(tzinfo=None), timezone)
    except (ValueError, OverflowError):
        return refused("poll.bad_date", field="date")


def lines(text: str) -> list[str]:
    """Return the lines of a text that hold something."""
    return [line.strip() for line in text.split("\n") if line.strip()]
