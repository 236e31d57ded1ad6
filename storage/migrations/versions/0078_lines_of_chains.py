"""Which line of a chain names somebody, so that a name that is corrected there takes the place of the old one."""

import sqlalchemy as sa
from alembic import op

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.add_column("sign_up_claims", sa.Column("line", sa.Integer(), server_default="0", nullable=False))
