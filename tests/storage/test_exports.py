"""What is written out is what is kept: whole, in its columns, safe to open, and free of what was said."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from console.sheets import read_grid
from content import roster
from content.decision import Decision, Tell, words
from content.grid import Grid
from content.identifiers import EventId, MemberId, PollId, derive
from content.members import Member, MemberEnrolled
from content.polls import Poll, PollEnded, PollOpened, Response, Sheet, Voted, count, number_answers
from content.speech import Reader
from storage import polls
from storage.store import Step, Store
from tests.small_branch import EAST, EAST_GROUP, EAST_ROOM, SECRETARY, ZHANG, SmallBranch, account, fresh_cause
from zhibu.catalogue import load_speech
from zhibu.export import KINDS, export

SPEECH = load_speech()
NEW = Member(
    id=MemberId("new"),
    organisation=EAST_GROUP,
    name="周婷",
    category="预备党员",
    gender="女",
    joined="2024-07-01",
    phone="13800000000",
    post="值班员",
    position="组织委员",
    status="正常",
    note="=1+1",
)


async def written(store: Store, what: str) -> list[dict[str, Any]]:
    """Return what an export for programs holds."""
    return list(json.loads(await export(store, what, "json", SPEECH, Reader())))


async def ask(branch: SmallBranch, *, disclosed: bool = True) -> Poll:
    """Ask the branch in the east when to meet."""
    id = PollId(derive("exports", "poll"))
    answers = number_answers(id, ["周五", "周六"])
    sheet = Sheet(question="哪天开展主题党日？", answers=answers, most=1, disclosed=disclosed)
    poll = Poll(id=id, organisation=EAST, room=EAST_ROOM, sheet=sheet)
    await branch.store.settle(notes=[PollOpened(poll=poll, author=SECRETARY, at=branch.clock.now)])
    return poll


async def test_votes_that_are_hidden_until_the_end_are_written_out_after_it(branch: SmallBranch) -> None:
    poll = await ask(branch, disclosed=False)
    now = branch.clock.now
    chosen = Response(event=EventId("$vote"), sender=account(ZHANG), sent_at=now, chosen=(poll.sheet.answers[0].id,))
    await branch.store.settle(notes=[Voted(poll=poll.id, response=chosen)])
    during = await written(branch.store, "polls")
    assert [(row["answer"], row["votes"], row["votes_of_members"]) for row in during] == [
        ("周五", "", ""),
        ("周六", "", ""),
    ]
    assert {row["voters"] for row in during} == {1}
    box = await branch.store.read(lambda unit: polls.box(unit, poll))
    ended = PollEnded(poll=poll.id, ended_at=now, result=count(poll, box), at=now)
    await branch.store.settle(notes=[ended])
    assert [(row["votes"], row["votes_of_members"]) for row in await written(branch.store, "polls")] == [(1, 1), (0, 0)]


@pytest.mark.parametrize("what", list(KINDS))
async def test_all_forms_of_an_export_hold_the_same_rows_and_columns(branch: SmallBranch, what: str) -> None:
    await branch.open()
    await ask(branch)
    rows = await written(branch.store, what)
    assert rows
    assert all(tuple(row) == KINDS[what].columns for row in rows)
    as_csv = (await export(branch.store, what, "csv", SPEECH, Reader())).decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(as_csv, newline="")))
    assert tuple(lines[0]) == KINDS[what].columns
    assert [[str(value) for value in row.values()] for row in rows] == [
        [value.removeprefix("'") for value in line] for line in lines[1:]
    ]
    grid = read_grid(await export(branch.store, what, "xlsx", SPEECH, Reader()), "export.xlsx")
    assert isinstance(grid, Grid)
    assert grid.rows[1] == KINDS[what].columns
    assert len(grid.rows) == len(rows) + 2


async def test_the_roster_that_is_written_out_is_taken_in_again_without_a_change(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[MemberEnrolled(member=NEW)])
    rows = await written(branch.store, "members")
    assert [row["序号"] for row in rows] == list(range(1, 7))
    new = next(row for row in rows if row["姓名"] == "周婷")
    assert (new["所在党支部"], new["党小组"], new["加入党组织日期"]) == ("east支部", "east-group支部", "2024-07-01")
    known = [roster.known(NEW, organisation="east支部", group="east-group支部")]
    for form in ("csv", "xlsx"):
        grid = read_grid(await export(branch.store, "members", form, SPEECH, Reader()), f"members.{form}")
        assert isinstance(grid, Grid)
        reading = roster.read(grid, today=date(2026, 11, 24))
        assert (reading.problems, reading.obstacles) == ((), ())
        preview = roster.compare(known, reading)
        assert len(preview.new) == 5
        assert [row.entry.name for row in preview.unchanged] == ["周婷"]


async def test_where_anybody_works_in_shifts_the_roster_says_in_which_group(branch: SmallBranch) -> None:
    assert "倒班" not in (await written(branch.store, "members"))[0]
    await branch.store.settle(notes=[MemberEnrolled(member=replace(NEW, shift="甲"))])
    assert {row["姓名"]: row["倒班"] for row in await written(branch.store, "members")}["周婷"] == "甲"
    grid = read_grid(await export(branch.store, "members", "xlsx", SPEECH, Reader()), "members.xlsx")
    assert isinstance(grid, Grid)
    preview = roster.compare([], roster.read(grid, today=date(2026, 11, 24)))
    assert [row.entry.shift for row in preview.new if row.entry.name == "周婷"] == ["甲"]


async def test_a_text_that_looks_like_a_formula_is_none_in_a_sheet_and_itself_for_programs(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[MemberEnrolled(member=NEW)])
    as_csv = (await export(branch.store, "members", "csv", SPEECH, Reader())).decode("utf-8-sig")
    assert "'=1+1" in as_csv
    assert "=1+1" in {row["备注"] for row in await written(branch.store, "members")}


async def test_the_record_names_who_and_why_and_the_outbox_never_the_words(branch: SmallBranch) -> None:
    id = await branch.open()
    await branch.answer(id, ZHANG, leave="看病")

    async def decide(_: object) -> Decision:
        return Decision(effects=(Tell(user=SECRETARY, words=words("export.audit")),))

    await branch.store.settle([Step(cause=fresh_cause(), decide=decide, actor=SECRETARY)])
    audit = await written(branch.store, "audit")
    mine = [row for row in audit if row["actor"] == account(ZHANG)]
    assert [row["outcome"] for row in mine] == ["done"]
    assert mine[0]["cause"].startswith("form:")
    assert mine[0]["at"].endswith("Z")
    rows = await written(branch.store, "outbox")
    assert {row["user_id"] for row in rows} >= {SECRETARY}
    assert {row["lesson"] for row in rows if row["kind"] == "post"} == {"安全生产"}
    everything = json.dumps([audit, rows], ensure_ascii=False)
    assert "看病" not in everything
    assert "export.audit" not in everything
