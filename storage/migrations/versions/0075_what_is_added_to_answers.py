"""The few answers to which something was added are found without reading the others."""

import sqlalchemy as sa
from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    noted = sa.text("note IS NOT NULL")
    op.create_index(
        "ix_expectations_noted", "expectations", ["occurrence_id"], sqlite_where=noted, postgresql_where=noted
    )
