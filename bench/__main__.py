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
from bench.contestants import KEPT
from bench.measuring import Measured, measure, record, table, tell

RESULTS = KEPT / "results"


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


def main() -> None:
    """Measure, print the table, and keep the figures."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--quick", action="store_true", help="one repetition of a fifth of the size")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD", help="cases whose name holds the word")
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
    print(f"{machine()}; {repetitions} repetitions; {kept['seconds']} s\n\n{table(measured)}\n\n{file}")


if __name__ == "__main__":
    main()
