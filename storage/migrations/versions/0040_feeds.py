"""Addresses of calendars to subscribe to."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "feeds",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sort", sa.String(length=8), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("made_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_feeds_organisation_id")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_feeds")),
    )
    op.create_index(op.f("ix_feeds_user_id"), "feeds", ["user_id"], unique=False)
