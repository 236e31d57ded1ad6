"""What each part of the program measured, and the version that it runs."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("heartbeats", sa.Column("measures", sa.JSON()))
    op.add_column("heartbeats", sa.Column("version", sa.String(20)))
