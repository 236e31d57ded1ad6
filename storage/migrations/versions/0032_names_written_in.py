"""Names that were written freely in a secret ballot, until its count is certified."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "ballot_write_ins",
        sa.Column("ballot_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("is_sealed", sa.Boolean(), nullable=False),
        sa.Column("meant", sa.String(length=32), nullable=True),
        sa.Column("by_teller", sa.Integer(), nullable=True),
        sa.Column("agreed_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["ballot_id"], ["ballots.id"], name=op.f("fk_ballot_write_ins_ballot_id")),
        sa.PrimaryKeyConstraint("ballot_id", "place", name=op.f("pk_ballot_write_ins")),
        sqlite_with_rowid=False,
    )
