"""Dues: what is fixed for each member, a ledger that is only added to, what was handed over, and who asks."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None

FIXED = {
    "dues_assessments": (*("number", "id", "member_id", "organisation_id", "kind", "category", "fen", "since", "at"),),
    "dues_entries": (
        *("number", "id", "member_id", "organisation_id", "sort", "month", "fen", "on_day", "method", "central"),
        *("reverses", "at"),
    ),
    "dues_handovers": (
        *("number", "id", "organisation_id", "since", "through", "on_day", "due_people", "paid_people", "due"),
        *("received", "handed", "reverses", "at"),
    ),
}
"""What is never changed. What stands in words is sealed anew under another key and emptied with a person, and who
entered a row is emptied with them."""


def upgrade() -> None:
    """Change the tables."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    instant = sa.DateTime(timezone=True)

    def text() -> list[sa.Column[Any]]:
        return [
            sa.Column("text", sa.LargeBinary(), nullable=True),
            sa.Column("is_sealed", sa.Boolean(), nullable=False, server_default=sa.false()),
        ]

    def person(table: str) -> sa.ForeignKeyConstraint:
        return sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f(f"fk_{table}_member_id"))

    def place(table: str) -> sa.ForeignKeyConstraint:
        return sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f(f"fk_{table}_organisation_id")
        )

    op.create_table(
        "dues_assessments",
        sa.Column("number", number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("category", sa.String(length=10), nullable=False),
        sa.Column("fen", sa.Integer(), nullable=False),
        sa.Column("since", sa.String(length=7), nullable=False),
        sa.Column("by_user", sa.String(length=255), nullable=False),
        sa.Column("at", instant, nullable=False),
        *text(),
        person("dues_assessments"),
        place("dues_assessments"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_dues_assessments")),
        sa.UniqueConstraint("id", name=op.f("uq_dues_assessments_id")),
    )
    op.create_index(op.f("ix_dues_assessments_member_id"), "dues_assessments", ["member_id"], unique=False)
    op.create_table(
        "dues_entries",
        sa.Column("number", number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("sort", sa.String(length=10), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=True),
        sa.Column("fen", sa.Integer(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("method", sa.String(length=10), nullable=False),
        sa.Column("central", sa.Boolean(), nullable=False),
        sa.Column("reverses", sa.String(length=32), nullable=True),
        sa.Column("by_user", sa.String(length=255), nullable=False),
        sa.Column("at", instant, nullable=False),
        *text(),
        person("dues_entries"),
        place("dues_entries"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_dues_entries")),
        sa.UniqueConstraint("id", name=op.f("uq_dues_entries_id")),
        sa.UniqueConstraint("reverses", name=op.f("uq_dues_entries_reverses")),
    )
    op.create_index(op.f("ix_dues_entries_organisation_id"), "dues_entries", ["organisation_id"], unique=False)
    op.create_index("ix_dues_entries_member_month", "dues_entries", ["member_id", "month"], unique=False)
    op.create_table(
        "dues_handovers",
        sa.Column("number", number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        *(sa.Column(name, sa.Date(), nullable=False) for name in ("since", "through", "on_day")),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("due_people", "paid_people", "due", "received", "handed")
        ),
        sa.Column("reverses", sa.String(length=32), nullable=True),
        sa.Column("by_user", sa.String(length=255), nullable=False),
        sa.Column("at", instant, nullable=False),
        *text(),
        place("dues_handovers"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_dues_handovers")),
        sa.UniqueConstraint("id", name=op.f("uq_dues_handovers_id")),
        sa.UniqueConstraint("reverses", name=op.f("uq_dues_handovers_reverses")),
    )
    op.create_index(op.f("ix_dues_handovers_organisation_id"), "dues_handovers", ["organisation_id"], unique=False)
    op.create_table(
        "dues_reminders",
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("reminder", sa.String(length=8), nullable=False),
        sa.Column("last", sa.String(length=7), nullable=False),
        sa.Column("at", instant, nullable=False),
        person("dues_reminders"),
        sa.PrimaryKeyConstraint("member_id", "reminder", name=op.f("pk_dues_reminders")),
    )
    op.create_table(
        "dues_ways",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("by_user", sa.String(length=255), nullable=False),
        place("dues_ways"),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_dues_ways")),
    )
    op.create_table(
        "dues_questions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("asked_at", instant, nullable=False),
        *text(),
        person("dues_questions"),
        place("dues_questions"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dues_questions")),
    )
    for name in ("member_id", "organisation_id"):
        op.create_index(op.f(f"ix_dues_questions_{name}"), "dues_questions", [name], unique=False)
    for statement in _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgresql():
        op.get_bind().exec_driver_sql(statement)


def _kept(same: str, names: tuple[str, ...]) -> str:
    """Return the condition that columns stay as they are, and that who entered a row stays or is emptied."""
    stays = " AND ".join(f"NEW.{name} {same} OLD.{name}" for name in names)
    return f"{stays} AND (NEW.by_user = OLD.by_user OR NEW.by_user = '')"


def _sqlite() -> list[str]:
    refuse = "BEGIN SELECT RAISE(ABORT, 'the ledger of dues is only added to'); END"
    statements = []
    for table, names in FIXED.items():
        changed = f"BEFORE UPDATE ON {table} WHEN NOT ({_kept('IS', names)})"
        statements.append(f"CREATE TRIGGER {table}_stay {changed} {refuse}")
        statements.append(f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} {refuse}")
    return statements


def _postgresql() -> list[str]:
    statements = []
    for table, names in FIXED.items():
        statements.append(f"""
            CREATE FUNCTION {table}_stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF TG_OP = 'UPDATE' THEN IF {_kept("IS NOT DISTINCT FROM", names)} THEN RETURN NEW; END IF; END IF;
                RAISE EXCEPTION 'the ledger of dues is only added to';
            END $$""")
        when = f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_stay()"
        statements.append(f"CREATE TRIGGER {table}_stay {when}")
        truncated = f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {table}_stay()"
        statements.append(f"CREATE TRIGGER {table}_whole {truncated}")
    return statements
