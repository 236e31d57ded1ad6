"""When it cannot be read who somebody is or what they may do, no form of any page changes anything."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage.tables import metadata
from storage.unit import Reading
from tests.bot.test_fail_closed import unreadable
from tests.console.console_house import Browser, House
from tests.console.test_borders import PUBLIC, far_values, path_of, rules


async def count(unit: Reading) -> dict[str, int]:
    """Return how many rows each table has."""
    tables = metadata.sorted_tables
    return {table.name: await unit.value(select(func.count()).select_from(table)) for table in tables}


def forms(house: House) -> dict[str, str]:
    """Return where every form that needs a right is sent to, for things that are there."""
    found = [rule for rule in rules(house.app, "POST") if rule.endpoint not in PUBLIC]
    assert len(found) > 20
    return {rule.endpoint: path_of(rule, far_values(house, rule)) for rule in found}


def statuses(browser: Browser, paths: dict[str, str], marks: dict[str, Any]) -> dict[str, int]:
    """Send every form, and return how each is answered."""
    return {endpoint: browser.post(path, dict(marks)).status_code for endpoint, path in paths.items()}


@pytest.mark.parametrize("error", [OSError("disk I/O error"), PoolTimeout("no answer")], ids=["error", "timeout"])
@pytest.mark.parametrize("table", ["sessions", "duties"])
def test_no_form_is_taken_while_rights_cannot_be_read(
    house: House, browser: Browser, table: str, error: Exception
) -> None:
    """R15: each is answered with an error, and no row is added or lost."""
    marks, paths = browser.marks("/lessons/new"), forms(house)
    before = house.run(house.store.read(count))
    with unreadable(house.store, table, error) as failed:
        answered = statuses(browser, paths, marks)
    assert {status for status in answered.values() if status < 500} == set()
    assert len(failed) >= len(answered)
    assert house.run(house.store.read(count)) == before


@pytest.mark.parametrize(("table", "status"), [("sessions", 303), ("duties", 403)])
def test_no_form_is_taken_of_who_has_no_session_or_no_duty_any_more(
    house: House, browser: Browser, table: str, status: int
) -> None:
    """R15, S64, empty: the way to sign in, or a refusal, which leaves its row of record and nothing else."""
    marks, paths = browser.marks("/lessons/new"), forms(house)
    with house.store._engine.begin() as connection:
        connection.execute(text(f"DELETE FROM {table}"))
    before = house.run(house.store.read(count))
    answered = statuses(browser, paths, marks)
    expected = {status, 400} if table == "sessions" else {status}
    assert {one for one in answered.values() if one not in expected} == set(), answered
    after = house.run(house.store.read(count))
    kept = 0 if table == "sessions" else len(answered)
    assert after == before | {name: before[name] + kept for name in ("audit", "causes")}
