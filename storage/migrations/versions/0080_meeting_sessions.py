"""A meeting can be held in several sessions for people who work in shifts."""

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("meetings", sa.Column("sessions", sa.JSON(), nullable=True))
