"""Whom a room for announcements lets write; and a column of complaints that nothing has written for long goes."""

import sqlalchemy as sa
from alembic import op

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("room_locks", sa.Column("who", sa.String(length=10), nullable=True))
    op.drop_column("complaint_voices", "trace_id")
