"""Who looked at whose record."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "looks",
        sa.Column("number", number, autoincrement=True, nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("member_id", sa.String(32)),
        sa.Column("place", sa.String(32)),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_looks")),
    )
    for names in (["member_id"], ["place"], ["at"], ["user_id", "at"]):
        op.create_index(op.f(f"ix_looks_{'_'.join(names)}"), "looks", names)
