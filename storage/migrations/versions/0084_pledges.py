"""Pledges, their history, and what is asked about them."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0084"
down_revision = "0083"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    instant = storage.tables.Instant(timezone=True)
    op.create_table(
        "pledges",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("party", sa.String(length=10), nullable=False),
        sa.Column("group_id", sa.String(length=32), nullable=True),
        sa.Column("person_id", sa.String(length=32), nullable=True),
        sa.Column("owner_id", sa.String(length=32), nullable=True),
        sa.Column("matter", sa.String(length=100), nullable=False),
        sa.Column("measure", sa.String(length=300), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("due_set", sa.Date(), nullable=False),
        sa.Column("updated", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("reminded", sa.Integer(), nullable=False),
        sa.Column("told_on", sa.Date(), nullable=True),
        sa.Column("review", sa.String(length=300), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("made_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_pledges_organisation_id")),
        sa.ForeignKeyConstraint(["group_id"], ["organisations.id"], name=op.f("fk_pledges_group_id")),
        sa.ForeignKeyConstraint(["person_id"], ["members.id"], name=op.f("fk_pledges_person_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["members.id"], name=op.f("fk_pledges_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pledges")),
        sa.UniqueConstraint("organisation_id", "number", name=op.f("uq_pledges_organisation_id_number")),
    )
    op.create_index(op.f("ix_pledges_owner_id"), "pledges", ["owner_id"], unique=False)
    op.create_index("ix_pledges_state_due", "pledges", ["state", "due"], unique=False)
    op.create_table(
        "pledge_entries",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("pledge_id", sa.String(length=32), nullable=False),
        sa.Column("sort", sa.String(length=10), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("by_user", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(["pledge_id"], ["pledges.id"], name=op.f("fk_pledge_entries_pledge_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pledge_entries")),
    )
    op.create_index(op.f("ix_pledge_entries_pledge_id"), "pledge_entries", ["pledge_id"], unique=False)
    op.create_table(
        "pledge_questions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("pledge_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=True),
        sa.Column("event_id", sa.String(length=255), nullable=True),
        sa.Column("named", sa.Boolean(), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("asked_at", instant, nullable=False),
        sa.Column("stand", sa.String(length=10), nullable=False),
        sa.Column("answer", sa.String(length=500), nullable=False),
        sa.Column("answered_at", instant, nullable=True),
        sa.Column("hidden_why", sa.String(length=200), nullable=False),
        sa.Column("owner_told", instant, nullable=True),
        sa.Column("asker_told", instant, nullable=True),
        sa.ForeignKeyConstraint(["pledge_id"], ["pledges.id"], name=op.f("fk_pledge_questions_pledge_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_pledge_questions_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pledge_questions")),
    )
    for column in ("pledge_id", "member_id", "event_id"):
        op.create_index(op.f(f"ix_pledge_questions_{column}"), "pledge_questions", [column], unique=False)
