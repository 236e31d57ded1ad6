"""The command ``zhibu doctor``: prints what the examination finds, for people or for programs."""

from __future__ import annotations

import json
import logging
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import click

from content.trouble import Exit, Trouble
from zhibu.front import CONFIG, EPILOG, Front
from zhibu.logs import configure_logs
from zhibu.secret_files import OTHERS


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, for programs.")
@click.option(
    "--for",
    "form",
    type=click.Choice(["run", "bot", "console"]),
    default="run",
    show_default=True,
    help="What is to run here: a console needs no homeserver and no secrets, a bot no port.",
)
@click.option("--fix", is_flag=True, help="Mend what can be mended without asking; nothing is ever lost by it.")
@click.option(
    "--admin-token-file",
    type=click.Path(path_type=Path),
    help="A file with the access token of the homeserver's administrator, to see the bot's rate limit and lift it.",
)
@CONFIG
def doctor(file: Path, form: str, as_json: bool, fix: bool, admin_token_file: Path | None) -> None:
    """Look the installation over and say what to do.

    Every line is ok, a warning that should be seen to, or a fault that keeps something from working. Ends with 0
    without a fault, else with the code of the first. Without --fix nothing is changed and no lock is taken, beside a
    running program too.
    """
    front = Front()
    front.run(_doctor(front, file, form, as_json=as_json, fix=fix, token_file=admin_token_file))


async def _doctor(front: Front, file: Path, form: str, *, as_json: bool, fix: bool, token_file: Path | None) -> int:
    configure_logs(logging.ERROR)
    admin_token = _token(token_file) if token_file is not None else ""
    from zhibu.doctor.examination import examine
    from zhibu.doctor.findings import Fix, Form, Grade, Noun, outcome

    findings, records = [], []
    grades = _columns(front.say(f"doctor.grade_{grade}") for grade in Grade)
    nouns = _columns(front.say(f"doctor.noun_{noun}") for noun in Noun)
    async for one in examine(file, Form(form), fix=fix, admin_token=admin_token):
        findings.append(one)
        noun, grade = front.say(f"doctor.noun_{one.noun}"), front.say(f"doctor.grade_{one.grade}")
        said = front.speech.say(one.words, front.reader)
        if as_json:
            record = {"noun": one.noun.value, "grade": one.grade.value, "sentence": said}
            records.append(record | ({"fix": one.fix.value} if one.fix else {}))
        else:
            shown = front.say("doctor.fix_offered", said=said) if one.fix is Fix.OFFERED else said
            click.echo(f"{grades[grade]}  {nouns[noun]}  {shown}")
    if as_json:
        click.echo(json.dumps(records, ensure_ascii=False, indent=2))
    return int(outcome(findings))


def _token(file: Path) -> str:
    """Read a token that only its owner may see, and that is kept nowhere else."""
    try:
        mode, token = file.stat().st_mode, file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise Trouble(Exit.CONFIG, "init.no_secret_file", file=str(file), why=why) from None
    if mode & OTHERS:
        raise Trouble(Exit.CONFIG, "start.open_secrets", files=str(file))
    if not token.isascii() or not token.isprintable() or not token:
        raise Trouble(Exit.CONFIG, "doctor.no_token", file=str(file))
    return token


def _columns(texts: Iterable[str]) -> dict[str, str]:
    """Return texts filled up to one width on a terminal, where a Chinese character takes two places."""
    widths = {text: sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text) for text in texts}
    widest = max(widths.values())
    return {text: text + " " * (widest - width) for text, width in widths.items()}
