"""What is said to whoever comes into a room, and who has heard it."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "greetings",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("rules", sa.String(length=1500), nullable=False),
        sa.Column("way", sa.String(length=10), nullable=False),
        sa.Column("by_user", sa.String(length=255), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_greetings_organisation_id")),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_greetings")),
    )
    op.create_table(
        "greeted",
        sa.Column("room_id", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("room_id", "user_id", name=op.f("pk_greeted")),
    )
    op.create_index(op.f("ix_greeted_at"), "greeted", ["at"], unique=False)
