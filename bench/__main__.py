"""Runs the bench: `make bench`, with ARGS="--quick" for a first look and ARGS="--only stub" for a part."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from bench.cases import CASES
from bench.contestants import KEPT, ROOT
from bench.measuring import Measured, measure, record, table, tell

RESULTS = KEPT / "results"
WRITTEN = {ROOT / "docs" / "performance.md": False, ROOT / "README.md": True}
"""The documents that carry the last table, and whether only what we aim for stands there."""

START, END = "<!-- measured -->", "<!-- /measured -->"


def machine() -> str:
    """Return what kind of machine this is, without its name."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = next((int(line.split()[1]) // 1024**2 for line in _lines("/proc/meminfo") if "MemTotal" in line), 0)
    return f"{os.cpu_count()} cores ({cpu}), {memory} GB, {platform.system()}, Python {platform.python_version()}"


def _lines(file: str) -> list[str]:
    path = Path(file)
    return path.read_text().splitlines() if path.exists() else []


async def run(names: list[str], *, repetitions: int, size: float) -> list[Measured]:
    """Measure the cases whose name holds one of the words, all where there is none."""
    chosen = [case for case in CASES if not names or any(word in case.name for word in names)]
    return [await measure(case, repetitions=repetitions, size=size, tell=tell) for case in chosen]


def write(measured: list[Measured], heading: str) -> None:
    """Put the tables into the documents, between their marks."""
    for file, targets_only in WRITTEN.items():
        before, start, rest = file.read_text(encoding="utf-8").partition(START)
        _, end, after = rest.partition(END)
        if start and end:
            shown = table(measured, targets_only=targets_only)
            file.write_text(f"{before}{START}\n{heading}\n\n{shown}\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Measure, print the table, and keep the figures."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--quick", action="store_true", help="one repetition of a fifth of the size")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD", help="cases whose name holds the word")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md and docs/performance.md")
    given = parser.parse_args()
    repetitions, size = (1, 0.2) if given.quick else (given.repetitions, 1.0)
    began = datetime.now(UTC)
    measured = asyncio.run(run(given.only, repetitions=repetitions, size=size))
    kept = {
        "at": began.isoformat(timespec="seconds"),
        "seconds": round((datetime.now(UTC) - began).total_seconds()),
        "machine": machine(),
        "repetitions": repetitions,
        "size": size,
        "cases": record(measured),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    file = RESULTS / f"{began:%Y%m%d-%H%M%S}.json"
    file.write_text(json.dumps(kept, ensure_ascii=False, indent=1))
    part = f" --only {' '.join(given.only)}" if given.only else ""
    chosen = f' ARGS="{(" --quick" * given.quick + part).strip()}"' if given.quick or part else ""
    heading = (
        f"`make bench{chosen}` on {machine()}; {began:%Y-%m-%d}, "
        f"repetitions: {repetitions}, size: {size:g}, {kept['seconds']} s."
    )
    print(f"{heading}\n\n{table(measured)}\n\n{file}")
    if given.write:
        write(measured, heading)


if __name__ == "__main__":
    main()
