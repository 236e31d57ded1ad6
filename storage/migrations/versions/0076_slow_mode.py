"""What lies between two messages of one person while a room is in slow mode."""

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("room_locks", sa.Column("gap", sa.Integer(), nullable=True))
