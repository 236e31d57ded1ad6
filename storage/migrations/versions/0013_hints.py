"""Who was told that a message of theirs cannot be read."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    instant = storage.tables.Instant(timezone=True)
    op.add_column("unreadable", sa.Column("told_at", instant, nullable=True))
