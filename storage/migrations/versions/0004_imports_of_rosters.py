"""Imports of rosters, and the columns of the roster that were not kept before."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXTS = {
    "ethnicity": 30,
    "born": 10,
    "education": 40,
    "degree": 40,
    "working_since": 10,
    "destination": 200,
    "lost_since": 10,
}


def upgrade() -> None:
    """Change the tables."""
    for name, length in TEXTS.items():
        op.add_column("members", sa.Column(name, sa.String(length=length), nullable=False, server_default=""))
    for name in ("floating", "out_of_touch"):
        op.add_column("members", sa.Column(name, sa.Boolean(), nullable=True))
    op.create_table(
        "roster_imports",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("by_user", sa.String(length=255), nullable=True),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("file", sa.String(length=255), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("founded", sa.JSON(), nullable=False),
        sa.Column("undone_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(length=255), nullable=True),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_roster_imports")),
        sa.UniqueConstraint("id", name=op.f("uq_roster_imports_id")),
    )
    op.create_index(op.f("ix_roster_imports_at"), "roster_imports", ["at"], unique=False)
    op.create_table(
        "roster_import_branches",
        sa.Column("import_id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["roster_imports.id"], name=op.f("fk_roster_import_branches_import_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_roster_import_branches_organisation_id")
        ),
        sa.PrimaryKeyConstraint("import_id", "organisation_id", name=op.f("pk_roster_import_branches")),
    )
    op.create_index(
        op.f("ix_roster_import_branches_organisation_id"), "roster_import_branches", ["organisation_id"], unique=False
    )
    op.create_table(
        "roster_import_entries",
        sa.Column("import_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.String(length=32), nullable=False),
        sa.Column("left_id", sa.String(length=32), nullable=True),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["roster_imports.id"], name=op.f("fk_roster_import_entries_import_id")),
        sa.PrimaryKeyConstraint("import_id", "member_id", name=op.f("pk_roster_import_entries")),
    )
