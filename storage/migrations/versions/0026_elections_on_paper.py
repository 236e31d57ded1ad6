"""Elections on paper."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "paper_elections",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("parent_id", sa.String(length=32), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("election", sa.JSON(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("consent", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("present", sa.Integer(), nullable=True),
        sa.Column("issued", sa.Integer(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("certified_on", sa.Date(), nullable=True),
        sa.Column("reported_on", sa.Date(), nullable=True),
        sa.Column("report", sa.String(length=200), nullable=False),
        sa.Column("approved_on", sa.Date(), nullable=True),
        sa.Column("approval", sa.String(length=200), nullable=False),
        sa.Column("why_void", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_paper_elections_organisation_id")
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["paper_elections.id"], name=op.f("fk_paper_elections_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_elections")),
    )
    op.create_index(op.f("ix_paper_elections_organisation_id"), "paper_elections", ["organisation_id"], unique=False)
    op.create_table(
        "paper_candidates",
        sa.Column("election_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("paper_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("introduction", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["election_id"], ["paper_elections.id"], name=op.f("fk_paper_candidates_election_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_paper_candidates_member_id")),
        sa.PrimaryKeyConstraint("election_id", "place", name=op.f("pk_paper_candidates")),
    )
    op.create_table(
        "paper_counts",
        sa.Column("election_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("agreed_id", sa.String(length=32), nullable=True),
        sa.Column("counted", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["agreed_id"], ["members.id"], name=op.f("fk_paper_counts_agreed_id")),
        sa.ForeignKeyConstraint(["election_id"], ["paper_elections.id"], name=op.f("fk_paper_counts_election_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_paper_counts_member_id")),
        sa.PrimaryKeyConstraint("election_id", "place", name=op.f("pk_paper_counts")),
    )
    op.create_table(
        "paper_officers",
        sa.Column("election_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("office", sa.String(length=10), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(["election_id"], ["paper_elections.id"], name=op.f("fk_paper_officers_election_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_paper_officers_member_id")),
        sa.PrimaryKeyConstraint("election_id", "member_id", name=op.f("pk_paper_officers")),
    )
    op.create_table(
        "paper_roll",
        sa.Column("election_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("may_vote", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("approval", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["election_id"], ["paper_elections.id"], name=op.f("fk_paper_roll_election_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_paper_roll_member_id")),
        sa.PrimaryKeyConstraint("election_id", "member_id", name=op.f("pk_paper_roll")),
    )
