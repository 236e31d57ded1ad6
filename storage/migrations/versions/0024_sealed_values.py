"""What of members is sealed, each under a key of their own, and by which master key."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "vaults",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_name", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vaults")),
    )
    op.add_column("members", sa.Column("sealed", sa.LargeBinary()))
    op.add_column("members", sa.Column("sealed_key", sa.LargeBinary()))
    op.add_column("members", sa.Column("phone_mark", sa.String(length=32), nullable=False, server_default=""))
    op.add_column("second_factors", sa.Column("is_sealed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.drop_index("ix_members_phone", "members")
    op.create_index("ix_members_phone_mark", "members", ["phone_mark"])
