"""Every named place at which a life is let end, and in which part of the tests it is passed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

AT_FIRST_START = (
    "tables.before_commit",
    "login.signed_in_before_store",
    "login.store_before_session",
    "login.session_before_keys",
    "keys.saved_before_upload",
    "keys.uploaded_before_marked",
    "identity.made_before_upload",
    "identity.uploaded_before_vouched",
)
"""Passed by the first life of an installation, in this order."""

AT_WORK = (
    "clock.opened",
    "outbox.claimed_before_send",
    "outbox.sent_before_mark",
    "outbox.marked",
    "store.before_commit",
    "store.after_commit",
    "hearing.heard_before_settled",
    "listening.keys_taken_before_commit",
    "listening.committed_before_keys",
    "keys.shared_before_send",
    "medium.uploaded_before_kept",
    "medium.kept_before_send",
    "private_room.made_before_kept",
    "private_room.kept_before_send",
    "room.made_before_hung",
    "room.hung_before_kept",
    "outbox.looked_before_send",
    "hearing.between_portions",
    "clock.closed",
    "form.settled_before_page",
)
"""Passed by the running program while members talk and lessons go out."""

IN_COMMANDS = (
    "move.proved_before_commit",
    "backup.proved_before_named",
    "backup.named_before_others_go",
    "restore.between_files",
)
"""Passed by commands of the front door."""

IN_UPGRADES = ("upgrade.copied_before_change", "tables.one_changed_before_next")
"""Passed where tables of an earlier revision are changed; tried with every other instant of it in ``upgrades.py``."""

IN_PIECES = ("hearing.gap_read_before_settled", "polls.read_before_counted")
"""Passed only after a minute of the running program, or where a poll has ended; tried by a piece of it."""

IN_MEASURES = (
    "sanction.noted_before_changed",
    "sanction.changed_before_kept",
    "sanction.kept_before_mark",
    "complaint.trace_removed_before_kept",
)
"""Passed while a measure is carried out or undone in a room, and a complaint taken up there; tried in ``tests/bot``."""

IN_BALLOTS = ("store.before_forgetting", "tally.before_file")
"""Passed while a secret ballot is closed, opened and destroyed; tried in ``voting.py``."""

ALL = (*AT_FIRST_START, *AT_WORK, *IN_COMMANDS, *IN_UPGRADES, *IN_PIECES, *IN_MEASURES, *IN_BALLOTS)


def written() -> Iterator[tuple[str, str]]:
    """Yield every place that the program names, with its file."""
    for room in ("content", "storage", "bot", "console", "zhibu"):
        for file in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "crashpoint":
                    (name,) = node.args
                    assert isinstance(name, ast.Constant), f"{file} names a place that is not written out"
                    yield str(name.value), file.relative_to(ROOT).as_posix()
