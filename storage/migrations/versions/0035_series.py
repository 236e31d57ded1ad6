"""Rules of more kinds, what was changed about them, and which occurrences were moved by hand."""

import sqlalchemy as sa
from alembic import op

import storage.tables
from content.identifiers import derive

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("schedules", sa.Column("every", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("schedules", sa.Column("nth", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("schedules", sa.Column("off_days", sa.String(length=8), nullable=False, server_default="keep"))
    op.add_column("schedules", sa.Column("changes", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("schedules", sa.Column("former", sa.JSON(), nullable=True))
    op.add_column("schedules", sa.Column("ended_at", storage.tables.Instant(timezone=True), nullable=True))
    op.add_column("occurrences", sa.Column("meant", sa.Date(), nullable=True))
    op.add_column("occurrences", sa.Column("touched", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("occurrences", sa.Column("provisional", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE occurrences SET meant = local_date")
    _mark_those_moved_by_hand()


def _mark_those_moved_by_hand() -> None:
    """Find what does not stand on the day that its rule means: only that day yields its identifier."""
    connection = op.get_bind()
    rows = sa.table("occurrences", *(sa.column(name) for name in ("id", "schedule_id", "state", "touched")))
    day = sa.column("local_date", sa.Date())
    planned = sa.select(rows.c.id, rows.c.schedule_id, day).select_from(rows).where(rows.c.state == "planned")
    moved = [
        id
        for id, rule, on in connection.execute(planned).all()  # noqa: A001
        if derive(rule, "occurrence", on.isoformat()) != id
    ]
    for id in moved:  # noqa: A001
        connection.execute(sa.update(rows).where(rows.c.id == id).values(touched=sa.true()))
