"""Questions about pledges know when they were hidden, or closed with their pledge, and their numbers are given once."""

import sqlalchemy as sa
from alembic import op

from storage.tables import Instant

revision = "0086"
down_revision = "0085"
branch_labels = None
depends_on = None

_CLOSED = """
UPDATE pledge_questions SET stand = 'closed', settled_at = (
    SELECT MAX(pledge_entries.at) FROM pledge_entries
    WHERE pledge_entries.pledge_id = pledge_questions.pledge_id AND pledge_entries.sort = 'closed'
)
WHERE stand = 'open' AND pledge_id IN (SELECT id FROM pledges WHERE state != 'open')
"""

_ASKED = """
UPDATE pledges SET asked = COALESCE(
    (SELECT MAX(pledge_questions.number) FROM pledge_questions WHERE pledge_questions.pledge_id = pledges.id), 0
)
"""


def upgrade() -> None:
    """Change the tables."""
    op.add_column("pledges", sa.Column("asked", sa.Integer(), server_default="0", nullable=False))
    op.execute(_ASKED)
    op.add_column("pledge_questions", sa.Column("settled_at", Instant(timezone=True), nullable=True))
    op.execute("UPDATE pledge_questions SET settled_at = asked_at, asker_told = NULL WHERE stand = 'hidden'")
    op.execute(_CLOSED)
