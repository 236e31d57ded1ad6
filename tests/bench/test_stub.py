"""The stub speaks what our side of the edge expects, in the clear and encrypted, and the bench holds together."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path

import pytest

import bench
from bench.cases import CASES
from bench.measuring import Case, How, Measured, Row, table
from bench.stub import BOT, COMMANDS, Load, Stub, hall, member, private_room, serve
from bot.matrix.events import Event
from bot.matrix.homeserver import Homeserver
from bot.matrix.login import log_in

FOLDER = Path(bench.__file__).parent
PICKLE = b"\x07" * 32


@pytest.mark.parametrize("sealed", [False, True], ids=["clear", "encrypted"])
async def test_our_side_hears_and_answers_three_commands_on_the_stub(tmp_path: Path, sealed: bool) -> None:
    stub = Stub(2, halls=1, sealed=sealed)
    server, url = await serve(stub)
    session = await log_in(url, BOT, "a password", tmp_path / "device", PICKLE)
    ours = Homeserver(session, PICKLE)
    try:
        await ours.start()
        first = await ours.sync(None)
        assert {part.room_id for part in first.rooms} == {private_room(0), private_room(1), hall(0)}
        load = asyncio.create_task(stub.say_all(Load(total=3, in_flight=1)))
        heard: list[tuple[str, str]] = []
        since = first.next_batch
        while not load.done():
            batch = await ours.sync(since, 500)
            await ours.settle_keys()
            since = batch.next_batch
            for part in batch.rooms:
                for event in part.timeline:
                    if isinstance(event, Event) and event.sender != BOT:
                        heard.append((event.sender, event.content["body"]))
                        await ours.send(part.room_id, "m.room.message", {"body": "ok"}, f"answer{len(heard)}")
        told = await load
    finally:
        await ours.close()
        server.close()
    assert heard == [(member(0), COMMANDS[0]), (member(1), COMMANDS[0]), (member(0), COMMANDS[1])]
    assert len(told["latencies"]) == told["sent"] == 3


async def test_the_same_transaction_is_one_answer(tmp_path: Path) -> None:
    stub = Stub(1)
    answers: list[bytes] = []
    for _ in range(2):
        path = f"/_matrix/client/v3/rooms/{private_room(0)}/send/m.room.message/once"
        stub.answer("PUT", path, "", b'{"body":"ok"}', lambda _, body: answers.append(body))
    assert answers[0] == answers[1]
    assert stub.sent == 1


def test_every_module_of_the_bench_says_what_it_is() -> None:
    files = sorted(FOLDER.rglob("*.py"))
    assert len(files) > 10
    assert [file.name for file in files if not ast.get_docstring(ast.parse(file.read_text()))] == []


def test_every_case_has_targets_and_is_known_by_one_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    for case in CASES:
        assert case.ours in case.contestants
        assert case.measure is None or case.measure in case.contestants
        assert any(row.target for row in case.rows)


def measured(case: Case) -> Measured:
    """Return two repetitions between which the machine became twice as slow."""
    found = Measured(case=case, left_out={"absent": "there is no node"})
    found.repetitions = [
        {"measure": {"cpu": 1.0}, "ours": {"cpu": 3.0}},
        {"measure": {"cpu": 2.0}, "ours": {"cpu": 4.0}},
    ]
    return found


def test_ratios_are_taken_inside_one_repetition() -> None:
    ratio = Row(label="CPU ÷ measure", figure="cpu", how=How.RATIO, most=2.5)
    apart = Row(label="CPU − measure", figure="cpu", how=How.DIFFERENCE)
    case = Case(
        name="case",
        ours="ours",
        measure="measure",
        contestants=("measure", "ours", "absent"),
        rows=(ratio, apart),
        stage=None,  # type: ignore[arg-type]
        run=None,  # type: ignore[arg-type]
    )
    found = measured(case)
    assert found.values(ratio, "ours") == [3.0, 2.0]
    assert found.values(apart, "ours") == [2.0, 2.0]
    shown = table([found])
    assert "| case | CPU ÷ measure | **ours** | 2.00 / 2.50 / 3.00 | ≤ 2.5 | reached |" in shown
    assert "absent (there is no node)" in shown
