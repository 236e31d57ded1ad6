"""The examination: every look in its order, and what may be mended between two looks at the same thing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from msgspec.structs import replace

from content.trouble import Trouble
from zhibu.config import load_config
from zhibu.doctor.database import look_at_bot, look_at_database
from zhibu.doctor.findings import Finding, Fix, Form, Grade, Known, Noun, fault, ok
from zhibu.doctor.homeserver import (
    look_at_clock,
    look_at_homeserver,
    look_at_keys,
    look_at_limit,
    look_at_login,
    look_at_reports,
)
from zhibu.doctor.machine import look_at_disk, look_at_files, look_at_fonts, look_at_port, look_at_zones
from zhibu.doctor.organisation import look_at_backup, look_at_organisation, look_at_rooms, look_at_workdays
from zhibu.doctor.record import look_at_record
from zhibu.doctor.vault import look_at_vault

Look = Callable[[Known], Awaitable[list[Finding]]]


async def examine(
    file: Path, form: Form = Form.RUN, *, fix: bool = False, admin_token: str = ""
) -> AsyncIterator[Finding]:
    """Yield a finding for each thing that can be looked at and is needed for what is to run here.

    Without settings there is nothing else to look at. With ``fix`` what can be mended safely is, and looked at again;
    without it nothing is changed and no lock is taken. ``admin_token`` is a login of the homeserver's administrator,
    used for the limit only and kept nowhere.
    """
    try:
        config = load_config(file)
    except Trouble as trouble:
        yield fault(Noun.SETTINGS, trouble)
        return
    yield ok(Noun.SETTINGS, "doctor.settings", file=str(file))
    known = Known(config=config, form=form, admin_token=admin_token)
    for noun, look in _LOOKS:
        if noun in _NOT_NEEDED[form]:
            continue
        findings = await _looked(noun, look, known)
        if fix and any(one.mend for one in findings):
            for finding in [await _mended(one) for one in findings if one.mend]:
                yield finding
            findings = await _looked(noun, look, known)
        for finding in findings:
            yield replace(finding, fix=Fix.OFFERED) if finding.mend else finding


async def _looked(noun: Noun, look: Look, known: Known) -> list[Finding]:
    try:
        return await look(known)
    except Trouble as trouble:
        return [fault(noun, trouble)]


async def _mended(finding: Finding) -> Finding:
    """Mend what a finding says, and say what was done, or why it could not be."""
    assert finding.mend is not None
    try:
        said = await finding.mend()
    except Trouble as trouble:
        return Finding(noun=finding.noun, grade=Grade.WARNING, words=trouble.words)
    return Finding(noun=finding.noun, grade=Grade.OK, words=said, fix=Fix.DONE)


_LOOKS: tuple[tuple[Noun, Look], ...] = (
    (Noun.ZONES, look_at_zones),
    (Noun.FILES, look_at_files),
    (Noun.DISK, look_at_disk),
    (Noun.FONTS, look_at_fonts),
    (Noun.DATABASE, look_at_database),
    (Noun.RECORD, look_at_record),
    (Noun.VAULT, look_at_vault),
    (Noun.BOT, look_at_bot),
    (Noun.PORT, look_at_port),
    (Noun.HOMESERVER, look_at_homeserver),
    (Noun.CLOCK, look_at_clock),
    (Noun.KEYS, look_at_keys),
    (Noun.LOGIN, look_at_login),
    (Noun.ORGANISATION, look_at_organisation),
    (Noun.WORKDAYS, look_at_workdays),
    (Noun.ROOMS, look_at_rooms),
    (Noun.LIMIT, look_at_limit),
    (Noun.REPORTS, look_at_reports),
    (Noun.BACKUP, look_at_backup),
)

_NOT_NEEDED: dict[Form, frozenset[Noun]] = {
    Form.RUN: frozenset(),
    Form.BOT: frozenset({Noun.PORT}),
    Form.CONSOLE: frozenset({Noun.HOMESERVER, Noun.KEYS, Noun.LOGIN, Noun.LIMIT, Noun.REPORTS}),
}
