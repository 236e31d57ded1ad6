"""Writes records out as JSON, CSV or a workbook, with the numbers that the console shows."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from msgspec import Struct

from console import written_sheets
from content.decision import Words, words
from content.identifiers import OrganisationId
from content.organisations import Kind, Organisation
from content.roster import COLUMNS as ROSTER
from content.roster.layouts import LAYOUTS, Line
from content.speech import Reader, Speech
from storage import audit, lessons, members, organisations, outbox_items, participation, polls
from storage.store import Store
from storage.unit import Reading

Record = Mapping[str, Any]

FILED = LAYOUTS["filed"]
PARTICIPATION = ("organisation", "name", "user_id", "lesson", "occurrence", "due_at", "state")
LESSONS = ("id", "organisation", "kind", "title", "revision", "source", "dated", "minutes", "pack", "body")
OUTBOX = (
    *("id", "kind", "state", "room", "user_id", "lesson", "branch"),
    *("made_at", "not_before", "done_at", "failures", "error"),
)
POLLS = (
    *("id", "organisation", "question", "state", "closes_at", "ended_at", "number", "answer"),
    *("votes", "votes_of_members", "voters", "voters_of_members", "asked"),
)
AUDIT = ("at", "actor", "action", "outcome", "cause")


class Kept(Struct, frozen=True, kw_only=True):
    """A kind of record: what it is called, its columns in order, and where it is read from."""

    title: Words
    columns: tuple[str, ...]
    read: Callable[[Reading], Awaitable[list[Record]]]


async def export(
    store: Store, what: str, form: str, speech: Speech, reader: Reader, noted: Callable[[int], None] = lambda _: None
) -> bytes:
    """Return all records of a kind, one row each; instants are ISO 8601 in UTC.

    ``noted`` is told how many they are before anything is given out.
    """
    kept = KINDS[what]
    rows = await store.read(kept.read)
    noted(len(rows))
    if form == "json":
        return (json.dumps(rows, ensure_ascii=False, indent=2) + "\n").encode()
    columns = tuple(rows[0]) if rows else kept.columns
    table: list[list[Any]] = [[row[name] for name in columns] for row in rows]
    if form == "csv":
        return written_sheets.write_csv(columns, table)
    return written_sheets.write_xlsx(speech.say(kept.title, reader), columns, table)


def _instant(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


async def _participation(unit: Reading) -> list[Record]:
    """Return every member's place in every occurrence."""
    return [
        {
            "organisation": line.organisation,
            "name": line.name,
            "user_id": line.user_id,
            "lesson": line.lesson,
            "occurrence": line.occurrence,
            "due_at": _instant(line.due_at),
            "state": line.state.value,
        }
        for line in await participation.lines(unit)
    ]


async def _members(unit: Reading) -> list[Record]:
    """Return the roster by the tree, in the columns in which it is filed; what we do not keep stays empty.

    Where anybody works in shifts there is a column more that says in which group, as on the page.
    """
    tree = {node.id: node for node in await organisations.tree(unit)}
    place = {node: number for number, node in enumerate(tree)}
    people = await members.roster(unit, [node.id for node in tree.values() if node.parent is None])
    layout = FILED.of(people)
    rows: list[Record] = []
    for number, one in enumerate(sorted(people, key=lambda one: (place[one.organisation], one.name, one.id)), start=1):
        node = tree[one.organisation]
        group = node.name if node.kind is Kind.GROUP else ""
        line = Line(number=number, member=one, branch=_branch(tree, node), group=group)
        rows.append(dict(zip(layout.columns, layout.row(line), strict=True)))
    return rows


def _branch(tree: Mapping[OrganisationId, Organisation], node: Organisation) -> str:
    """Return the name of the branch at or above a node, empty where there is none."""
    at: Organisation | None = node
    while at is not None and at.kind is not Kind.BRANCH:
        at = tree.get(at.parent) if at.parent else None
    return at.name if at else ""


async def _lessons(unit: Reading) -> list[Record]:
    """Return every lesson as it is now."""
    tree = {node.id: node for node in await organisations.tree(unit)}
    found = await lessons.library(unit, [node.id for node in tree.values() if node.parent is None])
    return [
        {
            "id": lesson.id,
            "organisation": tree[lesson.owner].name,
            "kind": lesson.kind.value,
            "title": lesson.title,
            "revision": lesson.revision,
            "source": lesson.source,
            "dated": lesson.dated.isoformat() if isinstance(lesson.dated, date) else "",
            "minutes": lesson.minutes,
            "pack": lesson.pack,
            "body": lesson.body,
        }
        for lesson in found
    ]


async def _polls(unit: Reading) -> list[Record]:
    """Return a row for each answer of each open poll; votes that are hidden until the end stay empty till then."""
    tree = {node.id: node for node in await organisations.tree(unit)}
    tops = [node.id for node in tree.values() if node.parent is None]
    rows: list[Record] = []
    for poll in await polls.of_roots(unit, tops):
        seen = await polls.standing(unit, poll)
        everyone, of_members = seen.count.everyone, seen.count.members
        rows += [
            {
                "id": poll.id,
                "organisation": tree[poll.organisation].name,
                "question": poll.sheet.question,
                "state": poll.state.value,
                "closes_at": _instant(poll.closes_at),
                "ended_at": _instant(poll.ended_at),
                "number": number,
                "answer": answer.text,
                "votes": "" if seen.hidden else everyone.votes.get(answer.id, 0),
                "votes_of_members": "" if seen.hidden else of_members.votes.get(answer.id, 0),
                "voters": everyone.voters,
                "voters_of_members": of_members.voters,
                "asked": seen.count.asked,
            }
            for number, answer in enumerate(poll.sheet.answers, start=1)
        ]
    return rows


async def _outbox(unit: Reading) -> list[Record]:
    """Return what was sent and what was not, and why; never the words."""
    return [
        {
            "id": item.id,
            "kind": item.kind.value,
            "state": item.state.value,
            "room": item.room or "",
            "user_id": item.user or "",
            "lesson": item.title or "",
            "branch": item.branch_name or "",
            "made_at": _instant(item.made_at),
            "not_before": _instant(item.not_before),
            "done_at": _instant(item.done_at),
            "failures": item.failures,
            "error": item.error or "",
        }
        for item in await outbox_items.every_item(unit)
    ]


async def _audit(unit: Reading) -> list[Record]:
    """Return the record of what was decided, by whom and because of what."""
    return [
        {
            "at": _instant(line.at),
            "actor": line.actor or "",
            "action": line.action,
            "outcome": line.outcome,
            "cause": line.cause,
        }
        for line in await audit.lines(unit)
    ]


KINDS: Mapping[str, Kept] = {
    "participation": Kept(title=words("export.participation"), columns=PARTICIPATION, read=_participation),
    "members": Kept(title=words("export.members"), columns=ROSTER, read=_members),
    "lessons": Kept(title=words("export.lessons"), columns=LESSONS, read=_lessons),
    "polls": Kept(title=words("export.polls"), columns=POLLS, read=_polls),
    "outbox": Kept(title=words("export.outbox"), columns=OUTBOX, read=_outbox),
    "audit": Kept(title=words("export.audit"), columns=AUDIT, read=_audit),
}
