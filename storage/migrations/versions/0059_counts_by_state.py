"""Counts are one row for each occurrence and branch, and for each month of a branch, with a column for each state."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

STATES = ("open", "done", "late", "excused", "made_up", "unanswered", "absent", "not_offered")


def upgrade() -> None:
    """Change the tables."""
    op.drop_index("ix_tallies_branch_date", table_name="tallies")
    occurrence = sa.Column(
        "occurrence_id",
        sa.String(length=32),
        sa.ForeignKey("occurrences.id", name=op.f("fk_tallies_occurrence_id")),
        nullable=False,
    )
    day = sa.Column("local_date", sa.Date(), nullable=False)
    _turn("tallies", [occurrence, _branch("tallies")], [day])
    op.create_index("ix_tallies_branch_date", "tallies", ["branch_id", "local_date"])
    month = sa.Column("month", sa.Date(), nullable=False)
    _turn("branch_months", [_branch("branch_months"), month], [])


def _branch(table: str) -> sa.Column[str]:
    name = op.f(f"fk_{table}_branch_id")
    return sa.Column("branch_id", sa.String(length=32), sa.ForeignKey("organisations.id", name=name), nullable=False)


def _turn(name: str, key: list[sa.Column[Any]], others: list[sa.Column[Any]]) -> None:
    """Build a table of counts anew, from one row for each state; the other columns are alike in all of these."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    # A constraint's name is free again on PostgreSQL only once the table of before is gone.
    primary = f"pk_{name}" if sqlite else f"pk_{name}_anew"
    op.create_table(
        f"{name}_anew",
        *key,
        *others,
        *(sa.Column(state, sa.Integer(), nullable=False) for state in STATES),
        sa.PrimaryKeyConstraint(*(column.name for column in key), name=op.f(primary)),
        sqlite_with_rowid=False,
    )
    named = [column.name for column in key]
    read = [
        *named,
        *(f"max({column.name})" for column in others),
        *(f"sum(CASE WHEN state = '{state}' THEN number ELSE 0 END)" for state in STATES),
    ]
    columns = [*named, *(column.name for column in others), *STATES]
    op.execute(
        f"INSERT INTO {name}_anew ({', '.join(columns)})"  # noqa: S608 - our own names
        f" SELECT {', '.join(read)} FROM {name} GROUP BY {', '.join(named)}"
    )
    op.drop_table(name)
    op.rename_table(f"{name}_anew", name)
    if not sqlite:
        op.execute(f"ALTER TABLE {name} RENAME CONSTRAINT {primary} TO pk_{name}")
