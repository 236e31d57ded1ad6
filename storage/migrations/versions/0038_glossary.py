"""The glossary."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "glossary_entries",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("term", sa.String(length=40), nullable=False),
        sa.Column("term_key", sa.String(length=200), nullable=False),
        sa.Column("also", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("dated", sa.Date(), nullable=False),
        sa.Column("searched", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("written_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("withdrawn_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_glossary_entries_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_glossary_entries")),
    )
    name = "ix_glossary_entries_organisation_id_term_key"
    op.create_index(name, "glossary_entries", ["organisation_id", "term_key"], unique=True)
