"""Cleanings: what of whom is taken back in which rooms."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "cleanings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("by_user", sa.String(length=255), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("since", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=12), nullable=False),
        sa.Column("said", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("in_chat", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("ready_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("begun_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("ended_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_cleanings_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cleanings")),
    )
    op.create_index(op.f("ix_cleanings_organisation_id"), "cleanings", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_cleanings_user_id"), "cleanings", ["user_id"], unique=False)
    op.create_table(
        "cleaning_rooms",
        sa.Column("cleaning_id", sa.String(length=32), nullable=False),
        sa.Column("room_id", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("found", sa.Integer(), nullable=True),
        sa.Column("is_more", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("taken_back", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["cleaning_id"], ["cleanings.id"], name=op.f("fk_cleaning_rooms_cleaning_id")),
        sa.PrimaryKeyConstraint("cleaning_id", "room_id", name=op.f("pk_cleaning_rooms")),
    )
