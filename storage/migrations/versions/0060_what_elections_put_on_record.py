"""Letters for another day than the end of a term, who presides, written opinions, seats left empty, early closes."""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("paper_elections", sa.Column("off_term", sa.String(length=200), nullable=False, server_default=""))
    op.add_column("paper_elections", sa.Column("empty_by", sa.String(length=10), nullable=True))
    op.add_column("paper_elections", sa.Column("empty_on", sa.Date(), nullable=True))
    op.add_column("paper_elections", sa.Column("empty_reference", sa.String(length=200), nullable=True))
    op.add_column("paper_elections", sa.Column("empty_agreed", sa.Integer(), nullable=True))
    op.create_table(
        "paper_meetings",
        sa.Column("election_id", sa.String(length=32), nullable=False),
        sa.Column("chair_id", sa.String(length=32), nullable=True),
        sa.Column("opinions", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["chair_id"], ["members.id"], name=op.f("fk_paper_meetings_chair_id")),
        sa.ForeignKeyConstraint(["election_id"], ["paper_elections.id"], name=op.f("fk_paper_meetings_election_id")),
        sa.PrimaryKeyConstraint("election_id", name=op.f("pk_paper_meetings")),
    )
    op.add_column("ballots", sa.Column("closed_early", sa.String(length=200), nullable=False, server_default=""))
