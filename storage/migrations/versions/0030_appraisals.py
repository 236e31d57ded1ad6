"""What is written down of each member in an appraisal."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "appraisal_grades",
        sa.Column("ballot_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        *[sa.Column(name, sa.String(length=1), nullable=True) for name in ("own", "mutual", "final", "told")],
        sa.ForeignKeyConstraint(["ballot_id"], ["ballots.id"], name=op.f("fk_appraisal_grades_ballot_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_appraisal_grades_member_id")),
        sa.PrimaryKeyConstraint("ballot_id", "member_id", name=op.f("pk_appraisal_grades")),
    )
    op.create_index(op.f("ix_appraisal_grades_member_id"), "appraisal_grades", ["member_id"], unique=False)
