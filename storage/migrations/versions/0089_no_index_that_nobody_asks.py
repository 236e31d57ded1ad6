"""What decided a place is looked up by the answers; nobody asked the index beside them, which every answer changed."""

from alembic import op

revision = "0089"
down_revision = "0088"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.drop_index("ix_expectations_decided_by", table_name="expectations")
