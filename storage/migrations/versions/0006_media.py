"""Videos and documents beside pictures, what the homeserver takes, and corrections of what was sent."""

import json

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "media",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("mimetype", sa.String(length=60), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_media")),
    )
    op.create_table(
        "media_chunks",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["hash"], ["media.hash"], name=op.f("fk_media_chunks_hash")),
        sa.PrimaryKeyConstraint("hash", "place", name=op.f("pk_media_chunks")),
    )
    op.create_table(
        "media_uploads",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("encrypted", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["hash"], ["media.hash"], name=op.f("fk_media_uploads_hash")),
        sa.PrimaryKeyConstraint("hash", "encrypted", name=op.f("pk_media_uploads")),
    )
    op.create_table(
        "upload_limits",
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", storage.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_upload_limits")),
    )
    op.execute(
        "INSERT INTO media (hash, kind, name, mimetype, width, height, size) "
        "SELECT hash, 'picture', name, mimetype, width, height, size FROM pictures"
    )
    # A picture has at most 8 MB, so that one piece for each is still a bearable one.
    op.execute("INSERT INTO media_chunks (hash, place, data) SELECT hash, 0, data FROM pictures")
    op.execute("INSERT INTO media_uploads (hash, encrypted, content) SELECT hash, encrypted, content FROM uploads")
    op.drop_table("uploads")
    op.drop_table("pictures")
    op.execute("ALTER TABLE lesson_revisions RENAME COLUMN pictures TO media")
    _describe()
    for table, column in (
        ("occurrences", sa.Column("layout", sa.JSON(none_as_null=True), nullable=True)),
        ("occurrences", sa.Column("corrected_at", storage.tables.Instant(timezone=True), nullable=True)),
        ("occurrences", sa.Column("correction", sa.String(length=200), nullable=True)),
        ("occurrences", sa.Column("withdrawn_at", storage.tables.Instant(timezone=True), nullable=True)),
        ("occurrences", sa.Column("withdrawal", sa.String(length=200), nullable=True)),
    ):
        op.add_column(table, column)


def _describe() -> None:
    """Say of each picture of a lesson that it is one, and how large."""
    connection = op.get_bind()
    found = connection.execute(sa.text("SELECT hash, size FROM media"))
    sizes = {row.hash: row.size for row in found}
    revisions = connection.execute(sa.text("SELECT lesson_id, revision, media FROM lesson_revisions")).all()
    for row in revisions:
        held = json.loads(row.media) if isinstance(row.media, str) else row.media
        if held:
            told = [
                {**one, "kind": "picture", "size": sizes.get(one["hash"], 0), "seconds": None, "pages": None}
                for one in held
            ]
            change = "UPDATE lesson_revisions SET media = :media WHERE lesson_id = :lesson AND revision = :revision"
            connection.execute(
                sa.text(change).bindparams(sa.bindparam("media", type_=sa.JSON())),
                {"media": told, "lesson": row.lesson_id, "revision": row.revision},
            )
