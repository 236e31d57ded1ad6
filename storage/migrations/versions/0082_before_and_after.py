"""When an organisation was founded, and how often its forms were held before that was changed."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("organisations", sa.Column("founded_on", sa.Date(), nullable=True))
    op.create_table(
        "former_settings",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("until", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("value", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_former_settings_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "name", "until", name=op.f("pk_former_settings")),
    )
