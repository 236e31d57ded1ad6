"""What may go out in quiet hours, what was held or missed, and what became of it."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    instant = storage.tables.Instant(timezone=True)
    op.add_column("schedules", sa.Column("urgent", sa.String(length=200), nullable=False, server_default=""))
    op.add_column("occurrences", sa.Column("planned_for", instant, nullable=True))
    op.add_column("occurrences", sa.Column("note", sa.String(length=200), nullable=True))
    op.add_column("occurrences", sa.Column("told_at", instant, nullable=True))
