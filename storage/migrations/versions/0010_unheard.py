"""What could not be heard: where it was said, and what became of it at the desk."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    instant = storage.tables.Instant(timezone=True)
    op.add_column("dead_letters", sa.Column("event_id", sa.String(length=255), nullable=True))
    for name in ("asked_at", "tried_at", "aside_at"):
        op.add_column("dead_letters", sa.Column(name, instant, nullable=True))
    op.add_column("gaps", sa.Column("given_up_at", instant, nullable=True))
    op.add_column("gaps", sa.Column("reason", sa.String(length=60), nullable=True))
