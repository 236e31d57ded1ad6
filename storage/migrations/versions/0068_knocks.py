"""Who asks from outside to be let into a room, and what became of it."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "knocks",
        sa.Column("room_id", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("answered_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(length=255), nullable=True),
        sa.Column("is_let_in", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("room_id", "user_id", name=op.f("pk_knocks")),
    )
