"""Counts opened ballots a second time, by SQL and written apart from the rule engine, so that one proves the other."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing

from msgspec import Struct

from content.questions import Question, Sort

_TABLES = """
CREATE TABLE paper (number INTEGER PRIMARY KEY, unreadable INTEGER NOT NULL);
CREATE TABLE mark (number INTEGER NOT NULL, name TEXT NOT NULL, said TEXT NOT NULL);
CREATE TABLE written (number INTEGER NOT NULL, name TEXT NOT NULL);
CREATE TABLE candidate (name TEXT PRIMARY KEY);
"""

_VALID = """
CREATE TEMP VIEW valid AS SELECT number FROM paper WHERE NOT unreadable
  AND (SELECT COUNT(*) FROM mark WHERE mark.number = paper.number AND said = 'Y')
    + (SELECT COUNT(*) FROM written WHERE written.number = paper.number) <= {seats}
  AND (SELECT COUNT(*) FROM written WHERE written.number = paper.number)
    <= (SELECT COUNT(*) FROM mark WHERE mark.number = paper.number AND said = 'N')
  AND (SELECT COUNT(*) FROM written WHERE written.number = paper.number)
    = (SELECT COUNT(DISTINCT name) FROM written WHERE written.number = paper.number)
  AND NOT EXISTS (SELECT 1 FROM written JOIN candidate USING (name) WHERE written.number = paper.number)
  AND NOT EXISTS (SELECT 1 FROM mark WHERE mark.number = paper.number AND name NOT IN (SELECT name FROM candidate))
"""


class SecondCount(Struct, frozen=True, kw_only=True):
    """The sums that both counts must agree on."""

    valid: int
    void: int
    tally: dict[str, tuple[int, int, int]]
    write_ins: dict[str, int]


def count_again(lines: Iterable[str], candidates: Iterable[str], seats: int) -> SecondCount:
    """Count opened papers, one on each line, in a database that is only in memory."""
    import sqlite3

    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_TABLES)
        connection.executemany("INSERT INTO candidate VALUES (?)", [(name,) for name in candidates])
        for number, line in enumerate(lines):
            paper = json.loads(line)
            connection.execute("INSERT INTO paper VALUES (?, ?)", (number, paper is None))
            if paper is not None:
                connection.executemany(
                    "INSERT INTO mark VALUES (?, ?, ?)", [(number, *mark) for mark in paper["m"].items()]
                )
                connection.executemany("INSERT INTO written VALUES (?, ?)", [(number, name) for name in paper["w"]])
        connection.execute(_VALID.format(seats=int(seats)))
        (valid,) = connection.execute("SELECT COUNT(*) FROM valid").fetchone()
        (all_papers,) = connection.execute("SELECT COUNT(*) FROM paper").fetchone()
        tally = connection.execute(
            "SELECT name, SUM(said = 'Y' AND number IN valid), SUM(said = 'N' AND number IN valid) FROM candidate "
            "LEFT JOIN mark USING (name) GROUP BY name"
        ).fetchall()
        written = connection.execute(
            "SELECT name, COUNT(*) FROM written JOIN valid USING (number) GROUP BY name"
        ).fetchall()
    return SecondCount(
        valid=valid,
        void=all_papers - valid,
        tally={name: (yes or 0, no or 0, valid - (yes or 0) - (no or 0)) for name, yes, no in tally},
        write_ins=dict(written),
    )


_ANSWERS = """
CREATE TABLE question (id TEXT PRIMARY KEY, several INTEGER NOT NULL);
CREATE TABLE paper (number INTEGER PRIMARY KEY);
CREATE TABLE said (number INTEGER NOT NULL, question TEXT NOT NULL, option TEXT NOT NULL);
CREATE VIEW whole AS
  SELECT number, question, option FROM said JOIN question ON question.id = said.question
  UNION ALL
  SELECT paper.number, question.id, '' FROM paper CROSS JOIN question WHERE NOT several
    AND NOT EXISTS (SELECT 1 FROM said WHERE said.number = paper.number AND said.question = question.id);
"""


def count_answers_again(
    lines: Iterable[str], questions: Iterable[Question], by: str
) -> tuple[int, dict[tuple[str, ...], int]]:
    """Count papers that answer questions, and every option of the closed ones, alone and by groups."""
    import sqlite3

    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_ANSWERS)
        closed = [(one.id, one.sort is Sort.MULTIPLE) for one in questions if one.sort is not Sort.OPEN]
        connection.executemany("INSERT INTO question VALUES (?, ?)", closed)
        for number, line in enumerate(lines):
            paper = json.loads(line)
            if paper is not None:
                connection.execute("INSERT INTO paper VALUES (?)", (number,))
                said = [(number, name, option) for name, options in paper["a"].items() for option in options]
                connection.executemany("INSERT INTO said VALUES (?, ?, ?)", said)
        (valid,) = connection.execute("SELECT COUNT(*) FROM paper").fetchone()
        alone = connection.execute("SELECT question, option, COUNT(*) FROM whole GROUP BY 1, 2").fetchall()
        crossed = connection.execute(
            "SELECT a.question, a.option, b.option, COUNT(*) FROM whole a JOIN whole b USING (number) "
            "WHERE b.question = ? AND a.question <> ? GROUP BY 1, 2, 3",
            (by, by),
        ).fetchall()
    return valid, {tuple(row[:-1]): row[-1] for row in (*alone, *crossed)}
