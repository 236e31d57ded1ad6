"""The judge after a fault: reads the rooms with a client and the tables with SQL of its own, and knows no code of ours.

It holds what members say they said, and what they saw, against what is there; nothing of the program is imported here.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import psycopg

MARK = "org.zhibu.outbox"
COUNTED = ("open", "done", "late", "excused", "made_up", "unanswered", "absent", "not_offered")
"""The columns in which a branch is counted."""

STATES = {"签到": "done", "请假 事假": "excused", "✅": "done"}
"""What a member stands as after each thing they can say of a card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a member said of a card, and the homeserver took: their own list, kept by the driver."""

    event: str
    room: str
    sender: str
    card: str
    words: str

    @property
    def tapped(self) -> bool:
        """Tell whether it was a reaction, which is answered in private only where it changed something."""
        return self.words == "✅"


@dataclass(slots=True, kw_only=True)
class World:
    """What the judge knows of the scene: addresses, who can read what, and what was to happen."""

    url: str
    bot: str
    database: str
    token: str
    halls: list[str]
    sealed: list[str] = field(default_factory=list)
    """Halls of which only the marks can be read."""
    tokens: dict[str, str] = field(default_factory=dict)
    private: dict[str, str] = field(default_factory=dict)
    """The private room of each member."""
    lessons: list[str] = field(default_factory=list)
    """Titles of what was to appear once in every hall."""
    messages: int = 0
    """How many messages all of that is in a hall."""
    said: list[Said] = field(default_factory=list)


class Tables:
    """Questions to a database in the words of both engines."""

    def __init__(self, address: str) -> None:
        self._address = address

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Any]:
        if self._address.startswith("sqlite:///"):
            file = Path(self._address.removeprefix("sqlite:///"))
            with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as connection:
                yield connection
        else:
            with psycopg.connect(self._address) as connection:
                yield connection

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Return all rows of a question."""
        with self._connected() as connection:
            return [tuple(row) for row in connection.execute(sql).fetchall()]

    def damage(self) -> list[str]:
        """Return what the engine itself finds wrong with the file."""
        if not self._address.startswith("sqlite:///"):
            return []
        whole = self.ask("PRAGMA integrity_check")
        stray = self.ask("PRAGMA foreign_key_check")
        return [f"integrity: {row}" for row in whole if row != ("ok",)] + [f"stray row: {row}" for row in stray]


class Client:
    """A reader of rooms."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token

    def ask(self, method: str, where: str, **query: str) -> Any:
        """Call an address below /_matrix/client/v3."""
        target = f"{self._url}/_matrix/client/v3{where}" + (f"?{urlencode(query)}" if query else "")
        data = b"{}" if method == "POST" else None
        request = Request(target, data=data, method=method, headers={"Authorization": f"Bearer {self._token}"})
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def history(self, room: str) -> list[dict[str, Any]]:
        """Return all events of a room, oldest first."""
        events: list[dict[str, Any]] = []
        query = {"dir": "b", "limit": "500"}
        while True:
            page = self.ask("GET", f"/rooms/{quote(room)}/messages", **query)
            events += page["chunk"]
            if not page["chunk"] or "end" not in page:
                return events[::-1]
            query["from"] = page["end"]


def _is_edit(event: dict[str, Any]) -> bool:
    relation = event["content"].get("m.relates_to")
    return isinstance(relation, dict) and relation.get("rel_type") == "m.replace"


def _ours(events: Sequence[dict[str, Any]], bot: str) -> list[dict[str, Any]]:
    return [event for event in events if event["sender"] == bot and MARK in event["content"]]


def cards(world: World, events: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the cards of a hall that can be read: title and event."""
    shown = [event for event in _ours(events, world.bot) if not _is_edit(event)]
    found = {}
    for event in shown:
        first = str(event["content"].get("body", ""))
        for title in world.lessons:
            if title in first:
                found.setdefault(title, event["event_id"])
    return found


def waiting(world: World) -> list[str]:
    """Return what is still on its way: rows that wait, words that were not heard yet, and what is due to be closed.

    What closes within the minute counts too, or a close could bring edits between this look and the end of a life.
    """
    tables = Tables(world.database)
    # In the order in which one leads to the next, so that nothing slips through between two questions.
    planned = tables.ask("SELECT count(*) FROM occurrences WHERE state = 'planned'")[0][0]
    soon = f"{datetime.now(UTC) + timedelta(minutes=1):%Y-%m-%d %H:%M:%S}+00"
    over = tables.ask(f"SELECT count(*) FROM occurrences WHERE state = 'open' AND closes_at < '{soon}'")[0][0]
    heard = {row[0] for row in tables.ask("SELECT cause FROM causes")}
    unheard = [said for said in world.said if cause(said) not in heard]
    rows = tables.ask("SELECT kind, state, last_error FROM outbox WHERE state IN ('pending', 'leased')")
    return (
        ["planned"] * planned
        + ["not closed"] * over
        + [f"unheard {said}" for said in unheard]
        + [f"row {row}" for row in rows]
    )


def cause(said: Said) -> str:
    """Return under which name a saying is kept."""
    return f"{'tap' if said.tapped else 'event'}:{said.event}"


def judge(world: World) -> list[str]:
    """Return everything in which what is there differs from what must be; empty where all promises hold."""
    tables = Tables(world.database)
    reader = Client(world.url, world.token)
    troubles = tables.damage()
    marks: Counter[str] = Counter()
    order: dict[str, int] = {}
    for hall in world.halls:
        events = reader.history(hall)
        order |= {event["event_id"]: place for place, event in enumerate(events)}
        shown = _ours(events, world.bot)
        marks.update(event["content"][MARK] for event in shown)
        whole = [event for event in shown if not _is_edit(event)]
        if len(whole) != world.messages:
            troubles.append(f"{hall} shows {len(whole)} messages instead of {world.messages}")
        if hall in world.sealed:
            continue
        for title in world.lessons:
            times = sum(title in str(event["content"].get("body")) for event in whole)
            if times != 1:
                troubles.append(f"{hall} shows {title} {times} times")
    troubles += _of_words(world, tables, marks)
    troubles += [f"mark {mark} stands {times} times" for mark, times in marks.items() if times > 1]
    troubles += _of_tables(world, tables, order)
    return troubles


def _of_words(world: World, tables: Tables, marks: Counter[str]) -> list[str]:
    """Judge the answers: every word has one, and nobody was answered who did not speak."""
    troubles = []
    told = tables.ask("SELECT user_id, cause, id, event_id, state FROM outbox WHERE kind = 'tell'")
    by_cause: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in told:
        by_cause[row[1]].append(row)
    for user, room in world.private.items():
        ours = _ours(Client(world.url, world.tokens[user]).history(room), world.bot)
        marks.update(event["content"][MARK] for event in ours)
        arrived = {event["content"][MARK]: event["event_id"] for event in ours}
        words = [said for said in world.said if said.sender == user and not said.tapped]
        for said in words:
            rows = by_cause[cause(said)]
            if len(rows) != 1 or rows[0][4] != "sent":
                troubles.append(f"{said} has the answers {rows}")
            elif arrived.get(rows[0][2]) != rows[0][3]:
                troubles.append(f"{said} is marked as answered by {rows[0][3]}, the room has {arrived.get(rows[0][2])}")
        known = {row[2] for row in told if row[0] == user}
        troubles += [f"{user} was told {mark}, of which nothing is known" for mark in arrived if mark not in known]
        if len(arrived) < len(words):
            troubles.append(f"{user} said {len(words)} things and saw {len(arrived)} answers")
    return troubles


def _of_tables(world: World, tables: Tables, order: dict[str, int]) -> list[str]:
    """Judge what is recorded: each member's place is what they said last, each saying is kept once, counts add up."""
    troubles = [f"row left {row}" for row in tables.ask("SELECT kind, state FROM outbox WHERE state <> 'sent'")]
    troubles += [f"dead letter {row}" for row in tables.ask("SELECT cause, reason FROM dead_letters")]
    troubles += [
        f"kept twice {row}"
        for row in tables.ask("SELECT cause, count(*) FROM answers GROUP BY cause HAVING count(*) > 1")
    ]
    of_card = {
        row[0]: row[1]
        for row in tables.ask(
            "SELECT outbox.event_id, cards.occurrence_id FROM outbox JOIN cards ON cards.id = outbox.card_id"
            " WHERE outbox.kind = 'post'"
        )
    }
    last: dict[tuple[str, str], Said] = {}
    for said in sorted(world.said, key=lambda one: order[one.event]):
        if said.card not in of_card:
            troubles.append(f"{said} is about a card of which nothing is known")
            continue
        last[of_card[said.card], said.sender] = said
    kept = {
        (row[0], row[1]): row[2]
        for row in tables.ask(
            "SELECT occurrence_id, members.user_id, state FROM expectations"
            " JOIN members ON members.id = expectations.member_id WHERE members.user_id IS NOT NULL"
        )
    }
    for place, state in kept.items():
        wanted = STATES[last[place].words] if place in last else "open"
        if state not in (wanted, "unanswered" if wanted == "open" else wanted):
            troubles.append(f"{place} stands as {state} after {last.get(place)}")
    counted = Counter(tables.ask("SELECT occurrence_id, branch_id, state FROM expectations"))
    tallied = {
        (occurrence, branch, state): number
        for occurrence, branch, *numbers in tables.ask(
            f"SELECT occurrence_id, branch_id, {', '.join(COUNTED)} FROM tallies"
        )
        for state, number in zip(COUNTED, numbers, strict=True)
    }
    if dict(counted) != {key: number for key, number in tallied.items() if number}:
        troubles.append("the counts differ from the places")
    return troubles
