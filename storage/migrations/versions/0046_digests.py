"""Digests: when each is due, and what became of it."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "digests",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("sort", sa.String(length=8), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("due_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("fate", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_digests_organisation_id")),
        sa.PrimaryKeyConstraint("organisation_id", "sort", "on_day", name=op.f("pk_digests")),
    )
    op.create_index(op.f("ix_digests_fate"), "digests", ["fate"], unique=False)
