"""What was decided, by whom and because of what: the causes seen, one row of record for each decision."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, Date, Index, LargeBinary, String, Table, Text, bindparam, select

from content.audit import NOTHING, About, about, told
from content.complaints import TakeOut
from content.decision import Decision, Discreet, Refusal, Untraced
from content.identifiers import Cause, UserId
from content.organisations import Duty
from storage.chain import START, Head
from storage.prepared import Prepared
from storage.tables import Instant, Sequence, metadata
from storage.unit import Reading, Writing

causes = Table(
    "causes",
    metadata,
    Column("cause", String(300), primary_key=True),
    Column("outcome", String(8), nullable=False),
    Column("at", Instant, nullable=False),
)

# Without row numbers, in which the order of votes could be read between that of everything else.
quiet_causes = Table(
    "quiet_causes",
    metadata,
    Column("cause", String(80), primary_key=True),
    Column("outcome", String(8), nullable=False),
    Column("day", Date, nullable=False, index=True),
    sqlite_with_rowid=False,
)
"""The causes of which no row of record is kept: what a voter did, by a hash and its day."""

LONGEST_AUTHORITY = 300
"""Characters of the duties by which somebody did something; more of them are named as far as there is room."""

audit = Table(
    "audit",
    metadata,
    Column("number", Sequence, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("actor", String(255)),
    Column("cause", String(300), nullable=False),
    Column("action", Text, nullable=False),
    Column("outcome", String(8), nullable=False),
    Column("subject", String(255)),
    Column("thing", String(300)),
    Column("place", String(32)),
    Column("before", String(60)),
    Column("after", String(60)),
    Column("note", Text),
    Column("digest", LargeBinary(32)),
    Column("link", LargeBinary(32)),
    Column("authority", String(LONGEST_AUTHORITY)),
    Index("ix_audit_cause", "cause"),
    Index("ix_audit_at", "at"),
    Index("ix_audit_actor", "actor"),
    Index("ix_audit_subject", "subject"),
    Index("ix_audit_thing", "thing"),
)
"""The record: rows are added and never changed, but for what may be forgotten of them (``storage/chain.py``).

Triggers keep it so against anything but a hand that takes them away first, and that shows in the chain. ``digest`` and
``link`` are empty in rows from before the chain. ``authority`` names the duties by which it was done, as
``role@node``; what one does for oneself rests on none.
"""

BEGUN = Cause("record:begun")
"""The cause of the row with which a chain begins; its note names the key and states what was there before."""

FORGOTTEN = "record_forgotten"
"""The action of the row whose note lists of which rows the forgettable part is gone."""

DONE, REFUSED = "done", "refused"

UNRECORDED = "cast:"
"""How the causes begin of which no row of record is kept, and that are remembered apart and by their day only."""

DISCREET = "discreet:"
"""How causes begin, in the record, of what nobody is named for; the true one only keeps it from happening twice."""

QUIET = timedelta(days=90)
"""How long they are remembered: longer than any ballot is open."""


class Line(Struct, frozen=True, kw_only=True):
    """One row of record: what was decided when, by whom, about whom, and what made it happen; never the words."""

    at: datetime
    actor: UserId | None
    subject: str | None
    action: str
    outcome: str
    cause: Cause


async def lines(unit: Reading) -> tuple[Line, ...]:
    """Return the whole record, oldest first."""
    rows = await unit.rows(select(audit).order_by(audit.c.number))
    return tuple(
        Line(
            at=row.at,
            actor=row.actor,
            subject=row.subject,
            action=row.action,
            outcome=row.outcome,
            cause=row.cause,
        )
        for row in rows
    )


AT_ONCE = 512
"""So many causes are looked up by one question: databases limit how many values it may name."""


def _outcomes(table: Table) -> Prepared:
    wanted: Any = bindparam("causes", expanding=True)
    return Prepared(select(table.c.cause, table.c.outcome).where(table.c.cause.in_(wanted)))


_OUTCOMES, _QUIET_OUTCOMES = _outcomes(causes), _outcomes(quiet_causes)


async def actor_of(unit: Reading, action: str, thing: str) -> UserId | None:
    """Return who did something to a thing, the last time that it was done, as far as the record still says."""
    query = select(audit.c.actor).where(audit.c.thing == thing, audit.c.action == action, audit.c.outcome == DONE)
    actor: UserId | None = await unit.value(query.order_by(audit.c.number.desc()).limit(1))
    return actor


async def seen(unit: Reading, wanted: Iterable[Cause]) -> dict[Cause, str]:
    """Return which of these causes have had their effect already, and whether that was a refusal."""
    found: dict[Cause, str] = {}
    quiet, loud = list[Cause](), list[Cause]()
    for cause in wanted:
        (quiet if cause.startswith(UNRECORDED) else loud).append(cause)
    for question, some in ((_OUTCOMES, loud), (_QUIET_OUTCOMES, quiet)):
        for start in range(0, len(some), AT_ONCE):
            rows = await unit.rows(question, {"causes": some[start : start + AT_ONCE]})
            found.update({Cause(row.cause): row.outcome for row in rows})
    return found


async def record(
    unit: Writing, cause: Cause, answer: Decision | Refusal, *, actor: UserId | None, at: datetime
) -> None:
    """Write down that a cause has had its effect, and who was behind it and when but for what is near a secret vote."""
    outcome = REFUSED if isinstance(answer, Refusal) else DONE
    if cause.startswith(UNRECORDED):
        row = {"cause": cause, "outcome": outcome, "day": at.astimezone(UTC).date()}
        await unit.add_later(quiet_causes, row)
        return
    untraced = _is_untraced(answer)
    seen_at = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) if untraced else at
    await unit.add_later(causes, {"cause": cause, "outcome": outcome, "at": seen_at})
    if untraced:
        return
    by = authority_text(unit.authority)
    if _is_discreet(answer):
        actor, by, cause = None, None, Cause(f"{DISCREET}{hashlib.sha256(cause.encode()).hexdigest()[:32]}")
    if isinstance(answer, Refusal):
        action, what = answer.words.key, NOTHING if answer.discreet else About(subject=answer.about)
    else:
        action = ", ".join(_verb(type(fact).__name__) for fact in told(answer.facts))
        what = about(answer.facts) if action else NOTHING
    if action:
        await add(
            unit, row_of(at=at, actor=actor, cause=cause, action=action, outcome=outcome, what=what, authority=by)
        )


def _is_discreet(answer: Decision | Refusal) -> bool:
    """Tell whether nobody is named for what was decided."""
    if isinstance(answer, Refusal):
        return answer.discreet
    return any(isinstance(fact, Discreet) for fact in answer.facts)


def _is_untraced(answer: Decision | Refusal) -> bool:
    """Tell whether nothing is written down of what was decided but that its cause has had its effect."""
    if isinstance(answer, Refusal):
        return False
    leaves = any(isinstance(effect, TakeOut) for effect in answer.effects)
    return leaves or any(isinstance(fact, Untraced) for fact in answer.facts)


def authority_text(duties: Iterable[Duty]) -> str | None:
    """Return duties as a row of record names them, as many as there is room for."""
    text = ""
    for one in sorted({f"{duty.role}@{duty.organisation}" for duty in duties}):
        if len(text) + len(one) + 1 <= LONGEST_AUTHORITY:
            text = f"{text} {one}".strip()
    return text or None


async def forget_quiet(unit: Writing, at: datetime) -> None:
    """Forget causes that cannot come again, because their ballots are over."""
    await unit.execute(quiet_causes.delete().where(quiet_causes.c.day < (at - QUIET).date()))


def row_of(
    *,
    at: datetime,
    actor: UserId | None,
    cause: Cause,
    action: str,
    outcome: str = DONE,
    what: About = NOTHING,
    note: str | None = None,
    authority: str | None = None,
) -> dict[str, Any]:
    """Return a row of record before it is sealed."""
    return {
        "at": at,
        "actor": actor,
        "cause": cause,
        "action": action,
        "outcome": outcome,
        "subject": what.subject,
        "thing": what.thing,
        "place": what.place,
        "before": what.before,
        "after": what.after,
        "note": note,
        "authority": authority,
    }


async def add(unit: Writing, row: Mapping[str, Any]) -> None:
    """Add a row of record: at the end of the transaction with all others of it, or with care at once."""
    if unit.gathered is not None:
        unit.gathered.record.append(row)
    else:
        unit.chain.head = None
        await _write(unit, [row])
        # The part may yet be undone.
        unit.chain.head = None


async def seal(unit: Writing) -> None:
    """Write the rows of record that a transaction has gathered, each sealed to the one before it."""
    if unit.gathered is not None and unit.gathered.record:
        rows, unit.gathered.record = unit.gathered.record, []
        await _write(unit, rows)


_NEWEST = Prepared(select(audit.c.number, audit.c.link).order_by(audit.c.number.desc()).limit(1))


async def head(unit: Reading) -> Head:
    """Return the newest row of record."""
    row = await unit.first(_NEWEST)
    return Head(number=row.number, link=bytes(row.link or START)) if row else Head(number=0, link=START)


async def _write(unit: Writing, rows: Iterable[Mapping[str, Any]]) -> None:
    chain = unit.chain
    newest = chain.known() or await head(unit)
    sealed = []
    for row in rows:
        one, newest = chain.seal(newest, row)
        sealed.append(one)
    await unit.add(audit, sealed)
    chain.head = newest


@cache
def _verb(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
