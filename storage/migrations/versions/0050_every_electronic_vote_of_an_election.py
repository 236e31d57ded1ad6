"""Every electronic vote that was prepared for an election, so that one which came to nothing stays on record too."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables; of each election the vote that it knows is its first."""
    votes = op.create_table(
        "electronic_votes",
        sa.Column("election_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ballot_id", sa.String(length=32), nullable=False),
        sa.Column("way", sa.String(length=8), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("dated", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["election_id"], ["paper_elections.id"], name=op.f("fk_electronic_votes_election_id")),
        sa.ForeignKeyConstraint(["ballot_id"], ["ballots.id"], name=op.f("fk_electronic_votes_ballot_id")),
        sa.PrimaryKeyConstraint("election_id", "place", name=op.f("pk_electronic_votes")),
        sa.UniqueConstraint("ballot_id", name=op.f("uq_electronic_votes_ballot_id")),
    )
    columns = ["election_id", "place", "ballot_id", "way", "reference", "dated"]
    held = sa.table("electronic_elections", *(sa.column(name) for name in columns if name != "place"))
    known = sa.select(
        held.c.election_id, sa.literal(1), held.c.ballot_id, held.c.way, held.c.reference, held.c.dated
    ).where(held.c.ballot_id.is_not(None))
    op.execute(votes.insert().from_select(columns, known))
