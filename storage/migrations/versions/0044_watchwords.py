"""The words by which people know the bot."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "watchwords",
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("is_sealed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_watchwords")),
    )
