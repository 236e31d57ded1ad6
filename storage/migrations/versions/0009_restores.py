"""Restores from a backup."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "restores",
        sa.Column("restored_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("taken_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("restored_at", name=op.f("pk_restores")),
    )
