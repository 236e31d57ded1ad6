"""Self-checks in private."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "practice_sessions",
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("queue", sa.JSON(), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_practice_sessions_member_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_practice_sessions")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "practice_items",
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("met_as", sa.Integer(), nullable=False),
        sa.Column("wrong", sa.Boolean(), nullable=False),
        sa.Column("stability", sa.Float(), nullable=True),
        sa.Column("difficulty", sa.Float(), nullable=True),
        sa.Column("reviewed_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("due_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_practice_items_member_id")),
        sa.ForeignKeyConstraint(["item_id"], ["bank_items.id"], name=op.f("fk_practice_items_item_id")),
        sa.PrimaryKeyConstraint("member_id", "item_id", name=op.f("pk_practice_items")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_practice_items_item_id"), "practice_items", ["item_id"], unique=False)
