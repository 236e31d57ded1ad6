"""Who stands where, how they are counted and whether they have an account, from an index alone."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_index("ix_members_standing", "members", ["organisation_id", "left_at", "category", "user_id"])
