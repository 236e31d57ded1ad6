"""What meetings decided, and who does what by when."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "resolutions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("occurrence_id", sa.String(length=32), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("replaces_id", sa.String(length=32), nullable=True),
        sa.Column("yes", sa.Integer(), nullable=True),
        sa.Column("no", sa.Integer(), nullable=True),
        sa.Column("abstained", sa.Integer(), nullable=True),
        sa.Column("expected", sa.Integer(), nullable=True),
        sa.Column("present", sa.Integer(), nullable=True),
        sa.Column("online", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["meetings.occurrence_id"], name=op.f("fk_resolutions_occurrence_id")
        ),
        sa.ForeignKeyConstraint(["replaces_id"], ["resolutions.id"], name=op.f("fk_resolutions_replaces_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resolutions")),
    )
    op.create_index(op.f("ix_resolutions_occurrence_id"), "resolutions", ["occurrence_id"], unique=False)
    op.create_table(
        "meeting_tasks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("occurrence_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_meeting_tasks_member_id")),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["meetings.occurrence_id"], name=op.f("fk_meeting_tasks_occurrence_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_tasks")),
    )
    op.create_index(op.f("ix_meeting_tasks_occurrence_id"), "meeting_tasks", ["occurrence_id"], unique=False)
    op.create_index(op.f("ix_meeting_tasks_member_id"), "meeting_tasks", ["member_id"], unique=False)
