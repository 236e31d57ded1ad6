"""Surveys that are asked in chat."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "surveys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("questions", sa.JSON(), nullable=False),
        sa.Column("groups", sa.String(length=32), nullable=False),
        sa.Column("closes_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=True),
        sa.Column("answered", sa.Integer(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_surveys_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_surveys")),
    )
    for name in ("organisation_id", "state"):
        op.create_index(op.f(f"ix_surveys_{name}"), "surveys", [name], unique=False)
    _of_people("survey_people", sa.Column("standing", sa.String(length=8), nullable=False))
    _of_people(
        "survey_answers",
        sa.Column("question", sa.String(length=32), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        key=("question",),
    )


def _of_people(table: str, *columns: sa.Column[str], key: tuple[str, ...] = ()) -> None:
    op.create_table(
        table,
        sa.Column("survey_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["survey_id"], ["surveys.id"], name=op.f(f"fk_{table}_survey_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f(f"fk_{table}_member_id")),
        sa.PrimaryKeyConstraint("survey_id", "member_id", *key, name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f(f"ix_{table}_member_id"), table, ["member_id"], unique=False)
