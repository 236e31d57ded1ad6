"""What stands of the record: its key, the chain under it, and when all of it was last read through."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from content.trouble import Exit, Trouble
from storage.audit import head
from storage.chain import Head, name_of
from storage.store import Store
from storage.unit import Reading
from storage.verification import Finding as Fault
from storage.verification import begun, begun_at, met, shorter
from zhibu.config import Config
from zhibu.doctor.findings import Finding, Known, Noun, fault, ok, warning
from zhibu.record_key import key_file, noted_heads, read_key, said_head, verified_file

LONG_AGO = timedelta(days=35)
"""After so long the record should be read through again."""


async def look_at_record(known: Known) -> list[Finding]:
    """See that the record is sealed under our key, reaches as far as was noted, and was read through of late."""
    if not known.current:
        return []
    config = known.config
    noted = noted_heads(config)

    async def ask(unit: Reading) -> tuple[tuple[int, str] | None, Head, Fault | None, datetime | None]:
        return await begun(unit), await head(unit), shorter(noted, await met(unit, noted)), await begun_at(unit)

    store = await Store.open(config.database, exclusive=False)
    try:
        began, newest, cut, since = await store.read(ask)
        now = store.now()
    finally:
        await store.close()
    if began is None and not key_file(config).exists():
        return [ok(Noun.RECORD, "doctor.record_not_begun")]
    key = read_key(config)
    if began is None:
        return [ok(Noun.RECORD, "doctor.record_not_begun")]
    if began[1] != name_of(key):
        return [fault(Noun.RECORD, Trouble(Exit.CONFIG, "database.record_other_key"))]
    if cut is not None:
        return [fault(Noun.RECORD, Trouble(Exit.DATA, f"audit.wrong_{cut.wrong}", n=cut.number))]
    at, seal = _verified_at(config), said_head(newest)
    if at is None:
        # A chain that began of late need not have been read through yet.
        grade = ok if since is not None and now - since <= LONG_AGO else warning
        return [grade(Noun.RECORD, "doctor.record_never_verified", head=seal)]
    when = f"{at:%Y-%m-%d %H:%M}"
    if now - at > LONG_AGO:
        return [warning(Noun.RECORD, "doctor.record_verified_long_ago", head=seal, at=when)]
    return [ok(Noun.RECORD, "doctor.record", head=seal, at=when)]


def _verified_at(config: Config) -> datetime | None:
    try:
        return datetime.fromisoformat(json.loads(verified_file(config).read_text(encoding="utf-8"))["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
