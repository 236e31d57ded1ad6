"""The sums of a branch's month are one row with a column for each state, and lie in the order of their key."""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

STATES = ("open", "done", "late", "excused", "made_up", "unanswered", "absent", "not_offered")


def upgrade() -> None:
    """Change the tables."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    key = "pk_branch_months" if sqlite else "pk_branch_months_by_state"
    op.create_table(
        "branch_months_by_state",
        sa.Column("branch_id", sa.String(length=32), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        *(sa.Column(state, sa.Integer(), nullable=False) for state in STATES),
        sa.ForeignKeyConstraint(["branch_id"], ["organisations.id"], name=op.f("fk_branch_months_branch_id")),
        sa.PrimaryKeyConstraint("branch_id", "month", name=op.f(key)),
        sqlite_with_rowid=False,
    )
    sums = ", ".join(f"sum(CASE WHEN state = '{state}' THEN number ELSE 0 END)" for state in STATES)
    op.execute(
        f"INSERT INTO branch_months_by_state (branch_id, month, {', '.join(STATES)})"  # noqa: S608 - our own names
        f" SELECT branch_id, month, {sums} FROM branch_months GROUP BY branch_id, month"
    )
    op.drop_table("branch_months")
    op.rename_table("branch_months_by_state", "branch_months")
    if not sqlite:
        op.execute(f"ALTER TABLE branch_months RENAME CONSTRAINT {key} TO pk_branch_months")
