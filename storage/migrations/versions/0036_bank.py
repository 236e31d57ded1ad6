"""The question bank."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "bank_items",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("stem", sa.Text(), nullable=False),
        sa.Column("stem_key", sa.String(length=32), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("dated", sa.Date(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("difficulty", sa.String(length=8), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("added_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("withdrawn_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("asked_as", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("correct", sa.Integer(), nullable=False),
        sa.Column("told_answered", sa.Integer(), nullable=False),
        sa.Column("told_correct", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_bank_items_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_items")),
    )
    name = "ix_bank_items_organisation_id_stem_key"
    op.create_index(name, "bank_items", ["organisation_id", "stem_key"], unique=True)
