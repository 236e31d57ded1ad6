"""No secret and nothing that people say gets into logs, open answers, backups or the wrong file."""

from __future__ import annotations

from pathlib import Path

from tests.faults.canaries import Canary, Flight, leaks


async def test_nothing_that_people_say_and_no_secret_leaves_its_place(tmp_path: Path) -> None:
    """Every level of the logs, what is answered to anybody, a sealed backup, and a start after a kill."""
    flight = Flight(tmp_path)
    await flight.fly()
    assert len(flight.canaries) == 8
    assert list(tmp_path.glob("backups/*"))
    assert (tmp_path / "answer-health.txt").exists()
    assert leaks(tmp_path, flight.canaries) == []
    # The search finds what is there: each of these stands where it may.
    at_home = " ".join(leaks(tmp_path, [Canary(name=one.name, word=one.word) for one in flight.canaries]))
    assert "name in zhibu.db" in at_home
    assert "leave reason in zhibu.db" in at_home


def test_a_planted_leak_would_be_found(tmp_path: Path) -> None:
    canary = Canary(name="free talk", word="丝雀丙话", home=("zhibu.db",))
    planted = {
        "zhibu.db": "丝雀丙话".encode(),
        "plain.log": "he said 丝雀丙话".encode(),
        "escaped.log": b'{"event": "\\u4e1d\\u96c0\\u4e19\\u8bdd"}',
        "asked.log": b"GET /?q=%E4%B8%9D%E9%9B%80%E4%B8%99%E8%AF%9D",
        "clean.log": b"heard",
    }
    for name, content in planted.items():
        (tmp_path / name).write_bytes(content)
    found = ["asked.log", "escaped.log", "plain.log"]
    assert leaks(tmp_path, [canary]) == [f"free talk in {name}" for name in found]
