"""A meeting and a lecture are looked up by when they begin, as the calendar shows them."""

import sqlalchemy as sa
from alembic import op

revision = "0090"
down_revision = "0089"
branch_labels = None
depends_on = None

_BEGINS = sa.text("begins_at IS NOT NULL")


def upgrade() -> None:
    """Change the tables."""
    columns = ["audience_id", "begins_at"]
    op.create_index(
        "ix_occurrences_audience_begins", "occurrences", columns, sqlite_where=_BEGINS, postgresql_where=_BEGINS
    )
