"""Complaints about messages, what is looked at of them for a moment, and how far the homeserver's reports are read."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "complaints",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("opened_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("touched_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("claimed_by", sa.String(length=255), nullable=True),
        sa.Column("claimed_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=255), nullable=True),
        sa.Column("decided_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("case_id", sa.String(length=32), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("is_sealed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_complaints_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaints")),
    )
    op.create_index(op.f("ix_complaints_organisation_id"), "complaints", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_complaints_user_id"), "complaints", ["user_id"], unique=False)
    op.create_index("ix_complaints_state_touched_at", "complaints", ["state", "touched_at"], unique=False)
    op.create_table(
        "complaint_voices",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("complaint_id", sa.String(length=32), nullable=False),
        sa.Column("room_id", sa.String(length=255), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("reporter", sa.String(length=255), nullable=True),
        sa.Column("trace_id", sa.String(length=255), nullable=True),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("is_sealed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_complaint_voices_complaint_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_voices")),
    )
    op.create_index(op.f("ix_complaint_voices_complaint_id"), "complaint_voices", ["complaint_id"], unique=False)
    op.create_index(op.f("ix_complaint_voices_event_id"), "complaint_voices", ["event_id"], unique=False)
    op.create_index(op.f("ix_complaint_voices_reporter"), "complaint_voices", ["reporter"], unique=False)
    op.create_table(
        "complaint_contexts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("voice_id", sa.String(length=32), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("until", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_contexts")),
    )
    op.create_index(op.f("ix_complaint_contexts_until"), "complaint_contexts", ["until"], unique=False)
    op.create_table(
        "report_positions",
        sa.Column("bot", sa.String(length=255), nullable=False),
        sa.Column("newest", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bot", name=op.f("pk_report_positions")),
    )
