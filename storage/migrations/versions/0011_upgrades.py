"""Rooms that were replaced."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "upgrades",
        sa.Column("room_id", sa.String(length=255), nullable=False),
        sa.Column("replacement", sa.String(length=255), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("doubt", sa.String(length=20), nullable=True),
        sa.Column("followed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_upgrades_room_id")),
        sa.PrimaryKeyConstraint("room_id", name=op.f("pk_upgrades")),
    )
    op.create_index(op.f("ix_upgrades_replacement"), "upgrades", ["replacement"], unique=False)
