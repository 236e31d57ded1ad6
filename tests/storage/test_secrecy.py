"""The secrecy of a ballot against whoever holds every byte: leaks are hunted, and sixty voters are not linked.

The attacker knows the voters' names and all papers, watches each commit, and matches whatever orders there are. The
same attacker is set on a careless schema as well, where all must be found; else it would prove nothing.
"""

from __future__ import annotations

import logging
import random
import sqlite3
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing as shutting
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from content import ballots as rules
from content.ballot_files import read_box, write_box
from content.ballot_papers import write_paper
from content.ballots import Candidate, WriteIn
from content.elections import NOBODY, Election
from content.elections import Ballot as Paper
from content.forms import asking, read_questions
from content.identifiers import MemberId
from storage import ballots
from storage.engines import BESIDE
from storage.envelopes import seal
from storage.erasure import forget_deleted
from storage.opening import OpenedBox, open_box
from storage.store import Store
from tests.sealed_ballots import (
    ID,
    agree,
    ballot,
    casting,
    closing,
    confirm,
    draft,
    entering,
    open_voting,
    paper,
    roll,
    shares,
    stand,
    take,
    vote,
)
from tests.small_branch import HandClock, SmallBranch

SIXTY, THIRTY = 60, 30
VOTED_AT = ":53:41"
CHANCE = 8
"""Orders that have nothing to do with each other agree in one place on average, in more than this hardly ever."""


class Attacker:
    """Whoever holds a folder: sees each commit, every table in each of its orders, and every file."""

    def __init__(self, folder: Path, people: Sequence[str], papers: Sequence[str]) -> None:
        self._folder = folder
        self._people, self._papers = people, papers
        self._pages: dict[int, bytes] = {}
        self._frames = 0
        self._met: set[str] = set()
        self.links: dict[str, str] = {}
        self.commits: list[str] = []
        """The person next to whose name something changed, commit by commit."""

    def watch(self, log: Path) -> None:
        """Look at the pages that were written to a log since the last look, and at what is new in them."""
        data = log.read_bytes()
        size = int.from_bytes(data[8:12], "big")
        people, papers = set[str](), set[str]()
        for start in range(32 + self._frames * (size + 24), len(data) - size - 23, size + 24):
            number = int.from_bytes(data[start : start + 4], "big")
            page, before = data[start + 24 : start + 24 + size], self._pages.get(number, bytes(size))
            people |= set(self._new(page, self._people)) | set(self._beside(page, before))
            papers |= set(self._new(page, self._papers))
            self._pages[number] = page
            self._frames += 1
        if len(people) == 1:
            self.commits += people
            if len(papers) == 1:
                self.links[people.pop()] = papers.pop()

    def _new(self, page: bytes, known: Sequence[str]) -> Iterator[str]:
        """Yield what stands in a page and was never seen before."""
        for one in known:
            if one not in self._met and one.encode() in page:
                self._met.add(one)
                yield one

    def _beside(self, page: bytes, before: bytes) -> Iterator[str]:
        """Yield whose name stands nearest to the first byte that changed among the rows of a page."""
        places = range(100, len(page))
        changed = next((place for place in places if page[place] != before[place]), None)
        if changed is not None and before.strip(b"\0"):
            found = {abs(page.find(one.encode()) - changed): one for one in self._people if one.encode() in page}
            if found and min(found) < 80:
                yield found[min(found)]

    def score(self, truth: Mapping[str, str], database: Path) -> int:
        """Return how many voters the best way of matching links to what they chose."""
        people, papers = [tuple(self.commits), tuple(dict.fromkeys(self.commits[::-1]))[::-1]], []
        for rows in _tables(database):
            for column in range(len(rows[0]) if rows else 0):
                ordered = sorted(rows, key=lambda row: str(row[column]))
                for order in (rows, ordered):
                    people.append(tuple(self._found(order, self._people)))
                    papers.append(tuple(self._found(order, self._papers)))
        for file in self._folder.iterdir():
            papers.append(tuple(line for line in file.read_text(errors="replace").splitlines() if line in self._papers))
        guesses = [self.links]
        for who, what in product({one for one in people if one}, {one for one in papers if one}):
            guesses += [dict(zip(who, what, strict=False)), dict(zip(who, what[::-1], strict=False))]
        return max(sum(truth.get(name) == said for name, said in guess.items()) for guess in guesses)

    def _found(self, rows: Iterable[Sequence[object]], known: Sequence[str]) -> Iterator[str]:
        known = set(known)
        for row in rows:
            yield from (cell for cell in row if isinstance(cell, str) and cell in known)


def _tables(database: Path) -> Iterator[list[tuple[object, ...]]]:
    """Yield every table as its rows lie in the file."""
    with shutting(sqlite3.connect(database)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            yield connection.execute(f"SELECT * FROM {name}").fetchall()


def traces(database: Path) -> list[list[tuple[object, ...]]]:
    """Return what has an order of its own: the causes and the record."""
    with shutting(sqlite3.connect(database)) as connection:
        return [connection.execute(f"SELECT * FROM {name}").fetchall() for name in ("causes", "audit", "outbox")]


def voters(number: int = SIXTY, seed: int = 60) -> tuple[list[str], dict[str, str]]:
    """Return people in the order in which they vote, and for each a paper that nobody else has."""
    chance = random.Random(seed)
    people = [str(one.member) for one in roll(number)]
    marks = [
        " ".join(f"{name}{mark}" for name, mark in zip("abcd", said, strict=True) if mark)
        for said in product(["+", "-", ""], repeat=4)
    ]
    papers = [paper(one).decode() for one in marks]
    chosen = dict(zip(people, chance.sample(papers, number), strict=True))
    chance.shuffle(people)
    return people, chosen


FOUR = Election(candidates=("a", "b", "c", "d"), seats=3, eligible=frozenset())
STANDING = tuple(Candidate(id=one, member=None, name=f"候选人{one}") for one in FOUR.candidates)


@pytest.fixture
def folder(sqlite_address: str) -> Path:
    """Give the folder in which the branch's database lies."""
    return Path(sqlite_address.removeprefix("sqlite:///")).parent


@pytest.fixture
def address(sqlite_address: str) -> str:
    """Give a database on a file, whose bytes can be looked at."""
    return sqlite_address


def files(address: str) -> list[Path]:
    """Return the files of a database that are there."""
    file = Path(address.removeprefix("sqlite:///"))
    return [one for one in (file.with_name(file.name + ending) for ending in BESIDE) if one.exists()]


async def end(store: Store, clock: HandClock, folder: Path) -> OpenedBox:
    """Close, open and count, and put what was opened beside the database."""
    clock.forward(days=1)
    await store.settle([closing()])
    kept = await store.read(lambda unit: ballots.boxes(unit, ID))
    found = open_box(read_box(write_box(await stand(store), kept)), shares(), {SIGN: NOBODY})
    (folder / "opened.jsonl").write_bytes(found.text)
    await agree(store)
    await take(store, "count", lambda it, _: rules.keep_count(it, found.result, found.hash))
    return found


async def test_sixty_voters_are_linked_no_better_than_by_chance(
    branch: SmallBranch, clock: HandClock, address: str, tmp_path: Path
) -> None:
    """L1, L2, L4: by the order of rows, by each commit of the log, by what was opened."""
    await link(branch, clock, address, tmp_path, *voters(), election=FOUR, candidates=STANDING)


async def test_who_answers_a_survey_is_linked_to_their_answers_no_better_than_by_chance(
    branch: SmallBranch, clock: HandClock, address: str, tmp_path: Path
) -> None:
    """The same attacker and the same game on papers that answer questions, none of which outlives the opening."""
    questions = read_questions("\n\n".join(f"题{one}\n- 甲\n- 乙\n- 丙" for one in "一二三四"))
    people, _ = voters(THIRTY)
    answered = [
        write_paper(Paper(answers={f"q{place}": (one,) for place, one in enumerate(said, start=1)})).decode()
        for said in product("123", repeat=4)
    ]
    chosen = dict(zip(people, random.Random(30).sample(answered, THIRTY), strict=True))
    await link(branch, clock, address, tmp_path, people, chosen, election=asking(questions), candidates=())


async def link(
    branch: SmallBranch,
    clock: HandClock,
    address: str,
    tmp_path: Path,
    people: list[str],
    chosen: dict[str, str],
    **voted_on: object,
) -> None:
    """Let people vote before an attacker who sees every commit, row and file, and scores by chance only."""
    number, opened = len(people), tmp_path / "opened"
    opened.mkdir()
    attacker = Attacker(opened, people, list(chosen.values()))
    await draft(branch.store, number, **voted_on)
    await open_voting(branch.store)
    database = Path(address.removeprefix("sqlite:///"))
    log = database.with_name(database.name + "-wal")
    attacker.watch(log)
    attacker.commits.clear()
    clock.now = clock.now.replace(hour=7, minute=53, second=41)
    left, acts, entered = traces(database), [], set[str]()
    for name in [*people[: number // 3], *people]:
        steps = [casting(MemberId(name), seal(chosen[name].encode(), ballot().key, (await stand(branch.store)).length))]
        if name not in entered:
            entered.add(name)
            steps.insert(0, entering(f"token-{name}"))
        for step in steps:
            (outcome,) = await branch.store.settle([step])
            assert outcome.refusal is None
            assert not outcome.failed
            acts.append(step.cause)
        attacker.watch(log)
    assert traces(database) == left, "nothing that voters do stands between what others do"
    assert [row for rows in _tables(database) for row in rows if VOTED_AT in str(row)] == []
    rows = [str(row[0]) for table in _tables(database) for row in table if str(row[0]).startswith("cast:")]
    assert len(rows) == len(acts)
    assert sum(one == other for one, other in zip(rows, acts, strict=True)) <= CHANCE
    found = await end(branch.store, clock, opened)
    attacker.watch(log)
    assert found.result.valid == number
    assert sorted(found.lines) == sorted(chosen.values())
    assert len(set(attacker.commits)) > number // 2, (
        "whoever sees the commits knows who votes; what they vote must not follow"
    )
    assert attacker.links == {}
    assert attacker.score(chosen, database) <= CHANCE


def test_on_a_careless_schema_the_same_attacker_links_them_all(tmp_path: Path) -> None:
    """The control: random keys and a table of its own for the choices hide nobody."""
    assert careless_score(tmp_path) == [SIXTY, SIXTY]


def careless_score(tmp_path: Path, number: int = SIXTY, seed: int = 60) -> list[int]:
    """Return how many the attacker links by the order of rows, and by the commits of the log."""
    people, chosen = voters(number, seed)
    scores = []
    by_rows, by_commits = tmp_path / "rows.db", tmp_path / "commits.db"
    for database, table in ((by_rows, ""), (by_commits, "WITHOUT ROWID")):
        with shutting(sqlite3.connect(database, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE voted (member TEXT)")
            connection.execute(f"CREATE TABLE choice (id TEXT PRIMARY KEY, paper TEXT) {table}")
            folder = tmp_path / (table or "rows")
            folder.mkdir()
            attacker = Attacker(folder, people, list(chosen.values()))
            log = database.with_name(database.name + "-wal")
            attacker.watch(log)
            for name in people:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO voted VALUES (?)", (name,))
                connection.execute("INSERT INTO choice VALUES (hex(randomblob(16)), ?)", (chosen[name],))
                connection.execute("COMMIT")
                if table:
                    attacker.watch(log)
            scores.append(attacker.score(chosen, database))
    return scores


SIGN = "独一无二的名字"
LINE = paper("a- b+", SIGN)


def forms(secret: bytes) -> list[bytes]:
    """Return the shapes in which a secret might lie about."""
    text = secret.decode()
    shapes = [secret, text.encode("utf-16-le"), secret.hex().encode(), secret.hex().upper().encode()]
    shapes += [b64encode(bytes(shift) + secret)[4:-4] for shift in range(3)]
    return [*shapes, text.encode("unicode_escape")]


def hits(secrets: Iterable[bytes], where: Iterable[Path]) -> list[str]:
    """Return the files in which one of these stands."""
    secrets = list(secrets)
    return sorted({file.name for file in where if any(one in file.read_bytes() for one in secrets)})


def test_a_secret_would_be_found_in_each_of_its_forms(tmp_path: Path) -> None:
    for number, shape in enumerate(forms(SIGN.encode())):
        (tmp_path / f"{number}").write_bytes(b"before " + shape + b" after")
    assert len(hits(forms(SIGN.encode()), tmp_path.iterdir())) == len(forms(SIGN.encode()))


async def test_a_choice_is_nowhere_before_the_opening_and_an_envelope_nowhere_after_its_end(
    branch: SmallBranch, clock: HandClock, address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """L3, L14: over every byte of the database and its log, and over all that was logged."""
    caplog.set_level(logging.DEBUG)
    opened = tmp_path / "opened"
    opened.mkdir()
    await draft(
        branch.store, 6, write_in=WriteIn.TEXT, election=Election(candidates=("a", "b"), seats=1, contested=False)
    )
    await open_voting(branch.store)
    sent = [await vote(branch.store, MemberId(f"voter{one:02}"), paper("a+")) for one in range(5)]
    sent += [await vote(branch.store, MemberId("voter00"), paper("a- b-", SIGN))]
    assert hits(forms(SIGN.encode()), files(address)) == []
    assert hits(sent[-1:], files(address)) != [], "what is looked for can be found"
    found = await end(branch.store, clock, opened)
    assert found.result.write_ins == {NOBODY: 1}
    papers = [paper("a- b-", NOBODY), paper("a+")]
    assert hits(forms(SIGN.encode()), [*files(address), *opened.iterdir()]) == [], "a text is in no opened paper"
    assert hits(papers, [*files(address), *opened.iterdir()]) == ["opened.jsonl"]
    await confirm(branch.store)
    clock.forward(days=7)
    await take(branch.store, "archive", lambda it, unit: rules.archive(it, today=unit.now.date()))
    with shutting(sqlite3.connect(files(address)[0])) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM ballots").fetchone()
        assert not forget_deleted(make_url(address), patience=0)
        assert hits(sent, files(address)) != [], "while somebody reads, nothing is forgotten"
    assert await branch.store.forget_deleted()
    assert hits(sent, files(address)) == []
    assert SIGN not in caplog.text
    assert not any(one.hex()[:32] in caplog.text for one in sent)
