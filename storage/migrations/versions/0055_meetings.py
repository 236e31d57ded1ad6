"""Meetings, who is named for them, the register of who might vote, and when what was announced begins."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "meetings",
        sa.Column("occurrence_id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("lesson_id", sa.String(length=32), nullable=False),
        sa.Column("form", sa.String(length=12), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("agenda", sa.JSON(), nullable=False),
        sa.Column("place", sa.String(length=100), nullable=False),
        sa.Column("begins_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reminds", sa.Boolean(), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("reminded_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("held_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.Column("closed_at", storage.tables.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["lesson_id"], ["lessons.id"], name=op.f("fk_meetings_lesson_id")),
        sa.ForeignKeyConstraint(["occurrence_id"], ["occurrences.id"], name=op.f("fk_meetings_occurrence_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_meetings_organisation_id")),
        sa.PrimaryKeyConstraint("occurrence_id", name=op.f("pk_meetings")),
    )
    op.create_index(op.f("ix_meetings_begins_at"), "meetings", ["begins_at"], unique=False)
    op.create_table(
        "meeting_people",
        sa.Column("occurrence_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("part", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_meeting_people_member_id")),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["meetings.occurrence_id"], name=op.f("fk_meeting_people_occurrence_id")
        ),
        sa.PrimaryKeyConstraint("occurrence_id", "member_id", "part", name=op.f("pk_meeting_people")),
    )
    op.create_index(op.f("ix_meeting_people_member_id"), "meeting_people", ["member_id"], unique=False)
    op.create_table(
        "meeting_register",
        sa.Column("occurrence_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("may_vote", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("approval", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_meeting_register_member_id")),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["meetings.occurrence_id"], name=op.f("fk_meeting_register_occurrence_id")
        ),
        sa.PrimaryKeyConstraint("occurrence_id", "member_id", name=op.f("pk_meeting_register")),
    )
