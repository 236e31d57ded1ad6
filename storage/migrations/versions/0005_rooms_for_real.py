"""Rooms that are made, adopted and mended; who brought the bot into a room; members who have left."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "invitations",
        sa.Column("room_id", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("direct", sa.Boolean(), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("room_id", name=op.f("pk_invitations")),
    )
    op.create_index("ix_invitations_user_id_at", "invitations", ["user_id", "at"], unique=False)
    op.add_column("outbox", sa.Column("organisation_id", sa.String(length=32), nullable=True))
    op.add_column("outbox", sa.Column("subject", sa.String(length=20), nullable=True))
    op.add_column("members", sa.Column("left_at", storage.tables.Instant(timezone=True), nullable=True))
