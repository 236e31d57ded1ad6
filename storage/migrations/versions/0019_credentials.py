"""Second factors, recovery codes, passwords, how often it was tried; sessions that know how far they are trusted."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables; who is signed in signs in anew."""
    instant = storage.tables.Instant(timezone=True)
    op.create_table(
        "second_factors",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("credential", sa.String(length=1400), nullable=True),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("made_at", instant, nullable=False),
        sa.Column("used_at", instant, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_factors")),
        sa.UniqueConstraint("credential", name=op.f("uq_second_factors_credential")),
    )
    op.create_index(op.f("ix_second_factors_user_id"), "second_factors", ["user_id"], unique=False)
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", instant, nullable=False),
        sa.Column("until", instant, nullable=True),
        sa.Column("used_at", instant, nullable=True),
        sa.PrimaryKeyConstraint("user_id", "place", name=op.f("pk_recovery_codes")),
    )
    op.create_table(
        "passwords",
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("hash", sa.String(length=255), nullable=False),
        sa.Column("chosen_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_passwords")),
    )
    op.create_table(
        "challenges",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("bound_to", sa.String(length=64), nullable=False),
        sa.Column("until", instant, nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_challenges")),
    )
    op.create_table(
        "tries",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("last_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_tries")),
    )
    op.drop_table("sessions")
    op.create_table(
        "sessions",
        sa.Column("id_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("made_at", instant, nullable=False),
        sa.Column("seen_at", instant, nullable=False),
        sa.Column("family", sa.String(length=64), nullable=False),
        sa.Column("level", sa.String(length=12), nullable=False),
        sa.Column("way", sa.String(length=12), nullable=False),
        sa.Column("proved_at", instant, nullable=True),
        sa.Column("client", sa.String(length=60), nullable=False),
        sa.Column("duties", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.create_index(op.f("ix_sessions_family"), "sessions", ["family"], unique=False)
