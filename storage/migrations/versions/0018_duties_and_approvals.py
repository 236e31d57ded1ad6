"""Since when and by whom a duty is held, the name of the role that organisers had, and acts that take two."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    instant = storage.tables.Instant(timezone=True)
    op.add_column("duties", sa.Column("granted_at", instant, nullable=True))
    op.add_column("duties", sa.Column("granted_by", sa.String(length=255), nullable=True))
    op.execute("UPDATE duties SET role = 'organising_member' WHERE role = 'organiser'")
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("act", sa.String(length=30), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("detail", sa.String(length=255), nullable=False),
        sa.Column("proposed_by", sa.String(length=255), nullable=False),
        sa.Column("proposed_at", instant, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("decided_by", sa.String(length=255), nullable=True),
        sa.Column("decided_at", instant, nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_approvals_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index(op.f("ix_approvals_organisation_id"), "approvals", ["organisation_id"], unique=False)
