"""Lines said for the record of meetings, codes of their venues, and what committees were about taken out of lists."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None


_INNER = {
    ("zh_CN", "committee"): "支委会",
    ("zh_CN", "talk"): "谈心谈话",
    ("en", "committee"): "Committee meeting",
    ("en", "talk"): "A talk",
}
"""What a meeting that is no matter of everyone's is called in lists, as it is when one is called since."""


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "record_lines",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("occurrence_id", sa.String(length=32), nullable=False),
        sa.Column("sort", sa.String(length=12), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("by_user", sa.String(length=255), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_record_lines_member_id")),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["meetings.occurrence_id"], name=op.f("fk_record_lines_occurrence_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_lines")),
    )
    for column in ("occurrence_id", "member_id", "by_user", "at"):
        op.create_index(op.f(f"ix_record_lines_{column}"), "record_lines", [column], unique=False)
    op.add_column("meetings", sa.Column("code_seed", sa.String(length=32), nullable=True))
    _forget_inner_titles()


def _forget_inner_titles() -> None:
    """Take what committees and talks were about out of lists where it stood before their notices had names of forms."""
    meetings = sa.table("meetings", sa.column("lesson_id"), sa.column("form"), sa.column("organisation_id"))
    organisations = sa.table("organisations", sa.column("id"), sa.column("language"))
    lessons = sa.table("lessons", sa.column("id"), sa.column("title"))
    revisions = sa.table("lesson_revisions", sa.column("lesson_id"), sa.column("title"), sa.column("body"))
    occurrences = sa.table("occurrences", sa.column("lesson_id"), sa.column("sent_title"))
    for (language, form), name in _INNER.items():
        inner = (
            sa.select(meetings.c.lesson_id)
            .join(organisations, organisations.c.id == meetings.c.organisation_id)
            .where(meetings.c.form == form, organisations.c.language == language)
        )
        op.execute(lessons.update().where(lessons.c.id.in_(inner)).values(title=name))
        op.execute(revisions.update().where(revisions.c.lesson_id.in_(inner)).values(title=name, body=""))
        sent = occurrences.c.lesson_id.in_(inner) & occurrences.c.sent_title.is_not(None)
        op.execute(occurrences.update().where(sent).values(sent_title=name))
