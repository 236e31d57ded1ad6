"""Links to the pages of surveys, and since when people know of a ballot or a survey."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("ballots", sa.Column("told_at", storage.tables.Instant(timezone=True), nullable=True))
    op.add_column("surveys", sa.Column("opened_at", storage.tables.Instant(timezone=True), nullable=True))
    op.create_table(
        "survey_links",
        sa.Column("survey_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("browser_hash", sa.String(length=64), nullable=True),
        sa.Column("expires_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["survey_id"], ["surveys.id"], name=op.f("fk_survey_links_survey_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_survey_links_member_id")),
        sa.PrimaryKeyConstraint("survey_id", "member_id", name=op.f("pk_survey_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_survey_links_token_hash")),
        sa.UniqueConstraint("browser_hash", name=op.f("uq_survey_links_browser_hash")),
        sqlite_with_rowid=False,
    )
