"""Cases, what was done in them and in which rooms, and of what a row of the outbox is about."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    _add_cases()
    _add_sanctions()
    op.add_column("outbox", sa.Column("matter_id", sa.String(length=32), nullable=True))


def _add_cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("opened_by", sa.String(length=255), nullable=False),
        sa.Column("opened_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("touched_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_cases_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("number", name=op.f("uq_cases_number")),
    )
    op.create_index(op.f("ix_cases_organisation_id"), "cases", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_cases_user_id"), "cases", ["user_id"], unique=False)
    op.create_table(
        "case_notes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("by_user", sa.String(length=255), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("is_sealed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_notes_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_notes")),
    )
    op.create_index(op.f("ix_case_notes_case_id"), "case_notes", ["case_id"], unique=False)
    op.create_table(
        "case_evidence",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("sender", sa.String(length=255), nullable=True),
        sa.Column("room_id", sa.String(length=255), nullable=True),
        sa.Column("event_id", sa.String(length=255), nullable=True),
        sa.Column("said_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("added_by", sa.String(length=255), nullable=False),
        sa.Column("added_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("until", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("is_sealed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_evidence_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_evidence")),
    )
    op.create_index(op.f("ix_case_evidence_case_id"), "case_evidence", ["case_id"], unique=False)
    op.create_index(op.f("ix_case_evidence_until"), "case_evidence", ["until"], unique=False)


def _add_sanctions() -> None:
    op.create_table(
        "sanctions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("step", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=12), nullable=False),
        sa.Column("said", sa.String(length=300), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=True),
        sa.Column("by_user", sa.String(length=255), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("until", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("agreed_by", sa.String(length=255), nullable=True),
        sa.Column("ended_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(length=255), nullable=True),
        sa.Column("lifted_why", sa.String(length=500), server_default="", nullable=False),
        sa.Column("appeal", sa.String(length=10), nullable=False),
        sa.Column("appealed_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("appeal_text", sa.LargeBinary(), nullable=True),
        sa.Column("is_sealed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reviewed_by", sa.String(length=255), nullable=True),
        sa.Column("reviewed_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("answer", sa.String(length=500), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_sanctions_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanctions")),
    )
    op.create_index(op.f("ix_sanctions_case_id"), "sanctions", ["case_id"], unique=False)
    op.create_index(op.f("ix_sanctions_user_id"), "sanctions", ["user_id"], unique=False)
    op.create_index("ix_sanctions_state_until", "sanctions", ["state", "until"], unique=False)
    op.create_table(
        "sanction_places",
        sa.Column("sanction_id", sa.String(length=32), nullable=False),
        sa.Column("room_id", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("muted", sa.Integer(), nullable=True),
        sa.Column("why", sa.String(length=12), nullable=True),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["sanction_id"], ["sanctions.id"], name=op.f("fk_sanction_places_sanction_id")),
        sa.PrimaryKeyConstraint("sanction_id", "room_id", name=op.f("pk_sanction_places")),
    )
    op.create_index("ix_sanction_places_room_id", "sanction_places", ["room_id"], unique=False)
