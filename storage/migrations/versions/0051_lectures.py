"""Lectures: who speaks when and where, which session members come to, and their questions."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("lesson_revisions", sa.Column("lecture", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("occurrences", sa.Column("begins_at", storage.tables.Instant(timezone=True), nullable=True))
    op.create_table(
        "session_choices",
        sa.Column("occurrence_id", sa.String(32), nullable=False),
        sa.Column("member_id", sa.String(32), nullable=False),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(300), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_session_choices_member_id")),
        sa.ForeignKeyConstraint(["occurrence_id"], ["occurrences.id"], name=op.f("fk_session_choices_occurrence_id")),
        sa.PrimaryKeyConstraint("occurrence_id", "member_id", name=op.f("pk_session_choices")),
    )
    op.create_index("ix_session_choices_cause", "session_choices", ["cause"])
    op.create_table(
        "lecture_questions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("occurrence_id", sa.String(32), nullable=False),
        sa.Column("member_id", sa.String(32), nullable=True),
        sa.Column("text", sa.String(300), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_lecture_questions_member_id")),
        sa.ForeignKeyConstraint(["occurrence_id"], ["occurrences.id"], name=op.f("fk_lecture_questions_occurrence_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lecture_questions")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_lecture_questions_occurrence_id", "lecture_questions", ["occurrence_id"])
