"""What places set about guards, the entries of their lists, and where guards struck."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "guard_settings",
        sa.Column("place", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("place", "name", name=op.f("pk_guard_settings")),
    )
    op.create_table(
        "guard_entries",
        sa.Column("place", sa.String(length=255), nullable=False),
        sa.Column("sort", sa.String(length=10), nullable=False),
        sa.Column("entry", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("place", "sort", "entry", name=op.f("pk_guard_entries")),
    )
    op.create_table(
        "strikes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("room_id", sa.String(length=255), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("guard", sa.String(length=10), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strikes")),
    )
    op.create_table(
        "rehearsals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("room_id", sa.String(length=255), nullable=False),
        sa.Column("until", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("looked", sa.Integer(), nullable=True),
        sa.Column("unread", sa.Integer(), nullable=True),
        sa.Column("struck", sa.Integer(), nullable=True),
        sa.Column("hits", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rehearsals")),
    )
    op.create_index(op.f("ix_rehearsals_until"), "rehearsals", ["until"], unique=False)
    op.create_index(op.f("ix_strikes_user_id"), "strikes", ["user_id"], unique=False)
    op.create_index("ix_strikes_room_id_at", "strikes", ["room_id", "at"], unique=False)
