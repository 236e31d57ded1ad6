"""A series may come on given days after it begins."""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    with op.batch_alter_table("schedules") as batch:
        batch.add_column(sa.Column("on_days", sa.JSON(), nullable=False, server_default="[]"))
