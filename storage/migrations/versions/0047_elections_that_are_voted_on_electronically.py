"""Elections that are voted on electronically: the letter that allows it, and who is in the room."""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "electronic_elections",
        sa.Column("election_id", sa.String(length=32), nullable=False),
        sa.Column("way", sa.String(length=8), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("dated", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.String(length=255), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("confirmed_by", sa.String(length=255), nullable=True),
        sa.Column("ballot_id", sa.String(length=32), nullable=True),
        sa.Column("counted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.ForeignKeyConstraint(
            ["election_id"], ["paper_elections.id"], name=op.f("fk_electronic_elections_election_id")
        ),
        sa.ForeignKeyConstraint(["ballot_id"], ["ballots.id"], name=op.f("fk_electronic_elections_ballot_id")),
        sa.PrimaryKeyConstraint("election_id", name=op.f("pk_electronic_elections")),
    )
    op.create_index(op.f("ix_electronic_elections_ballot_id"), "electronic_elections", ["ballot_id"], unique=False)
    op.create_table(
        "election_presence",
        sa.Column("election_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["election_id"], ["paper_elections.id"], name=op.f("fk_election_presence_election_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_election_presence_member_id")),
        sa.PrimaryKeyConstraint("election_id", "member_id", name=op.f("pk_election_presence")),
    )
    op.add_column("ballots", sa.Column("present", sa.Integer(), nullable=True))
    op.add_column("ballot_roll", sa.Column("present", sa.Boolean(), nullable=False, server_default=sa.true()))
