"""Answers kept beside each other, corrections, inquiries, silence, and who asked for their data."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STANDING = """
INSERT INTO answers (occurrence_id, member_id, cause, state, at, reason)
SELECT occurrence_id, member_id, decided_by, state, decided_at, reason
FROM expectations WHERE decided_by IS NOT NULL AND decided_at IS NOT NULL
ORDER BY decided_at, occurrence_id, member_id
"""
"""What stands is the only answer that was kept so far."""


def upgrade() -> None:
    """Change the tables."""
    counted = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    instant = storage.tables.Instant(timezone=True)
    op.create_table(
        "answers",
        sa.Column("number", counted, autoincrement=True, nullable=False),
        sa.Column("occurrence_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("cause", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("note", sa.String(length=8), nullable=True),
        sa.Column("recorded_by", sa.String(length=255), nullable=True),
        sa.Column("explanation", sa.String(length=200), nullable=True),
        sa.Column("taken_back_at", instant, nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_answers_member_id")),
        sa.ForeignKeyConstraint(["occurrence_id"], ["occurrences.id"], name=op.f("fk_answers_occurrence_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_answers")),
        sa.UniqueConstraint(
            "member_id", "occurrence_id", "cause", name=op.f("uq_answers_member_id_occurrence_id_cause")
        ),
    )
    op.create_index(op.f("ix_answers_cause"), "answers", ["cause"], unique=False)
    op.execute(STANDING)
    op.create_table(
        "corrections",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("occurrence_id", sa.String(length=32), nullable=True),
        sa.Column("text", sa.String(length=500), nullable=True),
        sa.Column("asked_at", instant, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("answer", sa.String(length=500), nullable=True),
        sa.Column("answered_by", sa.String(length=255), nullable=True),
        sa.Column("answered_at", instant, nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_corrections_member_id")),
        sa.ForeignKeyConstraint(["occurrence_id"], ["occurrences.id"], name=op.f("fk_corrections_occurrence_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_corrections_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index(op.f("ix_corrections_member_id"), "corrections", ["member_id"], unique=False)
    op.create_index("ix_corrections_organisation_state", "corrections", ["organisation_id", "state"], unique=False)
    op.create_table(
        "inquiries",
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("about", sa.String(length=32), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("until", instant, nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "about", name=op.f("pk_inquiries")),
    )
    op.create_table(
        "mutes",
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("since", instant, nullable=False),
        sa.Column("until", instant, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_mutes")),
    )
    op.create_table(
        "misreadings",
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("since", instant, nullable=False),
        sa.Column("last", instant, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_misreadings")),
    )
    op.create_table(
        "disclosures",
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_disclosures")),
    )
    op.add_column("expectations", sa.Column("note", sa.String(length=8), nullable=True))
    op.add_column("expectations", sa.Column("recorded_by", sa.String(length=255), nullable=True))
    op.add_column("outbox", sa.Column("unasked", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("poll_responses", sa.Column("tapped", sa.Boolean(), nullable=False, server_default=sa.false()))
