"""Commands of the front door that end half-way leave what they found, and do their work when they are called again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.hearing import Hearing
from bot.hearing_again import HearingAgain
from bot.polls import Counting
from content.checkins import State
from content.identifiers import EventId, PollId, UserId
from content.polls import Poll, PollEndHeard, PollOpened, Sheet, number_answers
from storage import polls, sync
from storage.crashpoints import ARMED
from storage.migrate import revisions
from storage.store import Store
from tests.fake_homeserver import FakeHomeserver
from tests.faults.oracle import Tables
from tests.faults.points import IN_COMMANDS, IN_PIECES
from tests.installation import Installation, end, finish
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    NOON,
    ROLL,
    ROOF,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    event,
    message,
    private_room,
    reaction,
)

NOWHERE = "http://127.0.0.1:1"


def die(place: str, *command: str) -> None:
    """Run a command that is armed to end at a place, and see that it ended there."""
    done = subprocess.run(command, env={**os.environ, ARMED: place}, capture_output=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL, (place, done.returncode, done.stdout, done.stderr)


def die_in(place: str, *arguments: str) -> None:
    """Do the same with a command of the front door."""
    code, said = end(*arguments, environment={ARMED: place})
    assert code == -signal.SIGKILL, (place, code, said)


@pytest.fixture
def installation(founded_file: Path, tmp_path: Path) -> Installation:
    """Give an installation with a small branch and a homeserver that is away."""
    made = Installation(tmp_path / "here", NOWHERE, "@zhibu:test", "a password")
    shutil.copyfile(founded_file, made.folder / "zhibu.db")
    (made.folder / "keys").mkdir()
    (made.folder / "keys" / "pickle.key").write_bytes(bytes(32))
    return made


def revision(database: str) -> str:
    """Return the revision of a database, empty where it has no tables."""
    tables = Tables(database)
    if not tables.ask("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"):
        return ""
    return str(tables.ask("SELECT version_num FROM alembic_version")[0][0])


def test_a_first_start_that_ends_while_tables_are_made_has_made_none(tmp_path: Path) -> None:
    """R10, F05."""
    fresh = Installation(tmp_path, NOWHERE, "@zhibu:test", "a password")
    die_in("tables.before_commit", "run", "-c", str(fresh.config))
    assert revision(fresh.database) == ""
    finish("run", "--no-wait", "-c", str(fresh.config))
    assert revision(fresh.database) == revisions()[-1]
    assert Tables(fresh.database).damage() == []


def test_a_move_that_ends_before_its_commit_has_moved_nothing_and_is_done_again(installation: Installation) -> None:
    target = f"sqlite:///{installation.folder / 'other.db'}"
    die_in("move.proved_before_commit", "port", "-c", str(installation.config), "--to", target)
    assert revision(target) == ""
    code, said = finish("port", "-c", str(installation.config), "--to", target)
    assert code == 0, said
    question = "SELECT id, name FROM members ORDER BY id"
    assert Tables(target).ask(question) == Tables(installation.database).ask(question) != []


def backups(installation: Installation) -> list[Path]:
    """Return the backups that have a name, oldest first."""
    return sorted((installation.folder / "backups").glob("zhibu-*"))


def test_a_backup_that_ends_half_way_leaves_the_last_good_one_and_no_copy_in_clear(installation: Installation) -> None:
    """R9, F24: killed before the new one has its name, and before the oldest is let go."""
    config = str(installation.config)
    assert finish("backup", "-c", config)[0] == 0
    (first,) = backups(installation)
    die_in("backup.proved_before_named", "backup", "-c", config)
    assert backups(installation) == [first]
    die_in("backup.named_before_others_go", "backup", "-c", config, "--keep", "1")
    assert len(backups(installation)) == 2
    code, said = finish("backup", "-c", config, "--keep", "1")
    assert code == 0, said
    (last,) = backups(installation)
    assert finish("backup", "-c", config, "--check", str(last))[0] == 0
    assert [path.name for path in installation.folder.iterdir() if path.name.startswith((".backup-", ".zhibu"))] == []


def test_a_restore_that_ends_half_way_cannot_be_started_and_goes_into_another_place(
    installation: Installation, tmp_path: Path
) -> None:
    """R9."""
    assert finish("backup", "-c", str(installation.config))[0] == 0
    (made,) = backups(installation)
    key = next(path for path in installation.folder.rglob("*.key") if "pickle" not in path.name)
    half, whole = tmp_path / "half", tmp_path / "whole"
    die_in("restore.between_files:3", "restore", str(made), "--key", str(key), "--into", str(half))
    assert not (half / "config.toml").exists()
    assert finish("restore", str(made), "--key", str(key), "--into", str(half))[0] != 0
    assert finish("restore", str(made), "--key", str(key), "--into", str(whole))[0] == 0
    question = "SELECT id, name FROM members ORDER BY id"
    assert Tables(f"sqlite:///{whole / 'zhibu.db'}").ask(question) == Tables(installation.database).ask(question)


async def fill_a_gap(file: Path) -> tuple[State, int]:
    """Read back what was missing, in which a member has tapped; return where they stand and how many gaps are left."""
    clock = HandClock(NOON)
    store = await Store.open(f"sqlite:///{file}", clock)
    branch = SmallBranch(store, clock)
    homeserver = FakeHomeserver(clock)
    (id,) = [row[0] for row in Tables(f"sqlite:///{file}").ask("SELECT id FROM occurrences")]
    tapped = reaction(account(ZHANG), await branch.card_event(id), "✅", event_id="$tap:test")
    homeserver.history[EAST_ROOM] = ((tapped,), None)
    hearing = Hearing(store, homeserver, branch.settings)  # type: ignore[arg-type]
    await HearingAgain(store, homeserver, hearing).fill_gaps()  # type: ignore[arg-type]
    state, left = await branch.state(id, ZHANG), len(await store.read(sync.open_gaps))
    await store.close()
    return state, left


async def count_a_poll(file: Path) -> list[tuple[str, int]]:
    """Count what has ended, with a vote that only the homeserver knows of; return each result that was said."""
    clock = HandClock(NOON)
    store = await Store.open(f"sqlite:///{file}", clock)
    homeserver = FakeHomeserver(clock)
    settings = SmallBranch(store, clock).settings
    (poll,) = await store.read(lambda unit: polls.of_roots(unit, [ROOF]))
    assert poll.event is not None
    relation = {"rel_type": "m.reference", "event_id": poll.event}
    content = {"m.selections": [poll.sheet.answers[0].id], "m.relates_to": relation}
    homeserver.referring[poll.event] = ((event(account(ZHANG), "m.poll.response", content, event_id="$vote"),), True)
    hearing = Hearing(store, homeserver, settings)  # type: ignore[arg-type]
    await Counting(store, homeserver, hearing).count()  # type: ignore[arg-type]
    await store.close()
    tables = Tables(f"sqlite:///{file}")
    said = tables.ask("SELECT kind FROM outbox WHERE kind IN ('result', 'chart') ORDER BY number")
    (votes,) = tables.ask("SELECT COUNT(*) FROM poll_responses")[0]
    return [(kind, votes) for (kind,) in said]


async def ask_for_help(file: Path) -> tuple[int, list[str]]:
    """Hear one who asks for help, and one who does without a name; return how many cases and receipts there are."""
    clock = HandClock(NOON)
    store = await Store.open(f"sqlite:///{file}", clock)
    branch = SmallBranch(store, clock)
    for member, words in ((ZHANG, "求助 家里老人住院"), (LI, "匿名求助 食堂太贵")):
        await branch.hear(message(account(member), words, room_id=private_room(member), event_id=f"${member}:test"))
    await store.close()
    tables = Tables(f"sqlite:///{file}")
    (cases,) = tables.ask("SELECT COUNT(*) FROM help_cases")[0]
    return cases, [key for (key,) in tables.ask("SELECT json_extract(words, '$.key') FROM outbox ORDER BY number")]


PIECE = """
import asyncio, sys
from pathlib import Path
from tests.faults import test_commands_killed as pieces
print(asyncio.run(getattr(pieces, sys.argv[1])(Path(sys.argv[2]))))
"""


async def test_a_gap_that_was_read_back_and_not_kept_is_read_back_again(branch: SmallBranch, tmp_path: Path) -> None:
    """R2, F53."""
    id = await branch.open(ROLL)
    await branch.send_all()
    gap = sync.GapFound(room=EAST_ROOM, from_token="s2", to_token="s1", at=branch.clock.now)
    await branch.store.settle(notes=[gap, sync.Heard(account=UserId("@zhibu:test"), since="s2", at=branch.clock.now)])
    await branch.store.close()
    file = tmp_path / "branch.db"
    assert id
    die(IN_PIECES[0], sys.executable, "-c", PIECE, "fill_a_gap", str(file))
    assert await fill_a_gap(file) == (State.DONE, 0)


async def test_a_poll_whose_votes_were_read_and_not_counted_is_counted_once(
    branch: SmallBranch, tmp_path: Path
) -> None:
    """R2, F02."""
    id, now = PollId("poll"), branch.clock.now
    sheet = Sheet(question="几点", answers=number_answers(id, ("早", "晚")))
    poll = Poll(id=id, organisation=EAST, room=EAST_ROOM, sheet=sheet, event=EventId("$poll"))
    opened = PollOpened(poll=poll, author=account(ZHANG), at=now)
    await branch.store.settle(notes=[opened, PollEndHeard(poll=id, ended_at=now, at=now)])
    await branch.store.close()
    file = tmp_path / "branch.db"
    die(IN_PIECES[1], sys.executable, "-c", PIECE, "count_a_poll", str(file))
    for _ in range(2):
        assert await count_a_poll(file) == [("result", 1), ("chart", 1)]


@pytest.mark.parametrize("place", ["store.before_commit", "store.after_commit"])
async def test_who_asked_for_help_before_a_kill_has_one_case_and_one_receipt(
    branch: SmallBranch, tmp_path: Path, place: str
) -> None:
    """R1: what was said is heard again, whether its decision was kept or not; so it is without a name."""
    await branch.store.close()
    file = tmp_path / "branch.db"
    die(place, sys.executable, "-c", PIECE, "ask_for_help", str(file))
    for _ in range(2):
        assert await ask_for_help(file) == (2, ["help_case.received", "help_case.unnamed_received"])


def test_every_place_in_a_command_is_tried_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in IN_COMMANDS if f'"{name}' not in source] == []
