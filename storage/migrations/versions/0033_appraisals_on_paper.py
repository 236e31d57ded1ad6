"""What was written down of members in an appraisal that was held on paper."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "paper_grades",
        sa.Column("election_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        *(sa.Column(name, sa.String(length=1), nullable=True) for name in ("own", "mutual", "final", "told")),
        sa.ForeignKeyConstraint(["election_id"], ["paper_elections.id"], name=op.f("fk_paper_grades_election_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_paper_grades_member_id")),
        sa.PrimaryKeyConstraint("election_id", "member_id", name=op.f("pk_paper_grades")),
    )
    op.create_index(op.f("ix_paper_grades_member_id"), "paper_grades", ["member_id"], unique=False)
