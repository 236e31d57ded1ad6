"""The command ``zhibu tally``: counts by the rule engine alone, with no settings, no database and no network."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from content.trouble import Exit, Trouble
from storage.crashpoints import crashpoint
from zhibu.front import EPILOG, Front

T = TypeVar("T")

PLACE = click.Path(path_type=Path)
WRITTEN: dict[str, Any] = {"ensure_ascii": False, "indent": 1, "sort_keys": True}
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


@tally.command(epilog=EPILOG)
@click.option("--ballot", required=True, metavar="ID", help="The ballot, as its page names it.")
@click.option("--tellers", type=click.IntRange(3, 9), default=3, show_default=True, help="How many hold a share.")
@click.option("--needed", type=click.IntRange(2, 9), default=2, show_default=True, help="How many of them it takes.")
@click.option("--into", "folder", type=PLACE, required=True, help="An empty folder, or one that is not there.")
def keys(ballot: str, tellers: int, needed: int, folder: Path) -> None:
    """Make the key of a secret ballot, on a machine without a network: one share for each teller, none kept here.

    Give every teller their share-N.json and nobody else's, bring keys.json to the ballot page, then delete the folder.
    """
    front = Front()
    front.run(_keys(front, ballot, tellers, needed, folder))


async def _keys(front: Front, ballot: str, tellers: int, needed: int, folder: Path) -> int:
    from content.ballot_files import PublicKeys, Share, write_keys, write_share
    from storage.envelopes import hold_ceremony

    if needed > tellers:
        raise Trouble(Exit.USAGE, "tally.more_than_tellers")
    held = hold_ceremony(ballot, needed=needed, among=tellers)
    public = PublicKeys(ballot=ballot, needed=needed, key=held.key, share_keys=held.share_keys)
    files = {"keys.json": write_keys(public)}
    for index, share in held.shares.items():
        files[f"share-{index}.json"] = write_share(Share(ballot=ballot, index=index, share=share))
    _write_all(folder, {name: f"{json.dumps(value)}\n".encode() for name, value in files.items()})
    click.echo(front.say("tally.keys_made", folder=str(folder), n=tellers, needed=needed))
    return int(Exit.DONE)


@tally.command(epilog=EPILOG)
@click.option("--share", "file", type=PLACE, required=True, help="Your share.")
@click.argument("challenge")
def prove(file: Path, challenge: str) -> None:
    """Prove that you hold your share: opens the CHALLENGE of the ballot's page and prints what to write back there."""
    front = Front()
    front.run(_prove(front, file, challenge))


async def _prove(front: Front, file: Path, challenge: str) -> int:
    from content.ballot_files import read_share
    from storage.envelopes import answer

    share = _usable(file, read_share)
    try:
        opened = answer(share.ballot, share.share, bytes.fromhex(challenge))
    except ValueError:
        opened = None
    if opened is None:
        raise Trouble(Exit.DATA, "tally.not_for_this_share")
    click.echo(opened.hex())
    return int(Exit.DONE)


@tally.command("open", epilog=EPILOG)
@click.option("--envelopes", type=PLACE, required=True, help="The closed box, as the ballot's page gives it out.")
@click.option("--share", "shares", type=PLACE, multiple=True, required=True, help="A teller's share; once for each.")
@click.option("--names", type=PLACE, help="The file names.json in which two tellers have said whom names mean.")
@click.option("--into", "folder", type=PLACE, help="An empty folder for the count and the opened papers.")
def open_(envelopes: Path, shares: tuple[Path, ...], names: Path | None, folder: Path | None) -> None:
    """Open a closed box with the tellers' shares and count it, on a machine without a network.

    Where names were written freely and nobody has said yet whom they mean, nothing is counted; the folder then gets a
    file names.json, in which each text is given somebody's entry, the id of a candidate, or "-" for nobody.
    """
    front = Front()
    front.run(_open(front, envelopes, shares, names, folder))


async def _open(front: Front, envelopes: Path, files: tuple[Path, ...], names: Path | None, folder: Path | None) -> int:
    from content.ballot_files import read_box, read_names, read_share, write_names
    from content.counts import describe, figures
    from storage.opening import NamesOpen, NotOpened, open_box

    box = _usable(envelopes, read_box)
    meant = _usable(names, lambda raw: read_names(raw, box)) if names is not None else {}
    try:
        opened = open_box(box, [_usable(file, read_share) for file in files], meant)
    except NotOpened as closed:
        raise Trouble(Exit.DATA, closed.words.key, **closed.words.parameters) from None
    except NamesOpen as found:
        if folder is not None:
            written = json.dumps(write_names(box, found.texts, meant), **WRITTEN)
            _write_all(folder, {"names.json": f"{written}\n".encode()})
        raise Trouble(Exit.DATA, "tally.names_open", n=len(found.texts)) from None
    for line in describe(
        box.title, box.election.pack, box.attendance, opened.result, box.names, box.election.questions
    ):
        click.echo(front.speech.say(line, front.reader))
    if folder is not None:
        hashes = {"manifest": box.manifest_hash, "set": box.set_hash, "opened": opened.hash}
        count = json.dumps({"ballot": box.ballot, "hashes": hashes, "count": figures(opened.result)}, **WRITTEN)
        _write_all(folder, {"count.json": f"{count}\n".encode(), "opened.jsonl": opened.text})
        click.echo(front.say("tally.written", folder=str(folder)))
    return int(Exit.DONE)


def _usable(file: Path, read: Callable[[object], T]) -> T:
    from content.election_cases import Unusable

    try:
        return read(read_json(file))
    except Unusable as unusable:
        raise Trouble(Exit.DATA, "tally.unusable", file=str(file), why=(unusable.words,)) from None


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files that only their owner may read into a folder that was empty; never over another file."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Trouble(Exit.DATA, "tally.not_empty", folder=str(folder))
        for name, data in files.items():
            crashpoint("tally.before_file")
            with open(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
    except OSError as error:
        raise Trouble(Exit.DATA, "tally.not_written", folder=str(folder), why=error.strerror or "") from None


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
