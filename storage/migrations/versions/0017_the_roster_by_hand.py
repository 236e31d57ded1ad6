"""The roster by hand: what was changed, named views, committees, and what organisations set for themselves."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    instant = storage.tables.Instant(timezone=True)
    op.add_column("organisations", sa.Column("closed_at", instant, nullable=True))
    op.add_column("members", sa.Column("merged_into", sa.String(length=32), nullable=True))
    op.drop_index(op.f("ix_members_name"), table_name="members")
    op.create_index("ix_members_name_id", "members", ["name", "id"], unique=False)
    op.create_index("ix_members_phone", "members", ["phone"], unique=False)
    op.create_index(op.f("ix_members_merged_into"), "members", ["merged_into"], unique=False)
    op.create_table(
        "roster_edits",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("sort", sa.String(length=16), nullable=False),
        sa.Column("by_user", sa.String(length=255), nullable=True),
        sa.Column("at", instant, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("other", sa.String(length=200), nullable=False),
        sa.Column("on_day", sa.String(length=10), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("undone_at", instant, nullable=True),
        sa.Column("undone_by", sa.String(length=255), nullable=True),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_roster_edits")),
        sa.UniqueConstraint("id", name=op.f("uq_roster_edits_id")),
    )
    op.create_index(op.f("ix_roster_edits_at"), "roster_edits", ["at"], unique=False)
    op.create_table(
        "roster_edit_places",
        sa.Column("edit_id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("edit_id", "organisation_id", name=op.f("pk_roster_edit_places")),
    )
    op.create_index(
        op.f("ix_roster_edit_places_organisation_id"), "roster_edit_places", ["organisation_id"], unique=False
    )
    op.create_table(
        "roster_edit_entries",
        sa.Column("edit_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("branch_id", sa.String(length=32), nullable=False),
        sa.Column("left_id", sa.String(length=32), nullable=True),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("account", sa.String(length=255), nullable=True),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("edit_id", "member_id", name=op.f("pk_roster_edit_entries")),
    )
    op.create_index(op.f("ix_roster_edit_entries_account"), "roster_edit_entries", ["account"], unique=False)
    op.create_index("ix_roster_edit_entries_member_at", "roster_edit_entries", ["member_id", "at"], unique=False)
    op.create_table(
        "roster_views",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_views")),
    )
    op.create_index(op.f("ix_roster_views_user_id"), "roster_views", ["user_id"], unique=False)
    op.create_table(
        "organisation_settings",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_organisation_settings_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "name", name=op.f("pk_organisation_settings")),
    )
    op.create_table(
        "terms",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("elected_on", sa.Date(), nullable=False),
        sa.Column("years", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_terms_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terms")),
    )
    op.create_index(op.f("ix_terms_organisation_id"), "terms", ["organisation_id"], unique=False)
    op.create_table(
        "term_seats",
        sa.Column("term_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("post", sa.String(length=40), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["term_id"], ["terms.id"], name=op.f("fk_term_seats_term_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_term_seats_member_id")),
        sa.PrimaryKeyConstraint("term_id", "member_id", name=op.f("pk_term_seats")),
    )
    op.create_index(op.f("ix_term_seats_member_id"), "term_seats", ["member_id"], unique=False)
    for name in ("timezone", "language"):
        # What a node has other than the node above it was set there; all else it inherits.
        op.execute(
            f"INSERT INTO organisation_settings (organisation_id, name, value) "  # noqa: S608 - no word from outside
            f"SELECT node.id, '{name}', node.{name} FROM organisations AS node "
            f"LEFT JOIN organisations AS parent ON parent.id = node.parent_id "
            f"WHERE parent.id IS NULL OR parent.{name} <> node.{name}"
        )
