"""The command ``zhibu tally``: counts by the rule engine alone, with no settings, no database and no network."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from content.trouble import Exit, Trouble
from zhibu.front import EPILOG, Front

PLACE = click.Path(path_type=Path)
FAILED = 1
"""The exit code when some example was not passed."""


@click.group(epilog=EPILOG, invoke_without_command=True)
@click.option("--vectors", type=PLACE, help="A JSON list of worked examples: each a case and what is expected of it.")
@click.pass_context
def tally(context: click.Context, vectors: Path | None) -> None:
    """Count votes by the rules, on any machine and without a branch.

    With --vectors every example is evaluated and one line of JSON printed for it: id, passed, got, and where it could
    not be evaluated the reason. Ends with 0 when all were passed, with 1 when some were not, and with 2 when the file
    cannot be read.
    """
    if context.invoked_subcommand is not None:
        return
    front = Front()
    if vectors is None:
        click.echo(context.get_help())
        context.exit(int(Exit.USAGE))
    front.run(_evaluate(front, vectors))


async def _evaluate(front: Front, file: Path) -> int:
    passed = True
    for line in judge(front, read_json(file)):
        passed &= line["passed"]
        write_line(line)
    return int(Exit.DONE) if passed else FAILED


def judge(front: Front, examples: object) -> Iterator[Mapping[str, Any]]:
    """Yield what became of each example. Raises Trouble where there is no list of them."""
    from content.election_cases import Unusable, read_case, show_result
    from content.elections import evaluate

    if not isinstance(examples, list):
        raise Trouble(Exit.USAGE, "tally.no_examples")
    for example in examples:
        raw = example if isinstance(example, dict) else {}
        id = raw["case"].get("id") if isinstance(raw.get("case"), dict) else None  # noqa: A001
        try:
            case = read_case(raw.get("case"))
        except Unusable as unusable:
            reason = front.speech.say(unusable.words, front.reader)
            yield {"id": id, "passed": False, "got": None, "reason": reason}
            continue
        got = show_result(evaluate(case.election, case.attendance, case.piles))
        yield {"id": id, "passed": _canonical(got) == _canonical(raw.get("expect")), "got": got}


def _canonical(value: object) -> str:
    """Return a value as text, in which 1 and true are not the same."""
    return json.dumps(value, sort_keys=True)


def read_json(file: Path) -> Any:
    """Return what a JSON file holds. Raises Trouble that says where it cannot be read."""
    try:
        return json.loads(file.read_bytes(), parse_constant=_refuse)
    except OSError as error:
        raise Trouble(Exit.USAGE, "tally.unreadable", file=str(file), why=error.strerror or "") from None
    except json.JSONDecodeError as error:
        place = {"line": error.lineno, "column": error.colno}
        raise Trouble(Exit.USAGE, "tally.no_json", file=str(file), why=error.msg, **place) from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise Trouble(Exit.USAGE, "tally.unreadable", file=str(file), why=type(error).__name__) from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def write_line(value: Mapping[str, Any]) -> None:
    """Print a value as one line of JSON, which half a character in a name does not stop."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.buffer.flush()
