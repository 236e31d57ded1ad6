"""Open polls."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "polls",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("room_id", sa.String(length=255), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=True),
        sa.Column("starter", sa.String(length=255), nullable=True),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("question", sa.String(length=400), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("disclosed", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("opened_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("closes_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("stopped_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("ended_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("closed_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("edited_late", sa.Boolean(), nullable=False),
        sa.Column("odd_limit", sa.Boolean(), nullable=False),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_polls_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_polls")),
    )
    op.create_index(op.f("ix_polls_organisation_id"), "polls", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_polls_event_id"), "polls", ["event_id"], unique=False)
    op.create_index("ix_polls_room_state", "polls", ["room_id", "state"], unique=False)
    op.create_index("ix_polls_state_closes_at", "polls", ["state", "closes_at"], unique=False)
    op.create_table(
        "poll_responses",
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("poll_id", sa.String(length=32), nullable=False),
        sa.Column("sender", sa.String(length=255), nullable=False),
        sa.Column("sent_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("chosen", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("abstains", sa.Boolean(), nullable=False),
        sa.Column("by_text", sa.Boolean(), nullable=False),
        sa.Column("removed_by", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(["poll_id"], ["polls.id"], name=op.f("fk_poll_responses_poll_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_poll_responses")),
    )
    op.create_index(op.f("ix_poll_responses_poll_id"), "poll_responses", ["poll_id"], unique=False)
    op.add_column("outbox", sa.Column("poll_id", sa.String(length=32), nullable=True))
    op.create_index(op.f("ix_outbox_poll_id"), "outbox", ["poll_id"], unique=False)
    op.add_column("unreadable", sa.Column("refers_to", sa.String(length=255), nullable=True))
    op.create_index(op.f("ix_unreadable_refers_to"), "unreadable", ["refers_to"], unique=False)
