"""The card that catches up on a lecture."""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "catch_ups",
        sa.Column("occurrence_id", sa.String(32), nullable=False),
        sa.Column("lesson_id", sa.String(32), nullable=False),
        sa.Column("schedule_id", sa.String(32), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["lesson_id"], ["lessons.id"], name=op.f("fk_catch_ups_lesson_id")),
        sa.ForeignKeyConstraint(["occurrence_id"], ["occurrences.id"], name=op.f("fk_catch_ups_occurrence_id")),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedules.id"], name=op.f("fk_catch_ups_schedule_id")),
        sa.PrimaryKeyConstraint("occurrence_id", name=op.f("pk_catch_ups")),
    )
