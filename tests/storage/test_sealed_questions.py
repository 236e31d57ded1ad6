"""Surveys and appraisals in sealed envelopes: from a paper in the box to what is told, on both engines."""

from __future__ import annotations

import sqlite3
from contextlib import closing as shutting

from content import ballots as rules
from content.ballot_files import read_box, write_box
from content.ballot_papers import write_paper
from content.ballots import Candidate, State
from content.counts import figures
from content.elections import Ballot as Paper
from content.elections import Election
from content.forms import asking, grading, read_questions
from content.identifiers import MemberId
from content.questions import tally_answers
from storage import ballots
from storage.opening import OpenedBox, open_box
from storage.second_count import count_answers_again
from tests.sealed_ballots import ID, agree, closed, closing, confirm, draft, open_voting, shares, stand, take, vote
from tests.small_branch import HandClock, SmallBranch
from tests.storage.test_secrecy import files, forms, hits

SIGN = "独一无二的说法"
FORM = asking(read_questions("部门\n- 甲\n- 乙\n\n# 常用\n- 一\n- 二\n\n% 满意吗\n\n建议"), "q1")


def filled(**answers: str) -> bytes:
    return write_paper(Paper(answers={name: tuple(said.split("+")) for name, said in answers.items()}))


async def hold(branch: SmallBranch, clock: HandClock, form: Election, papers: list[bytes], **more: object) -> OpenedBox:
    """Take a ballot of questions to its count."""
    await draft(branch.store, len(papers) + 1, election=form, **more)
    await open_voting(branch.store)
    for number, plain in enumerate(papers):
        await vote(branch.store, MemberId(f"voter{number:02}"), plain)
    clock.forward(days=1)
    await branch.store.settle([closing()])
    kept = await branch.store.read(lambda unit: ballots.boxes(unit, ID))
    found = open_box(read_box(write_box(await stand(branch.store), kept)), shares())
    await agree(branch.store)
    await take(branch.store, "count", lambda it, _: rules.keep_count(it, found.result, found.hash))
    await confirm(branch.store)
    return found


async def test_a_survey_is_counted_and_only_what_may_be_told_is_kept(branch: SmallBranch, clock: HandClock) -> None:
    """BAL-5: fourteen answer, two of them in a group of their own that cannot be taken away from the rest."""
    papers = [filled(q1="1", q2="1+2", q3=str(n % 2 + 4), q4=f"建议{n}") for n in range(12)]
    papers += [filled(q1="2", q3="1")] * 2
    found = await hold(branch, clock, FORM, papers, candidates=())
    result = await branch.store.read(lambda unit: ballots.result(unit, ID))
    assert result == figures(found.result)
    assert (result["valid"], result["void"]) == (14, 0)
    told = result["answers"]
    assert told["q1"] == {"cells": [None, None], "base": 14}
    assert told["q2"]["cells"] == [None, None], "two have left it out, so that twelve would tell of them"
    assert told["q3"]["cells"].count(None) >= 2
    assert told["q4"]["texts"] == sorted(f"建议{n}" for n in range(12))
    assert (await stand(branch.store)).state is State.CERTIFIED


def test_of_a_survey_no_paper_is_kept_whole_not_even_as_a_hash() -> None:
    """L8: whoever knows what was told of few papers could else try what they hold until the hash is right."""
    told = set()
    for shift in (0, 1):
        papers = [filled(q1=str(n % 2 + 1), q3=str((n + shift) % 5 + 1)) for n in range(6)]
        box, boxes = closed(papers, election=FORM, candidates=())
        found = open_box(read_box(write_box(box, boxes)), shares())
        assert len(found.lines) == 6, "they were there to be counted"
        assert all(line not in found.text.decode() for line in found.lines)
        told.add(found.hash)
    assert len(told) == 1, "who answered what together makes no difference to anything that stays"


async def test_an_appraisal_tells_every_grade_of_everyone(branch: SmallBranch, clock: HandClock) -> None:
    """CAD-14: four grades for each member; an empty row is no grade, and a paper that is not one is void."""
    people = (Candidate(id="c1", member=None, name="甲"), Candidate(id="c2", member=None, name="乙"))
    papers = [filled(c1="1", c2="2"), filled(c1="1"), filled(c1="2", c2="4"), filled(c1="1+2"), filled()]
    papers.append(filled(c1="3"))
    found = await hold(branch, clock, grading(["c1", "c2"]), papers, candidates=people)
    result = await branch.store.read(lambda unit: ballots.result(unit, ID))
    assert result is not None
    assert (result["valid"], result["void"]) == (5, 1)
    assert [result["answers"][name]["cells"] for name in ("c1", "c2")] == [[2, 1, 1, 0], [0, 1, 0, 1]]
    assert found.text.decode().count("\n") == 6, "papers of an appraisal are kept for a recount, as of any vote"


async def test_an_answer_is_nowhere_before_the_opening(sqlite_address: str, branch: SmallBranch) -> None:
    """L3, L5: over every byte of the database and its log, of a text that nobody else wrote."""
    await draft(branch.store, 6, election=FORM, candidates=())
    await open_voting(branch.store)
    boxes = [await vote(branch.store, MemberId(f"voter{n:02}"), filled(q1="1", q4=SIGN)) for n in range(6)]
    assert len({len(box) for box in boxes}) == 1
    where = files(sqlite_address)
    if where:
        assert hits(forms(SIGN.encode()), where) == []
        with shutting(sqlite3.connect(where[0])) as connection:
            columns = [row[1] for row in connection.execute("PRAGMA table_info(ballot_envelopes)")]
        assert columns == ["ballot_id", "slot", "box"]


def test_both_counts_of_answers_are_the_same_and_a_wrong_one_is_seen() -> None:
    """Invariant 10: counted by SQL and by hand, written apart."""
    papers = [{"q1": (str(n % 2 + 1),), "q2": ("1", "2")[: n % 3], "q3": (str(n % 5 + 1),)} for n in range(30)]
    papers = [{name: said for name, said in one.items() if said} for one in papers] + [{}]
    lines = [write_paper(Paper(answers=one)).decode() for one in papers]
    valid, again = count_answers_again([*lines, "null"], FORM.questions, "q1")
    assert (valid, again) == (31, dict(tally_answers(FORM.questions, "q1", papers)))
    _, less = count_answers_again(lines[1:], FORM.questions, "q1")
    assert less != again
