"""Lessons that are sent to one person first."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("outbox", sa.Column("lesson_id", sa.String(length=32), nullable=True))
