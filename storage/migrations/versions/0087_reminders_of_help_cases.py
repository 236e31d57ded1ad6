"""Since when somebody has a help case, so that its owner too is reminded of the first answer."""

import sqlalchemy as sa
from alembic import op

revision = "0087"
down_revision = "0086"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables; of cases that were taken up before, the owner has it since it came."""
    op.add_column("help_cases", sa.Column("handed_on", sa.Date(), nullable=True))
    op.execute("UPDATE help_cases SET handed_on = received_on WHERE owner IS NOT NULL")
