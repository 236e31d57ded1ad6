"""Pictures in the stems of questions, what is shown of one before it is asked, and as what it was asked."""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("bank_items", sa.Column("picture", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("outbox", sa.Column("picture", sa.String(length=64), nullable=True))
    op.add_column("practice_sessions", sa.Column("asked_as", sa.Integer(), nullable=True))
