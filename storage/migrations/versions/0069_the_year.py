"""Meetings that were held without a notice, and for which end of a term its committee was reminded."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "unannounced_meetings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("form", sa.String(length=12), nullable=False),
        sa.Column("together", sa.Boolean(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("pair", sa.String(length=10), nullable=True),
        sa.Column("due", sa.Integer(), nullable=True),
        sa.Column("present", sa.Integer(), nullable=True),
        sa.Column("recorded_by", sa.String(length=255), nullable=True),
        sa.Column("recorded_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("taken_back_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_unannounced_meetings_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unannounced_meetings")),
    )
    op.create_index(
        op.f("ix_unannounced_meetings_organisation_id"), "unannounced_meetings", ["organisation_id"], unique=False
    )
    op.add_column("terms", sa.Column("reminded_of", sa.Date(), nullable=True))
