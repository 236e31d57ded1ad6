"""Learning hours: what was entered by hand, and what occurrences count as."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "learning_entries",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("form", sa.String(length=12), nullable=False),
        sa.Column("hundredths", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("recorded_by", sa.String(length=255), nullable=False),
        sa.Column("recorded_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("taken_back_by", sa.String(length=255), nullable=True),
        sa.Column("taken_back_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_learning_entries_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learning_entries")),
    )
    op.create_index("ix_learning_entries_member_day", "learning_entries", ["member_id", "on_day"], unique=False)
    op.create_table(
        "learning_counts",
        sa.Column("occurrence_id", sa.String(length=32), nullable=False),
        sa.Column("form", sa.String(length=12), nullable=True),
        sa.Column("hundredths", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["occurrence_id"], ["occurrences.id"], name=op.f("fk_learning_counts_occurrence_id")),
        sa.PrimaryKeyConstraint("occurrence_id", name=op.f("pk_learning_counts")),
    )
