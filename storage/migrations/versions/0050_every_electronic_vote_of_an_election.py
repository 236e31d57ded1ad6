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
    op.execute(votes.insert().from_select(COLUMNS, known()))


COLUMNS = ["election_id", "place", "ballot_id", "way", "reference", "dated"]


def known() -> sa.Select[tuple[object, ...]]:
    """Return the votes that are known, each with its letter.

    Of one after which another letter was recorded its own is kept nowhere: rather nothing is said of it than that.
    """
    held = sa.table("electronic_elections", *(sa.column(name) for name in COLUMNS if name != "place"))
    audit = sa.table("audit", *(sa.column(name) for name in ("number", "action", "thing", "outcome")))
    paper, ballot = sa.literal("paper:") + held.c.election_id, sa.literal("ballot:") + held.c.ballot_id
    prepared = (
        sa.select(sa.func.coalesce(sa.func.max(audit.c.number), 0))
        .where(audit.c.thing.in_([paper, ballot]), audit.c.action.like("%electronic_vote_prepared%"))
        .correlate(held)
        .scalar_subquery()
    )
    lettered = (
        sa.select(audit.c.number)
        .where(
            audit.c.thing == paper,
            audit.c.action.like("%consent_recorded%"),
            audit.c.outcome == "done",
            audit.c.number > prepared,
        )
        .correlate(held)
    )
    return sa.select(
        held.c.election_id, sa.literal(1), held.c.ballot_id, held.c.way, held.c.reference, held.c.dated
    ).where(held.c.ballot_id.is_not(None), ~lettered.exists())
