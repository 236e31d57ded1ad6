"""What is said in words of measures, sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("sanctions", sa.Column("sealed", sa.LargeBinary(), nullable=True))
