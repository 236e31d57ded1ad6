"""Minutes of meetings, what was reckoned of a roll that is closed, and since when a meeting is at another time."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "meeting_minutes",
        sa.Column("occurrence_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("ended_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("by_user", sa.String(length=255), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["meetings.occurrence_id"], name=op.f("fk_meeting_minutes_occurrence_id")
        ),
        sa.PrimaryKeyConstraint("occurrence_id", "number", name=op.f("pk_meeting_minutes")),
    )
    op.add_column("meetings", sa.Column("moved_at", storage.tables.Instant(timezone=True), nullable=True))
    op.add_column("meetings", sa.Column("figures", sa.JSON(), nullable=True))
