"""Members who are away are registered, and thought reports are kept, sealed under the keys of their authors."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "away",
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("abroad", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=10), nullable=False),
        sa.Column("returns_on", sa.Date(), nullable=True),
        sa.Column("card", sa.String(length=40), nullable=False),
        sa.Column("host", sa.String(length=80), nullable=False),
        sa.Column("contact_id", sa.String(length=32), nullable=True),
        sa.Column("noted_by", sa.String(length=255), nullable=False),
        sa.Column("noted_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("asked_for", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_away_member_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["members.id"], name=op.f("fk_away_contact_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_away")),
    )
    op.create_index(op.f("ix_away_contact_id"), "away", ["contact_id"], unique=False)
    op.create_table(
        "away_contacts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("by_user", sa.String(length=255), nullable=False),
        sa.Column("noted_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_away_contacts_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_away_contacts")),
    )
    op.create_index(op.f("ix_away_contacts_member_id"), "away_contacts", ["member_id"], unique=False)
    op.create_table(
        "thought_reports",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("begun_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("touched_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("handed_in_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("replied_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("replied_by", sa.String(length=255), nullable=True),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("is_sealed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_thought_reports_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thought_reports")),
    )
    op.create_index(op.f("ix_thought_reports_author"), "thought_reports", ["author"], unique=False)
    op.create_index(op.f("ix_thought_reports_handed_in_at"), "thought_reports", ["handed_in_at"], unique=False)
    op.create_index(op.f("ix_thought_reports_member_id"), "thought_reports", ["member_id"], unique=False)
    op.create_table(
        "thought_parts",
        sa.Column("report_id", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("is_sealed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["thought_reports.id"], name=op.f("fk_thought_parts_report_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_thought_parts_member_id")),
        sa.PrimaryKeyConstraint("report_id", "event_id", name=op.f("pk_thought_parts")),
    )
    op.create_index(op.f("ix_thought_parts_member_id"), "thought_parts", ["member_id"], unique=False)
