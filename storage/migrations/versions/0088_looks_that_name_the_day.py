"""A look at one of several things of a person, as at a thought report, says by its day which it was."""

import sqlalchemy as sa
from alembic import op

revision = "0088"
down_revision = "0087"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("looks", sa.Column("day", sa.Date(), nullable=True))
