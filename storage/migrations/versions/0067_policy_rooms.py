"""Policy rooms that are read or held to, and who is kept out because of them."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "policy_lists",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("room_id", sa.String(length=255), nullable=True),
        sa.Column("is_refused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("by_user", sa.String(length=255), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("wanted_by", sa.String(length=255), nullable=True),
        sa.Column("wanted_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("applied_by", sa.String(length=255), nullable=True),
        sa.Column("applied_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=255), nullable=True),
        sa.Column("ended_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_policy_lists_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_lists")),
    )
    op.create_index(op.f("ix_policy_lists_organisation_id"), "policy_lists", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_policy_lists_room_id"), "policy_lists", ["room_id"], unique=False)
    op.create_table(
        "policy_bans",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("list_id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("room_id", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("pattern", sa.String(length=255), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("lifted_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("place", sa.String(length=10), nullable=False),
        sa.Column("is_ours", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("why", sa.String(length=12), nullable=True),
        sa.ForeignKeyConstraint(["list_id"], ["policy_lists.id"], name=op.f("fk_policy_bans_list_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_bans")),
    )
    op.create_index(op.f("ix_policy_bans_list_id"), "policy_bans", ["list_id"], unique=False)
    op.create_index("ix_policy_bans_lifted_at", "policy_bans", ["lifted_at"], unique=False)
    op.create_index(op.f("ix_policy_bans_room_id"), "policy_bans", ["room_id"], unique=False)
    op.create_index(op.f("ix_policy_bans_user_id"), "policy_bans", ["user_id"], unique=False)
