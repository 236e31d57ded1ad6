"""The migration that takes what committees and talks were about out of lists, and leaves what is everybody's."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from alembic import command
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Time,
    insert,
    select,
)

from storage.engines import WRITE, open_working_engine
from storage.migrate import alembic_config

BEFORE, AFTER = "0071", "0072"
NOW = datetime(2026, 7, 1, 4, tzinfo=UTC)
_USUAL: tuple[tuple[type, Any], ...] = (
    (Boolean, False),
    (Integer, 1),
    (JSON, []),
    (LargeBinary, b""),
    (DateTime, NOW),
    (Date, date(2026, 7, 1)),
    (Time, time(9)),
)


def put(connection: Connection, name: str, /, **given: Any) -> None:
    """Add a row to a table as it was then; what has to be there and is not given is filled in."""
    table = Table(name, MetaData(), autoload_with=connection)
    needed = [one for one in table.columns if not one.nullable and one.server_default is None]
    usual = {one.name: next((value for kind, value in _USUAL if isinstance(one.type, kind)), "x") for one in needed}
    connection.execute(insert(table).values(**(usual | given)))


def plan(connection: Connection, form: str, language: str) -> None:
    """Put down a meeting whose notice went out under its own title."""
    id = f"{form}-{language}"
    put(connection, "lessons", id=id, owner_id=language, kind="event", title="核实XX", pack="", revision=1)
    put(connection, "lesson_revisions", lesson_id=id, revision=1, title="核实XX", body="谈YY")
    put(connection, "schedules", id=id, owner_id=language, audience_id=language)
    sent = {"sent_title": "核实XX"} if language == "zh_CN" else {}
    put(connection, "occurrences", id=id, schedule_id=id, lesson_id=id, audience_id=language, **sent)
    put(connection, "meetings", occurrence_id=id, organisation_id=language, form=form, lesson_id=id)


def titles(connection: Connection) -> dict[str, tuple[str, str, str, str | None]]:
    tables = {name: Table(name, MetaData(), autoload_with=connection) for name in ("lessons", "lesson_revisions")}
    occurrences = Table("occurrences", MetaData(), autoload_with=connection)
    lessons, revisions = tables["lessons"].c, tables["lesson_revisions"].c
    query = select(lessons.id, lessons.title, revisions.title.label("then"), revisions.body, occurrences.c.sent_title)
    found = query.where(revisions.lesson_id == lessons.id, occurrences.c.lesson_id == lessons.id)
    return {row.id: (row.title, row.then, row.body, row.sent_title) for row in connection.execute(found)}


def test_what_committees_and_talks_were_about_is_taken_out_of_lists_and_nothing_else(empty_address: str) -> None:
    engine = open_working_engine(empty_address)
    with engine.connect() as connection:
        connection.execution_options(**WRITE)
        with connection.begin():
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, BEFORE)
            for language in ("zh_CN", "en"):
                put(connection, "organisations", id=language, kind="branch", name=language, language=language)
                for form in ("committee", "talk", "assembly"):
                    plan(connection, form, language)
            command.upgrade(config, AFTER)
            assert titles(connection) == {
                "committee-zh_CN": ("支委会", "支委会", "", "支委会"),
                "talk-zh_CN": ("谈心谈话", "谈心谈话", "", "谈心谈话"),
                "assembly-zh_CN": ("核实XX", "核实XX", "谈YY", "核实XX"),
                "committee-en": ("Committee meeting", "Committee meeting", "", None),
                "talk-en": ("A talk", "A talk", "", None),
                "assembly-en": ("核实XX", "核实XX", "谈YY", None),
            }
    engine.dispose()
