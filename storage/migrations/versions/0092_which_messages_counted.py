"""Which messages counted, for those who change or remove them; why somebody was on leave goes with what they take back.

Of leaves that were asked for before, those said in the clear are known by their cause. An encrypted one is not.
"""

import sqlalchemy as sa
from alembic import op

from storage.tables import Instant

revision = "0092"
down_revision = "0091"
branch_labels = None
depends_on = None

_LEAVES = """
INSERT INTO counted_messages (event_id, room_id, user_id, sort, about, cause, at)
SELECT substr(answers.cause, 7), '', MIN(members.user_id), 'leave', MIN(answers.occurrence_id), answers.cause,
    MIN(answers.at)
FROM answers JOIN members ON members.id = answers.member_id
WHERE answers.cause LIKE 'event:%' AND answers.state = 'excused' AND answers.reason IS NOT NULL
    AND answers.recorded_by IS NULL AND answers.taken_back_at IS NULL AND members.user_id IS NOT NULL
GROUP BY answers.cause
"""


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "counted_messages",
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("room_id", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("sort", sa.String(length=12), nullable=False),
        sa.Column("about", sa.String(length=32), nullable=False),
        sa.Column("cause", sa.String(length=300), nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("told_at", Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_counted_messages")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_counted_messages_user_id"), "counted_messages", ["user_id"])
    op.execute("UPDATE answers SET reason = NULL WHERE taken_back_at IS NOT NULL")
    op.execute(_LEAVES)
