"""What a rule that goes on by itself planned above a cap, and nobody has decided about yet."""

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("occurrences", sa.Column("over_cap", sa.Boolean(), nullable=False, server_default=sa.false()))
