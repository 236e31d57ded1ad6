"""What a teller was asked to prove."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("ballot_tellers", sa.Column("asked_hash", sa.String(length=64), nullable=True))
