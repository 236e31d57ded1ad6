"""The choosing of model members."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "selections",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("nominate_until", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.String(length=12), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("ballot_id", sa.String(length=32), nullable=True),
        sa.Column("decided_by", sa.String(length=255), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("departure", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.String(length=32), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("posted_by", sa.String(length=255), nullable=True),
        sa.Column("posted_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("announced_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_selections_organisation_id")),
        sa.ForeignKeyConstraint(["ballot_id"], ["ballots.id"], name=op.f("fk_selections_ballot_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["members.id"], name=op.f("fk_selections_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_selections")),
    )
    op.create_index(op.f("ix_selections_organisation_id"), "selections", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_selections_stage"), "selections", ["stage"], unique=False)
    op.create_table(
        "selection_nominees",
        sa.Column("selection_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("standing", sa.String(length=12), nullable=False),
        sa.Column("deeds", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opinion", sa.Text(), nullable=False),
        sa.Column("votes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["selection_id"], ["selections.id"], name=op.f("fk_selection_nominees_selection_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_selection_nominees_member_id")),
        sa.PrimaryKeyConstraint("selection_id", "member_id", name=op.f("pk_selection_nominees")),
    )
    op.create_table(
        "selection_nominations",
        sa.Column("selection_id", sa.String(length=32), nullable=False),
        sa.Column("nominee_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("group_id", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["selection_id"], ["selections.id"], name=op.f("fk_selection_nominations_selection_id")
        ),
        sa.ForeignKeyConstraint(["nominee_id"], ["members.id"], name=op.f("fk_selection_nominations_nominee_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_selection_nominations_member_id")),
        sa.ForeignKeyConstraint(["group_id"], ["organisations.id"], name=op.f("fk_selection_nominations_group_id")),
        sa.PrimaryKeyConstraint("selection_id", "nominee_id", "member_id", name=op.f("pk_selection_nominations")),
    )
    op.create_table(
        "selection_objections",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("selection_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("is_sealed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("decided_by", sa.String(length=255), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["selection_id"], ["selections.id"], name=op.f("fk_selection_objections_selection_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_selection_objections_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_selection_objections")),
    )
    op.create_index(
        op.f("ix_selection_objections_selection_id"), "selection_objections", ["selection_id"], unique=False
    )
