"""Sign-ups: who comes, and which message said so."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "sign_ups",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("room_id", sa.String(length=255), nullable=False),
        sa.Column("activity_id", sa.String(length=32), nullable=True),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("places", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("opened_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("closes_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("closed_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_sign_ups_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ups")),
    )
    op.create_index(op.f("ix_sign_ups_organisation_id"), "sign_ups", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_sign_ups_activity_id"), "sign_ups", ["activity_id"], unique=False)
    op.create_index("ix_sign_ups_room_state", "sign_ups", ["room_id", "state"], unique=False)
    op.create_index("ix_sign_ups_state_closes_at", "sign_ups", ["state", "closes_at"], unique=False)
    op.create_table(
        "sign_up_entries",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("sign_up_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("note", sa.String(length=40), nullable=False),
        sa.Column("brings", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("said_by", sa.String(length=255), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=255), nullable=True),
        sa.Column("returned", sa.Boolean(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("why", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["sign_up_id"], ["sign_ups.id"], name=op.f("fk_sign_up_entries_sign_up_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_sign_up_entries_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_up_entries")),
    )
    op.create_index(op.f("ix_sign_up_entries_sign_up_id"), "sign_up_entries", ["sign_up_id"], unique=False)
    op.create_index(op.f("ix_sign_up_entries_member_id"), "sign_up_entries", ["member_id"], unique=False)
    op.create_table(
        "sign_up_claims",
        sa.Column("sign_up_id", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("entry_id", sa.String(length=32), nullable=False),
        sa.Column("sender", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["sign_up_id"], ["sign_ups.id"], name=op.f("fk_sign_up_claims_sign_up_id")),
        sa.PrimaryKeyConstraint("sign_up_id", "event_id", "entry_id", name=op.f("pk_sign_up_claims")),
    )
    op.create_index(op.f("ix_sign_up_claims_event_id"), "sign_up_claims", ["event_id"], unique=False)
