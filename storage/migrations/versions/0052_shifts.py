"""Shifts: in which group somebody works, how the groups take turns, and lessons that go out in several sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("members", sa.Column("shift", sa.String(20), nullable=False, server_default=""))
    op.add_column("schedules", sa.Column("sessions", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("occurrences", sa.Column("session", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "shift_patterns",
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("turns", sa.JSON(), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_shift_patterns_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "since", name=op.f("pk_shift_patterns")),
    )
