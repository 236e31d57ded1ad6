"""Counts by branch and month, and the local date beside every place and count, filled from what was there."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    for name in ("expectations", "tallies"):
        op.add_column(name, sa.Column("local_date", sa.Date(), nullable=True))
        op.execute(
            f"UPDATE {name} SET local_date ="  # noqa: S608 - our own names
            f" (SELECT local_date FROM occurrences WHERE occurrences.id = {name}.occurrence_id)"
        )
        with op.batch_alter_table(name) as table:
            table.alter_column("local_date", existing_type=sa.Date(), nullable=False)
    op.drop_index("ix_expectations_member_state", table_name="expectations")
    op.create_index("ix_expectations_member_date", "expectations", ["member_id", "local_date", "state", "branch_id"])
    op.create_index("ix_expectations_branch_member", "expectations", ["branch_id", "member_id"])
    op.create_index("ix_tallies_branch_date", "tallies", ["branch_id", "local_date"])
    op.create_table(
        "branch_months",
        sa.Column("branch_id", sa.String(length=32), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["branch_id"], ["organisations.id"], name=op.f("fk_branch_months_branch_id")),
        sa.PrimaryKeyConstraint("branch_id", "month", "state", name=op.f("pk_branch_months")),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    month = "date(local_date, 'start of month')" if sqlite else "CAST(date_trunc('month', local_date) AS date)"
    op.execute(
        "INSERT INTO branch_months (branch_id, month, state, number)"  # noqa: S608 - our own names
        f" SELECT branch_id, {month}, state, sum(number) FROM tallies WHERE number > 0"
        f" GROUP BY branch_id, {month}, state"
    )
    op.drop_index("ix_occurrences_audience_id", table_name="occurrences")
    op.create_index("ix_occurrences_audience_due", "occurrences", ["audience_id", "due_at"])
    op.create_index("ix_cards_branch_id", "cards", ["branch_id"])
    op.create_index("ix_outbox_user_id", "outbox", ["user_id"])
    op.create_index("ix_outbox_organisation_id", "outbox", ["organisation_id"])
    op.create_index("ix_outbox_state_number", "outbox", ["state", "number"])
