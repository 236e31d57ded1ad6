"""A second pair of eyes on what is planned."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("schedules", sa.Column("review", sa.String(length=10), nullable=False, server_default="approved"))
    op.add_column("schedules", sa.Column("approved", sa.JSON(), nullable=True))
    op.add_column("schedules", sa.Column("reviewed_by", sa.String(length=255), nullable=True))
    op.add_column("schedules", sa.Column("reviewed_at", storage.tables.Instant(timezone=True), nullable=True))
    op.add_column("schedules", sa.Column("review_note", sa.String(length=200), nullable=True))
