"""Activities, the sorts that organisations add, and their albums."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "activity_categories",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=12), nullable=False),
        sa.Column("dropped", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_activity_categories_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity_categories")),
    )
    op.create_index(
        op.f("ix_activity_categories_organisation_id"), "activity_categories", ["organisation_id"], unique=False
    )
    op.create_table(
        "activities",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("room_id", sa.String(length=255), nullable=True),
        sa.Column("category", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("place", sa.String(length=100), nullable=False),
        sa.Column("begins_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("about", sa.String(length=500), nullable=False),
        sa.Column("gathers", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=500), nullable=False),
        sa.Column("partners", sa.String(length=100), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("made_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_activities_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activities")),
    )
    op.create_index(op.f("ix_activities_organisation_id"), "activities", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_activities_begins_at"), "activities", ["begins_at"], unique=False)
    op.create_table(
        "activity_photos",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("activity_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=True),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("room_id", sa.String(length=255), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("caption", sa.String(length=500), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("small", sa.LargeBinary(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["activity_id"], ["activities.id"], name=op.f("fk_activity_photos_activity_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_activity_photos_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity_photos")),
    )
    op.create_index(op.f("ix_activity_photos_activity_id"), "activity_photos", ["activity_id"], unique=False)
    op.create_index(op.f("ix_activity_photos_member_id"), "activity_photos", ["member_id"], unique=False)
    op.create_index(op.f("ix_activity_photos_event_id"), "activity_photos", ["event_id"], unique=False)
    op.create_table(
        "activity_notes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("activity_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["activity_id"], ["activities.id"], name=op.f("fk_activity_notes_activity_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_activity_notes_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity_notes")),
    )
    op.create_index(op.f("ix_activity_notes_activity_id"), "activity_notes", ["activity_id"], unique=False)
    op.create_index(op.f("ix_activity_notes_member_id"), "activity_notes", ["member_id"], unique=False)
    op.create_index(op.f("ix_activity_notes_event_id"), "activity_notes", ["event_id"], unique=False)
