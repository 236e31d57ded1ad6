"""When an organisation was founded, how often its forms were held before, and meetings asked for in chat."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("organisations", sa.Column("founded_on", sa.Date(), nullable=True))
    op.create_table(
        "former_settings",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("until", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("value", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_former_settings_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "name", "until", name=op.f("pk_former_settings")),
    )
    op.create_table(
        "meeting_drafts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("form", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("plainly", sa.String(length=40), nullable=False),
        sa.Column("agenda", sa.JSON(), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("begins_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_meeting_drafts_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_drafts")),
    )
    op.create_index(op.f("ix_meeting_drafts_at"), "meeting_drafts", ["at"], unique=False)
