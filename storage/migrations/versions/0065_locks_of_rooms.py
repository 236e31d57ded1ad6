"""Locks of rooms, and of what a measure put back whether the room before said it."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("sanction_places", sa.Column("is_moved", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "room_locks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("room_id", sa.String(length=255), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("part", sa.String(length=10), nullable=False),
        sa.Column("by_user", sa.String(length=255), nullable=True),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=True),
        sa.Column("until", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("ended_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=255), nullable=True),
        sa.Column("place", sa.String(length=10), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("why", sa.String(length=12), nullable=True),
        sa.Column("settled_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_room_locks_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_locks")),
    )
    op.create_index(op.f("ix_room_locks_organisation_id"), "room_locks", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_room_locks_room_id"), "room_locks", ["room_id"], unique=False)
    op.create_index("ix_room_locks_state_until", "room_locks", ["state", "until"], unique=False)
