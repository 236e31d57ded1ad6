"""Help cases: what members need help with, and what was said in each, sealed."""

import sqlalchemy as sa
from alembic import op

from storage.tables import Instant

revision = "0083"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "help_cases",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=10), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=True),
        sa.Column("user_id", sa.String(length=255), nullable=True),
        sa.Column("owner", sa.String(length=255), nullable=True),
        sa.Column("category", sa.String(length=20), nullable=True),
        sa.Column("answered_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("told_on", sa.Date(), nullable=True),
        sa.Column("asked_at", Instant(), nullable=True),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_help_cases_member_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_help_cases_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_help_cases")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_help_cases_code_hash")),
        sa.UniqueConstraint("organisation_id", "number", name=op.f("uq_help_cases_organisation_id_number")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_help_cases_member_id"), "help_cases", ["member_id"], unique=False)
    op.create_index(op.f("ix_help_cases_user_id"), "help_cases", ["user_id"], unique=False)
    op.create_table(
        "help_case_words",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("sort", sa.String(length=10), nullable=False),
        sa.Column("said_on", sa.Date(), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=True),
        sa.Column("user_id", sa.String(length=255), nullable=True),
        sa.Column("by_user", sa.String(length=255), nullable=True),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("is_sealed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["help_cases.id"], name=op.f("fk_help_case_words_case_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_help_case_words_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_help_case_words")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_help_case_words_case_id"), "help_case_words", ["case_id"], unique=False)
    op.create_index(op.f("ix_help_case_words_member_id"), "help_case_words", ["member_id"], unique=False)
    op.create_table(
        "help_case_numbers",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_help_case_numbers_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_help_case_numbers")),
    )
