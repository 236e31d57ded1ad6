"""Why something was sent in quiet hours all the same."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("outbox", sa.Column("urgent", sa.String(length=200), nullable=True))
