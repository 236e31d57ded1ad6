"""Secret ballots."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "ballots",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("parent_id", sa.String(length=32), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("election", sa.JSON(), nullable=False),
        sa.Column("write_in", sa.String(length=8), nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("closes_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("voided", sa.String(length=10), nullable=True),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("turnout", sa.Integer(), nullable=True),
        sa.Column("flag", sa.String(length=24), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("roll_sha256", sa.String(length=64), nullable=False),
        sa.Column("set_sha256", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_ballots_organisation_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["ballots.id"], name=op.f("fk_ballots_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ballots")),
    )
    op.create_index(op.f("ix_ballots_organisation_id"), "ballots", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_ballots_state"), "ballots", ["state"], unique=False)
    op.create_table(
        "ballot_candidates",
        sa.Column("ballot_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("paper_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("introduction", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["ballot_id"], ["ballots.id"], name=op.f("fk_ballot_candidates_ballot_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_ballot_candidates_member_id")),
        sa.PrimaryKeyConstraint("ballot_id", "place", name=op.f("pk_ballot_candidates")),
    )
    op.create_table(
        "ballot_tellers",
        sa.Column("ballot_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("share_key", sa.LargeBinary(), nullable=False),
        sa.Column("proven", sa.Boolean(), nullable=False),
        sa.Column("destroyed_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["ballot_id"], ["ballots.id"], name=op.f("fk_ballot_tellers_ballot_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_ballot_tellers_member_id")),
        sa.PrimaryKeyConstraint("ballot_id", "number", name=op.f("pk_ballot_tellers")),
    )
    op.create_table(
        "ballot_seconds",
        sa.Column("ballot_id", sa.String(length=32), nullable=False),
        sa.Column("step", sa.String(length=8), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["ballot_id"], ["ballots.id"], name=op.f("fk_ballot_seconds_ballot_id")),
        sa.PrimaryKeyConstraint("ballot_id", name=op.f("pk_ballot_seconds")),
    )
    op.create_table(
        "ballot_roll",
        sa.Column("ballot_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("may_vote", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("approval", sa.String(length=200), nullable=False),
        sa.Column("slot", sa.String(length=32), nullable=True),
        sa.Column("voted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["ballot_id"], ["ballots.id"], name=op.f("fk_ballot_roll_ballot_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_ballot_roll_member_id")),
        sa.PrimaryKeyConstraint("ballot_id", "member_id", name=op.f("pk_ballot_roll")),
        sa.UniqueConstraint("slot", name=op.f("uq_ballot_roll_slot")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ballot_envelopes",
        sa.Column("ballot_id", sa.String(length=32), nullable=False),
        sa.Column("slot", sa.String(length=32), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(box) % 512 = 48", name=op.f("ck_ballot_envelopes_length")),
        sa.ForeignKeyConstraint(["ballot_id"], ["ballots.id"], name=op.f("fk_ballot_envelopes_ballot_id")),
        sa.PrimaryKeyConstraint("ballot_id", "slot", name=op.f("pk_ballot_envelopes")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ballot_results",
        sa.Column("ballot_id", sa.String(length=32), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("opened_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["ballot_id"], ["ballots.id"], name=op.f("fk_ballot_results_ballot_id")),
        sa.PrimaryKeyConstraint("ballot_id", name=op.f("pk_ballot_results")),
    )
