"""What those who may be written in were called when an electronic vote was prepared."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("electronic_elections", sa.Column("names", sa.JSON(), nullable=True))
