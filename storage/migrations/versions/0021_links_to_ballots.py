"""Links to ballots, and whether a ballot may be sealed by the server."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("ballots", sa.Column("server_seal", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "ballot_links",
        sa.Column("ballot_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=True),
        sa.Column("expires_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["ballot_id"], ["ballots.id"], name=op.f("fk_ballot_links_ballot_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_ballot_links_member_id")),
        sa.PrimaryKeyConstraint("ballot_id", "member_id", name=op.f("pk_ballot_links")),
        sa.UniqueConstraint("browser_hash", name=op.f("uq_ballot_links_browser_hash")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_ballot_links_token_hash")),
        sqlite_with_rowid=False,
    )
